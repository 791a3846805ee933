"""Transitions of a random policy: what the critic tries rewards on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rewardsmith.records import Space, TaskSpec
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.sim.gymnasium import GymnasiumSim

_WORLDS = 4
STEPS_PER_ROW = 2
"""Steps made for each row kept, so that the rows reach further into the episodes."""
PROBE_ROWS = 1001
"""Transitions that the critic's probes run on."""
_RANGE_ROWS = 301
_UNBOUNDED_SCALE = 1.0


def random_transitions(task: TaskSpec, n_rows: int, seed: int) -> Transitions:
    """n_rows transitions of a uniformly random policy, in the order they happened.

    Worlds whose episode ends are reset, so the rows hold first steps and, where random actions
    end episodes, last ones. The same arguments give the same rows.
    """
    rng = np.random.default_rng(seed)
    sim = GymnasiumSim(task, _WORLDS)
    try:
        sim.reset(_seeds(rng, _WORLDS))
        batches = []
        for _ in range(-(-n_rows * STEPS_PER_ROW // _WORLDS)):
            step = sim.step(_random_action(task.action, rng))
            batches.append(step.transitions)
            ended = np.flatnonzero(step.done).tolist()
            if ended:
                sim.reset(_seeds(rng, len(ended)), ended)
    finally:
        sim.close()
    made = concatenate(batches)
    return made.rows(np.linspace(0, len(made) - 1, n_rows).astype(np.intp))


def with_ranges(task: TaskSpec, seed: int) -> TaskSpec:
    """The task, its variables with the ranges that a random policy sees; the same for one seed."""
    met = random_transitions(task, _RANGE_ROWS, seed)
    variables = []
    for variable in task.variables:
        values = [met.next_state[variable.name]]
        if variable.kind == "state":
            values.append(met.state[variable.name])
        low = min(float(array.min()) for array in values)
        high = max(float(array.max()) for array in values)
        known = np.isfinite(low) and np.isfinite(high)
        variables.append(variable.model_copy(update={"seen": (low, high) if known else None}))
    return task.model_copy(update={"variables": tuple(variables)})


def _seeds(rng: np.random.Generator, count: int) -> list[int]:
    return [int(seed) for seed in rng.integers(0, 2**31, count)]


def _random_action(space: Space, rng: np.random.Generator) -> NDArray[np.float64 | np.int64]:
    if space.kind == "discrete":
        return rng.integers(0, space.n, _WORLDS)
    if not space.low:
        return rng.normal(0.0, _UNBOUNDED_SCALE, (_WORLDS, space.size))
    return rng.uniform(space.low, space.high, (_WORLDS, space.size))
