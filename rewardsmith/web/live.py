"""Tells a page that something has changed on disk, whoever wrote it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from rewardsmith.store import DATABASE, Store

_LOOK_EVERY_S = 0.25
_SIGN_OF_LIFE_S = 15.0
"""A comment now and then, so that a connection that is gone is noticed."""
_TOUCHED = (
    "r*/c*/train/*/progress.jsonl",
    "*/train/*/progress.jsonl",
    "r*/c*/*.json",
    "manual/*.md",
    "clips/*.json",
    "clips/*.why",
)
"""What a run writes beside the database that a page shows."""


async def changes(store: Store, run_id: str, stopping: Callable[[], bool]) -> AsyncIterator[str]:
    """Server-sent events called `changed`: one at once, then one for every change.

    Args:
        run_id: whose files to watch beside the database; "" for the database alone.
        stopping: ends the stream.
    """
    seen, silent_s = "", 0.0
    while not stopping():
        found = await asyncio.to_thread(stamp, store, run_id)
        if found != seen:
            seen, silent_s = found, 0.0
            yield f"event: changed\ndata: {found}\n\n"
        elif silent_s >= _SIGN_OF_LIFE_S:
            silent_s = 0.0
            yield ":\n\n"
        await asyncio.sleep(_LOOK_EVERY_S)
        silent_s += _LOOK_EVERY_S


def stamp(store: Store, run_id: str = "") -> str:
    """A text that is another one after every write to the database or to the run's files."""
    digest = hashlib.sha256()
    for path in _watched(store, run_id):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        digest.update(f"{path}:{status.st_mtime_ns}:{status.st_size}\n".encode())
    return digest.hexdigest()[:16]


def _watched(store: Store, run_id: str) -> Iterator[Path]:
    # Every commit is appended to the log before it is acknowledged.
    yield store.runs_dir / DATABASE
    yield store.runs_dir / f"{DATABASE}-wal"
    if run_id:
        for pattern in _TOUCHED:
            yield from store.folder(run_id).glob(pattern)
