"""Votes counted one by one: who beat whom, circles, and how far raters agree."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rewardsmith.records import Record
from rewardsmith.votes import Vote

WEIGHT = {1: 0.5, 2: 1.0, 3: 1.5}
"""What a vote of each strength counts."""
_MARGIN = 2.0
"""By how many votes one must have beaten another to be called better, in the search for circles."""


class Agreement(Record):
    """How often two votes on the same pair of policies were the same; ties are left out."""

    same: int
    of: int
    low: float
    """Wilson's 95 % interval of same / of."""
    high: float


def beaten(vote: Vote) -> Iterator[tuple[str, str, float]]:
    """(better, worse, weight) of all that a vote says outright."""
    weight = WEIGHT[vote.strength]
    arms = [clip.arm for clip in vote.question.shown]
    if vote.choice in ("left", "right"):
        better, worse = arms if vote.choice == "left" else reversed(arms)
        yield better, worse, weight
    if vote.best is not None and vote.worst is not None:
        best, worst = arms[vote.best], arms[vote.worst]
        for arm in arms:
            if arm != best:
                yield best, arm, weight
            if arm not in (best, worst):
                yield arm, worst, weight


def cycle(votes: Iterable[Vote]) -> tuple[str, ...]:
    """The shortest circle of policies each of which clearly beat the next; () where there is none.

    Utilities cannot describe a circle: if there is one, raters may judge by different things.
    """
    margin: dict[tuple[str, str], float] = defaultdict(float)
    for vote in votes:
        for better, worse, weight in beaten(vote):
            margin[better, worse] += weight
            margin[worse, better] -= weight
    beats: dict[str, list[str]] = {}
    for (better, worse), by in sorted(margin.items()):
        if by >= _MARGIN:
            beats.setdefault(better, []).append(worse)
    circles = [found for start in sorted(beats) if (found := _way_back(start, beats))]
    return min(circles, key=len, default=())


def agreement(rater: str, votes: Sequence[Vote]) -> Agreement | None:
    """How far a rater agrees with the people among the others; None without a pair in common."""
    said = [pair for v in votes if v.rater == rater for pair in beaten(v)]
    people = [v for v in votes if v.source == "person" and v.rater != rater]
    known = Counter((better, worse) for v in people for better, worse, _ in beaten(v))
    same = sum(known[better, worse] for better, worse, _ in said)
    count = same + sum(known[worse, better] for better, worse, _ in said)
    if not count:
        return None
    z, p = 1.96, same / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5
    return Agreement(same=same, of=count, low=max(middle - half, 0.0), high=min(middle + half, 1.0))


def _way_back(start: str, beats: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest way from `start` to itself, by breadth first."""
    ways: deque[tuple[str, ...]] = deque([(start,)])
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        for worse in beats.get(way[-1], ()):
            if worse == start:
                return way
            if worse not in seen:
                seen.add(worse)
                ways.append((*way, worse))
    return ()
