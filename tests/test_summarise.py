"""What a proposer is told about a trained candidate."""

from __future__ import annotations

from typing import Any

import pytest
from grammar_tasks import hopper

from rewardsmith.observe import diagnose, observe, short_number
from rewardsmith.records import (
    Candidate,
    Curve,
    Episodes,
    Failure,
    Fitness,
    Score,
    Stage,
    TermStats,
    Training,
)
from rewardsmith.summarise import summarise

TASK = hopper()
STEPS = tuple(range(10_000, 100_001, 10_000))


def term(name: str, points: tuple[float, ...], share: float, **changes: float) -> TermStats:
    values: dict[str, Any] = {
        "name": name,
        "points": points,
        "mean": sum(points) / len(points),
        "minimum": min(points) - 1.0,
        "maximum": max(points) + 1.0,
        "share": share,
    }
    return TermStats(**{**values, **changes})


def training(seed: int = 0, fitness: float = 3.0, **changes: Any) -> Training:
    values: dict[str, Any] = {
        "id": f"r00c00/selection-{seed}",
        "seed": seed,
        "purpose": "selection",
        "timesteps": 100_000,
        "curve": curve(),
        "terms": (
            term("speed", tuple(0.1 * i for i in range(1, 11)), 0.6),
            term("effort", tuple(-0.012345 * i for i in range(1, 11)), 0.4),
        ),
        "episodes": episodes(fitness),
    }
    return Training(**{**values, **changes})


def curve(**changes: Any) -> Curve:
    values: dict[str, Any] = {
        "timesteps": STEPS,
        "episode_length": (None, *(600.0 + i for i in range(9))),
        "reward_return": (None, *(10.0 + i for i in range(9))),
        "fitness": (None, *(1.0 + i / 3 for i in range(9))),
    }
    return Curve(**{**values, **changes})


def episodes(fitness: float, length: int = 700) -> Episodes:
    return Episodes(
        seeds=(1, 2),
        fitness=(fitness - 0.5, fitness + 0.5),
        native_return=(54321.0, 54321.0),
        length=(length, length),
        terminated=(True, False),
    )


def candidate(*trainings: Training, **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "id": "r00c00",
        "generation": 0,
        "index": 0,
        "stage": Stage.EVALUATED,
        "trainings": trainings,
        "score": Score(value=3.0, low=2.5, high=3.5, n_seeds=len(trainings)),
    }
    return Candidate(**{**values, **changes})


def test_the_table_shows_every_term_and_the_fitness_over_training() -> None:
    text = summarise(candidate(training()), TASK)
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert rows["after steps"].count("k ") == 10
    assert "| 0.1 | 0.2 | 0.3 |" in rows["`speed`"]
    assert rows["`speed`"].endswith("| 0.55 | -0.9 | 2 | 60% |")
    assert "| -0.0123 | -0.0247 |" in rows["`effort`"]
    assert rows["fitness"].startswith("| fitness | - | 1 | 1.33 |")
    assert {"episode length", "return of this reward"} <= rows.keys()
    assert len({line.count("|") for line in rows.values()}) == 1, "the rows differ in width"
    assert len(text.splitlines()) <= 60


def test_the_head_gives_the_fitness_with_its_interval_and_what_it_covers() -> None:
    one = summarise(candidate(training()), TASK)
    assert one.startswith("### r00c00: forward 3 m/s (interval 2.5 to 3.5; 1 training seed: ")
    assert "evaluation episodes only" in one
    two = summarise(candidate(training(0), training(1)), TASK)
    assert "2 training seeds)" in two.splitlines()[0]


def test_the_evaluation_counts_the_episodes_that_ended_early() -> None:
    text = summarise(candidate(training()), TASK)
    assert "seed 0: fitness 3, 1 of 2 episodes ended early, mean length 700 steps" in text


