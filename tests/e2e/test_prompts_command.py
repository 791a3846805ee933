"""What a model is told can be read, copied, and changed by the user."""

from __future__ import annotations

from pathlib import Path

from running import BALANCE, call


def test_an_ejected_prompt_is_used_and_named_as_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    ejected = call("prompts", "eject", mine, "--only", "system")
    assert ejected.returncode == 0, ejected.stderr
    shown = call("prompts", "show", "system")
    assert shown.stdout == (mine / "system.jinja2").read_text()
    (mine / "system.jinja2").write_text("You are brief.\n")
    asked = call(*BALANCE, "--prompts", mine, "--show-prompt")
    assert "--- system ---\nYou are brief.\n" in asked.stdout
    listed = call("prompts", "list", "--prompts", mine).stdout.splitlines()
    own = [line for line in listed if str(mine) in line]
    assert len(own) == 1 and own[0].startswith("system ")
    assert len(listed) > 5
    (mine / "system.jinja2").write_text("{{ oops }}\n")
    wrong = call(*BALANCE, "--prompts", mine, "--show-prompt")
    assert wrong.returncode == 2 and "oops" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1


def test_a_model_beyond_this_machine_is_refused_where_only_local_ones_may_be_asked(
    tmp_path: Path,
) -> None:
    done = call(*BALANCE, "--model", "gpt-5", "--local-only", "-o", tmp_path, OPENAI_API_KEY="k")
    assert done.returncode == 2
    assert "gpt-5 may lie beyond this machine" in done.stderr
    assert not list(tmp_path.glob("*/llm.jsonl"))
