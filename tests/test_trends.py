"""What curves say together: planted changes are found with their term, noise is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.records import Curve, Fitness, TermStats, Training
from rewardsmith.trends import lasting, parting

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")
RISING = np.linspace(10.0, 100.0, 10)


def training(
    fitness: np.ndarray, reward: np.ndarray, length: np.ndarray | None = None, **terms: np.ndarray
) -> Training:
    lengths = np.full(len(fitness), 100.0) if length is None else length
    return Training(
        id="r01c00/selection-0",
        seed=0,
        purpose="selection",
        timesteps=1000,
        curve=Curve(
            timesteps=tuple(range(100, 100 * len(fitness) + 1, 100)),
            fitness=tuple(fitness.tolist()),
            reward_return=tuple(reward.tolist()),
            episode_length=tuple(lengths.tolist()),
        ),
        terms=tuple(
            TermStats(
                name=name,
                points=tuple(points.tolist()),
                mean=float(points.mean()),
                minimum=float(points.min()),
                maximum=float(points.max()),
                share=1 / len(terms),
            )
            for name, points in terms.items()
        ),
    )


@pytest.mark.parametrize(("fitness", "sign"), [(UP, 1.0), (DOWN, -1.0)])
def test_the_point_and_the_term_where_reward_and_fitness_part(
    fitness: Fitness, sign: float
) -> None:
    """Speed helps up to the fifth point, then the task suffers from it; the bonus never moves."""
    good = sign * np.array([1, 3, 5, 7, 9, 8.5, 7, 5, 3, 1.0])
    terms = {"bonus": np.full(10, 2.0), "speed": RISING / 100, "effort": -RISING / 500}
    found = parting(training(good, RISING, **terms), fitness)
    assert found is not None and found.timestep == 500
    assert (found.fitness.before, found.fitness.after) == (good[4], good[9])
    assert found.term is not None and found.term[0] == "speed"
    assert found.term[1].before == pytest.approx(0.5)
    assert parting(training(-good, RISING, **terms), fitness) is None
    assert parting(training(good, RISING[::-1].copy(), **terms), fitness) is None


def test_a_term_that_pays_more_because_episodes_last_is_the_one_that_pays() -> None:
    """Per step it pays less; an episode of ten times as many steps is paid more by it."""
    length = np.linspace(100, 1000, 10)
    terms = {"alive": np.linspace(1.0, 0.9, 10), "speed": np.linspace(0.1, 0.0, 10)}
    found = parting(training(-RISING, RISING, length, **terms), UP)
    assert found is not None and found.term is not None and found.term[0] == "alive"


def test_what_pays_by_the_length_alone_is_found_and_what_pays_more_a_step_is_not() -> None:
    still, length = np.full(10, 0.2), np.linspace(100, 1000, 10)
    found = lasting(training(still, 2.0 * length, length), UP)
    assert found is not None and found.share == pytest.approx(1.0) and found.length.gain > 0
    assert lasting(training(still, np.linspace(1, 5, 10) * length, length), UP) is None
    assert lasting(training(RISING, 2.0 * length, length), UP) is None, "the task is to last"
    ending = lasting(training(still, -2.0 * length[::-1], length[::-1].copy()), UP)
    assert ending is not None and ending.length.gain < 0


def test_noise_is_seldom_taken_for_a_change() -> None:
    rng = np.random.default_rng(0)
    noisy = [training(rng.normal(5.0, 1.0, 10), RISING + rng.normal(0, 3, 10)) for _ in range(400)]
    alarms = sum(parting(one, UP) is not None for one in noisy)
    assert alarms <= 0.06 * len(noisy)
    peak = np.array([1, 3, 5, 7, 9, 8.5, 7, 5, 3, 1.0])
    parted = [
        training(peak + rng.normal(0, 1.0, 10), RISING + rng.normal(0, 3, 10)) for _ in range(400)
    ]
    assert sum(parting(one, UP) is not None for one in parted) >= 0.7 * len(parted)


def test_without_enough_points_nothing_is_said() -> None:
    short = training(-RISING[:4], RISING[:4])
    assert parting(short, UP) is None and lasting(short, UP) is None
    bare = short.model_copy(update={"curve": None})
    assert parting(bare, UP) is None and lasting(bare, UP) is None
