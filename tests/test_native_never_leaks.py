"""The environment's own reward reaches no text that a prompt is made of, for any registered id."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

import gymnasium
import numpy as np
import pytest
from pydantic import BaseModel

from rewardsmith import tasks
from rewardsmith.construct import known_ids
from rewardsmith.errors import UserError
from rewardsmith.propose import Ask
from rewardsmith.propose.prompts import render
from rewardsmith.records import Baseline, Candidate, Distance, TaskSpec, Training, Verdict

# gymnasium says that its v4 environments are old; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

FORBIDDEN = re.compile(
    r"reward|penal[tis]|bonus|_cost|cost_|\bcosts?\b|\bscores?\b|\breturns?\b|_weight", re.I
)


def prompt_text(task: TaskSpec) -> str:
    """All that a prompt may say of the environment: the task's fields, and the rendered card."""
    fields = task.model_dump_json(exclude={"fitness", "hyperparams", "budget"})
    # Below this heading stands the user's own sentence, and that a hidden score is the measure.
    card, heading, _ = render("card", task=task, notes="").partition("# The task")
    assert heading and task.env in card
    return fields + card.replace("What a reward may read", "")


def leaks(text: str, env: Any) -> list[str]:
    """What of the environment's own reward stands in the text."""
    found = FORBIDDEN.findall(text)
    document = inspect.cleandoc(type(env.unwrapped).__doc__ or "")
    sections = re.findall(r"^#+ *Rewards?\b.*?$(.*?)(?=^#+ |\Z)", document, re.M | re.S)
    lines = [" ".join(line.split()) for section in sections for line in section.splitlines()]
    found += [line for line in lines if len(line) > 25 and line in text]
    parameters = inspect.signature(type(env.unwrapped).__init__).parameters
    found += [p for p in parameters if FORBIDDEN.search(p) and p in text]
    return found


@pytest.mark.parametrize("env", known_ids())
def test_no_registered_environment_leaks_its_reward(env: str) -> None:
    try:
        task = tasks.resolve(env, "do the task", fitness="native")
    except UserError as error:
        pytest.skip(str(error))
    built = tasks.make(task)
    assert leaks(prompt_text(task), built) == []
    built.close()


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Pendulum-v1", "Reacher-v5", "FrozenLake-v1"])
def test_the_search_itself_finds_what_a_whole_docstring_tells(env: str) -> None:
    built = gymnasium.make(env)
    assert len(leaks(built.unwrapped.__doc__ or "", built)) > 3
    built.close()


def test_described_tasks_leak_nothing_either() -> None:
    for entry in tasks.entries():
        for name in entry.tasks:
            task = tasks.resolve(entry.id, "do it", task=name)
            built = tasks.make(task)
            assert leaks(prompt_text(task), built) == []
            built.close()


class Talkative(gymnasium.Env[Any, Any]):
    """A machine that tells its reward wherever it can.

    ## Description
    The agent is rewarded with 7.25 for being at the beacon.

    ## Observation Space
    There is a place and a speed. Being at place 3 is worth a reward of 7.25. The place
    is returned first. Its cost is 0.125 per step.

    | Num | Observation              | Min | Max | Unit         |
    |-----|--------------------------|-----|-----|--------------|
    | 0   | place of the machine     | -1  | 1   | position (m) |
    | 1   | bonus still to be had    | -1  | 1   | bonus        |

    ### Reward shaping
    The shaping beacon stands at 0.333.

    ## Action Space
    - 0: wait
    - 1: go, at a ctrl_cost of 0.125

    ## Rewards
    ### Termination
    It earns 7.25 when it terminates at the beacon.

    ## Episode End
    1. Termination: it leaves the hall
    2. It is penalised and stops at the beacon
    """

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        self._step = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        gain = 7.25 * self._step
        info = {
            "reward_go": gain, "ctrl_cost": 0.125, "distance_penalty": 1.0, "Score": 2.0,
            "progress": gain, "battery": 0.5, "name": "x", "grid": np.zeros(3),
        }  # fmt: skip
        return np.zeros(2, np.float32), gain, False, False, info


def test_a_talkative_environment_is_heard_without_its_reward() -> None:
    task = tasks.resolve(f"{__file__}:Talkative", "go", fitness="native")
    text = prompt_text(task).replace("test_native_never_leaks", "")
    assert not re.search(r"7\.25|0\.125|0\.333|beacon|progress|earns", text)
    assert FORBIDDEN.findall(text) == []
    assert [v.name for v in task.variables] == ["place_machine", "obs_1", "battery"]
    assert task.variables[0].unit == "m"
    assert task.about == "There is a place and a speed.\nThe place is returned first." or (
        task.about == "There is a place and a speed. The place is returned first."
    )
    assert "wait" in task.action_text and "leaves the hall" in task.episode_end


def records_within(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Every record that a record of this kind can hold, at any depth."""
    found: set[type[BaseModel]] = set()
    stack: list[Any] = [model]
    while stack:
        kind = stack.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in found:
                found.add(kind)
                stack.extend(field.annotation for field in kind.model_fields.values())
        else:
            stack.extend(get_args(kind))
    return found


def test_how_far_a_reward_lies_from_the_native_one_stands_in_no_record_of_a_prompt() -> None:
    told = records_within(Ask)
    assert {Candidate, Training, Verdict} <= told
    assert not told & {Baseline, Distance}
