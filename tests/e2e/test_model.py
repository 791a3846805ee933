"""A language model as proposer: whole runs through the real SDK against a server on loopback."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback_server import LoopbackServer, fails, says
from running import (
    BALANCE,
    TINY,
    JsonLine,
    call,
    environment_of,
    event,
    lines_of,
    rewards_of,
    started,
    survivors,
)

import rewardsmith

SECRET = "sk-test-0123456789abcdefSECRET"
PASSWORD = "of-the-house"
KEYS = {"OPENAI_API_KEY": SECRET, "HOUSE_PASSWORD": PASSWORD}
STAND = """import numpy as np


def compute_reward(next_state):
    return {{"{term}": 1.0 - np.abs(next_state.pole_angle)}}
"""
FALL = STAND.replace("1.0 -", "10.0 *")
NO_VARIABLE = STAND.replace("pole_angle", "pole_agnel")


def fenced(code: str) -> str:
    return f"Here it is:\n\n```python\n{code}```\n"


def from_model(server: LoopbackServer | str, *more: str | Path) -> tuple[str | Path, ...]:
    """A run whose requests go out one at a time, so that answers meet slots in order."""
    url = server if isinstance(server, str) else server.url
    one_by_one = ("--set", "model.concurrency=1", "--set", "search.report_seeds=1", "--no-rungs")
    return (*BALANCE, *TINY, "--model", "test", "--api-base", url, *one_by_one, *more)


@dataclass(frozen=True)
class Answered:
    """A run whose model answered in every way, and what could be seen from outside."""

    runs_dir: Path
    lines: Sequence[JsonLine]
    requests: Sequence[JsonLine]
    keys: Sequence[str]
    environments: Sequence[bytes]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """Six slots: poor, two blocks, no fence, cut off, refused, and good after a 429."""
    answers = (
        says(fenced(FALL.format(term="first"))),
        says(fenced(NO_VARIABLE.format(term="draft")) + fenced(STAND.format(term="second"))),
        says("No fence today.\n\n" + FALL.format(term="third")),
        says("```python\nimport numpy as np\n\ndef compute_rew", finish="length"),
        says("```python\nimport numpy as np\n\ndef compute_reward(next", finish="length"),
        says(None, refusal="I cannot help with that."),
        fails(429, "slow down", retry_after="1"),
        says(fenced(STAND.format(term="sixth"))),
    )
    runs_dir = tmp_path_factory.mktemp("answered")
    notes = f"the key is {SECRET}, the password {PASSWORD}"
    more = ("-n", "6", "-i", "1", "--timesteps", "4096", "-o", runs_dir, "--notes", notes)
    with LoopbackServer(*answers) as server:
        with started(*from_model(server, *more), **KEYS) as run:
            lines = [run.until("launch"), run.until("progress")]
            environments = [environment_of(pid) for pid in run.descendants()]
            assert run.process.stdout
            lines += [json.loads(line) for line in run.process.stdout]
            assert run.process.wait() == 0
        return Answered(runs_dir, lines, server.requests, server.keys, environments)


def test_every_answer_meets_its_own_slot(answered: Answered) -> None:
    candidates = rewardsmith.load(runs_dir=answered.runs_dir).candidates
    assert [c.id for c in candidates] == [f"r01c0{i}" for i in range(6)]
    terms = [c.verdict.reward.terms if c.verdict and c.verdict.reward else () for c in candidates]
    assert terms == [("first",), ("second",), ("third",), (), (), ("sixth",)]
    failures = [c.failure.for_human if c.failure else "" for c in candidates]
    assert "cut off" in failures[3] and "cannot help" in failures[4]
    assert not any(failures[:3] + failures[5:])


def test_every_score_belongs_to_the_policy_that_was_trained_on_that_code(
    answered: Answered,
) -> None:
    folder = Path(answered.lines[-1]["run_dir"])
    valid = [c for c in rewardsmith.load(runs_dir=answered.runs_dir).candidates if c.score]
    assert [c.index for c in valid] == [0, 1, 2, 5]
    for candidate in valid:
        training = folder / f"r01/c{candidate.index:02d}/train/selection-0"
        job = json.loads((training / "job.json").read_text())
        episodes = json.loads((training / "selection.json").read_text())["fitness"]
        assert job["reward"]["code"] == candidate.code
        assert candidate.score and candidate.score.value == sum(episodes) / len(episodes)


def test_the_best_of_the_valid_ones_wins(answered: Answered) -> None:
    found = rewardsmith.load(runs_dir=answered.runs_dir)
    scores = {c.id: c.score.value for c in found.candidates if c.score}
    fall, stand = (scores["r01c00"], scores["r01c02"]), (scores["r01c01"], scores["r01c05"])
    assert max(fall) < min(stand)
    assert found.record.finalists and set(found.record.finalists) == {"r01c01", "r01c05"}
    assert answered.lines[-1]["best"]["candidate"] in found.record.finalists


def test_a_reply_that_was_cut_off_is_asked_for_once_more_with_twice_the_room(
    answered: Answered,
) -> None:
    assert len(answered.requests) == 8
    room = [request["max_tokens"] for request in answered.requests]
    assert room[4] == 2 * room[3] == 2 * room[0]


def test_the_price_of_an_unknown_model_is_unknown_and_never_zero(answered: Answered) -> None:
    assert answered.lines[-1]["cost_usd"] is None
    assert answered.lines[-1]["failed"] == 2


def test_prompt_and_response_lie_beside_the_reward(answered: Answered) -> None:
    folder = Path(answered.lines[-1]["run_dir"]) / "r01"
    assert "pole_angle" in (folder / "c00/prompt.json").read_text()
    assert "first" in (folder / "c00/response.json").read_text()
    assert "cannot help" in (folder / "c04/response.json").read_text()


def test_the_key_goes_to_the_server_and_nowhere_else(answered: Answered) -> None:
    assert set(answered.keys) == {f"Bearer {SECRET}"}
    assert any(b"PATH=" in environment for environment in answered.environments)
    files = [path.read_bytes() for path in answered.runs_dir.rglob("*") if path.is_file()]
    sent, said = json.dumps(answered.requests), json.dumps(answered.lines)
    assert sent.count("the key is ***, the password ***") == len(answered.requests)
    for secret in (SECRET, PASSWORD):
        for data in (*answered.environments, *files, sent.encode(), said.encode()):
            assert secret.encode() not in data


def test_killed_between_replies_it_pays_for_none_twice(tmp_path: Path) -> None:
    good = [says(fenced(STAND.format(term=f"term{i}"))) for i in range(4)]
    held = says(fenced(STAND.format(term="late")), delay_s=60)
    two_at_a_time = ("--set", "model.concurrency=2")
    with LoopbackServer(good[0], held, held, *good[1:]) as server:
        command = from_model(server, *two_at_a_time, "-n", "4", "-i", "1", "-o", tmp_path)
        with started(*command) as run:
            run.until("proposing")
            server.until_asked(3)
            assert not survivors(run.kill())
        done = call("resume", "last", "--json", "-o", tmp_path)
        assert done.returncode == 0, done.stderr
        lines = lines_of(done)
        paid = event(lines, "launch")["possibly_paid"]
        assert len(paid) == 2, "what was in flight, at most as many as may be at a time"
        assert lines[-1]["possibly_paid"] == 2
        asked_twice = sorted(slot.partition("/")[0] for slot in paid)
        slots = [f"r01c0{i}" for i in range(4)]
        assert slots_asked(tmp_path) == sorted([*slots, *asked_twice])
        assert len(server.requests) == 6
    terms = [code.split('"')[1] for code in rewards_of(lines[-1]["run_dir"]).values()]
    assert sorted(terms) == ["term0", "term1", "term2", "term3"]


def test_a_server_that_is_down_is_one_line_and_the_run_goes_on_where_it_is_up(
    tmp_path: Path,
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    command = from_model(nowhere, "-n", "1", "-i", "1", "-o", tmp_path)
    down = call(*command, "-v")
    assert down.returncode == 1
    assert "Traceback" not in down.stderr
    *logged, said, how = down.stderr.splitlines()
    assert any("trying again in" in line for line in logged), "-v tells what goes on"
    assert "cannot be reached" in said and "resume with: rewardsmith resume" in how
    wrong = call("resume", "last", "--api-base", "127.0.0.1", "-o", tmp_path)
    assert wrong.returncode == 2 and "must begin with http" in wrong.stderr
    with LoopbackServer(says(fenced(STAND.format(term="up")))) as server:
        resumed = call("resume", "last", "--api-base", server.url, "--json", "-o", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert lines_of(resumed)[-1]["best"]["candidate"] == "r01c00"


def test_a_model_of_litellms_is_asked_through_litellm(tmp_path: Path) -> None:
    with LoopbackServer(says(fenced(STAND.format(term="lite")))) as server:
        once = ("-n", "1", "-i", "1", "--set", "search.report_seeds=1", "-o", tmp_path)
        done = call(
            *(*BALANCE, *TINY, "-m", "openai/served", *once, "-vv"),
            OPENAI_API_KEY=SECRET,
            OPENAI_BASE_URL=server.url,
            OPENAI_API_BASE=server.url,
        )
    assert done.returncode == 0, done.stderr
    assert [request["model"] for request in server.requests] == ["served"]
    assert SECRET not in done.stderr + done.stdout
    (code,) = (path.read_text() for path in tmp_path.glob("*/r01/c00/reward.py"))
    assert code == STAND.format(term="lite")


def test_a_model_that_talks_nonsense_is_told_so_twice_and_then_given_up(tmp_path: Path) -> None:
    with LoopbackServer(says("The answer is love.")) as server:
        done = call(*from_model(server, "-n", "1", "-i", "1", "--json", "-o", tmp_path))
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1 and "every candidate" in done.stderr
    assert len(server.requests) == 3
    prompts = [request["messages"][-1]["content"] for request in server.requests]
    assert "compute_reward" in prompts[1] and prompts[1] != prompts[0]
    last = lines_of(done)[-1]
    assert (last["event"], last["status"]) == ("done", "no-survivor")
    assert (last["best"], last["candidates"], last["failed"]) == (None, 3, 3)


def test_a_broken_reward_is_mended_by_the_model_that_wrote_it(tmp_path: Path) -> None:
    broken, mended = NO_VARIABLE.format(term="mended"), STAND.format(term="mended")
    with LoopbackServer(says(fenced(broken)), says(fenced(mended))) as server:
        one = ("-n", "1", "-i", "1", "-o", tmp_path, "-vv")
        done = call(*from_model(server, *one), OPENAI_API_KEY=SECRET)
    assert done.returncode == 0, done.stderr
    assert "/v1/chat/completions" in done.stderr, "-vv tells everything"
    assert SECRET not in done.stderr + done.stdout
    assert "pole_agnel" in server.requests[1]["messages"][-1]["content"]
    (candidate,) = rewardsmith.load(runs_dir=tmp_path).candidates
    assert (candidate.repairs, candidate.code) == (1, mended)


def test_a_reviewed_reward_is_mended_where_a_probe_confirms_the_doubt(tmp_path: Path) -> None:
    tilted = STAND.replace("1.0 - np.abs(next_state.pole_angle)", "next_state.cart_position")
    tilted, upright = tilted.format(term="where"), STAND.format(term="upright")
    claim = {
        "kind": "sign",
        "quote": 'return {"where": next_state.cart_position}',
        "term": "where",
        "variable": "cart_position",
        "should": "fall",
        "why": "the cart leaves the track on the right",
    }
    answers = (
        says(fenced(tilted)),
        says(f"```json\n{json.dumps([claim])}\n```"),
        says(fenced(upright)),
        says("```json\n[]\n```"),
    )
    with LoopbackServer(*answers) as server:
        done = call(*from_model(server, "--review", "-n", "1", "-i", "1", "-o", tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 4
    assert (
        "`where` rises when `cart_position` grows" in server.requests[2]["messages"][-1]["content"]
    )
    found = rewardsmith.load(runs_dir=tmp_path)
    assert [(c.repairs, c.code) for c in found.candidates] == [(1, upright)]
    folder = tmp_path / found.record.id / "r01/c00"
    assert "another designer" in (folder / "prompt-review.json").read_text().lower()
    assert (folder / "response-review1.json").exists()


def slots_asked(runs_dir: Path) -> list[str]:
    """The candidate of every request that was ever made."""
    with closing(sqlite3.connect(runs_dir / "rewardsmith.db")) as db:
        rows = db.execute("SELECT slot FROM calls").fetchall()
    return sorted(slot.partition("/")[0] for (slot,) in rows)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
