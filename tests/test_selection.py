"""Scores, intervals and order: noise is shown, seeds never mix, and who failed cannot win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import LATE, TASK, ScriptedEngine, candidate, episodes

from rewardsmith.arms import measure_arms
from rewardsmith.config import RunConfig
from rewardsmith.control import Control
from rewardsmith.finals import choose_best
from rewardsmith.measure import Measure
from rewardsmith.records import Candidate, Fitness, Score, Stage, Training
from rewardsmith.selection import better, difference, interval, plan_seeds, rank, score, t_interval
from rewardsmith.store import Store

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")


def sure(value: float) -> Score:
    return Score(value=value, low=value, high=value, n_seeds=5)


def training(seed: int, fitness: float | None, **parts: Any) -> Training:
    measured = None if fitness is None else episodes((1, 2, 3), fitness)
    settled = {"id": f"x/{seed}", "seed": seed, "purpose": "selection", "timesteps": 1}
    return Training.model_validate({**settled, "episodes": measured, **parts})


# --- seeds ---


@given(
    seed=st.integers(0, 2**31 - 1),
    selection=st.integers(1, 100),
    final=st.integers(1, 100),
    report=st.integers(1, 100),
    episodes=st.integers(1, 1000),
)
def test_what_selects_what_chooses_and_what_reports_share_no_seed(
    seed: int, selection: int, final: int, report: int, episodes: int
) -> None:
    plan = plan_seeds(seed, selection=selection, final=final, report=report, episodes=episodes)
    assert list(map(len, (plan.selection, plan.final, plan.report))) == [selection, final, report]
    trainings = (*plan.selection, *plan.final, *plan.report)
    assert len(set(trainings)) == selection + final + report
    assert max(trainings) < plan.unused
    measured = (*plan.selection_episodes, *plan.final_episodes, *plan.report_episodes)
    assert len(set(measured)) == 3 * episodes
    assert min(measured) >= 0 and max(measured) < 2**32


def test_neighbouring_runs_share_no_training_seed() -> None:
    plans = [plan_seeds(s, selection=100, final=100, report=100, episodes=10) for s in range(20)]
    seeds = [seed for p in plans for seed in (*p.selection, *p.final, *p.report)]
    assert len(seeds) == len(set(seeds))


def test_more_seeds_keep_the_ones_there_were() -> None:
    few = plan_seeds(3, selection=1, final=2, report=3, episodes=10)
    many = plan_seeds(3, selection=5, final=5, report=10, episodes=20)
    assert many.selection[:1] == few.selection and many.report[:3] == few.report
    assert many.final[:2] == few.final
    assert many.report_episodes[:10] == few.report_episodes


# --- intervals ---


@pytest.mark.parametrize(
    ("values", "half"),
    [
        ([1.0, 3.0], 12.706),  # the textbook's quantiles of Student's t, 1, 2 and 4 degrees
        ([1.0, 2.0, 3.0], 4.303 / 3**0.5),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 2.776 * (2.5 / 5) ** 0.5),
        ([0.0, 2.0] * 20 + [1.0], 2.021 * (1 / 41) ** 0.5),
        ([0.0, 2.0] * 60 + [1.0], 1.980 * (1 / 121) ** 0.5),
    ],
)
def test_the_t_interval_is_that_of_the_tables(values: list[float], half: float) -> None:
    centre, low, high = t_interval(values)
    assert centre == pytest.approx(np.mean(values))
    assert high - centre == pytest.approx(half, rel=2e-3)
    assert centre - low == pytest.approx(high - centre)


def test_below_ten_seeds_the_t_interval_and_from_ten_the_bootstrap() -> None:
    nine, ten = [float(i) for i in range(9)], [float(i) for i in range(1, 10)] + [1000.0]
    assert interval(nine) == t_interval(nine)
    centre, low, high = interval(ten)
    # The middle six of ten: one outlier moves neither the centre nor the interval far.
    assert centre == pytest.approx(np.mean([3, 4, 5, 6, 7, 8]))
    assert 2 < low < centre < high < 200
    assert interval(ten) == (centre, low, high)


def test_the_bootstrap_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        _, low, high = interval(rng.normal(size=10).tolist())
        hits += low <= 0.0 <= high
    assert 0.86 <= hits / 200 <= 0.99


def test_a_single_value_is_its_own_interval() -> None:
    assert t_interval([2.5]) == (2.5, 2.5, 2.5)


# --- scores ---


def test_one_seed_is_judged_by_its_episodes_and_several_by_their_means() -> None:
    spread = episodes((1, 2, 3), 0.0).model_copy(update={"fitness": (1.0, 2.0, 3.0)})
    alone = score([training(0, 0.0, episodes=spread)])
    assert alone and alone.n_seeds == 1
    assert (alone.value, alone.low, alone.high) == t_interval([1.0, 2.0, 3.0])
    pair = score([training(0, 0.0, episodes=spread), training(1, 4.0)])
    assert pair and pair.n_seeds == 2
    assert (pair.value, pair.low, pair.high) == t_interval([2.0, 4.0])
    ten = score([training(i, float(i)) for i in range(10)])
    assert ten and ten.n_seeds == 10 and ten.value == pytest.approx(4.5)


def test_what_was_not_measured_has_no_score() -> None:
    assert score([]) is None
    assert score([training(0, None)]) is None
    assert score([training(0, None, failure=LATE)]) is None
    assert score([training(0, 1e9, failure=LATE)]) is None


# --- order ---


def test_the_direction_decides_what_is_better() -> None:
    assert better(UP, 2, 1) and not better(UP, 1, 2) and not better(UP, 1, 1)
    assert better(DOWN, 1, 2) and not better(DOWN, 2, 1) and not better(DOWN, 1, 1)
    some = [candidate(i, score=sure(value)) for i, value in enumerate((2.0, -3.0, 5.0))]
    assert [c.index for c in rank(some, UP)] == [2, 0, 1]
    assert [c.index for c in rank(some, DOWN)] == [1, 0, 2]


@pytest.mark.parametrize("fitness", [UP, DOWN])
def test_equals_stay_in_the_order_they_were_made(fitness: Fitness) -> None:
    made = [(1, 2), (1, 11), (1, 101), (2, 0)]
    some = [candidate(index, generation, score=sure(1.0)) for generation, index in made]
    assert [(c.generation, c.index) for c in rank(reversed(some), fitness)] == made


def test_a_difference_is_taken_seed_by_seed() -> None:
    """Seeds differ far more than the arms do: only in pairs is the order seen."""
    one = [training(seed, 10.0 * seed + 1.0 + 0.1 * (seed % 2)) for seed in range(4)]
    other = [training(seed, 10.0 * seed) for seed in (3, 1, 0, 2)]
    gap = difference(one, other)
    assert gap and (gap.value, gap.n_seeds) == (pytest.approx(1.05), 4)
    expected = t_interval([1.0, 1.1, 1.0, 1.1])
    assert (gap.value, gap.low, gap.high) == pytest.approx(expected)
    lost = [training(seed, 0.0, failure=LATE if seed > 1 else None) for seed in range(4)]
    both = difference(one, lost)
    assert both and both.n_seeds == 2
    assert difference(one, lost[2:]) is None and difference(one[:1], other) is None


@pytest.mark.parametrize("fitness", [UP, DOWN])
def test_a_time_out_never_outranks_a_valid_candidate(fitness: Fitness) -> None:
    """OpenEvolve gives a program that timed out 0.5, which beats a valid 0.3."""
    late = candidate(0, stage=Stage.FAILED, failure=LATE)
    worst = -1e9 if fitness is UP else 1e9
    valid = candidate(1, stage=Stage.EVALUATED, score=sure(worst))
    assert rank([late, valid], fitness) == [valid]
    assert rank([late], fitness) == []


# --- what is measured stays with whom it was measured on ---


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def measure(store: Store, engine: ScriptedEngine, **search: Any) -> tuple[Control, Measure]:
    config = RunConfig.model_validate({"search": search})
    run = store.create_run(task=TASK, config=config, proposer="offline baseline")
    control = Control(run, store, lambda event: None, clock=lambda: 0.0)
    return control, Measure(run, store, engine, lambda event: None, lambda: None)


def test_results_do_not_shift_when_one_candidate_did_not_parse(store: Store) -> None:
    """Eureka keeps results and codes in parallel lists: one broken reply moves all behind it."""
    engine = ScriptedEngine({"r01c01": 0.9, "r01c02": 0.2, "r01c03": 0.5})
    control, measured = measure(store, engine)
    broken = candidate(0, stage=Stage.FAILED, failure=LATE, verdict=None)
    some = [candidate(i) for i in (1, 2, 3)]
    for one in (broken, *some):
        store.save_candidate(control.run.id, one)
    arms = measured.evaluate(measured.train(some, "selection", (0,)), "selection", (7, 8))
    for arm in arms:
        assert isinstance(arm, Candidate)
        store.save_candidate(control.run.id, arm.model_copy(update={"score": score(arm.trainings)}))
        measured.keep_best_policy(arm, "selection")
    stored = store.candidates(control.run.id)
    ranked = rank(stored, UP)
    assert [(c.id, c.code, c.score and c.score.value) for c in ranked] == [
        ("r01c01", "# r01c01\n", 0.9),
        ("r01c03", "# r01c03\n", 0.5),
        ("r01c02", "# r01c02\n", 0.2),
    ]
    for one in ranked:
        kept = store.candidate_folder(control.run.id, one) / "policy.safetensors"
        assert kept.read_text() == f"{one.id}/selection-0"


def test_one_lost_seed_fails_the_candidate_whatever_the_others_came_to(store: Store) -> None:
    engine = ScriptedEngine({"r01c00": 100.0, "r01c01": 1.0}, late=["r01c00/selection-1"])
    _, measured = measure(store, engine)
    arms = measured.train([candidate(0), candidate(1)], "selection", (0, 1))
    assert [arm.failure for arm in arms] == [LATE, None]
    assert [t.seed for t in arms[0].trainings] == [0, 1]


def test_what_is_trained_and_measured_is_not_done_again(store: Store) -> None:
    engine = ScriptedEngine({"r01c00": 1.0})
    _, measured = measure(store, engine)
    arms = measured.train([candidate(0)], "selection", (0,))
    arms = measured.evaluate(arms, "selection", (7,))
    assert measured.train(arms, "selection", (0,)) == arms
    assert measured.evaluate(arms, "selection", (7,)) == arms
    assert engine.trained == ["r01c00/selection-0"]


@pytest.mark.parametrize(
    ("late", "best"), [([], "r01c00"), (["r01c00/final-500"], "r01c01")], ids=["whole", "lost"]
)
def test_finals_choose_the_best_and_other_seeds_report_it(
    store: Store, late: list[str], best: str
) -> None:
    """A finalist that lost a training is behind one that lost none."""
    fitness = {"r01c00": 9.0, "r01c01": 5.0, "native": 4.0, "untrained": 0.0}
    control, measured = measure(store, ScriptedEngine(fitness, late), finalists=2)
    for index, value in enumerate((1.0, 2.0, 0.5)):
        one = candidate(index, stage=Stage.EVALUATED, score=sure(value))
        store.save_candidate(control.run.id, one)
    seeds = plan_seeds(0, selection=1, final=2, report=3, episodes=2)
    chosen = choose_best(control, store, measured, seeds)
    measure_arms(control, store, measured, chosen, seeds)
    run = store.run("last")
    assert run.finalists == ("r01c01", "r01c00")
    assert run.best == best
    stored = store.candidates(run.id)
    finals = {c.id: c.final.n_seeds if c.final else None for c in stored}
    assert finals == {"r01c00": 2 - len(late), "r01c01": 2, "r01c02": None}
    assert {c.id: c.report.n_seeds for c in stored if c.report} == {best: 3}
    assert {b.name: b.report and b.report.value for b in store.baselines(run.id)} == {
        "native": 4.0,
        "untrained": 0.0,
    }


def test_a_single_finalist_needs_no_finals(store: Store) -> None:
    engine = ScriptedEngine({"r01c00": 9.0, "native": 4.0, "untrained": 0.0})
    control, measured = measure(store, engine, finalists=1)
    only = candidate(0, stage=Stage.EVALUATED, score=sure(1.0))
    store.save_candidate(control.run.id, only)
    seeds = plan_seeds(0, selection=1, final=2, report=3, episodes=2)
    chosen = choose_best(control, store, measured, seeds)
    measure_arms(control, store, measured, chosen, seeds)
    assert {name.partition("/")[2].partition("-")[0] for name in engine.trained} == {"report"}
    (stored,) = store.candidates(control.run.id)
    assert stored.final is None and stored.report and stored.report.value == 9.0
