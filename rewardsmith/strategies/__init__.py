"""What every slot of a generation is to become: one strategy a file, behind one protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from rewardsmith.records import Candidate, Fitness, Operator, Record
from rewardsmith.selection import rank

HISTORY = 4
"""Turns of history that a proposer is shown; BIRD (arXiv 2610.04364) found that so many help."""

Shows = Literal["none", "summary", "episodes"]


class Move(Record):
    """What one slot is to become, and out of what."""

    slot: str
    operator: Operator = "first"
    parents: tuple[Candidate, ...] = ()
    """What is improved on, the best first; each has a score."""
    history: tuple[Candidate, ...] = ()
    """Up to four earlier ones of the same line, the newest first; no parent is among them."""
    island: int | None = None
    """Where a strategy keeps several populations: the one that the slot belongs to."""
    params: Mapping[str, float] = {}
    """The numbers that the parent's code is to get; `tune` alone has any."""


class Turn(Record):
    """All that a strategy may decide by. A resumed run makes the very same record."""

    generation: int
    """From 1."""
    slots: tuple[str, ...]
    """The ids to fill, such as ("r02c00", "r02c01"): one move each."""
    past: tuple[Candidate, ...]
    """All candidates of the generations before this one, in the order they were made."""
    fitness: Fitness
    seed: int
    """The run's; with the generation or a slot it is the only source of randomness."""


class Strategy(Protocol):
    """Decides operators and parents. It keeps nothing: all it knows is in the turn."""

    @property
    def name(self) -> str:
        """As it stands in the settings."""

    @property
    def shows(self) -> Shows:
        """What of earlier generations a proposer may see.

        `summary`: codes, statistics, failures, lessons. `episodes`: also what a reward pays for
        the run's episodes. `none`: nothing at all.
        """

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """One move for each slot, in their order."""


def firsts(slots: Iterable[str]) -> tuple[Move, ...]:
    """Moves that ask for rewards without parents."""
    return tuple(Move(slot=slot) for slot in slots)


def history(
    line: Sequence[Candidate], fitness: Fitness, parents: Iterable[Candidate]
) -> tuple[Candidate, ...]:
    """The bests that this line of candidates had before, the newest first, without the parents."""
    bests: dict[str, Candidate] = {}
    for generation in sorted({c.generation for c in line}, reverse=True):
        for best in rank((c for c in line if c.generation <= generation), fitness)[:1]:
            bests.setdefault(best.id, best)
    chosen = {parent.id for parent in parents}
    return tuple(best for best in bests.values() if best.id not in chosen)[:HISTORY]
