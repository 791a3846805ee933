"""Requests to a model, several at a time, each recorded, so that none is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from rewardsmith.errors import ModelError
from rewardsmith.llm.chat import ChatClient, ChatReply, ChatRequest, Message

Answers = TypeVar("Answers")


class CallLog(Protocol):
    """Where calls are recorded, so that none is paid for twice. One thread at a time calls."""

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | None:
        """The reply that this request got for this slot in an earlier life of the run."""

    def intend(self, slot: str, request: ChatRequest) -> int:
        """Notes durably that the call is about to be made; its id.

        After a crash, an intent with neither reply nor error is a call that may have been paid.
        """

    def reply(self, call_id: int, reply: ChatReply) -> None:
        """Keeps the reply durably, before anything else is done with it."""

    def error(self, call_id: int, message: str) -> None:
        """Notes that the call brought no reply."""


class Model:
    """One model behind a client; every call goes through `calls`.

    Args:
        temperature: of every request.
        max_tokens: of every reply; one that is cut off is asked for again with twice as many.
        concurrency: requests in flight at a time.
    """

    def __init__(
        self,
        client: ChatClient,
        model: str,
        *,
        calls: CallLog,
        temperature: float = 1.0,
        max_tokens: int = 4096,
        concurrency: int = 4,
    ) -> None:
        self._client = client
        self._model = model
        self._calls = calls
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._concurrency = concurrency

    @property
    def name(self) -> str:
        """ "model gpt-x via OpenAI"."""
        return f"model {self._client.name}"

    def request(self, messages: tuple[Message, ...]) -> ChatRequest:
        """What is sent for these messages."""
        return ChatRequest(
            model=self._model,
            messages=messages,
            temperature=self._temperature,
            max_tokens=self._max_tokens,
        )

    def answers(self, requests: Mapping[str, ChatRequest]) -> dict[str, ChatReply | ModelError]:
        """The answer to each request by its slot, or the error that stands for it."""
        return _finish(self._ask_all(requests))

    async def _ask_all(
        self, requests: Mapping[str, ChatRequest]
    ) -> dict[str, ChatReply | ModelError]:
        limit = asyncio.Semaphore(self._concurrency)
        # Every call runs to its end even where another one breaks: its reply is paid for.
        answers = await asyncio.gather(
            *(self._ask(slot, request, limit) for slot, request in requests.items()),
            return_exceptions=True,
        )
        settled: dict[str, ChatReply | ModelError] = {}
        for slot, answer in zip(requests, answers, strict=True):
            if not isinstance(answer, ChatReply | ModelError):
                raise answer
            settled[slot] = answer
        return settled

    async def _ask(self, slot: str, request: ChatRequest, limit: asyncio.Semaphore) -> ChatReply:
        stored = self._calls.stored(slot, request)
        if stored is not None:
            return stored
        async with limit:
            call_id = self._calls.intend(slot, request)
            try:
                reply = await self._client.complete(request)
            except ModelError as error:
                self._calls.error(call_id, str(error))
                raise
            self._calls.reply(call_id, reply)
            return reply


def _finish(work: Coroutine[Any, Any, Answers]) -> Answers:
    """What `work` returns; in a thread of its own where a loop runs here, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
