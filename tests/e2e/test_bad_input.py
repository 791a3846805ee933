"""What a user may get wrong: one clear line, the right exit code, never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import BALANCE, TINY, Finished, Recorded, call, lines_of

DICT_ENV = """
import gymnasium
import numpy as np


class Rooms(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict({"x": gymnasium.spaces.Box(-1.0, 1.0, (2,))})
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return {"x": np.zeros(2, np.float32)}, {}

    def step(self, action):
        return {"x": np.zeros(2, np.float32)}, 0.0, False, False, {}


def make():
    return Rooms()
"""

BAD = {
    "unknown environment": (("run", "run forward", "-e", "HalfCheeta-v5"), "HalfCheetah-v5"),
    "no environment": (("run", "run forward"), "--env"),
    "a task that fits none": (
        ("run", "do a backflip", "-e", "HalfCheetah-v5"),
        "forward (run forward as fast as possible)",
    ),
    "empty task": (("run", " ", "-e", "CartPole-v1"), "no task"),
    "unknown task name": ((*BALANCE, "--task", "juggle"), "juggle"),
    "unknown strategy": ((*BALANCE, "--strategy", "greedy"), "'eureka', 'islands', 'card'"),
    "lessons that nobody reads": (
        (*BALANCE, "--strategy", "best-of-n", "--reflect"),
        "leave --reflect out",
    ),
    "describing without a model": ((*BALANCE, "--describe"), "--describe needs a model"),
    "unknown flag": ((*BALANCE, "--sample", "3"), "--sample"),
    "unknown command": (("trian", "x.py"), "trian"),
    "unknown setting": ((*BALANCE, "--set", "search.sample=3"), "search.samples"),
    "unknown hyperparameter": ((*BALANCE, "--hyperparams", "lr=1"), "lr"),
    "no number": ((*BALANCE, "--timesteps", "many"), "--timesteps"),
    "budget of zero": ((*BALANCE, "--timesteps", "0"), "train.timesteps"),
    "time limit of zero": ((*BALANCE, "--time-limit", "0"), "limits.wall_s"),
    "no candidates": ((*BALANCE, "-n", "0"), "search.samples"),
    "missing settings file": ((*BALANCE, "-c", "nowhere.toml"), "nowhere.toml"),
    "unreadable reward": ((*BALANCE, "--init", "nowhere.py"), "nowhere.py"),
    "reward that is a folder": ((*BALANCE, "--init", "/"), "/"),
    "unknown variable": ((*BALANCE, "--fitness", "mean(pole_angel)"), "'pole_angle'"),
    "broken expression": ((*BALANCE, "--fitness", "mean(pole_angle"), "mean(pole_angle"),
    "observations not supported": (
        ("run", "win", "-e", "Blackjack-v1", "--fitness", "native"),
        "Tuple observations are not supported",
    ),
    "fitness not chosen": (("run", "climb the hill", "-e", "MountainCar-v0"), "--fitness"),
    "unknown argument of the environment": ((*BALANCE, "--env-kwargs", "size=3"), "size"),
    "raters decide, but nobody is asked": ((*BALANCE, "--fitness", "preference"), "--feedback"),
    "a rater without a question": ((*BALANCE, "--rater", "simulated"), "--feedback"),
    "no rater": ((*BALANCE, "--feedback", "pair", "--rater", "ann"), "simulated:beta=3"),
    "a judge without a model": (
        (*BALANCE, "--feedback", "pair", "--judge", "model"),
        "--model NAME",
    ),
    "a simulated rater without a fitness": (
        (*BALANCE, "--feedback", "pair", "--fitness", "preference", "--rater", "simulated"),
        "votes by the fitness",
    ),
    "no model": ((*BALANCE, "--proposer", "llm"), "--model"),
    "a server without a model": ((*BALANCE, "--api-base", "http://127.0.0.1:9"), "--model"),
    "an address that is none": ((*BALANCE, "-m", "test", "--api-base", "there"), "http://"),
    "a model without its key": ((*BALANCE, "-m", "gpt-5"), "OPENAI_API_KEY"),
    "a constructor that divides by zero": (
        ("run", "hop", "-e", "Hopper-v5", "--env-kwargs", "frame_skip=0", "--fitness", "native"),
        "cannot be built",
    ),
    "a review without a model": ((*BALANCE, "--review"), "--model"),
    "seeds without end": (
        ("train", __file__, "-e", "CartPole-v1", "--seeds", "0-99999999999"),
        "at most 1000 seeds",
    ),
    "a warm start for sb3": (
        (*BALANCE, "--warm-start", "parent", "--backend", "sb3"),
        "warm start",
    ),
    "a population of sac": (
        ("run", "swing up", "-e", "Pendulum-v1", "--algo", "sac", "--backend", "population"),
        "ppo only",
    ),
    "sac for discrete actions": ((*BALANCE, "--algo", "sac"), "sac"),
    "check without a file": (("check", "nowhere.py", "-e", "CartPole-v1"), "nowhere.py"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_one_line_says_what_is_wrong(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    place = ("-o", tmp_path / "runs") if arguments[0] == "run" else ()
    done = call(*arguments, *place)
    refused(done, said)
    assert not list(tmp_path.glob("runs/*/")), "a run that cannot begin is not stored"


def test_a_runs_directory_that_cannot_be_written_is_named() -> None:
    refused(call(*BALANCE, "-o", "/proc/runs"), "/proc/runs")


def test_observations_of_a_users_own_environment_are_named_too(tmp_path: Path) -> None:
    (tmp_path / "rooms.py").write_text(DICT_ENV)
    arguments = ("run", "win", "-e", f"{tmp_path}/rooms.py:make", "--fitness", "T")
    refused(call(*arguments, "-o", tmp_path / "runs"), "Dict observations are not supported")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs", "show", "nothing"), "runs list"),
        (("evaluate", "last:r09c09"), "r09c09"),
        (("evaluate", "last", "--seeds", "one"), "0,1,2"),
        (("export", "last"), "--reward"),
        (("ctl", "last", "explode"), "explode"),
        (("resume", "last"), "--iterations"),
    ],
)
def test_what_a_finished_run_cannot_do_is_said(
    arguments: tuple[str, ...], said: str, recorded: Recorded
) -> None:
    refused(call(*arguments, "-o", recorded.runs_dir), said)


def test_a_directory_without_runs_is_named(tmp_path: Path) -> None:
    refused(call("resume", "last", "-o", tmp_path), str(tmp_path))


def test_a_reward_that_the_critic_refuses_is_not_trained(tmp_path: Path) -> None:
    reward = tmp_path / "lazy.py"
    reward.write_text("def compute_reward(state):\n    return {'a': 1.0}\n")
    done = call("train", reward, "-e", "CartPole-v1", *TINY, "-o", tmp_path / "runs")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "lazy.py is refused" in done.stderr


def test_a_given_reward_that_breaks_in_training_fails_and_says_when(tmp_path: Path) -> None:
    reward = tmp_path / "late.py"
    reward.write_text(
        "import numpy as np\n\ndef compute_reward(next_state, t):\n"
        "    late = (t > 90) & (t < 400)\n"
        "    return {'up': np.where(late, np.nan, 1.0 - np.abs(next_state.pole_angle))}\n"
    )
    more = ("--task", "balance", "--timesteps", "8000", "--seeds", "3,5", "-o", tmp_path)
    done = call("train", reward, "-e", "CartPole-v1", *more)
    assert done.returncode == 1
    assert re.fullmatch(
        r'rewardsmith: after [\d,]+ steps of training: term "up" is nan .*\n', done.stderr
    )
    assert "training seeds: 3,5\nepisode seeds: " in done.stdout
    assert "r01c00 failed: after" in done.stdout


def test_when_all_failed_each_reason_is_shown_with_the_run_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    reward = tmp_path / "lazy.py"
    reward.write_text("def compute_reward(state):\n    return {'a': 1.0}\n")
    once = ("-n", "1", "-i", "1", "--set", "search.retries=0", "--set", "search.repairs=0")
    done = call(*BALANCE, *TINY, *once, "--init", reward, "-o", tmp_path / "runs")
    assert done.returncode == 4
    assert done.stderr == "rewardsmith: every candidate of generation 1 failed, attempts: 1\n"
    assert "init:lazy.py" in done.stdout and 'r01c00 failed: term "a"' in done.stdout
    (folder,) = tmp_path.glob("runs/*/")
    assert f"the run      {folder}" in done.stdout
    assert (folder / "r01/c00/reward.py").read_text() == reward.read_text()


def test_a_time_limit_ends_the_run_and_it_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    arguments = (*BALANCE, *TINY, "-n", "1", "-i", "1", "--json", "-o", tmp_path)
    done = call(*arguments, "--time-limit", "1")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr and "time limit of 1 s" in done.stderr
    assert f"--runs-dir {tmp_path}" in done.stderr
    last = lines_of(done)[-1]
    assert (last["event"], last["status"]) == ("done", "limit")
    resumed = call("resume", "last", "--time-limit", "100", "--json", "-o", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert lines_of(resumed)[-1]["status"] == "done"


def refused(done: Finished, said: str) -> None:
    """Exit code 2 and one line on stderr that holds `said`."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert not done.stdout
