"""Locks the calling process with Linux's own layers: limits, Landlock, seccomp. Stdlib only.

Loaded by path inside the jailed child, never by ours: what it does cannot be undone. No layer needs
a privilege. Each layer proves itself after it is set; one that does not hold is reported, and the
parent decides whether to send any code.

What the jail does not stop:
- Using the processor until the deadline of a call, or memory up to the limit.
- Reading all that is in the child's own memory: the reward's inputs, its code, NumPy. Nothing
  secret is there: the environment is empty, descriptors are closed, no file can be opened.
- Breaking its own process: NumPy changed in place, forged answers. A forged answer is still only a
  reward for this candidate, and the parent checks its copy of every number.
- Keeping state between calls. kept.py watches for that as long as the worker lives; it is a lie,
  not an escape.
- Bugs of the kernel in the system calls that stay allowed, and side channels of the processor.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import mmap
import os
import platform
import resource
import struct
from collections.abc import Callable, Collection

Held = tuple[str, bool, str]
"""Name of a layer, whether it holds, and how or why not."""

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SIGKILL = 9

_ROOM_BYTES = 64 << 20
"""Memory that a reward must at least be able to ask for."""

_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
_LANDLOCK_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file system rights each ABI knows; newer ABIs added rights of other kinds."""
_LANDLOCK_NET_RIGHTS = 0b11
"""Bind and connect TCP, from ABI 4."""
_LANDLOCK_SCOPES = 0b11
"""Abstract UNIX sockets and signals, from ABI 6."""

_SECCOMP_SET_MODE_FILTER, _SECCOMP_TSYNC = 1, 1
_BPF_LOAD, _BPF_EQUAL, _BPF_AT_LEAST, _BPF_ANY_BIT, _BPF_RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_THIRD_ARGUMENT = 0, 4, 32
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
# A refused call returns EPERM instead of killing: libc and NumPy cope with a refusal (they probe
# the machine in ways that differ by version), and Python turns it into an error with a line number
# that the model can be told. A foreign architecture is never honest: that kills.
_REFUSE = 0x00050000 | errno.EPERM
_X32_CALLS = 0x40000000
_PROT_EXEC = 4

# Per machine: audit architecture, number of seccomp(), calls allowed, and calls (mmap, mprotect)
# allowed unless they ask for executable memory. Enough to compute, allocate and answer; nothing
# opens, connects, forks, signals, sleeps or draws random numbers.
# read write munmap brk rt_sigprocmask rt_sigreturn mremap sched_yield madvise exit gettimeofday
# sigaltstack futex restart_syscall clock_gettime exit_group
_MACHINES = {
    "x86_64": (
        0xC000003E,
        317,
        (0, 1, 11, 12, 14, 15, 25, 24, 28, 60, 96, 131, 202, 219, 228, 231),
        (9, 10),
    ),
    "aarch64": (
        0xC00000B7,
        277,
        (63, 64, 215, 214, 135, 139, 216, 124, 233, 93, 169, 132, 98, 128, 113, 94),
        (222, 226),
    ),
}


def lock(
    *, keep: Collection[int], sealed: int, memory_bytes: int, cpu_s: int, platform: str
) -> list[Held]:
    """Apply every layer to this process, for good.

    Args:
        keep: the descriptors that may be open.
        sealed: the one whose memory must be for reading only.
        memory_bytes, cpu_s: address space, and processor time for the whole life of the process;
            a hard limit that is there already and lower stays.
        platform: as sys.platform names it; what only Linux has fails elsewhere, by name.
    """
    linux = functools.partial(_attempt, missing="" if platform == "linux" else "needs Linux")
    # The order matters: /proc and open() must work for the first checks, Landlock is proved by an
    # open() that a limit on descriptors would refuse first, and seccomp forbids all later steps.
    return [
        _attempt("fork of a clean process", _check_own_session),
        _attempt("empty environment", _check_environment),
        _attempt("closed descriptors", lambda: _check_descriptors(keep)),
        linux("memfd channel", lambda: _check_sealed(sealed)),
        linux("single thread", _check_single_thread),
        linux("parent-death signal", _die_with_parent),
        linux("no new privileges", _no_new_privileges),
        linux("landlock", _landlock),
        _attempt("resource limits", lambda: _limit_resources(memory_bytes, cpu_s)),
        linux("seccomp", _seccomp),
    ]


def _attempt(name: str, apply: Callable[[], str], missing: str = "") -> Held:
    if missing:
        return name, False, missing
    try:
        return name, True, apply()
    except OSError as error:
        return name, False, str(error)


def _check_own_session() -> str:
    if os.getsid(0) != os.getpid():
        raise OSError("not the leader of a session of its own")
    return "in a session of its own"


def _check_environment() -> str:
    if os.environ:
        raise OSError(f"{len(os.environ)} variables are set")
    return "no variable"


def _check_sealed(descriptor: int) -> str:
    try:
        mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE).close()
    except PermissionError:
        return "inputs sealed for reading, messages of a fixed size"
    raise OSError("the inputs can be mapped for writing")


def _check_descriptors(keep: Collection[int]) -> str:
    # Told apart by what they refer to: a memory map holds a duplicate of its descriptor.
    kept = {_identity(descriptor) for descriptor in (0, 1, 2, *keep)}
    listed = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208  (fewer calls)
    extra = []
    for descriptor in listed:
        try:
            if _identity(descriptor) not in kept:
                extra.append(descriptor)
        except OSError:
            continue  # the listing's own descriptor, closed by now
    if extra:
        raise OSError(f"unexpected open descriptors {extra}")
    return "only /dev/null and the channel"


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _check_single_thread() -> str:
    # Landlock binds the calling thread only: a second thread would stay free.
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    if threads != 1:
        raise OSError(f"{threads} threads are running")
    return "one thread"


