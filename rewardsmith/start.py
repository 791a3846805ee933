"""From settings to a stored run: everything that can be checked before anything is spent."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rewardsmith import critic, raters, recording, settings, tasks, tuning
from rewardsmith.arms import searches
from rewardsmith.commands import limits_left
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.errors import CandidateError, UserError
from rewardsmith.llm.connect import configured_model, connect, is_local
from rewardsmith.llm.manual import MANUAL
from rewardsmith.llm.secrets import redactor
from rewardsmith.options import changed
from rewardsmith.propose import OFFLINE, parse
from rewardsmith.propose import prompts as told
from rewardsmith.records import CheckedReward, RunStatus, TaskSpec
from rewardsmith.sim.rollout import PROBE_ROWS, random_transitions, with_ranges
from rewardsmith.spending import spending
from rewardsmith.store import InitialReward, RunRecord, Store
from rewardsmith.training import require_device
from rewardsmith.training import settings as hyperparameters

RESUMED = (
    "iterations", "tune", "time_limit", "cost_limit", "token_limit",
    "max_tokens", "api_base", "max_workers",
)  # fmt: skip
"""What a resume may change, by short names."""
REPLAYED = ("retrain", "timesteps", "time_limit", "max_workers", "unsafe_no_jail")
"""What a replay does not take from the recording."""
_VERSIONED = (
    "numpy", "gymnasium", "mujoco", "mjbatch", "stable-baselines3", "torch", "cmaes", "optuna",
)  # fmt: skip


def create(
    config: RunConfig, store: Store, *, train_seeds: tuple[int, ...] = (), cell: str = ""
) -> RunRecord:
    """Check everything that can be checked before a run exists, then create it.

    Args:
        train_seeds: of a run that trains one given reward; without them it is a search.
        cell: by what a sweep finds it again.
    """
    config = without_keys(config)
    spec = resolve_task(config)
    hyperparameters(
        config.train.algo, spec.hyperparams.get(config.train.algo, {}), config.train.hyperparams
    )
    require_device(config.train.device)
    if config.tune.method:
        tuning.require(config.tune.method)
    if config.train.algo != "ppo" and config.train.backend == "population":
        raise UserError(f"the population backend knows ppo only, not {config.train.algo}")
    if config.train.warm_start != "off" and (config.train.algo, config.train.backend) not in (
        ("ppo", "auto"),
        ("ppo", "population"),
    ):
        raise UserError("a warm start needs the population backend and ppo")
    if config.train.algo == "sac" and not spec.action.low:
        raise UserError(f"sac needs continuous, bounded actions; {spec.env} has none: use ppo")
    config = settle_proposer(config)
    _check_feedback(config, spec)
    _require_models(config)
    if config.model.proposer == "llm":
        spec = with_ranges(spec, config.seed)
    layers = critic.layers(unsafe=config.unsafe_no_jail)
    init = tuple(
        InitialReward(name=Path(name).name, code=read_reward(Path(name))) for name in config.init
    )
    kind = "train" if train_seeds else "search"
    if kind == "train":  # its sentence is only a title: there is nothing in it to be measured
        spec = spec.model_copy(update={"fitness": spec.fitness.model_copy(update={"unread": ()})})
    return store.create_run(
        kind=kind,
        cell=cell,
        train_seeds=train_seeds,
        task=spec,
        config=config,
        proposer="none" if kind == "train" else proposer_name(config),
        init=init,
        compare=_compared(config, spec) if config.compare else None,
        layers=layers,
        versions=_versions(),
    )


def _require_models(config: RunConfig) -> None:
    """Raises UserError where a model cannot be asked: its key, its name or its address is wrong."""
    for name in config.model.names:
        if name != MANUAL:
            connect(name, api_base=config.model.api_base or None)


def without_keys(config: RunConfig) -> RunConfig:
    """The settings without what looks like a key in the user's words: they are stored and sent."""
    redact = redactor(os.environ)
    return config.model_copy(update={"task": redact(config.task), "notes": redact(config.notes)})


def replay(name: str, store: Store, options: Mapping[str, Any]) -> RunRecord:
    """A new run that executes a recorded search again; `name` is a run or a recording's file.

    Everything is taken from the recording but the limits, and the jail: a file from somewhere else
    cannot switch it off. Raises UserError where `options` change other settings than `REPLAYED`.
    """
    source = recording.find(name, store.runs_dir)
    tape = recording.Recording.of(source)
    recorded = tape.run
    given = {
        "replay": {"source": str(source)},
        "unsafe_no_jail": False,
        "limits": LimitConfig().model_dump(),
    }
    as_recorded = settings.build(recorded.config.model_dump(), given)
    config = changed(as_recorded, options, REPLAYED, "a replay")
    run = store.create_run(
        task=recorded.task,
        config=config,
        proposer=recorded.proposer,
        init=recorded.init,
        compare=recorded.compare,
        layers=critic.layers(unsafe=config.unsafe_no_jail),
        versions=_versions(),
    )
    for vote in tape.votes:
        store.add_vote(run.id, vote)
    return run


def beside(record: RunRecord, store: Store) -> RunRecord:
    """A new run as the arm of another: the same search, but nothing in it learns."""
    _, config = searches(record.config)
    return store.create_run(
        arm_of=record.id,
        task=record.task,
        config=config,
        proposer=record.proposer,
        init=record.init,
        layers=record.layers,
        versions=record.versions,
    )


