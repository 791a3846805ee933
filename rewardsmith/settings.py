"""Settings as people give and read them: a TOML file, `--set a.b=v`, flags; each over the last."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError


def load_toml(path: Path) -> dict[str, Any]:
    """The settings of a TOML file. Raises UserError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """`["search.samples=6", "train.algo=sac"]` as nested settings; values are TOML or text."""
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise UserError(f"expected KEY=VALUE, got {assignment!r}")
        nested = _value(text.strip())
        for part in reversed(key.strip().split(".")):
            nested = {part: nested}
        settings = merge(settings, nested)
    return settings


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, the later over the earlier."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            both = isinstance(value, Mapping) and isinstance(old, Mapping)
            merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def build(*layers: Mapping[str, Any]) -> RunConfig:
    """The checked settings. Raises UserError that names the unknown key or the bad value."""
    try:
        return RunConfig.model_validate(merge(*layers))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] != "extra_forbidden":
            raise UserError(f"setting {path}: {first['msg'].lower()}") from None
        near = difflib.get_close_matches(path, keys(), n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `rewardsmith config show` lists all"
        raise UserError(f"unknown setting {path}{hint}") from None


def keys() -> list[str]:
    """Every setting's dotted name."""
    return list(flatten(RunConfig().model_dump()))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names; the free tables stay whole."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and key not in ("env_kwargs", "hyperparams"):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def to_toml(config: RunConfig) -> str:
    """The settings as a TOML file with their meanings, unset ones as comments."""
    lines: list[str] = []
    tables: dict[str, list[str]] = {"": []}
    for path, value in flatten(config.model_dump()).items():
        table, _, key = path.rpartition(".")
        text = f"# {key} =" if value is None else f"{key} = {_toml(value)}"
        tables.setdefault(table, []).extend([f"# {meaning(path)}", text])
    for table, rows in tables.items():
        lines += ["", f"[{table}]"] if table else []
        lines += rows
    return "\n".join(lines) + "\n"


def meaning(path: str) -> str:
    """What the setting `search.samples` is for, in one line."""
    *tables, key = path.split(".")
    model: Any = RunConfig
    for table in tables:
        model = model.model_fields[table].annotation
    return " ".join((model.model_fields[key].description or "").split())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON escapes all that TOML wants escaped, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return repr(value)
