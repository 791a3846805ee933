"""Steps per second of the batched engine beside raw mj_step and Gymnasium; one JSON line.

Raw is mj_step alone, one thread a core; alternating, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from rewardsmith import tasks
from rewardsmith.records import TaskSpec
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.mujoco import MujocoSim

ENVS = ("Hopper-v5", "HalfCheetah-v5", "Ant-v5")
_WANDERED, _ONWARD = 100, 16
"""Steps until the states that raw physics goes on from, and how many it goes on."""


def raw(task: TaskSpec, worlds: int, cores: int) -> Callable[[float], float]:
    """mj_step in MuJoCo's own threads and nothing else; gives steps/s of all cores.

    From states that a random policy meets: a robot that lies on the ground has more contacts, and
    its step takes longer.
    """
    envs = [tasks.make(task) for _ in range(worlds)]
    for seed, env in enumerate(envs):
        _wander(env, seed)
    bare = [env.unwrapped for env in envs]
    model, kind = bare[0].model, mujoco.mjtState.mjSTATE_FULLPHYSICS
    states = np.zeros((worlds, mujoco.mj_stateSize(model, kind)))
    for row, env in zip(states, bare, strict=True):
        mujoco.mj_getState(model, env.data, row, kind)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (worlds, _ONWARD, task.action.size))
    control = np.repeat(actions, bare[0].frame_skip, axis=1)
    threads, data = Rollout(nthread=cores), [mujoco.MjData(model) for _ in range(cores)]

    def run(seconds: float) -> float:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            threads.rollout(model, data, states, control)
            steps += worlds * _ONWARD
        return steps / (time.perf_counter() - begin)

    return run


def _wander(env: Any, seed: int) -> None:
    """Bring it to where a random policy is after a while."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(_WANDERED):
        if env.step(env.action_space.sample())[2]:
            env.reset()


def stepped(sim: GymnasiumSim, task: TaskSpec) -> Callable[[float], float]:
    """Whole vector steps with random actions and resets; gives steps/s."""
    sim.reset(range(sim.n))
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (64, sim.n, task.action.size))

    def run(seconds: float) -> float:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            step = sim.step(actions[steps % 64])
            over = np.flatnonzero(step.done).tolist()
            if over:
                sim.reset([steps + world for world in over], over)
            steps += 1
        return steps * sim.n / (time.perf_counter() - begin)

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    cores = os.cpu_count() or 1
    figures: dict[str, object] = {"worlds": chosen.worlds, "cores": cores}
    for name in ENVS:
        task = tasks.resolve(name, "run forward")
        gather = frozenset(variable.name for variable in task.variables[:5])
        arms = {
            "raw": raw(task, chosen.worlds, cores),
            "batched": stepped(MujocoSim(task, chosen.worlds, gather, threads=cores), task),
            "batched_one_thread": stepped(MujocoSim(task, chosen.worlds, gather), task),
            "gymnasium": stepped(GymnasiumSim(task, chosen.worlds, gather), task),
        }
        speeds: dict[str, list[float]] = {arm: [] for arm in arms}
        for _ in range(chosen.repeats):
            for arm, run in arms.items():
                speeds[arm].append(run(chosen.seconds))
        medians = {arm: statistics.median(values) for arm, values in speeds.items()}
        figures[name] = {arm: round(value) for arm, value in medians.items()} | {
            "batched_over_raw": round(medians["batched"] / medians["raw"], 2),
            "batched_over_gymnasium": round(medians["batched"] / medians["gymnasium"], 2),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
