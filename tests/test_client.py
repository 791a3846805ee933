"""Which client a model's name leads to, what it needs, and what it costs to look."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, says
from test_propose_llm import MemoryLog

from rewardsmith import settings
from rewardsmith.errors import ModelError, UserError
from rewardsmith.llm.chat import Adapter, ChatReply, ChatRequest, Message
from rewardsmith.llm.client import ChatClient, Patience
from rewardsmith.llm.connect import configured_model, connect, is_local
from rewardsmith.llm.prices import cost_usd
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.start import create, settle_proposer
from rewardsmith.store import Store

KEY = "sk-test-0123456789abcdef"
ASK = ChatRequest(
    model="served-model", messages=(Message(role="user", content="hello"),), max_tokens=100
)


async def no_wait(seconds: float) -> None:
    """Goes on at once."""


def ask(adapter: Adapter) -> ChatReply:
    client = ChatClient(adapter, MemoryLog(), Patience(max_retries=1, sleep=no_wait))
    return asyncio.run(client.complete(ASK))


def test_an_unreachable_server_is_one_line() -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        ask(connect("m", api_base="http://127.0.0.1:9/v1", env={}))


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
        assert ask(connect("local", api_base=server.url, env={})).text == "free"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:8000/v1", "must begin with http"),
        ("http://", "names no server"),
        ("http://127.0.0.1:port/v1", "is no URL"),
        ("https://me:word@127.0.0.1/v1", "would be stored with the run"),
        ("https://127.0.0.1/v1?api_key=abc", "would be stored with the run"),
    ],
)
def test_an_address_that_cannot_be_one_is_said_before_any_call(address: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        connect("m", api_base=address, env={})


def test_an_address_in_the_environment_is_the_one_that_is_named() -> None:
    with LoopbackServer(says("from here")) as server:
        adapter = connect("gpt-4o", env={"OPENAI_BASE_URL": server.url})
        assert adapter.name == f"gpt-4o via {server.url}"
        assert ask(adapter).text == "from here"


def test_a_key_where_a_model_was_meant_is_not_said_again() -> None:
    with pytest.raises(UserError, match="looks like a key") as caught:
        connect(KEY, api_base="http://127.0.0.1:9/v1", env={})
    assert KEY not in str(caught.value)


def test_a_key_with_a_line_break_at_its_end_is_taken_and_one_with_one_inside_is_not() -> None:
    with LoopbackServer(says("free")) as server:
        ask(connect("m", api_base=server.url, env={"OPENAI_API_KEY": f"{KEY}\r\n"}))
    assert server.keys == [f"Bearer {KEY}"]
    with pytest.raises(UserError, match="OPENAI_API_KEY holds a character"):
        connect("gpt-4o", env={"OPENAI_API_KEY": "sk-one\nsk-two"})


def test_keys_in_the_users_words_are_blotted_out(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(f"# {KEY}\ndef compute_reward(obs):\n    return {{'a': obs[:, 0]}}\n")
    given = {"env": "Pendulum-v1", "task": f"hold it {KEY}", "notes": f"{KEY}!"}
    with closing(Store(tmp_path / "runs")) as store:
        record = create(settings.build(given, {"init": (str(mine),), "fitness": "native"}), store)
    assert (record.task.sentence, record.config.notes) == ("hold it ***", "***!")
    assert KEY not in record.model_dump_json()


def test_a_key_shows_in_no_name_and_no_repr() -> None:
    client = connect("gpt-4o", env={"OPENAI_API_KEY": KEY})
    assert client.name == "gpt-4o via OpenAI"
    assert KEY not in repr(client) + repr(vars(client))


def test_a_key_alone_does_not_spend_money() -> None:
    assert configured_model({"OPENAI_API_KEY": KEY}) is None
    assert configured_model({"REWARDSMITH_MODEL": " gpt-4o "}) == "gpt-4o"


@pytest.mark.parametrize(
    ("model", "api_base", "local"),
    [
        ("manual", "", True),
        ("qwen", "http://127.0.0.1:8000/v1", True),
        ("qwen", "http://[::1]:8000/v1", True),
        ("qwen", "http://localhost:8000/v1", True),
        ("qwen", "http://192.168.0.7:8000/v1", False),
        ("qwen", "https://localhost.example.com/v1", False),
        ("qwen", "http://127.0.0.1.example.com/v1", False),
        ("gpt-5", "", False),
        ("ollama/llama3", "", False),
    ],
)
def test_only_loopback_and_a_person_are_local(model: str, api_base: str, local: bool) -> None:
    assert is_local(model, api_base) is local
    config = settings.build({"model": {"names": model, "api_base": api_base, "local_only": True}})
    if local:
        assert settle_proposer(config).model.names == (model,)
    else:
        with pytest.raises(UserError, match=f"--local-only: {model}"):
            settle_proposer(config)


def test_a_script_answers_in_order_and_then_ends() -> None:
    client = ScriptedClient(["one", ModelError("two is broken")])
    assert ask(client).text == "one"
    with pytest.raises(ModelError, match="two is broken"):
        ask(client)
    with pytest.raises(ModelError, match="only 2 replies"):
        ask(client)
    assert client.requests == [ASK, ASK, ASK]


def test_the_sdks_are_imported_only_when_a_model_is_connected() -> None:
    code = (
        "import sys, rewardsmith.llm.connect, rewardsmith.propose.llm\n"
        "print(*{'openai', 'litellm', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
