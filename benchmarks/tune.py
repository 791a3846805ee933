"""Tuning against a planted misleading heuristic: its weight over the generations; one JSON line.

A point on a line is to end at 1. The reward has two terms, one for being near 1 and one, twice as
heavy, for being near -1: what is trained on it ends where they balance, at -1/3. The fitness alone
can tell which of them misleads (BARFI, arXiv 2310.19007).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import rewardsmith
from rewardsmith.propose.grammar.surgery import numbers
from rewardsmith.selection import rank

GOAL, LENGTH, STRIDE = 1.0, 10, 0.3
FITNESS = f"-abs(last(obs_0) - {GOAL})"
PLANTED = """import numpy as np

PARAMS = {"near_weight": 1.0, "misleading_weight": 2.0}


def compute_reward(next_obs, params):
    place = next_obs[:, 0]
    near = -params["near_weight"] * np.square(place - 1.0)
    misleading = -params["misleading_weight"] * np.square(place + 1.0)
    return {"near": near, "misleading": misleading}
"""
TRAINING: dict[str, Any] = {
    "timesteps": 8192,
    "hyperparams": {"n_steps": 40, "batch_size": 80, "learning_rate": 3e-3, "n_epochs": 5},
    "train": {"n_envs": 8, "episodes": 4},
}


class Line(gymnasium.Env[np.ndarray, np.ndarray]):
    """A point that goes where it is told, at most so far in a step; ten steps are an episode."""

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(-10.0, 10.0, (1,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._place, self._t = np.zeros(1), 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        """Begins between -0.5 and 0.5."""
        super().reset(seed=seed)
        self._place, self._t = self.np_random.uniform(-0.5, 0.5, 1), 0
        return self._place.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Any]:
        """Moves; its own reward is nothing."""
        self._t += 1
        self._place = self._place + STRIDE * np.asarray(action, dtype=np.float64)
        return self._place.copy(), 0.0, False, self._t >= LENGTH, {}


def make_env() -> Line:
    """For the processes that train."""
    return Line()


def tuned(method: str, seeds: int, generations: int, samples: int, place: str) -> rewardsmith.Run:
    """The planted reward as a search of one candidate, then its numbers tuned."""
    planted = Path(place) / "planted.py"
    planted.write_text(PLANTED)
    return rewardsmith.run(
        "end at 1",
        env=f"{Path(__file__).resolve()}:make_env",
        fitness=FITNESS,
        proposer="grammar",
        init=(str(planted),),
        iterations=1,
        samples=1,
        finalists=2,
        report_seeds=5,
        runs_dir=place,
        tune={"method": method, "generations": generations, "samples": samples},
        search={"seeds": seeds, "native": False},
        **TRAINING,
    )


def share(code: str) -> float:
    """The misleading weight as a part of both."""
    params = numbers(code)
    total = params["misleading_weight"] + params["near_weight"]
    return params["misleading_weight"] / total if total else float("nan")


def main() -> None:
    """Tune and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", default="cmaes", choices=["cmaes", "tpe"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--samples", type=int, default=6)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = tuned(chosen.method, chosen.seeds, chosen.generations, chosen.samples, place)
        candidates = run.candidates
        fitness = run.record.task.fitness
        rounds = sorted({c.generation for c in candidates})
        bests = [rank((c for c in candidates if c.generation <= g), fitness)[0] for g in rounds]
        means = [
            float(np.mean([share(c.code) for c in candidates if c.generation == g])) for g in rounds
        ]
        best = next(c for c in candidates if c.id == run.record.best)
        figures = {
            "method": chosen.method,
            "mean_share": [round(value, 3) for value in means],
            "best_share": [round(share(c.code), 3) for c in bests],
            "best_fitness": [round(c.score.value, 3) for c in bests if c.score],
            "chosen": numbers(best.code),
            "chosen_fitness": round(best.report.value, 3) if best.report else None,
            "failed": sum(c.failure is not None for c in candidates),
            "wall_s": round(run.record.wall_s, 1),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
