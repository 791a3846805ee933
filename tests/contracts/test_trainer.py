"""What every trainer owes: a policy, honest accounts, the same result twice, recorded failures."""

from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_jobs import GOOD, QUICK, checked, job, point_task

from rewardsmith import policy, tasks
from rewardsmith.jail.service import Rewards
from rewardsmith.records import CheckedReward, TaskSpec, Training
from rewardsmith.reward import Transitions
from rewardsmith.training import PpoSettings, Progress, TrainJob, settings
from rewardsmith.training.account import Account, Finished
from rewardsmith.training.child import run
from rewardsmith.training.sb3_ppo import Ppo
from rewardsmith.training.sb3_sac import _StepwiseEnv
from rewardsmith.training.worlds import Worlds

ALGOS = ["population", "ppo", "sac"]
LATE = "import numpy as np\n\ndef compute_reward(next_obs, t):\n    near = -next_obs[:, 0] ** 2\n"
BROKEN_LATE = {
    "nonfinite": LATE + "    return {'near': near + 0.0 * np.sqrt(np.where(t == 45, -1.0, 1.0))}\n",
    "exception": LATE
    + "    table = np.arange(45.0)\n    return {'near': near + table[np.where(t == 45, 99, 0)]}\n",
    "magnitude": LATE + "    return {'near': near * np.where(t == 45, 1e9, 1.0)}\n",
    "timeout": LATE
    + "    for _ in range(int(np.sum(t == 45)) * 10**9):\n        near = near + 0.0\n"
    "    return {'near': near}\n",
}
_folders = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trainings")


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return point_task()


@pytest.fixture(scope="module")
def good(task: TaskSpec) -> CheckedReward:
    return checked(GOOD, task)


