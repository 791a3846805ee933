"""Every way in which Python code binds a name."""

from __future__ import annotations

import ast

import pytest

from rewardsmith.names import bound, loaded


@pytest.mark.parametrize(
    "code",
    [
        "name = 1",
        "name: float = 1",
        "name += 1",
        "(other, *name) = values",
        "for name in values: pass",
        "with open() as name: pass",
        "[name for name in values]",
        "(name := 1)",
        "def name(): pass",
        "lambda name: 1",
        "def f(*, name=1): pass",
        "import name.inner",
        "import numpy as name",
        "from numpy import cos as name",
        "try: pass\nexcept ValueError as name: pass",
    ],
)
def test_whatever_binds_a_name_is_seen(code: str) -> None:
    assert "name" in bound(ast.parse(code))


def test_what_is_read_or_set_within_is_not_bound() -> None:
    tree = ast.parse("name.part = other[name] = 1")
    assert bound(tree) == set()
    assert loaded(tree) == {"name", "other"}
