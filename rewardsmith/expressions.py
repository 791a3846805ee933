"""The language of fitness expressions: parsed and checked here, never evaluated as Python.

A state variable is a series of length T+1, a transition variable and `action` of length T; a
constant index or slice takes from the time axis first (`x[0]`, `x[1:]`, `joint_angles[:, 2]`).
first, last, mean, sum, min, max, any, all, count and longest_run reduce the time axis of a series,
or the numbers of one row where no time axis is left; norm reduces the last axis of each row.
Names: T, dt, native_return, terminated, pi, action and the environment's variables.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardsmith.errors import UserError
from rewardsmith.records import Space, Variable
from rewardsmith.vocabulary import (
    BINARY,
    COMPARE,
    FUNCTIONS,
    NAMES,
    SCALAR,
    UNARY,
    Episode,
    Kind,
    KindError,
    Value,
    combine,
    take,
)

__all__ = ["RESERVED", "Episode", "Expression", "parse"]

MAX_LENGTH = 2000
MAX_DEPTH = 60
RESERVED: frozenset[str] = frozenset({*NAMES, *FUNCTIONS, "action"})
"""Names that no variable may have."""


@dataclass(frozen=True)
class Expression:
    """A checked fitness expression; `variables` are the names that it reads."""

    text: str
    variables: frozenset[str]
    run: Callable[[Episode], Any]

    def evaluate(self, episode: Episode) -> float:
        """The fitness of one episode.

        Raises:
            UserError: the value is not a finite number, or series met at different lengths.
        """
        try:
            with np.errstate(all="ignore"):
                value = float(self.run(episode))
        except (ArithmeticError, IndexError, TypeError, ValueError) as error:
            raise UserError(f"fitness {self.text!r} failed on an episode: {error}") from error
        if not math.isfinite(value):
            steps = len(episode.action)
            raise UserError(f"fitness {self.text!r} is {value} on an episode of {steps} steps")
        return value


def parse(text: str, variables: Sequence[Variable], action: Space | None = None) -> Expression:
    """Check `text` against the variables that exist; `action` is known where its space is given.

    Raises:
        UserError: one line with the position of what is wrong; an unknown name gets a suggestion.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise UserError(f"a fitness expression has at most {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        where = f"column {error.offset or 1}"
        raise UserError(f"fitness {text!r}: {where}: {error.msg or 'invalid syntax'}") from None
    except (MemoryError, RecursionError, ValueError):
        raise UserError(f"fitness {text[:40]!r}...: cannot be parsed") from None
    reader = _Reader(text, variables, action)
    value = reader.read(tree)
    if value.kind != SCALAR:
        raise reader.error(
            tree,
            f"gives {value.kind.describe()}, not one number; reduce it, for example with "
            "mean(...), last(...) or norm(...)",
        )
    return Expression(text, frozenset(reader.names), value.run)


class _Reader:
    """Walks the syntax tree of one expression and gives each node its kind and its function."""

    def __init__(self, text: str, variables: Sequence[Variable], action: Space | None) -> None:
        self.names: set[str] = set()
        self._text = text
        self._depth = 0
        self._known = dict(NAMES)
        if action is not None:
            shape = (action.size,) if action.kind == "box" else ()
            self._known["action"] = Value(Kind(True, 0, shape), lambda e: e.action)
        self._variables = {v.name: v for v in variables}
        self._nodes: dict[type[ast.AST], Callable[[Any], Value]] = {
            ast.Constant: self._constant, ast.Name: self._name, ast.BinOp: self._operator,
            ast.UnaryOp: self._operator, ast.BoolOp: self._boolean, ast.Compare: self._compare,
            ast.Call: self._call, ast.Subscript: self._subscript,
        }  # fmt: skip

    def error(self, node: ast.AST, message: str) -> UserError:
        column = getattr(node, "col_offset", 0) + 1
        return UserError(f"fitness {self._text!r}: column {column} {message}")

    def read(self, node: ast.AST) -> Value:
        """The value of a node; raises UserError at the node that is wrong."""
        reader = self._nodes.get(type(node))
        if reader is None:
            raise self.error(node, f"has {type(node).__name__}, which the language does not have")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(node, "is nested too deeply")
        try:
            return reader(node)
        except KindError as error:
            raise self.error(node, str(error)) from None
        finally:
            self._depth -= 1

    def _constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, bool | int | float):
            raise KindError(f"has {node.value!r}, which is not a number")
        try:
            number = np.float64(node.value)
        except OverflowError:
            raise KindError("has a number that is too large") from None
        return Value(SCALAR, lambda _: number)

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self._known:
            return self._known[name]
        if name in FUNCTIONS:
            raise KindError(f"uses the function {name} without brackets")
        if name not in self._variables:
            raise KindError(self._unknown(name))
        self.names.add(name)
        variable = self._variables[name]
        if variable.kind == "state":
            return Value(Kind(True, 1, variable.shape), lambda e: e.states[name])
        return Value(Kind(True, 0, variable.shape), lambda e: e.transitions[name])

    def _unknown(self, name: str) -> str:
        known = [*self._variables, *self._known]
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"names {name!r}, which does not exist; {hint}"

    def _operator(self, node: ast.BinOp | ast.UnaryOp) -> Value:
        if isinstance(node, ast.BinOp):
            function, operands = BINARY.get(type(node.op)), [node.left, node.right]
        else:
            function, operands = UNARY.get(type(node.op)), [node.operand]
        if function is None:
            raise KindError(f"has {type(node.op).__name__}, which the language does not have")
        return combine(function, *[self.read(operand) for operand in operands])

    def _boolean(self, node: ast.BoolOp) -> Value:
        function = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        value = self.read(node.values[0])
        for part in node.values[1:]:
            value = combine(function, value, self.read(part))
        return value

    def _compare(self, node: ast.Compare) -> Value:
        """A chain such as `0 < x < 1` holds where each of its links holds."""
        parts = [self.read(part) for part in (node.left, *node.comparators)]
        links = []
        for left, op, right in zip(parts[:-1], node.ops, parts[1:], strict=True):
            if type(op) not in COMPARE:
                raise KindError(f"has {type(op).__name__}, which the language does not have")
            links.append(combine(COMPARE[type(op)], left, right))
        value = links[0]
        for link in links[1:]:
            value = combine(np.logical_and, value, link)
        return value

    def _call(self, node: ast.Call) -> Value:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise KindError(f"calls what is not one of {', '.join(sorted(FUNCTIONS))}")
        function = FUNCTIONS[name]
        if node.keywords:
            raise KindError(f"names an argument of {name}; give arguments by position")
        if len(node.args) not in function.arguments:
            wanted = " or ".join(map(str, function.arguments))
            raise KindError(f"gives {name} {len(node.args)} arguments; it takes {wanted}")
        return function.build(*[self.read(argument) for argument in node.args])

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.read(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(parts) > value.kind.series + len(value.kind.shape):
            raise KindError(f"takes {len(parts)} indices of {value.kind.describe()}")
        return take(value, tuple(_index(part) for part in parts))


def _index(node: ast.expr) -> int | slice:
    if not isinstance(node, ast.Slice):
        return _integer(node)
    start, stop, step = (
        None if bound is None else _integer(bound) for bound in (node.lower, node.upper, node.step)
    )
    if step == 0:
        raise KindError("slices by a step of 0")
    return slice(start, stop, step)


def _integer(node: ast.expr) -> int:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        raise KindError("indexes by something that is not a whole number")
    return sign * node.value
