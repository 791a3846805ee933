"""What raters are asked and what they say: records that are only ever added, never changed."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from rewardsmith.records import Record

QuestionKind = Literal["pair", "best-worst", "remark"]
Choice = Literal["left", "right", "tie", "cannot-tell"]
Source = Literal["person", "model", "simulated"]


class Clip(Record):
    """One whole episode, as a rater is shown it."""

    arm: str
    """Whose policy acted: a candidate's id, or the name of a reference."""
    training: str = ""
    """The training that made the policy, such as `r01c03/selection-0`; "" for a script."""
    seed: int
    """Of the episode."""

    @property
    def id(self) -> str:
        """`r01c03/selection-0@1000000`, or `do-nothing@0`."""
        return f"{self.training or self.arm}@{self.seed}"

    @property
    def film(self) -> str:
        """Name of its film in the run's folder `clips`, without an ending."""
        return self.id.replace("/", "-")


class Question(Record):
    """What a rater is shown, in that order: a pair from left to right, or several, or one."""

    kind: QuestionKind
    generation: int
    """The generation that waits for the answer."""
    shown: tuple[Clip, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _as_many_as_fit(self) -> Self:
        count = len(self.shown)
        wrong = {"pair": count != 2, "best-worst": count < 3, "remark": count != 1}
        if wrong[self.kind]:
            raise ValueError(f"a question of kind {self.kind} does not show {count}")
        if len({clip.arm for clip in self.shown}) < count:
            raise ValueError("a question shows every policy once")
        return self


class Vote(Record):
    """One answer, or the taking back of one. Whoever writes it gives the id: sent twice, it counts
    once."""

    id: str = Field(default_factory=lambda: secrets.token_hex(8))
    rater: str = Field(min_length=1, max_length=80)
    source: Source = "person"
    question: Question
    choice: Choice | None = None
    """Of a pair."""
    best: int | None = None
    """Of several: the place of the best among those shown, from 0."""
    worst: int | None = None
    strength: int = Field(2, ge=1, le=3)
    """How clear it is: 1 slightly, 2 clearly, 3 by far; it weighs 0.5, 1 and 1.5 votes."""
    see: str = Field("", max_length=4000)
    """What the rater sees."""
    change: str = Field("", max_length=4000)
    """What the rater wants changed."""
    undoes: str = ""
    """The id of an earlier vote of the same rater that no longer counts."""
    voted_at: str = Field(
        default_factory=lambda: dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    )

    @model_validator(mode="after")
    def _answers_its_question(self) -> Self:
        places = range(len(self.question.shown))
        unplaced = self.best is None and self.worst is None
        several = self.best in places and self.worst in places and self.best != self.worst
        complete = {
            "pair": self.choice is not None and unplaced,
            "best-worst": (self.choice is None and several)
            or (self.choice == "cannot-tell" and unplaced),
            "remark": self.choice is None
            and unplaced
            and bool(self.see.strip() or self.change.strip()),
        }
        if not self.undoes and not complete[self.question.kind]:
            raise ValueError(f"this is no answer to a question of kind {self.question.kind}")
        return self


def undo(vote: Vote) -> Vote:
    """The vote that takes `vote` back."""
    return Vote(rater=vote.rater, source=vote.source, question=vote.question, undoes=vote.id)


def standing(votes: Iterable[Vote]) -> list[Vote]:
    """The votes that count, in order: those that their own rater has not taken back."""
    votes = list(votes)
    undone = {(vote.rater, vote.undoes) for vote in votes if vote.undoes}
    return [v for v in votes if not v.undoes and (v.rater, v.id) not in undone]
