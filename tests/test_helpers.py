"""What `difference` and `bounded` pay a loiterer, in the jail, on episodes that were lived."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scripted_engine import candidate

from rewardsmith import critic, tasks
from rewardsmith.config import RunConfig
from rewardsmith.critic.exploits import battery
from rewardsmith.critic.returns import pay
from rewardsmith.export import reward_text
from rewardsmith.helpers import names
from rewardsmith.propose.prompts import render
from rewardsmith.records import CheckedReward, TaskSpec
from rewardsmith.reward import Transitions
from rewardsmith.rollouts import Rollout
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import RunRecord

RAW = """
import numpy as np

def height(state):
    return 1.0 + np.cos(state.angle)

def compute_reward(state, next_state):
    return {"height": height(next_state)}
"""
GAINED = RAW.replace("height(next_state)}", "difference(height(next_state), height(state))}")
BOUNDED = RAW.replace("height(next_state)}", "bounded(height(next_state), 5.0, 200)}")


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("Pendulum-v1", "swing up", task="upright")


@pytest.fixture(scope="module")
def transitions(task: TaskSpec) -> Transitions:
    return random_transitions(task, 301, 0)


@pytest.fixture(scope="module")
def loiterers(task: TaskSpec) -> tuple[Rollout, ...]:
    """Doing nothing, pushing, swinging to and fro: no one of them holds the pole up."""
    return battery(task, 3)


def checked(code: str, task: TaskSpec, transitions: Transitions) -> CheckedReward:
    verdict = critic.check(code, task, transitions)
    assert verdict.ok and verdict.reward, verdict.errors
    return verdict.reward


def returns(reward: CheckedReward, episodes: Sequence[Rollout]) -> list[float]:
    """What each episode is paid in all, without a discount."""
    return [paid.total for paid in pay(reward, episodes, 1.0, unsafe=False)]


def test_a_loiterer_farms_the_raw_term_and_not_the_wrapped_one(
    task: TaskSpec, transitions: Transitions, loiterers: tuple[Rollout, ...]
) -> None:
    raw = returns(checked(RAW, task, transitions), loiterers)
    gained = returns(checked(GAINED, task, transitions), loiterers)
    capped = returns(checked(BOUNDED, task, transitions), loiterers)
    assert max(raw) > 100.0
    # The height lies between 0 and 2: so does what can be gained, whatever is done for how long.
    assert max(map(abs, gained)) <= 2.0
    assert max(map(abs, capped)) <= 5.0
    ends = [
        1.0 + np.cos([made.state["angle"][0], made.next_state["angle"][-1]])
        for made in (episode.transitions for episode in loiterers)
    ]
    assert gained == pytest.approx([last - first for first, last in ends])


def test_a_model_is_told_of_every_helper() -> None:
    assert all(f"`{name}(" in render("system") for name in names())


def test_a_discount_makes_the_difference_a_potential(
    task: TaskSpec, transitions: Transitions, loiterers: tuple[Rollout, ...]
) -> None:
    """Discounted alike, all between the ends cancels: gamma^T Phi(s_T) - Phi(s_0)."""
    code = GAINED.replace("height(state))", "height(state), 0.95)")
    (paid,) = pay(checked(code, task, transitions), loiterers[:1], 0.95, unsafe=False)
    made = loiterers[0].transitions
    first, last = 1.0 + np.cos([made.state["angle"][0], made.next_state["angle"][-1]])
    assert paid.total == pytest.approx(0.95 ** len(made) * last - first)


def test_no_line_moves_and_a_fault_of_the_rewards_own_keeps_its_number(
    task: TaskSpec, transitions: Transitions
) -> None:
    reward = checked(GAINED, task, transitions)
    assert reward.code.startswith(GAINED) and "def difference" in reward.code
    assert "def bounded" not in reward.code
    broken = critic.check(GAINED.replace("state.angle", "state.angel"), task, transitions)
    assert {finding.line for finding in broken.findings} == {5}
    misused = critic.check(GAINED.replace(", height(state))", ")"), task, transitions)
    assert misused.errors and misused.errors[0].startswith("line 8: ")


@pytest.mark.parametrize(
    "own",
    [
        "def difference(a, b):\n    return a - b\n",
        "difference = lambda a, b: a - b\n",
    ],
)
def test_a_reward_may_have_a_helper_of_its_own_by_that_name(
    task: TaskSpec, transitions: Transitions, own: str
) -> None:
    code = own + GAINED
    assert checked(code, task, transitions).code == code
    unhelped = RAW.replace("height(next_state)", "np.minimum(height(next_state), 1.0)")
    assert checked(unhelped, task, transitions).code == unhelped


def test_what_a_reward_imports_by_a_helpers_name_stays_what_it_imported(
    task: TaskSpec, transitions: Transitions
) -> None:
    code = "from numpy import cos as bounded\n\ndef compute_reward(state):\n"
    code += '    return {"height": bounded(state.angle)}\n'
    assert checked(code, task, transitions).code == code


def test_an_exported_reward_runs_where_nothing_but_numpy_is(
    task: TaskSpec, transitions: Transitions, tmp_path: Path
) -> None:
    code = GAINED.replace("state))}", 'state)), "held": bounded(height(state), 5.0, 200)}')
    verdict = critic.check(code, task, transitions)
    assert verdict.ok, verdict.errors
    run = RunRecord(
        id="r", created_at="", task=task, config=RunConfig(), proposer="offline baseline"
    )
    text = reward_text(run, candidate(0, code=code, verdict=verdict))
    (tmp_path / "best.py").write_text(text)
    asked = """
import sys, types
sys.path.insert(0, sys.argv[1])
import numpy as np, best
before, after = (types.SimpleNamespace(angle=np.array(a)) for a in ([3.0, 0.0], [0.0, 0.0]))
print(best.compute_reward(state=before, next_state=after))
assert "rewardsmith" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", asked, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "1.98999" in done.stdout and "0.025" in done.stdout
    again = critic.check(text, task, transitions)
    assert again.ok and again.reward and again.reward.code == text
