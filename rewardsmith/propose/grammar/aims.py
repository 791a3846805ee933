"""Reads what a fitness expression wants of which variable: the strongest hint about a task."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rewardsmith.records import Record, TaskSpec, Variable

Kind = Literal["progress", "raise", "near", "away", "stay", "cosine"]
Sign = Literal[1, -1]


class Aim(Record):
    """One thing to pay for: a variable and where it should go."""

    kind: Kind
    """`progress`: by its change; `raise`: by its level; `cosine`: an angle, by its cosine;
    `near` and `away`: by the distance from `target`; `stay`: by not changing."""
    variable: Variable
    component: int | None = None
    """Which entry of a vector; None for a scalar, and for all of a vector."""
    sign: Sign = 1
    """-1 turns `progress`, `raise` and `cosine` round."""
    target: float | None = None
    """The level to reach or to keep, where one is given."""

    @property
    def key(self) -> tuple[str, str, int | None]:
        """Aims of one key say the same of one quantity, but for sign and target."""
        return (self.kind, self.variable.name, self.component)


class FitnessReading(Record):
    """What a fitness expression asks for."""

    aims: tuple[Aim, ...] = ()
    duration: Literal[-1, 0, 1] = 0
    """1 where long episodes raise the fitness, -1 where short ones do."""


def read_fitness(task: TaskSpec) -> FitnessReading:
    """The aims in the fitness expression of `task`; none where it names no variable."""
    try:
        tree = ast.parse(task.fitness.expression, mode="eval")
    except SyntaxError:
        return FitnessReading()
    reader = _Reader({variable.name: variable for variable in task.variables})
    reader.read(tree.body, _Want(sign=task.fitness.sign))
    return FitnessReading(aims=tuple(reader.aims.values()), duration=reader.duration)


@dataclass(frozen=True)
class _Want:
    """How the fitness answers when the value of a node grows, and in which way it is meant."""

    sign: Sign
    kind: Kind = "raise"
    target: float | None = None

    def turned(self, by: float = -1.0) -> _Want:
        """The same after multiplication by `by`."""
        return replace(self, sign=-self.sign) if by < 0 else self

    def of_change(self) -> _Want:
        """The same of the last value: to raise it is to move all along, at whatever speed."""
        return replace(self, kind="progress", target=None) if self.kind == "raise" else self


class _Reader:
    """Walks an expression downwards, carrying the sign of its influence on the fitness."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self.variables = variables
        self.aims: dict[tuple[str, str, int | None], Aim] = {}
        self.duration: Literal[-1, 0, 1] = 0

    def read(self, node: ast.expr, want: _Want) -> None:
        """Notes the aims at and below `node`."""
        match node:
            case ast.Name(id=name):
                self._name(name, want)
            case ast.Subscript(value=value, slice=index):
                self._subscript(value, index, want)
            case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
                self.read(operand, want.turned())
            case ast.BinOp():
                self._arithmetic(node, want)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                if isinstance(op, ast.Lt | ast.LtE):
                    want = want.turned()
                self.read(left, replace(want, target=_number(right)))
                self.read(right, replace(want.turned(), target=_number(left)))
            case ast.BoolOp(values=values):
                for value in values:
                    self.read(value, want)
            case ast.Call(func=ast.Name(id=function), args=[first, *_]):
                self._call(function, first, want)

    def _name(self, name: str, want: _Want, component: int | None = None) -> None:
        if name == "T":
            self.duration = want.sign
        elif name == "terminated":
            self.duration = -want.sign
        elif name in self.variables:
            aim = Aim(
                kind=want.kind,
                variable=self.variables[name],
                component=component,
                sign=want.sign,
                target=want.target,
            )
            self.aims.setdefault(aim.key, aim)

    def _subscript(self, value: ast.expr, index: ast.expr, want: _Want) -> None:
        """The first index is of time, a second one picks a vector's component."""
        moment, component = index, None
        if isinstance(index, ast.Tuple):
            moment, component = index.elts[0], _number(index.elts[-1])
        at = _number(moment)
        if at is not None:  # x[-1] - x[0] is a change, like last(x) - first(x)
            want = want.of_change()
        if isinstance(value, ast.Name) and component is not None:
            self._name(value.id, want, int(component))
        elif at != 0:
            self.read(value, want)

    def _arithmetic(self, node: ast.BinOp, want: _Want) -> None:
        match node.op, _number(node.left), _number(node.right):
            case ast.Pow(), _, float(power) if power % 2 == 0:
                self._distance(node.left, want.sign)
            case ((ast.Mult() | ast.Div()), _, float(factor)):
                self.read(node.left, want.turned(factor))
            case ast.Mult(), float(factor), _:
                self.read(node.right, want.turned(factor))
            case ast.Div(), _, _:
                self.read(node.left, want)
            case ast.Sub(), _, _:
                self.read(node.left, want)
                self.read(node.right, want.turned())
            case ((ast.Add() | ast.Mult()), _, _):
                self.read(node.left, want)
                self.read(node.right, want)

    def _call(self, function: str, argument: ast.expr, want: _Want) -> None:
        match function:
            case "first":
                pass
            case "last" | "diff":
                self.read(argument, want.of_change())
            case "cos":
                self.read(argument, replace(want, kind="cosine", target=None))
            case "abs" | "norm":
                self._distance(argument, want.sign)
            case _:
                self.read(argument, want)

    def _distance(self, argument: ast.expr, sign: Sign) -> None:
        """|x - c|: to let it grow is to go away from c, to let it shrink is to come near."""
        want = _Want(sign=1, kind="away" if sign == 1 else "near", target=0.0)
        match argument:
            case ast.BinOp(left=left, op=ast.Sub(), right=right) if _number(right) is not None:
                self.read(left, replace(want, target=_number(right)))
            case ast.BinOp(left=left, op=ast.Sub(), right=ast.Call(func=ast.Name(id="first"))):
                # far from where it began: one of the two ways will do
                self.read(left, _Want(sign=1, kind="progress" if sign == 1 else "stay"))
            case _:
                self.read(argument, want)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
    return None
