"""What a task asks for, read from its fitness first and its sentence second."""

from __future__ import annotations

import re
from typing import Literal

from rewardsmith.propose.grammar.aims import Aim, Sign, read_fitness
from rewardsmith.propose.grammar.quantities import (
    Axis,
    all_words,
    axis,
    first,
    is_angle,
    is_body_speed,
    is_difference,
    is_position,
    is_rate,
    is_tilt,
    is_uprightness,
    name_words,
)
from rewardsmith.records import Record, TaskSpec, Variable
from rewardsmith.sentence import Direction, Reading, read, stem

_GAITS = ("run", "walk", "hop", "move", "go", "travel", "trot", "gallop", "crawl", "sprint")
_RISES = ("jump", "leap", "rise", "fly", "lift")
_STILL = ("still", "motionless", "stationary", "stop", "rest")
_UPRIGHT = ("upright", "balance", "stand", "vertical", "steady", "stable")
_TURNS = ("spin", "rotate", "turn", "twirl", "flip")
_ARRIVALS = ("reach", "arrive", "goal", "climb", "hill", "top", "flag", "target", "swing")
_HILLS = ("climb", "hill", "top", "swing")
_GENTLE = ("gentle", "gently", "efficient", "smooth", "smoothly", "quiet", "economical", "soft")
_SLOW = ("slow", "slowly", "gentle", "gently", "calm", "careful", "carefully", "stroll")
_ENDS = re.compile(r"\b(terminat|ends?\b|ended|falls?\b|leaves?\b|unhealthy)")
_NO_END = re.compile(r"\b(never|not|no)\b")


class Intent(Record):
    """What to pay for, and in which manner."""

    aims: tuple[Aim, ...]
    source: Literal["fitness", "sentence", "none"]
    """Where the aims come from; "none": neither named one that can be read."""
    survive: bool
    """Episodes can end early and that is to be avoided."""
    arrive: bool
    """An early end of the episode is the aim."""
    slow: bool
    gentle: bool
    upright: bool


def read_task(task: TaskSpec, notes: str = "") -> Intent:
    """The intent of `task`; the user's notes count for the manner, not for the direction."""
    fitness = read_fitness(task)
    sentence = read(task.sentence)
    manner = read(f"{task.sentence}. {notes}")
    early = can_end_early(task)
    aims = fitness.aims or _sentence_aims(sentence, task)
    arrive = fitness.duration < 0 or (not fitness.aims and sentence.asks(*_ARRIVALS))
    declared = bool(fitness.aims) or fitness.duration != 0
    said = bool(aims) or (early and (arrive or sentence.asks(*_UPRIGHT)))
    return Intent(
        aims=aims,
        source="fitness" if declared else "sentence" if said else "none",
        survive=early and not arrive,
        arrive=early and arrive,
        slow=manner.asks(*_SLOW),
        gentle=manner.asks(*_GENTLE),
        upright=manner.asks(*_UPRIGHT) or manner.denies("fall", "tumble", "topple"),
    )


def can_end_early(task: TaskSpec) -> bool:
    """Whether the task's words on how episodes end speak of more than a time limit."""
    sentences = re.split(r"[.;\n]", task.episode_end.lower())
    return any(_ENDS.search(text) and not _NO_END.search(text) for text in sentences)


def _sentence_aims(sentence: Reading, task: TaskSpec) -> tuple[Aim, ...]:
    """Directions, then what is to be still, upright or turning; else a place, else a name."""
    aims = [
        *_directed(sentence, task),
        *_postures(sentence, task),
        *_turning(sentence, task),
    ]
    aims = aims or _arriving(sentence, task) or _named(sentence, task)
    return tuple({aim.key: aim for aim in reversed(aims)}.values())[::-1]


def _directed(sentence: Reading, task: TaskSpec) -> list[Aim]:
    ways: list[Direction] = sorted(sentence.directions)
    if sentence.asks(*_HILLS):
        ways = [way for way in ways if way != "up"]
    if not ways and not sentence.asks(*_ARRIVALS, *_STILL):
        if sentence.asks(*_RISES):
            ways = ["up"]
        elif sentence.asks(*_GAITS):
            ways = ["forward"]
    height = first(task.variables, lambda v: is_position(v) and not v.shape and axis(v) == "z")
    if ways == ["up"] and height is not None and sentence.asks("stand", "get"):
        return [Aim(kind="raise", variable=height)]
    found = (_toward(way, task) for way in ways)
    return [aim for aim in found if aim is not None]


