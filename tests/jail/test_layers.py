"""Each layer by itself: what it is called, where it is missing, and the filter of system calls."""

from __future__ import annotations

import contextlib
import errno
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jail_rewards import HONEST, reward, transitions

from rewardsmith import doctor, start
from rewardsmith.errors import UserError
from rewardsmith.jail import lockdown, service
from rewardsmith.jail.service import RewardWorker
from rewardsmith.settings import build
from rewardsmith.store import Store

NAMES = {
    *("fork of a clean process", "empty environment", "closed descriptors", "memfd channel"),
    *("single thread", "parent-death signal", "no new privileges", "landlock"),
    *("resource limits", "seccomp", "bubblewrap"),
}
EVERYWHERE = {
    *("fork of a clean process", "empty environment", "closed descriptors", "resource limits"),
}


def test_every_layer_is_reported_by_name() -> None:
    assert {layer.name for layer in service.probe()} == NAMES


def test_doctor_and_a_runs_record_name_every_layer(tmp_path: Path) -> None:
    every = {"bytes", "syntax tree", *NAMES}
    found = {examined.name: examined for examined in doctor.examine()}
    assert {name for name in every if f"jail: {name}" in found} == every
    assert found["jail"].ok
    with contextlib.closing(Store(tmp_path)) as store:
        run = start.create(build({"env": "CartPole-v1", "task": "balance"}), store)
        assert {layer.name for layer in store.run(run.id).layers} == every


def test_elsewhere_than_on_linux_the_missing_layers_are_named_and_nothing_runs() -> None:
    with pytest.raises(UserError) as refusal:
        service.probe(platform="darwin")
    for name in NAMES - EVERYWHERE - {"bubblewrap"}:
        assert f"{name} (needs Linux)" in str(refusal.value)
    assert "--unsafe-no-jail" in str(refusal.value)


def test_elsewhere_it_runs_when_told_so_with_the_layers_that_are_there() -> None:
    with RewardWorker(reward(HONEST), capacity=8, platform="darwin", unsafe=True) as running:
        held = {layer.name for layer in running.layers if layer.active}
        rewards = running.compute(transitions(5))
    assert held - {"bubblewrap"} == EVERYWHERE
    assert list(rewards.terms) == ["speed", "effort", "fall"]


# --- the filter, as the kernel would run it ------------------------------------------------------

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def words(text: str) -> list[str]:
    return text.split()


ALLOWED = words(
    """read write munmap brk rt_sigprocmask rt_sigreturn mremap sched_yield madvise exit
    gettimeofday sigaltstack futex restart_syscall clock_gettime exit_group mmap mprotect"""
)
REFUSED = words(
    """open openat connect socket clone fork vfork execve execveat kill tkill tgkill ptrace bpf
    unlink unlinkat rename renameat2 chmod fchmod mkdir mkdirat ioctl fcntl dup dup2 dup3 pipe pipe2
    memfd_create prctl seccomp unshare setns mount umount2 sendmsg recvmsg sendto io_uring_setup
    io_uring_enter process_vm_writev process_vm_readv shmget shmat nanosleep clock_nanosleep
    getrandom setrlimit prlimit64 setuid setgid truncate ftruncate writev pwrite64 sendfile splice
    perf_event_open userfaultfd keyctl add_key personality reboot clone3 pidfd_open"""
)
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: str, number: int, third: int = 0, arch: int | None = None) -> int:
    """What the filter for `machine` answers: classic BPF over struct seccomp_data."""
    own, _, plain, mapping = lockdown._MACHINES[machine]
    code = lockdown._filter(own, plain, mapping)
    program = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    arguments = [0, 0, third, 0, 0, 0]
    data = struct.pack("=iIQ6Q", number, own if arch is None else arch, 0, *arguments)
    jumps: dict[int, Callable[[int, int], bool]] = {
        0x15: lambda a, k: a == k,
        0x35: lambda a, k: a >= k,
        0x45: lambda a, k: bool(a & k),
    }
    at, accumulator = 0, 0
    while True:
        operation, yes, no, value = program[at]
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x06:
            return int(value)
        else:
            at += yes if jumps[operation](accumulator, value) else no
        at += 1


def numbers(machine: str) -> dict[str, int]:
    """System calls by name, from the kernel's own header."""
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not there: apt-get install linux-libc-dev")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.M)
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_filter_allows_and_refuses_by_the_kernels_own_names(machine: str) -> None:
    known = numbers(machine)
    assert all(verdict(machine, known[name]) == ALLOW for name in ALLOWED)
    refused = [name for name in REFUSED if name in known]
    assert len(refused) > 50
    assert {name: verdict(machine, known[name]) for name in refused} == dict.fromkeys(
        refused, REFUSE
    )
    wanted = {known[name] for name in ALLOWED}
    others = set(range(600)) - wanted
    assert {verdict(machine, number) for number in others} == {REFUSE}


@pytest.mark.parametrize("machine", HEADERS)
def test_memory_cannot_be_made_executable(machine: str) -> None:
    known = numbers(machine)
    for name in ("mmap", "mprotect"):
        assert verdict(machine, known[name], third=3) == ALLOW
        assert verdict(machine, known[name], third=4) == REFUSE
        assert verdict(machine, known[name], third=7) == REFUSE


@pytest.mark.parametrize("machine", ARCH)
def test_another_architecture_is_killed(machine: str) -> None:
    (other,) = set(ARCH.values()) - {ARCH[machine]}
    for foreign in (other, 0x40000003, 0):
        assert verdict(machine, 0, arch=foreign) == KILL
    assert verdict(machine, 0x40000000) == verdict(machine, 0x40000000 + 59) == KILL


