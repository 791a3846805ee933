"""What was said to models about a candidate, and prompts that wait for a person."""

from __future__ import annotations

from typing import Literal

from rewardsmith import calls
from rewardsmith.llm import manual
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Candidate, Record, Stage
from rewardsmith.store import RunRecord, Store


class Exchange(Record):
    """One call."""

    slot: str
    request: ChatRequest
    reply: ChatReply | None
    error: str
    asked_at: str


class Prompt(Record):
    """A prompt of a run with `--model manual`, and what became of its answer."""

    name: str
    answered: bool
    text: str
    """What to paste into a chat."""
    candidate: str
    """Whose reward is asked for."""
    state: Literal["waits", "unread", "passed", "refused"]
    """`unread`: the critic has not judged the answer yet."""
    verdict: tuple[str, ...]
    """What the critic says of it."""


def talk(store: Store, run: RunRecord, candidate: Candidate) -> tuple[Exchange, ...]:
    """Every call that was made for a candidate, oldest first."""
    return tuple(
        Exchange(
            slot=call.slot,
            request=calls.request_of(call),
            reply=calls.reply_of(call),
            error=call.error or "",
            asked_at=call.asked_at,
        )
        for call in store.calls(run.id)
        if call.slot.partition("/")[0] == candidate.id
    )


def waiting_prompts(store: Store, run: RunRecord) -> tuple[Prompt, ...]:
    """Every prompt of a run's queue, those that wait first, then the latest."""
    known = {candidate.id: candidate for candidate in store.candidates(run.id)}
    queue = manual.queue(store.folder(run.id))
    waits = [waiting for waiting in queue if not waiting.answered]
    done = [waiting for waiting in reversed(queue) if waiting.answered]
    return tuple(_prompt(waiting, known) for waiting in (*waits, *done))


def _prompt(waiting: manual.Waiting, known: dict[str, Candidate]) -> Prompt:
    slot = waiting.name.partition("-")[0]
    candidate = known.get(slot)
    state: Literal["waits", "unread", "passed", "refused"] = "waits"
    verdict: tuple[str, ...] = ()
    if waiting.answered:
        state = "unread"
        if candidate and candidate.failure:
            state = "refused" if candidate.failure.stage in ("propose", "check") else "passed"
            verdict = (candidate.failure.for_human,)
        elif candidate and candidate.verdict:
            state = "passed" if candidate.verdict.ok else "refused"
            verdict = candidate.verdict.errors + candidate.verdict.warnings
        elif candidate and candidate.stage is not Stage.PROPOSED:
            state = "passed"
    return Prompt(
        name=waiting.name,
        answered=waiting.answered,
        text=manual.prompt_text(waiting),
        candidate=slot,
        state=state,
        verdict=verdict,
    )
