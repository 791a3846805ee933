"""Chooses the engine for a task: the fastest one that can drive it."""

from __future__ import annotations

from rewardsmith import tasks
from rewardsmith.records import TaskSpec
from rewardsmith.sim.formulas import FORMULAS
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.mujoco import MujocoSim


def make(
    task: TaskSpec, n: int, gather: frozenset[str] | None = None, *, threads: int = 1
) -> GymnasiumSim:
    """n worlds of a task that give the variables named in `gather` (all if None)."""
    if name(task, gather) == "mujoco":
        return MujocoSim(task, n, gather, threads=threads)
    return GymnasiumSim(task, n, gather)


def name(task: TaskSpec, gather: frozenset[str] | None = None) -> str:
    """The engine that `make` takes: "mujoco" or "gymnasium"."""
    # What only Gymnasium's step writes into info, the batched engine does not know.
    told = any(raw.startswith("info:") for raw in tasks.reader_of(task, gather).raws)
    return "mujoco" if task.env in FORMULAS and not told else "gymnasium"
