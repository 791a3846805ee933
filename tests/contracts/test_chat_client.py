"""What every adapter of a model's SDK owes: a whole reply, or one line that says what to do.

Each behaviour is that of a real server on loopback, met through the real SDK. Waits are injected.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import pytest
from loopback_server import Answer, LoopbackServer, fails, says
from test_propose_llm import MemoryLog

from rewardsmith.errors import ModelError
from rewardsmith.llm.chat import ChatReply, ChatRequest, Message
from rewardsmith.llm.client import ChatClient, Patience
from rewardsmith.llm.connect import connect
from rewardsmith.llm.secrets import redactor
from rewardsmith.propose.calling import Model

KEY = "sk-test-0123456789abcdef"
NOW = 1_700_000_000.0
RETRIES = 2
ASK = ChatRequest(
    model="served-model", messages=(Message(role="user", content="hello"),), max_tokens=100
)
THEN = says("then this", usage=(3, 4))


class Waits:
    """A sleep that only writes down how long it was."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass(frozen=True)
class Asked:
    """A client for one server, asked as the search asks it, and what it noted."""

    client: ChatClient
    model: Model
    request: ChatRequest
    waits: Waits
    calls: MemoryLog

    def once(self, **changes: object) -> ChatReply:
        return asyncio.run(self.client.complete(self.request.model_copy(update=changes)))

    def for_several(self, n: int) -> list[ChatReply | ModelError]:
        """Replies to equal requests of so many slots."""
        slots = (f"r01c0{index}/propose" for index in range(n))
        return self.model.answers([self.request.model_copy(update={"slot": s}) for s in slots])

    @property
    def texts(self) -> list[str]:
        """The replies that were noted, in order."""
        return [reply.text for reply in self.calls.replies.values()]


Ask = Callable[..., Asked]


