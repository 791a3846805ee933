"""The public Python names: run, resume, load, check, train."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardsmith import config as settings
from rewardsmith import critic, loop, tasks
from rewardsmith.calls import StoredCalls
from rewardsmith.config import RunConfig
from rewardsmith.engine.local import LocalEngine
from rewardsmith.errors import CandidateError, UserError
from rewardsmith.jail import service
from rewardsmith.measure import Measure, Observe
from rewardsmith.propose import Proposer, parse
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.records import Candidate, Event, RunStatus, Stage, TaskSpec, Verdict
from rewardsmith.report import Result, result
from rewardsmith.reward import Transitions
from rewardsmith.selection import plan_seeds, score
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import InitialReward, RunRecord, Store
from rewardsmith.strategies.eureka import Eureka
from rewardsmith.train import settings as hyperparameters

if TYPE_CHECKING:
    import pandas

NAMES = {
    "model": "model.name",
    "api_base": "model.api_base",
    "proposer": "model.proposer",
    "iterations": "search.iterations",
    "samples": "search.samples",
    "finalists": "search.finalists",
    "report_seeds": "search.report_seeds",
    "stop_when": "search.stop_when",
    "algo": "train.algo",
    "timesteps": "train.timesteps",
    "hyperparams": "train.hyperparams",
    "max_workers": "train.max_workers",
    "time_limit": "limits.wall_s",
}
"""Short names of settings, for keywords here and flags of the command."""

_PROBE_ROWS = 1001
_VERSIONED = ("numpy", "gymnasium", "mujoco", "stable-baselines3", "torch")
_OFFLINE = "offline baseline"


def run(
    task: str,
    env: str | Callable[..., Any],
    *,
    runs_dir: str | Path = "runs",
    observe: Observe | None = None,
    **options: Any,
) -> Run:
    """Search a reward for `task` in `env` and train a policy on it.

    Args:
        task: the sentence, such as "hop forward without falling".
        env: a Gymnasium id, or a function that makes an environment (importable: training runs in
            other processes).
        options: any setting by its short name (`NAMES`) or by its table (`search={"seeds": 2}`).

    Raises:
        UserError: something the caller can mend, in one line.
        LimitReached, Cancelled, NoSurvivor: as the names say; the run can be resumed.
    """
    given = {"env": env if isinstance(env, str) else factory_name(env), "task": task}
    config = settings.build(nested(options), given)
    store = Store(Path(runs_dir))
    record = create(config, store)
    return search(record, store, observe or _silent)


def resume(
    name: str = "last",
    *,
    runs_dir: str | Path = "runs",
    observe: Observe | None = None,
    **options: Any,
) -> Run:
    """Go on with a run: what is stored is not done again, no stored reply is asked for again.

    `options` may raise its limits: `iterations`, `time_limit`, `max_workers`.
    """
    store = Store(Path(runs_dir), create=False)
    record = reopen(store.run(name), options)
    return search(record, store, observe or _silent)


def load(name: str = "last", *, runs_dir: str | Path = "runs") -> Run:
    """A stored run."""
    store = Store(Path(runs_dir), create=False)
    return Run(store, store.run(name).id)


def check(reward: str | Path, env: str, *, unsafe: bool = False, **env_kwargs: Any) -> Verdict:
    """What the critic says of a reward, given as code or as a path."""
    code = read_reward(reward) if isinstance(reward, Path) else reward
    spec = tasks.resolve(env, "check a reward", fitness="native", env_kwargs=env_kwargs)
    return critic.check(code, spec, probe_transitions(spec, 0), unsafe=unsafe)


def train(
    reward: str | Path,
    env: str | Callable[..., Any],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    runs_dir: str | Path = "runs",
    observe: Observe | None = None,
    **options: Any,
) -> Run:
    """Train one given reward on the given seeds and measure the policies.

    The fitness is that of `task` (a sentence), `task_name` or `fitness` in `options`, else the
    environment's own return.
    """
    path = Path(reward)
    given: dict[str, Any] = {
        "env": env if isinstance(env, str) else factory_name(env),
        "init": (str(path),),
    }
    if not any(options.get(key) for key in ("task", "task_name", "fitness")):
        given["fitness"] = "native"
    if not options.get("task"):
        given["task"] = f"train {path.name}"
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise UserError("seeds must be different numbers of at least 0, such as 0,1,2")
    config = settings.build(nested(options), given)
    store = Store(Path(runs_dir))
    record = create(config, store, train_seeds=tuple(seeds))
    return search(record, store, observe or _silent)


class Run:
    """A stored run: `result`, `candidates`, `to_frame()`."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self.id = store, run_id

    @property
    def record(self) -> RunRecord:
        """The run's record as it is stored now."""
        return self._store.run(self.id)

    @property
    def result(self) -> Result:
        """Best, baselines, failures and cost."""
        return result(self._store, self.record)

    @property
    def candidates(self) -> list[Candidate]:
        """Every candidate, the failed ones too."""
        return self._store.candidates(self.id)

    def to_frame(self) -> pandas.DataFrame:
        """One row per candidate. Raises UserError where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise UserError("to_frame needs pandas: pip install pandas") from None
        return pandas.DataFrame([_row(candidate) for candidate in self.candidates])


# --- the steps of the above, which the command takes one by one ---


def create(config: RunConfig, store: Store, *, train_seeds: tuple[int, ...] = ()) -> RunRecord:
    """Check everything that can be checked before a run exists, then create it."""
    spec = resolve_task(config)
    hyperparameters(
        config.train.algo, spec.hyperparams.get(config.train.algo, {}), config.train.hyperparams
    )
    if config.train.algo == "sac" and spec.action.kind == "discrete":
        raise UserError(f"sac needs continuous actions; {spec.env} has discrete ones: use ppo")
    config = settle_proposer(config)
    layers = service.probe(unsafe=config.unsafe_no_jail)
    init = tuple(
        InitialReward(name=Path(name).name, code=read_reward(Path(name))) for name in config.init
    )
    kind = "train" if train_seeds else "search"
    return store.create_run(
        kind=kind,
        train_seeds=train_seeds,
        task=spec,
        config=config,
        proposer="none" if kind == "train" else proposer_name(config),
        init=init,
        layers=layers,
        versions=_versions(),
    )


def reopen(record: RunRecord, options: dict[str, Any]) -> RunRecord:
    """The record with its settings changed. Raises UserError where there is nothing left to do."""
    chosen = {key: value for key, value in nested(options).items() if value is not None}
    config = settings.build(record.config.model_dump(), chosen)
    more = config.search.iterations > record.config.search.iterations
    if record.status is RunStatus.DONE and not more:
        raise UserError(f"{record.id} is complete; give --iterations a larger number to go on")
    # With more generations the finalists may change; the trainings that exist are kept.
    update: dict[str, object] = {"config": config}
    if more:
        update |= {"finalists": (), "best": None}
    return record.model_copy(update=update)


def search(record: RunRecord, store: Store, observe: Observe) -> Run:
    """Run the loop over `record` to its end."""
    config, train = record.config, record.config.train
    with LocalEngine(train.max_workers, train.timeout_s, train.stall_s) as engine:
        observe(Event(event="launch", data=_launch(record, store)))
        transitions = probe_transitions(record.task, config.seed)
        if record.kind == "train":
            _train(record, store, engine, transitions, observe)
            return Run(store, record.id)
        parts = loop.Parts(
            store=store,
            proposer=make_proposer(config, store, record.id),
            strategy=Eureka(),
            engine=engine,
            transitions=transitions,
            observe=observe,
        )
        loop.Search(record, parts).run()
    return Run(store, record.id)


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
    from rewardsmith.llm.client import configured_model

    chosen = config.model
    name = chosen.name or configured_model(os.environ) or ""
    if chosen.proposer == "llm" and not name:
        raise UserError("no model: give --model NAME, such as gpt-5 or anthropic/claude-sonnet-5")
    by_model = chosen.proposer != "grammar" and bool(name)
    settled = {"proposer": "llm" if by_model else "grammar", "name": name if by_model else ""}
    return config.model_copy(update={"model": chosen.model_copy(update=settled)})


def proposer_name(config: RunConfig) -> str:
    """What a settled proposer is called."""
    return f"model {config.model.name}" if config.model.proposer == "llm" else _OFFLINE


def make_proposer(config: RunConfig, store: Store, run_id: str) -> Proposer:
    """The proposer of a run; calls to a model are recorded in its store."""
    model = config.model
    if model.proposer != "llm":
        return GrammarProposer()
    from rewardsmith.llm.client import connect
    from rewardsmith.propose.llm import LlmProposer

    client = connect(model.name, api_base=model.api_base or None, timeout_s=model.timeout_s)
    return LlmProposer(
        client,
        model.name,
        calls=StoredCalls(store, run_id),
        temperature=model.temperature,
        max_tokens=model.max_tokens,
        concurrency=model.concurrency,
    )


def read_reward(path: Path) -> str:
    """A reward file's code; of Markdown, the code block that a model's reply would hold."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read {path}: {why}") from None
    if path.suffix != ".md":
        return text
    try:
        return parse.extract(text)
    except CandidateError as error:
        raise UserError(f"{path}: {error.for_human}") from None


