"""Scores with intervals, seeds that never mix, and the order of candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rewardsmith.records import Arm, Candidate, Fitness, Purpose, Record, Score, Training
from rewardsmith.store import RunRecord

ENOUGH_SEEDS = 5
"""Below, an interval is printed with the words "too few seeds"."""
_BOOTSTRAP_FROM = 10
_RESAMPLES = 2000
# So far apart that no two purposes share a seed, whatever the run's own.
_SEEDS_APART, _EPISODES_APART = 500, 1_000
_SELECTION_EPISODES, _FINAL_EPISODES, _REPORT_EPISODES = 1_000_000, 250_000_000, 500_000_000

# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class SeedPlan(Record):
    """Which seeds select, which choose among finalists, which report; disjoint by construction."""

    selection: tuple[int, ...]
    """Training seeds of every candidate."""
    final: tuple[int, ...]
    """Training seeds of the finalists."""
    report: tuple[int, ...]
    """Training seeds of the best and of the baselines."""
    selection_episodes: tuple[int, ...]
    final_episodes: tuple[int, ...]
    report_episodes: tuple[int, ...]
    unused: int
    """Training seeds from here on have no purpose: for arms with as many as the search had."""


def seeds_of(run: RunRecord) -> SeedPlan:
    """The seeds of a run; where a given reward is trained they are given, and none select."""
    search = run.config.search
    plan = plan_seeds(
        run.config.seed,
        selection=search.seeds,
        final=search.final_seeds,
        report=search.report_seeds,
        episodes=run.config.train.episodes_of(run.task),
    )
    if run.kind == "search":
        return plan
    given = {"selection": (), "final": (), "report": run.train_seeds}
    return plan.model_copy(update={**given, "selection_episodes": (), "final_episodes": ()})


def plan_seeds(seed: int, *, selection: int, final: int, report: int, episodes: int) -> SeedPlan:
    """Seeds of a run: training seeds differ by hundreds between the purposes, episodes by millions.

    Args:
        selection, final, report: how many training seeds each purpose has, at most 500.
        episodes: how many episodes measure a policy, at most 1,000.
    """
    first = 4 * seed * _SEEDS_APART

    def trainings(place: int, count: int) -> tuple[int, ...]:
        return tuple(range(first + place * _SEEDS_APART, first + place * _SEEDS_APART + count))

    def measured(start: int) -> tuple[int, ...]:
        start += seed % 10_000 * _EPISODES_APART
        return tuple(range(start, start + episodes))

    return SeedPlan(
        selection=trainings(0, selection),
        final=trainings(1, final),
        report=trainings(2, report),
        selection_episodes=measured(_SELECTION_EPISODES),
        final_episodes=measured(_FINAL_EPISODES),
        report_episodes=measured(_REPORT_EPISODES),
        unused=first + 3 * _SEEDS_APART,
    )


def score(trainings: Sequence[Training]) -> Score | None:
    """The fitness over training seeds with its 95 % interval; None where nothing was measured.

    One seed: mean and t interval over its episodes. From 2 seeds: the mean over seeds and its t
    interval. From 10: the interquartile mean and its percentile bootstrap (arXiv 2108.13264).
    """
    measured = [t.episodes for t in trainings if t.episodes and not t.failure]
    if not measured:
        return None
    if len(measured) == 1:
        value, low, high = t_interval(measured[0].fitness)
    else:
        value, low, high = interval([episodes.mean_fitness for episodes in measured])
    done = min(t.done for t in trainings if t.episodes and not t.failure)
    return Score(value=value, low=low, high=high, n_seeds=len(measured), done=done)


def difference(one: Iterable[Training], other: Iterable[Training]) -> Score | None:
    """What `one` has over `other`, seed by seed, with its interval; None below two common seeds."""
    first, second = (
        {t.seed: t.episodes.mean_fitness for t in side if t.episodes and not t.failure}
        for side in (one, other)
    )
    gaps = [first[seed] - second[seed] for seed in first if seed in second]
    if len(gaps) < 2:
        return None
    value, low, high = interval(gaps)
    return Score(value=value, low=low, high=high, n_seeds=len(gaps))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Centre, low and high of a 95 % interval, by the method that the number of seeds allows."""
    return t_interval(values) if len(values) < _BOOTSTRAP_FROM else _bootstrap(values)


def t_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and Student's t interval at 95 %; a single value is its own interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    freedom = len(values) - 1
    # Beyond the table: the first terms of the expansion of the quantile in 1/df.
    quantile = _T[freedom - 1] if freedom <= len(_T) else 1.960 + 2.372 / freedom
    half = quantile * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half


def interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the middle half along the last axis."""
    ordered = np.sort(values, axis=-1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def better(fitness: Fitness, one: float, other: float) -> bool:
    """Whether `one` is a better value of this fitness than `other`."""
    return fitness.sign * one > fitness.sign * other


def rank(candidates: Iterable[Candidate], fitness: Fitness) -> list[Candidate]:
    """Candidates that have a score, best first; equal ones in the order they were made.

    Where raters were asked, what they prefer decides; who they were not asked about comes last.
    """
    scored = [candidate for candidate in candidates if candidate.score]
    voted = any(candidate.preference for candidate in scored)

    def worth(candidate: Candidate) -> float:
        if voted:
            return -candidate.preference.value if candidate.preference else 1.0
        return -fitness.sign * candidate.score.value if candidate.score else 0.0

    return sorted(scored, key=lambda c: (worth(c), c.generation, c.index))


def best_training(arm: Arm, purpose: Purpose, fitness: Fitness) -> Training | None:
    """Of the arm's trainings for `purpose` the one whose policy was measured best."""
    measured = {
        t.id: fitness.sign * t.episodes.mean_fitness
        for t in arm.trainings
        if t.purpose == purpose and t.episodes and not t.failure
    }
    return max(
        (t for t in arm.trainings if t.id in measured), key=lambda t: measured[t.id], default=None
    )


def _bootstrap(values: Sequence[float]) -> tuple[float, float, float]:
    array = np.asarray(values, dtype=float)
    # A fixed stream: the same values always give the same interval.
    picks = np.random.default_rng(0).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.quantile(interquartile_mean(array[picks]), [0.025, 0.975])
    return float(interquartile_mean(array)), float(low), float(high)
