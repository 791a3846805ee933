"""Stacked learners: gradients as autograd has them, and no learner that depends on another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from rewardsmith.training import PpoSettings
from rewardsmith.training.shape import Shape
from rewardsmith.training.stacked import Minibatch, Stack

GAUSSIAN = Shape(inputs=5, outputs=3, categorical=False, width=16, depth=2, activation="tanh")
SHAPES = {
    "gaussian": GAUSSIAN,
    "relu": replace(GAUSSIAN, activation="relu", depth=3),
    "categorical": replace(GAUSSIAN, categorical=True),
    "no hidden layer's worth": replace(GAUSSIAN, depth=1, width=2),
    "as Hopper's": replace(GAUSSIAN, inputs=11, width=64),
}
SETTINGS = PpoSettings(ent_coef=0.02, log_std_init=-0.5)


def stack(shape: Shape, seeds: list[int]) -> Stack:
    return Stack(shape, SETTINGS, [np.random.default_rng(seed) for seed in seeds])


def everyone(stacked: Stack) -> np.ndarray:
    return np.ones(len(stacked), dtype=np.bool_)


def minibatch(shape: Shape, seeds: list[int], rows: int = 32) -> Minibatch:
    """Each learner's rows from its own seed; ratios on both sides of the clip."""
    made = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        action = (
            rng.integers(0, shape.outputs, rows)
            if shape.categorical
            else rng.normal(size=(rows, shape.outputs)).astype(np.float32)
        )
        spread = -1.1 if shape.categorical else -3.5
        made.append(
            [
                rng.normal(size=(rows, shape.inputs)).astype(np.float32),
                action,
                rng.normal(spread, 0.7, rows).astype(np.float32),
                rng.normal(size=rows).astype(np.float32),
                rng.normal(size=rows).astype(np.float32),
            ]
        )
    return Minibatch(*(torch.as_tensor(np.stack(part)) for part in zip(*made, strict=True)))


def network(block: Tensor, which: int, obs: Tensor, shape: Shape) -> Tensor:
    """The actor (0) or critic (1) that the block's rows hold, written plainly."""
    rows, made, start = block.view(len(block), 2, -1)[:, which], obs, 0
    for number, ((inputs, outputs), (height, width)) in enumerate(
        zip(shape.layers, shape.stored, strict=True)
    ):
        weight = rows[:, start : start + height * width].view(-1, height, width)
        start += height * width
        made = made @ weight[:, :inputs, :outputs] + rows[:, None, start : start + outputs]
        start += width
        if number < len(shape.layers) - 1:
            made = torch.tanh(made) if shape.activation == "tanh" else torch.relu(made)
    return made


def deviations(block: Tensor, shape: Shape) -> Tensor:
    """(P, outputs) log deviations of the actors that the block's rows hold."""
    start = sum((height + 1) * width for height, width in shape.stored)
    return block.view(len(block), 2, -1)[:, 0, start : start + shape.outputs]


def loss(block: Tensor, batch: Minibatch, shape: Shape) -> Tensor:
    """PPO's loss as stable-baselines3 writes it, of all learners together."""
    out = network(block, 0, batch.obs, shape)
    value = network(block, 1, batch.obs, shape)[..., 0]
    if shape.categorical:
        policy: torch.distributions.Distribution = torch.distributions.Categorical(logits=out)
        log_prob, entropy = policy.log_prob(batch.action), policy.entropy()
    else:
        deviation = deviations(block, shape).exp()[:, None]
        policy = torch.distributions.Normal(out, deviation.expand_as(out))
        log_prob, entropy = policy.log_prob(batch.action).sum(-1), policy.entropy().sum(-1)
    advantage = batch.advantage - batch.advantage.mean(1, keepdim=True)
    advantage = advantage / (batch.advantage.std(1, keepdim=True) + 1e-8)
    ratio = (log_prob - batch.log_prob).exp()
    clip = SETTINGS.clip_range
    surrogate = torch.min(advantage * ratio, advantage * ratio.clamp(1 - clip, 1 + clip))
    squares = (batch.target - value) ** 2
    rows = -surrogate - SETTINGS.ent_coef * entropy + SETTINGS.vf_coef * squares
    return rows.mean(1).sum()


