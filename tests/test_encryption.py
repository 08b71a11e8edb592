"""The encrypted session cookie can be read by those who have the key, and changed by nobody."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costrel import App, session
from costrel.encryption import Encrypter
from costrel.sessions import SecureCookieSessionInterface


def make(*keys: bytes, salt: bytes = b"cookie-session") -> Encrypter:
    """Returns an encrypter with the keys, the last of which encrypts."""
    return Encrypter(keys or (b"a key",), salt, hashlib.sha1)


@given(st.text(max_size=200))
def test_texts_come_back(text: str) -> None:
    """What was encrypted is read back, and two times the same text look different."""
    first, second = make().sign(text), make().sign(text)
    assert first != second
    assert make().unsign(first, 60) == make().unsign(second, 60) == text
    assert first.replace("-", "a").replace("_", "a").isalnum()


def test_keys_rotate() -> None:
    """An older key still reads and does not write; another key or another purpose reads nothing."""
    old = make(b"old").sign("text")
    assert make(b"old", b"new").unsign(old, 60) == "text"
    assert make(b"new").unsign(make(b"old", b"new").sign("text"), 60) == "text"
    assert make(b"new").unsign(old, 60) is None
    assert make(b"old", salt=b"other").unsign(old, 60) is None


def test_no_byte_can_be_changed() -> None:
    """A cookie with any byte changed, cut or added is no session."""
    signed = make().sign("text")
    data = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert make().unsign(base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("="), 60) is None
    for wrong in ("", "a", signed[:-4], signed + "AAAA", "ä", "." + signed, "=" * 5, signed[:10]):
        assert make().unsign(wrong, 60) is None


def test_the_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is read until it is too old, and not before it was written."""
    now = [1_000_000.0]
    monkeypatch.setattr("costrel.encryption.time.time", lambda: now[0])
    signed = make().sign("text")
    found = []
    for moment in (999_999.0, 1_000_000.0, 1_000_060.0, 1_000_061.0):
        now[0] = moment
        found.append(make().unsign(signed, 60))
    assert found == [None, "text", "text", None]


def make_app(**settings: Any) -> App:
    """Returns an app that counts in an encrypted session."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(SECRET_KEY="a secret key", SESSION_ENCRYPT=True, **settings)

    @app.get("/")
    def count() -> str:
        session["secretive"] = session.get("secretive", 0) + 1
        return str(session["secretive"])

    return app


def own_interface() -> SecureCookieSessionInterface:
    """Returns an interface that does not take the short way."""

    class Own(SecureCookieSessionInterface):
        pass

    return Own()


@pytest.mark.parametrize("short", [True, False])
def test_sessions_are_encrypted(short: bool) -> None:
    """An app with the setting reads its own sessions, which show nothing of what is in them, and no signed ones."""
    app = make_app()
    if not short:
        app.session_interface = own_interface()
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert b"secretive" not in base64.urlsafe_b64decode(cookie.value + "=" * (-len(cookie.value) % 4))
    app.config["SESSION_ENCRYPT"] = False
    assert client.get("/").text == "1"
    app.config["SESSION_ENCRYPT"] = True
    assert client.get("/").text == "1"
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["a secret key"])
    assert client.get("/").text == "2"


@pytest.mark.parametrize(
    "attributes",
    [{"key_derivation": "django-concat"}, {"digest_method": hashlib.md5}, {"serializer": json}],
)
def test_what_would_not_encrypt_is_refused(attributes: dict[str, Any]) -> None:
    """An interface that signs by other means fails, rather than to send what was to be secret."""
    app = make_app(TESTING=True)
    app.session_interface = interface = own_interface()
    for name, value in attributes.items():
        setattr(interface, name, value)
    with pytest.raises(RuntimeError, match="would not encrypt"):
        app.test_client().get("/")


def test_without_the_package_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cryptography is not installed, the error says how to install it."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    app = make_app(TESTING=True, SECRET_KEY_FALLBACKS=["a key of this test only"])
    with pytest.raises(RuntimeError, match=r"pip install 'costrel\[tls\]'"):
        app.test_client().get("/")
