"""What a reward does when it runs: probes through jailed workers on recorded transitions."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rewardsmith.critic import pace, stress
from rewardsmith.critic.remarks import remarks, warning
from rewardsmith.critic.stress import Compute
from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker
from rewardsmith.records import CheckedReward, Finding, TaskSpec
from rewardsmith.reward import Transitions

CALL_TIMEOUT_S = 5.0
_MAX_ROWS = 1001
_LARGE_ROWS = 4099
"""As many as a rollout of a training has: what looks at the size of the batch shows there."""
_LARGE_LIMIT_S = 1.0
"""A reward that would take longer for them has been found to be slow by then."""
_CPU_LIMIT_S = 20.0
"""Of all the probes of one process: a reward that takes every call to its deadline ends here."""
_OTHER_HASH_SEED = 20111
_RELATIVE_TOLERANCE = 1e-6
"""Between batches of different sizes: sums may be taken in another order, or in float32."""


def run(
    draft: CheckedReward, task: TaskSpec, transitions: Transitions, *, unsafe: bool
) -> tuple[tuple[Finding, ...], CheckedReward]:
    """Run `draft` in the jail every way that training will.

    Returns:
        The findings, and the reward with the terms that it returned (none if it never did).
    """
    batch = _odd_batch(draft, transitions)
    start = functools.partial(
        RewardWorker,
        capacity=_LARGE_ROWS,
        call_timeout_s=CALL_TIMEOUT_S,
        cpu_limit_s=_CPU_LIMIT_S,
        unsafe=unsafe,
    )
    findings: list[Finding] = []
    try:
        with start(draft) as worker:
            first = worker.compute(batch)
            draft = draft.model_copy(update={"terms": worker.terms})
            for finding in _probes(worker.compute, batch, task, first):
                findings.append(finding)
        with start(draft, hash_seed=_OTHER_HASH_SEED) as other:
            if not _same(other.compute(batch), first):
                findings.append(_error("determinism", f"{_DIFFERS} in another process; {_ORDER}"))
    except CandidateError as fault:
        return (*findings, stress.finding(fault)), draft
    return (*findings, *remarks(first)), draft


def _probes(
    compute: Compute, batch: Transitions, task: TaskSpec, first: Rewards
) -> Iterator[Finding]:
    again = compute(batch)
    for finding in pace.slow(compute, batch, task):
        yield finding
        if finding.severity == "error":
            return  # the other probes would take minutes to add nothing
    yield from _impure(compute, batch, first, again)
    yield from _constant(compute, batch, task, first)
    yield from stress.edges(compute, batch, task)
    yield from stress.action_alone(compute, batch, first)


def _odd_batch(draft: CheckedReward, transitions: Transitions) -> Transitions:
    """Rows spread over all of them; never as many as a feature is wide, so a wrong axis shows."""
    widths = {width for column in draft.columns for width in column.shape}
    rows = min(len(transitions), _MAX_ROWS)
    while rows > 1 and (rows in widths or rows % 2 == 0):
        rows -= 1
    return transitions.rows(np.linspace(0, len(transitions) - 1, rows).round().astype(np.intp))


# --- purity and independence of rows -------------------------------------------------------------

_DIFFERS = "the same transitions gave other rewards"
_ORDER = "do not depend on the order of a set or on random numbers"


def _impure(
    compute: Compute, batch: Transitions, first: Rewards, again: Rewards
) -> Iterator[Finding]:
    rows = len(batch)
    if not _same(again, first):
        yield _error("determinism", f"{_DIFFERS} on the second call; keep no state between calls")
        return
    third = rows // 3 + 1
    for part in (slice(0, 1), slice(0, third), slice(min(third, rows - 1), rows)):
        yield from _dependent(compute(batch.rows(part)), _rows(first, part), "in another batch")
    order = np.random.default_rng(0).permutation(rows)
    begin = time.perf_counter()
    yield from _dependent(compute(batch.rows(order)), _rows(first, order), "in another order")
    if (time.perf_counter() - begin) * _LARGE_ROWS / rows < _LARGE_LIMIT_S:
        many = np.resize(np.arange(rows), _LARGE_ROWS)
        yield from _dependent(compute(batch.rows(many)), _rows(first, many), "in a larger batch")
    if not _same(compute(batch), first):
        yield _error("determinism", f"{_DIFFERS} after other calls; keep no state between calls")


def _dependent(found: Rewards, expected: Rewards, how: str) -> Iterator[Finding]:
    pairs = [(f'term "{name}"', found.terms[name], expected.terms[name]) for name in found.terms]
    for label, one, other in [*pairs, ("the total", found.total, expected.total)]:
        scale = float(np.abs(other).max())
        if not np.allclose(one, other, rtol=_RELATIVE_TOLERANCE, atol=_RELATIVE_TOLERANCE * scale):
            yield _error(
                "row-independence",
                f"{label} changes for the same rows {how}: row i must depend on row i alone, so "
                "reduce over axis=-1 and use no statistics of the batch",
            )
            return


def _rows(rewards: Rewards, index: slice | NDArray[np.intp]) -> Rewards:
    terms = {name: values[index] for name, values in rewards.terms.items()}
    return Rewards(total=rewards.total[index], terms=terms, has_total=rewards.has_total)


def _same(one: Rewards, other: Rewards) -> bool:
    return np.array_equal(one.total, other.total) and all(
        np.array_equal(one.terms[name], other.terms[name]) for name in one.terms
    )


# --- values ------------------------------------------------------------------------------------


def _constant(
    compute: Compute, batch: Transitions, task: TaskSpec, first: Rewards
) -> Iterator[Finding]:
    rows, value = len(first.total), first.total[0]
    if rows < 2 or np.ptp(first.total) > 0.0:
        return
    told = f"the reward is {value:g} on all {rows} recorded transitions, although their states vary"
    # A sparse reward is one that random actions never meet. It is seldom learnt, but it may be
    # what the user wants, and a run with a trained policy in it will tell: so it is not refused.
    if stress.varies_elsewhere(compute, batch, task):
        advice = "a policy that acts at random learns nothing from it; add a term that leads there"
        yield warning("never-paid", f"{told}: {advice}")
    else:
        advice = "nothing can be learnt from it; add a term that changes with the state"
        yield _error("constant", f"{told}: {advice}")


def _error(rule: str, message: str) -> Finding:
    return Finding(rule=rule, message=message)
