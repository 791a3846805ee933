"""A run obeys what was asked of it, and of the run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import TASK

from rewardsmith import commands
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.control import Control
from rewardsmith.errors import Cancelled, LimitReached, UserError
from rewardsmith.records import RunStatus
from rewardsmith.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def controlled(store: Store, above: Control | None = None) -> Control:
    run = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")
    return Control(run, store, lambda event: None, lambda: 0.0, above)


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("time-limit", 60.0, "wall_s"),
        ("cost-limit", 12.5, "cost_usd"),
        ("token-limit", 9, "tokens"),
    ],
)
def test_a_limit_that_was_set_holds_at_once_and_after_a_resume(
    store: Store, kind: str, value: float, field: str
) -> None:
    control = controlled(store)
    store.command(control.run.id, kind, f"{value}")
    control.stage()
    assert getattr(control.limits, field) == value
    assert getattr(store.run(control.run.id).config.limits, field) == value


def test_a_time_limit_below_what_was_spent_ends_the_run(store: Store) -> None:
    control = controlled(store)
    control.run = control.run.model_copy(update={"wall_s": 10.0})
    store.command(control.run.id, "time-limit", "9")
    with pytest.raises(LimitReached, match="9 s is reached; resume with --time-limit above it"):
        control.stage()


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("limit", "9", "unknown command 'limit': one of pause, resume, cancel, time-limit"),
        ("time-limit", "", "needs a number of seconds above zero"),
        ("cost-limit", "-1", "needs a number of USD above zero"),
        ("cost-limit", "nan", "needs a number of USD above zero"),
        ("token-limit", "2.5", "needs a number of tokens above zero"),
    ],
)
def test_what_is_no_command_is_refused_in_one_line(kind: str, value: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        commands.checked(kind, value)


def test_an_arm_may_spend_what_its_run_has_left_at_any_time(store: Store) -> None:
    above, asked = controlled(store), []

    def left() -> LimitConfig:
        asked.append(1)
        return above.limits

    arm = Control(above.run, store, lambda event: None, lambda: 0.0, above, left)
    before = arm.limits.cost_usd
    asked.clear()
    store.command(above.run.id, "cost-limit", "3")
    arm.stage()
    assert not asked, "what is spent is added up for a call to a model alone"
    assert (before, arm.limits.cost_usd) == (LimitConfig().cost_usd, 3)


def test_an_arm_that_is_a_search_obeys_what_is_asked_of_its_run(store: Store) -> None:
    above = controlled(store)
    arm = controlled(store, above)
    store.command(above.run.id, "pause")
    store.command(above.run.id, "resume")
    arm.stage()
    assert above.run.status is RunStatus.RUNNING
    store.command(above.run.id, "cancel")
    with pytest.raises(Cancelled):
        arm.stage()
    assert not store.pending_commands(above.run.id)
