"""rewardsmith: a sentence and an environment in, a trained policy and its readable reward out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardsmith.api import Run, check, load, replay, resume, run, train

__version__ = "0.1.0"
__all__ = ["Run", "check", "load", "replay", "resume", "run", "train"]


def __getattr__(name: str) -> Any:
    """Load the API at its first use, so that `import rewardsmith` and `--help` stay quick."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rewardsmith import api

    return getattr(api, name)
