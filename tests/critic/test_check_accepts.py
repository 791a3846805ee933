"""Honest rewards pass the critic, whatever their style, and warnings do not stop them."""

import math

import numpy as np
import pytest
from critic_tasks import BY_REPLY, CHEETAH, HOPPER, reply_code, transitions

from rewardsmith.critic import check
from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import Verdict

GOOD_REPLIES = [
    *("c1-1", "c1-2", "c2-1", "c2-2", "c2-3", "c3-1", "c3-2", "c3-3"),
    *("c4-1", "c4-2", "c4-3", "c5-1", "c5-2", "c5-3"),
]


def rules(verdict: Verdict) -> set[str]:
    """The rules of all findings."""
    return {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize("name", GOOD_REPLIES)
def test_a_good_reply_is_accepted(name: str) -> None:
    task = BY_REPLY[name[:2]]
    verdict = check(reply_code(name), task, transitions(task))
    assert verdict.ok, verdict.findings
    assert verdict.reward is not None


def test_an_accepted_reply_runs() -> None:
    batch = transitions(HOPPER)
    verdict = check(reply_code("c5-1"), HOPPER, batch)
    assert verdict.reward is not None
    with RewardWorker(verdict.reward, capacity=len(batch)) as worker:
        rewards = worker.compute(batch)
    assert (
        tuple(rewards.terms) == verdict.reward.terms == ("speed", "alive", "tip", "low", "effort")
    )
    np.testing.assert_allclose(rewards.total, sum(rewards.terms.values()), rtol=1e-12)


def test_a_dominating_bonus_is_accepted_with_a_warning() -> None:
    verdict = check(reply_code("c5-3"), HOPPER, transitions(HOPPER))
    assert verdict.ok
    (finding,) = [f for f in verdict.findings if f.rule == "dominant-bonus"]
    assert finding.severity == "warning"
    assert '"alive"' in finding.message
    assert "standing still" in finding.message


def test_a_balanced_reply_gets_no_warning_of_dominance() -> None:
    verdict = check(reply_code("c2-1"), HOPPER, transitions(HOPPER))
    assert not {"dominant-bonus", "dominant-term"} & rules(verdict)


def test_the_checked_reward_reads_exactly_what_it_needs() -> None:
    verdict = check(reply_code("c1-1"), CHEETAH, transitions(CHEETAH))
    assert verdict.reward is not None
    assert [(column.argument, column.name) for column in verdict.reward.columns] == [
        ("state", "x_position"),
        ("next_state", "x_position"),
        ("next_state", "torso_pitch"),
        ("action", ""),
    ]
    assert verdict.reward.arguments == ("state", "action", "next_state", "params")
    assert verdict.reward.terms == ("speed", "backward", "effort", "flip")
    assert verdict.reward.params["w_flip"] == 1.5


def test_every_layer_is_named_in_the_verdict() -> None:
    verdict = check(reply_code("c1-1"), CHEETAH, transitions(CHEETAH))
    names = [layer.name for layer in verdict.layers]
    assert names[:2] == ["bytes", "syntax tree"]
    assert {"landlock", "seccomp", "bubblewrap", "resource limits"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_check_is_quick() -> None:
    # The stated aim is 1.5 s cold on a quiet machine; this is the limit on a busy one.
    assert check(reply_code("c1-1"), CHEETAH, transitions(CHEETAH)).wall_s < 5.0


HEAD = "import numpy as np\n\ndef compute_reward(state, action, next_state, params):\n"
VARIETIES = {
    "helper after": (
        HEAD + "    return {'up': helper(next_state.z_position)}\n\n"
        "def helper(x):\n    return np.exp(-x ** 2)\n"
    ),
    "helper given the state": (
        "import numpy as np\n\ndef speed(s):\n    return s.x_velocity + s['z_velocity']\n\n"
        "def compute_reward(next_state):\n    return {'speed': speed(next_state)}\n"
    ),
    "alias of the state": HEAD + "    s = next_state\n    return {'speed': s.x_velocity}\n",
    "names in a loop": (
        HEAD + "    total = 0.0\n    for name in ('x_velocity', 'z_velocity'):\n"
        "        total = total + next_state[name]\n    return {'speed': total}\n"
    ),
    "dict comprehension": (
        HEAD + "    parts = {'x': next_state.x_velocity, 'z': next_state.z_velocity}\n"
        "    return {f'{k}_term': 0.5 * v for k, v in parts.items()}\n"
    ),
    "nested function and lambda": (
        HEAD + "    def square(x):\n        return x * x\n    flip = lambda x: -x\n"
        "    return {'effort': flip(square(action).sum(axis=-1))}\n"
    ),
    "constants and type hints": (
        "from __future__ import annotations\nimport numpy as np\n\n"
        "SCALE: float = 2.0\nPARAMS: dict[str, float] = {'w': 1}\n\n"
        "def compute_reward(state, action: np.ndarray, next_state, params: dict[str, float])"
        " -> dict[str, np.ndarray]:\n"
        '    """A docstring."""\n'
        "    return {'speed': SCALE * params['w'] * next_state.x_velocity}\n"
    ),
    "math": (
        "import math\nimport numpy as np\n\ndef compute_reward(next_state):\n"
        "    return {'up': np.cos(next_state.torso_pitch) / math.sqrt(2 * math.pi)}\n"
    ),
    "where, clip, select": (
        HEAD + "    v = np.clip(next_state.x_velocity, 0.0, 1.0)\n"
        "    w = np.where(v > 0.5, v, 0.1 * v)\n"
        "    return {'speed': w, 'band': np.select([v > 0.7, v > 0.3], [v, -v], 0.0)}\n"
    ),
    "norm and einsum": (
        HEAD + "    a = np.linalg.norm(action, axis=-1)\n"
        "    b = np.einsum('ij,ij->i', next_state.joint_angles, state.joint_angles)\n"
        "    return {'a': -a, 'b': b}\n"
    ),
    "from imports": (
        "from numpy import clip, exp as e\nfrom numpy.linalg import norm\nimport numpy\n\n"
        "def compute_reward(action, next_state):\n"
        "    return {'a': e(-norm(action, axis=-1)), 'b': clip(next_state.x_velocity, 0, 1)}\n"
    ),
    "total and terms": (
        HEAD + "    gate = np.exp(-np.square(next_state.torso_pitch))\n"
        "    speed = next_state.x_velocity\n    return speed * gate, {'speed': speed * gate}\n"
    ),
    "observations only": (
        "import numpy as np\n\ndef compute_reward(obs, next_obs, prev_action, action):\n"
        "    return {'move': next_obs[:, 0] - obs[:, 0],\n"
        "            'smooth': -np.square(action - prev_action).mean(axis=1)}\n"
    ),
    "time and termination": (
        "import numpy as np\n\ndef compute_reward(*, terminated, t, next_state):\n"
        "    return {'fall': np.where(terminated, -10.0, 0.0), 'late': 0.01 * t,\n"
        "            'speed': next_state.x_velocity.astype(np.float32)}\n"
    ),
    "booleans and integers": (
        HEAD + "    fast = next_state.x_velocity > 0.5\n"
        "    return {'fast': fast, 'sign': np.sign(next_state.x_velocity).astype(int)}\n"
    ),
    "work on a copy": (
        HEAD + "    a = action.copy()\n    a[:, 0] *= 2.0\n    a += 1.0\n"
        "    return {'effort': -np.abs(a).sum(axis=1)}\n"
    ),
    "errstate and asserts": (
        HEAD + "    assert len(action) > 0, 'rows'\n    with np.errstate(divide='ignore'):\n"
        "        x = np.nan_to_num(1.0 / next_state.x_velocity)\n    return {'x': np.tanh(x)}\n"
    ),
    "optional params": (
        HEAD.replace("params)", "params=None)") + "    p = {'w': 2.0, **(params or {})}\n"
        "    return {'speed': p['w'] * next_state.x_velocity}\n"
    ),
    "maximum of several": (
        HEAD + "    top = np.maximum.reduce([next_state.x_velocity, next_state.z_velocity])\n"
        "    return {'top': top}\n"
    ),
    "a variable of the step": HEAD + "    return {'force': -1e-3 * next_state.foot_force}\n",
    "accents and units": HEAD + "    # vitesse mesurée, m/s², θ\n"
    "    θ = next_state.torso_pitch\n    return {'up': np.cos(θ)}\n",
}


@pytest.mark.parametrize("name", VARIETIES)
def test_an_honest_variety_is_accepted(name: str) -> None:
    verdict = check(VARIETIES[name], CHEETAH, transitions(CHEETAH))
    assert verdict.ok, verdict.findings


def test_numbers_are_what_the_formula_says() -> None:
    code = VARIETIES["math"]
    batch = transitions(CHEETAH)
    verdict = check(code, CHEETAH, batch)
    assert verdict.reward is not None
    with RewardWorker(verdict.reward, capacity=len(batch)) as worker:
        total = worker.compute(batch).total
    expected = np.cos(batch.next_state["torso_pitch"]) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(total, expected, rtol=1e-15)


WARNINGS = {
    "a term that never varies": (
        "    return {'one': np.ones(len(action)), 'speed': next_state.x_velocity}\n",
        "constant-term",
    ),
    "a total that the terms do not explain": (
        "    v = next_state.x_velocity\n    return v * v, {'v': v}\n",
        "unexplained-total",
    ),
    "a term that is everything": (
        "    v = next_state.x_velocity\n    return {'big': 10.0 + v, 'small': 0.01 * v}\n",
        "dominant-term",
    ),
    "a bonus for being there": (
        "    v = next_state.x_velocity\n    return {'alive': np.full(len(v), 5.0), 'v': v}\n",
        "dominant-bonus",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_warning_does_not_refuse(name: str) -> None:
    code, rule = WARNINGS[name]
    verdict = check(HEAD + code, CHEETAH, transitions(CHEETAH))
    assert verdict.ok
    assert rule in rules(verdict)
    assert all(finding.severity == "warning" for finding in verdict.findings)


@pytest.mark.parametrize("rows", [1, 2, 6, 7])
def test_few_transitions_are_enough(rows: int) -> None:
    verdict = check(reply_code("c1-2"), CHEETAH, transitions(CHEETAH, rows))
    assert verdict.ok, verdict.findings
