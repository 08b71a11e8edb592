"""Tests of costrel.masking: what counts as a secret, and that it does not show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from costrel import App
from costrel.config import Config
from costrel.masking import HIDDEN, hide, is_secret_name, mask_query, masked, secrets_in, secrets_of_request
from tests.support.frameworks import run_as_flask, run_flask


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("SECRET_KEY", True),
        ("SECRET_KEY_FALLBACKS", True),
        ("STRIPE_API_KEY", True),
        ("apikey", True),
        ("key", True),
        ("MAIL_PASSWORD", True),
        ("DB_PASSWD", True),
        ("access_token", True),
        ("JWT_TOKEN", True),
        ("AWS_CREDENTIALS", True),
        ("HTTP_AUTHORIZATION", True),
        ("HTTP_PROXY_AUTHORIZATION", True),
        ("HTTP_COOKIE", True),
        ("HTTP_X_API_KEY", True),
        ("pin", True),
        ("DEBUG", False),
        ("SESSION_COOKIE_NAME", False),
        ("SESSION_COOKIE_SECURE", False),
        ("KEYBOARD", False),
        ("MONKEY", False),
        ("spinner", False),
        ("HTTP_HOST", False),
    ],
)
def test_secret_names(name: str, secret: bool) -> None:
    """Keys, passwords, tokens, credentials and cookies are secrets; words that look like one are not."""
    assert is_secret_name(name) is secret


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"SECRET_KEY": b"k"}, {"SECRET_KEY": HIDDEN}),
        ({"SECRET_KEY": None, "TOKEN": ""}, {"SECRET_KEY": None, "TOKEN": ""}),
        ({"SECRET_KEY_FALLBACKS": ["a", b"b"]}, {"SECRET_KEY_FALLBACKS": [HIDDEN, HIDDEN]}),
        ({"TOKEN_AGE": timedelta(1), "USE_TOKEN": True}, {"TOKEN_AGE": timedelta(1), "USE_TOKEN": True}),
        ({"API_KEY": {"shop": "x", "n": 1}}, {"API_KEY": {"shop": HIDDEN, "n": 1}}),
        ({"MAIL": {"USER": "u", "PASSWORD": "p"}}, {"MAIL": {"USER": "u", "PASSWORD": HIDDEN}}),
        ({"URL": "postgresql+x://ada:p%40ss@db:5432/shop"}, {"URL": f"postgresql+x://ada:{HIDDEN}@db:5432/shop"}),
        ({"URL": "redis://:p@db/0"}, {"URL": f"redis://:{HIDDEN}@db/0"}),
        ({"URL": "https://example.com:80/@a"}, {"URL": "https://example.com:80/@a"}),
        ({"HOSTS": ["a"], "N": {1}}, {"HOSTS": ["a"], "N": {1}}),
    ],
)
def test_masked_values(value: Any, shown: Any) -> None:
    """Texts that are secrets are replaced, in mappings and lists too; numbers and the like are shown."""
    assert masked(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/", "/"),
        ("/a?page=2&sort=key", "/a?page=2&sort=key"),
        ("/a?api_key=abc", f"/a?api_key={HIDDEN}"),
        ("/a?x=1&password=p%20q&y=2", f"/a?x=1&password={HIDDEN}&y=2"),
        ("/a?access%5Ftoken=abc", f"/a?access%5Ftoken={HIDDEN}"),
        ("/a?token=", "/a?token="),
        ("/a?s=words", "/a?s=words"),
        ("/?__debugger__=yes&cmd=pinauth&pin=1-2&s=abc", f"/?__debugger__=yes&cmd=pinauth&pin={HIDDEN}&s={HIDDEN}"),
        ("POST /reset?token=abc HTTP/1.1", f"POST /reset?token={HIDDEN} HTTP/1.1"),
    ],
)
def test_mask_query(text: str, shown: str) -> None:
    """Fields of a query that are secrets keep their names and lose their values."""
    assert mask_query(text) == shown


def test_secrets_that_are_known() -> None:
    """The secrets of settings and of a request are found, with what they consist of."""
    settings = {"SECRET_KEY": b"one", "SECRET_KEY_FALLBACKS": ["two"], "DB": {"PASSWORD": "three"}, "TOKEN_AGE": 5}
    assert sorted(secrets_in({**settings, "API_KEY": {"shop": "four"}, "PLAIN": "x"})) == [
        "four",
        "one",
        "three",
        "two",
    ]
    environ = {
        "HTTP_COOKIE": 'session=abc; theme="dark"',
        "HTTP_AUTHORIZATION": "Bearer t0ken",
        "HTTP_HOST": "example.com",
        "QUERY_STRING": "reset_token=a%20b&page=2",
    }
    assert {"abc", "dark", "Bearer t0ken", "t0ken", "a%20b", "a b"} < set(secrets_of_request(environ))
    assert "example.com" not in set(secrets_of_request(environ))


def test_hide() -> None:
    """Long secrets are hidden everywhere, short ones where they are quoted, for they may be words of the text."""
    assert hide("dev: key='dev', a long-secret-1", ["dev", "long-secret", "long-secret-1"]) == (
        f"dev: key='{HIDDEN}', a {HIDDEN}"
    )
    assert hide("nothing", ["", "something else"]) == "nothing"


def test_the_settings_of_an_application() -> None:
    """``repr`` and ``str`` of the settings do not show the secret key; reading it does."""
    app = App("x", root_path="/")
    app.config.update(SECRET_KEY="hidden-by-repr", MAIL={"PASSWORD": "hidden-too"})
    for text in (repr(app.config), str(app.config), f"{app.config}"):
        assert "hidden-by-repr" not in text
        assert "hidden-too" not in text
        assert "'DEBUG': False" in text
    assert app.config["SECRET_KEY"] == app.secret_key == "hidden-by-repr"
    assert Config.hides_secrets


def test_the_settings_under_flasks_name() -> None:
    """There ``repr`` is Flask's."""
    source = "app = App('x')\napp.config.clear()\napp.config['SECRET_KEY'] = 'k'\nresult = repr(app.config)"
    assert run_as_flask(source) == run_flask(source) == "<Config {'SECRET_KEY': 'k'}>"
