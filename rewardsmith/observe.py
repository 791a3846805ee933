"""What stands out in a candidate's training, as kinds to act on and lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from rewardsmith import trends
from rewardsmith.records import Candidate, Curve, Record, TaskSpec, TermStats, Training

DOMINATING_SHARE = 0.8
"""From this share of the reward on, one term is said to dominate."""
FLAT_SPREAD = 0.02
"""A series whose range is at most this part of its largest magnitude is flat."""
SHORT_EPISODE = 0.5
"""Episodes shorter than this part of the limit are short; `FULL_EPISODE` and above is full."""
FULL_EPISODE = 0.98
NEAR_ZERO = 1e-3

Kind = Literal[
    "dominating", "constant", "flat", "silent", "short", "full", "zero", "stuck", "fell", "parted",
    "lasting", "ending",
]  # fmt: skip


class Observation(Record):
    """One thing worth knowing about a training, as a kind to act on and a line to read."""

    kind: Kind
    term: str = ""
    """The term it is about; "" when it is about the episodes or the fitness."""
    text: str


def observe(candidate: Candidate, task: TaskSpec) -> tuple[Observation, ...]:
    """What stands out in the candidate's typical training, most telling first; () if it has none.

    Only selection trainings are read: what a proposer learns must not hold the report seeds.
    """
    training = typical_training(candidate, task)
    if training is None:
        return ()
    found = [*_of_terms(training.terms), *_of_length(training, task), *_of_trends(training, task)]
    parted = any(observation.kind == "parted" for observation in found)
    if training.curve is not None and not parted:
        found += _of_fitness(training.curve, task)
    return tuple(found)


def diagnose(candidate: Candidate, task: TaskSpec) -> tuple[str, ...]:
    """The observations in words, one line each."""
    return tuple(observation.text for observation in observe(candidate, task))


def typical_training(candidate: Candidate, task: TaskSpec) -> Training | None:
    """The selection training of median fitness (the lower of two), or None if none succeeded."""
    done = _selected(candidate)
    sign = task.fitness.sign
    fitness = {t.id: t.episodes.mean_fitness for t in done if t.episodes and t.episodes.fitness}
    if not fitness:
        return done[0] if done else None
    ranked = sorted(
        (t for t in done if t.id in fitness), key=lambda t: (sign * fitness[t.id], t.seed)
    )
    return ranked[(len(ranked) - 1) // 2]


def short_number(value: float) -> str:
    """Three significant digits, without an exponent where it reads well: 0.0123, 1230, 4.5e-06."""
    return f"{float(f'{value:.3g}'):g}"


def _selected(candidate: Candidate) -> list[Training]:
    return [t for t in candidate.trainings if t.purpose == "selection" and t.failure is None]


def _of_terms(terms: Sequence[TermStats]) -> Iterator[Observation]:
    for term in terms:
        if len(terms) > 1 and term.share >= DOMINATING_SHARE:
            text = f"term `{term.name}` holds {term.share:.0%} of the reward"
            yield Observation(kind="dominating", term=term.name, text=text)
    for term in terms:
        kind = _stillness(term)
        if kind == "silent":
            text = f"term `{term.name}` stayed near zero throughout training"
        elif kind == "constant":
            text = f"term `{term.name}` has the same value at every step, whatever the policy does"
        elif kind == "flat":
            text = f"term `{term.name}` hardly moved during training"
        else:
            continue
        yield Observation(kind=kind, term=term.name, text=text)


def _stillness(term: TermStats) -> Literal["silent", "constant", "flat"] | None:
    largest = max(abs(term.minimum), abs(term.maximum), *(abs(p) for p in term.points), 0.0)
    if largest < NEAR_ZERO:
        return "silent"
    if term.maximum - term.minimum <= 1e-9 * largest:
        return "constant"
    return "flat" if len(term.points) > 1 and _is_flat(term.points) else None


def _is_flat(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= FLAT_SPREAD * max(abs(value) for value in values)


def _of_length(training: Training, task: TaskSpec) -> Iterator[Observation]:
    limit = task.max_episode_steps
    length = _episode_length(training)
    if limit is None or length is None:
        return
    steps = f"{short_number(length)} of {limit} steps"
    if length < SHORT_EPISODE * limit:
        yield Observation(kind="short", text=f"episodes end after {steps}")
    elif length >= FULL_EPISODE * limit and _was_short(training, FULL_EPISODE * limit):
        text = f"episodes now last {steps}; earlier in training they ended early"
        yield Observation(kind="full", text=text)


def _episode_length(training: Training) -> float | None:
    """Mean steps of the evaluation episodes, else of the training episodes in the last tenth."""
    if training.episodes is not None and training.episodes.length:
        return fmean(training.episodes.length)
    lengths = known(training.curve.episode_length) if training.curve else []
    return lengths[-1] if lengths else None


def _was_short(training: Training, length: float) -> bool:
    """Whether episodes were shorter than `length` at some point of training."""
    return training.curve is not None and any(
        mean < length for mean in known(training.curve.episode_length)
    )


def _of_trends(training: Training, task: TaskSpec) -> Iterator[Observation]:
    if task.fitness.voted:
        return
    apart = trends.parting(training, task.fitness)
    if apart is not None:
        what = "the reward pays for something else"
        if apart.term is not None:
            name, step = apart.term
            cap = short_number(step.before)
            what = f"`{name}` pays for it; try np.minimum({name}, {cap}), what it paid a step then"
        text = (
            f"past {thousands(apart.timestep)} steps the reward's return rose "
            f"({_change(apart.reward)}) while fitness worsened ({_change(apart.fitness)}): {what}"
        )
        yield Observation(kind="parted", term=apart.term[0] if apart.term else "", text=text)
    length = trends.lasting(training, task.fitness)
    if length is not None:
        kind: Kind = "lasting" if length.length.gain > 0 else "ending"
        text = (
            f"episodes went from {_change(length.length)} steps, which is {length.share:.0%} of "
            f"what the reward's return gained; fitness did not gain ({_change(length.fitness)}): "
            f"the reward pays for {kind}"
        )
        yield Observation(kind=kind, text=text)


def _change(change: trends.Change) -> str:
    return f"{short_number(change.before)} to {short_number(change.after)}"


def _of_fitness(curve: Curve, task: TaskSpec) -> Iterator[Observation]:
    fitness = known(curve.fitness)
    if len(fitness) < 2 or task.fitness.voted:
        return
    sign = task.fitness.sign
    last = fitness[-1]
    best = max(fitness, key=lambda value: sign * value)
    spread = max(fitness) - min(fitness)
    negligible = max(NEAR_ZERO, 0.05 * abs(task.fitness.solved or 0.0))
    if sign > 0 and max(abs(value) for value in fitness) < negligible:
        yield Observation(kind="zero", text="fitness stayed near zero during training")
    elif _is_flat(fitness):
        text = f"fitness stayed at about {short_number(last)} during training"
        yield Observation(kind="stuck", text=text)
    elif sign * (best - last) > 0.3 * spread:
        text = f"fitness reached {short_number(best)} and ended at {short_number(last)}"
        yield Observation(kind="fell", text=text)


def known(values: Sequence[float | None]) -> list[float]:
    """The values of a series where it has one."""
    return [value for value in values if value is not None]


def thousands(count: int) -> str:
    """Steps: 500, 1.5k, 100k."""
    return f"{short_number(count / 1000)}k" if count >= 1000 else str(count)
