"""Killed or interrupted at any stage, a run goes on to the very end it would have had."""

from __future__ import annotations

import signal
from pathlib import Path

from running import BALANCE, TINY, Recorded, call, lines_of, rewards_of, started, survivors

STAGES = ("proposing", "checked", "progress", "trained", "evaluated", "generation", "finals")


def test_killed_at_every_stage_in_turn_it_ends_as_if_nothing_had_been(
    recorded: Recorded, tmp_path: Path
) -> None:
    command: tuple[str | Path, ...] = (*BALANCE, *TINY, "-n", "2", "-i", "2", "-o", tmp_path)
    for stage in STAGES:
        with started(*command) as run:
            run.until(stage)
            left = run.kill()
        assert not survivors(left), f"processes are left after the kill at {stage!r}"
        command = ("resume", "last", "-o", tmp_path)
    done = call(*command, "--json")
    assert done.returncode == 0, done.stderr
    result = lines_of(done)[-1]
    assert rewards_of(result["run_dir"]) == rewards_of(recorded.folder)
    same = ("best", "baselines", "candidates", "failed")
    assert {key: result[key] for key in same} == {key: recorded.result[key] for key in same}


def test_an_interrupt_saves_the_state_and_says_how_to_go_on(tmp_path: Path) -> None:
    with started(*BALANCE, *TINY, "-n", "1", "-i", "1", "-o", tmp_path) as run:
        run.until("progress")
        children = run.descendants()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(timeout=20) == 130
        assert run.process.stderr
        said = run.process.stderr.read()
    assert "Traceback" not in said
    assert children and not survivors(children)
    resume = said[said.index("resume with: rewardsmith ") :].split()[3:]
    done = call(*resume, "--json")
    assert done.returncode == 0, done.stderr
    assert lines_of(done)[-1]["status"] == "done"


def test_a_finished_run_goes_on_to_more_generations(tmp_path: Path, recorded: Recorded) -> None:
    """One generation, then one more: the same candidates as two at once."""
    first = call(*BALANCE, *TINY, "-n", "2", "-i", "1", "--json", "-o", tmp_path)
    assert first.returncode == 0, first.stderr
    more = call("resume", "last", "--iterations", "2", "--json", "-o", tmp_path)
    assert more.returncode == 0, more.stderr
    result = lines_of(more)[-1]
    assert rewards_of(result["run_dir"]) == rewards_of(recorded.folder)
    trained = [line["training"] for line in lines_of(more) if line["event"] == "trained"]
    assert "r01c00/selection-0" not in trained, "what is stored is not trained again"
