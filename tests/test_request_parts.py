"""What is read before there is a request object is what the object would have read, and the object then has it."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders as WerkzeugEnvironHeaders
from werkzeug.datastructures import Headers, MultiDict

from costrel import App, Request, request
from costrel.context import current_context
from costrel.request_parts import (
    READERS,
    URLENCODED,
    EnvironHeaders,
    _environ_keys,
    make_headers,
    read_method,
    read_path,
)
from tests.support.environ import call, make_environ
from tests.support.lookups import LOOKUPS

MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
TEXTS = st.text("ab=&+%20c3A4fFÃ¤;\\", max_size=12) | st.sampled_from(["", "a=1&b=2&a=3", "a=%26&b=%ff", "x=1&" * 20])
COOKIES = st.text('ab=; "\\\t,ü', max_size=12) | st.sampled_from(["a=1; b=2; a=3", 'a="q\\"x"; b', "session=no"])
BODIES = st.sampled_from([b"", b"a=1&b=2&a=3", b"a=%ff", b"\xff", b"a=%C3%A4+b", b"x=1&" * 20, MULTIPART])
TYPES = st.sampled_from([URLENCODED, f"{URLENCODED}; charset=utf-8", "multipart/form-data; boundary=x", "text/plain"])
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "MAX_CONTENT_LENGTH": st.sampled_from([None, 5, 1000]),
        "MAX_FORM_MEMORY_SIZE": st.sampled_from([None, 5, 1000]),
        "MAX_FORM_PARTS": st.sampled_from([None, 2, 1000]),
        "MAX_QUERY_FIELDS": st.sampled_from([None, 2, 1000]),
        "LIMIT_URLENCODED_FORMS": st.booleans(),
    },
)
USES = [*READERS, "values", "files", "data", "json", "mimetype", "content_length", "url", "stream", "query_string"]


def serve(app: App, environ: dict[str, Any]) -> bytes:
    """Returns the body of an answer; the app has seen the host before, which takes a request object once."""
    call(app, make_environ("/warm-up")).read()
    return call(app, environ).read()


class Other(Request):
    """A class that overrides something which the functions leave out, but does the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


def read(name: str) -> Any:
    """Returns an attribute of the current request in a form that can be compared, or the error."""
    try:
        value = getattr(request, name)
    except Exception as error:
        return type(error), str(error)
    if name == "stream":
        return value.read()
    if isinstance(value, WerkzeugEnvironHeaders):
        return type(value), list(value)
    return type(value), value.to_dict(flat=False) if isinstance(value, MultiDict) else repr(value)


def seen_by(cls: type[Request], config: dict[str, Any], environ: dict[str, Any], uses: list[str]) -> list[Any]:
    """Returns what a view sees that reads these attributes, each of them twice."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(config)
    app.request_class = cls
    seen: list[Any] = []

    @app.route("/", methods=["GET", "POST"])
    def view() -> str:
        for name in uses:
            seen.extend((read(name), read(name)))
        state = vars(request._get_current_object())  # type: ignore[attr-defined]
        seen.append({name: repr(state.get(name)) for name in (*READERS, "_body_read", "_cached_data")})
        return ""

    serve(app, environ)
    return seen


@given(
    TEXTS, COOKIES, BODIES, TYPES, st.sampled_from([None, 0, 1]), LIMITS, st.lists(st.sampled_from(USES), max_size=4)
)
def test_parts_are_the_objects(
    query: str, cookie: str, body: bytes, kind: str, off: int | None, config: dict[str, Any], uses: list[str]
) -> None:
    """Attributes have the same value or error, and leave the same behind, with and without an object."""

    def environ() -> dict[str, Any]:
        made = make_environ("/", method="POST")
        made.update(
            {"QUERY_STRING": query, "HTTP_COOKIE": cookie, "CONTENT_TYPE": kind, "wsgi.input": io.BytesIO(body)}
        )
        if off is not None:
            made["CONTENT_LENGTH"] = str(len(body) + off)
        return made

    assert Request._reads_early
    assert not Other._reads_early
    assert seen_by(Request, config, environ(), uses) == seen_by(Other, config, environ(), uses)


@pytest.mark.parametrize("name", READERS)
def test_no_object_is_made_for_them(name: str) -> None:
    """A view that reads one of them causes no request object, and gets the same value from the object later."""
    app = App("program", static_folder=None, root_path="/")
    seen: list[Any] = []

    @app.post("/")
    def view() -> str:
        early = getattr(request, name)
        context: Any = current_context.get()
        seen.extend((context._request, early is getattr(request, name), early is getattr(context.request, name)))
        return ""

    environ = make_environ("/", method="POST")
    environ.update({"CONTENT_TYPE": URLENCODED, "CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"a=1")})
    serve(app, environ)
    assert seen == [None, True, True]


class Name(str):
    """A text of a class of its own, which may spell itself otherwise."""

    def upper(self) -> str:
        return "X-OTHER"


class OwnHeaders(EnvironHeaders):
    """A class of the user's own."""


def _pickled(headers: Any, protocol: int) -> Any:
    """Returns what comes out of a pickle."""
    found = pickle.loads(pickle.dumps(headers, protocol))
    return type(found), vars(found)


SHARED = {"HTTP_X_TOKEN": "1"}