@pytest.fixture(params=["openai", "litellm"])
def sdk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def asked(sdk: str, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A server reached through one SDK the way a user would reach it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def ask(server: LoopbackServer, timeout_s: float = 20.0, max_retries: int = RETRIES) -> Asked:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        model = "openai/served-model" if sdk == "litellm" else "served-model"
        waits, calls = Waits(), MemoryLog()
        base = None if sdk == "litellm" else server.url
        adapter = connect(model, api_base=base, timeout_s=timeout_s)
        patience = Patience(max_retries, waits, random.Random(0), lambda: NOW)
        redact = redactor({"OPENAI_API_KEY": KEY})
        return Asked(
            ChatClient(adapter, calls, patience, redact),
            Model({model: adapter}, calls=calls, patience=patience, redact=redact, together=True),
            ASK.model_copy(update={"model": model}),
            waits,
            calls,
        )

    return ask


def body(**fields: object) -> Answer:
    """A completion in which some fields are not as they should be."""
    good = json.loads(says("text").body)
    return Answer(json.dumps(good | fields).encode())


# --- replies -------------------------------------------------------------------------------------

REPLIES: dict[str, tuple[Answer, str]] = {
    "plain": (says("the answer"), "the answer"),
    "no usage": (says("the answer", usage=None), "the answer"),
    "usage null": (body(usage=None), "text"),
    "content null": (says(None), ""),
    "content empty": (says(""), ""),
    "slow": (says("the answer", delay_s=0.2), "the answer"),
    "dripping": (Answer(says("the answer").body, sent=250, then="drip"), "the answer"),
    "unicode": (says("grün ≤ 1"), "grün ≤ 1"),
    "no model named": (body(model=None), "text"),
    "unknown fields": (body(provider="x", extra={"a": 1}), "text"),
    "reasoning_content": (says("the answer", reasoning_content="def wrong()"), "the answer"),
    "reasoning": (says("the answer", reasoning="def wrong()"), "the answer"),
    "think tags": (says("<think>\ndef wrong()\n</think>\n\nthe answer"), "the answer"),
    "filtered": (says("", finish="content_filter"), ""),
    "error field beside a reply": (body(error=None), "text"),
}


@pytest.mark.parametrize("behaviour", REPLIES)
def test_a_reply_is_its_text_and_nothing_else(asked: Ask, behaviour: str) -> None:
    answer, text = REPLIES[behaviour]
    with LoopbackServer(answer) as server:
        reply = asked(server).once()
    assert reply.text == text
    assert len(server.requests) == 1


TEXT = {"type": "text", "text": "the answer"}
PARTS: dict[str, list[object]] = {
    "one": [TEXT],
    "several": [{"type": "text", "text": "the "}, {"type": "text", "text": "answer"}],
    "one that is no text": [{"type": "image_url", "image_url": {"url": "x"}}, TEXT],
    "a thought": [{"type": "thinking", "thinking": "def wrong()"}, TEXT],
    "nonsense": ["def wrong()", 7, {}, {"type": "text", "text": None}, TEXT],
}


@pytest.mark.parametrize("parts", PARTS)
def test_a_content_in_parts_is_put_together_or_refused_once(
    asked: Ask, sdk: str, parts: str
) -> None:
    with LoopbackServer(says(PARTS[parts])) as server:
        ask = asked(server)
        if sdk == "openai":
            assert ask.once().text == "the answer"
        else:  # litellm itself reads texts alone
            with pytest.raises(ModelError, match="does not answer like"):
                ask.once()
    assert len(server.requests) == 1


@pytest.mark.parametrize("word", ["stop", "STOP", "end_turn", "eos", "COMPLETE"])
def test_every_providers_word_for_a_proper_end_is_known(asked: Ask, word: str) -> None:
    with LoopbackServer(says("the answer", finish=word)) as server:
        assert asked(server).once().text == "the answer"
    assert len(server.requests) == 1


@pytest.mark.parametrize("word", ["length", "max_tokens", "MAX_TOKENS"])
def test_every_providers_word_for_a_reply_that_was_cut_off_is_known(asked: Ask, word: str) -> None:
    with LoopbackServer(says("half", finish=word), THEN) as server:
        assert asked(server).once().text == "then this"
    assert [request["max_tokens"] for request in server.requests] == [100, 200]


@pytest.mark.parametrize("finish", [None, ""], ids=["null", "empty"])
def test_a_reply_without_an_end_is_not_taken_for_whole(asked: Ask, finish: str | None) -> None:
    with LoopbackServer(says("half", finish=finish), THEN) as server:
        ask = asked(server)
        assert ask.once().text == "then this"
    assert list(ask.calls.lost_calls) == [0], "it may be paid for"


def test_a_good_answer_comes_with_its_counts_and_an_unknown_price(asked: Ask) -> None:
    with LoopbackServer(says("the answer", usage=(12, 7))) as server:
        reply = asked(server).once()
    assert (reply.finish, reply.model) == ("stop", "served-model")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cost_usd) == (12, 7, None)
    (request,) = server.requests
    assert (request["model"], request["max_tokens"]) == ("served-model", 100)
    assert request["messages"] == [{"role": "user", "content": "hello"}]
    assert request["temperature"] == 1.0
    assert {"n", "stream", "reasoning_effort"}.isdisjoint(request)
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("behaviour", ["no usage", "usage null"])
def test_missing_usage_stays_unknown(asked: Ask, behaviour: str) -> None:
    with LoopbackServer(REPLIES[behaviour][0]) as server:
        reply = asked(server).once()
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cost_usd) == (None, None, None)


@pytest.mark.parametrize("behaviour", ["reasoning_content", "reasoning", "think tags"])
def test_what_a_model_thinks_aloud_is_kept_apart(asked: Ask, behaviour: str) -> None:
    with LoopbackServer(REPLIES[behaviour][0]) as server:
        reply = asked(server).once()
    assert reply.reasoning == "def wrong()"


def test_a_refusal_is_a_reply_and_no_error(asked: Ask) -> None:
    with LoopbackServer(says(None, refusal="I cannot help with that.")) as server:
        reply = asked(server).once()
    assert reply.text in ("I cannot help with that.", "")
    assert len(server.requests) == 1


def test_a_filtered_reply_says_so(asked: Ask) -> None:
    with LoopbackServer(says("half of", finish="content_filter")) as server:
        assert asked(server).once().finish == "content_filter"


def test_pictures_follow_their_text_as_jpeg(asked: Ask) -> None:
    with LoopbackServer(THEN) as server:
        seen = Message(role="user", content="which?", pictures=("AAAA", "BBBB"))
        assert asked(server).once(messages=(seen,)).text == "then this"
    text, *pictures = server.requests[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "which?"}
    urls = [picture["image_url"]["url"] for picture in pictures]
    assert urls == [f"data:image/jpeg;base64,{data}" for data in ("AAAA", "BBBB")]


def test_an_effort_is_sent_in_place_of_a_temperature(asked: Ask) -> None:
    with LoopbackServer(THEN) as server:
        asked(server).once(effort="high")
    (request,) = server.requests
    assert request["reasoning_effort"] == "high"
    assert "temperature" not in request


