"""SAC by stable-baselines3; the candidate's rewards are asked for at every vector step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import TaskSpec
from rewardsmith.training import SacSettings, TrainJob
from rewardsmith.training.account import Account
from rewardsmith.training.sb3_common import (
    SEEDS,
    RewardSource,
    action_space,
    array,
    box,
    linear_layers,
    require_finite,
)
from rewardsmith.training.worlds import Worlds


def run_sac(
    job: TrainJob, chosen: SacSettings, worlds: Worlds, rewards: RewardSource, account: Account
) -> tuple[Policy, Policy]:
    """Train; returns the policy at its peak and the last one."""
    env = _StepwiseEnv(job.task, worlds, rewards, account)
    model = SAC(
        "MlpPolicy",
        env,
        learning_rate=chosen.learning_rate,
        buffer_size=min(chosen.buffer_size, max(job.timesteps, job.n_envs)),
        learning_starts=chosen.learning_starts,
        batch_size=chosen.batch_size,
        gamma=chosen.gamma,
        tau=chosen.tau,
        gradient_steps=chosen.gradient_steps,
        seed=job.seed % SEEDS,
        device="cpu",
        policy_kwargs={"net_arch": [chosen.width] * chosen.depth},
    )
    watcher = _SacWatcher(env, account, lambda: _sac_actor(job, model))
    if job.timesteps:
        model.set_logger(Logger(None, []))
        model.learn(job.timesteps, callback=watcher)
    require_finite(model.policy.parameters())
    last = _sac_actor(job, model)
    return watcher.best or last, last


class _SacWatcher(BaseCallback):
    """Keeps the actor at the peak of its smoothed return."""

    def __init__(self, env: _StepwiseEnv, account: Account, actor: Callable[[], Policy]) -> None:
        super().__init__()
        self._env, self._account, self._actor = env, account, actor
        self.best: Policy | None = None

    def _on_step(self) -> bool:
        if self._env.episodes_ended and self._account.at_peak():
            self.best = self._actor()
        self._account.tell()
        return True


class _StepwiseEnv(VecEnv):
    """The worlds as stable-baselines3 wants them; rewards are asked for at each step."""

    def __init__(
        self, task: TaskSpec, worlds: Worlds, rewards: RewardSource, account: Account
    ) -> None:
        self._worlds, self._rewards, self._account = worlds, rewards, account
        self._one_hot = task.observation.n if task.observation.kind == "discrete" else 0
        self.episodes_ended = False
        self._action: NDArray[Any] = np.zeros(0)
        width = self._one_hot or worlds.sim.obs.shape[1]
        super().__init__(worlds.sim.n, box(width), action_space(task.action))

    def reset(self) -> NDArray[np.float32]:
        return self._shown(self._worlds.sim.obs)

    def step_async(self, actions: NDArray[Any]) -> None:
        require_finite([torch.as_tensor(actions)])
        self._action = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        step, finished = self._worlds.step(self._action)
        rewards = self._rewards(step.transitions, step.native_reward)
        self._account.add_terms(rewards)
        self._account.add_steps(rewards.total[None], [finished])
        self.episodes_ended = bool(finished)
        done = step.done
        final = self._shown(step.transitions.next_obs)
        infos: list[dict[str, Any]] = [
            {
                "terminal_observation": final[world],
                "TimeLimit.truncated": not step.transitions.terminated[world],
            }
            if done[world]
            else {}
            for world in range(self.num_envs)
        ]
        return self._shown(self._worlds.sim.obs), rewards.total.astype(np.float32), done, infos

    def close(self) -> None:
        """The worlds belong to the trainer, which closes them."""

    def get_attr(self, attr_name: str, indices: object = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: object, indices: object = None) -> None:
        raise AttributeError(attr_name)

    def env_method(self, method_name: str, *args: object, **kwargs: object) -> list[Any]:
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: object, indices: object = None) -> list[bool]:
        return [False] * self.num_envs

    def _shown(self, obs: NDArray[np.float64]) -> NDArray[np.float32]:
        if self._one_hot:
            return np.eye(self._one_hot, dtype=np.float32)[obs[:, 0].astype(np.int64)]
        return obs.astype(np.float32)


def _sac_actor(job: TrainJob, model: SAC) -> Policy:
    actor = model.policy.actor
    layers = [*linear_layers(actor.latent_pi), actor.mu]
    one_hot = job.task.observation.n if job.task.observation.kind == "discrete" else 0
    width = layers[0].in_features
    return Policy(
        header=PolicyHeader(
            env=job.task.env,
            head="squashed",
            activation="relu",
            action=job.task.action,
            normalised=False,
            discrete_observations=one_hot,
        ),
        weights=tuple(array(layer.weight) for layer in layers),
        biases=tuple(array(layer.bias) for layer in layers),
        mean=np.zeros(width),
        scale=np.ones(width),
        log_std=np.zeros(0),
    )
