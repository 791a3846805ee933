"""What a person asks of a run that goes on: to pause, to go on, to end, or another limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import ValidationError

from rewardsmith.config import LimitConfig
from rewardsmith.errors import LimitReached, UserError
from rewardsmith.records import Record

Kind = Literal["pause", "resume", "cancel", "time-limit", "cost-limit", "token-limit"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LIMITS: Mapping[str, str] = {
    "time-limit": "wall_s",
    "cost-limit": "cost_usd",
    "token-limit": "tokens",
}
"""The setting that a command changes; named as the flags of `run`."""
_UNITS: Mapping[str, str] = {"time-limit": "seconds", "cost-limit": "USD", "token-limit": "tokens"}


class Command(Record):
    """One, as it was appended to the store."""

    id: int
    kind: Kind
    value: str = ""


def checked(kind: str, value: str = "") -> None:
    """Raises UserError where there is no such command, or a limit is no number."""
    if kind not in KINDS:
        raise UserError(f"unknown command {kind!r}: one of {', '.join(KINDS)}")
    if kind in LIMITS:
        limited(LimitConfig(), kind, value)


def limited(limits: LimitConfig, kind: str, value: str) -> LimitConfig:
    """The limits after a command. Raises UserError where `value` is no number above zero."""
    try:
        return LimitConfig.model_validate({**limits.model_dump(), LIMITS[kind]: value})
    except ValidationError:
        raise UserError(f"{kind} needs a number of {_UNITS[kind]} above zero") from None


def limits_left(limits: LimitConfig, taken: Mapping[str, float], what: str) -> LimitConfig:
    """The limits without what is `taken` of them, by the names of their flags.

    Raises LimitReached where one leaves nothing for `what`.
    """
    update: dict[str, float] = {}
    for flag, used in taken.items():
        limit = getattr(limits, LIMITS[flag])
        if limit is not None and used >= limit:
            raise LimitReached(
                f"{used:,.8g} of {limit:,.8g} {_UNITS[flag]} are spent, which leaves nothing for "
                f"{what}; give a larger --{flag}"
            )
        if limit is not None:
            update[LIMITS[flag]] = limit - used
    return limits.model_copy(update=update)
