"""Names in a syntax tree: which are bound, read and imported, and how one is replaced."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping

from rewardsmith.names import binds, loaded


def in_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All that stands in these statements, but for the insides of functions."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def everywhere(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All that stands in these nodes, the insides of functions too."""
    return (inner for outer in nodes for inner in ast.walk(outer))


def stores(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name that one of these nodes binds, but for imports: they are carried over apart."""
    own = (node for node in nodes if not isinstance(node, ast.alias))
    return {name for node in own if (name := binds(node))}


def loads(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name that is read anywhere within."""
    return set().union(*map(loaded, nodes))


def imported(node: ast.stmt) -> dict[str, str]:
    """The names that an import binds, each with what it stands for."""
    match node:
        case ast.Import(names=names):
            # `import numpy.linalg` binds `numpy`; with a name of its own it is the module itself.
            bound = ((a.asname, a.name) if a.asname else (_top(a), _top(a)) for a in names)
            return dict(bound)
        case ast.ImportFrom(module=module, names=names):
            return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
    return {}


def fresh(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Another name for each: `speed_2` for `speed`, or the next number that is not `taken`."""
    chosen: dict[str, str] = {}
    for name in sorted(names):
        tries = (f"{name}_{number}" for number in itertools.count(2))
        chosen[name] = next(t for t in tries if t not in taken and t not in chosen.values())
    return chosen


def _top(alias: ast.alias) -> str:
    return alias.name.partition(".")[0]


class Rename(ast.NodeTransformer):
    """Gives names other ones wherever they stand; keywords only in calls of the code's own."""

    def __init__(self, names: Mapping[str, str], own: Collection[str]) -> None:
        self._names, self._own = names, own

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.generic_visit(node)
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name = self._names.get(node.name, node.name)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = self._names.get(node.name or "", node.name)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in self._own:
            for keyword in node.keywords:
                keyword.arg = self._names.get(keyword.arg or "", keyword.arg)
        self.generic_visit(node)
        return node
