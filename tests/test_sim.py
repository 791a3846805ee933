"""The Gymnasium engine against plain Gymnasium, step by step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith import tasks
from rewardsmith.expressions import Episode
from rewardsmith.reward import available_columns
from rewardsmith.sim import Step
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.rollout import random_transitions, with_ranges

SENTENCES = {
    "HalfCheetah-v5": "run forward", "Hopper-v5": "hop forward", "Walker2d-v5": "walk forward",
    "Ant-v5": "walk forward", "Pendulum-v1": "swing up", "CartPole-v1": "balance",
}  # fmt: skip


def spec(env: str) -> Any:
    return tasks.resolve(env, SENTENCES.get(env, "go"), **(
        {} if env in SENTENCES else {"fitness": "native"}))  # fmt: skip


def actions(task: Any, steps: int, n: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(7)
    if task.action.kind == "discrete":
        return rng.integers(0, task.action.n, (steps, n))
    return rng.uniform(-1.5, 1.5, (steps, n, task.action.size))


@pytest.mark.parametrize("env", [*SENTENCES, "Swimmer-v5", "FrozenLake-v1", "MountainCar-v0"])
def test_every_step_agrees_with_plain_gymnasium(env: str) -> None:
    task, n, steps = spec(env), 2, 60
    sim = GymnasiumSim(task, n)
    sim.reset([3, 4])
    plain = [gymnasium.make(env) for _ in range(n)]
    before = [np.atleast_1d(e.reset(seed=3 + i)[0]).ravel() for i, e in enumerate(plain)]
    previous = [np.zeros_like(a) for a in actions(task, 1, n)[0]]
    t = [0] * n
    for action in actions(task, steps, n):
        step = sim.step(action)
        rows = step.transitions
        for i, e in enumerate(plain):
            executed = action[i]
            if task.action.kind == "box":
                low, high = e.action_space.low, e.action_space.high  # type: ignore[attr-defined]
                executed = np.clip(action[i].astype(np.float32), low, high)
            obs, reward, terminated, truncated, info = e.step(
                executed if task.action.kind == "box" else int(executed)
            )
            flat = np.atleast_1d(obs).ravel()
            np.testing.assert_array_equal(rows.obs[i], before[i])
            np.testing.assert_array_equal(rows.next_obs[i], flat)
            np.testing.assert_array_equal(rows.action[i], executed)
            np.testing.assert_array_equal(rows.prev_action[i], previous[i])
            assert step.native_reward[i] == reward and rows.t[i] == t[i]
            assert (rows.terminated[i], step.truncated[i]) == (terminated, truncated)
            for variable in task.variables:
                if variable.source.startswith("info:"):
                    key = variable.source.removeprefix("info:")
                    assert rows.next_state[variable.name][i] == info[key]
            before[i], previous[i], t[i] = flat, executed, t[i] + 1
            if terminated or truncated:
                before[i] = np.atleast_1d(e.reset(seed=99)[0]).ravel()
                previous[i], t[i] = np.zeros_like(executed), 0
                sim.reset([99], [i])
    sim.close()
    for e in plain:
        e.close()


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5"])
def test_variables_are_the_bodies_own(env: str) -> None:
    """Positions, velocities and geoms equal MjData as Gymnasium leaves it after its step."""
    task = spec(env)
    sim, plain = GymnasiumSim(task, 1), gymnasium.make(env)
    sim.reset([5])
    plain.reset(seed=5)
    data: Any = plain.unwrapped.data  # type: ignore[attr-defined]
    for action in actions(task, 30, 1):
        np.testing.assert_array_equal(sim.state["x_position"], data.qpos[:1])
        step = sim.step(action)
        _, _, terminated, truncated, info = plain.step(np.clip(action[0], -1, 1).astype(np.float32))
        state = step.transitions.next_state
        assert state["x_position"][0] == info["x_position"] == data.qpos[0]
        assert state["x_velocity"][0] == data.qvel[0]
        np.testing.assert_array_equal(state["joint_angles"][0], data.qpos[-task.action.size :])
        np.testing.assert_array_equal(state["joint_velocities"][0], data.qvel[-task.action.size :])
        for variable in task.variables:
            if variable.source.startswith("geom:"):
                name = variable.source.removeprefix("geom:").partition(".")[0]
                assert state[variable.name][0] == data.geom(name).xpos[2] > 0
        if terminated or truncated:
            break
    sim.close()
    plain.close()


def test_xpos_lags_qpos_by_one_physics_substep_as_gymnasiums_own_does() -> None:
    """Documented in sources.py; if MuJoCo or Gymnasium refreshed xpos, this would tell."""
    plain = gymnasium.make("HalfCheetah-v5")
    plain.reset(seed=0)
    base: Any = plain.unwrapped
    assert base.data.body("torso").xpos[0] == pytest.approx(base.data.qpos[0], abs=1e-12)
    for _ in range(20):
        plain.step(np.ones(6, np.float32))
    lag = base.data.qpos[0] - base.data.body("torso").xpos[0]
    assert lag == pytest.approx(base.data.qvel[0] * base.model.opt.timestep, rel=0.2)
    plain.close()


def test_ant_and_pendulum_variables_in_python() -> None:
    ant = GymnasiumSim(spec("Ant-v5"), 1)
    ant.reset([0])
    data = ant._envs[0].unwrapped.data
    matrix = data.body("torso").xmat.reshape(3, 3)
    assert ant.state["uprightness"][0] == pytest.approx(matrix[2, 2], abs=1e-9)
    heading = np.arctan2(matrix[1, 0], matrix[0, 0])
    assert ant.state["heading"][0] == pytest.approx(heading, abs=1e-9)
    ant.close()
    pendulum = GymnasiumSim(spec("Pendulum-v1"), 8)
    pendulum.reset(range(8))
    for world, angle in enumerate(pendulum.state["angle"]):
        theta = pendulum._envs[world].unwrapped.state[0]
        assert angle == pytest.approx((theta + np.pi) % (2 * np.pi) - np.pi, abs=1e-6)
    pendulum.close()


def test_what_was_handed_out_never_changes() -> None:
    sim = GymnasiumSim(spec("Hopper-v5"), 2)
    sim.reset([0, 1])
    obs, kept_obs = sim.obs, sim.obs.copy()
    kept: list[tuple[Step, Any]] = []
    for action in actions(spec("Hopper-v5"), 5, 2):
        step = sim.step(action)
        kept.append((step, step.transitions.next_state["torso_height"].copy()))
    sim.reset([5, 6])
    np.testing.assert_array_equal(obs, kept_obs)
    for (step, height), (later, _) in pairwise(kept):
        np.testing.assert_array_equal(step.transitions.next_state["torso_height"], height)
        np.testing.assert_array_equal(later.transitions.state["torso_height"], height)
    sim.close()


def test_a_world_is_reset_alone_and_only_when_asked() -> None:
    sim = GymnasiumSim(spec("CartPole-v1"), 2)
    sim.reset([0, 1])
    step = sim.step(np.array([1, 0]))
    while not step.done[0]:
        step = sim.step(np.array([1, sim.t[1] % 2]))
    final = step.transitions.next_state["pole_angle"][0]
    assert abs(final) > 0.2095 and sim.state["pole_angle"][0] == final
    other, t = sim.obs[1].copy(), sim.t[1]
    sim.reset([7], [0])
    assert abs(sim.state["pole_angle"][0]) < 0.05
    np.testing.assert_array_equal(sim.obs[1], other)
    assert sim.t.tolist() == [0, t]
    assert step.transitions.next_state["pole_angle"][0] == final
    sim.close()


def test_only_what_is_asked_for_is_gathered() -> None:
    task = spec("Swimmer-v5")
    sim = GymnasiumSim(task, 1, gather=frozenset({"angle_front_tip", "x_velocity"}))
    sim.reset([0])
    assert set(sim.state) == {"angle_front_tip"}
    step = sim.step(np.zeros((1, 2)))
    assert set(step.transitions.next_state) == {"angle_front_tip", "x_velocity"}
    sim.close()
    bare = GymnasiumSim(task, 1, gather=frozenset())
    bare.reset([0])
    assert dict(bare.step(np.zeros((1, 2))).transitions.next_state) == {}
    bare.close()


def test_truncation_is_told_apart_from_termination() -> None:
    sim = GymnasiumSim(spec("Pendulum-v1"), 1)
    sim.reset([0])
    steps = [sim.step(np.zeros((1, 1))) for _ in range(200)]
    assert [s.truncated[0] for s in steps] == [False] * 199 + [True]
    assert not any(s.transitions.terminated[0] for s in steps)
    sim.close()


def test_an_episode_of_the_engine_has_a_fitness() -> None:
    task = spec("HalfCheetah-v5")
    fitness = tasks.fitness_of(task)
    sim = GymnasiumSim(task, 1, gather=fitness.variables)
    sim.reset([0])
    states, made = [sim.state["x_position"]], []
    for action in actions(task, 20, 1):
        step = sim.step(action)
        made.append(step.transitions.action)
        states.append(step.transitions.next_state["x_position"])
    x = np.concatenate(states)
    episode = Episode({"x_position": x}, {}, np.concatenate(made), task.dt_s, 0.0, False)
    assert fitness.evaluate(episode) == pytest.approx((x[-1] - x[0]) / (20 * 0.05))
    sim.close()


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "CartPole-v1", "Hopper-v5", "Reacher-v5"])
def test_random_transitions_have_every_column_and_repeat(env: str) -> None:
    task = spec(env)
    rows, again = (random_transitions(task, 301, seed=11) for _ in range(2))
    assert len(rows) == 301
    for column in available_columns(task):
        array = rows.column(column)
        assert array.shape == (301, *column.shape), column
        assert array.dtype == column.dtype
        np.testing.assert_array_equal(array, again.column(column))
    assert (rows.t == 0).any() and np.isfinite(rows.obs).all()
    if env in ("CartPole-v1", "Hopper-v5"):
        assert rows.terminated.any()
    different = random_transitions(task, 301, seed=12)
    assert not np.array_equal(rows.action, different.action)


def test_ranges_are_those_of_every_step_of_a_random_policy() -> None:
    task = tasks.resolve("Pendulum-v1", "swing up")
    found = {v.name: v.seen for v in with_ranges(task, 0).variables}
    assert found == {v.name: v.seen for v in with_ranges(task, 0).variables}
    low, high = found["angle"] or (0.0, 0.0)
    assert -np.pi <= low < -2.0 and 2.0 < high <= np.pi
    assert all(seen and seen[0] < seen[1] for seen in found.values())
