"""Reports to files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rewardsmith.errors import UserError
from rewardsmith.files import write_text
from rewardsmith.llm.secrets import redactor
from rewardsmith.reporting import page, sheets
from rewardsmith.reporting.compare import Comparison
from rewardsmith.reporting.gather import RunReport, gather
from rewardsmith.store import Store


def collect(store: Store, names: Sequence[str]) -> list[RunReport]:
    """The reports of the named runs, each once, in their order."""
    runs = {run.id: run for run in map(store.run, names)}
    return [gather(store, run) for run in runs.values()]


def as_json(report: RunReport) -> str:
    """One line, without what the environment of this process holds as a secret."""
    return redactor(os.environ)(report.model_dump_json())


def write(
    reports: Sequence[RunReport],
    *,
    html: Path | None = None,
    csv: Path | None = None,
    png: Path | None = None,
    comparison: Comparison | None = None,
) -> Iterator[Path]:
    """Write what is asked for; each path as it is there. Raises UserError where one cannot be."""
    title = "rewardsmith: one run" if len(reports) == 1 else f"rewardsmith: {len(reports)} runs"
    try:
        if html:
            write_text(html, page.render(reports, title=title, comparison=comparison))
            yield html
        if csv:
            write_text(csv, redactor(os.environ)(sheets.as_csv(reports)))
            yield csv
        for report in reports if png else ():
            assert png is not None
            yield from sheets.draw(report, png)
    except OSError as error:
        raise UserError(f"cannot write {error.filename}: {error.strerror}") from None
