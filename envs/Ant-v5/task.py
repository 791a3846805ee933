"""Variables of Ant-v5 that an index alone does not give.

A reset adds noise to the quaternion and leaves it off unit length, so it is normalised here.
"""

from __future__ import annotations

from typing import Any


def uprightness(xp: Any, qpos: Any) -> Any:
    """The vertical part of the torso's own z axis, (n,), from -1 to 1."""
    _, x, y, _ = _unit_quaternion(xp, qpos)
    return 1 - 2 * (x**2 + y**2)


def heading(xp: Any, qpos: Any) -> Any:
    """The yaw of the torso, (n,), in [-pi, pi]."""
    w, x, y, z = _unit_quaternion(xp, qpos)
    return xp.arctan2(2 * (w * z + x * y), 1 - 2 * (y**2 + z**2))


def _unit_quaternion(xp: Any, qpos: Any) -> tuple[Any, Any, Any, Any]:
    quaternion = qpos[:, 3:7]
    quaternion = quaternion / xp.sqrt((quaternion**2).sum(axis=1))[:, None]
    return quaternion[:, 0], quaternion[:, 1], quaternion[:, 2], quaternion[:, 3]
