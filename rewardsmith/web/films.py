"""Whether the films of a question will come, and what is told of its policies if they will not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rewardsmith.entrants import episodes
from rewardsmith.retell import episode_lines, term_lines
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip
from rewardsmith.web.views import GOING, can_film

FOLDER = "clips"
"""Of a run, with the films of single episodes; see filming.py."""
_PATIENCE_S = 200.0
"""Longer than filming.py lets the making of one film take."""
_TRACEBACK = "Traceback (most recent call last):"
_OURS = "rewardsmith.errors.UserError: "


def is_there(folder: Path, film: str) -> bool:
    """Whether a film is whole: its record is written last."""
    return (folder / f"{film}.json").exists()


def lost(
    run: RunRecord, folder: Path, films: Iterable[str], clock: Callable[[], float] = time.time
) -> str:
    """Why not all of these films will come; "" where they are there or may still be made."""
    missing = [film for film in films if not is_there(folder, film)]
    if not missing:
        return ""
    if not can_film():
        return "videos are off here: pip install rewardsmith[video]"
    if run.status not in GOING:
        return f"the run has stopped ({run.status}) and films nothing now"
    return next((why for film in missing if (why := _failure(folder, film, clock()))), "")


def in_words(store: Store, run: RunRecord, clips: Iterable[Clip]) -> dict[str, tuple[str, ...]]:
    """What a terminal shows of each episode, by the id of its clip."""
    known = episodes(store, run)
    candidates = {candidate.id: candidate for candidate in store.candidates(run.id)}

    def lines(clip: Clip) -> Iterator[str]:
        yield from episode_lines(known[clip.id], run.task)
        if clip.arm in candidates and (terms := term_lines(candidates[clip.arm], run.task)):
            yield "terms of the reward over training, mean per step:"
            yield from (f"  {term}" for term in terms)

    return {clip.id: tuple(lines(clip)) for clip in clips}


def _failure(folder: Path, film: str, now: float) -> str:
    """Why the making of a film failed; "" where it has not begun or may go on.

    A film that is made takes the files of its job away. Of one that is not, they stay: the log then
    ends with what ended the process, or says nothing where the process was killed.
    """
    job = folder / f"{film}.job.json"
    try:
        begun = job.stat().st_mtime
    except FileNotFoundError:
        return ""
    if why := _last_words(job.with_suffix(".log"), begun):
        return why
    return "making one took too long, or ended without a word" if now - begun > _PATIENCE_S else ""


def _last_words(log: Path, since: float) -> str:
    """The exception that a log ends with; "" where it is older, or holds but warnings."""
    try:
        if log.stat().st_mtime < since:
            return ""
        said = log.read_text("utf-8", "replace").rstrip().splitlines()
    except FileNotFoundError:
        return ""
    if _TRACEBACK not in said or said[-1].startswith((" ", _TRACEBACK)):
        return ""
    return said[-1].removeprefix(_OURS)
