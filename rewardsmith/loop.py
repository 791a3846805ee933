"""THE LOOP: propose, check, train, evaluate, select, again; read `Search.run` first.

Every stage stores each candidate before the next one begins, and a generation is committed last.
Resuming is running the same loop over the stored records: what is done is not done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rewardsmith.appraise import Appraisal
from rewardsmith.arms import compare_with_native, measure_arms
from rewardsmith.control import Control
from rewardsmith.engine import Engine
from rewardsmith.errors import Cancelled, LimitReached, ModelError, NoSurvivor
from rewardsmith.feedback import Panel
from rewardsmith.files import write_record, write_text
from rewardsmith.finals import choose_best
from rewardsmith.measure import Measure
from rewardsmith.opinion import Judge
from rewardsmith.planning import Kind, Planner
from rewardsmith.propose import Ask, Proposer, Reflector
from rewardsmith.records import Candidate, Failure, Generation, Observe, RunStatus, Stage, Verdict
from rewardsmith.rungs import Heat, climb, ladder
from rewardsmith.selection import rank, score, seeds_of
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies import Strategy
from rewardsmith.summarise import summarise
from rewardsmith.tuning import Tuner


@dataclass(frozen=True)
class Parts:
    """The exchangeable parts of a search."""

    store: Store
    proposer: Proposer
    strategy: Strategy
    engine: Engine
    appraisal: Appraisal
    observe: Observe
    reflector: Reflector | None = None
    judges: tuple[Judge, ...] = ()
    tuner: Tuner | None = None
    beside: Callable[[Control], None] | None = None
    """What else belongs to a run before it is done: an arm that is a search itself."""


class Search:
    """One run, from its record to its end."""

    def __init__(self, run: RunRecord, parts: Parts, control: Control | None = None) -> None:
        self._parts, self._store = parts, parts.store
        # One that was made outside is also asked by who waits for a model.
        self._control = control or Control(run, parts.store, parts.observe, time.monotonic)
        self._task, self._config = run.task, run.config.search
        self._planner = Planner(
            run, parts.store, parts.strategy, parts.proposer, parts.observe, parts.tuner
        )
        self._measure = Measure(run, parts.store, parts.engine, parts.observe, self._control.poll)
        self.seeds = seeds_of(run)
        self._panel: Panel | None = None
        if run.config.feedback.mode != "off":
            self._panel = Panel(self._control, self._store, self._measure, self.seeds, parts.judges)

    def run(self) -> RunRecord:
        """Search until the last generation, choose the best, report it; returns the final record.

        Raises LimitReached, Cancelled or NoSurvivor; the state is stored and can be resumed.
        """
        try:
            self._control.update(status=RunStatus.RUNNING)
            while kind := self._planner.due():
                self._generation(kind)
            best = choose_best(self._control, self._store, self._measure, self.seeds)
            measure_arms(self._control, self._store, self._measure, best, self.seeds)
            compare_with_native(self._store, self._control.run.id, self._parts.appraisal)
            if self._parts.beside:
                self._parts.beside(self._control)
            self._control.update(status=RunStatus.DONE)
        except LimitReached:
            self._control.update(status=RunStatus.LIMIT)
            raise
        except (Cancelled, KeyboardInterrupt):
            self._control.update(status=RunStatus.CANCELLED)
            raise
        except NoSurvivor:
            self._control.update(status=RunStatus.NO_SURVIVOR)
            raise
        except ModelError:
            self._control.update(status=RunStatus.FAILED)
            raise
        return self._control.run

    # --- a generation ---

    def _generation(self, kind: Kind) -> None:
        """Propose, check, train, evaluate; again with the reasons if every candidate failed."""
        index = len(self._store.generations(self._control.run.id)) + 1
        for attempt in range(self._config.retries + 1):
            candidates = self._propose(index, attempt, kind)
            candidates = [self._check(candidate) for candidate in candidates]
            candidates = self._train_and_evaluate(candidates)
            # Tuning may bring nothing: the search has its result already.
            if kind == "tune" or any(candidate.score for candidate in candidates):
                break
            reasons = {c.failure.for_human for c in candidates if c.failure}
            self._control.tell("all-failed", message="; ".join(sorted(reasons)), attempt=attempt)
        else:
            raise NoSurvivor(
                f"every candidate of generation {index} failed, attempts: {attempt + 1}"
            )
        for candidate in self._panel.hear(index) if self._panel else ():
            self._save(candidate)
        self._commit(index, attempt, kind)

    def _propose(self, index: int, attempt: int, kind: Kind) -> list[Candidate]:
        """One candidate for every slot of this attempt; the stored ones are taken as they are."""
        self._control.stage()
        slots = self._planner.slots(index, attempt, kind)
        stored = {c.id: c for c in self._store.candidates(self._control.run.id, index)}
        if any(slot not in stored for slot in slots):
            self._control.tell("proposing", generation=index, count=len(slots), kind=kind)
            ask = self._planner.ask(index, attempt, kind)
            if self._panel:
                ask = ask.model_copy(update={"feedback": self._panel.told(index)})
            elif kind == "search":
                ask = self._described(ask)
            for candidate in self._planner.candidates(ask):
                if candidate.id not in stored:
                    stored[candidate.id] = self._save(candidate)
        return [stored[slot] for slot in slots]

    def _described(self, ask: Ask) -> Ask:
        """The same, its parents with what their policies do, where that is wanted."""
        parents = {parent.id: parent for move in ask.moves for parent in move.parents}
        for parent in parents.values():
            described = self._parts.appraisal.described(parent)
            if described != parent:
                parents[parent.id] = self._save(described)
        moves = tuple(
            move.model_copy(update={"parents": tuple(parents[p.id] for p in move.parents)})
            for move in ask.moves
        )
        return ask.model_copy(update={"moves": moves})

    def _check(self, candidate: Candidate) -> Candidate:
        """Let the critic judge; a broken one goes back to the proposer a few times."""
        while candidate.stage is Stage.PROPOSED:
            self._control.stage()
            # A refusal is stored before it is told: after a kill it must read as it did, timings
            # and all, for the stored reply to be found by what was asked.
            verdict = candidate.verdict or self._parts.appraisal.judge(
                candidate, self._planner.earlier(candidate.generation)
            )
            stage = Stage.CHECKED if verdict.ok else Stage.PROPOSED
            update = {"verdict": verdict, "stage": stage}
            candidate = self._save(candidate.model_copy(update=update))
            if not verdict.ok:
                candidate = self._repair(candidate, verdict)
            if candidate.stage is not Stage.PROPOSED:
                self._control.tell("checked", candidate)
        return candidate

    def _repair(self, candidate: Candidate, verdict: Verdict) -> Candidate:
        attempt = candidate.repairs + 1
        proposal = None
        if attempt <= self._config.repairs and candidate.operator != "tune":
            proposal = self._parts.proposer.repair(candidate, verdict, self._task, attempt)
        if proposal is None or proposal.failure:
            return self._save(_failed(candidate, _refusal(verdict)))
        self._control.tell("repaired", candidate, message=verdict.errors[0])
        repaired = {"code": proposal.code, "repairs": attempt, "prompt_hash": proposal.prompt_hash}
        return self._save(candidate.model_copy(update={**repaired, "verdict": None}))

    def _train_and_evaluate(self, candidates: list[Candidate]) -> list[Candidate]:
        """Measure who passed the critic, from rung to rung; the clearly weak stop early."""
        # The most promising first: a limit may come before the last.
        waiting = sorted((c for c in candidates if c.stage is Stage.CHECKED), key=_promise)
        heat = Heat("selection", self.seeds.selection, self.seeds.selection_episodes)
        steps, fitness = ladder(self._control.run.config, self._task), self._task.fitness
        ended = climb(self._measure, waiting, heat, steps, fitness, self._control.stage)
        settled = {arm.id: self._settle(arm) for arm in ended if isinstance(arm, Candidate)}
        return [settled.get(candidate.id, candidate) for candidate in candidates]

    def _settle(self, candidate: Candidate) -> Candidate:
        """A candidate whose trainings have ended: with its score, or failed."""
        if candidate.failure:
            candidate = _failed(candidate, candidate.failure)
        else:
            self._measure.keep_best_policy(candidate, "selection")
            update = {"stage": Stage.EVALUATED, "score": score(candidate.trainings)}
            candidate = candidate.model_copy(update=update)
        candidate = self._save(candidate)
        self._control.tell("candidate", candidate)
        return candidate

    def _commit(self, index: int, attempt: int, kind: Kind) -> None:
        past = self._store.candidates(self._control.run.id)
        here = [candidate for candidate in past if candidate.generation == index]
        for candidate in self._parts.appraisal.exploits(here, past):
            self._control.tell("appraised", self._save(candidate))
        ranked = rank(self._store.candidates(self._control.run.id), self._task.fitness)
        best = ranked[0] if ranked else None
        generation = Generation(
            index=index,
            kind=kind,
            candidates=tuple(c.id for c in here),
            best=best.id if best else None,
            attempts=attempt + 1,
            lessons=self._lessons(here, kind),
            votes=len(self._store.votes(self._control.run.id)),
            diversity=self._parts.appraisal.diversity(here, past),
        )
        self._store.commit_generation(self._control.run.id, generation)
        self._control.tell("generation", best, generation=index)

    def _lessons(self, here: list[Candidate], kind: Kind) -> str:
        """What the generations have taught, this one included where another one follows."""
        generations = self._store.generations(self._control.run.id)
        before = generations[-1].lessons if generations else ""
        searched = sum(generation.kind == "search" for generation in generations) + 1
        last = kind == "tune" or searched >= self._config.iterations
        if self._parts.reflector is None or not here or last:
            return before
        return self._parts.reflector.reflect(self._task, here, before)

    # --- state ---

    def _save(self, candidate: Candidate) -> Candidate:
        """Store a candidate, then its readable files."""
        if candidate.stage in (Stage.EVALUATED, Stage.FAILED):
            summary = summarise(candidate, self._task)
            candidate = candidate.model_copy(update={"summary": summary})
        self._store.save_candidate(self._control.run.id, candidate)
        folder = self._store.folder(self._control.run.id) / candidate.folder
        write_text(folder / "reward.py", candidate.whole_code)
        if candidate.verdict:
            write_record(folder / "critic.json", candidate.verdict)
        if candidate.summary:
            write_text(folder / "summary.md", candidate.summary)
        return candidate


def _promise(candidate: Candidate) -> float:
    """Sorts by the alignment screen, the best first; who was not screened counts as even."""
    screens = candidate.verdict.screens if candidate.verdict else ()
    known = [s.accuracy for s in screens if s.name == "alignment" and s.accuracy is not None]
    return -known[0] if known else -0.5


def _failed(candidate: Candidate, failure: Failure) -> Candidate:
    return candidate.model_copy(update={"stage": Stage.FAILED, "failure": failure})


def _refusal(verdict: Verdict) -> Failure:
    rules = [finding.rule for finding in verdict.findings if finding.severity == "error"]
    return Failure(
        stage="check",
        cause=rules[0],
        for_llm="\n".join(verdict.errors),
        for_human=verdict.errors[0],
    )