def test_the_median_training_is_shown_and_every_seed_is_listed() -> None:
    trainings = (training(0, 1.0), training(1, 9.0), training(2, 5.0))
    text = summarise(candidate(*trainings), TASK)
    assert "Training with seed 2" in text
    for line in ("seed 0: fitness 1", "seed 1: fitness 9", "seed 2: fitness 5"):
        assert line in text


def test_report_seeds_and_the_native_return_are_never_shown() -> None:
    report = training(77, 8.88, purpose="report")
    text = summarise(candidate(training(), report), TASK)
    assert text == summarise(
        candidate(training(), score=Score(value=3.0, low=2.5, high=3.5, n_seeds=2)), TASK
    )
    assert "543" not in text


def test_a_failed_candidate_tells_why() -> None:
    failure = Failure(
        stage="check",
        cause="probe",
        for_llm="term `a` has shape (6,)\nexpected (n,)",
        for_human="x",
    )
    text = summarise(candidate(stage=Stage.FAILED, failure=failure, score=None), TASK)
    assert text.splitlines() == [
        "### r00c00: failed",
        "",
        "Failed at check (probe):",
        "    term `a` has shape (6,)",
        "    expected (n,)",
    ]


def test_a_long_reason_is_cut() -> None:
    failure = Failure(stage="train", cause="crash", for_llm="x" * 9000, for_human="x")
    text = summarise(candidate(stage=Stage.FAILED, failure=failure, score=None), TASK)
    assert len(text) < 2000
    assert text.endswith("[cut]\n")


def test_a_training_that_failed_beside_others_is_listed() -> None:
    failure = Failure(stage="train", cause="timeout", for_llm="no progress in 60 s", for_human="x")
    broken = training(1, failure=failure, episodes=None, curve=None, terms=())
    text = summarise(candidate(training(0), broken), TASK)
    assert "- seed 1: training failed: no progress in 60 s" in text


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        (
            {"terms": (term("alive", (1.0, 1.1), 0.97), term("speed", (0.1, 0.2), 0.03))},
            "dominating",
            "term `alive` holds 97% of the reward",
        ),
        (
            {"terms": (term("bonus", (1.0, 1.0), 0.5, minimum=1.0, maximum=1.0),)},
            "constant",
            "term `bonus` has the same value at every step, whatever the policy does",
        ),
        (
            {"terms": (term("tilt", (1.0, 1.01), 0.5),)},
            "flat",
            "term `tilt` hardly moved during training",
        ),
        (
            {"terms": (term("goal", (0.0, 0.0), 0.0, minimum=0.0, maximum=0.0),)},
            "silent",
            "term `goal` stayed near zero throughout training",
        ),
        ({"episodes": episodes(3.0, length=61)}, "short", "episodes end after 61 of 1000 steps"),
        (
            {"episodes": episodes(3.0, length=1000)},
            "full",
            "episodes now last 1000 of 1000 steps; earlier in training they ended early",
        ),
        (
            {"curve": curve(fitness=(None, *[0.0] * 9))},
            "zero",
            "fitness stayed near zero during training",
        ),
        (
            {"curve": curve(fitness=(None, *[2.0] * 9))},
            "stuck",
            "fitness stayed at about 2 during training",
        ),
        (
            {"curve": curve(fitness=tuple(float(-i) for i in range(10)))},
            "parted",
            "past 20k steps the reward's return rose (10 to 18) while fitness worsened (-1 to -9): "
            "`speed` pays for it; try np.minimum(speed, 0.2), what it paid a step then",
        ),
        (
            {"curve": curve(fitness=tuple(float(-i) for i in range(10))), "terms": ()},
            "parted",
            "past 20k steps the reward's return rose (10 to 18) while fitness worsened (-1 to -9): "
            "the reward pays for something else",
        ),
        (
            {"curve": curve(fitness=(0.0, 1.0, 5.0, 9.0, 8.0, 7.0, 4.0, 3.0, 3.0, 2.0))},
            "parted",
            "past 50k steps the reward's return rose (13 to 18) while fitness worsened (8 to 2): "
            "`speed` pays for it; try np.minimum(speed, 0.5), what it paid a step then",
        ),
        (
            {
                "curve": curve(
                    fitness=(None, *[0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]),
                    episode_length=(100.0, 100.0, *(100.0 * i for i in range(2, 10))),
                    reward_return=(50.0, 50.0, *(50.0 * i for i in range(2, 10))),
                )
            },
            "lasting",
            "episodes went from 200 to 800 steps, which is 100% of what the reward's return "
            "gained; fitness did not gain (0.133 to 0.133): the reward pays for lasting",
        ),
        (
            {
                "curve": curve(
                    fitness=(None, *[0.1] * 9),
                    episode_length=(100.0, *(100.0 - 10.0 * i for i in range(9))),
                    reward_return=(-200.0, *(-200.0 + 20.0 * i for i in range(9))),
                )
            },
            "ending",
            "episodes went from 90 to 30 steps, which is 100% of what the reward's return "
            "gained; fitness did not gain (0.1 to 0.1): the reward pays for ending",
        ),
        (
            {
                "curve": curve(
                    fitness=(0.0, 1.0, 5.0, 9.0, 8.0, 7.0, 4.0, 3.0, 3.0, 2.0),
                    reward_return=(None, *[10.0] * 9),
                )
            },
            "fell",
            "fitness reached 9 and ended at 2",
        ),
    ],
)
def test_what_stands_out_is_said_in_one_line(changes: Any, kind: str, text: str) -> None:
    shown = candidate(training(**changes))
    assert [o.text for o in observe(shown, TASK) if o.kind == kind] == [text]
    assert f"- {text}" in summarise(shown, TASK)


