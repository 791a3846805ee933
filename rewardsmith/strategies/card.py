"""One chain with feedback from episodes, as in CARD (arXiv 2410.14660).

Its Trajectory Preference Evaluation is the critic's alignment screen: a reward that orders the
run's episodes wrongly goes back to the model and is never trained. CARD asks that a reward beat
the hardest failure; the share of pairs that are ordered rightly lets more of the good ones pass.
"""

from __future__ import annotations

from rewardsmith.selection import rank
from rewardsmith.strategies import HISTORY, Move, Shows, Turn, firsts


class Card:
    """Goes on from what the last generation brought, also where an earlier one was better."""

    name = "card"
    shows: Shows = "episodes"

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        chain = []
        for generation in sorted({c.generation for c in turn.past}, reverse=True):
            chain += rank((c for c in turn.past if c.generation == generation), turn.fitness)[:1]
        if not chain:
            return firsts(turn.slots)
        head, earlier = chain[0], tuple(chain[1 : 1 + HISTORY])
        return tuple(
            Move(slot=slot, operator="mutate", parents=(head,), history=earlier)
            for slot in turn.slots
        )
