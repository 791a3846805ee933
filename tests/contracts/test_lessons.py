"""What a rollout teaches the learners of a population, and how they go through it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tiny_jobs import QUICK, checked, job, point_task

from rewardsmith import tasks
from rewardsmith.records import TaskSpec, Training
from rewardsmith.reward import Transitions
from rewardsmith.training import PpoSettings, TrainJob
from rewardsmith.training.child import run
from rewardsmith.training.population import Population
from rewardsmith.training.shape import Shape
from rewardsmith.training.stacked import Minibatch, Stack

GAMMA, LAMBDA, STEPS, WORLDS = 0.9, 0.8, 110, 2
SPREAD = """
import numpy as np


def compute_reward(action):
    return {"square": np.square(action[:, 0])}
"""


@dataclass(frozen=True)
class Round:
    """One learner's part of a rollout, and of what was made of it: rows (T * E, ·), or (T, E)."""

    batch: Transitions
    total: np.ndarray
    lesson: Minibatch


class Attentive(Population):
    """A population that remembers, round by round, what it taught each of its learners."""

    def __init__(self, jobs: list[TrainJob]) -> None:
        super().__init__(jobs, lambda asked, progress: None, lambda asked, training: None)
        self.rounds: list[list[Round]] = []

    def _lessons(self, rollout: Any, batches: Any, totals: dict[int, np.ndarray]) -> Minibatch:
        whole = super()._lessons(rollout, batches, totals)
        own = [
            Minibatch(**{name: array[at] for name, array in vars(whole).items()}) for at in totals
        ]
        self.rounds.append([Round(batches[at], totals[at], own[at]) for at in totals])
        return whole

    def values(self, at: int, seen: np.ndarray) -> np.ndarray:
        """(T, E) values that one learner's critic gives normalised observations."""
        obs = torch.zeros(len(self._cohort), *seen.shape)
        obs[at] = torch.as_tensor(seen)
        return self._cohort.stack.values(obs)[at].numpy().astype(np.float64).reshape(-1, WORLDS)


def learners(place: Path, task: TaskSpec, quick: dict[str, Any], **parts: Any) -> list[TrainJob]:
    """Two jobs of one batch."""
    hyperparams = QUICK["population"] | quick
    return [
        job(place / name, task, algo="population", hyperparams=hyperparams, **parts)
        for name in "ab"
    ]


# --- what is taught ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["Pendulum-v1", "CartPole-v1"])
def taught(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TaskSpec, Attentive]:
    """Two rounds: Pendulum's episodes are all cut in the second, CartPole's poles fall in both."""
    task = tasks.resolve(request.param, "balance upright", fitness="native")
    # A rate of nothing, so that the networks can be asked for values after the updates.
    quick = {"n_steps": STEPS, "learning_rate": 1e-30, "gamma": GAMMA, "gae_lambda": LAMBDA}
    timesteps = 2 * STEPS * WORLDS
    jobs = learners(tmp_path_factory.mktemp("taught"), task, quick, timesteps=timesteps)
    with closing(Attentive(jobs)) as population:
        population.run()
    assert [len(each) for each in population.rounds] == [2, 2]
    return task, population


