"""A run in a terminal, and every command that looks at what it left."""

from __future__ import annotations

import itertools
import json
import re
import time
from pathlib import Path

import pytest
from running import BALANCE, TINY, Shown, call, lines_of, started, survivors

from rewardsmith import load

BOX = re.compile("[│┃]")


@pytest.fixture(scope="module")
def exported(shown: Shown) -> Path:
    """The best reward of the run, taken out of it."""
    reward = shown.runs_dir / "best.py"
    done = call("export", "last", "--reward", reward, "-o", shown.runs_dir)
    assert done.returncode == 0, done.stderr
    return reward


def run_dir(shown: Shown) -> Path:
    (folder,) = (path.parent for path in shown.runs_dir.glob("*/r01"))
    return folder


def test_the_first_line_names_the_fitness_its_formula_its_unit_and_why(shown: Shown) -> None:
    assert shown.done.returncode == 0, shown.done.stderr
    first = shown.done.stdout.splitlines()[0]
    assert first.startswith("fitness: upright = mean(cos(angle)) [mean height, -1 to 1]; ")
    assert "the sentence asks to swing the pendulum up" in first


def test_without_a_model_the_proposer_is_an_offline_baseline_and_nothing_else(
    shown: Shown,
) -> None:
    (line,) = (line for line in shown.done.stdout.splitlines() if "proposer" in line)
    assert line == "proposer: offline baseline"


def test_seeds_that_select_choose_and_report_are_printed_and_differ(shown: Shown) -> None:
    pattern = r"(\w+) seeds: selection ([\d-]+), final ([\d-]+), report ([\d-]+)"
    training, episodes = re.findall(pattern, shown.done.stdout)
    assert training == ("training", "0", "500-501", "1000-1001")
    assert episodes[0] == "episode" and len(set(episodes)) == 4


def test_the_tables_hold_in_80_columns_and_say_how_sure_they_are(shown: Shown) -> None:
    rows = [line for line in shown.done.stdout.splitlines() if BOX.search(line)]
    assert max(map(len, rows)) <= 80
    assert not any("…" in row for row in rows)
    for name in ("r01c00", "r01c01", "native", "untrained"):
        assert any(row.startswith(f"│ {name}") for row in rows), name
    assert re.search(r"│ native +│ +\S+ \[\S+, \S+\]", shown.done.stdout)
    assert "too few seeds" in shown.done.stdout
    assert "%" in next(row for row in rows if row.startswith("│ r01c00"))


def test_every_path_that_is_printed_exists(shown: Shown) -> None:
    printed = dict(
        re.findall(r"^(best reward|its policy|the run) +(/.+)$", shown.done.stdout, re.M)
    )
    assert len(printed) == 3
    assert all(Path(path).exists() for path in printed.values())


def test_the_run_folder_holds_what_a_person_wants_to_read(shown: Shown) -> None:
    for name in ("r01/c00", "r01/c01"):
        folder = run_dir(shown) / name
        assert "def compute_reward" in (folder / "reward.py").read_text()
        assert json.loads((folder / "critic.json").read_text())["ok"]
        assert (folder / "summary.md").read_text().strip()
        for training in ("selection-0", "final-500", "final-501"):
            assert (folder / "train" / training / "policy.safetensors").stat().st_size
        assert (folder / "policy.safetensors").stat().st_size
    best = load(run_dir(shown).name, runs_dir=shown.runs_dir).record.best or ""
    for reported in (f"r01/{best[3:]}", "native"):
        for seed in (1000, 1001):
            folder = run_dir(shown) / reported / f"train/report-{seed}"
            assert (folder / "policy.safetensors").exists()


def test_a_run_is_listed_and_shown_again_as_it_was(shown: Shown) -> None:
    listed = call("runs", "list", "--json", "-o", shown.runs_dir)
    (line,) = lines_of(listed)
    assert (line["run"], line["status"]) == (run_dir(shown).name, "done")
    again = call("runs", "show", line["run"][-4:], "-o", shown.runs_dir)
    tables = shown.done.stdout[shown.done.stdout.index("candidates on the selection") :]
    assert again.stdout.split() == tables.split()


