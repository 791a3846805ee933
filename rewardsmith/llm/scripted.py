"""An adapter that answers from a list: for tests, documentation and trying a run for free."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.errors import ModelError
from rewardsmith.llm.chat import ChatReply, ChatRequest


class ScriptedClient:
    """Answers the n-th request with the n-th reply; a ModelError in the list is raised.

    Attributes:
        requests: what it was asked so far, in order.
    """

    name = endpoint = "a script"

    def __init__(self, replies: Sequence[str | ModelError]) -> None:
        self._replies = tuple(replies)
        self.requests: list[ChatRequest] = []

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """The next reply, alone whatever `n`; raises ModelError when there is none left."""
        self.requests.append(request)
        if len(self.requests) > len(self._replies):
            raise ModelError(f"the script has only {len(self._replies)} replies; add more")
        reply = self._replies[len(self.requests) - 1]
        if isinstance(reply, ModelError):
            raise reply
        return (ChatReply(text=reply, finish="stop", model=request.model, wall_s=0.0),)
