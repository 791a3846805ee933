"""Changes the numbers in a reward somebody else wrote, leaving the rest of the text as it is."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from rewardsmith.reward import ENTRY_POINT, PARAMS_NAME


@dataclass(frozen=True)
class Handle:
    """A place where a reward can be scaled."""

    name: str
    """The term's name, or the parameter's."""
    node: ast.expr


def params(code: str) -> tuple[Handle, ...]:
    """The numbers in a literal PARAMS dictionary."""
    for node in _tree(code).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as value)
            ) if name == PARAMS_NAME:
                return tuple(h for h in _entries(value) if _is_number(h.node))
    return ()


def numbers(code: str) -> dict[str, float]:
    """The numbers in a literal PARAMS dictionary, by their names."""
    return {handle.name: float(ast.literal_eval(handle.node)) for handle in params(code)}


def with_params(code: str, values: Mapping[str, float]) -> str:
    """The code with these numbers in PARAMS, the others and all the text as they are."""
    for handle in reversed(params(code)):  # from the end, for a change moves what follows it
        if handle.name in values:
            code = _replaced(code, handle.node, repr(float(values[handle.name])))
    return code


def terms(code: str) -> tuple[Handle, ...]:
    """The terms of compute_reward, where it ends in returning them as a literal dictionary."""
    for node in _tree(code).body:
        if isinstance(node, ast.FunctionDef) and node.name == ENTRY_POINT:
            match node.body[-1]:
                case ast.Return(value=ast.Dict() as value):
                    return _entries(value)
    return ()


def scaled(code: str, handle: Handle, factor: float) -> str:
    """The code with this number, or this term, multiplied by `factor`.

    A term is wrapped as `factor * (...)`; a factor from an earlier change is multiplied instead.
    """
    node = handle.node
    match node:
        case ast.BinOp(left=ast.Constant() as left, op=ast.Mult()) if _is_number(left):
            node = left
    if _is_number(node):
        value = float(ast.literal_eval(node))
        return _replaced(code, node, repr(float(f"{value * factor:.3g}")))
    return _replaced(code, node, f"{factor!r} * ({ast.get_source_segment(code, node)})")


def _tree(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _entries(dictionary: ast.Dict) -> tuple[Handle, ...]:
    return tuple(
        Handle(name=key.value, node=value)
        for key, value in zip(dictionary.keys, dictionary.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    )


def _is_number(node: ast.expr) -> bool:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return isinstance(value, int | float) and not isinstance(value, bool)


def _replaced(code: str, node: ast.expr, text: str) -> str:
    """`code` with the source of `node` replaced; columns of the tree count UTF-8 bytes."""
    lines = code.encode().splitlines(keepends=True)
    starts = [0, *accumulate(len(line) for line in lines)]
    assert node.end_lineno is not None and node.end_col_offset is not None
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[node.end_lineno - 1] + node.end_col_offset
    source = code.encode()
    return (source[:begin] + text.encode() + source[end:]).decode()
