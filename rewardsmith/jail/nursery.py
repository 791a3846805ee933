"""Our side of the zygotes: one a hash seed, started at the first need and kept for good."""

from __future__ import annotations

import array
import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rewardsmith.jail import bubblewrap

_ZYGOTE = Path(__file__).with_name("zygote.py")
_START_TIMEOUT_S = 60.0
_ANSWER_TIMEOUT_S = 10.0


class ZygoteDied(Exception):
    """The zygote ended, and its workers with it."""


class Zygote:
    """A warm process that forks workers; safe to use from several threads."""

    def __init__(self, hash_seed: int) -> None:
        # -I would ignore PYTHONHASHSEED with the rest; -P -s and this environment amount to it.
        python = [sys.executable, "-P", "-s", "-S", "-B"]
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lock = threading.Lock()
        self._ready = False
        with theirs:
            self._process = subprocess.Popen(
                [*bubblewrap.command(), *python, str(_ZYGOTE), str(theirs.fileno())],
                env=_environment(hash_seed),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, start: dict[str, Any], descriptors: Sequence[int]) -> int:
        """A new worker with copies of these descriptors; its process id, as the zygote knows it."""
        return int(self._ask({"start": start}, descriptors)["pid"])

    def end(self, pid: int) -> int:
        """Kill a worker and its group, and reap it; its exit code, or minus a signal's number."""
        return int(self._ask({"end": pid}, ())["status"])

    def alive(self) -> bool:
        """Whether it still runs and is spoken to."""
        return self._process.poll() is None and self._control.fileno() != -1

    def close(self) -> None:
        """End it with all its workers."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ANSWER_TIMEOUT_S)
        self._process.kill()
        self._process.wait()

    def _ask(self, request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        data = json.dumps(request).encode() + b"\n"
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        with self._lock:
            try:
                if not self._ready:
                    self._answer(_START_TIMEOUT_S)
                    self._ready = True
                self._control.sendmsg([data], [rights] if descriptors else [])
                return self._answer(_ANSWER_TIMEOUT_S)
            except (OSError, TimeoutError) as error:
                # An answer that comes late would be taken for that to the next request.
                self._process.kill()
                self._control.close()
                raise ZygoteDied(str(error)) from error

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        self._control.settimeout(timeout_s)
        data = b""
        while not data.endswith(b"\n"):
            part = self._control.recv(4096)
            if not part:
                raise ConnectionResetError("the jail's zygote has ended")
            data += part
        answer: dict[str, Any] = json.loads(data)
        return answer


_zygotes: dict[tuple[int, int], Zygote] = {}
_guard = threading.Lock()


def zygote(hash_seed: int) -> Zygote:
    """This process's zygote for a hash seed; a dead one is replaced."""
    key = (os.getpid(), hash_seed)  # after a fork of ours the parent's zygotes are not ours
    with _guard:
        found = _zygotes.get(key)
        if found is None or not found.alive():
            if found is not None:
                found.close()
            found = _zygotes[key] = Zygote(hash_seed)
        return found


@atexit.register
def _close_all() -> None:
    for (pid, _), found in list(_zygotes.items()):
        if pid == os.getpid():
            found.close()
    _zygotes.clear()


def _environment(hash_seed: int) -> dict[str, str]:
    """All that the zygote gets: where NumPy is, and one thread (Landlock binds only one)."""
    return {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": str(Path(np.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
