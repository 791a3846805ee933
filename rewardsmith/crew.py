"""Processes that film, one a core; see render.py for what each does, filming.py for what of."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from rewardsmith import children, footage
from rewardsmith.children import Child
from rewardsmith.files import write_record, write_text
from rewardsmith.render import RenderJob

_PATIENCE_S = 180.0
"""For one video; a driver that hangs is ended."""


class Crew:
    """Processes that film, one a core; end them with `close`."""

    def __init__(self, jobs: Sequence[RenderJob]) -> None:
        self._waiting = list(jobs)
        self._running: list[tuple[RenderJob, Path, Child, float]] = []
        self._idle: list[Child] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything left to film."""
        return bool(self._waiting or self._running)

    def look(self) -> list[tuple[RenderJob, str]]:
        """Begin what can begin; the jobs that ended, each with why it failed or ""."""
        ended = []
        while self._waiting and len(self._running) < (os.cpu_count() or 1):
            job = self._waiting.pop(0)
            try:
                self._begin(job)
            except OSError as error:  # a full disk, no more processes: that costs the film alone
                ended.append((job, str(error)))
        for work in list(self._running):
            job, path, child, started = work
            took_s = time.monotonic() - started
            if child.done():
                self._idle.append(child)
            elif child.exit_code() is not None or took_s > _PATIENCE_S:
                child.kill()
            else:
                continue
            self._running.remove(work)
            ended.append((job, _why(job, path, took_s)))
        for job, why in ended:
            if why:
                with contextlib.suppress(OSError):  # a full disk: then nobody is told
                    write_text(footage.note(Path(job.output)), why)
        return ended

    def close(self) -> None:
        """End every process; what was being filmed is not there."""
        for child in [*self._idle, *(work[2] for work in self._running)]:
            child.kill()
        self._waiting, self._running, self._idle = [], [], []

    def _begin(self, job: RenderJob) -> None:
        output = Path(job.output)
        path = output.with_suffix(".job.json")
        for stale in (output.with_suffix(".json"), footage.note(output)):
            stale.unlink(missing_ok=True)
        for left in output.parent.glob(f".{output.name}.*.tmp"):  # by a process that was killed
            left.unlink(missing_ok=True)
        write_record(path, job)
        child = self._idle.pop() if self._idle else Child("rewardsmith.render")
        child.give(path)
        self._running.append((job, path, child, time.monotonic()))


def _why(job: RenderJob, path: Path, took_s: float) -> str:
    """Why there is no video; "" where there is one, and then the job's own files go."""
    log = children.log_of(path)
    if footage.read(Path(job.output)):
        path.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        return ""
    if took_s > _PATIENCE_S:
        return f"it took longer than {_PATIENCE_S:g} s"
    said = children.last_words(path).removeprefix("rewardsmith.errors.UserError: ")
    return said or f"the process ended without a word; see {log}"
