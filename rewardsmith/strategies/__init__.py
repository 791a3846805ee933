"""Who becomes a parent: one strategy a file, behind one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rewardsmith.records import Candidate, Fitness


class Strategy(Protocol):
    """Chooses the parents of the next generation."""

    name: str

    def parents(self, candidates: Sequence[Candidate], fitness: Fitness) -> tuple[Candidate, ...]:
        """Parents among all candidates so far, the most promising first; () at the beginning."""
        ...
