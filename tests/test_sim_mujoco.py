"""The batched engine is Gymnasium, step by step, whatever the threads; and it can be put back."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import gymnasium
import numpy as np
import pytest

from rewardsmith import tasks
from rewardsmith.records import TaskSpec
from rewardsmith.sim import Step, engines, mjbatch
from rewardsmith.sim.formulas import FORMULAS
from rewardsmith.sim.gymnasium import GymnasiumSim
from rewardsmith.sim.mjbatch import MjbatchSim
from rewardsmith.sim.mujoco import MujocoSim

HAS_MJBATCH = mjbatch.fits()
ENGINES = [
    MujocoSim,
    pytest.param(
        MjbatchSim,
        marks=pytest.mark.skipif(not HAS_MJBATCH, reason="no mjbatch for this MuJoCo"),
    ),
]
TOLERANCE = {"rtol": 0.0, "atol": 1e-9}
# MuJoCo's episodes end after so many steps at the latest: enough for a whole one of every world.
STEPS = 1001


def resolved(env: str, **kwargs: bool | int | float | str) -> TaskSpec:
    return tasks.resolve(env, "do it", fitness="native", env_kwargs=kwargs)


def known(task: TaskSpec) -> frozenset[str]:
    """The variables that do not come from Gymnasium's own step."""
    return frozenset(v.name for v in task.variables if not v.source.startswith("info:"))


def drives(engine: type[MujocoSim], task: TaskSpec) -> bool:
    """mjbatch does not compute contact forces."""
    return engine is not MjbatchSim or (HAS_MJBATCH and mjbatch.drives(task.env))


@contextmanager
def beside(
    task: TaskSpec, n: int, engines: Sequence[type[MujocoSim]], threads: int = 1
) -> Iterator[tuple[GymnasiumSim, Sequence[MujocoSim]]]:
    """Gymnasium, and our engines at the same task."""
    reference = GymnasiumSim(task, n, known(task))
    batched = [engine(task, n, known(task), threads=threads) for engine in engines]
    try:
        yield reference, batched
    finally:
        for sim in (reference, *batched):
            sim.close()


def actions(task: TaskSpec, n: int, t: int, rng: np.random.Generator) -> np.ndarray:
    """By world: none, swings, random ones, and random ones beyond the bounds."""
    made = rng.uniform(-1.5, 1.5, (n, task.action.size))
    made[0] = 0.0
    made[1] = np.sign(np.sin(t / 7.0 + np.arange(task.action.size)))
    return made


def assert_same(one: Step, other: Step) -> None:
    mine, theirs = one.transitions, other.transitions
    for name in ("obs", "next_obs", "action", "prev_action"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), **TOLERANCE)
    for name in ("terminated", "t"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), strict=True)
    np.testing.assert_array_equal(one.truncated, other.truncated, strict=True)
    np.testing.assert_allclose(one.native_reward, other.native_reward, **TOLERANCE)
    for side in ("state", "next_state"):
        left, right = getattr(mine, side), getattr(theirs, side)
        assert set(left) == set(right)
        for name in left:
            np.testing.assert_allclose(left[name], right[name], err_msg=name, **TOLERANCE)


@pytest.mark.parametrize("env", FORMULAS)
def test_they_are_gymnasium_over_whole_episodes(env: str) -> None:
    task, n = resolved(env), 8
    rng, seeds, ended = np.random.default_rng(0), iter(range(100, 10_000)), np.zeros(n, dtype=int)
    ours = [engine for engine in (MujocoSim, MjbatchSim) if drives(engine, task)]
    with beside(task, n, ours, threads=2) as (gym, batched):
        assert {sim._threads for sim in batched} == {2}  # fewer worlds are not worth them
        sims = (gym, *batched)
        first = [next(seeds) for _ in range(n)]
        for sim in sims:
            sim.reset(first)
        for t in range(STEPS):
            if ended.min() == 3:
                break
            action = actions(task, n, t, rng)
            reference = gym.step(action)
            for sim in batched:
                assert_same(sim.step(action), reference)
            over = np.flatnonzero(reference.done)
            ended[over] += 1
            if len(over):
                fresh = [next(seeds) for _ in over]
                for sim in sims:
                    sim.reset(fresh, over.tolist())
                for sim in batched:
                    np.testing.assert_allclose(sim.obs, gym.obs, **TOLERANCE)
    assert ended.min() >= 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        ("Hopper-v5", {"terminate_when_unhealthy": False, "ctrl_cost_weight": 0.7}),
        ("Ant-v5", {"include_cfrc_ext_in_observation": False, "frame_skip": 3}),
        ("HalfCheetah-v5", {"exclude_current_positions_from_observation": False}),
        ("Humanoid-v5", {"include_cinert_in_observation": False, "healthy_reward": 1.5}),
    ],
)
def test_arguments_of_the_environment_hold(
    env: str, kwargs: dict[str, float], engine: type[MujocoSim]
) -> None:
    task = resolved(env, **kwargs)
    if not drives(engine, task):
        pytest.skip("mjbatch does not compute contact forces")
    rng = np.random.default_rng(1)
    with beside(task, 3, [engine]) as (gym, (batched,)):
        for sim in (gym, batched):
            sim.reset([1, 2, 3])
        for t in range(60):
            action = actions(task, 3, t, rng)
            assert_same(batched.step(action), gym.step(action))