# --- failures that may pass ----------------------------------------------------------------------

PASSING: dict[str, Answer] = {
    "408": fails(408, "request timed out"),
    "409": fails(409, "conflict"),
    "429": fails(429, "slow down"),
    "500": fails(500, "oops"),
    "502": fails(502, "bad gateway"),
    "503": fails(503, "overloaded"),
    "504": fails(504, "gateway timed out"),
    "529": fails(529, "overloaded"),
    "a page for 502": Answer(b"<html>Bad gateway</html>", 502, content_type="text/html"),
    "an empty 500": Answer(b"", 500),
    "cut in the body": Answer(says("half").body, sent=40),
    "cut before the body": Answer(says("half").body, sent=0),
    "choices null": body(choices=None),
    "choices empty": body(choices=[]),
    "an error with 200": Answer(b'{"error": {"message": "overloaded", "code": 502}}'),
    "an upstream error as finish": says("half", finish="error"),
}


MAY_BE_PAID = (
    "408",
    "504",
    "cut in the body",
    "cut before the body",
    "an upstream error as finish",
)


@pytest.mark.parametrize("behaviour", PASSING)
def test_what_may_pass_is_tried_again(asked: Ask, behaviour: str) -> None:
    with LoopbackServer(PASSING[behaviour], THEN) as server:
        ask = asked(server)
        assert ask.once().text == "then this"
    assert len(server.requests) == 2
    assert len(ask.waits.seconds) == 1
    assert 0.5 <= ask.waits.seconds[0] <= 1.5


@pytest.mark.parametrize("behaviour", PASSING)
def test_what_does_not_pass_ends_in_one_line(asked: Ask, behaviour: str) -> None:
    with LoopbackServer(PASSING[behaviour]) as server:
        ask = asked(server)
        with pytest.raises(ModelError) as caught:
            ask.once()
    assert caught.value.outage
    assert len(server.requests) == 1 + RETRIES
    noted = {**ask.calls.errors, **ask.calls.lost_calls}
    assert sorted(noted) == [0, 1, 2], "every try is noted"
    assert noted[2] == str(caught.value)
    assert bool(ask.calls.lost_calls) is (behaviour in MAY_BE_PAID)
    assert 1.0 <= ask.waits.seconds[1] <= 3.0
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_reply_that_never_ends_properly_is_no_fault_of_the_servers(asked: Ask) -> None:
    with (
        LoopbackServer(says(None, finish="tool_calls")) as server,
        pytest.raises(ModelError, match=r"no reply came to a proper end.*'tool_calls'"),
    ):
        asked(server).once()
    assert len(server.requests) == 1 + RETRIES


@pytest.mark.parametrize(
    "answer",
    [
        says("too late", delay_s=30.0),
        Answer(says("half").body, sent=20, then="stall"),
        Answer(says("x" * 2000).body, sent=20, then="drip"),
    ],
    ids=["silent", "stalled in the body", "too slow"],
)
def test_a_reply_that_does_not_come_is_given_up_in_time(asked: Ask, answer: Answer) -> None:
    with LoopbackServer(answer) as server:
        ask = asked(server, timeout_s=0.3, max_retries=1)
        with pytest.raises(ModelError, match="no answer in time"):
            ask.once()
    assert len(server.requests) == 2
    assert list(ask.calls.lost_calls) == [0, 1], "the provider may have gone on, and bill it"


def test_a_server_that_is_not_there_is_one_line(asked: Ask) -> None:
    with LoopbackServer(THEN) as server:
        gone = asked(server)
    with pytest.raises(ModelError, match=r"cannot be reached|kept failing") as caught:
        gone.once()
    assert "\n" not in str(caught.value)
    assert not gone.calls.lost_calls, "what was never sent is not paid for"


@pytest.mark.parametrize(
    ("asks_for", "least", "most"),
    [
        ("7", 7.0, 8.0),
        ("0", 0.0, 1.0),
        ("2.5", 2.5, 3.5),
        (formatdate(NOW + 30, usegmt=True), 30.0, 31.0),
        (formatdate(NOW - 30, usegmt=True), 0.0, 1.0),
        ("-5", 0.0, 1.0),
        ("soon", 0.5, 1.5),
        ("nan", 0.5, 1.5),
    ],
    ids=["seconds", "zero", "fraction", "date", "past date", "negative", "words", "nan"],
)
def test_the_wait_is_the_one_the_server_asks_for(
    asked: Ask, asks_for: str, least: float, most: float
) -> None:
    with LoopbackServer(fails(429, "slow down", retry_after=asks_for), THEN) as server:
        ask = asked(server)
        ask.once()
    (waited,) = ask.waits.seconds
    assert least <= waited <= most


