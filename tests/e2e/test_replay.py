"""A search that was recorded once: executed again with no socket open, to the same candidates."""

from __future__ import annotations

import json
import socket
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, fails, says
from running import BALANCE, TINY, JsonLine, call, event, lines_of, rewards_of

import rewardsmith
from rewardsmith.errors import UserError
from rewardsmith.records import Event

SECRET = "sk-test-0123456789abcdefSECRET"
REWARD = """import numpy as np


def compute_reward(next_state):
    return {{"{term}": 1.0 - {weight} * np.abs(next_state.pole_angle)}}
"""


def reply(term: str, weight: float = 1.0) -> str:
    return f"Here it is:\n\n```python\n{REWARD.format(term=term, weight=weight)}```\n"


@dataclass(frozen=True)
class Recording:
    """A search of three generations, and where its calls were recorded."""

    runs_dir: Path
    result: JsonLine
    asked: int


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two candidates a generation; one is mended, one is lost, one came after a 429."""
    answers = (
        says(reply("first")),
        says(reply("second").replace("pole_angle", "pole_agnel")),
        says(reply("second", 2.0)),
        says("- Upright alone is too little."),
        fails(429, "slow down", retry_after="0"),
        says(reply("third", 3.0)),
        says(f"I cannot help. My key is {SECRET}."),
        says("I would rather not say."),
        says(reply("fifth", 5.0)),
        says(reply("sixth", 6.0)),
    )
    runs_dir = tmp_path_factory.mktemp("recording")
    one_by_one = ("--set", "model.concurrency=1", "--set", "search.report_seeds=1")
    with LoopbackServer(*answers) as server:
        more = ("--model", "test", "--api-base", server.url, "--reflect", "-n", "2", "-i", "3")
        done = call(
            *(*BALANCE, *TINY, *one_by_one, *more, "--json", "-o", runs_dir),
            OPENAI_API_KEY=SECRET,
        )
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == len(answers)
    return Recording(runs_dir, lines_of(done)[-1], len(answers))


def test_every_call_is_a_line_without_a_key(recording: Recording) -> None:
    text = (Path(recording.result["run_dir"]) / "llm.jsonl").read_text()
    calls = [json.loads(line) for line in text.splitlines()]
    assert [call["slot"] for call in calls] == [
        *("r01c00/propose", "r01c01/propose", "r01c01/repair1", "r01c00/reflect"),
        *("r02c00/propose", "r02c00/propose", "r02c01/propose", "r02c00/reflect"),
        *("r03c00/propose", "r03c01/propose"),
    ]
    prompts = [call["prompt"] for call in calls]
    assert prompts == [
        *("first", "first", "repair", "reflect"),
        *("evolve", "evolve", "evolve", "reflect", "evolve", "evolve"),
    ]
    slow = calls.pop(4)
    assert slow["reply"] is None and "rate, tried again" in slow["error"]
    taught = ["Upright alone is too little." in json.dumps(call["request"]) for call in calls]
    assert taught == [False] * 4 + [True] * 5
    assert all(call["reply"]["prompt_tokens"] == 100 for call in calls)
    assert all(call["reply"]["cost_usd"] is None for call in calls)
    assert all(len(call["prompt_hash"]) == 16 for call in calls)
    assert SECRET not in text and "***" in text
    assert "authorization" not in text.lower()


def replayed(source: str | Path, runs_dir: Path, *more: str) -> list[JsonLine]:
    done = call("run", "--replay", source, *more, "--json", "-o", runs_dir, timeout_s=240)
    assert done.returncode == 0, done.stderr
    return lines_of(done)


def test_replayed_with_sockets_closed_it_makes_the_same_candidates_and_trains_nothing(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise AssertionError("a socket was to be connected")

    monkeypatch.setattr(socket.socket, "connect", closed)
    events: list[Event] = []
    run = rewardsmith.replay(
        recording.result["run"], runs_dir=recording.runs_dir, observe=events.append
    )
    (outcome,) = (event for event in events if event.event == "replayed")
    assert outcome.data == {"identical": True}
    assert {"diverged", "progress"}.isdisjoint(event.event for event in events)
    assert rewards_of(run.result.run_dir) == rewards_of(recording.result["run_dir"])
    same = run.result.model_dump(mode="json")
    for key in ("best", "baselines", "candidates", "failed"):
        assert same[key] == recording.result[key], key
    assert Path(run.result.policy_file or "").read_bytes() == (
        Path(recording.result["policy_file"]).read_bytes()
    )


def test_a_recording_in_a_file_is_replayed_elsewhere(recording: Recording, tmp_path: Path) -> None:
    file = tmp_path / "search.zip"
    name = recording.result["run"]
    written = call("export", name, "--cassette", file, "-o", recording.runs_dir)
    assert written.returncode == 0, written.stderr
    with zipfile.ZipFile(file) as archive:
        assert not any(SECRET.encode() in archive.read(name) for name in archive.namelist())
    lines = replayed(file, tmp_path / "elsewhere")
    assert event(lines, "replayed")["identical"] is True
    assert rewards_of(lines[-1]["run_dir"]) == rewards_of(recording.result["run_dir"])


def test_trained_otherwise_the_first_request_that_differs_is_named_with_its_difference(
    recording: Recording,
) -> None:
    again = ("--retrain", "--timesteps", "768")
    lines = replayed(recording.result["run"], recording.runs_dir, *again)
    assert [line for line in lines if line["event"] == "trained"]
    (told,) = [line for line in lines if line["event"] == "diverged"]
    assert told["message"] == "r01c00/reflect", "the first request that holds what training gave"
    changed = [row for row in told["difference"].splitlines() if row[:1] in "+-"]
    assert any(row.startswith("-Training with seed 0, 512 steps") for row in changed)
    assert any(row.startswith("+Training with seed 0, 768 steps") for row in changed)
    assert event(lines, "replayed")["identical"] is True


def test_a_flag_that_a_replay_would_not_heed_is_refused(recording: Recording) -> None:
    name, here = recording.result["run"], ("-o", recording.runs_dir)
    done = call("run", "--replay", name, "--model", "gpt-5", "--set", "seed=1", *here)
    assert done.returncode == 2
    assert "a replay cannot change seed, model: leave that out" in done.stderr
    assert "(it may be given --retrain, --timesteps, --time-limit" in done.stderr
    with pytest.raises(UserError, match=r"a replay cannot change samples, train\.n_envs: "):
        rewardsmith.replay(name, runs_dir=recording.runs_dir, samples=3, train={"n_envs": 2})


def test_what_cannot_be_replayed_is_one_line(recording: Recording, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.zip"
    nonsense.write_bytes(b"PK nonsense")
    for source, why in ((nonsense, "no recording"), ("nothing", "nothing")):
        done = call("run", "--replay", source, "-o", recording.runs_dir)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1 and why in done.stderr
