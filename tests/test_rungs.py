"""Successive halving: who is clearly behind stops, nothing is trained twice, nothing by chance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import LATE, TASK, ScriptedEngine, candidate, episodes

from rewardsmith.config import RunConfig
from rewardsmith.measure import Measure
from rewardsmith.records import Budget, Candidate, Fitness, Rung, Training
from rewardsmith.rungs import Heat, climb, ladder, promoted
from rewardsmith.selection import score
from rewardsmith.store import RunRecord, Store

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")
HEAT = Heat("selection", (0,), (7, 8))


def training(seed: int, fitness: tuple[float, ...], **parts: object) -> Training:
    """One that stands at 30 of 100 steps and came to `fitness` in its episodes there."""
    measured = episodes(range(len(fitness)), 0.0).model_copy(update={"fitness": fitness})
    settled = {"id": f"x/{seed}", "seed": seed, "purpose": "selection", "timesteps": 30}
    return Training.model_validate({**settled, "planned": 100, "episodes": measured, **parts})


def generation(*fitness: tuple[float, ...]) -> list[Candidate]:
    return [candidate(i, trainings=(training(0, values),)) for i, values in enumerate(fitness)]


def kept(arms: list[Candidate], fitness: Fitness = UP, until: int = 30) -> list[int]:
    ends = promoted(arms, until, "selection", fitness)
    return [arm.index for arm in ends if isinstance(arm, Candidate)]


def run_of(store: Store, first_cut: int = 0, **parts: dict[str, object]) -> RunRecord:
    task = TASK.model_copy(update={"budget": Budget(timesteps=1000, first_cut=first_cut)})
    config = RunConfig.model_validate(parts)
    return store.create_run(task=task, config=config, proposer="offline baseline")


def steps(run: RunRecord) -> tuple[int, ...]:
    return ladder(run.config, run.task)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_rungs_double_and_begin_no_sooner_than_the_environment_says(store: Store) -> None:
    assert steps(run_of(store)) == (500, 1000)
    assert steps(run_of(store, first_cut=600)) == (600, 1000)
    assert steps(run_of(store, first_cut=100)) == (500, 1000)
    assert steps(run_of(store, first_cut=1000)) == (1000,)


def test_there_are_none_where_a_training_cannot_go_on_or_they_are_not_wanted(store: Store) -> None:
    assert steps(run_of(store, train={"backend": "sb3"})) == (1000,)
    assert steps(run_of(store, search={"rungs": False})) == (1000,)


def test_the_better_half_goes_on_in_the_order_given() -> None:
    arms = generation((1.0, 1.0), (4.0, 4.0), (2.0, 2.0), (3.0, 3.0), (0.0, 0.0))
    assert kept(arms) == [1, 2, 3]
    assert kept(arms, DOWN) == [0, 2, 4]
    assert kept(arms[:1]) == [0] and kept(arms[:2]) == [1] and kept([]) == []


def test_who_is_within_the_noise_of_the_last_goes_on_as_well() -> None:
    sure = generation((4.0, 4.0), (2.0, 2.0))
    assert kept(sure) == [0]
    noisy = generation((4.0, 4.0), (1.0, 6.0))
    assert kept(noisy) == [0, 1]
    last_is_noisy = generation((1.0, 7.0), (2.0, 2.0))
    assert kept(last_is_noisy) == [0, 1]


def test_several_seeds_are_judged_by_their_spread_not_by_their_episodes() -> None:
    steady = (training(0, (0.0, 8.0)), training(1, (0.0, 8.0)))
    ahead, behind = candidate(0, trainings=steady), generation((0.0, 0.0), (3.0, 3.0))[1]
    assert kept([ahead, behind]) == [0]


def test_who_lost_a_training_does_not_go_on() -> None:
    lost = training(1, (9.0,), failure=LATE)
    broken = candidate(0, trainings=(training(0, (9.0,)), lost))
    assert kept([broken, *generation((0.0,), (1.0,))[1:]]) == [1]


def test_what_was_decided_at_a_rung_is_decided_again_when_the_trainings_have_gone_on() -> None:
    """A late bloomer that was behind at the rung is behind there for good."""

    def gone_on(index: int, before: float, after: float) -> Candidate:
        rung = Rung(timesteps=30, episodes=episodes((0,), before))
        return candidate(index, trainings=(training(0, (after,), timesteps=60, rungs=(rung,)),))

    later = [gone_on(0, 1.0, 9.0), gone_on(1, 2.0, 3.0)]
    assert kept(later) == [1]
    assert kept(later, until=60) == [0]
    assert kept(later, until=100) == []


def test_a_climb_trains_each_only_as_far_as_it_goes(store: Store) -> None:
    run = run_of(store)
    engine = ScriptedEngine({f"r01c0{i}": float(i) for i in range(4)})
    measure = Measure(run, store, engine, lambda event: None, lambda: None)
    arms = [candidate(i) for i in range(4)]
    rungs = (250, 500, 1000)
    ended = climb(measure, arms, HEAT, rungs, UP, lambda: None)
    reached = {
        arm.id: [*(rung.timesteps for rung in made.rungs), made.timesteps]
        for arm in ended
        if isinstance(arm, Candidate)
        for made in arm.trainings
    }
    assert reached == {
        "r01c00": [250],
        "r01c01": [250],
        "r01c02": [250, 500],
        "r01c03": [250, 500, 1000],
    }
    assert len(engine.trained) == 4 + 2 + 1
    scores = [score(arm.trainings) for arm in ended]
    assert [found and found.done for found in scores] == [0.25, 0.25, 0.5, 1.0]
    # A second climb over what is stored asks for nothing.
    assert climb(measure, ended, HEAT, rungs, UP, lambda: None) == ended
    assert len(engine.trained) == 7
