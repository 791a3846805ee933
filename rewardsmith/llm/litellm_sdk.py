"""One try through litellm, which knows some hundred providers by the prefix of the model."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import warnings
from collections.abc import Mapping
from typing import Any

from rewardsmith.errors import UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest, chosen
from rewardsmith.llm.completion import read_completions, tokens
from rewardsmith.llm.faults import BadAnswer

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LitellmAdapter:
    """Sends wherever litellm sends `model`; raises UserError where a key is missing."""

    endpoint = "litellm"
    """The same for all: the prefix of the model says whose it is."""

    def __init__(self, model: str, *, timeout_s: float) -> None:
        self._litellm = _load()
        self._timeout_s = timeout_s
        self._in_flight = 0
        self._check(model)
        self.name = f"{model} via {self.endpoint}"

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """One request; the last one in flight closes litellm's connections."""
        started = time.monotonic()
        raw: list[object] = []
        self._in_flight += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._litellm.acompletion(
                    model=request.model,
                    messages=[message.sent() for message in request.messages],
                    max_tokens=request.max_tokens,
                    timeout=self._timeout_s,
                    drop_params=True,  # a model that takes no temperature is asked without one
                    num_retries=0,
                    max_retries=0,
                    logger_fn=lambda details: raw.append(details.get("original_response")),
                    **chosen(request, n),
                )
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                await self._disconnect()
        if any(map(_endless, raw)):
            raise BadAnswer("the reply came without a reason why it ended", 502, paid=True)
        cost = getattr(answer, "_hidden_params", {}).get("response_cost")
        if None in tokens(answer):
            cost = None  # it was reckoned from counts that nobody gave
        return read_completions(answer, request, time.monotonic() - started, cost)

    async def _disconnect(self) -> None:
        # litellm caches its connections by the id of the event loop, which the next loop may bear.
        await self._litellm.close_litellm_async_clients()
        self._litellm.in_memory_llm_clients_cache.flush_cache()

    def _check(self, model: str) -> None:
        import openai

        try:
            self._litellm.get_llm_provider(model)
        except openai.BadRequestError:
            raise UserError(
                f"{model}: no provider is known by this name; write provider/model, such as "
                f"anthropic/{model}, or give an OpenAI-compatible server by --api-base"
            ) from None
        missing = self._litellm.validate_environment(model)["missing_keys"]
        keys = [name for name in missing if name.endswith("_API_KEY")]
        if keys:
            raise UserError(f"{model} needs a key: set {' and '.join(keys)} in your environment")


def _endless(raw: object) -> bool:
    """Whether what the server sent is a completion that does not say why it ended.

    litellm puts "stop" in the place of what is missing, as if it had come to its end.
    """
    try:
        sent = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return False
    choices = sent.get("choices") if isinstance(sent, Mapping) else None
    if not isinstance(choices, list):
        return False
    return any(
        isinstance(choice, Mapping)
        and "message" in choice
        and not (choice.get("finish_reason") or choice.get("finish_details"))
        for choice in choices
    )


def _load() -> Any:
    # Read while it is imported: without it litellm fetches a price list from the net.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    _spare_loopback_the_proxy()
    import litellm

    litellm.suppress_debug_info = True  # else it prints an advertisement with every error
    litellm.disable_aiohttp_transport = True  # else sessions stay open past the event loop
    # It validates what a server sent by writing it out again, and warns of what is unusual.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    # Of its own types, the first time that it needs them.
    warnings.filterwarnings("ignore", r"Item '\w+' on TypedDict class", UserWarning)
    # It logs to its own handler that the event loop changed, which is what asyncio.run does.
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    return litellm


def _spare_loopback_the_proxy() -> None:
    """What is meant for this machine shall not pass through a proxy of the environment's."""
    for name in ("NO_PROXY", "no_proxy"):
        spared = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*spared, *(h for h in _LOOPBACK if h not in spared)])
