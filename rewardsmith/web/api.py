"""The JSON API: the records as they are stored, and the same commands as the pages' buttons."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from rewardsmith.commands import Command
from rewardsmith.errors import UserError
from rewardsmith.records import Baseline, Candidate, Generation, Record
from rewardsmith.report import Result, result
from rewardsmith.spending import Spending, spending
from rewardsmith.store import Call, RunRecord, Store
from rewardsmith.votes import Vote
from rewardsmith.web import acting, booth
from rewardsmith.web.guard import CSRF_HEADER, Rules
from rewardsmith.web.rendering import finite

DESCRIPTION = f"""Stored runs of rewardsmith, as they are now.

What changes something must carry the header `Origin` with the address of this server, and the
header `{CSRF_HEADER}` with what `GET /api/v1/session` tells. Beyond loopback every request needs
`Authorization: Bearer TOKEN`. Numbers without bounds are null."""


class Session(Record):
    """What a client must know."""

    csrf: str
    read_only: bool


class Told(Record):
    """What becomes of a request."""

    message: str


class Detail(Record):
    """A run with its outcome so far."""

    run: RunRecord
    result: Result
    generations: tuple[Generation, ...]
    baselines: tuple[Baseline, ...]
    pending: tuple[Command, ...]
    """Commands that the run has not taken yet."""


class PlainJson(JSONResponse):
    """JSON knows no infinity; a limit that is none is null."""

    def render(self, content: Any) -> bytes:
        """Encode."""
        return json.dumps(finite(content), ensure_ascii=False, allow_nan=False).encode()


def candidate_of(store: Store, run: RunRecord, candidate: str) -> Candidate:
    """One candidate of a run. Raises UserError where it has none of that name."""
    for found in store.candidates(run.id):
        if found.id == candidate:
            return found
    raise UserError(f"{run.id} has no candidate {candidate}")


def router(store: Store, rules: Rules) -> APIRouter:
    """Everything under /api/v1."""
    made = APIRouter(prefix="/api/v1", tags=["runs"], default_response_class=PlainJson)
    _read(made, store)
    _append(made, store)

    @made.get("/session")
    def session() -> Session:
        """What requests that change something must carry."""
        return Session(csrf=rules.csrf, read_only=rules.read_only)

    return made


def _read(made: APIRouter, store: Store) -> None:
    @made.get("/runs")
    def runs() -> list[Result]:
        """The outcome of every run so far, oldest first."""
        return [result(store, run) for run in store.runs()]

    @made.get("/runs/{run}")
    def one(run: str) -> Detail:
        """A run, by its name, a unique beginning or ending of it, or "last"."""
        found = store.run(run)
        return Detail(
            run=found,
            result=result(store, found),
            generations=tuple(store.generations(found.id)),
            baselines=tuple(store.baselines(found.id)),
            pending=tuple(store.pending_commands(found.id)),
        )

    @made.get("/runs/{run}/candidates")
    def candidates(run: str) -> list[Candidate]:
        """Every candidate, the failed ones too, in the order they were made."""
        return store.candidates(store.run(run).id)

    @made.get("/runs/{run}/candidates/{candidate}")
    def candidate(run: str, candidate: str) -> Candidate:
        """One candidate with its code, findings, trainings and summary."""
        return candidate_of(store, store.run(run), candidate)

    @made.get("/runs/{run}/calls")
    def calls(run: str) -> list[Call]:
        """Every request to a model and its reply, each as a JSON text."""
        return store.calls(store.run(run).id)

    @made.get("/runs/{run}/costs")
    def costs(run: str) -> Spending:
        """What the calls cost, and what each model and each prompt brought."""
        return spending(store, store.run(run))

    @made.get("/runs/{run}/votes")
    def votes(run: str) -> list[Vote]:
        """Every vote in the order of arrival, those taken back included."""
        return store.votes(store.run(run).id)


def _append(made: APIRouter, store: Store) -> None:
    @made.post("/runs/{run}/votes")
    def vote(run: str, given: Vote) -> Told:
        """Say which policy is better. A vote whose id is stored already is not stored again."""
        booth.vote(store, store.run(run), given)
        return Told(message="the vote is stored")

    @made.post("/runs/{run}/commands")
    def command(run: str, wanted: acting.Wanted) -> Told:
        """Ask the run to pause, resume or cancel, or set a limit; as `rewardsmith ctl`."""
        return Told(message=acting.ask(store, run, wanted))

    @made.post("/runs/{run}/answers")
    def answer(run: str, given: acting.Answer) -> Told:
        """Answer a prompt of a run with `--model manual`."""
        return Told(message=acting.answer(store, run, given))
