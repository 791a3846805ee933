"""Measuring: every seed is one deterministic episode, as plain Gymnasium would play it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith import policy, tasks
from rewardsmith.evaluate import EvaluateJob, evaluate, run
from rewardsmith.policy import Policy, PolicyHeader
from rewardsmith.records import Episodes, TaskSpec
from rewardsmith.training.worlds import Worlds


def linear(task: TaskSpec, weights: list[list[float]]) -> Policy:
    """One layer: actions, or logits, linear in the raw observation."""
    categorical = task.action.kind == "discrete"
    width = len(weights[0])
    return Policy(
        header=PolicyHeader(
            env=task.env,
            head="categorical" if categorical else "gaussian",
            activation="tanh",
            action=task.action,
            normalised=False,
        ),
        weights=(np.array(weights),),
        biases=(np.zeros(len(weights)),),
        mean=np.zeros(width),
        scale=np.ones(width),
        log_std=np.zeros(0),
    )


def leaning(task: TaskSpec) -> Policy:
    """Pushes the cart to where the pole leans: falls after a while, sooner or later by the seed."""
    return linear(task, [[0.0, 0.0, 0.0, 0.0], [0.1, 0.0, 1.0, 0.0]])


def played(env: str, trained: Policy, seed: int) -> tuple[list[np.ndarray], list[float], bool]:
    """Observations (T + 1), rewards (T) and whether the end was a real one, by Gymnasium alone."""
    world: gymnasium.Env[Any, Any] = gymnasium.make(env)
    obs, _ = world.reset(seed=seed)
    observations, rewards, terminated, truncated = [obs], [], False, False
    while not terminated and not truncated:
        action = trained.act(np.asarray(obs, np.float64)[None])[0]
        discrete = trained.header.action.kind == "discrete"
        obs, reward, terminated, truncated, _ = world.step(
            int(action) if discrete else action.astype(np.float32)
        )
        observations.append(obs)
        rewards.append(float(reward))
    world.close()
    return observations, rewards, terminated


def test_episodes_that_end_at_different_times_are_each_measured_once() -> None:
    task = tasks.resolve(
        "CartPole-v1", "balance", fitness="abs(last(pole_angle)) + T + 100 * terminated"
    )
    trained, seeds = leaning(task), [3, 1, 4, 15, 9]
    measured = evaluate(task, trained, seeds)
    assert measured.seeds == tuple(seeds)
    assert len(set(measured.length)) > 1, "a test of unequal lengths needs them"
    for i, seed in enumerate(seeds):
        observations, rewards, terminated = played("CartPole-v1", trained, seed)
        assert measured.length[i] == len(rewards)
        assert measured.native_return[i] == pytest.approx(sum(rewards))
        assert measured.terminated[i] is terminated is True
        expected = abs(float(observations[-1][2])) + len(rewards) + 100
        assert measured.fitness[i] == pytest.approx(expected)


def test_a_time_limit_is_no_termination() -> None:
    task = tasks.resolve("Pendulum-v1", "swing up")
    trained = linear(task, [[0.0, 1.0, 0.3]])
    measured = evaluate(task, trained, [0, 1])
    assert measured.length == (200, 200) and measured.terminated == (False, False)
    for i in range(2):
        observations, rewards, _ = played("Pendulum-v1", trained, i)
        height = np.mean([obs[0] for obs in observations])
        assert measured.fitness[i] == pytest.approx(height, abs=1e-5)
        assert measured.native_return[i] == pytest.approx(sum(rewards))


def test_a_seed_gives_the_same_episode_alone_again_and_in_any_company() -> None:
    task = tasks.resolve("CartPole-v1", "balance")
    trained = leaning(task)
    together = evaluate(task, trained, [5, 6, 7])
    assert evaluate(task, trained, [5, 6, 7]) == together
    alone = [evaluate(task, trained, [seed]) for seed in (5, 6, 7)]
    assert tuple(one.fitness[0] for one in alone) == together.fitness
    turned = evaluate(task, trained, [7, 6, 5])
    assert turned.fitness == together.fitness[::-1]


def test_a_job_leaves_its_answer_as_a_file(tmp_path: Path) -> None:
    task = tasks.resolve("CartPole-v1", "balance")
    policy.save(leaning(task), tmp_path / "policy.safetensors")
    job = EvaluateJob(
        task=task,
        policy=str(tmp_path / "policy.safetensors"),
        seeds=(5, 6),
        output=str(tmp_path / "selection.json"),
    )
    (tmp_path / "job.json").write_text(job.model_dump_json())
    run(tmp_path / "job.json")
    answer = Episodes.model_validate_json((tmp_path / "selection.json").read_text())
    assert answer == evaluate(task, leaning(task), (5, 6))


def test_the_process_that_measures_loads_no_learning_framework_and_no_jail() -> None:
    """What is not loaded can neither be confused by a candidate nor cost seconds to start."""
    code = "import sys, rewardsmith.evaluate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "rewardsmith.policy" in loaded
    unwanted = {"torch", "stable_baselines3", "rewardsmith.jail", "rewardsmith.critic", "openai"}
    assert not loaded & unwanted


def test_training_scores_each_episode_alone_however_many_went_before() -> None:
    task = tasks.resolve("Pendulum-v1", "swing up", fitness="sum(angle) + first(angle)")
    worlds = Worlds(task, [np.random.default_rng(world) for world in range(2)])
    rng, found = np.random.default_rng(0), []
    begun = [float(worlds.sim.state["angle"][world]) for world in range(2)]
    sums = list(begun)
    for _ in range(1500):  # seven episodes and a half
        step, ended = worlds.step(rng.uniform(-2, 2, (2, 1)))
        for world in range(2):
            sums[world] += float(step.transitions.next_state["angle"][world])
        for episode in ended:
            found.append((episode.fitness, sums[episode.world] + begun[episode.world]))
            begun[episode.world] = float(worlds.sim.state["angle"][episode.world])
            sums[episode.world] = begun[episode.world]
    worlds.sim.close()
    assert len(found) == 14
    for measured, expected in found:
        assert measured == pytest.approx(expected)
