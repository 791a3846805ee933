"""A run whose model is a person: it waits, can be killed meanwhile, and finds the answers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from running import BALANCE, TINY, call, started, survivors

import rewardsmith

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


def test_while_it_waits_for_a_person_it_obeys_commands_and_an_interrupt(tmp_path: Path) -> None:
    here, secret = ("-o", tmp_path), "sk-test-0123456789abcdefSECRET"
    search = (*BALANCE, *TINY, "--model", "manual", "-n", "2", "-i", "1", *here)
    with started(*search, "--notes", f"my key is {secret}") as run:
        prompt = Path(run.until("waiting")["prompt"]).read_text()
        assert secret not in prompt and "my key is ***" in prompt
        assert call("ctl", "last", "pause", *here).returncode == 0
        run.until("pause")
        assert rewardsmith.load(runs_dir=tmp_path).record.status == "paused"
        assert call("ctl", "last", "resume", *here).returncode == 0
        run.until("resume")
        assert call("ctl", "last", "time-limit", "0.1", *here).returncode == 0
        assert run.until("done")["status"] == "limit"
        assert run.process.wait(timeout=20) == 3
    with started("resume", "last", "--time-limit", "900", *here) as run:
        run.until("waiting")
        run.process.send_signal(signal.SIGINT)
        assert run.until("done")["status"] == "cancelled"
        assert run.process.wait(timeout=20) == 130
        assert run.process.stderr
        said = run.process.stderr.read()
    assert "Traceback" not in said and "resume with: rewardsmith resume" in said
    assert not any(secret.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
