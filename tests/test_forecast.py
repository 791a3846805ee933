"""What a run will take is said before it begins, and what is not known is said to be unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import TASK, candidate

from rewardsmith import config as settings
from rewardsmith.config import RunConfig
from rewardsmith.forecast import forecast, speed, words
from rewardsmith.records import RunStatus, Stage, Training
from rewardsmith.store import Store

OFFLINE = settings.build({"env": "Pendulum-v1", "search": {"iterations": 3, "samples": 4}})


def by_model(*names: str, **more: object) -> RunConfig:
    model = {"proposer": "llm", "names": names, **more}
    return settings.build(OFFLINE.model_dump(), {"model": model})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


def test_trainings_steps_and_time_follow_from_the_settings() -> None:
    config = settings.build(OFFLINE.model_dump(), {"train": {"timesteps": 1000, "max_workers": 2}})
    made = forecast(config, TASK, 100.0, "measured")
    assert made.trainings == 3 * 4 + 2 * 5 + 2 * 10
    # Four at first, two from 300 steps on, one from 600; two finalists of five seeds, then one.
    steps = 3 * (4 * 300 + 2 * 300 + 400) + 5 * (2 * 300 + 700) + 20 * 1000
    assert (made.steps, made.wall_s) == (steps, steps / 100)
    assert made.core_hours == pytest.approx(2 * steps / 100 / 3600, abs=1e-3)
    assert (made.calls_most, made.tokens_most, made.cost_usd_most) == (0, 0, 0.0)
    assert words(made, config)[-1] == "no calls to a model"


def test_dollars_are_told_where_every_price_is_known() -> None:
    one = forecast(by_model("gpt-4o-mini"), TASK, 100.0, "measured")
    assert (one.calls_likely, one.calls_most) == (12, 12 * 3 * 3)
    assert one.cost_usd_likely and one.cost_usd_most
    assert one.cost_usd_likely < one.cost_usd_most
    assert 12 * 1500 < one.tokens_likely < one.tokens_most
    assert "stops at 5 USD (--cost-limit)" in words(one, by_model("gpt-4o-mini"))[-1]
    both = forecast(by_model("gpt-4o-mini", "gpt-5"), TASK, 100.0, "measured")
    assert both.cost_usd_likely and both.cost_usd_likely > one.cost_usd_likely


def test_an_unknown_price_is_unknown_and_the_limit_that_holds_is_named() -> None:
    config = by_model("gpt-4o-mini", "mystery")
    made = forecast(config, TASK, 100.0, "measured")
    assert (made.cost_usd_likely, made.unpriced) == (None, ("mystery",))
    assert "no price of mystery is known" in words(made, config)[-1]
    assert "--token-limit holds" in words(made, config)[-1]
    local = by_model("gpt-4o-mini", api_base="http://127.0.0.1:1/v1")
    assert forecast(local, TASK, 100.0, "").unpriced == ("gpt-4o-mini",)


def test_a_review_doubles_the_calls() -> None:
    assert forecast(by_model("m", review=True), TASK, 100.0, "").calls_likely == 24


def test_the_speed_is_that_of_the_last_such_run_or_of_a_measurement(store: Store) -> None:
    config = settings.build(OFFLINE.model_dump(), {"train": {"max_workers": 2}})
    measured, where = speed(store, config, TASK, lambda: 1000.0)
    assert (measured, where) == (800.0, "from a short measurement")
    run = store.create_run(task=TASK, config=config, proposer="offline baseline")
    training = Training(
        id="r01c00/selection-0", seed=0, purpose="selection", timesteps=5000, wall_s=9.0
    )
    store.save_candidate(run.id, candidate(0, stage=Stage.TRAINED, trainings=(training,)))
    assert speed(store, config, TASK, lambda: 1000.0)[1] == "from a short measurement"
    store.save_run(run.model_copy(update={"status": RunStatus.DONE, "wall_s": 10.0}))
    assert speed(store, config, TASK, lambda: 1.0) == (500.0, "from the last such run")
    other = settings.build(config.model_dump(), {"train": {"backend": "sb3"}})
    assert speed(store, other, TASK, lambda: 1000.0)[0] == 800.0
