"""The family tree of a run's candidates on a canvas: generations from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.records import Candidate, Record

_COLUMN, _ROW = 150.0, 38.0
_BOX_WIDTH, _BOX_HEIGHT = 112.0, 28.0
_MARGIN, _HEAD = 8.0, 22.0


class Node(Record):
    """One candidate as a box."""

    id: str
    x: float
    y: float
    failed: bool
    label: str
    """Fitness at selection, or why there is none."""
    best: bool


class Edge(Record):
    """From a parent to a child, as an SVG path."""

    parent: str
    child: str
    path: str


class Lineage(Record):
    """All candidates, the failed ones too."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    heads: tuple[tuple[float, str], ...]
    """Where the column of each generation begins, and its number."""
    width: float
    height: float
    box: tuple[float, float] = (_BOX_WIDTH, _BOX_HEIGHT)


def lineage(candidates: Sequence[Candidate], best: str) -> Lineage:
    """One column a generation, one row a candidate."""
    columns = {g: i for i, g in enumerate(sorted({c.generation for c in candidates}))}
    rows: dict[int, int] = dict.fromkeys(columns, 0)
    nodes: dict[str, Node] = {}
    for candidate in candidates:
        column, row = columns[candidate.generation], rows[candidate.generation]
        rows[candidate.generation] += 1
        nodes[candidate.id] = Node(
            id=candidate.id,
            x=_MARGIN + column * _COLUMN,
            y=_HEAD + _MARGIN + row * _ROW,
            failed=candidate.failure is not None,
            label=_label(candidate),
            best=candidate.id == best,
        )
    edges = [
        Edge(parent=parent, child=c.id, path=_path(nodes[parent], nodes[c.id]))
        for c in candidates
        for parent in c.parents
        if parent in nodes
    ]
    return Lineage(
        nodes=tuple(nodes.values()),
        edges=tuple(edges),
        heads=tuple((_MARGIN + i * _COLUMN, str(g)) for g, i in columns.items()),
        width=2 * _MARGIN + max(len(columns) - 1, 0) * _COLUMN + _BOX_WIDTH,
        height=_HEAD + 2 * _MARGIN + max(rows.values(), default=0) * _ROW,
    )


def _label(candidate: Candidate) -> str:
    if candidate.score:
        return f"{candidate.score.value:.3g}"
    return candidate.failure.cause if candidate.failure else str(candidate.stage)


def _path(parent: Node, child: Node) -> str:
    """A curve from the right side of the parent to the left side of the child."""
    x1, y1 = parent.x + _BOX_WIDTH, parent.y + _BOX_HEIGHT / 2
    x2, y2 = child.x, child.y + _BOX_HEIGHT / 2
    if child.x <= parent.x:  # of the same generation
        return f"M{x2:g},{y1:g} C{x2 - 14:g},{y1:g} {x2 - 14:g},{y2:g} {x2:g},{y2:g}"
    middle = (x1 + x2) / 2
    return f"M{x1:g},{y1:g} C{middle:g},{y1:g} {middle:g},{y2:g} {x2:g},{y2:g}"
