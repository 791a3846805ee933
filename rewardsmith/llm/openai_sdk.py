"""One try through the openai SDK: OpenAI itself, or any server that speaks its protocol."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from rewardsmith.errors import ModelError
from rewardsmith.llm.chat import ChatReply, ChatRequest, chosen
from rewardsmith.llm.completion import read_completions, tokens
from rewardsmith.llm.prices import cost_usd

if TYPE_CHECKING:
    import openai

_OFFICIAL_HOST = "api.openai.com"


class OpenAIAdapter:
    """Sends to `api_base`, or where the SDK sends by default; see Adapter.

    Args:
        loopback: the server is on this machine. What is sent there stays here: no proxy that the
            environment names is asked, and no redirection is followed.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str,
        api_base: str | None,
        loopback: bool,
        timeout_s: float,
    ) -> None:
        self._key, self._api_base, self._loopback = SecretStr(api_key), api_base, loopback
        self._timeout_s = timeout_s
        self.endpoint = api_base or "OpenAI"
        self.name = f"{model} via {self.endpoint}"

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """One request on a connection of its own: a pool would outlive the event loop."""
        connection = self._connection()  # importing the SDK is no time that a server takes
        started = time.monotonic()
        async with connection as sdk, asyncio.timeout(self._timeout_s):
            official = sdk.base_url.host == _OFFICIAL_HOST
            # OpenAI's reasoning models refuse max_tokens; most other servers know nothing else.
            limit = "max_completion_tokens" if official else "max_tokens"
            answer: Any = await sdk.chat.completions.create(  # type: ignore[call-overload]
                model=request.model,
                messages=[message.sent() for message in request.messages],
                **{limit: request.max_tokens},
                **chosen(request, n),
            )
        # The same name on another server has another price.
        cost = cost_usd(str(getattr(answer, "model", "")), *tokens(answer)) if official else None
        return read_completions(answer, request, time.monotonic() - started, cost)

    def _connection(self) -> openai.AsyncOpenAI:
        import openai

        leaves = not self._loopback
        try:
            return openai.AsyncOpenAI(
                api_key=self._key.get_secret_value(),
                base_url=self._api_base,
                http_client=openai.DefaultAsyncHttpxClient(
                    timeout=self._timeout_s, trust_env=leaves, follow_redirects=leaves
                ),
                timeout=self._timeout_s,
                max_retries=0,
            )
        except (ImportError, ValueError) as error:  # of a proxy that is none, or wants a package
            raise ModelError(
                f"{self.name}: the proxy of the environment cannot be used: {error}",
                outage=True,
            ) from None
