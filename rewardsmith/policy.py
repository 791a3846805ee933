"""A trained policy as plain arrays: written as safetensors, run with NumPy, never unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import UserError
from rewardsmith.files import write_bytes
from rewardsmith.records import Record, Space

OBSERVATION_CLIP = 10.0

Array = NDArray[np.float64]
Head = Literal["gaussian", "squashed", "categorical"]


class PolicyHeader(Record):
    """What the arrays of a policy mean; stored as the file's metadata."""

    format: Literal["rewardsmith-policy/1"] = "rewardsmith-policy/1"
    env: str
    head: Head
    """`gaussian`: the mean, clipped to the bounds. `squashed`: tanh of it, scaled to the bounds
    (SAC, arXiv 1801.01290, appendix C). `categorical`: the largest logit."""
    activation: Literal["tanh", "relu"]
    action: Space
    normalised: bool = True
    """Whether observations are scaled by `mean` and `scale` and clipped, or taken as they are."""
    discrete_observations: int = 0
    """Number of values of a Discrete observation, which is one-hot encoded; 0 for a Box."""


@dataclass(frozen=True)
class Policy:
    """A multilayer perceptron with fixed observation normalisation.

    Attributes:
        weights, biases: one (out, in) and one (out,) array per layer; the last is the head.
        mean, scale: (obs_dim,) observation normalisation: clip((obs - mean) / scale, -10, 10).
        log_std: (d,) of a gaussian head, for sampling; empty otherwise.
    """

    header: PolicyHeader
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    mean: Array
    scale: Array
    log_std: Array

    def normalise(self, obs: Array) -> Array:
        """What the network sees: (n, obs_dim) float64."""
        if self.header.discrete_observations:
            return np.eye(self.header.discrete_observations)[obs[:, 0].astype(np.int64)]
        if not self.header.normalised:
            return obs
        scaled = (obs - self.mean) / self.scale
        return np.clip(scaled, -OBSERVATION_CLIP, OBSERVATION_CLIP)

    def head(self, obs: Array) -> Array:
        """Outputs of the last layer for raw observations (n, obs_dim): (n, d) or (n, choices)."""
        hidden = self.normalise(obs)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = hidden @ weight.T + bias
            hidden = np.tanh(hidden) if self.header.activation == "tanh" else np.maximum(hidden, 0)
        return hidden @ self.weights[-1].T + self.biases[-1]

    def act(self, obs: Array) -> NDArray[np.float64] | NDArray[np.int64]:
        """The deterministic action: (n, d) float64 within the bounds, if any, or (n,) int64."""
        out = self.head(obs)
        if self.header.head == "categorical":
            return _largest(out)
        if not self.header.action.low:
            return out
        low, high = np.array(self.header.action.low), np.array(self.header.action.high)
        if self.header.head == "squashed":
            return np.asarray(low + 0.5 * (np.tanh(out) + 1.0) * (high - low))
        return np.clip(out, low, high)

    def sample(
        self, obs: Array, rng: np.random.Generator
    ) -> NDArray[np.float64] | NDArray[np.int64]:
        """An action drawn from a gaussian (not yet clipped) or categorical head."""
        out = self.head(obs)
        if self.header.head == "categorical":
            return _largest(out + rng.gumbel(size=out.shape))
        return np.asarray(out + np.exp(self.log_std) * rng.standard_normal(out.shape))


def _largest(logits: Array) -> NDArray[np.int64]:
    return np.asarray(np.argmax(logits, axis=-1), np.int64)


def save(policy: Policy, path: Path) -> None:
    """Write the policy atomically as one safetensors file.

    Not with `safetensors.save_file`: it leaves a half-written file when the machine dies.
    """
    from safetensors.numpy import save as serialise

    arrays = {"mean": policy.mean, "scale": policy.scale, "log_std": policy.log_std}
    for i, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
        arrays[f"layers.{i}.weight"] = weight
        arrays[f"layers.{i}.bias"] = bias
    blob = serialise(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        metadata={"header": policy.header.model_dump_json()},
    )
    write_bytes(path, blob)


def load(path: Path) -> Policy:
    """Read a policy. Raises UserError where the file is missing or is none of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = PolicyHeader.model_validate(json.loads((file.metadata() or {})["header"]))
            arrays = {name: np.asarray(file.get_tensor(name), np.float64) for name in file.keys()}  # noqa: SIM118
        layers = range(sum(name.endswith(".weight") for name in arrays))
        return Policy(
            header=header,
            weights=tuple(arrays[f"layers.{i}.weight"] for i in layers),
            biases=tuple(arrays[f"layers.{i}.bias"] for i in layers),
            mean=arrays["mean"],
            scale=arrays["scale"],
            log_std=arrays["log_std"],
        )
    except FileNotFoundError:
        raise UserError(f"no policy at {path}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a rewardsmith policy: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
