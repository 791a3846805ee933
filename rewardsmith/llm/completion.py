"""Reads the completion object that the openai and litellm SDKs return, trusting nothing in it."""

from __future__ import annotations

from typing import Any

from rewardsmith.llm.chat import ChatReply
from rewardsmith.llm.faults import BadAnswer


def read_completion(answer: Any, *, model: str, wall_s: float) -> ChatReply:
    """The reply in `answer`; raises BadAnswer where a server of another kind answered.

    The openai SDK does not validate: a web page arrives as a str, an error body sent with status
    200 as a completion whose `choices` is None.
    """
    if isinstance(answer, str) or not hasattr(answer, "choices"):
        raise BadAnswer(str(answer)[:200], None)
    if not answer.choices:
        error = getattr(answer, "error", None) or {}
        status = error.get("code") if isinstance(error, dict) else None
        raise BadAnswer(str(error or "no choice"), status if isinstance(status, int) else 502)
    choice = answer.choices[0]
    content, finish = choice.message.content, choice.finish_reason
    refusal = getattr(choice.message, "refusal", None)
    if not content and refusal:
        content, finish = refusal, "refusal"
    usage = getattr(answer, "usage", None)
    return ChatReply(
        text=content if isinstance(content, str) else "",
        finish=str(finish or "unknown"),
        model=str(answer.model or model),
        prompt_tokens=getattr(usage, "prompt_tokens", None),
        completion_tokens=getattr(usage, "completion_tokens", None),
        wall_s=wall_s,
    )
