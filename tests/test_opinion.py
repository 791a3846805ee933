"""What the votes of a run come to, and what is asked next."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from rewardsmith.opinion import Entrant, next_question, opinion
from rewardsmith.tally import cycle
from rewardsmith.votes import Clip, Question, Vote

NAMES = ("r01c00", "r01c01", "r01c02", "do-nothing")
ENTRANTS = tuple(
    Entrant(
        id=name,
        clips=tuple(Clip(arm=name, seed=seed) for seed in (7, 8)),
        reference=name == "do-nothing",
        n_seeds=1,
    )
    for name in NAMES
)


def pair(better: str, worse: str, rater: str = "ann", **update: object) -> Vote:
    shown = (Clip(arm=better, seed=7), Clip(arm=worse, seed=7))
    vote = Vote(
        rater=rater, question=Question(kind="pair", generation=1, shown=shown), choice="left"
    )
    return vote.model_copy(update=update)


def several(order: tuple[str, ...], rater: str = "ann") -> Vote:
    """The first is the best, the last the worst."""
    shown = tuple(Clip(arm=arm, seed=7) for arm in order)
    question = Question(kind="best-worst", generation=1, shown=shown)
    return Vote(rater=rater, question=question, best=0, worst=len(order) - 1)


def order(votes: list[Vote]) -> list[str]:
    return [standing.arm for standing in opinion(votes, ENTRANTS).standings]


def test_who_wins_stands_first_and_is_scored_against_the_references() -> None:
    votes = [pair("r01c01", "r01c00"), pair("r01c00", "do-nothing"), pair("r01c01", "r01c02")]
    found = opinion(votes * 2, ENTRANTS)
    assert found.standings[0].arm == "r01c01"
    score = found.standings[0].win_rate
    assert (score.kind, score.reference, score.n_seeds) == ("preference", "do-nothing", 1)
    assert 0.3 < score.low < score.value < score.high < 1.0
    by_name = {standing.arm: standing.win_rate.value for standing in found.standings}
    assert by_name["do-nothing"] == 0.5, "a reference without another one to meet"
    assert found == opinion(votes * 2, ENTRANTS), "the same votes, the same opinion"


def test_best_and_worst_of_several_order_all_of_them() -> None:
    votes = [several(("r01c02", "r01c00", "do-nothing", "r01c01"))] * 3
    assert order(votes)[0] == "r01c02"
    assert order(votes)[-1] == "r01c01"


def test_a_tie_draws_together_and_cannot_tell_says_nothing() -> None:
    won = [pair("r01c00", "r01c01")]
    gap = utility(won, "r01c00") - utility(won, "r01c01")
    tied = [*won, *[pair("r01c00", "r01c01", choice="tie")] * 4]
    assert 0 < utility(tied, "r01c00") - utility(tied, "r01c01") < gap
    untold = [*won, pair("r01c01", "r01c00", choice="cannot-tell")]
    assert opinion(untold, ENTRANTS) == opinion(won, ENTRANTS)


def test_a_clear_vote_counts_more_than_a_slight_one() -> None:
    slight, clear, most = (
        utility([pair("r01c00", "r01c01", strength=strength)], "r01c00") for strength in (1, 2, 3)
    )
    assert 0 < slight < clear < most


def utility(votes: list[Vote], arm: str) -> float:
    found = opinion(votes, ENTRANTS)
    return next(standing.utility for standing in found.standings if standing.arm == arm)


def test_without_a_vote_nobody_is_better() -> None:
    found = opinion([], ENTRANTS)
    assert {standing.win_rate.value for standing in found.standings} == {0.5}
    assert found.raters == () and found.cycle == ()


def test_several_raters_are_trusted_as_far_as_they_agree() -> None:
    """Two honest ones, and one who marks best as worst and left as right, whatever is asked."""
    true = ("r01c00", "r01c01", "r01c02", "do-nothing")
    votes = []
    for better, worse in combinations(true, 2):
        votes += [pair(better, worse, "ann"), pair(better, worse, "bob")]
        votes += [pair(worse, better, "eve")]
    votes += [several(true, "ann"), several(true[::-1], "eve"), several(true[::-1], "eve")]
    found = opinion(votes, ENTRANTS)
    trust = {rater.rater: rater.reliability for rater in found.raters}
    assert trust["eve"] is not None and trust["ann"] is not None
    assert trust["eve"] < 0.3 < 0.75 < trust["ann"]
    assert [standing.arm for standing in found.standings] == list(true)
    alone = opinion([vote for vote in votes if vote.rater == "ann"], ENTRANTS)
    assert alone.raters[0].reliability is None


def test_a_judges_agreement_with_people_is_counted_with_its_interval() -> None:
    people = [pair("r01c00", "r01c01"), pair("r01c00", "r01c02", "bob"), pair("r01c01", "r01c02")]
    judge = [
        pair("r01c00", "r01c01", "judge", source="model"),
        pair("r01c02", "r01c00", "judge", source="model"),
        pair("r01c00", "do-nothing", "judge", source="model"),
    ]
    raters = opinion([*people, *judge], ENTRANTS).raters
    found = {rater.rater: rater.with_people for rater in raters}
    same = found["judge"]
    assert same is not None and (same.same, same.of) == (1, 2)
    assert same.low == pytest.approx(0.0945, abs=1e-3)
    assert same.high == pytest.approx(0.9055, abs=1e-3)
    assert found["ann"] is None, "nobody else voted on ann's pairs but the judge, who is no person"


def test_a_circle_is_found_where_each_clearly_beat_the_next() -> None:
    once = [pair("r01c00", "r01c01"), pair("r01c01", "r01c02"), pair("r01c02", "r01c00")]
    assert cycle(once) == (), "one vote each may be a mistake"
    assert set(cycle(once * 2)) == {"r01c00", "r01c01", "r01c02"}
    assert opinion(once * 2, ENTRANTS).cycle == cycle(once * 2)
    assert cycle([*once[:2], pair("r01c00", "r01c02")] * 3) == ()


def ask(votes: list[Vote], seed: int = 0, kind: str = "pair") -> Question | None:
    rng = np.random.default_rng(seed)
    return next_question(votes, ENTRANTS, kind, 1, "ann", rng, shown=3)  # type: ignore[arg-type]


def test_the_next_pair_is_the_leader_and_who_may_be_better_in_random_order() -> None:
    votes = [
        pair("r01c01", "do-nothing"), pair("r01c01", "r01c00"), pair("r01c01", "r01c00"),
        pair("r01c01", "r01c00"),
    ]  # fmt: skip
    asked = [ask(votes, seed) for seed in range(20)]
    arms = [tuple(clip.arm for clip in question.shown) for question in asked if question]
    assert {frozenset(pair) for pair in arms} == {frozenset({"r01c01", "r01c02"})}
    assert len(set(arms)) == 2, "blind: the leader is now left, now right"


def test_both_are_shown_from_the_same_start_and_what_was_seen_less() -> None:
    first = ask([])
    assert first is not None
    assert {clip.seed for clip in first.shown} == {7}
    seen = [pair(first.shown[0].arm, first.shown[1].arm, choice="tie")]
    again = ask(seen)
    assert again is not None and {clip.seed for clip in again.shown} <= {7, 8}
    assert len({clip.seed for clip in again.shown}) == 1


def test_what_a_rater_could_not_tell_is_not_asked_of_them_again() -> None:
    votes: list[Vote] = []
    while (question := ask(votes)) is not None:
        votes.append(Vote(rater="ann", question=question, choice="cannot-tell"))
    assert len({frozenset(c.arm for c in v.question.shown) for v in votes}) == len(votes) == 6
    rng = np.random.default_rng(0)
    assert next_question(votes, ENTRANTS, "pair", 1, "bob", rng) is not None


def test_several_are_shown_at_once_and_remarks_go_round_the_candidates() -> None:
    question = ask([], kind="best-worst")
    assert question is not None and len(question.shown) == 3
    remarks: list[Vote] = []
    while (question := ask(remarks, kind="remark")) is not None:
        remarks.append(Vote(rater="ann", question=question, see="it stands"))
    assert [vote.question.shown[0].arm for vote in remarks] == list(NAMES[:3])
