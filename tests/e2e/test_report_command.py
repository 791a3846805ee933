"""Reports of real runs, finished ones and one that was stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path

from running import BALANCE, TINY, Recorded, Shown, call, started


def test_a_finished_run_is_a_page_a_table_and_a_record(shown: Shown, tmp_path: Path) -> None:
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    done = call("report", "last", "--html", page, "--csv", table, "-o", shown.runs_dir)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["wrote", str(page), "wrote", str(table)]
    text = page.read_text()
    assert not re.search(r"https?://|src=", text), "the page has an address outside itself"
    for shown_there in ("Lineage", "Provenance", "<svg", "def compute_reward", "untrained"):
        assert shown_there in text
    assert len(table.read_text().splitlines()) == 1 + 2 + 2
    told = call("report", "--json", "-o", shown.runs_dir)
    (line,) = told.stdout.splitlines()
    best, *others = json.loads(line)["arms"]
    assert best["name"] in ("r01c00", "r01c01") and best["against_best"] == "best"
    assert 0.0 <= best["distance"] <= 1.0
    native = next(arm for arm in others if arm["name"] == "native")
    assert native["normalised"]["value"] in (1.0, -1.0) and native["distance"] is None


def test_several_runs_share_a_page_and_one_that_was_stopped_has_its_place(
    recorded: Recorded, tmp_path: Path
) -> None:
    runs_dir = tmp_path / "runs"
    shutil.copytree(recorded.runs_dir, runs_dir)
    with started(*BALANCE, *TINY, "-n", "1", "-i", "1", "-o", runs_dir) as run:
        run.until("trained")
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(timeout=20) == 130
    page = tmp_path / "page.html"
    first = recorded.result["run"]
    done = call("report", first, "last", "--html", page, "-o", runs_dir)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "cancelled" in text and text.count("<section>") == 2


def test_what_to_write_has_to_be_said(shown: Shown) -> None:
    done = call("report", "last", "-o", shown.runs_dir)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--html FILE" in done.stderr
