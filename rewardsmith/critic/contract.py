"""How a reward's text meets the contract: its arguments, its PARAMS, the variables it reads."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rewardsmith.records import Column, Finding, TaskSpec
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME, available_columns

_NAMED = ("state", "next_state")
_PARAM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./-]{0,63}")
MAX_NUMBER = 2.0**1023
"""Beyond the largest sane weight, and no integer too large for a float."""


@dataclass
class Reading:
    """What compute_reward asks for and reads, with what is wrong about it."""

    findings: list[Finding] = field(default_factory=list)
    arguments: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    params: dict[str, float] = field(default_factory=dict)
    resolved: set[int] = field(default_factory=set)
    """Ids of the nodes `state.x`, whose names are judged here and by nobody else."""


def read(tree: ast.Module, task: TaskSpec) -> Reading:
    """Find compute_reward in `tree` and all that it takes from `task`."""
    reading = Reading()
    entries = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == ENTRY_POINT]
    if len(entries) != 1:
        line = entries[1].lineno if entries else None
        wanted = "define one function compute_reward(state, action, next_state, params)"
        found = f"found {len(entries)} at the top level of the file"
        reading.findings.append(_error("signature", line, f"{wanted}; {found}"))
        return reading
    entry = entries[0]
    _signature(entry, reading)
    _params(tree, reading)
    _params_used(entry, reading)
    _variables(tree, entry, task, reading)
    return reading


def _signature(entry: ast.FunctionDef, reading: Reading) -> None:
    arguments = entry.args
    named = [*arguments.args, *arguments.kwonlyargs]
    if arguments.posonlyargs or arguments.vararg or arguments.kwarg:
        message = f"{ENTRY_POINT} is called by name: no *, ** or positional-only arguments"
        reading.findings.append(_error("signature", entry.lineno, message))
    for argument in named:
        if argument.arg not in ARGUMENTS:
            near = hint(argument.arg, ARGUMENTS) or f"; there are {', '.join(ARGUMENTS)}"
            message = f"{ENTRY_POINT} has no argument `{argument.arg}`{near}"
            reading.findings.append(_error("signature", argument.lineno, message))
    reading.arguments = tuple(argument.arg for argument in named)


def _params(tree: ast.Module, reading: Reading) -> None:
    for node in tree.body:
        value = _assigned(node, PARAMS_NAME)
        if value is None:
            continue
        numbers = _literal(value)
        if numbers is None:
            message = f"{PARAMS_NAME} must be a literal dict of different names and plain numbers"
            near = "; keep anything else in a constant of its own"
            reading.findings.append(_error("params", node.lineno, message + near))
        else:
            reading.params = numbers


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
            return value
        case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
            return value
    return None


def _literal(value: ast.expr) -> dict[str, float] | None:
    if not isinstance(value, ast.Dict):
        return None
    params: dict[str, float] = {}
    for key, node in zip(value.keys, value.values, strict=True):
        number = _number(node)
        if number is None or not isinstance(key, ast.Constant) or key.value in params:
            return None
        if not isinstance(key.value, str) or not _PARAM_NAME.fullmatch(key.value):
            return None
        params[key.value] = number
    return params


def _number(node: ast.expr) -> float | None:
    """A plain, finite number, perhaps with a sign."""
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = _number(operand)
            return -number if number is not None and isinstance(node.op, ast.USub) else number
        case ast.Constant(value=int() | float() as number) if abs(number) < MAX_NUMBER:
            return float(number)
    return None


def _params_used(entry: ast.FunctionDef, reading: Reading) -> None:
    """`params["x"]` must be in PARAMS; `params.get("x", 1.0)` need not."""
    for node in ast.walk(entry):
        match node:
            case ast.Subscript(
                value=ast.Name(id="params"), slice=ast.Constant(value=str(key)), ctx=ast.Load()
            ) if key not in reading.params and "params" in reading.arguments:
                near = hint(key, reading.params) or f"; add it to {PARAMS_NAME}"
                message = f'params["{key}"] is not in {PARAMS_NAME}{near}'
                reading.findings.append(_error("params", node.lineno, message))


def _variables(tree: ast.Module, entry: ast.FunctionDef, task: TaskSpec, reading: Reading) -> None:
    """Which columns are read; what is read directly from state or next_state must exist."""
    available = available_columns(task)
    used: set[tuple[str, str]] = set()
    escaped: set[str] = set()
    direct: set[int] = set()
    for node, base, argument, name in _direct_reads(entry):
        reading.resolved.add(id(node))
        direct.add(id(base))
        used.add((argument, name))
        known = {column.name for column in available if column.argument == argument}
        if name not in known:
            reading.findings.append(_unknown(task, argument, name, known, base.lineno))
    for node in ast.walk(entry):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in direct:
            if node.id in _NAMED:
                escaped.add(node.id)
            else:
                used.add((node.id, ""))
    # A helper that is given the whole state reads it under another name: then every name in the
    # file that is a variable counts as read, and all of them do where names are put together.
    mentioned = set(_mentions(tree)) if escaped else set()
    if escaped and any(map(_makes_text, ast.walk(tree))):
        mentioned = {column.name for column in available}
    reading.columns = tuple(
        column
        for column in available
        if column.argument in reading.arguments
        and (
            (column.argument, column.name) in used
            or (column.argument in escaped and column.name in mentioned)
        )
    )


def _direct_reads(entry: ast.FunctionDef) -> Iterator[tuple[ast.AST, ast.Name, str, str]]:
    """`state.x` and `state["x"]`: the node, that of its base, the argument, the variable."""
    for node in ast.walk(entry):
        match node:
            case (
                ast.Attribute(value=ast.Name(id=argument) as base, attr=name)
                | ast.Subscript(
                    value=ast.Name(id=argument) as base, slice=ast.Constant(value=str(name))
                )
            ) if argument in _NAMED:
                yield node, base, argument, name


def _mentions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                yield name


def _makes_text(node: ast.AST) -> bool:
    """Whether a text, such as a variable's name, is computed here."""
    match node:
        case ast.JoinedStr() | ast.Attribute(attr="join" | "replace"):
            return True
        case ast.BinOp(left=left, right=right):
            return any(
                isinstance(part, ast.Constant) and isinstance(part.value, str)
                for part in (left, right)
            )
    return False


def _unknown(task: TaskSpec, argument: str, name: str, known: set[str], line: int) -> Finding:
    if any(variable.name == name for variable in task.variables):
        message = (
            f"`{argument}.{name}` does not exist: {name} is defined by a step, so only "
            f"`next_state.{name}` does"
        )
    else:
        near = hint(name, known) or ";"
        names = ", ".join(sorted(known)) or "none"
        message = f"`{argument}` has no variable `{name}`{near} there are: {names}"
    return _error("variable", line, message)


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`, or "" where nothing is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _error(rule: str, line: int | None, message: str) -> Finding:
    return Finding(rule=rule, line=line, message=message)
