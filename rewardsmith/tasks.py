"""From an environment and a sentence to a TaskSpec: its variables and its measure of success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardsmith import construct, expressions, folders
from rewardsmith.construct import Env
from rewardsmith.discover import discover
from rewardsmith.errors import UserError
from rewardsmith.expressions import Expression
from rewardsmith.folders import DeclaredTask, Folder
from rewardsmith.records import VOTED, Budget, Fitness, Record, Space, TaskSpec, Variable
from rewardsmith.sentence import Reading, read
from rewardsmith.sources import VariableReader, mujoco_views

__all__ = [
    "DeclaredTask", "EnvDescription", "EnvEntry", "NeedsFitness",
    "describe", "entries", "fitness_of", "make", "reader_of", "resolve",
]  # fmt: skip

NATIVE = "native"
_NATIVE_EXPRESSION = "native_return"
_PYTHON = "py:"


class NeedsFitness(UserError):
    """No task is declared for this environment, so the user has to say what success is."""


class EnvEntry(Record):
    """One line of `envs list`."""

    id: str
    folder: bool
    title: str = ""
    tasks: tuple[str, ...] = ()


class EnvDescription(Record):
    """What is known of an environment before a task is chosen."""

    env: str
    env_kwargs: dict[str, bool | int | float | str]
    title: str
    folder: str
    names: tuple[str, ...]
    variables: tuple[Variable, ...]
    observation: Space
    action: Space
    dt_s: float | None
    max_episode_steps: int | None
    never_ends_early: bool
    about: str
    action_text: str
    episode_end: str
    tasks: tuple[DeclaredTask, ...]
    budget: Budget
    hyperparams: dict[str, dict[str, float | int | str | bool]]


def resolve(
    env: str,
    sentence: str,
    *,
    task: str | None = None,
    fitness: str | None = None,
    env_kwargs: Mapping[str, bool | int | float | str] | None = None,
) -> TaskSpec:
    """Read the sentence and settle how its success is measured; never by a silent default.

    Args:
        env: a Gymnasium id, `module:callable`, `file.py:callable` or `module:id`.
        task: the name of a declared task, instead of reading the sentence.
        fitness: "native" for the environment's own return, "preference" where raters alone decide,
            or a fitness expression.

    Raises:
        NeedsFitness: nothing is declared for this environment, and neither task nor fitness given.
        UserError: anything else that the user can mend, in one line.
    """
    sentence = " ".join(sentence.split())
    if not sentence:
        raise UserError("the task is empty: say in a sentence what the policy should do")
    if task is not None and fitness is not None:
        raise UserError("give --task or --fitness, not both")
    known = describe(env, env_kwargs)
    declared: DeclaredTask | None = None
    if fitness is not None:
        chosen = _given(fitness, known)
    else:
        declared, why = _named(task, known) if task else _asked(sentence, known)
        chosen = _declared_fitness(declared, why, read(sentence), known)
    shared = set(TaskSpec.model_fields) & set(EnvDescription.model_fields)
    return TaskSpec(
        sentence=sentence,
        fitness=chosen,
        opposite=declared.opposite if declared else "",
        **{name: getattr(known, name) for name in shared},
    )


def describe(
    env: str, env_kwargs: Mapping[str, bool | int | float | str] | None = None
) -> EnvDescription:
    """Build the environment once and say what it holds.

    Raises:
        UserError: it is unknown or cannot be built, or its spaces are not supported.
    """
    kwargs = dict(env_kwargs or {})
    folder = folders.find(env)
    built = construct.make_env(env, kwargs)
    try:
        observation = construct.space_of(built.observation_space, "observations")
        action = construct.space_of(built.action_space, "actions")
        if folder is not None:
            texts = {"about": folder.about, "action_text": folder.action,
                     "episode_end": folder.episode_end}  # fmt: skip
            variables = folder.variable
        else:
            found = discover(built, observation, documented=_documented(built, kwargs))
            texts = {"about": found.about, "action_text": found.action_text,
                     "episode_end": found.episode_end}  # fmt: skip
            variables = found.variables
        dt_s = folder.dt_s if folder and folder.dt_s else construct.step_seconds(built)
        return EnvDescription(
            env=construct.absolute(env),
            env_kwargs=kwargs,
            title=folder.title if folder else env,
            folder=folder.id if folder else "",
            names=folder.names if folder else (),
            variables=_shaped(variables, folder, built),
            observation=observation,
            action=action,
            dt_s=dt_s,
            max_episode_steps=construct.max_steps_of(built),
            never_ends_early=bool(folder and folder.never_ends_early),
            tasks=folder.task if folder else (),
            budget=folder.budget if folder else Budget(),
            hyperparams=folder.hyperparams if folder else {},
            **texts,
        )
    finally:
        built.close()


def make(task: TaskSpec) -> Env:
    """A new environment of this task; one without a time limit has got one."""
    return construct.make_env(task.env, task.env_kwargs)


def reader_of(task: TaskSpec, gather: frozenset[str] | None = None) -> VariableReader:
    """What computes the task's variables, or those named in `gather`, from raw arrays."""
    wanted = [v for v in task.variables if gather is None or v.name in gather]
    return VariableReader(wanted, folders.module_of(task.folder))


