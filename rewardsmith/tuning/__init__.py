"""Other numbers for the best reward, without its author: candidates like all others.

A tuner is a strategy whose moves change the numbers in PARAMS, scored as ever by fitness on the
selection seeds; a term that misleads loses its weight, as in BARFI (Behavior Alignment via Reward
Function Optimization, arXiv 2310.19007), whose outer loop follows gradients where this one samples.
An optimiser keeps nothing between generations: it is told the stored candidates anew.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from rewardsmith.chance import number, stream
from rewardsmith.config import TuneConfig
from rewardsmith.errors import BackendMissing
from rewardsmith.propose.grammar import surgery
from rewardsmith.records import Candidate, Fitness, Record
from rewardsmith.selection import rank
from rewardsmith.strategies import Move, Shows, Turn
from rewardsmith.tuning.space import HIGH, LOW, Space

_PACKAGES = {"cmaes": "pip install cmaes", "tpe": "pip install rewardsmith[tune]"}
_ATTEMPTS = 10
"""To be asked for numbers that were not tried; with one weight at zero there may be few."""


class Trial(Record):
    """A point that was tried, and what came of it."""

    point: tuple[float, ...]
    """In the coordinates of a `Space`."""
    loss: float
    """The lower, the better; infinite where the candidate failed."""


class Optimiser(Protocol):
    """Knows what was tried; one method a file."""

    def ask(self, seed: int) -> tuple[float, ...]:
        """A point to be tried, within the bounds of a `Space`; the same for the same seed."""


class Tuner:
    """Tries other numbers in the code that was the best when the search ended.

    Args:
        config: with a method.
    """

    shows: Shows = "none"

    def __init__(self, config: TuneConfig) -> None:
        self.name = config.method
        self.generations, self.samples = config.generations, config.samples

    def base(self, past: Iterable[Candidate], fitness: Fitness) -> Candidate | None:
        """The candidate whose numbers are tuned; None where the best has none that can be."""
        searched, _ = _parted(past)
        best = rank(searched, fitness)[:1]
        return next((c for c in best if Space.of(c.code).names), None)

    def moves(self, turn: Turn) -> tuple[Move, ...]:
        """See Strategy."""
        base = self.base(turn.past, turn.fitness)
        if base is None:
            raise ValueError("there is nothing to tune")
        space = Space.of(base.code)
        _, rounds = _parted(turn.past)
        told = [[_trial(c, space, turn.fitness) for c in generation] for generation in rounds]
        optimiser = _optimiser(self.name, len(space.names), told)
        tried = [base.code, *(c.code for generation in rounds for c in generation)]
        known = {tuple(surgery.numbers(code).values()) for code in tried}
        plain = Move(slot="", operator="tune", parents=(base,), island=base.island)
        moves = []
        for slot in turn.slots:
            points = _points(optimiser, len(space.names), turn.seed, slot)
            tries = (space.decoded(point) for point in points)
            params = next(found for found in tries if tuple(found.values()) not in known)
            known.add(tuple(params.values()))
            moves.append(plain.model_copy(update={"slot": slot, "params": params}))
        return tuple(moves)


def require(method: str) -> None:
    """Raises BackendMissing with the pip line where the package of a method is not installed."""
    try:
        importlib.import_module("optuna" if method == "tpe" else method)
    except ImportError:
        raise BackendMissing(f"--tune {method} needs a package: {_PACKAGES[method]}") from None


def _optimiser(method: str, dimensions: int, told: Sequence[Sequence[Trial]]) -> Optimiser:
    if method == "tpe":
        from rewardsmith.tuning.tpe import Tpe

        return Tpe(dimensions, told)
    from rewardsmith.tuning.evolution import Evolution

    return Evolution(dimensions, told)


def _points(
    optimiser: Optimiser, dimensions: int, seed: int, slot: str
) -> Iterator[tuple[float, ...]]:
    """Points for a slot in the order of liking, without end: at last they are random ones."""
    for attempt in range(_ATTEMPTS):
        yield optimiser.ask(number(seed, "tune", slot, attempt))
    rng = stream(seed, "tune", slot)
    while True:
        yield tuple(float(value) for value in rng.uniform(LOW, HIGH, dimensions))


def _parted(past: Iterable[Candidate]) -> tuple[list[Candidate], list[list[Candidate]]]:
    """The candidates up to the last generation of the search, and the generations tuned since."""
    past = list(past)
    searched = max((c.generation for c in past if c.operator != "tune"), default=0)
    later = sorted({c.generation for c in past if c.generation > searched})
    rounds = [[c for c in past if c.generation == generation] for generation in later]
    return [c for c in past if c.generation <= searched], rounds


def _trial(candidate: Candidate, space: Space, fitness: Fitness) -> Trial:
    point = space.encoded(surgery.numbers(candidate.code))
    if candidate.score is None:
        return Trial(point=point, loss=float("inf"))
    return Trial(point=point, loss=-fitness.sign * candidate.score.value)
