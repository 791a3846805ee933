"""Finds the client for a model by its name and the user's environment."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from rewardsmith.errors import UserError
from rewardsmith.llm.chat import ChatClient, ChatReply, ChatRequest, Message, Transport
from rewardsmith.llm.litellm_sdk import LitellmTransport
from rewardsmith.llm.manual import MANUAL
from rewardsmith.llm.openai_sdk import OpenAITransport
from rewardsmith.llm.retry import RetryingClient
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.llm.secrets import redactor

__all__ = [
    "ChatClient",
    "ChatReply",
    "ChatRequest",
    "Message",
    "ScriptedClient",
    "configured_model",
    "connect",
    "idle_keys",
    "is_local",
]

_OPENAI_NAME = re.compile(r"(ft:)?(gpt-|chatgpt-|o\d)[^/]*")
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")
_NO_KEY = "none"
"""Local servers want no key, but the SDK wants one."""


def configured_model(env: Mapping[str, str]) -> str | None:
    """The model that `--proposer auto` takes: REWARDSMITH_MODEL, or None where it is not set.

    An OPENAI_API_KEY alone returns None: it is often there for another purpose, and a run must not
    spend money that nobody offered; see `idle_keys`.
    """
    return env.get("REWARDSMITH_MODEL", "").strip() or None


def idle_keys(env: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the well-known keys that are set; without a model's name they do nothing."""
    return tuple(name for name in _KEYS if env.get(name))


def is_local(model: str, api_base: str) -> bool:
    """Whether asking `model` leaves this machine alone: by hand, or a server on loopback."""
    if model == MANUAL:
        return True
    host = urlsplit(api_base).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: who knows where it leads
        return False


def connect(
    model: str,
    *,
    api_base: str | None = None,
    timeout_s: float = 120.0,
    max_retries: int = 4,
    env: Mapping[str, str] = os.environ,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    rng: random.Random | None = None,
    now: Callable[[], float] = time.time,
) -> ChatClient:
    """The client for `model`; nothing is sent yet.

    With `api_base`, or for a name of OpenAI's own such as "gpt-4o", requests go through the openai
    SDK, and the name is sent as it stands. Any other name ("anthropic/claude-...") is litellm's.

    Args:
        timeout_s: wall time for one attempt, whole.
        max_retries: attempts after the first, for failures that may pass.
        env: where the key of the openai SDK is read; litellm reads the process's environment.
        now: seconds since 1970, against which a server's date to wait for is held.

    Raises:
        UserError: the key is missing, no provider is known by that name, or `api_base` is no URL.
    """
    if api_base is not None and not api_base.startswith(("http://", "https://")):
        raise UserError(f"the address must begin with http:// or https://, not {api_base!r}")
    transport: Transport
    if api_base is not None or _OPENAI_NAME.fullmatch(model):
        key = env.get("OPENAI_API_KEY", "")
        if not key and api_base is None:
            raise UserError(f"{model} needs a key: set OPENAI_API_KEY in your environment")
        transport = OpenAITransport(
            api_key=key or _NO_KEY, api_base=api_base, timeout_s=timeout_s, clock=clock
        )
    else:
        transport = LitellmTransport(model, timeout_s=timeout_s, clock=clock)
    return RetryingClient(
        transport,
        model,
        timeout_s=timeout_s,
        max_retries=max_retries,
        redact=redactor(env),
        sleep=sleep,
        rng=rng or random.Random(),
        now=now,
    )
