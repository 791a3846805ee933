"""No iteration: what a search without parents and feedback finds for the same budget."""

from __future__ import annotations

from rewardsmith.strategies import Feedback, Move, Turn, firsts


class BestOfN:
    """Every slot of every generation is asked for as if it were the first."""

    name = "best-of-n"
    feedback: Feedback = "none"

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        return firsts(turn.slots)
