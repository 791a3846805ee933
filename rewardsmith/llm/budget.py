"""Limits on what calls cost: what the next try may cost is set aside before it is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from rewardsmith.config import LimitConfig
from rewardsmith.errors import LimitReached
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.llm.manual import MANUAL
from rewardsmith.llm.prices import Price, price_of
from rewardsmith.records import Record

_BYTES = 3.0
"""Of UTF-8 to a token at the fewest, so that a prompt is never taken for shorter than it is."""
PICTURE = 1600
"""Tokens of a picture at the most: providers count some hundreds for one of this size."""
FREE = Price(prompt_usd=0.0, completion_usd=0.0)


class Amount(Record):
    """Tokens, and what they cost; None where the price is unknown."""

    tokens: int
    cost_usd: float | None


class Budget:
    """The limits of one run.

    A reply whose price or usage is unknown counts as what was set aside for it, as far as that is
    known: a limit on cost cannot hold a model whose price nobody knows, one on tokens can. So does
    a try that was lost: it may be paid for.

    Args:
        prices: by the name of the model.
        limits: those that hold now; asked before every try.
    """

    def __init__(
        self, prices: Mapping[str, Price | None], limits: Callable[[], LimitConfig]
    ) -> None:
        self._prices, self._limits = prices, limits
        self._spent_usd, self._spent_tokens = 0.0, 0
        self._aside: dict[int, Amount] = {}

    def reserve(self, call_id: int, request: ChatRequest) -> None:
        """Set aside what the call may cost; raises LimitReached where a limit forbids it."""
        self.check(request)
        self._aside[call_id] = self.most(request)

    def check(self, request: ChatRequest) -> None:
        """Raises LimitReached where the call could go beyond a limit."""
        most, limits = self.most(request), self._limits()
        usd = self._spent_usd + sum(amount.cost_usd or 0.0 for amount in self._aside.values())
        limit = limits.cost_usd
        if limit is not None and most.cost_usd and usd + most.cost_usd > limit:
            raise LimitReached(
                f"the cost limit of {limit:g} USD is near: {usd:.4f} USD are spent or under way, "
                f"and the next call may take {most.cost_usd:.4f}; resume with --cost-limit above it"
            )
        tokens = self._spent_tokens + sum(amount.tokens for amount in self._aside.values())
        if limits.tokens is not None and tokens + most.tokens > limits.tokens:
            raise LimitReached(
                f"the limit of {limits.tokens:,} tokens is near: {tokens:,} are spent or under "
                f"way, and the next call may take {most.tokens:,}; "
                "resume with --token-limit above it"
            )

    def settle(self, call_id: int, reply: ChatReply) -> None:
        """Put what a try did cost in the place of what was set aside."""
        self._spend(reply, self._aside.pop(call_id))

    def release(self, call_id: int) -> None:
        """The try brought nothing and costs nothing."""
        self._aside.pop(call_id)

    def forfeit(self, call_id: int) -> None:
        """The try was lost: all that was set aside for it counts as spent."""
        aside = self._aside.pop(call_id)
        self._spent_usd += aside.cost_usd or 0.0
        self._spent_tokens += aside.tokens

    def count(self, request: ChatRequest, reply: ChatReply | None) -> None:
        """Count a call of an earlier life of the run; without a reply it may have been paid."""
        most = self.most(request)
        if reply is not None:
            self._spend(reply, most)
        else:
            self._spent_usd += most.cost_usd or 0.0
            self._spent_tokens += most.tokens

    def most(self, request: ChatRequest) -> Amount:
        """The most that one try of `request` may take."""
        said = sum(len(message.content.encode()) for message in request.messages)
        seen = sum(len(message.pictures) for message in request.messages)
        prompt = math.ceil(said / _BYTES) + seen * PICTURE
        completion = request.max_tokens
        price = self._prices.get(request.model)
        cost = price.of(prompt, completion) if price else None
        return Amount(tokens=prompt + completion, cost_usd=cost)

    def _spend(self, reply: ChatReply, aside: Amount) -> None:
        known = reply.cost_usd if reply.cost_usd is not None else aside.cost_usd
        self._spent_usd += known or 0.0
        counts = (reply.prompt_tokens, reply.completion_tokens)
        self._spent_tokens += aside.tokens if None in counts else sum(n or 0 for n in counts)


def prices(models: Iterable[str], api_base: str) -> dict[str, Price | None]:
    """The price of each model; a name on another server says nothing about its price there."""
    return {model: _price(model, api_base) for model in models}


def _price(model: str, api_base: str) -> Price | None:
    if model == MANUAL:
        return FREE
    return None if api_base else price_of(model)
