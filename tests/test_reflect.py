"""Lessons: at most ten lines, never worth a run, and carried on."""

from __future__ import annotations

import pytest
from test_propose_llm import CODES, TASK, MemoryLog

from rewardsmith.errors import ModelError
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.propose.calling import Model
from rewardsmith.propose.reflect import LlmReflector, read_lessons
from rewardsmith.records import Candidate, Score

TRAINED = Candidate(
    id="r02c00",
    generation=2,
    index=0,
    code=CODES[0],
    score=Score(value=1.0, low=0.5, high=1.5, n_seeds=3),
    summary="It swings.",
)


def test_a_list_is_read_out_of_what_stands_around_it() -> None:
    said = "Here:\n\n- Bound the   speed.\n* Pay for height.\n-\nThat is all.\n" + "- more\n" * 20
    lines = read_lessons(said).split("\n")
    assert lines[:3] == ["- Bound the speed.", "- Pay for height.", "- more"]
    assert len(lines) == 10
    assert read_lessons("Nothing to say.") == ""
    assert len(read_lessons("- " + "x" * 5000)) == 300


@pytest.mark.parametrize(
    ("answer", "lessons"),
    [
        ("- Pay for height.", "- Pay for height."),
        ("I cannot tell.", "- before"),
        (ModelError("gone", outage=True), "- before"),
    ],
    ids=["lessons", "none", "no reply"],
)
def test_the_earlier_lessons_stay_where_there_come_none(
    answer: str | ModelError, lessons: str
) -> None:
    client, log = ScriptedClient([answer]), MemoryLog()
    reflector = LlmReflector(Model({"m": client}, calls=log))
    assert reflector.reflect(TASK, [TRAINED], "- before") == lessons
    ((slot, request),) = log.intents
    assert (slot, request.prompt) == ("r02c00/reflect", "reflect")
    (message,) = request.messages
    assert "- before" in message.content and "It swings." in message.content
