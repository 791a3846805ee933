"""What is filmed of a run: policies for its pages, clips for raters, pictures for judges.

See crew.py for who films; a failure is told, never raised.
"""

from __future__ import annotations

import base64
import functools
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rewardsmith import children, footage, rollouts
from rewardsmith.config import VideoConfig
from rewardsmith.crew import Crew
from rewardsmith.entrants import REFERENCES_FILE, entrants
from rewardsmith.movie import stills
from rewardsmith.records import Arm, Candidate, Event, Purpose, Record, Training, Video
from rewardsmith.render import RenderJob
from rewardsmith.selection import best_training
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Clip

_LOG = logging.getLogger(__name__)

_TRY_S = 30.0
_POLL_S = 0.05
_TRY = "import mujoco; mujoco.GLContext(16, 16).make_current()"


class Filmed(Record):
    """A video that was asked for: made, or why not."""

    candidate: str
    shows: str
    file: str
    video: Video | None = None
    why: str = ""

    def event(self) -> Event:
        """The same, for who watches the run."""
        data = self.model_dump(mode="json", exclude={"candidate", "why"})
        return Event(event="video", candidate=self.candidate, message=self.why, data=data)


@functools.cache
def graphics() -> str:
    """What MuJoCo can draw with here: MUJOCO_GL as the user set it, "egl", "osmesa", or "".

    OSMesa is the slower one. Tried in a process of its own: a missing driver can end it.
    """
    wanted = os.environ.get("MUJOCO_GL", "")
    return next((name for name in (wanted, "egl", "osmesa") if name and _draws(name)), "")


def film(
    store: Store, run: RunRecord, candidates: Sequence[Candidate], settings: VideoConfig
) -> Iterator[Filmed]:
    """Film the best and the last policy of each candidate, one process a core.

    Where a candidate has no trained policy there is nothing to film.
    """
    owners: dict[str, Candidate] = {}
    jobs: list[RenderJob] = []
    for candidate in candidates:
        for job in _jobs(store, run, candidate, settings):
            owners[job.output] = candidate
            jobs.append(job)
    with closing(Crew(jobs)) as crew:
        while crew.busy:
            for job, failure in crew.look():
                yield _filmed(owners[job.output], job, failure)
            time.sleep(_POLL_S)


def clips(store: Store, run: RunRecord) -> Crew:
    """Films what raters may be shown and is not filmed yet, the best policies first.

    Nothing where videos are off.
    """
    if footage.lacking():
        return Crew([])
    every = (clip for entrant in entrants(store, run) for clip in entrant.clips)
    stored = _episodes(store, run)
    jobs = (_of_clip(store, run, clip, stored) for clip in every)
    return Crew([job for job in jobs if not footage.read(Path(job.output))])


class Projector:
    """Pictures of single episodes, JPEG in base64; an episode is filmed when it is asked for.

    Args:
        count: of pictures an episode.
        poll: asked meanwhile whether to go on; see Control.poll.
    """

    def __init__(self, store: Store, run: RunRecord, count: int, poll: Callable[[], None]) -> None:
        self._store, self._run, self._count, self._poll = store, run, count, poll

    def __call__(self, clip: Clip) -> tuple[str, ...]:
        """In the order of time; () where it cannot be filmed, which is logged."""
        job = _of_clip(self._store, self._run, clip, _episodes(self._store, self._run))
        if not footage.read(Path(job.output)):
            self._film(job)
        try:
            pictures = stills(Path(job.output), self._count)
        except OSError as error:
            _LOG.warning("no pictures of %s: %s", clip.id, error)
            return ()
        return tuple(base64.b64encode(picture).decode() for picture in pictures)

    def _film(self, job: RenderJob) -> None:
        with closing(Crew([job])) as crew:
            while crew.busy:
                for _, why in crew.look():
                    if why:
                        _LOG.warning("%s: %s", job.behaviour, why)
                self._poll()
                time.sleep(_POLL_S)


def _episodes(store: Store, run: RunRecord) -> dict[str, Path]:
    """The files of whole episodes, by the training whose policy acted in them."""
    folder = store.folder(run.id)
    arms: list[Arm] = [*store.candidates(run.id), *store.baselines(run.id)]
    return {training.id: path for arm in arms for training, path in rollouts.of_arm(arm, folder)}


def _of_clip(store: Store, run: RunRecord, clip: Clip, stored: Mapping[str, Path]) -> RenderJob:
    """The film of a whole episode that was stored, of a policy or of a script."""
    folder, settings = store.folder(run.id), run.config.video
    return RenderJob(
        task=run.task,
        rollouts=str(stored.get(clip.training, folder / REFERENCES_FILE)),
        behaviour=clip.arm,
        shows="clip",
        seed=clip.seed,
        output=str(folder / footage.CLIPS / f"{clip.film}.mp4"),
        seconds=settings.seconds,
        width=settings.width,
        height=settings.height,
        gl=graphics(),
    )


def _draws(gl: str) -> bool:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY],
            env={**children.environment(), "MUJOCO_GL": gl},
            capture_output=True,
            timeout=_TRY_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _jobs(
    store: Store, run: RunRecord, candidate: Candidate, settings: VideoConfig
) -> Iterator[RenderJob]:
    training = _shown(run, candidate)
    if training is None or training.episodes is None:
        return
    fitness = training.episodes.fitness
    # The episode in the middle: neither the luckiest nor the worst.
    seed = training.episodes.seeds[fitness.index(statistics.median_low(fitness))]
    folder = store.folder(run.id)
    for shows, name in (("best", "policy"), ("last", "last")):
        trained = folder / training.folder / f"{name}.safetensors"
        if trained.exists():
            yield RenderJob.model_validate(
                {
                    "task": run.task,
                    "policy": str(trained),
                    "shows": shows,
                    "seed": seed,
                    "output": str(folder / candidate.folder / f"{shows}.mp4"),
                    "seconds": settings.seconds,
                    "width": settings.width,
                    "height": settings.height,
                    "gl": graphics(),
                }
            )


def _shown(run: RunRecord, candidate: Candidate) -> Training | None:
    """The training whose policy the candidate's folder holds; see Measure.keep_best_policy."""
    purposes: tuple[Purpose, ...] = ("report", "final", "selection")
    found = (best_training(candidate, purpose, run.task.fitness) for purpose in purposes)
    return next((best for best in found if best), None)


def _filmed(candidate: Candidate, job: RenderJob, why: str) -> Filmed:
    return Filmed(
        candidate=candidate.id,
        shows=job.shows,
        file=job.output,
        video=None if why else footage.read(Path(job.output)),
        why=why,
    )
