"""Strategies as whole runs of the offline baseline; killed in the midst, they decide the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import BALANCE, TINY, call, event, lines_of, rewards_of, started, survivors

from rewardsmith import load
from rewardsmith.propose.grammar.surgery import numbers
from rewardsmith.records import Candidate

SMALL = (
    *TINY,
    *("--timesteps", "256", "--set", "search.report_seeds=1", "--max-workers", "1"),
    *("--set", "search.native=false", "--set", "search.finalists=1"),
)
ISLANDS = (
    *(*BALANCE, *SMALL, "-n", "4", "-i", "2", "--strategy", "islands", "--seed", "2"),
    *("--tune", "cmaes", "--set", "tune.generations=2", "--set", "tune.samples=3"),
)


def searched(strategy: str, place: Path) -> dict[str, Candidate]:
    tuning = ("--set", "tune.generations=1", "--set", "tune.samples=2")
    wanted = ("-n", "2", "-i", "2", "--strategy", strategy, *tuning)
    done = call(*BALANCE, *SMALL, *wanted, "-o", place)
    assert done.returncode == 0, done.stderr
    candidates = load("last", runs_dir=place).candidates
    assert {c.strategy for c in candidates} == {strategy}
    assert [c.operator for c in candidates if c.generation == 1] == ["first", "first"]
    return {c.id: c for c in candidates}


def test_one_chain_is_told_what_its_reward_pays_for_episodes(tmp_path: Path) -> None:
    found = searched("card", tmp_path)
    head = found["r02c00"].parents[0]
    assert found["r02c00"].operator == "mutate"
    assert "Discounted return of the reward and of its terms" in found[head].payouts
    assert f"best: {head}, fitness" in found[head].payouts


def test_without_iteration_the_second_generation_is_made_like_the_first(tmp_path: Path) -> None:
    found = searched("best-of-n", tmp_path)
    assert {(c.operator, c.parents, c.origin, c.payouts) for c in found.values()} == {
        ("first", (), "grammar:seed", "")
    }
    assert len({c.code for c in found.values()}) == 4
    one_more = ("--tune", "cmaes", "--json", "-o", tmp_path)
    done = call("resume", "last", *one_more)
    assert done.returncode == 0, done.stderr
    tuned = load("last", runs_dir=tmp_path).candidates[4:]
    assert [c.origin for c in tuned] == ["tune:cmaes"] * 2, "a finished run is tuned afterwards"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on islands with tuning, that nothing disturbed."""
    done = call(*ISLANDS, "--json", "-o", tmp_path_factory.mktemp("whole"))
    assert done.returncode == 0, done.stderr
    lines = lines_of(done)
    asked = [(line["generation"], line["kind"]) for line in lines if line["event"] == "proposing"]
    assert asked == [(1, "search"), (2, "search"), (3, "tune"), (4, "tune")]
    assert event(lines, "forecast")["trainings"] == 2 * 4 + 2 * 3 + 1
    return Path(lines[-1]["run_dir"])


def test_the_tuned_are_the_best_code_with_other_numbers(whole: Path) -> None:
    candidates = {c.id: c for c in load("last", runs_dir=whole.parent).candidates}
    tuned = [c for c in candidates.values() if c.generation > 2]
    assert {(c.strategy, c.operator, c.origin) for c in tuned} == {("cmaes", "tune", "tune:cmaes")}
    (base,) = (candidates[name] for name in {c.parents[0] for c in tuned})
    scores = {c.id: c.score.value for c in candidates.values() if c.score and c.generation < 3}
    assert scores[base.id] == max(scores.values())
    for child in tuned:
        assert child.verdict and child.verdict.reward
        params = child.verdict.reward.params
        assert params == numbers(
            (whole / f"r0{child.generation}/c0{child.index}/reward.py").read_text()
        )
        assert params.keys() == numbers(base.code).keys() and params != numbers(base.code)


def test_every_candidate_tells_operator_parents_and_island(whole: Path) -> None:
    candidates = [c for c in load("last", runs_dir=whole.parent).candidates if c.generation < 3]
    assert [c.island for c in candidates] == [0, 1] * 4
    by_id = {c.id: c for c in candidates}
    for child in candidates[4:]:
        assert len(child.parents) == (1 if child.operator == "mutate" else 2)
        assert {by_id[name].island for name in child.parents} == {child.island}
    assert any(child.operator in ("cross", "splice") for child in candidates[4:])


def test_killed_in_the_search_and_in_the_tuning_it_ends_as_if_nothing_had_been(
    whole: Path, tmp_path: Path
) -> None:
    with started(*ISLANDS, "-o", tmp_path) as run:
        run.until("generation")
        run.until("trained")
        assert not survivors(run.kill())
    with started("resume", "last", "-o", tmp_path) as run:
        run.until("generation")
        run.until("generation")
        run.until("trained")
        assert not survivors(run.kill())
    done = call("resume", "last", "--json", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert rewards_of(lines_of(done)[-1]["run_dir"]) == rewards_of(whole)
