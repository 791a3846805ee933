"""The learners of one batch with all that is theirs: networks, worlds, statistics, checkpoints.

World `w` of the batch belongs to learner `w // E`, and the arrays of all learners have the learner
in their first axis. population.py has the algorithm over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.arrays import under, within
from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import Column
from rewardsmith.training import PpoSettings, Progress, Report, TrainJob, checkpoint
from rewardsmith.training.learner import Learner, normalised
from rewardsmith.training.shape import Shape
from rewardsmith.training.stacked import Stack
from rewardsmith.training.worlds import Worlds


class Cohort:
    """P learners of E worlds each.

    Attributes:
        learners: P, in the order of their rows.
        stack: their networks.
        worlds: P * E.
        categorical: whether actions are choices.
        outputs: numbers of an action, or choices.
    """

    def __init__(self, jobs: Sequence[TrainJob], chosen: PpoSettings, report: Report) -> None:
        first, task = jobs[0], jobs[0].task
        self.envs, self._task, self._device = first.n_envs, task, first.device
        self._activation = chosen.activation
        self.categorical = task.action.kind == "discrete"
        self.outputs = task.action.n if self.categorical else task.action.size
        self._one_hot = task.observation.n if task.observation.kind == "discrete" else 0
        width = max(task.observation.size, 1)
        self.learners = [Learner(job, chosen, width, _reporter(job, report)) for job in jobs]
        rngs = [rng for learner in self.learners for rng in learner.world_rngs]
        self.worlds = Worlds(task, rngs, _columns(jobs), first.pays)
        self.stack = Stack(
            Shape(
                inputs=self._one_hot or width,
                outputs=self.outputs,
                categorical=self.categorical,
                width=chosen.width,
                depth=chosen.depth,
                activation=chosen.activation,
            ),
            chosen,
            [learner.weights_rng for learner in self.learners],
            first.device,
        )

    def __len__(self) -> int:
        return len(self.learners)

    def seen(self, obs: NDArray[np.float64]) -> NDArray[np.float32]:
        """What the networks see of raw observations (P, rows, obs_dim)."""
        mean = np.stack([learner.mean for learner in self.learners])[:, None]
        scale = np.stack([learner.scale for learner in self.learners])[:, None]
        return normalised(obs, mean, scale, self._one_hot)

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """On the device that learns; on the CPU it shares the array's memory."""
        return torch.as_tensor(array, device=self._device)

    def actor(self, at: int) -> Policy:
        """A copy of a learner's policy as it is now."""
        learner = self.learners[at]
        weights, biases = self.stack.actor(at)
        return Policy(
            header=PolicyHeader(
                env=self._task.env,
                head="categorical" if self.categorical else "gaussian",
                activation=self._activation,
                action=self._task.action,
                discrete_observations=self._one_hot,
            ),
            weights=tuple(weights),
            biases=tuple(biases),
            mean=learner.mean.copy(),
            scale=learner.scale,
            log_std=self.stack.deviation(at),
        )

    def keep(self, kept: Sequence[int]) -> None:
        """Compact the batch to these learners, in this order."""
        if len(kept) == len(self.learners):
            return
        self.learners = [self.learners[at] for at in kept]
        if kept:
            self.stack.keep(kept)
            self.worlds.keep([world for at in kept for world in self._own(at)])

    def save(self, made: int) -> None:
        """Store where every learner stands after `made` steps."""
        for at, learner in enumerate(self.learners):
            arrays = {
                **under("stack/", self.stack.state(at)),
                **under("learner/", learner.state()),
                **under("worlds/", self.worlds.state(self._own(at))),
            }
            standing = checkpoint.Standing(arrays, learner.best)
            checkpoint.save(Path(learner.job.folder), made, standing)
        for learner in self.learners:
            checkpoint.forget(Path(learner.job.folder), but=made)

    def restore(self) -> int:
        """Take up what an earlier life of these trainings has stored; how many steps that is.

        Where there is nothing, those start from another policy that are to.
        """
        folders = [Path(learner.job.folder) for learner in self.learners]
        made = checkpoint.shared(folders)
        if not made:
            for at, learner in enumerate(self.learners):
                if learner.job.warm_start:
                    self.stack.replace(at, learner.start_from(Path(learner.job.warm_start)))
            return 0
        standings = [checkpoint.load(folder, made) for folder in folders]
        for at, (learner, found) in enumerate(zip(self.learners, standings, strict=True)):
            self.stack.restore(at, within(found.arrays, "stack/"))
            learner.restore(within(found.arrays, "learner/"), found.best)
        self.worlds.restore([within(found.arrays, "worlds/") for found in standings])
        if not self.worlds.restorable:
            for learner in self.learners:
                learner.restart()
        return made

    def _own(self, at: int) -> range:
        """The worlds of a learner."""
        return range(at * self.envs, (at + 1) * self.envs)


def _columns(jobs: Sequence[TrainJob]) -> tuple[Column, ...]:
    return tuple(column for job in jobs if job.reward for column in job.reward.columns)


def _reporter(job: TrainJob, report: Report) -> Callable[[Progress], None]:
    return lambda progress: report(job, progress)
