"""A stored run brought to its end: the parts are put together here, and the loop is called."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rewardsmith import filming, footage, loop, raters, single, start
from rewardsmith.appraise import Appraisal
from rewardsmith.calls import possibly_paid
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.control import Control
from rewardsmith.engine import Engine
from rewardsmith.engine.local import LocalEngine
from rewardsmith.forecast import Forecast, forecast, measured_pace, words
from rewardsmith.judges import SimulatedJudge
from rewardsmith.llm.connect import idle_keys
from rewardsmith.measure import backend_of
from rewardsmith.models import Askers, askers
from rewardsmith.opinion import Judge
from rewardsmith.propose import OFFLINE
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.recording import Recording, ReplayEngine
from rewardsmith.records import Event, Observe, RunStatus, TaskSpec
from rewardsmith.reward import Transitions
from rewardsmith.selection import seeds_of
from rewardsmith.sim.rollout import PROBE_ROWS, STEPS_PER_ROW, random_transitions
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies.choice import strategy
from rewardsmith.tuning import Tuner


def search(record: RunRecord, store: Store, observe: Observe) -> RunRecord:
    """Run the loop over `record` to its end; raises as `loop.Search.run`."""
    recording = _recording(record)
    observe(Event(event="launch", data=_launch(record, store)))
    # Timed before the engine's children start: they take every core while they import torch.
    transitions, bare_steps_per_s = _probed(record.task, record.config.seed)
    with _engine(record, recording) as engine:
        if record.kind == "search" and not recording:
            observe(_forecast(record, store, bare_steps_per_s))
        if record.kind == "train":
            return single.train(record, store, engine, transitions, observe)
        place = _Place(store, engine, transitions, recording)
        done = place.search(record, observe)
        if recording:
            observe(_compared(recording, done, store))
    if done.config.video.finalists and not footage.lacking():
        _film(done, store, observe)
    return done


def _film(record: RunRecord, store: Store, observe: Observe) -> None:
    """Film the finalists. The run is done: an interrupt ends the filming alone."""
    finalists = [c for c in store.candidates(record.id) if c.id in record.finalists]
    with contextlib.suppress(KeyboardInterrupt):
        for filmed in filming.film(store, record, finalists, record.config.video):
            observe(filmed.event())


@dataclass(frozen=True)
class _Place:
    """Where searches run: what a run shares with the one beside it."""

    store: Store
    engine: Engine
    transitions: Transitions
    recording: Recording | None

    def search(
        self, record: RunRecord, observe: Observe, above: Control | None = None
    ) -> RunRecord:
        """Run the loop over `record`; who waits for a model meanwhile obeys its control."""
        left = functools.partial(self._left, above) if above else None
        control = Control(record, self.store, observe, time.monotonic, above, left)
        return loop.Search(record, self._parts(control, observe), control).run()

    def _left(self, above: Control) -> LimitConfig:
        """Looked up anew every time: a command may raise the limits while the arm goes on."""
        return start.left(above.run, self.store)

    def _parts(self, control: Control, observe: Observe) -> loop.Parts:
        """All that the loop needs for a run."""
        record = control.run
        asked = askers(control, self.store, self.recording, observe)
        chosen = strategy(record.config.search)
        tell = chosen.shows == "episodes"
        return loop.Parts(
            store=self.store,
            proposer=asked.proposer,
            judges=_judges(record, asked),
            reflector=asked.reflector if chosen.shows != "none" else None,
            strategy=chosen,
            tuner=Tuner(record.config.tune) if record.config.tune.method else None,
            beside=None if self.recording else functools.partial(self._beside, observe=observe),
            engine=self.engine,
            appraisal=Appraisal(
                record, self.store, self.transitions, asked.reviewer, asked.narrator, tell=tell
            ),
            observe=observe,
        )

    def _beside(self, control: Control, observe: Observe) -> None:
        """The arm best-of-n: as many rewards, none of which learns from another.

        It is a run of its own, so that it is stored, resumed and read as any other.
        """
        if not control.run.config.search.arms or control.run.task.fitness.voted:
            return
        if not control.run.arm:
            control.update(arm=start.beside(control.run, self.store).id)
        arm = self.store.run(control.run.arm)
        control.tell("arm", run=arm.id)
        if arm.status is not RunStatus.DONE:
            self.search(arm, functools.partial(_tell_of, arm.id, observe), control)


def _tell_of(run: str, observe: Observe, event: Event) -> None:
    """Pass on what happens in the run beside, whose candidates bear the same names."""
    observe(event.model_copy(update={"data": {**event.data, "run": run}}))


def _judges(record: RunRecord, asked: Askers) -> tuple[Judge, ...]:
    """Those that the settings name; they answer before people are waited for."""
    named = [
        SimulatedJudge(raters.parse(text), record.task) for text in record.config.feedback.raters
    ]
    return (*named, *([asked.judge] if asked.judge else []))


def _engine(record: RunRecord, recording: Recording | None) -> LocalEngine | ReplayEngine:
    if recording and not record.config.replay.retrain:
        return ReplayEngine(recording)
    train = record.config.train
    return LocalEngine(train.max_workers, train.timeout_s, train.stall_s)


def _recording(record: RunRecord) -> Recording | None:
    source = record.config.replay.source
    return Recording.of(Path(source)) if source else None


def _compared(recording: Recording, record: RunRecord, store: Store) -> Event:
    """How far the candidates are those that were recorded."""
    recorded = [(candidate.id, candidate.code) for candidate in recording.candidates]
    made = [(candidate.id, candidate.code) for candidate in store.candidates(record.id)]
    differ = [one[0] for one, other in zip(recorded, made, strict=False) if one != other]
    message = f"the {len(made)} candidates are the recorded ones, byte for byte"
    if made != recorded:
        first = differ[0] if differ else "their number"
        message = f"{len(made)} candidates for {len(recorded)} recorded ones; {first} differs"
    return Event(event="replayed", message=message, data={"identical": made == recorded})


def foresee(config: RunConfig, task: TaskSpec, store: Store | None) -> Forecast:
    """What a run would take; measures the environment's speed where no run has."""
    pace = measured_pace(store, config, lambda: _probed(task, config.seed)[1])
    return forecast(config, task, pace)


