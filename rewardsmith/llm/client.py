"""The one way to a model: noted before it is sent, tried again where that may help, kept whole."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rewardsmith.errors import LimitReached, ModelError
from rewardsmith.llm.chat import Adapter, CallLog, ChatReply, ChatRequest
from rewardsmith.llm.faults import OF_THE_REQUEST, RETRIED, Fault, explain, sdk_errors
from rewardsmith.llm.secrets import redactor

_LOG = logging.getLogger(__name__)
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 120.0
_TOO_FEW = "the server gave fewer replies than were asked for; this one is asked for by itself"


@dataclass(frozen=True)
class Patience:
    """How a failed try is followed by the next.

    Attributes:
        max_retries: tries after the first, for failures that may pass.
        now: seconds since 1970, against which a server's date to wait for is held.
    """

    max_retries: int = 4
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: random.Random = field(default_factory=random.Random)
    now: Callable[[], float] = time.time


class ChatClient:
    """Asks through one adapter; every single try is noted in `calls`, so that it can be limited.

    Args:
        redact: blots keys out of what a provider says.
    """

    def __init__(
        self,
        adapter: Adapter,
        calls: CallLog,
        patience: Patience | None = None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self._adapter, self._calls = adapter, calls
        self._patience = patience or Patience()
        self._redact = redact or redactor({})
        self.name, self.endpoint = adapter.name, adapter.endpoint

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply; a stored one is taken, one that was cut off asked for anew in twice the room.

        Raises:
            ModelError: the call failed for good, or the second reply was cut off too.
            LimitReached: the next try could go beyond a limit.
        """
        reply = await self._reply(request)
        if reply.finish != "length":
            return reply
        wider = request.model_copy(update={"max_tokens": 2 * request.max_tokens})
        _LOG.info("%s: cut off at %d tokens, asking again", request.model, request.max_tokens)
        reply = await self._reply(wider)
        if reply.finish == "length":
            raise ModelError(
                f"{request.model}: the reply was still cut off at {wider.max_tokens} tokens; raise "
                f"--max-tokens above {request.max_tokens} or take a model that answers more briefly"
            )
        return reply

    async def ask_together(self, requests: Sequence[ChatRequest]) -> None:
        """Send equal requests of several slots as one; `complete` finds what came for each.

        Not every server gives several replies, and some refuse to. Raises as `complete`.
        """
        await self._tries(requests)

    async def _reply(self, request: ChatRequest) -> ChatReply:
        stored = self._calls.stored(request.slot, request)
        return stored or (await self._tries((request,)))[0]

    async def _tries(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One reply for each of the first requests, at least for one."""
        failed, model = 0, requests[0].model
        while True:
            calls = self._intend(requests)
            outcome = await self._send(calls, requests)
            if not isinstance(outcome, Fault):
                return self._keep(calls, outcome)
            if outcome.kind == "request" and len(requests) > 1:
                self._note(calls, outcome, f"{model}: {outcome.advice}")
                requests = requests[:1]  # there are servers that refuse any n but 1
                continue
            wait_s = self._wait_s(outcome, failed)
            if wait_s is None:
                self._note(calls, outcome, said := f"{model}: {outcome.advice}")
                raise ModelError(said, outage=outcome.kind not in OF_THE_REQUEST)
            self._note(calls, outcome, f"{model}: {outcome.kind}, tried again ({outcome.detail})")
            failed += 1
            _LOG.info("%s: %s; trying again in %.1f s", model, outcome.kind, wait_s)
            await self._patience.sleep(wait_s)

    def _intend(self, requests: Sequence[ChatRequest]) -> list[int]:
        calls: list[int] = []
        try:
            for request in requests:
                calls.append(self._calls.intend(request.slot, request))
        except LimitReached as limit:
            for call_id in calls:
                self._calls.error(call_id, f"not sent: {limit}")
            raise
        return calls

    async def _send(
        self, calls: Sequence[int], requests: Sequence[ChatRequest]
    ) -> Sequence[ChatReply] | Fault:
        try:
            return (await self._adapter.send(requests[0], len(requests)))[: len(requests)]
        except ModelError as error:
            for call_id in calls:
                self._calls.error(call_id, str(error))
            raise
        except sdk_errors() as error:
            # The fault keeps no reference to the error, whose frames hold the key.
            return explain(error, self._redact, now=self._patience.now)

    def _keep(self, calls: Sequence[int], replies: Sequence[ChatReply]) -> list[ChatReply]:
        kept = [self._calls.reply(*pair) for pair in zip(calls, replies, strict=False)]
        for call_id in calls[len(kept) :]:
            self._calls.error(call_id, _TOO_FEW)
        return kept

    def _note(self, calls: Sequence[int], fault: Fault, message: str) -> None:
        note = self._calls.lost if fault.paid else self._calls.error
        for call_id in calls:
            note(call_id, message)

    def _wait_s(self, fault: Fault, failed: int) -> float | None:
        """Seconds until the next try, or None where none makes sense."""
        patience = self._patience
        if fault.kind not in RETRIED or failed >= patience.max_retries:
            return None
        if fault.retry_after_s is None:
            wait_s: float = _FIRST_WAIT_S * 2**failed * patience.rng.uniform(0.5, 1.5)
            return min(wait_s, _LONGEST_WAIT_S)
        if fault.retry_after_s > _LONGEST_WAIT_S:
            return None  # an hour of silence looks like a hang; the run can be resumed
        return fault.retry_after_s + patience.rng.uniform(0.0, 1.0)
