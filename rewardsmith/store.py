"""Where runs live: records in SQLite, readable files beside it.

Every write is committed with synchronous=FULL before it is acknowledged. The database decides;
the files are for people and for the child processes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from rewardsmith.commands import Command
from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError
from rewardsmith.records import (
    Baseline,
    Candidate,
    CheckedReward,
    Generation,
    Layer,
    Record,
    RunStatus,
    TaskSpec,
)
from rewardsmith.votes import Vote

FORMAT_VERSION = 1
_SCHEMA = 2
"""Of the database, in its `user_version`: 0 had no votes (and no number), 2 has them."""
DATABASE = "rewardsmith.db"

_meta = sa.MetaData()
_runs = sa.Table(
    "runs",
    _meta,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)


def _part(name: str) -> sa.Table:
    return sa.Table(
        name,
        _meta,
        sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("record", sa.Text, nullable=False),
    )


_candidates, _generations, _baselines = (
    _part("candidates"),
    _part("generations"),
    _part("baselines"),
)
_calls = sa.Table(
    "calls",
    _meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("slot", sa.String, nullable=False),
    sa.Column("request_hash", sa.String, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("reply", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("asked_at", sa.String, nullable=False),
)
_commands = sa.Table(
    "commands",
    _meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("asked_at", sa.String, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
)
_votes = sa.Table(
    "votes",
    _meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.UniqueConstraint("run", "id"),
)


class InitialReward(Record):
    """A reward that the user brought; its text is kept, so that a resume needs no file."""

    name: str
    code: str


class RunRecord(Record):
    """One run: what was asked, with which settings, and how far it came."""

    id: str
    kind: Literal["search", "train"] = "search"
    """`train`: one given reward on given seeds, no search."""
    cell: str = ""
    """By what the sweep that it belongs to finds it again; "" for a run of its own."""
    format_version: int = FORMAT_VERSION
    created_at: str
    status: RunStatus = RunStatus.RUNNING
    task: TaskSpec
    config: RunConfig
    proposer: str
    """The model's name, or "offline baseline"."""
    init: tuple[InitialReward, ...] = ()
    compare: CheckedReward | None = None
    """The user's own reward that the best is compared with."""
    layers: tuple[Layer, ...] = ()
    """The jail's layers when the run began."""
    versions: dict[str, str] = {}
    train_seeds: tuple[int, ...] = ()
    """Of a `train` run."""
    finalists: tuple[str, ...] = ()
    best: str | None = None
    arm: str = ""
    """The run that searches beside this one without iterating."""
    arm_of: str = ""
    """The run that this one stands beside."""
    wall_s: float = 0.0


class Call(Record):
    """One request to a model: the intent is stored before it is sent, the reply as it comes."""

    id: int
    slot: str
    request: str
    request_hash: str
    reply: str | None
    error: str | None
    asked_at: str


