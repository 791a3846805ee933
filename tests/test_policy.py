"""A policy as arrays: NumPy computes what stable-baselines3 would, and files are checked."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from stable_baselines3 import SAC

from rewardsmith import policy, tasks
from rewardsmith.errors import UserError
from rewardsmith.jail.service import Rewards
from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import Space
from rewardsmith.training import PpoSettings, TrainJob
from rewardsmith.training.account import Account
from rewardsmith.training.sb3_ppo import Ppo
from rewardsmith.training.sb3_sac import _sac_actor
from rewardsmith.training.worlds import Worlds

torch.set_num_threads(1)  # as in a training: on a busy machine threads wait for each other
BOUNDED = Space(kind="box", size=1, low=(-2.0,), high=(3.0,))


def job(env: str, **parts: Any) -> TrainJob:
    settled: dict[str, Any] = {
        "id": "r01c00/selection-0",
        "candidate": "r01c00",
        "task": tasks.resolve(env, "learn", fitness="native"),
        "reward": None,
        "seed": 0,
        "purpose": "selection",
        "timesteps": 512,
        "n_envs": 2,
        "folder": "",
        "relative": "",
    }
    return TrainJob(**{**settled, **parts})


def trained_ppo(env: str, **settings: Any) -> tuple[Ppo, Policy, np.ndarray]:
    """A trainer after a few updates, its last policy, and observations that it met."""
    asked, met = job(env), []

    def native(batch: Any, reward: np.ndarray) -> Rewards:
        met.append(batch.obs)
        return Rewards(reward, {"native": reward}, has_total=True)

    worlds = Worlds(asked.task, [np.random.default_rng(world) for world in range(asked.n_envs)])
    quick = PpoSettings(n_steps=64, batch_size=32, n_epochs=4, learning_rate=1e-2, **settings)
    ppo = Ppo(asked, quick, worlds, native, Account(asked, lambda progress: None))
    _, last = ppo.run()
    worlds.sim.close()
    return ppo, last, np.concatenate(met)


def layers(*sizes: int) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(3)
    pairs = list(itertools.pairwise(sizes))
    return (
        tuple(rng.normal(size=(wide, narrow)) for narrow, wide in pairs),
        tuple(rng.normal(size=wide) for _, wide in pairs),
    )


def handmade(action: Space, **header: Any) -> Policy:
    weights, biases = layers(3, 8, action.n or action.size)
    settled = {"env": "x", "head": "gaussian", "activation": "tanh", "action": action, **header}
    return Policy(
        header=PolicyHeader.model_validate(settled),
        weights=weights,
        biases=biases,
        mean=np.array([1.0, -1.0, 0.0]),
        scale=np.array([2.0, 0.5, 1e-9]),
        log_std=np.array([-0.5]),
    )


# --- against stable-baselines3 ---


@pytest.mark.parametrize(
    ("env", "settings"),
    [
        ("Pendulum-v1", {}),
        ("Pendulum-v1", {"activation": "relu", "depth": 3, "width": 16}),
        ("CartPole-v1", {}),
        ("FrozenLake-v1", {}),
    ],
)
def test_ppo_acts_as_stable_baselines3_would(env: str, settings: dict[str, Any]) -> None:
    ppo, last, met = trained_ppo(env, **settings)
    expected, _ = ppo._model.predict(last.normalise(met).astype(np.float32), deterministic=True)
    acted = last.act(met)
    if acted.dtype == np.int64:
        # Two logits that agree to float32 may be ordered either way.
        agree = acted == expected
        gap = np.diff(np.sort(last.head(met), axis=-1)[:, -2:], axis=-1)[:, 0]
        assert np.all(agree | (gap < 1e-5)) and len(np.unique(expected)) > 1
    else:
        np.testing.assert_allclose(acted, expected, atol=2e-5)
        assert np.ptp(expected) > 0.01


def test_the_policy_that_collects_samples_as_its_network_says() -> None:
    ppo, last, met = trained_ppo("Pendulum-v1")
    drawn = last.sample(np.repeat(met[:1], 20_000, axis=0), np.random.default_rng(0))
    mean, std = last.head(met[:1])[0], np.exp(last.log_std)
    assert drawn.mean() == pytest.approx(mean[0], abs=4 * std[0] / 20_000**0.5)
    assert drawn.std() == pytest.approx(std[0], rel=0.03)
    spread = ppo._model.policy.log_std.detach().numpy()
    np.testing.assert_allclose(last.log_std, spread, rtol=1e-6)
    choices = handmade(Space(kind="discrete", n=3), head="categorical")
    logits = choices.head(np.zeros((1, 3)))[0]
    drawn = choices.sample(np.zeros((20_000, 3)), np.random.default_rng(0))
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 20_000, expected, atol=0.02)


def test_sac_acts_as_stable_baselines3_would() -> None:
    env = gymnasium.make("Pendulum-v1")
    kwargs = {"net_arch": [32, 32]}
    model = SAC("MlpPolicy", env, seed=0, learning_starts=20, policy_kwargs=kwargs, device="cpu")
    model.learn(120)
    trained = _sac_actor(job("Pendulum-v1"), model)
    assert model.replay_buffer
    met = model.replay_buffer.observations[:120, 0]
    expected, _ = model.predict(met, deterministic=True)
    np.testing.assert_allclose(trained.act(met.astype(np.float64)), expected, atol=2e-5)
    assert np.ptp(expected) > 0.01
    env.close()


# --- heads ---


def test_a_gaussian_is_clipped_to_its_bounds_if_it_has_any() -> None:
    obs = np.random.default_rng(0).normal(scale=9, size=(50, 3))
    bounded = handmade(BOUNDED)
    unbounded = handmade(Space(kind="box", size=1))
    np.testing.assert_array_equal(bounded.act(obs), np.clip(bounded.head(obs), -2.0, 3.0))
    assert np.any(bounded.head(obs) > 3) and np.any(bounded.head(obs) < -2)
    np.testing.assert_array_equal(unbounded.act(obs), bounded.head(obs))


def test_a_squashed_head_fills_its_bounds() -> None:
    squashed = handmade(BOUNDED, head="squashed", normalised=False)
    acted = squashed.act(np.random.default_rng(0).normal(scale=30, size=(200, 3)))
    assert -2.0 <= acted.min() < -1.9 and 2.9 < acted.max() <= 3.0


def test_observations_are_scaled_and_clipped_unless_they_are_not() -> None:
    one = np.array([[3.0, -1.5, 1.0]])
    np.testing.assert_allclose(handmade(BOUNDED).normalise(one), [[1.0, -1.0, 10.0]])
    np.testing.assert_array_equal(handmade(BOUNDED, normalised=False).normalise(one), one)
    coded = handmade(BOUNDED, discrete_observations=3).normalise(np.array([[2.0], [0.0]]))
    np.testing.assert_array_equal(coded, [[0, 0, 1], [1, 0, 0]])


# --- files ---


def test_a_policy_survives_its_file_to_the_last_bit(tmp_path: Path) -> None:
    made = handmade(BOUNDED)
    path = tmp_path / "deep" / "policy.safetensors"
    policy.save(made, path)
    policy.save(made, path)
    read = policy.load(path)
    assert read.header == made.header
    for field in ("mean", "scale", "log_std"):
        np.testing.assert_array_equal(getattr(read, field), getattr(made, field))
    for one, other in zip(
        (*read.weights, *read.biases), (*made.weights, *made.biases), strict=True
    ):
        assert one.dtype == np.float64
        np.testing.assert_array_equal(one, other)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_twelve_layers_come_back_in_order(tmp_path: Path) -> None:
    weights, biases = layers(3, *[4] * 11, 1)
    deep = dataclasses.replace(handmade(BOUNDED), weights=weights, biases=biases)
    policy.save(deep, tmp_path / "deep.safetensors")
    obs = np.ones((2, 3))
    np.testing.assert_array_equal(
        policy.load(tmp_path / "deep.safetensors").act(obs), deep.act(obs)
    )


def test_a_transposed_array_is_written_as_it_reads(tmp_path: Path) -> None:
    made = handmade(BOUNDED)
    turned = tuple(np.asfortranarray(weight) for weight in made.weights)
    policy.save(dataclasses.replace(made, weights=turned), tmp_path / "turned.safetensors")
    read = policy.load(tmp_path / "turned.safetensors")
    np.testing.assert_array_equal(read.weights[0], made.weights[0])


def test_a_file_that_is_no_policy_is_one_line_with_its_name(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    policy.save(handmade(BOUNDED), whole)
    (tmp_path / "half").write_bytes(whole.read_bytes()[:-8])
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("import os")
    array = {"mean": np.zeros(1)}
    save_file(array, tmp_path / "foreign")
    save_file(array, tmp_path / "strange", metadata={"header": "{}"})
    save_file(array, tmp_path / "broken", metadata={"header": "{"})
    header = handmade(BOUNDED).header.model_dump_json()
    save_file(array, tmp_path / "bare", metadata={"header": header})
    newer = header.replace("rewardsmith-policy/1", "rewardsmith-policy/2")
    save_file(array, tmp_path / "newer", metadata={"header": newer})
    names = ("half", "empty", "text", "foreign", "strange", "broken", "bare", "newer")
    for name in names:
        with pytest.raises(UserError, match=rf"{name} is not a rewardsmith policy") as caught:
            policy.load(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(UserError, match="no policy at"):
        policy.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="cannot read"):
        policy.load(tmp_path)
