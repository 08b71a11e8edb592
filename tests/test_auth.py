"""Passwords are kept as hashes, and who does not log in by the header gets 401 with the way to do it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from costrel import App
from costrel.auth import Challenge, basic_auth, bearer_auth, check_password, hash_password


def test_passwords() -> None:
    """A hash is scrypt with a salt of its own, and only the very password fits."""
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first != second
    assert first.startswith("scrypt:32768:8:1$")
    assert check_password(first, "correct horse")
    for wrong in ("", "Correct horse", "correct hors", first):
        assert not check_password(first, wrong)
    assert not check_password("not a hash", "a")


def test_a_user_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a user a hash is computed as well, so the time does not tell which names there are."""
    asked: list[str] = []

    def record(stored: str, password: str) -> bool:
        asked.append(stored.partition("$")[0])
        return True

    monkeypatch.setattr("costrel.auth.check_password_hash", record)
    assert not check_password(None, "")
    assert asked == ["scrypt:32768:8:1"]


def make_app() -> App:
    """Returns an app that asks for each kind of credentials."""
    app = App("program", static_folder=None, root_path="/")

    def user(name: str, password: str) -> Any:
        return f"{name}!" if password == "pässword:x" else None

    app.add_url_rule("/basic", "basic", lambda: basic_auth(user, realm='The "back" office'))

    @app.get("/bearer")
    def bearer() -> str:
        return str(bearer_auth(lambda token: {"t0k/en=": "Ada"}.get(token, False)))

    return app


def basic(text: str | bytes) -> str:
    """Returns the header for ``name:password``."""
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("path", "header", "text"),
    [
        ("/basic", basic("Ada:pässword:x"), "Ada!"),
        ("/basic", basic(":pässword:x"), "!"),
        ("/basic", basic("Ada:wrong"), None),
        ("/basic", basic("Ada"), None),
        ("/basic", basic(b"Ada:\xff"), None),
        ("/basic", "Basic", None),
        ("/basic", "Basic !!!", None),
        ("/basic", "Basic \xe9", None),
        ("/basic", "Bearer t0k/en=", None),
        ("/basic", None, None),
        ("/bearer", "Bearer t0k/en=", "Ada"),
        ("/bearer", "bearer t0k/en=", "Ada"),
        ("/bearer", "Bearer wrong", None),
        ("/bearer", "Bearer ", None),
        ("/bearer", "Bearer", None),
        ("/bearer", basic("Ada:t0k/en="), None),
        ("/bearer", None, None),
    ],
)
def test_credentials(path: str, header: str | None, text: str | None) -> None:
    """The right credentials give the user; all else gets 401 and the way to log in."""
    answer = make_app().test_client().get(path, headers={} if header is None else {"Authorization": header})
    if text is not None:
        assert (answer.status_code, answer.text) == (200, text)
        return
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    if path == "/basic":
        assert challenge == 'Basic realm="The \\"back\\" office", charset="UTF-8"'
    else:
        wrong = ', error="invalid_token"' if header == "Bearer wrong" else ""
        assert challenge == f'Bearer realm="API"{wrong}'


def test_a_challenge_is_one_header() -> None:
    """Quotes and backslashes in a realm are escaped, and it is a WWWAuthenticate that programs can read."""
    challenge = Challenge("basic", {"realm": 'a "b" \\ c'})
    assert str(challenge) == 'Basic realm="a \\"b\\" \\\\ c"'
    assert challenge.realm == 'a "b" \\ c'
