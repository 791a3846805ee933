"""One run whose model was hostile, made once; its server; a browser that sees all that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import HOSTILE, reply
from loopback_server import LoopbackServer, says
from running import BALANCE, TINY, Recorded, call, lines_of
from staging import MODES, Ballots, Mode, answered, filmed, staged
from viewing import Viewed, viewing

from rewardsmith.store import RunRecord

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Two generations of two on CartPole: sound, refused twice, sound, a child of it; filmed."""
    runs_dir = tmp_path_factory.mktemp("searched")
    broken = reply("bad").replace("pole_angle", "pole_agnel")
    answers = (
        *(reply("first"), broken, broken, f"It leans. {HOSTILE}"),
        *(reply("second", 2.0), reply("third", 3.0)),
    )
    with LoopbackServer(*map(says, answers)) as server:
        done = call(
            *(*BALANCE, *TINY, "--model", "test", "--api-base", server.url, "--json", "--describe"),
            *("-n", "2", "-i", "2", "-o", runs_dir, "--set", "model.concurrency=1"),
            *("--set", "search.report_seeds=1", "--set", "search.finalists=1"),
            *("--set", "search.repairs=1", "--set", "video.finalists=true"),
        )
    assert done.returncode == 0, done.stderr
    return Recorded(runs_dir, lines_of(done))


@pytest.fixture(scope="session")
def view(searched: Recorded) -> Iterator[Viewed]:
    """The pages over that run."""
    with viewing(searched.runs_dir) as server:
        yield server


@pytest.fixture(scope="session")
def ballots(searched: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ballots]:
    """A run for every kind of question; on those of several policies there is a vote already."""
    runs_dir = tmp_path_factory.mktemp("ballots")
    runs: dict[Mode, RunRecord] = {
        mode: staged(runs_dir, searched, mode, votes=2) for mode in MODES
    }
    for run in runs.values():
        filmed(runs_dir, run, searched)
    answered(runs_dir, runs["pair"], "Bob", choice="left")
    answered(runs_dir, runs["best-worst"], "Bob", best=0, worst=1)
    with viewing(runs_dir) as server:
        yield Ballots(server, {mode: run.id for mode, run in runs.items()})


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's Chromium is."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Debian's Chromium, without a screen.

    A file's, not the session's: while Playwright runs, its event loop counts as running in this
    thread, and another file's `asyncio.run` refuses.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        found = running.chromium.launch(executable_path=chromium, args=options)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core: a program that finds what shuts people out of a page."""
    return (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
