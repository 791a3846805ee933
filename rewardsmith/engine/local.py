"""Runs jobs on this machine: warm child processes, one a core, with a stated patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Generic, Self, TypeVar

from pydantic import ValidationError

from rewardsmith import children
from rewardsmith.children import Child
from rewardsmith.engine import Evaluated
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.files import write_record
from rewardsmith.records import Episodes, Failure, Record, Training
from rewardsmith.training import Progress, TrainBatch, TrainJob, checkpoint
from rewardsmith.training.batching import batches

_POLL_S = 0.05
_TRAINER, _EVALUATOR = "rewardsmith.training.child", "rewardsmith.evaluate"

Job = TypeVar("Job", TrainJob, EvaluateJob)


@dataclass
class _Running(Generic[Job]):
    """Jobs in a child; trainings show life by lines in their `reports`."""

    jobs: tuple[Job, ...]
    path: Path
    child: Child
    reports: tuple[Path, ...] = ()
    started: float = field(default_factory=time.monotonic)
    alive_at: float = field(default_factory=time.monotonic)
    read: dict[Path, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ended(Generic[Job]):
    """Jobs that have ended; `why` is empty when they ended well."""

    jobs: tuple[Job, ...]
    path: Path
    cause: str = ""
    why: str = ""


class LocalEngine:
    """Child processes on this machine; a context manager that ends them.

    Attributes:
        max_workers: processes at once; None takes one a core.
        timeout_s: a job that takes longer is ended and counts as failed; a batch has it for each.
        stall_s: the same for a training that reports nothing for so long.
    """

    def __init__(
        self, max_workers: int | None = None, timeout_s: float = 7200.0, stall_s: float = 180.0
    ) -> None:
        self.max_workers = max_workers or os.cpu_count() or 1
        self.timeout_s = timeout_s
        self.stall_s = stall_s
        self._idle: dict[str, list[Child]] = {_TRAINER: [], _EVALUATOR: []}

    def __enter__(self) -> Self:
        """Start the trainers, so that they are warm when the first reward is."""
        self._idle[_TRAINER] = [Child(_TRAINER) for _ in range(self.max_workers)]
        return self

    def __exit__(self, *_: object) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().kill()

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
        shared = [batch.jobs for batch in batches(waiting, self.max_workers)]
        for ended in self._run(_TRAINER, shared, self._start_training, progress, poll):
            # What a batch had finished before it ended badly is finished all the same.
            for job in ended.jobs:
                yield _finished_training(job) or _failed_training(job, ended)

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
        alone = [(job,) for job in waiting]
        for ended in self._run(
            _EVALUATOR, alone, self._start_evaluation, lambda job, line: None, poll
        ):
            (job,) = ended.jobs
            episodes = None if ended.why else _stored_episodes(job)
            failure = None if episodes else _failure("evaluate", ended)
            yield Evaluated(job=job, episodes=episodes, failure=failure)

    def _run(
        self,
        module: str,
        parts: Sequence[tuple[Job, ...]],
        start: Callable[[tuple[Job, ...], Child], _Running[Job]],
        progress: Callable[[Job, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[_Ended[Job]]:
        waiting, running = list(parts), list[_Running[Job]]()
        idle = self._idle[module]
        try:
            while waiting or running:
                while waiting and len(running) < self.max_workers:
                    child = idle.pop() if idle else Child(module)
                    running.append(start(waiting.pop(0), child))
                poll()
                for work in list(running):
                    _follow(work, progress)
                    ended = self._ended(work)
                    if ended:
                        running.remove(work)
                        if ended.why:
                            work.child.kill()
                        else:
                            idle.append(work.child)
                        yield ended
                if running:
                    connection.wait([work.child.fileno() for work in running], _POLL_S)
        finally:
            for work in running:
                work.child.kill()

    def _start_training(self, jobs: tuple[TrainJob, ...], child: Child) -> _Running[TrainJob]:
        for job in jobs:
            folder = Path(job.folder)
            # Before the job is written: what lies beside a job is taken for that job's.
            for stale in ("result.json", "progress.jsonl"):
                (folder / stale).unlink(missing_ok=True)
            if not _goes_on(_read(folder / "job.json", TrainJob), job):
                checkpoint.forget(folder)
            write_record(folder / "job.json", job)
        path = Path(jobs[0].folder) / "batch.json"
        write_record(path, TrainBatch(jobs=jobs))
        child.give(path)
        reports = tuple(Path(job.folder) / "progress.jsonl" for job in jobs)
        return _Running(jobs, path, child, reports)

    def _start_evaluation(
        self, jobs: tuple[EvaluateJob, ...], child: Child
    ) -> _Running[EvaluateJob]:
        (job,) = jobs
        path = _request(job)
        Path(job.output).unlink(missing_ok=True)
        write_record(path, job)
        child.give(path)
        return _Running(jobs, path, child)

    def _ended(self, work: _Running[Job]) -> _Ended[Job] | None:
        if work.child.done():
            return _Ended(work.jobs, work.path)
        code = work.child.exit_code()
        if code is not None:
            words = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            said = children.last_words(work.path)
            why = f"{words}: {said or f'no message; see {children.log_of(work.path)}'}"
            return _Ended(work.jobs, work.path, "crash", why)
        now, patience_s = time.monotonic(), self.timeout_s * len(work.jobs)
        if now - work.started > patience_s:
            return _Ended(work.jobs, work.path, "timeout", f"took longer than {patience_s:g} s")
        if work.reports and now - work.alive_at > self.stall_s:
            why = f"reported nothing for {self.stall_s:g} s"
            return _Ended(work.jobs, work.path, "timeout", why)
        return None


def _follow(work: _Running[Job], progress: Callable[[Job, Progress], None]) -> None:
    """Read the whole lines that the trainings have written since the last look."""
    for job, reports in zip(work.jobs, work.reports, strict=False):
        try:
            with reports.open("rb") as file:
                file.seek(work.read.get(reports, 0))
                fresh = file.read()
        except FileNotFoundError:
            continue
        whole = fresh[: fresh.rfind(b"\n") + 1]
        if whole:
            work.read[reports] = work.read.get(reports, 0) + len(whole)
            work.alive_at = time.monotonic()
            progress(job, Progress.model_validate_json(whole.splitlines()[-1]))


def _request(job: EvaluateJob) -> Path:
    return Path(job.output).with_suffix(".job.json")


def _finished_training(job: TrainJob) -> Training | None:
    """The stored result, if it is whole and answers this very job."""
    folder = Path(job.folder)
    if _read(folder / "job.json", TrainJob) != job:
        return None
    return _read(folder / "result.json", Training)


def _goes_on(earlier: TrainJob | None, job: TrainJob) -> bool:
    """Whether `job` is the training that `earlier` began, to a later step perhaps."""
    return earlier is not None and earlier.model_copy(update={"until": job.until}) == job


def _stored_episodes(job: EvaluateJob) -> Episodes | None:
    if _read(_request(job), EvaluateJob) != job:
        return None
    return _read(Path(job.output), Episodes)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def _read(path: Path, kind: type[AnyRecord]) -> AnyRecord | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _failed_training(job: TrainJob, ended: _Ended[TrainJob]) -> Training:
    return Training(
        id=job.id,
        seed=job.seed,
        purpose=job.purpose,
        timesteps=job.timesteps,
        planned=job.timesteps,
        folder=job.relative,
        failure=_failure("train", ended),
    )


def _failure(stage: str, ended: _Ended[Job]) -> Failure:
    what = "training" if stage == "train" else "evaluation"
    words = f"the {what} {ended.why or 'left no result'}"
    return Failure.model_validate(
        {"stage": stage, "cause": ended.cause or "crash", "for_llm": words, "for_human": words}
    )
