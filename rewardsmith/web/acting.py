"""What a person wants of a run, appended for its loop to find: commands, and answers by hand."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from rewardsmith import commands
from rewardsmith.errors import UserError
from rewardsmith.llm import manual
from rewardsmith.records import Record
from rewardsmith.store import Store

_MAX_ANSWER = 400_000
"""Characters; a reply of a model is a hundredth of that."""


class Wanted(Record):
    """The same commands as those of `rewardsmith ctl`."""

    kind: commands.Kind
    value: str = Field("", max_length=20)
    """Of a limit: seconds of wall time, USD or tokens, in all."""


class Answer(Record):
    """To a prompt of a run with `--model manual`."""

    name: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=_MAX_ANSWER)


def ask(store: Store, run: str, wanted: Wanted) -> str:
    """Append a command; says what becomes of it. Raises UserError."""
    commands.checked(wanted.kind, wanted.value)
    store.command(store.run(run).id, wanted.kind, wanted.value)
    return f"{wanted.kind} is asked; the run looks between its stages"


def answer(store: Store, run: str, given: Answer) -> str:
    """Put an answer where the run waits for it. The loop parses and checks it, nobody here does."""
    folder = store.folder(store.run(run).id)
    manual.answer(manual.find(folder, given.name), given.text)
    return "the answer is stored; the run reads it within a second or two"


def router(store: Store) -> APIRouter:
    """The forms of the pages; each answers with a line to show."""
    made = APIRouter(include_in_schema=False)

    @made.post("/runs/{run}/command")
    async def command(run: str, request: Request) -> Response:
        wanted = await _form(request, Wanted)
        return PlainTextResponse(await run_in_threadpool(ask, store, run, wanted))

    @made.post("/runs/{run}/answer")
    async def answered(run: str, request: Request) -> Response:
        given = await _form(request, Answer)
        return PlainTextResponse(await run_in_threadpool(answer, store, run, given))

    return made


AnyRecord = TypeVar("AnyRecord", bound=Record)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form; of those of one name the last."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


async def _form(request: Request, kind: type[AnyRecord]) -> AnyRecord:
    """A form as a record. Raises UserError where it makes none."""
    try:
        return kind.model_validate(await fields_of(request))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(f"{name}: {first['msg'].lower()}") from None