@pytest.fixture(scope="module", params=ALGOS)
def algo(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trained(
    algo: str, place: Path, task: TaskSpec, good: CheckedReward
) -> tuple[TrainJob, Training]:
    return training(place, task, good, algo=algo)


def training(
    place: Path, task: TaskSpec, reward: CheckedReward | None, **parts: Any
) -> tuple[TrainJob, Training]:
    """The job, trained as a child process would."""
    asked = job(place / f"c{next(_folders):02d}", task, reward, **parts)
    if "candidate" not in parts:  # the population's streams derive from it
        asked = asked.model_copy(update={"candidate": "c00"})
    done: list[Training] = []
    run([asked], lambda job, training: done.append(training))
    return asked, done[0]


def weights(asked: TrainJob, name: str = "policy") -> list[np.ndarray]:
    kept = policy.load(Path(asked.folder) / f"{name}.safetensors")
    return [*kept.weights, *kept.biases, kept.mean, kept.scale, kept.log_std]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_candidates_reward_trains_and_every_term_is_accounted_for(
    trained: tuple[TrainJob, Training],
) -> None:
    asked, done = trained
    assert done.failure is None and done.curve
    assert done.timesteps >= asked.timesteps
    curve, count = done.curve, len(done.curve.timesteps)
    assert count == 10 and curve.timesteps[-1] == asked.timesteps
    assert len(curve.fitness) == len(curve.reward_return) == len(curve.episode_length) == count
    assert {length for length in curve.episode_length if length} == {60.0}
    assert [term.name for term in done.terms] == ["near", "effort"]
    for term in done.terms:
        assert len(term.points) == count
        assert term.minimum <= min(term.points) <= term.mean <= max(term.points) <= term.maximum
    assert sum(term.share for term in done.terms) == pytest.approx(1.0)
    returns = [value for value in curve.reward_return if value is not None]
    assert returns and all(-6.0 <= value <= 60.0 for value in returns)
    last = policy.load(Path(asked.folder) / "last.safetensors")
    assert not same(weights(asked, "last"), [np.zeros_like(array) for array in weights(asked)])
    assert last.act(np.zeros((3, 2))).shape == (3, 1)


def test_the_environments_own_reward_trains(algo: str, place: Path, task: TaskSpec) -> None:
    _, done = training(place, task, None, algo=algo)
    assert done.failure is None and done.curve
    assert [(term.name, term.share) for term in done.terms] == [("native", 1.0)]
    for fitness, own in zip(done.curve.fitness, done.curve.reward_return, strict=True):
        assert (fitness is None) == (own is None)
        assert fitness == own or fitness == pytest.approx(own)


def test_the_same_seed_gives_the_same_training_whatever_the_process_did_before(
    algo: str,
    trained: tuple[TrainJob, Training],
    place: Path,
    task: TaskSpec,
    good: CheckedReward,
) -> None:
    asked, done = trained
    other, _ = training(place, task, good, algo=algo, seed=1, timesteps=200)
    again, repeated = training(place, task, good, algo=algo)
    assert (repeated.curve, repeated.terms) == (done.curve, done.terms)
    assert repeated.peak_timestep == done.peak_timestep
    for name in ("policy", "last"):
        assert same(weights(again, name), weights(asked, name))
    assert not same(weights(other, "last"), weights(asked, "last"))


def test_the_policy_that_is_kept_is_the_one_of_the_peak(
    algo: str,
    trained: tuple[TrainJob, Training],
    place: Path,
    task: TaskSpec,
    good: CheckedReward,
) -> None:
    asked, done = trained
    assert done.peak_timestep
    # The policy that made the peak's rollout is the last one of a training that ended before it.
    rollout = asked.n_envs * (QUICK["ppo"]["n_steps"] if asked.algo == "ppo" else 1)
    until = done.peak_timestep - rollout
    shorter, _ = training(place, task, good, algo=algo, timesteps=until)
    assert same(weights(asked), weights(shorter, "last"))
    assert not same(weights(asked), weights(asked, "last"))


def test_no_steps_give_the_untrained_policy(algo: str, place: Path, task: TaskSpec) -> None:
    asked, done = training(place, task, None, algo=algo, timesteps=0)
    assert done.failure is None and done.timesteps == 0 and done.peak_timestep is None
    assert done.terms == () and done.curve and done.curve.timesteps == ()
    assert same(weights(asked), weights(asked, "last"))


def test_a_seed_beyond_32_bits_trains(algo: str, place: Path, task: TaskSpec) -> None:
    """The training seeds of a run with a large --seed are that large."""
    _, done = training(place, task, None, algo=algo, seed=2**42, timesteps=64)
    assert done.failure is None and done.seed == 2**42


def test_one_world_and_one_step_are_enough(
    algo: str, place: Path, task: TaskSpec, good: CheckedReward
) -> None:
    _, done = training(place, task, good, algo=algo, timesteps=1, n_envs=1)
    assert done.failure is None and done.timesteps >= 1 and done.curve


@pytest.mark.parametrize("cause", BROKEN_LATE)
def test_a_reward_that_breaks_where_no_probe_looked_is_a_recorded_failure(
    cause: str, algo: str, place: Path, task: TaskSpec
) -> None:
    reward = checked(BROKEN_LATE[cause], task)
    started = time.monotonic()
    _, done = training(place, task, reward, algo=algo)
    assert done.failure and (done.failure.stage, done.failure.cause) == ("train", cause)
    assert done.failure.for_llm
    assert done.episodes is None
    assert time.monotonic() - started < 30  # a call's own deadline is 5 s


def test_weights_that_are_no_longer_finite_are_a_recorded_failure(
    algo: str, place: Path, task: TaskSpec
) -> None:
    wild = QUICK[algo] | {"learning_rate": 1e30}
    _, done = training(place, task, None, algo=algo, hyperparams=wild)
    assert done.failure and done.failure.cause == "diverged"


def test_actions_without_bounds_train_and_are_not_clipped(place: Path) -> None:
    unbounded = point_task(reach=float("inf"))
    assert unbounded.action.low == ()
    asked, done = training(place, unbounded, checked(GOOD, unbounded))
    assert done.failure is None
    steep = policy.load(Path(asked.folder) / "last.safetensors")
    steep = dataclasses.replace(steep, biases=(*steep.biases[:-1], np.array([50.0])))
    assert steep.act(np.zeros((1, 2)))[0, 0] > 40


def test_episodes_are_counted_in_the_tenth_they_ended_in(place: Path, task: TaskSpec) -> None:
    """A rollout that spans several tenths loses none of its episodes."""
    _, done = training(place, task, None, hyperparams=QUICK["ppo"] | {"n_steps": 256})
    assert done.curve and len(done.curve.timesteps) == 10
    # 512 steps of two worlds: their 60-step episodes end after 120, 240, 360 and 480 steps.
    ended = [length is not None for length in done.curve.episode_length]
    assert ended == [point in (2, 4, 6, 9) for point in range(10)]


def test_the_account_notes_a_peak_once_and_no_lower_return_later(
    task: TaskSpec, place: Path
) -> None:
    told: list[Progress] = []
    account = Account(job(place / "account", task, n_envs=1, timesteps=50), told.append)
    peaks = []
    for value in (1.0, 3.0, 5.0, 2.0, 1.0):
        account.add_steps(np.array([[value]]), [[Finished(world=0, fitness=value, length=1)]])
        peaks.append(account.at_peak())
    # Smoothed over two episodes: 1, 2, 4, 3.5, 1.5.
    assert peaks == [True, True, True, False, False]
    assert (account.peak, account.peak_timestep) == (4.0, 3)
    account.tell()
    account.tell()
    assert [(line.timesteps, line.reward_return) for line in told] == [(5, 1.5)]


@pytest.mark.parametrize("env", ["Pendulum-v1", "CartPole-v1"])
def test_advantages_bootstrap_a_time_limit_but_no_real_end(env: str, place: Path) -> None:
    """Generalised advantages (arXiv 1506.02438, equation 16) the slow way, beside PPO's."""
    spec = tasks.resolve(env, "balance upright")
    kept: list[Transitions] = []

    def rewards(batch: Transitions, native: np.ndarray) -> Rewards:
        kept.append(batch)
        return Rewards(native, {"native": native}, has_total=True)

    steps, n = 256, 2
    # A rate of nothing, so that the network can be asked for values after its update.
    quick = QUICK["ppo"] | {"n_steps": steps, "learning_rate": 1e-30, "gamma": 0.9}
    asked = job(place / env, spec, timesteps=steps * n, hyperparams=quick)
    chosen = settings("ppo", {}, quick)
    assert isinstance(chosen, PpoSettings)
    worlds = Worlds(spec, [np.random.default_rng(world) for world in range(n)])
    ppo = Ppo(asked, chosen, worlds, rewards, Account(asked, lambda _: None))
    first = ppo._actor()
    ppo.run()
    worlds.sim.close()
    buffer, (batch,) = ppo._model.rollout_buffer, kept

    def values(obs: np.ndarray) -> np.ndarray:
        seen = torch.as_tensor(first.normalise(obs), dtype=torch.float32)
        found: np.ndarray = ppo._model.policy.predict_values(seen).detach().numpy()
        return found.reshape(steps, n)

    terminated = batch.terminated.reshape(steps, n)
    ended = np.roll(batch.t.reshape(steps, n) == 0, -1, axis=0)
    ended[-1] = terminated[-1]  # the rollout's own end cuts no episode
    cut = ended & ~terminated
    if env == "Pendulum-v1":
        assert cut.any() and not terminated.any()
    else:
        assert terminated.any() and not cut.any()
    here, after = values(batch.obs), values(batch.next_obs)
    own = buffer.rewards - 0.9 * after * cut
    # What is left is the native reward by one scale, where episodes end as well.
    native = (-cost(batch) if env == "Pendulum-v1" else np.ones(steps * n)).reshape(steps, n)
    np.testing.assert_allclose(own / native, np.median(own / native), rtol=1e-3)
    delta = own + 0.9 * after * ~terminated - here
    expected, running = np.zeros((steps, n)), np.zeros(n)
    for t in reversed(range(steps)):
        running = delta[t] + 0.9 * 0.95 * ~ended[t] * running
        expected[t] = running
    # The update has left these world after world, not step after step.
    np.testing.assert_allclose(buffer.advantages.reshape(n, steps).T, expected, atol=1e-4)
    np.testing.assert_allclose(buffer.returns.reshape(n, steps).T, expected + here, atol=1e-4)


def cost(batch: Transitions) -> np.ndarray:
    """Pendulum's cost: angle^2 + 0.1 speed^2 + 0.001 torque^2, before the step."""
    angle = np.arctan2(batch.obs[:, 1], batch.obs[:, 0])
    cost: np.ndarray = angle**2 + 0.1 * batch.obs[:, 2] ** 2 + 0.001 * batch.action[:, 0] ** 2
    return cost


def test_sac_is_told_of_a_time_limit_and_of_the_true_last_observation(
    task: TaskSpec, place: Path
) -> None:
    worlds = Worlds(task, [np.random.default_rng(world) for world in range(2)])
    batches: list[Transitions] = []

    def rewards(batch: Transitions, native: np.ndarray) -> Rewards:
        batches.append(batch)
        return Rewards(native, {"native": native}, has_total=True)

    account = Account(job(place / "stepwise", task, algo="sac"), lambda _: None)
    env = _StepwiseEnv(task, worlds, rewards, account)
    env.reset()
    for _ in range(59):
        _, _, done, infos = env.step(np.ones((2, 1)))
        assert not done.any() and infos == [{}, {}]
    obs, _, done, infos = env.step(np.ones((2, 1)))
    assert done.all()
    for world, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        last = batches[-1].next_obs[world].astype(np.float32)
        np.testing.assert_array_equal(info["terminal_observation"], last)
        assert not np.array_equal(obs[world], last)
    worlds.sim.close()


def test_a_training_reports_as_it_goes(algo: str, place: Path, task: TaskSpec) -> None:
    asked = job(place / "reports", task, timesteps=256, algo=algo)
    run([asked], lambda job, training: None)
    told = (place / "reports/progress.jsonl").read_text().splitlines()
    lines = [Progress.model_validate_json(line) for line in told]
    assert lines and all(line.wall_s >= 0 for line in lines)
    assert [line.timesteps for line in lines] == sorted(line.timesteps for line in lines)
