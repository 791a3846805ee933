"""The commands for answering a run's prompts by hand: manual list, show, answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import flags

if TYPE_CHECKING:
    from rewardsmith.llm.manual import Waiting

manual = typer.Typer(help="Prompts of a run with --model manual.", no_args_is_help=True)
Run = Annotated[str, typer.Argument(metavar="RUN")]
Name = Annotated[str, typer.Argument(metavar="[NAME]", help="As listed, or how it begins.")]


@manual.command("list")
def list_(
    run: Run = "last", runs_dir: flags.RunsDir = Path("runs"), json: flags.Json = False
) -> None:
    """The prompts of a run, those that wait first."""
    from rewardsmith.llm import manual as queue

    for waiting in queue.queue(_folder(run, runs_dir)):
        if json:
            typer.echo(waiting.model_dump_json())
        else:
            state = "answered" if waiting.answered else "waits   "
            typer.echo(f"{state} {waiting.name}  {waiting.prompt}")


@manual.command("show")
def show(run: Run = "last", name: Name = "", runs_dir: flags.RunsDir = Path("runs")) -> None:
    """What to paste into a chat."""
    from rewardsmith.llm import manual as queue

    typer.echo(queue.prompt_text(_find(run, name, runs_dir)), nl=False)


@manual.command("answer")
def answer(
    run: Run = "last",
    name: Name = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the answer here, not from stdin.")
    ] = None,
    runs_dir: flags.RunsDir = Path("runs"),
) -> None:
    """Answer a prompt with what comes on stdin; the run goes on by itself."""
    from rewardsmith.errors import UserError
    from rewardsmith.llm import manual as queue

    waiting = _find(run, name, runs_dir)
    try:
        text = file.read_text("utf-8") if file else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the answer: {error}") from None
    queue.answer(waiting, text)
    typer.echo(f"answered {waiting.name}")


def _folder(run: str, runs_dir: Path) -> Path:
    from rewardsmith.store import Store

    store = Store(runs_dir, create=False)
    return store.folder(store.run(run).id)


def _find(run: str, name: str, runs_dir: Path) -> Waiting:
    from rewardsmith.llm import manual as queue

    return queue.find(_folder(run, runs_dir), name)
