"""Chooses the engine for a task: the fastest one that can drive it."""

from __future__ import annotations

from rewardsmith import tasks
from rewardsmith.records import TaskSpec
from rewardsmith.sim import VectorSim, mjbatch
from rewardsmith.sim.formulas import FORMULAS
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.mjbatch import MjbatchSim
from rewardsmith.sim.mujoco import MujocoSim


def make(
    task: TaskSpec, n: int, gather: frozenset[str] | None = None, *, threads: int = 1
) -> VectorSim:
    """n worlds of a task that give the variables named in `gather` (all if None)."""
    chosen = name(task, gather)
    if chosen == "gymnasium":
        return GymnasiumSim(task, n, gather)
    engine = MjbatchSim if chosen == "mjbatch" else MujocoSim
    return engine(task, n, gather, threads=threads)


def name(task: TaskSpec, gather: frozenset[str] | None = None) -> str:
    """The engine that `make` takes: "mjbatch", "mujoco" or "gymnasium"."""
    # What only Gymnasium's step writes into info, the batched engines do not know.
    told = any(raw.startswith("info:") for raw in tasks.reader_of(task, gather).raws)
    if task.env not in FORMULAS or told:
        return "gymnasium"
    return "mjbatch" if mjbatch.drives(task.env) else "mujoco"
