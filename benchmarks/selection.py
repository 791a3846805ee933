"""Does the search pick the best reward? Its own procedure, on trainings whose outcome is known.

20 rewards were trained on 32 seeds each by plant.py, which left planted.jsonl. 20 of the seeds tell
a reward's true value; from the other 12 every repetition draws, for each reward apart, the seeds of
selection and finals. Selection, rungs and finals are those of the package with its
default settings; only the trainings are looked up. Prints one JSON line:

    picked_best         share of repetitions in which the best was chosen, or one within 5 % of it
    naive_picked_best   the same for one seed each and the maximum of its curve
    regret, naive_...   what the choice falls short of the best, as a part of best - worst
    steps_share         steps of selection and finals, as a part of training all rewards to the end
                        on all the selection and final seeds
    coverage            how often the interval reported at 10 seeds holds what it estimates, where
                        seeds are drawn from all 32 as if there were no others; and at 5 and 3
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plant import LOG, RUNGS, STEPS, TRUTH, config_of, task_of

from rewardsmith.config import RunConfig
from rewardsmith.control import Control
from rewardsmith.engine import Evaluated
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.finals import choose_best
from rewardsmith.measure import Measure
from rewardsmith.records import (
    Candidate,
    CheckedReward,
    Episodes,
    Stage,
    TaskSpec,
    Training,
    Verdict,
)
from rewardsmith.rungs import Heat, climb, ladder
from rewardsmith.selection import interquartile_mean, interval, plan_seeds, score
from rewardsmith.store import Store
from rewardsmith.training import Progress, TrainJob

CLOSE = 0.05
Fitness = NDArray[np.float64]


class Planted:
    """The stored trainings.

    Attributes:
        draws: (rewards, 12 seeds, rungs, episodes) fitness, which repetitions draw from.
        truth: (rewards,) mean fitness at the end of training over the other 20 seeds.
        ends: (rewards, 32) mean fitness at the end of every training.
    """

    def __init__(self) -> None:
        lines = list(map(json.loads, LOG.read_text("utf-8").splitlines()))
        names = list(dict.fromkeys(line["reward"] for line in lines))
        found = {(line["reward"], line["seed"]): line["fitness"] for line in lines}
        seeds = sorted({line["seed"] for line in lines} - set(TRUTH))
        self.draws = np.array([[found[name, seed] for seed in seeds] for name in names])
        known = np.array([[found[name, seed][-1] for seed in TRUTH] for name in names])
        self.truth = known.mean(axis=(1, 2))
        ends = (self.draws[:, :, -1].mean(axis=-1), known.mean(axis=-1))
        self.ends = np.concatenate(ends, axis=1)


class StoredEngine:
    """Looks trainings up; the seeds of each reward are drawn without replacement."""

    def __init__(self, planted: Planted, steps: Sequence[int], rng: np.random.Generator) -> None:
        self._draws, self._steps = planted.draws, list(steps)
        count, seeds = self._draws.shape[:2]
        self._orders = [iter(rng.permutation(seeds)) for _ in range(count)]
        self._drawn: dict[str, int] = {}
        self.steps = 0

    def train(
        self,
        jobs: Sequence[TrainJob],
        progress: Callable[[TrainJob, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[Training]:
        """See Engine.train."""
        for job in jobs:
            if job.id not in self._drawn:
                self._drawn[job.id] = int(next(self._orders[int(job.candidate[4:])]))
            until = job.until or job.timesteps
            self.steps += until - max([0, *(step for step in self._steps if step < until)])
            yield Training(
                id=job.id,
                seed=job.seed,
                purpose=job.purpose,
                timesteps=until,
                planned=job.timesteps,
                folder=job.relative,
            )

    def evaluate(
        self, jobs: Sequence[EvaluateJob], poll: Callable[[], None]
    ) -> Iterator[Evaluated]:
        """See Engine.evaluate."""
        for job in jobs:
            folder = Path(job.policy).parent
            index = int(folder.parts[-3][1:])
            drawn = self._drawn[f"r01c{index:02d}/{folder.name}"]
            fitness = self._draws[index, drawn, RUNGS.index(job.timesteps)]
            count = len(fitness)
            yield Evaluated(
                job=job,
                episodes=Episodes(
                    seeds=tuple(range(count)),
                    fitness=tuple(fitness),
                    native_return=(0.0,) * count,
                    length=(1,) * count,
                    terminated=(False,) * count,
                ),
            )


def picked(
    planted: Planted, task: TaskSpec, config: RunConfig, rng: np.random.Generator
) -> tuple[int, int]:
    """The reward that the procedure of the package chooses, and the steps that it took."""
    search, steps = config.search, ladder(config, task)
    engine = StoredEngine(planted, steps, rng)
    with tempfile.TemporaryDirectory() as place, closing(Store(Path(place))) as store:
        run = store.create_run(task=task, config=config, proposer="stored")
        control = Control(run, store, lambda event: None, clock=lambda: 0.0)
        measure = Measure(run, store, engine, lambda event: None, lambda: None)
        seeds = plan_seeds(
            0, selection=search.seeds, final=search.final_seeds, report=0, episodes=1
        )
        heat = Heat("selection", seeds.selection, seeds.selection_episodes)
        arms = [_candidate(number) for number in range(len(planted.truth))]
        for arm in climb(measure, arms, heat, steps, task.fitness, lambda: None):
            assert isinstance(arm, Candidate)
            update = {"stage": Stage.EVALUATED, "score": score(arm.trainings)}
            store.save_candidate(run.id, arm.model_copy(update=update))
        best = choose_best(control, store, measure, seeds)
    return best.index, engine.steps


def naive(planted: Planted, rng: np.random.Generator) -> int:
    """One seed each, and the reward with the highest point of any curve."""
    curves = planted.draws.mean(axis=-1)
    seeds = rng.integers(curves.shape[1], size=len(curves))
    return int(curves[np.arange(len(curves)), seeds].max(axis=-1).argmax())


def coverage(ends: Fitness, seeds: int, repetitions: int, rng: np.random.Generator) -> float:
    """How often the interval at so many seeds holds the value of all; `ends` (rewards, seeds)."""
    centre = interquartile_mean if seeds >= 10 else (lambda values: values.mean(axis=-1))
    hits = []
    for values in ends:
        target = float(centre(values))
        for _ in range(repetitions):
            _, low, high = interval(rng.choice(values, seeds).tolist())
            hits.append(low <= target <= high)
    return round(float(np.mean(hits)), 3)


def main() -> None:
    """Repeat and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--finalists", type=int, help="instead of the default")
    parser.add_argument("--seeds", type=int, help="instead of the default")
    parser.add_argument("--final-seeds", type=int, help="instead of the default")
    parser.add_argument("--first-cut", type=int, choices=RUNGS, help="steps, instead of the task's")
    chosen = parser.parse_args()
    planted, task = Planted(), task_of()
    if chosen.first_cut:
        budget = task.budget.model_copy(update={"first_cut": chosen.first_cut})
        task = task.model_copy(update={"budget": budget})
    given = {
        "finalists": chosen.finalists,
        "seeds": chosen.seeds,
        "final_seeds": chosen.final_seeds,
    }
    config = config_of(**{name: value for name, value in given.items() if value})
    rng = np.random.default_rng(0)
    choices = [picked(planted, task, config, rng) for _ in range(chosen.repetitions)]
    naively = [naive(planted, rng) for _ in range(chosen.repetitions)]
    ours = planted.truth[[index for index, _ in choices]]
    theirs = planted.truth[naively]
    best, worst = planted.truth.max(), planted.truth.min()
    seeds = config.search.seeds + config.search.final_seeds
    whole = seeds * len(planted.truth) * STEPS
    enough = best - CLOSE * abs(best)
    figures = {
        "picked_best": float(np.mean(ours >= enough)),
        "naive_picked_best": float(np.mean(theirs >= enough)),
        "regret": round(float(np.mean((best - ours) / (best - worst))), 4),
        "naive_regret": round(float(np.mean((best - theirs) / (best - worst))), 4),
        "steps_share": round(float(np.mean([made for _, made in choices])) / whole, 3),
        "naive_steps_share": round(1 / seeds, 3),
        "coverage": coverage(planted.ends, 10, chosen.repetitions, rng),
        "coverage_5": coverage(planted.ends, 5, chosen.repetitions, rng),
        "coverage_3": coverage(planted.ends, 3, chosen.repetitions, rng),
        "within_5_percent": int(np.sum(planted.truth >= enough)),
        "repetitions": chosen.repetitions,
    }
    print(json.dumps(figures))


def _candidate(number: int) -> Candidate:
    reward = CheckedReward(code="", arguments=(), columns=(), terms=(), params={})
    return Candidate(
        id=f"r01c{number:02d}",
        generation=1,
        index=number,
        stage=Stage.CHECKED,
        verdict=Verdict(ok=True, reward=reward),
    )


if __name__ == "__main__":
    main()
