"""The store: what was acknowledged survives everything, and what is asked for is found."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rewardsmith import store as stores
from rewardsmith.config import RunConfig
from rewardsmith.errors import UserError
from rewardsmith.records import (
    Baseline,
    Candidate,
    CandidateId,
    Curve,
    Episodes,
    Failure,
    Fitness,
    Generation,
    Layer,
    RunStatus,
    Score,
    Space,
    Stage,
    TaskSpec,
    TermStats,
    Training,
)
from rewardsmith.store import InitialReward, RunRecord, Store
from rewardsmith.votes import Clip, Question, Vote

TASK = TaskSpec(
    env="Pendulum-v1",
    sentence="swing up",
    fitness=Fitness(name="native", expression="native_return"),
    variables=(),
    observation=Space(kind="box", size=3),
    action=Space(kind="box", size=1, low=(-2.0,), high=(2.0,)),
)
WRITER = """
import itertools
import sys
from pathlib import Path

from rewardsmith.records import Candidate
from rewardsmith.store import Store

store, run = Store(Path(sys.argv[1])), sys.argv[2]
for i in itertools.count():
    call = store.intend_call(run, f"r01c{i:02d}/propose", "hash", "request")
    print("intended", call, flush=True)
    store.finish_call(call, reply=f"reply {call}", error=None)
    print("replied", call, flush=True)
    store.save_candidate(run, Candidate(id=f"r01c{i:02d}", generation=1, index=i, code=str(i)))
    print("saved", i, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


def new_run(store: Store, **parts: Any) -> RunRecord:
    return store.create_run(
        **{"task": TASK, "config": RunConfig(), "proposer": "offline baseline", **parts}
    )


def candidate(generation: int = 1, index: int = 0, **parts: Any) -> Candidate:
    name = f"r{generation:02d}c{index:02d}"
    return Candidate(id=name, generation=generation, index=index, **parts)


def reopened(store: Store) -> Store:
    store.close()
    return Store(store.runs_dir, create=False)


def rewrite(store: Store, run: RunRecord, change: Callable[[str], str]) -> None:
    """Change the text of a run's record behind the store's back."""
    engine = sa.create_engine(f"sqlite:///{store.runs_dir / stores.DATABASE}")
    with engine.begin() as db:
        row = db.execute(sa.text("select record from runs where id = :id"), {"id": run.id}).one()
        db.execute(
            sa.text("update runs set record = :record where id = :id"),
            {"record": change(row.record), "id": run.id},
        )
    engine.dispose()


def test_everything_survives_reopening(store: Store) -> None:
    run = new_run(
        store,
        config=RunConfig(train={"timeout_s": float("inf")}),
        init=(InitialReward(name="mine.py", code="def compute_reward(): ...\n"),),
        layers=(Layer(name="seccomp", active=True),),
        versions={"numpy": "2.0"},
    )
    training = Training(
        id="r01c00/selection-0",
        seed=0,
        purpose="selection",
        timesteps=10,
        curve=Curve(timesteps=(5,), episode_length=(None,), reward_return=(1.5,), fitness=(0.1,)),
        terms=(TermStats(name="a", points=(0.1,), mean=0.1, minimum=0, maximum=1, share=1),),
        episodes=Episodes(
            seeds=(1, 2),
            fitness=(0.1, 1 / 3),
            native_return=(float("-inf"), 2.0),
            length=(3, 4),
            terminated=(True, False),
        ),
    )
    good = candidate(
        code="# é 🙂\r\n\n",
        stage=Stage.EVALUATED,
        trainings=(training,),
        score=Score(value=1 / 3, low=0.1, high=0.5, n_seeds=1),
    )
    bad = candidate(
        index=1,
        stage=Stage.FAILED,
        failure=Failure(stage="train", cause="timeout", for_llm="slow", for_human="slow"),
    )
    generation = Generation(index=1, candidates=(good.id, bad.id), best=good.id)
    baseline = Baseline(trainings=(training,), report=good.score)
    store.save_candidate(run.id, bad)
    store.save_candidate(run.id, good)
    store.commit_generation(run.id, generation)
    store.save_baseline(run.id, baseline)
    finished = run.model_copy(update={"status": RunStatus.LIMIT, "best": good.id, "wall_s": 3.5})
    store.save_run(finished)
    again = reopened(store)
    assert again.run("last") == finished == again.run(run.id)
    assert again.runs() == [finished]
    assert again.candidates(run.id) == [good, bad]
    assert again.generations(run.id) == [generation]
    assert again.baselines(run.id) == [baseline]
    assert again.folder(run.id).is_dir()
    again.close()


def test_a_candidates_new_state_replaces_the_old_and_stays_with_its_run(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    store.save_candidate(run.id, candidate())
    store.save_candidate(other.id, candidate(code="other"))
    checked = candidate(stage=Stage.CHECKED)
    store.save_candidate(run.id, checked)
    assert store.candidates(run.id) == [checked]
    assert [c.code for c in store.candidates(other.id)] == ["other"]


def test_candidates_come_in_the_order_they_were_made(store: Store) -> None:
    """Also where there are more than a hundred, whose names sort otherwise."""
    run = new_run(store)
    made = [(1, 2), (1, 11), (1, 101), (2, 0)]
    for generation, index in reversed(made):
        store.save_candidate(run.id, candidate(generation, index))
    assert [(c.generation, c.index) for c in store.candidates(run.id)] == made
    assert [c.index for c in store.candidates(run.id, 1)] == [2, 11, 101]


def test_what_a_killed_process_was_told_is_stored_is_stored(store: Store) -> None:
    run = new_run(store)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.runs_dir), run.id],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout
    told = [next(writer.stdout) for _ in range(40)]
    writer.kill()
    told += [line for line in writer.stdout.read().splitlines(keepends=True) if line[-1] == "\n"]
    writer.wait()
    writer.stdout.close()
    acknowledged: dict[str, list[int]] = {"intended": [], "replied": [], "saved": []}
    for line in told:
        what, number = line.split()
        acknowledged[what].append(int(number))
    again = reopened(store)
    calls = {call.id: call for call in again.calls(run.id)}
    assert set(acknowledged["intended"]) <= set(calls)
    assert all(calls[i].reply == f"reply {i}" for i in acknowledged["replied"])
    assert set(acknowledged["saved"]) <= {c.index for c in again.candidates(run.id)}
    again.save_candidate(run.id, candidate(9, 0))  # nothing holds a lock
    again.close()


