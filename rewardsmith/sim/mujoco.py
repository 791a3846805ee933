"""Batched C MuJoCo on several cores: each world an MjData of its own, all else over all worlds.

It steps the very models of Gymnasium's environments and resets them by Gymnasium's own code, but
leaves out Gymnasium's step: `mj_step` runs in a few threads (it releases the interpreter's lock),
and observation, termination and reward are computed once for all worlds (formulas.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.records import TaskSpec
from rewardsmith.sim import Array
from rewardsmith.sim.formulas import FORMULAS
from rewardsmith.sim.gymnasium import GymnasiumSim

_FEW_WORLDS = 4
"""Below so many worlds a thread, handing over costs more than it saves."""


@dataclass(frozen=True)
class SimState:
    """Where all worlds stand.

    Attributes:
        physics: (n, k) float64, MuJoCo's integration state.
        raws: what the last step left, by name, each (n, ·).
        t: (n,) int64.
        prev_action: (n, d) float64.
    """

    physics: Array
    raws: Mapping[str, Array]
    t: NDArray[np.int64]
    prev_action: Array

    def rows(self, which: Sequence[int]) -> SimState:
        """These worlds only, in this order."""
        kept = list(which)
        raws = {name: array[kept] for name, array in self.raws.items()}
        return SimState(self.physics[kept], raws, self.t[kept], self.prev_action[kept])


class MujocoSim(GymnasiumSim):
    """A VectorSim for the environments in FORMULAS; the results do not depend on `threads`."""

    def __init__(
        self,
        task: TaskSpec,
        n: int,
        gather: frozenset[str] | None = None,
        *,
        threads: int = 1,
        scales: Mapping[str, Array] | None = None,
    ) -> None:
        """Build n worlds.

        Args:
            gather: see GymnasiumSim.
            threads: at most so many step worlds at once.
            scales: factors on arrays of MjModel by name, such as body_mass, geom_friction or
                actuator_gainprm; each (n, ·), one row a world.
        """
        super().__init__(task, n, gather)
        import mujoco

        self._mujoco: Any = mujoco
        self._formula = FORMULAS[task.env]
        self._bare: list[Any] = [env.unwrapped for env in self._envs]
        self._limit = task.max_episode_steps or 0
        for name in self._formula.raws:
            width = getattr(self._bare[0].data, name).size
            self._raws[f"data:{name}"] = np.zeros((n, width))
        self._threads = max(1, min(threads, n // _FEW_WORLDS))
        self._pool: ThreadPoolExecutor | None = None
        self._prepare(scales or {})

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order; the others are closed."""
        self._bare = [self._bare[world] for world in which]
        super().keep(which)

    def close(self) -> None:
        """Close every environment, and end the threads."""
        if self._pool:
            self._pool.shutdown()
        super().close()

    def get_state(self) -> SimState:
        """A copy of all that `set_state` needs to go on bit for bit."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        size = self._mujoco.mj_stateSize(self._bare[0].model, kind)
        physics = np.zeros((self.n, size))
        for row, env in zip(physics, self._bare, strict=True):
            self._mujoco.mj_getState(env.model, env.data, row, kind)
        return self._state_with(physics)

    def set_state(self, state: SimState) -> None:
        """Put all worlds where `get_state` found them, in this or another sim of the same task."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        for world, (row, env) in enumerate(zip(state.physics, self._bare, strict=True)):
            self._mujoco.mj_setState(env.model, env.data, row, kind)
            self._bind(world)
        self._take(state)

    def _state_with(self, physics: Array) -> SimState:
        return SimState(
            physics=physics,
            raws={name: array.copy() for name, array in self._raws.items()},
            t=self._t.copy(),
            prev_action=self._prev_action.copy(),
        )

    def _take(self, state: SimState) -> None:
        for name, array in state.raws.items():
            self._raws[name][:] = array
        self._t, self._prev_action = state.t.copy(), state.prev_action.copy()
        self._settle()

    def _prepare(self, scales: Mapping[str, Array]) -> None:
        """Set the worlds up for stepping, each with its own model."""
        for name, factors in scales.items():
            self._scale(name, factors)
        if self._threads > 1:
            self._pool = ThreadPoolExecutor(self._threads)

    def _scale(self, name: str, factors: Array) -> None:
        for row, env in zip(factors, self._bare, strict=True):
            array = getattr(env.model, name)
            array *= np.reshape(row, array.shape)
            self._mujoco.mj_setConst(env.model, env.data)

    def _bind(self, world: int) -> None:
        super()._bind(world)
        data = self._bare[world].data
        for name in self._formula.raws:
            view = getattr(data, name).reshape(-1)
            self._views[world].append((self._raws[f"data:{name}"][world], view))

    def _advance(
        self, executed: NDArray[Any]
    ) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        now = {name: self._raws[f"data:{name}"] for name in self._formula.raws}
        before = {name: array.copy() for name, array in now.items()}
        action = executed.astype(self._action_dtype)
        self._physics(action)
        obs, reward, terminated = self._formula.step(np, self._bare[0], before, now, action)
        self._raws["obs"][:] = obs
        truncated = self._t + 1 >= self._limit if self._limit else np.zeros(self.n, dtype=np.bool_)
        return np.asarray(reward, np.float64), np.asarray(terminated, np.bool_), truncated

    def _physics(self, action: NDArray[Any]) -> None:
        """Step every world and copy what is read of it into its rows of the raw arrays."""
        if self._pool is None:
            self._run(range(self.n), action)
            return
        parts = [range(self.n)[part :: self._threads] for part in range(self._threads)]
        for done in [self._pool.submit(self._run, part, action) for part in parts]:
            done.result()

    def _run(self, worlds: Sequence[int], action: NDArray[Any]) -> None:
        """Step these worlds; in a thread of its own."""
        step, forces = self._mujoco.mj_step, self._mujoco.mj_rnePostConstraint
        for world in worlds:
            env = self._bare[world]
            env.data.ctrl[:] = action[world]
            step(env.model, env.data, nstep=env.frame_skip)
            if self._formula.forces:
                forces(env.model, env.data)
            for row, view in self._views[world]:
                row[:] = view
