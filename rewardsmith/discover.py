"""Describes an environment that has no folder: from its spaces, its docstring and one short probe.

The environment's own reward stays out: of a docstring only the sections on observations, actions
and the end of an episode are read, sentences that speak of rewards are dropped from those too, and
so are info entries that are named after a reward or equal it.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rewardsmith.construct import Env
from rewardsmith.expressions import RESERVED
from rewardsmith.records import Space, Variable

SECRET_KEY = re.compile(r"reward|cost|return|score|penal|bonus", re.IGNORECASE)
"""Parts of an info key that mark it as a piece of the environment's own reward."""
SECRET_TEXT = re.compile(
    r"(?<![a-z])(?:rewards?|costs?|returns?|scores?|penal[a-z]*|bonus[a-z]*)(?![a-z])",
    re.IGNORECASE,
)
"""Words that make a sentence of a docstring unfit for a prompt ("is returned in" is fit)."""

_PROBE_STEPS = 5
_MAX_SINGLE = 32
_HEADING = re.compile(r"^[ \t]*(#+)[ \t]+(.+?)[ \t:]*$", re.MULTILINE)
_SMALL_WORDS = frozenset({"of", "the", "a", "an", "along", "in", "to", "on", "and", "its"})


@dataclass(frozen=True)
class Discovery:
    """What could be found out, ready for a prompt."""

    variables: tuple[Variable, ...]
    about: str
    action_text: str
    episode_end: str


@dataclass(frozen=True)
class _Row:
    """One line of a docstring's table."""

    index: int
    text: str
    unit: str


def discover(env: Env, observation: Space, documented: bool) -> Discovery:
    """Look at a freshly built environment; `documented` says that its docstring's table fits it."""
    sections = _sections(inspect.cleandoc(type(env.unwrapped).__doc__ or ""))
    seen = _find(sections, "observation")
    acts = _find(sections, "action")
    rows = {row.index: row for row in reversed(_rows(seen))} if documented else {}
    if observation.kind == "discrete":
        meaning = f"which of the {observation.n} states, 0 to {observation.n - 1}"
        found = [Variable(name="observation", kind="state", source="obs[0]", meaning=meaning)]
    else:
        found = _observed(observation.size, rows)
    found += _informed(env, {variable.name for variable in found})
    table = "\n".join(f"{row.index}: {row.text}" for row in _rows(acts))
    return Discovery(
        variables=tuple(found),
        about=_prose(seen),
        action_text="\n".join(part for part in (_prose(acts), table) if part),
        episode_end=_prose(_find(sections, "episode", "termination", "truncation")),
    )


def _sections(document: str) -> list[tuple[str, str]]:
    """(title, body) of each section; a heading about rewards takes its subsections with it."""
    document = re.sub(r"^[ \t]*```.*?^[ \t]*```", "", document, flags=re.DOTALL | re.MULTILINE)
    sections: list[tuple[str, str]] = []
    trail: list[tuple[int, str]] = []
    for heading, after in pairwise([*_HEADING.finditer(document), None]):
        assert heading is not None
        level = len(heading[1])
        trail = [*[step for step in trail if step[0] < level], (level, heading[2].lower())]
        body = document[heading.end() : after.start() if after else len(document)]
        if not any(SECRET_TEXT.search(title) for _, title in trail):
            sections.append((" / ".join(title for _, title in trail), body))
    return sections


def _find(sections: Iterable[tuple[str, str]], *starts: str) -> str:
    """The bodies of the sections (and their subsections) whose title begins with one of these."""
    return "\n".join(
        body
        for title, body in sections
        if any(part.startswith(starts) for part in title.split(" / "))
    )


def _prose(text: str) -> str:
    """The section without tables, marks and sentences that speak of rewards."""
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("|")]
    blocks = re.split(r"\n(?=[-*] |\d+\. |\n)", "\n".join(lines))
    kept = []
    for block in blocks:
        sentences = re.split(r"(?<=[.!?:])\s+(?=[^a-z])", " ".join(block.split()))
        fit = [sentence for sentence in sentences if not SECRET_TEXT.search(sentence)]
        kept.append(re.sub(r"\*\*|[`$]", "", " ".join(fit)))
    return "\n".join(block for block in kept if block.strip("-*. 0123456789"))