class Store:
    """The runs under one directory. Open it once; it is cheap."""

    def __init__(self, runs_dir: Path, *, create: bool = True) -> None:
        self.runs_dir = runs_dir.resolve()
        if not create and not (self.runs_dir / DATABASE).exists():
            raise UserError(f"no runs in {runs_dir}")
        try:
            self.runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {runs_dir}: {error.strerror}") from None
        self._engine = sa.create_engine(f"sqlite:///{self.runs_dir / DATABASE}")
        sa.event.listen(self._engine, "connect", _durable)
        try:
            version = self._upgrade()
        except DBAPIError as error:
            raise UserError(f"cannot open the store in {runs_dir}: {error.orig}") from None
        if version > _SCHEMA:
            raise UserError(f"the store in {runs_dir} was written by a newer rewardsmith")

    def close(self) -> None:
        """Let go of the database's file."""
        self._engine.dispose()

    # --- runs ---

    def create_run(self, **parts: Any) -> RunRecord:
        """A new run with its folder; `parts` are the fields of RunRecord but id and time."""
        now = dt.datetime.now(dt.UTC)
        slug = re.sub(r"[^a-z0-9]+", "-", parts["task"].env.lower()).strip("-")[:24]
        name = f"{now:%Y%m%d-%H%M%S}-{slug}-{secrets.token_hex(2)}"
        run = RunRecord(id=name, created_at=now.isoformat(timespec="seconds"), **parts)
        with self._begin() as db:
            db.execute(
                _runs.insert().values(
                    id=run.id, created_at=run.created_at, record=run.model_dump_json()
                )
            )
        self.folder(run.id).mkdir()
        return run

    def save_run(self, run: RunRecord) -> None:
        """Store the run's new state."""
        with self._begin() as db:
            db.execute(
                _runs.update().where(_runs.c.id == run.id).values(record=run.model_dump_json())
            )

    def run(self, name: str) -> RunRecord:
        """The run called `name`, by a unique beginning or ending of it, or "last".

        The last one is never one that stands beside another as an arm.
        """
        query = sa.select(_runs.c.id, _runs.c.record).order_by(_runs.c.created_at, _runs.c.id)
        with self._begin() as db:
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
        with self._begin() as db:
            return [_run_record(text) for text in db.scalars(query)]

    def folder(self, run_id: str) -> Path:
        """The folder of a run's files."""
        return self.runs_dir / run_id

    def candidate_folder(self, run_id: str, candidate: Candidate) -> Path:
        """`r01/c03` of the run's folder."""
        return self.folder(run_id) / f"r{candidate.generation:02d}" / f"c{candidate.index:02d}"

    # --- candidates, generations, baselines ---

    def save_candidate(self, run_id: str, candidate: Candidate) -> None:
        """Store a candidate's new state."""
        self._put(_candidates, run_id, candidate.id, candidate)

    def candidates(self, run_id: str, generation: int | None = None) -> list[Candidate]:
        """The run's candidates in the order they were made."""
        found = [Candidate.model_validate_json(text) for text in self._all(_candidates, run_id)]
        chosen = [c for c in found if generation is None or c.generation == generation]
        return sorted(chosen, key=lambda c: (c.generation, c.index))

    def commit_generation(self, run_id: str, generation: Generation) -> None:
        """Close a round; it is never entered again."""
        self._put(_generations, run_id, f"{generation.index:04d}", generation)

    def generations(self, run_id: str) -> list[Generation]:
        """The committed rounds in order."""
        return [Generation.model_validate_json(text) for text in self._all(_generations, run_id)]

    def save_baseline(self, run_id: str, baseline: Baseline) -> None:
        """Store a baseline's new state."""
        self._put(_baselines, run_id, baseline.name, baseline)

    def baselines(self, run_id: str) -> list[Baseline]:
        """The run's baselines by name."""
        return [Baseline.model_validate_json(text) for text in self._all(_baselines, run_id)]

    # --- calls to models ---

    def intend_call(self, run_id: str, slot: str, request_hash: str, request: str) -> int:
        """Note durably that a request is about to be sent; returns the call's id."""
        with self._begin() as db:
            inserted = db.execute(
                _calls.insert().values(
                    run=run_id,
                    slot=slot,
                    request_hash=request_hash,
                    request=request,
                    asked_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                )
            )
        return int(inserted.lastrowid)

    def finish_call(self, call_id: int, *, reply: str | None, error: str | None) -> None:
        """Store what came back."""
        with self._begin() as db:
            db.execute(
                _calls.update().where(_calls.c.id == call_id).values(reply=reply, error=error)
            )

    def stored_reply(self, run_id: str, slot: str, request_hash: str) -> str | None:
        """The reply that this slot was already given to this very request."""
        query = (
            sa.select(_calls.c.reply)
            .where(
                _calls.c.run == run_id,
                _calls.c.slot == slot,
                _calls.c.request_hash == request_hash,
                _calls.c.reply.is_not(None),
            )
            .order_by(_calls.c.id.desc())
        )
        with self._begin() as db:
            return db.scalars(query).first()

    def calls(self, run_id: str) -> list[Call]:
        """Every request of a run; one without reply and error may have been paid for."""
        query = sa.select(_calls).where(_calls.c.run == run_id).order_by(_calls.c.id)
        with self._begin() as db:
            return [_call(row) for row in db.execute(query)]

    def call(self, call_id: int) -> Call:
        """One request, by the id that `intend_call` gave."""
        with self._begin() as db:
            return _call(db.execute(sa.select(_calls).where(_calls.c.id == call_id)).one())

    # --- commands ---

    def command(self, run_id: str, kind: str, value: str = "") -> None:
        """Ask something of a run; its loop looks at every stage."""
        with self._begin() as db:
            db.execute(
                _commands.insert().values(
                    run=run_id,
                    kind=kind,
                    value=value,
                    asked_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                )
            )

    def take_commands(self, run_id: str) -> list[Command]:
        """The commands not yet taken, oldest first; they are marked as taken."""
        # One statement: two processes can not both take a command.
        take = (
            _commands.update()
            .where(_commands.c.run == run_id, ~_commands.c.done)
            .values(done=True)
            .returning(_commands.c.id, _commands.c.kind, _commands.c.value)
        )
        with self._begin() as db:
            rows = sorted(db.execute(take).all())
        return [Command(id=row.id, kind=row.kind, value=row.value) for row in rows]

    def pending_commands(self, run_id: str) -> list[Command]:
        """The commands that the run has not taken yet, oldest first."""
        waiting = (_commands.c.run == run_id) & ~_commands.c.done
        query = sa.select(_commands).where(waiting).order_by(_commands.c.id)
        with self._begin() as db:
            return [Command(id=r.id, kind=r.kind, value=r.value) for r in db.execute(query)]

    # --- votes ---

    def add_vote(self, run_id: str, vote: Vote) -> None:
        """Append a vote; one whose id is stored already is not stored again."""
        values = {"run": run_id, "id": vote.id, "record": vote.model_dump_json()}
        with self._begin() as db:
            db.execute(insert(_votes).values(values).on_conflict_do_nothing(["run", "id"]))

    def votes(self, run_id: str) -> list[Vote]:
        """Every vote in the order of arrival, those taken back included; see votes.standing."""
        query = sa.select(_votes.c.record).where(_votes.c.run == run_id).order_by(_votes.c.number)
        with self._begin() as db:
            return [Vote.model_validate_json(text) for text in db.scalars(query)]

    # --- how ---

    def _upgrade(self) -> int:
        """Add the tables that an older store lacks; the version that it now has."""
        with self._engine.connect() as db:
            version = int(db.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version >= _SCHEMA:
                return version
            db.rollback()
            # Of several processes that open an old store at once, one upgrades it.
            db.exec_driver_sql("BEGIN IMMEDIATE")
            _meta.create_all(db)
            db.exec_driver_sql(f"PRAGMA user_version={_SCHEMA}")
            db.commit()
        return _SCHEMA

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except DBAPIError as error:
            raise UserError(f"the store in {self.runs_dir} failed: {error.orig}") from None

    def _put(self, table: sa.Table, run_id: str, key: str, record: Record) -> None:
        where = (table.c.run == run_id) & (table.c.id == key)
        text = record.model_dump_json()
        with self._begin() as db:
            if not db.execute(table.update().where(where).values(record=text)).rowcount:
                db.execute(table.insert().values(run=run_id, id=key, record=text))

    def _all(self, table: sa.Table, run_id: str) -> list[str]:
        query = sa.select(table.c.record).where(table.c.run == run_id).order_by(table.c.id)
        with self._begin() as db:
            return list(db.scalars(query))


def _call(row: Any) -> Call:
    fields = {name: getattr(row, name) for name in Call.model_fields}
    return Call.model_validate(fields)


def _run_record(text: str) -> RunRecord:
    version = json.loads(text).get("format_version")
    if version != FORMAT_VERSION:
        raise UserError(
            f"this run was written in format {version}, this rewardsmith reads {FORMAT_VERSION}"
        )
    return RunRecord.model_validate_json(text)


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
