"""`--json`: stdout holds JSON lines and nothing else, from launch to done."""

from __future__ import annotations

import json
from pathlib import Path

from running import Recorded, call, lines_of

BAD_REWARD = "import os\n\n\ndef compute_reward(state):\n    return {'a': os.getpid()}\n"
GOOD_REWARD = """import numpy as np


def compute_reward(next_state):
    return {"upright": np.cos(next_state.pole_angle)}
"""


def test_the_first_line_is_launch_and_the_last_is_done(recorded: Recorded) -> None:
    names = [line["event"] for line in recorded.lines]
    assert (names[0], names[-1]) == ("launch", "done")
    assert names.count("launch") == names.count("done") == 1
    assert [name for name in names if name in ("generation", "finals")] == [
        *("generation", "generation", "finals")
    ]


def test_launch_says_what_is_measured_and_on_which_seeds(recorded: Recorded) -> None:
    launch = recorded.lines[0]
    assert set(launch) == {
        *("event", "run", "run_dir", "env", "task", "fitness", "proposer", "notices"),
        *("possibly_paid", "seeds", "strategy"),
    }
    assert launch["fitness"]["expression"] == "T"
    assert launch["fitness"]["why"]
    assert launch["proposer"] == "offline baseline"
    assert "model" not in json.dumps(launch).lower()
    seeds = launch["seeds"]
    assert not set(seeds["selection"]) & set(seeds["report"])
    assert not set(seeds["selection_episodes"]) & set(seeds["report_episodes"])


def test_done_holds_the_outcome(recorded: Recorded) -> None:
    done = recorded.result
    promised = {"event", "run", "run_dir", "best", "baselines", "candidates", "failed"}
    promised |= {"cost_usd", "wall_s"}
    more = {"status", "possibly_paid", "jailed", "reward_file", "policy_file"}
    more |= {"models", "prompts", "alarms"}
    assert set(done) == promised | more
    assert set(done["best"]) == {
        *("candidate", "fitness", "fitness_low", "fitness_high", "seeds", "selection_fitness"),
        *("held_out", "final_fitness"),
    }
    assert (done["candidates"], done["failed"], done["cost_usd"]) == (4, 0, 0.0)
    best = done["best"]
    assert best["fitness_low"] <= best["fitness"] <= best["fitness_high"]
    assert best["seeds"] == 2
    assert done["baselines"]["native"]["n_seeds"] == 2
    assert done["wall_s"] > 0
    assert (recorded.folder / "r01").is_dir()


def test_every_training_is_followed_by_name(recorded: Recorded) -> None:
    trained = {line["training"] for line in recorded.lines if line["event"] == "trained"}
    assert {f"r0{g}c0{i}/selection-0" for g in (1, 2) for i in (0, 1)} <= trained
    assert {"native/report-1000", "native/report-1001"} <= trained
    steps = [line["timesteps"] for line in recorded.lines if line["event"] == "progress"]
    assert max(steps) == 512


def test_the_second_generation_has_the_first_for_parents(recorded: Recorded) -> None:
    candidates = [line for line in recorded.lines if line["event"] == "candidate"]
    second = [line for line in candidates if line["candidate"].startswith("r02")]
    assert second and all("seed" not in line["origin"] for line in second)


def test_a_refused_reward_names_rule_and_line_and_exits_with_1(tmp_path: Path) -> None:
    reward = tmp_path / "bad.py"
    reward.write_text(BAD_REWARD)
    done = call("check", reward, "-e", "CartPole-v1", "--json")
    (verdict,) = lines_of(done)
    assert done.returncode == 1
    assert set(verdict) == {"ok", "findings", "layers"}
    assert verdict["ok"] is False
    assert all(set(f) == {"rule", "line", "message", "severity"} for f in verdict["findings"])
    assert any(f["line"] == 1 and "os" in f["message"] for f in verdict["findings"])


def test_an_accepted_reward_exits_with_0_and_lists_the_layers_that_held(tmp_path: Path) -> None:
    reward = tmp_path / "good.py"
    reward.write_text(GOOD_REWARD)
    done = call("check", reward, "-e", "CartPole-v1", "--json")
    (verdict,) = lines_of(done)
    assert done.returncode == 0 and verdict["ok"] is True
    assert {f["severity"] for f in verdict["findings"]} <= {"warning"}
    assert any(layer["active"] for layer in verdict["layers"])
