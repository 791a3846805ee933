"""What every engine owes: hung and dead jobs are failures, nothing is done twice, none is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import descendants, environment, runs, wait_for
from tiny_jobs import GOOD, QUICK, checked, job, point_task

from rewardsmith.engine.local import LocalEngine
from rewardsmith.errors import Cancelled
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.records import Training
from rewardsmith.training import Progress, TrainJob

PATIENT_S = 60.0
"""More than a cold child needs to import torch."""
KILLED = """
import sys
from pathlib import Path
from tiny_jobs import GOOD, checked, job, point_task
from rewardsmith.engine.local import LocalEngine

reward = checked(GOOD, point_task())
task = point_task(sleep_s=0.01)
with LocalEngine(1) as engine:
    asked = job(Path(sys.argv[1]), task, reward, timesteps=10**9)
    for _ in engine.train([asked], lambda job, progress: print("trains", flush=True), lambda: None):
        pass
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(2, PATIENT_S, PATIENT_S) as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def finished(engine: LocalEngine, place: Path) -> tuple[list[TrainJob], dict[str, Training]]:
    """Two trainings side by side; from here on the engine's children are warm."""
    task = point_task()
    jobs = [job(place / "c00", task, checked(GOOD, task)), job(place / "c01", task, seed=1)]
    return jobs, train(engine, *jobs)


def train(engine: LocalEngine, *jobs: TrainJob) -> dict[str, Training]:
    """What became of the jobs, by candidate."""
    done = engine.train(jobs, lambda job, progress: None, lambda: None)
    candidates = {asked.id: asked.candidate for asked in jobs}
    return {candidates[training.id]: training for training in done}


def result_of(asked: TrainJob) -> Path:
    return Path(asked.folder) / "result.json"


def test_jobs_are_trained_and_show_progress(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    jobs, done = finished
    assert set(done) == {"c00", "c01"}
    assert all(training.failure is None for training in done.values())
    assert [term.name for term in done["c00"].terms] == ["near", "effort"]
    for asked in jobs:
        names = {path.name for path in Path(asked.folder).iterdir()}
        assert {"policy.safetensors", "last.safetensors", "result.json", "job.json"} <= names
    told: list[Progress] = []
    more = job(place / "c02", point_task(), timesteps=1024)
    list(engine.train([more], lambda asked, progress: told.append(progress), lambda: None))
    assert told and told[-1].timesteps <= 1024


def test_a_finished_training_is_not_repeated_unless_something_else_is_asked(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]]
) -> None:
    jobs, done = finished
    before = [result_of(asked).stat() for asked in jobs]
    assert train(engine, *jobs) == done
    after = [result_of(asked).stat() for asked in jobs]
    assert [(a.st_ino, a.st_mtime_ns) for a in after] == [(b.st_ino, b.st_mtime_ns) for b in before]
    longer = jobs[1].model_copy(update={"timesteps": 640})
    assert train(engine, longer)["c01"].timesteps == 640


