"""The loop between its stages: what is stored before what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

from rewardsmith import start, tasks
from rewardsmith.appraise import Appraisal
from rewardsmith.config import RunConfig, SearchConfig, TuneConfig
from rewardsmith.loop import Parts, Search
from rewardsmith.propose import Ask, Proposal, Proposer
from rewardsmith.records import Candidate, TaskSpec, Verdict
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies.eureka import Eureka
from rewardsmith.tuning import Tuner

BROKEN = "def compute_reward(next_state):\n    return {'a': next_state.pole_agnel}\n"
MENDED = BROKEN.replace("pole_agnel", "pole_angle")


class Interrupted:
    """Writes one reward under ever new names; is interrupted the first time that it mends it."""

    def __init__(self, code: str = BROKEN) -> None:
        self._code = code
        self.verdicts: list[Verdict] = []

    def propose(self, ask: Ask) -> list[Proposal]:
        return [
            Proposal(slot=m.slot, code=self._code.replace("'a'", f"'{m.slot}'"), origin="test")
            for m in ask.moves
        ]

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        self.verdicts.append(verdict)
        if len(self.verdicts) == 1:
            raise KeyboardInterrupt
        return Proposal(slot=candidate.id, code=MENDED, origin="test")


def test_a_solved_task_ends_the_search_after_the_generation_that_solved_it(
    tmp_path: Path,
) -> None:
    """`balance` counts as solved at 475 steps."""
    store, proposer = Store(tmp_path), Interrupted(MENDED)
    task = tasks.resolve("CartPole-v1", "balance the pole")
    search = SearchConfig(iterations=3, samples=1, stop_when="solved")
    run = store.create_run(task=task, config=RunConfig(search=search), proposer="interrupted")
    fitness = {"r01c00": 400.0, "r02c00": 475.0, "native": 2.0, "untrained": 0.0}
    done = Search(run, parts(run, store, proposer, fitness)).run()
    assert (done.status, done.best) == ("done", "r02c00")
    assert [generation.index for generation in store.generations(run.id)] == [1, 2]
    store.close()


def test_a_refusal_reads_the_same_after_a_kill_so_that_a_stored_repair_is_found(
    tmp_path: Path,
) -> None:
    store, proposer = Store(tmp_path), Interrupted()
    task = tasks.resolve("CartPole-v1", "balance the pole")
    config = RunConfig(search=SearchConfig(iterations=1, samples=1))
    run = store.create_run(task=task, config=config, proposer="interrupted")
    made = parts(run, store, proposer, {"r01c00": 1.0, "native": 2.0, "untrained": 0.0})
    with pytest.raises(KeyboardInterrupt):
        Search(run, made).run()
    Search(store.run(run.id), made).run()
    first, again = proposer.verdicts
    # `wall_s` never comes out the same twice: this is the very verdict, and no new one.
    assert not first.ok and first == again
    (candidate,) = store.candidates(run.id)
    assert (candidate.code, candidate.repairs, candidate.failure) == (MENDED, 1, None)
    store.close()


WEIGHED = """PARAMS = {"w": 1.0}


def compute_reward(next_state, params):
    return {'a': params["w"] * next_state.pole_angle}
"""


def test_tuning_follows_the_search_and_a_longer_search_is_tuned_again(tmp_path: Path) -> None:
    store, proposer = Store(tmp_path), Interrupted(WEIGHED)
    tune = TuneConfig(method="cmaes", generations=1, samples=2)
    config = RunConfig(search=SearchConfig(iterations=1, samples=1), tune=tune)
    task = tasks.resolve("CartPole-v1", "balance the pole")
    run = store.create_run(task=task, config=config, proposer="interrupted")
    arms = ("r01c00", "r02c00", "r02c01", "r03c00", "r04c00", "r04c01", "native", "untrained")
    fitness = {name: float(len(arms) - at) for at, name in enumerate(arms)}
    late = ("r02c00/selection-0", "r02c01/selection-0")
    done = Search(run, parts(run, store, proposer, fitness, late=late)).run()
    assert (done.status, done.best) == ("done", "r01c00"), "all that was tuned failed, no more"
    more = start.reopen(done, {"iterations": 2})
    again = Search(more, parts(more, store, proposer, fitness)).run()
    assert again.status == "done"
    assert [g.kind for g in store.generations(run.id)] == ["search", "tune", "search", "tune"]
    tuned = [c for c in store.candidates(run.id) if c.operator == "tune"]
    assert [c.parents for c in tuned] == [("r01c00",)] * 4
    store.close()


def test_where_the_best_has_no_numbers_the_run_says_so_and_ends(tmp_path: Path) -> None:
    store, proposer = Store(tmp_path), Interrupted(MENDED)
    config = RunConfig(
        search=SearchConfig(iterations=1, samples=1), tune=TuneConfig(method="cmaes")
    )
    task = tasks.resolve("CartPole-v1", "balance the pole")
    run = store.create_run(task=task, config=config, proposer="interrupted")
    made = parts(run, store, proposer, {"r01c00": 1.0, "native": 2.0, "untrained": 0.0})
    told: list[str] = []
    done = Search(run, replace(made, observe=lambda event: told.append(event.event))).run()
    assert done.status == "done" and "not-tuned" in told
    assert len(store.candidates(run.id)) == 1
    store.close()


def parts(
    run: RunRecord,
    store: Store,
    proposer: Proposer,
    fitness: Mapping[str, float],
    *,
    late: Sequence[str] = (),
) -> Parts:
    """A search whose trainings come to these fitnesses; those in `late` time out."""
    tune = run.config.tune
    return Parts(
        store=store,
        proposer=proposer,
        strategy=Eureka(),
        tuner=Tuner(tune) if tune.method else None,
        engine=ScriptedEngine(fitness, late),
        appraisal=Appraisal(run, store, random_transitions(run.task, 301, 0)),
        observe=lambda event: None,
    )
