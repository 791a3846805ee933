"""The jailed worker: maps the channel, locks itself, runs one reward and answers with floats.

Forked by zygote.py, which loads it by path, with the standard library and NumPy only; it imports
nothing of ours but loads its neighbours (protocol, lockdown, kept, returned) by path too.
"""

from __future__ import annotations
import __future__

import builtins
import difflib
import importlib.util
import json
import math  # noqa: F401  (loaded before the lock: no file can be opened after it)
import mmap
import os
import time
import unicodedata  # noqa: F401  (compile() needs it for names beyond ASCII)
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

import numpy as np
import numpy.linalg
from numpy.typing import NDArray


def _neighbour(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


protocol, lockdown = _neighbour("protocol"), _neighbour("lockdown")
kept, returned = _neighbour("kept"), _neighbour("returned")
_STATUS = {returned.SHAPE: protocol.SHAPE, returned.RETURN: protocol.RETURN}

# --- what a reward sees --------------------------------------------------------------------------

_FILENAME = "<reward>"
_SHOWN_CALLERS, _SHOWN_NAME = 4, 40
"""How much of the way to an error is told: callers, the nearest first, and letters of a name."""

# Executed as a reward would be, before the lock: NumPy imports parts of itself at the first use.
_WARM_UP = """
import numpy as np
import math

x = np.linspace(0.0, 1.0, 12).reshape(3, 4)
x.mean(axis=0), x.sum(), x.std(), x.var(), x.max(), x.min(), x.prod(), x.any(), x.all()
np.linalg.norm(x, axis=-1), np.linalg.det(x[:, :3]), np.einsum("ij,ij->i", x, x)
np.einsum("ij,kj->ik", x, x, optimize=True), np.percentile(x, 50), np.median(x, axis=-1)
np.clip(x, 0, 1), np.where(x > 0, x, 0.0), np.cumsum(x, axis=-1), np.interp(x, [0, 1], [0, 1])
np.sort(x), np.unique(x), np.concatenate([x, x]), np.stack([x, x]), np.nan_to_num(x), np.pad(x, 1)
np.cross(x[:, :3], x[:, :3]), np.diff(x), np.select([x > 0], [x], 0.0), x @ x.T, np.isclose(x, x)
str(x), repr(x), f"{x[0, 0]:.3f}", np.float32(1.0), np.array(["a"]), np.zeros(2, dtype=bool)
with np.errstate(all="ignore"):
    x / 0.0
for broken in (
    lambda: x + np.ones(5),
    lambda: np.sum(x, axis=9),
    lambda: x @ x,
    lambda: np.exp("a"),
    lambda: np.linalg.inv(np.zeros((2, 2))),
    lambda: np.concatenate([x, np.ones(3)]),
    lambda: np.arange(3)[7],
    lambda: bool(x),
    lambda: float(x),
):
    try:
        broken()
    except Exception as error:
        str(error)
"""


class Variables:
    """The named variables of one side of a transition: `state.angle` or `state["angle"]`."""

    __slots__ = ("_argument", "_arrays")

    def __init__(self, argument: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        object.__setattr__(self, "_argument", argument)
        object.__setattr__(self, "_arrays", arrays)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name in self._arrays:
            return self._arrays[name]
        raise AttributeError(self._unknown(name))

    def __getitem__(self, name: str) -> NDArray[Any]:
        if type(name) is not str:
            raise TypeError(
                f"{self._argument} holds named variables and is no array: index one of them, as in "
                f"{self._argument}.x[:, 0]"
            )
        if name in self._arrays:
            return self._arrays[name]
        raise KeyError(self._unknown(name))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"`{self._argument}` is read-only")

    def __setitem__(self, name: str, value: object) -> NoReturn:
        raise TypeError(f"`{self._argument}` is read-only")

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __repr__(self) -> str:
        return f"<{self._argument}: {', '.join(self._arrays)}>"

    def _unknown(self, name: object) -> str:
        near = difflib.get_close_matches(str(name), self._arrays, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; it has {', '.join(self._arrays)}"
        return f"{self._argument} has no variable `{name}`{hint}"


def _namespace() -> dict[str, Any]:
    allowed = {name: getattr(builtins, name) for name in protocol.REWARD_BUILTINS}
    return {"__builtins__": {**allowed, "__import__": _import}, "__name__": "reward"}


def _import(name: str, *rest: Any) -> Any:
    # NumPy's own late imports come through here as well, hence every loaded part of it is allowed.
    top = name.partition(".")[0]
    if top in ("numpy", "math", "typing", "__future__") or name == "collections.abc":
        return builtins.__import__(name, *rest)
    raise ImportError(f"`{top}` is not available to rewards; they may import numpy and math")


def _compiled(code: str) -> CodeType:
    # Annotations stay text: models copy class names from their prompt that are nothing here.
    annotations = __future__.annotations.compiler_flag
    compiled: CodeType = compile(code, _FILENAME, "exec", flags=annotations, dont_inherit=True)
    return compiled


# --- running it ----------------------------------------------------------------------------------


class Program:
    """One loaded reward and the memory that it reads and answers through."""

    def __init__(self, program: dict[str, Any], inputs: mmap.mmap, outputs: mmap.mmap) -> None:
        columns, capacity = program["columns"], program["capacity"]
        self._arguments: tuple[str, ...] = tuple(program["arguments"])
        self._params: dict[str, float] = program["params"]
        self._columns = list(
            zip(columns, protocol.input_views(inputs, columns, capacity), strict=True)
        )
        self._memory = outputs
        self._slots = protocol.output_slots(outputs, capacity)
        self._names: tuple[object, ...] | None = None
        self._has_total = False
        namespace = _namespace()
        exec(_compiled(program["code"]), namespace)
        self._function: Callable[..., object] = namespace["compute_reward"]
        self._kept = kept.Kept(namespace)

    def compute(self, rows: int) -> tuple[int, bool]:
        """Write the total and the terms of the first `rows` rows.

        Returns:
            The number of terms, and whether the reward gave a total of its own.
        """
        total, terms = returned.split(self._function(**self._given(rows)))
        self._kept.check()
        names, has_total = tuple(terms), total is not None
        if self._names is not None and has_total is not self._has_total:
            advice = "return (total, terms) for every batch or for none"
            raise returned.Refusal(
                returned.RETURN, f"a total is given for some batches only: {advice}"
            )
        if names != self._names:
            self._tell_names(names)
        self._has_total = has_total
        if has_total:
            self._slots[0, :rows] = returned.checked("the total", total, rows)
        for slot, (name, value) in enumerate(terms.items(), start=1):
            self._slots[slot, :rows] = returned.checked(name, value, rows)
        return len(names), has_total

    def _tell_names(self, names: tuple[object, ...]) -> None:
        if not 1 <= len(names) <= protocol.MAX_TERMS:
            expected = f"1 to {protocol.MAX_TERMS} terms"
            raise returned.Refusal(returned.RETURN, f"expected {expected}, got {len(names)}")
        packed = b""
        for name in names:
            if type(name) is not str or not protocol.TERM_NAME.fullmatch(name):
                advice = "is no name for a term: use a short identifier"
                raise returned.Refusal(returned.RETURN, f"{returned.shown(name)} {advice}")
            packed += name.encode().ljust(protocol.NAME_BYTES, b"\0")
        self._memory[protocol.TEXT_BYTES : protocol.TEXT_BYTES + len(packed)] = packed
        self._names = names

    def _given(self, rows: int) -> dict[str, object]:
        plain: dict[str, object] = {"params": dict(self._params)}
        named: dict[str, dict[str, NDArray[Any]]] = {"state": {}, "next_state": {}}
        for (argument, name, _, _), view in self._columns:
            if argument in named:
                named[argument][name] = view[:rows]
            else:
                plain[argument] = view[:rows]
        plain |= {argument: Variables(argument, arrays) for argument, arrays in named.items()}
        # An argument that has no column is one that the code never reads.
        return {argument: plain.get(argument) for argument in self._arguments}


def _describe(error: BaseException) -> str:
    try:
        message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    except Exception as another:  # noqa: BLE001  the candidate's own object, nested without end
        message = f"its message cannot be printed ({type(another).__name__})"
    if "read-only" in message:
        message += "; inputs and constants cannot be changed, work on a copy"
    if isinstance(error, MemoryError) and not message:
        message = "a reward may not have so much memory"
    return f"{type(error).__name__}: {message}"


def _where(error: BaseException) -> tuple[int, str]:
    """The line of the reward that the error arose in, 0 for none, and how it came to be run.

    The second is "" in the function that was called by us, else such as
    "in `scaled`, called from line 12 in `compute_reward`: ".
    """
    steps: list[tuple[int, str]] = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == _FILENAME:
            steps.append((trace.tb_lineno, code.co_name[:_SHOWN_NAME]))
        trace = trace.tb_next
    if not steps:
        return ((error.lineno or 0) if isinstance(error, SyntaxError) else 0), ""
    line, name = steps[-1]
    callers = [f"from line {at} in `{caller}`" for at, caller in steps[-2::-1][:_SHOWN_CALLERS]]
    return line, f"in `{name}`, called {', '.join(callers)}: " if callers else ""


# --- the process ---------------------------------------------------------------------------------


class Wire:
    """The two pipes, the bell, and the text area of the output memory."""

    def __init__(
        self, requests: int, replies: int, memory: mmap.mmap, bell: NDArray[np.uint64]
    ) -> None:
        self._requests, self._replies, self._memory = requests, replies, memory
        self._bell = bell

    def watch(self, answered: int) -> None:
        """Stay awake for a moment in case that the next request follows at once."""
        end = time.perf_counter() + protocol.SPIN_S
        while self._bell == answered and time.perf_counter() < end:
            os.sched_yield()

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes; the process ends with the parent's side of the pipe."""
        data = b""
        while len(data) < count:
            part = os.read(self._requests, count - len(data))
            if not part:
                os._exit(0)
            data += part
        return data

    def answer(self, sequence: int, terms: int = 0, has_total: bool = False) -> None:
        """Report success."""
        os.write(self._replies, protocol.REPLY.pack(sequence, protocol.OK, terms, has_total, 0))

    def say(self, sequence: int, status: int, text: str, line: int = 0) -> None:
        """Leave a text for the parent, and report `status`."""
        data = text.encode("utf-8", "replace")[: protocol.TEXT_BYTES]
        self._memory[: protocol.TEXT_BYTES] = data.ljust(protocol.TEXT_BYTES, b"\0")
        os.write(self._replies, protocol.REPLY.pack(sequence, status, 0, False, line))

    def guard(self, sequence: int, work: Callable[[], None]) -> None:
        """Do the reward's work; whatever it raises becomes an answer."""
        try:
            work()
        except returned.Refusal as refusal:
            self.say(sequence, _STATUS[refusal.kind], str(refusal))
        except kept.KeepsState as state:
            self.say(sequence, protocol.STATE, str(state))
        except BaseException as error:  # noqa: BLE001  the boundary of the jailed process
            line, way = _where(error)
            self.say(sequence, protocol.EXCEPTION, way + _describe(error), line)


def warm_up() -> None:
    """Load and settle, once, what every worker inherits by its fork."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    exec(compile(_WARM_UP, _FILENAME, "exec"), _namespace())
    os.environ.clear()


def serve(start: dict[str, Any]) -> None:
    """Lock, report the layers, load one program, then answer requests until the parent is gone."""
    inputs = mmap.mmap(start["inputs"], 0, mmap.MAP_SHARED, mmap.PROT_READ)
    outputs = mmap.mmap(start["outputs"], 0, mmap.MAP_SHARED)
    wire = Wire(start["requests"], start["replies"], outputs, protocol.bell(inputs))
    layers = lockdown.lock(
        keep=[start[name] for name in ("requests", "replies", "inputs", "outputs")],
        sealed=start["inputs"],
        memory_bytes=start["memory_bytes"],
        cpu_s=start["cpu_s"],
        platform=start["platform"],
    )
    wire.say(0, protocol.OK, json.dumps(layers))

    (size,) = protocol.LENGTH.unpack(wire.read(protocol.LENGTH.size))
    program = json.loads(wire.read(size))
    loaded: list[Program] = []
    wire.guard(1, lambda: loaded.append(Program(program, inputs, outputs)))
    if not loaded:
        os._exit(0)
    wire.answer(1)
    while True:
        sequence, rows = protocol.REQUEST.unpack(wire.read(protocol.REQUEST.size))
        wire.guard(sequence, lambda: wire.answer(sequence, *loaded[0].compute(rows)))  # noqa: B023
        wire.watch(sequence)