def test_an_acknowledged_write_is_on_the_disk_not_only_with_the_kernel(store: Store) -> None:
    """No test can cut the power; this is what SQLite documents to survive it."""
    with store._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_a_call_in_flight_is_listed_and_a_stored_reply_is_found_again(store: Store) -> None:
    run = new_run(store)
    done = store.intend_call(run.id, "r01c00/propose", "hash-a", "ask a")
    store.finish_call(done, reply="an answer", error=None)
    failed = store.intend_call(run.id, "r01c01/propose", "hash-b", "ask b")
    store.finish_call(failed, reply=None, error="429")
    flying = store.intend_call(run.id, "r01c02/propose", "hash-c", "ask c")
    again = reopened(store)
    open_calls = [c for c in again.calls(run.id) if c.reply is None and c.error is None]
    assert [(call.id, call.request) for call in open_calls] == [(flying, "ask c")]
    assert again.stored_reply(run.id, "r01c00/propose", "hash-a") == "an answer"
    for slot, request in [
        ("r01c00/propose", "hash-b"),
        ("r01c01/propose", "hash-b"),
        ("r01c02/propose", "hash-c"),
    ]:
        assert again.stored_reply(run.id, slot, request) is None
    assert again.stored_reply(new_run(again).id, "r01c00/propose", "hash-a") is None
    again.close()


def test_a_run_is_found_by_its_beginning_its_end_or_as_the_last(store: Store) -> None:
    first = new_run(store)
    second = new_run(store, task=TASK.model_copy(update={"env": "envs/my env.py:make_Env"}))
    assert "envs-my-env-py-make-env" in second.id
    last = max((first, second), key=lambda run: (run.created_at, run.id))
    assert store.run("last") == last
    for run in (first, second):
        assert store.run(run.id) == run
        assert store.run(run.id[-4:]) == run
    assert store.run(first.id[: len("20260101-000000-pend")]) == first
    with pytest.raises(UserError, match="fits 2 runs"):
        store.run(first.id[:4])
    with pytest.raises(UserError, match="'nothing' is not a run"):
        store.run("nothing")


