"""Many small actor-critics as stacked tensors: one call of torch serves all learners of a batch.

All parameters lie in one block, a row a learner, so that clipping and Adam are a few calls too. A
row holds two networks of one size, actor and critic, so that both learn in the same calls: of the
critic's head only the first output is used. The gradients are written by hand in torch's
operations; tests/contracts/test_stacked.py checks them against autograd. Nothing mixes rows: a
learner's numbers do not depend on its neighbours, not in one bit; see shape.py for what that asks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.adam import adam

from rewardsmith.training import PpoSettings
from rewardsmith.training.shape import Shape, initial

_ADAM_EPSILON = 1e-5
_ADAM_BETAS = (0.9, 0.999)
_FEW_ROWS = 32
"""Up to so many rows a learner, one call of torch's tanh takes less time than three others."""
_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)


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
        log_std: (P, outputs) float32, the part of it that is the actors' log deviations.
    """

    def __init__(
        self,
        shape: Shape,
        settings: PpoSettings,
        rngs: Sequence[np.random.Generator],
        device: str = "cpu",
    ) -> None:
        self._shape, self._settings, self._device = shape, settings, device
        rows = np.stack([initial(shape, settings, rng) for rng in rngs])
        self.block = torch.as_tensor(rows, device=device)
        self._moments = torch.zeros(2, *self.block.shape, device=device)
        self._steps = torch.zeros(len(rows), device=device)
        self._slice()

    def __len__(self) -> int:
        return len(self.block)

    def keep(self, learners: Sequence[int]) -> None:
        """Go on with these learners only, in this order."""
        rows = list(learners)
        self.block = self.block[rows].clone()
        self._moments = self._moments[:, rows].clone()
        self._steps = self._steps[rows].clone()
        self._slice()

    def parameters(self, learner: int) -> NDArray[np.float32]:
        """A copy of one learner's parameters, (n_params,)."""
        return np.array(self.block[learner].cpu().numpy(), dtype=np.float32)

    def replace(self, learner: int, parameters: NDArray[np.float32]) -> None:
        """Let one learner start from other parameters; ValueError where they do not fit."""
        width = self.block.shape[1]
        if parameters.shape != (width,):
            raise ValueError(f"expected {width} parameters, got {parameters.shape}")
        self.block[learner] = torch.as_tensor(parameters, device=self._device)

    def state(self, learner: int) -> dict[str, NDArray[Any]]:
        """One learner's parameters and optimiser, for `restore`."""
        moments = np.array(self._moments[:, learner].cpu().numpy())
        steps = np.array(self._steps[learner : learner + 1].cpu().numpy())
        return {"parameters": self.parameters(learner), "moments": moments, "steps": steps}

    def restore(self, learner: int, state: Mapping[str, NDArray[Any]]) -> None:
        """Put one learner where `state` found it."""
        self.replace(learner, state["parameters"])
        self._moments[:, learner] = torch.as_tensor(state["moments"], device=self._device)
        self._steps[learner] = float(state["steps"][0])

    # --- computing ---

    def act(self, obs: Tensor) -> Tensor:
        """Means or logits (P, B, outputs) for (P, B, inputs)."""
        return self._one(0, obs)[..., : self._shape.outputs]

    def values(self, obs: Tensor) -> Tensor:
        """(P, B) values."""
        return self._one(1, obs)[..., 0]

    def _one(self, which: int, obs: Tensor) -> Tensor:
        """What the actors (0) or the critics (1) give."""
        if len(self) == 1:
            # For a single matrix torch takes another way, which differs in the last bit.
            return self._forward(self._layers, obs.expand(2, -1, -1))[-1][which : which + 1]
        return self._forward(self._alone[which], obs)[-1]

    def log_prob(self, out: Tensor, action: Tensor) -> Tensor:
        """(P, B) log-probabilities of actions under the actor's outputs."""
        if self._shape.categorical:
            return torch.log_softmax(out, -1).gather(-1, action[..., None])[..., 0]
        scaled = (action - out) * torch.exp(-self.log_std)[:, None]
        return self._gaussian(scaled * scaled)

    def _gaussian(self, squares: Tensor) -> Tensor:
        """(P, B) log-probabilities for squared distances from the mean, in deviations."""
        constant = self.log_std.sum(1, keepdim=True) + self._shape.outputs * _LOG_ROOT_2_PI
        return squares.sum(-1) * -0.5 - constant

    def update(
        self, batch: Minibatch, learning_rate: float, going: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """One step of Adam on PPO's loss of every learner's own rows (arXiv 1707.06347).

        Args:
            going: (P,) the learners that take the step.

        Returns:
            Those that took it: who is further from the policy that acted than 1.5 times
            `target_kl` has stopped, as in stable-baselines3.
        """
        if self._settings.target_kl is not None:
            # What is no number is not too far: it goes on into weights that are none, and is found.
            going = going & ~(self._divergence(batch) > 1.5 * self._settings.target_kl)
        if going.any():
            self.gradient(batch)
            self._adam(learning_rate, going)
        return going

    def gradient(self, batch: Minibatch) -> Tensor:
        """(P, n_params): gradients of the loss, not clipped; good until the next call."""
        outputs = self._shape.outputs
        made = self._forward(self._layers, batch.obs.repeat_interleave(2, 0))
        out, value = made[-1][0::2, :, :outputs], made[-1][1::2, :, 0]
        upper = torch.zeros_like(made[-1])
        upper[0::2, :, :outputs], d_log_std = self._policy_gradient(out, batch)
        upper[1::2, :, 0] = (value - batch.target) * (2.0 * self._settings.vf_coef / value.shape[1])
        self._backward(made, upper)
        self._gradient[:, self._place_std] = d_log_std
        return self._gradient

    def _divergence(self, batch: Minibatch) -> NDArray[np.float32]:
        """(P,) estimates of the KL divergence from the policy that acted (Schulman's k3)."""
        difference = self.log_prob(self.act(batch.obs), batch.action) - batch.log_prob
        return np.asarray((torch.exp(difference) - 1.0 - difference).mean(1).cpu().numpy())

    def _policy_gradient(self, out: Tensor, batch: Minibatch) -> tuple[Tensor, Tensor]:
        """Gradients of the clipped surrogate and the entropy bonus by outputs and log_std."""
        entropy_weight = self._settings.ent_coef
        if self._shape.categorical:
            log_p = torch.log_softmax(out, -1)
            chosen = batch.action[..., None]
            d_log_prob = self._surrogate(log_p.gather(-1, chosen)[..., 0], batch)
            p = log_p.exp()
            hot = torch.zeros_like(p).scatter_(-1, chosen, 1.0)
            entropy = -(p * log_p).sum(-1, keepdim=True)
            d_entropy = -p * (log_p + entropy)
            d_out = d_log_prob * (hot - p) - entropy_weight / out.shape[1] * d_entropy
            return d_out, torch.zeros_like(self.log_std)
        inverse = torch.exp(-self.log_std)[:, None]
        scaled = (batch.action - out) * inverse
        squares = scaled * scaled
        d_log_prob = self._surrogate(self._gaussian(squares), batch)
        d_log_std = (d_log_prob * (squares - 1.0)).sum(1) - entropy_weight
        return d_log_prob * scaled * inverse, d_log_std

    def _surrogate(self, log_prob: Tensor, batch: Minibatch) -> Tensor:
        """(P, B, 1): gradient of the clipped surrogate by the log-probabilities (P, B)."""
        clip, rows = self._settings.clip_range, log_prob.shape[1]
        advantage = batch.advantage
        if rows > 1:
            spread, mean = torch.std_mean(advantage, 1, keepdim=True)
            advantage = (advantage - mean) / (spread + 1e-8)
        ratio = torch.exp(log_prob - batch.log_prob)
        gain = advantage * ratio
        active = gain <= advantage * ratio.clamp(1.0 - clip, 1.0 + clip)
        return (gain * active * (-1.0 / rows))[..., None]

    def _forward(self, layers: Sequence[tuple[Tensor, Tensor]], obs: Tensor) -> list[Tensor]:
        """The input and what every layer gives, activated but for the last."""
        made = [obs]
        for weight, bias in layers[:-1]:
            if self._shape.activation == "tanh" and obs.shape[1] <= _FEW_ROWS:
                made.append(torch.baddbmm(bias, made[-1], weight).tanh_())
            elif self._shape.activation == "tanh":
                # tanh(x) = 2 sigmoid(2 x) - 1: torch's sigmoid takes a third of its tanh's time.
                hidden = torch.baddbmm(bias, made[-1], weight, beta=2.0, alpha=2.0)
                made.append(hidden.sigmoid_().mul_(2.0).sub_(1.0))
            else:
                made.append(torch.baddbmm(bias, made[-1], weight).relu_())
        weight, bias = layers[-1]
        made.append(torch.baddbmm(bias, made[-1], weight))
        return made

    def _backward(self, made: Sequence[Tensor], upper: Tensor) -> None:
        """Fill the layers' gradients from that of the last layer's outputs."""
        for at in range(len(self._layers) - 1, -1, -1):
            below, (weight, bias) = made[at], self._slopes[at]
            # Not by out=: into rows that are not aligned alike, the last bit differs by row.
            weight.copy_(torch.bmm(below.transpose(1, 2), upper))
            torch.sum(upper, 1, keepdim=True, out=bias)
            if at == 0:
                return
            upper = torch.bmm(upper, self._layers[at][0].transpose(1, 2))
            if self._shape.activation == "tanh":
                upper = torch.ops.aten.tanh_backward(upper, below)
            else:
                upper = torch.ops.aten.threshold_backward(upper, below, 0.0)

    def _adam(self, learning_rate: float, going: NDArray[np.bool_]) -> None:
        """A step of these learners along their gradients, whose norms are bounded first."""
        norm = self._gradient.norm(dim=1, keepdim=True)
        self._gradient *= (self._settings.max_grad_norm / (norm + 1e-6)).clamp(max=1.0)
        parameters, gradients, means, squares, steps = (
            list(itertools.compress(rows, going)) for rows in self._rows
        )
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=_ADAM_BETAS[0],
            beta2=_ADAM_BETAS[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=_ADAM_EPSILON,
            maximize=False,
        )

    # --- the block ---

    def finite(self) -> list[bool]:
        """For each learner, whether all its parameters are finite."""
        return [bool(row) for row in torch.isfinite(self.block).all(1)]

    def actor(self, learner: int) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Copies of one actor's weights, (out, in) each, and biases."""
        weights, biases = [], []
        for (weight, bias), (inputs, outputs) in zip(self._layers, self._shape.layers, strict=True):
            weights.append(_array(weight[2 * learner, :inputs, :outputs].T))
            biases.append(_array(bias[2 * learner, 0, :outputs]))
        return weights, biases

    def deviation(self, learner: int) -> NDArray[np.float64]:
        """A copy of one actor's log deviations, (outputs,); empty for choices."""
        return _array(self.log_std[learner])

    def _slice(self) -> None:
        """Views of the block and of its gradient, a weight and a bias a layer.

        They are over 2 P networks, actor and critic by turns; the actors and the critics apart too.
        """
        self._gradient = torch.zeros_like(self.block)
        learned = (self.block, self._gradient, *self._moments, self._steps)
        self._rows = [tensor.unbind() for tensor in learned]
        self._layers, self._slopes = self._viewed(self.block), self._viewed(self._gradient)
        self._alone = [[(w[which::2], b[which::2]) for w, b in self._layers] for which in (0, 1)]
        start = sum((inputs + 1) * outputs for inputs, outputs in self._shape.stored)
        self._place_std = slice(start, start + self._shape.deviations)
        self.log_std = self.block[:, self._place_std]

    def _viewed(self, block: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(2 P, in, out) and (2 P, 1, out) of every layer."""
        nets, start = block.view(2 * len(block), -1), 0
        layers = []
        for inputs, outputs in self._shape.stored:
            middle, end = start + inputs * outputs, start + inputs * outputs + outputs
            weight = nets[:, start:middle].view(-1, inputs, outputs)
            layers.append((weight, nets[:, middle:end].view(-1, 1, outputs)))
            start = end
        return layers


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)
