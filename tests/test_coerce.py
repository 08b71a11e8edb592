"""Tests of costrel.coerce: what views may return, what they may not, and what HTTP errors look like."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import werkzeug.exceptions
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import Headers, MultiDict, WWWAuthenticate
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from costrel import App, Response
from tests.support.environ import Reply, call, make_environ
from tests.support.frameworks import assert_same_as_flask

HTML = "text/html; charset=utf-8"
JSON = "application/json"
HERE = Path(__file__).name


def application(environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application that a view may return."""
    start_response("206 PART", [("Content-Type", "text/x-app"), ("X-Path", environ["PATH_INFO"])])
    return [b"app"]


class OwnText(str):
    """A text that is not a plain one."""


class OwnList(list[Any]):
    """A list that is not a plain one."""


def long_way(app: App) -> App:
    """Makes requests go through the application's methods."""
    original = app.dispatch_request
    app.dispatch_request = lambda: original()  # type: ignore[method-assign]
    return app


def hooked(app: App) -> App:
    """Makes each reply a response object."""
    app.after_request(lambda response: response)
    return app


#: The ways that a returned value takes to the server.
WAYS: list[Callable[[App], App]] = [lambda app: app, hooked, long_way]
EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=["short", "hooked", "long"])


def reply_to(app: App, view: Callable[[], Any], method: str = "GET") -> tuple[Reply, bytes]:
    """Returns the reply of a view and its body."""
    if "page" not in app.view_functions:
        app.add_url_rule("/page", "page", view)
    reply = call(app, make_environ("/page", method=method))
    return reply, reply.read()


#: What makes the value, and the status line, the content type and the body of the reply.
RETURNED: list[tuple[Callable[[], Any], str, str | None, bytes]] = [
    (lambda: "text", "200 OK", HTML, b"text"),
    (lambda: "", "200 OK", HTML, b""),
    (lambda: "grüße 🌍", "200 OK", HTML, "grüße 🌍".encode()),
    (lambda: OwnText("own"), "200 OK", HTML, b"own"),
    (lambda: Markup("<b>"), "200 OK", HTML, b"<b>"),
    (lambda: b"\x00\xff", "200 OK", HTML, b"\x00\xff"),
    (lambda: bytearray(b"array"), "200 OK", HTML, b"array"),
    (lambda: {"b": 1, "a": None}, "200 OK", JSON, b'{"a":null,"b":1}\n'),
    (dict, "200 OK", JSON, b"{}\n"),
    (lambda: OrderedDict(b=1, a=2), "200 OK", JSON, b'{"a":2,"b":1}\n'),
    (lambda: MultiDict([("a", 1)]), "200 OK", JSON, b'{"a":1}\n'),
    (lambda: [1, "ü"], "200 OK", JSON, b'[1,"\\u00fc"]\n'),
    (lambda: OwnList([1]), "200 OK", JSON, b"[1]\n"),
    (list, "200 OK", JSON, b"[]\n"),
    (lambda: iter(["a", b"b"]), "200 OK", HTML, b"ab"),
    (lambda: (part for part in ("x", "y")), "200 OK", HTML, b"xy"),
    (lambda: io.BytesIO(b"file"), "200 OK", HTML, b"file"),
    (lambda: Response("own", mimetype="text/plain"), "200 OK", "text/plain; charset=utf-8", b"own"),
    (lambda: WerkzeugResponse("theirs"), "200 OK", "text/plain; charset=utf-8", b"theirs"),
    (lambda: application, "206 PART", "text/x-app", b"app"),
    (lambda: ("made", 201), "201 CREATED", HTML, b"made"),
    (lambda: (b"made", HTTPStatus.CREATED), "201 CREATED", HTML, b"made"),
    (lambda: ({"a": 1}, 418), "418 I'M A TEAPOT", JSON, b'{"a":1}\n'),
    (lambda: ([1], 404), "404 NOT FOUND", JSON, b"[1]\n"),
    (lambda: ("odd", 299), "299 UNKNOWN", HTML, b"odd"),
    (lambda: ("odd", 999), "999 UNKNOWN", HTML, b"odd"),
    (lambda: ("fine", "202 FINE"), "202 FINE", HTML, b"fine"),
    (lambda: ("fine", "202"), "202 ACCEPTED", HTML, b"fine"),
    (lambda: ("text", {"Content-Type": "text/x"}), "200 OK", "text/x", b"text"),
    (lambda: ("text", [("Content-Type", "text/x")]), "200 OK", "text/x", b"text"),
    (lambda: ("text", Headers({"Content-Type": "text/x"})), "200 OK", "text/x", b"text"),
    (lambda: ("text", (("Content-Type", "text/x"),)), "200 OK", "text/x", b"text"),
    (lambda: ({"a": 1}, {"Content-Type": "a/b"}), "200 OK", "a/b", b'{"a":1}\n'),
    (lambda: ("text", 203, {"Content-Type": "text/x"}), "203 NON AUTHORITATIVE INFORMATION", "text/x", b"text"),
    (lambda: ("text", None, None), "200 OK", HTML, b"text"),
    (lambda: ("text", None), "200 OK", HTML, b"text"),
    (lambda: ([1], 201, {}), "201 CREATED", JSON, b"[1]\n"),
    (lambda: (Response("own", 202), 203), "203 NON AUTHORITATIVE INFORMATION", HTML, b"own"),
    (lambda: (WerkzeugResponse("own"), "207 X", {"Content-Type": "a/b"}), "207 X", "a/b", b"own"),
    (lambda: (application, 200), "200 OK", "text/x-app", b"app"),
    (lambda: (application, b"200 B"), "200 B", "text/x-app", b"app"),
    (lambda: ("", 204), "204 NO CONTENT", HTML, b""),
    (lambda: ("gone", 304), "304 NOT MODIFIED", None, b""),
]


