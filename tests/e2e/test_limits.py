"""A limit stops a run cleanly, and a higher one lets it go on from there."""

from __future__ import annotations

import json
from pathlib import Path

from loopback_server import LoopbackServer, says
from running import BALANCE, TINY, call, event, lines_of

CODE = """import numpy as np


def compute_reward(next_state):
    return {{"upright": 1.0 - {weight} * np.abs(next_state.pole_angle)}}
"""
REPLIES = [f"Here it is:\n\n```python\n{CODE.format(weight=weight)}```\n" for weight in (1, 2, 3)]
PRICED = "openai/gpt-4o-mini"


def test_at_a_limit_it_exits_with_3_and_goes_on_when_it_is_raised(tmp_path: Path) -> None:
    here = ("-o", tmp_path)
    # At list price 10,000 tokens of completion are 0.006 USD; a call may take 0.003 or so.
    with LoopbackServer(*(says(reply, usage=(1000, 10_000)) for reply in REPLIES)) as server:
        keys = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_API_BASE": server.url}
        one_by_one = ("--set", "model.concurrency=1", "--set", "search.report_seeds=1")
        limited = ("--model", PRICED, "--token-limit", "15000", *one_by_one)
        early = call(*BALANCE, *TINY, *limited, "-n", "3", "-i", "1", "--json", *here, **keys)
        assert early.returncode == 3, early.stderr
        assert "the limit of 15,000 tokens is near: 11,000 are spent" in early.stderr
        assert len(server.requests) == 1
        raised = ("--token-limit", "1000000", "--cost-limit", "0.012")
        stopped = call("resume", "last", *raised, "--json", *here, **keys)
        assert stopped.returncode == 3, stopped.stderr
        said, how = stopped.stderr.splitlines()
        assert "cost limit of 0.012 USD" in said and "--cost-limit" in said
        assert "resume with: rewardsmith resume" in how
        assert len(server.requests) == 2
        assert lines_of(stopped)[-1]["status"] == "limit"
        forecast = event(lines_of(early), "forecast")
        assert forecast["calls_likely"] == 3 and forecast["cost_usd_most"] > 0.001
        done = call("resume", "last", "--cost-limit", "1", "--json", *here, **keys)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 3
    result = lines_of(done)[-1]
    assert 0.018 < result["cost_usd"] < 0.019
    (model,) = result["models"]
    assert (model["name"], model["asked"], model["valid"]) == (PRICED, 3, 3)
    shown = call("cost", "last", "--json", *here)
    assert json.loads(shown.stdout)["total"]["completion_tokens"] == 30_000
    table = call("cost", "last", *here).stdout
    assert "33,000" in table and "3 of 3" in table and max(map(len, table.splitlines())) <= 80


def test_a_dry_run_says_what_a_run_would_take_and_spends_nothing(tmp_path: Path) -> None:
    more = ("--model", "m", "--api-base", "http://127.0.0.1:9/v1", "--dry-run")
    done = call(*BALANCE, *TINY, *more, "-o", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert "about 8 calls" in done.stdout and "core-hours" in done.stdout
    assert "no price of m is known" in done.stdout
    assert not (tmp_path / "runs").exists()
