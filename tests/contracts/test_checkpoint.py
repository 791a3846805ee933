"""A training that dies goes on where it stood, and ends as if nothing had happened."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_jobs import checked

from rewardsmith import tasks
from rewardsmith.files import write_record
from rewardsmith.records import Training
from rewardsmith.training import TrainBatch, TrainJob, checkpoint, population
from rewardsmith.training.batching import batches

REWARD = """import numpy as np


def compute_reward(next_state, action):
    effort = -0.01 * np.sum(np.square(action), axis=-1)
    return {"speed": next_state.x_velocity, "effort": effort}
"""
ROLLOUT, ROUNDS = 4 * 32, 12


def jobs(place: Path) -> list[TrainJob]:
    task = tasks.resolve("Hopper-v5", "hop forward")
    reward = checked(REWARD, task)
    made = []
    for name, given in (("a", reward), ("b", reward), ("native", None)):
        folder = place / name
        folder.mkdir(parents=True)
        made.append(
            TrainJob(
                id=f"{name}/selection-0",
                candidate=name,
                task=task,
                reward=given,
                seed=0,
                purpose="selection",
                timesteps=ROLLOUT * ROUNDS,
                n_envs=4,
                backend="population",
                hyperparams={"n_steps": 32, "batch_size": 64, "n_epochs": 2},
                folder=str(folder),
                relative=name,
                checkpoint_s=0.0,
            )
        )
    return made


def trained(asked: Sequence[TrainJob]) -> dict[str, Training]:
    done: dict[str, Training] = {}

    def keep(job: TrainJob, training: Training) -> None:
        done[job.id] = training

    population.train(asked, lambda job, progress: None, keep)
    return done


def outcome(job: TrainJob, training: Training) -> tuple[object, ...]:
    names = ("policy", "last", "learner")
    files = [(Path(job.folder) / f"{name}.safetensors").read_bytes() for name in names]
    return (*files, training.curve, training.terms, training.peak_timestep, training.timesteps)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    asked = jobs(tmp_path_factory.mktemp("whole"))
    done = trained(asked)
    return [outcome(job, done[job.id]) for job in asked]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a process leaves that is killed when all its learners have stored two rollouts."""
    place = tmp_path_factory.mktemp("killed")
    asked, batch = jobs(place), place / "batch.json"
    write_record(batch, TrainBatch(jobs=tuple(asked)))
    code = "import sys, pathlib; from rewardsmith.training import child; "
    code += "child.serve_one(pathlib.Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(batch)])
    folders = [Path(job.folder) for job in asked]
    while checkpoint.shared(folders) < 2 * ROLLOUT:
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not (folders[0] / "result.json").exists()
    return place


@pytest.fixture
def left(killed: Path, tmp_path: Path) -> list[TrainJob]:
    """The jobs of the dead process, with a copy of its files."""
    asked = jobs(tmp_path)
    for job in asked:
        shutil.copytree(killed / job.relative, job.folder, dirs_exist_ok=True)
    return asked


def test_it_goes_on_bit_for_bit(left: list[TrainJob], whole: list[tuple[object, ...]]) -> None:
    folders = [Path(job.folder) for job in left]
    assert 0 < checkpoint.shared(folders) < ROLLOUT * ROUNDS
    done = trained(left)
    assert [outcome(job, done[job.id]) for job in left] == whole
    assert checkpoint.shared(folders) == 0


def test_an_older_checkpoint_serves_where_the_newest_is_not_everybodys(
    left: list[TrainJob], whole: list[tuple[object, ...]]
) -> None:
    folders = [Path(job.folder) for job in left]
    common = checkpoint.shared(folders)
    # As if the machine had died between the files of two learners.
    checkpoint.save(folders[0], common + 7, checkpoint.load(folders[0], common))
    assert checkpoint.shared(folders) == common
    done = trained(left)
    assert [outcome(job, done[job.id]) for job in left] == whole


