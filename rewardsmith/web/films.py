"""Whether the films of a question will come, and what is told of its policies if they will not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rewardsmith import footage
from rewardsmith.entrants import episodes
from rewardsmith.retell import told
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip
from rewardsmith.web.views import GOING


def place(store: Store, run: RunRecord, clip: Clip) -> Path:
    """Where the film of a clip is, or will be."""
    return store.folder(run.id) / footage.CLIPS / f"{clip.film}.mp4"


def lost(run: RunRecord, films: Iterable[Path]) -> str:
    """Why not all of these films will come; "" where they are there or may still be made."""
    missing = [film for film in films if not footage.read(film)]
    if not missing:
        return ""
    if why := footage.lacking():
        return why
    if run.status not in GOING:
        return f"the run has stopped ({run.status}) and films nothing now"
    return next((why for film in missing if (why := _failure(film))), "")


def in_words(store: Store, run: RunRecord, clips: Iterable[Clip]) -> dict[str, tuple[str, ...]]:
    """What a terminal shows of each episode, by the id of its clip."""
    known = episodes(store, run)
    candidates = {candidate.id: candidate for candidate in store.candidates(run.id)}

    return {
        clip.id: tuple(told(known[clip.id], candidates.get(clip.arm), run.task)) for clip in clips
    }


def _failure(film: Path) -> str:
    """Why the making of a film failed; "" where it has not begun, or goes on."""
    try:
        return footage.note(film).read_text("utf-8")
    except FileNotFoundError:
        return ""
