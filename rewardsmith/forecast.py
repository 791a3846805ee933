"""What a run will take: calls, tokens, dollars, core-hours and wall time, before it begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from rewardsmith import entrants
from rewardsmith.arms import planned, searches
from rewardsmith.config import RunConfig
from rewardsmith.llm.budget import prices
from rewardsmith.propose import Ask
from rewardsmith.records import Record, RunStatus, TaskSpec
from rewardsmith.rungs import ladder, steps_for
from rewardsmith.store import RunRecord, Store
from rewardsmith.strategies import firsts

_CHARACTERS = 4.0
"""Of text to a token, as a rule."""
_LATER_PROMPT = 2.0
"""How much longer a prompt with parents is than the first."""
_USUAL_REPLY = 1500
"""Tokens of a reply with a reward and a few words."""
_TRIES = 3
"""Times max_tokens that a reply may take: one that was cut off, and the second with twice as many.
"""
_TRAINING_SHARE = 0.4
"""Of the speed of bare environment steps on all cores, what a training comes to with its updates.
"""


class Forecast(Record):
    """What the settings of a run come to. `likely` is a guess, `most` a bound but for retries."""

    calls_likely: int
    calls_most: int
    tokens_likely: int
    tokens_most: int
    cost_usd_likely: float | None
    """None where a price is unknown; 0 without a model."""
    cost_usd_most: float | None
    unpriced: tuple[str, ...] = ()
    """Models whose price is unknown."""
    trainings: int
    steps: int
    """Environment steps of all trainings, where every rung stops half of them."""
    wall_s: float
    """Of the trainings; a model's answers come on top."""
    core_hours: float
    measured: str
    """Where the speed comes from."""


def forecast(config: RunConfig, task: TaskSpec, steps_per_s: float, measured: str) -> Forecast:
    """What `config` comes to on `task`, at so many environment steps a second on all cores."""
    asked = searches(config)
    likely, most = (sum(counts) for counts in zip(*map(_calls, asked), strict=True))
    known = prices(config.model.names, config.model.api_base)
    first = _prompt_tokens(config, task) if likely else 0
    later = int(first * _LATER_PROMPT)
    usual, longest = first + _USUAL_REPLY, later + _TRIES * config.model.max_tokens
    steps = sum(_steps(one, task) for one in asked)
    wall_s = steps / steps_per_s
    return Forecast(
        calls_likely=likely,
        calls_most=most,
        tokens_likely=likely * usual,
        tokens_most=most * longest,
        cost_usd_likely=_cost(config, likely, later, _USUAL_REPLY),
        cost_usd_most=_cost(config, most, 2 * later, _TRIES * config.model.max_tokens),
        unpriced=tuple(name for name, price in known.items() if price is None),
        trainings=sum(_trainings(one, task) for one in asked),
        steps=steps,
        wall_s=round(wall_s, 1),
        core_hours=round(wall_s * _cores(config) / 3600, 3),
        measured=measured,
    )


def speed(
    store: Store | None,
    config: RunConfig,
    task: TaskSpec,
    bare_steps_per_s: Callable[[], float],
) -> tuple[float, str]:
    """Environment steps a second of all trainings together, and where the number comes from.

    Finished runs of the same environment, algorithm and backend on this machine say it best;
    where there are none, `bare_steps_per_s` measures steps of the environment alone on one core.
    """
    speeds = [
        found for run in (store.runs() if store else ()) if (found := _speed(store, run, config))
    ]
    if speeds:
        return speeds[-1], "from the last such run"
    bare = bare_steps_per_s()
    return max(bare, 1.0) * _cores(config) * _TRAINING_SHARE, "from a short measurement"


def words(made: Forecast, config: RunConfig) -> list[str]:
    """The forecast as lines."""
    hours = f"about {_duration(made.wall_s)}, {made.core_hours:.2g} core-hours ({made.measured})"
    lines = [f"{made.trainings} trainings, {made.steps:,} steps: {hours}"]
    if not made.calls_likely:
        return [*lines, "no calls to a model"]
    lines.append(
        f"about {made.calls_likely} calls and {made.tokens_likely:,} tokens, "
        f"at most {made.calls_most} and {made.tokens_most:,}"
    )
    limit = config.limits.cost_usd
    if made.cost_usd_likely is None or made.cost_usd_most is None:
        names = ", ".join(made.unpriced)
        lines.append(f"cost unknown: no price of {names} is known; --token-limit holds, ")
        lines[-1] += "--cost-limit does not"
    else:
        held = f"; stops at {limit:g} USD (--cost-limit)" if limit is not None else ""
        lines.append(
            f"about {made.cost_usd_likely:.2f} USD, at most {made.cost_usd_most:.2f}{held}"
        )
    return lines


