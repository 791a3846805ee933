"""Logs model calls in the store, and prompt and reply as files in the candidate's folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rewardsmith.files import write_record, write_text
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.store import Store


class StoredCalls:
    """The `CallLog` of one run (propose/calling.py)."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run = store, run_id
        self._slots: dict[int, str] = {}

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | None:
        """See `CallLog.stored`."""
        text = self._store.stored_reply(self._run, slot, _hash(request))
        return ChatReply.model_validate_json(text) if text else None

    def intend(self, slot: str, request: ChatRequest) -> int:
        """See `CallLog.intend`."""
        body = request.model_dump_json()
        call_id = self._store.intend_call(self._run, slot, _hash(request), body)
        self._slots[call_id] = slot
        write_text(self._file(slot, "prompt"), request.model_dump_json(indent=1) + "\n")
        return call_id

    def reply(self, call_id: int, reply: ChatReply) -> None:
        """See `CallLog.reply`."""
        self._store.finish_call(call_id, reply=reply.model_dump_json(), error=None)
        write_record(self._file(self._slots[call_id], "response"), reply)

    def error(self, call_id: int, message: str) -> None:
        """See `CallLog.error`."""
        self._store.finish_call(call_id, reply=None, error=message)

    def _file(self, slot: str, what: str) -> Path:
        """`r01/c03/prompt.json` for `r01c03/propose`, `.../prompt-repair1.json` for a repair."""
        candidate, _, purpose = slot.partition("/")
        generation, _, index = candidate.partition("c")
        suffix = "" if purpose.startswith("propose") else f"-{purpose}"
        return self._store.folder(self._run) / generation / f"c{index}" / f"{what}{suffix}.json"


def _hash(request: ChatRequest) -> str:
    return hashlib.sha256(request.model_dump_json().encode()).hexdigest()
