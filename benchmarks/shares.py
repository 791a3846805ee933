"""Where a step of training goes: microseconds of one core by part; one JSON line.

Four learners of eight worlds in one process, as one of two cores has them in a generation of eight,
with a reward asked for through the jail. Times are the process's own, waiting left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from typing import Any

from jobs import checked, of_candidates
from throughput import PLAIN, WORLDS

from rewardsmith import tasks
from rewardsmith.records import Training
from rewardsmith.sim import engines
from rewardsmith.training import population
from rewardsmith.training.worlds import Worlds

LEARNERS = 4
spent: Counter[str] = Counter()
"""Seconds by part; what a part calls is counted in it too."""


def watch(kind: type[Any], method: str, part: str) -> None:
    """Count what a method takes."""
    inner = getattr(kind, method)

    def timed(*args: Any, **named: Any) -> Any:
        begin = time.thread_time()
        try:
            return inner(*args, **named)
        finally:
            spent[part] += time.thread_time() - begin

    setattr(kind, method, timed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Hopper-v5")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=16_384, help="per learner")
    chosen = parser.parse_args()
    task = tasks.resolve(chosen.env, "run forward").model_copy(update={"hyperparams": {}})
    engine = type(engines.make(task, 1))
    watch(engine, "_physics", "physics")
    watch(engine, "_restart", "restarts")
    watch(Worlds, "step", "worlds")
    watch(population.Population, "_collect", "collecting")
    watch(population.Population, "_rewards", "rewards")
    watch(population.Population, "_learn", "learning")
    reward, hyperparams = checked(task), {**PLAIN, "batch_size": chosen.batch_size}
    done: list[Training] = []
    with tempfile.TemporaryDirectory() as place:
        jobs = of_candidates(
            task,
            reward,
            range(LEARNERS),
            chosen.steps,
            place,
            n_envs=WORLDS,
            hyperparams=hyperparams,
        )
        begin = time.thread_time()
        population.train(jobs, lambda job, line: None, lambda job, training: done.append(training))
        whole = time.thread_time() - begin
    made = sum(training.timesteps for training in done)
    parts = {
        "physics": spent["physics"],
        "restarts": spent["restarts"],
        "observations, variables, episodes": spent["worlds"] - spent["physics"] - spent["restarts"],
        "acting": spent["collecting"] - spent["worlds"],
        "rewards": spent["rewards"],
        "learning": spent["learning"],
    }
    parts["the rest"] = whole - sum(parts.values())
    figures = {part: round(1e6 * seconds / made, 1) for part, seconds in parts.items()}
    print(json.dumps({"env": chosen.env, "us_per_step": round(1e6 * whole / made, 1)} | figures))


if __name__ == "__main__":
    main()
