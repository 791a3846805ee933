"""Candidates, generations, the arms beside them, and what is told of a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from rewardsmith.records.base import Record
from rewardsmith.records.trainings import Failure, Score, Training
from rewardsmith.records.verdicts import CheckedReward, Verdict


class Stage(StrEnum):
    """How far a candidate has come."""

    PROPOSED = "proposed"
    CHECKED = "checked"
    EVALUATED = "evaluated"
    FAILED = "failed"


Operator = Literal["init", "first", "mutate", "cross", "splice", "tune"]
"""How a candidate comes about. `init`: the user brought it. `first`: asked for without parents.
`mutate`, `cross`: by the proposer from one parent, or two. `splice`: terms of two parents put
together without the proposer. `tune`: a parent's code with other numbers in PARAMS."""


class CandidateId(Record):
    """Where in its run a candidate stands; as text `r01c03`, its files lie in `r01/c03`."""

    generation: int
    index: int
    """Within the generation, from 0."""

    def __str__(self) -> str:
        return f"r{self.generation:02d}c{self.index:02d}"

    @classmethod
    def parse(cls, text: str) -> CandidateId:
        """Read it, or the beginning of what belongs to it, as `r01c03/propose`; else ValueError."""
        found = _ID.match(text)
        if found is None:
            raise ValueError(f"{text!r} is no candidate's id")
        return cls(generation=int(found[1]), index=int(found[2]))

    @property
    def folder(self) -> Path:
        """Where its files are, relative to the run's folder."""
        return Path(f"r{self.generation:02d}") / f"c{self.index:02d}"


_ID = re.compile(r"r(\d+)c(\d+)(?=/|$)")


class Candidate(Record):
    """A reward and all that happened to it. A candidate that failed has no score, so cannot win."""

    id: str
    """`r01c03`: generation 1, candidate 3."""
    generation: int
    index: int
    stage: Stage = Stage.PROPOSED
    parents: tuple[str, ...] = ()
    origin: str = ""
    """What made it: "llm:first", "llm:evolve", "grammar:seed", "grammar:mutate", "init:file.py"."""
    strategy: str = ""
    """What decided operator and parents: a strategy, or a tuner."""
    operator: Operator = "first"
    island: int | None = None
    """Where the strategy keeps several populations: the one it was made for."""
    prompt_hash: str = ""
    code: str = ""
    repairs: int = 0
    verdict: Verdict | None = None
    trainings: tuple[Training, ...] = ()
    score: Score | None = None
    """On the selection seeds."""
    final: Score | None = None
    """On the finalists' seeds, which choose the best."""
    preference: Score | None = None
    """What raters make of it, where they are asked: then it decides, and not `score`."""
    report: Score | None = None
    """On held-out seeds that chose nothing; the best only."""
    summary: str = ""
    """The text that the next prompt holds."""
    conduct: str = ""
    """What its policy does, in the words of a model that read an episode, where that is wanted."""
    payouts: str = ""
    """What its reward pays for the run's episodes, where the strategy wants that to be told."""
    failure: Failure | None = None

    @property
    def folder(self) -> Path:
        """Where its files are, relative to the run's folder."""
        return CandidateId(generation=self.generation, index=self.index).folder

    @property
    def passed_critic(self) -> bool:
        """Whether it was accepted, whatever became of it then."""
        refused = self.failure is not None and self.failure.stage in ("propose", "check")
        return self.stage is not Stage.PROPOSED and not refused

    @property
    def measured(self) -> Score | None:
        """The score to show: by the seeds furthest from what selection saw."""
        return self.report or self.final or self.score

    @property
    def whole_code(self) -> str:
        """The code with the helpers that it calls: a file that stands on its own."""
        return self.verdict.reward.code if self.verdict and self.verdict.reward else self.code


class Generation(Record):
    """One committed round."""

    index: int
    kind: Literal["search", "tune"] = "search"
    """`tune`: the best reward again with other numbers, see tuning/."""
    candidates: tuple[str, ...]
    best: str | None
    """Best candidate of the whole run so far."""
    attempts: int = 1
    lessons: str = ""
    """What the generations up to this one have taught, for the next prompts."""
    votes: int = 0
    """How many votes the run had by then."""
    diversity: float | None = None
    """Mean distance, 0..1, between its rewards; see distance.py. None for fewer than two."""


class Distance(Record):
    """How far a candidate's reward lies from another one, 0..1; see distance.py."""

    candidate: str
    value: float


class Baseline(Record):
    """An arm beside the search: what the same steps bring without it, measured like the best."""

    name: str = "native"
    """See arms.py."""
    reward: CheckedReward | None = None
    """The user's own; None pays what `pays` says."""
    pays: Literal["native", "fitness"] = "native"
    """The environment's own reward, or an episode's fitness at its end and nothing before."""
    timesteps: int | None = None
    """Steps of each policy; None for as many as a candidate has."""
    policies: int = 0
    """Of so many policies the best at selection is reported; 0 reports one a report seed."""
    trainings: tuple[Training, ...] = ()
    report: Score | None = None
    failure: Failure | None = None
    distances: tuple[Distance, ...] = ()
    """Of the candidates' rewards from the environment's own. They stand here, and not with the
    candidates, because a candidate's record is what prompts are made of."""

    @property
    def id(self) -> str:
        """Its name; no candidate has it."""
        return self.name

    @property
    def folder(self) -> Path:
        """Where its files are, relative to the run's folder."""
        return Path(self.name)


Arm: TypeAlias = Candidate | Baseline
"""What is trained and measured."""


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    PAUSED = "paused"
    LIMIT = "limit"
    NO_SURVIVOR = "no-survivor"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Event(Record):
    """Something that happened, for a progress display or `--json`."""

    event: str
    candidate: str = ""
    message: str = ""
    data: dict[str, object] = Field(default_factory=dict)


Observe: TypeAlias = Callable[[Event], None]
"""Whoever is told of events."""
