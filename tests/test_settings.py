"""Settings: which layer wins, what is said of a wrong one, and that a written file reads back."""

from __future__ import annotations

from itertools import filterfalse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from rewardsmith import settings
from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError


def written(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return settings.load_toml(path)


def test_each_layer_wins_over_the_one_before(tmp_path: Path) -> None:
    file = written(tmp_path, '[search]\nsamples = 5\nseeds = 2\n[train]\nalgo = "sac"\n')
    assigned = settings.parse_assignments(["search.samples=6", "search.seeds=3"])
    flags = {"search": {"samples": 7}}
    settled = settings.build(file, assigned, flags)
    assert settled.search.samples == 7
    assert settled.search.seeds == 3
    assert settled.train.algo == "sac"
    assert settled.search.iterations == RunConfig().search.iterations


def test_free_tables_merge_key_by_key() -> None:
    preset = {"train": {"hyperparams": {"gamma": 0.9, "n_steps": 64}}}
    assigned = settings.parse_assignments(["train.hyperparams.gamma=0.95"])
    merged = settings.build(preset, assigned).train.hyperparams
    assert merged == {"gamma": 0.95, "n_steps": 64}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("notes=mind the gap", "mind the gap"),
        ("notes=  spaced ", "spaced"),
        ('notes="3"', "3"),
        ("notes=a=b", "a=b"),
        ("search.samples=6", 6),
        ("model.temperature=0.5", 0.5),
        ("search.native=false", False),
        ('init=["a.py", "b.py"]', ["a.py", "b.py"]),
        ("notes=", ""),
    ],
)
def test_assignments_are_toml_values_or_text(assignment: str, value: object) -> None:
    parsed = settings.parse_assignments([assignment])
    key = assignment.partition("=")[0]
    assert settings.flatten(parsed) == {key: value}
    assert type(settings.flatten(parsed)[key]) is type(value)


def test_a_later_assignment_wins_also_over_a_whole_table() -> None:
    parsed = settings.parse_assignments(["search=5", "search.samples=3", "search.samples=4"])
    assert parsed == {"search": {"samples": 4}}


@pytest.mark.parametrize("assignment", ["search.samples", "=3", "  =3", ""])
def test_an_assignment_that_is_none_is_named(assignment: str) -> None:
    with pytest.raises(UserError, match="expected KEY=VALUE"):
        settings.parse_assignments([assignment])


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"search": {"sample": 3}}, ["search.sample", "did you mean search.samples?"]),
        ({"trian": {"algo": "ppo"}}, ["unknown setting trian"]),
        ({"zzz": 1}, ["unknown setting zzz", "config show"]),
        ({"search": {"samples": 0}}, ["search.samples", "greater than or equal to 1"]),
        ({"search": {"samples": "many"}}, ["search.samples", "integer"]),
        ({"search": 5}, ["search"]),
        ({"train": {"algo": "ddpg"}}, ["train.algo", "'ppo' or 'sac'"]),
        ({"train": {"timesteps": 0}}, ["train.timesteps"]),
        ({"limits": {"wall_s": float("nan")}}, ["limits.wall_s"]),
        ({"env_kwargs": {"a": [1]}}, ["env_kwargs.a"]),
        ({"seed": 2**31}, ["seed"]),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(layer: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        settings.build(layer)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert all(words in message for words in said)


def test_an_unreadable_file_is_one_line_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*none\.toml: No such file"):
        settings.load_toml(tmp_path / "none.toml")
    with pytest.raises(UserError, match=r"run\.toml is not valid TOML: Invalid value"):
        written(tmp_path, "search = [")
    (tmp_path / "latin.toml").write_bytes(b'notes = "\xe9"')
    with pytest.raises(UserError, match=r"latin\.toml is not valid TOML"):
        settings.load_toml(tmp_path / "latin.toml")
    with pytest.raises(UserError, match="cannot read"):
        settings.load_toml(tmp_path)


def test_the_defaults_read_back_and_every_key_is_in_the_file(tmp_path: Path) -> None:
    text = settings.to_toml(RunConfig())
    assert settings.build(written(tmp_path, text)) == RunConfig()
    lines = {
        line.removeprefix("# ").split(" = ")[0].removesuffix(" =") for line in text.split("\n")
    }
    assert {key.rpartition(".")[2] for key in settings.flatten(RunConfig().model_dump())} <= lines


_text = st.text(st.characters(codec="utf-8"), max_size=30)
_value = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), _text)
_table = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), _value, max_size=3)


@tried(max_examples=60, deadline=None)
@given(
    notes=_text,
    init=st.lists(_text, max_size=2),
    env_kwargs=_table,
    hyperparams=_table,
    timeout_s=st.floats(min_value=0, exclude_min=True),
    wall_s=st.none() | st.just(60.5),
)
def test_any_settings_read_back_from_toml_and_from_json(
    tmp_path_factory: pytest.TempPathFactory,
    notes: str,
    init: list[str],
    env_kwargs: dict[str, Any],
    hyperparams: dict[str, Any],
    timeout_s: float,
    wall_s: float | None,
) -> None:
    settled = settings.build(
        {
            "notes": notes,
            "init": init,
            "env_kwargs": env_kwargs,
            "train": {"hyperparams": hyperparams, "timeout_s": timeout_s},
            "limits": {"wall_s": wall_s},
        }
    )
    again = settings.build(written(tmp_path_factory.getbasetemp(), settings.to_toml(settled)))
    assert again == settled
    assert RunConfig.model_validate_json(settled.model_dump_json()) == settled


def test_a_settings_file_says_what_each_setting_is_for() -> None:
    hyperparams = {"gamma": 0.9}
    text = settings.to_toml(settings.build({"train": {"hyperparams": hyperparams}}))
    assert "# Candidates per generation.\nsamples = 4\n" in text
    assert [*filterfalse(settings.meaning, settings.keys())] == []
    assert "PPO only" in text and "\nhyperparams = {gamma = 0.9}\n" in text
