"""The seam of every proposer: what it may know, what it answers, and the protocol between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rewardsmith.records import Candidate, Failure, Operator, Record, TaskSpec, Verdict
from rewardsmith.strategies import Move
from rewardsmith.votes import Vote

OFFLINE = "offline baseline"
"""What users are told proposes where no model does."""


class Feedback(Record):
    """What raters made of the candidates so far."""

    better: Candidate
    """The one that they like best."""
    worse: Candidate | None = None
    """The one of the last generation that they like least."""
    remarks: tuple[Vote, ...] = ()
    """The votes that came with words, oldest first."""


class Ask(Record):
    """Everything a proposer may know when it is asked for new rewards."""

    task: TaskSpec
    generation: int
    """From 1; the first has no parents."""
    strategy: str = ""
    """What decided the moves."""
    attempt: int = 0
    """From 0; above it when every candidate of the generation failed and it is tried again."""
    moves: tuple[Move, ...]
    """The slots to fill, one proposal each, with the operator and the parents of each."""
    failures: tuple[Candidate, ...] = ()
    """Candidates of this or the last round that failed, each with its reason."""
    lessons: str = ""
    """What earlier generations have taught, a few lines; see `Reflector`."""
    feedback: Feedback | None = None
    """What raters said, where they are asked."""
    notes: str = ""
    """What the user knows, in the user's words."""
    tried: tuple[str, ...] = ()
    """The codes that the run has already: there is no use in writing one of them again."""
    seed: int = 0
    """The only source of randomness a proposer of ours may use."""


class Proposal(Record):
    """An answer for one slot: code, or the reason why there is none."""

    slot: str
    code: str
    """The whole reward file; "" when `failure` is set."""
    origin: str
    """What made it: "llm:first", "llm:evolve", "grammar:seed", ...; a repair keeps it."""
    operator: Operator = "first"
    """What was done; another one than was asked for where that was not possible."""
    parents: tuple[str, ...] = ()
    prompt_hash: str = ""
    failure: Failure | None = None


class Reflector(Protocol):
    """Learns from a generation as a whole; see reflect.py."""

    def reflect(self, task: TaskSpec, candidates: Sequence[Candidate], lessons: str) -> str:
        """The lessons after a generation of `candidates`, given those before it."""


class Proposer(Protocol):
    """Writes rewards. Implementations: llm.py (a language model), grammar/ (offline)."""

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each move, in their order."""

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """The candidate's code mended after the critic refused it, or None where it cannot be.

        `attempt` counts from 1; the caller decides how many there are.
        """
