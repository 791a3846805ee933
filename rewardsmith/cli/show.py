"""The commands that only show: runs, envs, config, view, cost, doctor, version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import flags
from rewardsmith.cli.exits import FAILED

runs = typer.Typer(help="Stored runs.", no_args_is_help=True)
envs = typer.Typer(help="Environments and their tasks.", no_args_is_help=True)
config = typer.Typer(help="Settings.", no_args_is_help=True)


@runs.command("list")
def runs_list(runs_dir: flags.RunsDir = Path("runs"), json: flags.Json = False) -> None:
    """All runs, oldest first."""
    from rewardsmith.cli import console
    from rewardsmith.store import Store

    console.show_runs(Store(runs_dir, create=False), json=json)


@runs.command("show")
def runs_show(
    name: Annotated[str, typer.Argument(metavar="RUN")] = "last",
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
) -> None:
    """One run: its candidates, its baselines, its best."""
    from rewardsmith import report
    from rewardsmith.cli import live
    from rewardsmith.store import Store

    store = Store(runs_dir, create=False)
    run = store.run(name)
    display = live.display(store, json=json, quiet=False)
    display.finish(run, report.result(store, run))


def cost(
    name: Annotated[str, typer.Argument(metavar="RUN")] = "last",
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
) -> None:
    """What the calls of a run cost, and what each model and each prompt brought."""
    from rewardsmith import spending
    from rewardsmith.cli import console
    from rewardsmith.store import Store

    store = Store(runs_dir, create=False)
    console.show_spending(spending.spending(store, store.run(name)), json=json)


@envs.command("list")
def envs_list(json: flags.Json = False) -> None:
    """Environments with a folder first, then every other registered one."""
    from rewardsmith import tasks
    from rewardsmith.cli import console

    console.show_envs(tasks.entries(), json=json)


@envs.command("show")
def envs_show(
    env: Annotated[str, typer.Argument(metavar="ENV")],
    env_kwargs: flags.KeyValues = None,
    json: flags.Json = False,
) -> None:
    """What a reward may read in an environment, and which tasks it declares."""
    from rewardsmith import tasks
    from rewardsmith.cli import console

    console.show_env(tasks.describe(env, flags.pairs(env_kwargs) or {}), json=json)


@config.command("show")
def config_show(file: flags.ConfigFile = None, assignments: flags.Assignments = None) -> None:
    """Every setting with its value, as TOML."""
    from rewardsmith import settings

    typer.echo(settings.to_toml(flags.build(file, assignments, {})), nl=False)


@config.command("init")
def config_init(
    file: Annotated[Path, typer.Argument(metavar="FILE")] = Path("rewardsmith.toml"),
) -> None:
    """Write a file with every setting at its default."""
    from rewardsmith import settings
    from rewardsmith.config import RunConfig
    from rewardsmith.errors import UserError
    from rewardsmith.files import write_text

    if file.exists():
        raise UserError(f"{file} exists already")
    try:
        write_text(file, settings.to_toml(RunConfig()))
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    typer.echo(f"wrote {file}; use it with: rewardsmith run --config {file}")


def view(
    runs_dir: Annotated[Path, typer.Argument(metavar="[RUNS_DIR]")] = Path("runs"),
    host: Annotated[
        str, typer.Option("--host", help="Beyond this machine, a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8765,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="By which browsers reach this machine; repeatable."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Show only: no commands, answers or votes.")
    ] = False,
) -> None:
    """Look at runs in a browser, also while they go on."""
    import importlib.util

    from rewardsmith.errors import BackendMissing

    if not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))):
        raise BackendMissing("the pages need a server: pip install rewardsmith[web]")
    from rewardsmith.web import serve

    serve(
        runs_dir,
        host=host,
        port=port,
        names=tuple(names or ()),
        read_only=read_only,
        tell=lambda address: typer.echo(f"look at {address}  (Ctrl-C ends it)"),
    )


def doctor(json: flags.Json = False) -> None:
    """What works on this machine, and what to install for the rest; exits with 1 if runs cannot."""
    from rewardsmith import doctor as examination
    from rewardsmith.cli import console

    findings = examination.examine()
    console.show_doctor(findings, json=json)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(FAILED)


def version() -> None:
    """The version."""
    from rewardsmith import __version__

    typer.echo(f"rewardsmith {__version__}")
