"""The stable-baselines3 backend: PPO on whole rollouts, SAC step by step.

PPO uses stable-baselines3's network, buffer and update, with a collection of our own: it acts with
NumPy and asks for the rewards of a whole rollout in one call.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from rewardsmith import policy
from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker
from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import Space, TaskSpec, Training
from rewardsmith.reward import Transitions, concatenate
from rewardsmith.sim import Step
from rewardsmith.train import PpoSettings, Progress, SacSettings, TrainJob, settings
from rewardsmith.train.worlds import Account, Finished, Worlds

log = logging.getLogger(__name__)

_REWARD_CLIP = 10.0
RewardSource = Callable[[Transitions, NDArray[np.float64]], Rewards]


def train(job: TrainJob, report: Callable[[Progress], None]) -> Training:
    """Train the job's policy; see `Trainer`."""
    torch.set_num_threads(1)
    chosen = settings(job.algo, job.task.hyperparams.get(job.algo, {}), job.hyperparams)
    columns = job.reward.columns if job.reward else ()
    worlds = Worlds(job.task, job.n_envs, job.seed, columns)
    account = Account(job, report)
    capacity = job.n_envs * (chosen.n_steps if isinstance(chosen, PpoSettings) else 1)
    try:
        with _reward_source(job, capacity) as rewards:
            if isinstance(chosen, PpoSettings):
                best, last = _Ppo(job, chosen, worlds, rewards, account).run()
            else:
                best, last = _run_sac(job, chosen, worlds, rewards, account)
    finally:
        worlds.sim.close()
    folder = Path(job.folder)
    policy.save(best, folder / "policy.safetensors")
    policy.save(last, folder / "last.safetensors")
    return Training(
        id=job.id,
        seed=job.seed,
        purpose=job.purpose,
        timesteps=account.timesteps,
        wall_s=round(account.wall_s(), 2),
        folder=job.relative,
        curve=account.curve(),
        terms=account.terms(),
        peak_timestep=account.peak_timestep,
    )


@contextlib.contextmanager
def _reward_source(job: TrainJob, capacity: int) -> Iterator[RewardSource]:
    if job.reward is None:
        yield lambda batch, native: Rewards(native, {"native": native}, has_total=True)
        return
    with RewardWorker(job.reward, capacity=capacity, unsafe=job.unsafe) as worker:
        yield lambda batch, native: worker.compute(batch)


class _Ppo:
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
        batch = concatenate([step.transitions for step in steps])
        native = np.concatenate([step.native_reward for step in steps])
        rewards = self._rewards(batch, native)
        self._account.add_terms(rewards)
        total = rewards.total.reshape(len(steps), self._job.n_envs)
        for row, ended in zip(total, finished, strict=True):
            self._account.add_step(row, ended)
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
        history = np.empty_like(total)
        for t, row in enumerate(total):
            self._returns = self._returns * self._chosen.gamma + row
            history[t] = self._returns
            self._returns = np.where(done[t], 0.0, self._returns)
        self._return_scale.update(history.reshape(-1))
        scale = np.sqrt(float(self._return_scale.var) + 1e-8)
        return np.asarray(np.clip(total / scale, -_REWARD_CLIP, _REWARD_CLIP))

    def _update(self) -> None:
        done = self._account.timesteps / self._job.timesteps
        self._model._current_progress_remaining = max(1.0 - done, 0.0)
        self._model.train()
        if not all(bool(torch.isfinite(p).all()) for p in self._model.policy.parameters()):
            raise CandidateError(
                "diverged",
                f"training diverged after {self._account.timesteps} steps: the policy's weights "
                "are no longer finite; use smaller, bounded rewards",
            )

    def _actor(self) -> Policy:
        network = self._model.policy
        layers = [*_linear(network.mlp_extractor.policy_net), network.action_net]
        categorical = self._job.task.action.kind == "discrete"
        log_std = np.zeros(0) if categorical else _array(network.log_std)
        return Policy(
            header=PolicyHeader(
                env=self._job.task.env,
                head="categorical" if categorical else "gaussian",
                activation=self._chosen.activation,
                action=self._job.task.action,
                discrete_observations=self._one_hot,
            ),
            weights=tuple(_array(layer.weight) for layer in layers),
            biases=tuple(_array(layer.bias) for layer in layers),
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
        seed=job.seed,
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
    model.observation_space = _box(width)
    model.action_space = _action_space(job.task.action)
    model.n_envs = job.n_envs
    model._setup_model()
    model.set_logger(configure(None, []))
    return model


def _run_sac(
    job: TrainJob, chosen: SacSettings, worlds: Worlds, rewards: RewardSource, account: Account
) -> tuple[Policy, Policy]:
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
        seed=job.seed,
        device="cpu",
        policy_kwargs={"net_arch": [chosen.width] * chosen.depth},
    )
    watcher = _SacWatcher(env, account, lambda: _sac_actor(job, model))
    if job.timesteps:
        model.set_logger(configure(None, []))
        model.learn(job.timesteps, callback=watcher)
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
        super().__init__(worlds.sim.n, _box(width), _action_space(task.action))

    def reset(self) -> NDArray[np.float32]:
        return self._shown(self._worlds.sim.obs)

    def step_async(self, actions: NDArray[Any]) -> None:
        self._action = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        step, finished = self._worlds.step(self._action)
        rewards = self._rewards(step.transitions, step.native_reward)
        self._account.add_terms(rewards)
        self._account.add_step(rewards.total, finished)
        self.episodes_ended = bool(finished)
        done = step.transitions.terminated | step.truncated
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
    layers = [*_linear(actor.latent_pi), actor.mu]
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
        weights=tuple(_array(layer.weight) for layer in layers),
        biases=tuple(_array(layer.bias) for layer in layers),
        mean=np.zeros(width),
        scale=np.ones(width),
        log_std=np.zeros(0),
    )


def _linear(network: nn.Module) -> list[Any]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy().astype(np.float64)


def _box(width: int) -> Any:
    from gymnasium.spaces import Box

    return Box(-np.inf, np.inf, (width,), np.float32)


def _action_space(space: Space) -> Any:
    from gymnasium.spaces import Box, Discrete

    if space.kind == "discrete":
        return Discrete(space.n)
    return Box(np.array(space.low, np.float32), np.array(space.high, np.float32), dtype=np.float32)
