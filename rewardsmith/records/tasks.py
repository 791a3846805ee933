"""Environments and tasks: what is measured, and on what."""

from __future__ import annotations

from typing import Literal

from rewardsmith.records.base import Record


class Space(Record):
    """An observation or action space: a flat Box of `size` numbers, or `n` discrete choices."""

    kind: Literal["box", "discrete"]
    size: int = 0
    """Numbers per row of a Box, after flattening; 0 for a discrete space."""
    n: int = 0
    """Choices of a discrete space; 0 for a Box."""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Variable(Record):
    """A named quantity that rewards and fitness expressions may read."""

    name: str
    kind: Literal["state", "transition"]
    """`state`: defined at reset, in state and next_state. `transition`: in next_state only."""
    source: str
    """Where from: `qpos[1]`, `qvel[3:]`, `obs[0:3]`, `body:foot.xpos[2]`, `info:key`, `py:f`."""
    shape: tuple[int, ...] = ()
    """Shape of one row; () for a scalar."""
    unit: str = ""
    meaning: str = ""
    seen: tuple[float, float] | None = None
    """The least and the greatest value of any component that a random policy met."""


VOTED = "preference"
"""Name of the fitness that measures nothing and leaves all to raters."""


class Fitness(Record):
    """How success is measured, and why this way was chosen."""

    name: str
    """The declared task's name, "native", "expression" or "preference"."""
    expression: str
    """In the language of expressions.py; "native_return" for the environment's own return."""
    unit: str = ""
    direction: Literal["maximize", "minimize"] = "maximize"
    why: str = ""
    solved: float | None = None
    unread: tuple[str, ...] = ()
    """Words of the sentence that this fitness does not measure; shown to the user."""

    @property
    def sign(self) -> Literal[-1, 1]:
        """What a value times it is higher for, the better it is."""
        return 1 if self.direction == "maximize" else -1

    @property
    def voted(self) -> bool:
        """Whether raters alone decide: every episode then counts the same."""
        return self.name == VOTED


class Budget(Record):
    """Per-environment training defaults."""

    timesteps: int = 100_000
    n_envs: int = 8
    episodes: int = 10
    """Evaluation episodes per trained policy."""
    first_cut: int = 0
    """Steps before which no training is stopped for being behind; 0 leaves it to rungs.py."""


class TaskSpec(Record):
    """One environment, described once for every engine, with the task that was asked of it."""

    env: str
    """A Gymnasium id, or `module:callable` / `file.py:callable` returning an environment."""
    env_kwargs: dict[str, bool | int | float | str] = {}
    sentence: str
    fitness: Fitness
    variables: tuple[Variable, ...]
    observation: Space
    action: Space
    dt_s: float | None = None
    """Seconds per step; None where the environment does not say."""
    max_episode_steps: int | None = None
    never_ends_early: bool = False
    """Whether nothing but the time limit ends an episode; False where that is not known."""
    about: str = ""
    """What the environment is, in words; never a word about its own reward."""
    action_text: str = ""
    episode_end: str = ""
    """How episodes end, in words."""
    folder: str = ""
    """Name of the folder under envs/, or "" where the variables were discovered."""
    budget: Budget = Budget()
    hyperparams: dict[str, dict[str, float | int | str | bool]] = {}
    """Preset by algorithm: {"ppo": {"learning_rate": 3e-4, ...}}."""
    opposite: str = ""
    """Name of the task that asks for the opposite, where one is declared."""
