"""Calls to models as lines of a file: what was asked, what came, found again by slot.

A line holds no header, and what looks like a key is blotted out before it is written.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from rewardsmith.errors import ModelError, UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest, prompt_hash
from rewardsmith.records import Record

_MOST_LINES = 40
"""Of a difference between two prompts."""


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


class Tape:
    """Recorded calls, to be answered from: found by slot, checked by the hash of the body."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_slot: dict[str, list[Entry]] = {}
        for known in entries:
            self._by_slot.setdefault(known.slot, []).append(known)

    def outcome(self, slot: str, request: ChatRequest) -> tuple[ChatReply | ModelError, str]:
        """What this slot got, and how its request differed from this one; "" if it did not.

        Of several calls for one slot the last counts: the run went on from it.

        Raises:
            ModelError: nothing was recorded for this slot.
        """
        known = self._by_slot.get(slot)
        if not known:
            raise ModelError(f"the recording holds no call for {slot}: the searches differ")
        same = [one for one in known if one.body_hash == body_hash(request)]
        last = (same or known)[-1]
        outcome = last.reply or ModelError(last.error or "")
        return outcome, "" if same else difference(last.request, request)

    def written(self, candidate: str, repairs: int) -> tuple[ChatRequest, ChatReply] | None:
        """The recorded call that brought a candidate's code."""
        for slot, known in self._by_slot.items():
            if brought(slot, candidate, repairs) and known[-1].reply:
                return known[-1].request, known[-1].reply
        return None


def difference(recorded: ChatRequest, now: ChatRequest) -> str:
    """The lines by which two requests differ, at most forty of them."""
    lines = list(
        difflib.unified_diff(_words(recorded), _words(now), "recorded", "now", n=1, lineterm="")
    )
    more = len(lines) - _MOST_LINES
    return "\n".join(lines[:_MOST_LINES] + ([f"... and {more} more lines"] if more > 0 else []))


def _words(request: ChatRequest) -> Sequence[str]:
    settings = {name: value for name, value in request.body().items() if name != "messages"}
    lines = [f"{name}: {value}" for name, value in settings.items()]
    for message in request.messages:
        lines += [f"--- {message.role} ---", *message.content.split("\n")]
    return lines
