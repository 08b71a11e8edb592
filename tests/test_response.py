"""Responses: what is sent equals werkzeug's, what cannot be sent is refused, what a subclass overrides is called."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.utils import redirect as werkzeug_redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from costrel.header_fields import HeaderRoles, header_roles
from costrel.invariants import make_environ
from costrel.request import Request
from costrel.response import Headers, Response, assemble, is_shipped, prepared, redirect


class Plain(WerkzeugResponse):
    """werkzeug's response with the defaults of ours, to compare with."""

    default_mimetype = "text/html"
    autocorrect_location_header = False


def send(response: WerkzeugResponse, method: str = "GET") -> tuple[str, list[tuple[str, str]], bytes]:
    """Returns the status, the headers and the whole body that a server would get."""
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "example.org",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a/b",
        "QUERY_STRING": "",
    }
    body = response(environ, lambda status, headers, exc_info=None: started.append((status, headers)))  # type: ignore[arg-type]
    try:
        data = b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    ((status, headers),) = started
    return status, headers, data


def outcome(make: Callable[[], Any]) -> Any:
    """Returns what the function returns, or the type of what it raises."""
    try:
        return make()
    except Exception as error:
        return type(error)


texts = st.text(max_size=20)
chunks = st.lists(texts | st.binary(max_size=20), max_size=4)
bodies = st.one_of(
    st.none(),
    texts,
    st.binary(max_size=20),
    st.binary(max_size=20).map(bytearray),
    texts.map(Markup),
    chunks,
    chunks.map(tuple),
)
statuses = st.one_of(
    st.none(),
    st.integers(100, 600),
    st.sampled_from([200, 204, 304, 101, 302, 404, HTTPStatus.CREATED, "418 teapot", "201", " 404 ", "", 299]),
)
names = st.sampled_from(
    [
        "Content-Type",
        "content-type",
        "Content-Length",
        "content-length",
        "Location",
        "location",
        "Content-Location",
        "Expires",
        "Set-Cookie",
        "X-Note",
        "Allow",
        "ETag",
    ]
)
values = st.one_of(
    st.sampled_from(["/next", "/ä b?q=ü#ö", "http://exämple.org/", "7", "text/plain", ""]),
    st.integers(0, 99),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=10),
)
pairs = st.lists(st.tuples(names, values), max_size=4)
headers_arguments = st.one_of(
    st.none(),
    pairs,
    pairs.map(dict),
    st.dictionaries(names, st.lists(values, max_size=2)),
    pairs.map(tuple),
    pairs.map(WerkzeugHeaders),
)
mimetypes = st.sampled_from([None, None, None, "text/plain", "application/json", "image/svg+xml", "text/html"])
content_types = st.sampled_from([None, None, None, "text/csv; charset=latin1", ""])


@given(bodies, statuses, headers_arguments, mimetypes, content_types, st.sampled_from(["GET", "HEAD", "POST"]))
def test_equals_werkzeug(body: Any, status: Any, headers: Any, mimetype: Any, content_type: Any, method: str) -> None:
    """Status, headers and body that are sent are werkzeug's, byte for byte, and so is the refusal."""

    def sent_by(response_class: type[WerkzeugResponse]) -> Any:
        given_headers = WerkzeugHeaders(list(headers)) if isinstance(headers, WerkzeugHeaders) else headers
        response = response_class(body, status, given_headers, mimetype, content_type)
        state = response.status, response.status_code, list(response.headers), response.mimetype
        return state, send(response, method)

    assert outcome(lambda: sent_by(Response)) == outcome(lambda: sent_by(Plain))


@given(chunks, statuses, st.booleans(), st.sampled_from(["GET", "HEAD"]))
def test_stream_equals_werkzeug(parts: list[Any], status: Any, passthrough: bool, method: str) -> None:
    """A generator is sent as it comes, text as UTF-8, without a length."""

    def sent_by(response_class: type[WerkzeugResponse]) -> Any:
        response = response_class((part for part in parts), status, direct_passthrough=passthrough)
        return send(response, method)

    assert outcome(lambda: sent_by(Response)) == outcome(lambda: sent_by(Plain))


