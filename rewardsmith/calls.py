"""Logs model calls in the store, in llm.jsonl, and as files in the candidate's folder."""

from __future__ import annotations

import json
from collections.abc import Callable

from rewardsmith.files import write_text
from rewardsmith.llm import cassette
from rewardsmith.llm.budget import Budget
from rewardsmith.llm.cassette import Entry, body_hash
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.llm.manual import MANUAL
from rewardsmith.records import CandidateId
from rewardsmith.store import Call, Store

LOG = "llm.jsonl"
"""In a run's folder: its calls, one a line; the store decides, this file is for taking along."""
_LOST = "no reply was stored; it may have been paid for"


class StoredCalls:
    """The `CallLog` of one run (llm/chat.py): every try is a call of its own.

    Args:
        budget: asked before every call; the calls of the run's earlier lives are counted in.
        redact: blots out of a text what must not be written down.
    """

    def __init__(
        self, store: Store, run_id: str, budget: Budget, redact: Callable[[str], str]
    ) -> None:
        self._store, self._run, self._budget, self._redact = store, run_id, budget, redact
        self._slots: dict[int, str] = {}
        _rewrite_log(store, run_id, redact)
        for call in store.calls(run_id):
            if not call.error:
                budget.count(request_of(call), reply_of(call))

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | None:
        """See `CallLog.stored`."""
        text = self._store.stored_reply(self._run, slot, body_hash(request))
        return ChatReply.model_validate_json(text) if text else None

    def written(self, candidate: str, repairs: int) -> tuple[ChatRequest, ChatReply] | None:
        """See `CallLog.written`."""
        for call in reversed(self._store.calls(self._run)):
            reply = reply_of(call)
            if reply and cassette.brought(call.slot, candidate, repairs):
                return request_of(call), reply
        return None

    def intend(self, slot: str, request: ChatRequest) -> int:
        """See `CallLog.intend`. Raises LimitReached."""
        self._budget.check(request)
        body = self._redact(request.model_dump_json())
        call_id = self._store.intend_call(self._run, slot, body_hash(request), body)
        self._budget.reserve(call_id, request)
        self._slots[call_id] = slot
        self._write(slot, "prompt", body)
        return call_id

    def reply(self, call_id: int, reply: ChatReply) -> ChatReply:
        """See `CallLog.reply`."""
        text = self._redact(reply.model_dump_json())
        self._store.finish_call(call_id, reply=text, error=None)
        kept = ChatReply.model_validate_json(text)
        self._budget.settle(call_id, kept)
        self._append(call_id)
        self._write(self._slots.pop(call_id), "response", text)
        return kept

    def error(self, call_id: int, message: str) -> None:
        """See `CallLog.error`."""
        self._store.finish_call(call_id, reply=None, error=message)
        self._budget.release(call_id)
        self._append(call_id)

    def lost(self, call_id: int, message: str) -> None:
        """See `CallLog.lost`: the intent stays without an end, as after a crash."""
        self._budget.forfeit(call_id)
        self._append(call_id, message)

    def _append(self, call_id: int, lost: str = _LOST) -> None:
        path = self._store.folder(self._run) / LOG
        entry = _entry(self._store.call(call_id), lost)
        cassette.append(path, cassette.line(entry, self._redact))

    def _write(self, slot: str, what: str, text: str) -> None:
        """`r01/c03/prompt.json` for `r01c03/propose`, `.../prompt-repair1.json` for a repair."""
        candidate, _, purpose = slot.partition("/")
        suffix = "" if purpose.startswith("propose") else f"-{purpose}"
        folder = self._store.folder(self._run) / CandidateId.parse(candidate).folder
        write_text(folder / f"{what}{suffix}.json", json.dumps(json.loads(text), indent=1) + "\n")


def possibly_paid(store: Store, run_id: str) -> list[str]:
    """The slots of calls without an end: the process died meanwhile, or no answer came in time.

    By hand, and from a recording, nothing is paid.
    """
    if store.run(run_id).config.replay.source:
        return []
    return [call.slot for call in store.calls(run_id) if _is_lost(call)]


def _is_lost(call: Call) -> bool:
    return not call.reply and not call.error and request_of(call).model != MANUAL


def request_of(call: Call) -> ChatRequest:
    """What was asked."""
    return ChatRequest.model_validate_json(call.request)


def reply_of(call: Call) -> ChatReply | None:
    """What came."""
    return ChatReply.model_validate_json(call.reply) if call.reply else None


def entries(store: Store, run_id: str) -> list[Entry]:
    """The calls of a run as they are recorded; the lost ones too, but no prompt that waits."""
    known = store.calls(run_id)
    return [_entry(call) for call in known if call.reply or call.error or _is_lost(call)]


def _entry(call: Call, lost: str = _LOST) -> Entry:
    outcome = reply_of(call) or call.error or lost
    made = cassette.entry(call.slot, request_of(call), outcome, call.asked_at)
    return made.model_copy(update={"body_hash": call.request_hash})


def _rewrite_log(store: Store, run_id: str, redact: Callable[[str], str]) -> None:
    """Bring the log to what the store holds: a crash may have come between the two."""
    known = entries(store, run_id)
    if known:
        text = "".join(cassette.line(entry, redact) for entry in known)
        write_text(store.folder(run_id) / LOG, text)
