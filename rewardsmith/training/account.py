"""The account of a training: its terms and episodes in tenths, and how far it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rewardsmith.arrays import Arrays, within
from rewardsmith.jail.service import Rewards
from rewardsmith.records import Curve, TermStats, Training
from rewardsmith.training import Progress, TrainJob

POINTS = 10
_REPORT_EVERY_S = 0.5


@dataclass(frozen=True)
class Finished:
    """An episode of training that has just ended."""

    world: int
    fitness: float
    length: int


class Account:
    """What training looked like: terms and episodes in tenths, and the smoothed own return."""

    def __init__(self, job: TrainJob, report: Callable[[Progress], None]) -> None:
        self._job = job
        self._report = report
        self._started = time.monotonic()
        self._reported = -1.0
        self._returns = np.zeros(job.n_envs)
        self._recent: deque[tuple[float, float, int]] = deque(maxlen=2 * job.n_envs)
        self._episodes: list[list[tuple[float, float, int]]] = [[] for _ in range(POINTS)]
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._rows = np.zeros(POINTS)
        self._extremes: dict[str, tuple[float, float]] = {}
        self.timesteps = 0
        self.peak: float | None = None
        self.peak_timestep: int | None = None

    def add_terms(self, rewards: Rewards) -> None:
        """Count the rewards of the next vector steps, row by row in the order they were made."""
        points = self._point(self.timesteps + np.arange(len(rewards.total)))
        self._rows += np.bincount(points, minlength=POINTS)
        for name, values in rewards.terms.items():
            sums = self._sums.setdefault(name, np.zeros(POINTS))
            sums += np.bincount(points, values, minlength=POINTS)
            low, high = self._extremes.get(name, (np.inf, -np.inf))
            self._extremes[name] = (min(low, float(values.min())), max(high, float(values.max())))

    def add_steps(self, total: NDArray[np.float64], finished: Sequence[Sequence[Finished]]) -> None:
        """Count vector steps with their rewards (steps, n), and the episodes that each ended."""
        begin, first = 0, self.timesteps
        for at, ended in enumerate(finished):
            if not ended:
                continue
            self._returns += total[begin : at + 1].sum(axis=0)
            begin = at + 1
            point = int(self._point(np.array(first + at * total.shape[1])))
            for episode in ended:
                row = (float(self._returns[episode.world]), episode.fitness, episode.length)
                self._episodes[point].append(row)
                self._recent.append(row)
                self._returns[episode.world] = 0.0
        self._returns += total[begin:].sum(axis=0)
        self.timesteps += total.size

    def at_peak(self) -> bool:
        """Whether the smoothed return of the latest episodes is the highest so far; notes it."""
        if len(self._recent) < min(self._job.n_envs, 4):
            return False
        smoothed = float(np.mean([row[0] for row in self._recent]))
        if self.peak is not None and smoothed <= self.peak:
            return False
        self.peak, self.peak_timestep = smoothed, self.timesteps
        return True

    def tell(self, *, last: bool = False) -> None:
        """Report progress, at most twice a second; the last time in any case."""
        now = time.monotonic() - self._started
        if now - self._reported < _REPORT_EVERY_S and not last:
            return
        self._reported = now
        means = [float(value) for value in np.mean(self._recent, axis=0)] if self._recent else []
        self._report(
            Progress(
                timesteps=self.timesteps,
                wall_s=round(now, 2),
                reward_return=means[0] if means else None,
                fitness=means[1] if means else None,
                episode_length=means[2] if means else None,
            )
        )

    def wall_s(self) -> float:
        """Seconds since training began."""
        return time.monotonic() - self._started

    def state(self) -> Arrays:
        """The whole account, for `restore`."""
        peak = () if self.peak is None else (self.peak, self.peak_timestep or 0)
        arrays: Arrays = {
            "wall_s": np.array([self.wall_s()]),
            "timesteps": np.array([self.timesteps]),
            "peak": np.array(peak, dtype=np.float64),
            "returns": self._returns,
            "rows": self._rows,
            "recent": np.array(self._recent, dtype=np.float64).reshape(-1, 3),
        }
        for point, episodes in enumerate(self._episodes):
            arrays[f"episodes/{point}"] = np.array(episodes, dtype=np.float64).reshape(-1, 3)
        # Numbered, for the order of the terms is theirs to keep.
        for number, (name, sums) in enumerate(self._sums.items()):
            arrays[f"terms/{number:02d}{name}"] = np.append(sums, self._extremes[name])
        return arrays

    def restore(self, state: Arrays) -> None:
        """Go on where `state` was taken."""
        self._started = time.monotonic() - float(state["wall_s"][0])
        self.timesteps = int(state["timesteps"][0])
        if len(state["peak"]):
            self.peak, self.peak_timestep = float(state["peak"][0]), int(state["peak"][1])
        self._returns, self._rows = state["returns"], state["rows"]
        self._recent.extend(_rows(state["recent"]))
        self._episodes = [_rows(state[f"episodes/{point}"]) for point in range(POINTS)]
        for name, values in sorted(within(state, "terms/").items()):
            self._sums[name[2:]] = values[:-2]
            self._extremes[name[2:]] = (float(values[-2]), float(values[-1]))

    def restart(self) -> None:
        """Forget the returns of the episodes under way."""
        self._returns[:] = 0.0

    def training(self) -> Training:
        """The training that has come to its end."""
        return Training(
            id=self._job.id,
            seed=self._job.seed,
            purpose=self._job.purpose,
            timesteps=self.timesteps,
            planned=self._job.timesteps,
            wall_s=round(self.wall_s(), 2),
            folder=self._job.relative,
            curve=self.curve(),
            terms=self.terms(),
            peak_timestep=self.peak_timestep,
        )

    def curve(self) -> Curve:
        """The episodes of each tenth of training that has begun."""
        used = [point for point in range(POINTS) if self._rows[point]]
        ends = [int(self._job.timesteps * (point + 1) / POINTS) for point in used]
        means = [
            [float(value) for value in np.mean(self._episodes[point], axis=0)]
            if self._episodes[point]
            else [None, None, None]
            for point in used
        ]
        return Curve(
            timesteps=tuple(ends),
            reward_return=tuple(row[0] for row in means),
            fitness=tuple(row[1] for row in means),
            episode_length=tuple(row[2] for row in means),
        )

    def terms(self) -> tuple[TermStats, ...]:
        """Every term's mean per step in each tenth, its range, and its share in the last."""
        used = self._rows > 0
        means = {name: sums[used] / self._rows[used] for name, sums in self._sums.items()}
        weight = sum(abs(points[-1]) for points in means.values()) or 1.0
        return tuple(
            TermStats(
                name=name,
                points=tuple(float(value) for value in points),
                mean=float(self._sums[name].sum() / self._rows.sum()),
                minimum=self._extremes[name][0],
                maximum=self._extremes[name][1],
                share=float(abs(points[-1]) / weight),
            )
            for name, points in means.items()
        )

    def _point(self, timesteps: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tenths of training that these steps fall into."""
        return np.minimum(timesteps * POINTS // max(self._job.timesteps, 1), POINTS - 1)


def _rows(array: NDArray[np.float64]) -> list[tuple[float, float, int]]:
    """Return, fitness and length of the episodes in an array (k, 3)."""
    return [(float(row[0]), float(row[1]), int(row[2])) for row in array]
