"""The same verbs from Python: run, load, check, train."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, says
from running import Recorded

import rewardsmith
from rewardsmith.errors import UserError
from rewardsmith.records import Event

REWARD = """import numpy as np


def compute_reward(next_state):
    return {"upright": np.cos(next_state.pole_angle)}
"""
TINY = {
    "timesteps": 512,
    "hyperparams": {"n_steps": 64},
    "train": {"n_envs": 4, "episodes": 2},
    "search": {"report_seeds": 2},
}

# What a notebook does: everything at the top of a cell, with an event loop that runs already.
NOTEBOOK = '''
import asyncio, json, sys
import gymnasium
import rewardsmith


class Slippery(gymnasium.Wrapper):
    """CartPole of which every third action fails."""

    steps = 0

    def step(self, action):
        print("slipping")
        self.steps += 1
        return self.env.step(0 if self.steps % 3 == 0 else action)


def make_env():
    return Slippery(gymnasium.make("CartPole-v1"))


async def cell():
    run = rewardsmith.run(
        "keep it up", env=make_env, fitness="T", model="test", api_base=sys.argv[1],
        runs_dir=sys.argv[2], samples=1, iterations=1, timesteps=512,
        hyperparams={"n_steps": 64}, train={"n_envs": 4, "episodes": 2}, search={"report_seeds": 1},
    )
    return run.result


if __name__ == "__main__":
    result = asyncio.run(cell())
    print(json.dumps([result.status, result.best.candidate, result.policy_file]))
'''


def test_a_stored_run_is_a_table_with_one_row_per_candidate(recorded: Recorded) -> None:
    frame = rewardsmith.load(runs_dir=recorded.runs_dir).to_frame()
    assert list(frame["candidate"]) == ["r01c00", "r01c01", "r02c00", "r02c01"]
    best = recorded.result["best"]
    (row,) = frame[frame["candidate"] == best["candidate"]].to_dict("records")
    assert row["fitness"] == best["fitness"]
    assert row["selection_fitness"] == best["selection_fitness"]
    assert set(frame[frame["generation"] == 2]["parents"]) != {""}


def test_a_run_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no runs in"):
        rewardsmith.load(runs_dir=tmp_path)


def test_a_reward_is_checked_as_code_or_as_a_file(tmp_path: Path) -> None:
    assert rewardsmith.check(REWARD, "CartPole-v1").ok
    file = tmp_path / "reward.py"
    file.write_text(REWARD.replace("pole_angle", "pole_agnel"))
    for path in (file, str(file)):
        verdict = rewardsmith.check(path, "CartPole-v1")
        assert not verdict.ok and "pole_angle" in verdict.errors[0]
    with pytest.raises(UserError, match="cannot read nowhere"):
        rewardsmith.check("nowhere.py", "CartPole-v1")


def test_a_reward_is_checked_in_the_environment_that_is_asked_for() -> None:
    kwargs = {"include_cfrc_ext_in_observation": False}
    for env_kwargs, known in (({}, True), (kwargs, False)):
        code = "def compute_reward(next_obs):\n    return {'last': next_obs[:, 27]}\n"
        assert rewardsmith.check(code, "Ant-v5", env_kwargs=env_kwargs).ok is known


def test_a_reward_is_trained_on_the_seeds_that_are_given(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text(REWARD)
    seen: list[Event] = []
    run = rewardsmith.train(
        file, "CartPole-v1", seeds=(3, 5), runs_dir=tmp_path / "runs", observe=seen.append, **TINY
    )
    (candidate,) = run.candidates
    assert [training.seed for training in candidate.trainings] == [3, 5]
    assert run.result.best and run.result.best.seeds == 2
    assert [event.event for event in seen if event.event == "trained"] == ["trained"] * 2


def test_a_notebook_runs_its_own_environment_with_a_model(tmp_path: Path) -> None:
    """`make_env` stands in the script itself; the name of a variable is discovered."""
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    code = "import numpy as np\n\n\ndef compute_reward(action, next_obs):\n"
    code += '    return {"low": 1.0 - np.abs(next_obs[:, 2])}\n'
    with LoopbackServer(says(f"```python\n{code}```")) as server:
        done = subprocess.run(
            [sys.executable, script, server.url, tmp_path / "runs"],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    status, best, policy = json.loads(done.stdout.splitlines()[-1])
    assert (status, best) == ("done", "r01c00")
    assert Path(policy).exists()
