"""Reads envs/<id>/: task.toml names variables and tasks, task.py holds what Python must say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from rewardsmith.assets import assets_dir
from rewardsmith.construct import load_module
from rewardsmith.errors import UserError
from rewardsmith.expressions import RESERVED
from rewardsmith.records import Budget, Record, Variable
from rewardsmith.sentence import Reading


class DeclaredTask(Record):
    """A task of an environment, how a sentence asks for it and how success is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    sentence: str
    """The task in plain words, as an example."""
    words: tuple[tuple[str, ...], ...]
    """Groups of alternatives; a sentence that asks for one of each group means this task. A word
    with "!" before it hits where the sentence rules that word out."""
    veto: tuple[str, ...] = Field(default=(), alias="not")
    """Words that say that something else is meant."""
    covers: tuple[str, ...] = ()
    """Further words whose meaning the fitness measures."""
    fitness: str
    unit: str = ""
    direction: Literal["maximize", "minimize"] = "maximize"
    solved: float | None = None
    opposite: str = ""

    def fits(self, reading: Reading) -> bool:
        """Whether a sentence asks for this task."""
        wanted = all(any(_hits(word, reading) for word in group) for group in self.words)
        return wanted and not any(_hits(word, reading) for word in self.veto)

    def unread(self, reading: Reading, names: Iterable[str]) -> tuple[str, ...]:
        """The words of a sentence that this fitness does not measure; `names` are the robot's."""
        grouped = [word.removeprefix("!") for group in self.words for word in group]
        return reading.unread({*grouped, *self.covers, *names}, excluded=self.veto)


class Folder(Record):
    """One environment as envs/<id>/task.toml describes it."""

    id: str
    title: str
    names: tuple[str, ...] = ()
    """What a sentence may call the robot; no part of the task."""
    about: str
    action: str
    episode_end: str
    never_ends_early: bool = False
    dt_s: float | None = None
    variable: tuple[Variable, ...]
    task: tuple[DeclaredTask, ...] = ()
    budget: Budget = Budget()
    hyperparams: dict[str, dict[str, float | int | str | bool]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_agree(self) -> Folder:
        variables = [variable.name for variable in self.variable]
        tasks = [task.name for task in self.task]
        for name in (*variables, *tasks):
            if (variables + tasks).count(name) > 1:
                raise ValueError(f"the name {name!r} is used twice")
        for name in variables:
            if not name.isidentifier() or name in RESERVED:
                raise ValueError(f"{name!r} cannot name a variable")
        for task in self.task:
            if task.opposite and task.opposite not in tasks:
                raise ValueError(f"task {task.name!r}: opposite {task.opposite!r} is no task")
        return self


def _hits(word: str, reading: Reading) -> bool:
    return reading.denies(word[1:]) if word.startswith("!") else reading.asks(word)


def find(env: str) -> Folder | None:
    """The description of an environment, or None where envs/ has no folder of that name."""
    path = assets_dir("envs") / env / "task.toml"
    return read(path) if ":" not in env and env and path.is_file() else None


def every() -> Iterator[Folder]:
    """All described environments, by name."""
    for path in sorted(assets_dir("envs").glob("*/task.toml")):
        yield read(path)


def read(path: Path) -> Folder:
    """Read one task.toml.

    Raises:
        UserError: one line that names the file and the key.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}") from error
    try:
        return Folder(id=path.parent.name, **values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "task.toml"
        raise UserError(f"{path}: {key}: {first['msg']}") from error
    except TypeError as error:
        raise UserError(f"{path}: id: given by the folder's name") from error


def module_of(folder: str) -> ModuleType | None:
    """The folder's task.py, or None where it has none or where `folder` is ""."""
    path = assets_dir("envs") / folder / "task.py"
    return load_module(path) if folder and path.is_file() else None
