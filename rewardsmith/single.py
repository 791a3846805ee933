"""One given reward, trained on given seeds and measured: the run behind `rewardsmith train`."""

from __future__ import annotations

import time

from rewardsmith import critic
from rewardsmith.control import Control
from rewardsmith.engine import Engine
from rewardsmith.errors import Cancelled, CandidateError, LimitReached
from rewardsmith.measure import Measure
from rewardsmith.records import Arm, Candidate, Observe, RunStatus, Stage
from rewardsmith.reward import Transitions
from rewardsmith.selection import score, seeds_of
from rewardsmith.store import RunRecord, Store


def train(
    run: RunRecord, store: Store, engine: Engine, transitions: Transitions, observe: Observe
) -> RunRecord:
    """Check, train, measure; what is stored already is not done again.

    Raises CandidateError where the critic refuses the reward or every training failed, and as
    `Control.poll`.
    """
    control = Control(run, store, observe, time.monotonic)
    measure = Measure(run, store, engine, observe, control.poll)
    try:
        candidate = _checked(run, store, transitions)
        plan = seeds_of(run)
        arms = measure.train([candidate], "report", plan.report)
        for arm in measure.evaluate(arms, "report", plan.report_episodes):
            measure.keep_best_policy(arm, "report")
            candidate = _measured(arm)
            store.save_candidate(run.id, candidate)
        if candidate.failure and not candidate.score:
            raise CandidateError(candidate.failure.cause, candidate.failure.for_human)
        control.update(status=RunStatus.DONE, best=candidate.id)
    except CandidateError:
        control.update(status=RunStatus.FAILED)
        raise
    except LimitReached:
        control.update(status=RunStatus.LIMIT)
        raise
    except (Cancelled, KeyboardInterrupt):
        control.update(status=RunStatus.CANCELLED)
        raise
    return control.run


def _checked(run: RunRecord, store: Store, transitions: Transitions) -> Candidate:
    stored = store.candidates(run.id)
    if stored:
        return stored[0]
    given = run.init[0]
    verdict = critic.check(given.code, run.task, transitions, unsafe=run.config.unsafe_no_jail)
    if not verdict.ok:
        raise CandidateError("refused", f"{given.name} is refused: {verdict.errors[0]}")
    candidate = Candidate(
        id="r01c00",
        generation=1,
        index=0,
        stage=Stage.CHECKED,
        origin=f"init:{given.name}",
        code=given.code,
        verdict=verdict,
    )
    store.save_candidate(run.id, candidate)
    return candidate


def _measured(arm: Arm) -> Candidate:
    if not isinstance(arm, Candidate):
        raise TypeError(f"{arm.name} is no candidate")
    measured = score(arm.trainings)
    return arm.model_copy(
        update={
            "stage": Stage.EVALUATED if measured else Stage.FAILED,
            "score": measured,
            "report": measured,
            "failure": next((t.failure for t in arm.trainings if t.failure), None),
        }
    )
