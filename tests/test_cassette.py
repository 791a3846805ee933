"""Recorded calls: every line is whole and without a key, and each slot finds its own again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import TASK as PENDULUM
from test_propose_llm import ASK, CODES, GOOD, TASK, MemoryLog

from rewardsmith.calls import LOG, StoredCalls, entries, possibly_paid
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.errors import ModelError, UserError
from rewardsmith.llm import cassette
from rewardsmith.llm.budget import Budget
from rewardsmith.llm.cassette import Entry
from rewardsmith.llm.chat import Adapter, CallLog, ChatReply, ChatRequest, Message
from rewardsmith.llm.client import ChatClient
from rewardsmith.llm.replay import ReplayClient, difference
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.llm.secrets import redactor
from rewardsmith.propose.calling import Model
from rewardsmith.propose.llm import LlmProposer
from rewardsmith.store import Store

SECRET = 'pass"word\\of the house'
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content="hello"),), prompt="first")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


def log_of(store: Store) -> tuple[StoredCalls, str, Path]:
    run = store.create_run(task=PENDULUM, config=RunConfig(), proposer="model m")
    calls = StoredCalls(
        store, run.id, Budget({}, LimitConfig), redactor({"HOUSE_PASSWORD": SECRET})
    )
    return calls, run.id, store.folder(run.id) / LOG


def replies(text: str) -> ChatReply:
    return ChatReply(text=text, finish="stop", model="m", wall_s=0.5, prompt_tokens=3)


def proposer(client: Adapter, calls: CallLog) -> LlmProposer:
    return LlmProposer(Model({"m": client}, calls=calls))


def test_a_line_holds_what_was_asked_and_what_came(store: Store) -> None:
    calls, run_id, path = log_of(store)
    calls.reply(calls.intend("r01c00/propose", REQUEST), replies("yes"))
    calls.error(calls.intend("r01c01/propose", REQUEST), "m: gone; try later")
    calls.intend("r01c02/propose", REQUEST)
    first, second = cassette.read(path.read_text())
    assert entries(store, run_id)[:2] == [first, second]
    assert (first.slot, first.prompt, first.request) == ("r01c00/propose", "first", REQUEST)
    assert first.reply == replies("yes") and first.error is None
    assert (second.reply, second.error) == (None, "m: gone; try later")
    assert first.body_hash == second.body_hash == cassette.body_hash(REQUEST)


def test_a_try_that_was_lost_is_recorded_and_may_be_paid(store: Store) -> None:
    calls, run_id, path = log_of(store)
    calls.lost(calls.intend("r01c00/propose", REQUEST), "m: no answer in time")
    calls.intend("r01c01/propose", REQUEST)
    by_hand = REQUEST.model_copy(update={"model": "manual"})
    calls.intend("r01c02/propose", by_hand)
    (lost,) = cassette.read(path.read_text())
    assert (lost.slot, lost.error) == ("r01c00/propose", "m: no answer in time")
    assert possibly_paid(store, run_id) == ["r01c00/propose", "r01c01/propose"]
    assert [entry.slot for entry in entries(store, run_id)] == ["r01c00/propose", "r01c01/propose"]
    assert calls.stored("r01c00/propose", REQUEST) is None


def test_secrets_reach_no_file_and_no_candidate(store: Store) -> None:
    calls, run_id, path = log_of(store)
    key = "sk-ant-0123456789abcdefghij"
    asks = REQUEST.model_copy(
        update={"messages": (Message(role="user", content=f"{SECRET} or {key}"),)}
    )
    kept = calls.reply(calls.intend("r01c00/propose", asks), replies(f"# {SECRET} {key}"))
    assert kept.text == "# *** ***"
    again = calls.stored("r01c00/propose", asks)
    assert again == kept
    store.close()
    written = [file.read_text("latin-1") for file in store.runs_dir.rglob("*") if file.is_file()]
    assert len(written) >= 4
    for text in written:
        assert "of the house" not in text and key not in text
    assert "*** or ***" in path.read_text()
    assert entries(store, run_id)[0].body_hash == cassette.body_hash(asks)


def test_a_log_that_a_crash_cut_off_is_made_whole_from_the_store(store: Store) -> None:
    calls, run_id, path = log_of(store)
    for index in range(3):
        calls.reply(calls.intend(f"r01c0{index}/propose", REQUEST), replies(f"{index}"))
    whole = path.read_text()
    path.write_text(whole[:-50])
    assert len(cassette.read(path.read_text())) == 2
    StoredCalls(store, run_id, Budget({}, LimitConfig), redactor({}))
    assert path.read_text() == whole


def recorded(client: ScriptedClient, store: Store) -> list[Entry]:
    calls, run_id, _ = log_of(store)
    proposer(client, calls).propose(ASK)
    return entries(store, run_id)


def test_every_slot_gets_its_own_answer_again_errors_too(store: Store) -> None:
    made = recorded(ScriptedClient([GOOD[0], ModelError("gone"), GOOD[2]]), store)
    told: list[str] = []
    log = MemoryLog()
    replayed = ReplayClient(made, lambda slot, difference: told.append(slot))
    first, second, third = proposer(replayed, log).propose(ASK)
    assert (first.code, third.code) == (CODES[0], CODES[2])
    assert second.failure and second.failure.for_human == "gone"
    assert told == []
    assert [reply.cost_usd for reply in log.replies.values()] == [0.0, 0.0], "nothing is paid"


def test_another_request_is_named_once_with_its_difference_and_still_answered(
    store: Store,
) -> None:
    made = recorded(ScriptedClient(GOOD), store)
    told: list[tuple[str, str]] = []
    replayed = ReplayClient(made, lambda slot, difference: told.append((slot, difference)))
    task = TASK.model_copy(update={"sentence": "swing up and hold it"})
    ask = ASK.model_copy(update={"task": task})
    assert [p.code for p in proposer(replayed, MemoryLog()).propose(ask)] == CODES
    ((slot, difference),) = told
    assert slot == "r00c00/propose"
    changed = [row for row in difference.splitlines() if row[:1] in "+-" and row[1:2] not in "+-"]
    assert changed == ["-swing up and hold", "+swing up and hold it"]


def nobody_is_told(slot: str, difference: str) -> None:
    raise AssertionError(f"{slot}: {difference}")


def test_of_equal_calls_the_last_counts_for_the_run_went_on_from_it() -> None:
    slot = "r01c00/propose"
    asks = REQUEST.model_copy(update={"slot": slot})
    lost = cassette.entry(slot, asks, "gone", "then")
    came = cassette.entry(slot, asks, replies("yes"), "later")
    (reply,) = asyncio.run(ReplayClient([lost, came], nobody_is_told).send(asks, 3))
    assert reply.text == "yes"


def test_a_reply_that_was_cut_off_is_followed_by_the_one_with_more_room() -> None:
    asks = REQUEST.model_copy(update={"slot": "r01c00/propose"})
    wider = asks.model_copy(update={"max_tokens": 2 * asks.max_tokens})
    half = replies("half").model_copy(update={"finish": "length"})
    made = [
        cassette.entry(asks.slot, asks, half, "then"),
        cassette.entry(asks.slot, wider, replies("whole"), "later"),
    ]
    client = ChatClient(ReplayClient(made, nobody_is_told), MemoryLog())
    assert asyncio.run(client.complete(asks)).text == "whole"


def test_a_slot_that_was_never_asked_for_is_an_error() -> None:
    with pytest.raises(ModelError, match="no call for r00c00/propose"):
        proposer(ReplayClient([], nobody_is_told), MemoryLog()).propose(ASK)


def test_a_long_difference_is_cut() -> None:
    words = "\n".join(str(number) for number in range(200))
    other = REQUEST.model_copy(update={"messages": (Message(role="user", content=words),)})
    assert len(difference(REQUEST, other).splitlines()) == 41


def test_what_is_no_call_is_named_by_its_line() -> None:
    good = cassette.line(cassette.entry("s", REQUEST, "gone", "then"), redactor({}))
    with pytest.raises(UserError, match="line 2 of the recorded calls"):
        cassette.read(good + "{}\n")


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnop123456",
        "sk-or-v1-0123456789abcdef0123",
        "gsk_abcdefghijklmnopqrstuvwx",
        "hf_abcdefghijklmnopqrstuvwx",
        "ghp_abcdefghijklmnopqrstuvwx",
        "AIzaabcdefghijklmnopqrstuvwxyz0123456",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_what_looks_like_a_key_is_blotted_out(key: str) -> None:
    assert redactor({})(f"take {key}, please") == "take ***, please"


def test_code_is_not_taken_for_a_key() -> None:
    memory = MemoryLog()
    proposer(ScriptedClient(GOOD), memory).propose(ASK)
    for reply in memory.replies.values():
        assert redactor({})(reply.text) == reply.text
