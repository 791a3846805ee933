"""By hand: a prompt is a file that can be pasted, and an answer is waited for until it is whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rewardsmith.errors import UserError
from rewardsmith.llm import manual
from rewardsmith.llm.chat import ChatReply, ChatRequest, Message
from rewardsmith.llm.manual import ManualClient, Waiting


def request(
    slot: str = "r01c03/propose", content: str = "Write it.\n\n---\n\n# User"
) -> ChatRequest:
    messages = (
        Message(role="system", content="You design.\n"),
        Message(role="user", content=content),
    )
    return ChatRequest(model="manual", messages=messages, slot=slot)


class Person:
    """Does something each time the client looks away; ends a wait that would never end."""

    def __init__(self, *deeds: tuple[Path | None, str]) -> None:
        self._deeds = list(deeds)
        self.told: list[Waiting] = []

    async def sleep(self, seconds: float) -> None:
        assert self._deeds, "still waiting"
        place, text = self._deeds.pop(0)
        target = place or self.told[-1].answer
        target.write_text(text)


def ask(folder: Path, person: Person, asked: ChatRequest) -> ChatReply:
    client = ManualClient(folder, person.told.append, sleep=person.sleep)
    (reply,) = asyncio.run(client.send(asked, 3))
    return reply


def test_an_answer_is_taken_when_it_no_longer_grows(tmp_path: Path) -> None:
    person = Person((None, ""), (None, "half"), (None, "half and half"), (None, "half and half"))
    reply = ask(tmp_path, person, request())
    assert (reply.text, reply.finish, reply.cost_usd) == ("half and half", "stop", 0.0)
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)
    (waiting,) = person.told
    assert waiting.name.startswith("r01c03-propose-")
    assert str(waiting.answer) in waiting.prompt.read_text()


def test_what_is_shown_is_the_conversation_and_nothing_else(tmp_path: Path) -> None:
    person = Person((None, "yes"), (None, "yes"))
    ask(tmp_path / manual.FOLDER, person, request())
    (waiting,) = manual.queue(tmp_path)
    assert manual.prompt_text(waiting) == (
        "# System\n\nYou design.\n\n# User\n\nWrite it.\n\n---\n\n# User\n"
    )
    assert waiting.answered


def test_what_was_answered_while_nobody_waited_is_found(tmp_path: Path) -> None:
    folder = tmp_path / manual.FOLDER
    with pytest.raises(AssertionError, match="still waiting"):
        ask(folder, Person(), request())
    manual.answer(manual.find(tmp_path, "r01c03/propose"), "an answer")
    person = Person((folder / "other", ""))
    assert ask(folder, person, request()).text == "an answer"
    assert person.told == []


def test_another_prompt_of_the_same_slot_waits_for_its_own_answer(tmp_path: Path) -> None:
    folder = tmp_path / manual.FOLDER
    ask(folder, Person((None, "one"), (None, "one")), request())
    assert ask(folder, Person((None, "two"), (None, "two")), request(content="Now.")).text == "two"


def test_prompts_are_found_by_how_they_begin(tmp_path: Path) -> None:
    folder = tmp_path / manual.FOLDER
    with pytest.raises(UserError, match="0 prompts"):
        manual.find(tmp_path, "")
    for slot in ("r01c00/propose", "r01c01/propose"):
        with pytest.raises(AssertionError, match="still waiting"):
            ask(folder, Person(), request(slot))
    with pytest.raises(UserError, match="there wait 2 prompts"):
        manual.find(tmp_path, "")
    first = manual.find(tmp_path, "r01c00")
    with pytest.raises(UserError, match="empty"):
        manual.answer(first, " \n")
    manual.answer(first, "yes")
    assert manual.find(tmp_path, "").name.startswith("r01c01-propose-")
    assert [waiting.answered for waiting in manual.queue(tmp_path)] == [False, True]
    with pytest.raises(UserError, match="answered already"):
        manual.answer(manual.find(tmp_path, "r01c00"), "no")
    assert first.answer.read_text() == "yes"
