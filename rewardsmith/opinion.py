"""What the votes of a run come to: how good each policy is, whom to trust, and what to ask next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rewardsmith.preferences import Ballots, Choices, Posterior, challenge, estimate
from rewardsmith.records import Record, Score
from rewardsmith.rollouts import Rollout
from rewardsmith.tally import WEIGHT, Agreement, agreement, cycle
from rewardsmith.votes import Clip, Question, QuestionKind, Source, Vote

_DRAWS = 4000


class Entrant(Record):
    """A policy that raters may be shown, or a scripted behaviour."""

    id: str
    """A candidate's id, or the name of a reference."""
    clips: tuple[Clip, ...]
    reference: bool = False
    n_seeds: int = 0
    """Training seeds among the clips."""


class Standing(Record):
    """How good one policy is, by the votes."""

    arm: str
    utility: float
    """Where raters see it; a difference of u wins with probability sigmoid(u)."""
    win_rate: Score
    """Mean probability to beat the references, or all others where there are none."""


class Trust(Record):
    """One rater."""

    rater: str
    source: Source
    votes: int
    reliability: float | None = None
    """Probability that the rater means what they say; None for a rater without company."""
    with_people: Agreement | None = None
    """Against the people among the other raters; None without a pair in common."""


class Opinion(Record):
    """All that the votes say."""

    standings: tuple[Standing, ...]
    """The best first."""
    raters: tuple[Trust, ...]
    cycle: tuple[str, ...] = ()
    """Policies that beat each other in a circle: there may be no best. () is as it should be."""


class Judge(Protocol):
    """Answers questions by itself: a synthetic rater, a model, later any other."""

    @property
    def rater(self) -> str:
        """Its id among the raters."""

    def vote(self, question: Question, episodes: Mapping[str, Rollout], number: int) -> Vote | None:
        """Its answer, or None where it has no more to give to this generation.

        Args:
            episodes: every episode that there is to see, by the id of its clip.
            number: of the answers that it has given in this run.
        """


def opinion(votes: Sequence[Vote], entrants: Sequence[Entrant]) -> Opinion:
    """What these votes, see votes.standing, say of the entrants."""
    posterior, raters, counted = _posterior(votes, entrants)
    reliability = posterior.reliability.tolist() if len(raters) > 1 else [None] * len(raters)
    sources = {vote.rater: vote.source for vote in votes}
    voted = Counter(vote.rater for vote in counted)
    standings = _standings(posterior, entrants)
    return Opinion(
        standings=tuple(sorted(standings, key=lambda s: -s.utility)),
        raters=tuple(
            Trust(
                rater=rater,
                source=sources[rater],
                votes=voted[rater],
                reliability=trusted,
                with_people=agreement(rater, counted),
            )
            for rater, trusted in zip(raters, reliability, strict=True)
        ),
        cycle=cycle(counted),
    )


def next_question(
    votes: Sequence[Vote],
    entrants: Sequence[Entrant],
    kind: QuestionKind,
    generation: int,
    rater: str,
    rng: np.random.Generator,
    shown: int = 6,
) -> Question | None:
    """What to ask a rater next, in a random order; None where there is nothing more to ask.

    A remark is asked on the first entrant that the rater has not remarked on in this generation.
    What a rater could not tell apart is not asked again.

    Args:
        shown: policies in a question for the best and the worst.
    """
    own = [v for v in votes if v.rater == rater]
    if kind == "remark":
        done = {
            v.question.shown[0].arm
            for v in own
            if v.question.kind == kind and v.question.generation == generation
        }
        chosen = next((e for e in entrants if not e.reference and e.id not in done), None)
        picked = [chosen] if chosen else []
    else:
        picked = _picked(votes, own, entrants, 2 if kind == "pair" else min(shown, len(entrants)))
    if not picked or (kind == "best-worst" and len(picked) < 3):
        return None
    clips = _clips(votes, picked)
    order = rng.permutation(len(clips))
    return Question(kind=kind, generation=generation, shown=tuple(clips[i] for i in order))


# --- how -----------------------------------------------------------------------------------------


def _posterior(
    votes: Sequence[Vote], entrants: Sequence[Entrant]
) -> tuple[Posterior, list[str], list[Vote]]:
    """The posterior, the raters in its order, and the votes that it is made of."""
    place = {entrant.id: number for number, entrant in enumerate(entrants)}
    counted = [
        vote
        for vote in votes
        if vote.question.kind != "remark"
        and vote.choice != "cannot-tell"
        and all(clip.arm in place for clip in vote.question.shown)
    ]
    raters = list(dict.fromkeys(vote.rater for vote in counted))
    said = [_choices(vote, place) for vote in counted]
    contrary = [_choices(_turned(vote), place) for vote in counted]
    ballots = Ballots(
        said=_stacked(said, len(entrants)),
        contrary=_stacked(contrary, len(entrants)),
        rater=np.array([raters.index(vote.rater) for vote in counted], dtype=np.int64),
        weight=np.array([WEIGHT[vote.strength] for vote in counted]),
    )
    return estimate(ballots, len(raters)), raters, counted