# --- a container ---------------------------------------------------------------------------------

# As Docker's default profile does: no new namespaces, by unshare, clone or setns.
_CONTAINER = """
import ctypes, errno, struct
REFUSE = 0x00050000 | errno.EPERM
filters = b"".join(struct.pack("=HBBI", *instruction) for instruction in [
    (0x20, 0, 0, 0),             # number of the call
    (0x15, 5, 0, 272),           # unshare
    (0x15, 4, 0, 308),           # setns
    (0x15, 0, 2, 56),            # clone,
    (0x20, 0, 0, 16),            # with flags
    (0x45, 1, 0, 0x7E020000),    # for any new namespace
    (0x06, 0, 0, 0x7FFF0000),
    (0x06, 0, 0, REFUSE),
])
memory = ctypes.create_string_buffer(filters)
program = struct.pack("@HP", len(filters) // 8, ctypes.addressof(memory))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == errno.EPERM

from jail_rewards import HONEST, transitions, worker
from rewardsmith.jail import service
layers = {layer.name: layer for layer in service.probe()}
print(layers["bubblewrap"].active, "|", layers["bubblewrap"].detail)
print(sorted(name for name, layer in layers.items() if not layer.active))
with worker(HONEST) as running:
    print(len(running.compute(transitions(5)).total))
"""


def run_alone(script: str) -> list[str]:
    """The lines that `script` prints in a process of its own, which has to end well."""
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.skipif(lockdown.platform.machine() != "x86_64", reason="numbers of x86-64")
def test_in_a_container_without_namespaces_the_jail_holds_and_says_what_is_off() -> None:
    bubblewrap, missing, rows = run_alone(_CONTAINER)
    state, why = bubblewrap.split(" | ")
    assert state == "False" and why
    assert (missing, rows) == ("['bubblewrap']", "5")


# --- limits of the machine -----------------------------------------------------------------------

# As an ordinary user under `ulimit -H` or Slurm: no process to come may raise a hard limit again.
_UNPRIVILEGED = """
import ctypes, os, resource, struct
CAP_SYS_RESOURCE = 24
libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0:
    libc.prctl(24, CAP_SYS_RESOURCE, 0, 0, 0)  # from the bounding set, for what is executed
    header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
    sets = ctypes.create_string_buffer(24)
    assert libc.capget(header, sets) == 0
    words = list(struct.unpack("6I", sets.raw[:24]))
    words[:3] = [word & ~(1 << CAP_SYS_RESOURCE) for word in words[:3]]
    assert libc.capset(header, ctypes.create_string_buffer(struct.pack("6I", *words))) == 0
"""
_LIMITED = """
from jail_rewards import HONEST, transitions, worker
from rewardsmith.jail import service
resource.setrlimit(resource.{limit}, ({hard}, {hard}))
(layer,) = (layer for layer in service.probe() if layer.name == "resource limits")
print(layer.active, "|", layer.detail)
with worker(HONEST) as running:
    print(len(running.compute(transitions(5)).total))
"""
# As macOS does, whose kernel knows RLIMIT_AS and lets nobody set it.
_REFUSED = """
import ctypes, errno, struct
filters = b"".join(struct.pack("=HBBI", *instruction) for instruction in [
    (0x20, 0, 0, 0),             # number of the call
    (0x15, 0, 5, 302),           # prlimit64,
    (0x20, 0, 0, 24),            # of
    (0x15, 0, 3, 9),             # RLIMIT_AS,
    (0x20, 0, 0, 32),            # with a new value
    (0x15, 1, 0, 0),
    (0x06, 0, 0, 0x00050000 | errno.EINVAL),
    (0x06, 0, 0, 0x7FFF0000),
])
memory = ctypes.create_string_buffer(filters)
program = struct.pack("@HP", len(filters) // 8, ctypes.addressof(memory))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0

from jail_rewards import HONEST, transitions, worker
from rewardsmith.errors import UserError
from rewardsmith.jail import service
try:
    service.probe()
except UserError as error:
    print(error)
with worker(HONEST, unsafe=True) as running:
    print([layer.name for layer in running.layers if "RLIMIT" in layer.detail])
    print(len(running.compute(transitions(5)).total))
"""
_TIGHT = """
import resource
from pathlib import Path
from rewardsmith.jail import lockdown
pages = int(Path("/proc/self/statm").read_text().split()[0])
try:
    lockdown._limit_resources(pages * resource.getpagesize() + (32 << 20), 60)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("limit", "hard", "held"),
    [("RLIMIT_CPU", 50, "1024 MiB, 49 s of CPU"), ("RLIMIT_AS", 900 << 20, "900 MiB, 60 s of CPU")],
)
def test_a_lower_hard_limit_that_is_there_already_is_kept(limit: str, hard: int, held: str) -> None:
    layer, rows = run_alone(_UNPRIVILEGED + _LIMITED.format(limit=limit, hard=hard))
    assert layer.startswith(f"True | {held}"), layer
    assert rows == "5"


@pytest.mark.skipif(lockdown.platform.machine() != "x86_64", reason="numbers of x86-64")
def test_a_limit_that_the_system_refuses_is_a_missing_layer_with_a_name() -> None:
    refusal, names, rows = run_alone(_REFUSED)
    assert "resource limits (the system refuses RLIMIT_AS)" in refusal
    assert "--unsafe-no-jail" in refusal
    assert (names, rows) == ("['resource limits']", "5")


def test_a_limit_that_leaves_a_reward_no_room_does_not_hold() -> None:
    (why,) = run_alone(_TIGHT)
    assert re.fullmatch(r"a limit of \d+ MiB leaves a reward less than 64 MiB", why)
