"""Renders what a model is told; every word of it is in prompts/*.jinja2."""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import jinja2

from rewardsmith.assets import assets_dir
from rewardsmith.errors import UserError
from rewardsmith.files import write_bytes
from rewardsmith.llm.chat import Message
from rewardsmith.observe import observe
from rewardsmith.propose import Ask
from rewardsmith.propose.parse import parse_code
from rewardsmith.records import Candidate, CandidateId, Space, TaskSpec, Variable, Verdict
from rewardsmith.strategies import Move
from rewardsmith.votes import Vote

_CANDIDATE = re.compile(r"r\d+c\d+")


def render(prompt: str, folder: str = "", **values: object) -> str:
    """The prompt `prompt`.jinja2: that of the user's `folder` where it has one, else ours.

    Raises:
        jinja2.UndefinedError: a value that ours needs is missing.
        UserError: the same, or bad syntax, in a file of the user's.
    """
    try:
        return _environment(folder).get_template(f"{prompt}.jinja2").render(**values).strip() + "\n"
    except jinja2.TemplateError as error:
        if not folder:
            raise
        raise UserError(f"prompt {prompt} with {folder}: {error}") from None


def names(folder: str = "") -> list[str]:
    """Every prompt's name. Raises UserError where the folder holds a file that is none."""
    ours = {path.stem for path in assets_dir("prompts").glob("*.jinja2")}
    if folder and not Path(folder).is_dir():
        raise UserError(f"{folder} is no folder; `rewardsmith prompts eject {folder}` makes it")
    for path in Path(folder).glob("*.jinja2") if folder else ():
        if path.stem not in ours:
            raise UserError(f"{path} is no prompt of ours: {', '.join(sorted(ours))}")
    return sorted(ours)


def path(name: str, folder: str = "") -> Path:
    """The file of a prompt. Raises UserError where there is none by that name."""
    if name not in names(folder):
        raise UserError(f"no prompt {name!r}; there are {', '.join(names(folder))}")
    own = Path(folder) / f"{name}.jinja2"
    return own if folder and own.exists() else assets_dir("prompts") / f"{name}.jinja2"


def source_hash(name: str, folder: str = "") -> str:
    """16 hex digits that stand for the file of a prompt."""
    return hashlib.sha256(path(name, folder).read_bytes()).hexdigest()[:16]


def eject(folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """Copy prompts of ours into `folder`; raises UserError rather than overwrite one there."""
    copies = {path(name): folder / f"{name}.jinja2" for name in only or names()}
    for copy in copies.values():
        if copy.exists():
            raise UserError(f"{copy} exists already")
    for original, copy in copies.items():
        write_bytes(copy, original.read_bytes())
    return list(copies.values())


def prompt_of(ask: Ask, move: Move) -> str:
    """The name of the prompt that asks for a move."""
    if not move.parents:
        return "first"
    return "preference" if ask.feedback else "evolve"


def proposal_messages(ask: Ask, move: Move, folder: str = "") -> tuple[Message, ...]:
    """The conversation that asks for the reward of one move of `ask`.

    It depends on the slot's own number and never on which other slots are asked for with it, so
    that a resumed generation asks in the same words.
    """
    observed = {parent.id: observe(parent, ask.task) for parent in move.parents}
    number = CandidateId.parse(move.slot).index
    values = dict(ask) | dict(move) | {"number": number, "observed": observed}
    user = render(prompt_of(ask, move), folder, **values)
    return (
        Message(role="system", content=render("system", folder)),
        Message(role="user", content=user),
    )


def repair_messages(
    task: TaskSpec,
    candidate: Candidate,
    verdict: Verdict,
    said: tuple[Message, ...] = (),
    folder: str = "",
) -> tuple[Message, ...]:
    """The conversation that asks for refused code to be mended; the error is at most 2 kB.

    Args:
        said: the conversation that ended with the code, which goes on; without one, as for a
            reward that the user brought, it is made of the task and the code.
    """
    errors = [finding for finding in verdict.findings if finding.severity == "error"]
    error = render("repair", folder, findings=errors, source=candidate.code.split("\n"))
    if not said:
        first = render("first", folder, task=task, notes="", failures=(), number=candidate.index)
        said = (
            Message(role="system", content=render("system", folder)),
            Message(role="user", content=first),
            Message(role="assistant", content=fenced(candidate.code, "python")),
        )
    return (*said, Message(role="user", content=error))


def reflection_messages(
    task: TaskSpec, candidates: Sequence[Candidate], lessons: str, folder: str = ""
) -> tuple[Message, ...]:
    """The conversation that asks for the lessons of a generation, given the earlier ones."""
    values = {"task": task, "notes": "", "candidates": candidates, "lessons": lessons}
    return (Message(role="user", content=render("reflect", folder, **values)),)


def review_messages(task: TaskSpec, code: str, folder: str = "") -> tuple[Message, ...]:
    """The conversation that asks for doubts about a reward."""
    asked = render("review", folder, task=task, notes="", code=code)
    return (Message(role="user", content=asked),)


def description_messages(
    task: TaskSpec, episode: Sequence[str], folder: str = ""
) -> tuple[Message, ...]:
    """The conversation that asks what a policy does, given an episode of it in lines."""
    asked = render("describe", folder, task=task, notes="", episode=episode)
    return (Message(role="user", content=asked),)


def judge_messages(
    task: TaskSpec,
    first: Sequence[str],
    second: Sequence[str],
    folder: str = "",
    pictures: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> tuple[Message, ...]:
    """The conversation that asks which of two episodes is better.

    They are told in lines, and shown where there are `pictures` of both, in base64.
    """
    counts = list(map(len, pictures)) if all(pictures) else []
    values = {"task": task, "notes": "", "first": first, "second": second, "pictures": counts}
    asked = render("judge", folder, **values)
    seen = (*pictures[0], *pictures[1]) if counts else ()
    return (Message(role="user", content=asked, pictures=seen),)


def difference(old: str, new: str) -> str:
    """What was taken away and added from one code to the other, as a unified diff."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return "\n".join(list(lines)[2:])


def fenced(text: str, language: str = "") -> str:
    """`text` between fences longer than any run of backticks in it, so that it stays data."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


@lru_cache(maxsize=2)
def _environment(folder: str) -> jinja2.Environment:
    folders = [Path(folder)] if folder else []
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, assets_dir("prompts")]),
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
        difference=difference,
        voted=_voted,
    )
    return environment


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _declaration(variable: Variable) -> str:
    """`name: Array[n, 6]  # rad; meaning; from -1.2 to 3 under random actions`."""
    shape = ", ".join(["n", *map(str, variable.shape)])
    seen = ""
    if variable.seen:
        low, high = variable.seen
        seen = f"from {low:.3g} to {high:.3g} under random actions"
    remark = "; ".join(_one_line(part) for part in (variable.unit, variable.meaning, seen) if part)
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


def _voted(vote: Vote) -> str:
    """What a vote was about, and how it fell: `left r01c00, right a reference: left`."""
    arms = [
        clip.arm if _CANDIDATE.fullmatch(clip.arm) else "a reference"
        for clip in vote.question.shown
    ]
    if vote.best is not None and vote.worst is not None:
        return f"best {arms[vote.best]}, worst {arms[vote.worst]}"
    if vote.question.kind == "remark":
        return f"on {arms[0]}"
    return f"left {arms[0]}, right {arms[-1]}; better: {vote.choice}"


def _compact(code: str) -> str:
    """The code without comments; it parsed before, or it would not have been measured."""
    return ast.unparse(parse_code(code))
