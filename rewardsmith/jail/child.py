"""One jailed child process: how it is started, spoken to with deadlines, and ended."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from rewardsmith.jail import bubblewrap
from rewardsmith.jail.channel import Channel

_WORKER = Path(__file__).with_name("worker.py")
_MEMORY_BYTES = 1 << 30
_DEATH_WAIT_S = 1.0


class ChildDied(Exception):
    """The child ended by itself; `code` is its exit code, negative for a signal, if known."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Child:
    """The process that runs worker.py, and our ends of the two pipes to it."""

    def __init__(self, channel: Channel, *, cpu_limit_s: float | None, hash_seed: int) -> None:
        request_read, self._requests = os.pipe()
        self._replies, reply_write = os.pipe()
        theirs = (request_read, reply_write, channel.inputs_fd, channel.outputs_fd)
        start = {
            "requests": request_read,
            "replies": reply_write,
            "inputs": channel.inputs_fd,
            "outputs": channel.outputs_fd,
            "memory_bytes": _MEMORY_BYTES + channel.size,
            "cpu_s": None if cpu_limit_s is None else math.ceil(cpu_limit_s),
        }
        # -I would ignore PYTHONHASHSEED with the rest; -P -s and this environment amount to it.
        python = [sys.executable, "-P", "-s", "-S", "-B"]
        try:
            self._process = subprocess.Popen(
                [*bubblewrap.command(), *python, str(_WORKER), json.dumps(start)],
                env=_environment(hash_seed),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=theirs,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._requests)
            os.close(self._replies)
            raise
        finally:
            os.close(request_read)
            os.close(reply_write)
        self._open = True
        self._poll = select.poll()
        self._poll.register(self._replies, select.POLLIN)

    def send(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            ChildDied: nobody reads any more.
        """
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except BrokenPipeError:
            raise ChildDied(self._exit_code()) from None

    def receive(self, size: int, timeout_s: float) -> bytes:
        """Exactly `size` bytes; waits without using the processor.

        Raises:
            TimeoutError: they did not come in time.
            ChildDied: the child's end is closed.
        """
        deadline = time.monotonic() + timeout_s
        data = b""
        while len(data) < size:
            remaining_ms = math.ceil((deadline - time.monotonic()) * 1000)
            if remaining_ms <= 0 or not self._poll.poll(remaining_ms):
                raise TimeoutError
            part = os.read(self._replies, size - len(data))
            if not part:
                raise ChildDied(self._exit_code())
            data += part
        return data

    def close(self) -> None:
        """Kill the process group, reap the child and close the pipes; idempotent."""
        if not self._open:
            return
        self._open = False
        # The group may be gone already, which is what is asked for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._requests)
        os.close(self._replies)

    def _exit_code(self) -> int | None:
        # Its end of a pipe is closed: give the kernel a moment to say why.
        try:
            code = self._process.wait(_DEATH_WAIT_S)
        except subprocess.TimeoutExpired:
            return None
        # bubblewrap, like a shell, reports a signal as 128 + its number.
        return 128 - code if code - 128 in set(signal.Signals) else code


def _environment(hash_seed: int) -> dict[str, str]:
    """All that the child gets: where NumPy is, and one thread (Landlock binds only one)."""
    return {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": str(Path(np.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