def test_a_batch_of_which_one_has_no_checkpoint_starts_again(
    left: list[TrainJob], whole: list[tuple[object, ...]]
) -> None:
    checkpoint.forget(Path(left[1].folder))
    done = trained(left)
    assert [outcome(job, done[job.id]) for job in left] == whole


def test_who_stood_elsewhere_goes_on_from_there_in_another_batch(
    left: list[TrainJob], whole: list[tuple[object, ...]]
) -> None:
    """Other processes, or a sibling's failure, put learners together that were apart before."""
    common = checkpoint.shared([Path(job.folder) for job in left])
    trained([left[2].model_copy(update={"until": common + 2 * ROLLOUT})])
    parts = [batch.jobs for batch in batches(left, 1)]
    assert [[job.candidate for job in part] for part in parts] == [["a", "b"], ["native"]]
    stood = [checkpoint.shared([Path(job.folder) for job in part]) for part in parts]
    assert stood == [common, common + 2 * ROLLOUT]
    done = trained(parts[0]) | trained(parts[1])
    assert [outcome(job, done[job.id]) for job in left] == whole


def test_what_one_reward_reads_changes_no_siblings_engine(tmp_path: Path) -> None:
    """Only Gymnasium's own step gives `info`; its worlds cannot be put back, others' can."""
    task = tasks.resolve("Swimmer-v5", "swim forward", fitness="native")
    (speed,) = (v.name for v in task.variables if v.source == "info:x_velocity")
    told = f"def compute_reward(next_state):\n    return {{'speed': next_state.{speed}}}\n"
    plain = "def compute_reward(next_obs):\n    return {'speed': next_obs[:, 3]}\n"
    rewards = [checked(told, task), checked(plain, task), checked(plain, task)]
    asked = [
        job.model_copy(update={"task": task, "reward": reward})
        for job, reward in zip(jobs(tmp_path), rewards, strict=True)
    ]
    rung = [job.model_copy(update={"until": 2 * ROLLOUT}) for job in asked]
    parts = [batch.jobs for batch in batches(rung, 1)]
    assert [[job.candidate for job in part] for part in parts] == [["a"], ["b", "native"]]
    for part in parts:
        trained(part)
    # The first is cut, the others go on.
    done = trained([job.model_copy(update={"timesteps": 3 * ROLLOUT}) for job in asked[1:]])
    assert [(t.failure, t.timesteps) for t in done.values()] == [(None, 3 * ROLLOUT)] * 2


def test_one_that_stopped_at_a_rung_goes_on_bit_for_bit(
    tmp_path: Path, whole: list[tuple[object, ...]]
) -> None:
    asked = jobs(tmp_path)
    stopped = trained([job.model_copy(update={"until": 5 * ROLLOUT - 1}) for job in asked])
    assert {t.timesteps for t in stopped.values()} == {5 * ROLLOUT}
    assert {t.done for t in stopped.values()} == {5 / ROUNDS}
    assert all((Path(job.folder) / "policy.safetensors").exists() for job in asked)
    # One of the three was cut, and the others go on apart from each other.
    done = trained([asked[2]]) | trained([asked[0]])
    assert [outcome(asked[at], done[asked[at].id]) for at in (0, 2)] == [whole[0], whole[2]]


def test_where_worlds_cannot_be_put_back_it_goes_on_with_new_episodes(tmp_path: Path) -> None:
    task = tasks.resolve("CartPole-v1", "balance the pole")
    asked = [
        job.model_copy(update={"task": task, "reward": None}) for job in jobs(tmp_path / "first")
    ]
    trained([job.model_copy(update={"until": 5 * ROLLOUT}) for job in asked])
    shutil.copytree(tmp_path / "first", tmp_path / "again")
    again = [
        job.model_copy(update={"folder": str(tmp_path / "again" / job.relative)}) for job in asked
    ]
    one, other = trained(asked), trained(again)
    assert {t.timesteps for t in one.values()} == {ROLLOUT * ROUNDS}
    assert [outcome(a, one[a.id]) for a in asked] == [outcome(a, other[a.id]) for a in again]
