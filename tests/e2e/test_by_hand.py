"""A run whose model is a person: it waits, can be killed meanwhile, and finds the answers."""

from __future__ import annotations

import json
from pathlib import Path

from running import BALANCE, TINY, call, started, survivors

REWARD = """import numpy as np


def compute_reward(next_state):
    return {"upright": 1.0 - np.abs(next_state.pole_angle)}
"""


def test_killed_while_it_waits_it_goes_on_with_what_was_answered_meanwhile(tmp_path: Path) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text(f"Sure.\n\n```python\n{REWARD}```\n")
    here = ("-o", tmp_path / "runs")
    with started(*BALANCE, *TINY, "--model", "manual", "-n", "2", "-i", "1", *here) as run:
        prompts = [Path(run.until("waiting")["prompt"]).stem for _ in range(2)]
        assert not survivors(run.kill())
    listed = call("manual", "list", "--json", *here)
    waits = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(one["name"], one["answered"]) for one in waits] == [
        (name, False) for name in sorted(prompts)
    ]
    shown = call("manual", "show", "last", "r01c00", *here)
    assert shown.stdout.startswith("# System\n") and "pole_angle" in shown.stdout
    answered = call("manual", "answer", "last", "r01c00", "--file", answer, *here)
    assert answered.returncode == 0, answered.stderr
    with started("resume", "last", *here) as run:
        launch = run.until("launch")
        assert launch["possibly_paid"] == []
        assert run.until("waiting")["message"].startswith("r01c01")
        answer.write_text(answer.read_text().replace("1.0 -", "2.0 -"))
        assert call("manual", "answer", "--file", answer, *here).returncode == 0
        assert run.process.stdout
        lines = [json.loads(line) for line in run.process.stdout]
        assert run.process.wait() == 0
    assert (lines[-1]["candidates"], lines[-1]["failed"]) == (2, 0)
    assert lines[-1]["cost_usd"] == 0.0 and lines[-1]["possibly_paid"] == 0
    wrong = call("manual", "show", "last", "r07", *here)
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1
