"""What Gymnasium's MuJoCo environments (v5) make of a step of physics, for all worlds at once.

Each formula is that of the environment of the same name in gymnasium.envs.mujoco, written over
(n, k) arrays against an array namespace `xp`. The weights and ranges are read from a real
environment, so that its keyword arguments hold. tests/test_sim_mujoco.py proves them equal.

The environments' own rewards stand here and not in envs/, which is what a prompt is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Raws: TypeAlias = Mapping[str, Any]
"""Arrays of MjData by attribute, flattened: (n, k), such as qpos, qvel, xpos, cfrc_ext."""
Outcome: TypeAlias = tuple[Any, Any, Any]
"""Observation (n, obs_dim), native reward (n,), terminated (n,)."""


@dataclass(frozen=True)
class Formula:
    """One environment's step.

    Attributes:
        raws: what it reads of MjData.
        forces: whether the contact forces have to be computed (mj_rnePostConstraint).
        step: from the namespace, an unwrapped environment, the arrays before and after the
            physics, and the executed actions (n, d) in the action space's own type.
    """

    raws: tuple[str, ...]
    step: Callable[[Any, Any, Raws, Raws, Any], Outcome]
    forces: bool = False


def _half_cheetah(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    reward = _forward(env, before["qpos"][:, 0], now["qpos"][:, 0]) - _control(xp, env, action)
    obs = _joined(xp, _positions(env, now, 1), now["qvel"])
    return obs, reward, xp.zeros(len(obs), dtype=bool)


def _hopper(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    qpos = now["qpos"]
    low, high = env._healthy_state_range
    rest = _joined(xp, qpos[:, 2:], now["qvel"])
    healthy = ((low < rest) & (rest < high)).all(axis=1)
    healthy &= _within(qpos[:, 1], env._healthy_z_range)
    healthy &= _within(qpos[:, 2], env._healthy_angle_range)
    return _walker(xp, env, before, now, action, healthy)


def _walker2d(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    qpos = now["qpos"]
    healthy = _within(qpos[:, 1], env._healthy_z_range)
    healthy &= _within(qpos[:, 2], env._healthy_angle_range)
    return _walker(xp, env, before, now, action, healthy)


def _walker(xp: Any, env: Any, before: Raws, now: Raws, action: Any, healthy: Any) -> Outcome:
    """What Hopper and Walker2d share."""
    forward = _forward(env, before["qpos"][:, 0], now["qpos"][:, 0])
    reward = forward + healthy * env._healthy_reward - _control(xp, env, action)
    obs = _joined(xp, _positions(env, now, 1), _clipped(xp, now["qvel"], -10, 10))
    return obs, reward, _ended(env, healthy)


def _ant(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    qpos, qvel = now["qpos"], now["qvel"]
    low, high = env._healthy_z_range
    state = _joined(xp, qpos, qvel)
    healthy = xp.isfinite(state).all(axis=1) & (low <= state[:, 2]) & (state[:, 2] <= high)
    torso = 3 * _body(env, env._main_body)
    forces = _clipped(xp, now["cfrc_ext"], *env._contact_force_range)
    reward = _forward(env, before["xpos"][:, torso], now["xpos"][:, torso])
    reward = reward + healthy * env._healthy_reward - _control(xp, env, action)
    reward = reward - env._contact_cost_weight * (forces**2).sum(axis=1)
    parts = [_positions(env, now, 2), qvel]
    if env._include_cfrc_ext_in_observation:
        parts.append(forces[:, 6:])
    return _joined(xp, *parts), reward, _ended(env, healthy)


def _humanoid(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    healthy = _within(now["qpos"][:, 2], env._healthy_z_range)
    mass = xp.asarray(env.model.body_mass)
    centre = [
        (raws["xipos"].reshape(len(action), -1, 3)[:, :, 0] * mass).sum(axis=1) / mass.sum()
        for raws in (before, now)
    ]
    contact = env._contact_cost_weight * (now["cfrc_ext"] ** 2).sum(axis=1)
    reward = _forward(env, *centre) + healthy * env._healthy_reward
    # Gymnasium takes the controls as MuJoCo holds them, in double precision.
    reward = reward - env._ctrl_cost_weight * (now["ctrl"] ** 2).sum(axis=1)
    reward = reward - _clipped(xp, contact, *env._contact_cost_range)
    parts = [_positions(env, now, 2), now["qvel"]]
    for wanted, values in (
        (env._include_cinert_in_observation, now["cinert"][:, 10:]),
        (env._include_cvel_in_observation, now["cvel"][:, 6:]),
        (env._include_qfrc_actuator_in_observation, now["qfrc_actuator"][:, 6:]),
        (env._include_cfrc_ext_in_observation, now["cfrc_ext"][:, 6:]),
    ):
        if wanted:
            parts.append(values)
    return _joined(xp, *parts), reward, _ended(env, healthy)


def _swimmer(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    reward = _forward(env, before["qpos"][:, 0], now["qpos"][:, 0]) - _control(xp, env, action)
    obs = _joined(xp, _positions(env, now, 2), now["qvel"])
    return obs, reward, xp.zeros(len(obs), dtype=bool)


def _inverted_pendulum(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    obs = _joined(xp, now["qpos"], now["qvel"])
    terminated = ~xp.isfinite(obs).all(axis=1) | (abs(obs[:, 1]) > 0.2)
    return obs, 1.0 - terminated, terminated


def _inverted_double_pendulum(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    qpos, qvel = now["qpos"], now["qvel"]
    x, y = now["site_xpos"][:, 0], now["site_xpos"][:, 2]
    terminated = y <= 1
    distance = 0.01 * x**2 + (y - 2) ** 2
    velocity = 1e-3 * qvel[:, 1] ** 2 + 5e-3 * qvel[:, 2] ** 2
    reward = env._healthy_reward * (1 - terminated) - distance - velocity
    obs = _joined(
        xp,
        qpos[:, :1],
        xp.sin(qpos[:, 1:]),
        xp.cos(qpos[:, 1:]),
        _clipped(xp, qvel, -10, 10),
        _clipped(xp, now["qfrc_constraint"][:, :1], -10, 10),
    )
    return obs, reward, terminated


def _reacher(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    qpos = now["qpos"]
    gap = _place(env, now, "fingertip") - _place(env, now, "target")
    reward = -_length(xp, gap) * env._reward_dist_weight
    reward = reward - (action**2).sum(axis=1) * env._reward_control_weight
    obs = _joined(
        xp, xp.cos(qpos[:, :2]), xp.sin(qpos[:, :2]), qpos[:, 2:], now["qvel"][:, :2], gap[:, :2]
    )
    return obs, reward, xp.zeros(len(obs), dtype=bool)


def _pusher(xp: Any, env: Any, before: Raws, now: Raws, action: Any) -> Outcome:
    tip, thing, goal = (_place(env, now, name) for name in ("tips_arm", "object", "goal"))
    reward = -_length(xp, thing - goal) * env._reward_dist_weight
    reward = reward - (action**2).sum(axis=1) * env._reward_control_weight
    reward = reward - _length(xp, thing - tip) * env._reward_near_weight
    obs = _joined(xp, now["qpos"][:, :7], now["qvel"][:, :7], tip, thing, goal)
    return obs, reward, xp.zeros(len(obs), dtype=bool)


_PLAIN = ("qpos", "qvel")
FORMULAS: Mapping[str, Formula] = {
    "HalfCheetah-v5": Formula(_PLAIN, _half_cheetah),
    "Hopper-v5": Formula(_PLAIN, _hopper),
    "Walker2d-v5": Formula(_PLAIN, _walker2d),
    "Ant-v5": Formula((*_PLAIN, "xpos", "cfrc_ext"), _ant, forces=True),
    "Humanoid-v5": Formula(
        (*_PLAIN, "xipos", "ctrl", "cinert", "cvel", "qfrc_actuator", "cfrc_ext"),
        _humanoid,
        forces=True,
    ),
    "Swimmer-v5": Formula(_PLAIN, _swimmer),
    "InvertedPendulum-v5": Formula(_PLAIN, _inverted_pendulum),
    "InvertedDoublePendulum-v5": Formula(
        (*_PLAIN, "site_xpos", "qfrc_constraint"), _inverted_double_pendulum
    ),
    "Reacher-v5": Formula((*_PLAIN, "xpos"), _reacher),
    "Pusher-v5": Formula((*_PLAIN, "xpos"), _pusher),
}


def _forward(env: Any, before: Any, after: Any) -> Any:
    return env._forward_reward_weight * ((after - before) / env.dt)


def _control(xp: Any, env: Any, action: Any) -> Any:
    return env._ctrl_cost_weight * (action**2).sum(axis=1)


def _positions(env: Any, now: Raws, skipped: int) -> Any:
    excluded = env._exclude_current_positions_from_observation
    return now["qpos"][:, skipped:] if excluded else now["qpos"]


def _within(values: Any, limits: tuple[float, float]) -> Any:
    return (limits[0] < values) & (values < limits[1])


def _clipped(xp: Any, values: Any, low: float, high: float) -> Any:
    # Two plain ufuncs: np.clip's own Python takes longer than a few hundred numbers.
    return xp.minimum(xp.maximum(values, low), high)


def _ended(env: Any, healthy: Any) -> Any:
    return ~healthy & bool(env._terminate_when_unhealthy)


def _body(env: Any, name: str | int) -> int:
    return int(env.model.body(name).id)


def _place(env: Any, now: Raws, body: str) -> Any:
    start = 3 * _body(env, body)
    return now["xpos"][:, start : start + 3]


def _length(xp: Any, vectors: Any) -> Any:
    return xp.sqrt((vectors**2).sum(axis=1))


def _joined(xp: Any, *parts: Any) -> Any:
    return xp.concatenate(parts, axis=1)
