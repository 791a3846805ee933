"""The contract of a reward: what it may ask for, and the batches of transitions it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rewardsmith.records import Argument, Column, TaskSpec

ENTRY_POINT = "compute_reward"
PARAMS_NAME = "PARAMS"
ARGUMENTS: tuple[str, ...] = (*get_args(Argument), "params")
"""What compute_reward may ask for by name."""
MAX_ABS_REWARD = 1e6

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Transitions:
    """A batch of n transitions; every array has leading axis n.

    Attributes:
        state: state variables before the step, by name; each (n, *shape) float64.
        next_state: state and transition variables after it, never those of an automatic reset.
        obs, next_obs: (n, obs_dim) float64, raw; a Discrete observation is (n, 1).
        action: what the environment executed, after clipping: (n, d) float64 or (n,) int64.
        prev_action: the action before; zeros at the first step of an episode.
        terminated: (n,) bool.
        t: (n,) int64, step in the episode from 0.
    """

    state: Mapping[str, Array]
    next_state: Mapping[str, Array]
    obs: Array
    next_obs: Array
    action: NDArray[np.float64] | NDArray[np.int64]
    prev_action: NDArray[np.float64] | NDArray[np.int64]
    terminated: NDArray[np.bool_]
    t: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t)

    def column(self, column: Column) -> NDArray[np.generic]:
        """The array that `column` names, (n, *column.shape)."""
        value = getattr(self, column.argument)
        return value[column.name] if column.name else value  # type: ignore[no-any-return]

    def rows(self, index: NDArray[np.intp] | slice) -> Transitions:
        """The chosen rows, as a new batch."""
        return _map(self, lambda array: array[index])


def concatenate(batches: Iterable[Transitions]) -> Transitions:
    """The rows of all batches, in order."""
    batches = list(batches)
    first = batches[0]
    joined: dict[str, object] = {}
    for field in fields(Transitions):
        value = getattr(first, field.name)
        if isinstance(value, Mapping):
            joined[field.name] = {
                name: np.concatenate([getattr(batch, field.name)[name] for batch in batches])
                for name in value
            }
        else:
            joined[field.name] = np.concatenate([getattr(batch, field.name) for batch in batches])
    return Transitions(**joined)  # type: ignore[arg-type]


def available_columns(task: TaskSpec) -> tuple[Column, ...]:
    """Every column that a reward of this task could read."""
    state = [v for v in task.variables if v.kind == "state"]
    columns = [Column(argument="state", name=v.name, shape=v.shape) for v in state]
    columns += [Column(argument="next_state", name=v.name, shape=v.shape) for v in task.variables]
    width = (max(task.observation.size, 1),)
    columns += [Column(argument="obs", shape=width), Column(argument="next_obs", shape=width)]
    if task.action.kind == "discrete":
        columns += [
            Column(argument="action", dtype="int64"),
            Column(argument="prev_action", dtype="int64"),
        ]
    else:
        shape = (task.action.size,)
        columns += [
            Column(argument="action", shape=shape),
            Column(argument="prev_action", shape=shape),
        ]
    columns += [Column(argument="terminated", dtype="bool"), Column(argument="t", dtype="int64")]
    return tuple(columns)


def _map(batch: Transitions, change: object) -> Transitions:
    changed: dict[str, object] = {}
    for field in fields(Transitions):
        value = getattr(batch, field.name)
        if isinstance(value, Mapping):
            changed[field.name] = {name: change(array) for name, array in value.items()}  # type: ignore[operator]
        else:
            changed[field.name] = change(value)  # type: ignore[operator]
    return replace(batch, **changed)  # type: ignore[arg-type]
