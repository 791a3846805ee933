"""Runs as they stand while raters are asked, put together from a recorded one, without training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from running import Recorded
from viewing import Viewed

from rewardsmith.config import FeedbackConfig
from rewardsmith.entrants import entrants, question_for
from rewardsmith.footage import CLIPS
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Vote

Mode = Literal["pair", "best-worst", "text"]
MODES: tuple[Mode, ...] = ("pair", "best-worst", "text")


@dataclass(frozen=True)
class Ballots:
    """Runs that wait for votes, and the pages over them."""

    server: Viewed
    runs: Mapping[Mode, str]
    """Their ids, by what they ask."""


def staged(runs_dir: Path, source: Recorded, mode: Mode, votes: int = 1, **parts: Any) -> RunRecord:
    """The source's search again, its second generation trained and waiting for votes."""
    with closing(Store(source.runs_dir, create=False)) as old, closing(Store(runs_dir)) as store:
        known = old.run(source.result["run"])
        config = known.config.model_copy(
            update={"feedback": FeedbackConfig(mode=mode, votes=votes), **parts}
        )
        run = store.create_run(task=known.task, config=config, proposer=known.proposer)
        shutil.copytree(source.folder, store.folder(run.id), dirs_exist_ok=True)
        for candidate in old.candidates(known.id):
            store.save_candidate(run.id, candidate)
        store.commit_generation(run.id, old.generations(known.id)[0])
    return run


def filmed(runs_dir: Path, run: RunRecord, source: Recorded) -> None:
    """Give every episode a film: that of the source's best policy."""
    with closing(Store(runs_dir, create=False)) as store:
        clips = store.folder(run.id) / CLIPS
        clips.mkdir(exist_ok=True)
        film = next(source.folder.glob("r*/c*/best.mp4"))
        for clip in (clip for entrant in entrants(store, run) for clip in entrant.clips):
            for ending in (".mp4", ".jpg", ".json"):
                shutil.copyfile(film.with_suffix(ending), clips / f"{clip.film}{ending}")


def answered(runs_dir: Path, run: RunRecord, rater: str, **said: object) -> None:
    """Store a rater's answer to the next question."""
    with closing(Store(runs_dir, create=False)) as store:
        question = question_for(store, run, 2, rater)
        vote = {"rater": rater, "question": question, **said}
        store.add_vote(run.id, Vote.model_validate(vote))
