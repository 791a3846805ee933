"""Who becomes a parent: the best of all rounds, and nobody who failed."""

from __future__ import annotations

import pytest
from scripted_engine import LATE, candidate

from rewardsmith.records import Candidate, Fitness, Score, Stage
from rewardsmith.strategies import Strategy
from rewardsmith.strategies.eureka import Eureka

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")


@pytest.fixture
def strategy() -> Strategy:
    return Eureka()


def scored(generation: int, index: int, value: float) -> Candidate:
    measured = Score(value=value, low=value, high=value, n_seeds=1)
    return candidate(index, generation, stage=Stage.EVALUATED, score=measured)


def test_the_best_of_all_rounds_is_kept_not_that_of_the_last(strategy: Strategy) -> None:
    """Eureka goes on from the last round's best, even where it is worse."""
    first = [scored(1, 0, 3.0), scored(1, 1, 224.0)]
    last = [scored(2, 0, -612.0), scored(2, 1, 100.0)]
    assert [c.id for c in strategy.parents([*first, *last], UP)] == ["r01c01", "r02c01"]
    assert [c.id for c in strategy.parents([*first, *last], DOWN)] == ["r02c00", "r01c00"]


def test_who_failed_or_was_not_measured_is_no_parent(strategy: Strategy) -> None:
    failed = candidate(0, stage=Stage.FAILED, failure=LATE)
    waiting = candidate(1)
    assert strategy.parents([failed, waiting], UP) == ()
    worst = scored(1, 2, -1e9)
    assert strategy.parents([failed, waiting, worst], UP) == (worst,)


def test_in_the_beginning_there_are_no_parents(strategy: Strategy) -> None:
    assert strategy.parents([], UP) == ()
    assert strategy.name == "eureka"
