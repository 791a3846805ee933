"""Whole episodes with all that a reward may read: kept as plain arrays, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.arrays import within
from rewardsmith.errors import UserError
from rewardsmith.files import write_bytes
from rewardsmith.records import Arm, Purpose, Record, Training
from rewardsmith.reward import Transitions, concatenate

KEPT_EPISODES = 2
"""Whole episodes kept of every training that selects; see appraise.py."""
_FORMAT = "rewardsmith-rollouts/1"
_PLAIN = ("action", "prev_action", "terminated", "t")
_NATIVE = "native"


@dataclass(frozen=True)
class Rollout:
    """One episode of T steps.

    Attributes:
        behaviour: what acted: a candidate's id, or the name of a scripted behaviour.
        seed: of the episode.
        fitness: of the episode, by the task's own measure.
        transitions: its T rows, in order, with every variable of the task.
        native: (T,) float64, the environment's own reward; for reports alone. None where it was
            not kept.
    """

    behaviour: str
    seed: int
    fitness: float
    transitions: Transitions
    native: NDArray[np.float64] | None = None


class _Header(Record):
    """What is not an array."""

    behaviour: str
    seed: int
    fitness: float


def save(rollouts: Sequence[Rollout], path: Path) -> None:
    """Write the rollouts atomically as one safetensors file.

    State variables and observations are stored once, as series of T + 1 rows.
    """
    from safetensors.numpy import save as serialise

    arrays: dict[str, NDArray[Any]] = {}
    for number, rollout in enumerate(rollouts):
        for name, array in _arrays(rollout.transitions).items():
            arrays[f"{number}/{name}"] = np.ascontiguousarray(array)
        if rollout.native is not None:
            arrays[f"{number}/{_NATIVE}"] = np.ascontiguousarray(rollout.native)
    headers = [
        _Header(behaviour=r.behaviour, seed=r.seed, fitness=r.fitness).model_dump()
        for r in rollouts
    ]
    metadata = {"format": _FORMAT, "rollouts": json.dumps(headers)}
    write_bytes(path, serialise(arrays, metadata=metadata))


def load(path: Path) -> tuple[Rollout, ...]:
    """Read what `save` wrote. Raises UserError where the file is missing or is none of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError("unknown format")
            headers = [_Header.model_validate(row) for row in json.loads(metadata["rollouts"])]
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tuple(
            Rollout(
                behaviour=header.behaviour,
                seed=header.seed,
                fitness=header.fitness,
                transitions=_transitions(within(arrays, f"{number}/")),
                native=arrays.get(f"{number}/{_NATIVE}"),
            )
            for number, header in enumerate(headers)
        )
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} holds no rollouts of ours: {reason}") from None


def measurement(folder: Path, purpose: Purpose) -> Path:
    """Where the evaluation of a training lies, given the training's folder."""
    return folder / f"{purpose}.json"


def beside(output: Path) -> Path:
    """Where the whole episodes of an evaluation lie, given its output."""
    return output.with_suffix(".rollouts.safetensors")


def of_arm(arm: Arm, run_folder: Path) -> list[tuple[Training, Path]]:
    """The arm's selection trainings of which whole episodes are stored, and where those lie."""
    return [
        (training, path)
        for training in arm.trainings
        if training.purpose == "selection" and training.episodes
        if (path := beside(measurement(run_folder / training.folder, "selection"))).exists()
    ]


def split(
    steps: Sequence[Transitions], lengths: Mapping[int, int], worlds: int
) -> dict[int, Transitions]:
    """The first episode of some worlds, from vector steps over all of them.

    Args:
        steps: one batch of `worlds` rows per step, in order.
        lengths: steps of the first episode, by world.
    """
    made = concatenate(steps)
    return {
        world: made.rows(np.arange(length, dtype=np.intp) * worlds + world)
        for world, length in lengths.items()
    }


def _arrays(made: Transitions) -> dict[str, NDArray[Any]]:
    arrays = {name: getattr(made, name) for name in _PLAIN}
    arrays["obs"] = _series(made.obs, made.next_obs)
    for name, after in made.next_state.items():
        if name in made.state:
            arrays[f"state/{name}"] = _series(made.state[name], after)
        else:
            arrays[f"transition/{name}"] = after
    return arrays


def _transitions(arrays: Mapping[str, NDArray[Any]]) -> Transitions:
    series, steps = within(arrays, "state/"), within(arrays, "transition/")
    return Transitions(
        state={name: values[:-1] for name, values in series.items()},
        next_state={**{name: values[1:] for name, values in series.items()}, **steps},
        obs=arrays["obs"][:-1],
        next_obs=arrays["obs"][1:],
        **{name: arrays[name] for name in _PLAIN},
    )


def _series(before: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([before, after[-1:]])


def behaviours(rollouts: Iterable[Rollout]) -> dict[str, list[Rollout]]:
    """The rollouts by what acted, in the order of their first."""
    found: dict[str, list[Rollout]] = {}
    for rollout in rollouts:
        found.setdefault(rollout.behaviour, []).append(rollout)
    return found