@EACH_WAY
@pytest.mark.parametrize(("view", "status", "content_type", "body"), RETURNED)
def test_what_a_view_may_return(
    app: App, way: Callable[[App], App], view: Callable[[], Any], status: str, content_type: str | None, body: bytes
) -> None:
    """Each form of return value is answered the same on every way through dispatching."""
    reply, sent = reply_to(way(app), view)
    assert (reply.status, reply.header("Content-Type")) == (status, content_type)
    if not status.startswith("304"):
        assert sent == body
    length = reply.header("Content-Length")
    assert length is None or int(length) == len(sent)


@EACH_WAY
@pytest.mark.parametrize("view", [view for view, *_ in RETURNED])
def test_head_has_the_headers_of_get(app: App, way: Callable[[App], App], view: Callable[[], Any]) -> None:
    """A HEAD request gets the headers of the GET request and no body (RFC 9110, section 9.3.2)."""
    way(app)
    got, _ = reply_to(app, view)
    head, body = reply_to(app, view, "HEAD")
    assert body == b""
    assert (head.status, head.headers) == (got.status, got.headers)


def test_headers_of_a_tuple_replace_and_may_repeat(app: App) -> None:
    """Headers in the tuple replace those of the response with the same name; a list of values repeats it."""
    response = Response("x", headers={"X-A": "old", "X-B": "kept"})
    app.add_url_rule("/dict", "dict", lambda: (response, {"X-A": ["1", "2"]}))
    reply = call(app, make_environ("/dict"))
    assert [pair for pair in reply.headers if pair[0].startswith("X-A")] == [("X-A", "1"), ("X-A", "2")]
    app = App("another", root_path="/")
    reply, _ = reply_to(app, lambda: (response, 200, [("X-A", "1"), ("X-A", "2")]))
    assert [pair for pair in reply.headers if pair[0].startswith("X-A")] == [("X-A", "2")]
    assert reply.header("X-B") == "kept"


