"""Transitions that nobody recorded: what a reward does at the edges, and whether it sees the state.

Only what surely is legal refuses a reward when it breaks there: the recorded states with actions at
their bounds, at the first and at the last step. States that are scaled or turned may be impossible,
so what breaks on them is a warning.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from rewardsmith.critic.remarks import warning
from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import RewardFault, Rewards
from rewardsmith.records import Finding, TaskSpec
from rewardsmith.reward import Array, Transitions

Compute = Callable[[Transitions], Rewards]

_UNLIMITED = 1000
"""Steps of an episode where the environment states no limit."""
_FATAL = ("timeout", "crash", "protocol")
_STRETCHES = (10.0, 1000.0)


def edges(compute: Compute, batch: Transitions, task: TaskSpec) -> Iterator[Finding]:
    """Errors for what breaks on legal transitions, warnings for what breaks on unlikely ones.

    Raises:
        CandidateError: the worker is lost, as after an endless loop.
    """
    for what, legal in _legal(batch, task):
        found = _tried(compute, legal)
        if isinstance(found, CandidateError):
            yield finding(found, f"{what}: ")
            return
    for what, unlikely in _unlikely(batch):
        found = _tried(compute, unlikely)
        if isinstance(found, CandidateError):
            yield warning("extreme-states", f"{what}: {found.for_llm}")
            break
    for value in (np.nan, np.inf):
        # What comes back does not matter, but that it comes back.
        _tried(compute, _changed(batch, functools.partial(np.full_like, fill_value=value)))


def finding(fault: CandidateError, when: str = "") -> Finding:
    """The refusal that a fault of the reward is."""
    if isinstance(fault, RewardFault):
        return Finding(rule=fault.cause, line=fault.line, message=when + fault.what)
    return Finding(rule=fault.cause, message=when + fault.for_llm)


def varies_elsewhere(compute: Compute, batch: Transitions, task: TaskSpec) -> bool:
    """Whether a reward that is constant on `batch` pays something else somewhere else."""
    made = [made for _, made in (*_legal(batch, task), *_unlikely(batch))]
    found = [_tried(compute, transitions) for transitions in made]
    totals = [rewards.total for rewards in found if isinstance(rewards, Rewards)]
    return bool(totals) and bool(np.ptp(np.concatenate(totals)) > 0.0)


def action_alone(compute: Compute, batch: Transitions, first: Rewards) -> Iterator[Finding]:
    """A warning where the same actions are paid the same in whatever state they are taken."""
    order = np.random.default_rng(1).permutation(len(batch))
    elsewhere = replace(batch.rows(order), action=batch.action, prev_action=batch.prev_action)
    found = _tried(compute, elsewhere)
    if not isinstance(found, Rewards) or np.ptp(first.total) == 0.0:
        return
    if np.array_equal(found.total, first.total):
        yield warning(
            "action-alone",
            "the reward depends on the action alone: nothing in the state changes it, so it can "
            "not ask for anything that the policy brings about",
        )


def _tried(compute: Compute, batch: Transitions) -> Rewards | CandidateError:
    """The rewards, or the fault that the batch brings out; what ends the worker is raised."""
    try:
        return compute(batch)
    except CandidateError as fault:
        if fault.cause in _FATAL:
            raise
        return fault


def _legal(batch: Transitions, task: TaskSpec) -> Iterator[tuple[str, Transitions]]:
    last = (task.max_episode_steps or _UNLIMITED) - 1
    nothing = np.zeros_like(batch.prev_action)
    yield "at the first step", replace(batch, t=np.zeros_like(batch.t), prev_action=nothing)
    yield "at the last step", replace(batch, t=np.full_like(batch.t, last))
    for name, bound in (("lowest", task.action.low), ("highest", task.action.high)):
        if bound:
            action = np.broadcast_to(np.array(bound), batch.action.shape).copy()
            yield f"with the {name} actions", replace(batch, action=action, prev_action=action)


def _unlikely(batch: Transitions) -> Iterator[tuple[str, Transitions]]:
    # Some environments end no episode, others leave none of these states alive.
    yield "where every episode ends", replace(batch, terminated=np.ones_like(batch.terminated))
    yield "where every variable is 0", _changed(batch, np.zeros_like)
    yield "where every variable has the other sign", _changed(batch, np.negative)
    for factor in _STRETCHES:
        what = f"where every variable is {factor:g} times as large as on a random policy"
        yield what, _changed(batch, functools.partial(np.multiply, factor))


def _changed(batch: Transitions, change: Callable[[Array], Array]) -> Transitions:
    """The batch with every state variable and observation changed; actions and flags stay."""

    def each(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: change(array) for name, array in arrays.items()}

    return replace(
        batch,
        state=each(batch.state),
        next_state=each(batch.next_state),
        obs=change(batch.obs),
        next_obs=change(batch.next_obs),
    )
