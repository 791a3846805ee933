"""Trainings of the population for the benchmarks, each with a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rewardsmith import critic
from rewardsmith.records import CheckedReward, TaskSpec
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.training import TrainJob

REWARD = """import numpy as np


def compute_reward(next_state, action):
    effort = -0.001 * np.sum(np.square(action), axis=-1)
    return {"speed": next_state.x_velocity, "alive": np.ones(len(action)), "effort": effort}
"""


def checked(task: TaskSpec) -> CheckedReward:
    """A reward as a proposer might write it, let pass by the critic."""
    reward = critic.check(REWARD, task, random_transitions(task, 301, 0)).reward
    assert reward is not None
    return reward


def of_seeds(
    task: TaskSpec,
    seeds: Sequence[int],
    steps: int,
    place: str,
    *,
    n_envs: int | None = None,
    hyperparams: Mapping[str, bool | int | float | str] = {},
) -> list[TrainJob]:
    """One training a seed on the native reward."""
    return [_job(task, "native", None, seed, steps, place, n_envs, hyperparams) for seed in seeds]


def of_candidates(
    task: TaskSpec,
    reward: CheckedReward,
    numbers: Sequence[int],
    steps: int,
    place: str,
    *,
    n_envs: int | None = None,
    hyperparams: Mapping[str, bool | int | float | str] = {},
) -> list[TrainJob]:
    """One training a candidate, all with the same reward, each asked in a worker of its own."""
    return [_job(task, f"c{at}", reward, 0, steps, place, n_envs, hyperparams) for at in numbers]


def of_reward(
    task: TaskSpec, name: str, reward: CheckedReward, seed: int, steps: int, place: str
) -> TrainJob:
    """One training of a reward called `name`."""
    return _job(task, name, reward, seed, steps, place, None, {})


def _job(
    task: TaskSpec,
    candidate: str,
    reward: CheckedReward | None,
    seed: int,
    steps: int,
    place: str,
    n_envs: int | None,
    hyperparams: Mapping[str, bool | int | float | str],
) -> TrainJob:
    relative = f"{candidate}-{seed}"
    folder = Path(place) / relative
    folder.mkdir()
    return TrainJob(
        id=f"{candidate}/{seed}",
        candidate=candidate,
        task=task,
        reward=reward,
        seed=seed,
        purpose="selection" if reward else "report",
        timesteps=steps,
        n_envs=n_envs or task.budget.n_envs,
        backend="population",
        hyperparams=dict(hyperparams),
        folder=str(folder),
        relative=relative,
    )
