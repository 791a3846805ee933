"""The arms beside a search: what the same steps bring without it.

| arm | what is trained |
|---|---|
| native | the environment's own reward, one policy a report seed |
| yours | the user's reward (`--compare`), the same |
| fitness | the fitness of an episode as its only reward, paid at its end: the sparse reward |
| native-best | as many policies on the native reward as the search had, the best at selection |
| native-long | one policy on the native reward with the steps of all of them |
| untrained | nothing |
| best-of-n | a run of its own: as many rewards, none of which learns from another |
"""

from __future__ import annotations

import math

from rewardsmith.appraise import Appraisal
from rewardsmith.config import FeedbackConfig, RunConfig, TuneConfig
from rewardsmith.control import Control
from rewardsmith.measure import Measure
from rewardsmith.records import Arm, Baseline, Candidate, CheckedReward, TaskSpec
from rewardsmith.selection import SeedPlan, score
from rewardsmith.store import Store


def measure_arms(
    control: Control, store: Store, measure: Measure, best: Candidate, seeds: SeedPlan
) -> None:
    """Train and measure the best and every arm on the report seeds; as far as they came before.

    Where raters alone decide there is nothing to measure.
    """
    if control.run.task.fitness.voted:
        return
    stored = {arm.name: arm for arm in store.baselines(control.run.id)}
    run = control.run
    wanted = planned(run.config, run.task, run.compare)
    arms = [_as_far_as(arm, stored.get(arm.name)) for arm in wanted]
    control.tell("report", best, of=[arm.name for arm in arms])
    each: list[Arm] = [best, *(arm for arm in arms if not arm.policies)]
    measured = measure.train(each, "report", seeds.report)
    for arm in arms:
        if arm.policies:
            control.stage()
            measured.append(_best_of(arm, measure, seeds))
    control.stage()
    for measured_arm in measure.evaluate(measured, "report", seeds.report_episodes):
        measure.keep_best_policy(measured_arm, "report")
        _save(measured_arm, store, control.run.id)


def planned(
    config: RunConfig, task: TaskSpec, yours: CheckedReward | None = None
) -> tuple[Baseline, ...]:
    """The arms that a run asks for, untouched; "yours" where it is given."""
    search = config.search
    policies = (search.iterations * search.samples + config.tune.candidates) * search.seeds
    steps = policies * config.train.steps_of(task)
    arms = [Baseline(name="native")] if search.native or search.arms else []
    if yours:
        arms.append(Baseline(name="yours", reward=yours))
    if search.arms:
        arms += [
            Baseline(name="fitness", pays="fitness"),
            Baseline(name="native-best", policies=policies),
            Baseline(name="native-long", policies=1, timesteps=steps),
        ]
    return (*arms, Baseline(name="untrained", timesteps=0))


def searches(config: RunConfig) -> tuple[RunConfig, ...]:
    """The searches of a run: its own, and as an arm the same one in which nothing learns."""
    if not config.search.arms:
        return (config,)
    # What the search tries by tuning, this one tries by more rewards.
    more = math.ceil(config.tune.candidates / config.search.samples)
    search = {
        "strategy": "best-of-n",
        "iterations": config.search.iterations + more,
        "arms": False,
        "native": False,
    }
    update = {"search": config.search.model_copy(update=search), "tune": TuneConfig()}
    alone = {"compare": "", "feedback": FeedbackConfig()}  # nobody is asked twice
    return config, config.model_copy(update={**update, **alone})


def compare_with_native(store: Store, run_id: str, appraisal: Appraisal) -> None:
    """For the report alone: how far each reward lies from the environment's own."""
    for arm in store.baselines(run_id):
        if arm.name == "native":
            update = {"distances": appraisal.from_native(store.candidates(run_id))}
            store.save_baseline(run_id, arm.model_copy(update=update))


def _as_far_as(arm: Baseline, stored: Baseline | None) -> Baseline:
    """The arm with the trainings that still count: a longer search asks for more of some arms."""
    kept = stored.trainings if stored and stored.timesteps == arm.timesteps else ()
    if stored and stored.policies != arm.policies:
        kept = tuple(training for training in kept if training.purpose == "selection")
    return arm.model_copy(update={"trainings": kept})


def _best_of(arm: Baseline, measure: Measure, seeds: SeedPlan) -> Arm:
    """The arm with its best policy chosen as the search chooses, to be measured for the report."""
    own = range(seeds.unused, seeds.unused + arm.policies)
    chosen = measure.train([arm], "selection", own)
    chosen = measure.evaluate(chosen, "selection", seeds.selection_episodes)
    return measure.report_best(chosen[0])


def _save(arm: Arm, store: Store, run_id: str) -> None:
    trainings = [training for training in arm.trainings if training.purpose == "report"]
    arm = arm.model_copy(update={"report": score(trainings)})
    if isinstance(arm, Candidate):
        store.save_candidate(run_id, arm)
        return
    lost = next((t.failure for t in arm.trainings if t.failure), None)
    store.save_baseline(run_id, arm.model_copy(update={"failure": lost}))