operations = st.one_of(
    st.tuples(st.just("add"), names, values),
    st.tuples(st.just("set"), names, values),
    st.tuples(st.just("setdefault"), names, values),
    st.tuples(st.just("setlist"), names, st.lists(values, max_size=3)),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("extend"), pairs),
    st.tuples(st.just("update"), pairs.map(dict)),
)


@given(pairs, st.lists(operations, max_size=6))
def test_headers_equal_werkzeugs(start: list[tuple[str, Any]], steps: list[Any]) -> None:
    """After any changes the headers are what werkzeug's would be."""
    ours, theirs = Headers(start), WerkzeugHeaders(start)
    for name, *arguments in steps:
        assert outcome(lambda: getattr(ours, name)(*arguments)) == outcome(lambda: getattr(theirs, name)(*arguments))
        assert list(ours) == list(theirs)
    assert ours == theirs
    assert theirs == ours


def test_headers_differ() -> None:
    """Headers are unequal to other headers and to what is not headers."""
    assert Headers({"A": "1"}) != Headers({"A": "2"})
    assert Headers({"A": "1"}) != {"A": "1"}


def test_headers_by_index() -> None:
    """Fields can be replaced by place, one or several."""
    headers = Headers([("A", "1"), ("B", "2"), ("C", "3")])
    headers[0] = ("D", 4)
    headers[1:] = [("E", 5)]
    assert list(headers) == [("D", "4"), ("E", "5")]


def test_header_parameters() -> None:
    """Keyword arguments become parameters of the value."""
    headers = Headers()
    headers.add("Content-Disposition", "attachment", filename="a b.txt")
    headers.set("X-Note", "a", max_age=3)
    assert list(headers) == [("Content-Disposition", 'attachment; filename="a b.txt"'), ("X-Note", "a; max-age=3")]


BREAKING = ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\x00b"]


@pytest.mark.parametrize("text", BREAKING)
@pytest.mark.parametrize(
    "use",
    [
        lambda text: Response(headers={"X-Note": text}),
        lambda text: Response(headers=[("X-Note", text)]),
        lambda text: Response(headers=[(text, "1")]),
        lambda text: Response(headers=(("X-Note", text),)),
        lambda text: Response(mimetype=f"text/{text}"),
        lambda text: Response(content_type=text),
        lambda text: Response(status=f"200 {text}"),
        lambda text: Response().headers.set("X-Note", text),
        lambda text: Response().headers.set(text, "1"),
        lambda text: Response().headers.add("X-Note", text),
        lambda text: Response().headers.setdefault("X-Note", text),
        lambda text: Response().headers.extend({"X-Note": text}),
        lambda text: Response().headers.update({"X-Note": text}),
        lambda text: Response().headers.__setitem__(slice(0, 0), [("X-Note", text)]),
        lambda text: setattr(Response(), "location", text),
        lambda text: setattr(Response(), "status", f"200 {text}"),
        lambda text: Response().set_cookie(text, "1"),
        lambda text: Response().set_cookie("a", domain=text),
        lambda text: Response().set_cookie("a", expires=text),
    ],
)
def test_breaking_text_is_refused(use: Callable[[str], object], text: str) -> None:
    """Text with a line break or another control character is refused where it is set, and the message shows it."""
    with pytest.raises(ValueError, match=r"must not contain|not valid|control character|newline"):
        use(text)


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
def test_target_with_a_tab_is_refused(name: str) -> None:
    """A tab in a URL, which browsers drop, cannot turn a path into another host; elsewhere it may stand."""
    with pytest.raises(ValueError, match="redirect target"):
        Response(headers={name: "/\t/example.org"})
    assert Response(headers={"X-Note": "a\tb"}).headers["X-Note"] == "a\tb"


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a=b", 'a"b', "a,b", "a\\b"])
def test_cookie_name_is_refused(name: str) -> None:
    """A cookie name that a browser would read differently is refused."""
    with pytest.raises(ValueError, match="cookie name"):
        Response().set_cookie(name, "1")


def test_cookie_attribute_is_refused() -> None:
    """A domain cannot smuggle in another attribute."""
    with pytest.raises(ValueError, match="domain"):
        Response().set_cookie("a", domain="example.org; Secure")


