"""Training speed of a generation: population against stable-baselines3 and raw physics.

All cores are busy on every side: raw mj_step with one thread a core (physics.py); the population
with one process a core, rewards asked through the jail, learning included; stable-baselines3's own
PPO with one process per candidate, as many at once as there are cores. Alternating; one JSON line,
medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from jobs import checked, of_candidates
from physics import raw

from rewardsmith import tasks
from rewardsmith.engine.local import LocalEngine
from rewardsmith.records import CheckedReward, TaskSpec

WORLDS = 8
PLAIN: dict[str, Any] = {"n_steps": 256, "n_epochs": 10, "learning_rate": 3e-4, "anneal": False}


def ours(
    engine: LocalEngine, task: TaskSpec, reward: CheckedReward, count: int, hyperparams: Any
) -> Callable[[int], float]:
    """A generation through the engine; steps/s by the wall clock."""

    def run(steps: int) -> float:
        with tempfile.TemporaryDirectory() as place:
            jobs = of_candidates(
                task, reward, range(count), steps, place, n_envs=WORLDS, hyperparams=hyperparams
            )
            begin = time.perf_counter()
            done = list(engine.train(jobs, lambda job, line: None, lambda: None))
            wall_s = time.perf_counter() - begin
            assert not any(training.failure for training in done)
            return sum(training.timesteps for training in done) / wall_s

    return run


def sb3_one(env: str, batch_size: int, steps: int, seed: int) -> int:
    """One candidate by stable-baselines3 alone, in this process; gives its steps."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    torch.set_num_threads(1)
    if not steps:
        return 0  # only to have imported all that
    vector = VecNormalize(make_vec_env(env, WORLDS, seed=seed))
    model = PPO(
        "MlpPolicy",
        vector,
        seed=seed,
        device="cpu",
        n_steps=256,
        n_epochs=10,
        learning_rate=3e-4,
        batch_size=batch_size,
    )
    model.learn(steps)
    return int(model.num_timesteps)


def theirs(pool: Any, env: str, count: int, batch_size: int) -> Callable[[int], float]:
    """One process a candidate, as many at once as cores; steps/s by the wall clock."""

    def run(steps: int) -> float:
        begin = time.perf_counter()
        asked = [(env, batch_size, steps, seed) for seed in range(count)]
        made = sum(pool.starmap(sb3_one, asked, chunksize=1))
        return float(made / (time.perf_counter() - begin))

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Hopper-v5")
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8192, help="per candidate")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    cores = os.cpu_count() or 1
    task = tasks.resolve(chosen.env, "run forward")
    plain = task.model_copy(update={"hyperparams": {}})
    reward, count = checked(task), chosen.candidates
    context = multiprocessing.get_context("spawn")
    with LocalEngine(cores, 3600, 3600) as engine, context.Pool(cores) as pool:
        pool.starmap(sb3_one, [(chosen.env, 64, 0, 0)] * cores, chunksize=1)
        physics = raw(task, 64, cores)
        arms: dict[str, Callable[[int], float]] = {
            "raw": lambda steps: physics(3.0),
            "ours": ours(engine, plain, reward, count, {**PLAIN, "batch_size": 64}),
            "ours_256": ours(engine, plain, reward, count, {**PLAIN, "batch_size": 256}),
            "preset": ours(engine, task, reward, count, {}),
            "unstacked": ours(engine, plain, reward, cores, {**PLAIN, "batch_size": 64}),
            "sb3": theirs(pool, chosen.env, count, 64),
            "sb3_256": theirs(pool, chosen.env, count, 256),
        }
        arms["ours"](2048)  # the processes have imported everything after it
        speeds: dict[str, list[float]] = {arm: [] for arm in arms}
        for _ in range(chosen.repeats):
            for arm, run in arms.items():
                speeds[arm].append(run(chosen.steps))
    middle = {arm: statistics.median(values) for arm, values in speeds.items()}
    figures = {
        "env": chosen.env,
        "candidates": count,
        "steps_per_s": {arm: round(value) for arm, value in middle.items()},
        "ours_over_sb3": round(middle["ours"] / middle["sb3"], 2),
        "ours_over_raw": round(middle["ours"] / middle["raw"], 2),
        "ours_over_sb3_256": round(middle["ours_256"] / middle["sb3_256"], 2),
        "preset_over_raw": round(middle["preset"] / middle["raw"], 2),
        "stacked_over_unstacked": round(middle["ours"] / middle["unstacked"], 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