@pytest.mark.parametrize("name", SHAPES)
def test_the_gradient_is_that_of_autograd(name: str) -> None:
    shape, seeds = SHAPES[name], [1, 2, 3]
    stacked, batch = stack(shape, seeds), minibatch(shape, seeds)
    by_hand = stacked.gradient(batch)
    leaf = stacked.block.clone().requires_grad_()
    loss(leaf, batch, shape).backward()
    assert leaf.grad is not None and leaf.grad.abs().max() > 1e-3
    torch.testing.assert_close(by_hand, leaf.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_it_acts_and_values_as_its_networks_do(name: str) -> None:
    shape = SHAPES[name]
    stacked, obs = stack(shape, [1, 2]), torch.randn(2, 9, shape.inputs)
    torch.testing.assert_close(stacked.act(obs), network(stacked.block, 0, obs, shape))
    torch.testing.assert_close(
        stacked.values(obs), network(stacked.block, 1, obs, shape)[..., 0], rtol=1e-5, atol=1e-6
    )


# Numbers of rows and outputs whose products torch adds up in another order from place to place.
UNEVEN = {
    "6 of 5": (replace(GAUSSIAN, inputs=17, outputs=6, width=64), 5),
    "7 of 10": (replace(GAUSSIAN, inputs=23, outputs=7, width=64), 10),
    "17 of 3": (replace(GAUSSIAN, inputs=45, outputs=17, width=64), 3),
    "a width of 63": (replace(GAUSSIAN, inputs=11, width=63), 100),
}


@pytest.mark.parametrize("name", [*SHAPES, *UNEVEN])
def test_a_learner_is_the_same_bit_for_bit_whatever_its_neighbours(name: str) -> None:
    shape, rows = UNEVEN[name] if name in UNEVEN else (SHAPES[name], 32)
    found = []
    for seeds in ([7], [7, 1], [2, 7], [3, 4, 7, 5, 6], [9, 8, 7, 6, 5, 4, 3, 2, 1]):
        stacked = stack(shape, seeds)
        for step in range(12):
            batch = minibatch(shape, [seed + 100 * step for seed in seeds], rows)
            stacked.update(batch, 1e-2, everyone(stacked))
        rng = np.random.default_rng(0)
        one = torch.as_tensor(rng.normal(size=(1, rows, shape.inputs)).astype(np.float32))
        probe = one.repeat(len(seeds), 1, 1)
        at = seeds.index(7)
        found.append((stacked.block[at].clone(), stacked.act(probe)[at].clone()))
    for block, out in found[1:]:
        assert torch.equal(block, found[0][0])
        assert torch.equal(out, found[0][1])


def test_who_stays_goes_on_bit_for_bit_when_others_leave() -> None:
    whole, left = stack(GAUSSIAN, [1, 2, 3]), stack(GAUSSIAN, [1, 2, 3])
    for step in range(6):
        if step == 3:
            left.keep([2])
        batch = minibatch(GAUSSIAN, [1 + step, 2 + step, 3 + step])
        whole.update(batch, 1e-2, everyone(whole))
        mine = batch if step < 3 else Minibatch(**{n: a[2:] for n, a in vars(batch).items()})
        left.update(mine, 1e-2, everyone(left))
    assert len(left) == 1
    assert torch.equal(left.block[0], whole.block[2])


def test_a_learner_that_is_no_longer_finite_is_told_apart() -> None:
    stacked = stack(GAUSSIAN, [1, 2, 3])
    batch = minibatch(GAUSSIAN, [1, 2, 3])
    batch.target[1] = float("inf")
    stacked.update(batch, 1e-3, everyone(stacked))
    assert stacked.finite() == [True, False, True]


def test_a_divergence_that_is_no_number_hides_no_weights_that_are_none() -> None:
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    stacked = Stack(GAUSSIAN, SETTINGS.model_copy(update={"target_kl": 1e3}), rngs)
    batch = minibatch(GAUSSIAN, [1, 2])
    batch.obs[0] = float("nan")
    going = stacked.update(batch, 1e-3, everyone(stacked))
    assert going.tolist() == [True, True]
    assert stacked.finite() == [False, True]


def test_what_rounds_a_width_up_stays_zero() -> None:
    shape = replace(GAUSSIAN, width=13)
    stacked = stack(shape, [1, 2])
    for step in range(5):
        stacked.update(minibatch(shape, [1 + step, 2 + step]), 1e-2, everyone(stacked))
    one = sum((inputs + 1) * outputs for inputs, outputs in shape.layers) + shape.outputs
    idle = shape.outputs - 1  # biases of the critic's head, which begin at zero
    assert torch.count_nonzero(stacked.block, 1).tolist() == [2 * one - idle] * 2


def test_updates_lower_the_loss() -> None:
    stacked, batch = stack(GAUSSIAN, [1, 2]), minibatch(GAUSSIAN, [1, 2])
    before = float(loss(stacked.block, batch, GAUSSIAN))
    for _ in range(50):
        stacked.update(batch, 1e-2, everyone(stacked))
    assert float(loss(stacked.block, batch, GAUSSIAN)) < before - 0.5


def test_a_learner_that_went_too_far_stops_and_its_neighbours_do_not() -> None:
    bounded = SETTINGS.model_copy(update={"target_kl": 1e-3})
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    stacked = Stack(GAUSSIAN, bounded, rngs)
    free = Stack(GAUSSIAN, SETTINGS, [np.random.default_rng(seed) for seed in (1, 2)])
    batch = minibatch(GAUSSIAN, [1, 2])
    acted = stacked.log_prob(stacked.act(batch.obs), batch.action)
    acted[0] += 0.5  # the first learner's policy is not the one that acted
    batch = replace(batch, log_prob=acted)
    going = stacked.update(batch, 1e-3, everyone(stacked))
    free.update(batch, 1e-3, everyone(free))
    fresh = stack(GAUSSIAN, [1, 2])
    assert going.tolist() == [False, True]
    assert torch.equal(stacked.block[0], fresh.block[0])
    assert torch.equal(stacked.block[1], free.block[1])
    # Who has stopped stays so, also where the next rows would let it.
    assert stacked.update(minibatch(GAUSSIAN, [1, 2]), 1e-3, going).tolist()[0] is False
