"""Greedy as in Eureka (arXiv 2310.12931), but the best so far is kept, not the last round's best.

Eureka restarts its search several times against bad beginnings. Here a chain that has stalled gives
way to a new one, which begins without parents; the run's best is kept through all chains.
"""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.records import Candidate, CandidateId
from rewardsmith.selection import rank
from rewardsmith.strategies import Move, Shows, Turn, firsts, history

_PATIENCE = 2
"""Generations that may bring a chain nothing before it gives way."""
_CROSSED = 4
"""Every so many slots cross the two best."""


class Eureka:
    """Mutates the best of the chain; the last of four slots crosses the two best."""

    name = "eureka"
    shows: Shows = "summary"

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        chain = _chain(turn.past)
        ranked = rank(chain, turn.fitness)
        if not ranked or _idle(chain, ranked[0]) >= _PATIENCE:
            return firsts(turn.slots)
        moves = []
        for slot in turn.slots:
            crosses = CandidateId.parse(slot).index % _CROSSED == _CROSSED - 1 and len(ranked) > 1
            parents = tuple(ranked[: 2 if crosses else 1])
            moves.append(
                Move(
                    slot=slot,
                    operator="cross" if crosses else "mutate",
                    parents=parents,
                    history=history(chain, turn.fitness, parents),
                )
            )
        return tuple(moves)


def _idle(chain: Sequence[Candidate], best: Candidate) -> int:
    """How many generations of the search have gone by since the best."""
    later = (c for c in chain if c.generation > best.generation and c.operator != "tune")
    return len({c.generation for c in later})


def _chain(past: Sequence[Candidate]) -> list[Candidate]:
    """The candidates since the last generation that began without parents."""
    followed = {c.generation for c in past if c.operator not in ("first", "init")}
    begun = max((c.generation for c in past if c.generation not in followed), default=1)
    return [c for c in past if c.generation >= begun]
