"""What a reward does at the edges, how long it takes, and what is worth a warning."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from critic_tasks import CHEETAH, HOPPER, transitions

from rewardsmith import critic
from rewardsmith.critic import pace
from rewardsmith.jail.service import Rewards
from rewardsmith.records import Finding, Space, TaskSpec, Verdict
from rewardsmith.reward import Transitions

BOUNDED = CHEETAH.model_copy(
    update={
        "action": Space(kind="box", size=6, low=(-1.0,) * 6, high=(1.0,) * 6),
        "max_episode_steps": 500,
    }
)


def checked(body: str, task: TaskSpec = BOUNDED) -> Verdict:
    """The verdict on a reward of these statements, which may read everything."""
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    arguments = "state, action, next_state, prev_action, terminated, t"
    code = f"import numpy as np\n\ndef compute_reward({arguments}):\n{indented}"
    return critic.check(code, task, transitions(task))


def rules(verdict: Verdict, severity: str) -> list[str]:
    return [finding.rule for finding in verdict.findings if finding.severity == severity]


SPEED = "v = next_state.x_velocity\n"
ON_LEGAL = {
    "log of what is left of the episode": (
        SPEED + 'return {"v": v, "left": np.log(499 - t)}',
        "nonfinite",
        "at the last step",
    ),
    "division by the action before": (
        SPEED + 'return {"v": v / np.abs(prev_action).sum(axis=-1)}',
        "nonfinite",
        "at the first step",
    ),
    "distance of the action to its bound": (
        SPEED + 'return {"v": v + np.log(1.0 - action[:, 0])}',
        "nonfinite",
        "with the highest actions",
    ),
    "an assertion on the clock": (
        SPEED + 'assert not (t == 499).any()\nreturn {"v": v}',
        "exception",
        "at the last step",
    ),
}


@pytest.mark.parametrize("name", ON_LEGAL)
def test_what_breaks_on_a_legal_transition_is_refused_and_says_where(name: str) -> None:
    body, rule, where = ON_LEGAL[name]
    verdict = checked(body)
    assert rules(verdict, "error") == [rule]
    assert where in verdict.errors[0]


ON_UNLIKELY = {
    "overflow": (
        SPEED + 'return {"v": v, "far": np.exp(100 * np.abs(v) - 100)}',
        "10 times as large",
    ),
    "a batch of ends": (SPEED + 'return {"v": v / (1.0 - terminated.all())}', "every episode ends"),
    "division": (SPEED + 'return {"v": v / np.abs(next_state.torso_pitch)}', "is 0"),
}


@pytest.mark.parametrize("name", ON_UNLIKELY)
def test_what_breaks_on_an_unlikely_state_is_a_warning(name: str) -> None:
    body, where = ON_UNLIKELY[name]
    verdict = checked(body)
    assert verdict.ok, verdict.errors
    assert "extreme-states" in rules(verdict, "warning")
    (told,) = [f.message for f in verdict.findings if f.rule == "extreme-states"]
    assert where in told


def test_a_loop_that_never_ends_on_infinity_is_refused() -> None:
    verdict = checked(SPEED + 'while np.isinf(v).any():\n    pass\nreturn {"v": v}')
    assert rules(verdict, "error") == ["timeout"]


@pytest.mark.parametrize(
    "body",
    [
        'return {"goal": (next_state.x_position > 3.0) * 1.0}',
        'return {"fallen": -10.0 * terminated * (next_state.torso_pitch > 2.0)}',
    ],
)
def test_a_sparse_reward_that_random_actions_never_meet_is_warned_of(body: str) -> None:
    verdict = checked(body)
    assert verdict.ok, verdict.errors
    assert "never-paid" in rules(verdict, "warning")


def test_a_reward_that_never_changes_is_refused() -> None:
    assert rules(checked('return {"a": 0.0 * next_state.x_velocity + 2.0}'), "error") == [
        "constant"
    ]


SLOW = """
total = np.zeros(len(t))
for i in range(len(t)):
    for _ in range({times}):
        total[i] += 1e-3 * next_state.x_velocity[i]
