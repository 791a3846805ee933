"""Renders what a model is told; every word of it is in prompts/*.jinja2."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

import jinja2

from rewardsmith.assets import assets_dir
from rewardsmith.llm.chat import Message
from rewardsmith.propose import Ask
from rewardsmith.propose.parse import parse_code
from rewardsmith.records import Candidate, Space, TaskSpec, Variable, Verdict


def render(name: str, **values: object) -> str:
    """The prompt `name`.jinja2; raises jinja2.UndefinedError for a value it lacks."""
    return _environment().get_template(f"{name}.jinja2").render(**values).strip() + "\n"


def proposal_messages(ask: Ask, slot: str) -> tuple[Message, ...]:
    """The conversation that asks for the reward of one slot of `ask`.

    It depends on the slot's own number and never on which other slots are asked for with it, so
    that a resumed generation asks in the same words.
    """
    values = dict(ask) | {"number": int(slot.rpartition("c")[2])}
    user = render("evolve" if ask.parents else "first", **values)
    return (Message(role="system", content=render("system")), Message(role="user", content=user))


def repair_messages(task: TaskSpec, candidate: Candidate, verdict: Verdict) -> tuple[Message, ...]:
    """The conversation that asks for refused code to be mended; the error is at most 2 kB.

    It is made of the task and the code alone, not of what was said before: so it is the same after
    a crash, and no longer at the second attempt than at the first.
    """
    errors = [finding for finding in verdict.findings if finding.severity == "error"]
    first = render("first", task=task, notes="", failures=(), number=candidate.index)
    error = render("repair", findings=errors, source=candidate.code.split("\n"))
    return (
        Message(role="system", content=render("system")),
        Message(role="user", content=first),
        Message(role="assistant", content=fenced(candidate.code, "python")),
        Message(role="user", content=error),
    )


def review_messages(task: TaskSpec, code: str) -> tuple[Message, ...]:
    """The conversation that asks for doubts about a reward."""
    return (Message(role="user", content=render("review", task=task, notes="", code=code)),)


def fenced(text: str, language: str = "") -> str:
    """`text` between fences longer than any run of backticks in it, so that it stays data."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets_dir("prompts")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the reader is a model, and code must reach it unchanged
    )
    environment.filters.update(
        fenced=fenced,
        oneline=_one_line,
        clip=_clip,
        declared=_declaration,
        bounds=_bounds,
        compact=_compact,
    )
    return environment


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _declaration(variable: Variable) -> str:
    """`name: Array[n, 6]  # rad; meaning`."""
    shape = ", ".join(["n", *map(str, variable.shape)])
    remark = "; ".join(_one_line(part) for part in (variable.unit, variable.meaning) if part)
    return f"{variable.name}: Array[{shape}]" + (f"  # {remark}" if remark else "")


def _bounds(space: Space) -> str:
    """The range of a Box, in one phrase."""
    limits = list(dict.fromkeys(zip(space.low, space.high, strict=True)))
    if not limits:
        return "unbounded"
    if len(limits) == 1:
        return f"each in [{limits[0][0]:g}, {limits[0][1]:g}]"
    ranges = ", ".join(
        f"[{low:g}, {high:g}]" for low, high in zip(space.low, space.high, strict=True)
    )
    return f"in {ranges}"


def _compact(code: str) -> str:
    """The code without comments; it parsed before, or it would not have been measured."""
    return ast.unparse(parse_code(code))
