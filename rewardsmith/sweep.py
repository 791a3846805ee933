"""A grid of runs on this machine: every cell is one run, and is found again by its settings.

The same sweep goes on where it was stopped, and a larger one takes over what a smaller one did. A
run that fails costs its own cell alone; limits hold for all of them together.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rewardsmith import session, settings, start
from rewardsmith.commands import limits_left
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.errors import CandidateError, ModelError, NoSurvivor, UserError
from rewardsmith.forecast import Forecast
from rewardsmith.options import nested
from rewardsmith.records import Event, Record, RunStatus
from rewardsmith.spending import spending
from rewardsmith.store import RunRecord, Store

_CASE = ("env", "env_kwargs", "task", "task_name", "fitness")
"""Settings that say what is to be learnt; cells that share them are comparable."""
_ENDED = (RunStatus.DONE, RunStatus.NO_SURVIVOR)


class Grid(Record):
    """What a sweep's file holds: settings for all, cases, axes, and how often each is repeated."""

    settings: dict[str, Any] = {}
    cases: tuple[dict[str, Any], ...] = ()
    """Tables of settings that belong together, such as an environment and its sentence."""
    grid: dict[str, Any] = {}
    """Axes: a setting's name, and a list of its values."""
    seeds: int = 1
    """Repetitions with the seeds 0, 1, ...; a run's own seeds follow from it."""


class Cell(Record):
    """One run of the grid."""

    key: str
    """Stands for its settings; its run is found by it."""
    case: str
    """What is to be learnt, in words."""
    method: str
    """The values of the axes, in words."""
    config: RunConfig


class Outcome(Record):
    """What came of a cell."""

    cell: Cell
    run: str | None
    """The run's id; None where it could not begin."""
    error: str = ""
    """Why it did not come to its end."""


