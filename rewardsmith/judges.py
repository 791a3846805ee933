"""Judges: synthetic raters who know the fitness, and the model that reads what happened."""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from rewardsmith.errors import ModelError, UserError
from rewardsmith.evaluate import fitness_of
from rewardsmith.propose.calling import Model
from rewardsmith.propose.prompts import judge_messages
from rewardsmith.raters import CHOICES, SyntheticRater
from rewardsmith.records import CandidateId, TaskSpec
from rewardsmith.retell import episode_lines
from rewardsmith.rollouts import Rollout
from rewardsmith.votes import Choice, Clip, Question, Vote

_LOG = logging.getLogger(__name__)
_VERDICT = re.compile(r"^\W*verdict\W+(A|B|tie|cannot tell)\b", re.I | re.M)
_CHANGE = re.compile(r"^\W*change\W*:\s*(.+)$", re.I | re.M)
_MOST_CHARACTERS = 600


Look = Callable[[Clip], tuple[str, ...]]
"""Pictures of an episode, JPEG in base64, in the order of time; () where there are none."""


def blind(clip: Clip) -> tuple[str, ...]:
    """A Look that sees nothing: the numbers have to do."""
    return ()


class SimulatedJudge:
    """Votes as its rater would who knows every episode's fitness by the task's own measure."""

    def __init__(self, rater: SyntheticRater, task: TaskSpec) -> None:
        if task.fitness.voted:
            raise UserError(f"{rater.name} votes by the fitness, and this task has none")
        self._rater, self._task = rater, task

    @property
    def rater(self) -> str:
        """See Judge."""
        return self._rater.name

    def vote(self, question: Question, episodes: Mapping[str, Rollout], number: int) -> Vote | None:
        """See Judge; it makes no remarks."""
        seen = {name: self._utility(rollout) for name, rollout in episodes.items()}
        everything = np.array(list(seen.values()))
        spread = float(everything.std()) or 1.0
        shown = np.array([seen[clip.id] for clip in question.shown])
        utilities = (shown - everything.mean()) / spread
        rng = np.random.default_rng([self._rater.seed, zlib.crc32(self.rater.encode()), number])
        if question.kind == "pair":
            answer = self._rater.pair(utilities[:1], utilities[1:], rng)
            return self._said(question, choice=CHOICES[int(answer[0])])
        if question.kind == "best-worst":
            placed = self._rater.best_worst(utilities, rng)
            if placed is None:
                return self._said(question, choice="cannot-tell")
            return self._said(question, best=placed[0], worst=placed[1])
        return None

    def _said(self, question: Question, **answer: object) -> Vote:
        said = {"rater": self.rater, "source": "simulated", "question": question, **answer}
        return Vote.model_validate(said)

    def _utility(self, rollout: Rollout) -> float:
        sign = self._task.fitness.sign
        if self._rater.myopic == 1.0:
            return sign * rollout.fitness
        steps = len(rollout.transitions)
        first = min(int(steps * (1 - self._rater.myopic)), steps - 1)
        tail = rollout.transitions.rows(np.arange(first, steps, dtype=np.intp))
        return sign * fitness_of(self._task, tail)


class ModelJudge:
    """Asks a model for a critique and then a verdict, twice, with the places swapped.

    It reads numbers, and sees pictures where `look` has some of both policies.
    Where the two verdicts contradict each other it says tie: it sees the place and not the policy.
    """

    def __init__(self, model: Model, task: TaskSpec, prompts: str = "", look: Look = blind) -> None:
        self._model, self._task, self._prompts, self._look = model, task, prompts, look

    @property
    def rater(self) -> str:
        """See Judge."""
        return f"judge: {self._model.name}"[:80]

    def vote(self, question: Question, episodes: Mapping[str, Rollout], number: int) -> Vote | None:
        """See Judge; pairs alone, and none where nobody answers."""
        if question.kind != "pair":
            return None
        left, right = (episode_lines(episodes[c.id], self._task) for c in question.shown)
        here, there = (self._look(clip) for clip in question.shown)
        requests = []
        first = CandidateId(generation=question.generation, index=0)
        for turn, (a, b), seen in (
            ("a", (left, right), (here, there)),
            ("b", (right, left), (there, here)),
        ):
            slot = f"{first}/judge{number}{turn}"
            messages = judge_messages(self._task, a, b, self._prompts, seen)
            requests.append(self._model.request(messages, slot, "judge"))
        texts = []
        for request, answer in zip(requests, self._model.answers(requests), strict=True):
            if isinstance(answer, ModelError):
                _LOG.warning("%s: %s", request.slot, answer)
                return None
            texts.append(answer.text)
        choice = agreed(read_verdict(texts[0]), read_verdict(texts[1]))
        change = _CHANGE.search(texts[0])
        return Vote(
            rater=self.rater,
            source="model",
            question=question,
            choice=choice,
            change=change.group(1)[:_MOST_CHARACTERS] if change else "",
        )


def read_verdict(text: str) -> Choice:
    """The last line `Verdict: A`, B, tie or cannot tell; without one it could not tell."""
    found = _VERDICT.findall(text)
    words: dict[str, Choice] = {"a": "left", "b": "right", "tie": "tie"}
    return words.get(found[-1].lower(), "cannot-tell") if found else "cannot-tell"


def agreed(first: Choice, swapped: Choice) -> Choice:
    """The verdict on (left, right), given that on the two swapped."""
    back: dict[Choice, Choice] = {"left": "right", "right": "left"}
    second = back.get(swapped, swapped)
    if first == second:
        return first
    return "cannot-tell" if "cannot-tell" in (first, second) else "tie"
