"""A small OpenAI-compatible server on 127.0.0.1 that answers as it is told, and remembers."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; a `delay_s` holds it back.

    With `sent`, only so many bytes of the body are sent; then the connection is `cut`, or the
    server falls silent for ever (`stall`), or the rest follows byte by byte (`drip`).
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_s: float = 0.0
    sent: int | None = None
    then: Literal["cut", "stall", "drip"] = "cut"


def says(
    text: object,
    *,
    finish: str | None = "stop",
    usage: tuple[int, int] | None = (100, 50),
    refusal: str | None = None,
    delay_s: float = 0.0,
    choices: int = 1,
    **more: object,
) -> Answer:
    """A completion with `text`; `usage` counts prompt and completion tokens.

    What is in `more` stands in the message too, such as `reasoning_content`.
    """
    message = {"role": "assistant", "content": text, "refusal": refusal, **more}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "choices": [
            {"index": index, "message": message, "finish_reason": finish}
            for index in range(choices)
        ],
    }
    if usage is not None:
        prompt, completion = usage
        body["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
    return Answer(json.dumps(body).encode(), delay_s=delay_s)


def fails(status: int, message: str, *, code: str = "", **headers: str) -> Answer:
    """An error as OpenAI words it; `retry_after="3"` becomes a header."""
    error = {"message": message, "type": code, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps({"error": error}).encode(), status=status, headers=named)


class LoopbackServer:
    """Serves `answers` in order, the last one for ever; use it with `with`.

    Attributes:
        requests: the JSON bodies that came, in order.
        keys: the Authorization headers that came with them.
    """

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._answers = answers
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The base that a client is given, ending in /v1."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def until_asked(self, times: int, patience_s: float = 60.0) -> None:
        """Wait until so many requests have come in all."""
        deadline = time.monotonic() + patience_s
        while len(self.requests) < times:
            assert time.monotonic() < deadline, f"request {times} never came"
            time.sleep(0.02)

    def _next(self, body: dict[str, Any], key: str) -> Answer:
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            return self._answers[min(len(self.requests), len(self._answers)) - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        serve = self._next
        stopping = self._stopping

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = serve(body, self.headers.get("Authorization", ""))
                if stopping.wait(answer.delay_s):
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                sent = len(answer.body) if answer.sent is None else answer.sent
                self.wfile.write(answer.body[:sent])
                if answer.sent is not None and answer.then == "stall":
                    stopping.wait()
                elif answer.sent is not None and answer.then == "drip":
                    self._drip(answer.body[sent:])
                self.close_connection = True

            def _drip(self, rest: bytes) -> None:
                with suppress(OSError):  # whoever asked may have gone
                    for byte in rest:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if stopping.wait(0.01):
                            return

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the tests look at what came instead."""

        return Handler
