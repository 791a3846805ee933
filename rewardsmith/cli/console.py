"""What people see: live progress, tables that fit 80 columns, or JSON lines."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rewardsmith.cli import tables
from rewardsmith.cli.words import describe_event
from rewardsmith.config import RunConfig
from rewardsmith.jail.service import holds
from rewardsmith.records import (
    Candidate,
    Episodes,
    Event,
    Record,
    Score,
    TaskSpec,
    Verdict,
)
from rewardsmith.report import Result, best_candidate, number, result, without_iterating
from rewardsmith.store import RunRecord, Store

if TYPE_CHECKING:
    from rewardsmith.doctor import Examined
    from rewardsmith.spending import Spending
    from rewardsmith.tasks import EnvDescription, EnvEntry

_BAR = 16


class Display(Protocol):
    """Follows a run and shows what came of it."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def observe(self, event: Event) -> None:
        """Something happened."""

    def finish(self, run: RunRecord, result: Result) -> None:
        """Show the outcome."""


def display(store: Store, *, json: bool, quiet: bool) -> Display:
    """The display that the flags ask for."""
    return JsonLines() if json else Screen(store, quiet=quiet)


class JsonLines:
    """One JSON object a line on stdout: launch first, done last."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def observe(self, event: Event) -> None:
        """Print the event."""
        line: dict[str, Any] = {"event": event.event}
        if event.candidate:
            line["candidate"] = event.candidate
        if event.message:
            line["message"] = event.message
        _print_json(line | event.data)

    def finish(self, run: RunRecord, result: Result) -> None:
        """Print the last line."""
        _print_json({"event": "done", **result.model_dump(mode="json")})


class Screen:
    """A terminal: lines for what happened, below them a live view of what is being trained."""

    def __init__(self, store: Store, *, quiet: bool) -> None:
        self._store, self._quiet = store, quiet
        self._console = _console()
        self._training: dict[str, dict[str, Any]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def observe(self, event: Event) -> None:
        """Show an event, or refresh the live view."""
        if self._quiet:
            return
        if event.event == "progress":
            self._training[str(event.data["training"])] = event.data
        else:
            self._training.pop(str(event.data.get("training")), None)
            for line in describe_event(event):
                self._console.print(line, soft_wrap=True, highlight=False, markup=False)
        if self._live:
            self._live.update(Group(*(_bar(row) for row in self._training.values())))

    def finish(self, run: RunRecord, result: Result) -> None:
        """Print the tables and the paths."""
        candidates = self._store.candidates(run.id)
        best = best_candidate(run, candidates)
        out = self._console
        if run.config.unsafe_no_jail:
            out.print(tables.NO_JAIL)
        out.print(tables.candidate_table(run, candidates, best))
        for line in tables.complaints(candidates, result.alarms):
            out.print(Text(line, "yellow"))
        baselines, rival = self._store.baselines(run.id), without_iterating(self._store, run)
        if best and any(candidate.final for candidate in candidates):
            out.print(tables.finals_table(run, candidates, best))
        if best and (best.report or baselines):
            out.print(tables.report_table(run, baselines, best, rival))
        for line in tables.footnotes(run, candidates, baselines, best, rival):
            out.print(Text(line, "dim"))
        for line in tables.alarm_lines(result.alarms, candidates):
            out.print(Text(line, "yellow"))
        if result.models:
            out.print(tables.yield_table("what the models brought", result.models))
            out.print(tables.yield_table("what the prompts brought", result.prompts))
        self._paths(result, by_model=run.config.model.proposer == "llm")

    def _paths(self, result: Result, *, by_model: bool) -> None:
        out = self._console
        rows = [("best reward", result.reward_file), ("its policy", result.policy_file)]
        for name, path in [*rows, ("the run", result.run_dir)]:
            if path:
                out.print(f"{name:<12} {path}", soft_wrap=True, highlight=False, markup=False)
        cost = "unknown" if result.cost_usd is None else f"{result.cost_usd:.4f} USD"
        paid = f", {result.possibly_paid} call(s) possibly paid" if result.possibly_paid else ""
        asked = f"model cost {cost}{paid}" if by_model else "no model was asked"
        out.print(f"{'took':<12} {result.wall_s:.0f} s; {asked}", highlight=False)


def show_plan(config: RunConfig, task: TaskSpec, proposer: str, forecast: Sequence[str]) -> None:
    """What a run would do, and what that would take."""
    search, tune = config.search, config.tune
    tuned = f", then {tune.generations} x {tune.samples} tuned by {tune.method}"
    unit = f" [{task.fitness.unit}]" if task.fitness.unit else ""
    out = _console()
    for name, text in (
        ("environment", task.env),
        ("fitness", f"{task.fitness.expression}{unit}; {task.fitness.why}"),
        ("proposer", proposer),
        ("strategy", search.strategy + (tuned if tune.method else "")),
        ("candidates", f"{search.iterations} generations x {search.samples}"),
        ("a training", f"{config.train.steps_of(task):,} steps"),
        *(("forecast", line) for line in forecast),
    ):
        out.print(f"{name:<12} {text}", soft_wrap=True, highlight=False, markup=False)


def show_spending(found: Spending, *, json: bool) -> None:
    """What the calls of a run cost and brought."""
    if json:
        _print_json(found.model_dump(mode="json"))
        return
    out = _console()
    out.print(tables.yield_table("by model", found.models))
    out.print(tables.yield_table("by prompt", found.prompts))
    for line in tables.spent_lines(found):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


def show_verdict(verdict: Verdict, *, json: bool) -> None:
    """The critic's findings."""
    if json:
        _print_json(
            {
                "ok": verdict.ok,
                "findings": [finding.model_dump() for finding in verdict.findings],
                "layers": [layer.model_dump() for layer in verdict.layers],
            }
        )
        return
    out = _console()
    for finding in verdict.findings:
        where = f"line {finding.line}: " if finding.line else ""
        style = "red" if finding.severity == "error" else "yellow"
        out.print(Text(f"{finding.severity}: {where}{finding.message} [{finding.rule}]", style))
    out.print("[green]accepted[/]" if verdict.ok else "[red]refused[/]")
    if verdict.reward:
        out.print(f"terms: {', '.join(verdict.reward.terms)}", highlight=False, markup=False)
    missing = [layer.name for layer in verdict.layers if not layer.active]
    if not holds(verdict.layers):
        out.print(Text(f"the jail did NOT hold: {', '.join(missing)}", "bold red"))
    layers = [layer.name for layer in verdict.layers if layer.active]
    out.print(f"checked in: {', '.join(layers)}", highlight=False, markup=False)


