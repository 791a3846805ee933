"""Worlds that restart by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rewardsmith.arrays import Arrays, under, within
from rewardsmith.evaluate import EpisodeRecorder, fitness_variables
from rewardsmith.records import Column, TaskSpec
from rewardsmith.sim import Step, engines
from rewardsmith.sim.mujoco import MujocoSim, SimState
from rewardsmith.training import checkpoint
from rewardsmith.training.account import Finished


def variables(task: TaskSpec, columns: Sequence[Column]) -> frozenset[str]:
    """Names of what worlds have to give: what rewards with these columns read, and the fitness."""
    return fitness_variables(task).union(column.name for column in columns if column.name)


class Worlds:
    """Worlds of a task, each restarting with its own stream of seeds when its episode ends."""

    def __init__(
        self,
        task: TaskSpec,
        streams: Sequence[np.random.Generator],
        columns: Sequence[Column] = (),
        pays: Literal["native", "fitness"] = "native",
    ) -> None:
        """Build one world per stream, which gives all that `columns` name.

        With `pays` "fitness" the native reward is the fitness of an episode at its end, negative
        where less is better, and zero before.
        """
        n = len(streams)
        self._fitness_sign = None if pays == "native" else task.fitness.sign
        self.sim = engines.make(task, n, variables(task, columns))
        self._streams = list(streams)
        self.sim.reset([self._next_seed(world) for world in range(n)])
        self._recorder = EpisodeRecorder(task, self.sim)

    def step(
        self, action: NDArray[np.float64] | NDArray[np.int64]
    ) -> tuple[Step, tuple[Finished, ...]]:
        """One step of every world; those that ended have been restarted when this returns."""
        step = self.sim.step(action)
        ended = self._recorder.add(step)
        if self._fitness_sign is not None:
            step = replace(step, native_reward=np.zeros(self.sim.n))
        if not ended:
            return step, ()
        finished = []
        for world in ended:
            fitness, _, length = self._recorder.score(
                world, bool(step.transitions.terminated[world])
            )
            finished.append(Finished(world, fitness, length))
            if self._fitness_sign is not None:
                step.native_reward[world] = self._fitness_sign * fitness
        self.sim.reset([self._next_seed(world) for world in ended], ended)
        for world in ended:
            self._recorder.start(world)
        return step, tuple(finished)

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order."""
        self.sim.keep(which)
        self._recorder.keep(which)
        self._streams = [self._streams[world] for world in which]

    @property
    def restorable(self) -> bool:
        """Whether the engine can put its worlds back where they were."""
        return isinstance(self.sim, MujocoSim)

    def state(self, which: Sequence[int]) -> Arrays:
        """Where these worlds stand, for `restore`; of those not `restorable` only the streams."""
        arrays: Arrays = {
            f"stream/{place}": checkpoint.stream_state(self._streams[world])
            for place, world in enumerate(which)
        }
        if not isinstance(self.sim, MujocoSim):
            return arrays
        sim = self.sim.get_state().rows(which)
        arrays |= {"physics": sim.physics, "t": sim.t, "prev_action": sim.prev_action}
        arrays |= under("raws/", dict(sim.raws))
        for place, world in enumerate(which):
            arrays |= under(f"episode/{place}/", self._recorder.state(world))
        return arrays

    def restore(self, states: Sequence[Arrays]) -> None:
        """Put all worlds where `state` found them, group by group.

        Those that are not `restorable` begin new episodes.
        """
        own = iter(self._streams)
        for state in states:
            streams = within(state, "stream/")
            for place in range(len(streams)):
                checkpoint.set_stream(next(own), streams[str(place)])
        if isinstance(self.sim, MujocoSim):
            self._put_back(self.sim, states)
            return
        self.sim.reset([self._next_seed(world) for world in range(self.sim.n)])
        for world in range(self.sim.n):
            self._recorder.start(world)

    def _put_back(self, sim: MujocoSim, states: Sequence[Arrays]) -> None:
        names = ("physics", "t", "prev_action")
        joined = {name: np.concatenate([state[name] for state in states]) for name in names}
        # What only new neighbours read was not stored; nobody reads it of these worlds before the
        # next step writes it.
        raws = {
            name: np.concatenate(
                [
                    state.get(f"raws/{name}", np.zeros((len(state["t"]), *array.shape[1:])))
                    for state in states
                ]
            )
            for name, array in sim.get_state().raws.items()
        }
        sim.set_state(SimState(raws=raws, **joined))
        worlds = iter(range(sim.n))
        for state in states:
            for place in range(len(state["t"])):
                episode = within(state, f"episode/{place}/")
                self._recorder.restore(next(worlds), episode)

    def _next_seed(self, world: int) -> int:
        return int(self._streams[world].integers(2**31))
