"""What raters are asked: whose policies they compare, the trained candidates and the frozen
references of a run with the whole episodes that are stored of each, and which question is next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from rewardsmith import rollouts
from rewardsmith.config import FeedbackConfig
from rewardsmith.opinion import Entrant, next_question
from rewardsmith.records import Arm, Candidate, Record, Stage
from rewardsmith.rollouts import Rollout
from rewardsmith.selection import rank
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip, Question, standing

REFERENCES_FILE = "references.rollouts.safetensors"
"""Episodes of the scripted references, in the run's folder; written once."""
_DEFAULT_VOTES = {"off": 0, "pair": 10, "best-worst": 2, "text": 1}


class Waiting(Record):
    """How far the raters of the generation are that waits for them."""

    generation: int
    votes: int
    wanted: int

    @property
    def missing(self) -> int:
        """Votes still to come."""
        return max(self.wanted - self.votes, 0)


def waiting(store: Store, run: RunRecord) -> Waiting | None:
    """The generation that is trained and not committed, in a run that asks raters; else None."""
    if run.config.feedback.mode == "off":
        return None
    committed = len(store.generations(run.id))
    here = store.candidates(run.id, committed + 1)
    settled = all(c.stage in (Stage.EVALUATED, Stage.FAILED) for c in here)
    if not settled or not any(c.score for c in here):
        return None
    generation = committed + 1
    votes = [v for v in standing(store.votes(run.id)) if v.question.generation == generation]
    return Waiting(generation=generation, votes=len(votes), wanted=wanted(run.config.feedback))


def wanted(config: FeedbackConfig) -> int:
    """Votes that a generation waits for."""
    return config.votes or _DEFAULT_VOTES[config.mode]


def question_for(store: Store, run: RunRecord, generation: int, rater: str) -> Question | None:
    """What this rater is to be asked now; the same as long as nobody votes."""
    votes = store.votes(run.id)
    config = run.config.feedback
    return next_question(
        standing(votes),
        entrants(store, run),
        "remark" if config.mode == "text" else "pair" if config.mode == "pair" else "best-worst",
        generation,
        rater,
        np.random.default_rng([run.config.seed, generation, len(votes)]),
        config.shown,
    )


def entrants(store: Store, run: RunRecord) -> tuple[Entrant, ...]:
    """The candidates that came through, the best so far first, then the references."""
    folder = store.folder(run.id)
    candidates = rank(store.candidates(run.id), run.task.fitness)
    scripted = [
        Entrant(
            id=name,
            clips=tuple(Clip(arm=name, seed=rollout.seed) for rollout in several),
            reference=True,
        )
        for name, several in rollouts.behaviours(_scripted(folder)).items()
    ]
    trained = [*_of_arms(candidates, folder), *_of_arms(store.baselines(run.id), folder)]
    return (*trained, *scripted)


def episodes(store: Store, run: RunRecord) -> dict[str, Rollout]:
    """Every episode that there is to see, by the id of its clip."""
    folder = store.folder(run.id)
    found = {Clip(arm=r.behaviour, seed=r.seed).id: r for r in _scripted(folder)}
    arms: list[Arm] = [*store.candidates(run.id), *store.baselines(run.id)]
    for arm in arms:
        for training, path in rollouts.of_arm(arm, folder):
            for rollout in rollouts.load(path):
                found[Clip(arm=arm.id, training=training.id, seed=rollout.seed).id] = rollout
    return found


def _of_arms(arms: Iterable[Arm], folder: Path) -> Iterator[Entrant]:
    for arm in arms:
        trainings = [training for training, _ in rollouts.of_arm(arm, folder)]
        clips = tuple(
            Clip(arm=arm.id, training=training.id, seed=seed)
            for training in trainings
            if training.episodes
            for seed in training.episodes.seeds[: rollouts.KEPT_EPISODES]
        )
        if clips:
            yield Entrant(
                id=arm.id,
                clips=clips,
                reference=not isinstance(arm, Candidate),
                n_seeds=len(trainings),
            )


def _scripted(folder: Path) -> tuple[Rollout, ...]:
    path = folder / REFERENCES_FILE
    return rollouts.load(path) if path.exists() else ()
