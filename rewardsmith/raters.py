"""Synthetic raters, for tests and ablations: as in B-Pref (arXiv 2111.03026), and adversarial."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rewardsmith.errors import UserError
from rewardsmith.records import Record
from rewardsmith.votes import Choice

PREFIX = "simulated"
LEFT, RIGHT, TIE, CANNOT_TELL = range(4)
CHOICES: tuple[Choice, ...] = ("left", "right", "tie", "cannot-tell")


class SyntheticRater(Record):
    """How one votes who knows the utility of everything that is shown.

    Utilities are in standard deviations from the mean of all that there is to see, so that the
    settings mean the same in every environment. The defaults are a rational rater.
    """

    name: str = PREFIX
    beta: float = Field(math.inf, ge=0)
    """P(left) = sigmoid(beta (u_left - u_right)); infinity is rational, 0 is by chance."""
    mistake: float = Field(0.0, ge=0, le=1)
    """How often the answer is turned round."""
    equal: float = Field(0.0, ge=0)
    """Utilities no further apart are a tie."""
    skip: float = -math.inf
    """Cannot tell where nothing shown is better than this."""
    myopic: float = Field(1.0, gt=0, le=1)
    """The last part of an episode that the rater judges by."""
    adversarial: bool = False
    """Always means the contrary."""
    seed: int = Field(0, ge=0)

    def pair(
        self, left: NDArray[np.float64], right: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """LEFT, RIGHT, TIE or CANNOT_TELL for pairs with these utilities (n,)."""
        wins = rng.random(left.shape) < self._chance(left - right)
        wins ^= rng.random(left.shape) < self.mistake
        if self.adversarial:
            wins = ~wins
        answer = np.where(wins, LEFT, RIGHT)
        answer = np.where(np.abs(left - right) < self.equal, TIE, answer)
        return np.where(np.maximum(left, right) < self.skip, CANNOT_TELL, answer)

    def best_worst(
        self, utilities: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[int, int] | None:
        """Places of the best and the worst of several (K,), or None: cannot tell."""
        if utilities.max() < self.skip:
            return None
        best = self._pick(utilities, rng)
        rest = [place for place in range(len(utilities)) if place != best]
        worst = rest[self._pick(-utilities[rest], rng)]
        turned = bool(rng.random() < self.mistake) ^ self.adversarial
        return (worst, best) if turned else (best, worst)

    def _chance(self, difference: NDArray[np.float64]) -> NDArray[np.float64]:
        if math.isinf(self.beta):
            return np.asarray(0.5 * (1 + np.sign(difference)))
        return np.asarray(0.5 * (1 + np.tanh(0.5 * self.beta * difference)))

    def _pick(self, utilities: NDArray[np.float64], rng: np.random.Generator) -> int:
        """A softmax choice, by Gumbel noise (Plackett-Luce)."""
        if math.isinf(self.beta):
            return int(utilities.argmax())
        noise = rng.gumbel(size=len(utilities))
        return int((self.beta * utilities + noise).argmax())


def parse(text: str) -> SyntheticRater:
    """`simulated`, or `simulated:beta=3,mistake=0.05,adversarial`. Raises UserError."""
    prefix, _, rest = text.partition(":")
    if prefix != PREFIX:
        raise UserError(f"unknown rater {text!r}: {PREFIX}, or {PREFIX}:beta=3,mistake=0.05")
    settings = {"name": text}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        settings[name.strip()] = value.strip() if equals else "true"
    try:
        return SyntheticRater.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(name for name in SyntheticRater.model_fields if name != "name")
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UserError(f"rater {text!r}: unknown setting {key}; there are {known}") from None
        raise UserError(f"rater {text!r}: {key}: {first['msg'].lower()}") from None