def show_episodes(run: RunRecord, found: Candidate, episodes: Episodes, *, json: bool) -> None:
    """The episodes of one policy."""
    if json:
        jailed = not run.config.unsafe_no_jail
        found_in = {"run": run.id, "candidate": found.id, "jailed": jailed}
        _print_json({**found_in, **episodes.model_dump()})
        return
    if run.config.unsafe_no_jail:
        _console().print(tables.NO_JAIL)
    table = Table(title=Text(f"{found.id} of {run.id}"))
    unit = run.task.fitness.unit
    for column in ("seed", f"fitness, {unit}" if unit else "fitness", "native", "steps", "ended"):
        table.add_column(column, justify="right")
    for row in zip(
        episodes.seeds,
        episodes.fitness,
        episodes.native_return,
        episodes.length,
        episodes.terminated,
        strict=True,
    ):
        seed, fitness, native, length, terminated = row
        ended = "terminated" if terminated else "time limit"
        table.add_row(str(seed), number(fitness), number(native), str(length), ended)
    _console().print(table)


def show_runs(store: Store, *, json: bool) -> None:
    """All runs."""
    if json:
        for run in store.runs():
            _print_json(result(store, run).model_dump(mode="json"))
        return
    table = Table()
    for column in ("run", "task", "status", "best"):
        table.add_column(column, overflow="fold")
    for run in store.runs():
        best = result(store, run).best
        words = Text(f"{best.candidate} {number(best.fitness)}" if best else "")
        if run.config.unsafe_no_jail:
            words.append(" WITHOUT the jail", "bold red")
        table.add_row(run.id, Text(run.task.sentence), str(run.status), words)
    _console().print(table)


def show_envs(entries: Sequence[EnvEntry], *, json: bool) -> None:
    """Environments."""
    if json:
        _print_records(entries)
        return
    out = _console()
    table = Table("environment", "what", "tasks")
    for entry in entries:
        if entry.folder:
            table.add_row(entry.id, entry.title, ", ".join(entry.tasks))
    out.print(table)
    others = [entry.id for entry in entries if not entry.folder]
    out.print("Also, with variables discovered and --fitness given:")
    out.print(", ".join(others), highlight=False)


def show_env(known: EnvDescription, *, json: bool) -> None:
    """One environment."""
    if json:
        _print_json(known.model_dump(mode="json"))
        return
    out = _console()
    out.print(Text(f"{known.env}: {known.title}", "bold"))
    table = Table("variable", "kind", "shape", "unit", "meaning")
    for variable in known.variables:
        shape = "x".join(str(size) for size in variable.shape) or "scalar"
        table.add_row(variable.name, variable.kind, shape, variable.unit, variable.meaning)
    out.print(table)
    out.print(Text(f"episodes: {known.episode_end}"))
    if known.tasks:
        tasks = Table("task", "sentence", "fitness", "unit")
        tasks.columns[2].overflow = "fold"  # a formula that is cut can not be used
        for task in known.tasks:
            tasks.add_row(task.name, task.sentence, Text(task.fitness), task.unit)
        out.print(tasks)


def show_doctor(findings: Sequence[Examined], *, json: bool) -> None:
    """What doctor found."""
    if json:
        _print_records(findings)
        return
    out = _console()
    for finding in findings:
        mark = Text("ok  " if finding.ok else "no  ", "green" if finding.ok else "yellow")
        if finding.needed and not finding.ok:
            mark = Text("NO  ", "bold red")
        out.print(mark + Text(f"{finding.name:<22} {finding.detail}"), soft_wrap=True)


def _bar(row: dict[str, Any]) -> Text:
    done = min(row["timesteps"] / max(row["of"], 1), 1.0)
    filled = int(done * _BAR)
    fitness = "" if row["fitness"] is None else f"fitness {number(row['fitness'])}"
    bar = "█" * filled + "░" * (_BAR - filled)
    return Text(f"  {row['training']:<22} {bar} {done:>4.0%} {row['wall_s']:>5.0f} s  {fitness}")


def _console() -> Console:
    return Console()


def _print_json(data: dict[str, Any]) -> None:
    sys.stdout.write(jsonlib.dumps(data, default=_plain) + "\n")
    sys.stdout.flush()


def _print_records(records: Sequence[Record]) -> None:
    for record in records:
        _print_json(record.model_dump(mode="json"))


def _plain(value: object) -> object:
    if isinstance(value, Score):
        return value.model_dump()
    return str(value)
