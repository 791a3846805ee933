"""Turns a trained candidate into what a proposer reads: observations, and a summary in markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from rewardsmith import trends
from rewardsmith.records import (
    Candidate,
    Curve,
    Fitness,
    Record,
    Score,
    TaskSpec,
    TermStats,
    Training,
)

DOMINATING_SHARE = 0.8
"""From this share of the reward on, one term is said to dominate."""
FLAT_SPREAD = 0.02
"""A series whose range is at most this part of its largest magnitude is flat."""
SHORT_EPISODE = 0.5
"""Episodes shorter than this part of the limit are short; `FULL_EPISODE` and above is full."""
FULL_EPISODE = 0.98
NEAR_ZERO = 1e-3
MAX_FAILURE_CHARS = 1500

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


def summarise(candidate: Candidate, task: TaskSpec) -> str:
    """The text about one candidate that the next prompt and its folder hold, in markdown."""
    lines = [f"### {candidate.id}: {_headline(candidate, task)}"]
    if candidate.failure is not None:
        lines += ["", f"Failed at {candidate.failure.stage} ({candidate.failure.cause}):"]
        lines += _failure_text(candidate.failure.for_llm)
    training = typical_training(candidate, task)
    if training is not None:
        lines += ["", *_evaluation_lines(candidate, task)]
        lines += ["", *_table(training, task)]
    lines += _critic_lines(candidate)
    observations = diagnose(candidate, task)
    if observations:
        lines += ["", "What stands out:", *(f"- {text}" for text in observations)]
    return "\n".join(lines) + "\n"


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


# --- observations --------------------------------------------------------------------------------


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
    known = _known(training.curve.episode_length) if training.curve else []
    return known[-1] if known else None


def _was_short(training: Training, length: float) -> bool:
    """Whether episodes were shorter than `length` at some point of training."""
    return training.curve is not None and any(
        mean < length for mean in _known(training.curve.episode_length)
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
            f"past {_steps(apart.timestep)} steps the reward's return rose "
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
    fitness = _known(curve.fitness)
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


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


# --- the text ------------------------------------------------------------------------------------


def _headline(candidate: Candidate, task: TaskSpec) -> str:
    fitness, score = task.fitness, candidate.score
    if candidate.preference:
        measured = "" if fitness.voted or score is None else f"; {_scored(score, fitness)}"
        return f"{_scored(candidate.preference, fitness)}{measured}"
    if score is None:
        return "failed" if candidate.failure is not None else f"no score yet ({candidate.stage})"
    return _scored(score, fitness)


def _scored(score: Score, fitness: Fitness) -> str:
    low, high = short_number(score.low), short_number(score.high)
    if score.kind == "preference":
        rate = f"win rate {short_number(score.value)} against fixed references"
        return f"{rate}, by votes (interval {low} to {high})"
    unit = f" {fitness.unit}" if fitness.unit else ""
    if score.n_seeds == 1:
        sure = "1 training seed: the interval covers evaluation episodes only"
    else:
        sure = f"{score.n_seeds} training seeds"
    return f"{fitness.name} {short_number(score.value)}{unit} (interval {low} to {high}; {sure})"


def _failure_text(text: str) -> list[str]:
    """The reason as an indented block, so that nothing in it is read as markdown of ours."""
    shown = text if len(text) <= MAX_FAILURE_CHARS else text[:MAX_FAILURE_CHARS] + " [cut]"
    return [f"    {line}" for line in shown.splitlines()[:20]]


def _critic_lines(candidate: Candidate) -> list[str]:
    """What the critic warned of, and how the reward orders the run's earlier episodes."""
    if candidate.verdict is None:
        return []
    lines = [f"- {' '.join(warning.split())}" for warning in candidate.verdict.warnings]
    lines += [
        f"- {screen.name}: it orders {screen.accuracy:.0%} of {screen.pairs} pairs of earlier "
        "episodes as the fitness does"
        for screen in candidate.verdict.screens
        if screen.accuracy is not None
    ]
    return ["", "The critic on this reward:", *lines] if lines else []


def _evaluation_lines(candidate: Candidate, task: TaskSpec) -> list[str]:
    goal = "lower is better" if task.fitness.direction == "minimize" else "higher is better"
    voted = task.fitness.voted
    lines = [] if voted else [f"Evaluated on `{task.fitness.expression}` ({goal}):"]
    for training in candidate.trainings:
        if training.purpose != "selection":
            continue
        if training.failure is not None:
            reason = training.failure.for_llm.splitlines()[:1]
            lines.append(f"- seed {training.seed}: training failed: {''.join(reason)}")
        elif training.episodes is not None and training.episodes.fitness:
            episodes = training.episodes
            lines.append(
                f"- seed {training.seed}: "
                + ("" if voted else f"fitness {short_number(episodes.mean_fitness)}, ")
                + f"{sum(episodes.terminated)} of {len(episodes.terminated)} episodes ended early, "
                f"mean length {short_number(fmean(episodes.length))} steps"
            )
    return lines


def _table(training: Training, task: TaskSpec) -> list[str]:
    """Rows of numbers over training: each term's mean per step, then length and fitness."""
    curve = training.curve
    steps = [_steps(count) for count in curve.timesteps] if curve is not None else []
    columns = max([len(steps), *(len(term.points) for term in training.terms)])
    if columns == 0:
        return []
    lines = [
        f"Training with seed {training.seed}, {training.timesteps} steps; terms as mean per step:",
        "",
        _row("after steps", steps, columns, ("mean", "min", "max", "share")),
        "|---" * (columns + 5) + "|",
    ]
    for term in training.terms:
        tail = (term.mean, term.minimum, term.maximum)
        cells = [short_number(point) for point in term.points]
        last = (*(short_number(value) for value in tail), f"{term.share:.0%}")
        lines.append(_row(f"`{term.name}`", cells, columns, last))
    if curve is not None:
        for name, values in (
            ("episode length", curve.episode_length),
            ("return of this reward", curve.reward_return),
            *(() if task.fitness.voted else (("fitness", curve.fitness),)),
        ):
            lines.append(_row(name, [_cell(value) for value in values], columns, _tail(values)))
    return lines


def _row(name: str, cells: Sequence[str], columns: int, tail: Sequence[str]) -> str:
    padded = [*cells, *[""] * (columns - len(cells))]
    return "| " + " | ".join([name, *padded, *tail]) + " |"


def _tail(values: Sequence[float | None]) -> tuple[str, str, str, str]:
    known = _known(values)
    if not known:
        return ("", "", "", "")
    return (short_number(fmean(known)), short_number(min(known)), short_number(max(known)), "")


def _cell(value: float | None) -> str:
    return "-" if value is None else short_number(value)


def _steps(count: int) -> str:
    return f"{short_number(count / 1000)}k" if count >= 1000 else str(count)
