"""What came of a run, and what can be taken out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import LATE, TASK, candidate, episodes

import rewardsmith
from rewardsmith import export
from rewardsmith.cli.tables import footnotes
from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Baseline, Candidate, Fitness, RunStatus, Score, Stage, Training
from rewardsmith.report import best_candidate, comparison, result
from rewardsmith.store import RunRecord, Store

REQUEST = ChatRequest(model="m", messages=()).model_dump_json()


def between(low: float, high: float, n_seeds: int = 3) -> Score:
    return Score(value=(low + high) / 2, low=low, high=high, n_seeds=n_seeds)


def by_seed(*fitness: float) -> tuple[Training, ...]:
    """Measured held-out trainings with the seeds 0, 1, ..."""
    return tuple(
        Training(
            id=f"x/report-{seed}",
            seed=seed,
            purpose="report",
            timesteps=1,
            episodes=episodes((1,), value),
        )
        for seed, value in enumerate(fitness)
    )


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store) -> RunRecord:
    """A search whose selection and whose held-out seeds disagree about the best."""
    record = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")
    lucky, steady = between(8, 12, 1), between(5, 7, 1)
    for made in (
        candidate(0, stage=Stage.FAILED, failure=LATE),
        candidate(1, stage=Stage.EVALUATED, score=lucky, report=between(1, 3)),
        candidate(2, stage=Stage.EVALUATED, score=steady, report=between(4, 6)),
    ):
        store.save_candidate(record.id, made)
    store.save_baseline(record.id, Baseline(report=between(2, 4)))
    store.save_baseline(record.id, Baseline(name="untrained", failure=LATE))
    return record


def finished(store: Store, run: RunRecord) -> RunRecord:
    done = run.model_copy(update={"status": RunStatus.DONE, "best": "r01c02", "wall_s": 9.5})
    store.save_run(done)
    return done


def answer(store: Store, run: RunRecord, cost_usd: float | None) -> None:
    call = store.intend_call(run.id, "r01c00/propose", "hash", REQUEST)
    reply = ChatReply(text="", finish="stop", model="m", wall_s=1.0, cost_usd=cost_usd)
    store.finish_call(call, reply=reply.model_dump_json(), error=None)


def test_the_result_is_that_of_the_held_out_seeds(store: Store, run: RunRecord) -> None:
    outcome = result(store, finished(store, run))
    assert outcome.best and outcome.best.candidate == "r01c02"
    assert (outcome.best.fitness, outcome.best.fitness_low, outcome.best.fitness_high) == (5, 4, 6)
    assert (outcome.best.seeds, outcome.best.selection_fitness) == (3, 6)
    assert outcome.baselines == {"native": between(2, 4), "untrained": None}
    assert (outcome.candidates, outcome.failed, outcome.status) == (3, 1, "done")
    assert outcome.wall_s == 9.5
    folder = store.folder(run.id) / "r01" / "c02"
    assert outcome.run_dir == str(store.folder(run.id))
    assert outcome.reward_file == str(folder / "reward.py")
    assert outcome.policy_file == str(folder / "policy.safetensors")
    assert json.loads(outcome.model_dump_json())["best"]["fitness_low"] == 4


def test_before_its_report_the_best_stands_by_its_finals(store: Store, run: RunRecord) -> None:
    done = finished(store, run)
    (best,) = (c for c in store.candidates(run.id) if c.id == done.best)
    reported = result(store, done).best
    assert reported and reported.held_out
    given = result(store, done.model_copy(update={"kind": "train"})).best
    assert given and not given.held_out
    chosen = best.model_copy(update={"final": between(1, 3), "report": None})
    store.save_candidate(run.id, chosen)
    found = result(store, done).best
    assert found and (found.fitness, found.held_out) == (2, False)
    frame = rewardsmith.load(run.id, runs_dir=store.runs_dir).to_frame()
    (row,) = frame[frame["candidate"] == best.id].to_dict("records")
    assert row["fitness"] == found.fitness and row["selection_fitness"] == 6


@pytest.mark.parametrize(
    ("finals", "reports", "said"), [(4, 10, True), (10, 4, True), (5, 5, False)]
)
def test_too_few_seeds_of_finals_or_reports_are_told(
    run: RunRecord, finals: int, reports: int, said: bool
) -> None:
    scores = {"final": between(4, 6, finals), "report": between(4, 6, reports)}
    best = candidate(2, stage=Stage.EVALUATED, score=between(5, 7, 1), **scores)
    notes = footnotes(run, [best], [], best, None)
    assert any("too few seeds" in note for note in notes) is said


def test_while_a_run_goes_on_selection_says_what_is_best(store: Store, run: RunRecord) -> None:
    candidates = store.candidates(run.id)
    best = best_candidate(run, candidates)
    assert best and best.id == "r01c01"
    down = Fitness(name="down", expression="T", direction="minimize")
    task = TASK.model_copy(update={"fitness": down})
    best = best_candidate(run.model_copy(update={"task": task}), candidates)
    assert best and best.id == "r01c02"
    failed = [one for one in candidates if one.failure]
    assert best_candidate(run, failed) is None


def test_a_run_without_a_survivor_has_a_result_too(store: Store) -> None:
    run = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")
    store.save_candidate(run.id, candidate(0, stage=Stage.FAILED, failure=LATE))
    outcome = result(store, run)
    assert outcome.best is None and outcome.reward_file is None and outcome.policy_file is None
    assert (outcome.candidates, outcome.failed, outcome.cost_usd) == (1, 1, 0.0)


def test_the_cost_is_known_only_where_every_price_is(store: Store, run: RunRecord) -> None:
    assert result(store, run).cost_usd == 0.0
    answer(store, run, 0.25)
    answer(store, run, 0.5)
    assert result(store, run).cost_usd == 0.75
    refused = store.intend_call(run.id, "r01c01/propose", "hash", REQUEST)
    store.finish_call(refused, reply=None, error="429")
    outcome = result(store, run)
    assert (outcome.cost_usd, outcome.possibly_paid) == (0.75, 0)
    store.intend_call(run.id, "r01c02/propose", "hash", REQUEST)
    outcome = result(store, run)
    assert (outcome.cost_usd, outcome.possibly_paid) == (None, 1)


def test_a_call_of_unknown_price_makes_the_cost_unknown(store: Store, run: RunRecord) -> None:
    answer(store, run, 0.25)
    answer(store, run, None)
    assert result(store, run).cost_usd is None


@pytest.mark.parametrize(
    ("direction", "low", "said"),
    [
        ("maximize", 0.0, "behind"),
        ("maximize", 9.0, "ahead"),
        ("maximize", 5.5, "tie"),
        ("minimize", 0.0, "ahead"),
        ("minimize", 9.0, "behind"),
        ("minimize", 3.0, "tie"),
    ],
)
def test_another_arm_is_ahead_or_behind_only_where_the_difference_seed_by_seed_is_sure(
    run: RunRecord, direction: str, low: float, said: str
) -> None:
    fitness = TASK.fitness.model_copy(update={"direction": direction})
    run = run.model_copy(update={"task": TASK.model_copy(update={"fitness": fitness})})
    best = candidate(0, report=between(4, 6, 5), trainings=by_seed(4, 4.5, 5, 5.5, 6))
    other = by_seed(low + 2, low + 1.5, low + 1, low + 0.5, low)
    arm = Baseline(report=between(low, low + 2, 5), trainings=other)
    assert comparison(run, best, arm) == said
    assert comparison(run, best, Baseline()) == ""


def test_a_candidate_is_found_by_its_id_and_a_bare_run_means_its_best(
    store: Store, run: RunRecord
) -> None:
    done = finished(store, run)
    assert export.find(store, "last")[1].id == "r01c02"
    assert export.find(store, f"{run.id}:r01c00")[0] == done
    assert export.find(store, "last:r01c00")[1].failure == LATE
    with pytest.raises(UserError, match=r"no candidate r09c00.*r01c00, r01c01, r01c02"):
        export.find(store, "last:r09c00")
    empty = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")
    with pytest.raises(UserError, match="no candidate with a score yet"):
        export.find(store, empty.id)


def test_an_exported_reward_says_where_it_comes_from_and_is_the_code(
    store: Store, run: RunRecord, tmp_path: Path
) -> None:
    finished(store, run)
    path = tmp_path / "best.py"
    exported = export.export_reward(store, "last", path)
    text = path.read_text("utf-8")
    assert isinstance(exported, Candidate) and text.endswith("\n\n" + exported.code)
    head = text.removesuffix(exported.code).strip().splitlines()
    assert all(line.startswith("# ") for line in head)
    assert run.id in head[0] and "On held-out seeds: 5 [4, 6], 3 training seed(s)" in head[-1]
    sentence = TASK.model_copy(update={"sentence": "swing up\nimport os"})
    quoted = export.reward_text(run.model_copy(update={"task": sentence}), exported)
    assert "\nimport os" not in quoted
    with pytest.raises(UserError, match="cannot write"):
        export.export_reward(store, "last", path / "below.py")


def test_an_exported_policy_is_the_file_of_the_run(
    store: Store, run: RunRecord, tmp_path: Path
) -> None:
    finished(store, run)
    with pytest.raises(UserError, match="r01c00 has no policy: too slow"):
        export.export_policy(store, "last:r01c00", tmp_path / "policy")
    source = store.folder(run.id) / "r01" / "c02" / "policy.safetensors"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"weights")
    export.export_policy(store, "last", tmp_path / "policy")
    assert (tmp_path / "policy").read_bytes() == b"weights"
    with pytest.raises(UserError, match="cannot write"):
        export.export_policy(store, "last", tmp_path / "no" / "policy")
