"""The sweep behind a preset in envs/<id>/task.toml: settings of PPO on the native reward alone.

Prints one JSON line per setting: the interquartile mean, over seeds, of the native return of the
policy that is kept (the one at the peak of its own return), the returns, and the seconds it took.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from jobs import of_seeds
from parity import iqm, measured

from rewardsmith import policy, tasks
from rewardsmith.engine.local import LocalEngine

_FIRST = {"n_steps": 128, "gamma": 0.9, "log_std_init": -0.5}
"""What the first settings of Pendulum had in common; those after them build on the preset."""
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "Hopper-v5": [
        {},
        {"n_steps": 256, "batch_size": 256, "learning_rate": 3e-4, "log_std_init": 0.0},
        {"n_steps": 256, "batch_size": 256, "learning_rate": 5e-4, "log_std_init": -0.5},
        {"n_steps": 128, "batch_size": 128, "learning_rate": 3e-4, "log_std_init": 0.0},
        {"n_steps": 256, "batch_size": 128, "learning_rate": 3e-4, "log_std_init": -0.5},
    ],
    "HalfCheetah-v5": [
        {},
        {"n_steps": 128, "batch_size": 512},
        {"n_steps": 256, "batch_size": 256, "learning_rate": 5e-4},
        {"n_steps": 128, "batch_size": 128, "learning_rate": 7e-4},
        {"n_steps": 128, "batch_size": 512, "log_std_init": 0.0},
    ],
    "Walker2d-v5": [
        {},
        {"learning_rate": 3e-4, "log_std_init": 0.0},
        {"learning_rate": 5e-4, "log_std_init": -0.5},
    ],
    "Ant-v5": [
        {},
        {"learning_rate": 3e-4, "log_std_init": -1.0},
        {"batch_size": 256, "learning_rate": 7e-4, "log_std_init": -0.5, "gamma": 0.99},
    ],
    "Pendulum-v1": [
        {},
        {**_FIRST, "batch_size": 512, "gamma": 0.95},
        {**_FIRST, "batch_size": 128},
        {**_FIRST, "batch_size": 256, "learning_rate": 2e-3},
        {**_FIRST, "batch_size": 64, "log_std_init": 0.0},
        {"batch_size": 128},
        {"batch_size": 128, "gamma": 0.9},
    ],
    "CartPole-v1": [
        {},
        {"n_steps": 32, "batch_size": 256},
        {"batch_size": 128, "learning_rate": 1e-3, "gamma": 0.99},
    ],
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Hopper-v5")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first-seed", type=int, default=0, help="others to report than to choose")
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--only", type=int, help="one setting, by its number")
    chosen = parser.parse_args()
    task = tasks.resolve(chosen.env, "as it is", fitness="native")
    with LocalEngine(timeout_s=36_000, stall_s=3600) as engine:
        for number, hyperparams in enumerate(SWEEPS.get(chosen.env, [{}])):
            if chosen.only is not None and number != chosen.only:
                continue
            with tempfile.TemporaryDirectory() as place:
                seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
                jobs = of_seeds(task, seeds, chosen.steps, place, hyperparams=hyperparams)
                begin = time.perf_counter()
                for _ in engine.train(jobs, lambda job, line: None, lambda: None):
                    pass
                wall_s = time.perf_counter() - begin
                kept = [policy.load(Path(job.folder) / "policy.safetensors") for job in jobs]
                native = [round(measured(task, one)) for one in kept]
            figures = {
                "env": chosen.env,
                "steps": chosen.steps,
                "iqm": round(float(iqm(np.array(native, dtype=float)))),
                "native": native,
                "wall_s": round(wall_s),
                "hyperparams": hyperparams or "the preset",
            }
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
