"""Requests to a model, several at a time, each recorded, so that none is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from rewardsmith.errors import LimitReached, ModelError
from rewardsmith.llm.cassette import body_hash
from rewardsmith.llm.chat import ChatClient, ChatReply, ChatRequest, Effort, Message
from rewardsmith.llm.manual import MANUAL

Answers = TypeVar("Answers")
_TOO_FEW = "the server gave fewer replies than were asked for; this one was asked for by itself"


class CallLog(Protocol):
    """Where calls are recorded, so that none is paid for twice. One thread at a time calls."""

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | ModelError | None:
        """The answer that this request got for this slot in an earlier life of the run."""

    def written(self, candidate: str, repairs: int) -> tuple[ChatRequest, ChatReply] | None:
        """The call that brought a candidate's code, so often repaired; None if no model did."""

    def intend(self, slot: str, request: ChatRequest) -> int:
        """Notes durably that the call is about to be made; its id.

        After a crash, an intent with neither reply nor error is a call that may have been paid.
        """

    def reply(self, call_id: int, reply: ChatReply) -> ChatReply:
        """Keeps the reply durably, before anything else is done with it; the reply as kept."""

    def error(self, call_id: int, message: str) -> None:
        """Notes that the call brought no reply."""


class Model:
    """One or several models behind their clients; every call goes through `calls`.

    Args:
        clients: by the name of the model; several share the slots in turn.
        temperature: of every request.
        max_tokens: of every reply; one that is cut off is asked for again with twice as many.
        effort: how long reasoning models are to think.
        concurrency: requests in flight at a time at one endpoint.
        together: equal requests are sent as one that asks for several replies, so that the prompt
            is paid for once.
    """

    def __init__(
        self,
        clients: Mapping[str, ChatClient],
        *,
        calls: CallLog,
        temperature: float = 1.0,
        max_tokens: int = 4096,
        effort: Effort = "",
        concurrency: int = 4,
        together: bool = False,
    ) -> None:
        self._clients = dict(clients)
        self._calls = calls
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._effort: Effort = effort
        self._concurrency = concurrency
        self._together = together

    @property
    def name(self) -> str:
        """ "model gpt-x via OpenAI"."""
        return "model " + " and ".join(client.name for client in self._clients.values())

    def request(
        self, messages: tuple[Message, ...], slot: str, prompt: str, *, turn: int = 0
    ) -> ChatRequest:
        """What is sent for these messages, to the model whose turn the slot's candidate is.

        Turns shift by one with every generation, so that no model always gets the same angles of
        the prompt. `turn` shifts further: 1 is another model than the candidate's own, if any.
        """
        generation, _, index = slot.partition("/")[0].removeprefix("r").partition("c")
        names = list(self._clients)
        return ChatRequest(
            model=names[(int(generation) + int(index) + turn) % len(names)],
            messages=messages,
            temperature=self._temperature,
            max_tokens=self._max_tokens,
            effort=self._effort,
            prompt=prompt,
            slot=slot,
        )

    def conversation(self, candidate: str, repairs: int) -> tuple[Message, ...]:
        """All that was said about a candidate's code, so often repaired; () if no model wrote it.

        It ends with the reply that the code stands in.
        """
        written = self._calls.written(candidate, repairs)
        if written is None:
            return ()
        request, reply = written
        return (*request.messages, Message(role="assistant", content=reply.text))

    def answers(self, requests: Mapping[str, ChatRequest]) -> dict[str, ChatReply | ModelError]:
        """The answer to each request by its slot, or the error that stands for it."""
        return _finish(self._ask_all(requests))

    async def _ask_all(
        self, requests: Mapping[str, ChatRequest]
    ) -> dict[str, ChatReply | ModelError]:
        settled: dict[str, ChatReply | ModelError] = {}
        groups: dict[str, list[str]] = {}
        for slot, request in requests.items():
            if (stored := self._calls.stored(slot, request)) is not None:
                settled[slot] = stored
            else:
                alike = body_hash(request) if self._together else slot
                groups.setdefault(alike, []).append(slot)
        gates = {
            # By hand, all prompts are shown at once.
            end: asyncio.Semaphore(len(requests) if end == MANUAL else self._concurrency)
            for end in {client.endpoint for client in self._clients.values()}
        }
        asked = (self._ask(slots, requests[slots[0]], gates) for slots in groups.values())
        for answers in await _all_of(asked):
            settled |= answers
        return settled

    async def _ask(
        self, slots: Sequence[str], request: ChatRequest, gates: Mapping[str, asyncio.Semaphore]
    ) -> dict[str, ChatReply | ModelError]:
        """One reply for each slot, in one request as far as the server gives several."""
        answers = await self._send(slots, request, gates)
        missing = [slot for slot in slots if slot not in answers]
        for more in await _all_of(self._send((slot,), request, gates) for slot in missing):
            answers |= more
        return answers

    async def _send(
        self, slots: Sequence[str], request: ChatRequest, gates: Mapping[str, asyncio.Semaphore]
    ) -> dict[str, ChatReply | ModelError]:
        client = self._clients[request.model]
        async with gates[client.endpoint]:
            calls = self._intend(slots, request)
            try:
                replies = await client.complete_several(request, len(slots))
            except ModelError as error:
                for call_id in calls.values():
                    self._calls.error(call_id, str(error))
                return dict.fromkeys(slots, error)
            answered: dict[str, ChatReply | ModelError] = {}
            for slot, reply in zip(slots, replies, strict=False):
                answered[slot] = self._calls.reply(calls[slot], reply)
            for slot in slots[len(replies) :]:
                self._calls.error(calls[slot], _TOO_FEW)
        return answered

    def _intend(self, slots: Sequence[str], request: ChatRequest) -> dict[str, int]:
        calls: dict[str, int] = {}
        try:
            for slot in slots:
                calls[slot] = self._calls.intend(slot, request.model_copy(update={"slot": slot}))
        except LimitReached as limit:
            for call_id in calls.values():
                self._calls.error(call_id, f"not sent: {limit}")
            raise
        return calls


async def _all_of(work: Iterable[Coroutine[Any, Any, Answers]]) -> list[Answers]:
    """What each returns; every one runs to its end even where another breaks: it is paid for."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in done if not isinstance(outcome, BaseException)]


def _finish(work: Coroutine[Any, Any, Answers]) -> Answers:
    """What `work` returns; in a thread of its own where a loop runs here, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
