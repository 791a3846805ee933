"""A whole run against an OpenAI-compatible server on loopback, through the real SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, says

REWARD = """Here it is:

```python
import numpy as np


def compute_reward(next_state, action):
    return {{"upright": {weight} - np.abs(next_state.pole_angle), "alive": np.ones(len(action))}}
```
"""
SECRET = "sk-test-0123456789abcdefSECRET"


@pytest.mark.parametrize("replies", [(REWARD.format(weight=1.0), "I am sorry, I cannot help.")])
def test_a_reply_without_code_does_not_shift_the_results_of_the_others(
    replies: tuple[str, str], tmp_path: Path
) -> None:
    with LoopbackServer(*[says(text) for text in replies * 4]) as server:
        done = _run(server.url, tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1]
    assert (last["candidates"], last["failed"]) == (2, 1)
    assert last["cost_usd"] is None, "the price of an unknown model is unknown, never 0"
    folder = Path(last["run_dir"])
    best = folder / "r01" / last["best"]["candidate"][3:]
    assert "pole_angle" in (best / "reward.py").read_text()
    assert (best / "prompt.json").exists() and (best / "response.json").exists()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


def test_an_unreachable_server_is_one_line_and_exit_1(tmp_path: Path) -> None:
    done = _run("http://127.0.0.1:9/v1", tmp_path, "--set", "model.timeout_s=2")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "resume" in done.stderr


def _run(url: str, runs: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from rewardsmith.cli import main; main()"]
    arguments = [
        *("run", "balance the pole", "-e", "CartPole-v1", "--model", "test", "--api-base", url),
        *("--timesteps", "256", "-n", "2", "-i", "1", "--set", "train.n_envs=2", "--json"),
        *("--set", "train.episodes=2", "--set", "search.report_seeds=1", "-o", str(runs), *more),
    ]
    environment = {"PATH": "/usr/bin:/bin", "OPENAI_API_KEY": SECRET}
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, env=environment
    )