def rolled(sim: MujocoSim, steps: int, seed: int = 5) -> list[np.ndarray]:
    """Observations of some steps, worlds that end being reset."""
    rng, made = np.random.default_rng(seed), []
    for t in range(steps):
        step = sim.step(rng.uniform(-1, 1, (sim.n, 3)))
        made.append(step.transitions.next_obs)
        over = np.flatnonzero(step.done).tolist()
        if over:
            sim.reset([1000 * t + world for world in over], over)
    return made


@pytest.mark.parametrize("engine", ENGINES)
def test_results_do_not_depend_on_threads_nor_on_neighbours(engine: type[MujocoSim]) -> None:
    task = resolved("Hopper-v5")
    made = []
    for threads in (1, 2, 3):
        sim = engine(task, 12, known(task), threads=threads)
        sim.reset(range(12))
        made.append(np.stack(rolled(sim, 80)))
        sim.close()
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_state_that_is_put_back_goes_on_bit_for_bit(engine: type[MujocoSim]) -> None:
    task = resolved("Hopper-v5")
    sim, other = (engine(task, 4, known(task)) for _ in range(2))
    sim.reset(range(4))
    rolled(sim, 30)
    kept = sim.get_state()
    once = rolled(sim, 50, seed=9)
    other.reset(range(50, 54))
    other.set_state(kept)
    np.testing.assert_array_equal(rolled(other, 50, seed=9), once)
    sim.set_state(kept)
    np.testing.assert_array_equal(rolled(sim, 50, seed=9), once)
    for one in (sim, other):
        one.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_worlds_that_stay_go_on_bit_for_bit_when_others_leave(engine: type[MujocoSim]) -> None:
    task, factors = resolved("Hopper-v5"), np.ones((4, 5))
    factors[3] = 1.5
    whole, fewer = (engine(task, 4, known(task), scales={"body_mass": factors}) for _ in range(2))
    action = np.random.default_rng(0).uniform(-1, 1, (20, 4, 3))
    for sim in (whole, fewer):
        sim.reset(range(4))
        for t in range(10):
            sim.step(action[t])
    fewer.keep([3, 1])
    for t in range(10, 20):
        expected, step = (
            whole.step(action[t]).transitions,
            fewer.step(action[t, [3, 1]]).transitions,
        )
        np.testing.assert_array_equal(step.next_obs, expected.next_obs[[3, 1]])
        np.testing.assert_array_equal(step.t, expected.t[[3, 1]])
    for sim in (whole, fewer):
        sim.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_every_world_may_have_its_own_model(engine: type[MujocoSim]) -> None:
    task, n = resolved("Hopper-v5"), 3
    factors = np.ones((n, 5))
    factors[1] = 2.0
    heavy = engine(task, n, known(task), scales={"body_mass": factors})
    plain = engine(task, n, known(task))
    edited = gymnasium.make("Hopper-v5")
    edited.unwrapped.model.body_mass[:] *= 2.0
    heavy.reset([7, 7, 7])
    plain.reset([7, 7, 7])
    # Gymnasium's user calls mj_setConst after such a change, as MuJoCo's manual asks.
    import mujoco

    mujoco.mj_setConst(edited.unwrapped.model, edited.unwrapped.data)
    edited.reset(seed=7)
    action = np.full((n, 3), 0.5)
    for _ in range(8):
        mine, theirs = heavy.step(action).transitions, plain.step(action).transitions
        other = edited.step(action[0].astype(np.float32))[0]
    np.testing.assert_array_equal(mine.next_obs[[0, 2]], theirs.next_obs[[0, 2]])
    np.testing.assert_allclose(mine.next_obs[1], other, **TOLERANCE)
    assert np.abs(mine.next_obs[1] - mine.next_obs[0]).max() > 1e-3
    for one in (heavy, plain, edited):
        one.close()


def test_the_fastest_engine_that_can_drive_a_task_is_taken() -> None:
    described = tasks.resolve("Hopper-v5", "hop forward")
    fastest = MjbatchSim if HAS_MJBATCH else MujocoSim
    assert engines.name(described) == ("mjbatch" if HAS_MJBATCH else "mujoco")
    for task, gather, wanted in (
        (described, None, fastest),
        (tasks.resolve("CartPole-v1", "balance the pole"), None, GymnasiumSim),
        (resolved("Swimmer-v5"), frozenset(), fastest),
        (resolved("Ant-v5"), frozenset(), MujocoSim),  # its reward needs contact forces
        (resolved("Swimmer-v5"), None, GymnasiumSim),  # its variables come from info
    ):
        sim = engines.make(task, 1, gather)
        assert type(sim) is wanted
        sim.close()


def test_mjbatch_that_was_built_against_another_mujoco_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["mujoco==3.0.0", "numpy"])
    assert engines.name(tasks.resolve("Hopper-v5", "hop forward")) == "mujoco"


def test_without_mjbatch_the_threads_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert engines.name(tasks.resolve("Hopper-v5", "hop forward")) == "mujoco"
