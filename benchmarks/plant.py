"""Trains the stored rewards that benchmarks/selection.py chooses among: every seed, every rung.

Writes benchmarks/planted/<env>.jsonl: one line a training, with the fitness of each evaluation
episode at each rung. It goes on where it was stopped. The rewards are the offline baseline's, made
once by `--make` and stored beside, good ones and bad ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jobs import of_reward

from rewardsmith import critic, tasks
from rewardsmith.config import RunConfig
from rewardsmith.engine.local import LocalEngine
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.propose.grammar import moves
from rewardsmith.propose.grammar.catalogue import catalogue
from rewardsmith.propose.grammar.genome import write
from rewardsmith.propose.grammar.intent import read_task
from rewardsmith.records import CheckedReward, TaskSpec
from rewardsmith.rungs import ladder
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.training import TrainJob

PLACE = Path(__file__).with_name("planted")
TASKS = {
    "Pendulum-v1": ("swing the pendulum up and keep it upright", 50_000),
    "HalfCheetah-v5": ("run forward as fast as possible", 30_000),
}
REWARDS, TRUTH, DRAWS, EPISODES = 20, range(20_000, 20_020), range(20), 10
_AT_ONCE = 40


def main() -> None:
    """Make the rewards, or train what is missing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Pendulum-v1", choices=sorted(TASKS))
    parser.add_argument("--make", action="store_true", help="write the rewards first")
    chosen = parser.parse_args()
    sentence, steps = TASKS[chosen.env]
    task = tasks.resolve(chosen.env, sentence)
    folder = PLACE / chosen.env
    if chosen.make:
        _make(task, folder)
    rewards = {path.stem: _checked(path.read_text("utf-8"), task) for path in folder.glob("*.py")}
    log = PLACE / f"{chosen.env}.jsonl"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    done = {(line["reward"], line["seed"]) for line in map(json.loads, lines)}
    wanted = [(name, seed) for seed in (*DRAWS, *TRUTH) for name in sorted(rewards)]
    waiting = [pair for pair in wanted if pair not in done]
    with LocalEngine(timeout_s=36_000, stall_s=3600) as engine, log.open("a") as out:
        for start in range(0, len(waiting), _AT_ONCE):
            for line in _trained(waiting[start : start + _AT_ONCE], rewards, task, steps, engine):
                out.write(line + "\n")
            out.flush()


def _make(task: TaskSpec, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    known = catalogue(task, read_task(task))
    rng = np.random.default_rng(0)
    for number in range(REWARDS):
        genome = moves.design(known, number, rng)
        # The later, the further from what the baseline thinks sensible.
        genome = moves.jittered(genome, rng, spread=0.1 * number)
        (folder / f"{number:02d}.py").write_text(write(genome, known), "utf-8")


def _checked(code: str, task: TaskSpec) -> CheckedReward:
    verdict = critic.check(code, task, random_transitions(task, 1001, 0))
    if not verdict.reward:
        raise RuntimeError(verdict.errors)
    return verdict.reward


def _trained(
    pairs: list[tuple[str, int]],
    rewards: dict[str, CheckedReward],
    task: TaskSpec,
    steps: int,
    engine: LocalEngine,
) -> Iterator[str]:
    """One JSON line a training: what it came to at each rung."""
    config = RunConfig.model_validate({"train": {"timesteps": steps}})
    with tempfile.TemporaryDirectory() as place:
        jobs = [of_reward(task, name, rewards[name], seed, steps, place) for name, seed in pairs]
        found: dict[str, list[tuple[float, ...]]] = {job.id: [] for job in jobs}
        for until in ladder(config, task):
            at = until if until < steps else 0
            for _ in engine.train(
                [job.model_copy(update={"until": at}) for job in jobs],
                lambda job, line: None,
                lambda: None,
            ):
                pass
            measured = {_evaluation(task, job, until).output: job.id for job in jobs}
            asked = [_evaluation(task, job, until) for job in jobs]
            for result in engine.evaluate(asked, lambda: None):
                assert result.episodes, result.failure
                fitness = tuple(float(f"{f:.4g}") for f in result.episodes.fitness)
                found[measured[result.job.output]].append(fitness)
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
