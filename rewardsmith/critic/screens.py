"""Cheap screens before training: does a reward prefer the episodes that did the task better?

They see whether a reward is aligned with the task, not whether it can be learnt: a sparse reward
that is true scores 1.00 and may train nobody. So they refuse what is clearly wrong, tell the rest
apart, say when they know nothing, and then let everything pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from rewardsmith.critic.exploits import MARGIN
from rewardsmith.critic.returns import Paid
from rewardsmith.records import Finding, Fitness, Screen

REFUSED_BELOW = 0.5
_ENOUGH_PAIRS = 4


def alignment(paid: Sequence[Paid], trained: Collection[str], fitness: Fitness) -> Screen:
    """Pair accuracy: how often the higher discounted return goes with the better fitness.

    A pair counts where its fitnesses lie clearly apart and the better one is a trained policy's:
    among scripted behaviours alone, who stumbles farthest says nothing. Ties of return count half.
    """
    scores = [fitness.sign * p.fitness for p in paid]
    if not any(p.rollout.behaviour in trained for p in paid):
        return Screen(name="alignment", why="no policy has been trained yet")
    gap = MARGIN * (max(scores) - min(scores))
    pairs = [
        (one, other)
        for one, high in zip(paid, scores, strict=True)
        for other, low in zip(paid, scores, strict=True)
        if high - low > gap and one.rollout.behaviour in trained
    ]
    if len(pairs) < _ENOUGH_PAIRS:
        why = "no trained policy does clearly better than another behaviour"
        return Screen(name="alignment", pairs=len(pairs), why=why)
    return Screen(
        name="alignment",
        accuracy=_accuracy(pairs, lambda p: p.total),
        pairs=len(pairs),
        example=_example(pairs, lambda p: p.total),
    )


def contrast(paid: Sequence[Paid], side: Sequence[float]) -> Screen:
    """The same between the task and its declared opposite, by the mean reward of a step.

    By the step, because who goes the wrong way for long is not to be preferred to who goes the
    right way and falls (arXiv 2309.16155 calls a reward that prefers it inconsistent).

    Args:
        side: for each episode its fitness less that of the opposite task, higher for ours.
    """
    margin = MARGIN * max((abs(value) for value in side), default=0.0)
    own = [p for p, value in zip(paid, side, strict=True) if value > margin]
    opposite = [p for p, value in zip(paid, side, strict=True) if value < -margin]
    pairs = [(one, other) for one in own for other in opposite]
    if not pairs:
        way = "the task's way" if opposite else "the opposite way"
        return Screen(name="contrast", why=f"no episode of this run went {way}")
    return Screen(
        name="contrast",
        accuracy=_accuracy(pairs, lambda p: p.per_step),
        pairs=len(pairs),
        example=_example(pairs, lambda p: p.per_step),
    )


def finding(screen: Screen) -> Finding | None:
    """The refusal that a screen asks for, if any."""
    if screen.accuracy is None or screen.accuracy >= REFUSED_BELOW:
        return None
    what = {
        "alignment": "the discounted return of this reward is higher for the worse episode",
        "contrast": "this reward prefers episodes that did the opposite of the task",
    }[screen.name]
    return Finding(
        rule=screen.name,
        message=(
            f"{what} in {1 - screen.accuracy:.0%} of {screen.pairs} pairs of this run's episodes "
            f"({screen.example}): check the signs, and what the largest term pays for"
        ),
    )


def _accuracy(pairs: Sequence[tuple[Paid, Paid]], value: Callable[[Paid], float]) -> float:
    """The share of pairs (better, worse) in which the better one is paid more."""
    right = sum(
        1.0 if value(one) > value(other) else 0.5 if value(one) == value(other) else 0.0
        for one, other in pairs
    )
    return right / len(pairs)


def _example(pairs: Sequence[tuple[Paid, Paid]], value: Callable[[Paid], float]) -> str:
    """The pair that is judged most wrongly, in words."""
    one, other = max(pairs, key=lambda pair: value(pair[1]) - value(pair[0]))
    return (
        f'"{other.rollout.behaviour}" with fitness {other.fitness:.3g} is paid '
        f'{value(other):.3g}, "{one.rollout.behaviour}" with fitness {one.fitness:.3g} '
        f"{value(one):.3g}"
    )
