"""What a run says of itself when it begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rewardsmith import tasks
from rewardsmith.config import RunConfig
from rewardsmith.session import _notices
from rewardsmith.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("train", "rungs", "said"),
    [
        ({}, True, False),
        ({"backend": "sb3"}, True, True),
        ({"algo": "sac"}, True, True),
        ({"backend": "sb3"}, False, False),
    ],
)
def test_who_cannot_cut_trainings_says_so(
    store: Store, train: dict[str, str], rungs: bool, said: bool
) -> None:
    config = RunConfig.model_validate({"train": train, "search": {"rungs": rungs}})
    task = tasks.resolve("CartPole-v1", "balance the pole")
    run = store.create_run(task=task, config=config, proposer="a model")
    assert any("no rungs" in notice for notice in _notices(run)) is said
