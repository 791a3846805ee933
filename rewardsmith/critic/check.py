"""Checks one reward: its text first, then what it does in the jail."""

from __future__ import annotations

import functools
import time

from rewardsmith.critic import probes, rules, text
from rewardsmith.jail import service
from rewardsmith.records import Finding, Layer, TaskSpec, Verdict
from rewardsmith.reward import Transitions


def layers(*, unsafe: bool = False) -> tuple[Layer, ...]:
    """Every layer between generated code and this machine, each tried, from the text down.

    Raises:
        UserError: the jail does not hold on this machine, and `unsafe` is False.
    """
    return (*_text_layers(), *service.probe(unsafe=unsafe))


def check(code: str, task: TaskSpec, transitions: Transitions, *, unsafe: bool = False) -> Verdict:
    """Whether `code` may train: the reward ready for a worker, or findings for its author.

    Args:
        code: the text of a reward file.
        task: whose variables and spaces the reward may read.
        transitions: recorded experience, such as a random policy's; some hundred rows.
        unsafe: run the code even where the jail does not hold.

    Raises:
        UserError: the jail does not hold on this machine, and `unsafe` is False.
    """
    start = time.perf_counter()
    held = layers(unsafe=unsafe)
    inspection = rules.inspect(code, task)
    findings: tuple[Finding, ...] = inspection.findings
    reward = None
    if inspection.draft is not None:
        findings, reward = probes.run(inspection.draft, task, transitions, unsafe=unsafe)
    ok = not any(finding.severity == "error" for finding in findings)
    return Verdict(
        ok=ok,
        findings=findings,
        layers=held,
        reward=reward if ok else None,
        wall_s=time.perf_counter() - start,
    )


@functools.cache
def _text_layers() -> tuple[Layer, ...]:
    limits = f"UTF-8, at most {text.MAX_BYTES >> 10} KiB, no invisible characters"
    words = "an allow-list of constructs and names; nodes, depth and constants limited"
    return (
        Layer(name="bytes", active=text.refuses("x\u200b = 1"), detail=limits),
        Layer(name="syntax tree", active=rules.refuses("import os"), detail=words),
    )
