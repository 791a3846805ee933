"""A reward that passed the critic and then misbehaves fails by name; its siblings do not notice."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tiny_jobs import GOOD, checked, job, point_task

from rewardsmith.engine.local import LocalEngine
from rewardsmith.records import Training
from rewardsmith.training import TrainJob

LATE = GOOD.replace("(next_obs, action)", "(next_obs, action, t)").replace(
    "    near =", "    {late}\n    near ="
)
# What happens at step 45 of an episode, where no probe has looked; cause, and part of the words.
BAD = {
    "sleeps": ("while np.any(t == 45):\n        pass", "timeout", "within 5 s"),
    "crashes": (
        "if np.any(t == 45):\n        x = [0]\n        for _ in range(99):\n            x = x * 9",
        "exception",
        "MemoryError",
    ),
    "returns NaN": ("next_obs = np.where(t[:, None] == 45, np.nan, next_obs)", "nonfinite", "nan"),
    "changes its shape": (
        "next_obs = next_obs[1:] if np.any(t == 45) else next_obs",
        "shape",
        "expected",
    ),
    "raises": ("assert not np.any(t == 45), 'too late'", "exception", "too late"),
    "keeps state": (
        "KEPT.append(1) if np.any(t == 45) else None",
        "state-kept",
        "changed `KEPT`",
    ),
    "dies": (
        'np.any(t == 45) and np.__builtins__["__import__"]("os")._exit(3)',
        "crash",
        "exit code 3",
    ),
}
UNREAD = ("keeps state", "dies")
"""What the critic sees in the text: taken past it, as what it might overlook one day."""
BACKENDS = {"sb3": "ppo", "population": "population"}


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    """One for all: its processes stay warm."""
    with LocalEngine(2, 120, 120) as running:
        yield running


def trained(engine: LocalEngine, jobs: Sequence[TrainJob]) -> dict[str, Training]:
    done = engine.train(jobs, lambda asked, progress: None, lambda: None)
    return {training.id: training for training in done}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name under which tiny jobs know a backend."""
    return BACKENDS[request.param]


@pytest.fixture(scope="module")
def alone(backend: str, engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The good one's policy, trained without a sibling."""
    folder = tmp_path_factory.mktemp("alone") / "good"
    task = point_task()
    (training,) = trained(engine, [job(folder, task, checked(GOOD, task), algo=backend)]).values()
    assert training.failure is None
    return (folder / "policy.safetensors").read_bytes()


@pytest.mark.parametrize("name", BAD)
def test_the_failure_is_named_and_the_sibling_is_the_same_bit_for_bit(
    name: str, backend: str, engine: LocalEngine, alone: bytes, tmp_path: Path
) -> None:
    late, cause, words = BAD[name]
    task = point_task()
    code = LATE.replace("{late}", late) + "\n\nKEPT = []\n"
    if name in UNREAD:
        honest = checked(LATE.replace("{late}", "np.any(t == 45)"), task)
        reward = honest.model_copy(update={"code": code})
    else:
        reward = checked(code, task)
    make = functools.partial(job, algo=backend)
    good = make(tmp_path / "good", task, checked(GOOD, task))
    bad = make(tmp_path / "bad", task, reward)
    done = trained(engine, [bad, good])
    failure = done[bad.id].failure
    assert failure is not None and (failure.stage, failure.cause) == ("train", cause)
    assert words in failure.for_llm
    assert 0 <= done[bad.id].timesteps < bad.timesteps
    assert "steps of training" in failure.for_human
    assert done[good.id].failure is None
    assert (tmp_path / "good/policy.safetensors").read_bytes() == alone
