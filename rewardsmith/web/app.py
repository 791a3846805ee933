"""Puts the pages, the JSON API, the vendored assets and the guard together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from rewardsmith import __version__
from rewardsmith.errors import UserError
from rewardsmith.store import Store
from rewardsmith.web import acting, api, pages
from rewardsmith.web.guard import Guard, Rules

STATIC = Path(__file__).parent / "static"


def application(store: Store, rules: Rules, stopping: Callable[[], bool]) -> ASGIApp:
    """Everything that a server serves, behind the guard.

    Args:
        stopping: whether the server is being ended; streams of events end then.
    """
    app = FastAPI(
        title="rewardsmith",
        version=__version__,
        description=api.DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        # Their scripts come from the network.
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(api.router(store, rules))
    app.include_router(acting.router(store))
    app.include_router(pages.router(store, rules, stopping))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(UserError, _told)
    return Guard(app, rules)


async def _told(request: Request, error: Exception) -> Response:
    """No such run, no such candidate, an answer that cannot be taken: one line."""
    missing = request.method == "GET"
    return PlainTextResponse(f"{error}\n", status_code=404 if missing else 400)
