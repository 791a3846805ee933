"""What a search would do, shown in place of doing it: its first prompt, its plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rewardsmith.config import RunConfig


def prompt(config: RunConfig) -> None:
    """The first prompt, as it would be sent."""
    from rewardsmith import start
    from rewardsmith.propose import Ask
    from rewardsmith.propose.llm import preview
    from rewardsmith.sim.rollout import with_ranges
    from rewardsmith.strategies import firsts

    config = start.without_keys(config)
    ask = Ask(
        task=with_ranges(start.resolve_task(config), config.seed),
        generation=1,
        moves=firsts(["r01c00"]),
        notes=config.notes,
        seed=config.seed,
    )
    typer.echo(preview(ask, config.model.prompts))


def plan(config: RunConfig, runs_dir: Path) -> None:
    """What would be tried, and what that would take."""
    from rewardsmith import forecast, session, start
    from rewardsmith.cli import console
    from rewardsmith.store import DATABASE, Store

    config = start.settle_proposer(config)
    task = start.resolve_task(config)
    store = Store(runs_dir, create=False) if (runs_dir / DATABASE).exists() else None
    lines = forecast.words(session.foresee(config, task, store), config)
    console.show_plan(config, task, start.proposer_name(config), lines)
