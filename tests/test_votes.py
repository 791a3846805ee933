"""What raters say: which votes are votes, and which of them count."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rewardsmith.votes import Clip, Question, Vote, standing, undo

CLIPS = tuple(Clip(arm=f"r01c{i:02d}", training=f"r01c{i:02d}/selection-0", seed=7) for i in (0, 1))
PAIR = Question(kind="pair", generation=1, shown=CLIPS)
SEVERAL = Question(kind="best-worst", generation=1, shown=(*CLIPS, Clip(arm="random", seed=0)))
REMARK = Question(kind="remark", generation=1, shown=CLIPS[:1])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (PAIR, {"choice": "left"}),
        (PAIR, {"choice": "cannot-tell", "strength": 1}),
        (SEVERAL, {"best": 0, "worst": 2}),
        (SEVERAL, {"choice": "cannot-tell"}),
        (REMARK, {"change": "lift the foot"}),
    ],
)
def test_an_answer_fits_its_question(question: Question, answer: dict[str, Any]) -> None:
    vote = Vote(rater="ann", question=question, **answer)
    assert Vote.model_validate_json(vote.model_dump_json()) == vote


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (PAIR, {}),
        (PAIR, {"best": 0, "worst": 1}),
        (PAIR, {"choice": "left", "best": 0, "worst": 1}),
        (PAIR, {"choice": "left", "strength": 4}),
        (SEVERAL, {"choice": "left"}),
        (SEVERAL, {"best": 1, "worst": 1}),
        (SEVERAL, {"best": 0}),
        (SEVERAL, {"best": 0, "worst": 3}),
        (REMARK, {"see": "  "}),
        (REMARK, {"choice": "left", "see": "it"}),
    ],
)
def test_what_is_no_answer_to_its_question_is_refused(
    question: Question, answer: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        Vote(rater="ann", question=question, **answer)


def test_a_question_shows_different_policies_and_as_many_as_fit() -> None:
    for kind, shown in (
        ("pair", CLIPS[:1]),
        ("pair", (CLIPS[0], CLIPS[0].model_copy(update={"seed": 8}))),
        ("best-worst", CLIPS),
        ("remark", CLIPS),
    ):
        with pytest.raises(ValidationError):
            Question(kind=kind, generation=1, shown=shown)


def test_a_vote_is_taken_back_by_its_own_rater_only() -> None:
    first, second = (Vote(rater="ann", question=PAIR, choice="left") for _ in range(2))
    other = Vote(rater="bob", question=PAIR, choice="right")
    assert standing([first, second, other, undo(second)]) == [first, other]
    theft = undo(other).model_copy(update={"rater": "ann"})
    assert standing([other, theft]) == [other]
