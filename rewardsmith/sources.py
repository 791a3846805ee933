"""Where a variable's numbers come from: reads `qpos[1]`, `body:foot.xpos`, `info:key`, `py:f`.

A raw array holds one row per world: `obs`, `qpos`, `qvel`, `body:NAME.xpos`, `info:KEY`. A variable
is a raw array, one number or a slice of its row, or a function of task.py over raw arrays:
`def angle(xp, obs)` gets the array namespace and (n, size) arrays, and gives (n,) or (n, k).

MuJoCo's arrays are read as the environment leaves them after its step, as Gymnasium itself reads
them: qpos and qvel belong to the end of the step, while xpos, xquat and xmat were computed at the
start of its last physics substep and so lag by one of them (after a reset all of them agree).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import UserError
from rewardsmith.records import Variable

if TYPE_CHECKING:
    import gymnasium

Array = NDArray[np.float64]
Compute = Callable[[Mapping[str, Array]], Array]

_SOURCE = re.compile(
    r"(?P<raw>obs|qpos|qvel|(?:body|site|geom):[^\[\]]+\.(?:xpos|xquat|xmat)|info:[^\[\]]+)"
    r"(?:\[(?:(?P<at>-?\d+)|(?P<start>-?\d*):(?P<stop>-?\d*))\])?"
)
_PYTHON = re.compile(r"py:(?P<function>[A-Za-z_]\w*)")
_OBJECT = re.compile(r"(?P<kind>body|site|geom):(?P<name>.+)\.(?P<field>xpos|xquat|xmat)")


@dataclass(frozen=True)
class _Part:
    """One variable: the raw arrays it needs, and how it follows from them."""

    variable: Variable
    raws: tuple[str, ...]
    compute: Compute


class VariableReader:
    """Computes variables, in batch, from raw arrays; `raws` names those that it needs."""

    def __init__(self, variables: Sequence[Variable], module: ModuleType | None) -> None:
        self._parts = [_part(variable, module) for variable in variables]
        self.raws = frozenset(raw for part in self._parts for raw in part.raws)

    def read(
        self, kind: Literal["state", "transition"], raws: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The variables of one kind, by name, each a fresh (n, *shape) float64 array."""
        return {
            part.variable.name: part.compute(raws)
            for part in self._parts
            if part.variable.kind == kind
        }

    def shaped(self, raws: Mapping[str, Array]) -> tuple[Variable, ...]:
        """The variables with the shapes that these raw arrays give them.

        Raises:
            UserError: a source reaches past the end of its array.
        """
        variables = []
        for part in self._parts:
            variable = part.variable
            try:
                shape = part.compute(raws).shape[1:]
            except IndexError as error:
                raise UserError(
                    f"variable {variable.name}: {variable.source} does not resolve: {error}"
                ) from error
            if 0 in shape:
                raise UserError(f"variable {variable.name}: {variable.source} is empty")
            variables.append(variable.model_copy(update={"shape": shape}))
        return tuple(variables)


def mujoco_views(env: gymnasium.Env[Any, Any], raws: frozenset[str]) -> dict[str, Array]:
    """Live, flat views of the MuJoCo arrays among `raws`; they change with every step.

    Raises:
        UserError: the environment has no MuJoCo data, or nothing of that name.
    """
    views: dict[str, Array] = {}
    for raw in sorted(raws):
        if raw == "obs" or raw.startswith("info:"):
            continue
        data = getattr(env.unwrapped, "data", None)
        if data is None or not hasattr(data, "qpos"):
            raise UserError(f"{raw} needs a MuJoCo environment; this one has no MjData")
        attribute, row = mujoco_place(env, raw)
        array = getattr(data, attribute)
        views[raw] = array if row is None else array[row]
    return views


def mujoco_place(env: gymnasium.Env[Any, Any], raw: str) -> tuple[str, int | None]:
    """The attribute of MjData that holds a raw array, and its row in there, None for all of it.

    Raises:
        UserError: the model has nothing of that name.
    """
    match = _OBJECT.fullmatch(raw)
    if match is None:
        return raw, None
    kind, name, field = match["kind"], match["name"], match["field"]
    base: Any = env.unwrapped
    try:
        row = getattr(base.model, kind)(name).id
    except KeyError:
        raise UserError(f"{raw}: the model has no {kind} named {name!r}") from None
    attribute = field if kind == "body" else f"{kind}_{field}"
    if not hasattr(base.data, attribute):
        raise UserError(f"{raw}: a {kind} has no {field}")
    return attribute, int(row)


def _part(variable: Variable, module: ModuleType | None) -> _Part:
    python = _PYTHON.fullmatch(variable.source)
    if python is not None:
        return _python_part(variable, python["function"], module)
    match = _SOURCE.fullmatch(variable.source)
    if match is None:
        raise UserError(f"variable {variable.name}: {variable.source!r} is not a source")
    raw = match["raw"]
    if raw.startswith("info:"):
        if variable.kind == "state":
            raise UserError(f"variable {variable.name}: info is given by steps only; say "
                            'kind = "transition"')  # fmt: skip
        return _Part(variable, (raw,), lambda raws: raws[raw][:, 0].copy())
    if match["at"] is not None:
        at = int(match["at"])
        return _Part(variable, (raw,), lambda raws: raws[raw][:, at].copy())
    start = int(match["start"]) if match["start"] else None
    stop = int(match["stop"]) if match["stop"] else None
    return _Part(variable, (raw,), lambda raws: raws[raw][:, start:stop].copy())


def _python_part(variable: Variable, name: str, module: ModuleType | None) -> _Part:
    function = getattr(module, name, None)
    if function is None:
        raise UserError(f"variable {variable.name}: task.py has no function {name!r}")
    raws = tuple(inspect.signature(function).parameters)[1:]

    def compute(arrays: Mapping[str, Array]) -> Array:
        value = function(np, *[arrays[raw] for raw in raws])
        return np.array(value, dtype=np.float64)

    return _Part(variable, raws, compute)
