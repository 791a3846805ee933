"""The cells of a grid: which there are, what stands for them, and what is left of shared limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import LATE, candidate

from rewardsmith import start, sweep
from rewardsmith.config import LimitConfig
from rewardsmith.errors import LimitReached, UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Baseline, Candidate, Event, RunStatus, Score, Stage, Training
from rewardsmith.reporting.compare import Entry, compare
from rewardsmith.reporting.gather import gather
from rewardsmith.store import RunRecord, Store
from rewardsmith.sweep import Cell, Grid, Outcome, cells, extended, foresee, load

POLES = (
    {"env": "CartPole-v1", "task": "balance the pole"},
    {"env": "Pendulum-v1", "task": "swing up"},
)
FILE = """
seeds = 2

[settings]
train.timesteps = 512
search.iterations = 1

[[cases]]
env = "CartPole-v1"
task = "balance the pole"

[[cases]]
env = "Pendulum-v1"
task = "swing up"

[grid]
search.samples = [1, 2]
model.names = [["a", "b"], ["c"]]
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


def grid(**parts: Any) -> Grid:
    shared = {"train": {"timesteps": 512}}
    return Grid.model_validate({"settings": shared, "cases": POLES, **parts})


def test_a_file_is_every_case_by_every_value_by_every_seed(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(FILE)
    planned = cells(load(path))
    assert len(planned) == 2 * 2 * 2 * 2 and len({cell.key for cell in planned}) == 16
    first, second = planned[0], planned[1]
    assert (first.case, first.method) == ("CartPole-v1: balance the pole", "samples 1, a and b")
    assert (first.config.seed, second.config.seed) == (0, 1)
    assert first.config.train.timesteps == 512 and first.config.model.names == ("a", "b")
    assert {cell.config.model.names for cell in planned} == {("a", "b"), ("c",)}


def test_a_cell_is_known_by_what_decides_what_it_finds_and_by_nothing_else() -> None:
    (one, *_), (again, *_) = cells(grid()), cells(grid(seeds=3))
    assert one.key == again.key, "a larger grid takes over what a smaller one did"
    free = {"limits": {"wall_s": 9.0}, "train": {"timesteps": 512, "max_workers": 1}}
    (limited, *_) = cells(grid(settings=free))
    assert limited.key == one.key
    (longer, *_) = cells(grid(settings={"train": {"timesteps": 1024}}))
    assert longer.key != one.key


def test_the_same_cell_twice_is_one() -> None:
    assert len(cells(grid(cases=(*POLES, POLES[0])))) == 2
    assert len(cells(extended(grid(seeds=2), shared={}, cases=POLES[:1]))) == 4


def test_seeds_may_be_an_axis_of_their_own() -> None:
    planned = cells(grid(grid={"seed": [7, 9]}, seeds=5))
    assert [cell.config.seed for cell in planned] == [7, 9, 7, 9]
    assert {cell.method for cell in planned} == {""}


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"grid": {"search": {"sampels": [1]}}}, "unknown setting search.sampels"),
        ({"grid": {"search": {"samples": 3}}}, "search.samples must be a list of values"),
        ({"grid": {"search": {"samples": []}}}, "search.samples must be a list of values"),
        ({"grid": {"search": {"samples": [0]}}}, "setting search.samples"),
        ({"seeds": 0}, "seeds must be at least 1"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(parts: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        cells(grid(**parts))


def test_a_mistake_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text("[girds]\na = 1\n")
    with pytest.raises(UserError, match=r"grid\.toml: girds"):
        load(path)
    with pytest.raises(UserError, match="cannot read"):
        load(tmp_path / "none.toml")


# --- what has ended, what is left ----------------------------------------------------------------


def nobody(_: object) -> None:
    """Nobody watches."""


def ended(store: Store, cell: Cell, status: RunStatus, wall_s: float = 10.0) -> RunRecord:
    run = start.create(cell.config, store, cell=cell.key)
    run = run.model_copy(update={"status": status, "wall_s": wall_s})
    store.save_run(run)
    return run


def test_what_has_ended_is_not_begun_again(store: Store) -> None:
    planned = cells(grid())
    done = ended(store, planned[0], RunStatus.DONE)
    gone = ended(store, planned[1], RunStatus.NO_SURVIVOR)
    assert foresee(planned, store) == []
    told: list[Outcome] = []
    outcomes = sweep.run(planned, store, LimitConfig(), told.append, nobody)
    assert outcomes == told
    assert [(outcome.run, outcome.error) for outcome in outcomes] == [
        (done.id, ""),
        (gone.id, "no candidate survived"),
    ]
    assert len(store.runs()) == 2


def test_a_cell_that_cannot_begin_costs_itself_alone(store: Store) -> None:
    cases = ({"env": "NoSuchEnv-v0", "task": "go"}, POLES[0])
    planned = cells(grid(cases=cases))
    done = ended(store, planned[1], RunStatus.DONE)
    first, second = sweep.run(planned, store, LimitConfig(), nobody, nobody)
    assert first.run is None and "NoSuchEnv-v0" in first.error
    assert (second.run, second.error) == (done.id, "")


def spend(store: Store, run: RunRecord, cost_usd: float) -> None:
    request = ChatRequest(model="m", messages=()).model_dump_json()
    call = store.intend_call(run.id, "r01c00/propose", "hash", request)
    reply = ChatReply(
        text="", finish="stop", model="m", wall_s=1.0, cost_usd=cost_usd, prompt_tokens=30,
        completion_tokens=12,
    )  # fmt: skip
    store.finish_call(call, reply=reply.model_dump_json(), error=None)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (LimitConfig(wall_s=10.0), "10 of 10 seconds are spent.*; give a larger --time-limit"),
        (LimitConfig(cost_usd=0.5), "0.75 of 0.5 USD are spent.*; give a larger --cost-limit"),
        (LimitConfig(tokens=40), "42 of 40 tokens are spent.*; give a larger --token-limit"),
    ],
)
def test_limits_hold_for_all_runs_together(store: Store, limits: LimitConfig, why: str) -> None:
    planned = cells(grid())
    spend(store, ended(store, planned[0], RunStatus.DONE), 0.75)
    with pytest.raises(LimitReached, match=why):
        sweep.run(planned, store, limits, nobody, nobody)


