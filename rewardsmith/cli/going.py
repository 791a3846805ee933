"""A search under way in this process: what is asked before it, its display, and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rewardsmith.config import RunConfig
    from rewardsmith.store import RunRecord, Store


def settled(config: RunConfig, yes: bool) -> RunConfig:
    """The settings, the question whether to use the native return answered where it must be."""
    from rewardsmith import start, tasks

    try:
        start.resolve_task(config)
    except tasks.NeedsFitness as question:
        agreed = yes or (
            sys.stdin.isatty()
            and typer.confirm(f"{question}\nUse the environment's own return?", err=True)
        )
        if not agreed:
            raise
        return config.model_copy(update={"fitness": "native"})
    return config


def go(record: RunRecord, store: Store, *, json: bool, quiet: bool) -> None:
    """Run a search with its display; an interrupt leaves the state saved and says how to resume."""
    from rewardsmith import report, session
    from rewardsmith.cli import live
    from rewardsmith.errors import (
        Cancelled,
        CandidateError,
        LimitReached,
        ModelError,
        NoSurvivor,
    )

    stops = (KeyboardInterrupt, Cancelled, CandidateError, LimitReached, ModelError, NoSurvivor)
    display = live.display(store, json=json, quiet=quiet)
    try:
        with display:
            done = session.search(record, store, display.observe)
    except stops as error:
        stopped = store.run(record.id)
        # With JSON the last line is "done" also here, with the status that the run came to; a
        # person is shown how far it came.
        if json or store.candidates(record.id):
            display.finish(stopped, report.result(store, stopped))
        stop = Cancelled("interrupted") if isinstance(error, KeyboardInterrupt) else error
        if not isinstance(stop, NoSurvivor | CandidateError):
            stop.add_note(
                f"resume with: rewardsmith resume {record.id} --runs-dir {store.runs_dir}"
            )
        raise stop from None
    display.finish(done, report.result(store, done))
