"""What a run deserves suspicion for, from its records alone."""

from __future__ import annotations

import numpy as np
import pytest
from scripted_engine import LATE, TASK, candidate
from test_trends import RISING, training

from rewardsmith.alarms import COLLAPSED, alarms
from rewardsmith.cli.tables import alarm_lines
from rewardsmith.records import (
    Baseline,
    Candidate,
    Distance,
    Failure,
    Finding,
    Generation,
    Score,
    Stage,
    Verdict,
)

REFUSED = Failure(stage="check", cause="syntax", for_llm="x", for_human="line 3: what is this")
SCORE = Score(value=1.0, low=0.5, high=1.5, n_seeds=1)


def failed(index: int, failure: Failure = LATE) -> Candidate:
    return candidate(index, stage=Stage.FAILED, failure=failure)


def kinds(
    *candidates: Candidate,
    generations: tuple[Generation, ...] = (),
    baselines: tuple[Baseline, ...] = (),
    best: Candidate | None = None,
) -> list[str]:
    return [alarm.kind for alarm in alarms(TASK, candidates, generations, baselines, best)]


def generation(attempts: int = 1, diversity: float | None = None) -> Generation:
    return Generation(index=1, candidates=(), best=None, attempts=attempts, diversity=diversity)


def test_an_ordinary_run_gives_no_alarm() -> None:
    sound = candidate(0, stage=Stage.EVALUATED, trainings=(training(RISING, RISING),))
    assert kinds(sound, failed(1), generations=(generation(diversity=0.6),), best=sound) == []


def test_a_reward_that_parts_from_the_task_is_named_with_its_term() -> None:
    parted = candidate(0, score=SCORE, trainings=(training(-RISING, RISING, speed=RISING),))
    (alarm,) = alarms(TASK, [parted], [], [], None)
    assert (alarm.kind, alarm.candidate) == ("parted", "r01c00")
    assert "past 100 steps" in alarm.text and "np.minimum(speed, 10)" in alarm.text


def test_a_return_that_grew_by_length_alone_is_named() -> None:
    length = np.linspace(100, 1000, 10)
    assert kinds(candidate(0, trainings=(training(np.full(10, 0.2), length, length),))) == [
        "lasting"
    ]


def test_terms_that_are_one_are_an_alarm_and_other_warnings_are_none() -> None:
    found = [
        Finding(rule=rule, message=rule, severity="warning")
        for rule in ("correlated-terms", "exploit", "magnitudes")
    ]
    assert kinds(candidate(0, verdict=Verdict(ok=True, findings=tuple(found)))) == ["correlated"]


@pytest.mark.parametrize(
    ("candidates", "attempts", "expected"),
    [
        ((failed(0), failed(1)), 1, ["one-cause"]),
        ((failed(0), failed(1), candidate(2)), 2, ["one-cause"]),
        ((failed(0), failed(1), candidate(2)), 1, []),
        ((failed(0), failed(1, REFUSED)), 1, []),
        ((failed(0),), 1, []),
    ],
)
def test_a_generation_that_failed_for_one_cause_is_named(
    candidates: tuple[Candidate, ...], attempts: int, expected: list[str]
) -> None:
    assert kinds(*candidates, generations=(generation(attempts),)) == expected


def test_the_cause_that_all_share_is_said_in_words() -> None:
    (alarm,) = alarms(TASK, [failed(0, REFUSED), failed(1, REFUSED)], [], [], None)
    assert alarm.text.endswith("have one cause, syntax at check: line 3: what is this")


def test_rewards_that_all_say_the_same_are_an_alarm() -> None:
    assert kinds(generations=(generation(diversity=COLLAPSED / 2),)) == ["collapse"]
    assert kinds(generations=(generation(diversity=COLLAPSED * 2), generation())) == []


def test_a_winner_that_is_the_native_reward_again_is_labelled_so() -> None:
    winner, other = candidate(0, report=SCORE), candidate(1)
    near = Baseline(distances=(Distance(candidate="r01c00", value=0.03),))
    (alarm,) = alarms(TASK, [winner, other], [], [near], winner)
    assert alarm.text.startswith("rediscovered native: it lies 0.03 from")
    assert kinds(winner, other, baselines=(near,), best=other) == []
    far = Baseline(distances=(Distance(candidate="r01c00", value=0.3),))
    assert kinds(winner, other, baselines=(far,), best=winner) == []


def test_the_end_of_a_run_shows_what_concerns_its_finalists_and_counts_the_rest() -> None:
    trainings = (training(-RISING, RISING, speed=RISING),)
    finalist = candidate(0, report=SCORE, trainings=trainings)
    other = candidate(1, trainings=trainings)
    found = alarms(TASK, [finalist, other], [generation(diversity=0.01)], [], None)
    lines = alarm_lines(found, [finalist, other])
    assert [line.partition(" the ")[0] for line in lines[:1]] == ["alarm:"]
    assert lines[1].startswith("alarm: r01c00: past 100 steps")
    assert lines[2].startswith("1 more on other candidates")
    assert len(alarm_lines(found, [other])) == 3