def test_cookie_equals_werkzeugs() -> None:
    """Cookies are written and deleted as werkzeug does."""
    ours, theirs = Response(), Plain()
    for response in (ours, theirs):
        response.set_cookie(
            "a", 'b"; c', 60, datetime(2030, 1, 1, tzinfo=timezone.utc), "/x", "example.org", True, True, "Lax"
        )
        response.set_cookie("ä", partitioned=True)
        response.delete_cookie("a")
    assert ours.headers.getlist("Set-Cookie") == theirs.headers.getlist("Set-Cookie")


def test_cookie_size_setting() -> None:
    """The limit of a cookie comes from the settings, else from werkzeug, and can be set on one response."""

    class Configured(Response):
        current_settings = staticmethod(lambda: {"MAX_COOKIE_SIZE": 9})

    assert Response().max_cookie_size == WerkzeugResponse.max_cookie_size
    assert Configured().max_cookie_size == 9
    response = Response()
    response.max_cookie_size = 5
    assert response.max_cookie_size == 5
    assert not isinstance(Response.max_cookie_size, int)


OVERRIDES: dict[str, Any] = {
    "get_wsgi_headers": lambda self, environ: WerkzeugHeaders({"X-Own": "1"}),
    "get_app_iter": lambda self, environ: [b"own"],
    "get_wsgi_response": lambda self, environ: ([b"own"], "299 Own", [("X-Own", "1")]),
    "iter_encoded": lambda self: iter([b"own"]),
    "_clean_status": lambda self, value: ("299 Own", 299),
    "set_data": lambda self, value: setattr(self, "response", [b"own"]),
    "is_sequence": property(lambda self: False),
    "status": property(lambda self: "299 Own", lambda self, value: self.__dict__.update(_status_code=299)),
    "status_code": property(lambda self: 204),
    "automatically_set_content_length": False,
    "autocorrect_location_header": True,
    "default_status": 201,
    "default_mimetype": None,
    "implicit_sequence_conversion": False,
}


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize("body", ["text", ["a", b"b"]])
def test_override_is_used(name: str, patched: bool, body: Any) -> None:
    """What a subclass overrides, in its body or later, has the effect that it has with werkzeug's class."""

    def sent_by(base: Any) -> Any:
        cls = type("Own", (base,), {} if patched else {name: OVERRIDES[name]})
        child = type("Child", (cls,), {})
        if patched:
            setattr(cls, name, OVERRIDES[name])
        return send(child(body, headers={"Location": "/next"}))

    assert sent_by(Response) == sent_by(Plain)


def test_patch_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that was patched on the class and restored leaves the short way open again."""
    with monkeypatch.context() as patch:
        patch.setattr(Response, "get_app_iter", lambda self, environ: [b"patched"])
        assert send(Response("text"))[2] == b"patched"
    assert send(Response("text"))[2] == b"text"
    assert Response._plain


def test_headers_of_own_class_are_used() -> None:
    """A user's own class of headers is not written to behind its back."""

    class Shouting(WerkzeugHeaders):
        def set(self, key: str, value: Any, /, **kwargs: Any) -> None:
            super().set(key.upper(), value, **kwargs)

    response = Response("text", headers=Shouting())
    assert list(response.headers) == [("CONTENT-TYPE", "text/html; charset=utf-8"), ("CONTENT-LENGTH", "4")]
    assert send(response)[1] == list(response.headers)


