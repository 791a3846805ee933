"""The real openai and litellm code paths against a server on loopback."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable

import pytest
from loopback_server import Answer, LoopbackServer, fails, says

from rewardsmith.errors import ModelError, UserError
from rewardsmith.llm.client import (
    ChatClient,
    ChatReply,
    ChatRequest,
    Message,
    ScriptedClient,
    configured_model,
    connect,
)
from rewardsmith.llm.prices import cost_usd

KEY = "sk-test-0123456789abcdef"
ASK = ChatRequest(
    model="served-model", messages=(Message(role="user", content="hello"),), max_tokens=100
)


class Waits:
    """A sleep that only writes down how long it was."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


Complete = Callable[..., ChatReply]


@pytest.fixture(params=["openai", "litellm"])
def sdk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def complete(sdk: str, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Asks a server through one SDK, reached the way a user would reach it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def ask(
        server: LoopbackServer, *, waits: Waits | None = None, timeout_s: float = 20.0
    ) -> ChatReply:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        through_litellm = sdk == "litellm"
        model = "openai/served-model" if through_litellm else "served-model"
        client = connect(
            model,
            api_base=None if through_litellm else server.url,
            timeout_s=timeout_s,
            max_retries=2,
            sleep=waits or Waits(),
            rng=random.Random(0),
        )
        return asyncio.run(client.complete(ASK.model_copy(update={"model": model})))

    return ask


def test_a_good_answer_comes_with_its_counts_and_an_unknown_price(complete: Complete) -> None:
    with LoopbackServer(says("the answer", usage=(12, 7))) as server:
        reply = complete(server)
    assert (reply.text, reply.finish, reply.model) == ("the answer", "stop", "served-model")
    assert (reply.prompt_tokens, reply.completion_tokens) == (12, 7)
    assert reply.cost_usd is None
    assert server.requests[0]["model"] == "served-model"
    assert server.requests[0]["messages"] == [{"role": "user", "content": "hello"}]
    assert server.requests[0]["max_tokens"] == 100
    assert server.keys == [f"Bearer {KEY}"]


def test_missing_usage_stays_unknown(complete: Complete) -> None:
    with LoopbackServer(says("the answer", usage=None)) as server:
        reply = complete(server)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cost_usd) == (None, None, None)


def test_a_refusal_is_a_reply_and_no_error(complete: Complete) -> None:
    with LoopbackServer(says(None, refusal="I cannot help with that.")) as server:
        reply = complete(server)
    assert reply.text in ("I cannot help with that.", "")


def test_a_reply_without_content_is_empty(complete: Complete) -> None:
    with LoopbackServer(says(None)) as server:
        assert complete(server).text == ""


def test_the_rate_limit_is_waited_for_as_long_as_the_server_asks(complete: Complete) -> None:
    waits = Waits()
    with LoopbackServer(fails(429, "slow down", retry_after="7"), says("then this")) as server:
        assert complete(server, waits=waits).text == "then this"
    assert len(waits.seconds) == 1
    assert 7.0 <= waits.seconds[0] <= 8.0


