"""What a reward does when it runs: probes through jailed workers on recorded transitions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import RewardFault, Rewards, RewardWorker
from rewardsmith.records import CheckedReward, Finding
from rewardsmith.reward import Array, Transitions

CALL_TIMEOUT_S = 5.0
_MAX_ROWS = 1001
_OTHER_HASH_SEED = 20111
_RELATIVE_TOLERANCE = 1e-6
"""Between batches of different sizes: sums may be taken in another order, or in float32."""
_DOMINANT_SHARE = 0.95
_BONUS_SHARE = 0.9

Compute = Callable[[Transitions], Rewards]


def run(
    draft: CheckedReward, transitions: Transitions, *, unsafe: bool
) -> tuple[tuple[Finding, ...], CheckedReward]:
    """Run `draft` in the jail every way that training will.

    Returns:
        The findings, and the reward with the terms that it returned (none if it never did).
    """
    batch = _odd_batch(draft, transitions)
    start = functools.partial(
        RewardWorker, capacity=len(batch), call_timeout_s=CALL_TIMEOUT_S, unsafe=unsafe
    )
    findings: list[Finding] = []
    try:
        with start(draft) as worker:
            first = worker.compute(batch)
            draft = draft.model_copy(update={"terms": worker.terms})
            findings += _impure(worker.compute, batch, first)
        with start(draft, hash_seed=_OTHER_HASH_SEED) as other:
            if not _same(other.compute(batch), first):
                findings.append(_error("determinism", f"{_DIFFERS} in another process; {_ORDER}"))
    except CandidateError as fault:
        line = fault.line if isinstance(fault, RewardFault) else None
        return (*findings, Finding(rule=fault.cause, line=line, message=fault.for_llm)), draft
    findings += _values(first)
    return tuple(findings), draft


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


def _impure(compute: Compute, batch: Transitions, first: Rewards) -> Iterator[Finding]:
    rows = len(batch)
    if not _same(compute(batch), first):
        yield _error("determinism", f"{_DIFFERS} on the second call; keep no state between calls")
        return
    third = rows // 3 + 1
    for part in (slice(0, 1), slice(0, third), slice(min(third, rows - 1), rows)):
        yield from _dependent(compute(batch.rows(part)), _rows(first, part), "in another batch")
    order = np.random.default_rng(0).permutation(rows)
    yield from _dependent(compute(batch.rows(order)), _rows(first, order), "in another order")
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


# --- values --------------------------------------------------------------------------------------


def _values(rewards: Rewards) -> Iterator[Finding]:
    rows = len(rewards.total)
    if rows > 1 and np.ptp(rewards.total) == 0.0:
        value = rewards.total[0]
        yield _error(
            "constant",
            f"the reward is {value:g} on all {rows} recorded transitions, although their states "
            "vary: nothing can be learnt from it; add a term that changes with the state",
        )
        return
    for name, values in rewards.terms.items():
        if rows > 1 and np.ptp(values) == 0.0:
            message = f'term "{name}" is {values[0] + 0.0:g} on all {rows} recorded transitions'
            yield _warning("constant-term", message)
    if rewards.has_total:
        yield from _unexplained(rewards)
    yield from _dominance(rewards.terms)


def _unexplained(rewards: Rewards) -> Iterator[Finding]:
    explained = np.sum(list(rewards.terms.values()), axis=0)
    if not np.allclose(explained, rewards.total, rtol=1e-6, atol=1e-9):
        gap = float(np.abs(explained - rewards.total).max())
        yield _warning(
            "unexplained-total",
            f"the terms do not add up to the total (they differ by up to {gap:.3g}), so their "
            "statistics will not explain what is learnt",
        )


def _dominance(terms: Mapping[str, Array]) -> Iterator[Finding]:
    sizes = {name: abs(float(values.mean())) for name, values in terms.items()}
    total = sum(sizes.values())
    if len(sizes) < 2 or total == 0.0:
        return
    name = max(sizes, key=lambda term: sizes[term])
    share = sizes[name] / total
    if share > _BONUS_SHARE and _is_bonus(terms[name]):
        yield _warning(
            "dominant-bonus",
            f'term "{name}" pays for merely staying in a condition and holds {share:.0%} of the '
            "reward of a random policy: standing still may pay more than the task",
        )
    elif share > _DOMINANT_SHARE:
        yield _warning(
            "dominant-term",
            f'term "{name}" holds {share:.0%} of the sum of |mean term|; the others hardly count',
        )


def _is_bonus(values: Array) -> bool:
    """Paid or not paid: at most two values, none of them negative."""
    return bool(values.min() >= 0.0) and len(np.unique(values)) <= 2


def _error(rule: str, message: str) -> Finding:
    return Finding(rule=rule, message=message)


def _warning(rule: str, message: str) -> Finding:
    return Finding(rule=rule, message=message, severity="warning")
