"""The networks of one learner: their sizes, how they lie in its row of numbers, how they begin.

Widths are stored rounded up to whole vectors of the processor: where the rows of two learners lie
differently to those, torch adds up their products in another order, and a learner's last bits would
depend on its place. What is added is zero and stays zero, for no gradient reaches it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rewardsmith.training import PpoSettings

_VECTOR = 8
"""Numbers that a processor handles at once, by which all rows are aligned."""


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
        """(in, out) of the layers of either network."""
        return tuple(itertools.pairwise([self.inputs, *[self.width] * self.depth, self.outputs]))

    @property
    def stored(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the layers as they are stored."""
        widths = [_whole(self.width)] * self.depth
        return tuple(itertools.pairwise([self.inputs, *widths, _whole(self.outputs)]))

    @property
    def deviations(self) -> int:
        """How many log deviations there are; those of the critic are never used."""
        return 0 if self.categorical else self.outputs


def initial(shape: Shape, settings: PpoSettings, rng: np.random.Generator) -> NDArray[np.float32]:
    """One learner's row, (n_params,): orthogonal weights with stable-baselines3's gains, biases of
    0, and log_std_init."""
    parts = []
    for head in (0.01, 1.0):  # the gains of the last layers of actor and critic
        last = len(shape.layers) - 1
        for number, (inputs, outputs) in enumerate(shape.layers):
            gain = head if number == last else math.sqrt(2.0)
            weight = np.zeros(shape.stored[number])
            weight[:inputs, :outputs] = gain * _orthogonal(rng, inputs, outputs)
            parts += [weight.ravel(), np.zeros(weight.shape[1])]
        deviations = np.zeros(_whole(shape.deviations))
        deviations[: shape.deviations] = settings.log_std_init
        parts.append(deviations)
    return np.concatenate(parts).astype(np.float32)


def _whole(width: int) -> int:
    """`width` rounded up to whole vectors."""
    return -(-width // _VECTOR) * _VECTOR


def _orthogonal(rng: np.random.Generator, inputs: int, outputs: int) -> NDArray[np.float64]:
    """(inputs, outputs) with orthonormal rows or columns (arXiv 1312.6120)."""
    flat = rng.standard_normal((max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(flat)
    q = q * np.sign(np.diag(r))
    return np.asarray(q if inputs >= outputs else q.T)
