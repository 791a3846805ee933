"""What processes of ours are told of the environment that they are started in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rewardsmith import filming
from rewardsmith.web import doctor

SECRET = "nobody-else-may-see-this"


def test_who_tries_to_draw_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setattr(filming, "_TRY", "import os, sys; sys.exit(os.environ['MUJOCO_GL'] != 'x')")
    assert filming._draws("x")
    monkeypatch.setattr(filming, "_TRY", "import os, sys; sys.exit('OPENAI_API_KEY' in os.environ)")
    assert filming._draws("x")


def test_the_doctor_of_the_pages_sees_which_keys_are_set_and_not_what_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told, python = tmp_path / "told", tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv > {told}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    for name in ("OPENAI_API_KEY", "MY_OWN_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    assert doctor.examine() == ()
    assert "OPENAI_API_KEY=set" in told.read_text().splitlines()
    assert SECRET not in told.read_text()
