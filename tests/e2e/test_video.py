"""Videos: made at the end of a run and on demand; that one cannot be made never touches the run."""

from __future__ import annotations

import base64
import io
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from running import TINY, Finished, Recorded, call, event, lines_of

from rewardsmith import filming, policy, tasks
from rewardsmith.crew import Crew
from rewardsmith.entrants import entrants
from rewardsmith.records import Video
from rewardsmith.render import RenderJob, pace
from rewardsmith.store import Store

av = pytest.importorskip("av", reason="needs rewardsmith[video]")

# The last assignment of a setting holds.
FILMED = (*TINY, "--set", "video.finalists=true", "-n", "1", "-i", "1")
BLIND = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Blind(CartPoleEnv):
    def render(self):
        return None


def make_env(**kwargs):
    return gymnasium.wrappers.TimeLimit(Blind(**kwargs), 50)
"""


def _run(runs_dir: Path, *arguments: str) -> Finished:
    done = call("run", *arguments, *FILMED, "--json", "-o", runs_dir)
    assert done.returncode == 0, done.stderr
    return done


def _frames(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.mark.skipif(not filming.graphics(), reason="no off-screen graphics on this machine")
def test_the_finalists_of_mujoco_are_filmed_at_the_end(tmp_path: Path) -> None:
    done = _run(tmp_path, "balance the pole", "-e", "InvertedPendulum-v5", "--fitness", "T")
    lines = lines_of(done)
    films = [line for line in lines if line["event"] == "video"]
    assert [film["shows"] for film in sorted(films, key=lambda f: f["shows"])] == ["best", "last"]
    assert lines[-1]["event"] == "done"
    for film in films:
        path = Path(film["file"])
        known = Video.model_validate_json(path.with_suffix(".json").read_bytes())
        frames = _frames(path)
        assert len(frames) == known.frames
        assert frames[0].shape == (known.height, known.width, 3) == (360, 480, 3)
        # Something is drawn, and it moves.
        assert np.ptp(frames[0]) > 50
        assert not np.array_equal(frames[0], frames[-1])
        assert known.fitness == known.steps, "the fitness T is of what is shown"
        (poster,) = _frames_of_jpeg(path.with_suffix(".jpg"))
        assert poster.shape == frames[0].shape
    assert not list(tmp_path.rglob("best.job.*")), "what a video was made with is left behind"


def test_an_environment_that_draws_itself_is_filmed_on_demand(recorded: Recorded) -> None:
    assert not list(recorded.folder.rglob("*.mp4"))
    filmed = call("video", "last:r01c00", "--seconds", "1", "-o", recorded.runs_dir)
    assert filmed.returncode == 0, filmed.stderr
    assert "video of r01c00 (best)" in filmed.stdout
    frames = _frames(recorded.folder / "r01" / "c00" / "best.mp4")
    assert not np.array_equal(frames[0], frames[10])


def test_an_environment_that_cannot_be_drawn_costs_the_video_alone(tmp_path: Path) -> None:
    made = tmp_path / "blind.py"
    made.write_text(BLIND)
    done = _run(tmp_path / "runs", "balance", "-e", f"{made}:make_env", "--fitness", "T")
    lines = lines_of(done)
    film = event(lines, "video")
    assert film["message"] == "the environment drew NoneType, no picture"
    assert lines[-1]["status"] == "done"
    again = call("video", "last", "-o", tmp_path / "runs")
    assert again.returncode == 1
    assert "no video of r01c00 (best): the environment drew NoneType" in again.stdout


# As an error it would crash Box2D's bindings while they are imported.
@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
@pytest.mark.parametrize(("env", "gl"), [("LunarLander-v3", ""), ("Swimmer-v5", "osmesa")])
def test_box2d_is_filmed_and_mujoco_without_egl(env: str, gl: str, tmp_path: Path) -> None:
    if gl and not filming._draws(gl):
        pytest.skip(f"{gl} draws nothing on this machine")
    task = tasks.resolve(env, "go", fitness="native")
    inputs, discrete = task.observation.size, task.action.kind == "discrete"
    idle = policy.Policy(
        header=policy.PolicyHeader(
            env=env,
            head="categorical" if discrete else "gaussian",
            activation="tanh",
            action=task.action,
        ),
        weights=(np.zeros((task.action.n if discrete else task.action.size, inputs)),),
        biases=(np.ones(task.action.n if discrete else task.action.size),),
        mean=np.zeros(inputs),
        scale=np.ones(inputs),
        log_std=np.zeros(0 if discrete else task.action.size),
    )
    policy.save(idle, tmp_path / "policy.safetensors")
    job = RenderJob(
        task=task,
        policy=str(tmp_path / "policy.safetensors"),
        shows="best",
        seed=0,
        output=str(tmp_path / "best.mp4"),
        seconds=0.5,
        gl=gl,
    )
    with closing(Crew([job])) as crew:
        ended = []
        while crew.busy:
            ended += crew.look()
            time.sleep(0.05)
    assert ended == [(job, "")]
    frames = _frames(Path(job.output))
    assert np.ptp(frames[0]) > 50 and not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize(
    ("dt_s", "every", "rate"),
    [
        (0.05, 1, Fraction(20)),
        (0.008, 4, Fraction(125, 4)),
        (0.02, 2, Fraction(25)),
        (None, 1, Fraction(30)),
    ],
)
def test_a_film_runs_in_true_time(dt_s: float | None, every: int, rate: Fraction) -> None:
    assert pace(dt_s) == (every, rate)


def _frames_of_jpeg(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as picture:
        return [frame.to_ndarray(format="rgb24") for frame in picture.decode(video=0)]


def test_a_judge_that_sees_gets_jpegs_of_an_episode_in_order(tmp_path: Path) -> None:
    """Filmed when it is asked for: the pole falls, so the last picture is not the first."""
    done = call(
        *("run", "balance the pole", "-e", "CartPole-v1", *TINY, "-n", "1", "-i", "1"),
        *("--feedback", "pair", "--votes", "1", "--rater", "simulated:beta=5"),
        *("-o", tmp_path, "--json"),
    )
    assert done.returncode == 0, done.stderr
    with closing(Store(tmp_path, create=False)) as store:
        run = store.run("last")
        (clip, *_) = (c for e in entrants(store, run) if e.id == "random" for c in e.clips)
        look = filming.Projector(store, run, 4, lambda: None)
        pictures = [base64.b64decode(picture) for picture in look(clip)]
        assert look(clip) == tuple(base64.b64encode(picture).decode() for picture in pictures)
        gone = clip.model_copy(update={"seed": 7})
        assert look(gone) == ()
    assert len(pictures) == 4 and len(set(pictures)) == 4
    for picture in pictures:
        with av.open(io.BytesIO(picture)) as image:
            (frame,) = image.decode(video=0)
            assert (frame.width, frame.height) == (600, 400)
