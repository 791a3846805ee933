"""How rewards relate on what a run has lived through: how far apart, and which terms alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith import distance
from rewardsmith.critic.remarks import warning
from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker
from rewardsmith.records import CheckedReward, Finding, Space
from rewardsmith.reward import Array, Transitions, concatenate
from rewardsmith.rollouts import Rollout

RULE = "correlated-terms"
_ROWS = 2048
_ALIKE = 0.98
"""Two terms whose values correlate so much are one term twice."""


@dataclass(frozen=True)
class Sample:
    """Transitions on which rewards are compared.

    Attributes:
        transitions: n rows, spread evenly over the episodes they come from.
        native: (n,) what the environment itself pays for them, where that was kept.
    """

    transitions: Transitions
    native: Array | None


def sample(episodes: Sequence[Rollout]) -> Sample:
    """At most 2048 transitions of the episodes, of which there is at least one."""
    lived = concatenate(rollout.transitions for rollout in episodes)
    count = min(len(lived), _ROWS)
    rows = np.linspace(0, len(lived) - 1, count).round().astype(np.intp)
    known = [rollout.native for rollout in episodes if rollout.native is not None]
    native = np.concatenate(known)[rows] if len(known) == len(episodes) else None
    return Sample(transitions=lived.rows(rows), native=native)


def valued(reward: CheckedReward, taken: Sample, *, unsafe: bool) -> Rewards | None:
    """What the reward pays on the sample; None where it fails there."""
    try:
        with RewardWorker(reward, capacity=len(taken.transitions), unsafe=unsafe) as worker:
            return worker.compute(taken.transitions)
    except CandidateError:
        return None


def diversity(
    paid: Mapping[str, Rewards], taken: Sample, space: Space, gamma: float
) -> float | None:
    """Mean distance between the rewards, 0..1; None for fewer than two."""
    if len(paid) < 2:
        return None
    totals = np.stack([rewards.total for rewards in paid.values()])
    shaped = distance.shaping(taken.transitions, space, gamma)
    return distance.mean_apart(distance.distances(totals, shaped))


def from_native(
    paid: Mapping[str, Rewards], taken: Sample, space: Space, gamma: float
) -> dict[str, float]:
    """Each reward's distance from the environment's own; {} where that was not kept."""
    if taken.native is None or not paid:
        return {}
    totals = np.stack([taken.native, *(rewards.total for rewards in paid.values())])
    shaped = distance.shaping(taken.transitions, space, gamma)
    apart = distance.distances(totals, shaped)[0, 1:]
    return {name: float(value) for name, value in zip(paid, apart, strict=True)}


def correlated(paid: Rewards) -> Iterator[Finding]:
    """A warning for every pair of terms that are one term twice, or cancel each other."""
    varying = {name: values for name, values in paid.terms.items() if np.ptp(values) > 0.0}
    if len(varying) < 2:
        return
    names = list(varying)
    between = np.atleast_2d(np.corrcoef(np.stack(list(varying.values()))))
    for first, second in zip(*np.triu_indices(len(names), 1), strict=True):
        value = float(between[first, second])
        if abs(value) < _ALIKE:
            continue
        what = "they are one term twice" if value > 0 else "they take from each other"
        yield warning(
            RULE,
            f'terms "{names[first]}" and "{names[second]}" correlate by {value:.2f} on what the '
            f"trained policies did: {what}; keep one",
        )
