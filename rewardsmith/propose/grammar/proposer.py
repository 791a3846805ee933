"""Fills a generation's slots offline: seeds at first, then mutations, a crossing, a fresh idea."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Literal

import numpy as np

from rewardsmith.propose import Ask, Proposal
from rewardsmith.propose.grammar import moves
from rewardsmith.propose.grammar.catalogue import Catalogue, catalogue
from rewardsmith.propose.grammar.genome import Genome, read, write
from rewardsmith.propose.grammar.intent import read_task
from rewardsmith.records import Candidate, TaskSpec, Verdict
from rewardsmith.summarise import observe


class GrammarProposer:
    """Composes rewards from typed terms over the task's variables; it asks no model.

    It keeps nothing between calls: parents are understood from their files alone, and the same
    ask gets the same answer.
    """

    name = "offline baseline"

    def notices(self, task: TaskSpec) -> tuple[str, ...]:
        """What the user should know about how the task was read; () when it was understood."""
        if read_task(task).source != "none":
            return ()
        return (
            f"{self.name}: neither the sentence nor the fitness names a direction it can read; "
            "each candidate pays for one variable, up or down, and the fitness decides.",
        )

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each slot, in their order; no two the same, and none that is known."""
        return _Round(ask).fill()

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """None: what it wrote passes, and it cannot mend what others wrote."""
        return None


Move = Literal["seed", "mutate", "cross", "fresh"]


@dataclass(frozen=True)
class _Answer:
    """What could fill a slot."""

    move: Move
    code: str
    parents: tuple[str, ...] = ()


class _Round:
    """One ask being answered."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.catalogue: Catalogue = catalogue(ask.task, read_task(ask.task, ask.notes))
        known = (*ask.parents, *ask.history, *ask.failures)
        self.seen = {_program(candidate.code) for candidate in known if candidate.code}
        self.mates = self._mates((*ask.parents, *ask.history))

    def fill(self) -> list[Proposal]:
        return [self._proposal(slot, index) for index, slot in enumerate(self.ask.slots)]

    def _proposal(self, slot: str, index: int) -> Proposal:
        """The first answer that is new."""
        rng = _generator(self.ask.seed, slot, self.ask.attempt)
        answers = self._answers(index, rng)
        answer = next(a for a in answers if _program(a.code) not in self.seen)
        self.seen.add(_program(answer.code))
        origin = f"grammar:{answer.move}"
        return Proposal(slot=slot, code=answer.code, origin=origin, parents=answer.parents)

    def _answers(self, index: int, rng: np.random.Generator) -> Iterator[_Answer]:
        """Answers for one place in the order of liking; they do not end."""
        move = self._move(index)
        if move == "cross":
            yield from self._crossings(rng)
        if move in ("cross", "mutate"):
            parent = self.ask.parents[index % len(self.ask.parents)]
            yield from self._mutations(parent, rng)
        start = index if move == "seed" else int(rng.integers(1, 1000))
        for i in count(start, len(self.ask.slots)):
            code = write(moves.design(self.catalogue, i, rng), self.catalogue)
            yield _Answer("seed" if move == "seed" else "fresh", code)

    def _move(self, index: int) -> Move:
        """With parents, the last place is for a fresh idea and the one before it for a crossing."""
        last = len(self.ask.slots) - 1
        if not self.ask.parents:
            return "seed"
        if index == last and index > 0:
            return "fresh"
        return "cross" if index == last - 1 > 0 and len(self.mates) > 1 else "mutate"

    def _mates(self, candidates: Iterable[Candidate]) -> list[tuple[Candidate, Genome]]:
        """Those of the grammar's own making that did not fail, each program once."""
        alive = [candidate for candidate in candidates if candidate.failure is None]
        read_ones = ((candidate, read(candidate.code, self.catalogue)) for candidate in alive)
        mates = {_program(c.code): (c, genome) for c, genome in read_ones if genome is not None}
        return list(mates.values())

    def _crossings(self, rng: np.random.Generator) -> Iterator[_Answer]:
        (mother, first), (father, second) = self.mates[:2]
        for _ in range(20):  # few terms allow few children
            child = moves.crossed(first, second, self.catalogue, rng)
            yield _Answer("cross", write(child, self.catalogue), (mother.id, father.id))

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


def _generator(seed: int, slot: str, attempt: int) -> np.random.Generator:
    """A stream of its own for every slot, the same on every machine and after every resume."""
    digest = hashlib.sha256(f"{seed}/{slot}/{attempt}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _program(code: str) -> str:
    """The code without comments and layout: two files of one program count as one."""
    try:
        return ast.unparse(ast.parse(code))
    except (SyntaxError, ValueError):
        return code
