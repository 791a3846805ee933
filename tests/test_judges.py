"""Judges: one votes by the fitness, one by what it reads, whatever the place."""

from __future__ import annotations

import pytest
from test_propose_llm import MemoryLog

from rewardsmith import tasks
from rewardsmith.critic.exploits import battery
from rewardsmith.errors import ModelError, UserError
from rewardsmith.judges import Look, ModelJudge, SimulatedJudge, agreed, blind, read_verdict
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.propose.calling import Model
from rewardsmith.raters import SyntheticRater
from rewardsmith.records import TaskSpec
from rewardsmith.rollouts import Rollout
from rewardsmith.votes import Clip, Question, Vote


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("CartPole-v1", "balance the pole")


@pytest.fixture(scope="module")
def episodes(task: TaskSpec) -> dict[str, Rollout]:
    """`balance` counts steps: the random policy lasts longer than a constant push."""
    found = {r.behaviour: r for r in battery(task, 0)}
    chosen = {name: found[name] for name in ("always action 0", "random", "always action 1")}
    assert chosen["random"].fitness > chosen["always action 0"].fitness
    return {Clip(arm=name, seed=0).id: rollout for name, rollout in chosen.items()}


def question(*arms: str) -> Question:
    kind = "pair" if len(arms) == 2 else "best-worst"
    shown = tuple(Clip(arm=arm, seed=0) for arm in arms)
    return Question(kind=kind, generation=2, shown=shown)


def test_the_simulated_judge_votes_by_the_fitness(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    judge = SimulatedJudge(SyntheticRater(), task)
    for arms, better in (
        (("always action 0", "random"), "right"),
        (("random", "always action 0"), "left"),
    ):
        vote = judge.vote(question(*arms), episodes, 0)
        assert vote is not None and (vote.choice, vote.source) == (better, "simulated")
    vote = judge.vote(question("always action 0", "random", "always action 1"), episodes, 0)
    assert vote is not None and vote.best == 1
    remark = Question(kind="remark", generation=1, shown=(Clip(arm="random", seed=0),))
    assert judge.vote(remark, episodes, 0) is None


def test_its_noise_depends_on_how_often_it_voted_and_on_its_seed(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    def answers(seed: int) -> list[object]:
        judge = SimulatedJudge(SyntheticRater(beta=0.0, seed=seed), task)
        asked = question("always action 0", "random")
        votes = [judge.vote(asked, episodes, number) for number in range(30)]
        return [vote.choice for vote in votes if vote]

    assert set(answers(1)) == {"left", "right"}
    assert answers(1) == answers(1) != answers(2)


def test_the_myopic_one_judges_by_the_end_alone(episodes: dict[str, Rollout]) -> None:
    """By its lowest point in time: the whole begins at step 0, the last part later."""
    task = tasks.resolve("CartPole-v1", "balance", fitness="-abs(first(cart_position))")
    judge = SimulatedJudge(SyntheticRater(myopic=0.1), task)
    places = {n: r.transitions.state["cart_position"].ravel() for n, r in episodes.items()}
    near = min(places, key=lambda n: abs(places[n][int(len(places[n]) * 0.9)]))
    (far,) = (n for n in places if n.startswith("always action 0"))
    assert near != far
    vote = judge.vote(question(near.partition("@")[0], "always action 0"), episodes, 0)
    assert vote is not None and vote.choice == "left"


def test_without_a_fitness_there_is_nothing_to_simulate() -> None:
    voted = tasks.resolve("CartPole-v1", "balance the pole", fitness="preference")
    with pytest.raises(UserError, match="votes by the fitness, and this task has none"):
        SimulatedJudge(SyntheticRater(), voted)


ASKED = question("always action 0", "random")


def judged(
    task: TaskSpec,
    episodes: dict[str, Rollout],
    *replies: str | ModelError,
    look: Look = blind,
) -> tuple[Vote | None, ScriptedClient]:
    client = ScriptedClient(replies)
    model = Model({"a": client}, calls=MemoryLog(), concurrency=1)
    return ModelJudge(model, task, look=look).vote(ASKED, episodes, 3), client


def test_the_model_judges_twice_with_the_places_swapped(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    second = "B falls.\nChange: recentre the cart\nVerdict: A"
    vote, client = judged(task, episodes, "A falls.\nChange: last longer\nVerdict: B", second)
    assert vote is not None
    assert (vote.choice, vote.source, vote.change) == ("right", "model", "last longer")
    assert vote.rater == "judge: model a script"
    first, swapped = (request.messages[0].content for request in client.requests)
    steps = [str(len(episodes[clip.id].transitions)) + " of 500" for clip in ASKED.shown]
    assert first.index(steps[0]) < first.index(steps[1])
    assert swapped.index(steps[1]) < swapped.index(steps[0])


def test_a_judge_that_goes_by_the_place_says_tie_and_one_without_a_reply_nothing(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    vote, _ = judged(task, episodes, "Verdict: A", "Verdict: A")
    assert vote is not None and vote.choice == "tie"
    vote, _ = judged(task, episodes, "Verdict: A", ModelError("no reply"))
    assert vote is None


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("...\n**Verdict:** B", "right"),
        ("Verdict: A\nno, wait\nverdict: tie", "tie"),
        ("Verdict: cannot tell", "cannot-tell"),
        ("A is better", "cannot-tell"),
        ("", "cannot-tell"),
    ],
)
def test_the_last_verdict_counts(text: str, verdict: str) -> None:
    assert read_verdict(text) == verdict


def test_two_verdicts_make_one() -> None:
    assert agreed("left", "right") == "left"
    assert agreed("tie", "tie") == agreed("left", "left") == agreed("tie", "left") == "tie"
    assert agreed("left", "cannot-tell") == "cannot-tell"


def test_a_judge_that_sees_is_shown_both_policies_in_the_places_of_its_question(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    shown = {ASKED.shown[0].id: ("first", "later"), ASKED.shown[1].id: ("other",)}
    vote, client = judged(
        task, episodes, "Verdict: A", "Verdict: B", look=lambda clip: shown[clip.id]
    )
    assert vote is not None and vote.choice == "left"
    seen = [request.messages[0].pictures for request in client.requests]
    assert seen == [("first", "later", "other"), ("other", "first", "later")]
    assert "The first 2 pictures below show policy A" in client.requests[0].messages[0].content


def test_where_one_policy_cannot_be_shown_neither_is(
    task: TaskSpec, episodes: dict[str, Rollout]
) -> None:
    _, client = judged(
        task,
        episodes,
        *("Verdict: A", "Verdict: B"),
        look=lambda clip: ("one",) if clip == ASKED.shown[0] else (),
    )
    for request in client.requests:
        assert request.messages[0].pictures == ()
        assert "Pictures" not in request.messages[0].content