def _forecast(record: RunRecord, store: Store, bare_steps_per_s: float) -> Event:
    config = record.config
    pace = measured_pace(store, config, lambda: bare_steps_per_s)
    made = forecast(config, record.task, pace)
    return Event(event="forecast", data={**made.model_dump(), "lines": words(made, config)})


def _probed(spec: TaskSpec, seed: int) -> tuple[Transitions, float]:
    """What the probes run on, and how many environment steps a second that took on one core."""
    random_transitions(spec, 1, seed)  # what is imported and read once is no step's time
    started = time.perf_counter()
    transitions = probe_transitions(spec, seed)
    return transitions, STEPS_PER_ROW * PROBE_ROWS / max(time.perf_counter() - started, 1e-6)


def probe_transitions(spec: TaskSpec, seed: int) -> Transitions:
    """What the critic's probes run on: transitions of a random policy."""
    return random_transitions(spec, PROBE_ROWS, seed)


def _launch(record: RunRecord, store: Store) -> dict[str, object]:
    fitness = record.task.fitness
    return {
        "run": record.id,
        "run_dir": str(store.folder(record.id)),
        "env": record.task.env,
        "task": record.task.sentence,
        "fitness": fitness.model_dump(),
        "proposer": record.proposer,
        "strategy": record.config.search.strategy,
        "notices": _notices(record),
        "possibly_paid": possibly_paid(store, record.id),
        "seeds": seeds_of(record).model_dump(),
    }


def _notices(record: RunRecord) -> list[str]:
    backend, notices = backend_of(record.config.train), []
    if record.kind == "search" and record.config.search.rungs and backend != "population":
        notices.append(f"{backend} has no rungs: every policy trains to its end")
    if record.proposer != OFFLINE:
        return notices
    notices += GrammarProposer().notices(record.task)
    if keys := idle_keys(os.environ):
        notices.append(f"{', '.join(keys)} is set, but no model is named: --model NAME asks one")
    return notices
