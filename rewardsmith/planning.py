"""What comes next in a search, and what is asked for it: all from the stored records alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rewardsmith.propose import Ask, Proposal, Proposer
from rewardsmith.propose.unaided import rest, unaided
from rewardsmith.records import Candidate, CandidateId, Event, Generation, Observe, Stage
from rewardsmith.selection import better, rank
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies import Strategy, Turn
from rewardsmith.tuning import Tuner

Kind = Literal["search", "tune"]


class Planner:
    """Plans the generations of one run.

    Args:
        tuner: follows the search, if given.
    """

    def __init__(
        self,
        run: RunRecord,
        store: Store,
        strategy: Strategy,
        proposer: Proposer,
        observe: Observe,
        tuner: Tuner | None = None,
    ) -> None:
        self._run, self._store, self._observe = run, store, observe
        self._strategy, self._tuner, self._proposer = strategy, tuner, proposer

    def due(self) -> Kind | None:
        """The kind of the next generation: first those of the search, then those that tune."""
        generations = self._store.generations(self._run.id)
        searched = [generation for generation in generations if generation.kind == "search"]
        begun = self._store.candidates(self._run.id, len(generations) + 1)
        tuning = any(candidate.operator == "tune" for candidate in begun)
        wanted = len(searched) < self._run.config.search.iterations
        if wanted and not tuning and not self._enough(searched):
            return "search"
        tuner = self._tuner
        if tuner is None or len(generations) - searched[-1].index >= tuner.generations:
            return None
        if tuner.base(self.earlier(len(generations) + 1), self._run.task.fitness) is None:
            self._observe(Event(event="not-tuned"))
            return None
        return "tune"

    def earlier(self, index: int) -> list[Candidate]:
        """The candidates of the generations before this one."""
        return [c for c in self._store.candidates(self._run.id) if c.generation < index]

    def slots(self, index: int, attempt: int, kind: Kind) -> tuple[str, ...]:
        """The ids that an attempt at a generation fills."""
        config = self._run.config
        samples = config.tune.samples if kind == "tune" else config.search.samples
        width = max(samples, len(self._run.init) if index == 1 else 0)
        first = 0 if attempt == 0 else width + (attempt - 1) * samples
        last = first + (width if attempt == 0 else samples)
        return tuple(str(CandidateId(generation=index, index=i)) for i in range(first, last))

    def ask(self, index: int, attempt: int, kind: Kind) -> Ask:
        """The moves of an attempt at a generation, and what a proposer may know for them."""
        strategy = self._tuner if self._tuner and kind == "tune" else self._strategy
        earlier, slots = self.earlier(index), self.slots(index, attempt, kind)
        here = self._store.candidates(self._run.id, index)
        recent = [c for c in earlier if c.generation == index - 1] if attempt == 0 else here
        told = strategy.shows != "none"
        generations = self._store.generations(self._run.id)
        turn = Turn(
            generation=index,
            slots=slots,
            past=tuple(earlier),
            fitness=self._run.task.fitness,
            seed=self._run.config.seed,
        )
        return Ask(
            task=self._run.task,
            generation=index,
            strategy=strategy.name,
            attempt=attempt,
            moves=strategy.moves(turn),
            failures=tuple(c for c in recent if told and c.failure and c.id not in slots),
            lessons=generations[-1].lessons if told and generations else "",
            notes=self._run.config.notes,
            tried=tuple(c.code for c in (*earlier, *here) if c.code and c.id not in slots),
            seed=self._run.config.seed,
        )

    def candidates(self, ask: Ask) -> list[Candidate]:
        """A candidate for every move: the user's own rewards first, then who else makes them."""
        brought = self._run.init if ask.generation == 1 and ask.attempt == 0 else ()
        done = [
            Proposal(
                slot=move.slot, code=reward.code, origin=f"init:{reward.name}", operator="init"
            )
            for move, reward in zip(ask.moves, brought, strict=False)
        ]
        done += unaided(ask)
        left = rest(ask, done)
        done += self._proposer.propose(left) if left.moves else []
        return [_candidate(ask, proposal) for proposal in done]

    def _enough(self, generations: Sequence[Generation]) -> bool:
        """Whether `stop_when` holds after these generations of the search."""
        wanted, fitness = self._run.config.search.stop_when, self._run.task.fitness
        if not generations or not wanted:
            return False
        if wanted == "plateau":
            return len(generations) > 1 and generations[-1].best == generations[-2].best
        best = rank(self._store.candidates(self._run.id), fitness)[:1]
        reached = [c.score.value for c in best if c.score]
        solved = fitness.solved
        return bool(solved is not None and reached and not better(fitness, solved, reached[0]))


def _candidate(ask: Ask, proposal: Proposal) -> Candidate:
    return Candidate(
        id=proposal.slot,
        generation=ask.generation,
        index=CandidateId.parse(proposal.slot).index,
        stage=Stage.FAILED if proposal.failure else Stage.PROPOSED,
        parents=proposal.parents,
        origin=proposal.origin,
        strategy=ask.strategy,
        operator=proposal.operator,
        island=next(move.island for move in ask.moves if move.slot == proposal.slot),
        prompt_hash=proposal.prompt_hash,
        code=proposal.code,
        failure=proposal.failure,
    )
