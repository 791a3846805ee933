"""Turns a trained candidate into the summary that a proposer reads, in markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rewardsmith.observe import diagnose, known, short_number, thousands, typical_training
from rewardsmith.records import (
    Candidate,
    Fitness,
    Score,
    TaskSpec,
    Training,
)

MAX_FAILURE_CHARS = 1500


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
    steps = [thousands(count) for count in curve.timesteps] if curve is not None else []
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
    numbers = known(values)
    if not numbers:
        return ("", "", "", "")
    return (
        short_number(fmean(numbers)),
        short_number(min(numbers)),
        short_number(max(numbers)),
        "",
    )


def _cell(value: float | None) -> str:
    return "-" if value is None else short_number(value)
