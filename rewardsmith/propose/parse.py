"""Finds the reward's code in a model's reply, by trying what parses rather than by patterns."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

from rewardsmith.errors import CandidateError
from rewardsmith.names import bound, loaded
from rewardsmith.reward import ENTRY_POINT, PARAMS_NAME

_MAX_LINES = 2000
_MAX_FENCES_INSIDE = 8
"""How many fences within a block, in docstrings, are looked past."""
_DEFINITION = f"def {ENTRY_POINT}"
_FENCE = re.compile(r"(?P<indent>\s*)(?P<marks>`{3,20}|~{3,20})(?P<info>[^`]*)")
_REFUSAL = re.compile(
    r"\b(I can('|’)?t|I cannot|I can not|I('|’)m sorry|I am sorry|unable to)\b", re.I
)
_SUPPLIED = {"np": "import numpy as np", "numpy": "import numpy", "math": "import math"}
_RESEND = "Send the whole reward file again, in one ```python block."


class BrokenCode(CandidateError):
    """There is code, and it does not parse.

    Attributes:
        code: that code, so that the critic can point at the line and the model can mend it.
    """

    def __init__(self, code: str, error: SyntaxError) -> None:
        line = (error.text or "").strip()
        where = f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
        where += f": `{line[:100]}`" if line else ""
        super().__init__("syntax", f"The code does not parse, {where}. {_RESEND}", where)
        self.code = code


def extract(text: str) -> str:
    """The reward file in `text`: the last complete code that defines compute_reward.

    Fenced blocks come first, each whole, after those earlier ones that define what it lacks; where
    none serves, the stretch of lines around the definition that parses. An import of numpy or math
    that is used and missing is supplied.

    Raises:
        BrokenCode: there is code with a syntax error (cause "syntax").
        CandidateError: there is none (cause "refusal" or "no-code").
    """
    answer = re.split(r"</think(?:ing)?>", text)[-1].replace("\r\n", "\n")
    lines = answer.split("\n")
    if _DEFINITION not in answer or len(lines) > _MAX_LINES:
        raise _no_code(answer)
    found = [(at, block) for at, block in _fenced(lines) if _DEFINITION in block]
    blocks = [block for _, block in found]
    whole = ((at, block) for at, block in found if _is_complete(block))
    code = next((_completed(block, lines[:at]) for at, block in whole), None)
    if code is None and not any(_parses(block) for block in blocks):
        code = _unfenced(lines)
    if code is None:
        raise _why_broken(min(blocks, key=len) if blocks else _from_definition(lines))
    return _with_imports(code.strip("\n") + "\n")


def parse_code(code: str) -> ast.Module:
    """The syntax tree; raises SyntaxError whatever is wrong, and never warns."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a stray backslash the critic tells, not stderr
            return ast.parse(code)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, absurd nesting
        raise SyntaxError(str(error) or "nested too deeply") from None


def same_code(code: str, other: str) -> bool:
    """Whether the two differ in layout and comments at most."""
    try:
        return ast.dump(parse_code(code)) == ast.dump(parse_code(other))
    except (SyntaxError, RecursionError):
        return code.strip() == other.strip()


def _parses(code: str) -> bool:
    try:
        parse_code(code)
    except SyntaxError:
        return False
    return True


def _is_complete(code: str) -> bool:
    """Whether it parses and defines a compute_reward that returns something."""
    return _parses(code) and any(
        isinstance(node, ast.FunctionDef)
        and node.name == ENTRY_POINT
        and any(isinstance(inner, ast.Return) for inner in ast.walk(node))
        for node in parse_code(code).body
    )


def _completed(code: str, before: list[str]) -> str:
    """The code, with the earlier blocks of the reply that define what it uses and does not define.

    An earlier block with a compute_reward of its own is another answer, not a part of this one.
    """
    lacking = _lacks(parse_code(code))
    for _, block in _fenced(before):
        named = any(name in block for name in lacking)  # spares most blocks the parser
        if not named or _DEFINITION in block or not _parses(block):
            continue
        if lacking & _defined(parse_code(block)):
            code = block.strip("\n") + "\n\n\n" + code.strip("\n")
            lacking = _lacks(parse_code(code))
    return code


def _lacks(tree: ast.Module) -> set[str]:
    """Names without which the code does not run as it was meant, but for imports we supply."""
    takes_params = any(
        isinstance(node, ast.arg) and node.arg == "params" for node in ast.walk(tree)
    )
    needed = loaded(tree) | ({PARAMS_NAME} if takes_params else set())
    return needed - bound(tree) - set(_SUPPLIED)


