"""No iteration: what a search without parents and feedback finds for the same budget."""

from __future__ import annotations

from rewardsmith.strategies import Move, Shows, Turn, firsts


class BestOfN:
    """Every slot of every generation is asked for as if it were the first."""

    name = "best-of-n"
    shows: Shows = "none"

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        return firsts(turn.slots)
