"""Fills a generation's slots offline: designs without parents, mutations and crossings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Literal

import numpy as np

from rewardsmith.chance import stream
from rewardsmith.observe import observe
from rewardsmith.propose import OFFLINE, Ask, Proposal
from rewardsmith.propose.grammar import moves
from rewardsmith.propose.grammar.catalogue import Catalogue, catalogue
from rewardsmith.propose.grammar.genome import read, write
from rewardsmith.propose.grammar.intent import read_task
from rewardsmith.records import Candidate, Operator, TaskSpec, Verdict
from rewardsmith.strategies import Move


class GrammarProposer:
    """Composes rewards from typed terms over the task's variables; it asks no model.

    It keeps nothing between calls: parents are understood from their files alone, and the same
    ask gets the same answer.
    """

    def notices(self, task: TaskSpec) -> tuple[str, ...]:
        """What the user should know about how the task was read; () when it was understood."""
        if read_task(task).source != "none":
            return ()
        return (
            f"{OFFLINE}: neither the sentence nor the fitness names a direction it can read; "
            "each candidate pays for one variable, up or down, and the fitness decides.",
        )

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each move, in their order; no two the same, and none that is known."""
        return _Round(ask).fill()

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """None: what it wrote passes, and it cannot mend what others wrote."""
        return None


@dataclass(frozen=True)
class _Answer:
    """What could fill a slot."""

    made: Literal["seed", "mutate", "cross", "fresh"]
    code: str
    parents: tuple[str, ...] = ()

    def proposal(self, slot: str) -> Proposal:
        operator: Operator = "first"
        if self.made in ("mutate", "cross"):
            operator = self.made
        origin = f"grammar:{self.made}"
        return Proposal(
            slot=slot, code=self.code, origin=origin, operator=operator, parents=self.parents
        )


class _Round:
    """One ask being answered."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.catalogue: Catalogue = catalogue(ask.task, read_task(ask.task, ask.notes))
        shown = [c for move in ask.moves for c in (*move.parents, *move.history)]
        known = [*ask.tried, *(c.code for c in (*shown, *ask.failures) if c.code)]
        self.seen = {_program(code) for code in known}

    def fill(self) -> list[Proposal]:
        """The first answer for each move that is new."""
        filled = []
        for index, move in enumerate(self.ask.moves):
            rng = stream(self.ask.seed, move.slot, self.ask.attempt)
            answers = self._answers(move, index, rng)
            answer = next(a for a in answers if _program(a.code) not in self.seen)
            self.seen.add(_program(answer.code))
            filled.append(answer.proposal(move.slot))
        return filled

    def _answers(self, move: Move, index: int, rng: np.random.Generator) -> Iterator[_Answer]:
        """Answers for one move in the order of liking; they do not end."""
        if move.operator == "cross":
            yield from self._crossings(move, rng)
        if move.parents:
            yield from self._mutations(move.parents[0], rng)
        start = int(rng.integers(1, 1000)) if move.parents else index
        for i in count(start, len(self.ask.moves)):
            code = write(moves.design(self.catalogue, i, rng), self.catalogue)
            yield _Answer("fresh" if move.parents else "seed", code)

    def _crossings(self, move: Move, rng: np.random.Generator) -> Iterator[_Answer]:
        """Children of two rewards of the grammar's own making; of others there are none."""
        first, second = (read(parent.code, self.catalogue) for parent in move.parents)
        if first is None or second is None:
            return
        names = tuple(parent.id for parent in move.parents)
        for _ in range(20):  # few terms allow few children
            child = moves.crossed(first, second, self.catalogue, rng)
            yield _Answer("cross", write(child, self.catalogue), names)

    def _mutations(self, parent: Candidate, rng: np.random.Generator) -> Iterator[_Answer]:
        observations = observe(parent, self.ask.task)
        genome = read(parent.code, self.catalogue)
        if genome is None:
            codes = moves.foreign(parent.code, observations, rng)
        else:
            changed = chain(
                moves.mended(genome, self.catalogue, observations),
                moves.varied(genome, self.catalogue, rng),
            )
            codes = (write(changed_one, self.catalogue) for changed_one in changed)
        yield from (_Answer("mutate", code, (parent.id,)) for code in codes)


def _program(code: str) -> str:
    """The code without comments and layout: two files of one program count as one."""
    try:
        return ast.unparse(ast.parse(code))
    except (SyntaxError, ValueError):
        return code
