"""The population backend: PPO for many learners at once, on one batch of worlds.

All worlds of all learners are stepped together, the policies act and learn as stacked tensors
(stacked.py), and each learner's rewards are asked for once a rollout from its candidate's jailed
worker. A learner whose reward fails, or whose weights are no longer finite, leaves the batch with
its failure; the others do not notice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.errors import CandidateError
from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import Column
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.sim import Step
from rewardsmith.training import (
    Done,
    PpoSettings,
    Progress,
    Report,
    TrainJob,
    checkpoint,
    failed,
    settings,
)
from rewardsmith.training.advantages import advantages, discounted
from rewardsmith.training.learner import Learner, normalised
from rewardsmith.training.stacked import Minibatch, Shape, Stack
from rewardsmith.training.workers import Workers
from rewardsmith.training.worlds import Finished, Worlds

_DIVERGED = CandidateError(
    "diverged",
    "training diverged: the policy's weights are no longer finite; use smaller, bounded rewards",
)


def train(jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
    """Train jobs of one batch together; see `Trainer` and `batches`."""
    torch.set_num_threads(1)
    # Gradients are written by hand: torch need not keep track of anything.
    with torch.inference_mode(), contextlib.ExitStack() as stack:
        population = Population(jobs, report, done)
        stack.callback(population.close)
        population.run()


class Population:
    """P learners of E worlds each; world `w` of the batch belongs to learner `w // E`."""

    def __init__(self, jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
        first = jobs[0]
        chosen = settings("ppo", first.task.hyperparams.get("ppo", {}), first.hyperparams)
        assert isinstance(chosen, PpoSettings)
        self._task, self._chosen, self._done = first.task, chosen, done
        self._envs, self._timesteps = first.n_envs, first.timesteps
        self._until = min(first.until or first.timesteps, first.timesteps)
        self._save_every_s, self._device = first.checkpoint_s, first.device
        self._categorical = first.task.action.kind == "discrete"
        space = first.task.observation
        self._one_hot = space.n if space.kind == "discrete" else 0
        width = max(space.size, 1)
        self._learners = [Learner(job, chosen, width, _reporter(job, report)) for job in jobs]
        self._workers = Workers(jobs)
        rngs = [rng for learner in self._learners for rng in learner.world_rngs]
        self._worlds = Worlds(first.task, rngs, _columns(jobs), first.pays)
        self._stack = Stack(
            Shape(
                inputs=self._one_hot or width,
                outputs=first.task.action.n if self._categorical else first.task.action.size,
                categorical=self._categorical,
                width=chosen.width,
                depth=chosen.depth,
                activation=chosen.activation,
            ),
            chosen,
            [learner.weights_rng for learner in self._learners],
            first.device,
        )
        self._made = self._restored()
        if not self._made:
            for at, learner in enumerate(self._learners):
                if learner.job.warm_start:
                    self._stack.replace(at, learner.start_from(Path(learner.job.warm_start)))

    def run(self) -> None:
        """Alternate rollouts and updates until every learner is done, at a rung, or has failed."""
        saved_at = time.monotonic()
        while self._learners and self._made < self._until:
            self._round(1.0 - self._made / self._timesteps)
            self._made += self._chosen.n_steps * self._envs
            due = time.monotonic() - saved_at >= self._save_every_s
            if due and self._worlds.restorable:
                self._save()
                saved_at = time.monotonic()
        whole = self._made >= self._timesteps
        if not whole:
            self._save()
        for at, learner in enumerate(self._learners):
            parameters = self._stack.parameters(at)
            self._done(learner.job, learner.finish(self._actor(at), parameters))
            if whole:
                checkpoint.forget(Path(learner.job.folder))

    def close(self) -> None:
        """End the workers and the worlds."""
        self._workers.close()
        self._worlds.sim.close()

    def _round(self, remaining: float) -> None:
        obs, actions, steps, finished = self._collect()
        totals, batches = self._rewards(steps, finished)
        kept = [at for at, total in enumerate(totals) if total is not None]
        if len(kept) < len(totals):
            obs, actions = obs[kept], actions[kept]
            self._keep(kept)
        if not kept:
            return
        whole = self._lessons(
            obs, actions, [t for t in totals if t is not None], [batches[at] for at in kept], steps,
            kept,
        )  # fmt: skip
        self._learn(whole, self._chosen.learning_rate * (remaining if self._chosen.anneal else 1))
        for learner, batch in zip(self._learners, (batches[at] for at in kept), strict=True):
            learner.see(batch.obs)
            learner.account.tell()
        finite = self._stack.finite()
        for at, learner in enumerate(self._learners):
            if not finite[at]:
                self._fail(learner, _DIVERGED)
        self._keep([at for at, sound in enumerate(finite) if sound])

    # --- a rollout ---

    def _collect(self) -> tuple[Tensor, Tensor, list[Step], list[list[list[Finished]]]]:
        """Act for n_steps; observations as seen (P, T, E, ·), actions (P, T, E, d) or (P, T, E)."""
        count, rows = len(self._learners), self._chosen.n_steps
        noise = self._noise(rows)
        mean, scale = self._normalisation()
        steps: list[Step] = []
        finished: list[list[list[Finished]]] = [[] for _ in range(count)]
        seen, acted = [], []
        # Between two steps of physics every call finds its code out of the caches, and torch's are
        # the dearest: all but the networks is left to NumPy.
        for t in range(rows):
            raw = self._worlds.sim.obs.reshape(count, self._envs, -1)
            obs = normalised(raw, mean, scale, self._one_hot)
            action = self._stack.act(self._tensor(obs)).cpu().numpy() + noise[t]
            if self._categorical:
                action = action.argmax(-1)
            step, ended = self._worlds.step(_flat(action, self._categorical))
            steps.append(step)
            seen.append(obs)
            acted.append(action)
            self._sort(ended, finished)
        return self._tensor(np.stack(seen, 1)), self._tensor(np.stack(acted, 1)), steps, finished

    def _noise(self, rows: int) -> NDArray[np.float32]:
        """(T, P, E, ·) to be added to what the actors give; the highest choice is taken."""
        outputs = self._task.action.n if self._categorical else self._task.action.size
        drawn = [x.noise(rows, outputs, categorical=self._categorical) for x in self._learners]
        noise = np.stack(drawn, 1).astype(np.float32)
        if not self._categorical:
            noise *= np.exp(self._stack.log_std.cpu().numpy())[:, None]
        return noise

    def _sort(self, ended: Sequence[Finished], finished: Sequence[list[list[Finished]]]) -> None:
        """Give the episodes that a step ended to their learners."""
        for at, learner in enumerate(self._learners):
            finished[at].append([])
            learner.account.tell()  # a slow environment can outlast the engine's patience
        for episode in ended:
            at, world = divmod(episode.world, self._envs)
            finished[at][-1].append(Finished(world, episode.fitness, episode.length))

    def _rewards(
        self, steps: Sequence[Step], finished: Sequence[list[list[Finished]]]
    ) -> tuple[list[NDArray[np.float64] | None], list[Transitions]]:
        """Each learner's totals (T, E), None where its reward failed, and its transitions."""
        count, rows = len(self._learners), len(steps)
        # From (step, learner, world) to (learner, step, world).
        places = np.arange(rows * count * self._envs).reshape(rows, count, self._envs)
        order = places.transpose(1, 0, 2).reshape(-1)
        whole = concatenate([step.transitions for step in steps]).rows(order)
        native = np.concatenate([step.native_reward for step in steps])[order]
        size = rows * self._envs
        parts = [slice(at * size, (at + 1) * size) for at in range(count)]
        batches = [whole.rows(part) for part in parts]
        totals: list[NDArray[np.float64] | None] = []
        for at, learner in enumerate(self._learners):
            try:
                given = self._workers.rewards(learner.job, batches[at], native[parts[at]])
            except CandidateError as fault:
                self._fail(learner, fault)
                totals.append(None)
            else:
                totals.append(learner.count(given, finished[at], self._actor(at)))
        return totals, batches

    # --- an update ---

    def _lessons(
        self,
        obs: Tensor,
        actions: Tensor,
        totals: Sequence[NDArray[np.float64]],
        batches: Sequence[Transitions],
        steps: Sequence[Step],
        kept: Sequence[int],
    ) -> Minibatch:
        """The whole rollout of every learner as one minibatch, rows in order."""
        rows, shape = len(steps), (len(steps), len(kept), self._envs)
        mean, scale = self._normalisation()
        raw = np.stack([batch.next_obs for batch in batches])
        final = self._tensor(normalised(raw, mean, scale, self._one_hot))
        seen, acted = obs.flatten(1, 2), actions.flatten(1, 2)
        # All learners at once, (T, P * E): a step back in time costs as much for one as for all.
        ended = (
            np.stack(flags).reshape(rows, -1, self._envs)[:, kept].reshape(rows, -1)
            for flags in zip(*((s.transitions.terminated, s.truncated) for s in steps), strict=True)
        )
        terminated, truncated = ended
        values, after = (
            self._stack.values(each).cpu().numpy().astype(np.float64)
            .reshape(len(kept), rows, -1).transpose(1, 0, 2).reshape(rows, -1)
            for each in (seen, final)
        )  # fmt: skip
        rewards = self._scaled(np.stack(totals, 1), terminated | truncated).reshape(rows, -1)
        advantage = advantages(rewards, terminated, truncated, values, after, self._chosen)

        def by_learner(array: NDArray[np.float64]) -> Tensor:
            own = array.reshape(shape).transpose(1, 0, 2).reshape(len(kept), -1)
            return self._tensor(own.astype(np.float32))

        return Minibatch(
            obs=seen,
            action=acted,
            log_prob=self._stack.log_prob(self._stack.act(seen), acted),
            advantage=by_learner(advantage),
            target=by_learner(advantage + values),
        )

    def _scaled(self, total: NDArray[np.float64], done: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Every learner's rewards on the scale of its returns; total (T, P, E), done (T, P * E)."""
        before = np.concatenate([learner.returns for learner in self._learners])
        flat = total.reshape(len(total), -1)
        returns, carried = discounted(flat, done, before, self._chosen.gamma)
        returns, carried = returns.reshape(total.shape), carried.reshape(total.shape[1:])
        return np.stack(
            [
                learner.scaled(total[:, at], returns[:, at], carried[at])
                for at, learner in enumerate(self._learners)
            ],
            axis=1,
        )

    def _learn(self, whole: Minibatch, learning_rate: float) -> None:
        rows, size = whole.target.shape[1], self._chosen.batch_size
        going = np.ones(len(self._learners), dtype=np.bool_)
        for _ in range(self._chosen.n_epochs):
            order = [learner.order(rows) + at * rows for at, learner in enumerate(self._learners)]
            mixed = _taken(whole, self._tensor(np.concatenate(order)))
            for start in range(0, rows, size):
                part = {name: array[:, start : start + size] for name, array in vars(mixed).items()}
                going = self._stack.update(Minibatch(**part), learning_rate, going)

    # --- learners ---

    def _normalisation(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(P, 1, obs_dim) mean and deviation of every learner's observations."""
        mean = np.stack([learner.mean for learner in self._learners])[:, None]
        return mean, np.stack([learner.scale for learner in self._learners])[:, None]

    def _fail(self, learner: Learner, fault: CandidateError) -> None:
        account = learner.account
        self._done(learner.job, failed(learner.job, fault, account.timesteps, account.wall_s()))
        checkpoint.forget(Path(learner.job.folder))

    def _keep(self, kept: Sequence[int]) -> None:
        """Compact the batch to these learners."""
        if len(kept) == len(self._learners):
            return
        self._learners = [self._learners[at] for at in kept]
        if kept:
            self._stack.keep(kept)
            self._worlds.keep([world for at in kept for world in self._own(at)])

    def _save(self) -> None:
        """Store where every learner stands."""
        for at, learner in enumerate(self._learners):
            arrays = {
                **checkpoint.under("stack/", self._stack.state(at)),
                **checkpoint.under("learner/", learner.state()),
                **checkpoint.under("worlds/", self._worlds.state(self._own(at))),
            }
            standing = checkpoint.Standing(arrays, learner.best)
            checkpoint.save(Path(learner.job.folder), self._made, standing)
        for learner in self._learners:
            checkpoint.forget(Path(learner.job.folder), but=self._made)

    def _restored(self) -> int:
        """Take up what an earlier life of these trainings has stored; how many steps that is."""
        folders = [Path(learner.job.folder) for learner in self._learners]
        made = checkpoint.shared(folders)
        if not made:
            return 0
        standings = [checkpoint.load(folder, made) for folder in folders]
        for at, (learner, found) in enumerate(zip(self._learners, standings, strict=True)):
            self._stack.restore(at, checkpoint.within(found.arrays, "stack/"))
            learner.restore(checkpoint.within(found.arrays, "learner/"), found.best)
        self._worlds.restore([checkpoint.within(found.arrays, "worlds/") for found in standings])
        if not self._worlds.restorable:
            for learner in self._learners:
                learner.restart()
        return made

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        """On the device that learns; on the CPU it shares the array's memory."""
        return torch.as_tensor(array, device=self._device)

    def _own(self, at: int) -> range:
        """The worlds of a learner."""
        return range(at * self._envs, (at + 1) * self._envs)

    def _actor(self, at: int) -> Policy:
        learner = self._learners[at]
        weights, biases = self._stack.actor(at)
        return Policy(
            header=PolicyHeader(
                env=self._task.env,
                head="categorical" if self._categorical else "gaussian",
                activation=self._chosen.activation,
                action=self._task.action,
                discrete_observations=self._one_hot,
            ),
            weights=tuple(weights),
            biases=tuple(biases),
            mean=learner.mean.copy(),
            scale=learner.scale,
            log_std=self._stack.deviation(at),
        )


def _columns(jobs: Sequence[TrainJob]) -> tuple[Column, ...]:
    return tuple(column for job in jobs if job.reward for column in job.reward.columns)


def _reporter(job: TrainJob, report: Report) -> Callable[[Progress], None]:
    return lambda progress: report(job, progress)


def _flat(action: NDArray[Any], categorical: bool) -> NDArray[Any]:
    """(P, E, ·) as (P * E, ·), float64 or int64."""
    flat = action.reshape(-1) if categorical else action.reshape(-1, action.shape[-1])
    return flat.astype(np.int64 if categorical else np.float64)


def _taken(whole: Minibatch, order: Tensor) -> Minibatch:
    """All learners' rows in another order (P * rows,), which mixes rows of one learner only."""
    return Minibatch(
        **{
            name: array.flatten(0, 1).index_select(0, order).view_as(array)
            for name, array in vars(whole).items()
        }
    )