def test_an_empty_store_says_so(store: Store) -> None:
    assert store.runs() == []
    with pytest.raises(UserError, match="no runs in"):
        store.run("last")


def test_another_format_is_refused_by_its_number(store: Store) -> None:
    run = new_run(store)
    old = f'"format_version":{stores.FORMAT_VERSION}'
    rewrite(store, run, lambda text: text.replace(old, '"format_version":99'))
    with pytest.raises(UserError, match="written in format 99, this rewardsmith reads 1"):
        store.run("last")


def test_commands_are_taken_once_and_in_order(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    store.command(run.id, "pause")
    store.command(run.id, "time-limit", "60")
    store.command(other.id, "cancel")
    taken = store.take_commands(run.id)
    assert [(command.kind, command.value) for command in taken] == [
        ("pause", ""),
        ("time-limit", "60"),
    ]
    assert store.take_commands(run.id) == []
    again = reopened(store)
    assert again.take_commands(run.id) == []
    assert [command.kind for command in again.take_commands(other.id)] == ["cancel"]
    again.close()


def test_of_several_takers_each_command_reaches_one(store: Store) -> None:
    run = new_run(store)
    for i in range(30):
        store.command(run.id, "time-limit", str(i))
    taken: list[str] = []

    def take() -> None:
        own = Store(store.runs_dir)
        for _ in range(10):
            taken.extend(command.value for command in own.take_commands(run.id))
        own.close()

    takers = [threading.Thread(target=take) for _ in range(6)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(taken, key=int) == [str(i) for i in range(30)]


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "runs", tmp_path / "file"):
        with pytest.raises(UserError, match="cannot write to") as caught:
            Store(place)
        assert str(place) in str(caught.value)
    with pytest.raises(UserError, match="no runs in"):
        Store(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot open the store in"):
        Store(tmp_path)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / stores.DATABASE).write_bytes(b"not a database, but long enough to be one" * 50)
    with pytest.raises(UserError, match="cannot open the store in"):
        Store(tmp_path)


def test_a_record_of_no_run_is_refused(store: Store) -> None:
    with pytest.raises(UserError, match=r"the store in .* failed: FOREIGN KEY"):
        store.save_candidate("no-run", candidate())


def test_a_new_store_is_whole_whoever_opens_it_first(tmp_path: Path) -> None:
    def open_and_create(_: int) -> None:
        own = Store(tmp_path / "new")
        new_run(own)
        own.close()

    with ThreadPoolExecutor(6) as openers:
        list(openers.map(open_and_create, range(6)))
    again = Store(tmp_path / "new")
    assert len(again.runs()) == 6
    again.close()


@pytest.mark.parametrize("version", [stores.schema.VERSION - 1, stores.schema.VERSION + 1])
def test_a_store_of_another_rewardsmith_is_refused(store: Store, version: int) -> None:
    with store._engine.begin() as db:
        db.exec_driver_sql(f"pragma user_version={version}")
    store.close()
    with pytest.raises(UserError, match="another rewardsmith"):
        Store(store.runs_dir)


def test_a_vote_sent_twice_counts_once_and_stays_with_its_run(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    first, second = vote(), vote()
    for sent in (first, second, first):
        store.add_vote(run.id, sent)
    assert reopened(store).votes(run.id) == [first, second]
    assert store.votes(other.id) == []


def vote() -> Vote:
    shown = (Clip(arm="r01c00", seed=1), Clip(arm="do-nothing", seed=1))
    question = Question(kind="pair", generation=1, shown=shown)
    return Vote(rater="ann", question=question, choice="left", see="it hops", change="further")


def test_a_candidates_id_says_where_its_files_are() -> None:
    place = CandidateId(generation=1, index=3)
    assert str(place) == "r01c03" and str(place.folder) == "r01/c03"
    for text in ("r01c03", "r01c03/propose", "r1c3"):
        assert CandidateId.parse(text) == place
    assert str(CandidateId(generation=12, index=104)) == "r12c104"
    for wrong in ("native", "r01", "r01c03x", "", "x/r01c03"):
        with pytest.raises(ValueError, match="no candidate's id"):
            CandidateId.parse(wrong)
