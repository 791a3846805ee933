"""A model as proposer: every slot is answered or says why not, and no reply is paid for twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, fails, says

from rewardsmith.errors import LimitReached, ModelError
from rewardsmith.llm.cassette import brought
from rewardsmith.llm.chat import Adapter, ChatReply, ChatRequest
from rewardsmith.llm.connect import connect
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.propose import Ask, Proposer
from rewardsmith.propose.calling import Model
from rewardsmith.propose.llm import LlmProposer
from rewardsmith.propose.parse import extract
from rewardsmith.records import Candidate, Finding, Fitness, Space, TaskSpec, Variable, Verdict
from rewardsmith.strategies import Move, firsts

REPLIES = Path(__file__).parent / "replies"
TASK = TaskSpec(
    env="Pendulum-v1",
    sentence="swing up and hold",
    fitness=Fitness(name="upright", expression="mean(cos(angle))"),
    variables=(Variable(name="angle", kind="state", source="obs[0]", unit="rad"),),
    observation=Space(kind="box", size=3),
    action=Space(kind="box", size=1, low=(-2.0,), high=(2.0,)),
)
SLOTS = ("r00c00", "r00c01", "r00c02")
ASK = Ask(task=TASK, generation=0, moves=firsts(SLOTS))
GOOD = [(REPLIES / f"c3-{n}.md").read_text(encoding="utf-8") for n in (1, 2, 3)]
CODES = [extract(reply) for reply in GOOD]
REFUSED = Verdict(ok=False, findings=(Finding(rule="shape", line=1, message="wrong shape"),))


class MemoryLog:
    """A call log that forgets with the process, and allows at most `allowed` calls."""

    def __init__(self, allowed: int = 100) -> None:
        self.intents: list[tuple[str, ChatRequest]] = []
        self.replies: dict[int, ChatReply] = {}
        self.errors: dict[int, str] = {}
        self.lost_calls: dict[int, str] = {}
        self._allowed = allowed

    def stored(self, slot: str, request: ChatRequest) -> ChatReply | None:
        made = [
            at
            for at, (asked, body) in enumerate(self.intents)
            if asked == slot and body.body() == request.body()
        ]
        return next((self.replies[at] for at in made if at in self.replies), None)

    def written(self, candidate: str, repairs: int) -> tuple[ChatRequest, ChatReply] | None:
        for at, (slot, request) in enumerate(self.intents):
            if brought(slot, candidate, repairs) and at in self.replies:
                return request, self.replies[at]
        return None

    def intend(self, slot: str, request: ChatRequest) -> int:
        if len(self.intents) >= self._allowed:
            raise LimitReached("no more calls")
        self.intents.append((slot, request))
        return len(self.intents) - 1

    def reply(self, call_id: int, reply: ChatReply) -> ChatReply:
        self.replies[call_id] = reply
        return reply

    def error(self, call_id: int, message: str) -> None:
        self.errors[call_id] = message

    def lost(self, call_id: int, message: str) -> None:
        self.lost_calls[call_id] = message


def proposer(client: Adapter, log: MemoryLog, concurrency: int = 4) -> LlmProposer:
    return LlmProposer(Model({"some-model": client}, calls=log, concurrency=concurrency))


def test_every_slot_gets_the_code_of_its_own_reply() -> None:
    log = MemoryLog()
    asked: Proposer = proposer(ScriptedClient(GOOD), log)
    proposals = asked.propose(ASK)
    assert [proposal.slot for proposal in proposals] == list(SLOTS)
    assert [proposal.code for proposal in proposals] == CODES
    assert {proposal.origin for proposal in proposals} == {"llm:first"}
    assert [slot for slot, _ in log.intents] == [f"{slot}/propose" for slot in SLOTS]
    assert len({proposal.prompt_hash for proposal in proposals}) == 3


def test_parents_make_it_an_evolution() -> None:
    parent = Candidate(id="r00c07", generation=0, index=7, code=CODES[0])
    move = Move(slot="r01c00", operator="mutate", parents=(parent,))
    ask = ASK.model_copy(update={"generation": 1, "moves": (move,)})
    (proposal,) = proposer(ScriptedClient(GOOD), MemoryLog()).propose(ask)
    assert (proposal.origin, proposal.parents) == ("llm:evolve", ("r00c07",))
    assert proposal.operator == "mutate"


def test_a_reply_without_code_shifts_no_other() -> None:
    replies = ["I'm sorry, I can't.", GOOD[1], "Just be fast."]
    first, second, third = proposer(ScriptedClient(replies), MemoryLog()).propose(ASK)
    assert second.code == CODES[1]
    assert second.failure is None
    assert first.failure is not None
    assert (first.code, first.failure.stage, first.failure.cause) == ("", "propose", "refusal")
    assert third.failure is not None
    assert third.failure.cause == "no-code"


def test_code_that_does_not_parse_goes_on_to_the_critic() -> None:
    broken = "```python\ndef compute_reward(obs):\n    return {'a': (}\n```"
    first, *_ = proposer(ScriptedClient([broken, *GOOD[1:]]), MemoryLog()).propose(ASK)
    assert first.failure is None
    assert first.code == "def compute_reward(obs):\n    return {'a': (}\n"


def test_a_stored_reply_is_never_asked_for_again() -> None:
    log = MemoryLog()
    before = proposer(ScriptedClient(GOOD), log).propose(ASK)
    nobody = ScriptedClient([])
    assert proposer(nobody, log).propose(ASK) == before
    assert nobody.requests == []


def test_one_lost_call_costs_its_own_slot_only() -> None:
    log = MemoryLog()
    client = ScriptedClient([GOOD[0], ModelError("m: gone; try later"), GOOD[2]])
    first, second, third = proposer(client, log).propose(ASK)
    assert (first.code, third.code) == (CODES[0], CODES[2])
    assert second.failure is not None
    assert (second.failure.cause, second.failure.for_human) == ("model", "m: gone; try later")
    assert log.errors == {1: "m: gone; try later"}


def test_a_model_that_answers_nobody_is_an_error_and_every_call_is_noted() -> None:
    log = MemoryLog()
    with pytest.raises(ModelError, match="gone"):
        proposer(ScriptedClient([ModelError("gone")] * 3), log).propose(ASK)
    assert log.errors == {0: "gone", 1: "gone", 2: "gone"}


def test_a_limit_stops_new_calls_and_keeps_the_replies_of_those_made() -> None:
    log = MemoryLog(allowed=2)
    with pytest.raises(LimitReached):
        proposer(ScriptedClient(GOOD), log).propose(ASK)
    assert len(log.replies) == 2


def test_a_repair_shows_the_code_and_its_error() -> None:
    client = ScriptedClient([GOOD[1]])
    log = MemoryLog()
    broken = Candidate(id="r00c03", generation=0, index=3, code=CODES[0], origin="llm:first")
    proposal = proposer(client, log).repair(broken, REFUSED, TASK, 1)
    assert proposal is not None
    assert (proposal.slot, proposal.code, proposal.origin) == ("r00c03", CODES[1], "llm:first")
    assert log.intents[0][0] == "r00c03/repair1"
    roles = [message.role for message in client.requests[0].messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert CODES[0].strip() in client.requests[0].messages[2].content
    assert "wrong shape" in client.requests[0].messages[3].content


def test_repairs_go_on_with_the_conversation_that_the_code_came_from() -> None:
    client, log = ScriptedClient([GOOD[0], GOOD[1], GOOD[2]]), MemoryLog()
    asked = proposer(client, log)
    ask = ASK.model_copy(update={"moves": firsts(["r00c00"]), "notes": "The joint is weak."})
    (first,) = asked.propose(ask)
    broken = Candidate(id="r00c00", generation=0, index=0, code=first.code)
    second = asked.repair(broken, REFUSED, TASK, 1)
    assert second is not None
    mended = broken.model_copy(update={"code": second.code, "repairs": 1})
    assert asked.repair(mended, REFUSED, TASK, 2) is not None
    opening, once, twice = (request.messages for request in client.requests)
    assert "The joint is weak." in opening[1].content
    assert once[:2] == opening and once[2].content == GOOD[0]
    assert twice[:4] == once and twice[4].content == GOOD[1]
    assert [message.role for message in twice[2:]] == ["assistant", "user"] * 2


def test_an_outage_is_no_repair_and_stops_the_run() -> None:
    broken = Candidate(id="r00c03", generation=0, index=3, code=CODES[0])
    log = MemoryLog()
    with pytest.raises(ModelError, match="gone"):
        client = ScriptedClient([ModelError("gone", outage=True)])
        proposer(client, log).repair(broken, REFUSED, TASK, 1)
    assert proposer(ScriptedClient([GOOD[1]]), log).repair(broken, REFUSED, TASK, 1) is not None


@pytest.mark.parametrize(
    "reply",
    ["No.", f"```python\n# as it was\n{CODES[0]}```", ModelError("gone")],
    ids=["no code", "the same code", "no reply"],
)
def test_a_repair_that_changes_nothing_ends_the_repairing(reply: str | ModelError) -> None:
    broken = Candidate(id="r00c03", generation=0, index=3, code=CODES[0])
    assert proposer(ScriptedClient([reply]), MemoryLog()).repair(broken, REFUSED, TASK, 1) is None


def test_the_whole_way_over_a_real_server() -> None:
    with LoopbackServer(
        fails(429, "slow down", retry_after="0"),
        says(GOOD[0], finish="length"),
        says(GOOD[2]),
    ) as server:
        client = connect("local", api_base=server.url, env={})
        log = MemoryLog()
        ask = ASK.model_copy(update={"moves": firsts(["r00c00", "r00c01"])})
        proposals = proposer(client, log, concurrency=1).propose(ask)
    assert [proposal.code for proposal in proposals] == [CODES[2], CODES[2]]
    assert [request["max_tokens"] for request in server.requests] == [4096, 4096, 8192, 4096]
    assert list(log.errors) == [0] and list(log.replies) == [1, 2, 3]


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    class Counting:
        name = endpoint = "counting"
        most = now = 0

        async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.01)
            self.now -= 1
            return (ChatReply(text=GOOD[0], finish="stop", model="m", wall_s=0.0),)

    client = Counting()
    slots = tuple(f"r00c{index:02}" for index in range(8))
    ask = ASK.model_copy(update={"moves": firsts(slots)})
    assert len(proposer(client, MemoryLog(), concurrency=3).propose(ask)) == 8
    assert client.most == 3


class Several:
    """Gives as many replies to one request as it is said to, and remembers what it was asked."""

    def __init__(self, name: str, at_a_time: int = 1, endpoint: str = "") -> None:
        self.name, self.endpoint = name, endpoint or name
        self._at_a_time = at_a_time
        self.asked: list[int] = []

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        self.asked.append(n)
        reply = ChatReply(text=GOOD[0], finish="stop", model=request.model, wall_s=0.0)
        return (reply,) * min(n, self._at_a_time)


@pytest.mark.parametrize(
    ("at_a_time", "asked"), [(1, [3, 1, 1]), (2, [3, 1]), (3, [3])], ids=["ignored", "two", "all"]
)
def test_equal_requests_go_together_and_what_is_missing_is_asked_for_by_itself(
    at_a_time: int, asked: list[int]
) -> None:
    client, log = Several("m", at_a_time), MemoryLog()
    model = Model({"m": client}, calls=log, together=True)
    requests = [model.request((), f"r01c0{i}/propose", "first") for i in range(3)]
    answers = model.answers(requests)
    assert client.asked == asked
    assert [type(answer) for answer in answers] == [ChatReply] * 3
    assert len(log.replies) == 3 and len(log.errors) == 3 - at_a_time
    assert model.answer(requests[1]).text == GOOD[0]  # type: ignore[union-attr]
    assert client.asked == asked


def test_a_limit_within_a_group_leaves_no_call_that_looks_paid() -> None:
    client, log = Several("m", 3), MemoryLog(allowed=2)
    model = Model({"m": client}, calls=log, together=True)
    requests = [model.request((), f"r01c0{i}/propose", "first") for i in range(3)]
    with pytest.raises(LimitReached):
        model.answers(requests)
    assert client.asked == []
    assert sorted(log.errors) == [0, 1]


def test_several_models_take_turns_and_change_their_angles_with_every_generation() -> None:
    model = Model({"a": Several("a"), "b": Several("b")}, calls=MemoryLog())
    turns = [[model.request((), f"r0{g}c0{i}", "first").model for i in range(4)] for g in (1, 2)]
    assert turns == [["b", "a", "b", "a"], ["a", "b", "a", "b"]]
    assert model.request((), "r01c00", "review", turn=1).model == "a"
    assert model.name == "model a and b"


def test_models_at_one_endpoint_share_its_limit() -> None:
    class Slow(Several):
        now = most = 0

        async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
            Slow.now += 1
            Slow.most = max(Slow.most, Slow.now)
            await asyncio.sleep(0.01)
            Slow.now -= 1
            return await super().send(request, n)

    clients = {name: Slow(name, endpoint="one server") for name in ("a", "b")}
    model = Model(clients, calls=MemoryLog(), concurrency=2)
    moves = firsts(f"r00c{index:02}" for index in range(8))
    ask = ASK.model_copy(update={"moves": moves})
    assert len(LlmProposer(model).propose(ask)) == 8
    assert Slow.most == 2
