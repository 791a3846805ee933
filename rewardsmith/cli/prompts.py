"""The commands for what a model is told: prompts list, show, eject."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import flags

prompts = typer.Typer(help="Every word that a model is told.", no_args_is_help=True)


@prompts.command("list")
def list_(folder: flags.Prompts = None) -> None:
    """The prompts with their hashes, and which of them are yours."""
    from rewardsmith.propose import prompts as told

    own = str(folder) if folder else ""
    for name in told.names(own):
        typer.echo(f"{name:<10} {told.source_hash(name, own)}  {told.path(name, own)}")


@prompts.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")], folder: flags.Prompts = None
) -> None:
    """A prompt as it is written, with its placeholders."""
    from rewardsmith.propose import prompts as told

    own = str(folder) if folder else ""
    typer.echo(told.path(name, own).read_text("utf-8"), nl=False)


@prompts.command("eject")
def eject(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")] = Path("prompts"),
    name: Annotated[
        list[str] | None, typer.Option("--only", help="Only this prompt; may be repeated.")
    ] = None,
) -> None:
    """Copy prompts into a folder to edit; `run --prompts FOLDER` uses what is in it."""
    from rewardsmith.propose import prompts as told

    for path in told.eject(folder, tuple(name or ())):
        typer.echo(f"wrote {path}")
    typer.echo(f"use them with: rewardsmith run ... --prompts {folder}")
