"""Rewards and what the critic says of them; what was found of the jail and of the machine."""

from __future__ import annotations

from typing import Literal

from rewardsmith.records.base import Record

Argument = Literal[
    "state", "next_state", "obs", "next_obs", "action", "prev_action", "terminated", "t"
]


class Column(Record):
    """One input array of a reward: `state.x_velocity`, `action`, ..."""

    argument: Argument
    name: str = ""
    """The variable's name, for state and next_state; "" for the others."""
    shape: tuple[int, ...] = ()
    """Shape of one row."""
    dtype: Literal["float64", "int64", "bool"] = "float64"


class CheckedReward(Record):
    """A reward that passed the critic, with all that a worker needs to run it."""

    code: str
    arguments: tuple[str, ...]
    """The parameters of compute_reward, in the order of its signature."""
    columns: tuple[Column, ...]
    """Exactly the arrays that the code reads."""
    terms: tuple[str, ...]
    params: dict[str, float]


class Layer(Record):
    """One layer of the jail and whether it holds on this machine."""

    name: str
    active: bool
    detail: str = ""


class Examined(Record):
    """One thing that `doctor` looked at; a line of its `--json`."""

    name: str
    ok: bool
    detail: str = ""
    needed: bool = True


class Finding(Record):
    """One thing the critic has to say, in words a model can act on."""

    rule: str
    line: int | None = None
    message: str
    severity: Literal["error", "warning"] = "error"


class Concern(Record):
    """What a reviewing model holds against a reward. A claim, until a probe confirms it."""

    kind: Literal["sign", "other"]
    """`sign`: that `term` moves the wrong way with `variable`, which can be tried."""
    quote: str = ""
    """The line of the code that it is about."""
    why: str
    term: str = ""
    variable: str = ""
    should: Literal["rise", "fall", ""] = ""
    """How the term should move when the variable grows."""


class Screen(Record):
    """How far a reward agrees with the episodes that a run has seen; see critic/screens.py."""

    name: Literal["alignment", "contrast"]
    accuracy: float | None = None
    """Share of pairs of episodes that it orders rightly, 0..1; None where that says nothing."""
    pairs: int = 0
    why: str = ""
    """Why it says nothing."""
    example: str = ""
    """The pair that is ordered most wrongly."""


class Verdict(Record):
    """What the critic found: `ok` when no finding is an error."""

    ok: bool
    findings: tuple[Finding, ...] = ()
    screens: tuple[Screen, ...] = ()
    layers: tuple[Layer, ...] = ()
    reward: CheckedReward | None = None
    fingerprint: str = ""
    """Of what a sound reward pays on the run's probe transitions; see critic/novelty.py."""
    shape: str = ""
    """The same, without what a training does not notice: a factor, or where no episode ends early
    a constant. "" where that cannot be said."""
    wall_s: float = 0.0

    @property
    def errors(self) -> tuple[str, ...]:
        """What is wrong, each with its line."""
        return self._said("error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing, each with its line."""
        return self._said("warning")

    def _said(self, severity: str) -> tuple[str, ...]:
        found = [finding for finding in self.findings if finding.severity == severity]
        return tuple(f"line {f.line}: {f.message}" if f.line else f.message for f in found)
