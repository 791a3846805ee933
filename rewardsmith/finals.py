"""Finals: the finalists are trained on seeds of their own, which choose the best of them.

Whoever is chosen for the best of many scores has had luck as well. So what selected the finalists
does not choose among them, and what chose the best does not report on it; see arms.py.
"""

from __future__ import annotations

from rewardsmith.control import Control
from rewardsmith.measure import Measure
from rewardsmith.records import Candidate
from rewardsmith.rungs import Heat, climb, ladder
from rewardsmith.selection import SeedPlan, rank, score
from rewardsmith.store import Store


def choose_best(control: Control, store: Store, measure: Measure, seeds: SeedPlan) -> Candidate:
    """The best of the finalists by their finals; a single finalist needs none.

    Where raters have voted, theirs is the choice: no finals can confirm or overrule it.
    """
    control.stage()
    run, fitness = control.run, control.run.task.fitness
    finalists = _finalists(control, store)
    if len(finalists) > 1 and not any(candidate.preference for candidate in finalists):
        control.tell("finals", finalists=[candidate.id for candidate in finalists])
        heat = Heat("final", seeds.final, seeds.final_episodes)
        steps = ladder(run.config, run.task)
        ended = climb(measure, finalists, heat, steps, fitness, control.stage)
        finalists = [_save(arm, store, run.id) for arm in ended if isinstance(arm, Candidate)]
    best = _best(finalists, control)
    control.update(best=best.id)
    return best


def _finalists(control: Control, store: Store) -> list[Candidate]:
    """Those that were chosen before, or now the best by selection."""
    run = control.run
    candidates = store.candidates(run.id)
    names = run.finalists
    if not names:
        ranked = rank(candidates, run.task.fitness)[: run.config.search.finalists]
        names = tuple(candidate.id for candidate in ranked)
        control.update(finalists=names)
    return [candidate for candidate in candidates if candidate.id in names]


def _best(finalists: list[Candidate], control: Control) -> Candidate:
    scored = [c.model_copy(update={"score": c.final}) for c in finalists if c.final]
    # Who lost a training would be judged by the seeds that went well, and who was cut has not
    # come to its end: the whole ones come first.
    whole = [c for c in scored if not _lost_trainings(c) and c.final and c.final.done >= 1]
    ranked = rank(whole or scored, control.run.task.fitness)
    name = ranked[0].id if ranked else control.run.finalists[0]
    return next(candidate for candidate in finalists if candidate.id == name)


def _lost_trainings(candidate: Candidate) -> bool:
    return any(t.failure for t in candidate.trainings if t.purpose == "final")


def _save(candidate: Candidate, store: Store, run_id: str) -> Candidate:
    trainings = [training for training in candidate.trainings if training.purpose == "final"]
    candidate = candidate.model_copy(update={"final": score(trainings)})
    store.save_candidate(run_id, candidate)
    return candidate
