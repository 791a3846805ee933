"""What the text of a reward tells before it runs: the bytes, the syntax tree, the names it uses."""

from __future__ import annotations

import ast
import builtins
import copy
import math
from collections.abc import Iterator

import numpy as np
from pyflakes import checker, messages

from rewardsmith import helpers
from rewardsmith.critic import allowed, contract, processes, text
from rewardsmith.critic.contract import hint
from rewardsmith.jail.protocol import REWARD_BUILTINS
from rewardsmith.names import bound
from rewardsmith.records import CheckedReward, Finding, Record, TaskSpec
from rewardsmith.reward import ARGUMENTS

_MAX_INTEGER = 2**53
# As a reward is most often written: the state and the action first.
_ARRAYS = tuple(name for name in dict.fromkeys(("state", "action", *ARGUMENTS)) if name != "params")
_EXISTING = {"numpy": dir(np), "numpy.linalg": dir(np.linalg), "math": dir(math)}


class Inspection(Record):
    """What the text tells: findings or, where there is none, the reward without its terms."""

    findings: tuple[Finding, ...] = ()
    draft: CheckedReward | None = None


def inspect(code: str, task: TaskSpec) -> Inspection:
    """Judge `code` by its text alone; nothing of it is executed.

    The draft holds the code with the helpers that it calls.
    """
    tree = text.parse(code)
    if isinstance(tree, ast.Module):
        code = helpers.complete(code, tree)
        tree = text.parse(code)
    if not isinstance(tree, ast.Module):
        return Inspection(findings=tree)
    read = contract.read(tree, task)
    walk = _Walk(tree, {variable.name for variable in task.variables}, read.resolved)
    findings = (*walk.findings, *read.findings, *_undefined(tree), *processes.findings(tree))
    found = {(finding.line or 0, finding.rule, finding.message): finding for finding in findings}
    if found:
        return Inspection(findings=tuple(found[key] for key in sorted(found)))
    draft = CheckedReward(
        code=code,
        arguments=read.arguments,
        columns=read.columns,
        terms=(),
        params=read.params,
    )
    return Inspection(draft=draft)


def refuses(code: str) -> bool:
    """Whether the allow-list refuses `code`, which can be parsed."""
    return bool(_Walk(ast.parse(code), set(), set()).findings)


def _undefined(tree: ast.Module) -> Iterator[Finding]:
    """Names without a definition, in branches that rarely run too."""
    for message in checker.Checker(_without_annotations(tree), builtins=set()).messages:
        line = message.lineno
        if isinstance(message, messages.UndefinedName | messages.UndefinedLocal):
            name = message.message_args[0]
            near = hint(name, {*bound(tree), *REWARD_BUILTINS})
            yield Finding(rule="undefined", line=line, message=f"`{name}` is not defined{near}")


def _without_annotations(tree: ast.Module) -> ast.Module:
    """A copy without type hints: they are never evaluated, so what they name need not exist."""
    bare = copy.deepcopy(tree)
    for node in ast.walk(bare):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
    return bare


# --- the syntax tree -----------------------------------------------------------------------------


