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
from rewardsmith.sim import Step, engines
from rewardsmith.sim.gymnasium import GymnasiumSim

Act = Callable[[GymnasiumSim], NDArray[Any]]
"""The actions of all worlds, given what the simulator shows."""


class EvaluateJob(Record):
    """One policy to measure; the answer, an `Episodes` record, is written to `output`."""

    task: TaskSpec
    policy: str
    seeds: tuple[int, ...]
    output: str
    behaviour: str = ""
    """Whose policy it is; the name of its rollouts."""
    kept: int = 0
    """Whole episodes to store beside the output, see `rollouts_path`."""


class EpisodeRecorder:
    """Collects what the fitness reads, world by world, and scores each episode as it ends."""

    def __init__(self, task: TaskSpec, sim: GymnasiumSim) -> None:
        self._fitness = tasks.fitness_of(task)
        self._task = task
        self._sim = sim
        self._states = [
            v.name
            for v in task.variables
            if v.kind == "state" and v.name in self._fitness.variables
        ]
        self._infos = [
            v.name
            for v in task.variables
            if v.kind == "transition" and v.name in self._fitness.variables
        ]
        self._series: list[dict[str, list[NDArray[np.generic]]]] = [{} for _ in range(sim.n)]
        self._native = np.zeros(sim.n)
        for world in range(sim.n):
            self.start(world)

    def start(self, world: int) -> None:
        """Begin an episode at the simulator's current state; call after a world's reset."""
        series: dict[str, list[NDArray[np.generic]]] = {"action": []}
        for name in self._states:
            series[name] = [self._sim.state[name][world].copy()]
        for name in self._infos:
            series[name] = []
        self._series[world] = series
        self._native[world] = 0.0

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these worlds only, in this order."""
        self._series = [self._series[world] for world in which]
        self._native = self._native[list(which)]

    def state(self, world: int) -> dict[str, NDArray[Any]]:
        """What the world's episode has given so far, for `restore`."""
        series = {name: np.asarray(values) for name, values in self._series[world].items()}
        return {**series, "": self._native[world : world + 1].copy()}

    def restore(self, world: int, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on with an episode where `state` found it."""
        self._native[world] = state[""][0]
        self._series[world] = {name: list(array) for name, array in state.items() if name}

    def add(self, step: Step) -> list[int]:
        """Append one vector step; returns the worlds whose episode has just ended."""
        after, action = step.transitions.next_state, step.transitions.action
        for world, series in enumerate(self._series):
            series["action"].append(action[world])
            for name in (*self._states, *self._infos):
                series[name].append(after[name][world])
        self._native += step.native_reward
        ended = step.transitions.terminated | step.truncated
        return [int(world) for world in np.flatnonzero(ended)]

    def score(self, world: int, terminated: bool) -> tuple[float, float, int]:
        """Fitness, native return and length of the world's episode, before `start` is called."""
        series = {name: np.asarray(values) for name, values in self._series[world].items()}
        episode = expressions.Episode(
            states={name: series[name] for name in self._states},
            transitions={name: series[name] for name in self._infos},
            action=series["action"],
            dt=self._task.dt_s,
            native_return=float(self._native[world]),
            terminated=terminated,
        )
        return self._fitness.evaluate(episode), episode.native_return, len(series["action"])


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
    made: list[Transitions] = []
    try:
        sim.reset(seeds)
        recorder = EpisodeRecorder(task, sim)
        results: dict[int, tuple[float, float, int, bool]] = {}
        while len(results) < len(seeds):
            step = sim.step(act(sim))
            if keep:
                made.append(step.transitions)
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


def rollouts_path(output: Path) -> Path:
    """Where the whole episodes of an evaluation lie, given its output."""
    return output.with_suffix(".rollouts.safetensors")


def _kept(
    episodes: Episodes, made: Sequence[Transitions], keep: Sequence[str]
) -> tuple[Rollout, ...]:
    if not keep:
        return ()
    lengths = {world: episodes.length[world] for world in range(len(keep))}
    whole = rollouts.split(made, lengths, len(episodes.seeds))
    return tuple(
        Rollout(
            behaviour=name,
            seed=episodes.seeds[world],
            fitness=episodes.fitness[world],
            transitions=whole[world],
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
        rollouts.save(kept, rollouts_path(output))
    # Last: with it, the evaluation counts as done.
    write_record(output, episodes)


if __name__ == "__main__":
    children.serve(run)
