"""Runs jobs on this machine: a process each, at most so many at once, with a stated patience."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from rewardsmith import children
from rewardsmith.engine import Evaluated
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.files import write_record
from rewardsmith.records import Episodes, Failure, Record, Training
from rewardsmith.train import Progress, TrainJob

_POLL_S = 0.1
_LOG_LINES = 12

Job = TypeVar("Job", TrainJob, EvaluateJob)


@dataclass
class _Running(Generic[Job]):
    """A child at work; a training shows life by lines in `reports`."""

    job: Job
    process: subprocess.Popen[bytes]
    log: Path
    reports: Path | None = None
    started: float = field(default_factory=time.monotonic)
    alive_at: float = field(default_factory=time.monotonic)
    read: int = 0


@dataclass(frozen=True)
class _Ended(Generic[Job]):
    """A child that has ended; `why` is empty when it ended well."""

    job: Job
    cause: str = ""
    why: str = ""


class LocalEngine:
    """Child processes on this machine.

    Attributes:
        max_workers: jobs at once; None takes one a core.
        timeout_s: a job that takes longer is ended and counts as failed.
        stall_s: the same for one that reports nothing for so long.
    """

    def __init__(
        self, max_workers: int | None = None, timeout_s: float = 7200.0, stall_s: float = 180.0
    ) -> None:
        self.max_workers = max_workers or os.cpu_count() or 1
        self.timeout_s = timeout_s
        self.stall_s = stall_s

    def train(
        self,
        jobs: Sequence[TrainJob],
        progress: Callable[[TrainJob, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[Training]:
        """See `Engine.train`. A training whose result is on disk already is not repeated."""
        waiting = []
        for job in jobs:
            done = _finished_training(job)
            if done:
                yield done
            else:
                waiting.append(job)
        for ended in self._run(waiting, self._start_training, progress, poll):
            result = None if ended.why else _finished_training(ended.job)
            yield result or _failed_training(ended)

    def evaluate(
        self, jobs: Sequence[EvaluateJob], poll: Callable[[], None]
    ) -> Iterator[Evaluated]:
        """See `Engine.evaluate`."""
        waiting = []
        for job in jobs:
            episodes = _stored_episodes(job)
            if episodes:
                yield Evaluated(job=job, episodes=episodes)
            else:
                waiting.append(job)
        for ended in self._run(waiting, _start_evaluation, lambda job, line: None, poll):
            episodes = None if ended.why else _stored_episodes(ended.job)
            failure = None if episodes else _failure("evaluate", ended)
            yield Evaluated(job=ended.job, episodes=episodes, failure=failure)

    def _run(
        self,
        jobs: Sequence[Job],
        start: Callable[[Job], _Running[Job]],
        progress: Callable[[Job, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[_Ended[Job]]:
        waiting, running = list(jobs), list[_Running[Job]]()
        try:
            while waiting or running:
                while waiting and len(running) < self.max_workers:
                    running.append(start(waiting.pop(0)))
                poll()
                for child in list(running):
                    self._follow(child, progress)
                    ended = self._ended(child)
                    if ended:
                        running.remove(child)
                        children.kill(child.process)
                        yield ended
                time.sleep(_POLL_S)
        finally:
            for child in running:
                children.kill(child.process)

    def _start_training(self, job: TrainJob) -> _Running[TrainJob]:
        folder = Path(job.folder)
        write_record(folder / "job.json", job)
        for stale in ("result.json", "progress.jsonl"):
            (folder / stale).unlink(missing_ok=True)
        log = folder / "log.txt"
        process = children.start("rewardsmith.train.child", str(folder / "job.json"), log=log)
        return _Running(job, process, log, folder / "progress.jsonl")

    def _follow(self, child: _Running[Job], progress: Callable[[Job, Progress], None]) -> None:
        """Read the whole lines that a training has written since the last look."""
        if not child.reports:
            return
        try:
            with child.reports.open("rb") as file:
                file.seek(child.read)
                fresh = file.read()
        except FileNotFoundError:
            return
        whole = fresh[: fresh.rfind(b"\n") + 1]
        if not whole:
            return
        child.read += len(whole)
        child.alive_at = time.monotonic()
        progress(child.job, Progress.model_validate_json(whole.splitlines()[-1]))

    def _ended(self, child: _Running[Job]) -> _Ended[Job] | None:
        code = child.process.poll()
        now = time.monotonic()
        if code == 0:
            return _Ended(child.job)
        if code is not None:
            words = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            return _Ended(child.job, "crash", f"{words}: {_last_line(child.log)}")
        if now - child.started > self.timeout_s:
            return _Ended(child.job, "timeout", f"took longer than {self.timeout_s:g} s")
        if child.reports and now - child.alive_at > self.stall_s:
            return _Ended(child.job, "timeout", f"reported nothing for {self.stall_s:g} s")
        return None


def _start_evaluation(job: EvaluateJob) -> _Running[EvaluateJob]:
    output = Path(job.output)
    request, log = output.with_suffix(".job.json"), output.with_suffix(".log")
    write_record(request, job)
    output.unlink(missing_ok=True)
    process = children.start("rewardsmith.evaluate", str(request), log=log)
    return _Running(job, process, log)


def _finished_training(job: TrainJob) -> Training | None:
    """The stored result, if it is whole and answers this very job."""
    folder = Path(job.folder)
    if _read(folder / "job.json", TrainJob) != job:
        return None
    return _read(folder / "result.json", Training)


def _stored_episodes(job: EvaluateJob) -> Episodes | None:
    output = Path(job.output)
    if _read(output.with_suffix(".job.json"), EvaluateJob) != job:
        return None
    return _read(output, Episodes)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def _read(path: Path, kind: type[AnyRecord]) -> AnyRecord | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _failed_training(ended: _Ended[TrainJob]) -> Training:
    job = ended.job
    return Training(
        id=job.id,
        seed=job.seed,
        purpose=job.purpose,
        timesteps=job.timesteps,
        folder=job.relative,
        failure=_failure("train", ended),
    )


def _failure(stage: str, ended: _Ended[Job]) -> Failure:
    why = ended.why or "left no result"
    what = "training" if stage == "train" else "evaluation"
    return Failure.model_validate(
        {
            "stage": stage,
            "cause": ended.cause or "crash",
            "for_llm": f"the {what} {why}",
            "for_human": f"{what} {why}",
        }
    )


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]
    return lines[-1] if lines else f"no message; see {log}"
