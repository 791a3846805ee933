"""The population backend: PPO for many learners at once, on one batch of worlds.

All worlds of all learners are stepped together, the policies act and learn as stacked tensors
(stacked.py), and each learner's rewards are asked for once a rollout from its candidate's jailed
worker. A learner whose reward fails, or whose weights are no longer finite, leaves the batch with
its failure; the others do not notice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.errors import CandidateError
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.sim import Step
from rewardsmith.training import (
    Done,
    PpoSettings,
    Report,
    TrainJob,
    checkpoint,
    diverged,
    failed,
    settings,
)
from rewardsmith.training.account import Finished
from rewardsmith.training.advantages import advantages, discounted
from rewardsmith.training.cohort import Cohort
from rewardsmith.training.learner import Learner
from rewardsmith.training.stacked import Minibatch
from rewardsmith.training.workers import Workers


def train(jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
    """Train jobs of one batch together; see `Trainer` and `batches`."""
    torch.set_num_threads(1)
    # Gradients are written by hand: torch need not keep track of anything.
    with torch.inference_mode(), closing(Population(jobs, report, done)) as population:
        population.run()


@dataclass(frozen=True)
class _Rollout:
    """What P learners did in T steps.

    Attributes:
        obs: (P, T * E, inputs) float32, as the networks saw them.
        action: (P, T * E, d) float32, or (P, T * E) int64.
        steps: T, each of all P * E worlds.
        finished: by learner and step, the episodes that ended, with the learner's own worlds.
    """

    obs: NDArray[np.float32]
    action: NDArray[Any]
    steps: list[Step]
    finished: list[list[list[Finished]]]


class Population:
    """The training of one batch, from its jobs to its policies."""

    def __init__(self, jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
        first = jobs[0]
        chosen = settings("ppo", first.task.hyperparams.get("ppo", {}), first.hyperparams)
        assert isinstance(chosen, PpoSettings)
        self._chosen, self._done, self._timesteps = chosen, done, first.timesteps
        self._until = min(first.until or first.timesteps, first.timesteps)
        self._save_every_s = first.checkpoint_s
        self._workers = Workers(jobs)
        self._cohort = Cohort(jobs, chosen, report)
        self._made = self._cohort.restore()

    def run(self) -> None:
        """Alternate rollouts and updates until every learner is done, at a rung, or has failed."""
        cohort, saved_at = self._cohort, time.monotonic()
        while len(cohort) and self._made < self._until:
            self._round(1.0 - self._made / self._timesteps)
            self._made += self._chosen.n_steps * cohort.envs
            due = time.monotonic() - saved_at >= self._save_every_s
            if due and cohort.worlds.restorable:
                cohort.save(self._made)
                saved_at = time.monotonic()
        whole = self._made >= self._timesteps
        if not whole:
            cohort.save(self._made)
        for at, learner in enumerate(cohort.learners):
            parameters = cohort.stack.parameters(at)
            self._done(learner.job, learner.finish(cohort.actor(at), parameters))
            if whole:
                checkpoint.forget(Path(learner.job.folder))

    def close(self) -> None:
        """End the workers and the worlds."""
        self._workers.close()
        self._cohort.worlds.sim.close()

    def _round(self, remaining: float) -> None:
        cohort = self._cohort
        rollout = self._collect()
        batches = self._transitions(rollout)
        totals = self._rewards(rollout, batches)
        kept = list(totals)
        cohort.keep(kept)
        if not kept:
            return
        rate = self._chosen.learning_rate * (remaining if self._chosen.anneal else 1)
        self._learn(self._lessons(rollout, batches, totals), rate)
        for at, learner in zip(kept, cohort.learners, strict=True):
            learner.see(batches[at].obs)
            learner.account.tell()
        finite = cohort.stack.finite()
        for sound, learner in zip(finite, cohort.learners, strict=True):
            if not sound:
                self._fail(learner, diverged())
        cohort.keep([at for at, sound in enumerate(finite) if sound])

    # --- a rollout ---

    def _collect(self) -> _Rollout:
        """Act for n_steps in all worlds."""
        cohort, rows = self._cohort, self._chosen.n_steps
        count, worlds = len(cohort), cohort.worlds
        noise = self._noise(rows)
        steps: list[Step] = []
        finished: list[list[list[Finished]]] = [[] for _ in range(count)]
        seen, acted = [], []
        # Between two steps of physics every call finds its code out of the caches, and torch's are
        # the dearest: all but the networks is left to NumPy.
        for t in range(rows):
            obs = cohort.seen(worlds.sim.obs.reshape(count, cohort.envs, -1))
            action = cohort.stack.act(cohort.tensor(obs)).cpu().numpy() + noise[t]
            if cohort.categorical:
                action = action.argmax(-1)
            step, ended = worlds.step(_flat(action, cohort.categorical))
            steps.append(step)
            seen.append(obs)
            acted.append(action)
            self._sort(ended, finished)
        return _Rollout(_joined(seen), _joined(acted), steps, finished)

    def _noise(self, rows: int) -> NDArray[np.float32]:
        """(T, P, E, ·) to be added to what the actors give; the highest choice is taken."""
        cohort = self._cohort
        drawn = [
            learner.noise(rows, cohort.outputs, categorical=cohort.categorical)
            for learner in cohort.learners
        ]
        noise = np.stack(drawn, 1).astype(np.float32)
        if not cohort.categorical:
            noise *= np.exp(cohort.stack.log_std.cpu().numpy())[:, None]
        return noise

    def _sort(self, ended: Sequence[Finished], finished: Sequence[list[list[Finished]]]) -> None:
        """Give the episodes that a step ended to their learners."""
        for at, learner in enumerate(self._cohort.learners):
            finished[at].append([])
            learner.account.tell()  # a slow environment can outlast the engine's patience
        for episode in ended:
            at, world = divmod(episode.world, self._cohort.envs)
            finished[at][-1].append(Finished(world, episode.fitness, episode.length))

    def _transitions(self, rollout: _Rollout) -> list[Transitions]:
        """Each learner's own, T * E rows in the order that they happened."""
        count, size = rollout.obs.shape[:2]
        whole = concatenate([step.transitions for step in rollout.steps])
        order = _by_learner(np.arange(count * size), count, len(rollout.steps))
        return [whole.rows(own) for own in order]

    def _rewards(
        self, rollout: _Rollout, batches: Sequence[Transitions]
    ) -> dict[int, NDArray[np.float64]]:
        """The totals (T, E) of the learners whose rewards did not fail, by their place."""
        native = np.concatenate([step.native_reward for step in rollout.steps])
        native = _by_learner(native, len(batches), len(rollout.steps))
        totals = {}
        for at, learner in enumerate(self._cohort.learners):
            try:
                given = self._workers.rewards(learner.job, batches[at], native[at])
            except CandidateError as fault:
                self._fail(learner, fault)
            else:
                actor = self._cohort.actor(at)
                totals[at] = learner.count(given, rollout.finished[at], actor)
        return totals

    # --- an update ---

    def _lessons(
        self,
        rollout: _Rollout,
        batches: Sequence[Transitions],
        totals: dict[int, NDArray[np.float64]],
    ) -> Minibatch:
        """The whole rollout of the learners in `totals` as one minibatch, rows in order."""
        cohort, kept, steps = self._cohort, list(totals), rollout.steps
        seen, action = cohort.tensor(rollout.obs[kept]), cohort.tensor(rollout.action[kept])
        final = cohort.tensor(cohort.seen(np.stack([batches[at].next_obs for at in kept])))
        # All learners at once, (T, P * E): a step back in time costs as much for one as for all.
        values, after = (
            _by_step(cohort.stack.values(each).cpu().numpy().astype(np.float64), len(steps))
            for each in (seen, final)
        )
        terminated, truncated = (
            np.stack(flags).reshape(len(steps), -1, cohort.envs)[:, kept].reshape(len(steps), -1)
            for flags in zip(*((s.transitions.terminated, s.truncated) for s in steps), strict=True)
        )
        rewards = self._scaled(np.stack(list(totals.values()), 1), terminated | truncated)
        advantage = advantages(rewards, terminated, truncated, values, after, self._chosen)
        target = advantage + values
        return Minibatch(
            obs=seen,
            action=action,
            log_prob=cohort.stack.log_prob(cohort.stack.act(seen), action),
            advantage=cohort.tensor(_by_learner(advantage, len(kept)).astype(np.float32)),
            target=cohort.tensor(_by_learner(target, len(kept)).astype(np.float32)),
        )

    def _scaled(self, total: NDArray[np.float64], done: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(T, P * E) rewards on the scale of each learner's returns; `total` is (T, P, E)."""
        learners, flat = self._cohort.learners, total.reshape(len(total), -1)
        before = np.concatenate([learner.returns for learner in learners])
        returns, carried = discounted(flat, done, before, self._chosen.gamma)
        returns, carried = returns.reshape(total.shape), carried.reshape(total.shape[1:])
        scaled = [
            learner.scaled(total[:, at], returns[:, at], carried[at])
            for at, learner in enumerate(learners)
        ]
        return np.concatenate(scaled, axis=1)

    def _learn(self, whole: Minibatch, learning_rate: float) -> None:
        cohort, rows, size = self._cohort, whole.target.shape[1], self._chosen.batch_size
        going = np.ones(len(cohort), dtype=np.bool_)
        for _ in range(self._chosen.n_epochs):
            order = [learner.order(rows) + at * rows for at, learner in enumerate(cohort.learners)]
            mixed = _taken(whole, cohort.tensor(np.concatenate(order)))
            for start in range(0, rows, size):
                part = {name: array[:, start : start + size] for name, array in vars(mixed).items()}
                going = cohort.stack.update(Minibatch(**part), learning_rate, going)

    def _fail(self, learner: Learner, fault: CandidateError) -> None:
        account = learner.account
        self._done(learner.job, failed(learner.job, fault, account.timesteps, account.wall_s()))
        checkpoint.forget(Path(learner.job.folder))


def _flat(action: NDArray[Any], categorical: bool) -> NDArray[Any]:
    """(P, E, ·) as (P * E, ·), float64 or int64."""
    flat = action.reshape(-1) if categorical else action.reshape(-1, action.shape[-1])
    return flat.astype(np.int64 if categorical else np.float64)


def _joined(steps: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """T arrays (P, E, ·) as one (P, T * E, ·)."""
    whole = np.stack(steps, 1)
    return whole.reshape(len(whole), -1, *whole.shape[3:])


def _by_learner(array: NDArray[Any], count: int, steps: int = 0) -> NDArray[Any]:
    """(T, P * E), or that flat with T given, as (P, T * E)."""
    parted = array.reshape(steps or len(array), count, -1)
    return parted.transpose(1, 0, 2).reshape(count, -1)


def _by_step(array: NDArray[Any], steps: int) -> NDArray[Any]:
    """(P, T * E) as (T, P * E)."""
    return array.reshape(len(array), steps, -1).transpose(1, 0, 2).reshape(steps, -1)


def _taken(whole: Minibatch, order: Tensor) -> Minibatch:
    """All learners' rows in another order (P * rows,), which mixes rows of one learner only."""
    return Minibatch(
        **{
            name: array.flatten(0, 1).index_select(0, order).view_as(array)
            for name, array in vars(whole).items()
        }
    )
