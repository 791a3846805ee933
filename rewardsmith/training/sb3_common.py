"""What the stable-baselines3 backends share: spaces, arrays, and the end of what diverged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn

from rewardsmith.jail.service import Rewards
from rewardsmith.records import Space
from rewardsmith.reward import Transitions
from rewardsmith.training import diverged

RewardSource: TypeAlias = Callable[[Transitions, NDArray[np.float64]], Rewards]
"""Rewards of a batch, given its transitions and the environment's own rewards (n,)."""

SEEDS = 2**32
"""As many seeds as NumPy's global generator, which stable-baselines3 seeds, can tell apart."""


def linear_layers(network: nn.Module) -> list[Any]:
    """The linear layers in order."""
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


def array(tensor: torch.Tensor) -> NDArray[np.float64]:
    """A copy of a parameter as float64."""
    return np.array(tensor.detach().numpy(), dtype=np.float64)


def require_finite(tensors: Iterable[torch.Tensor]) -> None:
    """Raises CandidateError where a network's weights, or what it answers, are not finite."""
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        raise diverged()


def box(width: int) -> spaces.Box:
    """An unbounded space of `width` numbers."""
    return spaces.Box(-np.inf, np.inf, (width,), np.float32)


def action_space(space: Space) -> spaces.Space[Any]:
    """The action space as stable-baselines3 wants it."""
    if space.kind == "discrete":
        return spaces.Discrete(space.n)
    if not space.low:
        return box(space.size)
    low, high = np.array(space.low, np.float32), np.array(space.high, np.float32)
    return spaces.Box(low, high, dtype=np.float32)
