"""The layers below the syntax tree: the bytes of a reward, and whether it can be parsed at all."""

from __future__ import annotations

import ast
import unicodedata
import warnings
from collections.abc import Iterator

from rewardsmith.records import Finding

MAX_BYTES = 32 * 1024
_MAX_NODES = 6000
_MAX_DEPTH = 100
# Bidirectional controls, zero-width and other invisible characters are all of category Cf.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def parse(code: str) -> ast.Module | tuple[Finding, ...]:
    """The tree of `code`, shallow enough to recurse into, or what is wrong with it."""
    wrong = tuple(_bytes(code))
    if wrong:
        return wrong
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is not worth a word
            tree = ast.parse(code)
    except SyntaxError as error:
        return (_finding(f"syntax error: {error.msg}", error.lineno),)
    except (RecursionError, MemoryError):
        return (_finding("the code is nested too deeply to be parsed"),)
    return tuple(_too_large(tree)) or tree


def refuses(code: str) -> bool:
    """Whether `code` is refused for its bytes or its size."""
    return not isinstance(parse(code), ast.Module)


def _bytes(code: str) -> Iterator[Finding]:
    try:
        size = len(code.encode("utf-8"))
    except UnicodeEncodeError:
        yield Finding(rule="bytes", message="the code is not valid UTF-8")
        return
    if size > MAX_BYTES:
        yield Finding(rule="bytes", message=f"the code has {size} bytes; at most {MAX_BYTES}")
        return
    for number, line in enumerate(code.split("\n"), start=1):
        for character in line.rstrip("\r").replace("\t", " "):
            if unicodedata.category(character) in _INVISIBLE:
                what = f"the character U+{ord(character):04X} is invisible or reorders text"
                yield Finding(rule="bytes", line=number, message=f"{what}: remove it")
                break


def _too_large(tree: ast.Module) -> Iterator[Finding]:
    # By hand and not recursively: the tree is hostile until its depth is known.
    nodes = 0
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if depth > _MAX_DEPTH or nodes > _MAX_NODES:
            what = "nested too deeply" if depth > _MAX_DEPTH else "too long"
            yield _finding(f"the code is {what}: simplify it", getattr(node, "lineno", None))
            return
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _finding(message: str, line: int | None = None) -> Finding:
    return Finding(rule="syntax", line=line, message=message)
