"""Flags that several commands share, and the settings that they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardsmith.cli.logs import log_more

if TYPE_CHECKING:
    from rewardsmith.config import RunConfig

Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, callback=log_more, help="Log more; -vv: all.")
]
RunsDir = Annotated[Path, typer.Option("-o", "--runs-dir", help="Where runs are stored.")]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout, nothing else.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only the result.")]
ConfigFile = Annotated[Path | None, typer.Option("-c", "--config", help="Settings, TOML.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Any setting: --set search.seeds=2.")
]
KeyValues = Annotated[
    list[str] | None, typer.Option("--env-kwargs", help="KEY=VALUE for the environment.")
]
Hyperparams = Annotated[
    list[str] | None, typer.Option("--hyperparams", help="KEY=VALUE for the algorithm.")
]
TimeLimit = Annotated[
    float | None,
    typer.Option("--time-limit", help="Seconds in all; stops there with exit code 3."),
]
Prompts = Annotated[Path | None, typer.Option("--prompts", help="A folder with prompts of yours.")]
CostLimit = Annotated[
    float | None,
    typer.Option(
        "--cost-limit", help="USD of all calls, 5 if unset; stops there with exit code 3."
    ),
]
TokenLimit = Annotated[
    int | None,
    typer.Option("--token-limit", help="Tokens of all calls; stops there with exit code 3."),
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", help="Of one reply; twice as many if it is cut off.")
]
Workers = Annotated[int | None, typer.Option("--max-workers", help="Trainings at once.")]
Algo = Annotated[str | None, typer.Option("--algo", help="ppo or sac.")]
Backend = Annotated[str | None, typer.Option("--backend", help="auto, population or sb3.")]
Timesteps = Annotated[int | None, typer.Option("--timesteps", help="Steps per policy.")]
Tune = Annotated[
    str | None, typer.Option(help="cmaes or tpe: tune the best's numbers after the search.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe-no-jail", help="Run generated code without the jail.")
]


def build(file: Path | None, assignments: list[str] | None, flags: dict[str, Any]) -> RunConfig:
    """The settings of the command over their defaults."""
    from rewardsmith import settings

    return settings.build(given(file, assignments, flags))


def given(
    file: Path | None, assignments: list[str] | None, flags: dict[str, Any]
) -> dict[str, Any]:
    """What the command was given: the file, over it --set, over it the flags."""
    from rewardsmith import settings

    layers = [settings.load_toml(file)] if file else []
    return settings.merge(*layers, settings.parse_assignments(assignments or []), flags)


def pairs(assignments: list[str] | None) -> dict[str, Any] | None:
    """`["a=1", "b=x"]` as a dictionary."""
    from rewardsmith import settings

    return settings.parse_assignments(assignments) if assignments else None
