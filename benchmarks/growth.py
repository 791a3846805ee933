"""How the cost of a generation grows with its learners: seconds and memory each; one JSON line.

Both cores work: the learners are shared out over one process a core, each with its own batch of
worlds, and rewards are asked for through the jail. Processes have imported everything before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from typing import Any

from jobs import checked, of_candidates

from rewardsmith import tasks
from rewardsmith.training import population

SIZES = (1, 4, 16, 64)


def work(env: str, first: int, count: int, steps: int) -> float:
    """Train so many learners here; gives the most memory this process has had, in MB."""
    task = tasks.resolve(env, "run forward")
    reward = checked(task)
    with tempfile.TemporaryDirectory() as place:
        jobs = of_candidates(task, reward, range(first, first + count), steps, place)
        if jobs:
            population.train(jobs, lambda job, progress: None, lambda job, training: None)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def generation(pool: Any, env: str, size: int, steps: int) -> tuple[float, float]:
    """Seconds of a generation of `size` learners, and the memory of its largest process."""
    cores = min(os.cpu_count() or 1, size)
    edges = [round(part * size / cores) for part in range(cores + 1)]
    parts = [(env, edges[at], edges[at + 1] - edges[at], steps) for at in range(cores)]
    begin = time.perf_counter()
    memory = pool.starmap(work, parts, chunksize=1)
    return time.perf_counter() - begin, max(memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Hopper-v5")
    parser.add_argument("--steps", type=int, default=8192, help="per learner")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    memory: dict[int, float] = {}
    for _ in range(chosen.repeats):
        for size in SIZES:
            with context.Pool(cores) as pool:  # anew, for memory is the most that ever was
                pool.starmap(work, [(chosen.env, 0, 1, 8)] * cores, chunksize=1)
                wall_s, memory[size] = generation(pool, chosen.env, size, chosen.steps)
            seconds[size].append(wall_s / size)
    middle = {size: statistics.median(values) for size, values in seconds.items()}
    more = (SIZES[-1] - SIZES[-2]) / cores
    figures = {
        "env": chosen.env,
        "steps": chosen.steps,
        "seconds_per_learner": {str(size): round(value, 2) for size, value in middle.items()},
        "process_mb": {str(size): round(value) for size, value in memory.items()},
        "mb_per_learner": round((memory[SIZES[-1]] - memory[SIZES[-2]]) / more, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
