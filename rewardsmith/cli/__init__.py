"""The command `rewardsmith`: parse, build the settings, call; every error gets its exit code."""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import TyperException

from rewardsmith.cli import flags, manual, prompts, reports, search, show, tools, voting
from rewardsmith.cli.exits import FAILED, INTERRUPTED, LIMIT, NO_SURVIVOR, USAGE
from rewardsmith.errors import (
    Cancelled,
    CandidateError,
    LimitReached,
    ModelError,
    NoSurvivor,
    UserError,
)
from rewardsmith.llm.secrets import redactor

app = typer.Typer(
    name="rewardsmith",
    help="A sentence and an environment in; a trained policy and the reward that taught it out.",
    epilog='Begin with: rewardsmith run "run forward as fast as possible" --env HalfCheetah-v5',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(search.run)
app.command()(search.resume)
app.command()(search.ctl)
app.command()(voting.feedback)
app.command()(tools.check)
app.command()(tools.train)
app.command()(tools.evaluate)
app.command()(tools.export)
app.command()(tools.video)
app.add_typer(manual.manual, name="manual")
app.add_typer(prompts.prompts, name="prompts")
app.add_typer(show.runs, name="runs")
app.add_typer(show.envs, name="envs")
app.add_typer(show.config, name="config")
app.command()(reports.report)
app.command()(reports.sweep)
app.command()(show.view)
app.command()(show.cost)
app.command()(show.doctor)
app.command()(show.version)


@app.callback()
def options(verbose: flags.Verbose = 0) -> None:
    """What holds for every command."""


def main() -> None:
    """Run the command; known errors are one line on stderr and an exit code."""
    try:
        sys.exit(app(standalone_mode=False))
    except TyperException as error:
        _misused(error.format_message())
    except UserError as error:
        _end(error, USAGE)
    except LimitReached as error:
        _end(error, LIMIT)
    except NoSurvivor as error:
        _end(error, NO_SURVIVOR)
    except (ModelError, CandidateError) as error:
        _end(error, FAILED)
    except (Cancelled, typer.Abort) as error:
        _end(error, INTERRUPTED)


def _misused(message: str) -> None:
    """An unknown flag in one line; a command without arguments gives its whole help."""
    _say(message if "\n" in message else f"rewardsmith: {message}")
    sys.exit(USAGE)


def _end(error: Exception, code: int) -> None:
    line = " ".join(str(error).split()) or "interrupted"
    _say(f"rewardsmith: {line}")
    for note in getattr(error, "__notes__", ()):  # how to resume
        _say(note)
    sys.exit(code)


def _say(line: str) -> None:
    """To stderr, without anything that looks like a key: it may stand where a name was meant."""
    sys.stderr.write(redactor(os.environ)(line) + "\n")