def test_a_half_written_result_is_no_result(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    again = job(place / "c03", point_task())
    first = train(engine, again)
    whole = result_of(again).read_bytes()
    result_of(again).write_bytes(whole[: len(whole) // 2])
    repeated = train(engine, again)
    assert repeated["c03"].model_copy(update={"wall_s": 0}) == first["c03"].model_copy(
        update={"wall_s": 0}
    )


def test_a_training_that_hangs_is_ended_and_its_sibling_is_not(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    engine.stall_s = 3.0
    try:
        done = train(
            engine,
            job(place / "c04", point_task(hang_at=100)),
            job(place / "c05", point_task(sleep_s=0.005), timesteps=1024),
        )
    finally:
        engine.stall_s = PATIENT_S
    failure = done["c04"].failure
    assert failure and (failure.stage, failure.cause) == ("train", "timeout")
    assert "reported nothing for 3 s" in failure.for_human
    assert done["c05"].failure is None and done["c05"].timesteps == 1024


def test_a_rollout_longer_than_the_patience_is_no_hang(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    slow = job(
        place / "c06",
        point_task(sleep_s=0.02),
        timesteps=256,
        n_envs=1,
        hyperparams=QUICK["ppo"] | {"n_steps": 256},
    )
    train(engine, job(place / "c07", point_task()), job(place / "c08", point_task()))  # both warm
    engine.stall_s = 2.5
    try:
        done = train(engine, slow)
    finally:
        engine.stall_s = PATIENT_S
    assert done["c06"].failure is None
    assert done["c06"].wall_s > 2.5


def test_a_training_that_takes_too_long_is_ended_though_it_reports(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    engine.timeout_s = 3.0
    try:
        done = train(engine, job(place / "c09", point_task(), timesteps=10**9))
    finally:
        engine.timeout_s = PATIENT_S
    failure = done["c09"].failure
    assert failure and failure.cause == "timeout"
    assert "took longer than 3 s" in failure.for_human
    assert not result_of(job(place / "c09", point_task())).exists()


def test_an_environment_that_dies_fails_its_training_and_the_next_gets_a_new_child(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    done = train(
        engine,
        job(place / "c10", point_task(exit_at=50)),
        job(place / "c11", point_task(exit_at=50)),
        job(place / "c12", point_task()),
    )
    for name in ("c10", "c11"):
        failure = done[name].failure
        assert failure and (failure.stage, failure.cause) == ("train", "crash")
        assert "exit code 7" in failure.for_human
    assert done["c12"].failure is None


def test_policies_are_measured_once_and_a_hung_evaluation_is_a_failure(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    jobs, _ = finished
    asked = [
        EvaluateJob(
            task=point_task(hang_at=hang_at),
            policy=str(Path(jobs[0].folder) / "policy.safetensors"),
            seeds=(5, 6, 7),
            output=str(place / name),
        )
        for name, hang_at in (("well.json", 0), ("hung.json", 30))
    ]
    (well,) = engine.evaluate(asked[:1], lambda: None)
    engine.timeout_s = 2.0
    try:
        (hung,) = engine.evaluate(asked[1:], lambda: None)
    finally:
        engine.timeout_s = PATIENT_S
    assert well.episodes and well.episodes.seeds == (5, 6, 7)
    assert well.episodes.length == (60, 60, 60)
    assert well.episodes.fitness == well.episodes.native_return
    assert hung.episodes is None
    assert hung.failure and (hung.failure.stage, hung.failure.cause) == ("evaluate", "timeout")
    before = Path(asked[0].output).stat().st_mtime_ns
    (again,) = engine.evaluate(asked[:1], lambda: None)
    assert again == well and Path(asked[0].output).stat().st_mtime_ns == before


def test_what_the_poll_raises_ends_what_runs(
    engine: LocalEngine, finished: tuple[list[TrainJob], dict[str, Training]], place: Path
) -> None:
    trains: list[Progress] = []
    busy: set[int] = set()

    def poll() -> None:
        if trains:
            busy.update(descendants(os.getpid()))
            raise Cancelled("enough")

    endless = [job(place / name, point_task(), timesteps=10**9) for name in ("c13", "c14")]
    with pytest.raises(Cancelled):
        list(engine.train(endless, lambda asked, progress: trains.append(progress), poll))
    left = {pid for pid in busy if runs(pid) and "train.child" in command(pid)}
    assert not left


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def test_no_key_reaches_a_child_and_none_is_left_when_the_engine_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"OPENAI_API_KEY": "sk-1", "HF_TOKEN": "hf-2", "AWS_SECRET_ACCESS_KEY": "aws-3"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    task = point_task()
    reward = checked(GOOD, task)
    before = descendants(os.getpid())
    mine: set[int] = set()

    def look() -> None:
        # A training child, its zygote, and the jailed worker forked from that.
        mine.update(descendants(os.getpid()) - before)

    with LocalEngine(1, PATIENT_S, PATIENT_S) as engine:
        asked = job(place / "c15", point_task(sleep_s=0.002), reward)
        for training in engine.train([asked], lambda asked, progress: look(), look):
            assert training.failure is None
        family = descendants(os.getpid()) - before
        (child,) = [pid for pid in family if "rewardsmith.training.child" in command(pid)]
        assert len(mine) >= 3
        given = environment(child)
        assert "PATH" in given and given["OMP_NUM_THREADS"] == "1"
        words = ("KEY", "TOKEN", "SECRET")
        assert not [name for name in given if any(word in name for word in words)]
        assert not set(secrets.values()) & set(given.values())
    wait_for(lambda: not any(runs(pid) for pid in mine))


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "c00")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    try:
        assert parent.stdout and parent.stdout.readline() == b"trains\n"
        family = descendants(parent.pid)
        assert len(family) >= 2  # the trainer and its jailed worker
    finally:
        parent.kill()
        parent.communicate()
    wait_for(lambda: not any(runs(pid) for pid in family))


def test_a_child_that_has_not_begun_yet_goes_too_when_the_parent_is_killed(tmp_path: Path) -> None:
    """The parent may die while a child still imports torch, before it can ask the kernel."""
    start = "import time\nfrom rewardsmith.engine.local import LocalEngine\n"
    start += "with LocalEngine(1):\n    print('started', flush=True)\n    time.sleep(3600)\n"
    parent = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE)
    try:
        assert parent.stdout and parent.stdout.readline() == b"started\n"
        time.sleep(0.3)
        family = descendants(parent.pid)
        assert family
    finally:
        parent.kill()
        parent.communicate()
    wait_for(lambda: not any(runs(pid) for pid in family))
