"""What a training's curves say together: reward and fitness that part, episodes that pay by length.

A curve has ten points and the noise of one training in each. So a fall counts only where it is
larger than what neighbouring points differ by, and the ends are means over three points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

from rewardsmith.records import Fitness, TermStats, Training

_LEAST_POINTS = 5
_END = 3
"""Points of an end; as many have to follow a peak."""
_NOISES = 2.5
"""A change is real from so many deviations of a point."""
_PART = 0.2
"""And from this part of the whole range."""
_LENGTH_CHANGE = 1 / 3
_LENGTH_SHARE = 0.8
"""From this share of the return's gain on, the length of the episodes made it."""


@dataclass(frozen=True)
class Change:
    """One quantity before and after."""

    before: float
    after: float

    @property
    def gain(self) -> float:
        """How much it grew."""
        return self.after - self.before


@dataclass(frozen=True)
class Parting:
    """Reward up while fitness goes down.

    Attributes:
        timestep: past which it happens: where fitness was at its best.
        term: that pays for it, and what it paid per step then and at the end; None where no
            term's part of the return grew.
    """

    timestep: int
    reward: Change
    fitness: Change
    term: tuple[str, Change] | None


@dataclass(frozen=True)
class Length:
    """A return that grew because episodes became longer, or shorter, and for nothing else."""

    share: float
    """Part of the return's gain that the length alone explains."""
    length: Change
    fitness: Change


@dataclass(frozen=True)
class _Point:
    index: int
    timestep: int
    reward: float
    fitness: float
    length: float


def parting(training: Training, fitness: Fitness) -> Parting | None:
    """Where reward and fitness part (arXiv 2311.00168), and the term that grew (2310.04373)."""
    points = _points(training)
    if len(points) < _LEAST_POINTS:
        return None
    good, paid = [fitness.sign * p.fitness for p in points], [p.reward for p in points]
    smooth = _smoothed(good)
    peak = max(range(len(points) - _END), key=lambda i: smooth[i])
    fall, rise = smooth[peak] - _end(good), _end(paid) - _smoothed(paid)[peak]
    if fall <= _threshold(good) or rise <= _threshold(paid):
        return None
    first, last = points[peak], points[-1]
    return Parting(
        timestep=first.timestep,
        reward=Change(first.reward, last.reward),
        fitness=Change(first.fitness, last.fitness),
        term=_grown(training.terms, first, last),
    )


def lasting(training: Training, fitness: Fitness) -> Length | None:
    """Whether the return grew by the length of the episodes, and fitness did not."""
    points = _points(training)
    if len(points) < _LEAST_POINTS:
        return None
    good, paid = [fitness.sign * p.fitness for p in points], [p.reward for p in points]
    lengths = [p.length for p in points]
    length, reward = Change(_begin(lengths), _end(lengths)), Change(_begin(paid), _end(paid))
    if reward.gain <= _threshold(paid) or not length.before:
        return None
    if abs(length.gain) < _LENGTH_CHANGE * length.before:
        return None
    # A worse fitness that got better by as little as its noise has not got better.
    if _end(good) - _begin(good) > _threshold(good):
        return None
    share = length.gain * reward.before / length.before / reward.gain
    if share < _LENGTH_SHARE:
        return None
    known = [p.fitness for p in points]
    return Length(min(share, 1.0), length, Change(_begin(known), _end(known)))


def _points(training: Training) -> list[_Point]:
    """The points at which everything is known."""
    curve = training.curve
    if curve is None:
        return []
    rows = zip(
        curve.timesteps, curve.reward_return, curve.fitness, curve.episode_length, strict=True
    )
    return [
        _Point(index, timestep, reward, value, length)
        for index, (timestep, reward, value, length) in enumerate(rows)
        if reward is not None and value is not None and length is not None
    ]


def _grown(terms: Sequence[TermStats], first: _Point, last: _Point) -> tuple[str, Change] | None:
    """The term whose part of an episode's return grew most between two points."""
    grown = []
    for term in terms:
        if len(term.points) <= last.index:
            continue
        step = Change(term.points[first.index], term.points[last.index])
        gain = step.after * last.length - step.before * first.length
        grown.append((gain, term.name, step))
    gain, name, step = max(grown, default=(0.0, "", Change(0.0, 0.0)), key=lambda one: one[0])
    return (name, step) if gain > 0.0 else None


def _smoothed(values: Sequence[float]) -> list[float]:
    """Each with its two neighbours."""
    return [fmean(values[max(i - 1, 0) : i + 2]) for i in range(len(values))]


def _begin(values: Sequence[float]) -> float:
    return fmean(values[:_END])


def _end(values: Sequence[float]) -> float:
    return fmean(values[-_END:])


def _threshold(values: Sequence[float]) -> float:
    """The least change that is one."""
    steps = [after - before for before, after in pairwise(values)]
    smooth = _smoothed(values)
    size = max(abs(value) for value in values)
    # The difference of two points has twice the variance of one.
    noise = pstdev(steps) / 2**0.5
    return max(_NOISES * noise, _PART * (max(smooth) - min(smooth)), 0.02 * size)
