"""The warm process that jailed workers are forked from: NumPy loaded, no candidate's code ever run.

Run by path, with the standard library and NumPy only. It is not locked, for a locked process can
not fork; each child locks itself before it is given any code. What one child does to its memory,
no other child sees: each is forked from here, where nothing happens but forking.

It ends with its parent, however that ends: the control socket is closed then. Its children end
with it, for the kernel kills them when their parent dies.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_MAX_REQUEST = 4096
_DESCRIPTORS = ("requests", "replies", "inputs", "outputs")


def _neighbour(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Warm up, say so, then fork and end workers as asked, until the parent is gone."""
    worker = _neighbour("worker")
    worker.warm_up()
    # Kept by the forks without being copied page by page at their first collection.
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.sendall(b"{}\n")
    workers: set[int] = set()
    while True:
        request, descriptors = _receive(control)
        if request is None:
            break
        if "end" in request:
            answer = {"status": _end(request["end"])}
            workers.discard(request["end"])
        else:
            pid = _fork(worker, control, request["start"], descriptors)
            workers.add(pid)
            answer = {"pid": pid}
        control.sendall(json.dumps(answer).encode() + b"\n")
    for pid in workers:
        _end(pid)


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """One request, which is a line, and the descriptors that came with it; None at the end."""
    data, descriptors = b"", array.array("i")
    while not data.endswith(b"\n"):
        room = socket.CMSG_SPACE(len(_DESCRIPTORS) * descriptors.itemsize)
        part, messages, _, _ = control.recvmsg(_MAX_REQUEST, room)
        if not part:
            return None, []
        data += part
        for _, _, packed in messages:
            descriptors.frombytes(packed)
    return json.loads(data), descriptors.tolist()


def _fork(
    worker: ModuleType, control: socket.socket, start: dict[str, Any], descriptors: list[int]
) -> int:
    pid = os.fork()
    if pid == 0:
        control.close()
        os.setsid()
        worker.serve({**start, **dict(zip(_DESCRIPTORS, descriptors, strict=True))})
        os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _end(pid: int) -> int:
    """Kill a worker with its process group, reap it, and give its exit code, or minus a signal."""
    for kill in (os.killpg, os.kill):  # the group is not there before the child's setsid
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