def test_what_an_arm_that_is_a_search_spent_counts_for_its_cell(store: Store) -> None:
    planned = cells(grid())
    run = ended(store, planned[0], RunStatus.DONE)
    arm = store.create_run(task=run.task, config=run.config, proposer=run.proposer, arm_of=run.id)
    store.save_run(run.model_copy(update={"arm": arm.id}))
    spend(store, run, 0.25)
    spend(store, arm, 0.5)
    with pytest.raises(LimitReached, match=r"0.75 of 0.5 USD"):
        sweep.run(planned, store, LimitConfig(cost_usd=0.5), nobody, nobody)


def test_a_run_is_given_what_the_others_have_left(store: Store) -> None:
    """The second is stopped as it is launched: its record holds the limits that it was given."""
    planned = cells(grid())
    spend(store, ended(store, planned[0], RunStatus.DONE), 0.75)

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    limits = LimitConfig(wall_s=25.0, cost_usd=2.0, tokens=100)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(planned, store, limits, nobody, stop)
    given = sweep.by_cell(store)[planned[1].key].config.limits
    assert (given.wall_s, given.cost_usd, given.tokens) == (15.0, 1.25, 58)


# --- what it says --------------------------------------------------------------------------------


def reported(store: Store, cell: Cell, fitness: float, native: float) -> Entry:
    run = ended(store, cell, RunStatus.DONE)
    best = Candidate(
        id="r01c00",
        generation=1,
        index=0,
        stage=Stage.EVALUATED,
        report=Score(value=fitness, low=fitness, high=fitness, n_seeds=10),
    )
    store.save_candidate(run.id, best)
    for name, value in (("native", native), ("untrained", 0.0)):
        score = Score(value=value, low=value, high=value, n_seeds=10)
        store.save_baseline(run.id, Baseline(name=name, report=score))
    run = run.model_copy(update={"best": best.id})
    store.save_run(run)
    return Entry(case=cell.case, method=cell.method, report=gather(store, run))


def test_methods_are_compared_case_by_case_and_over_all(store: Store) -> None:
    planned = cells(grid(grid={"search.samples": [1, 2]}, seeds=2))
    values = {"CartPole-v1": {1: (10, 20), 2: (30, 20)}, "Pendulum-v1": {1: (1, 2), 2: (3, 4)}}
    native = {"CartPole-v1": 20.0, "Pendulum-v1": 2.0}
    entries = [
        reported(
            store,
            cell,
            values[cell.config.env][cell.config.search.samples][cell.config.seed],
            native[cell.config.env],
        )
        for cell in planned
    ]
    entries.append(Entry(case=planned[0].case, method="samples 1", report=None, error="too bad"))
    found = compare(entries)
    first = found.cases[0]
    assert (first.case, first.method) == ("CartPole-v1: balance the pole", "samples 1")
    assert first.fitness is not None and first.fitness.value == 15.0
    assert (first.runs, first.planned, first.errors, first.too_few) == (2, 3, ("too bad",), True)
    few, more = found.methods
    assert few.normalised is not None and few.normalised.value == pytest.approx(0.75)
    assert more.normalised is not None and more.normalised.value == pytest.approx(1.5)
    # CartPole: of (30, 20) against (10, 20) 3.5 pairs of 4; Pendulum: all of them.
    assert few.improvement is None and more.improvement is not None
    assert more.improvement.value == pytest.approx((3.5 / 4 + 1.0) / 2)
    assert (few.runs, few.planned, few.wall_s) == (4, 5, 40.0)


def test_a_run_whose_best_could_not_be_reported_does_not_count_and_says_why(store: Store) -> None:
    (cell, _) = cells(grid())
    run = ended(store, cell, RunStatus.DONE).model_copy(update={"best": "r01c00"})
    lost = Training(id="r01c00/report-0", seed=0, purpose="report", timesteps=1, failure=LATE)
    store.save_candidate(run.id, candidate(0, trainings=(lost,)))
    store.save_run(run)
    entry = Entry(case=cell.case, method=cell.method, report=gather(store, run))
    (row,) = compare([entry]).cases
    assert (row.runs, row.fitness) == (0, None)
    assert row.errors == ("r01c00 has no held-out score: too slow",)
