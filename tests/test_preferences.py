"""From votes to utilities and trust: checked against choix, on planted raters, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.preferences import (
    PRIOR_SD,
    Ballots,
    Choices,
    challenge,
    duels,
    estimate,
    fit,
)
from rewardsmith.raters import LEFT, SyntheticRater

ALPHA = 1 / (2 * PRIOR_SD**2)
"""choix subtracts alpha |u|^2 from the log likelihood: our prior."""


def rankings(orders: list[list[int]], n: int) -> Choices:
    """Plackett-Luce: the first of each order is chosen from all, the second from the rest, ..."""
    steps = [(order[i], order[i:]) for order in orders for i in range(len(order) - 1)]
    members = np.zeros((len(steps), n), dtype=bool)
    for row, (_, left) in enumerate(steps):
        members[row, left] = True
    count = len(steps)
    chosen = np.array([best for best, _ in steps])
    return Choices(members, chosen, np.ones(count), np.arange(count), np.ones(count))


def test_pairs_are_those_of_choix() -> None:
    choix = pytest.importorskip("choix", reason="choix is not installed")
    rng = np.random.default_rng(1)
    winner = rng.integers(9, size=60)
    loser = (winner + rng.integers(1, 9, size=60)) % 9
    expected = choix.opt_pairwise(9, list(zip(winner, loser, strict=True)), alpha=ALPHA, tol=1e-9)
    found = estimate(duels(winner, loser, 9), 1)
    np.testing.assert_allclose(found.mean, expected, atol=1e-4)


def test_rankings_of_several_and_the_best_of_a_set_are_those_of_choix() -> None:
    choix = pytest.importorskip("choix", reason="choix is not installed")
    rng = np.random.default_rng(2)
    orders = [list(map(int, rng.permutation(8)[:5])) for _ in range(20)]
    expected = choix.opt_rankings(8, orders, alpha=ALPHA, tol=1e-9)
    choices = rankings(orders, 8)
    found, _ = fit(choices, np.ones(len(choices.chosen)))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    firsts = [(order[0], tuple(order[1:])) for order in orders]
    expected = choix.opt_top1(8, firsts, alpha=ALPHA, tol=1e-9)
    only = (np.arange(len(choices.chosen)) % 4 == 0).astype(float)  # 5 items: 4 choices each
    found, _ = fit(choices, only)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_worst_of_a_set_is_the_best_of_it_with_the_signs_turned() -> None:
    best = rankings([[2, 0, 1, 3], [0, 3, 1, 2]], 4)
    worst = Choices(best.members, best.chosen, -best.sign, best.vote, best.weight)
    ones = np.ones(len(best.chosen))
    np.testing.assert_allclose(fit(best, ones)[0], -fit(worst, ones)[0], atol=1e-6)


def test_the_covariance_is_that_of_the_logistic_posterior() -> None:
    """Of two items the difference has the precision n p (1 - p) of its votes and that of the prior,
    1 / (2 sd^2); the sum, that nobody voted on, keeps its prior variance 2 sd^2."""
    found = estimate(duels(np.array([0, 0, 0, 1]), np.array([1, 1, 1, 0]), 2), 1)
    difference, total = np.array([1.0, -1.0]), np.ones(2)
    p = 1 / (1 + np.exp(-(found.mean[0] - found.mean[1])))
    precision = 4 * p * (1 - p) + 1 / (2 * PRIOR_SD**2)
    assert difference @ found.covariance @ difference == pytest.approx(1 / precision, rel=1e-3)
    assert total @ found.covariance @ total == pytest.approx(2 * PRIOR_SD**2)
    drawn = found.draw(np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(np.cov(drawn.T), found.covariance, atol=0.1)


def test_a_batch_of_searches_is_each_of_them_alone() -> None:
    rng = np.random.default_rng(3)
    winner = rng.integers(6, size=(4, 30))
    loser = (winner + rng.integers(1, 6, size=(4, 30))) % 6
    by = np.arange(30) % 3
    together = estimate(duels(winner, loser, 6, by), 3, steps=5)
    for row in range(4):
        alone = estimate(duels(winner[row], loser[row], 6, by), 3, steps=5)
        np.testing.assert_allclose(together.mean[row], alone.mean, atol=1e-3)
        np.testing.assert_allclose(together.reliability[row], alone.reliability, atol=1e-3)


PLANTED = (
    SyntheticRater(beta=3.0, mistake=0.05),
    SyntheticRater(beta=3.0, mistake=0.05),
    SyntheticRater(beta=3.0, mistake=0.05),
    SyntheticRater(beta=3.0, mistake=0.05, adversarial=True),
    SyntheticRater(beta=0.0),
)


def planted(votes: int, seed: int) -> tuple[np.ndarray, Ballots]:
    """Utilities of ten items, and votes of the planted raters in turn on random pairs."""
    rng = np.random.default_rng(seed)
    utilities = rng.standard_normal(10)
    left = rng.integers(10, size=votes)
    right = (left + rng.integers(1, 10, size=votes)) % 10
    by = np.arange(votes) % len(PLANTED)
    won = np.zeros(votes, dtype=bool)
    for number, rater in enumerate(PLANTED):
        answer = rater.pair(utilities[left], utilities[right], rng)
        won[by == number] = (answer == LEFT)[by == number]
    winner, loser = np.where(won, left, right), np.where(won, right, left)
    return utilities, duels(winner, loser, 10, by)


def test_em_finds_who_is_honest_who_guesses_and_who_means_the_contrary() -> None:
    trusted, believed = [], []
    for seed in range(5):
        utilities, ballots = planted(300, seed)
        found = estimate(ballots, len(PLANTED))
        *honest, adversary, guesser = found.reliability
        assert min(honest) > 0.75
        assert adversary < 0.25
        assert 0.25 < guesser < 0.75
        trusted.append(np.corrcoef(found.mean, utilities)[0, 1])
        believed.append(np.corrcoef(estimate(ballots, 1).mean, utilities)[0, 1])
    assert min(trusted) > 0.9
    assert np.mean(trusted) > np.mean(believed)


def test_the_challenger_is_who_may_be_better_than_the_leader() -> None:
    """0 leads; 1 lost to it clearly; 2 was never seen: it may still be better."""
    found = estimate(duels(np.zeros(12, dtype=int), np.ones(12, dtype=int), 3), 1)
    assert list(challenge(found)) == [0, 2, 1]
