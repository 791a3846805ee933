"""How few votes find the best of several clips: our estimator and pairs, beside random and Elo.

Utilities are N(0, 1), raters answer with beta 3 and turn 5 % of their answers round. Regret is the
utility lost by the clip that is named best, as a part of the whole range. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from rewardsmith.preferences import (
    PRIOR_SD,
    Posterior,
    challenge,
    duels,
    estimate,
)
from rewardsmith.raters import LEFT, SyntheticRater

Pick = Callable[[Posterior, np.random.Generator], NDArray[np.int64]]
"""(trials, 2): the pairs to ask for."""

USUAL = SyntheticRater(beta=3.0, mistake=0.05)
ONE = (USUAL,)
FIVE = (USUAL, USUAL, USUAL, USUAL.model_copy(update={"adversarial": True}),
        SyntheticRater(beta=0.0))  # fmt: skip
_ELO_STEP = 32.0
_BLOCK = 100


class Trials:
    """Many searches for the best of n clips at once, each with its own clips."""

    def __init__(self, raters: Sequence[SyntheticRater], n: int, count: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.raters, self.n = raters, n
        self.utilities = self.rng.standard_normal((count, n))

    def ask(self, pairs: NDArray[np.int64], number: int) -> NDArray[np.int64]:
        """(count, 2) winners and losers; the raters take turns."""
        shown = np.take_along_axis(self.utilities, pairs, axis=-1)
        rater = self.raters[number % len(self.raters)]
        won = rater.pair(shown[:, 0], shown[:, 1], self.rng) == LEFT
        return np.where(won[:, None], pairs, pairs[:, ::-1])

    def random_pairs(self) -> NDArray[np.int64]:
        """(count, 2)."""
        first = self.rng.integers(self.n, size=len(self.utilities))
        second = (first + self.rng.integers(1, self.n, size=len(first))) % self.n
        return np.stack([first, second], axis=-1)

    def outcome(self, named: NDArray[np.int64]) -> tuple[float, float]:
        """How often the named clip (count,) is the best, and the mean regret."""
        best, worst = self.utilities.max(axis=-1), self.utilities.min(axis=-1)
        got = np.take_along_axis(self.utilities, named[:, None], axis=-1)[:, 0]
        return float((got == best).mean()), float(((best - got) / (best - worst)).mean())


def ours(trials: Trials, votes: int, pick: Pick) -> tuple[float, float]:
    """As a run does it, but quicker: EM goes on from the posterior before, a few steps a vote."""
    count, n = trials.utilities.shape
    asked: list[NDArray[np.int64]] = []
    posterior = Posterior(
        np.zeros((count, n)),
        np.broadcast_to(np.eye(n) * PRIOR_SD**2, (count, n, n)),
        np.full((count, len(trials.raters)), 0.8),
    )
    for number in range(votes):
        asked.append(trials.ask(pick(posterior, trials.rng), number))
        made = np.stack(asked, axis=1)
        by = np.arange(number + 1) % len(trials.raters)
        ballots = duels(made[..., 0], made[..., 1], n, by)
        posterior = estimate(ballots, len(trials.raters), start=posterior, steps=2)
    return trials.outcome(posterior.mean.argmax(axis=-1))


def top_two(posterior: Posterior, rng: np.random.Generator, draws: int = 24) -> NDArray[np.int64]:
    """(..., 2) the pair of top-two Thompson sampling (Russo 2016): the best of one draw, and the
    best of the first other draw in which it is another, else the second of the first draw."""
    drawn = posterior.draw(rng, draws)
    best = drawn.argmax(axis=-1)
    first = best[0]
    differs = best != first
    other = np.take_along_axis(best, differs.argmax(axis=0)[None], axis=0)[0]
    second = np.argsort(drawn[0], axis=-1)[..., -2]
    return np.stack([first, np.where(differs.any(axis=0), other, second)], axis=-1)


def elo(trials: Trials, votes: int) -> tuple[float, float]:
    """Random pairs and Elo ratings."""
    ratings, rows = np.zeros_like(trials.utilities), np.arange(len(trials.utilities))
    for number in range(votes):
        winner, loser = trials.ask(trials.random_pairs(), number).T
        gap = ratings[rows, winner] - ratings[rows, loser]
        change = _ELO_STEP / (1 + 10 ** (gap / 400))
        ratings[rows, winner] += change
        ratings[rows, loser] -= change
    return trials.outcome(ratings.argmax(axis=-1))


def mean_of_blocks(count: int, seed: int) -> dict[str, float]:
    """The figures over so many trials, a block at a time, whose arrays fit a core's cache."""
    blocks = [measure(_BLOCK, seed + block) for block in range(-(-count // _BLOCK))]
    return {key: float(np.mean([block[key] for block in blocks])) for key in blocks[0]}


def measure(count: int, seed: int) -> dict[str, float]:
    """All figures; `thompson_` is our estimator with pairs by top-two Thompson sampling."""
    found: dict[str, float] = {}

    def leader(posterior: Posterior, _: np.random.Generator) -> NDArray[np.int64]:
        return challenge(posterior)[:, :2]

    methods: dict[str, Callable[[Trials, int], tuple[float, float]]] = {
        "": lambda trials, votes: ours(trials, votes, leader),
        "thompson_": lambda trials, votes: ours(trials, votes, top_two),
        "elo_": elo,
    }
    for prefix, method in methods.items():
        best, regret = method(Trials(ONE, 16, count, 3 * seed), 49)
        found |= {f"{prefix}p_best_16_49": best, f"{prefix}regret_16_49": regret}
        found[f"{prefix}p_best_8_30"] = method(Trials(ONE, 8, count, 3 * seed + 1), 30)[0]
        if prefix != "thompson_":  # it is there for the comparison of pickers alone
            adversarial = method(Trials(FIVE, 16, count, 3 * seed + 2), 80)
            found[f"{prefix}regret_adversarial_80"] = adversarial[1]
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    found = {
        key: round(value, 4) for key, value in mean_of_blocks(given.trials, given.seed).items()
    }
    wall_s = round(time.perf_counter() - started, 1)
    print(json.dumps({"benchmark": "preferences", **found, "trials": given.trials,
                      "wall_s": wall_s}))  # fmt: skip


if __name__ == "__main__":
    main()
