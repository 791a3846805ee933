"""What a run will take: calls, tokens, dollars, core-hours and wall time, before it begins."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from statistics import median

from rewardsmith import entrants
from rewardsmith.arms import planned, searches
from rewardsmith.calls import reply_of, request_of
from rewardsmith.config import RunConfig
from rewardsmith.llm.budget import PICTURE, prices
from rewardsmith.llm.manual import MANUAL
from rewardsmith.measure import backend_of
from rewardsmith.models import frames
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
_USUAL_PICTURE = 300
"""Tokens of one of 480x360: 230 by Anthropic's rule, a 750th of the pixels; others count alike."""
_USUAL_ANSWER_S = 20.0
"""A reply of that length from a hosted model, thinking included; assumed until one was measured."""
_TRAINING_SHARE = {"population": 1.2, "sb3": 0.3}
"""Of the speed of bare environment steps on all cores, what trainings come to with their updates.
The population's own physics is the faster one: 1.15 in a whole run on CartPole, 0.98 to 1.6 on
HalfCheetah, 1.2 on Ant and 1.7 on Hopper, where stable-baselines3 had 0.27, 0.66 and 0.46."""


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
    """Of the trainings, and of the answers waited for."""
    answers_s: float
    """Of the answers; 0 without a model, and by hand: nobody knows how long a person takes."""
    core_hours: float
    measured: str
    """Where the speed comes from."""
    answers_from: str
    """Where the time of an answer comes from."""


class Pace(Record):
    """How fast things go, and where each number comes from."""

    steps_per_s: float
    """Environment steps of all trainings together."""
    measured: str
    answer_s: float = _USUAL_ANSWER_S
    answers_from: str = "assumed"


def forecast(config: RunConfig, task: TaskSpec, pace: Pace) -> Forecast:
    """What `config` comes to on `task`, at that pace on all cores."""
    asked = searches(config)
    likely, most = (sum(counts) for counts in zip(*map(_calls, asked), strict=True))
    known = prices(config.model.names, config.model.api_base)
    first = _prompt_tokens(config, task) if likely else 0
    later = int(first * _LATER_PROMPT)
    usual, longest = first + _USUAL_REPLY, later + _TRIES * config.model.max_tokens
    pictures = sum(map(_pictures, asked)) if likely else 0
    steps = sum(_steps(one, task) for one in asked)
    trainings_s = steps / pace.steps_per_s
    answers_s = sum(map(_rounds, asked)) * pace.answer_s
    return Forecast(
        calls_likely=likely,
        calls_most=most,
        tokens_likely=likely * usual + pictures * _USUAL_PICTURE,
        tokens_most=most * longest + pictures * PICTURE,
        cost_usd_likely=_cost(config, (likely, later, _USUAL_REPLY), (pictures, _USUAL_PICTURE, 0)),
        cost_usd_most=_cost(
            config, (most, 2 * later, _TRIES * config.model.max_tokens), (pictures, PICTURE, 0)
        ),
        unpriced=tuple(name for name, price in known.items() if price is None),
        trainings=sum(_trainings(one, task) for one in asked),
        steps=steps,
        wall_s=round(trainings_s + answers_s, 1),
        answers_s=round(answers_s, 1),
        core_hours=round(trainings_s * _cores(config) / 3600, 3),
        measured=pace.measured,
        answers_from=pace.answers_from,
    )


def measured_pace(
    store: Store | None, config: RunConfig, bare_steps_per_s: Callable[[], float]
) -> Pace:
    """How fast a run with these settings goes.

    Finished runs of the same environment, algorithm and backend on this machine say it best;
    where there are none, `bare_steps_per_s` measures steps of the environment alone on one core.
    """
    runs = store.runs() if store else []
    speeds = [found for run in runs if store and (found := _speed(store, run, config))]
    if speeds:
        pace = Pace(steps_per_s=speeds[-1], measured="from the last such run")
    else:
        share = _TRAINING_SHARE[backend_of(config.train)]
        speed = max(bare_steps_per_s(), 1.0) * _cores(config) * share
        pace = Pace(steps_per_s=speed, measured="from a short measurement")
    answers = [found for run in runs if store and (found := _answer_s(store, run, config))]
    if answers:
        return pace.model_copy(update={"answer_s": answers[-1], "answers_from": "as measured"})
    return pace


