"""The proposer that asks a language model: one request for each slot, several at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from rewardsmith.errors import CandidateError, ModelError
from rewardsmith.llm.chat import ChatClient, ChatReply, ChatRequest, Message
from rewardsmith.propose import Ask, Proposal
from rewardsmith.propose.parse import BrokenCode, extract, same_code
from rewardsmith.propose.prompts import prompt_hash, proposal_messages, repair_messages
from rewardsmith.records import Candidate, Failure, TaskSpec, Verdict

_LOG = logging.getLogger(__name__)
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


class LlmProposer:
    """Asks `model` through `client`; every call goes through `calls`.

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

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each slot, in order; a slot that got no code holds the reason.

        Raises:
            ModelError: not one slot got a reply.
        """
        purpose = f"propose{ask.attempt + 1}" if ask.attempt else "propose"
        requests = {
            f"{slot}/{purpose}": self._request(proposal_messages(ask, slot)) for slot in ask.slots
        }
        answers = _finish(self._ask_all(requests))
        failed = [answer for answer in answers.values() if isinstance(answer, ModelError)]
        if failed and len(failed) == len(answers):
            raise failed[0]
        return [
            _proposal(ask, slot, requests[f"{slot}/{purpose}"], answers[f"{slot}/{purpose}"])
            for slot in ask.slots
        ]

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """The code mended, or None: no reply, no code in it, or the same code again."""
        request = self._request(repair_messages(task, candidate, verdict))
        slot = f"{candidate.id}/repair{attempt}"
        answer = _finish(self._ask_all({slot: request}))[slot]
        code, failure = _read(answer)
        if failure is not None or same_code(code, candidate.code):
            # One repair is not worth a run: the candidate falls by its verdict.
            _LOG.warning("%s: %s", slot, failure.for_human if failure else "the same code again")
            return None
        return Proposal(
            slot=candidate.id,
            code=code,
            origin=candidate.origin,
            parents=candidate.parents,
            prompt_hash=prompt_hash(request.messages),
        )

    def _request(self, messages: tuple[Message, ...]) -> ChatRequest:
        return ChatRequest(
            model=self._model,
            messages=messages,
            temperature=self._temperature,
            max_tokens=self._max_tokens,
        )

    async def _ask_all(
        self, requests: Mapping[str, ChatRequest]
    ) -> dict[str, ChatReply | ModelError]:
        """The answer to each request, or the error that stands for it."""
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


def preview(ask: Ask) -> str:
    """What would be sent for the first slot of `ask`, word for word."""
    messages = proposal_messages(ask, ask.slots[0])
    return "\n".join(f"--- {message.role} ---\n{message.content}" for message in messages)


def _proposal(
    ask: Ask, slot: str, request: ChatRequest, answer: ChatReply | ModelError
) -> Proposal:
    code, failure = _read(answer)
    return Proposal(
        slot=slot,
        code=code,
        origin="llm:evolve" if ask.parents else "llm:first",
        parents=tuple(parent.id for parent in ask.parents),
        prompt_hash=prompt_hash(request.messages),
        failure=failure,
    )


def _read(answer: ChatReply | ModelError) -> tuple[str, Failure | None]:
    """The code in an answer, or why there is none.

    Code with a syntax error is code: the critic points at the line and the model may mend it.
    """
    if isinstance(answer, ModelError):
        return "", _failure("model", "The model gave no reply.", str(answer))
    try:
        return extract(answer.text), None
    except BrokenCode as error:
        return error.code, None
    except CandidateError as error:
        refused = answer.finish in ("refusal", "content_filter")
        cause = "refusal" if refused else error.cause
        return "", _failure(cause, error.for_llm, error.for_human)


def _failure(cause: str, for_llm: str, for_human: str) -> Failure:
    return Failure(stage="propose", cause=cause, for_llm=for_llm, for_human=for_human)
