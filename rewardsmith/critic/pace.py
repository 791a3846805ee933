"""What a reward costs per row, timed so that a busy machine refuses nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from rewardsmith.critic.remarks import warning
from rewardsmith.critic.stress import Compute
from rewardsmith.records import Finding, TaskSpec
from rewardsmith.reward import Transitions

ROWS = 1001
"""Rows of a timed call: over fewer, what a call costs at all would count as a row's cost."""
_TRIES = 3
_SLOW_ROW_US, _ABSURD_ROW_US = 20.0, 1000.0
"""A step of physics and learning takes some 100 us to 500 us: from here on the reward is felt, and
from there on it takes longer than all the rest."""


def slow(
    compute: Compute,
    batch: Transitions,
    task: TaskSpec,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Finding]:
    """A warning where a row is slow, an error where training would mostly wait for the reward.

    Args:
        compute: takes `ROWS` rows.
        batch: repeated until it has as many.
        clock: seconds.
    """
    many = batch.rows(np.resize(np.arange(len(batch)), ROWS))
    each_us = _least_us(compute, many, clock)
    if each_us > _ABSURD_ROW_US:
        yield Finding(rule="slow", message=_told(_ABSURD_ROW_US, task))
    elif each_us > _SLOW_ROW_US:
        yield warning("slow", _told(_SLOW_ROW_US, task))


def _told(beyond_us: float, task: TaskSpec) -> str:
    """In words that hold no timing: a prompt must read the same when a search is replayed."""
    steps = task.budget.timesteps
    return (
        f"a row costs more than {beyond_us:g} us, {steps:,} steps of training more than "
        f"{1e-6 * steps * beyond_us:g} s for the reward alone: use array expressions over the "
        "whole batch, not a loop over rows"
    )


def _least_us(compute: Compute, many: Transitions, clock: Callable[[], float]) -> float:
    """The least that a row took in several calls: only the machine can make a call slower."""
    least_us = np.inf
    for _ in range(_TRIES):
        begin = clock()
        compute(many)
        least_us = min(least_us, 1e6 * (clock() - begin) / len(many))
        if least_us <= _SLOW_ROW_US:
            break
    return float(least_us)
