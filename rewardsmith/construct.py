"""Builds an environment from its name, and says in one line why it cannot be built or used."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardsmith.errors import UserError
from rewardsmith.records import Space

if TYPE_CHECKING:
    import gymnasium

Env = Any
"""gymnasium.Env; its two type parameters say nothing here."""
DEFAULT_MAX_STEPS = 1000
"""Where an environment sets no limit of its own, so that no episode lasts for ever."""


def make_env(env: str, env_kwargs: Mapping[str, Any]) -> Env:
    """Build `env`: a registered id, `module:callable`, `file.py:callable` or `module:id`.

    An environment without a time limit gets one of DEFAULT_MAX_STEPS.

    Raises:
        UserError: unknown, not installed, or its constructor refuses; says why.
    """
    import gymnasium

    from_factory = ":" in env
    build = _factory(env) if from_factory else _registered(env)
    # What a constructor that is not ours raises when its arguments or its files are wrong.
    expected = (gymnasium.error.Error, ImportError, TypeError, ValueError, OSError, RuntimeError,
                AssertionError, AttributeError, LookupError, ArithmeticError)  # fmt: skip
    try:
        built = build(**env_kwargs)
    except expected as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{env} cannot be built: {reason}") from error
    if not isinstance(built, gymnasium.Env):
        raise UserError(f"{env} gave a {type(built).__name__}, not a gymnasium.Env")
    if max_steps_of(built) is None:
        built = gymnasium.wrappers.TimeLimit(built, DEFAULT_MAX_STEPS)
    return built


def absolute(env: str) -> str:
    """The same name, with the path of a `file.py:callable` made absolute."""
    path, separator, name = env.rpartition(":")
    return f"{Path(path).resolve()}:{name}" if separator and path.endswith(".py") else env


def known_ids() -> tuple[str, ...]:
    """The registered ids, without those whose entry point only says that they are gone."""
    import gymnasium

    registry = gymnasium.envs.registration.registry
    return tuple(id_ for id_, spec in registry.items() if not _is_gone(spec.entry_point))


def space_of(space: gymnasium.Space[Any], what: str) -> Space:
    """Our record of a Box or Discrete space; `what` is "observations" or "actions".

    Raises:
        UserError: any other space, images, or a Discrete that does not start at 0.
    """
    import gymnasium

    if isinstance(space, gymnasium.spaces.Discrete):
        if space.start != 0:
            raise UserError(f"Discrete {what} that start at {space.start} are not supported yet: "
                            "wrap with gymnasium.wrappers to start at 0")  # fmt: skip
        return Space(kind="discrete", n=int(space.n))
    if isinstance(space, gymnasium.spaces.Box):
        if len(space.shape) > 2:
            raise UserError(f"image {what} of shape {space.shape} are not supported yet: "
                            "wrap the environment so that it gives a vector")  # fmt: skip
        bounded = bool(np.all(np.isfinite(space.low)) and np.all(np.isfinite(space.high)))
        return Space(
            kind="box",
            size=int(np.prod(space.shape)),
            low=tuple(space.low.ravel().tolist()) if bounded else (),
            high=tuple(space.high.ravel().tolist()) if bounded else (),
        )
    wrapper = {
        "observations": "gymnasium.wrappers.FlattenObservation",
        "actions": "gymnasium.wrappers.TransformAction",
    }[what]
    kind = type(space).__name__
    raise UserError(f"{kind} {what} are not supported yet: wrap with {wrapper} to get a Box")


def max_steps_of(env: Env) -> int | None:
    """The length at which the environment's own time limit ends an episode."""
    import gymnasium

    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, gymnasium.wrappers.TimeLimit):
            return int(env._max_episode_steps)
        env = env.env
    limit = env.spec.max_episode_steps if env.spec is not None else None
    return None if limit is None else int(limit)


def step_seconds(env: Env) -> float | None:
    """Seconds per step, where the environment says so by `dt` or, as CartPole does, `tau`."""
    for name in ("dt", "tau"):
        value = getattr(env.unwrapped, name, None)
        if isinstance(value, int | float) and value > 0:
            return float(value)
    return None


def load_module(path: Path) -> ModuleType:
    """Import a Python file that the user, or this project, wrote; never a candidate's.

    Raises:
        UserError: no such file, or it does not import.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist")
    name = f"rewardsmith_user_{abs(hash(path.resolve())):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it is being imported
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError, TypeError, ValueError, AttributeError) as error:
        del sys.modules[name]
        raise UserError(f"{path} does not import: {error}") from error
    return module


def _registered(env: str) -> Callable[..., Env]:
    import gymnasium

    if env not in gymnasium.envs.registration.registry:
        raise UserError(f"unknown environment {env!r}{_suggestion(env)}")
    return lambda **kwargs: gymnasium.make(env, disable_env_checker=True, **kwargs)


def _factory(env: str) -> Callable[..., Env]:
    """The user's callable; a `module:id` registers by its import and is then made by its id."""
    place, _, name = env.rpartition(":")
    if place.endswith(".py"):
        module = load_module(Path(place))
    else:
        try:
            module = importlib.import_module(place)
        except ImportError as error:
            raise UserError(f"{env}: module {place!r} does not import: {error}") from error
    factory = getattr(module, name, None)
    if callable(factory):
        return factory  # type: ignore[no-any-return]
    if factory is None and not place.endswith(".py"):
        return _registered(name)
    raise UserError(f"{env}: {place} has no callable {name!r}")


def _suggestion(env: str) -> str:
    ids = {id_.lower(): id_ for id_ in known_ids()}
    same_name = [id_ for low, id_ in ids.items() if low.rpartition("-v")[0] == env.lower()]
    near = same_name[-1:] or [
        ids[low] for low in difflib.get_close_matches(env.lower(), list(ids), 3)
    ]
    return f"; did you mean {' or '.join(near)}?" if near else "; see `rewardsmith envs list`"


def _is_gone(entry_point: object) -> bool:
    return getattr(entry_point, "__name__", "").startswith("_raise")
