"""The numbers of a reward as coordinates in which 0 is the number as its author wrote it."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence

from rewardsmith.propose.grammar import surgery
from rewardsmith.records import Record

LOW, HIGH = -1.25, 1.5
"""Bounds of every coordinate: up to 4.5 times the number; a weight is zero from -1 down."""
_DIGITS = 4


class Space(Record):
    """The numbers in PARAMS that can be tuned. One that is zero stays so: it has no scale.

    A number that something is divided by moves by factors, so that it never comes to zero. Any
    other may be a term's weight: above its first value it moves by factors as well, below it moves
    linearly and reaches zero.
    """

    numbers: dict[str, float]
    """All of PARAMS, as the author wrote them."""
    names: tuple[str, ...]
    """Of those that have a coordinate."""
    divisors: frozenset[str]

    @staticmethod
    def of(code: str) -> Space:
        """The space of a reward that passed the critic."""
        numbers = surgery.numbers(code)
        return Space(
            numbers=numbers,
            names=tuple(name for name, value in numbers.items() if value),
            divisors=frozenset(_divisors(ast.parse(code)) & numbers.keys()),
        )

    def decoded(self, point: Sequence[float]) -> dict[str, float]:
        """All numbers at a point, (dimensions,), to four digits."""
        moved = dict(zip(self.names, point, strict=True))
        return {
            name: _rounded(value * self._factor(name, moved[name])) if name in moved else value
            for name, value in self.numbers.items()
        }

    def encoded(self, numbers: Mapping[str, float]) -> tuple[float, ...]:
        """The point of numbers that `decoded` gave; of a weight of zero the nearest one, -1."""
        return tuple(
            self._coordinate(name, numbers[name] / self.numbers[name]) for name in self.names
        )

    def _factor(self, name: str, coordinate: float) -> float:
        if coordinate > 0 or name in self.divisors:
            return math.exp(coordinate)
        return max(1.0 + coordinate, 0.0)

    def _coordinate(self, name: str, factor: float) -> float:
        return math.log(factor) if factor > 1 or name in self.divisors else factor - 1.0


def _divisors(tree: ast.Module) -> set[str]:
    """Every text in what something is divided by: names of parameters are among them."""
    return {
        inner.value
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv)
        for inner in ast.walk(node.right)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") + 0.0  # no -0.0
