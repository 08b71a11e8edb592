"""Tests of costrel.masking: what counts as a secret, and that it does not show."""

from __future__ import annotations

import html
import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from markupsafe import escape

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
        ("DB_PASS", True),
        ("DB_PWD", True),
        ("dbPass", True),
        ("dbpass", True),
        ("pass2", True),
        ("JWT", True),
        ("BEARER", True),
        ("OTP", True),
        ("SALT", True),
        ("SIGNATURE", True),
        ("sig", True),
        ("GITHUB_PAT", True),
        ("MASTERKEY", True),
        ("ENCRYPTIONKEY", True),
        ("accessKey", True),
        ("privateKey", True),
        ("SIGNING_KEY_2", True),
        ("SENTRY_DSN", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("SECRET_KEY_ID", True),
        ("ADMIN_PASSWORD_HASH", True),
        ("WERKZEUG_DEBUG_PIN", True),
        ("user[password]", True),
        ("Set-Cookie", True),
        ("X-Auth", True),
        ("HTTP_X_AUTH", True),
        ("X-Hub-Signature-256", True),
        ("X-Amz-Signature", True),
        ("PUBLIC_KEY", False),
        ("JWT_PUBLIC_KEY", False),
        ("publicKey", False),
        ("PRIMARY_KEY", False),
        ("TOKENIZER", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("MAX_TOKENS", False),
        ("max_output_tokens", False),
        ("JWT_TOKEN_LOCATION", False),
        ("JWT_ACCESS_TOKEN_EXPIRES", False),
        ("SECURITY_PASSWORD_HASH", False),
        ("SECURITY_PASSWORD_LENGTH_MIN", False),
        ("SECURITY_RESET_PASSWORD_TEMPLATE", False),
        ("DB_PASSWORD_FILE", False),
        ("SECRETARY", False),
        ("COMPASS", False),
        ("SIGNAL", False),
        ("PATH", False),
        ("AUTHOR", False),
        ("SSH_AUTH_SOCK", False),
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
        ({"DATABASES": [{"PASSWORD": "x"}]}, {"DATABASES": [{"PASSWORD": HIDDEN}]}),
        ({"BROKERS": {"redis://:pw@h"}}, {"BROKERS": [f"redis://:{HIDDEN}@h"]}),
        ({"BROKERS": ("redis://:pw@h", 1)}, {"BROKERS": (f"redis://:{HIDDEN}@h", 1)}),
        ({"URL": b"redis://:p@h"}, {"URL": b"redis://:[hidden]@h"}),
        ({"URL": "db://ada:s3/cr3t@db/shop"}, {"URL": f"db://ada:{HIDDEN}@db/shop"}),
        ({"URL": "db://ada:s3@cr3t@db"}, {"URL": f"db://ada:{HIDDEN}@db"}),
        ({"URL": "db://ada:s3?cr3t@db"}, {"URL": f"db://ada:{HIDDEN}@db"}),
        ({"URL": "db://ada:12345@db"}, {"URL": f"db://ada:{HIDDEN}@db"}),
        ({"URL": "db://:p@h/0?mail=a@b"}, {"URL": f"db://:{HIDDEN}@h/0?mail=a@b"}),
        ({"URL": "http://[::1]:80/a@b"}, {"URL": "http://[::1]:80/a@b"}),
        ({"URLS": "db://:p@h,db://:q@i"}, {"URLS": f"db://:{HIDDEN}@h,db://:{HIDDEN}@i"}),
        ({"URL": "https://api/x?token=abc&n=1"}, {"URL": f"https://api/x?token={HIDDEN}&n=1"}),
        ({"DB": "host=db password=x"}, {"DB": f"host=db password={HIDDEN}"}),
        ({"DB": "host=db password='x y' port=1"}, {"DB": f"host=db password='{HIDDEN}' port=1"}),
        ({"DB": "Server=db;Pwd=x;Encrypt=yes"}, {"DB": f"Server=db;Pwd={HIDDEN};Encrypt=yes"}),
        ({"DB": "keys = many, sort=key"}, {"DB": f"keys = {HIDDEN}, sort=key"}),
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
        ("/a?pwd=a&pass=b&auth=c&n=1", f"/a?pwd={HIDDEN}&pass={HIDDEN}&auth={HIDDEN}&n=1"),
        ("/a?jwt=a&otp=b&sig=c&code=d", f"/a?jwt={HIDDEN}&otp={HIDDEN}&sig={HIDDEN}&code={HIDDEN}"),
        ("/a?country_code=nl&author=ada", "/a?country_code=nl&author=ada"),
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


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"DATABASE_URL": "postgresql://ada:secretpw1234@db/shop"}, {"secretpw1234"}),
        ({"DATABASE_URL": b"db://ada:s3%40t@db"}, {"s3%40t", "s3@t"}),
        ({"DATABASES": [{"PASSWORD": "x", "HOST": "db"}]}, {"x"}),
        ({"BROKERS": {"redis://:pw@h"}, "OTHERS": ("redis://:pv@h",)}, {"pw", "pv"}),
        ({"DB": "host=db password='x y'"}, {"x y"}),
        ({"HOOK": "https://api/x?token=a%20b"}, {"a%20b", "a b"}),
        ({"TOKENS": {"one", "two"}}, {"one", "two"}),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/home/ada/google.json"}, set[str]()),
        ({"AWS_TOKEN": "~/.aws/token.json", "MAIL_TOKEN": "C:\\mail\\token.txt", "PWD": "/"}, set[str]()),
        ({"AWS_SECRET": "/wJalrXUtnFEMI/K7MDENG/b"}, {"/wJalrXUtnFEMI/K7MDENG/b"}),
        ({"URL": "https://example.com:80/@a", "N": 1, "NONE": None}, set[str]()),
    ],
)
def test_secrets_in_settings(settings: dict[str, Any], found: set[str]) -> None:
    """Secrets are found at any depth and in URLs and the like; paths of files are left where they stand."""
    secrets = set(secrets_in(settings))
    assert found <= secrets
    assert found or not secrets


