"""All that a report of one run tells, gathered from the store as one record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, get_args

from rewardsmith.records import (
    Arm,
    Baseline,
    Candidate,
    Fitness,
    Generation,
    Purpose,
    Record,
    Score,
    Training,
)
from rewardsmith.report import (
    BEST_OF_N,
    Result,
    best_candidate,
    comparison,
    conclusions,
    native_return,
    reported,
    result,
    without_iterating,
)
from rewardsmith.reporting.statistics import Interval, human_normalised
from rewardsmith.selection import interval, rank
from rewardsmith.spending import Spending, spending
from rewardsmith.store import RunRecord, Store

BAND_SEEDS = 3
"""Fewer, and an interval is so wide that the curves beside it cannot be seen."""
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class ArmRow(Record):
    """The best or a baseline as it was measured on held-out seeds."""

    name: str
    kind: Literal["candidate", "baseline"]
    report: Score | None
    native_return: float | None
    """Mean over all episodes of its held-out seeds."""
    against_best: str
    """"best", "tie", "behind" or "ahead"; "" where it was not measured."""
    normalised: Interval | None
    """Human-normalised; see statistics.py."""
    distance: float | None
    """Of a candidate's reward from the environment's own."""
    lost: str
    """Why a held-out training of it failed."""


class Point(Record):
    """A learning curve at one time: the mean over training seeds and its 95 % interval."""

    timestep: int
    value: float
    low: float
    high: float


class LearningCurve(Record):
    """Fitness of the training episodes over training."""

    name: str
    purpose: Purpose
    seeds: int
    points: tuple[Point, ...]


class Provenance(Record):
    """Where the numbers come from."""

    code_hashes: dict[str, str]
    """SHA-256 of each candidate's code, by id."""
    training_seeds: dict[str, tuple[int, ...]]
    """By purpose."""
    episode_seeds: dict[str, tuple[int, ...]]


class RunReport(Record):
    """One run, whole."""

    run: RunRecord
    result: Result
    arms: tuple[ArmRow, ...]
    curves: tuple[LearningCurve, ...]
    candidates: tuple[Candidate, ...]
    generations: tuple[Generation, ...]
    baselines: tuple[Baseline, ...]
    conclusions: tuple[str, ...]
    """What the arms say of the search."""
    spending: Spending
    provenance: Provenance

    @property
    def best(self) -> Candidate | None:
        """The run's best so far."""
        return best_candidate(self.run, list(self.candidates))

    @property
    def normalised(self) -> Interval | None:
        """The best's human-normalised score on held-out seeds."""
        best = next((arm for arm in self.arms if arm.against_best == "best"), None)
        return best.normalised if best else None


def gather(store: Store, run: RunRecord) -> RunReport:
    """Read one run; it may still be going on."""
    candidates, baselines = store.candidates(run.id), store.baselines(run.id)
    best, rival = best_candidate(run, candidates), without_iterating(store, run)
    beside = [*baselines, *([_as_arm(rival)] if rival else [])]
    return RunReport(
        run=run,
        result=result(store, run),
        arms=tuple(_arms(run, candidates, beside)),
        curves=_curves(candidates, beside),
        candidates=tuple(candidates),
        generations=tuple(store.generations(run.id)),
        baselines=tuple(baselines),
        conclusions=conclusions(run, best, baselines, rival) if best else (),
        spending=spending(store, run),
        provenance=_provenance(candidates, baselines),
    )


def _as_arm(rival: Candidate) -> Baseline:
    """The best of a search in which nothing learnt, as one of the arms."""
    return Baseline(name=BEST_OF_N, trainings=rival.trainings, report=rival.report)


def _arms(
    run: RunRecord, candidates: list[Candidate], baselines: Sequence[Baseline]
) -> list[ArmRow]:
    """What was reported, the best first, then the baselines."""
    best = best_candidate(run, candidates)
    measured = [c.model_copy(update={"score": c.report}) for c in candidates if c.report]
    order = rank(measured, run.task.fitness)
    if best:
        order.sort(key=lambda candidate: candidate.id != best.id)
    apart = {d.candidate: d.value for b in baselines for d in b.distances}
    arms: list[Arm] = [*order, *baselines]
    return [
        ArmRow(
            name=arm.id,
            kind="candidate" if isinstance(arm, Candidate) else "baseline",
            report=arm.report,
            native_return=native_return(arm),
            against_best=_against(run, best, arm),
            normalised=human_normalised(arm.report, baselines, run.task.fitness),
            distance=apart.get(arm.id) if isinstance(arm, Candidate) else None,
            lost=next((t.failure.for_human for t in reported(arm) if t.failure), ""),
        )
        for arm in arms
    ]


def _against(run: RunRecord, best: Candidate | None, arm: Arm) -> str:
    if best is None:
        return ""
    return "best" if arm.id == best.id else comparison(run, best, arm)


def _curves(
    candidates: Sequence[Candidate], baselines: Sequence[Baseline]
) -> tuple[LearningCurve, ...]:
    arms: list[Arm] = [*candidates, *baselines]
    curves = [_curve(arm, purpose) for purpose in _PURPOSES for arm in arms]
    return tuple(curve for curve in curves if curve.points)


def _curve(arm: Arm, purpose: Purpose) -> LearningCurve:
    """At every time at which a training of the arm has a fitness."""
    trainings = [t for t in arm.trainings if t.purpose == purpose]
    curves = [t.curve for t in trainings if t.curve and not t.failure]
    values: dict[int, list[float]] = {}
    for curve in curves:
        for timestep, fitness in zip(curve.timesteps, curve.fitness, strict=True):
            if fitness is not None:
                values.setdefault(timestep, []).append(fitness)
    points = []
    for timestep in sorted(values):
        value, low, high = interval(values[timestep])
        points.append(Point(timestep=timestep, value=value, low=low, high=high))
    return LearningCurve(name=arm.id, purpose=purpose, seeds=len(curves), points=tuple(points))


def _provenance(candidates: Sequence[Candidate], baselines: Sequence[Baseline]) -> Provenance:
    arms: list[Arm] = [*candidates, *baselines]
    trainings = [t for arm in arms for t in arm.trainings]
    return Provenance(
        code_hashes={c.id: hashlib.sha256(c.code.encode()).hexdigest() for c in candidates},
        training_seeds={p: _seeds(trainings, p) for p in _PURPOSES},
        episode_seeds={p: _episode_seeds(trainings, p) for p in _PURPOSES},
    )


def _seeds(trainings: Sequence[Training], purpose: str) -> tuple[int, ...]:
    return tuple(sorted({t.seed for t in trainings if t.purpose == purpose}))


def _episode_seeds(trainings: Sequence[Training], purpose: str) -> tuple[int, ...]:
    measured = [t.episodes for t in trainings if t.purpose == purpose and t.episodes]
    return tuple(sorted({seed for episodes in measured for seed in episodes.seeds}))


def goal(fitness: Fitness) -> str:
    """Which way is better, in words."""
    return "higher is better" if fitness.direction == "maximize" else "lower is better"
