"""The process that trains (`python -m rewardsmith.training.child`, see children.py).

It holds the physics, the policy and a jailed worker; the candidate's code runs in the worker only.
"""

from __future__ import annotations

from pathlib import Path

from rewardsmith import children
from rewardsmith.files import write_record
from rewardsmith.jail import service
from rewardsmith.records import Training
from rewardsmith.training import Progress, TrainJob


def run(job: TrainJob) -> Training:
    """Train the job here; see `Trainer`."""
    from rewardsmith.training import sb3

    folder = Path(job.folder)
    with (folder / "progress.jsonl").open("w", encoding="utf-8") as lines:

        def report(progress: Progress) -> None:
            lines.write(progress.model_dump_json() + "\n")
            lines.flush()

        return sb3.train(job, report)


def serve_one(path: Path) -> None:
    """Do the TrainJob that stands at `path` as JSON; leaves result.json beside it."""
    job = TrainJob.model_validate_json(path.read_text("utf-8"))
    write_record(path.with_name("result.json"), run(job))


if __name__ == "__main__":
    # Loaded before the first job comes: the parent is still busy with the critic.
    service.warm()
    import rewardsmith.training.sb3  # noqa: F401

    children.serve(serve_one)
