"""A run as it goes on, and what came of it: a live screen, or JSON lines."""

from __future__ import annotations

import sys
from typing import Any, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from rewardsmith.cli import tables
from rewardsmith.cli.console import print_json
from rewardsmith.cli.words import describe_event
from rewardsmith.records import Event
from rewardsmith.report import Result, best_candidate, number, without_iterating
from rewardsmith.store import RunRecord, Store

_BAR = 16


class Display(Protocol):
    """Follows a run and shows what came of it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
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
        print_json(line | event.data)

    def finish(self, run: RunRecord, result: Result) -> None:
        """Print the last line."""
        print_json({"event": "done", **result.model_dump(mode="json")})


class Screen:
    """A terminal: lines for what happened, below them a live view of what is being trained."""

    def __init__(self, store: Store, *, quiet: bool) -> None:
        self._store, self._quiet = store, quiet
        self._console = Console()
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


def _bar(row: dict[str, Any]) -> Text:
    done = min(row["timesteps"] / max(row["of"], 1), 1.0)
    filled = int(done * _BAR)
    fitness = "" if row["fitness"] is None else f"fitness {number(row['fitness'])}"
    bar = "█" * filled + "░" * (_BAR - filled)
    return Text(f"  {row['training']:<22} {bar} {done:>4.0%} {row['wall_s']:>5.0f} s  {fitness}")
