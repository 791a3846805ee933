"""Who may ask the pages for what: host, origin, token, forgery, and the headers of every answer.

A page on the network can make a browser send requests to a server on this machine, and by DNS
rebinding even read the answers. So the Host header must be one of ours, to the letter; what changes
something must come from a page of ours (Origin) and carry a header that only such a page knows;
and beyond loopback everything needs a token.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardsmith.records import Record

CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD")
_MAX_BODY = 2_000_000
"""Bytes; an answer pasted by hand is a hundredth of that."""
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # What a run holds is nobody's to keep, and a page must be as the store is now.
    "cache-control": "no-store",
}


class Rules(Record):
    """What a server of ours insists on."""

    hosts: frozenset[str]
    """Every Host header that is answered, with the port."""
    csrf: str
    """What a request that changes something must carry in CSRF_HEADER."""
    token: str = ""
    """What a stranger must know; "" where only this machine can reach us."""
    read_only: bool = False
    cookie: str = "rewardsmith"
    """The token's cookie. Cookies know no ports: two servers must not share one."""


class Guard:
    """An ASGI layer around the pages."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer why not."""
        if scope["type"] != "http":
            return  # no websockets here, nor anything to start

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """The refusal, or None where the request may pass."""
        headers, rules = Headers(scope=scope), self._rules
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in rules.hosts:
            return _no(421, "this server does not answer to that name")
        if rules.token and not self._knows_token(headers):
            return self._admit(scope)
        if scope["method"] in _SAFE:
            return None
        if not headers.get("content-length", "").isdigit():
            return _no(411, "say how long the body is")
        if int(headers["content-length"]) > _MAX_BODY:
            return _no(413, f"at most {_MAX_BODY} bytes")
        if rules.read_only:
            return _no(403, "these pages are read-only")
        # A browser sends the origin with all but plain navigation; no page of ours has another.
        if not self._is_ours(headers.get("origin", "")):
            return _no(403, "the request does not come from a page of this server")
        given = headers.get(CSRF_HEADER, "")
        if not secrets.compare_digest(given.encode(), rules.csrf.encode()):
            return _no(403, f"the header {CSRF_HEADER} is missing or wrong; reload the page")
        return None

    def _is_ours(self, origin: str) -> bool:
        scheme, separator, host = origin.partition("://")
        # https: where a proxy stands before us.
        return bool(separator) and scheme in ("http", "https") and host in self._rules.hosts

    def _knows_token(self, headers: Headers) -> bool:
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer if kind.lower() == "bearer" else self._cookie(headers)
        return secrets.compare_digest(given.encode(), self._rules.token.encode())

    def _cookie(self, headers: Headers) -> str:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return cookies[self._rules.cookie].value if self._rules.cookie in cookies else ""

    def _admit(self, scope: Scope) -> Response:
        """A visitor with the token in the address gets it as a cookie, out of sight."""
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        given = dict(query).get("token", "")
        known = secrets.compare_digest(given.encode(), self._rules.token.encode())
        if scope["method"] not in _SAFE or not known:
            return _no(401, "open the address with the token that `rewardsmith view` printed")
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # One slash: two would name another server.
        path = "/" + scope["path"].lstrip("/")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
        answer.set_cookie(
            self._rules.cookie, self._rules.token, httponly=True, samesite="strict", path="/"
        )
        return answer


def _no(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status)
