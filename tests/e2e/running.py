"""The command in processes of its own, as a user starts it, and a look at what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "rewardsmith")
BALANCE = ("run", "balance the pole", "-e", "CartPole-v1")
TINY = (
    *("--timesteps", "512", "--hyperparams", "n_steps=64", "--set", "train.n_envs=4"),
    *("--set", "train.episodes=2", "--set", "search.report_seeds=2"),
    *("--set", "search.final_seeds=2", "--set", "search.finalists=2"),
    *("--set", "video.finalists=false", "--max-workers", "1"),
)
"""Trainings of a second or two, so that what takes its time is starting the processes."""

JsonLine = dict[str, Any]
Finished = subprocess.CompletedProcess[str]


def call(*arguments: str | Path, timeout_s: float = 120, **variables: str) -> Finished:
    """Run `rewardsmith ARGUMENTS` to its end in a terminal of 80 columns."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=_environment(variables),
    )


def lines_of(done: Finished) -> list[JsonLine]:
    """The JSON lines that a command printed; fails on anything else on stdout."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def event(lines: Sequence[JsonLine], name: str) -> JsonLine:
    """The first event called `name`."""
    return next(line for line in lines if line["event"] == name)


@dataclass(frozen=True)
class Shown:
    """A run as a person saw it."""

    runs_dir: Path
    done: Finished


@dataclass(frozen=True)
class Recorded:
    """A run as a program saw it."""

    runs_dir: Path
    lines: Sequence[JsonLine]

    @property
    def result(self) -> JsonLine:
        """The last line."""
        return self.lines[-1]

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.result["run_dir"])


@dataclass(frozen=True)
class Underway:
    """A command that is going on, with `--json`."""

    process: subprocess.Popen[str]

    def until(self, event: str) -> JsonLine:
        """Read on until an event called so; fails where the command ends before."""
        assert self.process.stdout
        for line in self.process.stdout:
            found: JsonLine = json.loads(line)
            if found["event"] == event:
                return found
        raise AssertionError(f"ended without the event {event!r}")

    def descendants(self) -> list[int]:
        """The ids of the processes that it started, and of those that they started."""
        return list(_descendants(self.process.pid))

    def kill(self) -> list[int]:
        """Kill it as `kill -9` does; the ids of the descendants that it had."""
        left = self.descendants()
        self.process.kill()
        self.process.wait()
        return left


@contextmanager
def started(*arguments: str | Path, **variables: str) -> Iterator[Underway]:
    """Start `rewardsmith ARGUMENTS --json`; what still runs at the end is killed."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(variables),
    ) as process:
        try:
            yield Underway(process)
        finally:
            process.kill()


def survivors(processes: Sequence[int], patience_s: float = 30.0) -> list[int]:
    """Which of the processes are still there when the patience is at its end."""
    deadline = time.monotonic() + patience_s
    left = list(processes)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        # A zombie has ended; only nobody has asked yet how.
        left = [pid for pid in left if _stat(pid)[:1] not in ([], ["Z"])]
    return left


def environment_of(pid: int) -> bytes:
    """The environment that a process was started with; b"" where it is gone or closed to us."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def rewards_of(run_dir: str | Path) -> dict[str, str]:
    """Every candidate's code by its place in the run's folder."""
    folder = Path(run_dir)
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.glob("r*/c*/reward.py"))
    }


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    # Without the model of whoever runs the tests: it would take the offline baseline's place.
    names = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "MUJOCO_GL")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "COLUMNS": "80", **variables}


def _descendants(ancestor: int) -> Iterator[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(path.name)):
            parents[int(path.name)] = int(fields[1])
    family = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
        yield from more


def _stat(pid: int) -> list[str]:
    """State, parent and what follows in /proc/PID/stat; [] where there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
