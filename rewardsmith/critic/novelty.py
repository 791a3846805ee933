"""Whether a reward is an earlier one again: by its syntax tree, or by what it pays."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable

import numpy as np

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import Candidate, CheckedReward, Finding
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME, Transitions

RULE = "novelty"
_KEPT = frozenset({ENTRY_POINT, PARAMS_NAME, *ARGUMENTS})
"""Names that belong to the contract: they mean something."""


def finding(
    candidate: Candidate, fingerprint: str, earlier: Iterable[Candidate], rows: int
) -> Finding | None:
    """An error where the candidate is one of `earlier` again; None where it is new.

    Args:
        fingerprint: of what it pays, by `fingerprint`, on so many `rows`.
    """
    tree = normal_form(candidate.code)
    for other in earlier:
        known = other.verdict.fingerprint if other.verdict else ""
        if normal_form(other.code) == tree:
            why = "the code is the same but for names, comments and layout"
        elif fingerprint and known == fingerprint:
            why = f"every term has the same value on {rows} transitions"
        else:
            continue
        return Finding(
            rule=RULE,
            message=f"this is the reward of {other.id} again: {why}. It is not trained a second "
            "time: write one that pays for something else",
        )
    return None


def fingerprint(reward: CheckedReward, transitions: Transitions, *, unsafe: bool) -> str:
    """What the terms pay on these transitions, to the precision of float32; "" if it failed."""
    try:
        with RewardWorker(reward, capacity=len(transitions), unsafe=unsafe) as worker:
            given = worker.compute(transitions)
    except CandidateError:
        return ""
    digest = hashlib.sha256()
    for name in sorted(given.terms):
        digest.update(name.encode())
        digest.update((given.terms[name].astype(np.float32) + np.float32(0.0)).tobytes())
    digest.update((given.total.astype(np.float32) + np.float32(0.0)).tobytes())
    return digest.hexdigest()[:32]


def normal_form(code: str) -> str:
    """The syntax tree without what changes nothing: names, docstrings, hints, 1 or 1.0.

    The code must parse.
    """
    tree = ast.parse(code)
    return ast.dump(_Normal(_own_names(tree)).visit(tree))


def _own_names(tree: ast.Module) -> dict[str, str]:
    """The names that the code gives itself, each with its number, in the order of the text."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        name = None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.FunctionDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        if name and name not in _KEPT:
            found.setdefault(name, f"_{len(found)}")
    return found


class _Normal(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(id=self._names.get(node.id, node.id), ctx=node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=self._names.get(node.arg, node.arg))

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        value = self.visit(node.value)
        return ast.keyword(arg=self._names.get(node.arg or "", node.arg), value=value)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            return ast.Constant(value=float(node.value))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name = self._names.get(node.name, node.name)
        node.returns = None
        node.body = _without_docstring(node.body)
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return node
        return ast.Assign(targets=[node.target], value=node.value)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if text and len(body) > 1 else body
