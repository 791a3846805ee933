"""The records that cross modules: frozen, checked, each with its own id. None holds an array."""

from __future__ import annotations

from rewardsmith.records.base import Record
from rewardsmith.records.candidates import (
    Baseline,
    Candidate,
    Distance,
    Event,
    Generation,
    Operator,
    RunStatus,
    Stage,
)
from rewardsmith.records.tasks import (
    VOTED,
    Budget,
    Fitness,
    Space,
    TaskSpec,
    Variable,
)
from rewardsmith.records.trainings import (
    Curve,
    Episodes,
    Failure,
    Purpose,
    Rung,
    Score,
    TermStats,
    Training,
    Video,
)
from rewardsmith.records.verdicts import (
    Argument,
    CheckedReward,
    Column,
    Concern,
    Finding,
    Layer,
    Screen,
    Verdict,
)

__all__ = [
    "VOTED",
    "Argument",
    "Baseline",
    "Budget",
    "Candidate",
    "CheckedReward",
    "Column",
    "Concern",
    "Curve",
    "Distance",
    "Episodes",
    "Event",
    "Failure",
    "Finding",
    "Fitness",
    "Generation",
    "Layer",
    "Operator",
    "Purpose",
    "Record",
    "RunStatus",
    "Rung",
    "Score",
    "Screen",
    "Space",
    "Stage",
    "TaskSpec",
    "TermStats",
    "Training",
    "Variable",
    "Verdict",
    "Video",
]
