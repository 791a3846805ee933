"""What every test of the jail needs to be there before it compares."""

from __future__ import annotations

import pytest
from jail_rewards import HONEST, worker


@pytest.fixture(scope="session", autouse=True)
def zygote() -> None:
    """Started once: a test that counts processes must not count it as a new one."""
    worker(HONEST).close()
