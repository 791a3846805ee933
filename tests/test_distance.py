"""The distance of rewards: by hand on two states, and on real transitions that end or do not."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith import tasks
from rewardsmith.distance import NEAR, canonical, distances, mean_apart, shaping
from rewardsmith.records import Space
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions

GAMMA = 0.95


def two_states(steps: list[tuple[int, int]], terminated: list[bool]) -> Transitions:
    """Transitions between the states 0 and 1."""
    before, after = (np.array([[float(step[i])] for step in steps]) for i in (0, 1))
    action = np.zeros(len(steps), dtype=np.int64)
    return Transitions(
        state={},
        next_state={},
        obs=before,
        next_obs=after,
        action=action,
        prev_action=action,
        terminated=np.array(terminated),
        t=action,
    )


def test_two_states_and_four_steps_by_hand() -> None:
    """a pays (-1, .5, -.5, 0), b (.5, -1, 0, -.5); e1 + .8 a + .2 b is e1 without its shaping."""
    made = two_states([(0, 1), (1, 0), (0, 0), (1, 1)], [False] * 4)
    shaped = shaping(made, Space(kind="discrete", n=2), 0.5)
    np.testing.assert_allclose(shaped, [[-1, 0.5], [0.5, -1], [-0.5, 0], [0, -0.5]])
    rewards = np.eye(4)[:2]
    rest = np.array([[0.3, 0.2, -0.4, -0.1], [0.2, 0.3, -0.1, -0.4]])
    np.testing.assert_allclose(canonical(rewards, shaped), rest / np.sqrt(0.3))
    expected = 0.5 * np.sqrt(2 - 2 * 0.2 / 0.3)
    between = distances(rewards, shaped)
    np.testing.assert_allclose(between, [[0, expected], [expected, 0]], atol=1e-12)
    assert mean_apart(between) == pytest.approx(expected)


def test_a_potential_pays_nothing_after_the_end() -> None:
    made = two_states([(0, 1), (0, 1)], [False, True])
    shaped = shaping(made, Space(kind="discrete", n=2), 0.5)
    np.testing.assert_allclose(shaped, [[-1, 0.5], [-1, 0]])


@pytest.fixture(scope="module", params=["Pendulum-v1", "CartPole-v1"])
def lived(request: pytest.FixtureRequest) -> tuple[Transitions, np.ndarray, bool]:
    """Transitions, what shaping can pay on them, and whether some end an episode."""
    task = tasks.resolve(request.param, "keep it upright")
    made = random_transitions(task, 801, 0)
    return made, shaping(made, task.observation, GAMMA), bool(made.terminated.any())


def test_shaped_and_scaled_rewards_are_the_same_and_others_are_not(
    lived: tuple[Transitions, np.ndarray, bool],
) -> None:
    made, shaped, _ = lived
    angle, speed = made.next_obs[:, -2], made.next_obs[:, -1]
    reward = np.cos(3 * angle) - 0.1 * np.square(made.obs[:, 0]) * speed
    before, after = (
        3 * obs[:, 0] - obs[:, -1] * obs[:, 0] + 7 for obs in (made.obs, made.next_obs)
    )
    potential = GAMMA * after * ~made.terminated - before
    rng = np.random.default_rng(0)
    rewards = np.stack([reward, 5 * reward, reward + potential, -reward, rng.normal(size=801)])
    between = distances(rewards, shaped)
    np.testing.assert_allclose(between[0, :3], 0.0, atol=1e-6)
    assert between[0, 3] == pytest.approx(1.0)
    assert between[0, 4] == pytest.approx(np.sqrt(0.5), abs=0.1) and between[0, 4] > NEAR
    np.testing.assert_allclose(between, between.T)


def test_a_constant_is_shaping_only_where_no_episode_ends(
    lived: tuple[Transitions, np.ndarray, bool],
) -> None:
    made, shaped, ends = lived
    reward = np.sin(3 * made.next_obs[:, -2])
    apart = distances(np.stack([reward, reward + 10.0]), shaped)[0, 1]
    assert apart > 0.1 if ends else apart == pytest.approx(0.0, abs=1e-6)


def test_a_reward_of_shaping_alone_lies_half_way_from_everything(
    lived: tuple[Transitions, np.ndarray, bool],
) -> None:
    made, shaped, _ = lived
    rewards = np.stack([shaped[:, 1], np.cos(3 * made.next_obs[:, -2])])
    assert distances(rewards, shaped)[0, 1] == pytest.approx(0.5)


def test_wide_observations_take_fewer_features_than_rows_can_carry() -> None:
    rng = np.random.default_rng(0)
    for width, columns in ((3, 10), (30, 61), (60, 61), (900, 1)):
        made = two_states([(0, 1)] * 800, [False] * 800)
        wide = Transitions(
            **{**vars(made), "obs": rng.normal(size=(800, width)),
               "next_obs": rng.normal(size=(800, width))}
        )  # fmt: skip
        assert shaping(wide, Space(kind="box", size=width), GAMMA).shape == (800, columns)
