"""The commands that compare and report: report, sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import search


def report(
    names: Annotated[list[str] | None, typer.Argument(metavar="RUN...")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="One page that needs nothing beside it.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A row for each candidate.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="A folder for pictures.")] = None,
    json: search.Json = False,
    runs_dir: search.RunsDir = Path("runs"),
) -> None:
    """Tell what came of one or several runs, as a page, a table, pictures or JSON."""
    import sys

    from rewardsmith.errors import UserError
    from rewardsmith.reporting import writing
    from rewardsmith.store import Store

    if not (html or csv or png or json):
        raise UserError("nothing to write: give --html FILE, --csv FILE, --png FOLDER or --json")
    store = Store(runs_dir, create=False)
    found = writing.collect(store, names or ["last"])
    if json:
        for one in found:
            sys.stdout.write(writing.as_json(one) + "\n")
    for path in writing.write(found, html=html, csv=csv, png=png):
        typer.echo(f"wrote {path}", err=json)
