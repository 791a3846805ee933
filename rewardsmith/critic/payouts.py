"""What a reward pays for whole episodes, in words: CARD's trajectory and preference feedback.

Arithmetic over episodes that the run has kept; nothing is trained for it (arXiv 2410.14660).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rewardsmith.critic import screens
from rewardsmith.critic.returns import Paid
from rewardsmith.observe import short_number
from rewardsmith.records import Fitness

_SHOWN = 2
"""Episodes at each end."""


def words(paid: Sequence[Paid], trained: Collection[str], fitness: Fitness) -> str:
    """The best and the worst episodes with what each term paid, then how well the order agrees.

    Args:
        paid: what the reward pays for every episode that the run has kept.
        trained: names of the trained policies among them; the others are scripted behaviours.
    """
    own = [p for p in paid if p.rollout.behaviour in trained]
    ranked = sorted(
        own, key=lambda p: (-fitness.sign * p.fitness, p.rollout.behaviour, p.rollout.seed)
    )
    count = min(_SHOWN, len(ranked) // 2)
    lines = ["Discounted return of the reward and of its terms, for the episodes of policies:"]
    lines += [f"- {line}" for line in _episodes(ranked[:count], "best")]
    lines += [f"- {line}" for line in _episodes(ranked[len(ranked) - count :], "worst")]
    screen = screens.alignment(paid, trained, fitness)
    if screen.accuracy is None:
        return "\n".join([*lines, f"The order of episodes says nothing yet: {screen.why}."])
    lines.append(
        f"The reward orders {screen.accuracy:.0%} of {screen.pairs} pairs of episodes as the "
        "fitness does."
    )
    if screen.accuracy < 1.0:
        lines.append(f"Most wrongly: {screen.example}.")
    return "\n".join(lines)


def _episodes(chosen: Sequence[Paid], which: str) -> Iterator[str]:
    for p in chosen:
        terms = ", ".join(f"{name} {short_number(value)}" for name, value in p.terms.items())
        length = len(p.rollout.transitions)
        yield (
            f"{which}: {p.rollout.behaviour}, fitness {short_number(p.fitness)}, {length} steps: "
            f"{short_number(p.total)} in all; {terms}"
        )