def test_an_ordinary_training_has_nothing_that_stands_out() -> None:
    assert diagnose(candidate(training()), TASK) == ()
    assert "stands out" not in summarise(candidate(training()), TASK)


def test_where_less_is_better_a_falling_fitness_is_no_complaint() -> None:
    task = TASK.model_copy(
        update={"fitness": TASK.fitness.model_copy(update={"direction": "minimize"})}
    )
    falling = curve(fitness=tuple(float(9 - i) for i in range(10)))
    assert diagnose(candidate(training(curve=falling)), task) == ()
    assert diagnose(candidate(training(curve=curve())), task) != ()


def test_a_candidate_that_was_not_trained_has_a_summary_too() -> None:
    text = summarise(candidate(stage=Stage.CHECKED, score=None), TASK)
    assert text == "### r00c00: no score yet (checked)\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1234.5, "1230"), (-61.04, "-61"), (0.0, "0"), (4.5e-6, "4.5e-06")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert short_number(value) == text


def test_where_raters_alone_decide_no_number_of_success_is_told() -> None:
    voted = TASK.model_copy(
        update={"fitness": Fitness(name="preference", expression="0", why="raters alone decide")}
    )
    rate = Score(kind="preference", value=0.71, low=0.4, high=0.9, n_seeds=1, reference="native")
    flat = training(fitness=0.0, curve=curve(fitness=(0.0,) * 10))
    text = summarise(candidate(flat, score=rate, preference=rate), voted)
    assert "fitness" not in text and "native" not in text
    assert "win rate 0.71 against fixed references, by votes (interval 0.4 to 0.9)" in text
    assert "| `speed` |" in text and "| episode length |" in text
    assert {found.kind for found in observe(candidate(flat), voted)} <= {"short", "full"}


def test_where_raters_decide_beside_a_fitness_both_are_told() -> None:
    rate = Score(kind="preference", value=0.71, low=0.4, high=0.9, n_seeds=1)
    head = summarise(candidate(training(), preference=rate), TASK).splitlines()[0]
    assert "win rate 0.71" in head and f"{TASK.fitness.name} 3" in head
