"""What a sweep shows: a line for each run, then one table and one page."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rewardsmith.cli.tables import NO_JAIL
from rewardsmith.cli.words import describe_event
from rewardsmith.forecast import Forecast
from rewardsmith.records import Event
from rewardsmith.report import number, result
from rewardsmith.reporting import writing
from rewardsmith.reporting.compare import CaseRow, Comparison, Entry, MethodRow, compare
from rewardsmith.reporting.gather import gather
from rewardsmith.reporting.statistics import Interval
from rewardsmith.store import Store
from rewardsmith.sweep import Cell, Outcome, by_cell

_TOLD = ("generation", "all-failed")


class Shown:
    """Follows a sweep. With `json`, JSON lines on stdout and nothing else."""

    def __init__(self, store: Store, planned: Sequence[Cell], *, json: bool, quiet: bool) -> None:
        self._store, self._planned = store, planned
        self._json, self._quiet = json, quiet
        self._console = Console()
        self._errors: dict[str, str] = {}
        self._done = 0

    @property
    def failed(self) -> bool:
        """Whether a run did not come to its end."""
        return bool(self._errors)

    def observe(self, event: Event) -> None:
        """Something happened inside a run."""
        if self._json or self._quiet:
            return
        lines = describe_event(event) if event.event in _TOLD else []
        if event.event == "launch":
            lines = [f"run: {event.data['run_dir']}"]
        for line in lines:
            self._print(f"  {line}")

    def tell(self, outcome: Outcome) -> None:
        """A run has ended."""
        self._done += 1
        if outcome.error:
            self._errors[outcome.cell.key] = outcome.error
        if self._json:
            cell = outcome.cell
            told = {"case": cell.case, "method": cell.method, "seed": cell.config.seed}
            self._line({"event": "run", **told, "run": outcome.run, "error": outcome.error})
        elif not self._quiet:
            where = f"[{self._done}/{len(self._planned)}] {_name(outcome.cell)}"
            self._print(f"{where}: {self._words(outcome)}")

    def finish(self, html: Path, csv: Path | None) -> None:
        """The table and the page of all that is there, also where the sweep was stopped."""
        runs = by_cell(self._store)
        entries = [
            Entry(
                case=cell.case,
                method=cell.method,
                report=gather(self._store, runs[cell.key]) if cell.key in runs else None,
                error=self._errors.get(cell.key, ""),
            )
            for cell in self._planned
        ]
        compared = compare(entries)
        reports = [entry.report for entry in entries if entry.report]
        files = list(writing.write(reports, html=html, csv=csv, comparison=compared))
        if self._json:
            self._line({"event": "done", "page": str(html), **compared.model_dump(mode="json")})
            return
        if not all(report.result.jailed for report in reports):
            self._console.print(NO_JAIL)
        for table in _tables(compared):
            self._console.print(table)
        for row in compared.cases:
            for error in row.errors:
                self._print(f"failed: {row.case}{', ' + row.method if row.method else ''}: {error}")
        for path in files:
            self._print(f"wrote {path}")

    def _words(self, outcome: Outcome) -> str:
        if outcome.error or not outcome.run:
            return f"failed: {outcome.error}"
        found = result(self._store, self._store.run(outcome.run))
        best = found.best
        if best is None:
            return "nothing came of it"
        interval = f"[{number(best.fitness_low)}, {number(best.fitness_high)}]"
        words = f"{best.candidate} {number(best.fitness)} {interval} in {found.wall_s:.0f} s"
        return words if best.held_out else f"{words}, at selection: it has no held-out score"

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def _line(self, data: dict[str, object]) -> None:
        sys.stdout.write(jsonlib.dumps(data) + "\n")
        sys.stdout.flush()


def show_forecasts(found: Sequence[tuple[Cell, Forecast]], planned: int, *, json: bool) -> None:
    """What the runs that have not ended will take, each and in all."""
    steps = sum(made.steps for _, made in found)
    wall_s = sum(made.wall_s for _, made in found)
    likely = [made.cost_usd_likely for _, made in found]
    known = [cost for cost in likely if cost is not None]
    cost = f"about {sum(known):.2f} USD" if len(known) == len(likely) else "cost unknown"
    if not any(made.calls_likely for _, made in found):
        cost = "no calls to a model"
    if json:
        for cell, made in found:
            told = {"case": cell.case, "method": cell.method, "seed": cell.config.seed}
            sys.stdout.write(
                jsonlib.dumps({"event": "forecast", **told, **made.model_dump()}) + "\n"
            )
        return
    out = Console()
    for cell, made in found:
        line = (
            f"{_name(cell)}: {made.trainings} trainings, {made.steps:,} steps, {made.wall_s:.0f} s"
        )
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    done = planned - len(found)
    total = (
        f"{planned} runs, {done} of them done; {steps:,} steps, about {wall_s / 3600:.2g} h, {cost}"
    )
    out.print(total, soft_wrap=True, highlight=False, markup=False)


def _name(cell: Cell) -> str:
    return ", ".join(filter(None, [cell.case, cell.method, f"seed {cell.config.seed}"]))


def _tables(compared: Comparison) -> list[Table]:
    cases = Table(title=Text("the best of each run, on held-out seeds"))
    cases.add_column("case", overflow="fold")
    for column in ("runs", "fitness [95 %]", "normalised", "USD"):
        cases.add_column(column, justify="right", no_wrap=True)
    for row in compared.cases:
        name = f"{row.case}; {row.method}" if row.method else row.case
        runs = f"{row.runs}/{row.planned}{' few' if row.too_few else ''}"
        cases.add_row(name, runs, _interval(row.fitness), _interval(row.normalised), _usd(row))
    if len(compared.methods) < 2:
        return [cases]
    methods = Table(title=Text(f"over all cases; p: better than {compared.methods[0].method}"))
    methods.add_column("method", overflow="fold")
    for column in ("runs", "IQM normalised", "p", "USD"):
        methods.add_column(column, justify="right", no_wrap=True)
    for entry in compared.methods:
        runs = f"{entry.runs}/{entry.planned}"
        values = (_interval(entry.normalised), _interval(entry.improvement), _usd(entry))
        methods.add_row(entry.method, runs, *values)
    return [cases, methods]


def _interval(found: Interval | None) -> str:
    if found is None:
        return "-"
    # One run is no interval.
    around = "" if found.low == found.high else f" [{number(found.low)}, {number(found.high)}]"
    return f"{number(found.value)}{around}"


def _usd(row: CaseRow | MethodRow) -> str:
    return f"{row.known_cost_usd:.2f}" if row.cost_known else f"over {row.known_cost_usd:.2f}"
