"""The warm process behind the workers: nothing passes from one to the next, nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from jail_rewards import HONEST, body, descendants, runs, transitions, worker

from rewardsmith.jail.service import RewardFault, RewardWorker

SPOIL = """
import numpy as np
np.__builtins__["__import__"]("numpy").square = lambda x: x * 0 + 99.0
np.__builtins__["__import__"]("sys").modules["left"] = "behind"
"""


def gone(processes: set[int], patience_s: float = 5.0) -> bool:
    """Whether none of them runs any more, waiting a little."""
    deadline = time.monotonic() + patience_s
    while any(map(runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(runs, processes))


def test_what_one_worker_spoils_the_next_does_not_see() -> None:
    with worker(SPOIL + HONEST) as spoilt:
        assert spoilt.compute(transitions(4)).terms["effort"].tolist() == [-198.0] * 4
        with worker(HONEST) as beside:
            assert beside.compute(transitions(4)).terms["effort"].min() > -90
    look = 'raise ValueError("left" in np.__builtins__["__import__"]("sys").modules)'
    with worker(body(look)) as after, pytest.raises(RewardFault, match="ValueError: False"):
        after.compute(transitions(4))


def test_many_workers_live_side_by_side_and_end_one_by_one() -> None:
    before = descendants(os.getpid())
    running = [worker(body(f'return {{"n": np.full(len(t), {n}.0)}}')) for n in range(8)]
    assert len(descendants(os.getpid()) - before) == 8
    for n in (3, 0, 7):
        running[n].close()
    for n in (1, 2, 4, 5, 6):
        assert running[n].compute(transitions(2)).total.tolist() == [float(n)] * 2
    for one in running:
        one.close()
    assert descendants(os.getpid()) == before


def test_a_worker_outlives_the_thread_that_made_it() -> None:
    made: list[RewardWorker] = []
    thread = threading.Thread(target=lambda: made.append(worker(HONEST)))
    thread.start()
    thread.join()
    with made[0] as running:
        time.sleep(0.1)
        assert np.isfinite(running.compute(transitions(3)).total).all()


def test_a_killed_zygote_takes_its_workers_with_it_and_is_replaced() -> None:
    before = descendants(os.getpid())
    with worker(HONEST, hash_seed=31) as running:
        fresh = descendants(os.getpid()) - before
        for pid in sorted(fresh)[:-1]:  # all but the worker, which was made last
            with contextlib.suppress(ProcessLookupError):  # bubblewrap takes its child along
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(RewardFault) as caught:
            for _ in range(50):  # the kernel takes a moment
                running.compute(transitions(3))
                time.sleep(0.02)
        assert caught.value.cause == "crash"
    assert gone(fresh)
    with worker(HONEST, hash_seed=31) as running:
        assert np.isfinite(running.compute(transitions(3)).total).all()


def test_hash_seeds_differ_between_zygotes() -> None:
    code = body('raise ValueError(np.__builtins__["hash"]("a word"))')
    hashes = set()
    for seed in (0, 0, 77):
        with worker(code, hash_seed=seed) as running, pytest.raises(RewardFault) as caught:
            running.compute(transitions(2))
        hashes.add(caught.value.for_llm)
    assert len(hashes) == 2


_PARENT = """
import sys, time
from jail_rewards import HONEST, body, transitions, worker
idle, busy = worker(HONEST), worker(body("while True:\\n    pass"), call_timeout_s=60.0)
print("ready", flush=True)
{then}
"""
_ENDINGS = {
    "kill -9 in a call": ("busy.compute(transitions(3))", signal.SIGKILL),
    "kill -9 while idle": ("time.sleep(60)", signal.SIGKILL),
    "terminated": ("time.sleep(60)", signal.SIGTERM),
    "ends without closing": ("", None),
    "os._exit": ("__import__('os')._exit(3)", None),
}


@pytest.mark.parametrize("name", _ENDINGS)
def test_nothing_outlives_the_parent(name: str) -> None:
    then, sent = _ENDINGS[name]
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(then=then)],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        left = descendants(parent.pid)
        if sent is not None:
            assert len(left) >= 3  # the zygote and two workers, at least
            time.sleep(0.2)
            parent.send_signal(sent)
        parent.wait(20)
    assert gone(left)
