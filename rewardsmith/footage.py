"""Which films there are of a run, and whether any can be made: for who makes and who shows them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pydantic import ValidationError

from rewardsmith.records import Video

CLIPS = "clips"
"""Folder of a run for films of single episodes; see votes.Clip.film."""


def lacking() -> str:
    """What hinders films of any environment; "" where nothing does."""
    if importlib.util.find_spec("av") is None:
        return "videos are off: pip install rewardsmith[video]"
    return ""


def read(film: Path) -> Video | None:
    """The record of a film, given the mp4; None where it is not whole: the record comes last."""
    try:
        return Video.model_validate_json(film.with_suffix(".json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def note(film: Path) -> Path:
    """Where it stands why a film was not made; whoever waits for the film reads it."""
    return film.with_suffix(".why")
