"""The models of a run behind one `Model`: asked over the net, by hand, or from a recording."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardsmith import filming, footage
from rewardsmith.appraise import Narrator, Reviewer
from rewardsmith.calls import StoredCalls
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.control import Control
from rewardsmith.errors import Cancelled, LimitReached
from rewardsmith.judges import Look, ModelJudge, blind
from rewardsmith.llm.budget import Budget, prices
from rewardsmith.llm.prices import sees
from rewardsmith.llm.secrets import redactor
from rewardsmith.opinion import Judge
from rewardsmith.propose import Proposer, Reflector
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.recording import Recording
from rewardsmith.records import Event, Observe
from rewardsmith.store import RunRecord, Store

if TYPE_CHECKING:
    from rewardsmith.llm.chat import Adapter
    from rewardsmith.llm.manual import Waiting
    from rewardsmith.propose.calling import Model

_LOOK_EVERY_S = 0.5
_FRAMES = 6
"""Pictures of each policy that a judge is shown who sees."""


@dataclass(frozen=True)
class Askers:
    """Who asks models in a run."""

    proposer: Proposer
    reviewer: Reviewer | None = None
    narrator: Narrator | None = None
    reflector: Reflector | None = None
    judge: Judge | None = None


def askers(control: Control, store: Store, recording: Recording | None, observe: Observe) -> Askers:
    """Those that the settings of a run ask for; their calls are recorded.

    While they wait they obey its control.
    """
    record, config = control.run, control.run.config.model
    if config.proposer != "llm":
        return Askers(GrammarProposer())
    from rewardsmith.propose.describe import LlmNarrator
    from rewardsmith.propose.llm import LlmProposer
    from rewardsmith.propose.reflect import LlmReflector
    from rewardsmith.propose.review import LlmReviewer

    model = _model(control, store, recording, observe)
    return Askers(
        LlmProposer(model, config.prompts),
        LlmReviewer(model, config.prompts) if config.review else None,
        LlmNarrator(model, config.prompts) if config.describe else None,
        LlmReflector(model, config.prompts) if config.reflect else None,
        ModelJudge(model, record.task, config.prompts, _look(control, store))
        if record.config.feedback.judge
        else None,
    )


def _look(control: Control, store: Store) -> Look:
    """How the judge sees: not at all where nothing can be filmed, or it may not take pictures."""
    count = frames(control.run.config)
    return filming.Projector(store, control.run, count, control.poll) if count else blind


def frames(config: RunConfig) -> int:
    """Pictures of each policy that a judge is shown; 0 where it sees none."""
    model, wanted = config.model, config.feedback.frames
    if not config.feedback.judge or footage.lacking():
        return 0
    if wanted is None:
        return _FRAMES if not model.api_base and all(map(sees, model.names)) else 0
    return wanted


def _model(control: Control, store: Store, recording: Recording | None, observe: Observe) -> Model:
    from rewardsmith.llm.client import Patience
    from rewardsmith.propose.calling import Model

    record, config = control.run, control.run.config.model
    watch = Watch(control.poll)
    adapters = _adapters(record, store, recording, observe, watch)
    redact = redactor(os.environ)  # after the adapters: litellm reads more keys from a file .env
    budget = Budget(
        prices(config.names, config.api_base),
        # What is replayed costs nothing.
        lambda: LimitConfig(cost_usd=None) if recording else control.limits,
    )
    return Model(
        adapters,
        calls=StoredCalls(store, record.id, budget, redact),
        patience=Patience(sleep=watch.sleep),
        redact=redact,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        effort=config.effort,
        concurrency=config.concurrency,
        together=config.together,
    )


def _adapters(
    record: RunRecord, store: Store, recording: Recording | None, observe: Observe, watch: Watch
) -> Mapping[str, Adapter]:
    """By the name of the model."""
    from rewardsmith.llm.connect import connect
    from rewardsmith.llm.manual import FOLDER, MANUAL, ManualClient
    from rewardsmith.llm.replay import ReplayClient

    config = record.config.model
    if recording:
        return dict.fromkeys(config.names, ReplayClient(recording.entries, _teller(observe)))
    folder = store.folder(record.id) / FOLDER
    by_hand = ManualClient(folder, _queue_teller(observe), sleep=watch.sleep)
    base = config.api_base or None
    return {
        name: by_hand
        if name == MANUAL
        else connect(name, api_base=base, timeout_s=config.timeout_s)
        for name in config.names
    }


class Watch:
    """Lets the user's commands and limits end every wait for a model that costs nothing."""

    def __init__(self, poll: Callable[[], None]) -> None:
        self._poll = poll
        self._stop: Cancelled | LimitReached | None = None

    async def sleep(self, seconds: float) -> None:
        """As asyncio.sleep. Raises what `poll` raised, for all who wait: it says so only once."""
        end = time.monotonic() + seconds
        while True:
            if self._stop:
                raise self._stop
            try:
                self._poll()
            except (Cancelled, LimitReached) as stop:
                self._stop = stop
                raise
            left = end - time.monotonic()
            if left <= 0.0:
                return
            await asyncio.sleep(min(left, _LOOK_EVERY_S))


def _teller(observe: Observe) -> Callable[[str, str], None]:
    def tell(slot: str, difference: str) -> None:
        observe(Event(event="diverged", message=slot, data={"difference": difference}))

    return tell


def _queue_teller(observe: Observe) -> Callable[[Waiting], None]:
    def tell(waiting: Waiting) -> None:
        data = {"prompt": str(waiting.prompt), "answer": str(waiting.answer)}
        observe(Event(event="waiting", message=waiting.name, data=data))

    return tell
