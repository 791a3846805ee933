"""A stored run brought to its end: the parts are put together here, and the loop is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rewardsmith import loop, single
from rewardsmith.appraise import Appraisal, Reviewer
from rewardsmith.calls import StoredCalls
from rewardsmith.config import RunConfig
from rewardsmith.engine.local import LocalEngine
from rewardsmith.llm.client import idle_keys
from rewardsmith.measure import Observe
from rewardsmith.propose import Proposer
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.records import Event, TaskSpec
from rewardsmith.reward import Transitions
from rewardsmith.selection import SeedPlan, plan_seeds
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.start import OFFLINE
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies.eureka import Eureka

if TYPE_CHECKING:
    from rewardsmith.propose.calling import Model

_PROBE_ROWS = 1001


def search(record: RunRecord, store: Store, observe: Observe) -> RunRecord:
    """Run the loop over `record` to its end; raises as `loop.Search.run`."""
    config, train = record.config, record.config.train
    with LocalEngine(train.max_workers, train.timeout_s, train.stall_s) as engine:
        observe(Event(event="launch", data=_launch(record, store)))
        transitions = probe_transitions(record.task, config.seed)
        if record.kind == "train":
            return single.train(record, store, engine, transitions, observe)
        parts = loop.Parts(
            store=store,
            proposer=make_proposer(config, store, record.id),
            strategy=Eureka(),
            engine=engine,
            appraisal=Appraisal(
                record, store, transitions, make_reviewer(config, store, record.id)
            ),
            observe=observe,
        )
        return loop.Search(record, parts).run()


def make_proposer(config: RunConfig, store: Store, run_id: str) -> Proposer:
    """The proposer of a run; calls to a model are recorded in its store."""
    if config.model.proposer != "llm":
        return GrammarProposer()
    from rewardsmith.propose.llm import LlmProposer

    return LlmProposer(_model(config, store, run_id))


def make_reviewer(config: RunConfig, store: Store, run_id: str) -> Reviewer | None:
    """The reviewer of a run, where one is wanted."""
    if not config.model.review:
        return None
    from rewardsmith.propose.review import LlmReviewer

    return LlmReviewer(_model(config, store, run_id))


def _model(config: RunConfig, store: Store, run_id: str) -> Model:
    from rewardsmith.llm.client import connect
    from rewardsmith.propose.calling import Model

    model = config.model
    client = connect(model.name, api_base=model.api_base or None, timeout_s=model.timeout_s)
    return Model(
        {model.name: client},
        calls=StoredCalls(store, run_id),
        temperature=model.temperature,
        max_tokens=model.max_tokens,
        effort=model.effort,
        concurrency=model.concurrency,
        together=model.together,
    )


def probe_transitions(spec: TaskSpec, seed: int) -> Transitions:
    """What the critic's probes run on: transitions of a random policy."""
    return random_transitions(spec, _PROBE_ROWS, seed)


def _launch(record: RunRecord, store: Store) -> dict[str, object]:
    fitness = record.task.fitness
    return {
        "run": record.id,
        "run_dir": str(store.folder(record.id)),
        "env": record.task.env,
        "task": record.task.sentence,
        "fitness": fitness.model_dump(),
        "proposer": record.proposer,
        "notices": _notices(record),
        "possibly_paid": [
            call.slot for call in store.calls(record.id) if not call.reply and not call.error
        ],
        "seeds": _seeds(record).model_dump(),
    }


def _seeds(record: RunRecord) -> SeedPlan:
    if record.kind == "train":
        return single.seeds_of(record)
    search = record.config.search
    episodes = record.config.train.episodes or record.task.budget.episodes
    return plan_seeds(record.config.seed, search.seeds, search.report_seeds, episodes)


def _notices(record: RunRecord) -> list[str]:
    if record.proposer != OFFLINE:
        return []
    notices = list(GrammarProposer().notices(record.task))
    if keys := idle_keys(os.environ):
        notices.append(f"{', '.join(keys)} is set, but no model is named: --model NAME asks one")
    return notices