def endings(task: TaskSpec, batch: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """(T, E): where an episode really ended, and where the time limit cut it."""
    terminated = batch.terminated.reshape(-1, WORLDS)
    last = batch.t.reshape(-1, WORLDS) == (task.max_episode_steps or 0) - 1
    return terminated, last & ~terminated


def plainly_normalised(obs: np.ndarray, before: list[np.ndarray]) -> np.ndarray:
    """By mean and deviation of all observations of the rollouts `before`."""
    if before:
        earlier = np.concatenate(before)
        obs = (obs - earlier.mean(0)) / earlier.std(0)
    return np.clip(obs, -10.0, 10.0).astype(np.float32)


def plain_returns(total: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """(T, E): rewards of the episode so far, the older ones discounted."""
    returns, running = np.zeros_like(total), np.zeros(total.shape[1])
    for t in range(len(total)):
        running = running * GAMMA + total[t]
        returns[t] = running
        running = running * ~ended[t]
    return returns


def slow_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    after: np.ndarray,
    terminated: np.ndarray,
    cut: np.ndarray,
) -> np.ndarray:
    """Generalised advantages as the sum that defines them (arXiv 1506.02438, equation 16)."""
    found = np.zeros_like(rewards)
    for t, world in np.ndindex(*rewards.shape):
        weight = 1.0
        for k in range(t, len(rewards)):
            follows = 0.0 if terminated[k, world] else after[k, world]
            found[t, world] += weight * (rewards[k, world] + GAMMA * follows - values[k, world])
            if terminated[k, world] or cut[k, world]:
                break
            weight *= GAMMA * LAMBDA
    return found


@pytest.mark.parametrize("at", [0, 1])
def test_networks_see_observations_normalised_by_the_earlier_rollouts(
    taught: tuple[TaskSpec, Attentive], at: int
) -> None:
    task, population = taught
    before: list[np.ndarray] = []
    for each in population.rounds:
        batch, lesson = each[at].batch, each[at].lesson
        expected = plainly_normalised(batch.obs, before)
        np.testing.assert_allclose(lesson.obs.numpy(), expected, atol=1e-3)
        action = lesson.action.numpy()
        if task.action.kind != "discrete":
            action = np.clip(action, task.action.low, task.action.high)
        np.testing.assert_allclose(action, batch.action, rtol=1e-6)
        before.append(batch.obs)


@pytest.mark.parametrize("at", [0, 1])
def test_advantages_and_targets_are_those_of_scaled_rewards_and_the_true_next_observations(
    taught: tuple[TaskSpec, Attentive], at: int
) -> None:
    """A time limit is worth what would have followed, a real end nothing."""
    task, population = taught
    rounds = [each[at] for each in population.rounds]
    ends = [endings(task, each.batch) for each in rounds]
    terminated, cut = (np.concatenate(flags) for flags in zip(*ends, strict=True))
    if task.env == "Pendulum-v1":
        assert cut.any() and not terminated.any()
    else:
        assert terminated.any() and not cut.any()
    returns = plain_returns(np.concatenate([each.total for each in rounds]), terminated | cut)
    before: list[np.ndarray] = []
    for number, each in enumerate(rounds):
        values, after = (
            population.values(at, plainly_normalised(obs, before))
            for obs in (each.batch.obs, each.batch.next_obs)
        )
        scaled = each.total / returns[: (number + 1) * STEPS].std()
        assert np.abs(scaled).max() < 10.0 and np.abs(scaled - each.total).max() > 0.1
        expected = slow_advantages(scaled, values, after, *ends[number])
        found, target = (
            array.numpy().reshape(-1, WORLDS)
            for array in (each.lesson.advantage, each.lesson.target)
        )
        np.testing.assert_allclose(found, expected, atol=2e-3)
        np.testing.assert_allclose(target, expected + values, atol=2e-3)
        before.append(each.batch.obs)


def test_rewards_on_their_new_scale_are_bounded(tmp_path: Path) -> None:
    """One reward in 400 is twenty deviations of the return, and counts as ten."""
    asked = learners(tmp_path, point_task(), {"gamma": GAMMA})
    with closing(Attentive(asked)) as population:
        total = np.zeros((400, 2, WORLDS))
        total[-1] = 1e6
        scaled = population._scaled(total, np.zeros((400, 2 * WORLDS), dtype=np.bool_))
    assert scaled.shape == (400, 2 * WORLDS)
    np.testing.assert_array_equal(scaled[-1], 10.0)
    np.testing.assert_array_equal(scaled[:-1], 0.0)


def test_exploration_is_as_wide_as_the_policys_deviation(tmp_path: Path) -> None:
    task = point_task(reach=10.0)  # no action is clipped
    quick = QUICK["population"] | {"n_steps": 256, "log_std_init": -1.5}
    reward = checked(SPREAD, task)
    done: list[Training] = []
    asked = job(tmp_path / "a", task, reward, algo="population", hyperparams=quick)
    run([asked], lambda asked, training: done.append(training))
    (square,) = done[0].terms
    assert square.mean == pytest.approx(np.exp(-3.0), rel=0.3)


# --- how it is gone through ----------------------------------------------------------------------


class Listening(Stack):
    """Notes the rows of every update, and makes none."""

    def __init__(self, shape: Shape, chosen: PpoSettings) -> None:
        super().__init__(shape, chosen, [np.random.default_rng(seed) for seed in (0, 1)])
        self.parts: list[Minibatch] = []

    def update(self, batch: Minibatch, learning_rate: float, going: np.ndarray) -> np.ndarray:
        self.parts.append(batch)
        return going


def test_every_epoch_takes_each_row_once_in_a_new_order_of_each_learners_own(
    tmp_path: Path,
) -> None:
    rows, size, epochs = 24, 8, 3
    asked = learners(tmp_path, point_task(), {"batch_size": size, "n_epochs": epochs})
    shape = Shape(inputs=1, outputs=1, categorical=False, width=4, depth=1, activation="tanh")
    listening = Listening(shape, PpoSettings())
    number = torch.arange(2.0 * rows).view(2, rows)
    whole = Minibatch(number[..., None], number[..., None], number, number, number)
    with closing(Attentive(asked)) as population:
        population._cohort.stack = listening
        population._learn(whole, 1e-3)
    assert [part.target.shape for part in listening.parts] == [(2, size)] * (epochs * rows // size)
    for part in listening.parts:
        for array in (part.obs[..., 0], part.action[..., 0], part.log_prob, part.advantage):
            assert torch.equal(array, part.target)  # a row's parts stay together
    taken = torch.cat([part.target for part in listening.parts], 1).view(2, epochs, rows)
    for at, own in enumerate(taken):
        for epoch in own:
            assert torch.equal(epoch.sort().values, number[at])
    orders = {tuple(epoch.tolist()) for epoch in (taken - number[:, :1, None]).flatten(0, 1)}
    assert len(orders) == 2 * epochs and tuple(range(rows)) not in orders


def test_who_went_too_far_learns_no_more_from_this_rollout(tmp_path: Path) -> None:
    """Also from the minibatches that would let it: one row alone is far from its policy."""
    rows, size = 64, 8
    quick = {"batch_size": size, "n_epochs": 2, "target_kl": 0.01}
    asked = learners(tmp_path, point_task(), quick)
    rng = np.random.default_rng(0)
    obs, action, advantage = (
        torch.as_tensor(rng.normal(size=(2, rows, *width)).astype(np.float32))
        for width in ((2,), (1,), ())
    )
    with closing(Attentive(asked)) as population:
        stack = population._cohort.stack
        log_prob = stack.log_prob(stack.act(obs), action)
        log_prob[0, -1] += 5.0
        population._learn(Minibatch(obs, action, log_prob, advantage, advantage), 1e-6)
        first, second = (int(stack.state(at)["steps"][0]) for at in (0, 1))
    assert first < rows // size  # it ended within the first epoch
    assert second == 2 * rows // size


def test_the_learning_rate_falls_linearly_over_the_whole_training(tmp_path: Path) -> None:
    """Where a round is one step of Adam, its length is the rate's."""
    rollout = 128
    quick = QUICK["population"] | {"batch_size": rollout, "n_epochs": 1, "learning_rate": 1e-2}

    def parameters(rounds: int, *, anneal: bool) -> np.ndarray:
        folder = tmp_path / f"{rounds}-{anneal}"
        asked = job(
            folder,
            point_task(),
            algo="population",
            candidate="a",
            timesteps=4 * rollout,
            until=rounds * rollout,
            hyperparams=quick | {"anneal": anneal},
        )
        run([asked], lambda asked, training: None)
        found: np.ndarray = load_file(folder / "learner.safetensors")["parameters"]
        return found

    first = parameters(1, anneal=False)
    np.testing.assert_array_equal(parameters(1, anneal=True), first)
    step = parameters(2, anneal=False) - first
    assert np.abs(step).max() > 5e-3
    np.testing.assert_allclose(parameters(2, anneal=True) - first, 0.75 * step, atol=1e-6)