def test_settings_that_hold_themselves() -> None:
    """A mapping or a list that is in itself has an end."""
    settings: dict[str, Any] = {"TOKEN": "a", "LIST": []}
    settings["SELF"] = settings
    settings["LIST"].append(settings["LIST"])
    assert masked(settings) == {"TOKEN": HIDDEN, "LIST": ["..."], "SELF": "..."}
    assert list(secrets_in(settings)) == ["a"]


def test_what_was_read_of_the_body() -> None:
    """Secrets in the form, the JSON and the view's arguments are found where those were read, and only there."""
    app = App("x", root_path="/")
    app.add_url_rule("/reset/<token>/<page>", "reset", lambda token, page: "", methods=["POST"])
    sent: Any
    for sent in ({"data": {"password": ["one", "two"], "name": "ada"}}, {"json": [{"password": "one", "pw": "two"}]}):
        with app.test_request_context("/reset/t0ken/7", method="POST", **sent) as context:
            assert set(secrets_of_request({}, [context])) == {"t0ken"}
            shown = {context.request.form.get("password"), context.request.get_json(silent=True) is None}
            assert set(secrets_of_request({}, [context])) == {"t0ken", "one", *(["two"] if "data" in sent else [])}
            assert shown in ({"one", True}, {None, False})


def test_many_secrets_in_one_body() -> None:
    """What a client can send does not have the text searched without end."""
    app = App("x", root_path="/")
    with app.test_request_context("/", method="POST", json={"token": [str(n) for n in range(50_000)]}) as context:
        assert context.request.get_json()
        assert len(list(secrets_of_request({}, [context]))) == 1000


@pytest.mark.parametrize(
    "piece",
    [
        "?",
        "?a",
        "://",
        "://a:",
        "://a:b@",
        "a.",
        "a-",
        "token=",
        "'",
        " x='",
        'token="',
        "= ",
        "_MAX_",
        "KEY1",
        "SECRET",
    ],
)
def test_the_time_is_linear(piece: str) -> None:
    """A text made to have an expression try everything takes no longer than others of its length."""
    text = piece * (200_000 // len(piece))
    begun = time.process_time()
    assert isinstance(masked({"A": text}), dict)
    assert isinstance(mask_query(text), str)
    assert isinstance(is_secret_name(text), bool)
    assert len(list(secrets_in({"A": text}))) < len(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("secret", ['it\'s "quoted"', "back\\slash", "<tag>&more", "f\u00fcnf und 5", "a b+c/d=e@f"])
@pytest.mark.parametrize("write", [str, repr, ascii, quote, quote_plus, json.dumps])
def test_ways_of_writing_a_secret(secret: str, write: Any) -> None:
    """A secret is hidden in a ``repr``, in HTML, in a URL and in JSON too."""
    written = write(secret)
    for text in (written, str(escape(written)), html.escape(written)):
        assert HIDDEN in hide(f"with {text} in it", [secret])
        assert text not in hide(f"with {text} in it", [secret])


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
