"""The quick way to the session cookie does in each case what the session interface does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costrel import App, Request, request, session
from costrel.fields import parse_plain_cookies
from costrel.plan import Plans
from costrel.session_cookie import SessionCookie, find_cookie
from costrel.sessions import SecureCookieSession, SecureCookieSessionInterface
from tests.support.environ import make_environ

KEY = "a secret key for tests"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the clock, so that two signatures of one text are the same."""
    monkeypatch.setattr("costrel.signing.time.time", lambda: 1_700_000_000.0)


@dataclasses.dataclass
class Answer:
    """What an app sent, or the error that it raised."""

    status: str = ""
    fields: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    body: bytes = b""

    def cookie(self) -> str:
        """Returns name and value of the cookie that was set."""
        return next(text for name, text in self.fields if name == "Set-Cookie").partition(";")[0]


def ask(app: App, cookie: str | None = None, scheme: str = "http") -> Answer:
    """Returns the answer to one request."""
    answer = Answer()

    def start(status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        answer.status, answer.fields = status, [field for field in fields if field[0] in ("Vary", "Set-Cookie")]

    environ = dict(make_environ("/"), **{"wsgi.url_scheme": scheme})
    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie
    answer.body = b"".join(app(environ, start))
    return answer


def make_app(view: Callable[[], str], **config: Any) -> App:
    """Makes an application with one view."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(SECRET_KEY=KEY, **config)
    app.add_url_rule("/", "view", view)
    app.testing = True
    return app


def interface_only(app: App) -> App:
    """Has the interface do the work of an app."""
    app.plans().sessions = None
    return app


def show() -> str:
    """Returns what is in the session."""
    return repr(sorted(session.items()))


def write() -> str:
    """Counts, and keeps a value of a type with a tag."""
    session["count"] = session.get("count", 0) + 1
    session["pair"] = (1, "ü")
    return show()


def keep() -> str:
    """Makes the session a permanent one."""
    session.permanent = True
    return show()


def empty() -> str:
    """Removes all."""
    session.clear()
    return "empty"


def ignore() -> str:
    """Does not look at the session."""
    return "nothing"


VIEWS = (show, write, keep, empty, ignore)
SETTINGS: list[dict[str, Any]] = [
    {},
    {"DEBUG": True},
    {"SESSION_COOKIE_SECURE": True},
    {"SESSION_COOKIE_SECURE": False, "SESSION_COOKIE_SAMESITE": None},
    {"SESSION_COOKIE_NAME": "visitor", "SESSION_COOKIE_DOMAIN": "example.org", "SESSION_COOKIE_PATH": "/shop"},
    {"SESSION_REFRESH_EACH_REQUEST": False, "SESSION_COOKIE_HTTPONLY": False},
    {"PERMANENT_SESSION_LIFETIME": 60},
    {"PERMANENT_SESSION_LIFETIME": timedelta(seconds=-1)},
    {"MAX_COOKIE_SIZE": 0},
    {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PARTITIONED": True},
]


def cookies(app: App) -> Iterator[str | None]:
    """Yields headers with and without a session, some of them refused."""
    name = app.config["SESSION_COOKIE_NAME"]
    written = [ask(make_app(view, SESSION_COOKIE_NAME=name)).cookie() for view in (write, keep)]
    yield from (None, "", f"{name}=", f"{name}=x.y.z", *written, f"a=b; {written[0]};c=d", f"\t{written[0]} ;")
    yield from (f'a="b"; {written[0]}', f"{name}=a b; {written[0]}", f"{name}=; {written[0]}", f"{written[0]}x")
    value = written[0].partition("=")[2]
    yield from (f'{name}="{value}"', f"{name}={value.swapcase()}", f"x{written[0]}", f"{written[0]}; {written[1]}")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("config", SETTINGS, ids=str)
def test_both_ways_do_the_same(config: dict[str, Any], scheme: str) -> None:
    """Under each setting, with each cookie, an app that takes the quick way answers as one that does not."""
    for view in VIEWS:
        app, other = make_app(view, **config), interface_only(make_app(view, **config))
        assert app.plans().sessions is not None
        for cookie in cookies(app):
            assert _dateless(ask(app, cookie, scheme)) == _dateless(ask(other, cookie, scheme)), (view, cookie)


def _dateless(answer: Answer) -> list[Any]:
    """Returns an answer without the dates, in which a second may have passed."""
    fields = [(name, text.partition("; Expires=")) for name, text in answer.fields]
    return [answer.status, answer.body, [(name, text[:2], text[2][29:]) for name, text in fields]]


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.recursive(
            st.none() | st.integers() | st.text() | st.binary() | st.tuples(st.text(), st.booleans()),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_any_content_is_kept(content: dict[str, Any]) -> None:
    """Any session is written as by the interface, and is read as it was written."""
    seen: list[dict[str, Any]] = []

    def store() -> str:
        session.update(content)
        return "stored"

    def read() -> str:
        seen.append(dict(session))
        return "read"

    quick = ask(make_app(store))
    assert quick == ask(interface_only(make_app(store)))
    if content:
        ask(make_app(read), quick.cookie())
        ask(interface_only(make_app(read)), quick.cookie())
        assert seen == [content, content]


@given(st.text("ab=; \tsession,ü") | st.lists(st.sampled_from(["s=", "s", "=", ";", " ", "\t", "1", "é"])).map("".join))
def test_the_cookie_is_the_requests(header: str) -> None:
    """The value found for a name is the first one that the request's cookies have."""
    for name in ("s", "a", "session", "é"):
        assert find_cookie(header, name) == next(iter(parse_plain_cookies(header).get(name, ())), None)


def test_a_cookie_that_is_too_large() -> None:
    """A session that makes too large a cookie is a warning, and is sent, on either way."""

    def fill() -> str:
        session["text"] = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
        return "full"

    for app in (make_app(fill), interface_only(make_app(fill))):
        app.config["REFUSE_LARGE_COOKIES"] = False
        with pytest.warns(UserWarning, match="too large"):
            assert len(ask(app).cookie()) > 4093


def test_a_value_that_cannot_be_kept_is_named() -> None:
    """The error for a value that JSON does not know says which item of the session it is."""

    def spoil() -> str:
        session["thing"] = object()
        return "spoiled"

    with pytest.raises(TypeError, match=r"session\['thing'\] is a object"):
        ask(make_app(spoil))


def test_content_that_is_no_session(caplog: pytest.LogCaptureFixture) -> None:
    """A rightly signed cookie with something else in it gives a new session, and a warning in the log."""
    app = make_app(show)
    sessions = app.plans().sessions
    assert sessions is not None
    for text in ("[1", "5"):
        assert ask(app, f"session={sessions.signer.sign(text)}").body == b"[]"
    assert len(caplog.records) == 2


class OwnRequest(Request):
    """A request class of a program."""


class OwnSession(SecureCookieSession):
    """A session class of a program."""


def _own_secret(app: App) -> None:
    app.__class__ = type("Own", (App,), {"secret_key": KEY})


@pytest.mark.parametrize(
    "change",
    [
        lambda app: app.config.update(SECRET_KEY=None),
        lambda app: app.config.update(SECRET_KEY=5),
        lambda app: app.config.update(SECRET_KEY_FALLBACKS=[]),
        lambda app: app.config.update(SESSION_COOKIE_NAME=""),
        lambda app: app.config.update(SESSION_COOKIE_NAME="a b"),
        lambda app: app.config.update(PERMANENT_SESSION_LIFETIME="a year"),
        lambda app: app.config.update(PERMANENT_SESSION_LIFETIME=1e300),
        lambda app: setattr(app, "request_class", OwnRequest),
        lambda app: setattr(app.json, "dumps", app.json.dumps),
        lambda app: setattr(app.json, "loads", app.json.loads),
        lambda app: setattr(app, "session_interface", type("Own", (SecureCookieSessionInterface,), {})()),
        _own_secret,
    ],
)
def test_what_closes_the_quick_way(change: Callable[[App], object]) -> None:
    """Where a part or a setting is not a usual one, the interface does the work; a change is noticed at once."""
    app = make_app(show)
    assert isinstance(app.plans().sessions, SessionCookie)
    change(app)
    app.drop_plans()
    assert app.plans().sessions is None


def test_changes_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed setting or a patched class counts from the next use of the session on."""

    def rename() -> str:
        session["a"] = 1
        app.config["SESSION_COOKIE_NAME"] = "other"
        return "renamed"

    app = make_app(rename)
    assert ask(app).cookie().startswith("other=")
    monkeypatch.setattr(SecureCookieSessionInterface, "session_class", OwnSession)
    assert app.plans().sessions is None


def test_a_replaced_part_of_the_request_counts() -> None:
    """Cookies, headers or scheme that a program sets on the request object are those that the session is read from."""
    cookie = ask(make_app(write)).cookie()
    name, _, value = cookie.partition("=")

    def set_cookies() -> str:
        request.cookies = {name: value}
        return show()

    def set_scheme() -> str:
        request.scheme = "https"
        session["a"] = 1
        return show()

    class Headers(dict[str, str]):
        def getlist(self, name: str) -> list[str]:
            return [cookie]

    def set_header_object() -> str:
        request.headers = Headers()
        return show()

    def look() -> str:
        return request.path + (request.headers.get("Cookie") or "") + show()

    for view in (set_cookies, set_scheme, set_header_object, look):
        for text in (None, cookie):
            assert ask(make_app(view), text) == ask(interface_only(make_app(view)), text)
    assert "count" in ask(make_app(set_cookies)).body.decode()
    assert "Secure" in dict(ask(make_app(set_scheme)).fields)["Set-Cookie"]


def test_plans_hold_it() -> None:
    """The object is made once for many requests."""
    app = make_app(show)
    plans = app.plans()
    assert isinstance(plans, Plans)
    assert app.plans().sessions is plans.sessions
