"""The moves that need no proposer: two parents' terms put together, a parent's numbers changed."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.chance import stream
from rewardsmith.propose import Ask, Proposal
from rewardsmith.propose.grammar import surgery
from rewardsmith.propose.splice import spliced
from rewardsmith.strategies import Move


def unaided(ask: Ask) -> list[Proposal]:
    """Proposals for those moves of `ask` that can be made here; the others are the proposer's."""
    return [
        Proposal(
            slot=move.slot,
            code=code,
            origin=f"{move.operator}:{ask.strategy}",
            operator=move.operator,
            parents=tuple(parent.id for parent in move.parents),
        )
        for move in ask.moves
        if (code := _code(ask, move))
    ]


def rest(ask: Ask, done: Sequence[Proposal]) -> Ask:
    """What is left of `ask`; a splice that came to nothing is asked for as a crossing."""
    slots = {proposal.slot for proposal in done}
    left = tuple(
        move.model_copy(update={"operator": "cross"}) if move.operator == "splice" else move
        for move in ask.moves
        if move.slot not in slots
    )
    return ask.model_copy(update={"moves": left})


def _code(ask: Ask, move: Move) -> str | None:
    if move.operator == "tune":
        return surgery.with_params(move.parents[0].code, move.params)
    sound = [c.verdict for c in move.parents if c.verdict and c.verdict.reward]
    if move.operator != "splice" or len(sound) < 2:
        return None
    return spliced(sound[0], sound[1], ask.task, stream(ask.seed, "splice", move.slot))