HEADER_USES: dict[str, Callable[[Any, Any], Any]] = {
    **LOOKUPS,
    "getlist": lambda headers, key: [headers.getlist(key), headers.getlist(key, type=int), headers.get_all(key)],
    "in": lambda headers, key: key in headers,
    "write": lambda headers, key: headers.__setitem__(key, "1"),
    "set": lambda headers, key: headers.set(key, "1"),
    "delete": lambda headers, key: headers.pop(key),
    "items": lambda headers, key: [list(headers), len(headers), list(headers.keys()), list(headers.values())],
    "lists": lambda headers, key: [headers.to_wsgi_list(), list(headers.items(lower=True)), dict(headers)],
    "repr": lambda headers, key: [repr(headers), str(headers), type(headers).__name__],
    "hash": lambda headers, key: hash(headers),
    "equal": lambda headers, key: [headers == WerkzeugEnvironHeaders(SHARED), headers == Headers([("X-Token", "1")])],
    "equal, turned": lambda headers, key: [WerkzeugEnvironHeaders(headers.environ) == headers, Headers() != headers],
    "or": lambda headers, key: headers | {"b": "2"},
    "copies": lambda headers, key: headers.copy(),
    "copy": lambda headers, key: copy.copy(headers),
    "deep copy": lambda headers, key: repr(copy.deepcopy(headers)),
    "headers made of it": lambda headers, key: repr(Headers(headers)),
    "pickle": lambda headers, key: [_pickled(headers, protocol) for protocol in range(5)],
    "attributes": lambda headers, key: vars(headers),
}
ENVIRON_KEYS = [
    "HTTP_X_TOKEN",
    "HTTP_ÄÖ",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTP_CONTENT_TYPE",
    "REMOTE_ADDR",
    "HTTP_",
]
HEADER_NAMES = st.sampled_from(["x-token", "X_Token", "content-type", "Content_Length", "REMOTE-ADDR", "äö", "ß"])
ODD_KEYS: list[Any] = [Name("x-token"), b"x-token", 1, None, [], slice(1)]


@given(
    st.dictionaries(st.sampled_from(ENVIRON_KEYS), st.sampled_from(["", "1", "x", None]), max_size=4),
    HEADER_NAMES | st.text("xX-_tokenß", max_size=7) | st.sampled_from(ODD_KEYS),
)
def test_headers_are_werkzeugs(environ: dict[str, Any], key: Any) -> None:
    """Whatever a program does with headers has the result, or the error, that it has with werkzeug's class."""

    def seen(headers: WerkzeugEnvironHeaders) -> list[Any]:
        results: list[Any] = []
        for name, use in HEADER_USES.items():
            try:
                results.append((name, use(headers, key)))
            except Exception as error:
                results.append((name, type(error), str(error)))
        return results

    assert isinstance(make_headers(environ), WerkzeugEnvironHeaders)
    assert repr(seen(make_headers(environ))) == repr(seen(WerkzeugEnvironHeaders(environ)))
    assert make_headers(environ) == WerkzeugEnvironHeaders(environ)


def test_headers_of_a_class_of_ones_own_are_pickled_as_that() -> None:
    """Only our own class leaves its name out of a pickle."""
    assert type(pickle.loads(pickle.dumps(OwnHeaders({"HTTP_A": "1"})))) is OwnHeaders


def test_headers_of_an_environ() -> None:
    """They are a view of the environ, as werkzeug's constructor makes it."""
    environ = {"HTTP_X_TOKEN": "a"}
    headers = make_headers(environ)
    assert headers.get("Content-Type") is None
    environ["CONTENT_TYPE"] = "text/plain"
    assert headers == WerkzeugEnvironHeaders(environ)
    assert list(headers) == [("X-Token", "a"), ("Content-Type", "text/plain")]
    assert (headers["content-type"], "content-length" in headers) == ("text/plain", False)


def test_invented_names_of_headers_are_not_kept() -> None:
    """A program may take the names from its clients: thousands of them take no memory."""
    headers = make_headers({"HTTP_X_1999": "found"})
    assert [headers.get(f"x-{number}") for number in range(2000)][-1] == "found"
    assert len(_environ_keys) <= 1024


@pytest.mark.parametrize(
    ("environ", "method", "path"),
    [
        ({}, "GET", "/"),
        ({"REQUEST_METHOD": "post", "PATH_INFO": "/a/b"}, "POST", "/a/b"),
        ({"PATH_INFO": "//a"}, "GET", "/a"),
        ({"PATH_INFO": "/\u00c3\u00a4"}, "GET", "/ä"),
    ],
)
def test_method_and_path(environ: dict[str, Any], method: str, path: str) -> None:
    """The method is in capitals, the path is text and begins with one slash."""
    assert (read_method(environ), read_path(environ)) == (method, path)


@pytest.mark.parametrize("name", [*READERS, "parameter_storage_class", "max_form_parts", "__getattribute__"])
def test_a_patched_class_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody replaces on the class, before the first request or between two, is used."""
    app = App("program", static_folder=None, root_path="/")
    asked: list[str] = []

    @app.get("/")
    def view() -> str:
        return str(type(request.args))

    assert b"ImmutableMultiDict" in serve(app, make_environ("/"))
    if name == "__getattribute__":

        def spy(self: Any, attribute: str) -> Any:
            asked.append(attribute)
            return object.__getattribute__(self, attribute)

        monkeypatch.setattr(Request, name, spy, raising=False)
        serve(app, make_environ("/"))
        assert "args" in asked
    else:
        monkeypatch.setattr(Request, name, property(lambda self: MultiDict))
        serve(app, make_environ("/"))
    assert not Request._reads_early
    monkeypatch.undo()
    assert Request._reads_early
