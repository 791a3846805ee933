"""What a run has lived through decides about its next rewards: a real store, real episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted_engine import candidate, episodes
from test_propose_llm import MemoryLog

from rewardsmith import critic, rollouts, tasks
from rewardsmith.appraise import Appraisal
from rewardsmith.config import RunConfig
from rewardsmith.errors import ModelError
from rewardsmith.evaluate import roll_out
from rewardsmith.llm.scripted import ScriptedClient
from rewardsmith.propose.calling import Model
from rewardsmith.propose.describe import LlmNarrator
from rewardsmith.records import Candidate, Fitness, Score, Stage, TaskSpec, Training, Verdict
from rewardsmith.reward import Transitions
from rewardsmith.rollouts import Rollout
from rewardsmith.sim import VectorSim
from rewardsmith.sim.rollout import random_transitions
from rewardsmith.store import RunRecord, Store
from rewardsmith.summarise import summarise

UPRIGHT = """
import numpy as np

def compute_reward(next_state, terminated):
    return {"upright": 1.0 - np.abs(next_state.pole_angle), "fallen": -5.0 * terminated}
"""
FALLING = UPRIGHT.replace("1.0 - np.abs", "np.abs").replace("-5.0", "5.0")
LATE = UPRIGHT.replace("terminated)", "terminated, t)").replace(
    '"upright": 1.0', '"upright": np.where((t > 200) & (t < 250), np.nan, 1.0)'
)
ENDING = """
import numpy as np

def compute_reward(next_state, terminated):
    return {"fallen": 300.0 * terminated, "angle": -np.abs(next_state.pole_angle)}
"""


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("CartPole-v1", "balance the pole")


@pytest.fixture(scope="module")
def transitions(task: TaskSpec) -> Transitions:
    return random_transitions(task, 301, 0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store, task: TaskSpec) -> RunRecord:
    return store.create_run(task=task, config=RunConfig(), proposer="offline baseline")


def balanced(store: Store, run: RunRecord, verdict: Verdict) -> Candidate:
    """A candidate whose policy keeps the pole up, with its episodes in the run's folder."""

    def act(sim: VectorSim) -> np.ndarray:
        return (sim.obs @ np.array([0.02, 0.1, 1.0, 0.3]) > 0).astype(np.int64)

    measured, kept = roll_out(run.task, act, (1, 2), ("r01c00", "r01c00"))
    assert min(measured.fitness) > 400
    return measured_in(store, run, verdict, kept)


def measured_in(
    store: Store, run: RunRecord, verdict: Verdict, kept: Sequence[Rollout]
) -> Candidate:
    """A candidate whose policy has lived these episodes."""
    folder = store.folder(run.id) / "r01/c00/train/selection-0"
    rollouts.save(kept, rollouts.beside(folder / "selection.json"))
    training = Training(
        id="r01c00/selection-0",
        seed=0,
        purpose="selection",
        timesteps=1,
        folder="r01/c00/train/selection-0",
        episodes=episodes((1, 2), 500.0),
    )
    score = Score(value=500, low=500, high=500, n_seeds=1)
    made = candidate(0, stage=Stage.EVALUATED, trainings=(training,), score=score, verdict=verdict)
    store.save_candidate(run.id, made)
    return made


