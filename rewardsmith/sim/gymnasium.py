"""n Gymnasium environments of one task in this process: the reference engine, and the leanest loop.

A step copies only the raw arrays that the gathered variables are made of, and computes the
variables once for all worlds. See sources.py for what MuJoCo's xpos lags behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith import tasks
from rewardsmith.errors import UserError
from rewardsmith.records import TaskSpec
from rewardsmith.reward import Transitions
from rewardsmith.sim import Array, Step
from rewardsmith.sources import mujoco_views


class GymnasiumSim:
    """A VectorSim over `gymnasium.Env.step`; arrays that it handed out are never changed later."""

    _one_for_all = False
    """Whether one environment serves all worlds by turns, instead of one each."""

    def __init__(self, task: TaskSpec, n: int, gather: frozenset[str] | None = None) -> None:
        """Build n worlds that give the variables named in `gather` (all if None)."""
        self.n = n
        self._reader = tasks.reader_of(task, gather)
        self._envs = [tasks.make(task) for _ in range(1 if self._one_for_all else n)]
        self._discrete = task.action.kind == "discrete"
        space = self._envs[0].action_space
        self._action_shape = space.shape
        self._bounds = None if self._discrete else (space.low.ravel(), space.high.ravel())
        self._action_dtype = space.dtype
        self._views: list[list[tuple[Array, Array]]] = [[] for _ in range(n)]
        self._raws: dict[str, Array] = {"obs": np.zeros((n, max(task.observation.size, 1)))}
        infos = [raw for raw in self._reader.raws if raw.startswith("info:")]
        self._raws |= {raw: np.zeros((n, 1)) for raw in infos}
        self._info = [(raw.removeprefix("info:"), self._raws[raw][:, 0]) for raw in infos]
        self._flat = len(self._envs[0].observation_space.shape) < 2
        self._obs = self._raws["obs"]
        self._state: dict[str, Array] = {}
        self._t = np.zeros(n, dtype=np.int64)
        self._prev_action = self._no_action(task)

    @property
    def envs(self) -> Sequence[Any]:
        """The gymnasium.Env of each world, to look at; render.py does."""
        return self._envs

    @property
    def obs(self) -> Array:
        """(n, obs_dim), the current observations, raw."""
        return self._obs

    @property
    def state(self) -> Mapping[str, Array]:
        """The current state variables that are gathered, each (n, *shape)."""
        return self._state

    @property
    def t(self) -> NDArray[np.int64]:
        """(n,) steps since the last reset."""
        return self._t

    def reset(self, seeds: Sequence[int], which: Sequence[int] | None = None) -> None:
        """Begin an episode in the worlds `which` (all if None), each with its own seed."""
        worlds = list(range(self.n)) if which is None else list(which)
        self._t, self._prev_action = self._t.copy(), self._prev_action.copy()
        for world, seed in zip(worlds, seeds, strict=True):
            self._restart(world, int(seed))
            self._t[world] = 0
            self._prev_action[world] = 0
        self._settle()

    def step(self, action: NDArray[Any]) -> Step:
        """Execute (n, d) or (n,) actions, clipped to the bounds of the action space."""
        executed = self._executed(action)
        native_reward, terminated, truncated = self._advance(executed)
        obs_before, state_before = self._obs, self._state
        self._settle()
        transitions = Transitions(
            state=state_before,
            next_state={**self._state, **self._reader.read("transition", self._raws)},
            obs=obs_before,
            next_obs=self._obs,
            action=executed,
            prev_action=self._prev_action,
            terminated=terminated,
            t=self._t,
        )
        self._t = self._t + 1
        self._prev_action = executed
        return Step(transitions, truncated, native_reward)

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order; the others are closed."""
        kept = list(which)
        for world in set(range(self.n)) - set(kept):
            self._envs[world].close()
        self._envs = [self._envs[world] for world in kept]
        self.n = len(kept)
        self._raws = {name: array[kept] for name, array in self._raws.items()}
        self._info = [(key, self._raws[f"info:{key}"][:, 0]) for key, _ in self._info]
        self._t, self._prev_action = self._t[kept], self._prev_action[kept]
        self._views = [[] for _ in kept]
        for world in range(self.n):
            self._bind(world)
        self._settle()

    def close(self) -> None:
        """Close every environment."""
        for env in self._envs:
            env.close()

    def _advance(
        self, executed: NDArray[Any]
    ) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """Step every world into its row of the raw arrays; native reward, terminated, truncated."""
        made = []
        for world, command in enumerate(self._commands(executed)):
            obs, reward, ended, cut, info = self._envs[world].step(command)
            made.append((reward, ended, cut))
            self._collect(world, obs)
            self._collect_info(world, info)
        rewards, terminated, truncated = zip(*made, strict=True)
        return (
            np.array(rewards, dtype=np.float64),
            np.array(terminated, dtype=np.bool_),
            np.array(truncated, dtype=np.bool_),
        )

    def _restart(self, world: int, seed: int) -> None:
        """Begin an episode and copy what it starts from into the world's row."""
        obs, _ = self._envs[world].reset(seed=seed)
        self._bind(world)
        self._collect(world, obs)

    def _settle(self) -> None:
        """Make what the raw arrays hold now the current observations and state."""
        self._obs = self._raws["obs"].copy()
        self._state = self._reader.read("state", self._raws)

    def _no_action(self, task: TaskSpec) -> NDArray[Any]:
        if self._discrete:
            return np.zeros(self.n, dtype=np.int64)
        return np.zeros((self.n, task.action.size))

    def _executed(self, action: NDArray[Any]) -> NDArray[Any]:
        """A copy of the action as the environments get it, in float64 or int64.

        The environments' own dtype (float32 for most) rounds it first, so that a reward sees
        exactly what was executed.
        """
        if self._bounds is None:
            return np.array(action, dtype=np.int64).reshape(self.n)
        low, high = self._bounds
        clipped = np.minimum(np.maximum(np.reshape(action, (self.n, -1)), low), high)
        executed: NDArray[np.float64] = clipped.astype(self._action_dtype).astype(np.float64)
        return executed

    def _commands(self, executed: NDArray[Any]) -> Sequence[Any]:
        if self._discrete:
            return executed.tolist()  # type: ignore[no-any-return]
        shaped = executed.astype(self._action_dtype).reshape(self.n, *self._action_shape)
        return list(shaped)

    def _bind(self, world: int) -> None:
        """Find the world's MuJoCo arrays again: a reset may have replaced them."""
        views = mujoco_views(self._envs[world], self._reader.raws)
        for raw, view in views.items():
            if raw not in self._raws:
                self._raws[raw] = np.zeros((self.n, view.size))
        self._views[world] = [(self._raws[raw][world], view) for raw, view in views.items()]

    def _collect(self, world: int, obs: Any) -> None:
        """Copy the world's raw arrays into its row."""
        self._raws["obs"][world] = obs if self._flat else np.ravel(obs)
        for row, view in self._views[world]:
            row[:] = view

    def _collect_info(self, world: int, info: Mapping[str, Any]) -> None:
        for key, column in self._info:
            if key not in info:
                raise UserError(f"a step of the environment gave no info[{key!r}]; a variable "
                                "that comes and goes cannot be used")  # fmt: skip
            column[world] = info[key]
