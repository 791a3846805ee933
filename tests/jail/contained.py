"""Runs hostile files in the jail with their text unread, and looks for what they reached.

Also a program, so that another user can run it: `python contained.py FOLDER` prints what was
reached as JSON, {} where nothing was.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jail_rewards import HONEST, descendants, transitions, worker

from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import CheckedReward, Column
from rewardsmith.reward import Transitions

SECRET = "a-secret-that-nobody-may-see"
SECRET_NAME = "REWARDSMITH_CANARY"
TIMEOUT_S = 0.4
"""Of one call: enough for any honest one."""
_ROWS = 41
_NAMED = ("x_velocity", "x_position", "torso_pitch")
_COLUMNS = (
    *(Column(argument="state", name=name) for name in _NAMED),
    *(Column(argument="next_state", name=name) for name in _NAMED),
    Column(argument="action", shape=(2,)),
    Column(argument="t", dtype="int64"),
)


@dataclass
class Canary:
    """What hostile code would touch: a folder, a listener, a variable of the environment."""

    folder: Path
    port: int
    visits: list[str] = field(default_factory=list)

    def place(self, code: str) -> str:
        """The code aimed at this canary."""
        return code.replace("/canary", str(self.folder)).replace("54321", str(self.port))

    def touched(self) -> list[str]:
        """What is not as it was."""
        found = list(self.visits)
        names = sorted(entry.name for entry in self.folder.iterdir())
        if names != ["secret.npy", "secret.txt"]:
            found.append(f"files: {names}")
        if (self.folder / "secret.txt").read_text() != SECRET:
            found.append("secret.txt was changed")
        return found


@contextmanager
def canary(folder: Path) -> Iterator[Canary]:
    """A canary in `folder`, listening on TCP and UDP for as long as the context lasts."""
    (folder / "secret.txt").write_text(SECRET)
    np.save(folder / "secret.npy", np.ones(3))
    folder.chmod(0o777)
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        made = Canary(folder, tcp.getsockname()[1])
        threads = [
            threading.Thread(target=_listen, args=(tcp.accept, "TCP", made.visits)),
            threading.Thread(target=_listen, args=(lambda: udp.recvfrom(64), "UDP", made.visits)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield made
        finally:
            for listener in (tcp, udp):
                # An unconnected UDP socket says that it is none, and wakes up all the same.
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def _listen(wait: Callable[[], tuple[object, object]], kind: str, visits: list[str]) -> None:
    while True:
        try:
            came, _ = wait()
        except OSError:
            return  # the tests are over
        if came == b"":  # the same, for UDP
            return
        visits.append(f"{kind}: somebody came")
        if isinstance(came, socket.socket):
            came.close()


def read(path: Path) -> str:
    """The text of a file of the corpus, as a reply would bring it."""
    return path.read_bytes().decode("utf-8", "surrogatepass")


def reached(code: str, made: Canary) -> list[str]:
    """Load `code` in a jailed worker, call it twice, and say what it reached."""
    before = descendants(os.getpid())
    told = ""
    try:
        reward = _unread(made.place(code))
        with RewardWorker(reward, capacity=_ROWS, call_timeout_s=TIMEOUT_S) as one:
            for rows in (_ROWS, 3):
                rewards = one.compute(_transitions(rows))
                told += " ".join(rewards.terms)
    except CandidateError as fault:
        told += fault.for_llm
    except UnicodeEncodeError:
        return []  # text that is not even UTF-8 is sent to nobody
    found = made.touched()
    if SECRET in told:
        found.append("the secret was told")
    if left := descendants(os.getpid()) - before:
        found.append(f"{len(left)} processes were left")
    return found


def _unread(code: str) -> CheckedReward:
    """The code as if the critic had accepted it, with the arguments that it asks for."""
    arguments: tuple[str, ...] = ("state", "action", "next_state", "t")
    try:
        for node in ast.parse(code).body:
            if isinstance(node, ast.FunctionDef) and node.name == "compute_reward":
                arguments = tuple(argument.arg for argument in node.args.args)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # it will not load either
    return CheckedReward(code=code, arguments=arguments, columns=_COLUMNS, terms=(), params={})


def _transitions(rows: int) -> Transitions:
    made = transitions(rows)
    named = {name: made.next_state["x"] + index for index, name in enumerate(_NAMED)}
    return Transitions(**{**vars(made), "state": named, "next_state": named})


def main() -> None:
    """Attack with every file under a folder."""
    os.environ[SECRET_NAME] = SECRET
    worker(HONEST).close()
    found = {}
    with tempfile.TemporaryDirectory() as folder, canary(Path(folder)) as made:
        for path in sorted(Path(sys.argv[1]).glob("*/*.py")):
            if what := reached(read(path), made):
                found[f"{path.parent.name}/{path.stem}"] = what
    print(json.dumps(found))


if __name__ == "__main__":
    main()
