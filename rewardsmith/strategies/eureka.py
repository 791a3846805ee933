"""Greedy as in Eureka (arXiv 2310.12931), but the best of all rounds is kept, not of the last."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.records import Candidate, Fitness
from rewardsmith.selection import rank

_PARENTS = 2


class Eureka:
    """The best candidate so far is the parent; the second best is there to be crossed with it."""

    name = "eureka"

    def parents(self, candidates: Sequence[Candidate], fitness: Fitness) -> tuple[Candidate, ...]:
        """The best candidates of all rounds, best first."""
        return tuple(rank(candidates, fitness)[:_PARENTS])
