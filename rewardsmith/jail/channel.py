"""The parent's side of the shared memory: sealed inputs, outputs copied before they are read."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import tempfile

import numpy as np
from numpy.typing import NDArray

from rewardsmith.jail import protocol
from rewardsmith.jail.protocol import ColumnLayout
from rewardsmith.records import Column
from rewardsmith.reward import Transitions

# Linux 5.1; not in the fcntl module. Mappings made before it stay writable, new ones cannot be.
_F_SEAL_FUTURE_WRITE = 0x0010
# Without these the child could truncate the memory and end us with SIGBUS.
_FIXED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Channel:
    """Two pieces of shared memory: what the child may read, and what it may write.

    Attributes:
        layout: the columns as the child is told them.
        inputs_fd, outputs_fd: descriptors to hand to the child.
        size: bytes of both.
    """

    def __init__(self, columns: tuple[Column, ...], capacity: int, platform: str) -> None:
        self.layout: list[ColumnLayout] = [
            (column.argument, column.name, column.shape, column.dtype) for column in columns
        ]
        self._columns = columns
        input_size = protocol.input_bytes(self.layout, capacity)
        output_size = protocol.output_bytes(capacity)
        self.size = input_size + output_size
        self.inputs_fd = _memory("inputs", input_size, platform)
        self.outputs_fd = _memory("outputs", output_size, platform)
        self._inputs = mmap.mmap(self.inputs_fd, input_size)
        self._outputs = mmap.mmap(self.outputs_fd, output_size)
        if platform == "linux":
            fcntl.fcntl(self.inputs_fd, fcntl.F_ADD_SEALS, _F_SEAL_FUTURE_WRITE | _FIXED_SIZE)
            fcntl.fcntl(self.outputs_fd, fcntl.F_ADD_SEALS, _FIXED_SIZE)
        self._bell = protocol.bell(self._inputs)
        self._views = protocol.input_views(self._inputs, self.layout, capacity)
        self._slots = protocol.output_slots(self._outputs, capacity)

    def write(self, batch: Transitions) -> None:
        """Copy the columns of `batch` to where the child reads; ValueError on another shape."""
        rows = len(batch)
        for column, view in zip(self._columns, self._views, strict=True):
            array = batch.column(column)
            if array.shape != (rows, *column.shape):
                raise ValueError(
                    f"{column.argument} {column.name}: expected {(rows, *column.shape)}, "
                    f"got {array.shape}"
                )
            view[:rows] = array

    def ring(self, sequence: int) -> None:
        """Tell a child that is still awake that this request is coming."""
        self._bell[...] = sequence

    def block(self, terms: int, rows: int) -> NDArray[np.float64]:
        """A copy of the total and the terms, (1 + terms, rows): the child may still write."""
        return self._slots[: 1 + terms, :rows].copy()

    def packed_names(self, terms: int) -> bytes:
        """A copy of the names of the terms, as hostile bytes."""
        return self._outputs[
            protocol.TEXT_BYTES : protocol.TEXT_BYTES + terms * protocol.NAME_BYTES
        ]

    def text(self) -> str:
        """What the child has to say: hostile bytes, made printable."""
        data = self._outputs[: protocol.TEXT_BYTES].partition(b"\0")[0]
        text = data.decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)

    def close(self) -> None:
        """Unmap and close both; idempotent."""
        # The arrays export the maps' buffers: they have to go first.
        self._views, self._bell = [], np.zeros((), np.uint64)
        self._slots = np.empty((0, 0))
        for memory in (self._inputs, self._outputs):
            # An array that a traceback still holds keeps its map until it is collected.
            with contextlib.suppress(BufferError):
                memory.close()
        self.close_descriptors()

    def close_descriptors(self) -> None:
        """Close our copies of the descriptors; the maps stay."""
        for descriptor in {self.inputs_fd, self.outputs_fd} - {-1}:
            os.close(descriptor)
        self.inputs_fd = self.outputs_fd = -1


def unpack_names(packed: bytes) -> tuple[str, ...] | None:
    """The names of the terms, or None where the bytes hold no list of different, valid names."""
    names = []
    for start in range(0, len(packed), protocol.NAME_BYTES):
        field = packed[start : start + protocol.NAME_BYTES].rstrip(b"\0")
        name = field.decode("ascii", "replace")
        if not protocol.TERM_NAME.fullmatch(name):
            return None
        names.append(name)
    return tuple(names) if len(set(names)) == len(names) else None


def _memory(name: str, size: int, platform: str) -> int:
    """A descriptor of `size` bytes of shared memory that has no name anywhere."""
    if platform == "linux":
        descriptor: int = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
