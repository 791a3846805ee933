"""No bill by surprise: what a call may cost is set aside before it is sent, and counted after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_engine import TASK as PENDULUM
from test_propose_llm import ASK, GOOD, Several

from rewardsmith.calls import StoredCalls, entries
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.errors import LimitReached, ModelError
from rewardsmith.llm.budget import FREE, Budget, prices
from rewardsmith.llm.chat import ChatReply, ChatRequest, Message
from rewardsmith.llm.prices import Price, price_of
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.llm.secrets import redactor
from rewardsmith.propose.calling import Model
from rewardsmith.propose.llm import LlmProposer
from rewardsmith.spending import spending
from rewardsmith.store import Store

PRICE = Price(prompt_usd=0.001, completion_usd=0.01)
REQUEST = ChatRequest(
    model="m", messages=(Message(role="user", content="x" * 300),), max_tokens=100
)
MOST_USD = 100 * 0.001 + 100 * 0.01


def held(cost_usd: float | None = None, tokens: int | None = None) -> Callable[[], LimitConfig]:
    limits = LimitConfig(cost_usd=cost_usd, tokens=tokens)
    return lambda: limits


def replied(cost_usd: float | None, tokens: tuple[int, int] | None = (10, 5)) -> ChatReply:
    prompt, completion = tokens or (None, None)
    return ChatReply(
        text="",
        finish="stop",
        model="m",
        wall_s=1.0,
        cost_usd=cost_usd,
        prompt_tokens=prompt,
        completion_tokens=completion,
    )


def test_what_a_call_may_cost_is_set_aside_until_it_is_known() -> None:
    budget = Budget({"m": PRICE}, held(2 * MOST_USD))
    budget.reserve(1, REQUEST)
    budget.reserve(2, REQUEST)
    with pytest.raises(LimitReached, match="--cost-limit above it"):
        budget.reserve(3, REQUEST)
    budget.settle(1, replied(0.2))
    with pytest.raises(LimitReached):
        budget.reserve(3, REQUEST)
    budget.release(2)
    budget.reserve(3, REQUEST)


def test_a_picture_is_set_aside_as_tokens() -> None:
    seen = Message(role="user", content="x" * 300, pictures=("A" * 40_000,))
    request = REQUEST.model_copy(update={"messages": (seen,)})
    assert Budget({}, held()).most(request).tokens == 100 + 1600 + 100


def test_a_limit_that_is_raised_meanwhile_holds_for_the_next_call() -> None:
    limits = LimitConfig(cost_usd=0.5 * MOST_USD)
    budget = Budget({"m": PRICE}, lambda: limits)
    with pytest.raises(LimitReached):
        budget.reserve(1, REQUEST)
    limits = LimitConfig(cost_usd=2 * MOST_USD)
    budget.reserve(1, REQUEST)


def test_a_try_that_was_lost_counts_in_full() -> None:
    budget = Budget({"m": PRICE}, held(1.5 * MOST_USD, 300))
    budget.reserve(1, REQUEST)
    budget.forfeit(1)
    with pytest.raises(LimitReached, match="cost limit"):
        budget.reserve(2, REQUEST)
    assert budget.most(REQUEST).tokens == 200


def test_a_prompt_is_never_taken_for_shorter_than_it_is() -> None:
    chinese = REQUEST.model_copy(update={"messages": (Message(role="user", content="字" * 300),)})
    assert Budget({}, held()).most(chinese).tokens == 300 + 100


def test_tokens_have_a_limit_of_their_own_and_it_holds_where_no_price_is_known() -> None:
    budget = Budget({"m": None}, held(0.01, 250))
    budget.reserve(1, REQUEST)
    with pytest.raises(LimitReached, match="--token-limit above it"):
        budget.reserve(2, REQUEST)
    budget.settle(1, replied(None))
    budget.reserve(2, REQUEST)


def test_a_reply_that_does_not_say_what_it_took_counts_as_what_was_set_aside() -> None:
    budget = Budget({"m": PRICE}, held(1.5 * MOST_USD, 300))
    budget.reserve(1, REQUEST)
    budget.settle(1, replied(None, None))
    with pytest.raises(LimitReached, match="cost limit"):
        budget.reserve(2, REQUEST)
    free = Budget({"m": FREE}, held(0.01, 300))
    free.count(REQUEST, replied(0.0, None))
    with pytest.raises(LimitReached, match="tokens"):
        free.reserve(1, REQUEST)


def test_a_call_that_may_have_been_paid_counts() -> None:
    budget = Budget({"m": PRICE}, held(1.5 * MOST_USD))
    budget.count(REQUEST, None)
    with pytest.raises(LimitReached):
        budget.reserve(1, REQUEST)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


def test_at_the_limit_nothing_more_is_sent_and_a_higher_one_goes_on_from_there(
    store: Store,
) -> None:
    run = store.create_run(task=PENDULUM, config=RunConfig(), proposer="model m")
    client = ScriptedClient(GOOD)

    def propose(limit_usd: float) -> int:
        budget = Budget({"m": PRICE}, held(limit_usd))
        calls = StoredCalls(store, run.id, budget, redactor({}))
        model = Model({"m": client}, calls=calls, max_tokens=100, concurrency=1)
        return len(LlmProposer(model).propose(ASK))

    each = Budget({"m": PRICE}, held()).most(client_request := _first(client)).cost_usd
    assert each and client_request.max_tokens == 100
    with pytest.raises(LimitReached):
        propose(2.5 * each)
    assert len(client.requests) == 2
    with pytest.raises(LimitReached):
        propose(2.5 * each)
    assert len(client.requests) == 2, "what was spent in an earlier life counts"
    assert propose(4 * each) == 3
    assert len(client.requests) == 3


class CutOff:
    """Answers at length as long as it has room for less than 200 tokens."""

    name = endpoint = "m"

    def __init__(self) -> None:
        self.rooms: list[int] = []

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        self.rooms.append(request.max_tokens)
        finish = "length" if request.max_tokens < 200 else "stop"
        reply = replied(0.5, (100, request.max_tokens))
        return (reply.model_copy(update={"finish": finish}),)


def test_the_second_try_is_set_aside_as_the_first_and_what_the_first_brought_is_kept(
    store: Store,
) -> None:
    run = store.create_run(task=PENDULUM, config=RunConfig(), proposer="model m")
    client = CutOff()

    def ask(limit_usd: float) -> ChatReply | ModelError:
        budget = Budget({"m": PRICE}, held(limit_usd))
        calls = StoredCalls(store, run.id, budget, redactor({}))
        model = Model({"m": client}, calls=calls, max_tokens=100)
        messages = (Message(role="user", content="x" * 300),)
        request = model.request(messages, "r01c00/propose", "first")
        return model.answer(request)

    with pytest.raises(LimitReached, match=r"0\.5000 USD are spent"):
        ask(1.5)
    assert client.rooms == [100]
    assert [entry.reply and entry.reply.finish for entry in entries(store, run.id)] == ["length"]
    reply = ask(3.0)
    assert isinstance(reply, ChatReply) and reply.finish == "stop"
    assert client.rooms == [100, 200], "what was cut off is stored and not asked for again"
    assert spending(store, run).total.cost_usd == 1.0


def _first(client: ScriptedClient) -> ChatRequest:
    from rewardsmith.propose.prompts import proposal_messages

    model = Model({"m": client}, calls=None, max_tokens=100)  # type: ignore[arg-type]
    return model.request(proposal_messages(ASK, ASK.moves[0]), "r00c00/propose", "first")


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4o-mini", True),
        ("anthropic/claude-sonnet-4-5", True),
        ("gemini/gemini-2.5-pro", True),
        ("ollama/llama3", True),
        ("openai/claude-sonnet-4-5", False),
        ("no-such-model", False),
    ],
)
def test_a_price_belongs_to_a_model_and_its_provider(model: str, known: bool) -> None:
    assert (price_of(model) is not None) is known


def test_another_server_has_another_price_and_by_hand_there_is_none_to_pay() -> None:
    assert prices(["gpt-4o-mini", "manual"], "http://127.0.0.1/v1") == {
        "gpt-4o-mini": None,
        "manual": FREE,
    }


def test_a_group_sets_aside_every_reply_it_asks_for(store: Store) -> None:
    run = store.create_run(task=PENDULUM, config=RunConfig(), proposer="model m")
    client = Several("m", 3)
    budget = Budget({"m": PRICE}, held(2.5))
    calls = StoredCalls(store, run.id, budget, redactor({}))
    model = Model({"m": client}, calls=calls, max_tokens=100, together=True)
    requests = [model.request((), f"r01c0{i}/propose", "first") for i in range(3)]
    with pytest.raises(LimitReached):
        model.answers(requests)
    assert client.asked == []
