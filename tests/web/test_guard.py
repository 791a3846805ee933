"""What keeps strangers out of the pages, asked by a client that is no browser."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hostile import HOSTILE
from running import Recorded, call
from viewing import Viewed, viewing

from rewardsmith.store import Store
from rewardsmith.web.guard import Rules
from rewardsmith.web.serving import _hosts

COMMAND = "/api/v1/runs/last/commands"


def _sent(server: Viewed, **headers: str | None) -> httpx.Response:
    """A command that only the guard can refuse."""
    return server.post("/runs/last/command", {"kind": "time-limit", "value": "100"}, **headers)


def test_a_command_of_a_page_is_appended_to_the_store(view: Viewed, searched: Recorded) -> None:
    store = Store(searched.runs_dir)
    run = store.run("last").id
    assert _sent(view).status_code == 200
    (command,) = store.take_commands(run)
    assert (command.kind, command.value) == ("time-limit", "100")
    store.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_no_other_name_is_answered(view: Viewed, host: str) -> None:
    assert view.get("/", host=host).status_code in (400, 421)
    assert view.get("/api/v1/runs", host=host).status_code in (400, 421)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"origin": "http://evil.example"}, "does not come from a page"),
        ({"origin": "null"}, "does not come from a page"),
        ({"origin": None}, "does not come from a page"),
        ({"x_csrf_token": None}, "x-csrf-token is missing"),
        ({"x_csrf_token": "guess"}, "x-csrf-token is missing"),
        ({"host": "evil.example"}, "does not answer to that name"),
    ],
)
def test_a_forged_command_is_refused(
    view: Viewed, searched: Recorded, headers: dict[str, str | None], why: str
) -> None:
    answer = _sent(view, **headers)
    assert answer.status_code in (403, 421)
    assert why in answer.text
    store = Store(searched.runs_dir)
    assert not store.pending_commands(store.run("last").id)
    store.close()


def test_a_body_without_length_or_without_end_is_refused(view: Viewed) -> None:
    csrf = view.get("/api/v1/session").json()["csrf"]
    headers = {"origin": view.base, "x-csrf-token": csrf}
    parts = view.client.post(view.base + COMMAND, content=iter([b"x"]), headers=headers)
    assert parts.status_code == 411
    # The refusal comes before the body is sent.
    raw = http.client.HTTPConnection(view.base.removeprefix("http://"))
    raw.putrequest("POST", COMMAND)
    for name, value in {**headers, "content-length": "2000001"}.items():
        raw.putheader(name, value)
    raw.endheaders()
    assert raw.getresponse().status == 413
    raw.close()


def test_every_answer_forbids_foreign_and_inline_scripts(view: Viewed) -> None:
    for path in ("/", "/runs/last", "/static/app.js", "/nowhere", "/api/v1/runs"):
        headers = view.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_what_a_model_wrote_is_text_and_nothing_else(view: Viewed, searched: Recorded) -> None:
    folder = searched.result["run_dir"]
    assert HOSTILE in (Path(folder) / "r01" / "c00" / "reward.py").read_text("utf-8")
    run = searched.result["run"]
    for path in ("candidates/r01c00", "candidates/r01c01", "candidates/r02c00", "lineage", ""):
        page = view.get(f"/runs/{run}/{path}".rstrip("/")).text
        assert "<script>" not in page and "<img src=x" not in page
    assert "&lt;script&gt;" in view.get(f"/runs/{run}/candidates/r01c00").text


def test_read_only_pages_show_everything_and_take_nothing(searched: Recorded) -> None:
    with viewing(searched.runs_dir, "--read-only") as server:
        assert server.get("/api/v1/session").json()["read_only"] is True
        for path in ("/runs/last/command", COMMAND, "/runs/last/answer"):
            refused = server.post(path, {"kind": "pause"})
            assert (refused.status_code, refused.text) == (403, "these pages are read-only\n")
        assert server.get("/api/v1/runs").json()[0]["run"] == searched.result["run"]


def test_beyond_loopback_a_token_is_needed(searched: Recorded) -> None:
    everywhere = call("view", searched.runs_dir, "--host", "0.0.0.0", "--port", "0")
    assert everywhere.returncode == 2 and "--name" in everywhere.stderr
    with viewing(searched.runs_dir, "--host", "0.0.0.0", "--name", "127.0.0.1") as server:
        token = server.address.partition("?token=")[2]
        assert len(token) >= 24
        for path in ("/", "/static/app.js", "/api/v1/runs", "/?token=guess"):
            assert server.get(path).status_code == 401
        bearer = {"authorization": f"Bearer {token}"}
        assert server.get("/api/v1/runs", **bearer).status_code == 200
        with httpx.Client(base_url=server.base, follow_redirects=True) as browser:
            page = browser.get("/", params={"token": token})
            assert page.status_code == 200
            # The token is no longer in the address, where it would be seen and kept.
            assert str(page.url) == f"{server.base}/"
            cookie = page.history[0].headers["set-cookie"].lower()
            assert "httponly" in cookie and "samesite=strict" in cookie
            assert browser.get("/runs/last").status_code == 200


def test_nothing_but_films_is_read_from_a_run(view: Viewed) -> None:
    for name in ("reward.py", "..%2F..%2Frewardsmith.db", "best.json", "policy.safetensors"):
        assert view.get(f"/runs/last/candidates/r01c00/{name}").status_code == 404


def test_the_hosts_are_exact() -> None:
    local = _hosts("127.0.0.1", 8765, ())
    assert local == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert "views.example" in _hosts("0.0.0.0", 8765, ("views.example",))
    assert not any(host.startswith("0.0.0.0") for host in _hosts("0.0.0.0", 80, ("here",)))
    assert "localhost" in _hosts("localhost", 80, ())
    assert Rules(hosts=local, csrf="x").token == ""


def test_the_json_api_gives_the_records(view: Viewed, searched: Recorded) -> None:
    described = view.get("/api/v1/openapi.json").json()
    assert "/api/v1/runs/{run}/candidates/{candidate}" in described["paths"]
    detail = view.get("/api/v1/runs/last").json()
    assert detail["result"]["best"]["candidate"] == searched.result["best"]["candidate"]
    known = view.get("/api/v1/runs/last/candidates").json()
    assert [one["id"] for one in known] == ["r01c00", "r01c01", "r02c00", "r02c01"]
    assert view.get("/api/v1/runs/last/candidates/r01c01").json()["failure"]["stage"] == "check"
    calls = view.get("/api/v1/runs/last/calls").json()
    assert json.loads(calls[0]["reply"])["completion_tokens"] == 50
    assert view.get("/api/v1/runs/last/costs").json()["total"]["calls"] == len(calls)
    assert view.get("/api/v1/runs/nothing").status_code == 404
    # No bound at all is not a number of JSON's.
    assert "Infinity" not in view.get("/api/v1/runs/last/candidates").text


def test_the_pages_load_nothing_that_runs_checks_or_trains() -> None:
    code = "import sys, rewardsmith.web.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = ("critic", "jail", "engine", "training", "sim", "evaluate", "render", "measure")
    barred = {*(f"rewardsmith.{name}" for name in ours), "torch", "stable_baselines3"}
    barred |= {"gymnasium", "mujoco", "openai", "litellm"}
    assert not barred & set(done.stdout.split())
