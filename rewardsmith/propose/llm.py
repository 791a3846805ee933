"""The proposer that asks a language model: one request for each slot, several at a time."""

from __future__ import annotations

import logging

from rewardsmith.errors import CandidateError, ModelError
from rewardsmith.llm.chat import ChatReply, ChatRequest, prompt_hash
from rewardsmith.propose import Ask, Proposal
from rewardsmith.propose.calling import Model
from rewardsmith.propose.parse import BrokenCode, extract, same_code
from rewardsmith.propose.prompts import prompt_of, proposal_messages, repair_messages
from rewardsmith.records import Candidate, Failure, TaskSpec, Verdict
from rewardsmith.strategies import Move

_LOG = logging.getLogger(__name__)


class LlmProposer:
    """Asks a model for rewards.

    Args:
        prompts: a folder of the user's with prompts that take the place of ours.
    """

    def __init__(self, model: Model, prompts: str = "") -> None:
        self._model, self._prompts = model, prompts

    def propose(self, ask: Ask) -> list[Proposal]:
        """One proposal for each move, in order; one that got no code holds the reason.

        Raises:
            ModelError: not one slot got a reply.
        """
        purpose = f"propose{ask.attempt + 1}" if ask.attempt else "propose"
        requests = [
            self._model.request(
                proposal_messages(ask, move, self._prompts),
                f"{move.slot}/{purpose}",
                prompt_of(ask, move),
            )
            for move in ask.moves
        ]
        answers = self._model.answers(requests)
        failed = [answer for answer in answers if isinstance(answer, ModelError)]
        if failed and len(failed) == len(answers):
            raise failed[0]
        return [
            _proposal(move, request, answer)
            for move, request, answer in zip(ask.moves, requests, answers, strict=True)
        ]

    def repair(
        self, candidate: Candidate, verdict: Verdict, task: TaskSpec, attempt: int
    ) -> Proposal | None:
        """The code mended, or None: no code in the reply, or the same syntax tree again.

        Raises:
            ModelError: nobody answered, which is no fault of the candidate's.
        """
        slot = f"{candidate.id}/repair{attempt}"
        said = self._model.conversation(candidate.id, attempt - 1)
        messages = repair_messages(task, candidate, verdict, said, self._prompts)
        request = self._model.request(messages, slot, "repair")
        answer = self._model.answer(request)
        if isinstance(answer, ModelError) and answer.outage:
            raise answer
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


def preview(ask: Ask, prompts: str = "") -> str:
    """What would be sent for the first move of `ask`, word for word."""
    messages = proposal_messages(ask, ask.moves[0], prompts)
    return "\n".join(f"--- {message.role} ---\n{message.content}" for message in messages)


def _proposal(move: Move, request: ChatRequest, answer: ChatReply | ModelError) -> Proposal:
    code, failure = _read(answer)
    return Proposal(
        slot=move.slot,
        code=code,
        origin=f"llm:{request.prompt}",
        operator=move.operator,
        parents=tuple(parent.id for parent in move.parents),
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
