"""One self-contained page of one or several runs; no address beyond it, no script.

Most of its text was written by a model: everything is escaped, and the page forbids itself scripts
and requests.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import jinja2

from rewardsmith.llm.secrets import redactor
from rewardsmith.observe import typical_training
from rewardsmith.records import Candidate, Record, TermStats, Training
from rewardsmith.report import number
from rewardsmith.reporting import figures
from rewardsmith.reporting.compare import Comparison
from rewardsmith.reporting.figures import Chart, Line, Whiskers
from rewardsmith.reporting.gather import BAND_SEEDS, LearningCurve, RunReport, goal
from rewardsmith.reporting.lineage import Lineage, lineage
from rewardsmith.settings import to_toml

_MOST_TERMS = 8


class DiffLine(Record):
    """One line of a difference between two rewards."""

    kind: str
    """"add", "del", "same" or "where"."""
    text: str


class CandidateView(Record):
    """One candidate with what is drawn of it."""

    candidate: Candidate
    charts: tuple[Chart, ...]
    parent: str
    """The id of the first parent, with which the difference is."""
    diff: tuple[DiffLine, ...]
    typical: Training | None


class RunView(Record):
    """One run with what is drawn of it."""

    report: RunReport
    arms: Whiskers | None
    held_out: Chart | None
    selection: Chart | None
    family: Lineage
    candidates: tuple[CandidateView, ...]
    settings: str


def render(
    reports: Sequence[RunReport], *, title: str, comparison: Comparison | None = None
) -> str:
    """The page, without what the environment of this process holds as a secret.

    Args:
        comparison: of the methods behind the runs; then these are told without their candidates,
            which would be too many.
    """
    views = [_view(report, details=comparison is None) for report in reports]
    template = _environment().get_template("page.html.jinja2")
    return redactor(os.environ)(template.render(runs=views, title=title, comparison=comparison))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters.update(num=number, goal=goal)
    return environment


def _view(report: RunReport, *, details: bool) -> RunView:
    task, best = report.run.task, report.best
    label = f"{task.fitness.name}, {task.fitness.unit}" if task.fitness.unit else task.fitness.name
    scores = [
        (arm.name, arm.report.value, arm.report.low, arm.report.high)
        for arm in report.arms
        if arm.report
    ]
    chosen = set(report.run.finalists) or ({best.id} if best else set())
    selected = [curve for curve in report.curves if curve.purpose == "selection"]
    held_out = [curve for curve in report.curves if curve.purpose == "report"]
    by_id = {candidate.id: candidate for candidate in report.candidates}
    return RunView(
        report=report,
        arms=figures.whiskers(label, scores),
        held_out=_learning(
            f"{label}: on held-out seeds", held_out, label, {c.name for c in held_out}
        ),
        selection=_learning(f"{label}: at selection", selected, label, chosen),
        family=lineage(report.candidates, best.id if best else ""),
        candidates=tuple(_candidate(c, by_id, report) for c in report.candidates)
        if details
        else (),
        settings=to_toml(report.run.config),
    )


def _learning(
    title: str, curves: Sequence[LearningCurve], label: str, coloured: set[str]
) -> Chart | None:
    lines = [
        Line(
            name=f"{curve.name} ({curve.seeds} seed{'' if curve.seeds == 1 else 's'})",
            x=tuple(float(point.timestep) for point in curve.points),
            y=tuple(point.value for point in curve.points),
            low=tuple(p.low for p in curve.points if curve.seeds >= BAND_SEEDS),
            high=tuple(p.high for p in curve.points if curve.seeds >= BAND_SEEDS),
            quiet=curve.name not in coloured,
        )
        for curve in curves
    ]
    return figures.chart(title, lines, x_label="environment steps", y_label=label)


def _candidate(
    candidate: Candidate, by_id: dict[str, Candidate], report: RunReport
) -> CandidateView:
    typical = typical_training(candidate, report.run.task) or next(
        (t for t in candidate.trainings if t.curve), None
    )
    parent = by_id.get(candidate.parents[0]) if candidate.parents else None
    return CandidateView(
        candidate=candidate,
        charts=tuple(_charts(typical)) if typical else (),
        parent=parent.id if parent else "",
        diff=tuple(_diff(parent.code, candidate.code)) if parent else (),
        typical=typical,
    )


def _charts(training: Training) -> Iterator[Chart]:
    """Terms, return and fitness over one training."""
    curve = training.curve
    steps = tuple(map(float, curve.timesteps)) if curve else ()
    terms = sorted(training.terms, key=lambda term: -term.share)
    drawn = [
        _terms("Terms over training", terms[:_MOST_TERMS], steps),
        *(
            figures.chart(
                title,
                [Line(name=title, x=steps, y=_numbers(values))],
                x_label="environment steps",
                y_label=label,
            )
            for title, values, label in (
                (
                    ("Fitness of training episodes", curve.fitness, "fitness"),
                    ("Return of this reward", curve.reward_return, "return an episode"),
                    ("Length of training episodes", curve.episode_length, "steps"),
                )
                if curve
                else ()
            )
        ),
    ]
    yield from (chart for chart in drawn if chart)


def _terms(title: str, terms: Sequence[TermStats], steps: tuple[float, ...]) -> Chart | None:
    lines = [
        Line(name=f"{term.name} ({term.share:.0%})", x=steps[: len(term.points)], y=term.points)
        for term in terms
        if len(term.points) <= len(steps)
    ]
    return figures.chart(title, lines, x_label="environment steps", y_label="mean a step")


def _numbers(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(float("nan") if value is None else value for value in values)


def _diff(old: str, new: str) -> Iterator[DiffLine]:
    kinds = {"+": "add", "-": "del", "@": "where"}
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    for row, line in enumerate(lines):
        if row >= 2:  # after the names of the files
            yield DiffLine(kind=kinds.get(line[:1], "same"), text=line)