def load(path: Path) -> Grid:
    """The grid that a TOML file describes. Raises UserError that names the file and the key."""
    try:
        return Grid.model_validate(settings.load_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg'].lower()}") from None


def extended(
    base: Grid,
    *,
    shared: Mapping[str, Any],
    cases: Sequence[Mapping[str, Any]] = (),
    axes: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | None = None,
) -> Grid:
    """The grid with further cases and axes, and with settings and seeds replaced where given."""
    return Grid(
        settings=settings.merge(base.settings, shared),
        cases=(*base.cases, *map(dict, cases)),
        grid={**base.grid, **{name: list(values) for name, values in (axes or {}).items()}},
        seeds=seeds or base.seeds,
    )


def cells(grid: Grid) -> list[Cell]:
    """Every cell once, case by case. Raises UserError where settings are wrong or there is none."""
    if grid.seeds < 1:
        raise UserError(f"seeds must be at least 1, not {grid.seeds}")
    axes = _axes(grid.grid)
    own = {name: values for name, values in axes.items() if name not in (*_CASE, "seed")}
    made = {}
    for case in grid.cases or ({},):
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            method = ", ".join(_words(name, chosen[name]) for name in own)
            seeds = (chosen["seed"],) if "seed" in chosen else range(grid.seeds)
            for seed in seeds:
                layers = (
                    grid.settings,
                    nested(case),
                    nested(chosen),
                    {"seed": seed},
                )
                cell = _cell(settings.build(*layers), method)
                made[cell.key] = cell
    return list(made.values())


def foresee(planned: Sequence[Cell], store: Store | None) -> list[tuple[Cell, Forecast]]:
    """What each cell that has not ended will take; cells that differ by seed cost the same."""
    ended = {run.cell for run in store.runs() if run.status in _ENDED} if store else set()
    known: dict[str, Forecast] = {}
    found = []
    for cell in planned:
        if cell.key in ended:
            continue
        alike = cell.config.model_copy(update={"seed": 0}).model_dump_json()
        if alike not in known:
            config = start.settle_proposer(cell.config)
            known[alike] = session.foresee(config, start.resolve_task(config), store)
        found.append((cell, known[alike]))
    return found


def run(
    planned: Sequence[Cell],
    store: Store,
    limits: LimitConfig,
    tell: Callable[[Outcome], None],
    observe: Callable[[Event], None],
) -> list[Outcome]:
    """Bring every cell to its end, one after the other; what has ended is not done again.

    Args:
        limits: of all cells together, what they took before included.
        tell: called with each outcome as it comes.

    Raises KeyboardInterrupt, after which the same call goes on, and LimitReached, after which one
    with a larger limit does.
    """
    outcomes = []
    for cell in planned:
        outcome = _bring_to_end(cell, planned, store, limits, observe)
        outcomes.append(outcome)
        tell(outcome)
    return outcomes


def _bring_to_end(
    cell: Cell,
    planned: Sequence[Cell],
    store: Store,
    limits: LimitConfig,
    observe: Callable[[Event], None],
) -> Outcome:
    record = by_cell(store).get(cell.key)
    if record and record.status is RunStatus.NO_SURVIVOR:
        return Outcome(cell=cell, run=record.id, error="no candidate survived")
    if record and record.status is RunStatus.DONE:
        return Outcome(cell=cell, run=record.id)
    shared = _left_for(record, planned, store, limits)
    try:
        if record is None:
            config = cell.config.model_copy(update={"limits": shared})
            record = start.create(config, store, cell=cell.key)
        else:
            config = record.config.model_copy(update={"limits": shared})
            record = record.model_copy(update={"config": config})
        session.search(record, store, observe)
    except (CandidateError, ModelError, NoSurvivor, UserError) as error:
        why = " ".join(str(error).split())
        return Outcome(cell=cell, run=record.id if record else None, error=why)
    return Outcome(cell=cell, run=record.id)


def by_cell(store: Store) -> dict[str, RunRecord]:
    """The runs of sweeps by their cells' keys."""
    return {run.cell: run for run in store.runs() if run.cell}


def _left_for(
    record: RunRecord | None, planned: Iterable[Cell], store: Store, limits: LimitConfig
) -> LimitConfig:
    """The limits of one run, so that all together keep theirs. Raises LimitReached at the end."""
    keys, runs = {cell.key for cell in planned}, by_cell(store)
    others = [r for key, r in runs.items() if key in keys and not (record and r.id == record.id)]
    # An arm that is a search of its own spends its run's money; its time counts for its run.
    arms = [store.run(other.arm) for other in others if other.arm]
    spent = [spending(store, other).total for other in (*others, *arms)]
    taken = {
        "time-limit": sum(other.wall_s for other in others),
        "cost-limit": sum(one.known_cost_usd for one in spent),
        "token-limit": sum(one.tokens for one in spent),
    }
    return limits_left(limits, taken, "the rest of the sweep")


def _axes(nested: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, ...]]:
    """Dotted names with their values, out of the tables that TOML makes of dotted names."""
    axes: dict[str, tuple[Any, ...]] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            axes |= _axes(value, f"{name}.")
        elif isinstance(value, list | tuple) and value:
            axes[name] = tuple(value)
        else:
            raise UserError(f"grid: {name} must be a list of values, such as {name} = [1, 2]")
    return axes


def _cell(config: RunConfig, method: str) -> Cell:
    # Limits and the number of workers change nothing of what a run finds.
    own = config.model_dump(mode="json", exclude_defaults=True)
    own.pop("limits", None)
    own.get("train", {}).pop("max_workers", None)
    text = json.dumps({name: value for name, value in own.items() if value != {}}, sort_keys=True)
    told = config.task_name or config.task
    return Cell(
        key=hashlib.sha256(text.encode()).hexdigest()[:24],
        case=f"{config.env}: {told}",
        method=method,
        config=config,
    )


def _words(name: str, value: object) -> str:
    """A value alone where it is a name, as of a model; a number with what it counts."""
    if isinstance(value, list | tuple):
        return " and ".join(map(str, value))
    return value if isinstance(value, str) else f"{name.rpartition('.')[2]} {value}"
