"""People in the loop: votes survive every kill, decide without a fitness, and can be replayed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from running import BALANCE, COMMAND, TINY, Finished, call, event, lines_of, started

from rewardsmith.entrants import entrants
from rewardsmith.opinion import opinion
from rewardsmith.store import Store
from rewardsmith.votes import Vote, standing

SMALL = (*BALANCE, *TINY, "-n", "2", "--set", "search.report_seeds=1")
RATER = """
import sys
import time
from pathlib import Path

from rewardsmith.entrants import waiting
from rewardsmith.entrants import question_for
from rewardsmith.store import Store
from rewardsmith.votes import Vote

store, name = Store(Path(sys.argv[1])), sys.argv[2]
run = store.run("last")
while True:
    now = waiting(store, run)
    generation = now.generation if now else max(len(store.generations(run.id)), 1)
    question = question_for(store, run, generation, name)
    left, right = (clip.arm for clip in question.shown)
    # r..c01 is liked before all else, then what comes later in the alphabet.
    likes_left = (left.endswith("c01"), left) > (right.endswith("c01"), right)
    vote = Vote(rater=name, question=question, choice="left" if likes_left else "right")
    store.add_vote(run.id, vote)
    print(vote.id, flush=True)
    time.sleep(0.1)
"""


@contextmanager
def rating(runs_dir: Path, name: str) -> Iterator[list[str]]:
    """A rater in a process of its own; at the end it is killed, and the list holds the ids of all
    votes that it was told are stored."""
    acknowledged: list[str] = []
    command = [sys.executable, "-c", RATER, str(runs_dir), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            acknowledged.append(next(process.stdout).strip())
            yield acknowledged
        finally:
            process.kill()
            told = process.stdout.read().splitlines(keepends=True)
            acknowledged += [line.strip() for line in told if line.endswith("\n")]


def typed(keys: str, *arguments: str | Path) -> Finished:
    """The command with these lines typed."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=keys, capture_output=True, text=True, timeout=60
    )


def votes_of(runs_dir: Path) -> list[Vote]:
    with closing(Store(runs_dir, create=False)) as store:
        return store.votes(store.run("last").id)


def test_votes_in_a_terminal_and_by_two_raters_survive_killing_the_run_and_decide_it(
    tmp_path: Path,
) -> None:
    """No fitness at all: who is liked is known to the raters alone."""
    voted = ("--feedback", "pair", "--votes", "16", "--fitness", "preference")
    with ExitStack() as raters:
        with started(*SMALL, "-i", "2", *voted, "-o", tmp_path) as run:
            assert run.until("asking")["wanted"] == 16
            by_cleo = votes_in_a_terminal(tmp_path)
            by_ann = raters.enter_context(rating(tmp_path, "ann"))
            by_bob = raters.enter_context(rating(tmp_path, "bob"))
            run.kill()
        down = len(votes_of(tmp_path))
        done = call("resume", "last", "-o", tmp_path, "--json")
        assert done.returncode == 0, done.stderr
    stored = votes_of(tmp_path)
    ids = [vote.id for vote in stored]
    assert len(ids) == len(set(ids)) >= 32 > down
    assert min(len(by_ann), len(by_bob)) > 5
    assert {*by_ann, *by_bob, *by_cleo} <= set(ids)
    result = lines_of(done)[-1]
    assert result["status"] == "done" and result["best"]["candidate"].endswith("c01")
    with closing(Store(tmp_path, create=False)) as store:
        record = store.run("last")
        found = opinion(standing(store.votes(record.id)), entrants(store, record))
        scores = [c.score for c in store.candidates(record.id) if c.score]
    names = {entry.arm for entry in found.standings}
    assert {"native", "untrained", "idle-alive", "random"} < names
    trust = {rater.rater: rater.reliability or 0.0 for rater in found.raters}
    assert min(trust["ann"], trust["bob"]) > 0.8
    assert {score.kind for score in scores} == {"preference"}
    shown = call("feedback", "last", "--results", "-o", tmp_path)
    assert "cleo: 1 votes, reliability" in shown.stdout


def votes_in_a_terminal(runs_dir: Path) -> list[str]:
    """Blind, with a slip of the finger, taken back and given again; the ids of what is stored."""
    booth = ("feedback", "last", "--rater", "cleo", "-o", runs_dir)
    told = typed("x\nl\n3\nit leans\nless\nu\nr\n\n\n\n", *booth)
    assert told.returncode == 0, told.stderr
    assert "one of l, r, t, c, u, q" in told.stdout
    for hidden in ("r01c0", "native", "untrained", "idle-alive", "fitness"):
        assert hidden not in told.stdout
    assert "of 500 steps" in told.stdout and "pole_angle" in told.stdout
    assert "/selection-0@" in typed("q\n", *booth, "--show-numbers").stdout
    first, back, second = votes_of(runs_dir)
    assert (first.choice, first.strength, first.see, first.change, back.undoes) == (
        "left", 3, "it leans", "less", first.id,
    )  # fmt: skip
    assert (second.choice, second.strength) == ("right", 2)
    return [first.id, back.id, second.id]


def test_a_simulated_rater_answers_at_once_and_the_search_can_be_replayed(tmp_path: Path) -> None:
    voted = ("--feedback", "best-worst", "--votes", "4", "--rater", "simulated:beta=5")
    done = call(*SMALL, "-i", "2", *voted, "--json", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    lines = lines_of(done)
    assert not [line for line in lines if line["event"] == "asking"]
    votes = votes_of(tmp_path)
    assert [vote.question.generation for vote in votes] == [1] * 4 + [2] * 4
    assert {vote.source for vote in votes} == {"simulated"}
    again = call("run", "--replay", "last", "--json", "-o", tmp_path)
    assert again.returncode == 0, again.stderr
    replayed = lines_of(again)
    assert event(replayed, "replayed")["identical"]
    assert votes_of(tmp_path) == votes
    assert opinions(replayed) == opinions(lines)
    assert replayed[-1]["best"] == lines[-1]["best"]


def opinions(lines: Sequence[dict[str, object]]) -> list[object]:
    return [line["standings"] for line in lines if line["event"] == "opinion"]