def test_a_model_describes_a_measured_policy_once_by_its_middle_episode(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    client = ScriptedClient(["It stands,\n  and leans to the left."])
    narrator = LlmNarrator(Model({"m": client}, calls=MemoryLog()))
    appraisal = Appraisal(run, store, transitions, None, narrator)
    trained = balanced(store, run, critic.check(UPRIGHT, run.task, transitions))
    described = appraisal.described(trained)
    assert described.conduct == "It stands, and leans to the left."
    assert appraisal.described(described) == described
    unmeasured = trained.model_copy(update={"trainings": ()})
    assert appraisal.described(unmeasured) == unmeasured
    (request,) = client.requests
    assert request.prompt == "describe"
    assert "500 of 500 steps" in request.messages[-1].content
    assert "pole_angle" in request.messages[-1].content


def test_a_policy_that_nobody_could_describe_stays_as_it_was(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    client = ScriptedClient([ModelError("gone", outage=True)])
    narrator = LlmNarrator(Model({"m": client}, calls=MemoryLog()))
    trained = balanced(store, run, critic.check(UPRIGHT, run.task, transitions))
    assert Appraisal(run, store, transitions, None, narrator).described(trained) == trained
    assert Appraisal(run, store, transitions).described(trained) == trained


def test_before_any_training_a_sound_reward_passes_untouched(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    verdict = Appraisal(run, store, transitions).judge(candidate(1, code=FALLING), [])
    assert verdict.ok and not verdict.screens


def test_the_wrong_sign_is_refused_once_a_policy_has_done_better(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    good = critic.check(UPRIGHT, run.task, transitions)
    past = [balanced(store, run, good)]
    appraisal = Appraisal(run, store, transitions)

    screened = appraisal.judge(candidate(0, code=UPRIGHT), past)
    assert screened.ok and screened.reward == good.reward
    assert [screen.accuracy for screen in screened.screens] == [1.0]

    refused = appraisal.judge(candidate(1, code=FALLING), past)
    assert not refused.ok and refused.reward is None
    assert [f.rule for f in refused.findings if f.severity == "error"] == ["alignment"]
    assert "r01c00" in refused.errors[0] and "check the signs" in refused.errors[0]


def test_a_reward_that_breaks_where_only_a_trained_policy_comes_is_refused(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    late = critic.check(LATE, run.task, transitions)
    assert late.ok, late.errors
    past = [balanced(store, run, late)]
    refused = Appraisal(run, store, transitions).judge(candidate(0, code=LATE), past)
    assert not refused.ok
    assert [f.rule for f in refused.findings if f.severity == "error"] == ["nonfinite"]


def test_the_probes_also_run_on_what_trained_policies_did(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    """A reward that only long episodes meet is never paid before a policy has lived one."""
    late = candidate(1, code=UPRIGHT.replace("terminated)", "terminated, t)").replace(
        '{"upright": 1.0', '{"upright": (t > 150) * (1.0').replace('angle),', 'angle)),'
    ).replace(', "fallen": -5.0 * terminated', ""))  # fmt: skip
    appraisal = Appraisal(run, store, transitions)
    before = appraisal.judge(late, [])
    assert before.ok and "never-paid" in {f.rule for f in before.findings}
    good = critic.check(UPRIGHT, run.task, transitions)
    after = appraisal.judge(late, [balanced(store, run, good)])
    assert after.ok and "never-paid" not in {f.rule for f in after.findings}


def test_an_exploit_is_told_to_the_next_prompt(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    lazy = critic.check(ENDING, run.task, transitions)
    past = [balanced(store, run, lazy)]
    (warned,) = Appraisal(run, store, transitions).exploits(past, past)
    assert warned.verdict is not None and warned.verdict.ok
    found = [f for f in warned.verdict.findings if f.rule == "exploit"]
    assert 1 <= len(found) <= 3 and all("`fallen` by" in f.message for f in found)
    assert any('"end-early"' in finding.message for finding in found)
    assert not [f for f in warned.verdict.findings if f.rule == "correlated-terms"]
    # Once more, as after a kill: the warnings are replaced and not doubled.
    (again,) = Appraisal(run, store, transitions).exploits([warned], past)
    assert again == warned
    for finding in found:
        assert finding.message in summarise(warned, run.task)
        assert finding.message not in summarise(past[0], run.task)


def test_episodes_of_scripted_behaviours_are_made_once_a_run(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    good = critic.check(UPRIGHT, run.task, transitions)
    past = [balanced(store, run, good)]
    Appraisal(run, store, transitions).judge(candidate(0, code=UPRIGHT), past)
    (path,) = store.folder(run.id).glob("scripted*")
    before = path.stat().st_mtime_ns
    Appraisal(run, store, transitions).judge(candidate(0, code=UPRIGHT), past)
    assert path.stat().st_mtime_ns == before


TWINS = """
import numpy as np

def compute_reward(next_state):
    angle = np.abs(next_state.pole_angle)
    return {"upright": 1.0 - angle, "level": 0.3 - 2.0 * angle}
"""
PLACE = """
import numpy as np

def compute_reward(next_state):
    return {"place": -np.abs(next_state.cart_position)}
"""


def test_two_terms_that_are_one_are_named(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    past = [balanced(store, run, critic.check(TWINS, run.task, transitions))]
    (warned,) = Appraisal(run, store, transitions).exploits(past, past)
    assert warned.verdict is not None
    (found,) = (f for f in warned.verdict.findings if f.rule == "correlated-terms")
    assert '"upright" and "level" correlate by 1.00' in found.message
    assert found.message.split(": ")[1] in summarise(warned, run.task)


def test_a_generation_that_says_the_same_again_has_no_diversity(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    appraisal = Appraisal(run, store, transitions)
    codes = (UPRIGHT, UPRIGHT.replace("1.0 - np.abs", "1.001 - np.abs"), PLACE)
    past = [balanced(store, run, critic.check(UPRIGHT, run.task, transitions))]
    one, like, other = (
        candidate(i, verdict=critic.check(code, run.task, transitions))
        for i, code in enumerate(codes)
    )
    same, apart = appraisal.diversity([one, like], past), appraisal.diversity([one, other], past)
    assert same is not None and apart is not None
    assert same < 0.01 < 0.3 < apart
    assert appraisal.diversity([one], past) is None
    assert appraisal.diversity([one, other], []) is None


def test_a_reward_like_the_native_one_lies_near_it(
    store: Store, run: RunRecord, transitions: Transitions
) -> None:
    """CartPole pays 1 for every step, the last one included."""
    alive = PLACE.replace("-np.abs", "0.5 - 1e-6 * np.abs")
    first = balanced(store, run, critic.check(alive, run.task, transitions))
    other = candidate(1, score=first.score, verdict=critic.check(PLACE, run.task, transitions))
    unmeasured = candidate(2, verdict=other.verdict)
    near, far = Appraisal(run, store, transitions).from_native([first, other, unmeasured])
    assert (near.candidate, far.candidate) == ("r01c00", "r01c01")
    assert near.value < 0.01 and far.value > 0.3


# --- a task that has an opposite -----------------------------------------------------------------

FORWARD = """
import numpy as np

def compute_reward(next_state, action):
    return {"speed": next_state.x_velocity, "effort": -0.001 * np.sum(action**2, axis=-1)}
"""
BACKWARD = FORWARD.replace(": next_state", ": -next_state")
BOTH_WAYS = 3
"""A seed whose scripted gaits carry the cheetah to either side."""


@pytest.fixture(scope="module")
def cheetah() -> TaskSpec:
    task = tasks.resolve("HalfCheetah-v5", "run forward")
    assert task.opposite == "backward"
    return task.model_copy(update={"max_episode_steps": 200})


@pytest.fixture(scope="module")
def strides(cheetah: TaskSpec) -> Transitions:
    return random_transitions(cheetah, 301, 0)


def cheetah_run(store: Store, task: TaskSpec) -> RunRecord:
    config = RunConfig(seed=BOTH_WAYS)
    return store.create_run(task=task, config=config, proposer="offline baseline")


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_reward_for_the_opposite_is_refused_before_any_training(
    store: Store, cheetah: TaskSpec, strides: Transitions, direction: str
) -> None:
    task = cheetah
    if direction == "minimize":
        opposite = tasks.resolve(task.env, "run backward").fitness.expression
        fitness = Fitness(name="forward", expression=opposite, direction="minimize")
        task = task.model_copy(update={"fitness": fitness})
    run = cheetah_run(store, task)
    appraisal = Appraisal(run, store, strides)

    forward = appraisal.judge(candidate(0, code=FORWARD), [])
    assert forward.ok and forward.reward is not None, forward.errors
    told = {screen.name: screen for screen in forward.screens}
    assert (told["contrast"].accuracy, told["alignment"].accuracy) == (1.0, None)
    assert told["contrast"].pairs > 0

    sound = critic.check(BACKWARD, task, strides)
    assert sound.ok, sound.errors
    backward = appraisal.judge(candidate(1, code=BACKWARD), [])
    assert not backward.ok and backward.reward is None
    assert [f.rule for f in backward.findings if f.severity == "error"] == ["contrast"]
    assert "prefers episodes that did the opposite of the task in 100%" in backward.errors[0]


def test_where_the_opposite_cannot_be_measured_that_is_told_and_nobody_refused_for_it(
    store: Store, cheetah: TaskSpec, strides: Transitions
) -> None:
    run = cheetah_run(store, cheetah)
    _, (whole,) = roll_out(cheetah, lambda sim: np.zeros((1, 6)), (1,), ("r01c00",))
    lost = {"x_position": np.full(len(whole.transitions), np.nan)}
    made = whole.transitions
    holed = replace(made, state={**made.state, **lost}, next_state={**made.next_state, **lost})
    sound = critic.check(BACKWARD, cheetah, strides)
    past = [measured_in(store, run, sound, [replace(whole, transitions=holed)])]
    screened = Appraisal(run, store, strides).judge(candidate(0, code=BACKWARD), past)
    told = {screen.name: screen for screen in screened.screens}
    assert told["contrast"].accuracy is None
    assert "is nan on an episode of 200 steps" in told["contrast"].why
    assert "contrast" not in {f.rule for f in screened.findings}
