"""What the store holds that is no record of the search itself."""

from __future__ import annotations

from typing import Literal

from rewardsmith.config import RunConfig
from rewardsmith.records import CheckedReward, Layer, Record, RunStatus, TaskSpec

FORMAT_VERSION = 1


class InitialReward(Record):
    """A reward that the user brought; its text is kept, so that a resume needs no file."""

    name: str
    code: str


class RunRecord(Record):
    """One run: what was asked, with which settings, and how far it came."""

    id: str
    kind: Literal["search", "train"] = "search"
    """`train`: one given reward on given seeds, no search."""
    cell: str = ""
    """By what the sweep that it belongs to finds it again; "" for a run of its own."""
    format_version: int = FORMAT_VERSION
    created_at: str
    status: RunStatus = RunStatus.RUNNING
    task: TaskSpec
    config: RunConfig
    proposer: str
    """The model's name, or "offline baseline"."""
    init: tuple[InitialReward, ...] = ()
    compare: CheckedReward | None = None
    """The user's own reward that the best is compared with."""
    layers: tuple[Layer, ...] = ()
    """The jail's layers when the run began."""
    versions: dict[str, str] = {}
    train_seeds: tuple[int, ...] = ()
    """Of a `train` run."""
    finalists: tuple[str, ...] = ()
    best: str | None = None
    arm: str = ""
    """The run that searches beside this one without iterating."""
    arm_of: str = ""
    """The run that this one stands beside."""
    wall_s: float = 0.0


class Call(Record):
    """One request to a model: the intent is stored before it is sent, the reply as it comes."""

    id: int
    slot: str
    request: str
    request_hash: str
    reply: str | None
    error: str | None
    asked_at: str
