"""Checks one reward: its text first, then what it does in the jail."""

from __future__ import annotations

import time

from rewardsmith.critic import probes, rules
from rewardsmith.jail import service
from rewardsmith.records import Finding, Layer, TaskSpec, Verdict
from rewardsmith.reward import Transitions

_TEXT_LAYERS = (
    Layer(name="bytes", active=True, detail="size, UTF-8, no invisible characters"),
    Layer(name="syntax tree", active=True, detail="allow-list of names and constructs"),
)


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
    layers = (*_TEXT_LAYERS, *service.probe(unsafe=unsafe))
    inspection = rules.inspect(code, task)
    findings: tuple[Finding, ...] = inspection.findings
    reward = None
    if inspection.draft is not None:
        findings, reward = probes.run(inspection.draft, task, transitions, unsafe=unsafe)
    ok = not any(finding.severity == "error" for finding in findings)
    return Verdict(
        ok=ok,
        findings=findings,
        layers=layers,
        reward=reward if ok else None,
        wall_s=time.perf_counter() - start,
    )
