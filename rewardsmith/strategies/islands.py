"""Several populations side by side, as in REvolve (arXiv 2406.01309).

Who lives on which island follows from the stored candidates alone: it is worked out anew, from the
first generation on, whenever a generation is planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from rewardsmith.chance import stream
from rewardsmith.records import Candidate, CandidateId, Fitness, Operator
from rewardsmith.selection import better, rank
from rewardsmith.strategies import Move, Shows, Turn, history

_CAPACITY = 8
"""Candidates on an island; the worst has to leave."""
_MUTATED, _CROSSED = 0.5, 0.75
"""Half of the slots mutate, a quarter crosses by the proposer, a quarter without it."""
_MIGRATION = 0.3
"""The probability after each generation that the weaker half of the islands is settled anew."""
_TEMPERATURE = 0.5
"""Of the softmax over fitness, which an island's worst and best span from 0 to 1."""

Island = list[Candidate]


class Islands:
    """Slots go round the islands; each draws its operator, and its parents from its island.

    Args:
        count: of islands.
    """

    name = "islands"
    shows: Shows = "summary"

    def __init__(self, count: int) -> None:
        self._count = count

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        islands = self.settled(turn)
        moves = []
        for slot in turn.slots:
            number = CandidateId.parse(slot).index % self._count
            moves.append(_move(slot, number, islands[number], turn))
        return tuple(moves)

    def settled(self, turn: Turn) -> list[Island]:
        """Who lives on each island at the beginning of the turn."""
        islands: list[Island] = [[] for _ in range(self._count)]
        for generation in sorted({c.generation for c in turn.past}):
            here = [c for c in turn.past if c.generation == generation and c.score]
            for number, island in enumerate(islands):
                island += _entering([c for c in here if self._home(c) == number], island, turn)
                island[:] = rank(island, turn.fitness)[:_CAPACITY]
            rng = stream(turn.seed, "migration", generation)
            if rng.random() < _MIGRATION:
                _migrate(islands, turn.fitness, rng)
        return islands

    def _home(self, candidate: Candidate) -> int:
        """The island that a candidate was made for; by its place where no strategy of ours said."""
        number = candidate.index if candidate.island is None else candidate.island
        return number % self._count


def softmax(members: Sequence[Candidate], fitness: Fitness) -> list[float]:
    """The probability of each member to be drawn; they must have scores."""
    values = fitness.sign * np.array([c.score.value for c in members if c.score])
    span = float(np.ptp(values)) or 1.0
    weights = np.exp((values - values.max()) / span / _TEMPERATURE)
    return [float(weight) for weight in weights / weights.sum()]


def _entering(children: Sequence[Candidate], island: Island, turn: Turn) -> list[Candidate]:
    """Those that beat the mean of the island as it was before any of them; all on an empty one."""
    if not island:
        return list(children)
    mean = fmean(member.score.value for member in island if member.score)
    return [c for c in children if c.score and better(turn.fitness, c.score.value, mean)]


def _migrate(islands: list[Island], fitness: Fitness, rng: np.random.Generator) -> None:
    """The weaker half keeps only its bests; one settler comes to each from a stronger island.

    The settler is drawn, and is not the best of its island, which stays.
    """
    bests = rank([member for island in islands for member in island[:1]], fitness)
    order = {best.id: position for position, best in enumerate(bests)}
    ranked = sorted(islands, key=lambda isle: order[isle[0].id] if isle else len(order))
    kept = len(islands) - len(islands) // 2
    for weak in ranked[kept:]:
        founders = [island for island in ranked[:kept] if len(island) > 1]
        del weak[1:]
        if founders:
            founder = founders[rng.integers(len(founders))]
            settler = _drawn(founder[1:], 1, fitness, rng)[0]
            founder.remove(settler)
            weak[:] = rank([*weak, settler], fitness)


def _move(slot: str, number: int, island: Island, turn: Turn) -> Move:
    if not island:
        return Move(slot=slot, island=number)
    rng = stream(turn.seed, "islands", slot)
    chance = rng.random()
    operator: Operator = "mutate"
    if chance >= _MUTATED and len(island) > 1:
        operator = "cross" if chance < _CROSSED else "splice"
    parents = _drawn(island, 1 if operator == "mutate" else 2, turn.fitness, rng)
    return Move(
        slot=slot,
        operator=operator,
        parents=tuple(parents),
        history=history(island, turn.fitness, parents),
        island=number,
    )


def _drawn(
    members: Sequence[Candidate], count: int, fitness: Fitness, rng: np.random.Generator
) -> list[Candidate]:
    """So many different members by softmax, the best first."""
    chosen = rng.choice(len(members), size=count, replace=False, p=softmax(members, fitness))
    return rank([members[int(at)] for at in chosen], fitness)
