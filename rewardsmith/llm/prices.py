"""Prices of OpenAI's models, read from the list that litellm ships without importing litellm."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_LIST = "model_prices_and_context_window_backup.json"


def cost_usd(model: str, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
    """What the tokens cost at list price, or None where the price or a count is unknown."""
    entry = _prices().get(model, {})
    per_prompt = entry.get("input_cost_per_token")
    per_completion = entry.get("output_cost_per_token")
    if None in (prompt_tokens, completion_tokens, per_prompt, per_completion):
        return None
    return float(prompt_tokens * per_prompt + completion_tokens * per_completion)


@lru_cache(maxsize=1)
def _prices() -> dict[str, Any]:
    spec = find_spec("litellm")  # finds the package without running it, which would take seconds
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / _LIST if places else None
    if path is None or not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))
