"""What differs from process to process: the order of a set of texts, the address in a text.

The probes ask a second process too, but the order of two words is the same there half the time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rewardsmith.records import Finding

_MAKERS = ("set", "frozenset")
_MEETING = ("union", "intersection", "difference", "symmetric_difference", "copy")
_ORDERED = ("list", "tuple", "iter", "enumerate", "zip", "map", "filter", "dict", "str", "repr")
"""Builtins whose result has the order of what they are given."""
_ORDERLESS = ("sorted", "len", "min", "max", "any", "all", "set", "frozenset")
"""Builtins that a generator over a set may stand in."""


_ITERATORS = ("map", "zip", "filter", "enumerate", "iter", "reversed")
_ORDER = "the order of a set of texts differs from process to process: use a list or sorted(...)"
_ADDRESS = "the text of a function holds its address, which differs from process to process"


def findings(tree: ast.Module) -> Iterator[Finding]:
    """An error for every place that reads a set in its order, or a function as a text."""
    sets, functions = _Sets(tree), set(_function_names(tree))
    excused = {id(part) for node in ast.walk(tree) for part in _excused(node)}
    for node in ast.walk(tree):
        for read in _read_in_order(node):
            if id(node) not in excused and sets.holds(read):
                yield Finding(rule="determinism", line=read.lineno, message=_ORDER)
        for told in _told(node):
            if _has_address(told, functions):
                yield Finding(rule="determinism", line=told.lineno, message=_ADDRESS)


class _Sets:
    """Which expressions are sets, as far as the text tells."""

    def __init__(self, tree: ast.Module) -> None:
        self._names: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.holds(value):
                    self._names.add(name)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if (
                    self.holds(value)
                ):
                    self._names.add(name)

    def holds(self, node: ast.expr) -> bool:
        """Whether `node` is a set whose order is not known; that of numbers is the same always."""
        match node:
            case ast.Set(elts=elements):
                return not all(_is_number(element) for element in elements)
            case ast.SetComp():
                return True
            case ast.Name(id=name):
                return name in self._names
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return name in _MAKERS and bool(arguments)
            case ast.Call(func=ast.Attribute(value=base, attr=name)):
                return name in _MEETING and self.holds(base)
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
                return self.holds(left)
        return False


def _read_in_order(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.For(iter=read) | ast.comprehension(iter=read) | ast.Starred(value=read):
            yield read
        case ast.FormattedValue(value=read):
            yield read
        case ast.Assign(targets=[ast.Tuple() | ast.List()], value=read):
            yield read
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _ORDERED:
            yield from arguments
        case ast.Call(func=ast.Attribute(attr="pop", value=base), args=[]):
            yield base
        case ast.Call(func=ast.Attribute(attr="join"), args=[read]):
            yield read


def _told(node: ast.AST) -> Iterator[ast.expr]:
    """What is made a text."""
    match node:
        case ast.FormattedValue(value=told):
            yield told
        case ast.Call(func=ast.Name(id="str" | "repr"), args=arguments):
            yield from arguments


def _has_address(node: ast.expr, functions: set[str]) -> bool:
    match node:
        case ast.Lambda() | ast.GeneratorExp():
            return True
        case ast.Name(id=name):
            return name in functions
        case ast.Call(func=ast.Name(id=name)):
            return name in _ITERATORS
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Dict(values=elements):
            return any(_has_address(element, functions) for element in elements)
    return False


def _function_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
                yield name


def _excused(node: ast.AST) -> list[ast.comprehension]:
    """The loops of a comprehension whose result has no order."""
    match node:
        case ast.SetComp(generators=loops):
            return loops
        case ast.Call(func=ast.Name(id=name), args=[ast.GeneratorExp(generators=loops), *_]) if (
            name in _ORDERLESS
        ):
            return loops
    return []


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
