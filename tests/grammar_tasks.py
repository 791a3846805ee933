"""Hand-built tasks for the tests of the offline proposer, and batches of transitions for them."""

from __future__ import annotations

import numpy as np

from rewardsmith.records import Fitness, Space, TaskSpec, Variable
from rewardsmith.reward import Transitions


def scalar(name: str, unit: str = "", meaning: str = "") -> Variable:
    return Variable(name=name, kind="state", source="obs[0]", unit=unit, meaning=meaning)


def vector(name: str, size: int, unit: str = "") -> Variable:
    return Variable(name=name, kind="state", source="obs[0]", shape=(size,), unit=unit)


def legged(
    sentence: str, expression: str, *, joints: int, height: str, episode_end: str = ""
) -> TaskSpec:
    """A planar walker such as HalfCheetah or Hopper."""
    variables = (
        scalar("x_position", "m"),
        scalar(height, "m"),
        scalar("torso_pitch", "rad"),
        vector("joint_angles", joints, "rad"),
        scalar("x_velocity", "m/s"),
        scalar("z_velocity", "m/s"),
        scalar("pitch_rate", "rad/s"),
        vector("joint_velocities", joints, "rad/s"),
    )
    size = joints
    return TaskSpec(
        env="Legged-v0",
        sentence=sentence,
        fitness=Fitness(name="forward", expression=expression, unit="m/s"),
        variables=variables,
        observation=Space(kind="box", size=17),
        action=Space(kind="box", size=size, low=(-1.0,) * size, high=(1.0,) * size),
        dt_s=0.05,
        max_episode_steps=1000,
        episode_end=episode_end,
    )


def cheetah(sentence: str = "run forward as fast as possible") -> TaskSpec:
    expression = "(last(x_position) - first(x_position)) / (T * dt)"
    return legged(sentence, expression, joints=6, height="z_position",
                  episode_end="Episodes never end early; they last 1000 steps.")  # fmt: skip


def hopper(sentence: str = "hop forward without falling") -> TaskSpec:
    expression = "last(x_position) - first(x_position)"
    return legged(sentence, expression, joints=3, height="torso_height",
                  episode_end="The episode ends when the torso falls below 0.7 m.")  # fmt: skip


def small(
    sentence: str,
    expression: str,
    variables: tuple[Variable, ...],
    *,
    episode_end: str = "",
    discrete: bool = False,
) -> TaskSpec:
    """A classic control task."""
    box = Space(kind="box", size=1, low=(-2.0,), high=(2.0,))
    return TaskSpec(
        env="Small-v0",
        sentence=sentence,
        fitness=Fitness(name="task", expression=expression),
        variables=variables,
        observation=Space(kind="box", size=max(len(variables), 1)),
        action=Space(kind="discrete", n=3) if discrete else box,
        max_episode_steps=200,
        episode_end=episode_end,
    )


def batch(task: TaskSpec, n: int = 101, seed: int = 0) -> Transitions:
    """Random transitions of `task`, (n,) rows."""
    rng = np.random.default_rng(seed)

    def variables(kinds: set[str]) -> dict[str, np.ndarray]:
        chosen = [v for v in task.variables if v.kind in kinds]
        return {v.name: rng.normal(size=(n, *v.shape)) for v in chosen}

    def actions() -> np.ndarray:
        if task.action.kind == "discrete":
            return rng.integers(0, task.action.n, n)
        return rng.uniform(-1.0, 1.0, (n, task.action.size))

    return Transitions(
        state=variables({"state"}),
        next_state=variables({"state", "transition"}),
        obs=rng.normal(size=(n, task.observation.size)),
        next_obs=rng.normal(size=(n, task.observation.size)),
        action=actions(),
        prev_action=actions(),
        terminated=rng.random(n) < 0.1,
        t=np.arange(n),
    )
