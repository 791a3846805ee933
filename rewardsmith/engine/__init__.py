"""Where trainings and evaluations run. Each engine is one file behind the `Engine` protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rewardsmith.evaluate import EvaluateJob
from rewardsmith.records import Episodes, Failure, Record, Training
from rewardsmith.training import Progress, TrainJob


class Evaluated(Record):
    """What became of an evaluation: its episodes, or why there are none."""

    job: EvaluateJob
    episodes: Episodes | None = None
    failure: Failure | None = None


class Engine(Protocol):
    """Runs jobs, as many at once as it sees fit, and yields each result as it comes.

    `poll` is called often and may raise: then everything that runs is ended first.
    """

    def train(
        self,
        jobs: Sequence[TrainJob],
        progress: Callable[[TrainJob, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[Training]:
        """Train every job; one that hangs or dies yields a Training with its failure."""
        ...

    def evaluate(
        self, jobs: Sequence[EvaluateJob], poll: Callable[[], None]
    ) -> Iterator[Evaluated]:
        """Measure every policy."""
        ...
