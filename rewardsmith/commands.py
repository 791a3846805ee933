"""What a person asks of a run that goes on: to pause, to go on, to end, or another limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import ValidationError

from rewardsmith.config import LimitConfig
from rewardsmith.errors import UserError
from rewardsmith.records import Record

Kind = Literal["pause", "resume", "cancel", "time-limit", "cost-limit", "token-limit"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LIMITS: Mapping[str, str] = {
    "time-limit": "wall_s",
    "cost-limit": "cost_usd",
    "token-limit": "tokens",
}
"""The setting that a command changes; named as the flags of `run`."""


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
        unit = {"time-limit": "seconds", "cost-limit": "USD", "token-limit": "tokens"}[kind]
        raise UserError(f"{kind} needs a number of {unit} above zero") from None
