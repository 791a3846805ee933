"""What is said to a model and what comes back, and the protocol every model client fulfils."""

from __future__ import annotations

from typing import Literal, Protocol

from rewardsmith.records import Record


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """Everything that decides a reply; two equal requests may share a stored one."""

    model: str
    messages: tuple[Message, ...]
    temperature: float = 1.0
    max_tokens: int = 4096


class ChatReply(Record):
    """What a model answered. What the server did not say is None, never 0."""

    text: str
    finish: str
    """The provider's word for why it ended: "stop", "content_filter", "refusal", ..."""
    model: str
    """The model that answered, by the server's own account."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    """None where the price is unknown."""
    wall_s: float


class ChatClient(Protocol):
    """Somebody who answers requests."""

    @property
    def name(self) -> str:
        """Which model and whose, as shown to the user; never a key."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply; raises ModelError, which says what to do, when there will be none."""


class Transport(Protocol):
    """One attempt through one SDK: no retries, errors as the SDK raises them."""

    @property
    def name(self) -> str:
        """Which provider or address, as shown to the user."""

    async def send(self, request: ChatRequest) -> ChatReply:
        """The reply; raises an error that `faults.explain` understands."""
