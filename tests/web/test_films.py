"""Questions whose films cannot be had: why they are lost is told, and the ballot is there all the
same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from running import Recorded
from staging import filmed, staged
from viewing import Viewed, viewing

from rewardsmith import filming
from rewardsmith.crew import Crew
from rewardsmith.footage import CLIPS
from rewardsmith.records import RunStatus
from rewardsmith.render import RenderJob
from rewardsmith.store import RunRecord, Store
from rewardsmith.web.booth import Booth, booth

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("av", reason="needs rewardsmith[video]")
from watching import NARROW, Watched, serious  # noqa: E402

MADE = "are being made"
NO_AV = "import sys\n\nsys.modules['av'] = None\n"
"""As where the extra [video] is not installed."""


@pytest.fixture
def run(searched: Recorded, tmp_path: Path) -> RunRecord:
    """It waits for an answer on a pair, and has no film yet."""
    return staged(tmp_path, searched, "pair")


@pytest.fixture
def store(run: RunRecord, tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path, create=False)) as opened:
        yield opened


@pytest.fixture
def clips(store: Store, run: RunRecord) -> Path:
    folder = store.folder(run.id) / CLIPS
    folder.mkdir()
    return folder


def _asked(store: Store, run: RunRecord) -> Booth:
    return booth(store, store.run(run.id), "Ada")


def _fails(store: Store, run: RunRecord, clips: Path) -> str:
    """The making of one film fails, as it does where an episode is gone; why, as a run is told."""
    question = _asked(store, run).question
    assert question
    job = RenderJob(
        task=run.task,
        rollouts=str(next(store.folder(run.id).glob("r*/c*/train/*/*.rollouts.safetensors"))),
        behaviour="nobody",
        shows="clip",
        seed=0,
        output=str(clips / f"{question.shown[1].film}.mp4"),
    )
    with closing(Crew([job])) as crew:
        while crew.busy:
            time.sleep(0.05)
            for _, why in crew.look():
                return why
    raise AssertionError("nothing was filmed")


def test_a_question_of_which_a_film_failed_is_voted_on_in_words(
    browser: playwright.Browser, axe: str, store: Store, run: RunRecord, clips: Path
) -> None:
    why = _fails(store, run, clips)
    with viewing(store.runs_dir) as server:
        watched = Watched(browser, server, NARROW)
        page = watched.open(f"/runs/{run.id}/votes?rater=Ada")
        page.get_by_text(why).wait_for()
        for name in ("left", "right"):
            words = page.get_by_role("region", name=f"{name}, in words and numbers")
            assert "steps" in words.inner_text() and "pole_angle" in words.inner_text()
        assert page.locator("#ballot video, .transport").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        assert serious(page, axe) == []
        page.keyboard.press("3")
        page.keyboard.press("ArrowLeft")
        page.get_by_text("The run waits for no votes now").wait_for()
        watched.check()
    (vote,) = store.votes(run.id)
    assert (vote.choice, vote.strength) == ("left", 3)


def test_where_videos_are_off_a_question_is_shown_in_words(
    store: Store, run: RunRecord, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_AV, "utf-8")
    with viewing(store.runs_dir, PYTHONPATH=str(tmp_path)) as server:
        page = server.get(f"/runs/{run.id}/votes?rater=Ada").text
    assert "videos are off: pip install rewardsmith[video]" in page
    assert "pole_angle" in page and 'value="left"' in page
    assert MADE not in page and 'class="transport"' not in page


def test_films_that_are_being_made_are_waited_for(
    view_of: Viewed, store: Store, run: RunRecord, searched: Recorded
) -> None:
    page = f"/runs/{run.id}/votes?rater=Ada"
    waits = view_of.get(page).text
    assert MADE in waits and 'id="ballot"' not in waits
    filmed(store.runs_dir, run, searched)
    shown = view_of.get(page).text
    assert MADE not in shown and "<video" in shown and 'class="transport"' in shown


@pytest.fixture
def view_of(store: Store) -> Iterator[Viewed]:
    with viewing(store.runs_dir) as server:
        yield server


def test_what_failed_once_is_waited_for_when_it_is_tried_again(
    store: Store, run: RunRecord, clips: Path
) -> None:
    why = _fails(store, run, clips)
    assert _asked(store, run).filmless == why
    with closing(filming.clips(store, run)) as crew:
        while crew.busy and _asked(store, run).filmless:
            crew.look()
            time.sleep(0.05)
    assert _asked(store, run).filmless == ""


def test_a_run_that_stopped_is_not_waited_for(store: Store, run: RunRecord) -> None:
    assert _asked(store, run).filmless == ""
    store.save_run(run.model_copy(update={"status": RunStatus.LIMIT}))
    assert "has stopped (limit)" in _asked(store, run).filmless
