"""One attempt through litellm, which knows some hundred providers by the prefix of the model."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

from rewardsmith.errors import UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest, chosen
from rewardsmith.llm.completion import read_completions, tokens


class LitellmTransport:
    """Sends wherever litellm sends `model`; raises UserError where a key is missing."""

    def __init__(self, model: str, *, timeout_s: float, clock: Callable[[], float]) -> None:
        self._litellm = _load()
        self._timeout_s = timeout_s
        self._clock = clock
        self._in_flight = 0
        self._check(model)

    @property
    def name(self) -> str:
        """The same for all: the prefix of the model says whose it is."""
        return "litellm"

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """One request; the last one in flight closes litellm's connections."""
        started = self._clock()
        self._in_flight += 1
        try:
            answer = await self._litellm.acompletion(
                model=request.model,
                messages=[message.model_dump() for message in request.messages],
                max_tokens=request.max_tokens,
                timeout=self._timeout_s,
                drop_params=True,  # a model that takes no temperature is asked without one
                num_retries=0,
                max_retries=0,
                **chosen(request, n),
            )
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                await self._disconnect()
        cost = getattr(answer, "_hidden_params", {}).get("response_cost")
        if None in tokens(answer):
            cost = None  # it was reckoned from counts that nobody gave
        return read_completions(answer, request, self._clock() - started, cost)

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


def _load() -> Any:
    # Read while it is imported: without it litellm fetches a price list from the net.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
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
