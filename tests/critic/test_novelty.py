"""A reward that a run has already is found by its tree or by what it pays, and no other is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import LATE

from rewardsmith import critic, tasks
from rewardsmith.appraise import Appraisal
from rewardsmith.config import RunConfig
from rewardsmith.critic.novelty import normal_form
from rewardsmith.records import Candidate, Stage, TaskSpec, Verdict
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import RunRecord, Store

REWARD = """
import numpy as np

PARAMS = {"weight": 2.0}


def _bounded(value, limit):
    return np.clip(value, -limit, limit)


def compute_reward(next_state, params):
    angle = np.abs(next_state.pole_angle)
    return {"upright": params["weight"] * _bounded(1 - angle, 1)}
"""
RENAMED = '''"""Another text."""
import numpy as np

PARAMS = {"weight": 2}


def clip(x: float, most: float) -> float:
    """The same."""
    return np.clip(x, -most, most)  # as before


def compute_reward(next_state, params):
    tilt: float = np.abs(next_state.pole_angle)
    return {"upright": params["weight"] * clip(1.0 - tilt, 1.0)}
'''
REWRITTEN = """
import numpy as np


def compute_reward(next_state):
    tilt = np.maximum(next_state.pole_angle, -next_state.pole_angle)
    return {"upright": np.minimum(np.maximum(2.0 - 2.0 * tilt, -2.0), 2.0)}
"""


def test_names_comments_hints_and_docstrings_make_no_other_tree() -> None:
    assert normal_form(REWARD) == normal_form(RENAMED)
    assert normal_form(REWARD) != normal_form(REWRITTEN)


def test_an_error_by_another_name_makes_no_other_tree() -> None:
    caught = "try:\n    x = 1.0\nexcept ValueError as error:\n    print(error)\n"
    assert normal_form(caught) == normal_form(caught.replace("error", "fault"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pole_angle", "cart_position"),
        ("1 - angle", "2 - angle"),
        ('"upright"', '"level"'),
        ('"weight": 2.0', '"weight": 3.0'),
        ("np.abs", "np.square"),
        ("-limit, limit", "limit, -limit"),
        ("1 - angle, 1", "1, 1 - angle"),
    ],
)
def test_what_means_something_else_is_another_tree(old: str, new: str) -> None:
    assert normal_form(REWARD) != normal_form(REWARD.replace(old, new))


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("CartPole-v1", "balance the pole")


@pytest.fixture(scope="module")
def transitions(task: TaskSpec) -> Transitions:
    return random_transitions(task, 301, 0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store, task: TaskSpec) -> RunRecord:
    return store.create_run(task=task, config=RunConfig(), proposer="model m")


def judged(
    store: Store, run: RunRecord, transitions: Transitions, code: str, index: int
) -> Verdict:
    made = Candidate(id=f"r01c0{index}", generation=1, index=index, code=code)
    verdict = Appraisal(run, store, transitions).judge(made, [])
    stage = Stage.CHECKED if verdict.ok else Stage.FAILED
    store.save_candidate(run.id, made.model_copy(update={"verdict": verdict, "stage": stage}))
    return verdict


@pytest.mark.parametrize(
    ("code", "why"),
    [(RENAMED, "the same but for names"), (REWRITTEN, "same value on 301 transitions")],
    ids=["tree", "terms"],
)
def test_a_reward_that_is_there_already_is_refused_by_the_name_of_the_first(
    store: Store, run: RunRecord, transitions: Transitions, code: str, why: str
) -> None:
    assert judged(store, run, transitions, REWARD, 0).ok
    verdict = judged(store, run, transitions, code, 1)
    (error,) = verdict.errors
    assert not verdict.ok and verdict.reward is None
    assert "the reward of r01c00 again" in error and why in error
    other = judged(store, run, transitions, REWARD.replace("angle, 1)", "angle, 0.99)"), 2)
    assert other.ok and other.fingerprint != verdict.fingerprint


def test_a_factor_makes_no_other_training_and_a_constant_only_where_episodes_end(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    """CartPole ends its episodes: there a constant pays for lasting."""
    assert judged(store, run, transitions, REWARD, 0).ok
    scaled = judged(store, run, transitions, REWARD.replace("2.0", "3.7"), 1)
    assert not scaled.ok and "but for a factor" in scaled.errors[0]
    assert judged(store, run, transitions, REWARD.replace("2.0", "-3.7"), 2).ok
    shifted = REWARD.replace("_bounded(1 - angle, 1)", "(1.5 - angle)")
    assert judged(store, run, transitions, shifted, 3).ok
    endless = run.task.model_copy(update={"never_ends_early": True})
    other = store.create_run(task=endless, config=RunConfig(), proposer="model m")
    assert judged(store, other, transitions, REWARD, 0).ok
    verdict = judged(store, other, transitions, shifted, 1)
    assert not verdict.ok and "a constant that training takes no notice of" in verdict.errors[0]


def test_where_training_notices_a_factor_a_scaled_reward_is_a_new_one(
    store: Store, task: TaskSpec, transitions: Transitions
) -> None:
    config = RunConfig.model_validate({"train": {"algo": "sac"}})
    run = store.create_run(task=task, config=config, proposer="model m")
    assert judged(store, run, transitions, REWARD, 0).ok
    assert judged(store, run, transitions, REWARD.replace("2.0", "3.7"), 1).ok


def test_a_term_that_random_actions_never_meet_makes_every_reward_a_new_one(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    late = REWARD.replace("params):", "params, t):").replace("1)}", '1), "late": 1.0 * (t > 400)}')
    assert judged(store, run, transitions, late, 0).ok
    scaled = late.replace("2.0", "3.0").replace("1.0 * (t", "1.5 * (t")
    assert judged(store, run, transitions, scaled, 1).ok


def test_a_reward_whose_training_failed_may_be_tried_again(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    judged(store, run, transitions, REWARD, 0)
    (first,) = store.candidates(run.id)
    store.save_candidate(run.id, first.model_copy(update={"failure": LATE}))
    assert judged(store, run, transitions, RENAMED, 1).ok


def test_what_was_refused_itself_stands_in_nobodys_way(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    broken = REWARD.replace("pole_angle", "pole_agnel")
    assert not judged(store, run, transitions, broken, 0).ok
    assert judged(store, run, transitions, REWARD, 1).ok
    assert critic.check(REWARD, run.task, transitions).fingerprint == ""
    later = judged(store, run, transitions, REWARD, 0)
    assert later.ok, "one that comes after does not count"
