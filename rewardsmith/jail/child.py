"""One jailed worker process: how it is started, spoken to with deadlines, and ended."""

from __future__ import annotations

import math
import os
import select
import time

from rewardsmith.jail import nursery, protocol
from rewardsmith.jail.channel import Channel

_MEMORY_BYTES = 1 << 30


class ChildDied(Exception):
    """The child ended by itself; `code` is its exit code, negative for a signal, if known."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Child:
    """A fork of the zygote, and our ends of the two pipes to it."""

    def __init__(
        self, channel: Channel, *, cpu_limit_s: float, hash_seed: int, platform: str
    ) -> None:
        request_read, self._requests = os.pipe()
        self._replies, reply_write = os.pipe()
        theirs = (request_read, reply_write, channel.inputs_fd, channel.outputs_fd)
        start: dict[str, object] = {
            "memory_bytes": _MEMORY_BYTES + channel.size,
            "cpu_s": math.ceil(cpu_limit_s),
            "platform": platform,
        }
        try:
            self._pid = self._fork(start, theirs, hash_seed)
        except BaseException:
            os.close(self._requests)
            os.close(self._replies)
            raise
        finally:
            os.close(request_read)
            os.close(reply_write)
        self._open = True
        self._ended = False
        self._code: int | None = None
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
            raise ChildDied(self._end()) from None

    def receive(self, size: int, timeout_s: float) -> bytes:
        """Exactly `size` bytes; what takes long is waited for without using the processor.

        Raises:
            TimeoutError: they did not come in time.
            ChildDied: the child's end is closed.
        """
        begin = time.monotonic()
        deadline = begin + timeout_s
        while not self._poll.poll(0) and time.monotonic() < begin + protocol.SPIN_S:
            os.sched_yield()
        data = b""
        while len(data) < size:
            remaining_ms = math.ceil((deadline - time.monotonic()) * 1000)
            if remaining_ms <= 0 or not self._poll.poll(remaining_ms):
                raise TimeoutError
            part = os.read(self._replies, size - len(data))
            if not part:
                raise ChildDied(self._end())
            data += part
        return data

    def close(self) -> None:
        """Kill the process group, reap the child and close the pipes; idempotent."""
        if not self._open:
            return
        self._open = False
        self._end()
        os.close(self._requests)
        os.close(self._replies)

    def _fork(self, start: dict[str, object], theirs: tuple[int, ...], hash_seed: int) -> int:
        self._zygote = nursery.zygote(hash_seed)
        try:
            return self._zygote.fork(start, theirs)
        except nursery.ZygoteDied:  # killed by somebody since the last look: once more
            self._zygote = nursery.zygote(hash_seed)
            return self._zygote.fork(start, theirs)

    def _end(self) -> int | None:
        """Kill the process group and reap the child; its exit code where it is known."""
        if self._ended:
            return self._code
        self._ended = True
        try:
            self._code = self._zygote.end(self._pid)
        except nursery.ZygoteDied:  # then its workers died with it
            self._code = None
        return self._code