def words(made: Forecast, config: RunConfig) -> list[str]:
    """The forecast as lines."""
    trainings_s = made.wall_s - made.answers_s
    hours = f"about {_duration(trainings_s)}, {made.core_hours:.2g} core-hours ({made.measured})"
    lines = [f"{made.trainings} trainings, {made.steps:,} steps: {hours}"]
    if not made.calls_likely:
        return [*lines, "no calls to a model"]
    if MANUAL in config.model.names:
        lines.append("answers by hand take as long as you take")
    if made.answers_s:
        waited = f"about {_duration(made.answers_s)} of waiting for answers ({made.answers_from})"
        lines.append(f"{waited}; {_duration(made.wall_s)} in all")
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
    # A new best a generation; at most every candidate but the last generation's, once each.
    told = search.iterations - 1 if config.model.describe else 0
    return asked * reviews + others + told, most + others + told * search.samples


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


def _rounds(config: RunConfig) -> int:
    """How often a run waits for an answer, as far as many are not under way at a time."""
    search, model = config.search, config.model
    if model.proposer != "llm" or set(model.names) == {MANUAL}:
        return 0
    endpoints = 1 if model.api_base else len(set(model.names) - {MANUAL})
    at_once = model.concurrency * endpoints
    waves = math.ceil(search.samples / at_once) + (search.samples if model.review else 0)
    others = (search.iterations - 1) * (model.reflect + model.describe)
    if config.feedback.judge:
        others += 2 * search.iterations * entrants.wanted(config.feedback)
    return search.iterations * waves + others


def _answer_s(store: Store, run: RunRecord, config: RunConfig) -> float | None:
    """What a reply takes, by a run that asked one of the models at the same address."""
    names = set(config.model.names) - {MANUAL}
    if run.config.replay.source or run.config.model.api_base != config.model.api_base:
        return None
    times = _reply_times_s(store, run, names)
    return median(times) if times else None


def _reply_times_s(store: Store, run: RunRecord, names: Collection[str]) -> list[float]:
    calls = [call for call in store.calls(run.id) if request_of(call).model in names]
    return [reply.wall_s for call in calls if (reply := reply_of(call))]


def _prompt_tokens(config: RunConfig, task: TaskSpec) -> int:
    from rewardsmith.propose.llm import preview

    moves = firsts(["r01c00"])
    ask = Ask(task=task, generation=1, moves=moves, notes=config.notes, seed=config.seed)
    return int(len(preview(ask, config.model.prompts)) / _CHARACTERS)


def _cost(config: RunConfig, *parts: tuple[int, int, int]) -> float | None:
    """Of parts shared by the models in turn: how often, tokens of a prompt, tokens of a reply."""
    known = list(prices(config.model.names, config.model.api_base).values())
    costs = [
        sum(count * price.of(prompt, completion) for count, prompt, completion in parts)
        for price in known
        if price is not None
    ]
    if len(costs) < len(known):
        return None
    return round(sum(costs) / len(costs), 4) if costs else 0.0


def _pictures(config: RunConfig) -> int:
    """That a judge is shown: of both policies, in both orders."""
    return 2 * 2 * frames(config) * config.search.iterations * entrants.wanted(config.feedback)


def _speed(store: Store, run: RunRecord, config: RunConfig) -> float | None:
    """Steps a second of a finished run, without the time that it waited for answers."""
    same = (
        run.config.env == config.env
        and run.config.train.algo == config.train.algo
        and run.config.train.backend == config.train.backend
    )
    names = run.config.model.names
    if not same or run.status is not RunStatus.DONE or not run.wall_s or MANUAL in names:
        return None
    if run.config.replay.source:
        return None
    trainings = [t for candidate in store.candidates(run.id) for t in candidate.trainings]
    trainings += [t for baseline in store.baselines(run.id) for t in baseline.trainings]
    steps = sum(training.timesteps for training in trainings)
    waited_s = sum(_reply_times_s(store, run, names)) / run.config.model.concurrency
    return steps / max(run.wall_s - waited_s, 1.0) if steps else None


def _cores(config: RunConfig) -> int:
    return config.train.max_workers or os.cpu_count() or 1


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
