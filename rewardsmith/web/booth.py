"""Where people say which policy is better: a question, its films, and the votes as stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, ValidationError

from rewardsmith import footage
from rewardsmith.entrants import Waiting, entrants, question_for, waiting
from rewardsmith.errors import UserError
from rewardsmith.opinion import Opinion, opinion
from rewardsmith.records import Record, Score
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip, Question, Vote, standing, undo
from rewardsmith.web import films


class Shown(Record):
    """One of the policies in a question."""

    place: int
    film: str
    """Name of its film, without ending."""
    filmed: bool
    lines: tuple[str, ...]
    """What is told of it where the question is shown without films."""
    arm: str
    fitness: Score | None
    """For those who want numbers."""


class Booth(Record):
    """What one rater sees."""

    rater: str
    mode: str
    waiting: Waiting | None
    question: Question | None
    shown: tuple[Shown, ...]
    filmless: str
    """Why the question is shown without films; "" where it has them, or waits for them."""
    given: int
    """Standing votes of this rater on the generation that waits."""
    undoable: bool

    @property
    def ready(self) -> bool:
        """Whether the question can be shown: its films are there, or will never be."""
        return bool(self.filmless) or all(one.filmed for one in self.shown)


class Ballot(Record):
    """The fields of the form."""

    vote: str = Field(min_length=8, max_length=40, pattern="^[0-9a-f]+$")
    """The id of the vote, made with the form: one that is sent twice counts once."""
    rater: str = Field(min_length=1, max_length=80)
    question: str
    """The Question, as it was shown."""
    choice: Literal["left", "right", "tie", "cannot-tell"] | None = None
    best: int | None = None
    worst: int | None = None
    strength: int = 2
    see: str = ""
    change: str = ""


def booth(store: Store, run: RunRecord, rater: str) -> Booth:
    """What this rater is to be asked now; nobody without a name is asked."""
    now = waiting(store, run)
    question = None
    if now and now.missing and rater:
        question = question_for(store, run, now.generation, rater)
    clips = question.shown if question else ()
    filmless = films.lost(run, [films.place(store, run, clip) for clip in clips])
    own = [vote for vote in standing(store.votes(run.id)) if vote.rater == rater]
    here = [vote for vote in own if now and vote.question.generation == now.generation]
    return Booth(
        rater=rater,
        mode=run.config.feedback.mode,
        waiting=now,
        question=question,
        shown=_shown(store, run, clips, told=bool(filmless)),
        filmless=filmless,
        given=len(here),
        undoable=bool(here) and here[-1] == own[-1],
    )


def _shown(store: Store, run: RunRecord, clips: Sequence[Clip], *, told: bool) -> tuple[Shown, ...]:
    """The policies of a question, with what is told of them in words where that is wanted."""
    scores = {candidate.id: candidate.score for candidate in store.candidates(run.id)}
    lines = films.in_words(store, run, clips) if told else {}
    return tuple(
        Shown(
            place=place,
            film=clip.film,
            filmed=footage.read(films.place(store, run, clip)) is not None,
            lines=lines.get(clip.id, ()),
            arm=clip.arm,
            fitness=None if run.task.fitness.voted else scores.get(clip.arm),
        )
        for place, clip in enumerate(clips)
    )


def vote(store: Store, run: RunRecord, given: Vote) -> None:
    """Append a vote; it is stored when this returns.

    Raises UserError where its question shows what this run does not have.
    """
    known = {clip for entrant in entrants(store, run) for clip in entrant.clips}
    if given.undoes or not set(given.question.shown) <= known:
        raise UserError("the question shows what this run does not have")
    store.add_vote(run.id, given)


def take_back(store: Store, run: RunRecord, rater: str) -> None:
    """Append that the rater's last standing vote no longer counts. Raises UserError."""
    now = booth(store, run, rater)
    if not now.undoable:
        raise UserError("there is nothing to undo")
    own = [vote for vote in standing(store.votes(run.id)) if vote.rater == rater]
    store.add_vote(run.id, undo(own[-1]))


def results(store: Store, run: RunRecord) -> Opinion:
    """What the votes say so far."""
    return opinion(standing(store.votes(run.id)), entrants(store, run))


def as_fields(question: Question) -> str:
    """The question for a hidden field of the form."""
    return json.dumps(question.model_dump())


def vote_of(fields: Mapping[str, str]) -> Vote:
    """The vote that a form holds. Raises UserError where it is none."""
    try:
        given = Ballot.model_validate({name: text for name, text in fields.items() if text})
        said: dict[str, object] = given.model_dump(exclude={"question", "vote"})
        if given.choice == "cannot-tell":
            said |= {"best": None, "worst": None}
        said["id"] = given.vote
        said["question"] = Question.model_validate_json(given.question)
        return Vote.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(f"{name}: {first['msg'].lower()}".removeprefix(": ")) from None
