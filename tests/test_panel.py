"""Raters in the loop, between its stages: remarks reach the proposer, a deadline ends the wait."""

from __future__ import annotations

from pathlib import Path

from scripted_engine import ScriptedEngine

from rewardsmith import tasks
from rewardsmith.appraise import Appraisal
from rewardsmith.config import FeedbackConfig, RunConfig, SearchConfig
from rewardsmith.loop import Parts, Search
from rewardsmith.propose import Ask, Proposal
from rewardsmith.records import Candidate, Event, TaskSpec, Verdict
from rewardsmith.rungs import ladder
from rewardsmith.selection import rank
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import Store
from rewardsmith.strategies.eureka import Eureka
from rewardsmith.votes import Clip, Question, Vote

CODE = "def compute_reward(next_state):\n    return {'SLOT': next_state.pole_angle}\n"


class Listening:
    """Writes one reward under ever new names and remembers what it was asked."""

    name = "listening"

    def __init__(self) -> None:
        self.asks: list[Ask] = []

    def propose(self, ask: Ask) -> list[Proposal]:
        self.asks.append(ask)
        slots = [move.slot for move in ask.moves]
        return [
            Proposal(slot=slot, code=CODE.replace("SLOT", slot), origin="test") for slot in slots
        ]

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        return None


def searched(
    store: Store, feedback: FeedbackConfig, votes: tuple[Vote, ...] = ()
) -> tuple[Listening, list[Event]]:
    """Two generations of one candidate each, the second of which does better."""
    task = tasks.resolve("CartPole-v1", "balance the pole")
    config = RunConfig(search=SearchConfig(iterations=2, samples=1), feedback=feedback)
    run = store.create_run(task=task, config=config, proposer="listening")
    for vote in votes:
        store.add_vote(run.id, vote)
    proposer, events = Listening(), list[Event]()
    fitness = {"r01c00": 1.0, "r02c00": 2.0, "native": 2.0, "untrained": 0.0}
    parts = Parts(
        store=store,
        proposer=proposer,
        strategy=Eureka(),
        engine=ScriptedEngine(fitness),
        appraisal=Appraisal(run, store, random_transitions(run.task, 301, 0)),
        observe=events.append,
    )
    assert Search(run, parts).run().status == "done"
    return proposer, events


def remark(generation: int, text: str) -> Vote:
    arm = f"r{generation:02d}c00"
    shown = (Clip(arm=arm, training=f"{arm}/selection-0", seed=1_000_000),)
    question = Question(kind="remark", generation=generation, shown=shown)
    return Vote(rater="ann", question=question, change=text)


def test_a_remark_reaches_the_proposer_and_the_deadline_ends_the_wait(tmp_path: Path) -> None:
    store = Store(tmp_path)
    said = remark(1, "stand still")
    proposer, events = searched(store, FeedbackConfig(mode="text", deadline_s=0.0), (said,))
    first, second = proposer.asks
    assert first.feedback is None
    assert second.feedback is not None
    assert second.feedback.better.id == "r01c00" and second.feedback.remarks == (said,)
    (late,) = (event for event in events if event.event == "deadline")
    assert late.data == {"generation": 2, "votes": 0, "wanted": 1}
    store.close()


def test_without_a_single_vote_the_fitness_goes_on_to_decide(tmp_path: Path) -> None:
    store = Store(tmp_path)
    proposer, events = searched(store, FeedbackConfig(mode="pair", deadline_s=0.0))
    run = store.run("last")
    candidates = store.candidates(run.id)
    assert [candidate.preference for candidate in candidates] == [None, None]
    assert run.best == "r02c00"
    assert proposer.asks[1].feedback is None
    assert [event.event for event in events].count("deadline") == 2
    store.close()


def test_what_raters_prefer_decides_over_the_fitness() -> None:
    """Whom they were not asked about comes last."""
    up = tasks.resolve("CartPole-v1", "balance the pole").fitness
    liked, disliked, unseen = (
        candidate_with(index, fitness, rate)
        for index, (fitness, rate) in enumerate(((1.0, 0.8), (3.0, 0.2), (9.0, None)))
    )
    assert rank([unseen, disliked, liked], up) == [liked, disliked, unseen]
    down = up.model_copy(update={"direction": "minimize"})
    assert rank([unseen, disliked, liked], down) == [liked, disliked, unseen]


def candidate_with(index: int, fitness: float, rate: float | None) -> Candidate:
    def score(value: float, kind: str) -> dict[str, object]:
        return {"kind": kind, "value": value, "low": value, "high": value, "n_seeds": 1}

    return Candidate.model_validate(
        {
            "id": f"r01c{index:02d}",
            "generation": 1,
            "index": index,
            "score": score(fitness, "scalar"),
            "preference": None if rate is None else score(rate, "preference"),
        }
    )


def test_where_raters_decide_nobody_is_stopped_early_for_a_low_fitness() -> None:
    task = tasks.resolve("CartPole-v1", "balance the pole")
    steps = (task.budget.timesteps,)
    assert len(ladder(RunConfig(), task)) > 1
    assert ladder(RunConfig(feedback=FeedbackConfig(mode="pair")), task) == steps
    assert len(ladder(RunConfig(feedback=FeedbackConfig(mode="text")), task)) > 1


def test_a_task_without_a_fitness_counts_every_episode_the_same() -> None:
    task = tasks.resolve("CartPole-v1", "dance", fitness="preference")
    assert task.fitness.voted and task.fitness.name == "preference"
    found = tasks.fitness_of(task)
    assert found.variables == frozenset()
