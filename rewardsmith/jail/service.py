"""The parent's side of the jail: starts a locked worker for one reward and asks it for numbers."""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Self

import numpy as np

from rewardsmith.errors import CandidateError, UserError
from rewardsmith.jail import bubblewrap, nursery, protocol
from rewardsmith.jail.channel import Channel, unpack_names
from rewardsmith.jail.child import Child, ChildDied
from rewardsmith.records import CheckedReward, Layer
from rewardsmith.reward import MAX_ABS_REWARD, Array, Transitions

_START_TIMEOUT_S = 10.0
"""For a worker to lock itself; candidate code runs only after it."""
_SHORT_LIFE_CPU_S = 60.0
_HASH_SEED = 0
_CAUSES = {
    protocol.EXCEPTION: "exception",
    protocol.SHAPE: "shape",
    protocol.RETURN: "return",
    protocol.STATE: "state-kept",
}


_NONSENSE = "the reward's worker answered nonsense and was ended"


@dataclass(frozen=True)
class Rewards:
    """The rewards of n transitions: total (n,) float64 and each term (n,) float64, by name.

    `has_total` tells a total that the candidate gave from the sum of its terms.
    """

    total: Array
    terms: Mapping[str, Array]
    has_total: bool


class RewardFault(CandidateError):
    """A reward that failed in the jail.

    Attributes:
        line: the line of its code, where one is known.
        what: what went wrong, without the line.
    """

    def __init__(self, cause: str, what: str, line: int | None = None) -> None:
        super().__init__(cause, what if line is None else f"line {line}: {what}")
        self.what, self.line = what, line


@dataclass(frozen=True)
class _Reply:
    terms: int
    has_total: bool


def holds(layers: tuple[Layer, ...]) -> bool:
    """Whether the layers suffice to run code: the base, and bubblewrap or Landlock + seccomp."""
    active = {layer.name for layer in layers if layer.active}
    strong = ({bubblewrap.NAME}, {"landlock", "seccomp"})
    base = {layer.name for layer in layers} - set().union(*strong)
    return base <= active and any(wall <= active for wall in strong)


def require(layers: tuple[Layer, ...]) -> None:
    """Raises UserError, with what to do about it, unless the layers suffice to run code."""
    if holds(layers):
        return
    missing = ", ".join(f"{layer.name} ({layer.detail})" for layer in layers if not layer.active)
    raise UserError(
        f"the jail for generated code does not hold on this machine: {missing}; use a newer "
        "kernel, install bubblewrap or run in Docker, or accept the risk with --unsafe-no-jail"
    )


@functools.cache
def probe(*, unsafe: bool = False, platform: str = sys.platform) -> tuple[Layer, ...]:
    """The layers of the jail on this machine, as a throw-away worker found them.

    Args:
        platform: as sys.platform names it; on another one than Linux, less holds.

    Raises:
        UserError: what is needed does not hold, and `unsafe` is False.
    """
    with RewardWorker(_NOTHING, capacity=1, unsafe=unsafe, platform=platform) as worker:
        return worker.layers


def warm() -> None:
    """Start what the first worker will need, without waiting for it."""
    nursery.zygote(_HASH_SEED)


def cpu_limit_s(rows: int) -> float:
    """Processor time for a worker that is to see so many rows: twice what the critic accepts."""
    return _SHORT_LIFE_CPU_S + 2e-3 * rows


