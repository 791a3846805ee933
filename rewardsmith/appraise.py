"""What a run has lived through, put to use: screens before training, the exploit battery after it.

The episodes are those of scripted behaviours, and of the policies that the run has trained, on the
selection seeds alone: what a proposer is told must not come from the seeds that report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from rewardsmith import critic, rollouts, tasks
from rewardsmith.critic import concerns, exploits, kinship, novelty, payouts, screens
from rewardsmith.critic.returns import Paid, pay
from rewardsmith.errors import CandidateError, UserError
from rewardsmith.evaluate import fitness_of
from rewardsmith.jail.service import Rewards
from rewardsmith.observe import typical_training
from rewardsmith.records import (
    Candidate,
    CheckedReward,
    Concern,
    Distance,
    Finding,
    Screen,
    TaskSpec,
    Verdict,
)
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.rollouts import Rollout
from rewardsmith.store import RunRecord, Store
from rewardsmith.training import settings

_SAMPLED_FILES = 16
"""Trainings whose episodes rewards are compared on."""
_SCRIPTED_FILE = "scripted.rollouts.safetensors"


class Reviewer(Protocol):
    """Doubts rewards; see propose/review.py."""

    def review(self, candidate: Candidate, task: TaskSpec) -> tuple[Concern, ...]:
        """What it holds against the candidate's reward."""


class Narrator(Protocol):
    """Says what policies do; see propose/describe.py."""

    def describe(self, candidate: Candidate, episode: Rollout, task: TaskSpec) -> str:
        """What the candidate's policy does in an episode, in words; "" where it cannot say."""