class _Walk:
    """One pass over the tree against the allow-list."""

    def __init__(self, tree: ast.Module, variables: set[str], resolved: set[int]) -> None:
        self.findings: list[Finding] = []
        self._resolved = resolved
        self._attributes = allowed.ATTRIBUTES | variables
        self._known = {*bound(tree), *REWARD_BUILTINS}
        self._modules: dict[str, str] = {}
        self._kept = _module_level_names(tree) - _local_names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
        self._kept -= set(self._modules)  # `np.sort` is a function, not a change of `np`
        self._walk(tree)

    def _walk(self, tree: ast.Module) -> None:
        stack: list[tuple[ast.AST, bool]] = [(tree, False)]
        while stack:
            node, inside = stack.pop()
            if not isinstance(node, allowed.NODES):
                advice = allowed.NODE_ADVICE.get(type(node), "write it more simply")
                self._refuse("construct", node, f"{_construct(node)} is not allowed: {advice}")
                continue
            inside = inside or isinstance(node, ast.FunctionDef | ast.Lambda)
            if inside:
                self._keeps_state(node)
            if self._judge(node):
                stack.extend((child, inside) for child in ast.iter_child_nodes(node))

    def _judge(self, node: ast.AST) -> bool:
        """Report what is wrong with `node` itself; whether its children are still to be seen."""
        match node:
            case ast.Attribute():
                return self._attribute(node)
            case ast.Name():
                self._name(node)
            case ast.FunctionDef() | ast.arg():
                self._binding(node, node.name if isinstance(node, ast.FunctionDef) else node.arg)
            case ast.ExceptHandler() if node.name:
                self._binding(node, node.name)
            case ast.keyword() if node.arg and _is_dunder(node.arg):
                self._binding(node, node.arg)
            case ast.Constant():
                self._constant(node)
        return True

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom):
            self._import_from(node)
            return
        for alias in node.names:
            if alias.name not in allowed.IMPORTS:
                self._refuse_import(node, alias.name)
            elif alias.asname:
                self._modules[alias.asname] = alias.name
            else:
                self._modules[alias.name.partition(".")[0]] = alias.name.partition(".")[0]

    def _import_from(self, node: ast.ImportFrom) -> None:
        names = {alias.name for alias in node.names}
        if node.module == "__future__" and names == {"annotations"}:
            return
        if node.level or node.module not in allowed.IMPORTS:
            self._refuse_import(node, node.module or ".")
            return
        for name in sorted(names):
            if name == "linalg":
                alias = next(alias for alias in node.names if alias.name == name)
                self._modules[alias.asname or name] = "numpy.linalg"
            else:
                self._member(node, node.module, name)

    def _refuse_import(self, node: ast.AST, name: str) -> None:
        message = f"`{name}` cannot be imported: rewards may import numpy and math only"
        self._refuse("import", node, message)

    def _attribute(self, node: ast.Attribute) -> bool:
        if not isinstance(node.ctx, ast.Load):
            advice = "a reward keeps nothing between calls"
            self._refuse("attribute", node, f"`.{node.attr}` cannot be set: {advice}")
            return False
        chain, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            chain.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name) and base.id in self._modules:
            self._chain(node, self._modules[base.id], chain[::-1])
            return False
        if isinstance(base, ast.Name) and base.id not in self._known:
            return True  # the name is undefined: nothing more can be said
        if id(node) not in self._resolved and node.attr not in self._attributes:
            near = hint(node.attr, self._attributes)
            self._refuse("attribute", node, f"`.{node.attr}` is not available to rewards{near}")
        return True

    def _chain(self, node: ast.AST, module: str, names: list[str]) -> None:
        if module == "numpy" and names[0] == "linalg" and len(names) > 1:
            module, names = "numpy.linalg", names[1:]
        self._member(node, module, names[0])
        for name in names[1:]:
            if name not in self._attributes:
                self._refuse("attribute", node, f"`.{name}` is not available to rewards")

    def _member(self, node: ast.AST, module: str, name: str) -> None:
        members = allowed.BY_MODULE[module]
        if name in members:
            return
        label = f"{module.replace('numpy', 'np')}.{name}"
        exists = name in _EXISTING.get(module, ())
        unknown = module in ("numpy", "numpy.linalg") and not exists
        why = "does not exist in NumPy" if unknown else "is not available to rewards"
        # What exists was meant as it stands: a name spelt like it does something else.
        near = "" if exists else hint(name, members)
        advice = near or f"; the arrays you may use are {', '.join(_ARRAYS)}"
        self._refuse("numpy" if module != "math" else "math", node, f"`{label}` {why}{advice}")

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if not isinstance(node.ctx, ast.Load):
            self._binding(node, name)
        elif _is_dunder(name):
            self._refuse("name", node, f"`{name}` is not available to rewards")
        elif name in self._modules:
            self._refuse("name", node, f"use `{name}.<function>` directly, not `{name}` as a value")
        elif name not in self._known and name in dir(builtins):
            advice = "; return what you want to see as a term" if name == "print" else ""
            self._refuse("name", node, f"`{name}` is not available to rewards{advice}")

    def _binding(self, node: ast.AST, name: str) -> None:
        if _is_dunder(name):
            self._refuse("name", node, f"`{name}`: names with two underscores are not available")
        elif name in self._modules:
            self._refuse("name", node, f"`{name}` is the name of a module; choose another one")

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes | complex):
            kind = type(node.value).__name__
            self._refuse("constant", node, f"a {kind} constant has no use in a reward")
        elif isinstance(node.value, int) and abs(node.value) > _MAX_INTEGER:
            self._refuse("constant", node, "an integer beyond 2**53 has no use in a reward")

    def _keeps_state(self, node: ast.AST) -> None:
        """A function must not change an object that outlives its call."""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            root = _root(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            root = _root(node.func) if node.func.attr in allowed.MUTATORS else None
        else:
            root = None
        if root in self._kept:
            advice = "a reward keeps nothing between calls; work on a copy"
            self._refuse("state-kept", node, f"the function changes the global `{root}`: {advice}")

    def _refuse(self, rule: str, node: ast.AST, message: str) -> None:
        line = getattr(node, "lineno", None)
        self.findings.append(Finding(rule=rule, line=line, message=message))


def _is_dunder(name: str) -> bool:
    return name.startswith("__")


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _construct(node: ast.AST) -> str:
    return {"ClassDef": "a class", "Delete": "`del`", "Match": "`match`"}.get(
        type(node).__name__, f"`{type(node).__name__.lower()}`"
    )


def _module_level_names(tree: ast.Module) -> set[str]:
    statements = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return {name for statement in statements for name in bound(statement)}


def _local_names(tree: ast.Module) -> set[str]:
    """Names that some function binds for itself; such a name may shadow a global one."""
    return {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node)
        for name in bound(child)
    }
