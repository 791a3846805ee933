"""Two whole runs of the offline baseline, made once and looked at by many tests."""

from __future__ import annotations

import pytest
from running import BALANCE, TINY, Recorded, Shown, call, lines_of


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One generation of two candidates on Pendulum, in a terminal of 80 columns."""
    runs_dir = tmp_path_factory.mktemp("shown")
    sentence = "swing up and hold the pole upright"
    done = call(
        *("run", sentence, "-e", "Pendulum-v1", *TINY, "-n", "2", "-i", "1", "-o", runs_dir)
    )
    return Shown(runs_dir, done)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Two generations of two candidates on CartPole, with `--json`."""
    runs_dir = tmp_path_factory.mktemp("recorded")
    done = call(*BALANCE, *TINY, "-n", "2", "-i", "2", "--json", "-o", runs_dir)
    assert done.returncode == 0, done.stderr
    return Recorded(runs_dir, lines_of(done))
