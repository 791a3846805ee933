"""The jailed workers of a population: one a candidate, which its seeds share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker, cpu_limit_s
from rewardsmith.reward import Transitions
from rewardsmith.training import TrainJob

_ENDING = ("timeout", "crash", "protocol")
"""Faults after which a candidate's worker is gone, for its other seeds too."""


class Workers:
    """Started when a candidate's first rewards are asked for."""

    def __init__(self, jobs: Sequence[TrainJob]) -> None:
        self._rows = Counter[str]()
        for job in jobs:
            self._rows[job.candidate] += job.timesteps
        self._workers: dict[str, RewardWorker] = {}
        self._lost: dict[str, CandidateError] = {}

    def rewards(self, job: TrainJob, batch: Transitions, native: NDArray[np.float64]) -> Rewards:
        """What the job's candidate pays for `batch`; `native` (n,) where it has no reward.

        Raises:
            CandidateError: the reward failed, now or earlier for good.
        """
        if job.reward is None:
            return Rewards(native, {job.pays: native}, has_total=True)
        if job.candidate in self._lost:
            raise self._lost[job.candidate]
        worker = self._workers.get(job.candidate)
        try:
            if worker is None:
                worker = RewardWorker(
                    job.reward,
                    capacity=len(batch),
                    cpu_limit_s=cpu_limit_s(self._rows[job.candidate]),
                    unsafe=job.unsafe,
                )
                self._workers[job.candidate] = worker
            return worker.compute(batch)
        except CandidateError as fault:
            if fault.cause in _ENDING:
                self._lost[job.candidate] = fault
            raise

    def close(self) -> None:
        """End all of them."""
        for worker in self._workers.values():
            worker.close()