def _defined(tree: ast.Module) -> set[str]:
    """Names that a file leaves to what comes after it."""
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    others = (node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef))
    return functions.union(*map(bound, others))


def _fenced(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Every stretch between an opening fence and one that may close it, the last ones first.

    A fence inside a docstring looks like a closing one, so the next few closings are offered too,
    the nearest first, and at last the end of the reply, for a block that was never closed. With
    each stretch goes the place of its opening fence in `lines`.
    """
    fences = [(at, match) for at, line in enumerate(lines) if (match := _FENCE.fullmatch(line))]
    for position in reversed(range(len(fences))):
        start, opening = fences[position]
        later = fences[position + 1 : position + 2 + _MAX_FENCES_INSIDE]
        ends = [end for end, closing in later if _closes(opening, closing)]
        for end in [*ends, len(lines)]:
            yield start, _outdent(lines[start + 1 : end], opening["indent"])


def _closes(opening: re.Match[str], closing: re.Match[str]) -> bool:
    return closing["marks"].startswith(opening["marks"]) and not closing["info"].strip()


def _outdent(lines: list[str], indent: str) -> str:
    block = "\n".join(line.removeprefix(indent) for line in lines)
    return textwrap.dedent(block)


def _unfenced(lines: list[str]) -> str | None:
    """The longest stretch of lines around the last complete definition that parses, or None."""
    for at in reversed(range(len(lines))):
        if not lines[at].lstrip().startswith(_DEFINITION):
            continue
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        plain = [line.removeprefix(indent) for line in lines]
        end = _end_of_code(plain, at)
        if end is None or not _is_complete("\n".join(plain[at:end])):
            continue
        for start in range(at + 1):
            stretch = "\n".join(plain[start:end])
            if _is_complete(stretch):
                return _without_prose(stretch)
    return None


def _end_of_code(lines: list[str], start: int) -> int | None:
    """Where the code that begins at `start` gives way to prose; None where code itself is broken.

    Prose stands at the margin: a syntax error in an indented line is the code's own.
    """
    end = len(lines)
    while end > start:
        try:
            parse_code("\n".join(lines[start:end]))
        except SyntaxError as error:
            end = min(end - 1, start + (error.lineno or 1) - 1)
            if lines[end][:1].isspace():
                return None
        else:
            return end
    return None


def _without_prose(code: str) -> str:
    """Drops bare expressions at both ends: a line such as "Sure" is Python too."""
    body = parse_code(code).body
    kept = [node for node in body if not _is_prose(node)]
    first = min([kept[0].lineno, *(d.lineno for d in getattr(kept[0], "decorator_list", ()))])
    start = 0 if kept[0] is body[0] else first - 1
    return "\n".join(code.split("\n")[start : kept[-1].end_lineno])


def _is_prose(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    return not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str))


def _from_definition(lines: list[str]) -> str:
    starts = [at for at, line in enumerate(lines) if line.lstrip().startswith(_DEFINITION)]
    return textwrap.dedent("\n".join(lines[starts[-1] :])) if starts else "\n".join(lines)


def _why_broken(code: str) -> CandidateError:
    try:
        parse_code(code)
    except SyntaxError as error:
        return BrokenCode(code.strip("\n") + "\n", error)
    return CandidateError(
        "no-code",
        f"{ENTRY_POINT} must be a function at the top level of the file and return its terms. "
        + _RESEND,
        f"no complete {ENTRY_POINT}",
    )


def _no_code(answer: str) -> CandidateError:
    if len(answer) > 0 and _REFUSAL.search(answer[:400]):
        return CandidateError(
            "refusal",
            f"The reply held no code. Only a Python function is asked for. {_RESEND}",
            "the model refused: " + " ".join(answer.split())[:120],
        )
    return CandidateError(
        "no-code",
        f"The reply held no function {ENTRY_POINT}. {_RESEND}",
        "the reply held no code" if answer.strip() else "the reply was empty",
    )


def _with_imports(code: str) -> str:
    """The code with what it uses of numpy and math imported, where it forgot to."""
    tree = parse_code(code)
    absent = loaded(tree) - bound(tree)
    missing = [line for name, line in _SUPPLIED.items() if name in absent]
    if not missing:
        return code
    lines = code.split("\n")
    at = _first_import_line(tree)
    return "\n".join([*lines[:at], *missing, *([] if at else ["", ""]), *lines[at:]])


def _first_import_line(tree: ast.Module) -> int:
    """Lines before the place of an import: after a docstring and `from __future__`."""
    at = 0
    for position, node in enumerate(tree.body):
        docstring = position == 0 and _is_docstring(node)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        at = node.end_lineno or at
    return at


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