def probe_transitions(spec: TaskSpec, seed: int) -> Transitions:
    """What the critic's probes run on: transitions of a random policy."""
    return random_transitions(spec, _PROBE_ROWS, seed)


def factory_name(make: Callable[..., Any]) -> str:
    """`module:function`, or `file.py:function` of a script, as other processes can import it."""
    name = getattr(make, "__qualname__", "")
    if not name.isidentifier():
        raise UserError("make_env must be a function at the top of a module or script")
    if make.__module__ != "__main__":
        return f"{make.__module__}:{name}"
    import __main__

    file = getattr(__main__, "__file__", None)
    if not file:
        raise UserError("make_env must stand in a file: training runs in other processes")
    return f"{Path(file).resolve()}:{name}"


def nested(options: dict[str, Any]) -> dict[str, Any]:
    """Options by their short names as nested settings; those that are None are left out."""
    layers: dict[str, Any] = {}
    for name, value in options.items():
        if value is None:
            continue
        inner = layers
        *parents, last = NAMES.get(name, name).split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = (
            settings.merge(inner.get(last, {}), value) if isinstance(value, dict) else value
        )
    return layers


def _train(
    record: RunRecord, store: Store, engine: LocalEngine, transitions: Transitions, observe: Observe
) -> None:
    """A run of kind `train`: check the one reward, train it on the given seeds, measure."""
    config = record.config
    measure = Measure(record, store, engine, observe, lambda: None)
    candidate = Candidate(
        id="r01c00",
        generation=1,
        index=0,
        origin=f"init:{record.init[0].name}",
        code=record.init[0].code,
    )
    for stored in store.candidates(record.id):
        candidate = stored
    if candidate.stage is Stage.PROPOSED:
        verdict = critic.check(
            candidate.code, record.task, transitions, unsafe=config.unsafe_no_jail
        )
        if not verdict.ok:
            store.save_run(record.model_copy(update={"status": RunStatus.FAILED}))
            why = f"{record.init[0].name} is refused: {first_error(verdict)}"
            raise CandidateError("refused", why)
        candidate = candidate.model_copy(update={"verdict": verdict, "stage": Stage.CHECKED})
        store.save_candidate(record.id, candidate)
    episodes = config.train.episodes or record.task.budget.episodes
    seeds = plan_seeds(config.seed, 1, len(record.train_seeds), episodes)
    arms = measure.train([candidate], "report", record.train_seeds)
    arms = measure.evaluate(arms, "report", seeds.report_episodes)
    for arm in arms:
        measure.keep_best_policy(arm, "report")
        if isinstance(arm, Candidate):
            failures = [training.failure for training in arm.trainings if training.failure]
            measured = score(arm.trainings)
            stage = Stage.EVALUATED if measured else Stage.FAILED
            update = {"stage": stage, "score": measured, "report": measured}
            failed = {"failure": failures[0] if failures else None}
            store.save_candidate(record.id, arm.model_copy(update=update | failed))
    store.save_run(record.model_copy(update={"status": RunStatus.DONE, "best": candidate.id}))


