"""Many small actor-critics as stacked tensors: one call of torch serves all learners of a batch.

All parameters lie in one block, a row a learner, so that clipping and Adam are a few calls too. The
gradients are written by hand in torch's operations; tests/contracts/test_stacked.py checks them
against autograd. Nothing mixes rows: a learner's numbers do not depend on its neighbours, from two
rows on also bit for bit (torch takes another way for one, so a single learner gets a shadow).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.training import PpoSettings

_ADAM_EPSILON = 1e-5
_ADAM_BETAS = (0.9, 0.999)
_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Shape:
    """The networks of every learner: two multilayer perceptrons of equal hidden layers.

    Attributes:
        inputs: width of what the networks see.
        outputs: numbers of a gaussian action, or choices of a categorical one.
    """

    inputs: int
    outputs: int
    categorical: bool
    width: int
    depth: int
    activation: str

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the actor's layers, then of the critic's."""
        hidden = [self.inputs, *[self.width] * self.depth]
        body = list(itertools.pairwise(hidden))
        last = hidden[-1]
        return (*body, (last, self.outputs), *body, (last, 1))


@dataclass(frozen=True)
class Minibatch:
    """Rows of a rollout for every learner: leading axes (learner, row).

    Attributes:
        obs: (P, B, inputs) float32, normalised.
        action: (P, B, d) float32, or (P, B) int64.
        log_prob, advantage, target: (P, B) float32, of the policy that acted.
    """

    obs: Tensor
    action: Tensor
    log_prob: Tensor
    advantage: Tensor
    target: Tensor


