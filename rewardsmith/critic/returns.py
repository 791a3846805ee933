"""What a checked reward pays whole episodes: its return and that of each term, in the jail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.jail.service import RewardWorker, cpu_limit_s
from rewardsmith.records import CheckedReward
from rewardsmith.reward import Array
from rewardsmith.rollouts import Rollout


@dataclass(frozen=True)
class Paid:
    """What one reward pays for one episode.

    Attributes:
        total: the discounted return, sum over t of gamma^t * reward.
        terms: the same of each term.
        per_step: the mean reward of a step, not discounted.
    """

    rollout: Rollout
    total: float
    terms: Mapping[str, float]
    per_step: float

    @property
    def fitness(self) -> float:
        """The episode's fitness."""
        return self.rollout.fitness


def pay(
    reward: CheckedReward, rollouts: Sequence[Rollout], gamma: float, *, unsafe: bool
) -> tuple[Paid, ...]:
    """Ask the reward, in one worker, what it pays for each episode, in their order.

    Raises:
        CandidateError: the reward failed on one of them.
    """
    if not rollouts:
        return ()
    longest = max(len(rollout.transitions) for rollout in rollouts)
    discounts = np.power(gamma, np.arange(longest), dtype=np.float64)
    paid = []
    limit_s = cpu_limit_s(sum(len(rollout.transitions) for rollout in rollouts))
    with RewardWorker(reward, capacity=longest, cpu_limit_s=limit_s, unsafe=unsafe) as worker:
        for rollout in rollouts:
            given = worker.compute(rollout.transitions)
            paid.append(
                Paid(
                    rollout=rollout,
                    total=_discounted(given.total, discounts),
                    terms={n: _discounted(v, discounts) for n, v in given.terms.items()},
                    per_step=float(given.total.mean()),
                )
            )
    return tuple(paid)


def _discounted(values: Array, discounts: Array) -> float:
    return float(values @ discounts[: len(values)])
