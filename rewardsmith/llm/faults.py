"""Sorts the ways a call can fail: worth another try, or one line that says what to do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Literal

from rewardsmith.records import Record

Kind = Literal[
    "rate", "server", "timeout", "connection", "unfinished",
    "key", "quota", "context", "policy", "missing", "request", "not-api",
]  # fmt: skip

RETRIED: frozenset[Kind] = frozenset({"rate", "server", "timeout", "connection", "unfinished"})

OF_THE_REQUEST: frozenset[Kind] = frozenset({"context", "policy", "request"})
"""Another request might have been answered."""

_ADVICE: dict[Kind, str] = {
    "rate": "the rate limit held through every retry; wait, or lower the concurrency, and resume",
    "server": "the provider's server kept failing; try again later, nothing stored is lost",
    "timeout": "no answer in time; raise the time-out or take a faster model",
    "connection": "the server cannot be reached; check the address and the network",
    "unfinished": "no reply came to a proper end; take another model or another server",
    "key": "the API key was refused; set the right one in your environment (it is OPENAI_API_KEY "
    "for every --api-base)",
    "quota": "the account has no credit left; top it up or take another model",
    "context": "the prompt is too long for this model; take one with a larger context",
    "policy": "the provider refused the prompt as against its policy; reword the task or the notes",
    "missing": "the model or the address does not exist there; check --model and --api-base "
    "(which usually ends in /v1)",
    "request": "the provider refused the request",
    "not-api": "the address does not answer like an OpenAI-compatible API; check --api-base "
    "(it usually ends in /v1)",
}

# Words that tell apart what shares a status: "no credit" comes as 429, "too long" as 400.
_MARKS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("quota", ("insufficient_quota", "exceeded your current quota", "credit balance")),
    ("context", ("context_length", "contextwindow", "context length", "context window")),
    ("policy", ("content_policy", "contentpolicy", "content_filter", "content management policy")),
    ("not-api", ("empty or invalid response from llm endpoint", "invalid response object")),
)

_STATUS: dict[int, Kind] = {
    401: "key",
    402: "quota",
    403: "key",
    404: "missing",
    408: "timeout",
    409: "server",
    413: "context",
    429: "rate",
}

_GAVE_UP = (408, 504, 524)
"""Statuses by which a gateway stops waiting for a server that may go on."""


class BadAnswer(Exception):
    """The server answered with status 200, and it is no completion.

    Attributes:
        paid: something was generated that has no proper end, and it may be billed.
    """

    def __init__(self, text: str, status_code: int | None, *, paid: bool = False) -> None:
        super().__init__(text)
        self.status_code, self.paid = status_code, paid


class Fault(Record):
    """Why one attempt failed."""

    kind: Kind
    detail: str
    """The provider's words, shortened; "" where they may quote a key."""
    retry_after_s: float | None = None
    paid: bool = False
    """Whether the provider may have worked, and bill it, though no reply came."""

    @property
    def advice(self) -> str:
        """What happened and what to do, in one line."""
        return _ADVICE[self.kind] + (f" ({self.detail})" if self.detail else "")


def sdk_errors() -> tuple[type[Exception], ...]:
    """What an attempt may raise without being our bug: the SDKs' errors and json's."""
    import openai

    return (openai.OpenAIError, TimeoutError, ValueError, BadAnswer)


def explain(
    error: Exception, redact: Callable[[str], str], *, now: Callable[[], float] = time.time
) -> Fault:
    """What `error` means, with the provider's words passed through `redact`.

    litellm's errors derive from openai's, so one reading serves both SDKs.
    """
    text = str(error)
    kind = _kind(error, text)
    detail = "" if kind == "key" else redact(" ".join(text.split()))[:300]
    wait_s = _retry_after_s(error, now)
    return Fault(kind=kind, detail=detail, retry_after_s=wait_s, paid=_may_be_paid(error))


def _may_be_paid(error: Exception) -> bool:
    """Whether the request was sent, and what ended it was no refusal."""
    import httpx
    import openai

    if isinstance(error, BadAnswer):
        return error.paid
    if getattr(error, "status_code", None) in _GAVE_UP:
        return True
    never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, never_sent):
            return False
        if isinstance(below, httpx.TransportError):
            return True
        below = below.__cause__ or below.__context__
    return isinstance(error, TimeoutError | openai.APITimeoutError)


def _kind(error: Exception, text: str) -> Kind:
    import openai

    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return "timeout"
    if isinstance(error, BadAnswer) and error.paid:
        return "unfinished"
    words = f"{type(error).__name__} {getattr(error, 'body', '')} {text}".lower()
    for kind, marks in _MARKS:
        if any(mark in words for mark in marks):
            return kind
    status = getattr(error, "status_code", None)
    if isinstance(error, BadAnswer | ValueError) and status is None:
        return "not-api"
    if isinstance(error, openai.APIConnectionError) and "litellm" not in type(error).__module__:
        return "connection"
    if not isinstance(status, int):
        return "server"
    if 300 <= status < 400:
        return "missing"
    return _STATUS.get(status, "server" if status >= 500 else "request")


def _retry_after_s(error: Exception, now: Callable[[], float]) -> float | None:
    """What the server asks to wait for, in seconds or as a date; None where it makes no sense."""
    # litellm keeps the real headers apart from the response it makes up.
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None)
    value = str(headers.get("retry-after") or "") if headers else ""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now()
        except ValueError:
            return None
    return None if math.isnan(seconds) else max(seconds, 0.0)