@pytest.mark.parametrize("asks_for", ["3600", "inf", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_wait_that_would_look_like_a_hang_is_refused(asked: Ask, asks_for: str) -> None:
    with LoopbackServer(fails(429, "slow down", retry_after=asks_for)) as server:
        ask = asked(server)
        with pytest.raises(ModelError, match="rate limit"):
            ask.once()
    assert (len(server.requests), ask.waits.seconds) == (1, [])


# --- proxies and redirections ------------------------------------------------------------------


def test_what_is_meant_for_this_machine_passes_through_no_proxy(
    asked: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(says("from beyond")) as proxy, LoopbackServer(THEN) as server:
        beyond = proxy.url.removesuffix("/v1")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, beyond)
            monkeypatch.setenv(name.lower(), beyond)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        assert asked(server).once().text == "then this"
    assert proxy.requests == []


def test_a_proxy_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in ("socks5://127.0.0.1:9", "nonsense://127.0.0.1:9"):
        monkeypatch.setenv("ALL_PROXY", proxy)
        adapter = connect("m", api_base="http://192.0.2.1/v1", env={})
        with pytest.raises(ModelError, match="proxy of the environment cannot be used") as caught:
            asyncio.run(ChatClient(adapter, MemoryLog()).complete(ASK))
        assert caught.value.outage and "\n" not in str(caught.value)


def test_a_server_on_this_machine_that_sends_elsewhere_is_not_followed() -> None:
    with LoopbackServer(THEN) as elsewhere:
        moved = Answer(b"", 307, {"Location": f"{elsewhere.url}/chat/completions"})
        with LoopbackServer(moved) as server:
            client = ChatClient(connect("m", api_base=server.url, env={}), MemoryLog())
            with pytest.raises(ModelError, match="check --model and --api-base"):
                asyncio.run(client.complete(ASK))
    assert elsewhere.requests == []


# --- failures that will not pass -----------------------------------------------------------------

FINAL: dict[str, tuple[Answer, str]] = {
    "400": (fails(400, f"strange, says {KEY}"), "refused the request"),
    "400 context": (
        fails(400, "maximum context length is 9", code="context_length_exceeded"),
        "too long",
    ),
    "400 policy": (fails(400, "content management policy", code="content_filter"), "policy"),
    "401": (fails(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"), "key was"),
    "402": (fails(402, "payment required"), "no credit"),
    "403": (fails(403, f"Key {KEY} may not do this"), "key was refused"),
    "404": (fails(404, "The model does not exist", code="model_not_found"), "check --model"),
    "404 page": (Answer(b"<html>Not found</html>", 404, content_type="text/html"), "--api-base"),
    "413": (fails(413, "request too large"), "too long"),
    "422": (fails(422, "unknown parameter"), "refused the request"),
    "429 quota": (
        fails(429, "You exceeded your current quota", code="insufficient_quota"),
        "no credit",
    ),
    "a page with 200": (
        Answer(b"<html><body>Welcome</body></html>", content_type="text/html"),
        "does not answer like an OpenAI-compatible API",
    ),
}


@pytest.mark.parametrize("behaviour", FINAL)
def test_what_will_not_pass_is_not_tried_again(
    asked: Ask, behaviour: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answer, advice = FINAL[behaviour]
    with LoopbackServer(answer) as server:
        ask = asked(server)
        with pytest.raises(ModelError, match=advice) as caught:
            ask.once()
    assert (len(server.requests), ask.waits.seconds) == (1, [])
    assert caught.value.outage is not behaviour.startswith(("400", "413", "422"))
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"{ not json"),
        Answer(b""),
        Answer(b"[]"),
        Answer(b'"text"'),
        Answer(b"null"),
        Answer(b'{"error": {"message": "overloaded"}}'),
    ],
    ids=["malformed", "empty", "a list", "a text", "null", "an error without a code"],
)
def test_a_body_that_is_no_completion_is_one_line(asked: Ask, answer: Answer) -> None:
    with LoopbackServer(answer) as server, pytest.raises(ModelError) as caught:
        asked(server).once()
    assert "\n" not in str(caught.value)


# --- cut off, and several at once ----------------------------------------------------------------


def test_a_reply_cut_off_is_asked_for_once_more_with_twice_the_room(asked: Ask) -> None:
    with LoopbackServer(says("half", finish="length"), THEN) as server:
        ask = asked(server)
        assert ask.once().text == "then this"
    assert [request["max_tokens"] for request in server.requests] == [100, 200]
    assert ask.texts == ["half", "then this"], "both are paid for, so both are noted"
    assert [reply.prompt_tokens for reply in ask.calls.replies.values()] == [100, 3]


def test_a_reply_cut_off_that_is_stored_is_not_asked_for_again(asked: Ask) -> None:
    with LoopbackServer(says("half", finish="length"), fails(401, "no"), THEN) as server:
        ask = asked(server)
        with pytest.raises(ModelError, match="key was refused"):
            ask.once()
        assert ask.once().text == "then this"
    assert [request["max_tokens"] for request in server.requests] == [100, 200, 200]


def test_a_thought_that_used_up_the_room_is_a_reply_cut_off(asked: Ask) -> None:
    thought = says("", finish="length", reasoning_content="let me see")
    with LoopbackServer(thought, THEN) as server:
        assert asked(server).once().text == "then this"


def test_a_reply_cut_off_twice_is_given_up(asked: Ask) -> None:
    with (
        LoopbackServer(says("half", finish="length")) as server,
        pytest.raises(
            ModelError, match="still cut off at 200 tokens; raise --max-tokens above 100"
        ),
    ):
        asked(server).once()
    assert len(server.requests) == 2


def test_several_replies_share_what_they_cost(asked: Ask) -> None:
    with LoopbackServer(says("one of", choices=3, usage=(10, 8))) as server:
        replies = asked(server).for_several(3)
    assert [reply.text for reply in replies if isinstance(reply, ChatReply)] == ["one of"] * 3
    assert [getattr(reply, "prompt_tokens", None) for reply in replies] == [4, 3, 3]
    assert [getattr(reply, "completion_tokens", None) for reply in replies] == [3, 3, 2]
    assert [request["n"] for request in server.requests] == [3]


SEVERAL: dict[str, tuple[tuple[Answer, ...], list[int | None], list[str]]] = {
    "ignored": ((says("a"), says("b"), says("c")), [3, None, None], ["a", "b", "c"]),
    "refused": (
        (fails(400, "n must be 1"), says("a"), says("b"), says("c")),
        [3, None, None, None],
        ["a", "b", "c"],
    ),
    "too few": ((says("a", choices=2), says("b")), [3, None], ["a", "a", "b"]),
    "too many": ((says("a", choices=5),), [3], ["a", "a", "a"]),
    "after a failure": ((fails(500, "oops"), says("a", choices=3)), [3, 3], ["a", "a", "a"]),
    "cut off": (
        (says("half", finish="length"), says("a"), says("b"), says("c")),
        [3, None, None, None],
        ["a", "b", "c"],
    ),
}


@pytest.mark.parametrize("behaviour", SEVERAL)
def test_it_asks_for_n_counts_what_came_and_tops_up(asked: Ask, behaviour: str) -> None:
    answers, sent, texts = SEVERAL[behaviour]
    with LoopbackServer(*answers) as server:
        replies = asked(server).for_several(3)
    assert sorted(getattr(reply, "text", str(reply)) for reply in replies) == texts
    assert [request.get("n") for request in server.requests] == sent


def test_several_that_are_refused_for_good_are_asked_for_once(asked: Ask) -> None:
    with LoopbackServer(fails(401, "wrong key")) as server:
        replies = asked(server).for_several(3)
    assert [type(reply) for reply in replies] == [ModelError] * 3
    assert len(server.requests) == 1


def test_calls_at_the_same_time_and_in_later_event_loops_all_succeed(asked: Ask) -> None:
    async def several(ask: Asked) -> list[ChatReply]:
        calls = (ask.client.complete(ask.request) for _ in range(4))
        return list(await asyncio.gather(*calls))

    with LoopbackServer(says("x", delay_s=0.05)) as server:
        ask = asked(server)
        for _ in range(3):
            assert [reply.text for reply in asyncio.run(several(ask))] == ["x"] * 4


def test_no_log_line_holds_the_key_however_much_is_logged(
    asked: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with LoopbackServer(fails(429, "slow down"), THEN) as server:
        asked(server).once()
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert "trying again" in caplog.text
    assert KEY not in caplog.text
