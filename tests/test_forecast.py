"""What a run will take is said before it begins, and what is not known is said to be unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import TASK, candidate

from rewardsmith import footage, settings
from rewardsmith.config import RunConfig
from rewardsmith.forecast import Pace, forecast, measured_pace, words
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import RunStatus, Stage, Training
from rewardsmith.store import Store

OFFLINE = settings.build({"env": "Pendulum-v1", "search": {"iterations": 3, "samples": 4}})

PACE = Pace(steps_per_s=100.0, measured="measured")


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
    made = forecast(config, TASK, PACE)
    assert made.trainings == 3 * 4 + 4 * 10 + 2 * 10
    # Four at first and two from 500 steps on; four finalists of ten seeds, then two.
    steps = 3 * (4 * 500 + 2 * 500) + 10 * (4 * 500 + 2 * 500) + 20 * 1000
    assert (made.steps, made.wall_s) == (steps, steps / 100)
    assert made.core_hours == pytest.approx(2 * steps / 100 / 3600, abs=1e-3)
    assert (made.calls_most, made.tokens_most, made.cost_usd_most) == (0, 0, 0.0)
    assert made.answers_s == 0.0
    assert words(made, config)[-1] == "no calls to a model"


def test_the_waiting_for_answers_is_part_of_the_time() -> None:
    def answers_s(samples: int, **more: object) -> float:
        config = settings.build(
            by_model("m", **more).model_dump(), {"search": {"samples": samples}}
        )
        return forecast(config, TASK, PACE).answers_s

    assert (answers_s(4), answers_s(5), answers_s(8)) == (60.0, 120.0, 120.0)
    assert answers_s(4, concurrency=1) == 240.0
    assert answers_s(4, review=True) == 60.0 + 240.0
    assert answers_s(4, reflect=True) == 60.0 + 40.0
    assert answers_s(4, describe=True) == 60.0 + 40.0
    config = by_model("m")
    made = forecast(config, TASK, PACE)
    assert made.wall_s == made.steps / 100.0 + 60.0
    told = words(made, config)
    assert "about 60 s of waiting for answers (assumed)" in told[1] and "in all" in told[1]
    by_hand = by_model("manual")
    assert forecast(by_hand, TASK, PACE).answers_s == 0.0
    assert "as long as you take" in words(forecast(by_hand, TASK, PACE), by_hand)[1]


def test_dollars_are_told_where_every_price_is_known() -> None:
    one = forecast(by_model("gpt-4o-mini"), TASK, PACE)
    assert (one.calls_likely, one.calls_most) == (12, 12 * 3 * 3)
    assert one.cost_usd_likely and one.cost_usd_most
    assert one.cost_usd_likely < one.cost_usd_most
    assert 12 * 1500 < one.tokens_likely < one.tokens_most
    assert "stops at 5 USD (--cost-limit)" in words(one, by_model("gpt-4o-mini"))[-1]
    both = forecast(by_model("gpt-4o-mini", "gpt-5"), TASK, PACE)
    assert both.cost_usd_likely and both.cost_usd_likely > one.cost_usd_likely


def test_an_unknown_price_is_unknown_and_the_limit_that_holds_is_named() -> None:
    config = by_model("gpt-4o-mini", "mystery")
    made = forecast(config, TASK, PACE)
    assert (made.cost_usd_likely, made.unpriced) == (None, ("mystery",))
    assert "no price of mystery is known" in words(made, config)[-1]
    assert "--token-limit holds" in words(made, config)[-1]
    local = by_model("gpt-4o-mini", api_base="http://127.0.0.1:1/v1")
    assert forecast(local, TASK, PACE).unpriced == ("gpt-4o-mini",)


@pytest.mark.skipif(bool(footage.lacking()), reason="needs rewardsmith[video]")
def test_pictures_that_a_judge_is_shown_are_paid_for() -> None:
    judged = {"mode": "pair", "votes": 10, "judge": "model"}
    blind, seeing = (
        settings.build(by_model("gpt-4o-mini").model_dump(), {"feedback": {**judged, "frames": n}})
        for n in (0, 6)
    )
    less, more = forecast(blind, TASK, PACE), forecast(seeing, TASK, PACE)
    assert less.calls_likely == more.calls_likely
    # Of both policies, in both orders.
    assert more.tokens_likely - less.tokens_likely == 3 * 10 * 2 * 2 * 6 * 300
    assert less.cost_usd_likely and more.cost_usd_likely
    assert 0.01 < more.cost_usd_likely - less.cost_usd_likely < 0.1
    assert more.tokens_most - less.tokens_most > more.tokens_likely - less.tokens_likely


def test_a_review_doubles_the_calls() -> None:
    assert forecast(by_model("m", review=True), TASK, PACE).calls_likely == 24


def test_the_speed_is_that_of_the_last_such_run_or_of_a_measurement(store: Store) -> None:
    config = settings.build(OFFLINE.model_dump(), {"train": {"max_workers": 2}})
    pace = measured_pace(store, config, lambda: 1000.0)
    assert (pace.steps_per_s, pace.measured) == (2400.0, "from a short measurement")
    run = store.create_run(task=TASK, config=config, proposer="offline baseline")
    training = Training(
        id="r01c00/selection-0", seed=0, purpose="selection", timesteps=5000, wall_s=9.0
    )
    store.save_candidate(run.id, candidate(0, stage=Stage.CHECKED, trainings=(training,)))
    assert measured_pace(store, config, lambda: 1000.0).measured == "from a short measurement"
    store.save_run(run.model_copy(update={"status": RunStatus.DONE, "wall_s": 10.0}))
    pace = measured_pace(store, config, lambda: 1.0)
    assert (pace.steps_per_s, pace.measured) == (500.0, "from the last such run")
    other = settings.build(config.model_dump(), {"train": {"backend": "sb3"}})
    assert measured_pace(store, other, lambda: 1000.0).steps_per_s == 600.0


def test_an_answer_takes_what_it_took_in_the_last_run_that_asked_there(store: Store) -> None:
    """And what a run waited for answers does not count against its trainings."""
    config = by_model("m", api_base="http://127.0.0.1:1/v1", concurrency=2)
    assert measured_pace(store, config, lambda: 1.0).answers_from == "assumed"
    run = store.create_run(task=TASK, config=config, proposer="model m")
    for seconds in (3.0, 5.0, 70.0):
        request = ChatRequest(model="m", messages=()).model_dump_json()
        reply = ChatReply(text="", finish="stop", model="m", wall_s=seconds)
        call = store.intend_call(run.id, "r01c00/propose", "hash", request)
        store.finish_call(call, reply=reply.model_dump_json(), error=None)
    pace = measured_pace(store, config, lambda: 1.0)
    assert (pace.answer_s, pace.answers_from) == (5.0, "as measured")
    elsewhere = by_model("m", api_base="http://127.0.0.1:2/v1")
    assert measured_pace(store, elsewhere, lambda: 1.0).answer_s == 20.0
    training = Training(id="r01c00/selection-0", seed=0, purpose="selection", timesteps=1100)
    store.save_candidate(run.id, candidate(0, stage=Stage.CHECKED, trainings=(training,)))
    store.save_run(run.model_copy(update={"status": RunStatus.DONE, "wall_s": 50.0}))
    assert measured_pace(store, config, lambda: 1.0).steps_per_s == 100.0