def test_an_exported_reward_passes_the_critic(exported: Path) -> None:
    done = call("check", exported, "-e", "Pendulum-v1")
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout
    assert "seccomp" in done.stdout or "bubblewrap" in done.stdout


def test_an_exported_reward_trains_on_the_seeds_that_are_given(
    exported: Path, tmp_path: Path
) -> None:
    done = call(
        *("train", exported, "-e", "Pendulum-v1", "--task", "upright", "--seeds", "0,1"),
        *(*TINY, "--json", "-o", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    lines = lines_of(done)
    trained = {line["training"] for line in lines if line["event"] == "trained"}
    assert trained == {"r01c00/report-0", "r01c00/report-1"}
    assert (lines[0]["seeds"]["selection"], lines[0]["seeds"]["report"]) == ([], [0, 1])
    assert lines[0]["fitness"]["unread"] == []
    assert lines[-1]["best"]["seeds"] == 2
    assert Path(lines[-1]["policy_file"]).exists()


@pytest.mark.parametrize("name", ["last", "last:r01c00"])
def test_a_stored_policy_is_measured_on_the_seeds_that_are_given(shown: Shown, name: str) -> None:
    (episodes,) = lines_of(call("evaluate", name, "--seeds", "0,1", "--json", "-o", shown.runs_dir))
    assert episodes["seeds"] == [0, 1]
    assert episodes["length"] == [200, 200]
    assert all(-1.0 <= fitness <= 1.0 for fitness in episodes["fitness"])


def test_yes_takes_the_native_return_where_no_task_is_declared_and_nowhere_else() -> None:
    plan = call("run", "climb the hill", "-e", "MountainCar-v0", "--yes", "--dry-run")
    assert plan.returncode == 0 and "native_return" in plan.stdout
    unread = call("run", "do a backflip", "-e", "HalfCheetah-v5", "--yes", "--dry-run")
    assert unread.returncode == 2 and "--task NAME" in unread.stderr


def test_settings_that_were_written_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert call("config", "init", file).returncode == 0
    defaults = call("config", "show").stdout
    assert call("config", "show", "-c", file).stdout == defaults
    changed = call("config", "show", "-c", file, "--set", "search.samples=7").stdout
    assert "samples = 7" in changed and changed != defaults
    assert call("config", "init", file).returncode == 2, "a file is never overwritten"


def test_environments_and_their_tasks_are_shown_whole() -> None:
    listed = call("envs", "list").stdout
    for name in ("Ant-v5", "CartPole-v1", "HalfCheetah-v5", "Hopper-v5", "Walker2d-v5"):
        assert f"│ {name}" in listed
    shown = call("envs", "show", "Pendulum-v1").stdout
    assert "angular_velocity" in shown
    assert "…" not in shown, "a formula that is cut cannot be used"


def test_doctor_names_the_layers_of_the_jail() -> None:
    done = call("doctor", "--json")
    assert done.returncode == 0, done.stdout
    names = {line["name"] for line in lines_of(done)}
    assert {"jail", "jail: seccomp", "jail: landlock", "model"} <= names


def test_the_version_is_printed() -> None:
    assert re.fullmatch(r"rewardsmith \d+\.\d+\.\d+\n", call("version").stdout)


def test_a_dry_run_shows_the_plan_and_stores_nothing(tmp_path: Path) -> None:
    done = call(*BALANCE, *TINY, "--dry-run", "-o", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert "balance" in done.stdout and "512 steps" in done.stdout
    assert "no calls to a model" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_the_prompt_holds_the_environment_and_nothing_of_its_own_reward(tmp_path: Path) -> None:
    done = call(
        *("run", "run forward", "-e", "HalfCheetah-v5", "--show-prompt", "-o", tmp_path / "runs")
    )
    assert done.returncode == 0, done.stderr
    assert "x_velocity" in done.stdout and "run forward" in done.stdout
    for word in ("ctrl_cost", "reward_run", "reward_forward", "control cost", "forward reward"):
        assert word not in done.stdout.lower()
    assert not (tmp_path / "runs").exists()


def test_a_run_is_cancelled_from_another_process_and_says_how_to_go_on(tmp_path: Path) -> None:
    arguments = (*BALANCE, *TINY, "--timesteps", "2000000", "-n", "1", "-i", "1", "-o", tmp_path)
    with started(*arguments) as run:
        run.until("progress")
        children = run.descendants()
        assert call("ctl", "last", "cancel", "-o", tmp_path).returncode == 0
        assert run.process.wait(timeout=20) == 130
        assert run.process.stderr
        assert f"--runs-dir {tmp_path}" in run.process.stderr.read()
    assert children and not survivors(children)
    (stored,) = lines_of(call("runs", "list", "--json", "-o", tmp_path))
    assert stored["status"] == "cancelled"


def test_what_is_said_follows_the_loop(shown: Shown) -> None:
    order = ("generation 1:", "checked", "trained in", " fitness ", "generation 1 done", "finals:")
    said = shown.done.stdout[shown.done.stdout.index("run: ") :]
    places = [said.index(words) for words in order]
    assert places == sorted(places)


def test_a_run_pauses_and_goes_on_when_told(tmp_path: Path) -> None:
    slow = (*BALANCE, *TINY, "-n", "1", "-i", "2", "-o", tmp_path)
    with started(*slow) as run:
        run.until("proposing")
        assert call("ctl", "last", "pause", "-o", tmp_path).returncode == 0
        run.until("pause")
        deadline = time.monotonic() + 20
        while load(runs_dir=tmp_path).record.status != "paused":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Children that work may end their job, but no stage begins.
        time.sleep(2.0)
        before = len(load(runs_dir=tmp_path).candidates)
        time.sleep(1.0)
        assert run.process.poll() is None
        assert len(load(runs_dir=tmp_path).candidates) == before
        assert call("ctl", "last", "resume", "-o", tmp_path).returncode == 0
        run.until("done")
        assert run.process.wait(60) == 0
    assert load(runs_dir=tmp_path).record.status == "done"


REPLIES = Path(__file__).parents[1] / "replies"


def test_rewards_that_were_brought_are_trained_ranked_and_their_order_is_doubted(
    tmp_path: Path,
) -> None:
    brought = [("--init", REPLIES / f"{name}.md") for name in ("c5-1", "c5-3", "c1-3")]
    done = call(
        *("run", "hop forward without falling", "-e", "Hopper-v5", *TINY, "-n", "1", "-i", "1"),
        *itertools.chain.from_iterable(brought),
        *("-o", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert all(f"init:{name}.md" in said for name in ("c5-1", "c5-3", "c1-3"))
    assert "r01c02 failed" in said and "axis=-1" in said
    assert re.search(r"r01c01 warning: .*standing still", " ".join(said.split()))
    held_out = said[said.index("trained again on held-out seeds") :]
    order = re.findall(r"│ (r01c0[01]|native|untrained) .*│ (.*?) +│$", held_out, re.M)
    assert [name for name, _ in order][1:] == ["native", "untrained"]
    assert order[0][1] == "(the best)" and order[1][1] in ("tie", "behind", "ahead")
    finals = said[said.index("finals, on seeds of their own") : said.index("trained again")]
    assert set(re.findall(r"│ (r01c\d+) ", finals)) == {"r01c00", "r01c01"}
    assert "too few seeds" in held_out


def test_a_key_without_a_model_is_told_of_and_spends_nothing(tmp_path: Path) -> None:
    arguments = (*BALANCE, *TINY, "-n", "1", "-i", "1", "--time-limit", "0.1", "-o", tmp_path)
    done = call(*arguments, OPENAI_API_KEY="sk-of-something-else")
    assert "proposer: offline baseline" in done.stdout
    assert "OPENAI_API_KEY is set, but no model is named" in done.stdout


def test_a_plateau_ends_the_search_and_not_before(tmp_path: Path) -> None:
    arguments = (*BALANCE, *TINY, "-n", "1", "-i", "5", "--stop-when", "plateau", "--json")
    done = call(*arguments, "-o", tmp_path, timeout_s=240)
    assert done.returncode == 0, done.stderr
    bests = [line["candidate"] for line in lines_of(done) if line["event"] == "generation"]
    repeated = [one == other for one, other in itertools.pairwise(bests)]
    assert len(bests) == 5 or repeated[-1]
    assert not any(repeated[:-1])


def test_a_solved_task_ends_the_search(tmp_path: Path) -> None:
    solved = ("--fitness", "T", "--set", "search.stop_when=solved")
    done = call(*BALANCE, *TINY, "-n", "1", "-i", "2", *solved, "--json", "-o", tmp_path)
    # An expression has no threshold: there is nothing to be solved, so it searches to the end.
    assert sum(line["event"] == "generation" for line in lines_of(done)) == 2
    assert done.returncode == 0, done.stderr


def test_a_run_without_the_jail_says_so_wherever_it_is_shown(tmp_path: Path) -> None:
    voted = ("--feedback", "pair", "--votes", "1", "--rater", "simulated:beta=3")
    one = ("-n", "1", "-i", "1", "--unsafe-no-jail", *voted, "-o", tmp_path)
    done = call(*BALANCE, *TINY, *one)
    assert done.returncode == 0, done.stderr
    shows = ("runs show last", "runs list", "evaluate last", "feedback last --results")
    for shown_by in map(str.split, shows):
        said = call(*shown_by, "-o", tmp_path, FORCE_COLOR="1")
        before, words, _ = said.stdout.partition("WITHOUT the")
        assert words and before.rpartition("\x1b[")[2].startswith("1;31m"), shown_by  # bold red
    assert "WITHOUT the jail" in done.stdout
    (line,) = lines_of(call("runs", "list", "--json", "-o", tmp_path))
    assert line["jailed"] is False
    page = tmp_path / "page.html"
    assert call("report", "last", "--html", page, "-o", tmp_path).returncode == 0
    assert page.read_text().count("WITHOUT the jail") == 1
    assert 'class="failed-words">Generated code ran WITHOUT' in page.read_text()


def test_a_warm_start_takes_the_parents_policy_up_in_the_search_alone(tmp_path: Path) -> None:
    arguments = (*BALANCE, *TINY, "-n", "1", "-i", "2", "--warm-start", "parent", "--json")
    done = call(*arguments, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = Path(lines_of(done)[-1]["run_dir"])
    started = {
        f"{path.parents[3].name} {path.parent.name.partition('-')[0]}": warm
        for path in sorted(folder.glob("r*/c00/train/*/job.json"))
        for warm in [json.loads(path.read_text())["warm_start"]]
    }
    parent = f"{folder}/r01/c00/train/selection-0/learner.safetensors"
    assert started["r01 selection"] == ""
    assert started["r02 selection"] == parent
    others = {name: warm for name, warm in started.items() if not name.endswith("selection")}
    assert "r02 final" in others
    assert set(others.values()) == {""}


def test_arms_stand_beside_the_best_and_yours_is_judged(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import numpy as np\n\n\n"
        "def compute_reward(next_state):\n"
        '    return {"upright": np.cos(next_state.pole_angle)}\n'
    )
    done = call(
        *(*BALANCE, *TINY, "-n", "2", "-i", "1", "--arms", "--compare", mine, "-o", tmp_path),
        timeout_s=240,
    )
    assert done.returncode == 0, done.stderr
    held_out = done.stdout[done.stdout.index("trained again on held-out seeds") :]
    rows = dict(re.findall(r"│ (\S+) .*│ +(\d+) │", held_out))
    assert {
        name: rows[name] for name in ("native", "yours", "fitness", "untrained")
    } == dict.fromkeys(("native", "yours", "fitness", "untrained"), "2")
    assert rows["native-best"] == rows["native-long"] == "1"
    assert "one policy" in held_out
    assert rows["best-of-n"] == "2", "a search of its own"
    runs = lines_of(call("runs", "list", "--json", "-o", tmp_path))
    assert [line["status"] for line in runs] == ["done", "done"]
    ours = load(runs_dir=tmp_path).record
    assert ours.arm in [line["run"] for line in runs] and not ours.arm_of
    assert "yours was not beaten" in held_out or re.search(r"│ yours .*behind", held_out)


def test_a_reward_to_compare_with_must_pass_the_critic_before_anything_is_spent(
    tmp_path: Path,
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n\n\ndef compute_reward(obs):\n    return {'a': obs[:, 0]}\n")
    done = call(*BALANCE, *TINY, "--compare", bad, "-o", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "is refused: line 1" in done.stderr
