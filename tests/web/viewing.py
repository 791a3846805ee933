"""`rewardsmith view` in a process of its own, and a client that behaves like a page of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from running import COMMAND

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Viewed:
    """A server that is up."""

    address: str
    """As it was printed, with the token where there is one."""
    client: httpx.Client

    @property
    def base(self) -> str:
        """`http://127.0.0.1:4321`."""
        return self.address.partition("/?")[0].rstrip("/")

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page."""
        return self.client.get(self.base + path, headers=headers)

    def post(
        self, path: str, fields: dict[str, str | float], **headers: str | None
    ) -> httpx.Response:
        """Send a form as a page would; None leaves a header out."""
        csrf = self.get("/api/v1/session").json()["csrf"]
        sent = {"origin": self.base, "x_csrf_token": csrf, **headers}
        given = {name.replace("_", "-"): value for name, value in sent.items() if value is not None}
        return self.client.post(self.base + path, data=fields, headers=given)


@contextmanager
def viewing(runs_dir: Path, *options: str, **variables: str) -> Iterator[Viewed]:
    """Serve the runs on a free port; the server is ended by an interrupt, as people do.

    Args:
        variables: of the server's environment, beside ours.
    """
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        subprocess.Popen(
            [*COMMAND, "view", str(runs_dir), "--port", "0", *options],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        ) as process,
    ):
        try:
            assert process.stdout
            yield Viewed(process.stdout.readline().split()[2], client)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
