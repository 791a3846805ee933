"""Measures a policy: deterministic rollouts on given seeds, scored by code no candidate can touch.

Runs in processes of its own (`python -m rewardsmith.evaluate`, see children.py) that have never met
a candidate's code: they read the environment's description and a policy's arrays, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith import children, expressions, policy, rollouts, tasks
from rewardsmith.files import write_record
from rewardsmith.records import Episodes, Record, TaskSpec
from rewardsmith.reward import Transitions
from rewardsmith.rollouts import Rollout
from rewardsmith.sim import Step, VectorSim, engines

Act = Callable[[VectorSim], NDArray[Any]]
"""The actions of all worlds, given what the simulator shows."""


_MANY_ROWS = 1024
"""Steps after which those of ended episodes are dropped."""


class EvaluateJob(Record):
    """One policy to measure; the answer, an `Episodes` record, is written to `output`."""

    task: TaskSpec
    policy: str
    seeds: tuple[int, ...]
    output: str
    timesteps: int = 0
    """Steps of training that the policy has had."""
    behaviour: str = ""
    """Whose policy it is; the name of its rollouts."""
    kept: int = 0
    """Whole episodes to store beside the output, see `rollouts.beside`."""


class EpisodeRecorder:
    """Collects what the fitness reads, all worlds a step at a time; scores episodes as they end."""

    def __init__(self, task: TaskSpec, sim: VectorSim) -> None:
        self._fitness = tasks.fitness_of(task)
        self._task, self._sim = task, sim
        read = [v for v in task.variables if v.name in self._fitness.variables]
        self._states = [v.name for v in read if v.kind == "state"]
        self._infos = [v.name for v in read if v.kind == "transition"]
        # The latest steps, (_MANY_ROWS, n, ·) with the first `_made` in use. An episode is what its
        # world had before these rows (where it began, or what was restored) and its place in those
        # since then.
        self._rows: dict[str, NDArray[Any]] = {}
        self._made = 0
        self._begun = np.zeros(sim.n, dtype=np.int64)
        self._before: list[dict[str, NDArray[Any]]] = [{} for _ in range(sim.n)]
        self._native = np.zeros(sim.n)
        for world in range(sim.n):
            self.start(world)

    def start(self, world: int) -> None:
        """Begin an episode at the simulator's current state; call after a world's reset."""
        self._begun[world] = self._made
        self._before[world] = {
            name: self._sim.state[name][world : world + 1].copy() for name in self._states
        }
        self._native[world] = 0.0

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order."""
        kept = list(which)
        self._rows = {name: rows[:, kept] for name, rows in self._rows.items()}
        self._begun, self._native = self._begun[kept], self._native[kept]
        self._before = [self._before[world] for world in kept]

    def state(self, world: int) -> dict[str, NDArray[Any]]:
        """What the world's episode has given so far, for `restore`."""
        names = ("action", *self._states, *self._infos)
        series = {name: self._series(world, name) for name in names}
        return {**series, "": self._native[world : world + 1].copy()}

    def restore(self, world: int, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on with an episode where `state` found it."""
        self._begun[world] = self._made
        self._before[world] = {name: array for name, array in state.items() if name}
        self._native[world] = state[""][0]

    def add(self, step: Step) -> list[int]:
        """Append one vector step; returns the worlds whose episode has just ended."""
        if self._made == _MANY_ROWS:
            self._forget()
        self._note("action", step.transitions.action)
        for name in (*self._states, *self._infos):
            self._note(name, step.transitions.next_state[name])
        self._made += 1
        self._native += step.native_reward
        return [int(world) for world in np.flatnonzero(step.done)]

    def score(self, world: int, terminated: bool) -> tuple[float, float, int]:
        """Fitness, native return and length of the world's episode, before `start` is called."""
        action = self._series(world, "action")
        episode = expressions.Episode(
            states={name: self._series(world, name) for name in self._states},
            transitions={name: self._series(world, name) for name in self._infos},
            action=action,
            dt=self._task.dt_s,
            native_return=float(self._native[world]),
            terminated=terminated,
        )
        return self._fitness.evaluate(episode), episode.native_return, len(action)

    def _note(self, name: str, values: NDArray[Any]) -> None:
        if name not in self._rows:
            self._rows[name] = np.empty((_MANY_ROWS, *values.shape), values.dtype)
        self._rows[name][self._made] = values

    def _series(self, world: int, name: str) -> NDArray[Any]:
        """One quantity over the world's episode so far, (steps, ·), states from its beginning."""
        before = self._before[world].get(name, np.empty(0))
        if name not in self._rows:
            return before
        rows = self._rows[name][self._begun[world] : self._made, world]
        return np.concatenate([before, rows]) if len(before) else rows.copy()

    def _forget(self) -> None:
        """Drop the rows that belong to ended episodes; those of long ones are put aside."""
        for world in range(len(self._begun)):
            self.restore(world, self.state(world))
        self._begun[:] = self._made = 0


def fitness_variables(task: TaskSpec) -> frozenset[str]:
    """The variables that the task's fitness reads."""
    return frozenset(tasks.fitness_of(task).variables)


def evaluate(task: TaskSpec, trained: policy.Policy, seeds: Sequence[int]) -> Episodes:
    """Roll the deterministic policy out once per seed and score every episode."""
    episodes, _ = roll_out(task, lambda sim: trained.act(sim.obs), seeds)
    return episodes


def roll_out(
    task: TaskSpec, act: Act, seeds: Sequence[int], keep: Sequence[str] = ()
) -> tuple[Episodes, tuple[Rollout, ...]]:
    """One episode per seed, each in a world of its own, scored as it ends.

    Args:
        keep: names for the first worlds, as many as are given: their episodes come back whole.
    """
    sim = engines.make(task, len(seeds), None if keep else fitness_variables(task))
    made: list[Step] = []
    try:
        sim.reset(seeds)
        recorder = EpisodeRecorder(task, sim)
        results: dict[int, tuple[float, float, int, bool]] = {}
        while len(results) < len(seeds):
            step = sim.step(act(sim))
            if keep:
                made.append(step)
            for world in recorder.add(step):
                terminated = bool(step.transitions.terminated[world])
                if world not in results:
                    results[world] = (*recorder.score(world, terminated), terminated)
                # A world that is done early plays on, unmeasured, until the last one is done.
                sim.reset([seeds[world]], [world])
                recorder.start(world)
    finally:
        sim.close()
    rows = [results[world] for world in range(len(seeds))]
    episodes = Episodes(
        seeds=tuple(seeds),
        fitness=tuple(row[0] for row in rows),
        native_return=tuple(row[1] for row in rows),
        length=tuple(row[2] for row in rows),
        terminated=tuple(row[3] for row in rows),
    )
    return episodes, _kept(episodes, made, keep)


def fitness_of(task: TaskSpec, made: Transitions) -> float:
    """The fitness of one whole episode by the measure of `task`, which may be another task's.

    Raises:
        UserError: it is not finite, as where it reads the native return, which is not kept.
    """
    measure = tasks.fitness_of(task)
    states = {
        name: np.concatenate([values, made.next_state[name][-1:]])
        for name, values in made.state.items()
    }
    episode = expressions.Episode(
        states={name: states[name] for name in measure.variables if name in states},
        transitions={n: made.next_state[n] for n in measure.variables if n not in states},
        action=made.action,
        dt=task.dt_s,
        native_return=float("nan"),
        terminated=bool(made.terminated[-1]),
    )
    return measure.evaluate(episode)


def _kept(episodes: Episodes, made: Sequence[Step], keep: Sequence[str]) -> tuple[Rollout, ...]:
    if not keep:
        return ()
    lengths = {world: episodes.length[world] for world in range(len(keep))}
    whole = rollouts.split([step.transitions for step in made], lengths, len(episodes.seeds))
    return tuple(
        Rollout(
            behaviour=name,
            seed=episodes.seeds[world],
            fitness=episodes.fitness[world],
            transitions=whole[world],
            native=np.array([step.native_reward[world] for step in made[: lengths[world]]]),
        )
        for world, name in enumerate(keep)
    )


def run(path: Path) -> None:
    """Do the EvaluateJob that stands at `path` as JSON."""
    job = EvaluateJob.model_validate_json(path.read_text("utf-8"))
    trained = policy.load(Path(job.policy))
    keep = (job.behaviour,) * min(job.kept, len(job.seeds))
    episodes, kept = roll_out(job.task, lambda sim: trained.act(sim.obs), job.seeds, keep)
    output = Path(job.output)
    if kept:
        rollouts.save(kept, rollouts.beside(output))
    # Last: with it, the evaluation counts as done.
    write_record(output, episodes)


if __name__ == "__main__":
    children.serve(run)
