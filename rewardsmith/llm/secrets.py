"""Blots out of a text what must not be written down: the secrets of the environment, and keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

BLOT = "***"
_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_SHORTEST = 6
# How the keys of providers begin. A false alarm costs a word in a log, a miss costs money.
_KEY = re.compile(
    r"\b(?:sk-(?:ant-|or-|proj-)?[A-Za-z0-9_-]{16,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}"
    r"|hf_[A-Za-z0-9]{20,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|AIza[A-Za-z0-9_-]{30,}|AKIA[A-Z0-9]{16}|r8_[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,})"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{16,}"
)


def redactor(env: Mapping[str, str]) -> Callable[[str], str]:
    """A function that blots out what `env` holds under the name of a secret, and what is a key.

    A closure, so that what keeps it shows no secret in its repr.
    """
    secrets = {
        form
        for name, value in env.items()
        if any(word in name.upper() for word in _NAMES) and len(value) >= _SHORTEST
        for form in (value, json.dumps(value)[1:-1])
    }

    def redact(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, BLOT)
        return _KEY.sub(BLOT, text)

    return redact