def fitness_of(task: TaskSpec) -> Expression:
    """The checked fitness of a task; `py:function` is `function(episode)` of its task.py."""
    return _expression(task.fitness.expression, task.variables, task.action, task.folder)


def entries() -> tuple[EnvEntry, ...]:
    """Environments to choose from: those with a folder first, then every other registered id."""
    described = tuple(
        EnvEntry(id=f.id, folder=True, title=f.title, tasks=tuple(task.name for task in f.task))
        for f in folders.every()
    )
    ids = {entry.id for entry in described}
    others = sorted(id_ for id_ in construct.known_ids() if id_ not in ids)
    return described + tuple(EnvEntry(id=id_, folder=False) for id_ in others)


def _documented(built: Env, kwargs: Mapping[str, Any]) -> bool:
    """Whether the class's docstring speaks of this observation: neither arguments nor wrappers
    changed it."""
    return not kwargs and built.observation_space.shape == built.unwrapped.observation_space.shape


def _shaped(
    variables: Sequence[Variable], folder: Folder | None, built: Env
) -> tuple[Variable, ...]:
    """The variables with their shapes, which proves that each of them resolves."""
    reader = VariableReader(variables, folders.module_of(folder.id if folder else ""))
    obs, _ = built.reset(seed=0)
    raws = {name: view[None] for name, view in mujoco_views(built, reader.raws).items()}
    raws["obs"] = np.asarray(obs, dtype=np.float64).reshape(1, -1)
    # A number of info is there after a step only; here its shape is all that counts.
    raws |= {name: np.zeros((1, 1)) for name in reader.raws if name.startswith("info:")}
    return reader.shaped(raws)


def _given(fitness: str, known: EnvDescription) -> Fitness:
    if fitness.strip() == NATIVE:
        return Fitness(name=NATIVE, expression=_NATIVE_EXPRESSION, why="--fitness native was given")
    if fitness.strip() == VOTED:
        return Fitness(name=VOTED, expression="0", why="raters alone decide")
    expression = _expression(fitness, known.variables, known.action, known.folder)
    return Fitness(name="expression", expression=expression.text, why="--fitness was given")


def _named(task: str, known: EnvDescription) -> tuple[DeclaredTask, str]:
    for declared in known.tasks:
        if declared.name == task:
            return declared, f"--task {task} was given"
    if not known.tasks:
        raise NeedsFitness(_needs_fitness(known))
    names = ", ".join(declared.name for declared in known.tasks)
    raise UserError(f"{known.env} has no task {task!r}; its tasks: {names}")


def _asked(sentence: str, known: EnvDescription) -> tuple[DeclaredTask, str]:
    """The one declared task that the sentence asks for; of several, the one that covers most."""
    if not known.tasks:
        raise NeedsFitness(_needs_fitness(known))
    reading = read(sentence)
    fitting = [task for task in known.tasks if task.fits(reading)]
    ways = "choose with --task NAME, or measure success with --fitness EXPRESSION"
    if not fitting:
        listed = "; ".join(f"{task.name} ({task.sentence})" for task in known.tasks)
        raise UserError(f"{sentence!r} fits no task of {known.env}: {listed}; {ways}")
    left = {task.name: len(task.unread(reading, known.names)) for task in fitting}
    best = [task for task in fitting if left[task.name] == min(left.values())]
    if len(best) > 1:
        names = " and ".join(task.name for task in best)
        raise UserError(f"{sentence!r} fits the tasks {names} of {known.env} alike; {ways}")
    return best[0], f"the sentence asks to {best[0].sentence}"


def _declared_fitness(
    declared: DeclaredTask, why: str, reading: Reading, known: EnvDescription
) -> Fitness:
    _expression(declared.fitness, known.variables, known.action, known.folder)
    return Fitness(
        name=declared.name,
        expression=declared.fitness,
        unit=declared.unit,
        direction=declared.direction,
        why=why,
        solved=declared.solved,
        unread=declared.unread(reading, known.names),
    )


def _needs_fitness(known: EnvDescription) -> str:
    names = ", ".join(variable.name for variable in known.variables)
    return (
        f"no task is declared for {known.env}: measure success with --fitness EXPRESSION over its "
        f"variables ({names}), or with --fitness native, the environment's own return"
    )


def _expression(text: str, variables: Sequence[Variable], action: Space, folder: str) -> Expression:
    if not text.startswith(_PYTHON):
        return expressions.parse(text, variables, action)
    function = getattr(folders.module_of(folder), text.removeprefix(_PYTHON), None)
    if function is None:
        raise UserError(
            f"fitness {text!r}: task.py of {folder or 'no folder'} has no such function"
        )
    return Expression(text, frozenset(variable.name for variable in variables), function)
