"""An episode in words and numbers, for raters who cannot see it; never its fitness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rewardsmith.observe import short_number, typical_training
from rewardsmith.records import Candidate, TaskSpec
from rewardsmith.rollouts import Rollout

_POINTS = 5
_MOST_ROWS = 30


def told(rollout: Rollout, candidate: Candidate | None, task: TaskSpec) -> list[str]:
    """All that a rater is told of an episode, and of the candidate whose policy acted in it."""
    lines = episode_lines(rollout, task)
    if candidate and (terms := term_lines(candidate, task)):
        lines += ["terms of the reward over training, mean per step:"]
        lines += [f"  {term}" for term in terms]
    return lines


def episode_lines(rollout: Rollout, task: TaskSpec) -> list[str]:
    """How long it lasted, how it ended, and every variable at five points, with its range."""
    made = rollout.transitions
    steps = len(made)
    limit = f" of {task.max_episode_steps}" if task.max_episode_steps else ""
    time = f", {short_number(steps * task.dt_s)} s" if task.dt_s else ""
    ended = "the environment ended it" if made.terminated[-1] else "it lasted to the time limit"
    rows = list(_rows(rollout, task))
    width = max((len(name) for name, _ in rows), default=0)
    points = "  ".join(f"{share:>8.0%}" for share in np.linspace(0, 1, _POINTS))
    head = f"{'':<{width}}  {points}  {'min':>8}  {'max':>8}"
    return [
        f"{steps}{limit} steps{time}; {ended}",
        head,
        *(
            f"{name:<{width}}  " + "  ".join(f"{short_number(value):>8}" for value in values)
            for name, values in rows
        ),
    ]


def term_lines(candidate: Candidate, task: TaskSpec) -> list[str]:
    """Each term of the candidate's reward over its training, mean per step at up to ten points."""
    training = typical_training(candidate, task)
    if training is None:
        return []
    return [
        f"{term.name}: {' '.join(short_number(point) for point in term.points)}"
        for term in training.terms
    ]


def _rows(rollout: Rollout, task: TaskSpec) -> Iterator[tuple[str, list[float]]]:
    """A row for every number of every variable, and one for the size of the actions."""
    after = rollout.transitions.next_state
    shown = 0
    for variable in task.variables:
        series = after[variable.name].reshape(len(rollout.transitions), -1).astype(float)
        for i in range(series.shape[1]):
            if shown == _MOST_ROWS:
                return
            shown += 1
            yield variable.name + (f"[{i}]" if variable.shape else ""), _points(series[:, i])
    action = rollout.transitions.action.reshape(len(rollout.transitions), -1).astype(float)
    if task.action.kind == "box":
        yield "size of the action", _points(np.linalg.norm(action, axis=-1))
    else:
        yield "action", _points(action[:, 0])


def _points(series: np.ndarray) -> list[float]:
    places = np.linspace(0, len(series) - 1, _POINTS).round().astype(int)
    return [*series[places].tolist(), float(series.min()), float(series.max())]
