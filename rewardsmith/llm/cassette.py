"""Calls to models as lines of a file: what was asked and what came.

A line holds no header, and what looks like a key is blotted out before it is written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from rewardsmith.errors import UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest, prompt_hash
from rewardsmith.records import Record


class Entry(Record):
    """One call that came to an end."""

    slot: str
    """Who asked: `r01c03/propose`, `r01c03/repair1`."""
    body_hash: str
    prompt: str
    """The file under prompts/ that the last message was made from."""
    prompt_hash: str
    request: ChatRequest
    reply: ChatReply | None = None
    """With its latency, tokens and cost."""
    error: str | None = None
    asked_at: str


def body_hash(request: ChatRequest) -> str:
    """The SHA-256 of what decides the reply, in one canonical form."""
    return hashlib.sha256(json.dumps(request.body(), sort_keys=True).encode()).hexdigest()


def entry(slot: str, request: ChatRequest, outcome: ChatReply | str, asked_at: str) -> Entry:
    """The line of a call; `outcome` is the reply, or the words of the error."""
    return Entry(
        slot=slot,
        body_hash=body_hash(request),
        prompt=request.prompt,
        prompt_hash=prompt_hash(request.messages),
        request=request,
        reply=outcome if isinstance(outcome, ChatReply) else None,
        error=outcome if isinstance(outcome, str) else None,
        asked_at=asked_at,
    )


def line(entry: Entry, redact: Callable[[str], str]) -> str:
    """The entry as one line, without anything that looks like a key."""
    return redact(entry.model_dump_json()) + "\n"


def brought(slot: str, candidate: str, repairs: int) -> bool:
    """Whether the call of `slot` brought the code of a candidate that was so often repaired."""
    name, _, purpose = slot.partition("/")
    wanted = purpose == f"repair{repairs}" if repairs else purpose.startswith("propose")
    return name == candidate and wanted


def append(path: Path, text: str) -> None:
    """Add a line to a file, durably."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read(text: str) -> list[Entry]:
    """The entries of a file; a last line that was cut off by a crash is left out.

    Raises UserError where it is no such file.
    """
    entries = []
    lines = text.split("\n")
    for number, row in enumerate(lines[:-1], start=1):
        try:
            entries.append(Entry.model_validate_json(row))
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise UserError(f"line {number} of the recorded calls is no call: {why}") from None
    return entries