def _rows(text: str) -> list[_Row]:
    """The rows of the first tables whose first column is a number, an index into the space."""
    rows: list[_Row] = []
    header: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            header = []
        elif not header:
            header = [cell.lower() for cell in cells]
        elif header[0] in ("num", "index", "#") and cells[0].isdigit() and len(cells) > 1:
            text_cell = re.sub(r"[`*$]", "", cells[1])
            if not SECRET_TEXT.search(text_cell):
                unit = cells[-1] if "unit" in header[-1] and len(cells) == len(header) else ""
                rows.append(_Row(int(cells[0]), text_cell, _unit(unit)))
    return rows


def _unit(cell: str) -> str:
    inside = re.search(r"\(([^()]+)\)\s*$", cell)
    return inside[1] if inside else ("" if cell.lower() in ("unitless", "na", "") else cell)


def _observed(size: int, rows: Mapping[int, _Row]) -> list[Variable]:
    """One variable for each documented number; the others one by one, or in blocks if many."""
    rows = {index: row for index, row in rows.items() if index < size}
    found: list[Variable] = []
    taken: set[str] = set()
    for first, last in _runs(size, rows):
        if first in rows:
            row = rows[first]
            name = _unique(_slug(row.text) or f"obs_{first}", taken)
            found.append(Variable(name=name, kind="state", source=f"obs[{first}]", unit=row.unit,
                                  meaning=row.text))  # fmt: skip
        elif size - len(rows) > _MAX_SINGLE:
            name = _unique(f"obs_{first}_to_{last}", taken)
            source = f"obs[{first}:{last + 1}]"
            meaning = f"observations {first} to {last}"
            found.append(Variable(name=name, kind="state", source=source, meaning=meaning))
        else:
            found += [
                Variable(name=_unique(f"obs_{i}", taken), kind="state", source=f"obs[{i}]",
                         meaning=f"observation {i}")
                for i in range(first, last + 1)
            ]  # fmt: skip
    return found


def _runs(size: int, rows: Mapping[int, _Row]) -> list[tuple[int, int]]:
    """(first, last) of each documented index by itself and of each stretch between them."""
    runs: list[tuple[int, int]] = []
    for index in range(size):
        if index in rows or index - 1 in rows or not runs:
            runs.append((index, index))
        else:
            runs[-1] = (runs[-1][0], index)
    return runs


def _informed(env: Env, taken: set[str]) -> list[Variable]:
    """The scalar numbers of `info` that every step gives, without what tells the reward."""
    env.action_space.seed(0)
    env.reset(seed=0)
    infos: list[dict[str, Any]] = []
    rewards: list[float] = []
    for _ in range(_PROBE_STEPS):
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        infos.append(info)
        rewards.append(float(reward))
        if terminated or truncated:
            env.reset()
    found = []
    for key in infos[0]:
        values = [info.get(key) for info in infos]
        if not isinstance(key, str) or not all(map(_is_number, values)):
            continue
        if SECRET_KEY.search(key) or "[" in key or np.allclose(values, rewards):  # type: ignore[arg-type]
            continue
        name = _unique(_slug(key) or "info", taken)
        found.append(Variable(name=name, kind="transition", source=f"info:{key}",
                              meaning=f"info[{key!r}] of the step"))  # fmt: skip
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, bool | int | float | np.number | np.bool_)


def _slug(text: str) -> str:
    """A Python name out of a description; "" where nothing fit is left."""
    text = re.sub(r"\s\([^)]*\)", "", text.lower())
    words = [word for word in re.findall(r"[a-z0-9]+", text) if word not in _SMALL_WORDS]
    name = "_".join(words)
    return "" if not name or name[0].isdigit() or SECRET_KEY.search(name) else name


def _unique(name: str, taken: set[str]) -> str:
    if name in RESERVED or keyword.iskeyword(name):
        name += "_value"
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate
