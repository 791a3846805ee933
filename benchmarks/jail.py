"""What asking a jailed worker costs beside the same code in this process; one JSON line.

A call is measured whole, with the copy of its inputs into the worker's memory.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from rewardsmith import critic, tasks
from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import CheckedReward
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions

CODE = """import numpy as np


def compute_reward(next_state, action):
    return {"speed": next_state.x_velocity, "effort": -0.05 * np.sum(action**2, axis=-1)}
"""
ROWS = 4096
REPEATS = 300


def median_ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time of one call, in ms."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return round(statistics.median(times) * 1e3, 4)


def start_ms(reward: CheckedReward, repeats: int = 50) -> float:
    """Median wall time until a worker is locked and loaded, in ms; its end is not counted."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        worker = RewardWorker(reward, capacity=ROWS)
        times.append(time.perf_counter() - begin)
        worker.close()
    return round(statistics.median(times) * 1e3, 4)


def in_process(batch: Transitions) -> object:
    """The same reward, written here."""
    return batch.next_state["x_velocity"] + -0.05 * (batch.action**2).sum(axis=-1)


def main() -> None:
    """Measure and print."""
    task = tasks.resolve("HalfCheetah-v5", "run forward")
    batch = random_transitions(task, ROWS, 0)
    probes = batch.rows(slice(0, 1001))
    verdict = critic.check(CODE, task, probes)  # starts the zygotes, which is paid once a process
    reward = verdict.reward
    if reward is None:
        raise RuntimeError(verdict.errors)
    with RewardWorker(reward, capacity=ROWS) as worker:
        worker.put(batch)
        call_ms = median_ms(lambda: worker.paid(ROWS))
    figures = {
        "check_s": round(median_ms(lambda: critic.check(CODE, task, probes), 20) / 1e3, 4),
        "worker_start_ms": start_ms(reward),
        "call_4096_ms": call_ms,
        "in_process_4096_ms": median_ms(lambda: in_process(batch)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
