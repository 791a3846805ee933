"""What both sides of the jail agree on: the layout of the channel, and the names a reward may use.

Stdlib and NumPy only: the jailed child loads this file by path, the parent imports it.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

REWARD_BUILTINS: tuple[str, ...] = (
    *("abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset"),
    *("int", "isinstance", "iter", "len", "list", "map", "max", "min", "next", "pow", "range"),
    *("repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    *("ArithmeticError", "AssertionError", "AttributeError", "Exception", "FloatingPointError"),
    *("IndexError", "KeyError", "NotImplementedError", "OverflowError", "RuntimeError"),
    *("TypeError", "ValueError", "ZeroDivisionError"),
)
"""The only builtins that a reward meets; `__import__` gives numpy and math."""

MAX_TERMS = 32
NAME_BYTES = 64
TEXT_BYTES = 4096
_ALIGNMENT = 8
_BELL_BYTES = 8
SPIN_S = 0.25e-3
"""Either side watches so long before it sleeps: a core that fell asleep takes as long to wake."""

LENGTH = struct.Struct("=Q")
"""Precedes the program (JSON), the one message of variable size, from the parent to the child."""
REQUEST = struct.Struct("=QQ")
"""Sequence number, rows."""
REPLY = struct.Struct("=QIIII")
"""Sequence number, status, terms, whether there is a total, line of an error (0: not known)."""

OK, EXCEPTION, SHAPE, RETURN, STATE = range(5)

TERM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./-]{0,47}")

ColumnLayout = tuple[str, str, Sequence[int], str]
"""Argument, name, shape of a row, dtype."""


def input_bytes(columns: Sequence[ColumnLayout], capacity: int) -> int:
    """Size of the input memory for `capacity` rows, in bytes: the bell, then the columns."""
    return _BELL_BYTES + sum(_column_bytes(column, capacity) for column in columns)


def bell(memory: mmap.mmap) -> NDArray[np.uint64]:
    """() uint64 over the input memory: the sequence number of the newest request.

    It says that a request is on its way; the request itself comes through the pipe.
    """
    return np.ndarray((), np.uint64, memory)


def input_views(
    memory: mmap.mmap, columns: Sequence[ColumnLayout], capacity: int
) -> list[NDArray[Any]]:
    """One array (capacity, *shape) per column over `memory`; read-only where the memory is."""
    views, offset = [], _BELL_BYTES
    for column in columns:
        _, _, shape, dtype = column
        views.append(np.ndarray((capacity, *shape), dtype, memory, offset))
        offset += _column_bytes(column, capacity)
    return views


def output_bytes(capacity: int) -> int:
    """Size of the output memory: text, names, then a row of floats for the total and each term."""
    return TEXT_BYTES + MAX_TERMS * NAME_BYTES + (MAX_TERMS + 1) * capacity * 8


def output_slots(memory: mmap.mmap, capacity: int) -> NDArray[np.float64]:
    """(1 + MAX_TERMS, capacity) float64 over `memory`: the total, then the terms."""
    offset = TEXT_BYTES + MAX_TERMS * NAME_BYTES
    return np.ndarray((MAX_TERMS + 1, capacity), np.float64, memory, offset)


def _column_bytes(column: ColumnLayout, capacity: int) -> int:
    _, _, shape, dtype = column
    size = int(np.prod(shape, dtype=np.int64)) * capacity * np.dtype(dtype).itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT
