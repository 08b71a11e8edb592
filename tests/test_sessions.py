"""Sessions: what they remember of their use, the cookie they travel in, and the settings of that cookie."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import hypothesis
import hypothesis.strategies as st
import pytest
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from werkzeug.http import dump_cookie
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response as WerkzeugResponse

from costrel import App, request, session, sessions
from costrel.config import Config
from costrel.request import Request
from costrel.response import Response
from costrel.security import CookieTooLarge
from costrel.serialize import DefaultJSONProvider
from costrel.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
)
from costrel.tags import JSONTag, TaggedJSONSerializer
from tests.support.environ import call, make_environ
from tests.support.frameworks import run_costrel, run_flask

KEY = "a secret key for tests"
DEFAULTS = {
    "APPLICATION_ROOT": "/",
    "SECRET_KEY_FALLBACKS": None,
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_NAME": "session",
    "SESSION_COOKIE_PARTITIONED": False,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": None,
    "SESSION_REFRESH_EACH_REQUEST": True,
}


class FakeApp:
    """The part of an app that sessions use."""

    response_class = Response

    def __init__(self, secret_key: Any = KEY, **settings: Any) -> None:
        self.debug = False
        self.secret_key = secret_key
        self.permanent_session_lifetime = timedelta(days=31)
        self.config = Config("", {**DEFAULTS, **settings})
        self.json = DefaultJSONProvider(self)


class Slow(SecureCookieSessionInterface):
    """An interface that signs by itsdangerous and takes no short way."""

    def get_signing_serializer(self, app: Any) -> URLSafeTimedSerializer | None:
        """Does what the base class does."""
        return super().get_signing_serializer(app)


INTERFACES = {"quick": SecureCookieSessionInterface(), "slow": Slow()}


def make_request(cookie: str | None = None, scheme: str = "http", name: str = "session") -> Request:
    """Returns a request that brings a session cookie."""
    headers = [] if cookie is None else [("Cookie", f"{name}={cookie}")]
    return Request(EnvironBuilder(base_url=f"{scheme}://localhost/", headers=headers).get_environ())


def open_session(interface: SecureCookieSessionInterface, app: FakeApp, cookie: str | None = None) -> Any:
    """Returns the session of a request with a cookie."""
    return interface.open_session(app, make_request(cookie))


def save(interface: SecureCookieSessionInterface, app: FakeApp, session: SessionMixin) -> Response:
    """Returns a response after the session has been saved to it."""
    response = Response("body")
    interface.save_session(app, session, response)
    return response


def cookie_of(response: WerkzeugResponse) -> str:
    """Returns the value of the only cookie of a response."""
    [header] = response.headers.getlist("Set-Cookie")
    return header.partition(";")[0].partition("=")[2]


def changed(**items: Any) -> SecureCookieSession:
    """Returns a session into which a view has put items."""
    session = SecureCookieSession()
    session.update(items)
    session.accessed = True
    return session


@pytest.fixture(params=INTERFACES)
def interface(request: pytest.FixtureRequest) -> SecureCookieSessionInterface:
    """An interface with the short ways, and one without."""
    return INTERFACES[request.param]


# The session object.

CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda session: session.__setitem__("a", 2),
    "delete": lambda session: session.__delitem__("a"),
    "update": lambda session: session.update(b=1),
    "|=": lambda session: session.__ior__({"b": 1}),
    "setdefault": lambda session: session.setdefault("b", 1),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: session.popitem(),
    "clear": lambda session: session.clear(),
    "permanent": lambda session: setattr(session, "permanent", True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_modified(name: str) -> None:
    """Each way to change an item marks the session as modified."""
    session = SecureCookieSession({"a": 1})
    assert (session.modified, session.accessed, session.new) == (False, False, False)
    CHANGES[name](session)
    assert session.modified is True
    assert SecureCookieSession.modified is False


def test_not_modified() -> None:
    """Reading, a change inside a value, and a change that changes nothing do not; the mark can be set by hand."""
    session = SecureCookieSession({"a": [1]})
    assert (session["a"], session.get("b"), "a" in session, len(session), list(session)) == ([1], None, True, 1, ["a"])
    session["a"].append(2)
    session.setdefault("a", 3)
    session.pop("b", None)
    assert session.modified is False
    session.modified = True
    assert session == {"a": [1, 2]}


def test_permanent() -> None:
    """The mark of a permanent session is one of its items, a boolean."""
    session = SecureCookieSession()
    assert session.permanent is False
    setattr(session, "permanent", "yes")
    assert session == {"_permanent": True}
    assert session.permanent is True


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda session: pickle.loads(pickle.dumps(session))])
def test_copies_of_a_session(copied: Callable[[Any], Any]) -> None:
    """A session can be copied and pickled, and the copy notices its own changes."""
    session = SecureCookieSession({"a": 1})
    other = copied(session)
    other["a"] = 2
    assert (session, session.modified) == ({"a": 1}, False)
    assert (type(other), other, other.modified) == (SecureCookieSession, {"a": 2}, True)


def test_repr() -> None:
    """A session shows its class and content."""
    assert repr(SecureCookieSession({"a": 1})) == "<SecureCookieSession {'a': 1}>"


@pytest.mark.parametrize("name", CHANGES)
def test_null_session(name: str) -> None:
    """Writing without a secret key is an error that says how to set one."""
    session = NullSession()
    with pytest.raises(
        RuntimeError, match=r"session is unavailable because no secret key was set.*secret_key.*token_hex"
    ):
        CHANGES[name](session)
    assert (dict(session), session.get("a"), session.permanent, "a" in session) == ({}, None, False, False)


def test_a_session_of_ones_own() -> None:
    """A dict with the mixin is a session, which is taken for modified, as nobody can tell."""

    class Session(dict[str, Any], SessionMixin):
        pass

    session = Session()
    session.permanent = True
    assert (session, session.modified, session.accessed, session.new) == ({"_permanent": True}, True, False, False)


# The interface.


def test_the_base_interface() -> None:
    """Opening and saving are to be written; the null session has a class of its own."""
    interface = SessionInterface()
    app = FakeApp()
    with pytest.raises(NotImplementedError):
        interface.open_session(app, make_request())
    with pytest.raises(NotImplementedError):
        interface.save_session(app, NullSession(), Response())
    assert interface.is_null_session(interface.make_null_session(app))
    assert not interface.is_null_session(SecureCookieSession())
    assert interface.pickle_based is False


@pytest.mark.parametrize(
    ("method", "setting", "value"),
    [
        ("get_cookie_name", "SESSION_COOKIE_NAME", "sid"),
        ("get_cookie_domain", "SESSION_COOKIE_DOMAIN", "example.org"),
        ("get_cookie_path", "SESSION_COOKIE_PATH", "/shop"),
        ("get_cookie_path", "APPLICATION_ROOT", "/root"),
        ("get_cookie_httponly", "SESSION_COOKIE_HTTPONLY", False),
        ("get_cookie_secure", "SESSION_COOKIE_SECURE", True),
        ("get_cookie_samesite", "SESSION_COOKIE_SAMESITE", "Strict"),
        ("get_cookie_partitioned", "SESSION_COOKIE_PARTITIONED", True),
    ],
)
def test_settings(method: str, setting: str, value: Any) -> None:
    """Each method tells its setting."""
    assert getattr(SessionInterface(), method)(FakeApp(**{setting: value})) == value


@pytest.mark.parametrize(
    ("modified", "permanent", "refresh", "expected"),
    [
        (True, False, False, True),
        (False, True, True, True),
        (False, True, False, False),
        (False, False, True, False),
    ],
)
def test_should_set_cookie(modified: bool, permanent: bool, refresh: bool, expected: bool) -> None:
    """The cookie is set for a change, and for a permanent session with each request unless that is turned off."""
    session = SecureCookieSession({"_permanent": permanent})
    session.modified = modified
    app = FakeApp(SESSION_REFRESH_EACH_REQUEST=refresh)
    assert SessionInterface().should_set_cookie(app, session) is expected


def test_expiration_time() -> None:
    """A permanent session ends after the app's lifetime; another has no end of its own."""
    app = FakeApp()
    assert SessionInterface().get_expiration_time(app, SecureCookieSession()) is None
    ends = SessionInterface().get_expiration_time(app, SecureCookieSession({"_permanent": True}))
    assert ends is not None
    assert abs(ends - datetime.now(timezone.utc) - timedelta(days=31)) < timedelta(minutes=1)


# From one request to the next.


VALUES = {
    "text": 'é\0"\\;,',
    "number": -1.5,
    "none": None,
    "tuple": (1, (2,)),
    "bytes": b"\xff",
    "list": [{"a": ()}],
    "long": "abc" * 500,
    "moment": datetime(2024, 2, 29, tzinfo=timezone.utc),
}


def test_round_trip(interface: SecureCookieSessionInterface) -> None:
    """What a view puts into the session is there at the next request."""
    app = FakeApp()
    response = save(interface, app, changed(**VALUES))
    session = open_session(interface, app, cookie_of(response))
    assert session == VALUES
    assert (type(session), session.modified, session.accessed) == (SecureCookieSession, False, False)


def test_the_ways_read_each_other() -> None:
    """A cookie of the short way is read by the long one, and the reverse."""
    app = FakeApp()
    for writer, reader in (("quick", "slow"), ("slow", "quick")):
        cookie = cookie_of(save(INTERFACES[writer], app, changed(**VALUES)))
        assert open_session(INTERFACES[reader], app, cookie) == VALUES


@pytest.mark.parametrize(
    "cookie",
    [None, "", "x", "e30.ZZZZZZ.AAAA", "a.b.c.d", ".", "\ud800", "é", "e30" * 1000],
)
def test_cookies_that_cannot_be_trusted(
    interface: SecureCookieSessionInterface, cookie: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a cookie, or with one that was not signed here, the session is empty and writable, and nothing logged."""
    request = make_request()
    setattr(request, "cookies", {} if cookie is None else {"session": cookie})
    session = interface.open_session(FakeApp(), request)
    assert session == {}
    assert session is not None
    session["a"] = 1
    assert session.modified
    assert caplog.records == []


def test_tampered_cookie(interface: SecureCookieSessionInterface) -> None:
    """A cookie with a changed payload is worth nothing."""
    app = FakeApp()
    cookie = cookie_of(save(interface, app, changed(user=1)))
    other = cookie_of(save(interface, app, changed(user=2)))
    assert open_session(interface, app, other.partition(".")[0] + cookie[cookie.index(".") :]) == {}
    assert open_session(interface, app, cookie) == {"user": 1}


def test_expired_cookie(interface: SecureCookieSessionInterface, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session ends with its lifetime, whatever the browser thinks."""
    app = FakeApp()
    app.permanent_session_lifetime = timedelta(seconds=60)
    cookie = cookie_of(save(interface, app, changed(a=1)))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 59)
    assert open_session(interface, app, cookie) == {"a": 1}
    monkeypatch.setattr(time, "time", lambda: now + 62)
    assert open_session(interface, app, cookie) == {}


@pytest.mark.parametrize("content", ["[1, 2]", "5", "true", '"text"', "{broken", '{" u":"no uuid"}', '{" b":5}'])
def test_signed_but_no_session(
    interface: SecureCookieSessionInterface, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A cookie that another program signed with the same key gives an empty session, which is logged."""

    class Raw:
        @staticmethod
        def dumps(value: Any) -> str:
            return content

    app = FakeApp()
    signer = URLSafeTimedSerializer(
        KEY,
        salt="cookie-session",
        serializer=Raw,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    assert open_session(interface, app, signer.dumps(None)) == {}
    [record] = caplog.records
    assert (record.levelname, record.exc_info is not None) == ("WARNING", True)
    assert "another program signed it with the same key" in record.message


# Keys.


@pytest.mark.parametrize("key", [None, "", b""])
def test_without_a_key(interface: SecureCookieSessionInterface, key: Any) -> None:
    """Without a secret key, or with an empty one, there is no session, and none can be saved."""
    app = FakeApp(key)
    assert open_session(interface, app) is None
    assert interface.get_signing_serializer(app) is None
    with pytest.raises(RuntimeError, match=r"cannot be saved without a secret key.*app\.secret_key"):
        save(interface, app, changed(a=1))


@pytest.mark.parametrize("key", [5, ["key"], object(), {"a": "b"}])
def test_key_of_another_type(interface: SecureCookieSessionInterface, key: Any) -> None:
    """A key that is neither text nor bytes is an error that says what it must be and how to make one."""
    app = FakeApp(key)
    with pytest.raises(TypeError, match=rf"SECRET_KEY must hold str or bytes, not {type(key).__name__}.*token_hex"):
        open_session(interface, app)


@pytest.mark.parametrize("fallbacks", ["old key", b"old key"])
def test_one_fallback_without_a_list(interface: SecureCookieSessionInterface, fallbacks: Any) -> None:
    """A text in place of the list of older keys is refused: each of its letters would be a key."""
    with pytest.raises(TypeError, match=r"SECRET_KEY_FALLBACKS must be a list.*\[key\]"):
        open_session(interface, FakeApp(SECRET_KEY_FALLBACKS=fallbacks))


def test_empty_fallback(interface: SecureCookieSessionInterface) -> None:
    """An empty older key is refused: everybody knows it."""
    with pytest.raises(ValueError, match=r"A key in SECRET_KEY_FALLBACKS has 0 bytes.*token_hex"):
        open_session(interface, FakeApp(SECRET_KEY_FALLBACKS=["old", ""]))
    with pytest.raises(TypeError, match=r"SECRET_KEY_FALLBACKS must hold str or bytes, not NoneType"):
        open_session(interface, FakeApp(SECRET_KEY_FALLBACKS=[None]))


def test_shortest_key() -> None:
    """An interface may ask for longer keys; the length counts in bytes."""

    class Strict(SecureCookieSessionInterface):
        shortest_secret_key = 16

    with pytest.raises(ValueError, match=r"SECRET_KEY has 15 bytes, fewer than 16.*whoever guesses it"):
        open_session(Strict(), FakeApp("k" * 15))
    assert open_session(Strict(), FakeApp("é" * 8)) == {}


@pytest.mark.parametrize("fallbacks", [["old"], ("older", "old"), [b"old", "older"], {"old"}])
def test_fallbacks(interface: SecureCookieSessionInterface, fallbacks: Any) -> None:
    """A cookie that was signed with an older key is read, and signed with the current one from then on."""
    old, app = FakeApp("old"), FakeApp(SECRET_KEY_FALLBACKS=fallbacks)
    session = open_session(interface, app, cookie_of(save(interface, old, changed(a=1))))
    assert session == {"a": 1}
    session["a"] = 2
    cookie = cookie_of(save(interface, app, session))
    assert open_session(interface, FakeApp(), cookie) == {"a": 2}
    assert open_session(interface, old, cookie) == {}


def test_changed_key(interface: SecureCookieSessionInterface) -> None:
    """A key that is changed while the app runs counts at once, and so do changed fallbacks."""
    app = FakeApp("first")
    cookie = cookie_of(save(interface, app, changed(a=1)))
    app.secret_key = "second"
    assert open_session(interface, app, cookie) == {}
    app.config["SECRET_KEY_FALLBACKS"] = keys = ["first"]
    assert open_session(interface, app, cookie) == {"a": 1}
    keys.clear()
    assert open_session(interface, app, cookie) == {}


def test_bytes_and_text_keys_are_the_same(interface: SecureCookieSessionInterface) -> None:
    """A key as text equals the same key as bytes in UTF-8."""
    cookie = cookie_of(save(interface, FakeApp("schlüssel"), changed(a=1)))
    assert open_session(interface, FakeApp("schlüssel".encode()), cookie) == {"a": 1}


def test_many_keys() -> None:
    """A program that makes apps without end does not keep a signer for each."""
    interface = SecureCookieSessionInterface()
    for number in range(200):
        open_session(interface, FakeApp(f"key {number}"))
    assert len(sessions._signers) <= 64


# Unusual interfaces.


class Upper:
    """A serializer that is not ours."""

    @staticmethod
    def dumps(value: Any) -> str:
        """Returns JSON in upper case."""
        return json.dumps(value).upper()

    loads = staticmethod(json.loads)


class BytesSerializer:
    """A serializer that writes bytes."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        """Returns JSON as bytes."""
        return json.dumps(value).encode()

    loads = staticmethod(json.loads)


class OwnTags(TaggedJSONSerializer):
    """A serializer of ours that writes something more."""

    def dumps(self, value: Any) -> str:
        """Adds an item."""
        return super().dumps({**value, "more": 1})


UNUSUAL: dict[str, dict[str, Any]] = {
    "salt": {"salt": "pepper"},
    "bytes salt": {"salt": b"\xff"},
    "sha256": {"digest_method": staticmethod(hashlib.sha256)},
    "sha512": {"digest_method": staticmethod(hashlib.sha512)},
    "blake2b": {"digest_method": staticmethod(hashlib.blake2b)},
    "concat": {"key_derivation": "concat"},
    "django-concat": {"key_derivation": "django-concat"},
    "none": {"key_derivation": "none"},
    "own serializer": {"serializer": Upper},
    "bytes serializer": {"serializer": BytesSerializer},
    "own tags": {"serializer": OwnTags()},
    "own class": {"session_class": type("OwnSession", (SecureCookieSession,), {})},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_settings(name: str) -> None:
    """With any salt, digest, derivation, serializer or class, itsdangerous reads and writes the same cookies."""
    app = FakeApp(SECRET_KEY_FALLBACKS=["old"])
    quick = type("Quick", (SecureCookieSessionInterface,), UNUSUAL[name])()
    slow = type("SlowToo", (Slow,), UNUSUAL[name])()
    for writer, reader in ((quick, slow), (slow, quick)):
        session = open_session(reader, app, cookie_of(save(writer, app, changed(A=1))))
        assert {**session, "more": 1} == {"A": 1, "more": 1}
        assert type(session) is reader.session_class


def test_unusual_settings_are_apart() -> None:
    """Interfaces with different settings do not read each other's cookies."""
    app = FakeApp()
    plain = SecureCookieSessionInterface()
    cookie = cookie_of(save(plain, app, changed(A=1)))
    for name in ("salt", "sha256", "concat", "none"):
        assert open_session(type("Other", (SecureCookieSessionInterface,), UNUSUAL[name])(), app, cookie) == {}
    assert open_session(plain, app, cookie) == {"A": 1}


def test_patched_signing_serializer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``get_signing_serializer`` that was replaced on the instance or on the class is used."""
    app = FakeApp()
    other = URLSafeTimedSerializer("another key")
    cookie = other.dumps({"a": 1})
    instance = SecureCookieSessionInterface()
    setattr(instance, "get_signing_serializer", lambda app: other)
    assert open_session(instance, app, cookie) == {"a": 1}
    assert other.loads(cookie_of(save(instance, app, changed(b=2)))) == {"b": 2}
    setattr(instance, "get_signing_serializer", lambda app: None)
    assert open_session(instance, app, cookie) is None
    shared = Slow()
    monkeypatch.setattr(Slow, "get_signing_serializer", lambda self, app: other)
    assert open_session(shared, app, cookie) == {"a": 1}


def test_tags_of_ones_own() -> None:
    """A tag that is registered with the interface's serializer is used in cookies."""

    class TagComplex(JSONTag):
        __slots__ = ()
        key = " c"

        def check(self, value: Any) -> bool:
            return isinstance(value, complex)

        def to_json(self, value: Any) -> Any:
            return [value.real, value.imag]

        def to_python(self, value: Any) -> Any:
            return complex(*value)

    class Interface(SecureCookieSessionInterface):
        serializer = TaggedJSONSerializer()

    Interface.serializer.register(TagComplex)
    app = FakeApp()
    cookie = cookie_of(save(Interface(), app, changed(z=1 + 2j)))
    assert open_session(Interface(), app, cookie) == {"z": 1 + 2j}
    assert open_session(SecureCookieSessionInterface(), app, cookie) == {"z": {" c": [1.0, 2.0]}}


def test_json_of_the_app() -> None:
    """Cookies are written with the settings of the app's JSON provider."""
    app = FakeApp()
    app.json.default = lambda value: "anything"
    cookie = cookie_of(save(SecureCookieSessionInterface(), app, changed(x={1})))
    assert open_session(SecureCookieSessionInterface(), app, cookie) == {"x": "anything"}


def test_values_that_cannot_be_saved(interface: SecureCookieSessionInterface) -> None:
    """A value that JSON does not have is an error that names its place in the session."""
    with pytest.raises(TypeError, match=r"session\['bad'\] is a set\. Object of type set is not JSON serializable"):
        save(interface, FakeApp(), changed(good=1, bad={1}))
    with pytest.raises(TypeError, match=r"The session cannot be saved: .*not supported between"):
        session = changed()
        session.update(cast("Any", {1: 2, "a": 3}))
        save(SecureCookieSessionInterface(), FakeApp(), session)


# The response.


def test_vary(interface: SecureCookieSessionInterface) -> None:
    """A response varies by cookie where the session was looked at, changed or emptied, and else does not."""
    app = FakeApp()
    untouched = SecureCookieSession({"a": 1})
    read = SecureCookieSession({"a": 1})
    read.accessed = True
    empty = SecureCookieSession()
    empty.accessed = True
    written = SecureCookieSession()
    written["a"] = 1
    emptied = SecureCookieSession({"a": 1})
    emptied.clear()
    permanent = SecureCookieSession({"_permanent": True})
    found = {
        name: (save(interface, app, session).headers.get("Vary"), "Set-Cookie" in save(interface, app, session).headers)
        for name, session in {
            "untouched": untouched,
            "read": read,
            "empty": empty,
            "written": written,
            "emptied": emptied,
            "permanent": permanent,
        }.items()
    }
    assert found == {
        "untouched": (None, False),
        "read": ("Cookie", False),
        "empty": ("Cookie", False),
        "written": ("Cookie", True),
        "emptied": ("Cookie", True),
        "permanent": ("Cookie", True),
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "Cookie"),
        ("Accept", "Accept, Cookie"),
        ("cookie", "cookie"),
        ("Accept, COOKIE", "Accept, COOKIE"),
        ("*", "*, Cookie"),
    ],
)
def test_vary_with_others(interface: SecureCookieSessionInterface, before: str | None, after: str) -> None:
    """The cookie is added to what the response varies by already, once."""
    response = Response()
    if before is not None:
        response.headers["vary"] = before
    interface.save_session(FakeApp(), changed(a=1), response)
    assert response.headers.getlist("Vary") == [after]


def test_deletion(interface: SecureCookieSessionInterface) -> None:
    """A session that was emptied deletes the cookie, with the attributes it was set with."""
    app = FakeApp(SESSION_COOKIE_PATH="/shop", SESSION_COOKIE_DOMAIN="example.org", SESSION_COOKIE_SECURE=True)
    session = SecureCookieSession({"a": 1})
    session.clear()
    [header] = save(interface, app, session).headers.getlist("Set-Cookie")
    assert header == (
        "session=; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; HttpOnly; Path=/shop;"
        " SameSite=Lax"
    )


names = st.sampled_from(["session", "__Host-session", "sid", "a.b"])
settings = st.fixed_dictionaries(
    {
        "SESSION_COOKIE_NAME": names,
        "SESSION_COOKIE_DOMAIN": st.sampled_from(
            [None, "", "example.org", ".example.org", "localhost:5000", "é.example"]
        ),
        "SESSION_COOKIE_PATH": st.sampled_from([None, "/", "/a b", "/é;x", "/%20", "/; Expires=x"]),
        "SESSION_COOKIE_HTTPONLY": st.booleans(),
        "SESSION_COOKIE_SECURE": st.none() | st.booleans(),
        "SESSION_COOKIE_SAMESITE": st.sampled_from([None, "Lax", "strict", "NONE"]),
        "SESSION_COOKIE_PARTITIONED": st.booleans(),
        "APPLICATION_ROOT": st.sampled_from(["/", "/root"]),
    }
)


@hypothesis.given(settings, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_cookie_attributes(
    settings: dict[str, Any], permanent: bool, over_tls: bool, debug: bool, varies: bool
) -> None:
    """The header of the cookie is what werkzeug's ``dump_cookie`` makes of the settings."""
    app = FakeApp(**settings)
    app.debug = debug
    interface = SecureCookieSessionInterface()
    session = interface.open_session(app, make_request(scheme="https" if over_tls else "http"))
    assert session is not None
    session["a"] = 1
    session.accessed = varies
    if permanent:
        session.permanent = True
    response = save(interface, app, session)
    header = response.headers["Set-Cookie"]
    expires = header.partition("; Expires=")[2].partition(";")[0] or None
    secure = settings["SESSION_COOKIE_SECURE"]
    assert header == dump_cookie(
        settings["SESSION_COOKIE_NAME"],
        cookie_of(response),
        expires=expires,
        domain=settings["SESSION_COOKIE_DOMAIN"],
        path=settings["SESSION_COOKIE_PATH"] or settings["APPLICATION_ROOT"],
        httponly=settings["SESSION_COOKIE_HTTPONLY"],
        secure=over_tls and not debug if secure is None else secure,
        samesite=settings["SESSION_COOKIE_SAMESITE"],
        partitioned=settings["SESSION_COOKIE_PARTITIONED"],
    )
    assert (expires is not None) is permanent
    if expires is not None:
        ends = datetime.strptime(expires, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
        assert abs(ends - datetime.now(timezone.utc) - app.permanent_session_lifetime) < timedelta(minutes=1)
    order = [name for name, _ in response.headers if name in ("Vary", "Set-Cookie")]
    assert order == (["Vary", "Set-Cookie"] if varies else ["Set-Cookie", "Vary"])


@pytest.mark.parametrize("setting", ["SESSION_COOKIE_NAME", "SESSION_COOKIE_DOMAIN"])
def test_settings_that_would_break_the_header(interface: SecureCookieSessionInterface, setting: str) -> None:
    """A name or a domain with a line break is refused, each time."""
    app = FakeApp(**{setting: "a\r\nSet-Cookie: b=c"})
    for _ in range(2):
        with pytest.raises(ValueError, match=r"(?i)name|domain"):
            save(interface, app, changed(a=1))


def test_wrong_samesite(interface: SecureCookieSessionInterface) -> None:
    """A value for SameSite that no browser knows is refused."""
    with pytest.raises(ValueError, match="SameSite must be"):
        save(interface, FakeApp(SESSION_COOKIE_SAMESITE="maybe"), changed(a=1))


def test_expiry_dates_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps with different lifetimes get different dates, and so does one app at different times."""
    interface = SecureCookieSessionInterface()
    dates = []
    for days in (1, 2, 1):
        app = FakeApp()
        app.permanent_session_lifetime = timedelta(days=days)
        header = save(interface, app, changed(_permanent=True)).headers["Set-Cookie"]
        dates.append(header.partition("Expires=")[2].partition(":")[0])
    assert dates[0] == dates[2] != dates[1]

    class Fixed(SecureCookieSessionInterface):
        def get_expiration_time(self, app: Any, session: SessionMixin) -> datetime | None:
            return datetime(2030, 1, 1, 12)

    header = save(Fixed(), FakeApp(), changed(a=1)).headers["Set-Cookie"]
    assert "Expires=Tue, 01 Jan 2030 12:00:00 GMT" in header


def test_large_cookie(interface: SecureCookieSessionInterface) -> None:
    """A cookie that browsers may refuse is set with a warning, or without one if the limit is turned off."""
    noise = "".join(hashlib.sha512(str(number).encode()).hexdigest() for number in range(60))
    response = Response()
    with pytest.warns(UserWarning, match="'session' cookie is too large"):
        interface.save_session(FakeApp(), changed(a=noise), response)
    assert len(cookie_of(response)) > 4093
    unlimited = Response()
    setattr(unlimited, "max_cookie_size", 0)
    interface.save_session(FakeApp(), changed(a=noise), unlimited)
    assert len(cookie_of(unlimited)) > 4093


def test_replaced_parts_of_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response whose ``set_cookie`` or ``vary`` was replaced is asked through them."""
    calls: list[str] = []

    class Own(Response):
        def set_cookie(self, key: str, *args: Any, **kwargs: Any) -> None:
            calls.append(f"class {key}")

    interface, app = SecureCookieSessionInterface(), FakeApp()
    interface.save_session(app, changed(a=1), Own())
    response = Response()
    setattr(response, "set_cookie", lambda key, *args, **kwargs: calls.append(f"instance {key}"))
    interface.save_session(app, changed(a=1), response)
    with monkeypatch.context() as patch:
        patch.setattr(Response, "set_cookie", lambda self, key, *args, **kwargs: calls.append(f"patched {key}"))
        interface.save_session(app, changed(a=1), Response())
        patch.setattr(Response, "vary", property(lambda self: calls))
        with pytest.raises(AttributeError, match="'add'"):
            interface.save_session(app, changed(a=1), Response())
    assert calls == ["class session", "instance session", "patched session"]


def test_a_response_of_werkzeug(interface: SecureCookieSessionInterface) -> None:
    """Sessions can be saved to werkzeug's own response too."""
    response = WerkzeugResponse()
    interface.save_session(FakeApp(), changed(a=1), cast("Response", response))
    assert open_session(interface, FakeApp(), cookie_of(response)) == {"a": 1}


# TLS.


@pytest.mark.parametrize(
    ("setting", "scheme", "debug", "secure"),
    [
        (None, "https", False, True),
        (None, "http", False, False),
        (None, "https", True, False),
        (True, "http", True, True),
        (False, "https", False, False),
    ],
)
def test_secure(
    interface: SecureCookieSessionInterface, setting: bool | None, scheme: str, debug: bool, secure: bool
) -> None:
    """By default the cookie is bound to TLS where the request came over TLS, outside debug mode; a setting is fixed."""
    app = FakeApp(SESSION_COOKIE_SECURE=setting)
    app.debug = debug
    session = interface.open_session(app, make_request(scheme=scheme))
    assert session is not None
    session["a"] = 1
    for _ in range(2):
        assert ("; Secure" in save(interface, app, session).headers["Set-Cookie"]) is secure
        session.clear()


def test_secure_of_a_subclass() -> None:
    """A subclass that decides itself has the last word."""

    class Never(SecureCookieSessionInterface):
        def get_cookie_secure(self, app: Any) -> bool:
            return False

    session = Never().open_session(FakeApp(), make_request(scheme="https"))
    assert session is not None
    session["a"] = 1
    assert "Secure" not in save(Never(), FakeApp(), session).headers["Set-Cookie"]


# Flask.

PROGRAM = """
from datetime import datetime, timezone
from uuid import UUID
from markupsafe import Markup
app = App("x")
app.secret_key = "shared key"
app.config["SECRET_KEY_FALLBACKS"] = ["older key"]
values = dict(
    text="é\\0", number=1.5, none=None, tuple=(1, (b"x",)), uuid=UUID(int=5), markup=Markup("<b>"),
    moment=datetime(2024, 2, 29, tzinfo=timezone.utc), tagged={" t": 1}, long="abc" * 500, b=1, a=2,
)

@app.route("/write")
def write():
    framework.session.update(values)
    framework.session.permanent = True
    return ""

@app.route("/read")
def read():
    return {"items": sorted((key, repr(value)) for key, value in framework.session.items())}
"""
WRITE = PROGRAM + 'result = app.test_client().get("/write").headers["Set-Cookie"].partition(";")[0]'


def test_cookies_of_flask() -> None:
    """The real Flask reads our cookies and we read its, with the same content."""
    ours, theirs = run_costrel(WRITE), run_flask(WRITE)
    read = [run(_reading(cookie)) for run in (run_flask, run_costrel) for cookie in (ours, theirs)]
    assert len(read[0]) == 12
    assert read == [read[0]] * 4


def _reading(cookie: str) -> str:
    """Returns the program that reads the session in a cookie."""
    return (
        PROGRAM
        + f'result = app.test_client(use_cookies=False).get("/read", headers={{"Cookie": {cookie!r}}}).json["items"]'
    )


def test_payload_of_flask() -> None:
    """The text inside the cookie is the same as Flask's, to the order of its keys."""
    source = PROGRAM + (
        'cookie = app.test_client().get("/write").headers["Set-Cookie"].partition(";")[0][8:]\n'
        "from itsdangerous.encoding import base64_decode\nimport zlib\n"
        'result = zlib.decompress(base64_decode(cookie[1:].partition(".")[0])).decode()'
    )
    assert run_flask(source) == run_costrel(source) != ""


def test_regenerate_and_destroy() -> None:
    """Logging in sends the cookie anew with what is in it; logging out deletes it, and then a new one begins."""
    app = App("program", static_folder=None, root_path="/")
    app.secret_key = "key"

    @app.post("/in")
    def log_in() -> str:
        session.regenerate()
        return str(session.regenerated)

    @app.post("/out")
    def log_out() -> str:
        session.destroy()
        if request.args:
            session["message"] = "good-bye"
        return str(dict(session))

    client = app.test_client()
    with client.session_transaction() as changed:
        changed["basket"] = 1
        changed.permanent = True
    answer = client.post("/in")
    assert (answer.text, answer.headers["Set-Cookie"].startswith("session=ey")) == ("True", True)
    assert client.post("/out?message").text == "{'message': 'good-bye'}"
    assert "Expires" not in client.post("/in").headers["Set-Cookie"]
    assert client.post("/out").headers["Set-Cookie"].startswith("session=; Expires=Thu, 01 Jan 1970")
    assert client.get_cookie("session") is None
    # Also a cookie that cannot be read is deleted.
    client.set_cookie("session", "broken")
    client.post("/out")
    assert client.get_cookie("session") is None


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "session"),
        ({"SESSION_COOKIE_SECURE": True}, "__Host-session"),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_NAME": "shop"}, "__Host-shop"),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_NAME": "__Secure-shop"}, "__Secure-shop"),
        ({"SESSION_COOKIE_SECURE": True, "DEBUG": True}, "session"),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_DOMAIN": "example.org"}, "session"),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PATH": "/shop"}, "session"),
        ({"SESSION_COOKIE_SECURE": True, "APPLICATION_ROOT": "/shop"}, "session"),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_HOST_PREFIX": False}, "session"),
        ({"SESSION_COOKIE_SECURE": False}, "session"),
    ],
)
@pytest.mark.parametrize("short", [True, False])
def test_the_prefix_of_the_cookie(settings: dict[str, Any], name: str, short: bool) -> None:
    """Where the cookie is certain to be Secure and of this host, its name says so, and only that name is read."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(settings, SECRET_KEY="key")
    if not short:
        app.session_interface = type("Own", (SecureCookieSessionInterface,), {})()

    @app.get("/shop/")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    def visit(cookie: str) -> tuple[str, str]:
        reply = call(app, make_environ("/shop/", headers={"Cookie": cookie}))
        return reply.read().decode(), (reply.header("Set-Cookie") or "").partition(";")[0]

    first, cookie = visit("")
    assert (first, cookie.partition("=")[0]) == ("1", name)
    assert visit(cookie)[0] == "2"
    if name.startswith("__Host-"):
        assert visit(cookie.removeprefix("__Host-"))[0] == "1"


@pytest.mark.parametrize("short", [True, False])
def test_too_large_sessions_are_refused(short: bool) -> None:
    """A session that no browser would keep is an error that names its largest item."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(SECRET_KEY="key", TESTING=True)
    if not short:
        app.session_interface = type("Own", (SecureCookieSessionInterface,), {})()

    @app.get("/")
    def fill() -> str:
        session.update(small="a", large=[hashlib.sha256(bytes([number])).hexdigest() for number in range(200)])
        return "full"

    with pytest.raises(
        CookieTooLarge, match=r"'session' has \d+ bytes, .* session\['large'\] has \d+ bytes; keep it in a"
    ):
        app.test_client().get("/")
    app.config["MAX_COOKIE_SIZE"] = 0
    assert app.test_client().get("/").text == "full"


