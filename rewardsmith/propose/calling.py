"""Requests to models, several at a time: whose turn it is, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rewardsmith.errors import ModelError
from rewardsmith.llm.cassette import body_hash
from rewardsmith.llm.chat import Adapter, CallLog, ChatReply, ChatRequest, Effort, Message
from rewardsmith.llm.client import ChatClient, Patience
from rewardsmith.llm.manual import MANUAL
from rewardsmith.llm.secrets import redactor
from rewardsmith.records import CandidateId

Answers = TypeVar("Answers")
Gates = Mapping[str, asyncio.Semaphore]


class Model:
    """One or several models behind their adapters; every call goes through `calls`.

    Args:
        adapters: by the name of the model; several share the slots in turn.
        patience: with tries that fail.
        redact: blots keys out of what is sent, and of what a provider says.
        temperature: of every request.
        max_tokens: of every reply; one that is cut off is asked for again with twice as many.
        effort: how long reasoning models are to think.
        concurrency: requests in flight at a time at one endpoint.
        together: equal requests are sent as one that asks for several replies, so that the prompt
            is paid for once.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        *,
        calls: CallLog,
        patience: Patience | None = None,
        redact: Callable[[str], str] | None = None,
        temperature: float = 1.0,
        max_tokens: int = 4096,
        effort: Effort = "",
        concurrency: int = 4,
        together: bool = False,
    ) -> None:
        self._calls, self._redact = calls, redact or redactor({})
        self._clients = {
            name: ChatClient(adapter, calls, patience, self._redact)
            for name, adapter in adapters.items()
        }
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
        own = CandidateId.parse(slot)
        names = list(self._clients)
        return ChatRequest(
            model=names[(own.generation + own.index + turn) % len(names)],
            messages=tuple(
                message.model_copy(update={"content": self._redact(message.content)})
                for message in messages
            ),
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

    def answer(self, request: ChatRequest) -> ChatReply | ModelError:
        """The answer to one request, or the error that stands for it."""
        return self.answers([request])[0]

    def answers(self, requests: Sequence[ChatRequest]) -> list[ChatReply | ModelError]:
        """The same of several, in their order; each has a slot of its own."""
        answers = _finish(self._ask_all(requests))
        return [answers[request.slot] for request in requests]

    async def _ask_all(self, requests: Sequence[ChatRequest]) -> dict[str, ChatReply | ModelError]:
        gates = {
            # By hand, all prompts are shown at once.
            end: asyncio.Semaphore(len(requests) if end == MANUAL else self._concurrency)
            for end in {client.endpoint for client in self._clients.values()}
        }
        answers: dict[str, ChatReply | ModelError] = {}
        together = [self._ask_together(alike, gates) for alike in self._alike(requests)]
        for failed in await _all_of(together):
            answers |= failed
        rest = [self._ask(asked, gates) for asked in requests if asked.slot not in answers]
        for answer in await _all_of(rest):
            answers |= answer
        return answers

    def _alike(self, requests: Iterable[ChatRequest]) -> list[list[ChatRequest]]:
        """Equal requests that are to go together: those without a stored reply, two at least."""
        groups: dict[str, list[ChatRequest]] = {}
        for request in requests if self._together else ():
            if self._calls.stored(request.slot, request) is None:
                groups.setdefault(body_hash(request), []).append(request)
        return [group for group in groups.values() if len(group) > 1]

    async def _ask_together(
        self, requests: Sequence[ChatRequest], gates: Gates
    ) -> dict[str, ModelError]:
        """Nothing, or the error that each slot got; what came is stored, the rest is topped up."""
        client = self._clients[requests[0].model]
        async with gates[client.endpoint]:
            try:
                await client.ask_together(requests)
            except ModelError as error:
                return {request.slot: error for request in requests}
        return {}

    async def _ask(self, request: ChatRequest, gates: Gates) -> dict[str, ChatReply | ModelError]:
        """The answer to one request, by its slot."""
        client = self._clients[request.model]
        async with gates[client.endpoint]:
            try:
                return {request.slot: await client.complete(request)}
            except ModelError as error:
                return {request.slot: error}


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
