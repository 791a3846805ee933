"""Batched C MuJoCo by mjbatch (the extra "fast"): all worlds in one call, on threads of its own.

It keeps a world as a row of numbers instead of an MjData, so that one Gymnasium environment, which
starts the episodes of all worlds by turns, is enough.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.sim import Array
from rewardsmith.sim.formulas import FORMULAS
from rewardsmith.sim.mujoco import MujocoSim, SimState
from rewardsmith.sources import mujoco_place, mujoco_views


def drives(env: str) -> bool:
    """Whether mjbatch works here and knows all that the environment's formula reads."""
    # Contact forces are computed by a call of their own after the step, which it does not offer.
    return not FORMULAS[env].forces and fits()


def fits() -> bool:
    """Whether mjbatch is installed, beside the one version of mujoco that it was built against."""
    try:
        needs = importlib.metadata.requires("mjbatch") or []
    except importlib.metadata.PackageNotFoundError:
        return False
    pins = {need.partition("==")[2] for need in needs if need.startswith("mujoco==")}
    return pins <= {importlib.metadata.version("mujoco")}


class MjbatchSim(MujocoSim):
    """A VectorSim for the environments that mjbatch `drives`."""

    _one_for_all = True

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order."""
        kept, physics = list(which), self._rows
        self.n = len(kept)
        self._raws = {name: array[kept] for name, array in self._raws.items()}
        self._t, self._prev_action = self._t[kept], self._prev_action[kept]
        self._prepare({name: factors[kept] for name, factors in self._scales.items()})
        self._rows[:] = physics[kept]
        self._settle()

    def get_state(self) -> SimState:
        """A copy of all that `set_state` needs to go on bit for bit."""
        return self._state_with(self._rows.copy())

    def set_state(self, state: SimState) -> None:
        """Put all worlds where `get_state` found them, in this or another sim of the same task."""
        self._rows[:] = state.physics
        self._take(state)

    def _prepare(self, scales: Mapping[str, Array]) -> None:
        import mjbatch

        self._scales = dict(scales)
        self._batch: Any = mjbatch.Batch(self._bare[0].model, self.n, self._threads)
        for name, factors in scales.items():
            array = self._batch.expand(name)
            array *= np.reshape(factors, array.shape)
        if scales:
            self._batch.set_const()
        self._rows: Array = self._batch.bind("state")
        self._ctrl: Array = self._batch.bind("ctrl")
        env = self._envs[0]
        # Of the one environment: its arrays stay the same ones from episode to episode.
        views = mujoco_views(env, self._reader.raws)
        views |= {f"data:{n}": getattr(self._bare[0].data, n).ravel() for n in self._formula.raws}
        for raw, view in views.items():
            self._raws.setdefault(raw, np.zeros((self.n, view.size)))
        self._begun = list(views.items())
        self._live = [(self._raws[raw], self._field(raw)) for raw in views]

    def _field(self, raw: str) -> Array:
        """One raw array of all worlds, (n, size), as a step of the batch leaves it."""
        attribute, row = mujoco_place(self._envs[0], raw.removeprefix("data:"))
        array: Array = self._batch.bind(attribute)
        return (array if row is None else array[:, row]).reshape(self.n, -1)

    def _restart(self, world: int, seed: int) -> None:
        obs, _ = self._envs[0].reset(seed=seed)
        env, kind = self._bare[0], self._mujoco.mjtState.mjSTATE_INTEGRATION
        self._mujoco.mj_getState(env.model, env.data, self._rows[world], kind)
        self._raws["obs"][world] = obs
        for raw, view in self._begun:
            self._raws[raw][world] = view
        if self._scales:
            # What the solver starts from follows from this world's own model.
            self._batch.forward(np.array([world]))

    def _physics(self, action: NDArray[Any]) -> None:
        self._ctrl[:] = action
        self._batch.step(nstep=self._bare[0].frame_skip)
        for rows, live in self._live:
            rows[:] = live
