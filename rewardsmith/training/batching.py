"""Shares trainings out over processes: those learn together that can."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from rewardsmith.sim import engines
from rewardsmith.training import TrainBatch, TrainJob, checkpoint
from rewardsmith.training.worlds import variables


def batches(jobs: Sequence[TrainJob], at_once: int) -> Iterator[TrainBatch]:
    """Jobs shared out over so many processes: those that can learn together, as evenly as may be.

    The seeds of one candidate stay together, for they share its worker.
    """
    groups: dict[tuple[str, ...], list[TrainJob]] = {}
    for job in sorted(jobs, key=lambda job: job.backend != "population"):
        groups.setdefault(_learns_with(job), []).append(job)
    for group in groups.values():
        group.sort(key=lambda job: (job.candidate, job.seed))
        count = min(at_once, len(group))
        edges = [round(part * len(group) / count) for part in range(count + 1)]
        for start, end in itertools.pairwise(edges):
            yield TrainBatch(jobs=tuple(group[start:end]))


def _learns_with(job: TrainJob) -> tuple[str, ...]:
    """What jobs share that can learn in one batch: all but reward, seed and names.

    Also the engine, which a reward's variables may decide: a learner keeps its own, whoever learns
    beside it. And the step that it has stored, for a batch goes on from one that all have stored.
    """
    if job.backend != "population":
        return (job.id,)
    own = {"id", "candidate", "reward", "seed", "folder", "relative", "purpose", "warm_start"}
    columns = job.reward.columns if job.reward else ()
    engine = engines.name(job.task, variables(job.task, columns))
    stored = checkpoint.latest(Path(job.folder))
    return job.model_dump_json(exclude=own), engine, str(stored)
