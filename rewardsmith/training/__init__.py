"""Trains policies on rewards. Each backend is one file behind the `Trainer` protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from pydantic import Field, ValidationError

from rewardsmith.errors import CandidateError, UserError
from rewardsmith.records import CheckedReward, Failure, Purpose, Record, TaskSpec, Training

Algo = Literal["ppo", "sac"]
Backend = Literal["population", "sb3"]
Hyperparams = Mapping[str, bool | int | float | str]

STATE_FILE = "learner.safetensors"
"""What a training of a population leaves for others to go on from; see learner.py."""


class PpoSettings(Record):
    """Hyperparameters of PPO (arXiv 1707.06347), named as in stable-baselines3."""

    learning_rate: float = Field(3e-4, gt=0)
    anneal: bool = True
    """Learning rate falls linearly to zero."""
    n_steps: int = Field(256, ge=2)
    """Steps per world and rollout."""
    batch_size: int = Field(512, ge=2)
    n_epochs: int = Field(10, ge=1)
    gamma: float = Field(0.99, gt=0, le=1)
    gae_lambda: float = Field(0.95, ge=0, le=1)
    clip_range: float = Field(0.2, gt=0)
    ent_coef: float = Field(0.0, ge=0)
    vf_coef: float = Field(0.5, ge=0)
    max_grad_norm: float = Field(0.5, gt=0)
    target_kl: float | None = Field(None, gt=0)
    """An update ends early where the policy has moved further than 1.5 times this."""
    log_std_init: float = 0.0
    width: int = Field(64, ge=1)
    depth: int = Field(2, ge=1)
    activation: Literal["tanh", "relu"] = "tanh"


class SacSettings(Record):
    """Hyperparameters of SAC (arXiv 1801.01290), named as in stable-baselines3."""

    learning_rate: float = Field(3e-4, gt=0)
    buffer_size: int = Field(300_000, ge=1)
    learning_starts: int = Field(1000, ge=0)
    batch_size: int = Field(256, ge=2)
    gamma: float = Field(0.99, gt=0, le=1)
    tau: float = Field(0.005, gt=0, le=1)
    gradient_steps: int = Field(1, ge=-1)
    """Updates per vector step; -1 for as many as worlds."""
    width: int = Field(256, ge=1)
    depth: int = Field(2, ge=1)


class TrainJob(Record):
    """One training, as handed to a process of its own."""

    id: str
    candidate: str
    task: TaskSpec
    reward: CheckedReward | None
    """None trains on what `pays` says."""
    pays: Literal["native", "fitness"] = "native"
    """Without a reward: the environment's own, or an episode's fitness at its end."""
    seed: int
    purpose: Purpose
    timesteps: int = Field(ge=0)
    """0 keeps the untrained policy."""
    until: int = Field(0, ge=0)
    """Stop after so many steps, ready to go on; 0 for all of them. Population only."""
    n_envs: int = Field(ge=1)
    algo: Algo = "ppo"
    backend: Backend = "sb3"
    hyperparams: dict[str, bool | int | float | str] = {}
    folder: str
    """Where policy.safetensors, last.safetensors, progress.jsonl and result.json go."""
    relative: str
    """The same folder, relative to the run's."""
    unsafe: bool = False
    device: Literal["cpu", "cuda"] = "cpu"
    """Where a population's networks are; the physics stays on the CPU."""
    checkpoint_s: float = Field(30.0, ge=0)
    """Seconds between two checkpoints, where the backend and the engine can make one."""
    warm_start: str = ""
    """A learner.safetensors to go on from, left by another training; population only."""


class TrainBatch(Record):
    """Jobs for one process: several where they can learn together, see batching.py."""

    jobs: tuple[TrainJob, ...]


class Progress(Record):
    """One line of progress.jsonl."""

    timesteps: int
    wall_s: float
    reward_return: float | None = None
    fitness: float | None = None
    episode_length: float | None = None


Report = Callable[[TrainJob, Progress], None]
Done = Callable[[TrainJob, Training], None]


class Trainer(Protocol):
    """A backend: trains a batch of jobs to their ends in this process."""

    def __call__(self, jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
        """Train, leave the policies in each job's folder, and tell `done` what came of it.

        A candidate's fault becomes the training's recorded failure, see `failed`.
        """
        ...


def failed(job: TrainJob, fault: CandidateError, timesteps: int, wall_s: float) -> Training:
    """The training of a job that its candidate's fault ended after so many steps."""
    when = f"after {timesteps:,} steps of training: "
    return Training(
        id=job.id,
        seed=job.seed,
        purpose=job.purpose,
        timesteps=timesteps,
        planned=job.timesteps,
        wall_s=round(wall_s, 2),
        folder=job.relative,
        failure=Failure(
            stage="train",
            cause=fault.cause,
            for_llm=when + fault.for_llm,
            for_human=when + fault.for_human,
        ),
    )


def diverged() -> CandidateError:
    """The fault of a reward that drove a policy's weights out of the finite."""
    return CandidateError(
        "diverged",
        "training diverged: the policy's weights are no longer finite; use smaller, bounded "
        "rewards",
    )


def require_device(device: str) -> None:
    """Raises UserError where torch finds no such device."""
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise UserError("train.device is cuda, but torch finds no NVIDIA card here: use cpu")


def settings(algo: Algo, preset: Hyperparams, chosen: Hyperparams) -> PpoSettings | SacSettings:
    """The algorithm's settings: defaults, over them the environment's preset, over them the user's.

    Raises UserError that names an unknown or impossible hyperparameter.
    """
    kind = PpoSettings if algo == "ppo" else SacSettings
    unknown = sorted(set(chosen) - set(kind.model_fields))
    if unknown:
        known = ", ".join(kind.model_fields)
        raise UserError(f"unknown hyperparameter of {algo}: {unknown[0]} (known: {known})")
    try:
        return kind.model_validate({**preset, **chosen})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(f"hyperparameter {name} of {algo}: {first['msg']}") from None
