"""What in a run deserves suspicion: said at its end, in its report, and none of it an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rewardsmith.distance import NEAR
from rewardsmith.observe import observe
from rewardsmith.records import Baseline, Candidate, Generation, Record, TaskSpec

Kind = Literal["parted", "lasting", "ending", "correlated", "collapse", "one-cause", "rediscovered"]

COLLAPSED = 0.1
"""Mean distance below which the rewards of a generation say the same; see distance.py."""
_CORRELATED_RULE = "correlated-terms"


class Alarm(Record):
    """One thing to look at, in a line."""

    kind: Kind
    candidate: str = ""
    """Whom it is about; "" where it is about a generation."""
    generation: int
    text: str


def alarms(
    task: TaskSpec,
    candidates: Sequence[Candidate],
    generations: Sequence[Generation],
    baselines: Sequence[Baseline],
    best: Candidate | None,
) -> tuple[Alarm, ...]:
    """All that a run gives cause for: of its generations first, then of its candidates.

    Args:
        best: the run's best so far.
    """
    found = [*_one_cause(candidates, generations), *_collapse(generations)]
    for candidate in candidates:
        found += _of_candidate(candidate, task)
    return (*found, *_rediscovered(best, baselines))


def _of_candidate(candidate: Candidate, task: TaskSpec) -> Iterator[Alarm]:
    for seen in observe(candidate, task):
        if seen.kind in ("parted", "lasting", "ending"):
            yield _alarm(seen.kind, candidate, seen.text)
    for finding in candidate.verdict.findings if candidate.verdict else ():
        if finding.rule == _CORRELATED_RULE:
            yield _alarm("correlated", candidate, finding.message)


def _one_cause(
    candidates: Sequence[Candidate], generations: Sequence[Generation]
) -> Iterator[Alarm]:
    """A generation of which nothing, or at the first attempt nothing, came through."""
    again = {generation.index for generation in generations if generation.attempts > 1}
    for index in sorted({candidate.generation for candidate in candidates}):
        here = [candidate for candidate in candidates if candidate.generation == index]
        failures = [candidate.failure for candidate in here if candidate.failure]
        causes = {(failure.stage, failure.cause) for failure in failures}
        all_failed = index in again or len(failures) == len(here)
        if not all_failed or len(failures) < 2 or len(causes) != 1:
            continue
        ((stage, cause),) = causes
        why = " ".join(failures[0].for_human.split())
        text = (
            f"all {len(failures)} failures of generation {index} have one cause, {cause} at "
            f"{stage}: {why}"
        )
        yield Alarm(kind="one-cause", generation=index, text=text)


def _collapse(generations: Sequence[Generation]) -> Iterator[Alarm]:
    for generation in generations:
        if generation.diversity is not None and generation.diversity < COLLAPSED:
            text = (
                f"the rewards of generation {generation.index} say the same: they lie "
                f"{generation.diversity:.2f} apart in the mean, where unrelated ones lie 0.71"
            )
            yield Alarm(kind="collapse", generation=generation.index, text=text)


def _rediscovered(best: Candidate | None, baselines: Sequence[Baseline]) -> Iterator[Alarm]:
    apart = {d.candidate: d.value for b in baselines for d in b.distances}
    if best is None or apart.get(best.id, 1.0) >= NEAR:
        return
    text = (
        f"rediscovered native: it lies {apart[best.id]:.2f} from the environment's own reward, "
        "where unrelated ones lie 0.71"
    )
    yield _alarm("rediscovered", best, text)


def _alarm(kind: Kind, candidate: Candidate, text: str) -> Alarm:
    return Alarm(kind=kind, candidate=candidate.id, generation=candidate.generation, text=text)
