"""Steps per second of the batched engine beside raw mj_step and Gymnasium; one JSON line.

Raw is mj_step alone, one thread a core, each on worlds of its own; alternating, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Callable

import mujoco
import numpy as np

from rewardsmith import tasks
from rewardsmith.records import TaskSpec
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.mujoco import MujocoSim

ENVS = ("Hopper-v5", "HalfCheetah-v5", "Ant-v5")


def raw(task: TaskSpec, worlds: int, cores: int) -> Callable[[float], float]:
    """mj_step with frame skip, and nothing else; gives steps/s of all cores."""
    envs = [tasks.make(task) for _ in range(worlds)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)
    bare = [env.unwrapped for env in envs]

    def work(mine: list[object], until: float, made: list[int]) -> None:
        steps = 0
        while time.perf_counter() < until:
            for env in mine:
                mujoco.mj_step(env.model, env.data, nstep=env.frame_skip)  # type: ignore[attr-defined]
                steps += 1
        made.append(steps)

    def run(seconds: float) -> float:
        made: list[int] = []
        until = time.perf_counter() + seconds
        begin = time.perf_counter()
        threads = [
            threading.Thread(target=work, args=(bare[part::cores], until, made))
            for part in range(cores)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(made) / (time.perf_counter() - begin)

    return run


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
