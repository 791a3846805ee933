"""Synthetic raters: each behaviour by itself, the text that makes them, and their seeds."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.errors import UserError
from rewardsmith.raters import CANNOT_TELL, LEFT, RIGHT, TIE, SyntheticRater, parse

MANY = 4000


def answers(rater: SyntheticRater, left: float, right: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rater.pair(np.full(MANY, left), np.full(MANY, right), rng)


def share(rater: SyntheticRater, left: float, right: float) -> float:
    return float((answers(rater, left, right) == LEFT).mean())


def test_the_rational_rater_is_never_wrong_and_tosses_a_coin_between_equals() -> None:
    assert share(SyntheticRater(), 0.01, 0.0) == 1.0
    assert share(SyntheticRater(), 0.0, 0.01) == 0.0
    assert 0.45 < share(SyntheticRater(), 1.0, 1.0) < 0.55


def test_the_boltzmann_rater_errs_by_the_sigmoid_of_the_difference() -> None:
    expected = 1 / (1 + np.exp(-3 * 0.5))
    assert share(SyntheticRater(beta=3.0), 0.5, 0.0) == pytest.approx(expected, abs=0.03)
    assert share(SyntheticRater(beta=0.0), 9.0, 0.0) == pytest.approx(0.5, abs=0.03)


def test_mistakes_turn_answers_round_and_an_adversary_turns_all() -> None:
    assert share(SyntheticRater(mistake=0.1), 1.0, 0.0) == pytest.approx(0.9, abs=0.03)
    assert share(SyntheticRater(adversarial=True), 1.0, 0.0) == 0.0


def test_near_ones_are_equal_and_bad_ones_are_skipped() -> None:
    rater = SyntheticRater(equal=0.5, skip=-1.0)
    assert set(answers(rater, 0.0, 0.4)) == {TIE}
    assert set(answers(rater, 0.0, 0.6)) == {RIGHT}
    assert set(answers(rater, -1.1, -2.0)) == {CANNOT_TELL}
    assert set(answers(rater, -0.9, -2.0)) == {LEFT}


def test_best_and_worst_of_several() -> None:
    rng = np.random.default_rng(0)
    utilities = np.array([0.1, 2.0, -1.0, 0.5])
    assert SyntheticRater().best_worst(utilities, rng) == (1, 2)
    assert SyntheticRater(adversarial=True).best_worst(utilities, rng) == (2, 1)
    assert SyntheticRater(skip=3.0).best_worst(utilities, rng) is None
    picked = [SyntheticRater(beta=3.0).best_worst(utilities, rng) for _ in range(MANY)]
    chance = np.exp(3 * utilities) / np.exp(3 * utilities).sum()
    assert np.mean([p is not None and p[0] == 1 for p in picked]) == pytest.approx(
        chance[1], abs=0.03
    )
    assert all(p is not None and p[0] != p[1] for p in picked)


def test_the_same_seed_votes_the_same() -> None:
    rater = SyntheticRater(beta=1.0, mistake=0.2)
    first, again, other = (answers(rater, 0.3, 0.0, seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_a_rater_is_made_from_its_text() -> None:
    assert parse("simulated") == SyntheticRater()
    text = "simulated:beta=3,mistake=0.05,equal=.1,skip=-1,myopic=0.3,adversarial,seed=4"
    assert parse(text) == SyntheticRater(
        name=text, beta=3, mistake=0.05, equal=0.1, skip=-1, myopic=0.3, adversarial=True, seed=4
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann", "unknown rater 'ann': simulated, or simulated:beta=3,mistake=0.05"),
        ("simulated:bta=3", "unknown setting bta; there are beta, mistake, equal, skip, myopic"),
        ("simulated:beta=x", "beta: input should be a valid number"),
        ("simulated:mistake=2", "mistake: input should be less than or equal to 1"),
    ],
)
def test_a_text_that_makes_no_rater_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
