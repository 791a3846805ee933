"""Tries what a reviewing model claims: only a quoted line and a probe make a claim an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import CheckedReward, Concern, Finding
from rewardsmith.reward import Transitions

RULE = "review"
_STEP = 0.5
"""How far a variable is moved, in standard deviations of its recorded values."""
_CLEAR = 0.9
"""The part of the rows that changed which has to move the wrong way."""
_MAX_WHY = 300


def findings(
    reward: CheckedReward, concerns: Sequence[Concern], transitions: Transitions, *, unsafe: bool
) -> Iterator[Finding]:
    """An error for every claim that a probe confirms, a warning for every other one."""
    for concern in concerns:
        line = _line_of(concern.quote, reward.code)
        share = _wrong_way(reward, concern, transitions, unsafe=unsafe) if line else None
        why = " ".join(concern.why.split())[:_MAX_WHY]
        if share is not None and share >= _CLEAR:
            way = "falls" if concern.should == "rise" else "rises"
            yield Finding(
                rule=RULE,
                line=line,
                message=f"term `{concern.term}` {way} when `{concern.variable}` grows, on "
                f"{share:.0%} of the transitions that move it; it should {concern.should}: {why}",
            )
        else:
            message = f"a reviewing model doubts this: {why}"
            yield Finding(rule=RULE, line=line, message=message, severity="warning")


def _line_of(quote: str, code: str) -> int | None:
    wanted = " ".join(quote.split())
    for number, line in enumerate(code.split("\n"), start=1):
        if wanted and wanted == " ".join(line.split()):
            return number
    return None


def _wrong_way(
    reward: CheckedReward, concern: Concern, transitions: Transitions, *, unsafe: bool
) -> float | None:
    """The part of the rows that move at all on which the term moves the wrong way.

    None where the claim cannot be tried: the term or the variable is not there, the variable is
    no scalar, the term does not move, or the reward fails on the moved states.
    """
    values = transitions.next_state.get(concern.variable)
    if concern.kind != "sign" or not concern.should or values is None or values.ndim != 1:
        return None
    moved = {**transitions.next_state, concern.variable: values + _STEP * (values.std() or 1.0)}
    try:
        with RewardWorker(reward, capacity=len(transitions), unsafe=unsafe) as worker:
            before = worker.compute(transitions).terms
            after = worker.compute(replace(transitions, next_state=moved)).terms
    except CandidateError:
        return None
    if concern.term not in before:
        return None
    change = after[concern.term] - before[concern.term]
    change = change[np.abs(change) > 1e-12]
    if not len(change):
        return None
    wrong = change < 0 if concern.should == "rise" else change > 0
    return float(wrong.mean())
