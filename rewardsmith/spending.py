"""What the calls of a run cost and what they brought, by model and by prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rewardsmith.calls import possibly_paid, reply_of, request_of
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Candidate, Record
from rewardsmith.selection import rank
from rewardsmith.store import Call, RunRecord, Store


class Spent(Record):
    """Calls, and what is known of their cost."""

    calls: int
    failed: int
    """Calls that brought no reply."""
    prompt_tokens: int
    completion_tokens: int
    uncounted: int
    """Replies whose tokens nobody told."""
    known_cost_usd: float
    unpriced: int
    """Replies whose price is unknown."""
    cost_usd: float | None
    """None where the price of a reply is unknown, or a call may have been paid without one."""
    wall_s: float

    @property
    def tokens(self) -> int:
        """Of prompts and completions, as far as they are known."""
        return self.prompt_tokens + self.completion_tokens


class Yield(Record):
    """What a model, or a prompt, was asked for and what came of it."""

    name: str
    asked: int
    """Rewards asked for, repairs included."""
    valid: int
    """Of these, how many passed the critic."""
    best: str = ""
    """The candidate with the best score at selection, and the score."""
    best_fitness: float | None = None
    spent: Spent


class Spending(Record):
    """All of it."""

    run: str
    total: Spent
    models: tuple[Yield, ...]
    prompts: tuple[Yield, ...]
    possibly_paid: tuple[str, ...]
    """Slots of calls that were under way when a process died."""
    wall_s: float
    """Of the whole run."""


def spending(store: Store, run: RunRecord) -> Spending:
    """What a run cost so far."""
    calls, candidates = store.calls(run.id), store.candidates(run.id)
    lost = possibly_paid(store, run.id)
    asked = [(request_of(call), call) for call in calls]
    total = _spent(calls)
    return Spending(
        run=run.id,
        total=total.model_copy(update={"cost_usd": None}) if lost else total,
        models=_yields(run, candidates, asked, lambda request: request.model),
        prompts=_yields(run, candidates, asked, lambda request: request.prompt),
        possibly_paid=tuple(lost),
        wall_s=run.wall_s,
    )


def _yields(
    run: RunRecord,
    candidates: Sequence[Candidate],
    asked: Sequence[tuple[ChatRequest, Call]],
    key: Callable[[ChatRequest], str],
) -> tuple[Yield, ...]:
    """By the key of the requests. A repair takes the reward over from whoever wrote it first."""
    writers = {
        _candidate(call.slot): key(request)
        for request, call in asked
        if call.reply and _writes(call.slot)
    }
    by_id = {candidate.id: candidate for candidate in candidates}
    yields = []
    for name in dict.fromkeys(key(request) for request, _ in asked):
        calls = [call for request, call in asked if key(request) == name]
        wrote = [by_id[c] for c, writer in writers.items() if writer == name and c in by_id]
        best = rank(wrote, run.task.fitness)[:1]
        yields.append(
            Yield(
                name=name,
                asked=len({call.slot for call in calls if _writes(call.slot)}),
                valid=sum(candidate.passed_critic for candidate in wrote),
                best=best[0].id if best else "",
                best_fitness=best[0].score.value if best and best[0].score else None,
                spent=_spent(calls),
            )
        )
    return tuple(yields)


def _candidate(slot: str) -> str:
    return slot.partition("/")[0]


def _writes(slot: str) -> bool:
    """Whether the call was to bring code: a review, for one, is not."""
    return slot.partition("/")[2].startswith(("propose", "repair"))


def _spent(calls: Iterable[Call]) -> Spent:
    known = list(calls)
    replies = [reply for call in known if (reply := reply_of(call))]
    costs = [reply.cost_usd for reply in replies if reply.cost_usd is not None]
    unpriced = len(replies) - len(costs)
    return Spent(
        calls=len(known),
        failed=sum(call.error is not None for call in known),
        prompt_tokens=sum(reply.prompt_tokens or 0 for reply in replies),
        completion_tokens=sum(reply.completion_tokens or 0 for reply in replies),
        uncounted=sum(_uncounted(reply) for reply in replies),
        known_cost_usd=float(sum(costs)),
        unpriced=unpriced,
        cost_usd=None if unpriced else float(sum(costs)),
        wall_s=round(sum(reply.wall_s for reply in replies), 2),
    )


def _uncounted(reply: ChatReply) -> bool:
    return reply.prompt_tokens is None or reply.completion_tokens is None
