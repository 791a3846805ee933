"""CMA-ES (Hansen, arXiv 1604.00772) by the package cmaes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rewardsmith.tuning.space import HIGH, LOW

if TYPE_CHECKING:
    from rewardsmith.tuning import Trial

_SIGMA = 0.5


class Evolution:
    """Begins around the author's numbers, with half a weight of spread; see Optimiser."""

    def __init__(self, dimensions: int, told: Sequence[Sequence[Trial]]) -> None:
        from cmaes import CMA

        self._cma = CMA(
            mean=np.zeros(dimensions),
            sigma=_SIGMA,
            bounds=np.tile([LOW, HIGH], (dimensions, 1)),
            population_size=max((len(generation) for generation in told), default=None),
        )
        for generation in told:
            self._cma.tell([(np.array(trial.point), trial.loss) for trial in generation])

    def ask(self, seed: int) -> tuple[float, ...]:
        """See Optimiser."""
        self._cma.reseed_rng(seed % 2**32)
        return tuple(float(value) for value in self._cma.ask())
