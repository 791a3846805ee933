"""Names in a syntax tree: which it binds, and which it reads."""

from __future__ import annotations

import ast


def binds(node: ast.AST) -> str | None:
    """The name that this one node binds: a target, a function, a parameter, an error, an import."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return name
        case ast.FunctionDef(name=name) | ast.arg(arg=name):
            return name
        case ast.ExceptHandler(name=str(name)):
            return name
        case ast.alias():
            # `import numpy.linalg` binds `numpy`.
            return (node.asname or node.name).partition(".")[0]
    return None


def bound(tree: ast.AST) -> set[str]:
    """Every name that is bound anywhere within."""
    return {name for node in ast.walk(tree) if (name := binds(node))}


def loaded(tree: ast.AST) -> set[str]:
    """Every name that is read anywhere within."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
