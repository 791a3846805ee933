"""A grid of real runs: interrupted, continued, extended, and with one that cannot be."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from running import Finished, call, event, lines_of, started

TINY = """
[settings]
train.timesteps = 512
train.n_envs = 4
train.episodes = 2
train.hyperparams.n_steps = 64
train.max_workers = 1
search = {iterations = 1, samples = 1, finalists = 1, report_seeds = 2, final_seeds = 2}

[[cases]]
env = "CartPole-v1"
task = "balance the pole"
"""


def swept(grid: Path, runs_dir: Path, *more: str) -> Finished:
    return call("sweep", grid, *more, "--json", "-o", runs_dir)


def test_a_sweep_goes_on_grows_and_ends_with_one_page(tmp_path: Path) -> None:
    grid, runs_dir = tmp_path / "grid.toml", tmp_path / "runs"
    grid.write_text(TINY)
    with started("sweep", grid, "--seeds", "2", "-o", runs_dir) as sweep:
        assert sweep.until("run")["seed"] == 0
        sweep.process.send_signal(signal.SIGINT)
        assert sweep.process.wait(timeout=30) == 130
    again = swept(grid, runs_dir, "--seeds", "2")
    assert again.returncode == 0, again.stderr
    first, second = (line for line in lines_of(again) if line["event"] == "run")
    assert [first["seed"], second["seed"]] == [0, 1] and not first["error"] + second["error"]
    (case,) = lines_of(again)[-1]["cases"]
    assert (case["runs"], case["planned"]) == (2, 2)

    forecast = swept(grid, runs_dir, "--seeds", "3", "--dry-run")
    (line,) = lines_of(forecast)
    assert (line["event"], line["seed"], line["calls_likely"]) == ("forecast", 2, 0)

    # One more axis: its first value is the default, so those runs are there; one case is broken.
    grid.write_text(TINY + '\n[[cases]]\nenv = "NoSuchEnv-v0"\ntask = "go"\n')
    more = swept(grid, runs_dir, "--axis", "search.seeds=1,2")
    assert more.returncode == 1
    runs = {line["run"] for line in lines_of(more) if line["event"] == "run"}
    assert {first["run"], None} < runs and len(runs) == 3
    done = event(lines_of(more), "done")
    assert [row["method"] for row in done["methods"]] == ["seeds 1", "seeds 2"]
    assert "NoSuchEnv-v0" in done["cases"][2]["errors"][0]
    page = Path(done["page"]).read_text()
    assert page.count("<section>") == 2 and "Methods, over all cases" in page
    assert not re.search(r"https?://|src=", page)


def test_a_grid_of_flags_is_every_combination(tmp_path: Path) -> None:
    cases = ("--env", "CartPole-v1,Pendulum-v1", "--task", "balance", "--seeds", "2")
    methods = ("--model", "one,two", "--strategy", "eureka,islands")
    asked = call("sweep", *cases, *methods, "--dry-run", "--json", "-o", tmp_path)
    assert asked.returncode == 0, asked.stderr
    found = {(line["case"], line["method"], line["seed"]) for line in lines_of(asked)}
    assert len(found) == len(lines_of(asked)) == 16
    for word in ("CartPole-v1", "Pendulum-v1", "one", "two", "eureka", "islands"):
        assert sum(word in case + method for case, method, _ in found) == 8


def test_a_shared_limit_stops_the_sweep_cleanly(tmp_path: Path) -> None:
    grid, runs_dir = tmp_path / "grid.toml", tmp_path / "runs"
    grid.write_text(TINY)
    stopped = swept(grid, runs_dir, "--time-limit", "0.01")
    assert stopped.returncode == 3
    assert stopped.stderr.endswith("the same command goes on with a larger limit\n")
    assert lines_of(stopped)[-1]["event"] == "done"
