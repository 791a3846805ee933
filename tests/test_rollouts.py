"""Whole episodes: recorded as they were, stored and read again bit for bit, never unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rewardsmith import rollouts, tasks
from rewardsmith.errors import UserError
from rewardsmith.evaluate import fitness_of, roll_out
from rewardsmith.records import TaskSpec
from rewardsmith.rollouts import Rollout
from rewardsmith.sim import VectorSim


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("CartPole-v1", "balance the pole")


@pytest.fixture(scope="module")
def episodes(task: TaskSpec) -> tuple[Rollout, ...]:
    """The pole pushed right in one world and by turns in the other two; two are kept."""
    scripts = [lambda t: 1, lambda t: t % 2, lambda t: t % 2]

    def act(sim: VectorSim) -> np.ndarray:
        return np.array([script(int(t)) for script, t in zip(scripts, sim.t, strict=True)])

    _, kept = roll_out(task, act, (3, 4, 5), ("right", "turns"))
    return kept


def test_an_episode_is_kept_from_its_reset_to_its_true_end(
    task: TaskSpec, episodes: tuple[Rollout, ...]
) -> None:
    right, turns = (rollout.transitions for rollout in episodes)
    assert [rollout.behaviour for rollout in episodes] == ["right", "turns"]
    assert len(right) < len(turns)
    for made in (right, turns):
        assert made.t.tolist() == list(range(len(made)))
        assert made.terminated.tolist() == [False] * (len(made) - 1) + [True]
        np.testing.assert_array_equal(made.obs[1:], made.next_obs[:-1])
        assert set(made.next_state) == {variable.name for variable in task.variables}
    assert set(right.action.tolist()) == {1}
    assert turns.action[:4].tolist() == [0, 1, 0, 1]


def test_its_fitness_can_be_measured_again(task: TaskSpec, episodes: tuple[Rollout, ...]) -> None:
    for rollout in episodes:
        assert fitness_of(task, rollout.transitions) == rollout.fitness


def test_what_is_not_kept_cannot_be_measured(task: TaskSpec, episodes: tuple[Rollout, ...]) -> None:
    native = task.fitness.model_copy(update={"expression": "native_return"})
    other = task.model_copy(update={"fitness": native})
    with pytest.raises(UserError, match="nan"):
        fitness_of(other, episodes[0].transitions)


def test_stored_episodes_are_the_same_bit_for_bit(
    episodes: tuple[Rollout, ...], tmp_path: Path
) -> None:
    path = tmp_path / "kept.rollouts.safetensors"
    rollouts.save(episodes, path)
    for one, other in zip(rollouts.load(path), episodes, strict=True):
        assert (one.behaviour, one.seed, one.fitness) == (
            other.behaviour,
            other.seed,
            other.fitness,
        )
        for name in ("obs", "next_obs", "action", "prev_action", "terminated", "t"):
            np.testing.assert_array_equal(
                getattr(one.transitions, name), getattr(other.transitions, name), strict=True
            )
        for side in ("state", "next_state"):
            mine, theirs = getattr(one.transitions, side), getattr(other.transitions, side)
            assert set(mine) == set(theirs)
            for name in mine:
                np.testing.assert_array_equal(mine[name], theirs[name], strict=True)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x10" + b"\0" * 40])
def test_a_file_of_another_kind_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"odd\.safetensors"):
        rollouts.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        rollouts.load(tmp_path / "nowhere")
