"""A report as rows for a table program, and as pictures for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardsmith.errors import BackendMissing
from rewardsmith.observe import typical_training
from rewardsmith.records import Arm, Candidate, Record, Score
from rewardsmith.reporting.gather import BAND_SEEDS, LearningCurve, RunReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Row(Record):
    """One candidate or baseline of one run."""

    run: str
    env: str
    task: str
    proposer: str
    arm: str
    generation: int | None
    parents: str = ""
    origin: str = ""
    stage: str = ""
    failure: str = ""
    selection_fitness: float | None = None
    selection_low: float | None = None
    selection_high: float | None = None
    selection_seeds: int = 0
    final_fitness: float | None = None
    final_low: float | None = None
    final_high: float | None = None
    final_seeds: int = 0
    report_fitness: float | None = None
    report_low: float | None = None
    report_high: float | None = None
    report_seeds: int = 0
    human_normalised: float | None = None
    native_return: float | None = None
    distance_to_native: float | None = None
    code_sha256: str = ""


def rows(report: RunReport) -> list[Row]:
    """Every candidate, the failed ones too, then the baselines."""
    arms: list[Arm] = [*report.candidates, *report.baselines]
    return [_row(report, arm) for arm in arms]


def as_csv(reports: Sequence[RunReport]) -> str:
    """The rows of all runs, with a head; no text in them is a formula for a table program."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row.model_fields)
    for report in reports:
        for row in rows(report):
            writer.writerow([_cell(value) for value in row.model_dump().values()])
    return out.getvalue()


def _row(report: RunReport, arm: Arm) -> Row:
    run = report.run
    shown = {row.name: row for row in report.arms}
    known: dict[str, Any] = {
        "run": run.id,
        "env": run.task.env,
        "task": run.task.sentence,
        "proposer": run.proposer,
        "failure": arm.failure.for_human if arm.failure else "",
        **_score("report", arm.report),
    }
    if row := shown.get(arm.id):
        known |= {
            "human_normalised": row.normalised.value if row.normalised else None,
            "native_return": row.native_return,
            "distance_to_native": row.distance,
        }
    if not isinstance(arm, Candidate):
        return Row(arm=arm.id, generation=None, **known)
    return Row(
        arm=arm.id,
        generation=arm.generation,
        parents=" ".join(arm.parents),
        origin=arm.origin,
        stage=str(arm.stage),
        code_sha256=report.provenance.code_hashes[arm.id],
        **_score("selection", arm.score),
        **_score("final", arm.final),
        **known,
    )


def _score(purpose: str, score: Score | None) -> dict[str, float | int]:
    if score is None:
        return {}
    return {
        f"{purpose}_fitness": score.value,
        f"{purpose}_low": score.low,
        f"{purpose}_high": score.high,
        f"{purpose}_seeds": score.n_seeds,
    }


def _cell(value: object) -> object:
    # A sentence or a failure is anybody's text: "=HYPERLINK(...)" must stay text.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


# --- pictures ------------------------------------------------------------------------------------


def draw(report: RunReport, folder: Path) -> list[Path]:
    """Write the run's curves, its arms and its best's terms as PNG; returns the files.

    Raises BackendMissing where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendMissing(
            "pictures need matplotlib: pip install 'rewardsmith[report]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, plot in (("curves", _curves), ("arms", _arms), ("terms", _terms)):
        figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
        if plot(figure.add_subplot(), report):
            path = folder / f"{report.run.id}-{name}.png"
            figure.savefig(path)
            paths.append(path)
    return paths


def _label(report: RunReport) -> str:
    fitness = report.run.task.fitness
    return f"{fitness.name} [{fitness.unit}]" if fitness.unit else fitness.name


def _curves(axes: Axes, report: RunReport) -> bool:
    held_out = [curve for curve in report.curves if curve.purpose == "report"]
    chosen = held_out or list(report.curves)
    for curve in chosen:
        _curve(axes, curve)
    axes.set(xlabel="environment steps", ylabel=_label(report))
    axes.set_title(_plain(report.run.task.sentence), fontsize="medium")
    if chosen:
        axes.legend(fontsize="small")
    return bool(chosen)


def _curve(axes: Axes, curve: LearningCurve) -> None:
    steps = [point.timestep for point in curve.points]
    (line,) = axes.plot(steps, [p.value for p in curve.points], label=curve.name)
    low, high = [p.low for p in curve.points], [p.high for p in curve.points]
    if curve.seeds >= BAND_SEEDS:
        axes.fill_between(steps, low, high, alpha=0.15, color=line.get_color())


def _arms(axes: Axes, report: RunReport) -> bool:
    measured = [(arm.name, arm.report) for arm in report.arms if arm.report][::-1]
    for height, (_, score) in enumerate(measured):
        axes.plot([score.low, score.high], [height, height], color="C0")
        axes.plot(score.value, height, "o", color="C0")
    axes.set_yticks(range(len(measured)), [name for name, _ in measured])
    axes.set(xlabel=f"{_label(report)}, 95 % intervals")
    axes.grid(axis="x", alpha=0.3)
    return bool(measured)


def _terms(axes: Axes, report: RunReport) -> bool:
    training = typical_training(report.best, report.run.task) if report.best else None
    if training is None or not training.curve:
        return False
    for term in training.terms:
        axes.plot(training.curve.timesteps[: len(term.points)], term.points, label=term.name)
    axes.set(xlabel="environment steps", ylabel="mean a step")
    axes.set_title(f"terms of {training.id}", fontsize="medium")
    axes.legend(fontsize="small")
    return True


def _plain(text: str) -> str:
    """Without what matplotlib would set as a formula."""
    return text.replace("$", r"\$")
