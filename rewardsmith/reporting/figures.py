"""Charts as numbers on a canvas: what the page draws as SVG. No words of ours, no colours here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rewardsmith.records import Record

WIDTH, HEIGHT = 360.0, 230.0
"""Of a chart in its own units: about the width of a phone, so that text keeps its size there."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 18.0, 10.0, 36.0
_TICKS = 5


class Line(Record):
    """One series: y over x, with an interval where `low` and `high` are given."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    quiet: bool = False
    """Drawn behind the others, without a colour of its own."""


class Tick(Record):
    """A mark on an axis."""

    at: float
    text: str


class DrawnLine(Record):
    """A line on the canvas; points as SVG writes them."""

    name: str
    path: str
    band: str
    """The outline of the interval; "" without one."""
    ends: tuple[float, float]
    """Where it ends: its last point is marked."""
    style: int
    """Number of its colour; -1 for a quiet one."""


class Chart(Record):
    """Lines on a canvas of WIDTH x HEIGHT."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...]
    zero: float | None
    """Height of y = 0, where it lies inside."""
    box: tuple[float, float, float, float] = (_LEFT, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM)
    width: float = WIDTH
    height: float = HEIGHT


class _Axis:
    """From values to the canvas."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
        self.low, self.high, self._start, self._end = low, high, start, end

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self._start + part * (self._end - self._start), 2)

    def ticks(self) -> tuple[Tick, ...]:
        step = _round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        values = [number * step for number in range(first, last + 1)]
        return tuple(Tick(at=self(value), text=short(value)) for value in values)


def chart(title: str, lines: Sequence[Line], *, x_label: str, y_label: str) -> Chart | None:
    """The lines on a canvas; None where there is no finite point."""
    drawn = [line for line in map(_finite, lines) if line.x]
    if not drawn:
        return None
    heights = [value for line in drawn for value in (*line.y, *line.low, *line.high)]
    x = _Axis([value for line in drawn for value in line.x], _LEFT, WIDTH - _RIGHT)
    y = _Axis(heights, HEIGHT - _BOTTOM, _TOP)
    drawn.sort(key=lambda line: not line.quiet)
    styles = iter(range(len(drawn)))
    return Chart(
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        lines=tuple(_drawn(line, x, y, -1 if line.quiet else next(styles)) for line in drawn),
        zero=y(0.0) if y.low < 0.0 < y.high else None,
    )


def short(value: float) -> str:
    """A tick's number: 0.25, 40k, 1.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{round(value / size, 3):g}{letter}"
    return f"{round(value, 6) + 0.0:g}"


def _finite(line: Line) -> Line:
    rows = zip(line.x, line.y, strict=True)
    kept = [i for i, row in enumerate(rows) if all(map(math.isfinite, row))]
    cut = {
        name: tuple(series[i] for i in kept)
        for name in ("x", "y", "low", "high")
        if (series := getattr(line, name))
    }
    return line.model_copy(update=cut)


def _drawn(line: Line, x: _Axis, y: _Axis, style: int) -> DrawnLine:
    there = [x(value) for value in line.x]
    band = ""
    if line.low and line.high and line.low != line.high:
        above = [(a, y(b)) for a, b in zip(there, line.high, strict=True)]
        below = [(a, y(b)) for a, b in zip(there, line.low, strict=True)]
        band = _points([*above, *reversed(below)])
    points = [(a, y(b)) for a, b in zip(there, line.y, strict=True)]
    return DrawnLine(name=line.name, path=_points(points), band=band, ends=points[-1], style=style)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:g},{b:g}" for a, b in points)


def _round_step(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in (1, 2, 2.5, 5, 10) if nice * power >= step * 0.999)


class Whisker(Record):
    """One row of a chart of intervals."""

    name: str
    y: float
    low: float
    at: float
    high: float
    text: str


class Whiskers(Record):
    """Intervals below each other on one axis."""

    rows: tuple[Whisker, ...]
    ticks: tuple[Tick, ...]
    label: str
    width: float = WIDTH
    height: float


_NAME_WIDTH, _WHISKER_ROW = 76.0, 26.0


def whiskers(label: str, scores: Sequence[tuple[str, float, float, float]]) -> Whiskers | None:
    """Rows of name, value, low and high; None without any."""
    rows = [row for row in scores if all(map(math.isfinite, row[1:]))]
    if not rows:
        return None
    axis = _Axis([v for row in rows for v in row[1:]], _NAME_WIDTH + 8, WIDTH - 14)
    return Whiskers(
        rows=tuple(
            Whisker(
                name=name,
                y=14 + _WHISKER_ROW * number,
                low=axis(low),
                at=axis(value),
                high=axis(high),
                text=f"{short(value)} [{short(low)}, {short(high)}]",
            )
            for number, (name, value, low, high) in enumerate(rows)
        ),
        ticks=axis.ticks(),
        label=label,
        height=_WHISKER_ROW * len(rows) + 40,
    )
