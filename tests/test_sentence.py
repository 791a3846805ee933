"""Sentences are read by whole words, with inflections, negations and directions."""

from __future__ import annotations

import pytest

from rewardsmith.sentence import read, stem


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("run", "running"), ("run", "runs"), ("run", "ran"), ("move", "moving"),
        ("move", "moves"), ("balance", "balancing"), ("balance", "balanced"), ("hop", "hopping"),
        ("hope", "hoping"), ("fall", "falling"), ("fall", "fallen"), ("swing", "swinging"),
        ("quick", "quickly"), ("rotate", "rotating"), ("drive", "driving"), ("stop", "stopped"),
        ("forward", "forwards"), ("catch", "catches"), ("fly", "flies"), ("foot", "feet"),
    ],
)  # fmt: skip
def test_inflections_meet(word: str, other: str) -> None:
    assert stem(word) == stem(other)


@pytest.mark.parametrize(
    ("word", "other"),
    [("hop", "hopper"), ("hop", "hope"), ("walk", "walker"), ("speed", "sp"), ("back", "backflip"),
     ("up", "upright"), ("sta", "stay"), ("sw", "swing"), ("r", "red")],
)  # fmt: skip
def test_other_words_stay_apart(word: str, other: str) -> None:
    assert stem(word) != stem(other)


def test_whole_words_only() -> None:
    reading = read("make the Hopper stand")
    assert reading.asks("stand")
    assert not reading.asks("hop")


@pytest.mark.parametrize(
    ("sentence", "asked", "denied"),
    [
        ("don't run", (), ("run",)),
        ("do not run forward, run backward", ("run", "backward"), ("forward",)),
        ("hop forward without falling", ("hop", "forward"), ("fall",)),
        ("never touch the wall but move on", ("move",), ("touch", "wall")),
        ("without falling or stumbling run", (), ("fall", "stumble")),
        ("walk without falling and jumping", ("walk",), ("fall", "jump")),
        ("do not fall and run forward", ("run", "forward"), ("fall",)),
        ("walk backward instead of forward", ("walk", "backward"), ("forward",)),
        ("never stop moving", ("move",), ()),
        ("stop moving", (), ("move",)),
        ("run forward without stopping", ("run", "forward"), ("stop",)),
        ("don’t fall", (), ("fall",)),
        ("keep the pole from falling", (), ("fall",)),
        ("prevents tipping", (), ("tip",)),
        ("jump from standing", ("jump", "stand"), ()),
    ],
)
def test_negation_reaches_its_clause(
    sentence: str, asked: tuple[str, ...], denied: tuple[str, ...]
) -> None:
    reading = read(sentence)
    assert [w for w in asked if not reading.asks(w)] == []
    assert [w for w in denied if not reading.denies(w)] == []
    assert [w for w in denied if reading.asks(w)] == []
    assert [w for w in asked if reading.denies(w)] == []


def test_directions() -> None:
    assert read("swing up and stay there").directions == {"up"}
    assert read("run ahead, never backwards").directions == {"forward"}
    assert read("hop on the left leg").directions == set()
    assert read("move to the left").directions == {"left"}


def test_content_words_are_as_written_and_empty_words_are_left_out() -> None:
    reading = read("Run forward as fast as possible while juggling, without tripping!")
    assert reading.asked == ("run", "forward", "fast", "juggling")
    assert reading.negated == ("tripping",)
    assert reading.unread(["runs", "forward", "fast"]) == ("juggling", "tripping")
    assert reading.unread(["run", "fast"], excluded=["trip", "forward"]) == ("forward", "juggling")


def test_nothing_to_read() -> None:
    assert read("").words == ()
    assert read("").directions == frozenset()
    assert read("!!! ... 走れ").words == ()
