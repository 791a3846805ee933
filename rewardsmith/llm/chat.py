"""What is said to a model and what comes back, and the protocols on both sides of a client."""

from __future__ import annotations

import hashlib
import json
import operator
from typing import Literal, Protocol

from pydantic import Field

from rewardsmith.records import Record


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[str, ...] = Field((), exclude_if=operator.not_)
    """JPEG files in base64, seen after the text; for models that see."""

    def sent(self) -> dict[str, object]:
        """As OpenAI's protocol has it."""
        if not self.pictures:
            return {"role": self.role, "content": self.content}
        pictures = [
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}}
            for picture in self.pictures
        ]
        return {"role": self.role, "content": [{"type": "text", "text": self.content}, *pictures]}


Effort = Literal["", "minimal", "low", "medium", "high"]
"""How long a reasoning model is to think; "" leaves it to the model."""


class ChatRequest(Record):
    """Everything that decides a reply; two equal requests may share a stored one."""

    model: str
    messages: tuple[Message, ...]
    temperature: float = 1.0
    """Not sent along with an effort: reasoning models refuse it."""
    max_tokens: int = 4096
    effort: Effort = ""
    prompt: str = ""
    """The file under prompts/ that the last message was made from; it is not sent."""
    slot: str = ""
    """Who asks, such as `r01c03/propose`; it is not sent."""

    def body(self) -> dict[str, object]:
        """What decides the reply, without the notes of who asks and why."""
        return self.model_dump(exclude={"prompt", "slot"})


def chosen(request: ChatRequest, n: int) -> dict[str, object]:
    """The parameters that are sent only where they are wanted; not every server knows them."""
    sent: dict[str, object] = {"n": n} if n > 1 else {}
    if request.effort:
        return sent | {"reasoning_effort": request.effort}
    return sent | {"temperature": request.temperature}


def prompt_hash(messages: tuple[Message, ...]) -> str:
    """16 hex digits that stand for these messages, whatever the machine."""
    canonical = json.dumps([message.model_dump() for message in messages], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


class ChatReply(Record):
    """What a model answered. What the server did not say is None, never 0."""

    text: str
    reasoning: str = ""
    """What a reasoning model thought aloud; never searched for code."""
    finish: str
    """The provider's word for why it ended: "stop", "content_filter", "refusal", ..."""
    model: str
    """The model that answered, by the server's own account."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    """None where the price is unknown."""
    wall_s: float


class Adapter(Protocol):
    """One way to get replies: an SDK, a person, a recording, a script. One try, no retries."""

    @property
    def name(self) -> str:
        """Which model and whose, as shown to the user; never a key."""

    @property
    def endpoint(self) -> str:
        """Who is asked: requests in flight are counted together for each endpoint."""

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """What came, at least one reply, perhaps not `n`.

        Raises what `faults.explain` knows, or ModelError where another try is of no use.
        """


class CallLog(Protocol):
    """Where every try is noted, so that no reply is paid for twice. One thread at a time calls."""

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | None:
        """The reply that this request got for this slot, in an earlier life of the run too."""

    def written(self, candidate: str, repairs: int) -> tuple[ChatRequest, ChatReply] | None:
        """The call that brought a candidate's code, so often repaired; None if no model did."""

    def intend(self, slot: str, request: ChatRequest) -> int:
        """Notes durably that a try is about to be sent; its id. Raises LimitReached.

        After a crash, an intent without an end is a call that may have been paid.
        """

    def reply(self, call_id: int, reply: ChatReply) -> ChatReply:
        """Keeps the reply durably, before anything else is done with it; the reply as kept."""

    def error(self, call_id: int, message: str) -> None:
        """Notes that the try brought no reply and is not paid for."""

    def lost(self, call_id: int, message: str) -> None:
        """Notes that no reply came of a try that may be paid for all the same."""