def test_an_own_response_class_makes_every_reply() -> None:
    """Replies are objects of ``response_class``, which gets status and headers when it is made."""
    made: list[tuple[Any, Any]] = []

    class Own(Response):
        default_mimetype = "text/own"

        def __init__(self, response: Any = None, status: Any = None, headers: Any = None, **more: Any) -> None:
            made.append((status, headers))
            super().__init__(response, status, headers, **more)
            self.headers["X-Own"] = "yes"

    app = App("own", root_path="/")
    app.response_class = Own
    reply, _ = reply_to(app, lambda: ("text", 201, {"X-A": "b"}))
    assert (reply.status, reply.header("Content-Type"), reply.header("X-Own")) == (
        "201 CREATED",
        "text/own; charset=utf-8",
        "yes",
    )
    assert made == [(201, {"X-A": "b"})]
    missing = call(app, make_environ("/none"))
    assert (missing.status_code, missing.header("X-Own")) == (404, "yes")
    converted = app.make_response
    with app.test_request_context():
        assert isinstance(converted(WerkzeugResponse("x")), Own)
        assert isinstance(converted(application), Own)
        assert isinstance(converted({"a": 1}), Own)
        assert isinstance(converted(werkzeug.exceptions.NotFound()), Own)


def test_json_is_made_by_the_applications_provider(app: App) -> None:
    """Dicts and lists go through ``app.json``, also after it was replaced or its settings changed."""
    app.add_url_rule("/page", "page", lambda: {"b": 1, "a": 2})
    assert call(app, make_environ("/page")).read() == b'{"a":2,"b":1}\n'
    app.json.sort_keys = False
    assert call(app, make_environ("/page")).read() == b'{"b":1,"a":2}\n'
    app.json.mimetype = "application/own"
    app.json = app.json
    assert call(app, make_environ("/page")).header("Content-Type") == "application/own"
    with mock.patch.object(type(app.json), "response", lambda self, value: Response("patched")):
        assert call(app, make_environ("/page")).read() == b"patched"
    assert call(app, make_environ("/page")).read() == b'{"b":1,"a":2}\n'


class Unserialisable:
    pass


#: What makes a value that is no response, and words of the TypeError about it.
REFUSED: list[tuple[Callable[[], Any], list[str]]] = [
    (lambda: None, ["either returned None or ended without a return statement", "'page'"]),
    (lambda: (None, 200), ["either returned None"]),
    (lambda: (None, 200, {}), ["either returned None"]),
    (lambda: 42, ["a int"]),
    (lambda: True, ["a bool"]),
    (lambda: 1.5, ["a float"]),
    (lambda: {1}, ["a set"]),
    (lambda: object(), ["a object"]),
    (lambda: Unserialisable(), ["a Unserialisable"]),
    (lambda: range(3), ["a range"]),
    (lambda: memoryview(b"x"), ["a memoryview"]),
    (lambda: (5, 200), ["a int"]),
    (lambda: lambda: "no WSGI application", ["a function"]),
    (lambda: int, ["a type"]),
    (lambda: (), ["tuple", "0 items", "(body, status, headers)"]),
    (lambda: ("a",), ["tuple", "1 items", "(body, status), or (body, headers)"]),
    (lambda: ("a", 200, {}, "more"), ["tuple", "4 items"]),
]


@EACH_WAY
@pytest.mark.parametrize(("view", "words"), REFUSED)
def test_what_a_view_may_not_return(
    app: App, way: Callable[[App], App], view: Callable[[], Any], words: list[str]
) -> None:
    """Anything else is a TypeError that says what it was and names the endpoint, its file and its line."""
    with pytest.raises(TypeError) as raised:
        reply_to(way(app), view)
    text = str(raised.value)
    assert [word for word in [*words, "did not return a valid response", "'page'"] if word not in text] == []
    code: Any = view.__code__
    if "tuple" not in words:
        assert f"{HERE}:{code.co_firstlineno}." in text


def test_a_refused_value_without_a_view_in_a_file(app: App) -> None:
    """Where the endpoint's view has no code of its own, the message names the endpoint alone."""

    class Answer:
        def __call__(self) -> None:
            return None

    with pytest.raises(TypeError, match=r"'page' did not .* return statement\. Return a text"):
        reply_to(app, Answer())
    with app.test_request_context("/none"), pytest.raises(TypeError, match=r"for None did not"):
        app.make_response(None)


