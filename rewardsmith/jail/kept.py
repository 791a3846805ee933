"""What of a loaded reward outlives its calls: frozen where it can be, watched where it cannot.

A reward is a function of its arguments. What a call leaves behind for the next one, in a global, a
default argument or a closure, is found here by what it changed, whichever way it got there; so the
rule holds for the whole life of a worker and not only for the calls that a probe makes.

Standard library and NumPy only: the jailed child loads this file by path. It judges code that has
passed the syntax tree; code that can reach the interpreter can lie to it, and only to itself.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any

import numpy as np

_Watched = dict[Any, Any] | list[Any] | set[Any] | CellType


class KeepsState(Exception):
    """The reward holds, or has changed, what outlives a call; the message is for its author."""


class Kept:
    """All that can be reached from the namespace of a loaded reward.

    Raises:
        KeepsState: something there changes by being used, such as an iterator.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._watched: list[tuple[str, _Watched, list[Any]]] = []
        seen: set[int] = set()
        stack = [(name, value) for name, value in namespace.items() if not name.startswith("__")]
        while stack:
            name, value = stack.pop()
            if id(value) not in seen:
                seen.add(id(value))
                stack.extend((name, part) for part in self._take(name, value))

    def check(self) -> None:
        """Raises KeepsState, naming the global, where anything is not as it was at first."""
        for name, value, before in self._watched:
            now = _content(value)
            if len(now) != len(before) or not all(map(operator.is_, now, before)):
                raise KeepsState(
                    f"the call changed `{name}`, which outlives it: a reward keeps nothing "
                    "between calls; work on a copy"
                )

    def _take(self, name: str, value: object) -> Iterator[object]:
        """Freeze or watch one value; what it holds is next."""
        if isinstance(value, np.ndarray):
            _freeze(value)
            if value.dtype.hasobject:
                yield from value.ravel().tolist()
        elif isinstance(value, tuple | frozenset):
            yield from value
        elif isinstance(value, dict | list | set | CellType):
            before = _content(value)
            self._watched.append((name, value, before))
            yield from before
        elif isinstance(value, np.vectorize):
            yield value.pyfunc
        elif isinstance(value, FunctionType) and value.__globals__ is self._namespace:
            yield from (value.__defaults__, value.__kwdefaults__, value.__closure__)
        elif hasattr(type(value), "__next__"):
            raise KeepsState(
                f"`{name}` holds a {type(value).__name__}, which is used up by being read: a "
                "reward keeps nothing between calls; use a list or a tuple"
            )


def _freeze(array: np.ndarray[Any, Any]) -> None:
    base: object = array
    while isinstance(base, np.ndarray):
        base.flags.writeable = False
        base = base.base


def _content(value: _Watched) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, CellType):
        try:
            return [value.cell_contents]
        except ValueError:  # bound later, or never
            return []
    return list(value)
