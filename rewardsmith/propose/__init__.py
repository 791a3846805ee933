"""The seam of every proposer: what it may know, what it answers, and the protocol between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rewardsmith.records import Candidate, Failure, Record, TaskSpec, Verdict


class Ask(Record):
    """Everything a proposer may know when it is asked for new rewards."""

    task: TaskSpec
    generation: int
    """From 0; the first has no parents."""
    attempt: int = 0
    """From 0; above it when every candidate of the generation failed and it is tried again."""
    slots: tuple[str, ...]
    """The ids to fill, such as ("r01c00", "r01c01"): one proposal each."""
    parents: tuple[Candidate, ...] = ()
    """What to improve on, best first; each with its code, score and summary."""
    history: tuple[Candidate, ...] = ()
    """Up to four earlier bests, newest first."""
    failures: tuple[Candidate, ...] = ()
    """Candidates of this or the last round that failed, each with its reason."""
    lessons: str = ""
    """What earlier generations have taught, a few lines; see `Reflector`."""
    notes: str = ""
    """What the user knows, in the user's words."""
    seed: int = 0
    """The only source of randomness a proposer of ours may use."""


class Proposal(Record):
    """An answer for one slot: code, or the reason why there is none."""

    slot: str
    code: str
    """The whole reward file; "" when `failure` is set."""
    origin: str
    """What made it: "llm:first", "llm:evolve", "grammar:seed", ...; a repair keeps it."""
    parents: tuple[str, ...] = ()
    prompt_hash: str = ""
    failure: Failure | None = None


class Reflector(Protocol):
    """Learns from a generation as a whole; see reflect.py."""

    def reflect(self, task: TaskSpec, candidates: Sequence[Candidate], lessons: str) -> str:
        """The lessons after a generation of `candidates`, given those before it."""


class Proposer(Protocol):
    """Writes rewards. Implementations: llm.py (a language model), grammar.py (offline)."""

    @property
    def name(self) -> str:
        """As the user is shown it: "model gpt-x" or "offline baseline"."""

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each slot, in the order of the slots."""

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """The candidate's code mended after the critic refused it, or None where it cannot be.

        `attempt` counts from 1; the caller decides how many there are.
        """