def test_a_wrapped_view_is_named_itself(app: App) -> None:
    """Through a decorator that uses ``functools.wraps`` the message names the view's own line."""
    import functools

    def view() -> None: ...

    @functools.wraps(view)
    def wrapper() -> None: ...

    with pytest.raises(TypeError, match=f"'view' is defined in .*{HERE}:{view.__code__.co_firstlineno}"):
        reply_to(app, wrapper)


@EACH_WAY
def test_an_unserialisable_dict(app: App, way: Callable[[App], App]) -> None:
    """A dict that JSON cannot hold is the provider's TypeError."""
    with pytest.raises(TypeError, match="Unserialisable"):
        reply_to(way(app), lambda: {"a": Unserialisable()})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *[(wrong, ValueError) for wrong in ("", "x" * 3 + "\r\nX-A: b", "nonsense", "0 X", 0, 99999, 20, -200, True)],
        (object(), AttributeError),
    ],
)
def test_a_wrong_status(app: App, status: Any, error: type[Exception]) -> None:
    """A status that is no status fails where it is set, not in the server."""
    with pytest.raises(error):
        reply_to(app, lambda: ("text", status))


# HTTP errors


def _classes() -> list[type[HTTPException]]:
    """Returns every HTTP error class of werkzeug that has a code."""
    found: list[type[HTTPException]] = []
    waiting: list[type[HTTPException]] = [HTTPException]
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if cls.__module__ == "werkzeug.exceptions" and cls.code is not None:
            found.append(cls)
    return sorted(set(found), key=lambda cls: (cls.code or 0, cls.__name__))


CLASSES = _classes()
ERRORS: list[Callable[[], HTTPException]] = [
    *CLASSES,
    *(lambda cls=cls: cls("because & <b>") for cls in CLASSES if cls.__name__ != "BadRequestKeyError"),
    *(lambda cls=cls: cls() for cls in CLASSES),
    lambda: werkzeug.exceptions.BadRequestKeyError("name"),
    lambda: werkzeug.exceptions.MethodNotAllowed(["GET", "POST"]),
    lambda: werkzeug.exceptions.MethodNotAllowed(["GET"], "no"),
    lambda: werkzeug.exceptions.Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "ü"})),
    lambda: werkzeug.exceptions.Unauthorized("who?", www_authenticate=[WWWAuthenticate("bearer")] * 2),
    lambda: werkzeug.exceptions.RequestedRangeNotSatisfiable(100),
    lambda: werkzeug.exceptions.RequestedRangeNotSatisfiable(100, "lines"),
    lambda: werkzeug.exceptions.TooManyRequests(retry_after=5),
    lambda: werkzeug.exceptions.TooManyRequests(retry_after=datetime(2030, 1, 1, tzinfo=timezone.utc)),
    lambda: werkzeug.exceptions.ServiceUnavailable("later", retry_after=0),
    lambda: werkzeug.exceptions.InternalServerError(original_exception=ValueError("secret")),
    lambda: werkzeug.exceptions.NotFound("line\nbreak é"),
    lambda: werkzeug.exceptions.NotFound(""),
    lambda: werkzeug.exceptions.Forbidden(response=Response("own", 410)),
    lambda: werkzeug.exceptions.Forbidden(response=WerkzeugResponse("theirs", 411, {"X-A": "b"})),
    lambda: HTTPException(response=Response("bare", 200)),
]


class Teapot(werkzeug.exceptions.NotFound):
    code = 499
    description = "own"

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        return [("Content-Type", "text/plain"), ("X-Tea", "pot")]

    def get_body(self, environ: Any = None, scope: Any = None) -> str:
        return "short and stout"


class Answering(werkzeug.exceptions.NotFound):
    def get_response(self, *args: Any, **kwargs: Any) -> Any:
        return WerkzeugResponse("answered", 404)


@EACH_WAY
@pytest.mark.parametrize("error", [*ERRORS, Teapot, Answering])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_http_errors_are_werkzeugs(way: Callable[[App], App], error: Callable[[], HTTPException], method: str) -> None:
    """An HTTP error that nobody handles is byte for byte what its own ``get_response`` sends."""
    app = App("x", root_path="/")
    app.config["DEFAULT_HEADERS"] = None
    environ = make_environ("/page", method=method)

    def view() -> Any:
        raise error()

    way(app).add_url_rule("/page", "page", view)
    expected = call(error().get_response(environ), environ)
    expected_body = expected.read()
    for _ in range(2):
        reply = call(app, make_environ("/page", method=method))
        assert (reply.status, reply.headers) == (expected.status, expected.headers)
        assert reply.read() == expected_body


