"""What is worth a warning about a reward's values on recorded transitions; refuses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rewardsmith.jail.service import Rewards
from rewardsmith.records import Finding
from rewardsmith.reward import Array

_DOMINANT_SHARE = 0.95
_BONUS_SHARE = 0.9
_SCALES_APART = 1000.0


def remarks(rewards: Rewards) -> Iterator[Finding]:
    """Terms that never vary, that hold nearly everything, that do not add up or fit together."""
    varying = {name: values for name, values in rewards.terms.items() if np.ptp(values) > 0.0}
    rows = len(rewards.total)
    for name, values in rewards.terms.items():
        if rows > 1 and name not in varying:
            message = f'term "{name}" is {values[0] + 0.0:g} on all {rows} recorded transitions'
            yield warning("constant-term", message)
    if rewards.has_total:
        yield from _unexplained(rewards)
    yield from _bonus(rewards.terms)
    yield from _variance(varying)
    yield from _scales(varying)


def warning(rule: str, message: str) -> Finding:
    """A finding that refuses nothing."""
    return Finding(rule=rule, message=message, severity="warning")


def _unexplained(rewards: Rewards) -> Iterator[Finding]:
    explained = np.sum(list(rewards.terms.values()), axis=0)
    if not np.allclose(explained, rewards.total, rtol=1e-6, atol=1e-9):
        gap = float(np.abs(explained - rewards.total).max())
        yield warning(
            "unexplained-total",
            f"the terms do not add up to the total (they differ by up to {gap:.3g}), so their "
            "statistics will not explain what is learnt",
        )


def _bonus(terms: Mapping[str, Array]) -> Iterator[Finding]:
    sizes = {name: abs(float(values.mean())) for name, values in terms.items()}
    total = sum(sizes.values())
    if len(sizes) < 2 or total == 0.0:
        return
    name = max(sizes, key=lambda term: sizes[term])
    share = sizes[name] / total
    if share > _BONUS_SHARE and _is_bonus(terms[name]):
        yield warning(
            "dominant-bonus",
            f'term "{name}" pays for merely staying in a condition and holds {share:.0%} of the '
            "reward on recorded transitions: standing still may pay more than the task",
        )


def _is_bonus(values: Array) -> bool:
    """Paid or not paid: at most two values, none of them negative."""
    return bool(values.min() >= 0.0) and len(np.unique(values)) <= 2


def _variance(varying: Mapping[str, Array]) -> Iterator[Finding]:
    spread = {name: float(values.var()) for name, values in varying.items()}
    total = sum(spread.values())
    if len(spread) < 2 or total == 0.0:
        return
    name = max(spread, key=lambda term: spread[term])
    share = spread[name] / total
    if share > _DOMINANT_SHARE:
        yield warning(
            "dominant-term",
            f'term "{name}" holds {share:.1%} of the variance on recorded transitions: a policy '
            "will hardly notice the others",
        )


def _scales(varying: Mapping[str, Array]) -> Iterator[Finding]:
    sizes = {name: float(np.abs(values).mean()) for name, values in varying.items()}
    if len(sizes) < 2:
        return
    large = max(sizes, key=lambda term: sizes[term])
    small = min(sizes, key=lambda term: sizes[term])
    if sizes[large] > _SCALES_APART * sizes[small]:
        yield warning(
            "magnitudes",
            f'term "{large}" is of the size {sizes[large]:.2g} and "{small}" of '
            f"{sizes[small]:.2g}: check their units and weights",
        )
