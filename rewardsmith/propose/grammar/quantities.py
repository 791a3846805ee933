"""Types a task's variables by unit, name and meaning: speeds, heights, angles, rates, axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from rewardsmith.records import TaskSpec, Variable

Axis = Literal["x", "y", "z"]

_UNIT = re.compile(r"rad/s|m/s|rad\b|deg|\bm\b")
_ANGLES = frozenset(["angle", "angles", "pitch", "roll", "tilt", "yaw", "theta", "lean"])
_TILTS = frozenset(["pitch", "roll", "tilt", "lean", "pole", "poles", "pendulum"])
_RATES = frozenset(["rate", "rates", "angular"])
_SPEEDS = frozenset(["velocity", "velocities", "speed"])
_LEVELS = frozenset(["position", "height", "coordinate"])
_VERTICAL = frozenset(["z", "height", "vertical", "altitude"])
_LIMBS = frozenset(["foot", "feet", "leg", "thigh", "ankle", "knee", "hip", "shin", "joint", "tip"])


def name_words(variable: Variable) -> frozenset[str]:
    """The words in the variable's name: `torso_pitch` holds `torso` and `pitch`."""
    return frozenset(re.findall(r"[a-z]+", variable.name.lower()))


def all_words(variable: Variable) -> frozenset[str]:
    """The words in the variable's name and meaning."""
    return name_words(variable) | frozenset(re.findall(r"[a-z]+", variable.meaning.lower()))


def axis(variable: Variable) -> Axis | None:
    """The axis of the world that the variable lies along, by its name first."""
    for words in (name_words(variable), all_words(variable)):
        if words & _VERTICAL:
            return "z"
        if "x" in words:
            return "x"
        if "y" in words:
            return "y"
    return None


def is_rate(variable: Variable) -> bool:
    """An angular velocity."""
    words = name_words(variable)
    return _unit(variable) == "rad/s" or bool(words & _RATES)


def is_speed(variable: Variable) -> bool:
    """A linear velocity."""
    return _unit(variable) == "m/s" or (
        bool(name_words(variable) & _SPEEDS) and not is_rate(variable)
    )


def is_angle(variable: Variable) -> bool:
    """An angle, of a body or of joints, as itself: not its cosine, not its rate."""
    words = name_words(variable)
    if words & frozenset({"cos", "cosine", "sin", "sine"}) or is_rate(variable):
        return False
    return _unit(variable) == "rad" or bool(words & _ANGLES)


def is_tilt(variable: Variable) -> bool:
    """The lean of a body or a pole from upright, or its sine: 0 when upright."""
    words = name_words(variable)
    if variable.shape or words & _LIMBS or is_rate(variable):
        return False
    if words & {"sin", "sine"}:
        return bool(words & _TILTS)
    return is_angle(variable) and bool(words & _TILTS or all_words(variable) & {"upright"})


def is_difference(variable: Variable) -> bool:
    """How far one thing is from another, so that 0 means they meet."""
    words = all_words(variable)
    return " - " in variable.meaning or bool(words & {"distance", "difference", "error", "offset"})


def is_uprightness(variable: Variable) -> bool:
    """1 when upright and less when leaning, such as a body's own up-axis along the world's."""
    return not variable.shape and bool(name_words(variable) & {"upright", "uprightness"})


def is_position(variable: Variable) -> bool:
    """A place or a height, in metres where there is a unit."""
    if is_speed(variable) or is_rate(variable) or is_angle(variable):
        return False
    return _unit(variable) == "m" or bool(name_words(variable) & _LEVELS)


def rate_of(variable: Variable, task: TaskSpec) -> Variable | None:
    """The variable that is the time derivative of `variable`, by name or by axis."""
    name = variable.name
    swaps = (("position", "velocity"), ("height", "velocity"), ("angles", "velocities"),
             ("angle", "angular_velocity"), ("angle", "velocity"), ("pitch", "pitch_rate"),
             ("torso_pitch", "pitch_rate"))  # fmt: skip
    by_name = {other.name: other for other in task.variables}
    for old, new in swaps:
        changed = name.replace(old, new)
        if changed != name and changed in by_name:
            return by_name[changed]
    if is_position(variable) and not variable.shape and not name_words(variable) & _LIMBS:
        return first(task.variables, lambda v: is_body_speed(v) and axis(v) == axis(variable))
    return None


def is_body_speed(variable: Variable) -> bool:
    """A scalar speed of the whole, not of a limb."""
    return not variable.shape and is_speed(variable) and not name_words(variable) & _LIMBS


def first(variables: Iterable[Variable], test: Callable[[Variable], bool]) -> Variable | None:
    """The first variable that passes the test."""
    return next((variable for variable in variables if test(variable)), None)


def _unit(variable: Variable) -> str:
    found = _UNIT.search(variable.unit)
    return found.group() if found else ""
