"""The commands that compare and report: report, sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rewardsmith.cli import flags
from rewardsmith.cli.exits import FAILED


def report(
    names: Annotated[list[str] | None, typer.Argument(metavar="RUN...")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="One page that needs nothing beside it.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A row for each candidate.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="A folder for pictures.")] = None,
    json: flags.Json = False,
    runs_dir: flags.RunsDir = Path("runs"),
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


def sweep(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="A grid: settings, cases, axes.")
    ] = None,
    env: Annotated[str | None, typer.Option("-e", "--env", help="Environments: A,B.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="A sentence for all environments, or once for each."),
    ] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", help="Models: X,Y.")] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="Strategies: S,T.")] = None,
    axes: Annotated[
        list[str] | None,
        typer.Option("--axis", help="Values of any setting: --axis search.samples=4,8."),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Runs of each.")] = None,
    config: flags.ConfigFile = None,
    assignments: flags.Assignments = None,
    time_limit: flags.TimeLimit = None,
    cost_limit: flags.CostLimit = None,
    token_limit: flags.TokenLimit = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="The page; sweep.html among the runs if unset.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A row for each candidate.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs and what they will take.")
    ] = False,
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = 0,
) -> None:
    """Run a grid of searches; the same command goes on, a larger grid takes over what is done."""
    from rewardsmith import settings
    from rewardsmith import sweep as sweeping
    from rewardsmith.cli import sweeps
    from rewardsmith.errors import Cancelled, LimitReached
    from rewardsmith.options import nested
    from rewardsmith.store import DATABASE, Store

    options = {"time_limit": time_limit, "cost_limit": cost_limit, "token_limit": token_limit}
    shared = flags.given(config, assignments, nested(options))
    grid = sweeping.extended(
        sweeping.load(file) if file else sweeping.Grid(),
        shared=shared,
        cases=_cases(_several(env), task or []),
        axes={**_axes({"model": model, "search.strategy": strategy}), **_named_axes(axes or [])},
        seeds=seeds,
    )
    planned = sweeping.cells(grid)
    if dry_run:
        store = Store(runs_dir, create=False) if (runs_dir / DATABASE).exists() else None
        sweeps.show_forecasts(sweeping.foresee(planned, store), len(planned), json=json)
        return
    store = Store(runs_dir)
    shown = sweeps.Shown(store, planned, json=json, quiet=quiet)
    limits = settings.build(grid.settings).limits
    try:
        sweeping.run(planned, store, limits, shown.tell, shown.observe)
    except (KeyboardInterrupt, Cancelled, LimitReached) as error:
        stop = Cancelled("interrupted") if isinstance(error, KeyboardInterrupt) else error
        more = " with a larger limit" if isinstance(error, LimitReached) else ""
        stop.add_note(f"the same command goes on{more}")
        raise stop from None
    finally:
        shown.finish(html or runs_dir / "sweep.html", csv)
    if shown.failed:
        raise typer.Exit(FAILED)


def _several(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _cases(envs: list[str], tasks: list[str]) -> tuple[dict[str, Any], ...]:
    """One case for every environment: with the one sentence, or each with its own."""
    from rewardsmith.errors import UserError

    if len(tasks) > 1 and len(tasks) != len(envs):
        raise UserError(
            f"{len(tasks)} times --task for {len(envs)} environments: give 1 or as many"
        )
    if not envs:
        return tuple({"task": task} for task in tasks)
    sentences = tasks * len(envs) if len(tasks) == 1 else tasks
    if not sentences:
        return tuple({"env": env} for env in envs)
    return tuple({"env": e, "task": t} for e, t in zip(envs, sentences, strict=True))


def _axes(named: dict[str, str | None]) -> dict[str, list[str]]:
    return {name: values for name, text in named.items() if (values := _several(text))}


def _named_axes(axes: list[str]) -> dict[str, list[Any]]:
    """`["search.samples=4,8"]` as lists of values, each as TOML or text."""
    from rewardsmith import settings
    from rewardsmith.errors import UserError

    found = {}
    for axis in axes:
        name, equals, text = axis.partition("=")
        if not equals or not _several(text):
            raise UserError(f"expected --axis SETTING=VALUE,VALUE, got {axis!r}")
        values = [settings.parse_assignments([f"value={part}"]) for part in _several(text)]
        found[name.strip()] = [value["value"] for value in values]
    return found
