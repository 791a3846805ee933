"""bubblewrap around the jailed child, where it is installed and allowed: namespaces of its own."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from rewardsmith.records import Layer

NAME = "bubblewrap"
_TRIAL_TIMEOUT_S = 10.0


def command() -> list[str]:
    """What to put before the child's own command; empty where bubblewrap does not work."""
    return _probe()[0]


def layer() -> Layer:
    """Whether bubblewrap holds here, and why not."""
    return _probe()[1]


@functools.cache
def _probe() -> tuple[list[str], Layer]:
    program = shutil.which("bwrap")
    if program is None:
        return [], Layer(name=NAME, active=False, detail="not installed")
    wrapped = [program, *_OPTIONS, *_mounts(), "--"]
    try:
        subprocess.run(
            [*wrapped, sys.executable, "-I", "-S", "-c", ""],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()
        detail = reason[-1][:200] if reason else f"exit code {error.returncode}"
        return [], Layer(name=NAME, active=False, detail=detail)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], Layer(name=NAME, active=False, detail=str(error)[:200])
    return wrapped, Layer(name=NAME, active=True, detail="own namespaces, no network, few folders")


# Not --die-with-parent: that hangs on the thread that started it. The zygote ends by itself.
_OPTIONS = ("--unshare-all", "--proc", "/proc", "--dev", "/dev")


def _mounts() -> list[str]:
    """Read-only: the system's libraries, this Python, NumPy and the jail's own files."""
    folders = {
        *map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache")),
        *map(Path, (sys.base_prefix, sys.prefix)),
        Path(np.__file__).parents[1],
        Path(__file__).parent,
    }
    # A parent comes before what it holds.
    return [part for path in sorted(folders) for part in ("--ro-bind-try", str(path), str(path))]
