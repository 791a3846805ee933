"""A checked reward cut down to what some of its terms need, ready to be written beside another."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rewardsmith.propose import scope
from rewardsmith.records import CheckedReward, Verdict
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME

_WHOLE, _GIVEN, _COMBINED = "parent_terms", "given", "combined"
_UNEXPLAINED = "unexplained-total"
_PARAMS = ("params", PARAMS_NAME)
_CONTRACT = frozenset({*ARGUMENTS, PARAMS_NAME, ENTRY_POINT})
"""Names that mean the same in every reward, and are never renamed."""


@dataclass(frozen=True)
class Donor:
    """Some terms of a reward, with what they need.

    Attributes:
        terms: the expression of each chosen term.
        body: the statements of compute_reward before its return.
        module: helper functions and constants.
        imports: the statements that import what is used.
        params: the numbers of PARAMS that are read.
    """

    terms: Mapping[str, ast.expr]
    body: Sequence[ast.stmt]
    module: Sequence[ast.stmt]
    imports: Sequence[ast.stmt]
    params: Mapping[str, float]

    @staticmethod
    def offered(verdict: Verdict) -> tuple[str, ...]:
        """The terms that a sound reward can give; its total where that is not their sum."""
        assert verdict.reward is not None
        if any(finding.rule == _UNEXPLAINED for finding in verdict.findings):
            return (_COMBINED,)
        return verdict.reward.terms

    @staticmethod
    def of(reward: CheckedReward, names: Collection[str]) -> Donor:
        """The donor of some of the terms that it offers."""
        tree = ast.parse(reward.code)
        (entry,) = (
            n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == ENTRY_POINT
        )
        rest = [n for n in tree.body if n is not entry and not _is_params(n) and not _is_text(n)]
        imports = [n for n in rest if isinstance(n, ast.Import | ast.ImportFrom)]
        module = [n for n in rest if n not in imports]
        found = _literal_terms(entry)
        rebound = scope.stores(scope.in_scope([*module, *entry.body])) & _CONTRACT
        if found is None or rebound or not set(names) <= found.keys():
            entry.name = _WHOLE
            module.append(entry)
            body, terms = [_call(reward.arguments)], {n: _taken(n, entry) for n in names}
        else:
            terms = {name: found[name] for name in names}
            body = _needed(entry.body[:-1], scope.loads(terms.values()))
        module = _needed(module, scope.loads([*body, *terms.values()]))
        used = scope.loads([*module, *body, *terms.values()])
        donor = Donor(
            terms=terms,
            body=body,
            module=module,
            imports=[node for node in imports if set(scope.imported(node)) & used],
            params=reward.params,
        )
        keys = donor._keys()
        kept = {key: value for key, value in reward.params.items() if keys is None or key in keys}
        return replace(donor, params=kept)

    @property
    def bound(self) -> set[str]:
        """The names that it gives anything, but for those of the contract."""
        return scope.stores(scope.everywhere(self._nodes())) - _CONTRACT

    @property
    def free(self) -> set[str]:
        """The names that it uses and does not bind: of builtins, modules and arguments."""
        return scope.loads(self._nodes()) - self.bound

    @property
    def imported(self) -> dict[str, str]:
        """What every imported name stands for."""
        return {name: what for node in self.imports for name, what in scope.imported(node).items()}

    def renamed(self, names: Iterable[str], taken: Collection[str]) -> Donor:
        """The same with other names for these, none of them `taken`."""
        return self._changed(scope.Rename(scope.fresh(names, taken), self.bound))

    def rekeyed(self, keys: Iterable[str], taken: Collection[str]) -> Donor | None:
        """The same with other names for these parameters; None where they are read by others."""
        fresh = scope.fresh(keys, taken)
        if fresh and self._keys() is None:
            return None
        params = {fresh.get(key, key): value for key, value in self.params.items()}
        return replace(self._changed(_Rekey(fresh)), params=params)

    def _nodes(self) -> list[ast.AST]:
        return [*self.module, *self.body, *self.terms.values()]

    def _changed(self, change: ast.NodeTransformer) -> Donor:
        return replace(
            self,
            terms={name: change.visit(copy.deepcopy(node)) for name, node in self.terms.items()},
            body=[change.visit(copy.deepcopy(node)) for node in self.body],
            module=[change.visit(copy.deepcopy(node)) for node in self.module],
        )

    def _keys(self) -> set[str] | None:
        """The parameters that are read by name; None where any might be."""
        keys: set[str] = set()
        seen: set[int] = set()
        nodes = list(scope.everywhere(self._nodes()))
        for node in nodes:
            if isinstance(node, ast.keyword) and node.arg == "params":
                seen.add(id(node.value))  # handed on under its own name
            elif (read := _param_read(node)) is not None:
                base, key = read
                seen.add(id(base))
                keys.add(str(key.value))
        names = [n for n in nodes if isinstance(n, ast.Name) and n.id in _PARAMS]
        return keys if all(id(node) in seen for node in names) else None


def _literal_terms(entry: ast.FunctionDef) -> dict[str, ast.expr] | None:
    """The terms of a body that ends in returning them as one literal dictionary, else None."""
    *before, last = entry.body
    if not isinstance(last, ast.Return) or len(_returns(entry)) > 1:
        return None
    value = last.value.elts[-1] if isinstance(last.value, ast.Tuple) else last.value
    if isinstance(value, ast.Name):
        name = value.id
        mentions = sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(entry))
        made = [
            n
            for n in before
            if isinstance(n, ast.Assign) and scope.stores(scope.everywhere(n.targets)) == {name}
        ]
        if mentions != 2 + sum(_only_reads(n, name) for n in ast.walk(entry)) or len(made) != 1:
            return None
        value = made[0].value
        later = before[before.index(made[0]) + 1 :]
        if scope.stores(scope.everywhere(later)) & scope.loads([value]):
            return None
    if not isinstance(value, ast.Dict) or any(
        isinstance(n, ast.NamedExpr) for n in ast.walk(value)
    ):
        return None
    terms: dict[str, ast.expr] = {}
    for key, node in zip(value.keys, value.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        terms[key.value] = node
    return terms


def _only_reads(node: ast.AST, name: str) -> bool:
    """Whether this is `terms["x"]` or `terms.values()`, which changes nothing."""
    match node:
        case (
            ast.Subscript(value=ast.Name(id=base), ctx=ast.Load())
            | ast.Attribute(value=ast.Name(id=base), attr="values" | "items" | "keys" | "get")
        ):
            return base == name
    return False


def _needed(body: Sequence[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """The statements that these names depend on; all, where one may change another's value."""
    body = [node for node in body if not _is_text(node)]
    if any(map(_mutates, scope.everywhere(body))):
        return body
    names = set(names)
    kept: list[ast.stmt] = []
    while more := [n for n in body if n not in kept and scope.stores(scope.in_scope([n])) & names]:
        kept += more
        names |= scope.loads(more)
    return [node for node in body if node in kept]


