"""Tuning: what a point means, and that a weight that misleads comes to nothing."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest
from scripted_engine import LATE, TASK, candidate

from rewardsmith.config import TuneConfig
from rewardsmith.propose import Ask
from rewardsmith.propose.grammar import surgery
from rewardsmith.propose.unaided import unaided
from rewardsmith.records import Candidate, Fitness, Score, Stage
from rewardsmith.strategies import Turn
from rewardsmith.tuning import Tuner
from rewardsmith.tuning.space import Space

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")
CODE = '''import numpy as np

PARAMS: dict[str, float] = {"near": 1.0, "größe": 2, "scale": 0.5, "off": 0.0, "cost": -0.2}  # mine


def compute_reward(next_obs, params):
    """Mine."""
    near = params["near"] * np.exp(-next_obs[:, 0] / params["scale"])  # 2.0 stays as it is
    return {"near": near, "ä": params["größe"] * next_obs[:, 0], "c": params["cost"] * near}
'''
Numbers = Mapping[str, float]
Measure = Callable[[Numbers], float | None]


def test_a_weight_reaches_zero_a_divisor_does_not_and_signs_stay() -> None:
    space = Space.of(CODE)
    assert space.names == ("near", "größe", "scale", "cost"), "what is zero has no scale"
    assert space.decoded((0.0,) * 4) == surgery.numbers(CODE)
    least = space.decoded((-1.25,) * 4)
    assert (least["near"], least["größe"], abs(least["cost"])) == (0.0, 0.0, 0.0)
    assert 0.0 < least["scale"] < 0.5
    most = space.decoded((1.5,) * 4)
    assert most["near"] == pytest.approx(math.exp(1.5), rel=1e-3)
    assert most["cost"] < -0.8 and most["off"] == 0.0


@pytest.mark.parametrize("coordinate", [-0.99, -0.5, 0.0, 0.3, 1.5])
def test_stored_numbers_give_their_point_back(coordinate: float) -> None:
    space = Space.of(CODE)
    point = (coordinate,) * 4
    assert space.encoded(space.decoded(point)) == pytest.approx(point, abs=0.01)


def test_of_zero_the_point_is_where_it_begins() -> None:
    space = Space.of(CODE)
    assert space.encoded(space.decoded((-1.2,) * 4))[:2] == (-1.0, -1.0)


def test_the_readable_file_holds_the_tuned_numbers_and_nothing_else_changes() -> None:
    tuned = surgery.with_params(CODE, {"near": 0.0, "größe": 3.5, "cost": -1e-05})
    changed = [
        (old, new)
        for old, new in zip(CODE.splitlines(), tuned.splitlines(), strict=True)
        if old != new
    ]
    ((_, line),) = changed
    assert line.endswith(
        '{"near": 0.0, "größe": 3.5, "scale": 0.5, "off": 0.0, "cost": -1e-05}  # mine'
    )
    assert surgery.numbers(tuned)["cost"] == -1e-05


# --- the search over numbers ---------------------------------------------------------------------


def search(
    method: str, code: str, measure: Measure, *, rounds: int = 6, fitness: Fitness = UP
) -> list[Candidate]:
    """The candidates of a tuning whose trainings come to what `measure` says of their numbers."""
    tuner = Tuner(TuneConfig.model_validate({"method": method, "samples": 8}))
    past = [scored(1, 0, code, measure)]
    for generation in range(2, 2 + rounds):
        slots = tuple(f"r{generation:02d}c{i:02d}" for i in range(tuner.samples))
        turn = Turn(generation=generation, slots=slots, past=tuple(past), fitness=fitness, seed=3)
        moves = tuner.moves(turn)
        made = unaided(Ask(task=TASK, generation=generation, strategy=method, moves=moves))
        assert [proposal.slot for proposal in made] == list(slots)
        assert {(p.origin, p.operator, p.parents) for p in made} == {
            (f"tune:{method}", "tune", ("r01c00",))
        }
        past += [scored(generation, i, p.code, measure, "tune") for i, p in enumerate(made)]
    return past


def scored(
    generation: int, index: int, code: str, measure: Measure, operator: str = "first"
) -> Candidate:
    value = measure(surgery.numbers(code))
    if value is None:
        return candidate(
            index, generation, code=code, operator=operator, stage=Stage.FAILED, failure=LATE
        )
    found = Score(value=value, low=value, high=value, n_seeds=1)
    return candidate(
        index, generation, code=code, operator=operator, stage=Stage.EVALUATED, score=found
    )


def two_terms(true: float, misleading: float) -> str:
    return CODE.replace('"near": 1.0, "größe": 2', f'"near": {true}, "größe": {misleading}')


def balance(numbers: Numbers) -> float:
    """How far the policy of two terms ends from the goal of the first, at most 2."""
    total = numbers["near"] + numbers["größe"]
    return 2 * numbers["größe"] / total if total else 2.0


@pytest.mark.parametrize("method", ["cmaes", "tpe"])
@pytest.mark.parametrize("fitness", [UP, DOWN], ids=["up", "down"])
def test_the_weight_of_a_term_that_misleads_goes_toward_zero(method: str, fitness: Fitness) -> None:
    sign = -1.0 if fitness is UP else 1.0
    past = search(
        method, two_terms(1.0, 2.0), lambda numbers: sign * balance(numbers), fitness=fitness
    )
    begun, *_, last = (
        sum(balance(surgery.numbers(c.code)) for c in group) / 8
        for _, group in itertools.groupby(past[1:], key=lambda c: c.generation)
    )
    assert last < 0.6 * begun
    best = min(balance(surgery.numbers(c.code)) for c in past)
    assert best < 0.1


@pytest.mark.parametrize("method", ["cmaes", "tpe"])
def test_what_failed_is_avoided_and_a_round_in_which_all_failed_breaks_nothing(
    method: str,
) -> None:
    def broken(numbers: Numbers) -> float | None:
        return None if numbers["near"] > 0.9 else numbers["near"]

    past = search(method, two_terms(0.8, 1.0), broken)
    late = [c for c in past if c.generation >= 5]
    assert sum(c.failure is not None for c in late) <= len(late) / 2
    calls = itertools.count()
    search(method, CODE, lambda numbers: 1.0 if next(calls) == 0 else None, rounds=3)


@pytest.mark.parametrize("method", ["cmaes", "tpe"])
def test_no_numbers_are_tried_twice_even_where_one_weight_at_zero_is_best(method: str) -> None:
    code = "PARAMS = {'w': 1.0}\n\n\ndef compute_reward(obs, params):\n    return {}\n"
    past = search(method, code, lambda numbers: -numbers["w"])
    codes = [c.code for c in past]
    assert len(set(codes)) == len(codes)
    assert surgery.numbers(max(past, key=lambda c: c.score.value if c.score else -9).code)["w"] == 0


def test_the_best_of_the_search_is_tuned_and_only_where_it_has_numbers() -> None:
    tuner = Tuner(TuneConfig(method="cmaes"))
    poor = scored(1, 0, CODE, lambda numbers: 1.0)
    best = scored(1, 1, two_terms(3.0, 4.0), lambda numbers: 2.0)
    tuned = scored(2, 0, two_terms(5.0, 6.0), lambda numbers: 9.0, "tune")
    assert tuner.base([poor, best, tuned], UP) == best
    after = scored(3, 0, two_terms(7.0, 8.0), lambda numbers: 8.0, "mutate")
    assert tuner.base([poor, best, tuned, after], UP) == tuned, "searched further since"
    bare = scored(1, 2, "def compute_reward(obs):\n    return {}\n", lambda numbers: 3.0)
    assert tuner.base([poor, best, bare], UP) is None
    assert tuner.base([], UP) is None


def test_a_package_that_is_missing_is_named_with_its_pip_line() -> None:
    asked = (
        "import sys; sys.modules['optuna'] = None\n"
        "from rewardsmith import tuning\n"
        "from rewardsmith.errors import BackendMissing\n"
        "tuning.require('cmaes')\n"
        "try: tuning.require('tpe')\n"
        "except BackendMissing as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "--tune tpe needs a package: pip install rewardsmith[tune]"
