"""Crossover of terms without a model, as in R* (ICML 2025): two codes' terms in one reward.

Each parent is cut down to the statements that the chosen terms need, and the two are written one
below the other; what both name alike is renamed in the second. A parent whose terms do not simply
stand in a returned dictionary is called as a whole, and its terms are taken from what it returns.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from rewardsmith.critic import rules
from rewardsmith.critic.novelty import normal_form
from rewardsmith.jail.protocol import MAX_TERMS
from rewardsmith.propose.donor import Donor
from rewardsmith.records import TaskSpec, Verdict
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME

_TRIES = 20
_RESERVED = (*ARGUMENTS, ENTRY_POINT, PARAMS_NAME)


def spliced(
    first: Verdict, second: Verdict, task: TaskSpec, rng: np.random.Generator
) -> str | None:
    """A reward with terms of both, at least one of each, that the critic's rules let pass.

    A term that both have is taken from either. None where no such reward came out of some tries:
    two that have one and the same term only, names that cannot be told apart.

    Args:
        first: of a sound reward, as is `second`.
    """
    assert first.reward and second.reward
    known = {normal_form(reward.code) for reward in (first.reward, second.reward)}
    mine, yours = Donor.offered(first), Donor.offered(second)
    for _ in range(_TRIES):
        ours, theirs = _drawn(mine, yours, rng)
        if not ours or not theirs:
            continue
        donors = Donor.of(first.reward, ours), Donor.of(second.reward, theirs)
        code = _joined(*donors, _union(mine, yours))
        if code and normal_form(code) not in known and rules.inspect(code, task).draft:
            return code
    return None


def _union(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _drawn(
    first: Sequence[str], second: Sequence[str], rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Which terms come from which parent: shared ones from either, others by a coin's toss."""
    ours: list[str] = []
    theirs: list[str] = []
    for name in _union(first, second):
        toss = rng.random() < 0.5
        if name in first and name in second:
            (ours if toss else theirs).append(name)
        elif toss:
            (ours if name in first else theirs).append(name)
    return ours[: MAX_TERMS // 2], theirs[: MAX_TERMS // 2]


def _joined(first: Donor, second: Donor, order: Sequence[str]) -> str | None:
    """Both donors as one file; None where their names cannot be told apart."""
    imported = first.imported | second.imported
    if imported != second.imported | first.imported:
        return None
    taken = {*_RESERVED, *first.bound, *second.bound, *first.free, *second.free}
    first = first.renamed(first.bound & second.free, taken)
    second = second.renamed(second.bound & (first.bound | first.free), {*taken, *first.bound})
    clashing = {k for k, value in second.params.items() if first.params.get(k, value) != value}
    other = second.rekeyed(clashing, {*first.params, *second.params})
    if other is None:
        return None
    params = {**first.params, **other.params}
    terms = {**first.terms, **other.terms}
    names = [name for name in order if name in terms]
    keys: list[ast.expr | None] = [ast.Constant(name) for name in names]
    returned = ast.Return(ast.Dict(keys=keys, values=[terms[name] for name in names]))
    imports = {ast.dump(node): node for node in (*first.imports, *other.imports)}
    module = ast.Module(
        body=[
            *imports.values(),
            *([_params(params)] if params else []),
            *first.module,
            *other.module,
            _entry([*first.body, *other.body, returned]),
        ],
        type_ignores=[],
    )
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def _params(params: Mapping[str, float]) -> ast.Assign:
    keys: list[ast.expr | None] = [ast.Constant(key) for key in params]
    values: list[ast.expr] = [ast.Constant(value) for value in params.values()]
    target = ast.Name(PARAMS_NAME, ast.Store())
    return ast.Assign(targets=[target], value=ast.Dict(keys, values))


def _entry(body: list[ast.stmt]) -> ast.FunctionDef:
    """compute_reward with the arguments that its body reads."""
    names = (node for stmt in body for node in ast.walk(stmt) if isinstance(node, ast.Name))
    read = {name.id for name in names}
    return ast.FunctionDef(
        name=ENTRY_POINT,
        args=ast.arguments(
            posonlyargs=[],
            args=[ast.arg(name) for name in ARGUMENTS if name in read],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        ),
        body=body,
        decorator_list=[],
    )
