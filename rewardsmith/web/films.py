"""Whether the films of a question will come, and what is told of its policies if they will not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rewardsmith.entrants import episodes
from rewardsmith.retell import told
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip
from rewardsmith.web.views import GOING, can_film

FOLDER = "clips"
"""Of a run, with the films of single episodes; see filming.py."""


def is_there(folder: Path, film: str) -> bool:
    """Whether a film is whole: its record is written last."""
    return (folder / f"{film}.json").exists()


def lost(run: RunRecord, folder: Path, films: Iterable[str]) -> str:
    """Why not all of these films will come; "" where they are there or may still be made."""
    missing = [film for film in films if not is_there(folder, film)]
    if not missing:
        return ""
    if not can_film():
        return "videos are off here: pip install rewardsmith[video]"
    if run.status not in GOING:
        return f"the run has stopped ({run.status}) and films nothing now"
    return next((why for film in missing if (why := _failure(folder, film))), "")


def in_words(store: Store, run: RunRecord, clips: Iterable[Clip]) -> dict[str, tuple[str, ...]]:
    """What a terminal shows of each episode, by the id of its clip."""
    known = episodes(store, run)
    candidates = {candidate.id: candidate for candidate in store.candidates(run.id)}

    return {
        clip.id: tuple(told(known[clip.id], candidates.get(clip.arm), run.task)) for clip in clips
    }


def _failure(folder: Path, film: str) -> str:
    """Why the making of a film failed; "" where it has not begun, or goes on."""
    try:
        return (folder / f"{film}.why").read_text("utf-8")
    except FileNotFoundError:
        return ""