return {{"v": total}}
"""


def test_a_loop_over_rows_is_told_what_it_costs() -> None:
    verdict = checked(SLOW.format(times=150))
    assert verdict.ok, verdict.errors
    (told,) = [f.message for f in verdict.findings if f.rule == "slow"]
    assert "us" in told and "100,000 steps" in told and "array expressions" in told


def test_a_loop_that_outlasts_the_physics_is_refused() -> None:
    (rule,) = rules(checked(SLOW.format(times=2_000)), "error")
    assert rule in ("slow", "timeout")  # the latter where the machine is busy as well


@pytest.mark.parametrize("rows", [1, 2, 1001])
def test_a_machine_that_stutters_refuses_nobody(rows: int) -> None:
    """Two of three calls take a minute; the reward itself takes a microsecond a row."""
    calls = iter([60.0, 60.0, 1e-6 * pace.ROWS])
    assert timed(calls, rows) == []


@pytest.mark.parametrize(("row_us", "severity"), [(1_500.0, "error"), (150.0, "warning")])
def test_what_is_slow_every_time_is_told(row_us: float, severity: str) -> None:
    (finding,) = timed(itertools.repeat(1e-6 * row_us * pace.ROWS), rows=2)
    assert (finding.rule, finding.severity) == ("slow", severity)
    (again,) = timed(itertools.repeat(1.1e-6 * row_us * pace.ROWS), rows=2)
    assert finding == again, "a replayed search must find the same words"


def timed(calls_s: Iterator[float], rows: int) -> list[Finding]:
    """What is said of a reward whose calls take so many seconds each."""
    now_s = 0.0

    def compute(batch: Transitions) -> Rewards:
        nonlocal now_s
        assert len(batch) == pace.ROWS
        now_s += next(calls_s)
        total = np.zeros(len(batch))
        return Rewards(total=total, terms={"a": total}, has_total=False)

    return list(pace.slow(compute, transitions(CHEETAH, rows), CHEETAH, lambda: now_s))


WARNED = {
    "constant-term": SPEED + 'return {"v": v, "alive": np.ones(len(t))}',
    "dominant-bonus": SPEED + 'return {"v": 0.01 * v, "alive": 5.0 * (v > -9.0)}',
    "dominant-term": SPEED + 'return {"v": 30.0 * v, "pitch": -np.abs(next_state.torso_pitch)}',
    "unexplained-total": SPEED + 'return v * v, {"v": v}',
    "action-alone": 'return {"effort": -np.sum(np.square(action), axis=-1)}',
    "magnitudes": SPEED + 'return {"v": 900.0 * v, "pitch": 0.01 * next_state.torso_pitch}',
}


@pytest.mark.parametrize("rule", WARNED)
def test_what_is_worth_a_warning_refuses_nothing(rule: str) -> None:
    verdict = checked(WARNED[rule])
    assert verdict.ok, verdict.errors
    assert rule in rules(verdict, "warning")


def test_reading_a_state_without_effect_is_the_action_alone_too() -> None:
    body = 'return {"a": action[:, 0] + 0.0 * next_state.x_velocity}'
    assert "action-alone" in rules(checked(body), "warning")


def test_a_balanced_reward_has_no_warning() -> None:
    body = SPEED + (
        'return {"v": v, "upright": 2.0 * np.cos(3 * next_state.torso_pitch),\n'
        '        "effort": -0.1 * np.sum(np.square(action), axis=-1)}'
    )
    verdict = checked(body)
    assert verdict.ok and verdict.findings == ()


def test_an_unknown_variable_is_told_its_nearest_name() -> None:
    verdict = checked('return {"v": next_state.torso_hieght}', HOPPER)
    assert "did you mean `torso_height`" in verdict.errors[0]
