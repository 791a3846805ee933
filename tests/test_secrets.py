"""What is blotted out of all that is written: secrets by the names they go by, and passwords."""

from __future__ import annotations

import json

import pytest

from rewardsmith.llm.secrets import redactor

VALUE = "swordfish-of-the-house"


@pytest.mark.parametrize(
    "name",
    [
        *("OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MY_CREDENTIALS"),
        *("DB_PASS", "db_pass", "MYSQL_PWD", "GH_PAT", "PAT_OF_CI", "DB_PASSWD", "GPG_PASSPHRASE"),
    ],
)
def test_what_goes_by_the_name_of_a_secret_is_blotted_out(name: str) -> None:
    assert redactor({name: VALUE})(f"it is {VALUE}!") == "it is ***!"


@pytest.mark.parametrize(
    "name",
    ["PATH", "PWD", "OLDPWD", "PATTERN", "GLOB_PATTERN", "BYPASS_LIST", "COMPASS", "COMPAT_MODE"],
)
def test_what_only_looks_like_the_name_of_a_secret_is_left_alone(name: str) -> None:
    assert redactor({name: VALUE})(f"it is {VALUE}!") == f"it is {VALUE}!"


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("DATABASE_URL", "postgres://me:swordfish@db:5432/x", "postgres://***@db:5432/x"),
        ("HTTPS_PROXY", "http://me:sword%40fish@proxy:3128", "http://***@proxy:3128"),
        ("https_proxy", "http://me:sword@fish@proxy:3128", "http://***@proxy:3128"),
        ("REDIS_URL", "redis://:swordfish@cache/0", "redis://***@cache/0"),
    ],
)
def test_of_an_address_user_and_password_are_blotted_out(
    name: str, address: str, shown: str
) -> None:
    redact = redactor({name: address})
    assert redact(f"no answer from {address}, sorry") == f"no answer from {shown}, sorry"
    assert json.loads(redact(json.dumps([address, "a@b.c"]))) == [shown, "a@b.c"]
    assert redactor({})(f"<{address}>") == f"<{shown}>", "also where the environment has it not"


def test_the_password_of_an_address_is_blotted_out_by_itself() -> None:
    redact = redactor({"HTTPS_PROXY": "http://me:sword%40fish@proxy:3128"})
    assert (
        redact("sword@fish or sword%40fish at proxy:3128 by me") == "*** or *** at proxy:3128 by me"
    )


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8080/a@b",
        "http://localhost:8080?mail=a@b.c",
        "see http://localhost:8080 or write to a@b.c",
        '["http://localhost:8080","a@b.c"]',
        "ssh://git@github.com/x",
        "x = (a[:, 0] // 2) @ b  # as in state: action @ gain",
    ],
)
def test_addresses_without_a_password_and_code_are_left_alone(text: str) -> None:
    assert redactor({"NO_PROXY": "localhost,127.0.0.1"})(text) == text
