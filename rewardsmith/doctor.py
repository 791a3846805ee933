"""Looks at this machine: what rewardsmith needs, what it found, what to install."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from rewardsmith import critic, filming, footage
from rewardsmith.assets import assets_dir
from rewardsmith.errors import UserError
from rewardsmith.jail import service
from rewardsmith.llm.connect import configured_model, idle_keys
from rewardsmith.records import Examined
from rewardsmith.render import NO_GRAPHICS
from rewardsmith.sim import mjbatch
from rewardsmith.sim.formulas import FORMULAS

_PACKAGES = ("numpy", "gymnasium", "mujoco", "stable-baselines3", "torch", "openai", "litellm")


def examine() -> tuple[Examined, ...]:
    """Everything worth knowing before a run, in the order to be printed."""
    return (_python(), *_packages(), *_assets(), *_jail(), _physics(), _videos(), _cores(), _keys())


def _python() -> Examined:
    return Examined(
        name="python",
        ok=sys.version_info >= (3, 11),
        detail=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    )


def _packages() -> list[Examined]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(
                Examined(name=package, ok=True, detail=importlib.metadata.version(package))
            )
        except importlib.metadata.PackageNotFoundError:
            found.append(Examined(name=package, ok=False, detail=f"missing: pip install {package}"))
    return found


def _assets() -> list[Examined]:
    return [
        Examined(name=name, ok=assets_dir(name).is_dir(), detail=str(assets_dir(name)))
        for name in ("prompts", "envs")
    ]


def _jail() -> list[Examined]:
    layers = critic.layers(unsafe=True)
    found = [
        Examined(name=f"jail: {layer.name}", ok=layer.active, detail=layer.detail, needed=False)
        for layer in layers
    ]
    try:
        service.probe()
    except UserError as error:
        return [*found, Examined(name="jail", ok=False, detail=str(error))]
    return [*found, Examined(name="jail", ok=True, detail="strong enough to run generated code")]


def _physics() -> Examined:
    by_mjbatch = sorted(env for env in FORMULAS if mjbatch.drives(env))
    by_threads = sorted(set(FORMULAS) - set(by_mjbatch))
    told = [f"mjbatch for {', '.join(by_mjbatch)}"] if by_mjbatch else []
    told += [f"batched C MuJoCo for {', '.join(by_threads)}", "Gymnasium for the others"]
    if not by_mjbatch:
        told.append("faster where `pip install rewardsmith[fast]` finds its MuJoCo")
    return Examined(name="physics", ok=True, detail="; ".join(told))


def _videos() -> Examined:
    why = footage.lacking()
    if not why and not (graphics := filming.graphics()):
        why = f"video off: {NO_GRAPHICS}"
    detail = why or f"drawn by {graphics}, written as H.264"
    return Examined(name="videos", ok=not why, detail=detail, needed=False)


def _cores() -> Examined:
    return Examined(
        name="cores", ok=True, detail=f"{os.cpu_count()}: so many processes train at once"
    )


def _keys() -> Examined:
    """Says which keys are set, never their values."""
    names = idle_keys(os.environ)
    model = configured_model(os.environ)
    detail = f"REWARDSMITH_MODEL={model}" if model else "none: the offline baseline proposes"
    if names and not model:
        detail += f" ({', '.join(names)} is set: name a model with --model)"
    return Examined(name="model", ok=bool(model), detail=detail, needed=False)