@EACH_WAY
def test_an_error_class_may_be_changed_later(way: Callable[[App], App]) -> None:
    """A description that is set on werkzeug's class is used by the next reply."""
    app = App("x", root_path="/")
    way(app)
    assert b"requested URL was not found" in call(app, make_environ("/none")).read()
    with mock.patch.object(werkzeug.exceptions.NotFound, "description", "nothing here"):
        assert b"nothing here" in call(app, make_environ("/none")).read()
    with mock.patch.object(werkzeug.exceptions.NotFound, "get_body", lambda *args: "patched"):
        assert call(app, make_environ("/none")).read() == b"patched"
    with mock.patch.object(HTTPException, "get_body", lambda *args: "patched base"):
        assert call(app, make_environ("/none")).read() == b"patched base"
    assert b"requested URL was not found" in call(app, make_environ("/none")).read()


def test_an_error_may_be_returned(app: App) -> None:
    """A view may return an HTTP error in place of raising it, in a tuple too."""
    view: Callable[[], Any] = lambda: (werkzeug.exceptions.Forbidden("no"), 200, {"X-A": "b"})  # noqa: E731
    app.add_url_rule("/tuple", "tuple", view)
    reply, body = reply_to(app, lambda: werkzeug.exceptions.Forbidden("no"))
    assert (reply.status, b"no" in body) == ("403 FORBIDDEN", True)
    tuple_reply = call(app, make_environ("/tuple"))
    assert (tuple_reply.status, tuple_reply.header("X-A")) == ("200 OK", "b")


SIMPLE_VALUES = st.one_of(
    st.text(),
    st.binary(),
    st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.floats(allow_nan=False))),
    st.lists(st.one_of(st.booleans(), st.text())),
)


@given(
    value=st.one_of(
        SIMPLE_VALUES,
        st.tuples(SIMPLE_VALUES, st.integers(200, 599)),
        st.tuples(SIMPLE_VALUES, st.integers(200, 599), st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.just("1"))),
    )
)
def test_the_short_reply_equals_the_object(value: Any) -> None:
    """Whatever a view returns, the reply without a response object is that of the object."""
    replies = []
    for way in WAYS:
        app = App("x", root_path="/")
        try:
            replies.append(reply_to(way(app), lambda: value))
        except UnicodeEncodeError as error:
            replies.append(error.reason)  # type: ignore[arg-type]
    first = replies[0]
    for other in replies[1:]:
        assert isinstance(first, tuple) is isinstance(other, tuple)
        if isinstance(first, tuple):
            assert (first[0].status, first[0].headers, first[1]) == (other[0].status, other[0].headers, other[1])


