"""Child processes of ours: warm, without the user's keys, one job at a time.

A child takes the path of a job on its standard input and answers with a line when it is done. It
stays for the next job, so that importing torch (about 9 s on a slow core) is paid once a core.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "MUJOCO_GL", "PYOPENGL_PLATFORM", "CUDA_VISIBLE_DEVICES", "PYTHONWARNINGS",
    "OPENBLAS_CORETYPE",
)  # fmt: skip
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PR_SET_PDEATHSIG = 1
_DONE = b"done\n"


def environment() -> dict[str, str]:
    """What a process that we start needs to know of ours; no key is in it."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


class Child:
    """A process `python -m module` that serves jobs; see `serve`.

    Its environment holds no more than what Python and MuJoCo need, so no key reaches it, and one
    thread per numerics library: children work side by side, one a core. It has a session of its
    own, so that an interrupt at the terminal is the parent's to handle.
    """

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(os.getpid())],
            env=environment() | dict.fromkeys(_ONE_THREAD, "1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._replies = self._process.stdin, self._process.stdout
        os.set_blocking(self._replies.fileno(), False)

    def give(self, job: Path) -> None:
        """Hand over a job; the child must be idle. What it prints goes to log.txt beside it."""
        with contextlib.suppress(BrokenPipeError):  # dead already: `exit_code` will tell
            self._requests.write(f"{job}\n".encode())
            self._requests.flush()

    def done(self) -> bool:
        """Whether the job has been finished since the last call that said so."""
        return self._replies.read() == _DONE

    def fileno(self) -> int:
        """What becomes readable when `done` or `exit_code` has something new to say."""
        return self._replies.fileno()

    def exit_code(self) -> int | None:
        """None while the child lives; negative for the signal that ended it."""
        return self._process.poll()

    def kill(self) -> None:
        """End the child with its whole process group and reap it."""
        with contextlib.suppress(ProcessLookupError):  # gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self._replies.close()


def log_of(job: Path) -> Path:
    """Where a child writes what it has to say while it works on `job`."""
    return job.with_suffix(".log")


def last_words(job: Path) -> str:
    """The last line that a child wrote while it worked on `job`, an error's as a rule; or ""."""
    log = log_of(job)
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else ""


def serve(handle: Callable[[Path], None]) -> None:
    """The child's side: `handle` job after job until the parent is gone.

    An exception ends the process, its traceback in the job's log: the next job gets a new child.
    """
    _die_with_parent(int(sys.argv[1]))
    replies = os.fdopen(os.dup(1), "wb")
    for line in sys.stdin:
        job = Path(line.rstrip("\n"))
        # Environments print: that must neither mix with the replies nor reach the user's terminal.
        with log_of(job).open("ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        handle(job)
        sys.stdout.flush()
        replies.write(_DONE)
        replies.flush()


def _die_with_parent(parent: int) -> None:
    """The kernel ends this process when `parent` dies, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
