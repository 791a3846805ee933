"""List prices of models, read from the list that litellm ships without importing litellm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rewardsmith.records import Record

_LIST = "model_prices_and_context_window_backup.json"


class Price(Record):
    """What a token costs."""

    prompt_usd: float
    completion_usd: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """USD for so many tokens."""
        return prompt_tokens * self.prompt_usd + completion_tokens * self.completion_usd


def sees(model: str) -> bool:
    """Whether the model is known to take pictures."""
    return _entry(model).get("supports_vision") is True


def price_of(model: str) -> Price | None:
    """The list price of "gpt-5" or "anthropic/claude-sonnet-5"; None where it is unknown."""
    entry = _entry(model)
    prompt, completion = (entry.get(f"{side}_cost_per_token") for side in ("input", "output"))
    if not isinstance(prompt, int | float) or not isinstance(completion, int | float):
        return None
    return Price(prompt_usd=prompt, completion_usd=completion)


def _entry(model: str) -> Mapping[str, Any]:
    """What litellm's list says of a model; nothing where it does not know it."""
    provider, slash, name = model.partition("/")
    entry = _prices().get(model)
    if entry is None and slash:
        entry = _prices().get(name, {})
        if entry.get("litellm_provider") != provider:
            return {}
    return entry or {}


def cost_usd(model: str, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
    """What the tokens cost at list price, or None where the price or a count is unknown."""
    price = price_of(model)
    if price is None or prompt_tokens is None or completion_tokens is None:
        return None
    return price.of(prompt_tokens, completion_tokens)


@lru_cache(maxsize=1)
def _prices() -> dict[str, Any]:
    spec = find_spec("litellm")  # finds the package without running it, which would take seconds
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / _LIST if places else None
    if path is None or not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))
