"""The end of a search: finalists and baselines trained on held-out seeds, and the best named."""

from __future__ import annotations

from rewardsmith.control import Control
from rewardsmith.measure import UNTRAINED, Arm, Measure
from rewardsmith.records import Baseline, Candidate
from rewardsmith.selection import SeedPlan, rank, score
from rewardsmith.store import Store


def measure_finalists(control: Control, store: Store, measure: Measure, seeds: SeedPlan) -> None:
    """Choose finalists by selection, then train, measure and rank them on held-out seeds."""
    control.stage()
    run, fitness = control.run, control.run.task.fitness
    candidates = store.candidates(run.id)
    finalists = run.finalists
    if not finalists:
        ranked = rank(candidates, fitness)[: run.config.search.finalists]
        finalists = tuple(candidate.id for candidate in ranked)
        control.update(finalists=finalists)
    control.tell("finals", finalists=list(finalists))
    arms: list[Arm] = [candidate for candidate in candidates if candidate.id in finalists]
    arms += _baselines(control, store)
    arms = measure.train(arms, "report", seeds.report)
    control.stage()
    arms = measure.evaluate(arms, "report", seeds.report_episodes)
    reported = [_with_report(arm, store, measure, run.id) for arm in arms]
    # Ranked by the held-out score: what selection saw has done its work.
    held_out = [
        arm.model_copy(update={"score": arm.report})
        for arm in reported
        if isinstance(arm, Candidate) and arm.report
    ]
    # Who lost a training would be judged by the seeds that went well: behind all who lost none.
    whole = [arm for arm in held_out if not _lost_trainings(arm)]
    best = [candidate.id for candidate in rank(whole or held_out, fitness)]
    control.update(best=best[0] if best else finalists[0])


def _lost_trainings(arm: Arm) -> bool:
    return any(training.failure for training in arm.trainings if training.purpose == "report")


def _baselines(control: Control, store: Store) -> list[Baseline]:
    """The untrained policy and, if wanted, the environment's own reward; as far as they came."""
    stored = {baseline.name: baseline for baseline in store.baselines(control.run.id)}
    names = ("native", UNTRAINED) if control.run.config.search.native else (UNTRAINED,)
    return [stored.get(name, Baseline(name=name)) for name in names]


def _with_report(arm: Arm, store: Store, measure: Measure, run_id: str) -> Arm:
    """The arm with its score on the held-out seeds, stored."""
    held_out = [training for training in arm.trainings if training.purpose == "report"]
    update: dict[str, object] = {"report": score(held_out)}
    measure.keep_best_policy(arm, "report")
    if isinstance(arm, Candidate):
        arm = arm.model_copy(update=update)
        store.save_candidate(run_id, arm)
        return arm
    update["failure"] = next((t.failure for t in held_out if t.failure), None)
    baseline = arm.model_copy(update=update)
    store.save_baseline(run_id, baseline)
    return baseline
