"""Trainings, what was measured of them, and films."""

from __future__ import annotations

from statistics import fmean
from typing import Literal

from rewardsmith.records.base import Record


class Failure(Record):
    """Why a candidate (or one of its trainings) did not survive."""

    stage: Literal["propose", "check", "train", "evaluate"]
    cause: str
    """Short kind: "syntax", "rules", "probe", "timeout", "crash", "nonfinite", "diverged", ..."""
    for_llm: str
    for_human: str


class TermStats(Record):
    """One reward term over training: per-step means at up to ten points, and its weight."""

    name: str
    points: tuple[float, ...]
    """Mean per step in each tenth of training."""
    mean: float
    minimum: float
    maximum: float
    share: float
    """Its part of sum(|mean of term|) over the last tenth of training, 0..1."""


class Curve(Record):
    """What training looked like at up to ten points, all tuples of one length."""

    timesteps: tuple[int, ...]
    episode_length: tuple[float | None, ...]
    reward_return: tuple[float | None, ...]
    """Mean return per training episode under the reward that was trained on."""
    fitness: tuple[float | None, ...]
    """Mean fitness of the training episodes that ended in that tenth."""


class Episodes(Record):
    """Deterministic evaluation of one policy on one set of episode seeds."""

    seeds: tuple[int, ...]
    fitness: tuple[float, ...]
    native_return: tuple[float, ...]
    length: tuple[int, ...]
    terminated: tuple[bool, ...]

    @property
    def mean_fitness(self) -> float:
        """The fitness of the policy on these seeds."""
        return fmean(self.fitness)


Purpose = Literal["selection", "final", "report"]
"""What a training's seeds are for: to choose finalists, the best of them, and to report on it."""


class Rung(Record):
    """How a training was measured when it stood at so many steps, before it went on."""

    timesteps: int
    episodes: Episodes


class Training(Record):
    """One policy trained on one reward with one seed, and how it was measured."""

    id: str
    """`<candidate>/<purpose>-<seed>`, such as `r01c03/selection-0`."""
    seed: int
    purpose: Purpose
    timesteps: int
    planned: int = 0
    """Steps of the whole training: more than `timesteps` where it stopped at a rung."""
    wall_s: float = 0.0
    folder: str = ""
    """Relative to the run's folder; holds policy.safetensors, last.safetensors, result.json."""
    curve: Curve | None = None
    terms: tuple[TermStats, ...] = ()
    peak_timestep: int | None = None
    """When the kept checkpoint was taken: the peak of the policy's own smoothed return."""
    episodes: Episodes | None = None
    rungs: tuple[Rung, ...] = ()
    """The earlier measurements of a training that went on, in order."""
    failure: Failure | None = None

    @property
    def done(self) -> float:
        """The part of the planned steps that was made, at most 1."""
        return min(1.0, self.timesteps / self.planned) if self.planned else 1.0


class Video(Record):
    """A film of one episode, an mp4 with a poster beside it."""

    shows: Literal["best", "last", "clip"]
    """`best`: the policy that was kept, from the peak of training. `last`: at training's end; both
    lie under that name in the candidate's folder. `clip`: a stored episode, in the folder `clips`.
    """
    seed: int
    """Of the episode."""
    fitness: float
    """Of what is shown."""
    steps: int
    whole: bool
    """Whether it shows the episode to its end."""
    terminated: bool
    """Whether the episode ended by failure or success, not by its time limit."""
    frames: int
    frames_per_s: float
    width: int
    height: int


class Score(Record):
    """A fitness with its interval. `n_seeds` counts training seeds."""

    kind: Literal["scalar", "preference"] = "scalar"
    value: float
    low: float
    high: float
    n_seeds: int
    """With 1 the interval covers evaluation episodes only, not the noise of training."""
    reference: str = ""
    """What a preference score is relative to; "" for a scalar."""
    done: float = 1.0
    """The part of the planned training after which it was measured: below 1 where it was cut."""
