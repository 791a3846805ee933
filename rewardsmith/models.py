"""The models of a run behind one `Model`: asked over the net, or answered from a recording."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardsmith.appraise import Reviewer
from rewardsmith.calls import ReplayedCalls, StoredCalls
from rewardsmith.llm.budget import Budget, prices
from rewardsmith.llm.cassette import Tape
from rewardsmith.llm.secrets import redactor
from rewardsmith.measure import Observe
from rewardsmith.opinion import Judge
from rewardsmith.propose import Proposer, Reflector
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.recording import Recording
from rewardsmith.records import Event
from rewardsmith.store import RunRecord, Store

if TYPE_CHECKING:
    from rewardsmith.llm.chat import ChatClient
    from rewardsmith.llm.manual import Waiting
    from rewardsmith.propose.calling import CallLog, Model


@dataclass(frozen=True)
class Askers:
    """Who asks models in a run."""

    proposer: Proposer
    reviewer: Reviewer | None = None
    reflector: Reflector | None = None
    judge: Judge | None = None


def askers(
    record: RunRecord, store: Store, recording: Recording | None, observe: Observe
) -> Askers:
    """Those that the settings ask for; their calls are recorded."""
    config = record.config.model
    if config.proposer != "llm":
        return Askers(GrammarProposer())
    from rewardsmith.judges import ModelJudge
    from rewardsmith.propose.llm import LlmProposer
    from rewardsmith.propose.reflect import LlmReflector
    from rewardsmith.propose.review import LlmReviewer

    model = _model(record, store, recording, observe)
    return Askers(
        LlmProposer(model, config.prompts),
        LlmReviewer(model, config.prompts) if config.review else None,
        LlmReflector(model, config.prompts) if config.reflect else None,
        ModelJudge(model, record.task, config.prompts) if record.config.feedback.judge else None,
    )


def _model(record: RunRecord, store: Store, recording: Recording | None, observe: Observe) -> Model:
    from rewardsmith.llm.client import ScriptedClient, connect
    from rewardsmith.llm.manual import FOLDER, MANUAL, ManualClient
    from rewardsmith.propose.calling import Model

    config = record.config.model
    calls: CallLog
    clients: dict[str, ChatClient]
    if recording:
        calls = ReplayedCalls(Tape(recording.entries), _teller(observe))
        clients = {name: ScriptedClient(()) for name in config.names}
    else:
        limits = record.config.limits
        budget = Budget(
            prices(config.names, config.api_base),
            cost_limit_usd=limits.cost_usd,
            token_limit=limits.tokens,
        )
        calls = StoredCalls(store, record.id, budget, redactor(os.environ))
        base = config.api_base or None
        by_hand = ManualClient(store.folder(record.id) / FOLDER, _queue_teller(observe))
        clients = {
            name: by_hand
            if name == MANUAL
            else connect(name, api_base=base, timeout_s=config.timeout_s)
            for name in config.names
        }
    return Model(
        clients,
        calls=calls,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        effort=config.effort,
        concurrency=config.concurrency,
        together=config.together,
    )


def _teller(observe: Observe) -> Callable[[str, str], None]:
    def tell(slot: str, difference: str) -> None:
        observe(Event(event="diverged", message=slot, data={"difference": difference}))

    return tell


def _queue_teller(observe: Observe) -> Callable[[Waiting], None]:
    def tell(waiting: Waiting) -> None:
        data = {"prompt": str(waiting.prompt), "answer": str(waiting.answer)}
        observe(Event(event="waiting", message=waiting.name, data=data))

    return tell
