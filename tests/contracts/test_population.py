"""A generation that learns together: each learner as if it were alone, whoever leaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_jobs import GOOD, QUICK, checked, job, point_task

from rewardsmith import policy, tasks
from rewardsmith.records import CheckedReward, TaskSpec, Training
from rewardsmith.training import PpoSettings, Progress, TrainJob, settings
from rewardsmith.training.advantages import advantages, discounted
from rewardsmith.training.batching import batches
from rewardsmith.training.child import run
from rewardsmith.training.learner import normalised

LATE = GOOD.replace("(next_obs, action)", "(next_obs, action, t)")
NAN = LATE.replace("near = np", "near = np.where(t == 45, np.nan, 1.0) * np")
# Episodes of 60 steps, rollouts of 64: two worlds pass step 2 twice in the first, once in the next.
SECOND = LATE.replace("    near =", "    assert (t == 2).sum() != 2\n    near =")
CHOOSE = """
import numpy as np


def compute_reward(obs, action):
    return {"right": 1.0 * (action == RIGHT)}
"""
RIGHT = {"CartPole-v1": "(obs[:, 2] > 0.0)", "FrozenLake-v1": "obs[:, 0] % 2 + 1"}
HANG = LATE.replace("    near =", "    while np.any(t == 45):\n        pass\n    near =")


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return point_task()


@pytest.fixture(scope="module")
def good(task: TaskSpec) -> CheckedReward:
    return checked(GOOD, task)


def learner(
    place: Path, task: TaskSpec, candidate: str, reward: CheckedReward | None, seed: int = 0
) -> TrainJob:
    asked = job(place / f"{candidate}-{seed}", task, reward, algo="population", seed=seed)
    names = {"candidate": candidate, "id": f"{candidate}/selection-{seed}"}
    return asked.model_copy(update=names)


def together(jobs: Sequence[TrainJob]) -> dict[str, Training]:
    done: dict[str, Training] = {}

    def keep(asked: TrainJob, training: Training) -> None:
        assert asked.id not in done
        done[asked.id] = training

    run(jobs, keep)
    assert set(done) == {asked.id for asked in jobs}
    return done


def files(asked: TrainJob) -> list[bytes]:
    return [
        (Path(asked.folder) / f"{name}.safetensors").read_bytes() for name in ("policy", "last")
    ]


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, task: TaskSpec, good: CheckedReward
) -> tuple[list[bytes], Training]:
    """Learner `a`, trained without any other."""
    asked = learner(tmp_path_factory.mktemp("alone"), task, "a", good)
    (training,) = together([asked]).values()
    assert training.failure is None
    return files(asked), training


def assert_alone(
    asked: TrainJob, done: dict[str, Training], alone: tuple[list[bytes], Training]
) -> None:
    found, expected = done[asked.id], alone[1]
    assert (found.curve, found.terms) == (expected.curve, expected.terms)
    assert found.peak_timestep == expected.peak_timestep
    assert files(asked) == alone[0]


def test_a_learner_is_the_same_bit_for_bit_whatever_its_neighbours_and_its_place(
    tmp_path: Path, task: TaskSpec, good: CheckedReward, alone: tuple[list[bytes], Training]
) -> None:
    asked = learner(tmp_path, task, "a", good)
    others = [learner(tmp_path, task, name, good) for name in "bcd"]
    for jobs in ([asked, others[0]], [others[1], others[2], asked], [*others, asked]):
        done = together(jobs)
        assert_alone(asked, done, alone)
    assert files(others[0]) != files(asked)


@pytest.mark.parametrize(("code", "cause"), [(NAN, "nonfinite"), (HANG, "timeout")])
def test_a_learner_whose_reward_fails_leaves_and_nobody_notices(
    code: str,
    cause: str,
    tmp_path: Path,
    task: TaskSpec,
    good: CheckedReward,
    alone: tuple[list[bytes], Training],
) -> None:
    bad = checked(code, task)
    sinners = [learner(tmp_path, task, "bad", bad, seed) for seed in (0, 1)]
    asked, native = learner(tmp_path, task, "a", good), learner(tmp_path, task, "native", None)
    done = together([sinners[0], asked, sinners[1], native])
    for sinner in sinners:
        failure = done[sinner.id].failure
        assert failure is not None and (failure.stage, failure.cause) == ("train", cause)
        assert 0 <= done[sinner.id].timesteps < sinner.timesteps
        assert not (Path(sinner.folder) / "policy.safetensors").exists()
    assert done[native.id].failure is None
    assert_alone(asked, done, alone)


def test_every_learner_reports_and_counts_for_itself(tmp_path: Path, task: TaskSpec) -> None:
    slow = checked(GOOD.replace('"near": near', '"near": 9.0 * near'), task)
    jobs = [learner(tmp_path, task, "a", checked(GOOD, task)), learner(tmp_path, task, "b", slow)]
    done = together(jobs)
    means = {asked.candidate: done[asked.id].terms[0].mean for asked in jobs}
    assert means["b"] > 4 * means["a"] > 0
    for asked in jobs:
        lines = (Path(asked.folder) / "progress.jsonl").read_text().splitlines()
        last = Progress.model_validate_json(lines[-1])
        assert last.timesteps == done[asked.id].timesteps >= asked.timesteps


def test_learners_learn_what_pays_only_later(tmp_path: Path, task: TaskSpec) -> None:
    """A push moves the point a little, steps later: still, both come to rest in the middle."""
    rates = {"learning_rate": 5e-3, "anneal": True, "gamma": 0.9, "n_epochs": 8}
    parts = {
        "hyperparams": QUICK["population"] | rates | {"activation": "relu"},
        "timesteps": 6000,
        "n_envs": 4,
    }
    jobs = [learner(tmp_path, task, name, None).model_copy(update=parts) for name in "ab"]
    for training in together(jobs).values():
        assert training.curve and training.curve.fitness[-1] is not None
        # Nothing done gives -20, the opposite learned hundreds less; ten seeds gave -3 or more.
        assert training.curve.fitness[-1] > -8.0


@pytest.mark.parametrize("env", RIGHT)
def test_discrete_actions_and_observations_learn(env: str, tmp_path: Path) -> None:
    """Each state has one action that pays, which chance takes half or a quarter of the time."""
    spec = tasks.resolve(env, "do it", fitness="native")
    code = CHOOSE.replace("RIGHT", RIGHT[env])
    quick = QUICK["population"] | {"learning_rate": 1e-2, "gamma": 0.1}
    jobs = [
        learner(tmp_path, spec, name, checked(code, spec)).model_copy(
            update={"hyperparams": quick, "timesteps": 2048}
        )
        for name in "ab"
    ]
    done = together(jobs)
    for asked in jobs:
        training = done[asked.id]
        assert training.failure is None
        (right,) = training.terms
        assert right.name == "right" and right.points[-1] > 0.8
    assert files(jobs[0]) != files(jobs[1])


def test_a_worker_that_ends_in_a_compacted_batch_leaves_the_right_worlds(
    tmp_path: Path, task: TaskSpec, good: CheckedReward, alone: tuple[list[bytes], Training]
) -> None:
    """One leaves, then another: the last one is alone with its own worlds."""
    second = checked(LATE.replace("near = np", "near = 0.0 * t + np"), task)
    second = second.model_copy(update={"code": SECOND})
    jobs = [
        learner(tmp_path, task, "first", checked(NAN, task)),
        learner(tmp_path, task, "second", second),
        learner(tmp_path, task, "a", good),
    ]
    done = together(jobs)
    assert [bool(done[asked.id].failure) for asked in jobs] == [True, True, False]
    assert done[jobs[0].id].timesteps < done[jobs[1].id].timesteps
    assert_alone(jobs[2], done, alone)


def test_a_warm_start_goes_on_from_the_parents_weights_and_normalisation(
    tmp_path: Path, task: TaskSpec, good: CheckedReward
) -> None:
    def left(asked: TrainJob) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = load_file(Path(asked.folder) / "learner.safetensors")
        return found

    parent = learner(tmp_path, task, "parent", good)
    seen = together([parent])[parent.id].timesteps
    state = str(Path(parent.folder) / "learner.safetensors")
    child, stranger = (
        learner(tmp_path, task, name, good).model_copy(update={"timesteps": 0}) for name in "cd"
    )
    child = child.model_copy(update={"warm_start": state})
    together([child, stranger])
    assert set(left(parent)) == {"parameters", "mean", "var", "count"}
    for name, array in left(parent).items():
        np.testing.assert_array_equal(left(child)[name], array)
        assert np.abs(left(stranger)[name] - array).max() > 1e-3
    obs = np.random.default_rng(0).normal(size=(5, 2))
    acts = [
        policy.load(Path(asked.folder) / "last.safetensors").act(obs) for asked in (parent, child)
    ]
    np.testing.assert_array_equal(acts[1], acts[0])
    # What it sees itself is added to what the parent has seen.
    heir = learner(tmp_path, task, "heir", good).model_copy(update={"warm_start": state})
    training = together([heir])[heir.id]
    assert training.failure is None and training.timesteps == seen == 512
    assert left(parent)["count"] == pytest.approx(seen)
    assert left(heir)["count"] == pytest.approx(2 * seen)
    assert np.abs(left(heir)["parameters"] - left(parent)["parameters"]).max() > 1e-3


# --- how jobs are shared out ---------------------------------------------------------------------


def test_jobs_that_can_learn_together_are_shared_out_evenly(
    tmp_path: Path, task: TaskSpec, good: CheckedReward
) -> None:
    jobs = [learner(tmp_path, task, name, good, seed) for name in "abc" for seed in (0, 1)]
    odd = [
        jobs[0].model_copy(update={"timesteps": 64, "id": "longer"}),
        jobs[0].model_copy(update={"backend": "sb3", "id": "other"}),
        jobs[0].model_copy(update={"backend": "sb3", "id": "another"}),
    ]
    shared = [[asked.id for asked in batch.jobs] for batch in batches([*odd, *jobs], 2)]
    sizes = [len(batch) for batch in shared]
    assert sizes == [1, 3, 3, 1, 1]
    assert shared[1] == ["a/selection-0", "a/selection-1", "b/selection-0"]
    assert ["longer"] in shared and ["other"] in shared and ["another"] in shared


# --- advantages ----------------------------------------------------------------------------------


def test_advantages_bootstrap_a_time_limit_but_no_real_end() -> None:
    """Generalised advantages (arXiv 1506.02438, equation 16) of a case small enough to see."""
    chosen = settings("ppo", {}, {"gamma": 0.5, "gae_lambda": 0.5})
    assert isinstance(chosen, PpoSettings)
    rewards = np.ones((3, 2))
    terminated = np.array([[False, False], [True, False], [False, False]])
    truncated = np.array([[False, False], [False, True], [False, False]])
    values, after = np.full((3, 2), 2.0), np.full((3, 2), 4.0)
    after[1, 0] = np.nan  # a simulation that broke; what follows a real end does not count
    found = advantages(rewards, terminated, truncated, values, after, chosen)
    # Going on: 1 + 0.5 * 4 - 2 = 1. A real end: 1 - 2 = -1. A time limit: 1 + 0.5 * 4 - 2 = 1.
    last = 1.0
    expected = np.array([[1 + 0.25 * -1, 1 + 0.25 * 1], [-1.0, 1.0], [last, last]])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_return_is_carried_from_rollout_to_rollout_and_ends_with_its_episode() -> None:
    done = np.array([[False, False], [True, False]])
    returns, carried = discounted(np.ones((2, 2)), done, np.array([2.0, 0.0]), 0.5)
    np.testing.assert_allclose(returns, [[2.0, 1.0], [2.0, 1.5]])
    np.testing.assert_allclose(carried, [0.0, 1.5])


def test_what_the_networks_see_is_what_the_policy_will_see() -> None:
    obs = np.array([[1.0, -30.0], [3.0, 2.0]])
    seen = normalised(obs, np.array([1.0, 1.0]), np.array([2.0, 0.5]), 0)
    np.testing.assert_allclose(seen, [[0.0, -10.0], [1.0, 2.0]])
    hot = normalised(np.array([[2.0], [0.0]]), np.zeros(1), np.ones(1), 3)
    np.testing.assert_array_equal(hot, [[0, 0, 1], [1, 0, 0]])
