"""Starts the server of the pages on a socket of its own."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from rewardsmith.errors import UserError
from rewardsmith.store import Store
from rewardsmith.web.guard import Rules

_ANY = ("0.0.0.0", "::", "")


def serve(
    runs_dir: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    names: Sequence[str] = (),
    read_only: bool = False,
    tell: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the pages until interrupted.

    Args:
        host: the address to listen on. Beyond loopback a token is made, and is in the address.
        port: 0 takes a free one.
        names: under which browsers reach this server, where that is not `host`.
        tell: is given the address to open, once the server listens.

    Raises:
        UserError: the address is taken or is none, or listening everywhere without a name.
    """
    if host in _ANY and not names:
        raise UserError(f"listening on {host or 'every address'} needs --name: the name or "
                        "address by which browsers reach this machine")  # fmt: skip
    store = Store(runs_dir, create=not read_only)
    listener = _listen(host, port)
    port = int(listener.getsockname()[1])
    rules = Rules(
        hosts=_hosts(host, port, names),
        csrf=secrets.token_urlsafe(16),
        token="" if _is_loopback(host) else secrets.token_urlsafe(24),
        read_only=read_only,
        cookie=f"rewardsmith-{port}",
    )
    first = names[0] if names else host
    address = f"http://{_bracketed(first)}:{port}/"
    tell(address + (f"?token={rules.token}" if rules.token else ""))
    _run(store, rules, listener)


def _run(store: Store, rules: Rules, listener: socket.socket) -> None:
    import uvicorn

    from rewardsmith.web.app import application

    settings = uvicorn.Config(
        application(store, rules, lambda: server.should_exit),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(settings)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UserError(f"cannot listen on {host}:{port}: {error}; take another --port") from None


def _hosts(host: str, port: int, names: Sequence[str]) -> frozenset[str]:
    """The Host headers to answer. A name of the user's may belong to a proxy with its own port."""
    own = [] if host in _ANY else [host]
    own += ["127.0.0.1", "localhost", "::1"] if _is_loopback(host) else []
    every = {f"{_bracketed(name).lower()}:{port}" for name in (*own, *names)}
    bare = (*own, *names) if port == 80 else names
    return frozenset(every | {_bracketed(name).lower() for name in bare})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
