"""The offline proposer on the environments that ship: every task is read, every reward accepted."""

from __future__ import annotations

import pytest

from rewardsmith import tasks
from rewardsmith.critic import check
from rewardsmith.propose import Ask
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.strategies import firsts

FOLDERS = [entry.id for entry in tasks.entries() if entry.folder]


def declared(env: str) -> list[tuple[str, str]]:
    return [(env, task.sentence) for task in tasks.describe(env).tasks]


@pytest.mark.parametrize(("env", "sentence"), [pair for env in FOLDERS for pair in declared(env)])
def test_every_declared_task_is_understood(env: str, sentence: str) -> None:
    assert GrammarProposer().notices(tasks.resolve(env, sentence)) == ()


@pytest.mark.parametrize(
    ("env", "sentence", "fitness"),
    [
        *((env, declared(env)[0][1], None) for env in FOLDERS),
        ("MountainCar-v0", "reach the flag on top of the hill", "native"),
        ("Acrobot-v1", "swing up", "native"),
        ("Reacher-v5", "reach the target", "native"),
    ],
)
def test_the_critic_accepts_what_the_grammar_writes(
    env: str, sentence: str, fitness: str | None
) -> None:
    task = tasks.resolve(env, sentence, fitness=fitness)
    transitions: Transitions = random_transitions(task, 401, seed=0)
    moves = firsts(f"r00c{i:02d}" for i in range(4))
    for proposal in GrammarProposer().propose(Ask(task=task, generation=0, moves=moves)):
        verdict = check(proposal.code, task, transitions)
        errors = [finding for finding in verdict.findings if finding.severity == "error"]
        assert verdict.ok and not errors, (proposal.code, errors)


def test_a_car_in_a_valley_is_told_to_gather_speed() -> None:
    task = tasks.resolve("MountainCar-v0", "reach the flag on top of the hill", fitness="native")
    (first,) = GrammarProposer().propose(Ask(task=task, generation=0, moves=firsts(["r00c00"])))
    assert "np.abs(next_state.velocity" in first.code
    assert "arrived" in first.code
