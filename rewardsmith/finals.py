"""The end of a search: finalists choose the best on seeds of their own, and it is reported.

Three sets of seeds, for whoever is chosen for the best of many scores has had luck as well: what
selected the finalists does not choose among them, and what chose the best does not report on it.
"""

from __future__ import annotations

from rewardsmith.control import Control
from rewardsmith.measure import UNTRAINED, Arm, Measure
from rewardsmith.records import Baseline, Candidate, Purpose
from rewardsmith.rungs import Heat, climb, ladder
from rewardsmith.selection import SeedPlan, rank, score
from rewardsmith.store import Store


def measure_finalists(control: Control, store: Store, measure: Measure, seeds: SeedPlan) -> None:
    """Choose finalists by selection, the best by their finals; report it beside the baselines."""
    control.stage()
    best = _finals(control, store, measure, seeds)
    control.update(best=best.id)
    arms: list[Arm] = [best, *_baselines(control, store)]
    control.tell("report", best, of=[arm.name for arm in arms if isinstance(arm, Baseline)])
    arms = measure.train(arms, "report", seeds.report)
    control.stage()
    for arm in measure.evaluate(arms, "report", seeds.report_episodes):
        measure.keep_best_policy(arm, "report")
        _save(arm, "report", store, control.run.id)


def _finals(control: Control, store: Store, measure: Measure, seeds: SeedPlan) -> Candidate:
    """The best of the finalists; a single one needs no finals."""
    run, fitness = control.run, control.run.task.fitness
    candidates = store.candidates(run.id)
    names = run.finalists
    if not names:
        ranked = rank(candidates, fitness)[: run.config.search.finalists]
        names = tuple(candidate.id for candidate in ranked)
        control.update(finalists=names)
    finalists = [candidate for candidate in candidates if candidate.id in names]
    if len(finalists) == 1:
        return finalists[0]
    control.tell("finals", finalists=list(names))
    heat = Heat("final", seeds.final, seeds.final_episodes)
    measured = climb(measure, finalists, heat, ladder(run.config, run.task), fitness, control.stage)
    finalists = [
        saved
        for arm in measured
        if isinstance(saved := _save(arm, "final", store, run.id), Candidate)
    ]
    scored = [c.model_copy(update={"score": c.final}) for c in finalists if c.final]
    # Who lost a training would be judged by the seeds that went well, and who was cut by the
    # others' head start: the whole ones come first.
    whole = [c for c in scored if not _lost_trainings(c) and c.final and c.final.done >= 1]
    best = [candidate.id for candidate in rank(whole or scored, fitness)] or list(names)
    return next(candidate for candidate in finalists if candidate.id == best[0])


def _lost_trainings(arm: Arm) -> bool:
    return any(training.failure for training in arm.trainings if training.purpose == "final")


def _baselines(control: Control, store: Store) -> list[Baseline]:
    """The untrained policy and, if wanted, the environment's own reward; as far as they came."""
    stored = {baseline.name: baseline for baseline in store.baselines(control.run.id)}
    names = ("native", UNTRAINED) if control.run.config.search.native else (UNTRAINED,)
    return [stored.get(name, Baseline(name=name)) for name in names]


def _save(arm: Arm, purpose: Purpose, store: Store, run_id: str) -> Arm:
    """The arm with its score on the seeds of this purpose, stored."""
    trainings = [training for training in arm.trainings if training.purpose == purpose]
    arm = arm.model_copy(update={purpose: score(trainings)})
    if isinstance(arm, Candidate):
        store.save_candidate(run_id, arm)
        return arm
    arm = arm.model_copy(
        update={"failure": next((t.failure for t in trainings if t.failure), None)}
    )
    store.save_baseline(run_id, arm)
    return arm
