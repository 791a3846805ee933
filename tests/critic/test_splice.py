"""Terms of two accepted codes in one: what each of them pays stays as it was, in any style."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from critic_tasks import CHEETAH, HOPPER, reply_code, transitions

from rewardsmith import critic, tasks
from rewardsmith.chance import stream
from rewardsmith.jail.service import RewardWorker
from rewardsmith.propose.splice import spliced
from rewardsmith.records import TaskSpec, Verdict
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions

HONEST = sorted(Path(__file__).parents[1].glob("jail/corpus/honest/*.py"))
TOTAL = "(total)"
ALIKE = {"where", "while_bounded"}
"""Whose terms are no more than the other's."""


def accepted(code: str, task: TaskSpec, batch: Transitions) -> Verdict:
    verdict = critic.check(code, task, batch)
    assert verdict.reward, verdict.errors
    return verdict


def paid(verdict: Verdict, batch: Transitions) -> dict[str, np.ndarray]:
    """Each term, (n,), and the total."""
    assert verdict.reward
    with RewardWorker(verdict.reward, capacity=len(batch)) as worker:
        given = worker.compute(batch)
    terms = {name: np.array(values) for name, values in given.terms.items()}
    return {**terms, TOTAL: np.array(given.total)}


def test_every_style_of_the_honest_corpus_can_be_spliced_with_another() -> None:
    task = tasks.resolve("HalfCheetah-v5", "run forward")
    batch = random_transitions(task, 101, 0)
    codes = {path.stem: path.read_text(encoding="utf-8") for path in HONEST}
    codes |= {name: reply_code(name) for name in ("c1-1", "c1-2")}
    parents = {name: accepted(code, task, batch) for name, code in codes.items()}
    known = {name: paid(verdict, batch) for name, verdict in parents.items()}
    names = list(parents)
    for one, other in zip(names[::2], names[1::2], strict=False):
        code = spliced(parents[one], parents[other], task, stream(0, one, other))
        if code is None:
            assert {one, other} <= ALIKE, f"{one} and {other} give nothing"
            continue
        child = accepted(code, task, batch)
        values = paid(child, batch)
        assert child.reward
        donors = set()
        for term in child.reward.terms:
            same = [
                name
                for name in (one, other)
                for source in (term, TOTAL)[term == "combined" :]
                if source in known[name] and np.array_equal(known[name][source], values[term])
            ]
            assert same, f"{term} of {one} and {other} pays something else:\n{code}"
            donors |= set(same)
        assert donors == {one, other}
        explained = sum(values[term] for term in child.reward.terms)
        np.testing.assert_allclose(values[TOTAL], explained, rtol=1e-6, atol=1e-9)


def pair(first: str, second: str, task: TaskSpec = HOPPER) -> list[str]:
    """What comes of several draws, without those that came to nothing."""
    batch = transitions(task)
    one, other = accepted(first, task, batch), accepted(second, task, batch)
    made = [spliced(one, other, task, stream(draw)) for draw in range(12)]
    return [code for code in made if code]


MINE = """import numpy as np

PARAMS = {"weight": 1.0, "scale": 0.5, "unused": 3.0}
LIMIT = 2.0


def bell(x, width):
    return np.exp(-np.square(x / width))


def unneeded(x):
    return x


def compute_reward(next_state, action, params):
    \"\"\"Mine.\"\"\"
    v = np.minimum(next_state.x_velocity, LIMIT)
    speed = params["weight"] * v
    upright = bell(next_state.torso_pitch, width=params["scale"])
    lazy = -np.square(action).sum(axis=-1)
    return {"speed": speed, "upright": upright, "lazy": lazy}
"""
YOURS = """import numpy as np

PARAMS = {"weight": 7.0, "shared": 1.0}
LIMIT = -1.0


def bell(width):
    return np.maximum(width, LIMIT)


def compute_reward(next_state, params):
    v = bell(next_state.z_velocity)
    hop = params["weight"] * v
    low = -params.get("shared", 1.0) * np.abs(next_state.torso_height - 1.2)
    return {"hop": hop, "low": low}
"""