class _Choice(Record):
    """One choice from a set of places."""

    members: tuple[int, ...]
    chosen: int
    sign: float = 1.0
    weight: float = 1.0


def _choices(vote: Vote, place: Mapping[str, int]) -> list[_Choice]:
    """A pair is one choice, a tie half of each; of several, the best and then the worst is."""
    members = tuple(place[clip.arm] for clip in vote.question.shown)
    if vote.best is not None and vote.worst is not None:
        best, worst = members[vote.best], members[vote.worst]
        rest = tuple(member for member in members if member != best)
        return [
            _Choice(members=members, chosen=best),
            _Choice(members=rest, chosen=worst, sign=-1.0),
        ]
    if vote.choice == "tie":
        return [_Choice(members=members, chosen=member, weight=0.5) for member in members]
    return [_Choice(members=members, chosen=members[vote.choice == "right"])]


def _turned(vote: Vote) -> Vote:
    """What the rater would have said who means the contrary."""
    if vote.best is not None:
        return vote.model_copy(update={"best": vote.worst, "worst": vote.best})
    if vote.choice == "tie":
        return vote
    return vote.model_copy(update={"choice": "right" if vote.choice == "left" else "left"})


def _stacked(choices: Sequence[Sequence[_Choice]], n: int) -> Choices:
    flat = [(number, choice) for number, several in enumerate(choices) for choice in several]
    members = np.zeros((len(flat), n), dtype=bool)
    for row, (_, choice) in enumerate(flat):
        members[row, list(choice.members)] = True
    return Choices(
        members=members,
        chosen=np.array([choice.chosen for _, choice in flat], dtype=np.int64),
        sign=np.array([choice.sign for _, choice in flat]),
        vote=np.array([number for number, _ in flat], dtype=np.int64),
        weight=np.array([choice.weight for _, choice in flat]),
    )


def _clips(votes: Sequence[Vote], picked: Sequence[Entrant]) -> list[Clip]:
    """An episode of each, from the same start where there is one; what was seen least comes first.

    Otherwise a lucky start would count as a better policy.
    """
    seen = Counter(clip.id for v in votes for clip in v.question.shown)
    shared = set.intersection(*({clip.seed for clip in entrant.clips} for entrant in picked))
    offered = [clip for entrant in picked for clip in entrant.clips]
    often = Counter(dict.fromkeys(sorted(shared), 0))
    for clip in offered:
        often[clip.seed] += seen[clip.id]
    start = min(shared, key=lambda seed: (often[seed], seed), default=None)
    return [
        min(entrant.clips, key=lambda clip: (clip.seed != start, seen[clip.id]))
        for entrant in picked
    ]


def _standings(posterior: Posterior, entrants: Sequence[Entrant]) -> Iterator[Standing]:
    """The value of a win rate is that of the mean utilities, so that it orders as they do."""
    references = [i for i, entrant in enumerate(entrants) if entrant.reference]
    names = ", ".join(entrants[i].id for i in references) or "all others"
    # A fixed stream: the same votes always give the same interval.
    drawn = posterior.draw(np.random.default_rng(0), _DRAWS)
    for i, entrant in enumerate(entrants):
        others = [j for j in references or range(len(entrants)) if j != i]
        value = float(_wins(posterior.mean, i, others))
        low, high = np.quantile(_wins(drawn, i, others), [0.025, 0.975])
        yield Standing(
            arm=entrant.id,
            utility=float(posterior.mean[i]),
            win_rate=Score(
                kind="preference",
                value=value,
                low=float(min(low, value)),
                high=float(max(high, value)),
                n_seeds=entrant.n_seeds,
                reference=names,
            ),
        )


def _wins(utilities: NDArray[np.float64], i: int, others: Sequence[int]) -> NDArray[np.float64]:
    """(...) mean probability of i to beat the others; even where there are none."""
    if not others:
        return np.full(utilities.shape[:-1], 0.5)
    gap = utilities[..., i, None] - utilities[..., others]
    return np.asarray((1 / (1 + np.exp(-gap))).mean(axis=-1))


def _picked(
    votes: Sequence[Vote], own: Sequence[Vote], entrants: Sequence[Entrant], count: int
) -> list[Entrant]:
    """The leader and its challengers, but no set that the rater could not tell apart."""
    untold = {
        frozenset(clip.arm for clip in v.question.shown) for v in own if v.choice == "cannot-tell"
    }
    posterior, _, _ = _posterior(votes, entrants)
    order = [entrants[i] for i in challenge(posterior)]
    for picked in combinations(order, count):
        if frozenset(entrant.id for entrant in picked) not in untold:
            return list(picked)
    return []