def _toward(way: Direction, task: TaskSpec) -> Aim | None:
    """Progress along the way's axis, by its speed if there is one; left is +y, in a plane -x."""
    sideways: Axis = "y" if first(task.variables, lambda v: axis(v) == "y") else "x"
    axes: dict[Direction, tuple[Axis, Sign]] = {
        "forward": ("x", 1),
        "backward": ("x", -1),
        "left": (sideways, 1 if sideways == "y" else -1),
        "right": (sideways, -1 if sideways == "y" else 1),
        "up": ("z", 1),
        "down": ("z", -1),
    }
    along, sign = axes[way]
    variable = _moving(along, task.variables)
    return Aim(kind="progress", variable=variable, sign=sign) if variable else None


def _moving(along: Axis, variables: tuple[Variable, ...]) -> Variable | None:
    scalars = [v for v in variables if not v.shape]
    found = first(scalars, lambda v: is_body_speed(v) and axis(v) == along)
    found = found or first(scalars, lambda v: is_position(v) and axis(v) == along)
    if found is None and along == "x":  # a track with one way to go need not name its axis
        found = first(scalars, lambda v: is_body_speed(v) and axis(v) is None)
    return found


def _postures(sentence: Reading, task: TaskSpec) -> list[Aim]:
    aims: list[Aim] = []
    tilts = [v for v in task.variables if is_tilt(v)]
    if sentence.asks("swing"):  # from far away, where a bell around upright would be flat
        aims += [Aim(kind="cosine", variable=v) for v in tilts if is_angle(v)]
    elif sentence.asks(*_UPRIGHT):
        aims += [Aim(kind="near", variable=v, target=0.0) for v in tilts]
        aims += [Aim(kind="raise", variable=v) for v in task.variables if is_uprightness(v)]
    if sentence.asks(*_STILL) or sentence.denies(*_GAITS, *_RISES):
        still = [v for v in task.variables if is_body_speed(v)]
        aims += [Aim(kind="near", variable=v, target=0.0) for v in still]
    return aims


def _turning(sentence: Reading, task: TaskSpec) -> list[Aim]:
    if not sentence.asks(*_TURNS):
        return []
    rates = [v for v in task.variables if is_rate(v) and not v.shape]
    return [Aim(kind="away", variable=v, target=0.0) for v in rates[:2]]


def _arriving(sentence: Reading, task: TaskSpec) -> list[Aim]:
    """To meet: close the distance. Up a hill or a swing: gather speed, whichever way."""
    if not sentence.asks(*_ARRIVALS):
        return []
    asked = {stem(word) for word in sentence.asked}
    gaps = [
        v for v in task.variables if is_difference(v) and asked & {stem(w) for w in all_words(v)}
    ]
    if gaps:
        return [Aim(kind="near", variable=v, target=0.0) for v in gaps]
    if not sentence.asks(*_HILLS) and not can_end_early(task):
        return []
    moving = [v for v in task.variables if not v.shape and (is_body_speed(v) or is_rate(v))]
    return [Aim(kind="away", variable=v, target=0.0) for v in moving[:2]]


def _named(sentence: Reading, task: TaskSpec) -> list[Aim]:
    """Variables that the sentence names: raised where asked for, kept at zero where ruled out."""
    aims: list[Aim] = []
    if sentence.asks(*_ARRIVALS):  # "push the cube to the goal" does not ask for more cube
        return aims
    for variable in task.variables:
        words = {stem(word) for word in name_words(variable) if len(word) > 2}
        if words & {stem(word) for word in sentence.asked}:
            lower = sentence.asks("minimise", "minimize", "lower", "low", "reduce", "small")
            aims.append(Aim(kind="raise", variable=variable, sign=-1 if lower else 1))
        elif words & {stem(word) for word in sentence.negated}:
            aims.append(Aim(kind="near", variable=variable, target=0.0))
    return aims[:3]
