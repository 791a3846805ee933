"""Finds prompts/ and envs/, in an installed wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def assets_dir(name: str) -> Path:
    """The folder `name` ("prompts" or "envs"): shipped inside the wheel, or beside the package."""
    shipped = _PACKAGE / "_assets" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
