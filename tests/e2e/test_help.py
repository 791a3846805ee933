"""`--help` is quick: nothing costly is imported before a command needs it."""

from __future__ import annotations

import resource

from running import call

CPU_LIMIT_S = 0.4


def test_help_takes_at_most_its_share_of_cpu() -> None:
    assert min(cpu_of_help() for _ in range(3)) <= CPU_LIMIT_S


def cpu_of_help() -> float:
    """CPU seconds of the child, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = call("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and "resume" in done.stdout
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
