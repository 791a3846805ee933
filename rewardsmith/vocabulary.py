"""The vocabulary of fitness expressions: what each name, operator and function takes and gives."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class KindError(Exception):
    """Values met that do not fit together; the message is for the user."""


@dataclass(frozen=True)
class Episode:
    """One finished episode of T steps, as trusted code recorded it.

    Attributes:
        states: state variables, each (T+1, *shape).
        transitions: transition variables, each (T, *shape).
        action: what the environment executed: (T, d) float64 or (T,) int64.
        dt: seconds per step, where the environment says.
        native_return: sum of the environment's own rewards.
        terminated: whether the environment ended it, rather than a time limit.
    """

    states: Mapping[str, Array]
    transitions: Mapping[str, Array]
    action: Array
    dt: float | None
    native_return: float
    terminated: bool


@dataclass(frozen=True)
class Kind:
    """What is known of a value before it runs.

    Attributes:
        series: whether its first axis is time.
        extra: length minus T, or None where only the run will tell.
        shape: the shape of one row.
    """

    series: bool = False
    extra: int | None = None
    shape: tuple[int, ...] = ()

    def describe(self) -> str:
        """The kind in words, for an error message."""
        rows = f" of {'x'.join(map(str, self.shape))} numbers" if self.shape else ""
        if self.series:
            return f"a series{rows}"
        return f"a row{rows}" if rows else "one number"

    def row(self) -> Kind:
        """The kind of one element along the first axis."""
        return Kind(shape=self.shape) if self.series else Kind(shape=self.shape[1:])


SCALAR = Kind()


@dataclass(frozen=True)
class Value:
    """A part of an expression: its kind, and how to compute it from an episode."""

    kind: Kind
    run: Callable[[Episode], Any]


@dataclass(frozen=True)
class Function:
    """A function of the language: how many arguments it may have, and what it makes of them."""

    arguments: tuple[int, ...]
    build: Callable[..., Value]


def combine(function: Callable[..., Any], *values: Value) -> Value:
    """Apply an elementwise function, after checking that times and shapes agree."""
    series = [v.kind for v in values if v.kind.series]
    known = {k.extra for k in series if k.extra is not None}
    if len(known) > 1:
        raise KindError(
            "mixes a series of T+1 values with one of T; take x[1:] (after each step) or x[:-1] "
            "(before it) of the longer"
        )
    try:
        shape = np.broadcast_shapes(*[v.kind.shape for v in values])
    except ValueError:
        kinds = " and ".join(v.kind.describe() for v in values)
        raise KindError(f"joins {kinds}, whose shapes differ") from None
    kind = Kind(bool(series), next(iter(known), None), shape)
    runs = [_padded(v, kind) for v in values]
    return Value(kind, lambda e: function(*[run(e) for run in runs]))


def take(value: Value, index: tuple[int | slice, ...]) -> Value:
    """Index the time axis of a series first, then the row."""
    kind, rest = value.kind, index
    series, extra = False, None
    if kind.series:
        first, rest = index[0], index[1:]
        if isinstance(first, slice):
            series, extra = True, _extra_after(kind.extra, first)
    try:
        shape = np.empty(kind.shape)[rest].shape
    except IndexError as error:
        raise KindError(f"is out of range: {error}") from None
    return Value(Kind(series, extra, shape), lambda e: np.asarray(value.run(e))[index])


def _padded(value: Value, kind: Kind) -> Callable[[Episode], Any]:
    """Give a series of scalars the axes it needs to broadcast against a series of rows."""
    missing = len(kind.shape) - len(value.kind.shape)
    if not (value.kind.series and missing):
        return value.run
    return lambda e: np.expand_dims(value.run(e), tuple(range(1, 1 + missing)))


def _extra_after(extra: int | None, index: slice) -> int | None:
    """Length minus T after a slice, where it does not depend on how long the episode was."""
    start, stop = index.start or 0, index.stop or 0
    whole = index.stop is None or index.stop < 0
    if extra is None or start < 0 or not whole or index.step not in (None, 1):
        return None
    return extra - start + stop


def _elementwise(function: Callable[..., Any], *arguments: int) -> Function:
    return Function(arguments, lambda *values: combine(function, *values))


def _reduction(function: Callable[[Array], Any], pairwise: Any = None) -> Function:
    """Over time where there is a time axis, else over the numbers of the row."""

    def build(value: Value, *more: Value) -> Value:
        if more:
            return combine(pairwise, value, *more)
        if value.kind == SCALAR:
            raise KindError("reduces a single number")
        return Value(value.kind.row(), lambda e: function(_filled(value.run(e))))

    return Function((1, 2) if pairwise else (1,), build)


def _filled(array: Array) -> Array:
    if len(array) == 0:
        raise ValueError("a slice of the episode is empty")
    return array


def _along_time(function: Callable[[Array], Any], change: int) -> Function:
    def build(value: Value) -> Value:
        if not value.kind.series:
            raise KindError("needs a series over time")
        extra = None if value.kind.extra is None else value.kind.extra + change
        return Value(Kind(True, extra, value.kind.shape), lambda e: function(value.run(e)))

    return Function((1,), build)


def _norm(value: Value) -> Value:
    if not value.kind.shape:
        raise KindError("takes the norm of something without components")
    kind = Kind(value.kind.series, value.kind.extra, value.kind.shape[:-1])
    return Value(kind, lambda e: np.linalg.norm(value.run(e), axis=-1))


def _longest_run(holds: Array) -> Any:
    """Longest stretch of consecutive true values, for each component."""
    length = np.zeros(np.shape(holds)[1:])
    longest = length
    for row in np.asarray(holds, dtype=bool):
        length = np.where(row, length + 1, 0)
        longest = np.maximum(longest, length)
    return longest


def _needs_dt(episode: Episode) -> float:
    if episode.dt is None:
        raise ValueError("this environment does not say how long a step is, so dt is unknown")
    return episode.dt


def _number(value: Any) -> Any:
    """NumPy has no minus for booleans, and its plus is `or`: count them as 0 and 1."""
    return np.asarray(value, dtype=np.float64)


NAMES: dict[str, Value] = {
    "T": Value(SCALAR, lambda e: np.float64(len(e.action))),
    "dt": Value(SCALAR, _needs_dt),
    "native_return": Value(SCALAR, lambda e: np.float64(e.native_return)),
    "terminated": Value(SCALAR, lambda e: np.bool_(e.terminated)),
    "pi": Value(SCALAR, lambda _: np.float64(math.pi)),
}
BINARY: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: lambda a, b: _number(a) + _number(b),
    ast.Sub: lambda a, b: _number(a) - _number(b),
    ast.Mult: operator.mul, ast.Div: np.true_divide, ast.Pow: np.float_power,
    ast.Mod: np.mod, ast.FloorDiv: np.floor_divide,
}  # fmt: skip
UNARY: dict[type[ast.AST], Callable[..., Any]] = {
    ast.USub: lambda a: -_number(a), ast.UAdd: lambda a: _number(a), ast.Not: np.logical_not,
}  # fmt: skip
COMPARE: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


FUNCTIONS: dict[str, Function] = {
    "first": _reduction(lambda a: a[0]),
    "last": _reduction(lambda a: a[-1]),
    "mean": _reduction(lambda a: np.mean(a, axis=0)),
    "sum": _reduction(lambda a: np.sum(a, axis=0)),
    "min": _reduction(lambda a: np.min(a, axis=0), np.minimum),
    "max": _reduction(lambda a: np.max(a, axis=0), np.maximum),
    "any": _reduction(lambda a: np.any(a, axis=0)),
    "all": _reduction(lambda a: np.all(a, axis=0)),
    "count": _reduction(lambda a: np.count_nonzero(a, axis=0)),
    "longest_run": _reduction(_longest_run),
    "diff": _along_time(lambda a: np.diff(_number(a), axis=0), -1),
    "unwrap": _along_time(lambda a: np.unwrap(a, axis=0), 0),
    "norm": Function((1,), _norm),
    "abs": _elementwise(np.abs, 1),
    "clip": _elementwise(lambda a, low, high: np.minimum(np.maximum(a, low), high), 3),
    "where": _elementwise(np.where, 3),
    "sqrt": _elementwise(np.sqrt, 1),
    "exp": _elementwise(np.exp, 1),
    "log": _elementwise(np.log, 1),
    "sin": _elementwise(np.sin, 1),
    "cos": _elementwise(np.cos, 1),
    "atan2": _elementwise(np.arctan2, 2),
}
