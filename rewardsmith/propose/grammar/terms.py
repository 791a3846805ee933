"""The typed terms that pay for an aim: every aim has several shapes, the plainest first."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from rewardsmith.propose.grammar.aims import Aim
from rewardsmith.propose.grammar.quantities import (
    axis,
    first,
    is_angle,
    is_body_speed,
    is_position,
    is_speed,
    is_tilt,
    rate_of,
)
from rewardsmith.records import Record, TaskSpec, Variable

Role = Literal["goal", "survival", "posture", "effort"]

_PLAIN = re.compile(r"[A-Za-z][\w/^ .*-]*", re.ASCII)
"""Units that may stand in a docstring; those of an unknown environment may hold anything."""
_MAX_LABEL = 28
_FAST_CAP = 5.0
_SLOW_CAP = 1.0
_SLOW_PACE = 0.5


class Term(Record):
    """One term: an expression without its weight, and what it stands for in words."""

    name: str
    role: Role
    code: str
    """A NumPy expression of shape (n,); a number of its own is written `{cap}`, and a
    line break stands where a long one is to be broken."""
    words: str
    """What is paid or charged for, as in "forward speed (m/s)"."""
    weight: float = 1.0
    """The plain reward's weight, above zero."""
    charges: bool = False
    """Subtracted from the reward instead of added."""
    numbers: dict[str, float] = Field(default_factory=dict)
    """The numbers besides the weight, by their placeholder in `code`."""


def shapes(aim: Aim, task: TaskSpec, *, slow: bool) -> tuple[Term, ...]:
    """The alternative terms for one aim."""
    match aim.kind:
        case "cosine":
            return tuple(_cosine(aim))
        case "near":
            return tuple(_near(aim))
        case "stay":
            rate = rate_of(aim.variable, task) or aim.variable
            return tuple(_near(aim.model_copy(update={"variable": rate})))
        case "away":
            return tuple(_away(aim))
        case "progress" | "raise":
            return tuple(_growth(aim, task, slow))


def probes(task: TaskSpec) -> tuple[Term, ...]:
    """For a task that says nothing readable: every scalar variable, up and down."""
    return tuple(
        _goal(f"{more}_{_short(v.name)}", f"{sign}next_state.{v.name}", f"{more} {v.name}")
        for v in [v for v in task.variables if not v.shape][:12]
        for more, sign in (("more", ""), ("less", "-"))
    )


def number(value: float) -> str:
    """A float as it stands in the written file."""
    return repr(float(value))


def _goal(
    name: str,
    code: str,
    words: str,
    weight: float = 1.0,
    charges: bool = False,
    **numbers: float,
) -> Term:
    return Term(
        name=name,
        role="goal",
        code=code,
        words=words,
        weight=weight,
        charges=charges,
        numbers=numbers,
    )


def _growth(aim: Aim, task: TaskSpec, slow: bool) -> Iterator[Term]:
    """More of a quantity: linear, up to a cap, only while upright, saturating."""
    name, words, unit, value = _quantity(aim, task)
    moves = aim.kind == "progress" or is_speed(aim.variable)
    cap = _SLOW_CAP if slow else _FAST_CAP
    if aim.target is not None:
        cap = aim.sign * aim.target
    linear = _goal(name, value, f"{words}{unit}")
    capped = _goal(
        f"capped_{name}", f"np.minimum({value}, {{cap}})", f"{words} up to a cap{unit}", cap=cap
    )
    if slow and moves:
        bell = f"np.exp(-np.square({value} - {{pace}}) / 0.25)"
        yield _goal(f"paced_{name}", bell, f"{words} at a slow pace{unit}", pace=_SLOW_PACE)
    if slow or aim.target is not None:
        yield from (capped, linear)
    else:
        yield from (linear, capped) if moves else (linear,)
    tilt = first(task.variables, is_tilt)
    if moves and tilt is not None and aim.variable not in (tilt, rate_of(tilt, task)):
        gate = f"np.exp(-np.square(next_state.{tilt.name}) / {{width}})"
        yield _goal(
            f"upright_{name}",
            f"np.minimum({value}, {{cap}})\n* {gate}",
            f"{words}, in full only while {tilt.name} is small",
            cap=cap,
            width=0.3,
        )
    scale = 4.0 if moves else 1.0
    yield _goal(
        f"saturating_{name}",
        f"np.tanh({value} / {{scale}})",
        f"{words}, with less and less return",
        weight=scale,
        scale=scale,
    )


