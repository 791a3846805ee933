"""Killed or interrupted at any stage, a run goes on to the very end it would have had."""

from __future__ import annotations

import signal
from pathlib import Path

from loopback_server import LoopbackServer, says
from running import BALANCE, TINY, Recorded, call, lines_of, rewards_of, started, survivors

STAGES = (
    ("progress",),
    ("trained",),
    ("evaluated",),
    ("generation",),
    ("checked",),
    ("finals", "progress"),
    ("finals", "evaluated"),
)
"""Each is reached in a life of its own; between model replies and inside a repair come before."""


def test_killed_at_every_stage_in_turn_it_ends_as_if_nothing_had_been(
    recorded: Recorded, tmp_path: Path
) -> None:
    """A model that writes what the offline baseline wrote must come to the very same end."""
    codes = rewards_of(recorded.folder)
    first, second, third, fourth = (says(f"```python\n{code}```") for code in codes.values())
    broken = says("```python\ndef compute_reward(state):\n    return {'a': state.nothing}\n```")
    held = says("too late", delay_s=300)
    answers = (first, held, broken, held, second, third, fourth)
    with LoopbackServer(*answers) as server:
        by_model = ("--model", "test", "--api-base", server.url, "--set", "model.concurrency=1")
        search = (*BALANCE, *TINY, "-n", "2", "-i", "2", *by_model, "-o", tmp_path)
        resume: tuple[str | Path, ...] = ("resume", "last", "-o", tmp_path)
        with started(*search) as run:
            server.until_asked(2)
            assert not survivors(run.kill())
        with started(*resume) as run:
            server.until_asked(4)
            assert not survivors(run.kill())
        for stage in STAGES:
            with started(*resume) as run:
                for event in stage:
                    run.until(event)
                assert not survivors(run.kill()), f"processes are left after the kill at {stage}"
        done = call(*resume, "--json")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == len(answers), "a stored reply was asked for again"
    result = lines_of(done)[-1]
    assert rewards_of(result["run_dir"]) == codes
    same = ("best", "baselines", "candidates", "failed")
    assert {key: result[key] for key in same} == {key: recorded.result[key] for key in same}
    assert result["possibly_paid"] == 2


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