def test_a_wait_that_would_look_like_a_hang_is_refused(complete: Complete) -> None:
    with (
        LoopbackServer(fails(429, "slow down", retry_after="3600")) as server,
        pytest.raises(ModelError, match="rate limit"),
    ):
        complete(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_server_is_tried_again_with_growing_waits(
    complete: Complete, status: int
) -> None:
    waits = Waits()
    with (
        LoopbackServer(fails(status, "overloaded")) as server,
        pytest.raises(ModelError, match="server kept failing"),
    ):
        complete(server, waits=waits)
    assert len(server.requests) == 3
    assert 0.5 <= waits.seconds[0] <= 1.5
    assert 1.0 <= waits.seconds[1] <= 3.0


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (fails(429, "You exceeded your current quota", code="insufficient_quota"), "no credit"),
        (fails(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"), "key was ref"),
        (fails(403, f"Key {KEY} may not do this"), "key was refused"),
        (fails(404, "The model does not exist", code="model_not_found"), "check --model"),
        (fails(400, "maximum context length is 9", code="context_length_exceeded"), "too long"),
        (fails(400, "content management policy", code="content_filter"), "policy"),
        (fails(400, f"strange, says {KEY}"), "refused the request"),
    ],
    ids=["quota", "401", "403", "404", "context", "policy", "400"],
)
def test_what_will_not_pass_is_not_tried_again(
    complete: Complete, answer: Answer, advice: str, capfd: pytest.CaptureFixture[str]
) -> None:
    waits = Waits()
    with LoopbackServer(answer) as server, pytest.raises(ModelError, match=advice) as caught:
        complete(server, waits=waits)
    assert len(server.requests) == 1
    assert waits.seconds == []
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_web_page_with_status_200_is_not_an_answer(complete: Complete) -> None:
    page = Answer(b"<html><body>Welcome</body></html>", content_type="text/html")
    with (
        LoopbackServer(page) as server,
        pytest.raises(ModelError, match="does not answer like an OpenAI-compatible API"),
    ):
        complete(server)
    assert len(server.requests) == 1


def test_an_error_body_with_status_200_is_tried_again(complete: Complete) -> None:
    broken = Answer(b'{"error": {"message": "provider overloaded", "code": 502}}')
    with LoopbackServer(broken, says("then this")) as server:
        assert complete(server).text == "then this"


def test_a_body_that_is_no_json_is_one_line(complete: Complete) -> None:
    with LoopbackServer(Answer(b"{ not json")) as server, pytest.raises(ModelError):
        complete(server)


def test_a_reply_cut_off_is_asked_for_once_more_with_twice_the_room(complete: Complete) -> None:
    with LoopbackServer(says("half", finish="length"), says("whole", usage=(3, 4))) as server:
        reply = complete(server)
    assert reply.text == "whole"
    assert [request["max_tokens"] for request in server.requests] == [100, 200]
    assert (reply.prompt_tokens, reply.completion_tokens) == (103, 54)


def test_a_reply_cut_off_twice_is_given_up(complete: Complete) -> None:
    with (
        LoopbackServer(says("half", finish="length")) as server,
        pytest.raises(ModelError, match="still cut off at 200 tokens"),
    ):
        complete(server)
    assert len(server.requests) == 2


def test_a_silent_server_is_given_up_in_time(complete: Complete) -> None:
    with (
        LoopbackServer(says("too late", delay_s=30.0)) as server,
        pytest.raises(ModelError, match="no answer in time"),
    ):
        complete(server, timeout_s=0.3)
    assert len(server.requests) == 3


def test_an_unreachable_server_is_one_line() -> None:
    client = connect("m", api_base="http://127.0.0.1:9/v1", max_retries=1, env={}, sleep=Waits())
    with pytest.raises(ModelError, match="cannot be reached"):
        asyncio.run(client.complete(ASK))


def test_calls_at_the_same_time_and_in_later_event_loops_all_succeed(
    sdk: str, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def several(client: ChatClient, request: ChatRequest) -> list[ChatReply]:
        return list(await asyncio.gather(*(client.complete(request) for _ in range(4))))

    with LoopbackServer(says("x", delay_s=0.05)) as server:
        complete(server)
        model = "openai/served-model" if sdk == "litellm" else "served-model"
        client = connect(model, api_base=None if sdk == "litellm" else server.url)
        request = ASK.model_copy(update={"model": model})
        for _ in range(3):
            replies = asyncio.run(several(client, request))
            assert [reply.text for reply in replies] == ["x"] * 4


def test_list_prices_are_known_for_known_models_and_counts_only() -> None:
    assert cost_usd("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.15)
    assert cost_usd("gpt-4o-mini", 10, None) is None
    assert cost_usd("no-such-model", 10, 10) is None


@pytest.mark.parametrize("model", ["gpt-4o", "o3-mini", "chatgpt-4o-latest", "ft:gpt-4o:me"])
def test_a_missing_openai_key_is_said_before_any_call(model: str) -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        connect(model, env={})


def test_a_missing_key_of_another_provider_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(UserError, match="ANTHROPIC_API_KEY"):
        connect("anthropic/claude-sonnet-4-5")


def test_an_unknown_provider_is_a_usage_error() -> None:
    with pytest.raises(UserError, match="provider/model"):
        connect("nonsense-model")


def test_a_local_server_needs_no_key() -> None:
    with LoopbackServer(says("free")) as server:
        client = connect("local", api_base=server.url, env={})
        assert asyncio.run(client.complete(ASK)).text == "free"


def test_a_key_shows_in_no_name_and_no_repr() -> None:
    client = connect("gpt-4o", env={"OPENAI_API_KEY": KEY})
    assert client.name == "gpt-4o via OpenAI"
    assert KEY not in repr(client) + repr(vars(client))


def test_a_key_alone_does_not_spend_money() -> None:
    assert configured_model({"OPENAI_API_KEY": KEY}) is None
    assert configured_model({"REWARDSMITH_MODEL": " gpt-4o "}) == "gpt-4o"


def test_a_script_answers_in_order_and_then_ends() -> None:
    client = ScriptedClient(["one", ModelError("two is broken")])
    assert asyncio.run(client.complete(ASK)).text == "one"
    with pytest.raises(ModelError, match="two is broken"):
        asyncio.run(client.complete(ASK))
    with pytest.raises(ModelError, match="only 2 replies"):
        asyncio.run(client.complete(ASK))
    assert client.requests == [ASK, ASK, ASK]


def test_the_sdks_are_imported_only_when_a_model_is_connected() -> None:
    code = (
        "import sys, rewardsmith.llm.client, rewardsmith.propose.llm\n"
        "print(*{'openai', 'litellm', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
