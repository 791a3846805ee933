"""Settings by their short names, as keywords in Python and flags of the command give them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from rewardsmith import settings
from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError

NAMES = {
    "model": "model.names",
    "api_base": "model.api_base",
    "proposer": "model.proposer",
    "review": "model.review",
    "reflect": "model.reflect",
    "describe": "model.describe",
    "prompts": "model.prompts",
    "local_only": "model.local_only",
    "max_tokens": "model.max_tokens",
    "effort": "model.effort",
    "strategy": "search.strategy",
    "tune": "tune.method",
    "iterations": "search.iterations",
    "samples": "search.samples",
    "seeds": "search.seeds",
    "rungs": "search.rungs",
    "arms": "search.arms",
    "finalists": "search.finalists",
    "final_seeds": "search.final_seeds",
    "report_seeds": "search.report_seeds",
    "stop_when": "search.stop_when",
    "algo": "train.algo",
    "warm_start": "train.warm_start",
    "backend": "train.backend",
    "timesteps": "train.timesteps",
    "hyperparams": "train.hyperparams",
    "max_workers": "train.max_workers",
    "time_limit": "limits.wall_s",
    "cost_limit": "limits.cost_usd",
    "token_limit": "limits.tokens",
    "feedback": "feedback.mode",
    "rater": "feedback.raters",
    "judge": "feedback.judge",
    "votes": "feedback.votes",
    "feedback_deadline": "feedback.deadline_s",
    "retrain": "replay.retrain",
}
"""Short names of settings, for keywords here and flags of the command."""
_SHORT = {path: name for name, path in NAMES.items()}


def changed(
    config: RunConfig, options: Mapping[str, Any], allowed: Collection[str], who: str
) -> RunConfig:
    """The settings of a stored run after `options`, which may change the `allowed` ones alone.

    What was proposed, trained and measured by the others stands in the store already.

    Args:
        allowed: short names.
        who: wants to, such as "a resume".

    Raises UserError that names what would be changed beyond them.
    """
    after = settings.build(config.model_dump(), nested(options))
    old, new = settings.flatten(config.model_dump()), settings.flatten(after.model_dump())
    names = [_SHORT.get(path, path) for path in new if new[path] != old[path]]
    if kept := [name for name in names if name not in allowed]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in allowed)
        raise UserError(
            f"{who} cannot change {', '.join(kept)}: leave that out (it may be given {flags})"
        )
    return after


def nested(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by their short names as nested settings; those that are None are left out.

    Where a table bears a short name too, as `tune` does, a table of values is meant for it.
    """
    layers: dict[str, Any] = {}
    for name, value in options.items():
        if value is None:
            continue
        inner = layers
        table = isinstance(value, dict) and name in RunConfig.model_fields
        *parents, last = (name if table else NAMES.get(name, name)).split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = (
            settings.merge(inner.get(last, {}), value) if isinstance(value, dict) else value
        )
    return layers


def factory_name(make: Callable[..., Any]) -> str:
    """`module:function`, or `file.py:function` of a script, as other processes can import it."""
    name = getattr(make, "__qualname__", "")
    if not name.isidentifier():
        raise UserError("make_env must be a function at the top of a module or script")
    if make.__module__ != "__main__":
        return f"{make.__module__}:{name}"
    import __main__

    file = getattr(__main__, "__file__", None)
    if not file:
        raise UserError("make_env must stand in a file: training runs in other processes")
    return f"{Path(file).resolve()}:{name}"
