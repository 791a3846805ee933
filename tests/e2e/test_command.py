"""The command as a user types it: real runs in processes of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from rewardsmith.cli import main; main()"]
TINY = [
    *("--timesteps", "256", "-n", "2", "-i", "1", "--set", "train.n_envs=2"),
    *("--set", "train.episodes=2", "--set", "search.report_seeds=2", "--set", "search.finalists=1"),
]


def call(*arguments: str, timeout_s: float = 170) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "80"}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout_s, env=environment
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    """One whole run of the offline baseline, with its JSON lines."""
    runs = tmp_path_factory.mktemp("finished")
    done = call("run", "balance the pole", "-e", "CartPole-v1", *TINY, "--json", "-o", str(runs))
    assert done.returncode == 0, done.stderr
    return runs, [json.loads(line) for line in done.stdout.splitlines()]


def test_json_lines_begin_with_launch_and_end_with_done(
    finished: tuple[Path, list[dict[str, object]]],
) -> None:
    _, lines = finished
    launch, done = lines[0], lines[-1]
    assert (launch["event"], done["event"]) == ("launch", "done")
    assert launch["proposer"] == "offline baseline"
    seeds = launch["seeds"]
    assert isinstance(seeds, dict)
    assert not set(seeds["selection"]) & set(seeds["report"])
    assert not set(seeds["selection_episodes"]) & set(seeds["report_episodes"])
    best, baselines = done["best"], done["baselines"]
    assert isinstance(best, dict) and isinstance(baselines, dict)
    assert best["fitness_low"] <= best["fitness"] <= best["fitness_high"]
    assert best["seeds"] == 2
    assert baselines["native"] and baselines["untrained"]
    assert (done["candidates"], done["failed"], done["cost_usd"]) == (2, 0, 0.0)


def test_a_run_leaves_readable_files_and_can_be_shown(
    finished: tuple[Path, list[dict[str, object]]],
) -> None:
    runs, lines = finished
    folder = Path(str(lines[-1]["run_dir"]))
    names = {path.name for path in (folder / "r01" / "c00").iterdir()}
    assert {"reward.py", "critic.json", "summary.md", "policy.safetensors", "train"} <= names
    shown = call("runs", "show", "last", "-o", str(runs))
    assert shown.returncode == 0 and "too few seeds" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines() if "│" in line) <= 80
    measured = call("evaluate", "last", "--seeds", "0,1", "--json", "-o", str(runs))
    assert json.loads(measured.stdout)["seeds"] == [0, 1]
    reward = runs / "best.py"
    assert call("export", "last", "--reward", str(reward), "-o", str(runs)).returncode == 0
    verdict = call("check", str(reward), "-e", "CartPole-v1", "--json")
    assert verdict.returncode == 0 and json.loads(verdict.stdout)["ok"]


def test_killed_in_training_and_resumed_it_ends_with_the_same_candidates(
    finished: tuple[Path, list[dict[str, object]]], tmp_path: Path
) -> None:
    arguments = ["run", "balance the pole", "-e", "CartPole-v1", *TINY, "--json"]
    process = subprocess.Popen(
        [*COMMAND, *arguments, "-o", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["event"] == "trained":
            process.kill()
            break
    process.stdout.close()
    process.wait()
    time.sleep(0.5)
    resumed = call("resume", "last", "--json", "-o", str(tmp_path))
    assert resumed.returncode == 0, resumed.stderr
    done = json.loads(resumed.stdout.splitlines()[-1])
    whole = Path(str(finished[1][-1]["run_dir"]))
    for path in sorted(whole.glob("r*/c*/reward.py")):
        assert (Path(done["run_dir"]) / path.relative_to(whole)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "run forward", "-e", "HalfCheeta-v5"], "HalfCheetah"),
        (["run", "do a backflip", "-e", "HalfCheetah-v5"], "--task"),
        (["run", "", "-e", "CartPole-v1"], "no task"),
        (["run", "balance", "-e", "CartPole-v1", "--timesteps", "0"], "timesteps"),
        (["run", "balance", "-e", "CartPole-v1", "--set", "search.sample=3"], "search.samples"),
        (["run", "balance", "-e", "CartPole-v1", "--hyperparams", "lr=1"], "lr"),
        (["run", "balance", "-e", "CartPole-v1", "--init", "nowhere.py"], "nowhere.py"),
        (["run", "balance", "-e", "CartPole-v1", "-o", "/proc/runs"], "/proc/runs"),
        (["run", "x", "-e", "CartPole-v1", "--fitness", "mean(pole_angel)"], "pole_angle"),
        (["check", "nowhere.py", "-e", "CartPole-v1"], "nowhere.py"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    place = [] if "-o" in arguments or arguments[0] == "check" else ["-o", str(tmp_path)]
    done = call(*arguments, *place)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_refused_reward_exits_with_1_and_says_why(tmp_path: Path) -> None:
    reward = tmp_path / "bad.py"
    reward.write_text("import os\n\ndef compute_reward(state):\n    return {'a': os.getpid()}\n")
    done = call("check", str(reward), "-e", "CartPole-v1", "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 1 and not verdict["ok"]
    assert {"rule", "line", "message", "severity"} == set(verdict["findings"][0])


def test_a_time_limit_exits_with_3(tmp_path: Path) -> None:
    arguments = ["run", "balance the pole", "-e", "CartPole-v1", *TINY, "-o", str(tmp_path)]
    done = call(*arguments, "--time-limit", "0.5")
    assert done.returncode == 3
    assert "--time-limit" in done.stderr and "resume" in done.stderr


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert call("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) <= 0.4
