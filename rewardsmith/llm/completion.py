"""Reads the completion object that the openai and litellm SDKs return, trusting nothing in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.llm.faults import BadAnswer

_WHOLE = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token"})
"""The words of servers for a reply that ended by itself."""
_KEPT = _WHOLE | {"length", "content_filter", "refusal"}
_OTHER_WORDS = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "safety": "content_filter",
    "prohibited_content": "content_filter",
    "complete": "stop",
}
"""What some providers say in place of OpenAI's words, in small letters."""
_THOUGHTS = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>\s*", re.S)


def read_completions(
    answer: Any, request: ChatRequest, wall_s: float, cost_usd: float | None
) -> tuple[ChatReply, ...]:
    """The replies in `answer`, tokens and cost shared out among them.

    The openai SDK does not validate: a web page arrives as a str, an error body sent with status
    200 as a completion whose `choices` is None.

    Raises:
        BadAnswer: a server of another kind answered, or no reply in it came to a proper end.
    """
    if isinstance(answer, str) or not hasattr(answer, "choices"):
        raise BadAnswer(str(answer)[:200], None)
    if not answer.choices:
        error = getattr(answer, "error", None) or {}
        status = error.get("code") if isinstance(error, dict) else None
        raise BadAnswer(str(error or "no choice"), status if isinstance(status, int) else 502)
    read = [_reply(choice, str(answer.model or request.model), wall_s) for choice in answer.choices]
    whole = [reply for reply in read if reply.finish in _KEPT]
    if not whole:
        raise BadAnswer(f"the reply ended by {read[0].finish!r}, not by itself", 502, paid=True)
    prompt, completion = tokens(answer)
    shares = zip(_split(prompt, len(whole)), _split(completion, len(whole)), strict=True)
    return tuple(
        reply.model_copy(
            update={
                "prompt_tokens": prompt_share,
                "completion_tokens": completion_share,
                "cost_usd": None if cost_usd is None else cost_usd / len(whole),
            }
        )
        for reply, (prompt_share, completion_share) in zip(whole, shares, strict=True)
    )


def tokens(answer: Any) -> tuple[int | None, int | None]:
    """Tokens of prompt and completion; None where the server does not say.

    litellm writes zeros where the server sent no usage, and no prompt is empty.
    """
    usage = getattr(answer, "usage", None)
    prompt, completion = (
        getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")
    )
    if not isinstance(prompt, int) or not isinstance(completion, int) or prompt <= 0:
        return None, None
    return prompt, completion


def _reply(choice: Any, model: str, wall_s: float) -> ChatReply:
    message, finish = choice.message, _finish(choice)
    text, reasoning = _text(message.content)
    refusal = getattr(message, "refusal", None)
    if not text and isinstance(refusal, str) and refusal:
        text, finish = refusal, "refusal"
    for name in ("reasoning_content", "reasoning"):
        thought = getattr(message, name, None)
        reasoning = reasoning or (thought if isinstance(thought, str) else "")
    if thoughts := _THOUGHTS.match(text):
        text, reasoning = text[thoughts.end() :], reasoning or thoughts[1]
    reasoning = reasoning.strip()
    if reasoning:
        text = text.lstrip()
    return ChatReply(text=text, reasoning=reasoning, finish=finish, model=model, wall_s=wall_s)


def _finish(choice: Any) -> str:
    """The provider's own word, where litellm has put "stop" in place of "error"."""
    own = getattr(choice, "provider_specific_fields", None) or {}
    native = str(own.get("native_finish_reason") or "").lower()
    said = str(choice.finish_reason or "unknown").lower()
    return native if "error" in native else _OTHER_WORDS.get(said, said)


def _text(content: Any) -> tuple[str, str]:
    """Text and reasoning of a content, which some servers send in parts."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else ""), ""
    said = {"text": "", "thinking": ""}
    for kind, text in _parts(content):
        said["text" if kind in ("text", "output_text") else "thinking"] += text
    return said["text"], said["thinking"]


def _parts(content: list[Any]) -> Iterator[tuple[str, str]]:
    for part in content:
        if isinstance(part, dict):
            kind = str(part.get("type"))
            text = part.get("text", part.get("thinking"))
            yield kind, text if isinstance(text, str) else ""


def _split(total: int | None, count: int) -> list[int | None]:
    """`total` in `count` whole parts that add up to it."""
    if total is None:
        return [None] * count
    each, rest = divmod(total, count)
    return [each + (position < rest) for position in range(count)]
