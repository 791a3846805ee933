"""What a rollout's rewards come to: discounted returns and generalised advantages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rewardsmith.training import PpoSettings

Array = NDArray[np.float64]

REWARD_CLIP = 10.0
"""Rewards in deviations of their discounted return are cut here."""


def discounted(
    total: Array, done: NDArray[np.bool_], before: Array, gamma: float
) -> tuple[Array, Array]:
    """Running returns (T, n) of rewards `total` (T, n), and what is carried on (n,)."""
    returns, carried = np.empty_like(total), before
    for t, row in enumerate(total):
        carried = carried * gamma + row
        returns[t] = carried
        carried = np.where(done[t], 0.0, carried)
    return returns, carried


def advantages(
    rewards: Array,
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
    values: Array,
    after: Array,
    chosen: PpoSettings,
) -> Array:
    """Generalised advantages (arXiv 1506.02438); all arguments and the result (T, n).

    A time limit is no end of the task: what would have followed is worth its value.

    Args:
        values, after: of the observations before and after each step; `after` is that of the
            true last observation where an episode ended.
    """
    rewards = rewards + np.where(truncated & ~terminated, chosen.gamma * after, 0.0)
    over = terminated | truncated
    # Chosen, not multiplied by zero: a simulation may end in what is no number.
    delta = rewards + np.where(over, 0.0, chosen.gamma * after) - values
    decay = np.where(over, 0.0, chosen.gamma * chosen.gae_lambda)
    advantage, carried = np.empty_like(delta), np.zeros(delta.shape[1])
    for t in range(len(delta) - 1, -1, -1):
        carried = delta[t] + decay[t] * carried
        advantage[t] = carried
    return advantage