def _mutates(node: ast.AST) -> bool:
    """Whether a node may change an object in place: other names may stand for it too."""
    match node:
        case ast.Subscript(ctx=ast.Store()) | ast.AugAssign() | ast.keyword(arg="out"):
            return True
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
    return False


def _returns(entry: ast.FunctionDef) -> list[ast.Return]:
    """The return statements of a function, without those of functions within."""
    return [node for node in scope.in_scope(entry.body) if isinstance(node, ast.Return)]


def _param_read(node: ast.AST) -> tuple[ast.Name, ast.Constant] | None:
    """The base and the key of `params["x"]` and `params.get("x", ...)`."""
    match node:
        case (
            ast.Subscript(value=ast.Name() as base, slice=ast.Constant(value=str()) as key)
            | ast.Call(
                func=ast.Attribute(value=ast.Name() as base, attr="get"),
                args=[ast.Constant(value=str()) as key, *_],
            )
        ) if base.id in _PARAMS:
            return base, key
    return None


def _is_params(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name == PARAMS_NAME
    return False


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _call(arguments: Sequence[str]) -> ast.stmt:
    """`given = parent_terms(state=state, ...)`."""
    handed = [ast.keyword(name, ast.Name(name, ast.Load())) for name in arguments]
    call = ast.Call(func=ast.Name(_WHOLE, ast.Load()), args=[], keywords=handed)
    return ast.Assign(targets=[ast.Name(_GIVEN, ast.Store())], value=call)


def _taken(name: str, entry: ast.FunctionDef) -> ast.expr:
    """`given["name"]`, or `given[1]["name"]` of a pair, or the `given[0]` that is its total."""
    given: ast.expr = ast.Name(_GIVEN, ast.Load())
    in_pair = any(isinstance(node.value, ast.Tuple) for node in _returns(entry))
    keys: list[int | str] = [0] if name == _COMBINED else [*([1] if in_pair else []), name]
    for key in keys:
        given = ast.Subscript(value=given, slice=ast.Constant(key), ctx=ast.Load())
    return given


class _Rekey(ast.NodeTransformer):
    """Gives parameters other names wherever they are read."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if (read := _param_read(node)) is not None:
            key = read[1]
            key.value = self._keys.get(str(key.value), key.value)
        return super().generic_visit(node)
