"""Figures that compare runs: human-normalised scores, and the probability of improvement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.records import Baseline, Fitness, Record, Score
from rewardsmith.selection import interquartile_mean

_FLOORS = ("fitness", "untrained")
"""Arms that stand for a reward without design; the first that was measured counts."""
_RESAMPLES = 2000


class Interval(Record):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def human_normalised(
    score: Score | None, baselines: Sequence[Baseline], fitness: Fitness
) -> Interval | None:
    """(score - floor) / |native - floor|, as Eureka defines it (arXiv 2310.12931, section 4.2).

    1 is as good as the environment's own reward, 0 as good as the floor: training on the sparse
    fitness where that was an arm, else the untrained policy. The interval is that of the score,
    with native and floor taken as exact. None where one of them was not measured, or they are one.
    """
    known = {baseline.name: baseline.report for baseline in baselines}
    native = known.get("native")
    floor = next((known[name] for name in _FLOORS if known.get(name)), None)
    if score is None or native is None or floor is None or native.value == floor.value:
        return None
    value, low, high = (
        fitness.sign * (number - floor.value) / abs(native.value - floor.value)
        for number in (score.value, score.low, score.high)
    )
    return Interval(value=value, low=min(low, high), high=max(low, high))


def stratified_iqm(groups: Sequence[Sequence[float]]) -> Interval | None:
    """Interquartile mean over all values, its interval by the stratified bootstrap.

    The runs of each group (a task) are drawn anew within it, as in rliable (arXiv 2108.13264).
    None without a value.
    """
    filled = [np.asarray(group, dtype=float) for group in groups if len(group)]
    if not filled:
        return None
    rng = np.random.default_rng(0)
    drawn = np.concatenate([_resampled(group, rng) for group in filled], axis=1)
    low, high = np.quantile(interquartile_mean(drawn), [0.025, 0.975])
    value = interquartile_mean(np.concatenate(filled))
    return Interval(value=float(value), low=float(low), high=float(high))


def probability_of_improvement(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> Interval | None:
    """How probably a run of one side is better than one of the other, a tie counting half.

    The mean over tasks of the Mann-Whitney statistic, with the stratified bootstrap's interval, as
    in rliable (arXiv 2108.13264). Values are to be maximised.

    Args:
        pairs: for each task the values of both sides.
    """
    filled = [(np.asarray(a, float), np.asarray(b, float)) for a, b in pairs if len(a) and len(b)]
    if not filled:
        return None
    rng = np.random.default_rng(0)
    value = float(np.mean([_better(a[None], b[None]) for a, b in filled]))
    drawn = np.mean([_better(_resampled(a, rng), _resampled(b, rng)) for a, b in filled], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))


def _resampled(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(resamples, n) draws of the n values with replacement."""
    return values[rng.integers(len(values), size=(_RESAMPLES, len(values)))]


def _better(
    one: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    other: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(resamples,) the share of pairs in which `one` is larger."""
    apart = one[:, :, None] - other[:, None, :]
    return np.asarray((apart > 0).mean(axis=(1, 2)) + 0.5 * (apart == 0).mean(axis=(1, 2)))