def first_error(verdict: Verdict) -> str:
    """The first error of a verdict, with its line."""
    for finding in verdict.findings:
        if finding.severity == "error":
            return f"line {finding.line}: {finding.message}" if finding.line else finding.message
    return ""


def _launch(record: RunRecord, store: Store) -> dict[str, object]:
    fitness = record.task.fitness
    return {
        "run": record.id,
        "run_dir": str(store.folder(record.id)),
        "env": record.task.env,
        "task": record.task.sentence,
        "fitness": fitness.model_dump(),
        "proposer": record.proposer,
        "notices": list(GrammarProposer().notices(record.task))
        if record.proposer == _OFFLINE
        else [],
        "possibly_paid": [
            call.slot for call in store.calls(record.id) if not call.reply and not call.error
        ],
        "seeds": plan_seeds(
            record.config.seed,
            record.config.search.seeds,
            record.config.search.report_seeds,
            record.config.train.episodes or record.task.budget.episodes,
        ).model_dump(),
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("rewardsmith", *_VERSIONED):
        versions[package] = importlib.metadata.version(package)
    return versions


def _row(candidate: Candidate) -> dict[str, object]:
    measured = candidate.report or candidate.score
    return {
        "candidate": candidate.id,
        "generation": candidate.generation,
        "parents": ",".join(candidate.parents),
        "origin": candidate.origin,
        "stage": str(candidate.stage),
        "fitness": measured.value if measured else None,
        "fitness_low": measured.low if measured else None,
        "fitness_high": measured.high if measured else None,
        "seeds": measured.n_seeds if measured else 0,
        "selection_fitness": candidate.score.value if candidate.score else None,
        "failure": candidate.failure.for_human if candidate.failure else "",
    }


def _silent(event: Event) -> None:
    """Nobody watches."""
