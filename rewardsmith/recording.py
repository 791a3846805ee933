"""A finished search as something to replay: in the store it was made in, or as one file.

A file is a zip archive: `recording.json` (this record), `llm.jsonl` (the calls) and what the
trainings left. It holds data alone; a reward in it passes the critic again and runs in the jail.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Protocol, Self

from pydantic import ValidationError

from rewardsmith import calls
from rewardsmith.engine import Evaluated
from rewardsmith.errors import UserError
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.llm import cassette
from rewardsmith.llm.cassette import Entry
from rewardsmith.records import Arm, Baseline, Candidate, Record, RunStatus, Training
from rewardsmith.store import DATABASE, RunRecord, Store
from rewardsmith.training import STATE_FILE, Progress, TrainJob
from rewardsmith.votes import Vote

_RECORD, _LEFT_OUT = "recording.json", ("last.safetensors", STATE_FILE)
"""What a replay has no use for: the weights that training would go on from."""


class Recorded(Record):
    """The records of a finished search."""

    run: RunRecord
    candidates: tuple[Candidate, ...]
    baselines: tuple[Baseline, ...]
    votes: tuple[Vote, ...] = ()


class Files(Protocol):
    """The files of a recorded run."""

    def copy(self, relative: str, target: Path) -> None:
        """Copy the files of one of its folders; nothing where it has none."""


class Recording:
    """Open with `Recording.of(source)`."""

    def __init__(self, recorded: Recorded, entries: Sequence[Entry], files: Files) -> None:
        self.run, self.entries, self.files = recorded.run, tuple(entries), files
        arms: list[Arm] = [*recorded.candidates, *recorded.baselines]
        self.candidates, self.votes = recorded.candidates, recorded.votes
        self.arms: dict[str, Arm] = {arm.id: arm for arm in arms}

    @staticmethod
    def of(source: Path) -> Recording:
        """The recording in a run's folder, or in a file that `write` made.

        Raises UserError where there is none, or the search did not come to its end.
        """
        if not source.is_file():
            with closing(Store(source.parent, create=False)) as store:
                run = store.run(source.name)
                recorded, entries = _records(store, run), calls.entries(store, run.id)
            return Recording(recorded, entries, _Folder(source))
        try:
            with zipfile.ZipFile(source) as archive:
                recorded = Recorded.model_validate_json(archive.read(_RECORD))
                entries = cassette.read(archive.read(calls.LOG).decode("utf-8"))
        except (zipfile.BadZipFile, KeyError, ValidationError, UnicodeDecodeError) as error:
            why = " ".join(str(error).split())[:120]
            raise UserError(f"{source} is no recording of this version: {why}") from None
        return Recording(recorded, entries, _Archive(source))


def write(store: Store, run: RunRecord, path: Path, redact: Callable[[str], str]) -> None:
    """Write a finished search into one file that `--replay` takes."""
    folder = store.folder(run.id)
    recorded = _records(store, run)
    lines = (cassette.line(entry, redact) for entry in calls.entries(store, run.id))
    arms: list[Arm] = [*recorded.candidates, *recorded.baselines]
    trained = [folder / training.folder for arm in arms for training in arm.trainings]
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_RECORD, redact(recorded.model_dump_json()))
            archive.writestr(calls.LOG, "".join(lines))
            for file in sorted(file for place in trained for file in place.rglob("*")):
                if file.is_file() and file.name not in _LEFT_OUT:
                    archive.write(file, file.relative_to(folder))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


class ReplayEngine:
    """Gives every training the result that it had; see Engine.

    A candidate whose code is not the recorded one has none: UserError.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs that would have to be ended."""

    def train(
        self,
        jobs: Sequence[TrainJob],
        progress: Callable[[TrainJob, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[Training]:
        """See Engine.train."""
        for job in jobs:
            training = _as_it_stood(self._known(job), job.until)
            self._recording.files.copy(training.folder, Path(job.folder))
            later = training.failure and training.failure.stage == "evaluate"
            yield training.model_copy(
                update={"episodes": None, "failure": None if later else training.failure}
            )

    def evaluate(
        self, jobs: Sequence[EvaluateJob], poll: Callable[[], None]
    ) -> Iterator[Evaluated]:
        """See Engine.evaluate."""
        known = [t for arm in self._recording.arms.values() for t in arm.trainings]
        for job in jobs:
            folder = Path(job.policy).parent
            (training,) = (t for t in known if folder.match(t.folder))
            earlier = [r.episodes for r in training.rungs if r.timesteps == job.timesteps]
            if earlier:
                yield Evaluated(job=job, episodes=earlier[0])
            else:
                yield Evaluated(job=job, episodes=training.episodes, failure=training.failure)

    def _known(self, job: TrainJob) -> Training:
        arm = self._recording.arms.get(job.candidate)
        code = job.reward.code if job.reward else ""
        if isinstance(arm, Candidate) and arm.code != code:
            raise UserError(
                f"{job.candidate} is not the candidate that was recorded: the critic or the "
                "parser has changed; --retrain trains it anew"
            )
        for training in arm.trainings if arm else ():
            if training.id == job.id:
                return training
        raise UserError(f"{job.id} was not recorded; --retrain trains it anew")


def _as_it_stood(training: Training, until: int) -> Training:
    """A recorded training at the rung of `until` steps; as it ended where it has no such rung."""
    for at, rung in enumerate(training.rungs):
        if 0 < until <= rung.timesteps:
            earlier = {"rungs": training.rungs[:at], "failure": None}
            return training.model_copy(update={"timesteps": rung.timesteps, **earlier})
    return training


class _Folder:
    """See Files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def copy(self, relative: str, target: Path) -> None:
        if (self._folder / relative).is_dir():
            shutil.copytree(self._folder / relative, target, dirs_exist_ok=True)


class _Archive:
    """See Files; a name in it that would lead outside of the target is not followed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def copy(self, relative: str, target: Path) -> None:
        with zipfile.ZipFile(self._path) as archive:
            for name in archive.namelist():
                inner = PurePosixPath(name)
                if not inner.is_relative_to(relative) or ".." in inner.parts or name[-1] == "/":
                    continue
                place = target / inner.relative_to(relative)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.read(name))


def _records(store: Store, run: RunRecord) -> Recorded:
    if run.kind != "search" or run.status is not RunStatus.DONE:
        raise UserError(f"{run.id} is no finished search (it is {run.status}): resume it first")
    if run.config.replay.source:
        raise UserError(f"{run.id} is itself a replay; take {run.config.replay.source}")
    return Recorded(
        run=run,
        candidates=tuple(store.candidates(run.id)),
        baselines=tuple(store.baselines(run.id)),
        votes=tuple(store.votes(run.id)),
    )


def find(name: str, runs_dir: Path) -> Path:
    """Where the recording that `name` means lies: a file, or the folder of a run."""
    path = Path(name)
    if path.is_file():
        return path.resolve()
    if not (runs_dir / DATABASE).exists():
        raise UserError(f"{name} is neither a file nor a run: there are no runs in {runs_dir}")
    with closing(Store(runs_dir, create=False)) as store:
        return store.folder(store.run(name).id)
