"""Curves as data for static/app.js, which draws them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from rewardsmith.records import Baseline, Candidate, Fitness, Record, Training
from rewardsmith.selection import better

Values = tuple[float | None, ...]


class Series(Record):
    """One curve."""

    label: str
    values: Values
    kind: Literal["line", "points", "steps", "level"] = "line"


class Chart(Record):
    """Curves over a common axis."""

    title: str
    """Also what a screen reader is told."""
    x_label: str
    y_label: str = ""
    x: tuple[float, ...]
    series: tuple[Series, ...]


def search(
    candidates: Sequence[Candidate], baselines: Iterable[Baseline], fitness: Fitness
) -> Chart | None:
    """Fitness on the selection seeds, candidate by candidate, and the best so far."""
    if not any(candidate.score for candidate in candidates):
        return None
    values = tuple(c.score.value if c.score else None for c in candidates)
    levels = [
        Series(label=b.name, values=(b.report.value,) * len(values), kind="level")
        for b in baselines
        if b.report
    ]
    return Chart(
        title="fitness of each candidate, and the best so far",
        x_label="number",
        y_label=fitness.unit,
        x=tuple(float(number) for number in range(1, len(values) + 1)),
        series=(
            Series(label="candidate", values=values, kind="points"),
            Series(label="best so far", values=best_so_far(values, fitness), kind="steps"),
            *levels,
        ),
    )


def best_so_far(values: Sequence[float | None], fitness: Fitness) -> Values:
    """The best of the values up to each; None before the first."""
    best: float | None = None
    found: list[float | None] = []
    for value in values:
        if value is not None and (best is None or better(fitness, value, best)):
            best = value
        found.append(best)
    return tuple(found)


def of_runs(arms: Mapping[str, Sequence[Candidate]], fitness: Fitness) -> Chart:
    """The best so far of several runs, by candidates made."""
    longest = max((len(candidates) for candidates in arms.values()), default=0)
    series = []
    for name, candidates in arms.items():
        values = best_so_far([c.score.value if c.score else None for c in candidates], fitness)
        padded = values + (None,) * (longest - len(values))
        series.append(Series(label=name, values=padded, kind="steps"))
    return Chart(
        title="best fitness so far, by candidates made",
        x_label="number",
        y_label=fitness.unit,
        x=tuple(float(number) for number in range(1, longest + 1)),
        series=tuple(series),
    )


def training(trainings: Sequence[Training], fitness: Fitness) -> tuple[Chart, ...]:
    """The curves of a candidate: fitness, return and length of every training, its terms of one."""
    curved = [t for t in trainings if t.curve and t.curve.timesteps]
    if not curved:
        return ()
    found = [
        _over_trainings(curved, title, name, unit)
        for title, name, unit in (
            ("fitness while training", "fitness", fitness.unit),
            ("return of the reward", "reward_return", ""),
            ("episode length", "episode_length", "steps"),
        )
    ]
    first = next((t for t in curved if t.terms), None)
    if first and first.curve:
        x = first.curve.timesteps
        found.insert(
            1,
            Chart(
                title=f"reward terms, mean per step ({_short(first)})",
                x_label="steps",
                x=tuple(map(float, x)),
                series=tuple(
                    Series(label=term.name, values=_padded(term.points, len(x)))
                    for term in first.terms
                ),
            ),
        )
    return tuple(chart for chart in found if _says_something(chart))


def _says_something(chart: Chart) -> bool:
    return any(value is not None for one in chart.series for value in one.values)


def _over_trainings(trainings: Sequence[Training], title: str, name: str, unit: str) -> Chart:
    steps = sorted({step for t in trainings if t.curve for step in t.curve.timesteps})
    series = []
    for one in trainings:
        if one.curve:
            known = dict(zip(one.curve.timesteps, getattr(one.curve, name), strict=True))
            series.append(Series(label=_short(one), values=tuple(known.get(s) for s in steps)))
    return Chart(
        title=title,
        x_label="steps",
        y_label=unit,
        x=tuple(map(float, steps)),
        series=tuple(series),
    )


def _short(training: Training) -> str:
    return training.id.rpartition("/")[2]


def _padded(values: Sequence[float], length: int) -> Values:
    return tuple(values[:length]) + (None,) * (length - len(values))
