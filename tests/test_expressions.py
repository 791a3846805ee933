"""Fitness expressions are checked before they run, and never run as Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.errors import UserError
from rewardsmith.expressions import Episode, parse
from rewardsmith.records import Space, Variable

VARIABLES = (
    Variable(name="x", kind="state", source="qpos[0]"),
    Variable(name="joints", kind="state", source="qpos[2:]", shape=(3,)),
    Variable(name="speed", kind="transition", source="info:speed"),
)
ACTION = Space(kind="box", size=2)
X = [1.0, 2.0, 4.0, 7.0, 11.0]
SPEED = [10.0, -20.0, 30.0, 40.0]


def episode(**change: object) -> Episode:
    given = {
        "states": {"x": np.array(X), "joints": np.arange(15.0).reshape(5, 3)},
        "transitions": {"speed": np.array(SPEED)},
        "action": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]),
        "dt": 0.5,
        "native_return": 99.0,
        "terminated": True,
    }
    return Episode(**{**given, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("native_return", 99.0),
        ("T", 4.0),
        ("terminated", 1.0),
        ("not terminated", 0.0),
        ("-T + 2 * 3 ** 2 - 7 / 2 - 7 % 4 - 7 // 2", -4 + 18 - 3.5 - 3 - 3),
        ("(last(x) - first(x)) / (T * dt)", 5.0),
        ("x[-1] - x[0]", 10.0),
        ("mean(speed)", 15.0),
        ("min(x) + max(x)", 12.0),
        ("max(T, 5) - min(T, 5)", 1.0),
        ("sum(diff(x))", 10.0),
        ("mean(x[1:] - x[:-1] - speed)", (10 - 60) / 4),
        ("mean(x[1:] * speed)", (20 - 80 + 210 + 440) / 4),
        ("count(speed > 0 and speed < 35)", 2.0),
        ("count(0 < speed < 35)", 2.0),
        ("count(speed < 0 or speed > 35)", 2.0),
        ("longest_run(speed > 0)", 2.0),
        ("longest_run(speed > 100)", 0.0),
        ("any(speed < 0) + all(speed < 0)", 1.0),
        ("all(speed > -21)", 1.0),
        ("sum(clip(speed, 0, 25))", 60.0),
        ("sum(where(speed < 0, 1, 0))", 1.0),
        ("sum(abs(speed))", 100.0),
        ("sqrt(T) + exp(0) + log(1) + sin(0) + cos(0)", 4.0),
        ("atan2(1, 0)", math.pi / 2),
        ("mean(joints[:, 2])", 8.0),
        ("joints[-1, 0] + joints[0][1]", 13.0),
        ("last(norm(joints))", math.sqrt(144 + 169 + 196)),
        ("norm(last(joints))", math.sqrt(144 + 169 + 196)),
        ("sum(sum(action))", 36.0),
        ("sum(mean(joints * x))", sum(x * (9 * i + 3) for i, x in enumerate(X)) / 5),
        ("mean(norm(joints - first(joints)))", np.sqrt(27) * 2),
        ("last(unwrap(x * pi)) - first(unwrap(x * pi))", None),
        ("x[::2][1]", 4.0),
        ("sum(x[-2:])", 18.0),
        ("pi", math.pi),
    ],
)
def test_values(text: str, value: float | None) -> None:
    result = parse(text, VARIABLES, ACTION).evaluate(episode())
    if value is None:
        expected = np.unwrap(np.array(X) * np.pi)
        value = expected[-1] - expected[0]
    assert result == pytest.approx(value)


def test_reads_only_what_it_names() -> None:
    assert parse("last(x) + T", VARIABLES).variables == {"x"}
    assert parse("native_return", VARIABLES).variables == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("last(xx)", "column 6 names 'xx', which does not exist; did you mean 'x'?"),
        ("last(qwertz)", "known: x, joints, speed"),
        ("1 + ", "column"),
        ("", "column"),
        ("x", "gives a series, not one number"),
        ("first(joints)", "gives a row of 3 numbers, not one number"),
        ("mean(x - speed)", "x\\[1:\\]"),
        ("mean(x[:-2] * speed)", "mixes a series"),
        ("last(joints + action)", "mixes a series"),
        ("last(joints[1:] + action)", "whose shapes differ"),
        ("norm(x)", "without components"),
        ("mean(T)", "reduces a single number"),
        ("diff(T)", "needs a series"),
        ("joints[0, 7]", "out of range"),
        ("x[0, 1]", "takes 2 indices of a series"),
        ("x[T]", "not a whole number"),
        ("x[::0]", "a step of 0"),
        ("mean(x, x)", "takes 1"),
        ("mean(a=x)", "by position"),
        ("mean", "without brackets"),
        ("'a'", "not a number"),
        ("mean(x) if T else 1", "IfExp"),
        ("__import__('os').system('true')", "calls what is not one of"),
        ("(lambda: 1)()", "calls what is not one of"),
        ("x.real", "Attribute"),
        ("[i for i in x]", "ListComp"),
        ("T is T", "Is, which"),
        ("~T", "Invert"),
        ("1 << 2", "LShift"),
        ("1" + "0" * 400, "too large"),
        ("-" * 200 + "1", "nested too deeply"),
        ("(" * 900 + "1" + ")" * 900, "nested"),
        ("T\x00", "null byte|cannot be parsed"),
        ("T" + "+T" * 2000, "at most 2000"),
    ],
)
def test_what_is_wrong_is_said_before_it_runs(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse(text, VARIABLES, ACTION)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("log(0)", {}, "is -inf on an episode of 4 steps"),
        ("1 / (T - 4)", {}, "is inf"),
        ("(T - 4) / (T - 4)", {}, "is nan"),
        ("T / dt", {"dt": None}, "dt is unknown"),
        ("x[9]", {}, "out of bounds"),
        ("mean(x[9:])", {}, "a slice of the episode is empty"),
        ("sum(x[::2] * speed)", {}, "broadcast"),
        ("exp(1e6)", {}, "is inf"),
    ],
)
def test_what_only_the_episode_shows_is_an_error(
    text: str, change: dict[str, object], message: str
) -> None:
    expression = parse(text, VARIABLES, ACTION)
    with pytest.raises(UserError, match=message):
        expression.evaluate(episode(**change))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="xTspeed joints()[]:,+-*/<>=!0123.ando", max_size=30))
def test_any_text_is_an_expression_or_a_user_error(text: str) -> None:
    try:
        value = parse(text, VARIABLES, ACTION).evaluate(episode())
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert math.isfinite(value)
