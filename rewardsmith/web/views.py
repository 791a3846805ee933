"""What the pages show of a run, computed from its records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from rewardsmith import footage
from rewardsmith.commands import Command
from rewardsmith.entrants import waiting
from rewardsmith.llm import manual
from rewardsmith.records import (
    Baseline,
    Candidate,
    Generation,
    Record,
    RunStatus,
    Score,
    Stage,
    Training,
    Video,
)
from rewardsmith.report import (
    BEST_OF_N,
    Result,
    best_candidate,
    conclusions,
    result,
    without_iterating,
)
from rewardsmith.store import RunRecord, Store

GOING = (RunStatus.RUNNING, RunStatus.PAUSED)
"""What the status of a run says whose process should be there."""
_ROUND = re.compile(r"r\d+")
"""A generation's folder."""


class Progress(Record):
    """A training that is going on, or whose process died."""

    arm: str
    """A candidate's id or a baseline's name."""
    name: str
    """`selection-0`."""
    done: float
    """Share of its steps, 0..1."""
    wall_s: float
    fitness: float | None


class Span(Record):
    """The fitness axis that a table's intervals are drawn on."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value lies, 0..100; what lies beyond is at the end."""
        width = self.high - self.low
        return 50.0 if width <= 0 else min(max(100 * (value - self.low) / width, 0.0), 100.0)


class Row(Record):
    """A candidate in a table."""

    candidate: Candidate
    best: bool
    progress: tuple[Progress, ...]


class Beside(Record):
    """An arm beside the search."""

    name: str
    report: Score | None
    run: str = ""
    """The arm that is a run of its own: which one."""


class Overview(Record):
    """A run at a glance."""

    run: RunRecord
    result: Result
    candidates: tuple[Candidate, ...]
    generations: tuple[Generation, ...]
    baselines: tuple[Baseline, ...]
    beside: tuple[Beside, ...]
    """All arms, also the one that is a run of its own."""
    conclusions: tuple[str, ...]
    """What the arms say of the search, once its best is reported."""
    rows: tuple[Row, ...]
    finals: tuple[Progress, ...]
    """Trainings of the arms beside the search that go on."""
    judged: int
    """Candidates that the critic, or a failure before it, has decided on."""
    accepted: int
    """Of these, how many passed the critic."""
    waiting: int
    """Prompts that wait for a person."""
    votes_wanted: int
    """Votes that are still waited for."""
    commands: tuple[Command, ...]
    """Asked of the run and not yet taken."""
    span: Span
    film: Video | None
    """Of the best candidate."""

    @property
    def going(self) -> bool:
        """Whether its process should be there: one that was killed says nothing."""
        return self.run.status in GOING

    @property
    def unit(self) -> str:
        """Of the fitness."""
        return self.run.task.fitness.unit


def overview(store: Store, run: RunRecord) -> Overview:
    """Read a run."""
    candidates = tuple(store.candidates(run.id))
    baselines = tuple(store.baselines(run.id))
    best = best_candidate(run, list(candidates))
    folder = store.folder(run.id)
    decided = [c for c in candidates if c.stage is not Stage.PROPOSED]
    scores = [*(c.measured for c in candidates), *(b.report for b in baselines)]
    found = result(store, run)
    return Overview(
        run=run,
        result=found,
        candidates=candidates,
        generations=tuple(store.generations(run.id)),
        baselines=baselines,
        beside=_beside(run, found),
        conclusions=_conclusions(store, run, best, baselines),
        rows=tuple(
            Row(
                candidate=candidate,
                best=best is not None and candidate.id == best.id,
                progress=_progress(run, folder, candidate),
            )
            for candidate in candidates
        ),
        finals=_finals(run, folder, baselines),
        judged=len(decided),
        accepted=sum(candidate.passed_critic for candidate in decided),
        waiting=sum(not prompt.answered for prompt in manual.queue(folder)),
        votes_wanted=asked.missing if (asked := waiting(store, run)) else 0,
        commands=tuple(store.pending_commands(run.id)),
        span=span([score for score in scores if score]),
        film=next(iter(videos(store, run, best)), None) if best else None,
    )


def span(scores: Sequence[Score]) -> Span:
    """From the least to the greatest value; intervals of two seeds are far too wide for an axis."""
    values = [score.value for score in scores] or [0.0]
    margin = 0.15 * (max(values) - min(values)) or 1.0
    return Span(low=min(values) - margin, high=max(values) + margin)


def videos(store: Store, run: RunRecord, candidate: Candidate) -> tuple[Video, ...]:
    """The films that were made of a candidate."""
    folder = store.candidate_folder(run.id, candidate)
    found = [footage.read(folder / f"{name}.mp4") for name in ("best", "last")]
    return tuple(film for film in found if film)


def _beside(run: RunRecord, found: Result) -> tuple[Beside, ...]:
    """The arm that is a run of its own also before it is reported."""
    names = dict.fromkeys([*found.baselines, *([BEST_OF_N] if run.arm else [])])
    return tuple(
        Beside(
            name=name,
            report=found.baselines.get(name),
            run=run.arm if name == BEST_OF_N else "",
        )
        for name in names
    )


def _conclusions(
    store: Store, run: RunRecord, best: Candidate | None, baselines: Sequence[Baseline]
) -> tuple[str, ...]:
    if best is None or not best.report:
        return ()
    return conclusions(run, best, baselines, without_iterating(store, run))


def _finals(run: RunRecord, folder: Path, baselines: Iterable[Baseline]) -> tuple[Progress, ...]:
    known = {baseline.name: baseline for baseline in baselines}
    if run.status not in GOING:
        return ()
    places = sorted(p.parent for p in folder.glob("*/train") if not _ROUND.fullmatch(p.parent.name))
    found: list[Progress] = []
    for place in places:
        arm = known.get(place.name)
        steps = arm.timesteps if arm else None
        found += _going_on(run, place.name, place, arm.trainings if arm else (), steps)
    return tuple(found)


def _progress(run: RunRecord, folder: Path, candidate: Candidate) -> tuple[Progress, ...]:
    if candidate.stage is Stage.FAILED or run.status not in GOING:
        return ()
    return tuple(_going_on(run, candidate.id, folder / candidate.folder, candidate.trainings))


def _going_on(
    run: RunRecord,
    arm: str,
    place: Path,
    done: Sequence[Training],
    planned: int | None = None,
) -> Iterable[Progress]:
    """The trainings that have come further than the store knows."""
    known = {Path(training.folder).name: training.timesteps for training in done}
    steps = planned or run.config.train.steps_of(run.task)
    for path in sorted(place.glob("train/*/progress.jsonl")):
        last = _last_line(path)
        made = float(last.get("timesteps") or 0)
        if made > known.get(path.parent.name, 0):
            yield Progress(
                arm=arm,
                name=path.parent.name,
                done=min(made / max(steps, 1), 1.0),
                wall_s=float(last.get("wall_s") or 0.0),
                fitness=last.get("fitness"),
            )


def _last_line(path: Path) -> dict[str, float]:
    """What a training reported last; {} before its first whole line."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 4096, 0))
            lines = file.read().split(b"\n")[:-1]
        return dict(json.loads(lines[-1])) if lines else {}
    except (FileNotFoundError, ValueError):
        return {}
