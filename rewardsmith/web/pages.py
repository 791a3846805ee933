"""The pages: each reads the store anew and fills a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.concurrency import run_in_threadpool

from rewardsmith.errors import UserError
from rewardsmith.reporting.lineage import lineage
from rewardsmith.settings import flatten
from rewardsmith.spending import spending
from rewardsmith.store import RunRecord, Store
from rewardsmith.web import charts, code, doctor, live, voting
from rewardsmith.web.api import candidate_of
from rewardsmith.web.guard import Rules
from rewardsmith.web.rendering import Templates
from rewardsmith.web.talk import talk, waiting_prompts
from rewardsmith.web.views import overview, videos

_FILMS = {
    f"{shows}.{ending}": kind
    for shows in ("best", "last")
    for ending, kind in (("mp4", "video/mp4"), ("jpg", "image/jpeg"))
}
_MOST_COMPARED = 8


def router(store: Store, rules: Rules, stopping: Callable[[], bool]) -> APIRouter:
    """All that a browser shows."""
    made = APIRouter(include_in_schema=False)
    show = Templates(rules)
    _of_all_runs(made, store, show)
    _of_one_run(made, store, show)
    _of_candidates(made, store, show)
    made.include_router(voting.router(store, show))

    @made.get("/events")
    async def events(run: str = "") -> StreamingResponse:
        known = (await run_in_threadpool(store.run, run)).id if run else ""
        changes = live.changes(store, known, stopping)
        return StreamingResponse(changes, media_type="text/event-stream")

    return made


def _of_all_runs(made: APIRouter, store: Store, show: Templates) -> None:
    @made.get("/")
    def runs() -> HTMLResponse:
        return show("runs.html", runs=_every(store), runs_dir=store.runs_dir)

    @made.get("/live")
    def runs_live() -> HTMLResponse:
        return show("runs_live.html", runs=_every(store), runs_dir=store.runs_dir)

    @made.get("/compare")
    def compare(run: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
        chosen = [overview(store, store.run(name)) for name in (run or [])[:_MOST_COMPARED]]
        settings = [flatten(one.run.config.model_dump()) for one in chosen]
        keys = list(settings[0]) if settings else []
        differing = [k for k in keys if any(s.get(k) != settings[0][k] for s in settings)]
        arms = {one.run.id: one.candidates for one in chosen}
        return show(
            "compare.html",
            runs=list(reversed(store.runs())),
            chosen=chosen,
            differing={key: [s.get(key) for s in settings] for key in differing},
            chart=charts.of_runs(arms, chosen[0].run.task.fitness) if chosen else None,
            measures={one.run.task.fitness.expression for one in chosen},
        )

    @made.get("/costs")
    def costs() -> HTMLResponse:
        return show("costs.html", runs=[spending(store, run) for run in reversed(store.runs())])

    @made.get("/doctor")
    def health() -> HTMLResponse:
        return show("doctor.html")

    @made.get("/doctor/findings")
    def findings() -> HTMLResponse:
        return show("doctor_findings.html", findings=doctor.examine())


def _of_one_run(made: APIRouter, store: Store, show: Templates) -> None:
    @made.get("/runs/{run}")
    def one(run: str) -> Response:
        found = store.run(run)
        if found.id != run:
            return RedirectResponse(f"/runs/{found.id}")
        return show("run.html", **_seen(store, found))

    @made.get("/runs/{run}/live")
    def one_live(run: str) -> HTMLResponse:
        return show("run_live.html", **_seen(store, store.run(run)))

    @made.get("/runs/{run}/lineage")
    def tree(run: str) -> HTMLResponse:
        seen = overview(store, store.run(run))
        best = seen.result.best.candidate if seen.result.best else ""
        picture = lineage(seen.candidates, best, seen.run.finalists)
        return show("lineage.html", seen=seen, picture=picture)

    @made.get("/runs/{run}/costs")
    def costs(run: str) -> HTMLResponse:
        found = store.run(run)
        return show("run_costs.html", seen=overview(store, found), spent=spending(store, found))

    @made.get("/runs/{run}/manual")
    def by_hand(run: str) -> HTMLResponse:
        seen = overview(store, store.run(run))
        return show("manual.html", seen=seen, prompts=waiting_prompts(store, seen.run))

    @made.get("/runs/{run}/manual/live")
    def by_hand_live(run: str) -> HTMLResponse:
        seen = overview(store, store.run(run))
        return show("manual_live.html", seen=seen, prompts=waiting_prompts(store, seen.run))


def _of_candidates(made: APIRouter, store: Store, show: Templates) -> None:
    @made.get("/runs/{run}/candidates/{candidate}")
    def one(run: str, candidate: str) -> HTMLResponse:
        seen = overview(store, store.run(run))
        found = candidate_of(store, seen.run, candidate)
        by_id = {other.id: other for other in seen.candidates}
        parents = [by_id[name] for name in found.parents if name in by_id]
        return show(
            "candidate.html",
            seen=seen,
            candidate=found,
            lines=code.lines_of(found),
            differences=code.differences(found, parents),
            children=[other for other in seen.candidates if found.id in other.parents],
            charts=charts.training(found.trainings, seen.run.task.fitness),
            videos=videos(store, seen.run, found),
            talk=talk(store, seen.run, found),
        )

    @made.get("/runs/{run}/candidates/{candidate}/{name}")
    def film(run: str, candidate: str, name: str) -> FileResponse:
        found = store.run(run)
        path = store.candidate_folder(found.id, candidate_of(store, found, candidate)) / name
        if name not in _FILMS or not path.is_file():
            raise UserError(f"{candidate} has no {name}")
        return FileResponse(path, media_type=_FILMS[name])


def _every(store: Store) -> list[object]:
    return [overview(store, run) for run in reversed(store.runs())]


def _seen(store: Store, run: RunRecord) -> dict[str, object]:
    seen = overview(store, run)
    chart = charts.search(seen.candidates, seen.baselines, run.task.fitness)
    return {"seen": seen, "chart": chart}