def _near(aim: Aim) -> Iterator[Term]:
    """Nearness as a bell, or a charge for the distance or for its square."""
    label, error, at = _error(aim)
    square = _over(aim, f"np.square({error})")
    yield _goal(f"near_{label}", f"np.exp(-{square} / {{width}})", f"{label} near {at}", width=0.3)
    distance = _over(aim, f"np.abs({error})")
    yield _goal(f"{label}_error", distance, f"the distance of {label} from {at}", charges=True)
    squared = f"the squared distance of {label} from {at}"
    yield _goal(f"{label}_square", square, squared, charges=True)


def _away(aim: Aim) -> Iterator[Term]:
    """Distance from a place, or speed either way: linear or saturating."""
    label, error, at = _error(aim)
    distance, words = _over(aim, f"np.abs({error})"), f"{label} away from {at}"
    yield _goal(f"any_{label}", distance, words)
    tanh, less = f"np.tanh({distance} / {{scale}})", f"{words}, with less and less return"
    yield _goal(f"saturating_any_{label}", tanh, less, scale=1.0)


def _cosine(aim: Aim) -> Iterator[Term]:
    """An angle towards 0, or turned towards half a turn: its cosine, a sharp bell, or both."""
    label = _label(aim)
    place = f"{label} near {'0' if aim.sign > 0 else 'half a turn'}"
    sign = "" if aim.sign > 0 else "-"
    value = _over(aim, f"{sign}np.cos({_read(aim.variable, aim.component)})")
    bell = f"np.exp(({value} - 1.0) / {{width}})"
    yield _goal(f"cos_{label}", value, place)
    yield _goal(f"sharp_{label}", bell, f"{place}, hardly anything before", width=0.3)
    more = f"{place}, and more for the last of the way"
    yield _goal(f"both_{label}", f"{value}\n+ 2.0 * {bell}", more, weight=0.5, width=0.1)


def _quantity(aim: Aim, task: TaskSpec) -> tuple[str, str, str, str]:
    """Name, words, unit and signed expression of what is to grow.

    Progress of a position is paid by its speed where the task has that as a variable, else by
    its change over the step.
    """
    variable = aim.variable
    if aim.kind == "progress":
        variable = rate_of(variable, task) or variable
    sign = "" if aim.sign > 0 else "-"
    value = _over(aim, f"{sign}{_read(variable, aim.component)}")
    way = _WAYS.get((axis(variable) or "", aim.sign))
    if way and is_body_speed(variable):
        return f"{way}_speed", f"{way} speed", " (m/s)", value
    more = "more" if aim.sign > 0 else "less"
    label = _label(aim.model_copy(update={"variable": variable}))
    unit = f" ({variable.unit})" if _PLAIN.fullmatch(variable.unit) else ""
    changes = variable is aim.variable and (is_position(variable) or is_angle(variable))
    if aim.kind == "progress" and changes and variable.kind == "state":
        after = _read(variable, aim.component)
        before = after.replace("next_state.", "state.", 1)
        ends = (after, before) if aim.sign > 0 else (before, after)
        per_second = f" / {number(task.dt_s)}" if task.dt_s else ""
        value = _over(aim, f"({ends[0]} - {ends[1]}){per_second}")
        return f"{more}_{label}_each_step", f"a step towards {more} {label}", "", value
    return f"{more}_{label}", f"{more} {label}", unit, value


_WAYS = {
    ("x", 1): "forward",
    ("x", -1): "backward",
    ("y", 1): "leftward",
    ("y", -1): "rightward",
    ("z", 1): "upward",
    ("z", -1): "downward",
}


def _error(aim: Aim) -> tuple[str, str, str]:
    """Label, expression and target's text of the distance that an aim speaks of."""
    value, target = _read(aim.variable, aim.component), aim.target or 0.0
    error = f"{value} - {number(target)}" if target else value
    return _label(aim), error, f"{target:g}"


def _over(aim: Aim, code: str) -> str:
    """The mean over a vector's components, unless the aim picks one."""
    if not aim.variable.shape or aim.component is not None:
        return code
    axes = tuple(range(1, len(aim.variable.shape) + 1))
    return f"np.mean({code}, axis={-1 if len(axes) == 1 else axes})"


def _read(variable: Variable, component: int | None) -> str:
    value = f"next_state.{variable.name}"
    return value if component is None else f"{value}[:, {component}]"


def _label(aim: Aim) -> str:
    name, component = _short(aim.variable.name), aim.component
    if component is None:
        return name
    return f"{name}_{component}" if component >= 0 else f"{name}_from_end_{-component}"


def _short(name: str) -> str:
    """A variable's name, cut where the critic would refuse a term named after it; still unique."""
    if len(name) <= _MAX_LABEL:
        return name
    return f"{name[: _MAX_LABEL - 4].rstrip('_')}_{zlib.crc32(name.encode()) % 1000:03d}"
