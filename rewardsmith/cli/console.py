"""What commands show: tables that fit 80 columns, or JSON lines."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rewardsmith.cli import tables
from rewardsmith.config import RunConfig
from rewardsmith.jail.service import holds
from rewardsmith.records import Candidate, Episodes, Examined, Record, Score, TaskSpec, Verdict
from rewardsmith.report import number, result
from rewardsmith.store import RunRecord, Store

if TYPE_CHECKING:
    from rewardsmith.spending import Spending
    from rewardsmith.tasks import EnvDescription, EnvEntry


def show_plan(config: RunConfig, task: TaskSpec, proposer: str, forecast: Sequence[str]) -> None:
    """What a run would do, and what that would take."""
    search, tune = config.search, config.tune
    tuned = f", then {tune.generations} x {tune.samples} tuned by {tune.method}"
    unit = f" [{task.fitness.unit}]" if task.fitness.unit else ""
    out = Console()
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
        print_json(found.model_dump(mode="json"))
        return
    out = Console()
    out.print(tables.yield_table("by model", found.models))
    out.print(tables.yield_table("by prompt", found.prompts))
    for line in tables.spent_lines(found):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


def show_verdict(verdict: Verdict, *, json: bool) -> None:
    """The critic's findings."""
    if json:
        print_json(
            {
                "ok": verdict.ok,
                "findings": [finding.model_dump() for finding in verdict.findings],
                "layers": [layer.model_dump() for layer in verdict.layers],
            }
        )
        return
    out = Console()
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
        print_json({**found_in, **episodes.model_dump()})
        return
    if run.config.unsafe_no_jail:
        Console().print(tables.NO_JAIL)
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
    Console().print(table)


def show_runs(store: Store, *, json: bool) -> None:
    """All runs."""
    if json:
        for run in store.runs():
            print_json(result(store, run).model_dump(mode="json"))
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
    Console().print(table)


def show_envs(entries: Sequence[EnvEntry], *, json: bool) -> None:
    """Environments."""
    if json:
        _print_records(entries)
        return
    out = Console()
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
        print_json(known.model_dump(mode="json"))
        return
    out = Console()
    out.print(Text(f"{known.env}: {known.title}", "bold"))
    table = Table("variable", "kind", "shape", "unit", "meaning")
    for variable in known.variables:
        shape = "x".join(str(size) for size in variable.shape) or "scalar"
        table.add_row(variable.name, variable.kind, shape, variable.unit, variable.meaning)
    out.print(table)
    out.print(Text(f"episodes: {known.episode_end}"))
    if known.tasks:
        tasks = Table("task", "sentence", "fitness", "unit")
        tasks.columns[2].overflow = "fold"  # a formula that is cut cannot be used
        for task in known.tasks:
            tasks.add_row(task.name, task.sentence, Text(task.fitness), task.unit)
        out.print(tasks)


def show_doctor(findings: Sequence[Examined], *, json: bool) -> None:
    """What doctor found."""
    if json:
        _print_records(findings)
        return
    out = Console()
    for finding in findings:
        mark = Text("ok  " if finding.ok else "no  ", "green" if finding.ok else "yellow")
        if finding.needed and not finding.ok:
            mark = Text("NO  ", "bold red")
        out.print(mark + Text(f"{finding.name:<22} {finding.detail}"), soft_wrap=True)


def print_json(data: dict[str, Any]) -> None:
    """One line, seen at once."""
    sys.stdout.write(jsonlib.dumps(data, default=_plain) + "\n")
    sys.stdout.flush()


def _print_records(records: Sequence[Record]) -> None:
    for record in records:
        print_json(record.model_dump(mode="json"))


def _plain(value: object) -> object:
    if isinstance(value, Score):
        return value.model_dump()
    return str(value)