def _die_with_parent() -> str:
    # If the parent died before this line, the next read from its pipe ends the child instead.
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    return "SIGKILL when the parent ends"


def _no_new_privileges() -> str:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    return "set, and not dumpable"


def _landlock() -> str:
    abi = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION_FLAG)
    fields = [(1 << _LANDLOCK_FS_BITS[min(abi, max(_LANDLOCK_FS_BITS))]) - 1]
    if abi >= 4:
        fields.append(_LANDLOCK_NET_RIGHTS)
    if abi >= 6:
        fields.append(_LANDLOCK_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    _prove_refused(lambda: os.close(os.open("/", os.O_RDONLY)), errno.EACCES, "open a folder")
    return f"ABI {abi}: no file" + (", no TCP" if abi >= 4 else "")


def _limit_resources(memory_bytes: int, cpu_s: int) -> str:
    memory_bytes = _lowered(resource.RLIMIT_AS, memory_bytes)
    cpu_s = _lowered(resource.RLIMIT_CPU, cpu_s + 1) - 1
    limits = {
        "RLIMIT_AS": (memory_bytes, memory_bytes),
        "RLIMIT_FSIZE": (0, 0),
        "RLIMIT_NOFILE": (0, 0),
        "RLIMIT_NPROC": (0, 0),  # does not bind root: seccomp refuses clone as well
        "RLIMIT_CORE": (0, 0),
        # At the soft limit SIGXCPU ends the process, by name; the hard one is the backstop.
        "RLIMIT_CPU": (cpu_s, cpu_s + 1),
    }
    # A refused one does not keep the others from being set: the user may accept its absence.
    refused = [name for name, values in limits.items() if not _limit(name, values)]
    if refused:
        raise OSError(f"the system refuses {', '.join(refused)}")
    _check_room(memory_bytes)
    return f"{memory_bytes >> 20} MiB, {cpu_s} s of CPU, no file, descriptor, process or core"


def _lowered(limit: int, wanted: int) -> int:
    """`wanted`, or the hard limit that is there already (ulimit, Slurm) where that is lower."""
    _, hard = resource.getrlimit(limit)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _limit(name: str, values: tuple[int, int]) -> bool:
    try:
        resource.setrlimit(getattr(resource, name), values)
    except (OSError, ValueError):  # CPython raises ValueError for EINVAL and EPERM
        return False
    return True


def _check_room(memory_bytes: int) -> None:
    # Else every reward would be blamed for the memory that a low limit of the machine denies it.
    try:
        mmap.mmap(-1, _ROOM_BYTES).close()
    except OSError:
        room, limit = _ROOM_BYTES >> 20, memory_bytes >> 20
        raise OSError(f"a limit of {limit} MiB leaves a reward less than {room} MiB") from None


def _seccomp() -> str:
    machine = platform.machine()
    if machine not in _MACHINES:
        raise OSError(f"no table of system calls for {machine}")
    arch, seccomp, plain, mapping = _MACHINES[machine]
    program = ctypes.create_string_buffer(_filter(arch, plain, mapping))
    length = (len(program) - 1) // 8
    header = struct.pack("@HP", length, ctypes.addressof(program))
    own = os.getpid()
    # TSYNC answers with the id of a thread that could not be bound.
    if _syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_TSYNC, header):
        raise OSError("a thread could not be bound")
    _prove_refused(lambda: os.kill(own, 0), errno.EPERM, "send a signal")
    return f"{len(plain) + len(mapping)} system calls allowed, the others refused"


def _filter(arch: int, plain: tuple[int, ...], mapping: tuple[int, ...]) -> bytes:
    """The seccomp program in classic BPF: code, jump if true, jump if false, value."""
    code = [
        (_BPF_LOAD, 0, 0, _OFFSET_ARCH),
        (_BPF_EQUAL, 1, 0, arch),
        (_BPF_RETURN, 0, 0, _KILL),
        (_BPF_LOAD, 0, 0, _OFFSET_NUMBER),
        (_BPF_AT_LEAST, 0, 1, _X32_CALLS),
        (_BPF_RETURN, 0, 0, _KILL),
    ]
    for number in plain:
        code += [(_BPF_EQUAL, 0, 1, number), (_BPF_RETURN, 0, 0, _ALLOW)]
    for number in mapping:
        code += [
            (_BPF_EQUAL, 0, 4, number),
            (_BPF_LOAD, 0, 0, _OFFSET_THIRD_ARGUMENT),
            (_BPF_ANY_BIT, 0, 1, _PROT_EXEC),
            (_BPF_RETURN, 0, 0, _REFUSE),
            (_BPF_RETURN, 0, 0, _ALLOW),
        ]
    code.append((_BPF_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _prove_refused(action: Callable[[], object], expected: int, name: str) -> None:
    """Raises OSError unless `action` now fails with the errno `expected`."""
    try:
        action()
    except OSError as error:
        if error.errno == expected:
            return
        raise
    raise OSError(f"set without an error, but the process can still {name}")


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(argument) for argument in (value, 0, 0, 0)]
    if _LIBC.prctl(option, *arguments) != 0:
        _raise_errno()


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = _LIBC.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        _raise_errno()
    return result


def _raise_errno() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