class Stack:
    """P learners' parameters, what they compute, and their optimiser.

    Attributes:
        block: (P, n_params) float32, all parameters.
    """

    def __init__(
        self,
        shape: Shape,
        settings: PpoSettings,
        rngs: Sequence[np.random.Generator],
        device: str = "cpu",
    ) -> None:
        self._shape, self._settings, self._device = shape, settings, device
        rows = [_initial(shape, settings, rng) for rng in rngs]
        if len(rows) == 1:
            rows.append(rows[0])  # the shadow
        self._shadow = len(rngs) == 1
        self.block = torch.as_tensor(np.stack(rows), dtype=torch.float32, device=device)
        self._moments = torch.zeros(2, *self.block.shape, device=device)
        self._steps = 0
        self._slice()

    def __len__(self) -> int:
        return 1 if self._shadow else len(self.block)

    def keep(self, learners: Sequence[int]) -> None:
        """Go on with these learners only, in this order."""
        rows = list(learners) * (2 if len(learners) == 1 else 1)
        self._shadow = len(learners) == 1
        self.block = self.block[rows].clone()
        self._moments = self._moments[:, rows].clone()
        self._slice()

    def parameters(self, learner: int) -> NDArray[np.float32]:
        """A copy of one learner's parameters, (n_params,)."""
        return np.array(self.block[learner].cpu().numpy(), dtype=np.float32)

    def replace(self, learner: int, parameters: NDArray[np.float32]) -> None:
        """Let one learner start from other parameters; ValueError where they do not fit."""
        width = self.block.shape[1]
        if parameters.shape != (width,):
            raise ValueError(f"expected {width} parameters, got {parameters.shape}")
        rows = [0, 1] if self._shadow else [learner]
        self.block[rows] = torch.as_tensor(parameters, device=self._device)

    # --- computing ---

    def act(self, obs: Tensor) -> Tensor:
        """Means or logits (P, B, outputs) for (P, B, inputs)."""
        return self._alone(self._forward(self._actor, self._paired(obs))[-1])

    def values(self, obs: Tensor) -> Tensor:
        """(P, B) values."""
        return self._alone(self._forward(self._critic, self._paired(obs))[-1][..., 0])

    def log_prob(self, out: Tensor, action: Tensor) -> Tensor:
        """(P, B) log-probabilities of actions under the actor's outputs."""
        if self._shape.categorical:
            return torch.log_softmax(out, -1).gather(-1, action[..., None])[..., 0]
        log_std = self.log_std[: len(out), None]
        scaled = (action - out) * torch.exp(-log_std)
        return (-0.5 * scaled * scaled - log_std - _LOG_ROOT_2_PI).sum(-1)

    def update(self, batch: Minibatch, learning_rate: float) -> None:
        """One step of Adam on PPO's loss of every learner's own rows (arXiv 1707.06347)."""
        if self._shadow:
            batch = Minibatch(**{name: _twice(array) for name, array in vars(batch).items()})
        self._adam(self.gradient(batch), learning_rate)

    def gradient(self, batch: Minibatch) -> Tensor:
        """(rows of the block, n_params): gradients of the loss, not clipped."""
        gradient = torch.empty_like(self.block)
        actor = self._forward(self._actor, batch.obs)
        d_out, d_log_std = self._policy_gradient(actor[-1], batch)
        critic = self._forward(self._critic, batch.obs)
        scale = 2.0 * self._settings.vf_coef / batch.target.shape[1]
        d_value = scale * (critic[-1] - batch.target[..., None])
        self._backward(self._actor, self._places_actor, actor, d_out, gradient)
        self._backward(self._critic, self._places_critic, critic, d_value, gradient)
        gradient[:, self._place_std] = d_log_std
        return gradient

    def _policy_gradient(self, out: Tensor, batch: Minibatch) -> tuple[Tensor, Tensor]:
        """Gradients of the clipped surrogate and the entropy bonus by outputs and log_std."""
        chosen, rows = self._settings, batch.advantage.shape[1]
        advantage = batch.advantage
        if rows > 1:
            spread = advantage.std(1, keepdim=True)
            advantage = (advantage - advantage.mean(1, keepdim=True)) / (spread + 1e-8)
        ratio = torch.exp(self.log_prob(out, batch.action) - batch.log_prob)
        clipped = ratio.clamp(1.0 - chosen.clip_range, 1.0 + chosen.clip_range)
        active = (advantage * ratio <= advantage * clipped).to(ratio.dtype)
        d_log_prob = (-advantage * ratio * active / rows)[..., None]
        if self._shape.categorical:
            log_p = torch.log_softmax(out, -1)
            p = log_p.exp()
            hot = torch.zeros_like(p).scatter_(-1, batch.action[..., None], 1.0)
            entropy = -(p * log_p).sum(-1, keepdim=True)
            d_entropy = -p * (log_p + entropy)
            d_out = d_log_prob * (hot - p) - chosen.ent_coef / rows * d_entropy
            return d_out, torch.zeros_like(self.log_std)
        inverse = torch.exp(-self.log_std)[:, None]
        scaled = (batch.action - out) * inverse
        d_log_std = (d_log_prob * (scaled * scaled - 1.0)).sum(1) - chosen.ent_coef
        return d_log_prob * scaled * inverse, d_log_std

    def _forward(self, layers: Sequence[tuple[Tensor, Tensor]], obs: Tensor) -> list[Tensor]:
        """The input and what every layer gives, activated but for the last."""
        made = [obs]
        for weight, bias in layers[:-1]:
            hidden = torch.baddbmm(bias, made[-1], weight)
            made.append(hidden.tanh_() if self._shape.activation == "tanh" else hidden.relu_())
        weight, bias = layers[-1]
        made.append(torch.baddbmm(bias, made[-1], weight))
        return made

    def _backward(
        self,
        layers: Sequence[tuple[Tensor, Tensor]],
        places: Sequence[tuple[slice, slice]],
        made: Sequence[Tensor],
        upper: Tensor,
        gradient: Tensor,
    ) -> None:
        for at in range(len(layers) - 1, -1, -1):
            below, (weights, biases) = made[at], places[at]
            gradient[:, weights] = torch.bmm(below.transpose(1, 2), upper).flatten(1)
            gradient[:, biases] = upper.sum(1)
            if at == 0:
                return
            upper = torch.bmm(upper, layers[at][0].transpose(1, 2))
            if self._shape.activation == "tanh":
                upper = upper * (1.0 - below * below)
            else:
                upper = upper * (below > 0)

    def _adam(self, gradient: Tensor, learning_rate: float) -> None:
        norm = gradient.norm(dim=1, keepdim=True)
        gradient *= (self._settings.max_grad_norm / (norm + 1e-6)).clamp(max=1.0)
        first, second = _ADAM_BETAS
        self._steps += 1
        mean, square = self._moments
        mean.lerp_(gradient, 1.0 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1.0 - second)
        step = learning_rate / (1.0 - first**self._steps)
        root = (square / (1.0 - second**self._steps)).sqrt_().add_(_ADAM_EPSILON)
        self.block.addcdiv_(mean, root, value=-step)

    # --- the block ---

    def finite(self) -> list[bool]:
        """For each learner, whether all its parameters are finite."""
        return [bool(row) for row in torch.isfinite(self.block).all(1)][: len(self)]

    def actor(self, learner: int) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Copies of one actor's weights, (out, in) each, and biases."""
        weights = [_array(weight[learner].T) for weight, _ in self._actor]
        return weights, [_array(bias[learner, 0]) for _, bias in self._actor]

    def _slice(self) -> None:
        """Views of the block by layer."""
        places, start = [], 0
        for inputs, outputs in self._shape.layers:
            middle, end = start + inputs * outputs, start + inputs * outputs + outputs
            places.append((slice(start, middle), slice(middle, end)))
            start = end
        rows = len(self.block)
        layers = [
            (self.block[:, w].view(rows, i, o), self.block[:, b].view(rows, 1, o))
            for (w, b), (i, o) in zip(places, self._shape.layers, strict=True)
        ]
        half = len(layers) // 2
        self._actor, self._critic = layers[:half], layers[half:]
        self._places_actor, self._places_critic = places[:half], places[half:]
        self._place_std = slice(start, self.block.shape[1])
        self.log_std = self.block[:, self._place_std]

    def _paired(self, obs: Tensor) -> Tensor:
        return _twice(obs) if self._shadow else obs

    def _alone(self, out: Tensor) -> Tensor:
        return out[:1] if self._shadow else out


def _initial(shape: Shape, settings: PpoSettings, rng: np.random.Generator) -> NDArray[np.float32]:
    """Orthogonal weights with stable-baselines3's gains, biases of 0, and log_std_init."""
    parts = []
    last = len(shape.layers) // 2 - 1
    for number, (inputs, outputs) in enumerate(shape.layers):
        head = number % (last + 1) == last
        gain = (0.01 if number == last else 1.0) if head else math.sqrt(2.0)
        parts += [gain * _orthogonal(rng, inputs, outputs).ravel(), np.zeros(outputs)]
    parts.append(np.full(0 if shape.categorical else shape.outputs, settings.log_std_init))
    return np.concatenate(parts).astype(np.float32)


def _orthogonal(rng: np.random.Generator, inputs: int, outputs: int) -> NDArray[np.float64]:
    """(inputs, outputs) with orthonormal rows or columns (arXiv 1312.6120)."""
    flat = rng.standard_normal((max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(flat)
    q = q * np.sign(np.diag(r))
    return np.asarray(q if inputs >= outputs else q.T)


def _twice(array: Tensor) -> Tensor:
    return torch.cat([array, array])


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)
