"""The family tree of a run's candidates on a canvas: generations from left to right."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Literal

from rewardsmith.records import Candidate, Record
from rewardsmith.report import number

_COLUMN, _ROW = 176, 54
_BOX_WIDTH, _BOX_HEIGHT = 124, 40
_MARGIN, _HEAD = 8, 22

State = Literal["best", "finalist", "failed", "kept", "left", "open"]
"""`left`: scored, and no later candidate descends from it. `open`: not scored yet."""


class Node(Record):
    """One candidate as a box."""

    candidate: Candidate
    state: State
    x: int
    y: int

    @property
    def label(self) -> str:
        """Its fitness at selection, which all have from the same seeds; or why there is none."""
        if self.candidate.score:
            return number(self.candidate.score.value)
        failure = self.candidate.failure
        return failure.cause if failure else str(self.candidate.stage)


class Edge(Record):
    """From a parent to a child, as an SVG path."""

    parent: str
    child: str
    path: str


class Head(Record):
    """Where the column of a generation begins."""

    generation: int
    x: int


class Lineage(Record):
    """All candidates, the failed ones too."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    heads: tuple[Head, ...]
    width: int
    height: int
    box_width: int = _BOX_WIDTH
    box_height: int = _BOX_HEIGHT


def lineage(candidates: Sequence[Candidate], best: str, finalists: Container[str] = ()) -> Lineage:
    """One column a generation, one row a candidate; `best` and `finalists` are ids."""
    columns = {g: i for i, g in enumerate(sorted({c.generation for c in candidates}))}
    rows = dict.fromkeys(columns, 0)
    parents = {parent for candidate in candidates for parent in candidate.parents}
    nodes: dict[str, Node] = {}
    for candidate in candidates:
        newest = columns[candidate.generation] == len(columns) - 1
        heir = newest or candidate.id in parents
        nodes[candidate.id] = Node(
            candidate=candidate,
            state=_state(candidate, best, finalists, heir=heir),
            x=_MARGIN + columns[candidate.generation] * _COLUMN,
            y=_HEAD + _MARGIN + rows[candidate.generation] * _ROW,
        )
        rows[candidate.generation] += 1
    edges = [
        Edge(parent=parent, child=c.id, path=_path(nodes[parent], nodes[c.id]))
        for c in candidates
        for parent in c.parents
        if parent in nodes
    ]
    return Lineage(
        nodes=tuple(nodes.values()),
        edges=tuple(edges),
        heads=tuple(Head(generation=g, x=_MARGIN + i * _COLUMN) for g, i in columns.items()),
        width=2 * _MARGIN + max(len(columns) - 1, 0) * _COLUMN + _BOX_WIDTH,
        height=_HEAD + 2 * _MARGIN + max(rows.values(), default=0) * _ROW,
    )


def _state(candidate: Candidate, best: str, finalists: Container[str], *, heir: bool) -> State:
    """`heir`: whether it may still be, or was, made something of."""
    if not candidate.score:
        return "failed" if candidate.failure else "open"
    if candidate.id == best:
        return "best"
    if candidate.id in finalists:
        return "finalist"
    return "kept" if heir else "left"


def _path(parent: Node, child: Node) -> str:
    """A curve from the right side of the parent to the left side of the child."""
    x1, y1 = parent.x + _BOX_WIDTH, parent.y + _BOX_HEIGHT // 2
    x2, y2 = child.x, child.y + _BOX_HEIGHT // 2
    if child.x <= parent.x:  # of the same generation
        return f"M{x2} {y1} C{x2 - 14} {y1} {x2 - 14} {y2} {x2} {y2}"
    middle = (x1 + x2) // 2
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"
