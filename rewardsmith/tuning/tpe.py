"""The tree-structured Parzen estimator (Bergstra et al., NIPS 2011) by optuna, an extra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardsmith.tuning.space import HIGH, LOW

if TYPE_CHECKING:
    from rewardsmith.tuning import Trial


class Tpe:
    """Samples at random until ten points are known; see Optimiser."""

    def __init__(self, dimensions: int, told: Sequence[Sequence[Trial]]) -> None:
        self._names = [f"x{at}" for at in range(dimensions)]
        trials = [trial for generation in told for trial in generation]
        measured = [trial.loss for trial in trials if math.isfinite(trial.loss)]
        self._told = [
            (dict(zip(self._names, trial.point, strict=True)), min(trial.loss, max(measured)))
            for trial in trials
            if measured
        ]

    def ask(self, seed: int) -> tuple[float, ...]:
        """See Optimiser."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        wanted: dict[str, optuna.distributions.BaseDistribution] = {}
        for name in self._names:
            wanted[name] = optuna.distributions.FloatDistribution(LOW, HIGH)
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32)
        study = optuna.create_study(sampler=sampler)
        study.add_trials(
            optuna.trial.create_trial(params=params, distributions=wanted, value=loss)
            for params, loss in self._told
        )
        asked = study.ask(wanted).params
        return tuple(asked[name] for name in self._names)
