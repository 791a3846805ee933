"""An adapter that answers from recorded calls: no socket, no key, nothing to pay."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

from rewardsmith.errors import ModelError
from rewardsmith.llm.cassette import Entry, body_hash
from rewardsmith.llm.chat import ChatReply, ChatRequest

_MOST_LINES = 40
"""Of a difference between two prompts."""


class ReplayClient:
    """Finds the reply by the slot that asks; the hash of the body is a check. See Adapter.

    Args:
        diverged: told once, of the first request that is not the recorded one: slot, difference.
    """

    name = endpoint = "a recording"

    def __init__(self, entries: Iterable[Entry], diverged: Callable[[str, str], None]) -> None:
        self._by_slot: dict[str, list[Entry]] = {}
        for known in entries:
            self._by_slot.setdefault(known.slot, []).append(known)
        self._diverged, self._told = diverged, False

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """What the slot of the request got, one reply whatever `n`, at no cost.

        Of several equal calls for one slot the last counts: the run went on from it.

        Raises:
            ModelError: nothing was recorded for this slot, or it was an error.
        """
        known = self._by_slot.get(request.slot)
        if not known:
            raise ModelError(f"the recording holds no call for {request.slot}: the searches differ")
        same = [one for one in known if one.body_hash == body_hash(request)]
        last = (same or known)[-1]
        if not same and not self._told:
            self._told = True
            self._diverged(request.slot, difference(last.request, request))
        if last.reply is None:
            raise ModelError(last.error or "")
        return (last.reply.model_copy(update={"cost_usd": 0.0}),)


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
