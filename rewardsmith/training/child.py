"""The process that trains (`python -m rewardsmith.training.child`, see children.py).

It holds the physics and the policies; candidates' code runs in jailed workers of its own only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rewardsmith import children
from rewardsmith.files import write_record
from rewardsmith.jail import service
from rewardsmith.records import Training
from rewardsmith.training import Done, Progress, TrainBatch, Trainer, TrainJob


def run(jobs: Sequence[TrainJob], done: Done) -> None:
    """Train the jobs of one batch here, with the backend that they name; see `Trainer`."""
    with contextlib.ExitStack() as stack:
        lines: dict[str, TextIO] = {
            job.id: stack.enter_context(
                (Path(job.folder) / "progress.jsonl").open("w", encoding="utf-8")
            )
            for job in jobs
        }

        def report(job: TrainJob, progress: Progress) -> None:
            lines[job.id].write(progress.model_dump_json() + "\n")
            lines[job.id].flush()

        _trainer(jobs[0])(jobs, report, done)


def _trainer(job: TrainJob) -> Trainer:
    from rewardsmith.training import population, sb3

    return population.train if job.backend == "population" else sb3.train


def _keep(job: TrainJob, training: Training) -> None:
    write_record(Path(job.folder) / "result.json", training)


def serve_one(path: Path) -> None:
    """Do the TrainBatch that stands at `path` as JSON; leaves result.json in each job's folder."""
    run(TrainBatch.model_validate_json(path.read_text("utf-8")).jobs, _keep)


if __name__ == "__main__":
    # Loaded before the first batch comes: the parent is still busy with the critic.
    service.warm()
    import rewardsmith.training.population
    import rewardsmith.training.sb3  # noqa: F401

    children.serve(serve_one)
