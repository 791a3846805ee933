"""Where a learner stands after a rollout, on disk, so that a killed training goes on bit for bit.

Every learner has files of its own: what learns together may differ between the lives of a run. The
older one goes when all learners of a batch have written the newer, so that a death in between
leaves a step that all of them know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rewardsmith import policy
from rewardsmith.arrays import Arrays
from rewardsmith.files import write_bytes
from rewardsmith.policy import Policy

_NAME, _BEST = "checkpoint-{}.safetensors", "checkpoint-{}.policy.safetensors"


@dataclass(frozen=True)
class Standing:
    """All that one learner needs to go on.

    Attributes:
        arrays: its parameters, optimiser, statistics, streams, account and worlds.
        best: the policy at its peak so far.
    """

    arrays: Arrays
    best: Policy | None


def save(folder: Path, timesteps: int, standing: Standing) -> None:
    """Write where a learner stands after so many steps."""
    from safetensors.numpy import save as serialise

    if standing.best:
        policy.save(standing.best, folder / _BEST.format(timesteps))
    # Not ascontiguousarray: it makes a single number an array of one.
    whole = {name: np.array(array, order="C") for name, array in standing.arrays.items()}
    write_bytes(folder / _NAME.format(timesteps), serialise(whole))


def load(folder: Path, timesteps: int) -> Standing:
    """Where a learner stood after so many steps, which `shared` has found."""
    from safetensors.numpy import load_file

    best = folder / _BEST.format(timesteps)
    arrays = load_file(folder / _NAME.format(timesteps))
    return Standing(arrays, policy.load(best) if best.exists() else None)


def latest(folder: Path) -> int:
    """The latest step that a learner has stored; 0 where there is none."""
    return max(_stored(folder), default=0)


def shared(folders: Sequence[Path]) -> int:
    """The latest step that all learners of a batch have stored; 0 where there is none."""
    return max(set.intersection(*(_stored(folder) for folder in folders)), default=0)


def forget(folder: Path, but: int = 0) -> None:
    """Remove a learner's checkpoints, but for that of one step."""
    for timesteps in _stored(folder) - {but}:
        (folder / _NAME.format(timesteps)).unlink()
        (folder / _BEST.format(timesteps)).unlink(missing_ok=True)


def stream_state(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Where a stream of random numbers stands."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), np.uint8)


def set_stream(rng: np.random.Generator, state: NDArray[np.uint8]) -> None:
    """Put a stream where `stream_state` found it."""
    rng.bit_generator.state = json.loads(state.tobytes())


def _stored(folder: Path) -> set[int]:
    names = [path.name for path in folder.glob(_NAME.format("*"))]
    steps = [name.removeprefix("checkpoint-").removesuffix(".safetensors") for name in names]
    return {int(step) for step in steps if step.isdecimal()}
