"""A generation before its raters: references to compare with, votes to wait for, what they say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from rewardsmith import entrants, filming, rollouts
from rewardsmith.control import Control
from rewardsmith.crew import Crew
from rewardsmith.critic.exploits import battery
from rewardsmith.entrants import REFERENCES_FILE, Waiting, question_for, waiting
from rewardsmith.measure import Measure
from rewardsmith.opinion import Judge, Opinion, opinion
from rewardsmith.propose import Feedback
from rewardsmith.records import Baseline, Candidate, TaskSpec
from rewardsmith.rollouts import Rollout
from rewardsmith.selection import SeedPlan, rank
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import standing

_IDLE, _RANDOM = ("do-nothing", "idle-alive"), "random"
_LOOK_EVERY_S = 0.5
_MOST_REMARKS = 12


class Panel:
    """The raters of one run: judges that answer by themselves, and whoever writes to the store.

    Args:
        judges: asked in turn, before people are waited for.
    """

    def __init__(
        self,
        control: Control,
        store: Store,
        measure: Measure,
        seeds: SeedPlan,
        judges: Sequence[Judge] = (),
    ) -> None:
        self._control, self._store, self._measure = control, store, measure
        self._seeds, self._judges = seeds, tuple(judges)
        self._mode = control.run.config.feedback.mode

    def hear(self, generation: int) -> list[Candidate]:
        """Wait for the generation's votes, or the deadline; the candidates as raters see them.

        Votes on later generations, which a replay has already, do not count yet.

        Raises as Control.stage: a run that waits can be paused, cancelled and limited.
        """
        if self._mode != "text":
            self._prepare()
        if not self._control.run.config.replay.source:
            ask_judges(self._store, self._control.run, self._judges)
            self._wait()
        if self._mode == "text":
            return []
        run = self._control.run
        every = standing(self._store.votes(run.id))
        votes = [vote for vote in every if vote.question.generation <= generation]
        found = opinion(votes, entrants.entrants(self._store, run))
        self._control.tell("opinion", **found.model_dump())
        # Without a single vote the fitness goes on to decide, if there is one.
        if not found.raters and not run.task.fitness.voted:
            return []
        return list(_preferred(self._store.candidates(run.id), found, run))

    def told(self, generation: int) -> Feedback | None:
        """What the proposer of `generation` is told of the votes before it; None without any.

        Votes that came after the last generation's commit are left out: a resumed run must ask in
        the same words.
        """
        store, run = self._store, self._control.run
        counts = [done.votes for done in store.generations(run.id) if done.index < generation]
        every = standing(store.votes(run.id)[: counts[-1] if counts else 0])
        votes = [vote for vote in every if vote.question.generation < generation]
        past = [c for c in store.candidates(run.id) if c.generation < generation]
        ranked = rank(past, run.task.fitness)
        if not votes or not ranked:
            return None
        voted = [c for c in ranked if c.preference and c.generation == generation - 1]
        worse = voted[-1] if voted and voted[-1].id != ranked[0].id else None
        said = [vote for vote in votes if vote.see.strip() or vote.change.strip()]
        return Feedback(better=ranked[0], worse=worse, remarks=tuple(said[-_MOST_REMARKS:]))

    def _prepare(self) -> None:
        """The references, made before the first vote and never changed."""
        run = self._control.run
        folder = self._store.folder(run.id)
        if not (folder / REFERENCES_FILE).exists():
            # From the very starts that the candidates' stored episodes have.
            starts = self._seeds.selection_episodes[: rollouts.KEPT_EPISODES]
            made = [r for seed in starts for r in _scripted(run.task, seed)]
            rollouts.save(made, folder / REFERENCES_FILE)
        stored = {baseline.name: baseline for baseline in self._store.baselines(run.id)}
        arms = [
            stored.get(arm.name, arm)
            for arm in (Baseline(name="native"), Baseline(name="untrained", timesteps=0))
            if arm.name == "untrained" or run.config.search.native
        ]
        trained = self._measure.train(arms, "selection", self._seeds.selection)
        self._measure.evaluate(trained, "selection", self._seeds.selection_episodes)

    def _wait(self) -> None:
        """Until the votes are there, or the deadline; meanwhile what raters see is filmed."""
        config = self._control.run.config.feedback
        started = time.monotonic()
        told: Waiting | None = None
        films = Crew([])
        try:
            while (now := waiting(self._store, self._control.run)) and now.missing:
                waited_s = time.monotonic() - started
                if config.deadline_s is not None and waited_s >= config.deadline_s:
                    self._control.tell("deadline", **now.model_dump())
                    return
                if now != told:
                    vote = f"rewardsmith feedback {self._control.run.id}"
                    vote += f" --runs-dir {self._store.runs_dir}"
                    self._control.tell("asking", command=vote, **now.model_dump())
                    films = films if told else filming.clips(self._store, self._control.run)
                    told = now
                for job, why in films.look():
                    if why:
                        self._control.tell("unfilmed", message=f"{job.behaviour}: {why}")
                time.sleep(_LOOK_EVERY_S)
                self._control.stage()
        finally:
            films.close()


def ask_judges(store: Store, run: RunRecord, judges: Iterable[Judge]) -> int:
    """Let judges answer in turn until the waiting generation has its votes; how many they gave."""
    left, given = list(judges), 0
    episodes = entrants.episodes(store, run) if left else {}
    while left and (now := waiting(store, run)) and now.missing:
        votes = Counter(vote.rater for vote in store.votes(run.id))
        judge = min(left, key=lambda judge: votes[judge.rater])  # the same after a kill
        question = question_for(store, run, now.generation, judge.rater)
        vote = judge.vote(question, episodes, votes[judge.rater]) if question else None
        if vote is None:
            left.remove(judge)
            continue
        store.add_vote(run.id, vote)
        given += 1
    return given


def _scripted(task: TaskSpec, seed: int) -> list[Rollout]:
    """Doing nothing, or what comes nearest to it, and acting at random."""
    made = {rollout.behaviour: rollout for rollout in battery(task, seed)}
    idle = next(name for name in _IDLE if name in made)
    return [made[idle], made[_RANDOM]]


def _preferred(
    candidates: Iterable[Candidate], found: Opinion, run: RunRecord
) -> Iterable[Candidate]:
    rates = {entry.arm: entry.win_rate for entry in found.standings}
    for candidate in candidates:
        rate = rates.get(candidate.id)
        if rate and rate != candidate.preference:
            update: dict[str, object] = {"preference": rate}
            if run.task.fitness.voted:
                update["score"] = rate
            yield candidate.model_copy(update=update)
