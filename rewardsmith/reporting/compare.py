"""What a set of runs says about the methods behind them: by case, and over all cases."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.records import Record
from rewardsmith.reporting.gather import RunReport
from rewardsmith.reporting.statistics import Interval, probability_of_improvement, stratified_iqm
from rewardsmith.selection import ENOUGH_SEEDS, interval


class Entry(Record):
    """One run that was planned."""

    case: str
    """What was to be learnt."""
    method: str
    """The settings that are compared, in words; "" where nothing is."""
    report: RunReport | None
    """None where the run could not begin."""
    error: str = ""
    """Why it did not come to its end."""


class CaseRow(Record):
    """One method on one case."""

    case: str
    method: str
    runs: int
    """That came to their end with a report."""
    planned: int
    fitness: Interval | None
    """Of the best rewards on held-out seeds, over the runs."""
    too_few: bool
    """Whether the interval is over fewer runs than make one sure."""
    normalised: Interval | None
    """Interquartile mean of the human-normalised scores."""
    known_cost_usd: float
    cost_known: bool
    wall_s: float
    errors: tuple[str, ...]


class MethodRow(Record):
    """One method over all cases."""

    method: str
    runs: int
    planned: int
    normalised: Interval | None
    """Interquartile mean of the human-normalised scores of all runs."""
    improvement: Interval | None
    """Probability that its run is better than one of the first method; None for the first."""
    known_cost_usd: float
    cost_known: bool
    wall_s: float


class Comparison(Record):
    """All of it."""

    cases: tuple[CaseRow, ...]
    methods: tuple[MethodRow, ...]


def compare(entries: Sequence[Entry]) -> Comparison:
    """The rows, in the order in which methods and cases first appear."""
    cases = list(dict.fromkeys(entry.case for entry in entries))
    methods = list(dict.fromkeys(entry.method for entry in entries))
    return Comparison(
        cases=tuple(
            _case_row(case, method, chosen)
            for case in cases
            for method in methods
            if (chosen := [e for e in entries if (e.case, e.method) == (case, method)])
        ),
        methods=tuple(_method_row(method, methods[0], cases, entries) for method in methods),
    )


def _case_row(case: str, method: str, entries: Sequence[Entry]) -> CaseRow:
    values = _fitness(entries)
    found = interval(values) if values else None
    return CaseRow(
        case=case,
        method=method,
        runs=len(values),
        planned=len(entries),
        fitness=Interval(value=found[0], low=found[1], high=found[2]) if found else None,
        too_few=len(values) < ENOUGH_SEEDS,
        normalised=stratified_iqm([_normalised(entries)]),
        errors=tuple(dict.fromkeys(error for entry in entries if (error := _error(entry)))),
        **_spent(entries),
    )


def _method_row(
    method: str, first: str, cases: Sequence[str], entries: Sequence[Entry]
) -> MethodRow:
    own = [entry for entry in entries if entry.method == method]
    by_case = [[e for e in own if e.case == case] for case in cases]
    others = [[e for e in entries if (e.method, e.case) == (first, case)] for case in cases]
    pairs = [(_good(a), _good(b)) for a, b in zip(by_case, others, strict=True)]
    return MethodRow(
        method=method,
        runs=sum(len(_fitness(group)) for group in by_case),
        planned=len(own),
        normalised=stratified_iqm([_normalised(group) for group in by_case]),
        improvement=probability_of_improvement(pairs) if method != first else None,
        **_spent(own),
    )


def _error(entry: Entry) -> str:
    """Why a run does not count; "" where it does, or is still to come."""
    best = entry.report.best if entry.report else None
    if entry.error or best is None or best.report:
        return entry.error
    lost = next((t.failure.for_human for t in best.trainings if t.failure), "")
    return f"{best.id} has no held-out score: {lost}" if lost else ""


def _fitness(entries: Sequence[Entry]) -> list[float]:
    """The held-out fitness of each run's best."""
    best = [entry.report.best for entry in entries if entry.report]
    return [candidate.report.value for candidate in best if candidate and candidate.report]


def _good(entries: Sequence[Entry]) -> list[float]:
    """The same, larger for the better."""
    tasks = [entry.report.run.task for entry in entries if entry.report]
    less = bool(tasks) and tasks[0].fitness.direction == "minimize"
    return [-value if less else value for value in _fitness(entries)]


def _normalised(entries: Sequence[Entry]) -> list[float]:
    found = [entry.report.normalised for entry in entries if entry.report]
    return [score.value for score in found if score]


def _spent(entries: Sequence[Entry]) -> dict[str, float]:
    results = [entry.report.result for entry in entries if entry.report]
    totals = [entry.report.spending.total for entry in entries if entry.report]
    return {
        "known_cost_usd": sum(total.known_cost_usd for total in totals),
        "cost_known": all(result.cost_usd is not None for result in results),
        "wall_s": sum(result.wall_s for result in results),
    }
