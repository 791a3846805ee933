"""Trains and evaluates a set of rewards, each result stored as it comes; candidate or baseline."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence

from rewardsmith.config import TrainConfig
from rewardsmith.engine import Engine
from rewardsmith.evaluate import EvaluateJob
from rewardsmith.records import (
    Arm,
    Baseline,
    Candidate,
    CandidateId,
    CheckedReward,
    Event,
    Failure,
    Observe,
    Purpose,
    Rung,
    Training,
)
from rewardsmith.rollouts import KEPT_EPISODES, measurement
from rewardsmith.selection import best_training
from rewardsmith.store import RunRecord, Store
from rewardsmith.training import STATE_FILE, Backend, Progress, TrainJob, checkpoint

_ORDER: tuple[Purpose, ...] = ("selection", "final", "report")


class Measure:
    """Runs the trainings and evaluations of one run on an engine."""

    def __init__(
        self,
        run: RunRecord,
        store: Store,
        engine: Engine,
        observe: Observe,
        poll: Callable[[], None],
    ) -> None:
        self._run, self._store, self._engine = run, store, engine
        self._observe, self._poll = observe, poll
        self._folder = store.folder(run.id)

    def train(
        self, arms: Sequence[Arm], purpose: Purpose, seeds: Sequence[int], until: int = 0
    ) -> list[Arm]:
        """Train every arm on every seed on which it has not come so far yet.

        A failed seed fails the arm at selection. `until` are the steps to stop at, ready to go
        on; 0 for the end.
        """
        owners = {arm.id: arm for arm in arms}
        jobs = [
            self._job(arm, purpose, seed, until)
            for arm in arms
            for seed in seeds
            if _behind(_training_of(arm, purpose, seed), until)
        ]
        by_training = {job.id: job.candidate for job in jobs}
        for training in self._engine.train(jobs, self._progress, self._poll):
            owner = by_training[training.id]
            owners[owner] = self._save(_with_training(owners[owner], training))
            self._tell("trained", owner, training)
        return list(owners.values())

    def evaluate(self, arms: Sequence[Arm], purpose: Purpose, seeds: Sequence[int]) -> list[Arm]:
        """Measure every trained policy of `purpose` on the episode seeds."""
        owners = {arm.id: arm for arm in arms}
        jobs: dict[str, tuple[str, Training]] = {}
        requests = []
        for owner, training in _unmeasured(owners, purpose):
            job = self._evaluation(training, purpose, seeds)
            jobs[job.output] = (owner, training)
            requests.append(job)
        for result in self._engine.evaluate(requests, self._poll):
            owner, training = jobs[result.job.output]
            measured = training.model_copy(
                update={"episodes": result.episodes, "failure": result.failure}
            )
            owners[owner] = self._save(_with_training(owners[owner], measured))
            self._tell("evaluated", owner, measured)
        return list(owners.values())

    def report_best(self, arm: Arm) -> Arm:
        """The arm with the best of its policies at selection to be reported, not yet measured."""
        best = best_training(arm, "selection", self._run.task.fitness)
        if best is None or any(training.purpose == "report" for training in arm.trainings):
            return arm
        update = {"id": f"{arm.id}/report-{best.seed}", "purpose": "report", "episodes": None}
        return self._save(_with_training(arm, best.model_copy(update=update)))

    def release(self, arms: Sequence[Arm], purpose: Purpose) -> None:
        """Remove what only trainings need that go on."""
        for arm in arms:
            for training in arm.trainings:
                if training.purpose == purpose:
                    checkpoint.forget(self._folder / training.folder)

    def keep_best_policy(self, arm: Arm, purpose: Purpose) -> None:
        """Put the policy of the arm's best training of `purpose` into the arm's folder."""
        best = best_training(arm, purpose, self._run.task.fitness)
        if best:
            source = self._folder / best.folder / "policy.safetensors"
            shutil.copyfile(source, self._folder / arm.folder / "policy.safetensors")

    def _job(self, arm: Arm, purpose: Purpose, seed: int, until: int) -> TrainJob:
        config, task = self._run.config.train, self._run.task
        own = arm.timesteps if isinstance(arm, Baseline) else None
        steps = config.steps_of(task) if own is None else own
        relative = f"{arm.folder}/train/{purpose}-{seed}"
        return TrainJob(
            id=f"{arm.id}/{purpose}-{seed}",
            candidate=arm.id,
            task=task,
            reward=_reward(arm),
            pays=arm.pays if isinstance(arm, Baseline) else "native",
            seed=seed,
            purpose=purpose,
            timesteps=steps,
            until=until if until < steps else 0,
            n_envs=config.n_envs or task.budget.n_envs,
            algo=config.algo,
            backend=backend_of(config),
            hyperparams=dict(config.hyperparams),
            folder=str(self._folder / relative),
            relative=relative,
            unsafe=self._run.config.unsafe_no_jail,
            device=config.device,
            checkpoint_s=config.checkpoint_s,
            warm_start=self._parents_state(arm, purpose, seed),
        )

    def _parents_state(self, arm: Arm, purpose: Purpose, seed: int) -> str:
        """What the arm's policy is to go on from: that of its first parent on the same seed.

        Only in the search: finalists and the best are trained from scratch, as the native reward
        beside them is, for a report on training seeds has to hold no policy that is common to all.
        Where the parent left nothing, from scratch too.
        """
        wanted = self._run.config.train.warm_start == "parent" and purpose == "selection"
        if not wanted or not isinstance(arm, Candidate) or not arm.parents:
            return ""
        parent = self._folder / CandidateId.parse(arm.parents[0]).folder / "train"
        found = sorted(parent.glob(f"selection-*/{STATE_FILE}"))
        same = [path for path in found if path.parent.name == f"selection-{seed}"]
        chosen = same or found
        return str(chosen[0]) if chosen else ""

    def _evaluation(
        self, training: Training, purpose: Purpose, seeds: Sequence[int]
    ) -> EvaluateJob:
        folder = self._folder / training.folder
        selects = purpose == "selection"
        return EvaluateJob(
            behaviour=training.id.partition("/")[0] if selects else "",
            kept=KEPT_EPISODES if selects else 0,
            task=self._run.task,
            policy=str(folder / "policy.safetensors"),
            seeds=tuple(seeds),
            output=str(measurement(folder, purpose)),
            timesteps=training.timesteps,
        )

    def _save(self, arm: Arm) -> Arm:
        if isinstance(arm, Candidate):
            self._store.save_candidate(self._run.id, arm)
        else:
            self._store.save_baseline(self._run.id, arm)
        return arm

    def _progress(self, job: TrainJob, progress: Progress) -> None:
        data = {"training": job.id, "of": job.timesteps, **progress.model_dump()}
        self._observe(Event(event="progress", candidate=job.candidate, data=data))

    def _tell(self, event: str, owner: str, training: Training) -> None:
        failure = training.failure
        self._observe(
            Event(
                event=event,
                candidate=owner,
                message=failure.for_human if failure else "",
                data={
                    "training": training.id,
                    "wall_s": training.wall_s,
                    "done": training.done,
                    "fitness": training.episodes.mean_fitness if training.episodes else None,
                },
            )
        )


def backend_of(config: TrainConfig) -> Backend:
    """Who trains; `auto`: the population wherever it knows the algorithm."""
    if config.backend != "auto":
        return config.backend
    return "population" if config.algo == "ppo" else "sb3"


def _reward(arm: Arm) -> CheckedReward | None:
    if isinstance(arm, Baseline):
        return arm.reward
    if arm.verdict is None or arm.verdict.reward is None:
        raise ValueError(f"{arm.id} has not passed the critic")
    return arm.verdict.reward


def _unmeasured(owners: Mapping[str, Arm], purpose: Purpose) -> Iterable[tuple[str, Training]]:
    for owner, arm in owners.items():
        for training in arm.trainings:
            if training.purpose == purpose and not training.failure and not training.episodes:
                yield owner, training


def _with_training(arm: Arm, training: Training) -> Arm:
    """The arm with this training added or replaced; order is by seed, so that none is by chance."""
    earlier = _training_of(arm, training.purpose, training.seed)
    if earlier and earlier.episodes and earlier.timesteps < training.timesteps:
        rung = Rung(timesteps=earlier.timesteps, episodes=earlier.episodes)
        training = training.model_copy(update={"rungs": (*earlier.rungs, rung)})
    others = [old for old in arm.trainings if old.id != training.id]
    ordered = sorted([*others, training], key=lambda t: (_ORDER.index(t.purpose), t.seed))
    update: dict[str, object] = {"trainings": tuple(ordered)}
    if training.failure and training.purpose == "selection":
        update["failure"] = _first_failure(ordered)
    return arm.model_copy(update=update)


def _training_of(arm: Arm, purpose: Purpose, seed: int) -> Training | None:
    return next((t for t in arm.trainings if t.seed == seed and t.purpose == purpose), None)


def _behind(training: Training | None, until: int) -> bool:
    """Whether a training has steps to make before `until`, or before its end where that is 0."""
    if training is None:
        return True
    goal = until or training.planned
    return not training.failure and training.timesteps < min(goal, training.planned)


def _first_failure(trainings: Iterable[Training]) -> Failure | None:
    return next((t.failure for t in trainings if t.failure), None)