@pytest.mark.parametrize("body", ["text", ["a", "b"], None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_functions_run(body: Any, method: str) -> None:
    """Functions given to call_on_close run when the server closes the body, also those added late."""
    ran: list[str] = []
    response = Response(body)
    response.call_on_close(lambda: ran.append("early"))
    sent = response({"REQUEST_METHOD": method}, lambda status, headers: None)  # type: ignore[arg-type]
    response.call_on_close(lambda: ran.append("late"))
    assert ran == []
    sent.close()  # type: ignore[attr-defined]
    assert ran == ["early", "late"]


class Source:
    """An iterable body that notes when it is closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"1", b"2", b"3"])

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("callback", [False, True])
def test_direct_passthrough(callback: bool) -> None:
    """An open file reaches the server itself, or, with functions to run on closing, in a body that closes both."""
    source = Source()
    ran: list[bool] = []
    response = Response(source, direct_passthrough=True)
    if callback:
        response.call_on_close(lambda: ran.append(True))
    sent = response({"REQUEST_METHOD": "GET"}, lambda status, headers: None)  # type: ignore[arg-type]
    assert (sent is source) is not callback
    assert b"".join(sent) == b"123"
    sent.close()  # type: ignore[attr-defined]
    assert source.closed
    assert ran == [True] * callback


def test_abandoned_body_is_closed() -> None:
    """Closing the body half way closes the generator behind it."""
    closed: list[bool] = []

    def generate() -> Iterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            closed.append(True)

    body = Response(generate())({"REQUEST_METHOD": "GET"}, lambda status, headers: None)  # type: ignore[arg-type]
    assert next(body) == b"one"  # type: ignore[call-overload]
    body.close()  # type: ignore[attr-defined]
    assert closed == [True]


@given(
    st.text(st.sampled_from("/a?&<>'\"%#:ü\u2028\t\n{}"), max_size=8) | st.just(Markup("/<b>")),
    st.sampled_from([301, 302, 303, 305, 307, 308, 200, 204, 299]),
    st.sampled_from([Response, type("Own", (Response,), {"default_status": 201})]),
)
def test_redirect_equals_werkzeugs(location: str, code: int, response_class: type[Response]) -> None:
    """Page and headers of a redirect are werkzeug's, whatever is in the location, and so is the refusal."""

    def sent_by(make: Callable[..., WerkzeugResponse]) -> Any:
        response = make(location, code, response_class)
        assert type(response) is response_class
        return vars(response).keys(), response.direct_passthrough, response.mimetype, send(response)

    assert outcome(lambda: sent_by(redirect)) == outcome(lambda: sent_by(werkzeug_redirect))


def test_redirect_without_the_automatic_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is patched on the class holds for redirects too."""
    monkeypatch.setattr(Response, "automatically_set_content_length", False)
    assert "Content-Length" not in redirect("/next", 302, Response).headers


@given(st.binary(max_size=9), st.sampled_from([200, 304, 404]), st.booleans(), st.sampled_from(["GET", "HEAD"]))
def test_assembled_response_is_like_a_constructed_one(body: bytes, code: int, direct: bool, method: str) -> None:
    """A response that was put together from its parts has the state, and sends the bytes, of a constructed one."""
    fields = [("Content-Type", "text/x"), ("Content-Length", str(len(body)))]
    response = assemble(code, fields[:], [body], direct)
    expected = Response([body], code, fields, direct_passthrough=direct)
    assert vars(response) == vars(expected)
    assert send(response, method) == send(expected, method)


def test_constructor_that_was_patched_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor that was patched later is called for redirects too."""
    construct = Response.__init__

    def mark(self: Response, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        self.headers["X-Mark"] = "1"

    assert is_shipped()
    monkeypatch.setattr(Response, "__init__", mark)
    assert not is_shipped()
    assert redirect("/next", 302, Response).headers["X-Mark"] == "1"


def test_body_is_freed_without_collector() -> None:
    """A sent response leaves no reference cycle."""
    response = Response("text")
    reference = weakref.ref(response)
    send(response)
    gc.disable()
    try:
        del response
        assert reference() is None
    finally:
        gc.enable()


def test_header_names_do_not_fill_the_memory() -> None:
    """Responses with ever new header names are sent right, and the names are not all kept."""
    for number in range(1_100):
        response = Response(headers={f"X-{number}": "1", "location": "/ü"})
        assert send(response)[1][1] == ("Location", "/%C3%BC")
    assert len(header_roles) == 1_024


def test_header_list_is_a_copy() -> None:
    """A server that changes the header list does not change the response."""
    response = Response("text")
    _, headers, _ = send(response)
    headers.clear()
    assert response.headers["Content-Length"] == "4"


@pytest.mark.parametrize(
    ("body", "mimetype", "expected"),
    [("[1]", "application/json", [1]), ("[1]", "application/problem+json", [1]), ("[1]", "text/html", None)],
)
def test_json(body: str, mimetype: str, expected: Any) -> None:
    """A JSON response gives its data back, for tests."""
    assert Response(body, mimetype=mimetype).get_json() == expected


def test_force_type() -> None:
    """werkzeug's responses and whole WSGI applications become responses of ours."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("201 CREATED", [("X-Note", "1")])
        return [b"made"]

    taken: Any = Response.force_type(WerkzeugResponse("old"))
    made: Any = Response.force_type(application, {"REQUEST_METHOD": "GET"})  # type: ignore[arg-type]
    assert type(taken) is type(made) is Response
    assert send(taken)[2] == b"old"
    assert send(made) == ("201 CREATED", [("X-Note", "1"), ("Content-Type", "text/plain; charset=utf-8")], b"made")


def test_a_header_that_no_server_can_send_is_refused() -> None:
    """A value outside Latin-1 is refused where it is set, unless it is a URL, which is sent encoded."""
    response = Response()
    with pytest.raises(ValueError, match="X-Price cannot be sent"):
        response.headers["X-Price"] = "10 €"
    response.headers["Location"] = "/10€"
    assert dict(response.get_wsgi_headers({"wsgi.url_scheme": "http"}))["Location"] == "/10%E2%82%AC"


@pytest.mark.parametrize("field", [("X-One",), ("X-One", "1", "2")])
def test_a_field_that_is_no_pair(field: Any) -> None:
    """A header of other than two parts is a ValueError, as with werkzeug."""
    with pytest.raises(ValueError, match="values to unpack"):
        Response(headers=[field])


_NAMES = ["X-One", "x-one", "Content-Length", "Location", "content-location", "Content-Type", "X-Default", "Set-Cookie"]


_DEFAULTS = [("X-Default", "d"), ("Content-Type", "text/plain"), ("Content-Location", "/über")]


@settings(max_examples=1000, deadline=None)
@given(
    body=st.sampled_from(["text", b"bytes", "", ["a", "b"], [b"one"], [], ("a",), None]),
    status=st.sampled_from([200, 201, 204, 304, 302, 404, "299 ODD", 101]),
    headers=st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(["7", "/über", "http://[", "a b"]))),
    direct=st.booleans(),
    watched=st.booleans(),
    defaults=st.lists(st.sampled_from(_DEFAULTS), max_size=2, unique_by=lambda field: field[0]).map(tuple),
)
def test_what_is_prepared_is_what_the_response_sends(
    body: Any,
    status: Any,
    headers: list[tuple[str, str]],
    direct: bool,
    watched: bool,
    defaults: tuple[tuple[str, str], ...],
) -> None:
    """A response that is prepared for the server sends the same as when it is called, with the default headers."""
    closed: list[str] = []

    def made() -> Response:
        response = Response(body, status, headers, direct_passthrough=direct)
        if watched:
            response.call_on_close(lambda: closed.append("closed"))
        return response

    quick, plain = made(), made()
    found = prepared(quick, HeaderRoles(defaults), defaults)
    if found is not None:
        plain.headers.extend((name, value) for name, value in defaults if name not in plain.headers)
        sent: list[Any] = []
        environ: Any = {"REQUEST_METHOD": "GET"}
        chunks: Any = plain(environ, lambda status, fields, exc_info=None: sent.extend((status, fields)) or bytes)  # type: ignore[func-returns-value]
        assert [*found[:2], list(found[2])] == [*sent, list(chunks)]
        assert quick.headers == plain.headers
        for ended in (chunks, found[2]):
            # A body that is passed on as it is need not have it.
            getattr(ended, "close", bool)()
        assert closed == ["closed", "closed"] * watched
    elif len(quick.headers) != len(plain.headers):
        # Only what the response will raise when it is called comes that late.
        with pytest.raises(ValueError, match="IPv6"):
            quick({"REQUEST_METHOD": "GET"}, lambda status, fields, exc_info=None: bytes)


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
def test_a_condition_that_is_no_date_is_none(header: str) -> None:
    """A date whose numbers are too large is no condition; the others still hold."""
    value = "Thu, 01 Jan 1970 00:00:18446744073709551615 GMT"
    for more, status in (({}, 200), ({"If-None-Match": '"a"'}, 304)):
        environ = make_environ(headers={header: value, "Range": "bytes=0-1", **more})
        for request in (environ, Request(environ)):
            response = Response("0123", headers={"ETag": '"a"', "Last-Modified": "Thu, 01 Jan 1970 00:00:05 GMT"})
            assert response.make_conditional(request) is response
            assert response.status_code == status
