"""An engine that trains nothing: what every training comes to is told beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rewardsmith.engine import Evaluated
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.records import (
    Candidate,
    CheckedReward,
    Episodes,
    Failure,
    Fitness,
    Space,
    Stage,
    TaskSpec,
    Training,
    Verdict,
)
from rewardsmith.training import Progress, TrainJob

LATE = Failure(stage="train", cause="timeout", for_llm="too slow", for_human="too slow")
TASK = TaskSpec(
    env="Pendulum-v1",
    sentence="swing up",
    fitness=Fitness(name="native", expression="native_return"),
    variables=(),
    observation=Space(kind="box", size=3),
    action=Space(kind="box", size=1, low=(-2.0,), high=(2.0,)),
)


class ScriptedEngine:
    """Gives each arm its fitness; the trainings named in `late`, by their ids, time out."""

    def __init__(self, fitness: Mapping[str, float], late: Sequence[str] = ()) -> None:
        self._fitness, self._late = fitness, late
        self._owners: dict[Path, str] = {}
        self.trained: list[str] = []

    def train(
        self,
        jobs: Sequence[TrainJob],
        progress: Callable[[TrainJob, Progress], None],
        poll: Callable[[], None],
    ) -> Iterator[Training]:
        """The last job first, as it may be where several run at once."""
        for job in reversed(jobs):
            self.trained.append(job.id)
            folder = Path(job.folder)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "policy.safetensors").write_text(job.id)
            self._owners[folder] = job.candidate
            yield Training(
                id=job.id,
                seed=job.seed,
                purpose=job.purpose,
                timesteps=job.until or job.timesteps,
                planned=job.timesteps,
                folder=job.relative,
                failure=LATE if job.id in self._late else None,
            )

    def evaluate(
        self, jobs: Sequence[EvaluateJob], poll: Callable[[], None]
    ) -> Iterator[Evaluated]:
        for job in reversed(jobs):
            fitness = self._fitness[self._owners[Path(job.policy).parent]]
            yield Evaluated(job=job, episodes=episodes(job.seeds, fitness))


def episodes(seeds: Sequence[int], fitness: float) -> Episodes:
    """Every episode with the same fitness."""
    count = len(seeds)
    return Episodes(
        seeds=tuple(seeds),
        fitness=(fitness,) * count,
        native_return=(fitness,) * count,
        length=(1,) * count,
        terminated=(False,) * count,
    )


def candidate(index: int, generation: int = 1, **parts: object) -> Candidate:
    """A candidate that passed the critic, its code named after it."""
    name = f"r{generation:02d}c{index:02d}"
    code = f"# {name}\n"
    reward = CheckedReward(code=code, arguments=(), columns=(), terms=(), params={})
    settled: dict[str, object] = {
        "id": name,
        "generation": generation,
        "index": index,
        "stage": Stage.CHECKED,
        "code": code,
        "verdict": Verdict(ok=True, reward=reward),
    }
    return Candidate.model_validate({**settled, **parts})
