"""Trainings of a second or less, for the contracts of trainers and engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rewardsmith import critic, tasks
from rewardsmith.records import CheckedReward, TaskSpec
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.training import TrainJob

ENV = f"{Path(__file__).with_name('point.py')}:make_env"
QUICK: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 64, "batch_size": 64, "n_epochs": 2, "width": 16, "anneal": False},
    "sac": {"learning_starts": 50, "batch_size": 32, "width": 16},
}
QUICK["population"] = QUICK["ppo"]
GOOD = """
import numpy as np


def compute_reward(next_obs, action):
    near = np.exp(-np.square(next_obs[:, 0]))
    return {"near": near, "effort": -0.1 * np.sum(np.square(action), axis=-1)}
"""


def point_task(**faults: Any) -> TaskSpec:
    return tasks.resolve(ENV, "come to rest in the middle", fitness="native", env_kwargs=faults)


def checked(code: str, task: TaskSpec, rows: int = 60) -> CheckedReward:
    """`code` as the critic lets it pass; 60 rows reach about half way into Point's episodes."""
    verdict = critic.check(code, task, random_transitions(task, rows, seed=0))
    assert verdict.reward, verdict.errors
    return verdict.reward


def job(
    folder: Path, task: TaskSpec, reward: CheckedReward | None = None, **parts: Any
) -> TrainJob:
    """A training of 512 steps, unless `parts` say otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    algo = parts.get("algo", "ppo")
    if algo == "population":
        parts = {**parts, "algo": "ppo", "backend": "population"}
    settled: dict[str, Any] = {
        "id": f"{folder.name}/selection-0",
        "candidate": folder.name,
        "task": task,
        "reward": reward,
        "seed": 0,
        "purpose": "selection",
        "timesteps": 512,
        "n_envs": 2,
        "hyperparams": QUICK[algo],
        "folder": str(folder),
        "relative": folder.name,
    }
    return TrainJob(**{**settled, **parts})