class Appraisal:
    """The critic of one run, with all that the run has lived through.

    Args:
        transitions: recorded from a random policy; the probes run on them, and on as many of the
            run's trained policies once there are any.
        reviewer: asked about every reward that has passed everything else, if given.
        narrator: asked what the policies do that a proposer is told of, if given.
        tell: whether candidates are to hold what their rewards pay for the run's episodes.
    """

    def __init__(
        self,
        run: RunRecord,
        store: Store,
        transitions: Transitions,
        reviewer: Reviewer | None = None,
        narrator: Narrator | None = None,
        *,
        tell: bool = False,
    ) -> None:
        self._transitions, self._tell = transitions, tell
        self._reviewer, self._narrator = reviewer, narrator
        self._store, self._run = store, run.id
        self._task, self._unsafe = run.task, run.config.unsafe_no_jail
        self._folder, self._seed = store.folder(run.id), run.config.seed
        train = run.config.train
        preset = run.task.hyperparams.get(train.algo, {})
        self._gamma = settings(train.algo, preset, train.hyperparams).gamma
        self._normalised = train.algo == "ppo"
        self._fitness = run.task.fitness

    def judge(self, candidate: Candidate, past: Sequence[Candidate]) -> Verdict:
        """The verdict of the critic, of the screens on the episodes of `past`, of the reviewer."""
        trained = self._trained(past)
        seen = self._seen(trained)
        verdict = critic.check(candidate.code, self._task, seen, unsafe=self._unsafe)
        verdict = self._new(candidate, self._screened(verdict, trained))
        if verdict.reward is None or self._reviewer is None:
            return verdict
        claims = self._reviewer.review(candidate, self._task)
        found = tuple(concerns.findings(verdict.reward, claims, seen, unsafe=self._unsafe))
        if any(finding.severity == "error" for finding in found):
            return _refused(verdict, *found)
        return verdict.model_copy(update={"findings": (*verdict.findings, *found)})

    def _new(self, candidate: Candidate, verdict: Verdict) -> Verdict:
        """The verdict, with an error where the reward is one that this run has already."""
        if verdict.reward is None:
            return verdict
        marks = novelty.marks_of(
            verdict.reward,
            self._transitions,
            factor_free=self._normalised,
            constant_free=self._task.never_ends_early,
            unsafe=self._unsafe,
        )
        verdict = verdict.model_copy(
            update={"fingerprint": marks.fingerprint, "shape": marks.shape}
        )
        earlier = [
            other
            for other in self._store.candidates(self._run)
            if (other.generation, other.index) < (candidate.generation, candidate.index)
            and other.verdict
            and other.verdict.ok
            and not other.failure  # a training that failed may have been bad luck
        ]
        again = novelty.finding(candidate, marks, earlier, len(self._transitions))
        return _refused(verdict, again) if again else verdict

    def _screened(self, verdict: Verdict, trained: Sequence[Rollout]) -> Verdict:
        """The verdict with what the episodes of policies say of a sound reward.

        A reward that breaks on them is refused as well: they reach further than random actions.
        """
        if verdict.reward is None:
            return verdict
        if not trained and self._opposite is None:
            return verdict
        episodes = (*self._scripted, *trained)
        try:
            paid = self._pay(verdict.reward, episodes)
        except CandidateError as fault:
            return _refused(verdict, Finding(rule=fault.cause, message=fault.for_llm))
        names = frozenset(rollout.behaviour for rollout in trained)
        found = (screens.alignment(paid, names, self._fitness), *self._contrast(paid))
        verdict = verdict.model_copy(update={"screens": found})
        refusals = [finding for screen in found if (finding := screens.finding(screen))]
        return _refused(verdict, *refusals) if refusals else verdict

    def exploits(
        self, candidates: Iterable[Candidate], past: Sequence[Candidate]
    ) -> list[Candidate]:
        """The trained among `candidates`, each with a warning for every exploit of its reward.

        And one for every pair of its terms that are one term twice. Where a strategy wants it,
        also with what its reward pays for the run's episodes.
        """
        trained = self._trained(past)
        names = list(rollouts.behaviours(trained))
        appraised = []
        for candidate in candidates:
            if not candidate.score or not candidate.verdict or not candidate.verdict.reward:
                continue
            try:
                paid = self._pay(candidate.verdict.reward, (*self._scripted, *trained))
            except CandidateError:
                continue  # it has been trained on: what breaks it elsewhere is no exploit
            found = exploits.findings(paid, names, self._fitness)
            told = payouts.words(paid, names, self._fitness) if self._tell else ""
            warned = _warned(candidate, exploits.RULE, tuple(found))
            appraised.append(warned.model_copy(update={"payouts": told}))
        return self._with_twins_named(appraised, past)

    def described(self, candidate: Candidate) -> Candidate:
        """The candidate with what its policy does in words, where a model is there to say it.

        It reads the middle episode of the candidate's typical training.
        """
        typical = typical_training(candidate, self._task)
        if self._narrator is None or candidate.conduct or typical is None:
            return candidate
        paths = [path for made, path in rollouts.of_arm(candidate, self._folder) if made == typical]
        if not paths:
            return candidate
        episodes = sorted(rollouts.load(paths[0]), key=lambda episode: episode.fitness)
        conduct = self._narrator.describe(candidate, episodes[len(episodes) // 2], self._task)
        return candidate.model_copy(update={"conduct": conduct})

    def diversity(self, candidates: Iterable[Candidate], past: Iterable[Candidate]) -> float | None:
        """Mean distance, 0..1, between the candidates' rewards on the episodes of `past`."""
        taken = self._sample(past)
        if taken is None:
            return None
        paid = self._valued(candidates, taken)
        return kinship.diversity(paid, taken, self._task.observation, self._gamma)

    def from_native(self, candidates: Sequence[Candidate]) -> tuple[Distance, ...]:
        """How far the measured candidates' rewards lie from the environment's own."""
        taken = self._sample(candidates)
        if taken is None:
            return ()
        paid = self._valued([c for c in candidates if c.score], taken)
        apart = kinship.from_native(paid, taken, self._task.observation, self._gamma)
        return tuple(Distance(candidate=name, value=value) for name, value in apart.items())

    def _with_twins_named(
        self, candidates: Sequence[Candidate], past: Iterable[Candidate]
    ) -> list[Candidate]:
        taken = self._sample(past)
        paid = self._valued(candidates, taken) if taken else {}
        return [
            _warned(c, kinship.RULE, tuple(kinship.correlated(paid[c.id])) if c.id in paid else ())
            for c in candidates
        ]

    def _sample(self, past: Iterable[Candidate]) -> kinship.Sample | None:
        """What rewards are compared on; None while no policy has been trained."""
        paths = self._paths(past)
        # A few thousand rows are compared: they need not come from every episode of a long run.
        chosen = paths[:: -(-len(paths) // _SAMPLED_FILES)] if paths else []
        trained = [rollout for path in chosen for rollout in rollouts.load(path)]
        return kinship.sample((*self._scripted, *trained)) if trained else None

    def _valued(self, candidates: Iterable[Candidate], taken: kinship.Sample) -> dict[str, Rewards]:
        valued = {
            candidate.id: kinship.valued(candidate.verdict.reward, taken, unsafe=self._unsafe)
            for candidate in candidates
            if candidate.verdict and candidate.verdict.reward
        }
        return {name: rewards for name, rewards in valued.items() if rewards}

    @cached_property
    def _scripted(self) -> tuple[Rollout, ...]:
        path = self._folder / _SCRIPTED_FILE
        if path.exists():
            return rollouts.load(path)
        made = exploits.battery(self._task, self._seed)
        rollouts.save(made, path)
        return made

    @cached_property
    def _opposite(self) -> TaskSpec | None:
        task = self._task
        if not task.opposite:
            return None
        return tasks.resolve(
            task.env, task.sentence, task=task.opposite, env_kwargs=task.env_kwargs
        )

    def _trained(self, past: Iterable[Candidate]) -> tuple[Rollout, ...]:
        return tuple(rollout for path in self._paths(past) for rollout in rollouts.load(path))

    def _paths(self, past: Iterable[Candidate]) -> list[Path]:
        return [path for candidate in past for _, path in rollouts.of_arm(candidate, self._folder)]

    def _seen(self, trained: Sequence[Rollout]) -> Transitions:
        if not trained:
            return self._transitions
        lived = concatenate(rollout.transitions for rollout in trained)
        count = min(len(lived), len(self._transitions))
        spread = np.linspace(0, len(lived) - 1, count).round().astype(np.intp)
        return concatenate((self._transitions, lived.rows(spread)))

    def _pay(self, reward: CheckedReward, episodes: Sequence[Rollout]) -> tuple[Paid, ...]:
        return pay(reward, episodes, self._gamma, unsafe=self._unsafe)

    def _contrast(self, paid: Sequence[Paid]) -> Iterable[Screen]:
        if self._opposite is None:
            return
        sign, other = self._fitness.sign, self._opposite.fitness.sign
        try:
            side = [
                sign * p.fitness - other * fitness_of(self._opposite, p.rollout.transitions)
                for p in paid
            ]
        except UserError as error:  # the opposite cannot be measured on an episode of ours
            yield Screen(name="contrast", why=str(error))
            return
        yield screens.contrast(paid, side)


def _refused(verdict: Verdict, *findings: Finding) -> Verdict:
    update = {"ok": False, "reward": None, "findings": (*verdict.findings, *findings)}
    return verdict.model_copy(update=update)


def _warned(candidate: Candidate, rule: str, found: tuple[Finding, ...]) -> Candidate:
    """The candidate with these warnings in place of those of an earlier appraisal by `rule`."""
    assert candidate.verdict is not None
    others = [f for f in candidate.verdict.findings if f.rule != rule]
    verdict = candidate.verdict.model_copy(update={"findings": (*others, *found)})
    return candidate.model_copy(update={"verdict": verdict})
