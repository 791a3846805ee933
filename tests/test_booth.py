"""A rater in a terminal: what was said last can be taken back, though nothing more is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from scripted_engine import TASK

from rewardsmith import entrants
from rewardsmith.cli.voting import _Booth
from rewardsmith.config import RunConfig
from rewardsmith.store import Store
from rewardsmith.votes import Clip, Question, standing

PAIR = Question(
    kind="pair",
    generation=1,
    shown=(Clip(arm="r01c00", training="r01c00/selection-0", seed=1),
           Clip(arm="r01c01", training="r01c01/selection-0", seed=1)),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize(("last", "left"), [("u", ["right"]), ("", ["left"])])
def test_the_last_answer_that_was_wanted_can_be_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, last: str, left: list[str]
) -> None:
    run = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")

    def waiting(*_: object) -> SimpleNamespace:
        return SimpleNamespace(generation=1, missing=1 - len(standing(store.votes(run.id))))

    monkeypatch.setattr(entrants, "waiting", waiting)
    monkeypatch.setattr(entrants, "question_for", lambda *_: PAIR)
    monkeypatch.setattr(_Booth, "_show", lambda *_: None)
    typed = iter(["l", "", "", "", last, "r", "", "", "", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    _Booth(store, run, "ann", numbers=False).open()
    assert [vote.choice for vote in standing(store.votes(run.id))] == left