def left(record: RunRecord, store: Store) -> LimitConfig:
    """What a run has left of money and tokens for its arm: the limits hold for both.

    The arm's time is counted by its run's control, which it obeys; see Control.

    Raises:
        LimitReached: nothing is left.
    """
    spent = spending(store, record).total
    taken = {"cost-limit": spent.known_cost_usd, "token-limit": spent.tokens}
    limits = record.config.limits.model_copy(update={"wall_s": None})
    return limits_left(limits, taken, "the arm best-of-n")


def reopen(record: RunRecord, options: Mapping[str, Any]) -> RunRecord:
    """The record with its settings changed.

    Raises UserError where there is nothing left to do, or where `options` change other settings
    than `RESUMED`.
    """
    config = changed(record.config, options, RESUMED, "a resume")
    if config.model.api_base != record.config.model.api_base:
        _require_models(settle_proposer(config))
    more = config.search.iterations > record.config.search.iterations
    if config.tune.method and not record.config.tune.method:
        tuning.require(config.tune.method)
        more = True
    if record.status is RunStatus.DONE and not more:
        advice = "give --iterations a larger number, or --tune, to go on"
        raise UserError(f"{record.id} is complete; {advice}")
    # With more generations the finalists may change; the trainings that exist are kept.
    update: dict[str, object] = {"config": config}
    if more:
        update |= {"finalists": (), "best": None, "arm": ""}
    return record.model_copy(update=update)


def resolve_task(config: RunConfig) -> TaskSpec:
    """The environment and its task, as the settings ask for them."""
    if not config.env:
        raise UserError("no environment: give --env ID (`rewardsmith envs list` shows them)")
    if not config.task.strip():
        raise UserError('no task: say in a sentence what to learn, such as "run forward"')
    return tasks.resolve(
        config.env,
        config.task,
        task=config.task_name or None,
        fitness=config.fitness or None,
        env_kwargs=config.env_kwargs,
    )


def settle_proposer(config: RunConfig) -> RunConfig:
    """The settings with the proposer decided, so that a resume does not depend on the shell."""
    chosen = config.model
    names = chosen.names or tuple(filter(None, [configured_model(os.environ)]))
    if chosen.proposer == "llm" and not names:
        raise UserError("no model: give --model NAME, such as gpt-5 or anthropic/claude-sonnet-5")
    if chosen.api_base and chosen.proposer == "auto" and not names:
        raise UserError(f"which model of {chosen.api_base}? give --model NAME as well")
    if len(set(names)) < len(names):
        raise UserError("every --model must be another one")
    by_model = chosen.proposer != "grammar" and bool(names)
    beyond = [name for name in names if not is_local(name, chosen.api_base)]
    if chosen.local_only and by_model and beyond:
        raise UserError(
            f"--local-only: {', '.join(beyond)} may lie beyond this machine; give --api-base with "
            "an address on loopback, such as http://127.0.0.1:11434/v1, or --model manual"
        )
    asked = [name for name in ("reflect", "describe", "review") if getattr(chosen, name)]
    if asked and asked != ["review"] and config.search.strategy == "best-of-n":
        raise UserError(f"best-of-n learns nothing between generations: leave --{asked[0]} out")
    if asked and not by_model:
        raise UserError(f"--{asked[0]} needs a model: give --model NAME, or leave it out")
    prompts = str(Path(chosen.prompts).resolve()) if chosen.prompts else ""
    told.names(prompts)
    settled = {
        "prompts": prompts,
        "proposer": "llm" if by_model else "grammar",
        "names": names if by_model else (),
    }
    return config.model_copy(update={"model": chosen.model_copy(update=settled)})


def _check_feedback(config: RunConfig, spec: TaskSpec) -> None:
    """Whether whom the settings ask can answer."""
    asked = config.feedback
    if spec.fitness.voted and asked.mode not in ("pair", "best-worst"):
        raise UserError("--fitness preference needs raters: give --feedback pair or best-worst")
    if asked.mode in ("off", "text") and (asked.raters or asked.judge):
        raise UserError("--rater and --judge need a question: give --feedback pair")
    if asked.judge and asked.mode != "pair":
        raise UserError("--judge model judges pairs: give --feedback pair")
    if asked.judge and config.model.proposer != "llm":
        raise UserError("--judge model needs a model: give --model NAME")
    names = [raters.parse(text).name for text in asked.raters]
    if len(set(names)) < len(names):
        raise UserError("every --rater must be another one: seed=1, seed=2, ...")
    if names and spec.fitness.voted:
        raise UserError("a simulated rater votes by the fitness: it cannot judge without one")


def proposer_name(config: RunConfig) -> str:
    """What a settled proposer is called."""
    names = " and ".join(config.model.names)
    return f"model {names}" if config.model.proposer == "llm" else OFFLINE


def read_reward(path: Path) -> str:
    """A reward file's code, without keys; of Markdown, the block that a reply would hold."""
    try:
        text = redactor(os.environ)(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read {path}: {why}") from None
    if path.suffix != ".md":
        return text
    try:
        return parse.extract(text)
    except CandidateError as error:
        raise UserError(f"{path}: {error.for_human}") from None


def _compared(config: RunConfig, spec: TaskSpec) -> CheckedReward:
    """The reward to compare with, which must pass the critic before anything is spent."""
    code = read_reward(Path(config.compare))
    transitions = random_transitions(spec, PROBE_ROWS, config.seed)
    verdict = critic.check(code, spec, transitions, unsafe=config.unsafe_no_jail)
    if verdict.reward is None:
        raise UserError(f"{config.compare} is refused: {verdict.errors[0]}")
    return verdict.reward


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("rewardsmith", *_VERSIONED):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # mjbatch is an extra
            versions[package] = importlib.metadata.version(package)
    return versions