def _calls(config: RunConfig) -> tuple[int, int]:
    search = config.search
    if config.model.proposer != "llm":
        return 0, 0
    asked = search.iterations * search.samples
    reviews = 2 if config.model.review else 1
    others = search.iterations - 1 if config.model.reflect else 0
    if config.feedback.judge:  # asks twice for every vote
        others += 2 * search.iterations * entrants.wanted(config.feedback)
    most = asked * reviews * (1 + search.repairs) * (1 + search.retries)
    return asked * reviews + others, most + others


def _policies(config: RunConfig, task: TaskSpec) -> list[int]:
    """How many policies the best and each arm beside it have trained for the report."""
    if task.fitness.voted:  # nothing is measured
        return []
    seeds = config.search.report_seeds
    arms = [arm for arm in planned(config, task) if arm.timesteps != 0]
    return [seeds, *([seeds] if config.compare else []), *(arm.policies or seeds for arm in arms)]


def _trainings(config: RunConfig, task: TaskSpec) -> int:
    search = config.search
    rewards = search.iterations * search.samples + config.tune.candidates + _compared(config)
    selected = rewards * search.seeds
    finals = search.finalists * search.final_seeds if _has_finals(config) else 0
    return selected + finals + sum(_policies(config, task))


def _steps(config: RunConfig, task: TaskSpec) -> int:
    search, tune, steps = config.search, config.tune, ladder(config, task)
    selected = search.iterations * steps_for(search.samples, steps) + _compared(config) * steps[-1]
    selected += tune.generations * steps_for(tune.samples, steps) if tune.method else 0
    finals = search.final_seeds * steps_for(search.finalists, steps) if _has_finals(config) else 0
    # One policy with the steps of all of them counts as so many.
    long = sum((arm.timesteps or 0) - steps[-1] for arm in planned(config, task) if arm.timesteps)
    reported = sum(_policies(config, task)) * steps[-1]
    return selected * search.seeds + finals + reported + long


def _compared(config: RunConfig) -> int:
    """Rewards that raters see beside the candidates: the native one, if any."""
    return int(config.feedback.decides and config.search.native)


def _has_finals(config: RunConfig) -> bool:
    return config.search.finalists > 1 and not config.feedback.decides


def _prompt_tokens(config: RunConfig, task: TaskSpec) -> int:
    from rewardsmith.propose.llm import preview

    moves = firsts(["r01c00"])
    ask = Ask(task=task, generation=1, moves=moves, notes=config.notes, seed=config.seed)
    return int(len(preview(ask, config.model.prompts)) / _CHARACTERS)


def _cost(config: RunConfig, calls: int, prompt: int, completion: int) -> float | None:
    """Of so many calls shared by the models in turn."""
    known = list(prices(config.model.names, config.model.api_base).values())
    each = [None if price is None else price.of(prompt, completion) for price in known]
    costs: Sequence[float] = [cost for cost in each if cost is not None]
    if len(costs) < len(each):
        return None
    return round(calls * sum(costs) / len(costs), 4) if costs else 0.0


def _speed(store: Store | None, run: RunRecord, config: RunConfig) -> float | None:
    same = (
        run.config.env == config.env
        and run.config.train.algo == config.train.algo
        and run.config.train.backend == config.train.backend
    )
    if store is None or not same or run.status is not RunStatus.DONE or not run.wall_s:
        return None
    if run.config.replay.source and not run.config.replay.retrain:
        return None
    trainings = [t for candidate in store.candidates(run.id) for t in candidate.trainings]
    trainings += [t for baseline in store.baselines(run.id) for t in baseline.trainings]
    steps = sum(training.timesteps for training in trainings)
    return steps / run.wall_s if steps else None


def _cores(config: RunConfig) -> int:
    return config.train.max_workers or os.cpu_count() or 1


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
