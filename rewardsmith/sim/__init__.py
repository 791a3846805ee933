"""The protocol of a simulator: n worlds of one task, stepped together, reset by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rewardsmith.reward import Transitions

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """What one step of all worlds gave.

    Attributes:
        transitions: one row per world, as a reward sees it; `terminated` is in there.
        truncated: (n,) bool, the time limit ended the episode.
        native_reward: (n,) float64, the environment's own reward.
    """

    transitions: Transitions
    truncated: NDArray[np.bool_]
    native_reward: Array

    @property
    def done(self) -> NDArray[np.bool_]:
        """(n,) bool: the worlds that have to be reset before the next step."""
        done: NDArray[np.bool_] = self.transitions.terminated | self.truncated
        return done


class VectorSim(Protocol):
    """n worlds of one task; the caller resets those whose episode ended.

    Engines on the CPU speak NumPy, whose memory torch shares without a copy: evaluation then needs
    no torch, whose import takes seconds. What an engine has handed out it never changes later.
    """

    n: int

    def reset(self, seeds: Sequence[int], which: Sequence[int] | None = None) -> None:
        """Begin an episode in the worlds `which` (all if None), each with its own seed."""

    @property
    def obs(self) -> Array:
        """(n, obs_dim), the current observations, raw."""

    @property
    def state(self) -> Mapping[str, Array]:
        """The current state variables, each (n, *shape)."""

    @property
    def t(self) -> NDArray[np.int64]:
        """(n,) steps since the last reset."""

    def step(self, action: NDArray[Any]) -> Step:
        """Execute (n, d) or (n,) actions, clipped to the bounds of the action space."""

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order; the others are released."""

    def close(self) -> None:
        """Release the worlds."""
