"""From an environment's name and a sentence to a task, or to one line that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith import folders, tasks
from rewardsmith.errors import UserError
from rewardsmith.records import TaskSpec

DECLARED = [(folder.id, task) for folder in folders.every() for task in folder.task]


@pytest.mark.parametrize(("env", "declared"), DECLARED, ids=lambda x: getattr(x, "name", x))
def test_every_declared_task_is_found_by_its_own_sentence(
    env: str, declared: tasks.DeclaredTask
) -> None:
    task = tasks.resolve(env, declared.sentence)
    assert task.fitness.name == declared.name
    assert task.fitness.why == f"the sentence asks to {declared.sentence}"
    assert task.fitness.unread == ()
    assert task.opposite == declared.opposite
    assert tasks.fitness_of(task).variables <= {v.name for v in task.variables}
    assert tasks.resolve(env, "whatever", task=declared.name).fitness.expression == (
        task.fitness.expression
    )
    assert TaskSpec.model_validate_json(task.model_dump_json()) == task


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5"])
def test_variables_that_rewards_are_told_of(env: str) -> None:
    task = tasks.resolve(env, "go forward")
    shapes = {v.name: v.shape for v in task.variables}
    joints = task.action.size
    assert shapes["x_position"] == shapes["x_velocity"] == shapes["z_velocity"] == ()
    assert shapes["joint_angles"] == shapes["joint_velocities"] == (joints,)
    if env != "Ant-v5":
        assert shapes["torso_pitch"] == shapes["pitch_rate"] == ()
        height = "z_position" if env == "HalfCheetah-v5" else "torso_height"
        assert shapes[height] == ()
    assert {v.kind for v in task.variables} == {"state"}
    assert task.dt_s in (0.05, 0.008) and task.max_episode_steps == 1000
    assert task.action.low == (-1.0,) * joints


@pytest.mark.parametrize(
    ("env", "sentence", "name", "unread"),
    [
        ("HalfCheetah-v5", "Make the cheetah sprint as quickly as possible!", "forward", ()),
        ("HalfCheetah-v5", "run forward while juggling", "forward", ("juggling",)),
        ("HalfCheetah-v5", "run forward without touching knees", "forward", ("touching", "knees")),
        ("HalfCheetah-v5", "do not run forward, run backward", "backward", ()),
        ("HalfCheetah-v5", "move in reverse", "backward", ()),
        ("HalfCheetah-v5", "never move", "still", ()),
        ("Hopper-v5", "hop ahead", "forward", ()),
        ("Hopper-v5", "jump high", "jump", ()),
        ("Hopper-v5", "don't hop, stand", "stand", ()),
        ("Walker2d-v5", "jog slowly", "forward", ("slowly",)),
        ("Ant-v5", "walk to the left", "left", ()),
        ("CartPole-v1", "keep the pole from falling", "balance", ()),
        ("CartPole-v1", "balance the pole near the centre", "centre", ("near",)),
        ("Pendulum-v1", "swing up", "upright", ()),
    ],
)
def test_sentences_are_read(env: str, sentence: str, name: str, unread: tuple[str, ...]) -> None:
    task = tasks.resolve(env, sentence)
    assert (task.fitness.name, task.fitness.unread) == (name, unread)


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ("HalfCheetah-v5", "do a backflip"),
        ("HalfCheetah-v5", "run in circles"),
        ("Hopper-v5", "make the hopper do something"),
        ("Hopper-v5", "hop in place"),
        ("Walker2d-v5", "paint the wall"),
        ("Ant-v5", "stand on three legs"),
        ("CartPole-v1", "let the pole fall"),
        ("Pendulum-v1", "make tea"),
    ],
)
def test_a_sentence_that_fits_no_task_is_never_given_a_default(env: str, sentence: str) -> None:
    with pytest.raises(UserError, match="fits no task") as caught:
        tasks.resolve(env, sentence)
    message = str(caught.value)
    assert "--task NAME" in message and "--fitness EXPRESSION" in message and "\n" not in message
    assert all(task.name in message for name, task in DECLARED if name == env)


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        ("Hoper-v5", {}, "unknown environment 'Hoper-v5'; did you mean Hopper-v5"),
        ("halfcheetah-v5", {}, "did you mean HalfCheetah-v5"),
        ("HalfCheetah", {}, "did you mean HalfCheetah-v5"),
        ("zzz", {}, "envs list"),
        ("", {}, "unknown environment"),
        ("../Ant-v5", {}, "unknown environment"),
        ("HalfCheetah-v5", {"task": "flip"}, "no task 'flip'; its tasks: forward, backward"),
        ("HalfCheetah-v5", {"fitness": "mean(x_velociti)"}, "did you mean 'x_velocity'"),
        ("HalfCheetah-v5", {"fitness": "x_velocity"}, "not one number"),
        ("HalfCheetah-v5", {"fitness": "py:nothing"}, "has no such function"),
        ("HalfCheetah-v5", {"task": "forward", "fitness": "T"}, "not both"),
        ("HalfCheetah-v5", {"env_kwargs": {"wings": 2}}, "cannot be built: .*wings"),
        ("HalfCheetah-v5", {"env_kwargs": {"xml_file": "no.xml"}}, "no.xml"),
        ("Blackjack-v1", {}, "Tuple observations are not supported yet: wrap with"),
        ("no_such_module:make", {}, "does not import"),
        ("no_such_file.py:make", {}, "does not exist"),
        (f"{__file__}:pytest", {}, "no callable 'pytest'"),
        ("math:pi", {}, "no callable 'pi'"),
        ("math:sqrt", {}, "cannot be built"),
        ("builtins:dict", {}, "gave a dict, not a gymnasium.Env"),
    ],
)
def test_bad_requests_are_one_line(env: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        tasks.resolve(env, "run forward", **options)
    assert "\n" not in str(caught.value)


def test_an_empty_sentence_is_refused() -> None:
    with pytest.raises(UserError, match="the task is empty"):
        tasks.resolve("HalfCheetah-v5", "  \n ")


def test_fitness_by_expression_or_native_is_the_users_word() -> None:
    task = tasks.resolve("HalfCheetah-v5", "do a backflip", fitness=" -last(torso_pitch) ")
    assert (task.fitness.name, task.fitness.expression) == ("expression", "-last(torso_pitch)")
    native = tasks.resolve("HalfCheetah-v5", "run", fitness="native").fitness
    assert (native.name, native.expression) == ("native", "native_return")


@pytest.mark.parametrize("options", [{}, {"task": "climb"}])
def test_without_a_folder_the_user_says_what_success_is(options: dict[str, str]) -> None:
    with pytest.raises(tasks.NeedsFitness) as caught:
        tasks.resolve("MountainCar-v0", "climb the hill", **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "--fitness native" in message and "--fitness EXPRESSION" in message
    assert "position_car_x_axis, velocity_car" in message
    task = tasks.resolve("MountainCar-v0", "climb the hill", fitness="max(position_car_x_axis)")
    assert task.folder == "" and task.action.n == 3
    assert "goal position" in task.episode_end and "Accelerate" in task.action_text


def test_variables_are_discovered_in_spaces_docstring_and_info() -> None:
    swimmer = tasks.describe("Swimmer-v5")
    kinds = {v.name: (v.kind, v.source, v.unit) for v in swimmer.variables}
    assert kinds["velocity_tip_x_axis"] == ("state", "obs[3]", "m/s")
    assert kinds["x_position"] == ("transition", "info:x_position", "")
    assert not [name for name in kinds if "reward" in name]
    lake = tasks.describe("FrozenLake-v1")
    assert [(v.name, v.shape) for v in lake.variables] == [("observation", ()), ("prob", ())]
    assert "goal" in lake.episode_end
    humanoid = tasks.describe("Humanoid-v5")
    assert humanoid.variables[45].name == "obs_45_to_347"
    assert humanoid.variables[45].shape == (303,)


def test_arguments_that_change_the_observation_take_the_docstrings_names_away() -> None:
    kwargs = {"exclude_current_positions_from_observation": False}
    swimmer = tasks.describe("Swimmer-v5", kwargs)
    assert swimmer.observation.size == 10
    assert swimmer.variables[0].name == "obs_0"


FACTORY = '''
from __future__ import annotations
from dataclasses import dataclass
import gymnasium
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

@dataclass
class Settings:
    size: int = 2

class Endless(gymnasium.Env):
    """A counter.

    ## Observation Space
    | Num | Observation | Unit |
    |-----|-------------|------|
    | 0   | mean        | m    |
    | 1   | class       |      |
    """
    observation_space = Box(-1, 1, (2, 2))
    action_space = Box(-1, 1, (1,))
    def __init__(self, start=0):
        self.start = start
    def reset(self, *, seed=None, options=None):
        return self.observation_space.low * 0 + self.start, {}
    def step(self, action):
        return self.observation_space.high * 1, 1.0, False, False, {"steps": 2}

def small(**kwargs):
    return gymnasium.wrappers.TimeLimit(Endless(**kwargs), 7)

def dictionary():
    env = Endless()
    env.observation_space = Dict(a=Box(-1, 1, (2,)))
    return env

def image():
    env = Endless()
    env.observation_space = Box(0, 255, (8, 8, 3))
    return env

def many_actions():
    env = Endless()
    env.action_space = MultiDiscrete([2, 2])
    return env

def late_start():
    env = Endless()
    env.action_space = Discrete(3, start=1)
    return env

def broken():
    raise ValueError("the robot\\nis not plugged in")
'''


@pytest.fixture
def factory(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FACTORY)
    return path


def test_a_users_file_gives_environments(factory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks.resolve(f"{factory}:small", "count", fitness="T", env_kwargs={"start": 1})
    assert task.max_episode_steps == 7 and task.observation.size == 4
    assert tasks.make(task).reset()[0].tolist() == [[1, 1], [1, 1]]
    endless = tasks.resolve(f"{factory}:Endless", "count", fitness="last(mean_value)")
    assert [v.name for v in endless.variables] == [
        "mean_value", "class_value", "obs_2", "obs_3", "steps"
    ]  # fmt: skip
    assert endless.max_episode_steps == 1000
    monkeypatch.chdir(factory.parent)
    assert tasks.resolve("mine.py:small", "count", fitness="T").env == f"{factory.resolve()}:small"


def test_a_module_that_registers_by_its_import_is_made_by_id() -> None:
    task = tasks.resolve("gymnasium.envs.classic_control:MountainCar-v0", "go", fitness="T")
    assert task.max_episode_steps == 200


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dictionary", "Dict observations are not supported yet: wrap with"),
        ("image", "image observations of shape \\(8, 8, 3\\)"),
        ("many_actions", "MultiDiscrete actions are not supported yet"),
        ("late_start", "start at 1"),
        ("broken", "the robot is not plugged in"),
        ("absent", "no callable 'absent'"),
    ],
)
def test_what_is_not_supported_says_so(factory: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        tasks.resolve(f"{factory}:{name}", "count", fitness="T")
    assert "\n" not in str(caught.value)


def test_entries_list_described_environments_first() -> None:
    entries = tasks.entries()
    described = [entry.id for entry in entries if entry.folder]
    assert described == [entry.id for entry in entries][: len(described)]
    assert {"CartPole-v1", "Pendulum-v1", "HalfCheetah-v5", "Hopper-v5"} <= set(described)
    others = {entry.id for entry in entries if not entry.folder}
    assert "Acrobot-v1" in others and "Reacher-v2" not in others


TOML = """
title = "t"
about = "a"
action = "b"
episode_end = "c"
variable = [{ name = "x", kind = "state", source = "obs[0]" }]
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "task.toml: not TOML"),
        (TOML.replace('about = "a"', ""), "task.toml: about: Field required"),
        (TOML + "colour = 3", "task.toml: colour: Extra inputs"),
        (TOML.replace('"state"', '"stats"'), "task.toml: variable.0.kind"),
        (TOML.replace('"x"', '"mean"'), "'mean' cannot name a variable"),
        (TOML.replace('"x"', '"a b"'), "'a b' cannot name a variable"),
        (TOML + "budget = { timesteps = 'many' }", "task.toml: budget.timesteps"),
        (
            TOML + "task = [{ name = 'x', sentence = 's', words = [['s']], fitness = 'T' }]",
            "'x' is used twice",
        ),
        (
            TOML + "task = [{ name='y', sentence='s', words=[['s']], fitness='T', opposite='z'}]",
            "opposite 'z' is no task",
        ),
        (TOML + "id = 'other'", "task.toml: id"),
    ],
)
def test_a_bad_task_file_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "Env-v0" / "task.toml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        folders.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_declared_fitness_measures_what_its_name_says() -> None:
    """A hand-made push forward scores above 0 forward and below 0 backward."""
    from rewardsmith.expressions import Episode

    xs = np.linspace(0.0, 4.0, 101)
    episode = Episode(
        states={"x_position": xs}, transitions={}, action=np.zeros((100, 6)), dt=0.05,
        native_return=0.0, terminated=False,
    )  # fmt: skip
    forward = tasks.resolve("HalfCheetah-v5", "run forward")
    backward = tasks.resolve("HalfCheetah-v5", "run backward")
    assert tasks.fitness_of(forward).evaluate(episode) == pytest.approx(0.8)
    assert tasks.fitness_of(backward).evaluate(episode) == pytest.approx(-0.8)


def test_the_registry_is_left_as_it_was() -> None:
    before = set(gymnasium.registry)
    tasks.entries()
    assert set(gymnasium.registry) == before
