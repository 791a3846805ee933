"""Where runs live: records in SQLite, readable files beside it.

The database decides; the files are for people and for the child processes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rewardsmith.errors import UserError
from rewardsmith.records import Baseline, Candidate, Generation
from rewardsmith.store.appended import Appended
from rewardsmith.store.database import DATABASE
from rewardsmith.store.rows import FORMAT_VERSION, Call, InitialReward, RunRecord
from rewardsmith.store.schema import baselines as _baselines
from rewardsmith.store.schema import candidates as _candidates
from rewardsmith.store.schema import generations as _generations
from rewardsmith.store.schema import runs as _runs

__all__ = ["DATABASE", "FORMAT_VERSION", "Call", "InitialReward", "RunRecord", "Store"]


class Store(Appended):
    """The runs under one directory. Open it once; it is cheap."""

    # --- runs ---

    def create_run(self, **parts: Any) -> RunRecord:
        """A new run with its folder; `parts` are the fields of RunRecord but id and time."""
        now = dt.datetime.now(dt.UTC)
        slug = re.sub(r"[^a-z0-9]+", "-", parts["task"].env.lower()).strip("-")[:24]
        name = f"{now:%Y%m%d-%H%M%S}-{slug}-{secrets.token_hex(2)}"
        run = RunRecord(id=name, created_at=now.isoformat(timespec="seconds"), **parts)
        with self.begin() as db:
            db.execute(
                _runs.insert().values(
                    id=run.id, created_at=run.created_at, record=run.model_dump_json()
                )
            )
        self.folder(run.id).mkdir()
        return run

    def save_run(self, run: RunRecord) -> None:
        """Store the run's new state."""
        with self.begin() as db:
            db.execute(
                _runs.update().where(_runs.c.id == run.id).values(record=run.model_dump_json())
            )

    def run(self, name: str) -> RunRecord:
        """The run called `name`, by a unique beginning or ending of it, or "last".

        The last one is never one that stands beside another as an arm.
        """
        query = sa.select(_runs.c.id, _runs.c.record).order_by(_runs.c.created_at, _runs.c.id)
        with self.begin() as db:
            rows = db.execute(query).all()
        if not rows:
            raise UserError(f"no runs in {self.runs_dir}")
        found = [row for row in rows if row.id == name] or [
            row for row in rows if row.id.startswith(name) or row.id.endswith(name)
        ]
        if name == "last":
            return next(
                run for row in reversed(rows) if not (run := _run_record(row.record)).arm_of
            )
        if len(found) != 1:
            problem = "is not a run" if not found else f"fits {len(found)} runs"
            raise UserError(f"{name!r} {problem}; `rewardsmith runs list` shows them")
        return _run_record(found[0].record)

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first."""
        query = sa.select(_runs.c.record).order_by(_runs.c.created_at, _runs.c.id)
        with self.begin() as db:
            return [_run_record(text) for text in db.scalars(query)]

    def folder(self, run_id: str) -> Path:
        """The folder of a run's files."""
        return self.runs_dir / run_id

    def candidate_folder(self, run_id: str, candidate: Candidate) -> Path:
        """`r01/c03` of the run's folder."""
        return self.folder(run_id) / candidate.folder

    # --- candidates, generations, baselines ---

    def save_candidate(self, run_id: str, candidate: Candidate) -> None:
        """Store a candidate's new state."""
        self.put(_candidates, run_id, candidate.id, candidate)

    def candidates(self, run_id: str, generation: int | None = None) -> list[Candidate]:
        """The run's candidates in the order they were made."""
        found = [Candidate.model_validate_json(text) for text in self.all(_candidates, run_id)]
        chosen = [c for c in found if generation is None or c.generation == generation]
        return sorted(chosen, key=lambda c: (c.generation, c.index))

    def commit_generation(self, run_id: str, generation: Generation) -> None:
        """Close a round; it is never entered again."""
        self.put(_generations, run_id, f"{generation.index:04d}", generation)

    def generations(self, run_id: str) -> list[Generation]:
        """The committed rounds in order."""
        return [Generation.model_validate_json(text) for text in self.all(_generations, run_id)]

    def save_baseline(self, run_id: str, baseline: Baseline) -> None:
        """Store a baseline's new state."""
        self.put(_baselines, run_id, baseline.name, baseline)

    def baselines(self, run_id: str) -> list[Baseline]:
        """The run's baselines by name."""
        return [Baseline.model_validate_json(text) for text in self.all(_baselines, run_id)]


def _run_record(text: str) -> RunRecord:
    version = json.loads(text).get("format_version")
    if version != FORMAT_VERSION:
        raise UserError(
            f"this run was written in format {version}, this rewardsmith reads {FORMAT_VERSION}"
        )
    return RunRecord.model_validate_json(text)
