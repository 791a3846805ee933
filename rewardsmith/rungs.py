"""Successive halving (arXiv 1502.07943): all learn for a while, and who is clearly behind stops.

A training that stopped is measured where it stood and keeps its checkpoint while it may go on, so
no step is made twice. Every decision follows from the stored measurements alone: a resumed run
decides the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from rewardsmith.config import RunConfig
from rewardsmith.measure import Measure, backend_of
from rewardsmith.records import Arm, Episodes, Fitness, Purpose, TaskSpec, Training

_FIRST = 0.5
"""Part of a training before the first cut: earlier ones cost the best too often, as seen with
benchmarks/selection.py."""
_KEPT = 0.5
"""Of those at a rung, the least that go on."""


@dataclass(frozen=True)
class Heat:
    """What is to be trained for: the purpose, its training seeds and its episode seeds."""

    purpose: Purpose
    seeds: tuple[int, ...]
    episodes: tuple[int, ...]


def ladder(config: RunConfig, task: TaskSpec) -> tuple[int, ...]:
    """The steps at which trainings stop to be measured; the last is their end.

    They double, from half of the training or the environment's own first cut on. Where raters
    decide, none is cut by a fitness before they have seen it.
    """
    steps = config.train.steps_of(task)
    halved = config.search.rungs and not config.feedback.decides
    if not halved or backend_of(config.train) != "population":
        return (steps,)
    rungs = []
    at = max(math.ceil(_FIRST * steps), task.budget.first_cut)
    while at < steps:
        rungs.append(at)
        at *= 2
    return (*rungs, steps)


def steps_for(count: int, steps: Sequence[int]) -> int:
    """The steps of all trainings of `count` policies, where every rung halves them."""
    total, going = 0, count
    for begin, end in itertools.pairwise((0, *steps)):
        total += going * (end - begin)
        going = math.ceil(_KEPT * going)
    return total


def climb(
    measure: Measure,
    arms: Sequence[Arm],
    heat: Heat,
    steps: Sequence[int],
    fitness: Fitness,
    stage: Callable[[], None],
) -> list[Arm]:
    """Train and measure `arms` from rung to rung; all come back in order, each as far as it came.

    Args:
        steps: see `ladder`.
        stage: called before every stage; may raise to stop the run.
    """
    known = {arm.id: arm for arm in arms}
    going = list(arms)
    for until in steps:
        stage()
        going = measure.train(going, heat.purpose, heat.seeds, until)
        stage()
        going = measure.evaluate(going, heat.purpose, heat.episodes)
        known |= {arm.id: arm for arm in going}
        kept = promoted(going, until, heat.purpose, fitness) if until < steps[-1] else going
        measure.release([arm for arm in going if arm not in kept], heat.purpose)
        going = kept
    return [known[arm.id] for arm in arms]


def promoted(arms: Sequence[Arm], until: int, purpose: Purpose, fitness: Fitness) -> list[Arm]:
    """Who goes on after the rung at `until`, in the order given; who lost a training does not.

    The better half does, and whoever is within one standard error of its last: over training
    seeds, or where there is one seed over its episodes, which says less.
    """
    standing = {arm.id: _standing(arm, until, purpose, fitness) for arm in arms}
    found = sorted((s for s in standing.values() if s), key=lambda s: -s.mean)
    if not found:
        return []
    last = found[math.ceil(_KEPT * len(found)) - 1]
    return [
        arm
        for arm in arms
        if (own := standing[arm.id]) and own.mean + own.error >= last.mean - last.error
    ]


def episodes_at(training: Training, until: int) -> Episodes | None:
    """What a training came to at the rung of `until` steps; None where it was not measured."""
    for rung in training.rungs:
        if rung.timesteps >= until:
            return rung.episodes
    return training.episodes if training.timesteps >= until else None


@dataclass(frozen=True)
class _Standing:
    """Mean fitness at a rung, higher for better, and its standard error."""

    mean: float
    error: float


def _standing(arm: Arm, until: int, purpose: Purpose, fitness: Fitness) -> _Standing | None:
    trainings = [training for training in arm.trainings if training.purpose == purpose]
    measured = [episodes_at(training, until) for training in trainings]
    if not measured or any(training.failure for training in trainings):
        return None
    values = [episodes.mean_fitness for episodes in measured if episodes]
    if len(values) < len(measured):
        return None
    spread = values if len(values) > 1 else measured[0].fitness if measured[0] else values
    error = stdev(spread) / len(spread) ** 0.5 if len(spread) > 1 else 0.0
    return _Standing(fitness.sign * fmean(values), error)
