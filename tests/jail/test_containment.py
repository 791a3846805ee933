"""With the syntax tree out of the way, hostile code reaches nothing outside its own process.

Every attack is first run in a plain Python child, where it must succeed: so that a refusal in the
jail is the jail's doing and not a slip of the attack.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jail_rewards import HONEST, body, descendants, transitions, worker

from rewardsmith.jail.service import RewardFault, RewardWorker

# NumPy's own builtins are one attribute away: restricted builtins are no wall.
ESCAPE = """
import numpy as np
load = np.__builtins__["__import__"]
open, OSError = np.__builtins__["open"], np.__builtins__["OSError"]
os, sys, ctypes = load("os"), load("sys"), load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)
def need(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
def connect(family, address):
    need(libc.connect(libc.socket(family, 1, 0), address, len(address)))
"""
LATER = """
def compute_reward(state, action, next_state, params, terminated, t):
    %s
    return {"zero": np.zeros(len(t))}
"""


@dataclass(frozen=True)
class Canary:
    """What an attack would touch: a file, a folder, and listeners that count who connects."""

    file: Path
    port: int
    unix: str
    visits: list[str]

    def touched(self) -> bool:
        entries = sorted(entry.name for entry in self.file.parent.iterdir())
        return (
            bool(self.visits)
            or entries != ["canary.txt", "values.npy"]
            or self.file.read_text() != "secret"
            or self.file.stat().st_mode & 0o777 != 0o644
        )


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    folder = tmp_path_factory.mktemp("canary")
    file = folder / "canary.txt"
    file.write_text("secret")
    file.chmod(0o644)
    np.save(folder / "values.npy", np.ones(3))
    visits: list[str] = []
    name = f"\0rewardsmith-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(name)
        unix.listen()
        listeners = [
            threading.Thread(target=_count, args=(listener, visits)) for listener in (tcp, unix)
        ]
        for thread in listeners:
            thread.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REWARDSMITH_TEST_KEY", "sk-secret")
            yield Canary(file, tcp.getsockname()[1], name, visits)
        for listener in (tcp, unix):
            listener.shutdown(socket.SHUT_RDWR)
        for thread in listeners:
            thread.join()


def _count(listener: socket.socket, visits: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the test is over
        with connection:
            visits.append("connected")


ATTACKS = {
    "read a file": "open({file!r}).read()",
    "write a file": 'open({file!r}, "w").write("owned")',
    "create a file": 'open({file!r} + ".new", "w").close()',
    "truncate a file": "os.truncate({file!r}, 0)",
    "delete a file": "os.unlink({file!r})",
    "rename a file": 'os.rename({file!r}, {file!r} + ".moved")',
    "change a mode": "os.chmod({file!r}, 0o777)",
    "link a file": 'os.symlink({file!r}, {file!r} + ".link")',
    "make a folder": 'os.mkdir({file!r} + ".d")',
    "list a folder": "os.listdir({folder!r})",
    "look at a file": "os.stat({file!r})",
    "numpy load": "np.load({values!r})",
    "numpy fromfile": "np.fromfile({values!r})",
    "numpy memmap": 'np.memmap({values!r}, mode="r")',
    "numpy tofile": "np.ones(3).tofile({file!r})",
    "numpy save": 'np.save({file!r} + ".npy", np.ones(3))',
    "numpy savetxt": "np.savetxt({file!r}, np.ones(3))",
    "pickle": "np.ones(3).dump({file!r})",
    "read the memory of a process": 'open("/proc/self/mem", "rb").close()',
    "read an environment": 'open("/proc/self/environ", "rb").read()',
    "connect by TCP": "connect(2, {tcp!r})",
    "connect by UNIX socket": "connect(1, {unix!r})",
    "send by UDP": "need(libc.sendto(libc.socket(2, 2, 0), b'x', 1, 0, {tcp!r}, 16))",
    "listen": "need(libc.listen(libc.socket(2, 1, 0), 1))",
    "pair of sockets": "need(libc.socketpair(1, 1, 0, ctypes.create_string_buffer(8)))",
    "run a program": 'assert os.spawnv(os.P_WAIT, "/bin/true", ["true"]) == 0',
    "system": 'assert os.system("echo > " + {file!r}) == 0',
    "system by libc": 'assert libc.system(("echo > " + {file!r}).encode()) == 0',
    "fork": "os.fork() or os._exit(0)",
    "become a program": 'os.execv("/bin/true", ["true"])',
    "start a thread": 'load("_thread").start_new_thread(lambda: None, ())',
    "signal itself": "os.kill(os.getpid(), 0)",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "trace a process": "need(libc.ptrace(0, 0, 0, 0))",
    "undo the parent-death signal": "need(libc.prctl(1, 0, 0, 0, 0))",
    "set a timer": "need(libc.setitimer(0, b'\\0' * 16 + b'd' + b'\\0' * 15, None))",
    "sleep": 'load("time").sleep(0.001)',
    "draw random bytes": "os.urandom(8)",
    "make a memory file": 'os.memfd_create("x")',
    "make a pipe": "os.pipe()",
    "copy a descriptor": "os.dup(0)",
    "close a descriptor": "os.close(0)",
    "executable memory": 'load("mmap").mmap(-1, 4096, prot=7)',
    "shared memory": "need(libc.shmget(0, 4096, 0o1600))",
    "user namespace": "need(libc.unshare(0x10000000))",
    "io_uring": "need(libc.syscall(425, 1, ctypes.create_string_buffer(256)))",
    "a change of root": 'os.chdir("/")',
    "a higher limit": 'load("resource").setrlimit(7, load("resource").getrlimit(7))',
    "a better priority": "os.setpriority(0, 0, 1)",
    "the key": 'os.environ["REWARDSMITH_TEST_KEY"]',
}


PRIVILEGED = {
    # Refused by some machines on their own account: an attack that fails there proves nothing.
    *("user namespace", "io_uring", "trace a process"),
}


# How a refused system call looks from above: most callers say so, some only that they failed.
REFUSALS = {
    "PermissionError": set(ATTACKS),
    "SystemError": {"numpy fromfile", "numpy tofile"},
    "AssertionError": {"system", "system by libc"},
    "RuntimeError": {"start a thread"},
    "KeyError": {"the key"},
}


def attack_on(canary: Canary, name: str) -> str:
    """The code of one attack on `canary`, after ESCAPE."""
    return ATTACKS[name].format(
        file=str(canary.file),
        folder=str(canary.file.parent),
        values=str(canary.file.parent / "values.npy"),
        tcp=struct.pack("=H", 2) + struct.pack("!H", canary.port) + b"\x7f\0\0\1" + bytes(8),
        unix=struct.pack("=H", 1) + canary.unix.encode(),
    )


@pytest.fixture(scope="module")
def hostile(canary: Canary) -> Iterator[RewardWorker]:
    """One worker for all attacks: a batch of n rows starts attack n."""
    attacks = ["", *(attack_on(canary, name) for name in ATTACKS)]
    run = f'np.__builtins__["exec"]({attacks!r}[len(t)], globals)'
    code = f'{ESCAPE}\nglobals = np.__builtins__["globals"]()\n{LATER % run}'
    with worker(code) as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_contained(canary: Canary, hostile: RewardWorker, name: str) -> None:
    before = descendants(os.getpid())
    with pytest.raises(RewardFault) as caught:
        hostile.compute(transitions(1 + list(ATTACKS).index(name)))
    assert caught.value.cause == "exception"
    # "line 3: in `f`, called from line 9 in `compute_reward`: PermissionError: ..."
    kinds = [part for part in caught.value.for_llm.split(": ") if part in REFUSALS]
    assert name in REFUSALS[kinds[0]]
    assert not canary.touched()
    assert descendants(os.getpid()) == before


# Each attack in a fork of its own, so that none spoils the next.
_CONTROL = """
import os, sys, numpy
for attack in {attacks!r}:
    child = os.fork()
    if child == 0:
        try:
            exec(attack, {{}})
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
_RESTORE = """
import os, numpy
for entry in os.scandir({folder!r}):
    os.rmdir(entry) if entry.is_dir() else os.remove(entry)
open({file!r}, "w").write("secret")
os.chmod({file!r}, 0o644)
numpy.save({values!r}, numpy.ones(3))
"""


def test_outside_the_jail_every_attack_succeeds(canary: Canary) -> None:
    folder = canary.file.parent
    restore = _RESTORE.format(
        folder=str(folder), file=str(canary.file), values=str(folder / "values.npy")
    )
    attacks = [part for name in ATTACKS for part in (restore, ESCAPE + attack_on(canary, name))]
    run = subprocess.run(
        [sys.executable, "-c", _CONTROL.format(attacks=[*attacks, restore])],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    codes = [int(code) for code in run.stdout.split()]
    assert len(codes) == len(attacks) + 1
    failed = {name for name, code in zip(ATTACKS, codes[1::2], strict=True) if code != 0}
    assert failed <= PRIVILEGED, run.stderr
    assert len(canary.visits) >= 2
    canary.visits.clear()


# --- tampering with the channel ------------------------------------------------------------------

TAMPER = (
    ESCAPE
    + """
frame = sys._getframe()
while "start" not in frame.f_locals:
    frame = frame.f_back
start, protocol = frame.f_locals["start"], frame.f_globals["protocol"]
replies = start["replies"]
"""
)
ZEROS = """
def compute_reward(state, action, next_state, params, terminated, t):
    return {"zero": np.zeros(len(t))}
"""
TAMPERING = {
    "garbage": (LATER % 'os.write(replies, b"\\xff" * 24)', "protocol"),
    "another sequence": (
        LATER % "os.write(replies, protocol.REPLY.pack(9, 0, 1, 0, 0))",
        "protocol",
    ),
    "too many terms": (
        LATER % "os.write(replies, protocol.REPLY.pack(2, 0, 99, 0, 0))",
        "protocol",
    ),
    "no terms": (LATER % "os.write(replies, protocol.REPLY.pack(2, 0, 0, 0, 0))", "protocol"),
    "unknown status": (LATER % "os.write(replies, protocol.REPLY.pack(2, 9, 1, 0, 0))", "protocol"),
    "unnamed terms": (LATER % "os.write(replies, protocol.REPLY.pack(2, 0, 2, 0, 0))", "protocol"),
    "half an answer": (LATER % 'os.write(replies, b"\\0" * 5)\n    while True: pass', "timeout"),
    "exit": (LATER % "os._exit(3)", "crash"),
    "exit with a large code": (LATER % "os._exit(255)", "crash"),
    "exit at load": ("os._exit(3)", "crash"),
    "clean exit": (LATER % "os._exit(0)", "crash"),
    "null pointer": (LATER % "ctypes.string_at(0)", "crash"),
    "its own code": (LATER % "ctypes.memset(libc.syscall, 0, 64)", "crash"),
    "writes an input": (LATER % "ctypes.memset(state.x.ctypes.data, 0, 8)", "crash"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_a_tampering_worker_costs_itself_only(name: str) -> None:
    code, cause = TAMPERING[name]
    before = descendants(os.getpid())
    with (
        pytest.raises(RewardFault) as caught,
        worker(TAMPER + code, call_timeout_s=1.0) as running,
    ):
        running.compute(transitions(5))
    assert caught.value.cause == cause
    assert descendants(os.getpid()) == before
    with worker(HONEST) as running:
        assert np.isfinite(running.compute(transitions(5)).total).all()


def test_two_answers_to_one_question_are_nonsense() -> None:
    forged = "os.write(replies, protocol.REPLY.pack(2, 1, 0, 0, 0))"
    with worker(TAMPER + LATER % forged) as running:
        with pytest.raises(RewardFault):
            running.compute(transitions(5))
        with pytest.raises(RewardFault) as caught:
            running.compute(transitions(5))
    assert caught.value.cause == "protocol"


@pytest.mark.parametrize("memory", ["inputs", "outputs"])
@pytest.mark.parametrize("size", [0, 1 << 20])
def test_shared_memory_keeps_its_size(memory: str, size: int) -> None:
    # Truncated memory would end the parent with SIGBUS.
    code = TAMPER + LATER % f'os.ftruncate(start["{memory}"], {size})'
    with worker(code) as running, pytest.raises(RewardFault, match="PermissionError"):
        running.compute(transitions(5))


def test_inputs_cannot_be_mapped_for_writing() -> None:
    code = TAMPER + LATER % 'load("mmap").mmap(start["inputs"], 1)'
    with worker(code) as running, pytest.raises(RewardFault, match="Error"):
        running.compute(transitions(5))


def test_the_environment_is_empty_and_was_plain_before() -> None:
    with worker(TAMPER + LATER % "raise ValueError(dict(os.environ))") as running:
        with pytest.raises(RewardFault, match=r"ValueError: \{\}$"):
            running.compute(transitions(5))
        # The zygote's: the worker itself cannot be looked into by an ordinary user.
        started = Path(f"/proc/{min(descendants(os.getpid()))}/environ").read_bytes()
    names = {variable.partition(b"=")[0] for variable in started.split(b"\0") if variable}
    assert names <= {
        *(b"MKL_NUM_THREADS", b"OMP_NUM_THREADS", b"OPENBLAS_NUM_THREADS"),
        *(b"PYTHONHASHSEED", b"PYTHONPATH", b"PWD"),
    }


def test_a_forged_name_cannot_reach_a_terminal() -> None:
    code = TAMPER + (
        "def compute_reward(state, action, next_state, params, terminated, t):\n"
        "    frame = sys._getframe()\n"
        "    program = frame.f_back.f_locals['self']\n"
        "    program._names = ('zero',)\n"
        "    program._memory[protocol.TEXT_BYTES : protocol.TEXT_BYTES + 5] = b'\\x1b[31m'\n"
        "    return {'zero': np.zeros(len(t))}\n"
    )
    with worker(code) as running, pytest.raises(RewardFault) as caught:
        running.compute(transitions(5))
    assert caught.value.cause == "protocol"


def test_body_of_the_attacks_is_harmless_by_itself() -> None:
    with worker(ESCAPE + ZEROS) as running:
        assert running.compute(transitions(3)).total.tolist() == [0.0] * 3
    with worker(body("pass")) as running:
        assert running.compute(transitions(3)).total.tolist() == [0.0] * 3
