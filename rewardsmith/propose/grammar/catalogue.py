"""All the terms of one task: the shapes of its goals, and what may stand beside them."""

from __future__ import annotations

from collections.abc import Iterator

from rewardsmith.propose.grammar.intent import Intent
from rewardsmith.propose.grammar.quantities import (
    axis,
    first,
    is_body_speed,
    is_rate,
    is_tilt,
    is_uprightness,
    rate_of,
)
from rewardsmith.propose.grammar.terms import Term, number, probes, shapes
from rewardsmith.records import Record, TaskSpec

MAX_GOALS = 3
_UNBOUNDED = 1e6


class Catalogue(Record):
    """The words of the grammar for one task."""

    goals: tuple[tuple[Term, ...], ...]
    """For each goal its alternative shapes, the plainest first."""
    extras: tuple[Term, ...]
    plain: tuple[str, ...]
    """Names of the extras that the plainest reward holds."""

    @property
    def terms(self) -> dict[str, Term]:
        """Every term by its name, in the order in which a file lists them."""
        goals = [term for group in self.goals for term in group]
        return {term.name: term for term in (*goals, *self.extras)}

    def group_of(self, name: str) -> tuple[Term, ...]:
        """The shapes of the goal that the term `name` belongs to; () for an extra."""
        groups = (group for group in self.goals if any(term.name == name for term in group))
        return next(groups, ())


def catalogue(task: TaskSpec, intent: Intent) -> Catalogue:
    """The terms that `task` allows, for what `intent` asks."""
    groups = [shapes(aim, task, slow=intent.slow) for aim in intent.aims]
    if intent.source == "none":
        groups = [probes(task)]
    goals = {group[0].name: group for group in groups if group}
    extras = [*_survival(intent), *_posture(task, intent), *_effort(task, intent)]
    plain = {"alive", "arrived", "effort", "switching"}
    if intent.upright or not goals:
        plain.add("upright")
    return Catalogue(
        goals=tuple(goals.values())[:MAX_GOALS],
        extras=tuple(extras),
        plain=tuple(term.name for term in extras if term.name in plain),
    )


def _survival(intent: Intent) -> Iterator[Term]:
    ended = "np.where(terminated, 1.0, 0.0)"
    if intent.survive:
        alive, words = "np.where(terminated, 0.0, 1.0)", "every step that does not end the episode"
        yield Term(name="alive", role="survival", code=alive, words=words)
        words = "ending the episode early"
        yield Term(name="fall", role="survival", code=ended, words=words, weight=10.0, charges=True)
    if intent.arrive:
        words = "reaching the end of the episode"
        yield Term(name="arrived", role="survival", code=ended, words=words, weight=10.0)


def _posture(task: TaskSpec, intent: Intent) -> Iterator[Term]:
    aimed = {
        v.name for aim in intent.aims for v in (aim.variable, rate_of(aim.variable, task)) if v
    }
    free = [v for v in task.variables if not v.shape and v.name not in aimed]
    weight = 0.3 if intent.upright or intent.survive else 0.1
    tilts = [v.name for v in free if is_tilt(v)]
    uprightness = first(free, is_uprightness)
    if tilts:
        squares = " + ".join(f"np.square(next_state.{name})" for name in tilts)
        code = (
            f"np.exp(-({squares}) / {{width}})"
            if len(tilts) > 1
            else f"np.exp(-{squares} / {{width}})"
        )
        words = f"small {' and '.join(tilts)}"
        numbers = {"width": 0.1}
        yield Term(
            name="upright", role="posture", code=code, words=words, weight=weight, numbers=numbers
        )
    elif uprightness is not None:
        code, words = f"next_state.{uprightness.name}", "standing upright"
        yield Term(name="upright", role="posture", code=code, words=words, weight=weight)
    rate = first(free, is_rate)
    if rate is not None:
        code, words = f"np.abs(next_state.{rate.name})", f"{rate.name}, either way"
        yield Term(
            name="unsteady", role="posture", code=code, words=words, weight=0.03, charges=True
        )
    ways = {axis(aim.variable) for aim in intent.aims} & {"x", "y"}
    sideways = first(free, lambda v: is_body_speed(v) and axis(v) in {"x", "y"} - ways)
    if ways and sideways is not None:
        code, words = f"np.abs(next_state.{sideways.name})", "drifting sideways"
        yield Term(name="drift", role="posture", code=code, words=words, weight=0.1, charges=True)


def _effort(task: TaskSpec, intent: Intent) -> Iterator[Term]:
    """Charges on the action, as part of its bounds: the weights then fit every environment."""
    if task.action.kind == "discrete":
        code, words = "np.where(action != prev_action, 1.0, 0.0)", "changing the action"
        yield Term(
            name="switching", role="effort", code=code, words=words, weight=0.01, charges=True
        )
        return
    largest = max((abs(bound) for bound in task.action.high), default=1.0)
    scale = f" / {number(largest)}" if 0.0 < largest < _UNBOUNDED and largest != 1.0 else ""
    weight = 0.3 if intent.gentle else 0.05
    for name, value, words in (
        ("effort", "action", "large actions"),
        ("jerk", "(action - prev_action)", "sudden changes of the action"),
    ):
        value = f"{value}{scale}" if scale else value.strip("()")
        code = f"np.mean(np.square({value}), axis=-1)"
        yield Term(name=name, role="effort", code=code, words=words, weight=weight, charges=True)
