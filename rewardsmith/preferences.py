"""From votes to a posterior of how good each item is and how far each rater is to be trusted, and
which items to compare next.

Utilities have the prior N(0, PRIOR_SD^2). A pair is Bradley-Terry, the best of a set is
Plackett-Luce, the worst of a set the same with the signs turned. The posterior is Laplace's: the
mode, and the inverse of the Hessian there. A rater means what they say with the probability
`reliability`, else the contrary; reliabilities come from EM under a Beta prior (Dawid and Skene
1979, with utilities in place of labels). All arrays may have leading batch axes, written `...`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PRIOR_SD = 1.5
_TRUST, _DISTRUST = 3.0, 2.0
"""The Beta prior of a reliability among several raters. benchmarks/preferences.py measures it."""
_FIRST_TRUST = 0.8
_NEWTON_STEPS, _EM_STEPS = 50, 30
_LONGEST_STEP = 3.0
_CLOSE = 1e-4
_SURE = 1e-3
"""Reliabilities stay so far from 0 and 1."""


@dataclass(frozen=True)
class Choices:
    """E choices among n items, of V votes.

    Attributes:
        members: (..., E, n), what could be chosen.
        chosen: (..., E), what was.
        sign: (E,) 1 where the best was chosen, -1 where the worst.
        vote: (E,) the vote that each choice belongs to, from 0.
        weight: (E,) what each counts within its vote.
    """

    members: NDArray[np.bool_]
    chosen: Integers
    sign: Floats
    vote: Integers
    weight: Floats


@dataclass(frozen=True)
class Ballots:
    """V votes on n items.

    Attributes:
        said: the choices of the votes.
        contrary: what raters would have chosen who mean the contrary.
        rater: (V,) who voted, from 0.
        weight: (V,) what each vote counts.
    """

    said: Choices
    contrary: Choices
    rater: Integers
    weight: Floats


@dataclass(frozen=True)
class Posterior:
    """What is known of the utilities, and of the raters.

    Attributes:
        mean: (..., n).
        covariance: (..., n, n).
        reliability: (..., R) probability that a rater means what they say.
    """

    mean: Floats
    covariance: Floats
    reliability: Floats

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """(size, ..., n) utilities."""
        root = np.linalg.cholesky(self.covariance)
        noise = rng.standard_normal((size, *self.mean.shape))
        return np.asarray(self.mean + np.einsum("...ij,s...j->s...i", root, noise))


def duels(winner: Integers, loser: Integers, n: int, rater: Integers | None = None) -> Ballots:
    """Votes (..., V) on pairs, of one rater unless `rater` (V,) says whose each is.

    For simulations, many at once; the votes of people are stacked in opinion.py.
    """
    count = winner.shape[-1]
    ones, number = np.ones(count), np.arange(count)
    said = Choices(onehot(winner, n) | onehot(loser, n), winner, ones, number, ones)
    by = np.zeros(count, dtype=np.int64) if rater is None else rater
    return Ballots(said=said, contrary=replace(said, chosen=loser), rater=by, weight=ones)


def estimate(
    ballots: Ballots, raters: int, *, start: Posterior | None = None, steps: int = _EM_STEPS
) -> Posterior:
    """The posterior, given votes of so many raters.

    One rater alone is taken at their word: there is nobody to differ from.

    Args:
        start: the posterior of fewer votes, to begin from.
        steps: of EM, at most.
    """
    said, weight = ballots.said, ballots.weight
    batch = said.chosen.shape[:-1]
    if raters < 2:
        mean, covariance = fit(said, weight[said.vote], start.mean if start else None)
        return Posterior(mean, covariance, np.ones((*batch, raters)))
    n = said.members.shape[-1]
    found = start or Posterior(
        np.zeros((*batch, n)), np.eye(n) * PRIOR_SD**2, np.full((*batch, raters), _FIRST_TRUST)
    )
    both = _joined(said, ballots.contrary)
    owner = onehot(ballots.rater, raters).astype(float)
    for _ in range(steps):
        before = found.reliability
        meant = weight * _meant(ballots, found)
        whole = weight @ owner + _TRUST + _DISTRUST - 2
        reliability = np.clip((meant @ owner + _TRUST - 1) / whole, _SURE, 1 - _SURE)
        other = weight - meant
        shares = np.concatenate([meant[..., said.vote], other[..., ballots.contrary.vote]], axis=-1)
        mean, covariance = fit(both, shares, found.mean)
        found = Posterior(mean, covariance, reliability)
        if np.abs(reliability - before).max(initial=0.0) < _SURE:
            break
    return found


def fit(
    choices: Choices, vote_weight: Floats, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """Mode (..., n) and covariance (..., n, n) of the utilities, by Newton's method.

    Args:
        vote_weight: (..., E) what the vote of each choice counts.
        start: (..., n) where to begin.
    """
    n = choices.members.shape[-1]
    mean: Floats = np.zeros((*choices.chosen.shape[:-1], n)) if start is None else start
    chosen = onehot(choices.chosen, n)
    weight = vote_weight * choices.weight
    pull = (weight * choices.sign)[..., None, :]
    for _ in range(_NEWTON_STEPS):
        shares = _shares(choices, mean)
        gradient = (pull @ (chosen - shares))[..., 0, :] - mean / PRIOR_SD**2
        weighted = weight[..., None] * shares
        hessian = -np.swapaxes(weighted, -1, -2) @ shares
        hessian[..., range(n), range(n)] += weighted.sum(axis=-2) + 1 / PRIOR_SD**2
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        mean = np.asarray(mean + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP))
        if np.abs(step).max(initial=0.0) < _CLOSE:
            break
    return mean, np.asarray(np.linalg.inv(hessian))


# --- what to ask next ----------------------------------------------------------------------------


def challenge(posterior: Posterior) -> Integers:
    """(..., n) all items: first the one that looks best, then its challengers, most telling first.

    A challenger tells the more, the more it may be better than the leader: by the expectation of
    max(0, u_challenger - u_leader). benchmarks/preferences.py compares it with top-two Thompson
    sampling, which finds the best item less often.
    """
    mean, covariance = posterior.mean, posterior.covariance
    leader = mean.argmax(axis=-1)[..., None]
    own = np.diagonal(covariance, axis1=-2, axis2=-1)
    shared = _row(covariance, leader)[..., 0, :]
    spread = np.sqrt(np.maximum(own + _at(own, leader) - 2 * shared, 1e-12))
    margin = (mean - _at(mean, leader)) / spread
    gain = spread * (margin * _normal_cdf(margin) + _normal_density(margin))
    gain = np.where(onehot(leader[..., 0], mean.shape[-1]), np.inf, gain)
    return np.asarray(np.argsort(-gain, axis=-1, kind="stable"))


# --- how -----------------------------------------------------------------------------------------


def onehot(index: Integers, n: int) -> NDArray[np.bool_]:
    """(..., n), true at the index (...)."""
    return np.asarray(index[..., None] == np.arange(n))


def _shares(choices: Choices, utilities: Floats) -> Floats:
    """(..., E, n) probability of every member to be chosen."""
    # Utilities lie a few prior deviations apart, so that one maximum serves every set.
    high, low = utilities.max(axis=-1, keepdims=True), utilities.min(axis=-1, keepdims=True)
    up, down = np.exp(utilities - high)[..., None, :], np.exp(low - utilities)[..., None, :]
    signs = choices.sign[:, None]
    odds = up if (signs > 0).all() else np.where(signs > 0, up, down)
    shares = choices.members * odds
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _meant(ballots: Ballots, known: Posterior) -> Floats:
    """(..., V) probability that a vote says what its rater means, given what is known."""
    odds = np.log(known.reliability) - np.log1p(-known.reliability)
    votes = len(ballots.weight)
    evidence = _evidence(ballots.said, known, votes) - _evidence(ballots.contrary, known, votes)
    return np.asarray(1 / (1 + np.exp(-odds[..., ballots.rater] - evidence)))


def _evidence(choices: Choices, known: Posterior, votes: int) -> Floats:
    """(..., V) log probability of the choices of every vote, with the utilities integrated out.

    Each difference of utilities is shrunk by its variance as in the logistic-normal integral
    (MacKay 1992), so that early votes do not seem to prove that somebody lied.
    """
    chosen = choices.chosen
    own = np.diagonal(known.covariance, axis1=-2, axis2=-1)
    between = _row(known.covariance, chosen)
    variance = own[..., None, :] + _at(own, chosen)[..., None] - 2 * between
    difference = known.mean[..., None, :] - _at(known.mean, chosen)[..., None]
    logits = choices.sign[:, None] * difference
    logits = logits / np.sqrt(1 + math.pi / 8 * np.maximum(variance, 0.0))
    chance = -np.log(np.where(choices.members, np.exp(logits), 0.0).sum(axis=-1))
    return np.asarray((choices.weight * chance) @ onehot(choices.vote, votes).astype(float))


def _at(values: Floats, index: Integers) -> Floats:
    """(..., E) the values (..., n) at the indexes (..., E)."""
    values = np.broadcast_to(values, (*index.shape[:-1], values.shape[-1]))
    return np.asarray(np.take_along_axis(values, index, axis=-1))


def _row(matrix: NDArray[Any], index: Integers) -> NDArray[Any]:
    """(..., E, n) the rows of (..., n, n) at the indexes (..., E)."""
    matrix = np.broadcast_to(matrix, (*index.shape[:-1], *matrix.shape[-2:]))
    return np.take_along_axis(matrix, index[..., None], axis=-2)


def _joined(one: Choices, other: Choices) -> Choices:
    return Choices(
        members=np.concatenate([one.members, other.members], axis=-2),
        chosen=np.concatenate([one.chosen, other.chosen], axis=-1),
        sign=np.concatenate([one.sign, other.sign]),
        vote=np.concatenate([one.vote, other.vote]),
        weight=np.concatenate([one.weight, other.weight]),
    )


def _normal_density(x: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi))


def _normal_cdf(x: Floats) -> Floats:
    """By the logistic approximation of Bowling et al. (2009); its error is below 0.0002."""
    return np.asarray(1 / (1 + np.exp(-1.5976 * x - 0.07056 * x**3)))
