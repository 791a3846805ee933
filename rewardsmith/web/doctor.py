"""What `rewardsmith doctor` finds, asked in a process of its own: the pages run no jail."""

from __future__ import annotations

import os
import subprocess
import sys

from rewardsmith import children
from rewardsmith.llm.connect import configured_model, idle_keys
from rewardsmith.records import Examined

_PATIENCE_S = 120.0


def examine() -> tuple[Examined, ...]:
    """Takes some seconds."""
    command = [sys.executable, "-m", "rewardsmith", "doctor", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, env=_environment()
        )
    except subprocess.TimeoutExpired:
        return (Examined(name="doctor", ok=False, detail=f"no answer within {_PATIENCE_S:g} s"),)
    return tuple(Examined.model_validate_json(line) for line in done.stdout.splitlines())


def _environment() -> dict[str, str]:
    """Which keys are set and not what they are; the rest is what every child of ours knows."""
    model = {"REWARDSMITH_MODEL": configured_model(os.environ) or ""}
    return children.environment() | model | dict.fromkeys(idle_keys(os.environ), "set")
