"""Who descends from whom, laid out: a column for each generation, a box for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rewardsmith.records import Candidate, Record
from rewardsmith.store import RunRecord

_COLUMN, _ROW, _BOX_W, _BOX_H, _MARGIN = 176, 54, 124, 40, 14


class Box(Record):
    """A candidate in the picture."""

    candidate: Candidate
    state: Literal["best", "finalist", "failed", "kept", "left", "open"]
    """`left`: scored, and no later candidate descends from it. `open`: not scored yet."""
    fitness: float | None
    x: int
    y: int


class Edge(Record):
    """From a parent to a child, as the path of an SVG."""

    parent: str
    child: str
    path: str


class Lineage(Record):
    """The picture."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int
    box_width: int = _BOX_W
    box_height: int = _BOX_H


def lineage(run: RunRecord, candidates: Sequence[Candidate], best: str) -> Lineage:
    """Lay out every candidate, also those that failed or were left behind."""
    parents = {parent for candidate in candidates for parent in candidate.parents}
    newest = max((candidate.generation for candidate in candidates), default=0)
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for candidate in candidates:
        row = rows.get(candidate.generation, 0)
        rows[candidate.generation] = row + 1
        boxes[candidate.id] = Box(
            candidate=candidate,
            state=_state(candidate, run, best, parents, newest),
            fitness=candidate.measured.value if candidate.measured else None,
            x=_MARGIN + (candidate.generation - 1) * _COLUMN,
            y=_MARGIN + row * _ROW,
        )
    edges = [
        Edge(parent=parent, child=box.candidate.id, path=_path(boxes[parent], box))
        for box in boxes.values()
        for parent in box.candidate.parents
        if parent in boxes
    ]
    return Lineage(
        boxes=tuple(boxes.values()),
        edges=tuple(edges),
        width=2 * _MARGIN + max(newest - 1, 0) * _COLUMN + _BOX_W,
        height=2 * _MARGIN + (max(rows.values(), default=1) - 1) * _ROW + _BOX_H,
    )


def _state(
    candidate: Candidate, run: RunRecord, best: str, parents: set[str], newest: int
) -> Literal["best", "finalist", "failed", "kept", "left", "open"]:
    if candidate.failure and not candidate.score:
        return "failed"
    if candidate.id == best:
        return "best"
    if candidate.id in run.finalists:
        return "finalist"
    if not candidate.score:
        return "open"
    left = candidate.generation < newest and candidate.id not in parents
    return "left" if left else "kept"


def _path(parent: Box, child: Box) -> str:
    """A curve from the right side of one to the left of the other; bent back within a column."""
    x1, y1 = parent.x + _BOX_W, parent.y + _BOX_H // 2
    x2, y2 = child.x, child.y + _BOX_H // 2
    middle = (x1 + x2) // 2 if x2 > x1 else x1 + 24
    return f"M{x1} {y1} C{middle} {y1} {middle if x2 > x1 else x2 - 24} {y2} {x2} {y2}"
