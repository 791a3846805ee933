"""One learner of a population: its streams of random numbers, its statistics, its account."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd

from rewardsmith import policy
from rewardsmith.arrays import Arrays, under, within
from rewardsmith.files import write_bytes
from rewardsmith.jail.service import Rewards
from rewardsmith.policy import OBSERVATION_CLIP, Policy
from rewardsmith.records import Training
from rewardsmith.training import STATE_FILE, PpoSettings, Progress, TrainJob, checkpoint
from rewardsmith.training.account import Account, Finished
from rewardsmith.training.advantages import REWARD_CLIP

Array = NDArray[np.float64]


class Learner:
    """All of one learner that is not stacked.

    Its streams derive from the candidate's name and the seed, never from its place in the batch.
    """

    def __init__(
        self, job: TrainJob, chosen: PpoSettings, width: int, report: Callable[[Progress], None]
    ) -> None:
        self.job, self._chosen = job, chosen
        digest = hashlib.sha256(job.candidate.encode()).digest()
        key = [int.from_bytes(digest[:8], "little"), job.seed]
        self.weights_rng, self._noise_rng, self._order_rng = (
            np.random.default_rng([*key, stream]) for stream in range(3)
        )
        self.world_rngs = [np.random.default_rng([*key, 3, world]) for world in range(job.n_envs)]
        self.account = Account(job, report)
        self.best: Policy | None = None
        self._seen = RunningMeanStd(shape=(width,))
        self._return_scale = RunningMeanStd(shape=())
        self.returns = np.zeros(job.n_envs)
        """(E,) discounted returns of the episodes under way."""

    @property
    def mean(self) -> Array:
        """(obs_dim,) of the observations before this rollout."""
        return self._seen.mean

    @property
    def scale(self) -> Array:
        """(obs_dim,) deviation of the observations before this rollout."""
        return np.asarray(np.sqrt(self._seen.var + 1e-8))

    def noise(self, steps: int, width: int, *, categorical: bool) -> Array:
        """(steps, E, width): standard normal numbers, or Gumbel's for a choice."""
        size = (steps, self.job.n_envs, width)
        if categorical:
            return self._noise_rng.gumbel(size=size)
        return self._noise_rng.standard_normal(size)

    def order(self, rows: int) -> NDArray[np.int64]:
        """A permutation of a rollout's rows."""
        return self._order_rng.permutation(rows)

    def count(self, rewards: Rewards, finished: list[list[Finished]], actor: Policy) -> Array:
        """Enter a rollout into the account; keeps `actor` at a peak. Returns the totals (T, E)."""
        self.account.add_terms(rewards)
        total = rewards.total.reshape(len(finished), self.job.n_envs)
        self.account.add_steps(total, finished)
        if any(finished) and self.account.at_peak():
            self.best = actor
        return total

    def scaled(self, total: Array, returns: Array, carried: Array) -> Array:
        """Rewards divided by the running deviation of the discounted return, clipped.

        Args:
            total: (T, E), of a rollout.
            returns: (T, E), the discounted return after each of its steps.
            carried: (E,), what of it the next rollout goes on from.
        """
        self.returns = carried
        self._return_scale.update(returns.reshape(-1))
        scale = np.sqrt(float(self._return_scale.var) + 1e-8)
        return np.asarray(np.clip(total / scale, -REWARD_CLIP, REWARD_CLIP))

    def see(self, obs: Array) -> None:
        """Take a rollout's raw observations (rows, obs_dim) into the normalisation."""
        self._seen.update(obs)

    def start_from(self, path: Path) -> NDArray[np.float32]:
        """Take over another learner's normalisation; gives its parameters (n_params,)."""
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            self._seen.mean, self._seen.var = file.get_tensor("mean"), file.get_tensor("var")
            self._seen.count = float(file.get_tensor("count")[0])
            return np.asarray(file.get_tensor("parameters"), np.float32)

    def state(self) -> Arrays:
        """Statistics, streams and account, for `restore`."""
        arrays: Arrays = {"returns": self.returns}
        for name, stats in self._statistics.items():
            arrays[f"{name}/mean"], arrays[f"{name}/var"] = stats.mean, stats.var
            arrays[f"{name}/count"] = np.array([stats.count])
        for name, rng in self._streams.items():
            arrays[f"stream/{name}"] = checkpoint.stream_state(rng)
        return {**arrays, **under("account/", self.account.state())}

    def restore(self, state: Arrays, best: Policy | None) -> None:
        """Put the learner where `state` found it."""
        self.returns, self.best = state["returns"], best
        for name, stats in self._statistics.items():
            stats.mean, stats.var = state[f"{name}/mean"], state[f"{name}/var"]
            stats.count = float(state[f"{name}/count"][0])
        for name, rng in self._streams.items():
            checkpoint.set_stream(rng, state[f"stream/{name}"])
        self.account.restore(within(state, "account/"))

    def restart(self) -> None:
        """Forget the episodes under way: their worlds could not be put back."""
        self.returns[:] = 0.0
        self.account.restart()

    @property
    def _statistics(self) -> dict[str, RunningMeanStd]:
        return {"observations": self._seen, "rewards": self._return_scale}

    @property
    def _streams(self) -> dict[str, np.random.Generator]:
        return {"noise": self._noise_rng, "order": self._order_rng}

    def finish(self, last: Policy, parameters: NDArray[np.float32]) -> Training:
        """Store the policy at its peak, the last one and its parameters; say what happened."""
        account, folder = self.account, Path(self.job.folder)
        account.tell(last=True)
        policy.save(self.best or last, folder / "policy.safetensors")
        policy.save(last, folder / "last.safetensors")
        self._store(parameters, folder / STATE_FILE)
        return account.training()

    def _store(self, parameters: NDArray[np.float32], path: Path) -> None:
        """Write what another learner may start from: actor, critic and normalisation."""
        from safetensors.numpy import save

        arrays: dict[str, NDArray[Any]] = {
            "parameters": parameters,
            "mean": np.asarray(self._seen.mean),
            "var": np.asarray(self._seen.var),
            "count": np.array([self._seen.count]),
        }
        write_bytes(path, save(arrays))


def normalised(obs: Array, mean: Array, scale: Array, one_hot: int) -> NDArray[np.float32]:
    """What the networks see of raw observations (..., obs_dim), as `Policy.normalise` has it."""
    if one_hot:
        return np.eye(one_hot, dtype=np.float32)[obs[..., 0].astype(np.int64)]
    scaled = np.maximum((obs - mean) / scale, -OBSERVATION_CLIP)
    return np.minimum(scaled, OBSERVATION_CLIP).astype(np.float32)
