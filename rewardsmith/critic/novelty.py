"""Whether a reward is an earlier one again: by its syntax tree, or by what it pays.

A training divides rewards by the deviation of their return, so a positive factor changes nothing;
nor, where no episode ends early, does a constant: every episode is paid it equally often. Where
episodes do end, a constant pays for lasting, or for ending. Shaping changes how fast a policy
learns: rewards that differ by it are two, see distance.py.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker
from rewardsmith.names import binds
from rewardsmith.records import Candidate, CheckedReward, Finding, Verdict
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME, Array, Transitions

RULE = "novelty"
_UNNOTICED = "but for a factor or a constant that training takes no notice of"
_NOTHING = 1e-9
_KEPT = frozenset({ENTRY_POINT, PARAMS_NAME, *ARGUMENTS})
"""Names that belong to the contract: they mean something."""


@dataclass(frozen=True)
class Marks:
    """What a reward pays on the probe transitions, in short; each "" where it says nothing.

    Attributes:
        fingerprint: of every term and of the total.
        shape: of the total, without what a training does not notice, and of the terms' names.
    """

    fingerprint: str = ""
    shape: str = ""


def finding(
    candidate: Candidate, marks: Marks, earlier: Iterable[Candidate], rows: int
) -> Finding | None:
    """An error where the candidate is one of `earlier` again; None where it is new.

    Args:
        marks: of what it pays, by `marks_of`, on so many `rows`.
    """
    tree = normal_form(candidate.code)
    for other in earlier:
        known = other.verdict or Verdict(ok=False)
        if normal_form(other.code) == tree:
            why = "the code is the same but for names, comments and layout"
        elif marks.fingerprint and known.fingerprint == marks.fingerprint:
            why = f"every term has the same value on {rows} transitions"
        elif marks.shape and known.shape == marks.shape:
            why = f"of the same terms, the total is the same on {rows} transitions, {_UNNOTICED}"
        else:
            continue
        return Finding(
            rule=RULE,
            message=f"this is the reward of {other.id} again: {why}. It is not trained a second "
            "time: write one that pays for something else",
        )
    return None


def marks_of(
    reward: CheckedReward,
    transitions: Transitions,
    *,
    factor_free: bool,
    constant_free: bool,
    unsafe: bool,
) -> Marks:
    """The marks of a reward on these transitions; none if it failed on them.

    Args:
        factor_free: whether training takes no notice of a factor.
        constant_free: whether it takes none of a constant, either.
    """
    try:
        with RewardWorker(reward, capacity=len(transitions), unsafe=unsafe) as worker:
            given = worker.compute(transitions)
    except CandidateError:
        return Marks()
    return Marks(_fingerprint(given), _shape(given, constant_free) if factor_free else "")


def _shape(given: Rewards, constant_free: bool) -> str:
    # A term that is the same everywhere may differ where no random policy comes.
    if any(np.ptp(values) == 0.0 for values in given.terms.values()):
        return ""
    total = given.total - given.total.mean() if constant_free else given.total
    size = float(np.sqrt(np.mean(np.square(total))))
    if size <= _NOTHING * max(1.0, float(np.abs(given.total).max())):
        return ""
    # Rounded, for a factor leaves other last digits.
    rounded: Array = np.round(total / size, 6) + 0.0
    # With the names: other terms tell a proposer other things, even where the total is the same.
    names = "\n".join(sorted(given.terms)).encode()
    return hashlib.sha256(names + rounded.tobytes()).hexdigest()[:32]


def _fingerprint(given: Rewards) -> str:
    """Of the terms and the total, to the precision of float32."""
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
    """The names that the code gives itself, each with its number, in the order of the text.

    What is imported keeps its name, for that says what it is.
    """
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        name = None if isinstance(node, ast.alias) else binds(node)
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

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = self._names.get(node.name or "", node.name)
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
