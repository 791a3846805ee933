"""Wall seconds from the command to policies that reach a stated return; one JSON line.

Several policies are wanted, as a search wants them. Ours train together through the engine;
stable-baselines3 and sbx train one a process, as many at once as there are cores. All start from
nothing, imports and compilation included, with the same PPO (the environment's preset), on the
native reward. A policy has arrived when the mean return of its last 16 training episodes reaches
the target; then a process of its own ends, and the next one begins.

sbx is not among our dependencies: give --sbx-python an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

TARGETS = {"Hopper-v5": (1500.0, 600_000), "HalfCheetah-v5": (2500.0, 300_000)}
"""The return to reach, and the steps after which a policy is given up."""
EPISODES = 16


def ours(env: str, seeds: Sequence[int], target: float, steps: int) -> list[float | None]:
    """Seconds of each policy, by the engine in a process of its own."""
    arguments = ["--one", "ours", env, json.dumps(list(seeds)), str(target), str(steps)]
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        arrived: dict[int, float] = {}
        for line in process.stdout:
            arrived[int(line)] = time.perf_counter() - begin
    assert process.returncode == 0
    return [arrived.get(seed) for seed in seeds]


def one_by_one(
    arm: str, python: str, env: str, seeds: Sequence[int], target: float, steps: int
) -> list[float | None]:
    """Seconds of each policy since the first began, one process a policy, one a core at a time."""
    begin = time.perf_counter()

    def run(seed: int) -> float | None:
        arguments = ["--one", arm, env, str(seed), str(target), str(steps)]
        done = subprocess.run([python, __file__, *arguments], stdout=subprocess.PIPE, check=True)
        return time.perf_counter() - begin if done.stdout.strip() else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, seeds))


def train_ours(env: str, seeds: Sequence[int], target: float, steps: int) -> None:
    """Train all seeds together; prints each seed when it arrives."""
    from jobs import of_seeds

    from rewardsmith import tasks
    from rewardsmith.engine.local import LocalEngine
    from rewardsmith.training import Progress, TrainJob

    task = tasks.resolve(env, "as it is", fitness="native")
    left = set(seeds)

    def progress(job: TrainJob, line: Progress) -> None:
        if job.seed in left and line.reward_return is not None and line.reward_return >= target:
            left.remove(job.seed)
            print(job.seed, flush=True)

    class Arrived(Exception):
        """All have."""

    def poll() -> None:
        if not left:
            raise Arrived

    with tempfile.TemporaryDirectory() as place, LocalEngine() as engine:
        jobs = of_seeds(task, seeds, steps, place)
        try:
            for training in engine.train(jobs, progress, poll):
                assert training.failure is None, training.failure
        except Arrived:
            return


def train_theirs(arm: str, env: str, seed: int, target: float, steps: int) -> None:
    """Train one seed; prints it if it arrives."""
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    if arm == "sbx":
        from sbx import PPO
    else:
        import torch
        from stable_baselines3 import PPO

        torch.set_num_threads(1)
    preset = json.loads(os.environ["PRESET"])
    worlds, rate = preset.pop("n_envs"), preset.pop("learning_rate")
    log_std = preset.pop("log_std_init")

    class Arrival(BaseCallback):
        def _on_step(self) -> bool:
            ended = [episode["r"] for episode in self.model.ep_info_buffer][-EPISODES:]
            return len(ended) < EPISODES or sum(ended) / EPISODES < target

    vector = VecNormalize(make_vec_env(env, worlds, seed=seed), gamma=preset["gamma"])
    model: Any = PPO(
        "MlpPolicy",
        vector,
        seed=seed,
        device="cpu",
        learning_rate=lambda remaining: rate * remaining,
        policy_kwargs={"log_std_init": log_std},
        **preset,
    )
    model.learn(steps, callback=Arrival())
    if model.num_timesteps < steps:
        print(seed)


def preset_of(env: str) -> str:
    """The environment's preset, as stable-baselines3 names it."""
    from rewardsmith import tasks

    task = tasks.resolve(env, "as it is", fitness="native")
    return json.dumps({"n_envs": task.budget.n_envs, **task.hyperparams["ppo"]})


def summary(seconds: Sequence[float | None]) -> dict[str, object]:
    """How many arrived, and the seconds until the first, half and all of them; None for never."""
    times = sorted(math.inf if second is None else second for second in seconds)
    found = {"first_s": times[0], "median_s": statistics.median(times), "last_s": times[-1]}
    told = {name: round(at, 1) if math.isfinite(at) else None for name, at in found.items()}
    return {"arrived": sum(math.isfinite(at) for at in times), **told}


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        _, _, arm, env, seeds, target, steps = sys.argv
        if arm == "ours":
            train_ours(env, json.loads(seeds), float(target), int(steps))
        else:
            train_theirs(arm, env, int(seeds), float(target), int(steps))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", action="append", choices=TARGETS)
    parser.add_argument("--policies", type=int, default=4)
    parser.add_argument("--sbx-python", default="", help="an interpreter that has sbx")
    chosen = parser.parse_args()
    seeds = list(range(200, 200 + chosen.policies))
    figures: dict[str, object] = {"policies": len(seeds), "cores": os.cpu_count()}
    for env in chosen.env or TARGETS:
        target, steps = TARGETS[env]
        os.environ["PRESET"] = preset_of(env)
        arms: dict[str, Callable[[], list[float | None]]] = {
            "ours": lambda env=env, t=target, s=steps: ours(env, seeds, t, s),
            "sb3": lambda env=env, t=target, s=steps: one_by_one(
                "sb3", sys.executable, env, seeds, t, s
            ),
        }
        if chosen.sbx_python:
            arms["sbx"] = lambda env=env, t=target, s=steps: one_by_one(
                "sbx", chosen.sbx_python, env, seeds, t, s
            )
        found = {arm: summary(run()) for arm, run in arms.items()}
        figures[env] = {"return": target, **found}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