def test_other_large_cookies_are_refused() -> None:
    """Any cookie that no browser would keep is refused where it is set, and the response stays without it."""
    app = App("program", static_folder=None, root_path="/")
    with app.test_request_context():
        response = app.response_class()
        with pytest.raises(CookieTooLarge, match="MAX_COOKIE_SIZE"):
            response.set_cookie("basket", "x" * 5000)
        assert "Set-Cookie" not in response.headers
        response.set_cookie("basket", "x" * 4000)
        assert "Set-Cookie" in response.headers


def test_tokens_of_a_signer() -> None:
    """A token is read for its purpose, with a present or older key, until its time is over."""
    app = App("program", static_folder=None, root_path="/")
    with pytest.raises(RuntimeError, match=r"Set `app.secret_key`"):
        app.signer("reset")
    app.secret_key = "old"
    token = app.signer("reset").dumps({"user": 5})
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])
    assert app.signer("reset").loads(token, max_age=60) == {"user": 5}
    for other in ("other", "cookie-session"):
        with pytest.raises(BadSignature):
            app.signer(other).loads(token)
    with pytest.raises(SignatureExpired):
        app.signer("reset").loads(token, max_age=-1)
    app.config["SECRET_KEY_FALLBACKS"] = None
    for wrong in (token, app.signer("reset").dumps(1)[:-1], "", "a.b.c"):
        with pytest.raises(BadSignature):
            app.signer("reset").loads(wrong)
    for salt in ("", None, 5):
        with pytest.raises(TypeError, match="names its purpose"):
            app.signer(salt)  # type: ignore[arg-type]
    # Neither is a session's cookie a token, nor the other way round.
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    with pytest.raises(BadSignature):
        serializer.loads(app.signer("cookie-session").dumps({"user": 1}))
