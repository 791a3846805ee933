"""Finds the adapter for a model by its name and the user's environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from rewardsmith.errors import UserError
from rewardsmith.llm.chat import Adapter
from rewardsmith.llm.litellm_sdk import LitellmAdapter
from rewardsmith.llm.manual import MANUAL
from rewardsmith.llm.openai_sdk import OpenAIAdapter
from rewardsmith.llm.secrets import redactor

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
    return model == MANUAL or is_loopback(api_base)


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine, by its own words."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: who knows where it leads
        return False


def connect(
    model: str,
    *,
    api_base: str | None = None,
    timeout_s: float = 120.0,
    env: Mapping[str, str] = os.environ,
) -> Adapter:
    """The adapter for `model`; nothing is sent yet.

    With `api_base`, or for a name of OpenAI's own such as "gpt-4o", requests go through the openai
    SDK, and the name is sent as it stands. Any other name ("anthropic/claude-...") is litellm's.

    Args:
        timeout_s: wall time for one try, whole.
        env: where the key and the address of the openai SDK are read; litellm reads the process's.

    Raises:
        UserError: the key is missing or in the wrong place, no provider is known by that name, or
            `api_base` is no URL.
    """
    if redactor({})(model) != model:
        raise UserError("the model's name looks like a key; keys belong into the environment")
    if api_base is None and not _OPENAI_NAME.fullmatch(model):
        return LitellmAdapter(model, timeout_s=timeout_s)
    api_base = api_base or env.get("OPENAI_BASE_URL") or None  # where the SDK would send it to
    if api_base is not None:
        _require_address(api_base)
    key = env.get("OPENAI_API_KEY", "").strip()
    if not key and api_base is None:
        raise UserError(f"{model} needs a key: set OPENAI_API_KEY in your environment")
    if not key.isascii() or not key.isprintable():
        raise UserError("OPENAI_API_KEY holds a character that no key has: set it anew")
    return OpenAIAdapter(
        model,
        api_key=key or _NO_KEY,
        api_base=api_base,
        loopback=api_base is not None and is_loopback(api_base),
        timeout_s=timeout_s,
    )


def _require_address(api_base: str) -> None:
    """Raises UserError where the address is no URL, or holds a secret, for it is stored."""
    if not api_base.startswith(("http://", "https://")):
        raise UserError(f"the address must begin with http:// or https://, not {api_base!r}")
    try:
        parts = urlsplit(api_base)
        host, secret = parts.hostname, parts.password or parts.username or parts.query
        _ = parts.port
    except ValueError as error:
        raise UserError(f"the address {api_base!r} is no URL: {error}") from None
    if secret:
        raise UserError(
            "the address holds a name, a password or a query, which would be stored with the run; "
            "leave it out and set OPENAI_API_KEY in your environment"
        )
    if not host:
        raise UserError(f"the address {api_base!r} names no server")
