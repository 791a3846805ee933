"""The pages of the voting booth; what booth.py says is shown and stored."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.concurrency import run_in_threadpool

from rewardsmith import footage
from rewardsmith.errors import UserError
from rewardsmith.store import Store
from rewardsmith.web import booth
from rewardsmith.web.acting import fields_of
from rewardsmith.web.rendering import Templates
from rewardsmith.web.views import overview

_FILM = re.compile(r"[A-Za-z0-9@._-]+\.(mp4|jpg)")


def router(store: Store, show: Templates) -> APIRouter:
    """Questions, answers, what they come to, and the films of single episodes."""
    made = APIRouter(include_in_schema=False)
    _asking(made, store, show)
    _answering(made, store, show)
    return made


def _asking(made: APIRouter, store: Store, show: Templates) -> None:
    @made.get("/runs/{run}/votes")
    def votes(run: str, rater: str = "", numbers: bool = False) -> HTMLResponse:
        return _shown(store, show, "votes.html", run, rater.strip(), numbers)

    @made.get("/runs/{run}/votes/booth")
    def asked(run: str, rater: str = "", numbers: bool = False) -> HTMLResponse:
        return _shown(store, show, "booth.html", run, rater.strip(), numbers)

    @made.get("/runs/{run}/votes/results")
    def results(run: str) -> HTMLResponse:
        return show("votes_results.html", found=booth.results(store, store.run(run)))

    @made.get("/runs/{run}/clips/{name}")
    def clip(run: str, name: str) -> FileResponse:
        path = store.folder(store.run(run).id) / footage.CLIPS / name
        if not _FILM.fullmatch(name) or not path.is_file():
            raise UserError(f"there is no film {name}")
        kind = "video/mp4" if name.endswith(".mp4") else "image/jpeg"
        return FileResponse(path, media_type=kind)


def _answering(made: APIRouter, store: Store, show: Templates) -> None:
    """Each answers with the booth as it is then, and with what was wrong."""

    def cast(run: str, fields: dict[str, str], numbers: bool) -> HTMLResponse:
        message = _tried(lambda: booth.vote(store, store.run(run), booth.vote_of(fields)))
        rater = fields.get("rater", "")
        return _shown(store, show, "booth.html", run, rater, numbers, message)

    def take_back(run: str, fields: dict[str, str], numbers: bool) -> HTMLResponse:
        rater = fields.get("rater", "")
        message = _tried(lambda: booth.take_back(store, store.run(run), rater))
        return _shown(store, show, "booth.html", run, rater, numbers, message)

    @made.post("/runs/{run}/vote")
    async def vote(run: str, request: Request, numbers: bool = False) -> HTMLResponse:
        return await run_in_threadpool(cast, run, await fields_of(request), numbers)

    @made.post("/runs/{run}/undo")
    async def undo(run: str, request: Request, numbers: bool = False) -> HTMLResponse:
        return await run_in_threadpool(take_back, run, await fields_of(request), numbers)


def _tried(change: Callable[[], None]) -> str:
    """What was wrong; "" where nothing was."""
    try:
        change()
    except UserError as error:
        return str(error)
    return ""


def _shown(
    store: Store,
    show: Templates,
    page: str,
    run: str,
    rater: str,
    numbers: bool,
    message: str = "",
) -> HTMLResponse:
    seen = overview(store, store.run(run))
    now = booth.booth(store, seen.run, rater)
    return show(
        page,
        seen=seen,
        booth=now,
        numbers=numbers,
        message=message,
        fields=booth.as_fields(now.question) if now.question else "",
        fresh_id=secrets.token_hex(8),
    )