def test_return_values_are_treated_as_by_flask() -> None:
    """A program whose views return every kind of value, right and wrong, gives the same replies with Flask."""
    result = assert_same_as_flask(
        """
import collections, io, http
from markupsafe import Markup
from werkzeug.wrappers import Response as Plain
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import NotFound, HTTPException

def application(environ, start_response):
    start_response("206 PART", [("X-Path", environ["PATH_INFO"])])
    return [b"app"]

class Sub(framework.Response):
    pass

values = [
    "", "text", "ü", b"x", bytearray(b"y"), {"b": [1], "a": None}, [1, {"z": 1, "y": 2}], iter(["a", "b"]),
    (c for c in "xyz"), io.StringIO("line 1\\nline 2"), Markup("<i>"), collections.OrderedDict(b=1, a=2),
    MultiDict([("a", 1), ("a", 2)]), framework.Response("r", 203), Sub("s"), Plain("p"), application, NotFound("n"),
    ("a", 201), ("a", http.HTTPStatus.ACCEPTED), ("a", "202 OWN"), ("a", "404"), ("a", b"203 B"), ("a", 299),
    ("a", {"X-A": "1"}), ("a", [("X-A", "1"), ("X-A", "2")]), ("a", Headers({"X-A": "1"})), ("a", (("X-A", "1"),)),
    ("a", 201, {"X-A": ["1", "2"]}), ("a", None), ("a", None, None), ("a", 201, []), ({"a": 1}, 201, {"X-A": "1"}),
    (framework.Response("r", 203, {"X-A": "0"}), 204, {"X-A": "1"}), (Plain("p"), {"Content-Type": "a/b"}),
    (application, 200, {"X-A": "1"}), (NotFound("n"), 200), ("a", 204), ("a", 304), ("a", 100),
    framework.redirect("/x"), ("a", 201, {"Content-Type": "x/y"}),
    None, (None, 200), 42, True, 1.5, {1}, object, range(3), memoryview(b"x"), (), ("a",), ("a", 200, {}, 1),
    (5, 200), lambda: "x", ("a", ""), ("a", 200, 5), ("a", object()),
    ("a", 200, {"X-A": "b\\r\\nX-B: c"}),
]
result = []
for number, value in enumerate(values):
    app = App("x", root_path=".")
    app.testing = True
    app.add_url_rule("/", "page", lambda value=value: value)
    try:
        response = app.test_client().get("/")
    except Exception as error:
        result.append([number, type(error).__name__])
        continue
    headers = [pair for pair in response.headers if pair[0] != "X-Content-Type-Options"]
    result.append([number, response.status, headers, response.text])
"""
    )
    assert len(json.dumps(result)) > 1000


class LoudText(str):
    """A text that says how it is to be encoded."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode(encoding, errors).upper()


@given(
    parts=st.lists(
        st.one_of(st.binary(max_size=3), st.text(max_size=3), st.text(max_size=3).map(LoudText)), max_size=6
    ),
    status=st.sampled_from([None, 201, 204, 299, 404]),
    method=st.sampled_from(["GET", "HEAD"]),
    taken=st.integers(0, 7),
    broken=st.booleans(),
)
def test_a_generator_is_sent_as_by_a_response_object(
    parts: list[str | bytes], status: int | None, method: str, taken: int, broken: bool
) -> None:
    """Without a Response object a generator gives the same pieces, each made when it is asked for, and is closed."""

    def outcome(response_object: bool) -> list[Any]:
        events: list[Any] = []

        def chunks() -> Iterator[Any]:
            try:
                for part in parts:
                    events.append("made")
                    yield part
                if broken:
                    raise ValueError("in the stream")
            finally:
                events.append("closed")

        def view() -> Any:
            return chunks() if status is None else (chunks(), status)

        def start_response(*line: Any) -> Any:
            events.append(line)

        app = App("streams", static_folder=None, root_path="/")
        app.add_url_rule("/", "view", view)
        if response_object:
            app.after_request(lambda response: response)
        body: Any = app(make_environ(method=method), start_response)
        try:
            for _, chunk in zip(range(taken), body, strict=False):
                events.append(chunk)
        except ValueError as error:
            events.append(str(error))
        body.close()
        return events

    assert outcome(response_object=False) == outcome(response_object=True)


class OtherResponse(Response):
    """A response class that nothing is assembled for."""


_json_values = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3))
_bodies = st.one_of(
    st.text(max_size=5),
    st.binary(max_size=5),
    st.dictionaries(st.text(max_size=2), _json_values),
    st.lists(_json_values),
)


@given(value=st.one_of(_bodies, st.tuples(_bodies, st.sampled_from([200, 201, 204, 299, 304, 404, "202 FINE"]))))
def test_an_assembled_response_is_like_a_constructed_one(value: Any) -> None:
    """What after-request hooks get for the commonest values is what the class would have made, in all its parts."""

    def outcome(response_class: type[Response]) -> Any:
        app = App("parts", static_folder=None, root_path="/")
        app.response_class = response_class
        with app.test_request_context():
            try:
                response = app.make_response(value)
            except UnicodeEncodeError as error:
                return str(error)
        return vars(response), response.status, list(response.headers), response.get_data()

    assert outcome(Response) == outcome(OtherResponse)
