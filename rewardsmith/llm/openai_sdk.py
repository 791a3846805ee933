"""One attempt through the openai SDK: OpenAI itself, or any server that speaks its protocol."""

from __future__ import annotations

from collections.abc import Callable

from rewardsmith.llm.chat import ChatReply, ChatRequest, chosen
from rewardsmith.llm.completion import read_completions, tokens
from rewardsmith.llm.prices import cost_usd

_OFFICIAL_HOST = "api.openai.com"


class OpenAITransport:
    """Sends to `api_base`, or where the SDK sends by default."""

    def __init__(
        self,
        *,
        api_key: str,
        api_base: str | None,
        timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._api_key = api_key
        self._api_base = api_base
        self._timeout_s = timeout_s
        self._clock = clock

    @property
    def name(self) -> str:
        """The address, or "OpenAI"."""
        return self._api_base or "OpenAI"

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """One request on a connection of its own: a pool would outlive the event loop."""
        import openai

        started = self._clock()
        async with openai.AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._api_base,
            timeout=self._timeout_s,
            max_retries=0,
        ) as sdk:
            official = sdk.base_url.host == _OFFICIAL_HOST
            # OpenAI's reasoning models refuse max_tokens; most other servers know nothing else.
            limit = "max_completion_tokens" if official else "max_tokens"
            answer = await sdk.chat.completions.create(  # type: ignore[call-overload]
                model=request.model,
                messages=[message.model_dump() for message in request.messages],
                **{limit: request.max_tokens},
                **chosen(request, n),
            )
        # The same name on another server has another price.
        cost = cost_usd(str(getattr(answer, "model", "")), *tokens(answer)) if official else None
        return read_completions(answer, request, self._clock() - started, cost)
