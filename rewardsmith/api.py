"""The public Python names: run, resume, replay, load, check, train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardsmith import critic, session, settings, start, tasks
from rewardsmith.errors import UserError
from rewardsmith.options import factory_name, nested
from rewardsmith.records import Candidate, Event, Observe, Verdict
from rewardsmith.report import Result, result
from rewardsmith.store import RunRecord, Store

if TYPE_CHECKING:
    import pandas


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
        options: any setting by its short name (`options.NAMES`) or by its table, such as
            `search={"seeds": 2}`.

    Raises:
        UserError: something the caller can mend, in one line.
        LimitReached, Cancelled, NoSurvivor: as the names say; the run can be resumed.
    """
    given = {"env": env if isinstance(env, str) else factory_name(env), "task": task}
    config = settings.build(nested(options), given)
    store = Store(Path(runs_dir))
    record = start.create(config, store)
    return _run(record, store, observe)


def resume(
    name: str = "last",
    *,
    runs_dir: str | Path = "runs",
    observe: Observe | None = None,
    **options: Any,
) -> Run:
    """Go on with a run: what is stored is not done again, no stored reply is asked for again.

    `options` may be those of `start.RESUMED`, such as `iterations` and the limits.

    Raises:
        UserError: another setting is to be changed, or there is nothing left to do.
        LimitReached, Cancelled, NoSurvivor: as `run`.
    """
    store = Store(Path(runs_dir), create=False)
    record = start.reopen(store.run(name), options)
    return _run(record, store, observe)


def replay(
    name: str,
    *,
    runs_dir: str | Path = "runs",
    observe: Observe | None = None,
    **options: Any,
) -> Run:
    """Execute a finished search again from its recording, a run's name or a file; asks nobody.

    The event "replayed" says whether the candidates are the same. With `retrain=True` the
    policies are trained anew; "diverged" then names the first request that was another one.
    `options` may be those of `start.REPLAYED`; UserError names another one.
    """
    store = Store(Path(runs_dir))
    return _run(start.replay(name, store, options), store, observe)


def load(name: str = "last", *, runs_dir: str | Path = "runs") -> Run:
    """A stored run."""
    store = Store(Path(runs_dir), create=False)
    return Run(store, store.run(name).id)


def check(
    reward: str | Path,
    env: str | Callable[..., Any],
    *,
    env_kwargs: Mapping[str, bool | int | float | str] | None = None,
    unsafe: bool = False,
) -> Verdict:
    """What the critic says of a reward, given as code or as the path of a .py or .md file."""
    is_path = isinstance(reward, Path) or reward.endswith((".py", ".md"))
    code = start.read_reward(Path(reward)) if is_path else str(reward)
    name = env if isinstance(env, str) else factory_name(env)
    spec = tasks.resolve(name, "check a reward", fitness="native", env_kwargs=env_kwargs)
    return critic.check(code, spec, session.probe_transitions(spec, 0), unsafe=unsafe)


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
    record = start.create(config, store, train_seeds=tuple(seeds))
    return _run(record, store, observe)


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


def _row(candidate: Candidate) -> dict[str, object]:
    measured = candidate.measured
    return {
        "candidate": candidate.id,
        "generation": candidate.generation,
        "parents": ",".join(candidate.parents),
        "origin": candidate.origin,
        "strategy": candidate.strategy,
        "operator": candidate.operator,
        "island": candidate.island,
        "stage": str(candidate.stage),
        "fitness": measured.value if measured else None,
        "fitness_low": measured.low if measured else None,
        "fitness_high": measured.high if measured else None,
        "seeds": measured.n_seeds if measured else 0,
        "selection_fitness": candidate.score.value if candidate.score else None,
        "failure": candidate.failure.for_human if candidate.failure else "",
    }


def _run(record: RunRecord, store: Store, observe: Observe | None) -> Run:
    session.search(record, store, observe or _silent)
    return Run(store, record.id)


def _silent(event: Event) -> None:
    """Nobody watches."""