class RewardWorker:
    """One reward in one locked child process, for as long as a training lasts.

    It is not safe to use from several threads at once. It ends with this process, however that
    ends.

    Attributes:
        layers: what holds around this child.
        terms: names of the reward's terms. A reward that was not checked yet has none: they are
            learnt from the first call and must stay.
    """

    def __init__(
        self,
        reward: CheckedReward,
        *,
        capacity: int,
        call_timeout_s: float = 5.0,
        cpu_limit_s: float = _SHORT_LIFE_CPU_S,
        unsafe: bool = False,
        hash_seed: int = _HASH_SEED,
        platform: str = sys.platform,
    ) -> None:
        """Start the child, wait until it is locked, then send it the code.

        Args:
            capacity: the most rows that one call may have.
            call_timeout_s: wall time for one call, and for loading the code.
            cpu_limit_s: processor time over the whole life of the child; see `cpu_limit_s`.
            unsafe: run also where the layers of the jail do not hold.
            hash_seed: PYTHONHASHSEED of the child.
            platform: as for `probe`.

        Raises:
            UserError: the layers of the jail do not hold here.
            CandidateError: the code failed, hung or died while it was loaded.
        """
        self.terms = reward.terms
        self._capacity = capacity
        self._timeout_s = call_timeout_s
        self._sequence = 0
        self._open = True
        self._packed_names: bytes | None = None
        self._channel = Channel(reward.columns, capacity, platform)
        try:
            self._child = Child(
                self._channel, cpu_limit_s=cpu_limit_s, hash_seed=hash_seed, platform=platform
            )
        except BaseException:
            self._channel.close()
            raise
        self._channel.close_descriptors()
        try:
            self.layers = self._await_lock()
            if not unsafe:
                require(self.layers)
            self._load(reward)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def compute(self, batch: Transitions) -> Rewards:
        """The rewards of `batch`, at most `capacity` rows; raises as `paid`."""
        self.put(batch)
        return self.paid(len(batch))

    def put(self, batch: Transitions) -> None:
        """Copy `batch`, at most `capacity` rows, to where the worker reads."""
        if not 1 <= len(batch) <= self._capacity:
            raise ValueError(f"{len(batch)} rows do not fit a worker for 1 to {self._capacity}")
        if not self._open:
            raise RewardFault("crash", "the reward's worker has ended already")
        self._channel.write(batch)

    def paid(self, rows: int) -> Rewards:
        """The rewards of the first rows of what was `put`.

        Raises:
            CandidateError: the candidate's fault, by `cause`: "exception", "shape", "return",
                "state-kept", "nonfinite" and "magnitude" leave the worker usable; after "timeout",
                "crash" and "protocol" it is closed.
        """
        if not self._open:
            raise RewardFault("crash", "the reward's worker has ended already")
        reply = self._ask(protocol.REQUEST.pack(self._sequence + 1, rows), "return")
        block = self._channel.block(reply.terms, rows)
        self._learn_names(reply.terms)
        terms = dict(zip(self.terms, block[1:], strict=True))
        # The terms first: the total only inherits what is wrong with one of them.
        if not _sane(block[1:]):
            for name, values in terms.items():
                _check_values(f'term "{name}"', values)
        total = block[0] if reply.has_total else block[1:].sum(axis=0)
        if not _sane(total):
            _check_values("the total", total)
        return Rewards(total=total, terms=terms, has_total=reply.has_total)

    def close(self) -> None:
        """Kill the child's process group, reap it, and close every descriptor; idempotent."""
        if self._open:
            self._open = False
            self._child.close()
            self._channel.close()

    # --- starting ---

    def _await_lock(self) -> tuple[Layer, ...]:
        try:
            self._receive(_START_TIMEOUT_S, "start")
        except RewardFault as fault:
            raise RuntimeError(f"the jail's own worker failed to start: {fault}") from fault
        inside = [
            Layer(name=name, active=active, detail=detail)
            for name, active, detail in json.loads(self._channel.text())
        ]
        return (*inside, bubblewrap.layer())

    def _load(self, reward: CheckedReward) -> None:
        program = {
            "code": reward.code,
            "arguments": reward.arguments,
            "columns": self._channel.layout,
            "capacity": self._capacity,
            "params": reward.params,
        }
        data = json.dumps(program).encode()
        self._ask(protocol.LENGTH.pack(len(data)) + data, "load")

    # --- talking ---

    def _ask(self, request: bytes, what: str) -> _Reply:
        self._sequence += 1
        self._channel.ring(self._sequence)
        try:
            self._child.send(request)
        except ChildDied as death:
            self._died(death)
        return self._receive(self._timeout_s, what)

    def _receive(self, timeout_s: float, what: str) -> _Reply:
        try:
            data = self._child.receive(protocol.REPLY.size, timeout_s)
        except TimeoutError:
            self._end(
                "timeout",
                f"the reward did not {what} within {timeout_s:g} s: write array expressions over "
                "the whole batch, not loops over its rows",
            )
        except ChildDied as death:
            self._died(death)
        sequence, status, terms, has_total, line = protocol.REPLY.unpack(data)
        if sequence != self._sequence or has_total > 1 or terms > protocol.MAX_TERMS:
            self._end("protocol", _NONSENSE)
        if status == protocol.OK:
            return _Reply(terms=terms, has_total=bool(has_total))
        if status not in _CAUSES:
            self._end("protocol", _NONSENSE)
        raise RewardFault(_CAUSES[status], self._channel.text(), line or None)

    def _learn_names(self, count: int) -> None:
        packed = self._channel.packed_names(count)
        if packed == self._packed_names:
            return
        names = unpack_names(packed)
        if not names:
            self._end("protocol", _NONSENSE)
        if self.terms and names != self.terms:
            raise RewardFault(
                "return",
                f"the terms changed from {list(self.terms)} to {list(names)}: "
                "return the same names in the same order for every batch",
            )
        self.terms = names
        self._packed_names = packed

    def _died(self, death: ChildDied) -> NoReturn:
        if death.code == -signal.SIGXCPU:
            self._end("timeout", "the reward used up its processor time")
        if death.code is None:
            reason = "its pipe was closed"
        elif -death.code in set(signal.Signals):
            reason = signal.Signals(-death.code).name
        else:
            reason = f"exit code {death.code}"
        self._end("crash", f"the reward's process died ({reason})")

    def _end(self, cause: str, for_llm: str) -> NoReturn:
        self.close()
        raise RewardFault(cause, for_llm)


_NOTHING = CheckedReward(
    code="def compute_reward():\n    return {}\n", arguments=(), columns=(), terms=(), params={}
)


def _sane(values: Array) -> bool:
    """Finite and of a sane size, in one pass: a NaN fails the comparison as well.

    `values` is our copy, which the child cannot change any more.
    """
    return bool(np.abs(values).max() <= MAX_ABS_REWARD)


def _check_values(label: str, values: Array) -> None:
    broken = values[~np.isfinite(values)]
    if broken.size:
        raise RewardFault(
            "nonfinite",
            f"{label} is {broken[0]} on {broken.size} of {values.size} rows: guard the division, "
            "logarithm, root or overflow that causes it",
        )
    peak = values[np.abs(values).argmax()]
    if abs(peak) > MAX_ABS_REWARD:
        raise RewardFault(
            "magnitude",
            f"{label} reaches {peak:.3g}; keep |value| <= {MAX_ABS_REWARD:g} "
            "(clip it, or scale it down)",
        )
