"""What calls cost and brought, by model and by prompt; what is unknown is never 0."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from scripted_engine import LATE, TASK, candidate

from rewardsmith.cli import tables
from rewardsmith.config import RunConfig
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Failure, Score, Stage
from rewardsmith.spending import spending
from rewardsmith.store import RunRecord, Store

REFUSED = Failure(stage="check", cause="shape", for_llm="", for_human="")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store) -> RunRecord:
    """Two models: one's reward was trained, one's was refused; one was mended by the other."""
    record = store.create_run(task=TASK, config=RunConfig(), proposer="model a and b")
    good = Score(value=4.0, low=3, high=5, n_seeds=3)
    better = Score(value=6.0, low=5, high=7, n_seeds=3)
    for made in (
        candidate(0, stage=Stage.EVALUATED, score=good),
        candidate(1, stage=Stage.FAILED, failure=REFUSED),
        candidate(2, stage=Stage.EVALUATED, score=better),
        candidate(3, stage=Stage.FAILED, failure=LATE),
    ):
        store.save_candidate(record.id, made)
    asked(store, record, "r01c00/propose", "a", 0.25)
    asked(store, record, "r01c01/propose", "b", 0.5)
    asked(store, record, "r01c02/propose", "a", 0.25)
    asked(store, record, "r01c02/repair1", "b", 0.5)
    asked(store, record, "r01c02/review1", "a", 0.125)
    asked(store, record, "r01c03/propose", "b", 0.5)
    return record


def asked(
    store: Store,
    run: RunRecord,
    slot: str,
    model: str,
    cost_usd: float | None = None,
    tokens: int | None = 10,
) -> None:
    prompt = {"p": "first", "r": "repair"}[slot[7]] if "review" not in slot else "review"
    request = ChatRequest(model=model, messages=(), prompt=prompt)
    call = store.intend_call(run.id, slot, "hash", request.model_dump_json())
    reply = ChatReply(
        text="",
        finish="stop",
        model=model,
        wall_s=1.5,
        cost_usd=cost_usd,
        prompt_tokens=tokens,
        completion_tokens=tokens,
    )
    store.finish_call(call, reply=reply.model_dump_json(), error=None)


def test_a_reward_belongs_to_the_model_that_wrote_its_last_code(
    store: Store, run: RunRecord
) -> None:
    a, b = spending(store, run).models
    assert (a.name, a.asked, a.valid, a.best, a.best_fitness) == ("a", 2, 1, "r01c00", 4.0)
    assert (b.name, b.asked, b.valid, b.best, b.best_fitness) == ("b", 3, 2, "r01c02", 6.0)
    assert (a.spent.cost_usd, b.spent.cost_usd) == (0.625, 1.5)
    assert (a.spent.calls, b.spent.calls) == (3, 3)


def test_every_prompt_has_its_rate(store: Store, run: RunRecord) -> None:
    found = {row.name: (row.asked, row.valid) for row in spending(store, run).prompts}
    assert found == {"first": (4, 2), "repair": (1, 1), "review": (0, 0)}


def test_the_sum_is_that_of_all_calls(store: Store, run: RunRecord) -> None:
    total = spending(store, run).total
    assert (total.calls, total.failed, total.cost_usd) == (6, 0, 2.125)
    assert (total.prompt_tokens, total.completion_tokens, total.wall_s) == (60, 60, 9.0)


def test_what_is_unknown_of_one_reply_is_unknown_of_the_sum(store: Store, run: RunRecord) -> None:
    asked(store, run, "r01c00/propose", "b", None, None)
    found = spending(store, run)
    assert (found.total.cost_usd, found.total.known_cost_usd) == (None, 2.125)
    assert (found.total.unpriced, found.total.uncounted) == (1, 1)
    assert [row.spent.cost_usd for row in found.models] == [0.625, None]


def test_a_call_without_an_end_makes_the_sum_unknown_but_by_hand(
    store: Store, run: RunRecord
) -> None:
    by_hand = ChatRequest(model="manual", messages=()).model_dump_json()
    store.intend_call(run.id, "r02c00/propose", "hash", by_hand)
    assert spending(store, run).total.cost_usd == 2.125
    paid = ChatRequest(model="a", messages=()).model_dump_json()
    store.intend_call(run.id, "r02c01/propose", "hash", paid)
    found = spending(store, run)
    assert (found.total.cost_usd, found.possibly_paid) == (None, ("r02c01/propose",))


def test_the_table_fits_80_columns_and_says_unknown(store: Store, run: RunRecord) -> None:
    long = "anthropic/claude-of-the-longest-name-20250929"
    asked(store, run, "r01c00/propose", long, None, None)
    asked(store, run, "r01c00/propose", long, 12.5, 1_000_000)
    out = Console(width=80, file=StringIO())
    out.print(tables.yield_table("by model", spending(store, run).models))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert all(row[-1] in "┓┃┩│┤┘" for row in text.splitlines()[1:])
    assert "unknown" in text and "over" in text and "12.5000" in text
