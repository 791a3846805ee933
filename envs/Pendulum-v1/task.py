"""Variables of Pendulum-v1 that an index alone does not give."""

from __future__ import annotations

from typing import Any


def angle(xp: Any, obs: Any) -> Any:
    """The angle from upright in [-pi, pi], (n,), from the observed cosine and sine."""
    return xp.arctan2(obs[:, 1], obs[:, 0])
