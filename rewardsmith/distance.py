"""How far rewards lie apart: STARC with the minimal L2 canonical form (arXiv 2309.15257).

Two rewards that differ by a positive factor and by shaping, gamma * Phi(s') - Phi(s), order all
policies alike: their distance is 0. They need not train alike, for shaping changes how fast a
policy learns; so a small distance describes rewards, and is no reason to skip a training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rewardsmith.records import Space
from rewardsmith.reward import Array, Transitions

NEAR = 0.15
"""Below, two rewards are called almost equal: what is left of them correlates by more than 0.95."""
_ROWS_A_FEATURE = 8
"""Fewer transitions for each feature of Phi, and the fit would take away what is no shaping."""
_SINGULAR = 1e-9


def shaping(made: Transitions, space: Space, gamma: float) -> Array:
    """What potentials Phi of the observation can pay: (n, p), each column gamma Phi(s') - Phi(s).

    Phi is linear in features of what the policy sees: for a discrete observation one for each
    value, else a constant and polynomials up to degree 2, as many as the n rows can carry. It is 0
    after a step that ended the episode. State that no observation shows, such as the distance
    run, is left out: a potential without bounds would make every speed a shaping.
    """
    before, after = _features(made, space)
    return gamma * after * ~made.terminated[:, None] - before


def distances(rewards: Array, shaped: Array) -> Array:
    """Distances (k, k) between k rewards on the same n transitions.

    Half the L2 distance of the canonical forms: 0 for the same but for factor and shaping, 0.71 for
    unrelated, 1 for opposite ones. A reward that is nothing but shaping lies 0.5 from all others.

    Args:
        rewards: (k, n).
        shaped: (n, p), as `shaping` gives it.
    """
    forms = canonical(rewards, shaped)
    apart = forms[:, None, :] - forms[None, :, :]
    return np.asarray(0.5 * np.linalg.norm(apart, axis=-1))


def canonical(rewards: Array, shaped: Array) -> Array:
    """What is left of each reward (k, n) without its shaping, at length 1; or 0 for nothing."""
    left, singular, _ = np.linalg.svd(shaped, full_matrices=False)
    basis = left[:, singular > _SINGULAR * singular.max(initial=0.0)]
    rest = rewards - (rewards @ basis) @ basis.T
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    nothing = length <= _SINGULAR * np.linalg.norm(rewards, axis=-1, keepdims=True)
    return np.where(nothing, 0.0, rest / np.where(nothing, 1.0, length))


def mean_apart(between: Array) -> float:
    """The mean over the pairs of a (k, k) matrix of distances; k is at least 2."""
    return float(between[np.triu_indices(len(between), 1)].mean())


def _features(made: Transitions, space: Space) -> tuple[Array, Array]:
    """The features (n, p) of the observations before and after each step."""
    if space.kind == "discrete":
        values = np.arange(min(space.n, len(made)))
        return (made.obs[:, :1] == values).astype(float), (made.next_obs[:, :1] == values).astype(
            float
        )
    both = np.concatenate([made.obs, made.next_obs])
    spread = both.std(axis=0)
    scaled = (both - both.mean(axis=0))[:, spread > 0.0] / spread[spread > 0.0]
    columns = next(
        columns
        for columns in _polynomials(scaled)
        if columns.shape[1] * _ROWS_A_FEATURE <= len(made) or columns.shape[1] == 1
    )
    return columns[: len(made)], columns[len(made) :]


def _polynomials(scaled: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The richest first: all products, squares alone, linear ones alone, a constant."""
    rows, width = scaled.shape
    one = np.ones((rows, 1))
    # What could never be carried is not computed: images have many thousand components.
    if width * width <= rows:
        first, second = np.triu_indices(width)
        yield np.hstack([one, scaled, scaled[:, first] * scaled[:, second]])
    if width <= rows:
        yield np.hstack([one, scaled, np.square(scaled)])
        yield np.hstack([one, scaled])
    yield one