def test_clashes_are_renamed_and_only_what_is_needed_comes_along() -> None:
    children = pair(MINE, YOURS)
    assert len(set(children)) > 3
    for code in children:
        assert "unneeded" not in code and "unused" not in code and "Mine" not in code
        assert ("bell(next_state.torso_pitch" in code) == ("'upright'" in code)
        assert ("shared" in code) == ("'low'" in code)
    both = next(code for code in children if "'speed'" in code and "'hop'" in code)
    assert "'weight': 1.0" in both and "'weight_2': 7.0" in both
    assert "LIMIT = 2.0" in both and "LIMIT_2 = -1.0" in both
    assert "hop = params['weight_2'] * v_2" in both
    alone = next(code for code in children if "'low'" in code and "'hop'" not in code)
    assert "weight_2" not in alone and "LIMIT_2" not in alone


def test_a_local_name_of_one_never_hides_a_builtin_of_the_other() -> None:
    mine = (
        "def compute_reward(next_state):\n    sum = next_state.x_velocity\n"
        "    return {'speed': sum}\n"
    )
    yours = (
        "def compute_reward(next_state):\n"
        "    return {'both': sum([next_state.z_velocity, next_state.pitch_rate])}\n"
    )
    for code in (*pair(mine, yours), *pair(yours, mine)):
        assert "sum_2 = next_state.x_velocity" in code and "sum([" in code


def test_a_constant_named_like_an_argument_is_not_taken_for_it() -> None:
    mine = (
        "t = 0.05\n\n\ndef compute_reward(next_state):\n"
        "    return {'speed': next_state.x_velocity * t, 'pitch': next_state.torso_pitch * t}\n"
    )
    yours = "def compute_reward(t):\n    return {'late': 0.1 * t}\n"
    children = (*pair(mine, yours), *pair(yours, mine))
    assert children
    for code in children:
        assert "x_velocity * t" in code.split("def compute_reward")[0], "it has a scope of its own"


def test_the_total_of_a_gated_reward_stays_one_thing() -> None:
    gated = """import numpy as np


def compute_reward(next_state):
    upright = np.exp(-np.square(next_state.torso_pitch))
    speed = next_state.x_velocity
    return speed * upright, {"speed": speed, "upright": upright}
"""
    children = pair(gated, YOURS)
    assert children
    for code in children:
        names = set(accepted_terms(code))
        assert "combined" in names and names <= {"combined", "hop", "low"}


def accepted_terms(code: str) -> tuple[str, ...]:
    verdict = accepted(code, HOPPER, transitions(HOPPER))
    assert verdict.reward
    return verdict.reward.terms


def test_children_of_children_stay_readable_and_accepted() -> None:
    codes = [reply_code("c2-1"), reply_code("c2-2"), MINE]
    batch = transitions(HOPPER)
    for generation in range(8):
        one, other = (accepted(code, HOPPER, batch) for code in codes[-2:])
        child = spliced(one, other, HOPPER, stream("deeper", generation))
        codes.append(child or codes[generation % 3])
    assert len(set(codes)) > 6
    assert all(len(code) < 4000 for code in codes)


@pytest.mark.parametrize("style", ["plain", "collected"])
def test_nothing_comes_of_two_that_have_the_same_single_term(style: str) -> None:
    code = "def compute_reward(next_state):\n    return {'speed': next_state.x_velocity}\n"
    if style == "collected":
        code = code.replace("return {", "terms = dict([('speed', next_state.x_velocity)])\n    #")
        code = code.replace("#'speed': next_state.x_velocity}", "return terms")
    assert pair(code, code, CHEETAH) == []


def test_the_same_draw_gives_the_same_child() -> None:
    assert pair(MINE, YOURS) == pair(MINE, YOURS)
    assert all(ast.parse(code) for code in pair(MINE, YOURS))
