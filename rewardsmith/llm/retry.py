"""A chat client over one transport: retries what may pass, and says in one line what will not."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from rewardsmith.errors import ModelError
from rewardsmith.llm.chat import ChatReply, ChatRequest, Transport
from rewardsmith.llm.faults import OF_THE_REQUEST, RETRIED, Fault, explain, sdk_errors

_LOG = logging.getLogger(__name__)
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 120.0


class RetryingClient:
    """Answers through `transport`; see ChatClient."""

    def __init__(
        self,
        transport: Transport,
        model: str,
        *,
        timeout_s: float,
        max_retries: int,
        redact: Callable[[str], str],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        now: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._model = model
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._redact = redact
        self._sleep = sleep
        self._rng = rng
        self._now = now

    @property
    def name(self) -> str:
        """`model via provider`."""
        return f"{self._model} via {self._transport.name}"

    @property
    def endpoint(self) -> str:
        """The transport's."""
        return self._transport.name

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply; one that was cut off is asked for once more with twice the room.

        Raises:
            ModelError: the call failed for good, or the second reply was cut off too.
        """
        (reply,) = await self.complete_several(request, 1)
        return reply

    async def complete_several(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """At most `n` replies; raises as `complete`.

        A reply that was cut off is asked for again only where it is the only one: of several, those
        that came to their end are worth having, and the caller asks for the rest.
        """
        replies = (await self._attempts(request, n))[:n]
        whole = tuple(reply for reply in replies if reply.finish != "length")
        if len(whole) == len(replies):
            return replies
        if whole:
            return _with_spent(whole, [reply for reply in replies if reply.finish == "length"])
        return (_with_spent(await self._again(request), replies)[0],)

    async def _again(self, request: ChatRequest) -> tuple[ChatReply, ...]:
        """A reply with twice the room; raises ModelError where that is cut off as well."""
        wider = request.model_copy(update={"max_tokens": 2 * request.max_tokens})
        _LOG.info("%s: cut off at %d tokens, asking again", self._model, request.max_tokens)
        (second,) = (await self._attempts(wider, 1))[:1]
        if second.finish == "length":
            raise ModelError(
                f"{self._model}: the reply was still cut off at {wider.max_tokens} tokens; "
                "raise the token limit or take a model that answers more briefly"
            )
        return (second,)

    async def _attempts(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        failed = 0
        while isinstance(outcome := await self._attempt(request, n), Fault):
            if outcome.kind == "request" and n > 1:
                n = 1  # there are servers that refuse any n but 1
                continue
            wait_s = self._wait_s(outcome, failed)
            if wait_s is None:
                raise ModelError(
                    f"{self._model}: {outcome.advice}", outage=outcome.kind not in OF_THE_REQUEST
                )
            failed += 1
            _LOG.info("%s: %s; trying again in %.1f s", self._model, outcome.kind, wait_s)
            await self._sleep(wait_s)
        return outcome

    async def _attempt(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...] | Fault:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._transport.send(request, n)
        except sdk_errors() as error:
            # The fault keeps no reference to the error, whose frames hold the key.
            return explain(error, self._redact, now=self._now)

    def _wait_s(self, fault: Fault, failed: int) -> float | None:
        """Seconds until the next attempt, or None where none makes sense."""
        if fault.kind not in RETRIED or failed >= self._max_retries:
            return None
        if fault.retry_after_s is None:
            wait_s: float = _FIRST_WAIT_S * 2**failed * self._rng.uniform(0.5, 1.5)
            return min(wait_s, _LONGEST_WAIT_S)
        if fault.retry_after_s > _LONGEST_WAIT_S:
            return None  # an hour of silence looks like a hang; the run can be resumed
        return fault.retry_after_s + self._rng.uniform(0.0, 1.0)


def _with_spent(
    replies: tuple[ChatReply, ...], thrown_away: Sequence[ChatReply]
) -> tuple[ChatReply, ...]:
    """The replies, the first with what those cost that led to nothing.

    What is unknown of one is unknown of the sum.
    """
    every = [replies[0], *thrown_away]
    summed = {
        name: None if None in (values := [getattr(reply, name) for reply in every]) else sum(values)
        for name in ("prompt_tokens", "completion_tokens", "cost_usd", "wall_s")
    }
    return (replies[0].model_copy(update=summed), *replies[1:])
