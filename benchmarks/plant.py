"""Trains the 20 rewards that benchmarks/selection.py chooses among: every seed, every rung.

Writes benchmarks/planted.jsonl, one line a training, with the fitness of each evaluation episode at
each rung; it goes on where it was stopped. The rewards differ in how they value the distance
(five shapes) and in what they pay for the speed of an arm (four weights, harmless to harmful).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jobs import of_reward

from rewardsmith import critic, tasks
from rewardsmith.config import RunConfig
from rewardsmith.engine.local import LocalEngine
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.records import CheckedReward, TaskSpec
from rewardsmith.sim.rollout import PROBE_ROWS, random_transitions
from rewardsmith.training import TrainJob

LOG = Path(__file__).with_name("planted.jsonl")
ENV, SENTENCE, STEPS = "CartPole-v1", "balance the pole in the middle of the track", 15_000
CODE = """import numpy as np


def compute_reward(next_state, terminated):
    return {"near": NEAR, "still": STILL, "end": ENDING * terminated}
"""
NEAR = {
    "line": "1.0 - np.abs(next_state.cart_position)",
    "narrow": "np.exp(-np.square(next_state.cart_position) / 0.02)",
    "alive": "np.where(np.abs(next_state.pole_angle) < 0.1, 1.0, 0.9)",
    "angle": "np.cos(next_state.pole_angle)",
    "off": "-np.abs(next_state.cart_position - 0.3)",
}
REST = {
    "plain": ("np.zeros(len(terminated))", "0.0"),
    "calm": ("-0.1 * np.abs(next_state.cart_velocity)", "0.0"),
    "ended": ("np.zeros(len(terminated))", "-20.0"),
    "both": ("-0.1 * np.abs(next_state.cart_velocity)", "-20.0"),
}
RUNGS = (4_500, 9_000, STEPS)
TRUTH, DRAWS, EPISODES = range(20_000, 20_020), range(12), 10
_AT_ONCE = 40


def task_of() -> TaskSpec:
    """The task, with its fitness."""
    return tasks.resolve(ENV, SENTENCE, task="centre")


def config_of(**search: object) -> RunConfig:
    """The default settings at the steps of these trainings."""
    return RunConfig.model_validate({"search": search, "train": {"timesteps": STEPS}})


def main() -> None:
    """Train what is missing."""
    task = task_of()
    rewards = {
        f"{near}-{rest}": _checked(
            CODE.replace("NEAR", NEAR[near]).replace("STILL", still).replace("ENDING", ending), task
        )
        for near in NEAR
        for rest, (still, ending) in REST.items()
    }
    lines = LOG.read_text("utf-8").splitlines() if LOG.exists() else []
    done = {(line["reward"], line["seed"]) for line in map(json.loads, lines)}
    wanted = [(name, seed) for seed in (*DRAWS, *TRUTH) for name in rewards]
    waiting = [pair for pair in wanted if pair not in done]
    with LocalEngine(timeout_s=36_000, stall_s=3600) as engine, LOG.open("a") as out:
        for start in range(0, len(waiting), _AT_ONCE):
            for line in _trained(waiting[start : start + _AT_ONCE], rewards, task, engine):
                out.write(line + "\n")
            out.flush()


def _checked(code: str, task: TaskSpec) -> CheckedReward:
    verdict = critic.check(code, task, random_transitions(task, PROBE_ROWS, 0))
    if not verdict.reward:
        raise RuntimeError(verdict.errors)
    return verdict.reward


def _trained(
    pairs: list[tuple[str, int]],
    rewards: dict[str, CheckedReward],
    task: TaskSpec,
    engine: LocalEngine,
) -> Iterator[str]:
    """One JSON line a training: what it came to at each rung."""
    with tempfile.TemporaryDirectory() as place:
        jobs = [of_reward(task, name, rewards[name], seed, STEPS, place) for name, seed in pairs]
        found: dict[str, list[tuple[float, ...]]] = {job.folder: [] for job in jobs}
        for until in RUNGS:
            stops = [job.model_copy(update={"until": until % STEPS}) for job in jobs]
            for _ in engine.train(stops, lambda job, line: None, lambda: None):
                pass
            asked = [_evaluation(task, job, until) for job in jobs]
            for result in engine.evaluate(asked, lambda: None):
                assert result.episodes, result.failure
                fitness = tuple(float(f"{value:.3g}") for value in result.episodes.fitness)
                found[str(Path(result.job.output).parent)].append(fitness)
        for (name, seed), rungs in zip(pairs, found.values(), strict=True):
            yield json.dumps({"reward": name, "seed": seed, "fitness": rungs})


def _evaluation(task: TaskSpec, job: TrainJob, until: int) -> EvaluateJob:
    folder = Path(job.folder)
    return EvaluateJob(
        task=task,
        policy=str(folder / "policy.safetensors"),
        seeds=tuple(range(1000 * job.seed, 1000 * job.seed + EPISODES)),
        output=str(folder / "fitness.json"),
        timesteps=until,
    )


if __name__ == "__main__":
    main()
