"""Blots out of a text what must not be written down: the secrets of the environment, and keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

BLOT = "***"
_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_WORDS = frozenset({"PASS", "PASSWD", "PASSPHRASE", "PWD", "PAT"})
"""Secrets only as a whole word of a name, as in DB_PASS or GH_PAT: PATH and BYPASS hold none."""
_SHORTEST = 6
# How the keys of providers begin. A false alarm costs a word in a log, a miss costs money.
_KEY = re.compile(
    r"\b(?:sk-(?:ant-|or-|proj-)?[A-Za-z0-9_-]{16,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}"
    r"|hf_[A-Za-z0-9]{20,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|AIza[A-Za-z0-9_-]{30,}|AKIA[A-Z0-9]{16}|r8_[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,})"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{16,}"
)
# User and password of an address, as proxies and databases are given (RFC 3986, section 3.2.1).
_LOGIN = re.compile(r"""(?<=://)[^\s/?#"'<>\\:@]*:(?P<password>[^\s/?#"'<>\\]+)(?=@)""")


def redactor(env: Mapping[str, str]) -> Callable[[str], str]:
    """A function that blots out the secrets that `env` holds, keys, and the logins of addresses.

    A closure, so that what keeps it shows no secret in its repr.
    """
    secrets = {
        form
        for name, value in env.items()
        for secret in _held(name, value)
        if len(secret) >= _SHORTEST
        for form in (secret, json.dumps(secret)[1:-1])
    }

    def redact(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, BLOT)
        return _LOGIN.sub(BLOT, _KEY.sub(BLOT, text))

    return redact


def _names_secret(name: str) -> bool:
    upper = name.upper()
    if upper == "PWD":  # the shell's working directory
        return False
    return any(word in upper for word in _NAMES) or not _WORDS.isdisjoint(upper.split("_"))


def _held(name: str, value: str) -> Iterator[str]:
    if _names_secret(name):
        yield value
    for login in _LOGIN.finditer(value):
        yield login["password"]
        yield unquote(login["password"])  # as it is sent
