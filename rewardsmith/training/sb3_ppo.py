"""PPO with stable-baselines3's network, buffer and update, and a collection of our own.

It acts with NumPy and asks for the rewards of a whole rollout in one call,
so that the jail is met once in thousands of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.running_mean_std import RunningMeanStd
from torch import nn

from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.sim import Step
from rewardsmith.training import PpoSettings, TrainJob
from rewardsmith.training.account import Account, Finished
from rewardsmith.training.advantages import REWARD_CLIP, discounted
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


class Ppo:
    """PPO (arXiv 1707.06347) over rollouts whose rewards are asked for once they are complete."""

    def __init__(
        self,
        job: TrainJob,
        chosen: PpoSettings,
        worlds: Worlds,
        rewards: RewardSource,
        account: Account,
    ) -> None:
        self._job, self._chosen, self._worlds = job, chosen, worlds
        self._rewards, self._account = rewards, account
        self._rng = np.random.default_rng([job.seed, 1])
        width = worlds.sim.obs.shape[1]
        self._one_hot = job.task.observation.n if job.task.observation.kind == "discrete" else 0
        self._seen = RunningMeanStd(shape=(width,))
        self._return_scale = RunningMeanStd(shape=())
        self._returns = np.zeros(job.n_envs)
        self._starts = np.ones(job.n_envs, dtype=bool)
        self._model = _ppo_model(job, chosen, self._one_hot or width)

    def run(self) -> tuple[Policy, Policy]:
        """Alternate rollouts and updates; returns the policy at its peak and the last one."""
        best = actor = self._actor()
        while self._account.timesteps < self._job.timesteps:
            episodes_ended = self._collect(actor)
            if episodes_ended and self._account.at_peak():
                best = actor
            self._update()
            actor = self._actor()
            self._account.tell()
        return (best if self._account.peak_timestep else actor), actor

    def _collect(self, actor: Policy) -> bool:
        """Fill the rollout buffer; returns whether any episode ended."""
        steps: list[Step] = []
        finished: list[tuple[Finished, ...]] = []
        actions = []
        for _ in range(self._chosen.n_steps):
            action = actor.sample(self._worlds.sim.obs, self._rng)
            step, ended = self._worlds.step(action)
            steps.append(step)
            actions.append(action)
            finished.append(ended)
            # A rollout in a slow environment can outlast the engine's patience.
            self._account.tell()
        batch = concatenate([step.transitions for step in steps])
        native = np.concatenate([step.native_reward for step in steps])
        rewards = self._rewards(batch, native)
        self._account.add_terms(rewards)
        total = rewards.total.reshape(len(steps), self._job.n_envs)
        self._account.add_steps(total, finished)
        self._fill_buffer(actor, batch, np.stack(actions), total, steps)
        self._seen.update(batch.obs)
        return any(finished)

    def _fill_buffer(
        self,
        actor: Policy,
        batch: Transitions,
        actions: NDArray[Any],
        total: NDArray[np.float64],
        steps: Sequence[Step],
    ) -> None:
        shape = total.shape
        truncated = np.stack([step.truncated for step in steps])
        done = truncated | batch.terminated.reshape(shape)
        rewards = self._scaled(total, done)
        obs = torch.as_tensor(actor.normalise(batch.obs), dtype=torch.float32)
        final = torch.as_tensor(actor.normalise(batch.next_obs), dtype=torch.float32)
        network = self._model.policy
        with torch.no_grad():
            flat = torch.as_tensor(actions.reshape(len(obs), -1))
            values, log_probs, _ = network.evaluate_actions(
                obs, flat[:, 0] if actions.dtype == np.int64 else flat.float()
            )
            after = network.predict_values(final).numpy().reshape(shape)
        # A time limit is no end of the task: what would have followed is worth its value.
        cut = truncated & ~batch.terminated.reshape(shape)
        rewards = rewards + np.where(cut, self._chosen.gamma * after, 0.0)
        buffer = self._model.rollout_buffer
        buffer.reset()
        buffer.observations[:] = obs.numpy().reshape(*shape, -1)
        buffer.actions[:] = actions.reshape(*shape, -1)
        buffer.rewards[:] = rewards
        buffer.values[:] = values.numpy().reshape(shape)
        buffer.log_probs[:] = log_probs.numpy().reshape(shape)
        buffer.episode_starts[:] = np.concatenate([self._starts[None], done[:-1]])
        buffer.pos, buffer.full = len(total), True
        self._starts = done[-1]
        buffer.compute_returns_and_advantage(torch.as_tensor(after[-1]), done[-1])

    def _scaled(self, total: NDArray[np.float64], done: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Rewards divided by the running deviation of the discounted return, clipped."""
        returns, self._returns = discounted(total, done, self._returns, self._chosen.gamma)
        self._return_scale.update(returns.reshape(-1))
        scale = np.sqrt(float(self._return_scale.var) + 1e-8)
        return np.asarray(np.clip(total / scale, -REWARD_CLIP, REWARD_CLIP))

    def _update(self) -> None:
        done = self._account.timesteps / self._job.timesteps
        self._model._current_progress_remaining = max(1.0 - done, 0.0)
        self._model.train()
        require_finite(self._model.policy.parameters())

    def _actor(self) -> Policy:
        network = self._model.policy
        layers = [*linear_layers(network.mlp_extractor.policy_net), network.action_net]
        categorical = self._job.task.action.kind == "discrete"
        log_std = np.zeros(0) if categorical else array(network.log_std)
        return Policy(
            header=PolicyHeader(
                env=self._job.task.env,
                head="categorical" if categorical else "gaussian",
                activation=self._chosen.activation,
                action=self._job.task.action,
                discrete_observations=self._one_hot,
            ),
            weights=tuple(array(layer.weight) for layer in layers),
            biases=tuple(array(layer.bias) for layer in layers),
            mean=self._seen.mean.copy(),
            scale=np.sqrt(self._seen.var + 1e-8),
            log_std=log_std,
        )


def _ppo_model(job: TrainJob, chosen: PpoSettings, width: int) -> PPO:
    def rate(remaining: float) -> float:
        return chosen.learning_rate * (remaining if chosen.anneal else 1.0)

    model = PPO(
        "MlpPolicy",
        None,  # type: ignore[arg-type]  # see below
        learning_rate=rate,
        n_steps=chosen.n_steps,
        batch_size=min(chosen.batch_size, chosen.n_steps * job.n_envs),
        n_epochs=chosen.n_epochs,
        gamma=chosen.gamma,
        gae_lambda=chosen.gae_lambda,
        clip_range=chosen.clip_range,
        ent_coef=chosen.ent_coef,
        vf_coef=chosen.vf_coef,
        max_grad_norm=chosen.max_grad_norm,
        target_kl=chosen.target_kl,
        seed=job.seed % SEEDS,
        device="cpu",
        policy_kwargs={
            "net_arch": [chosen.width] * chosen.depth,
            "activation_fn": nn.Tanh if chosen.activation == "tanh" else nn.ReLU,
            "log_std_init": chosen.log_std_init,
            "optimizer_kwargs": {"fused": True, "eps": 1e-5},
        },
        _init_setup_model=False,
    )
    # No environment is handed over: the worlds are ours, the model only needs their shapes.
    model.observation_space = box(width)
    model.action_space = action_space(job.task.action)
    model.n_envs = job.n_envs
    model._setup_model()
    model.set_logger(Logger(None, []))
    return model
