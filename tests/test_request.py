"""Requests: every attribute equals werkzeug's, the body is held to its limits, overrides are used."""

from __future__ import annotations

import gc
import io
import json
import weakref
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import CombinedMultiDict, EnvironHeaders, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    NotFound,
    RequestEntityTooLarge,
    SecurityError,
    UnsupportedMediaType,
)
from werkzeug.formparser import FormDataParser as WerkzeugFormDataParser
from werkzeug.wrappers import Request as WerkzeugRequest

from costrel import fields
from costrel.invariants import make_environ
from costrel.request import Request
from costrel.routing import Rule

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="t.txt"\r\n\r\nfile\r\n--x--\r\n'
)


def environ_of(body: bytes = b"", content_type: str | None = None, **more: Any) -> dict[str, Any]:
    """Returns the environ of a POST request with the body."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "5000",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    environ.update(more)
    return {name: value for name, value in environ.items() if value is not None}


def comparable(value: Any) -> Any:
    """Returns the value in a form that compares by content and by class."""
    if isinstance(value, EnvironHeaders):
        return list(value)
    if isinstance(value, MultiDict):
        items = [(key, getattr(item, "filename", item)) for key, item in value.items(multi=True)]
        # Ours stands for werkzeug's; tests/test_fields.py shows that it is the same.
        kind = ImmutableMultiDict if type(value) is fields.ImmutableMultiDict else type(value)
        return kind, items, dict(value.lists()).keys()
    if isinstance(value, (str, bytes, int, float, list, tuple, dict, type(None))):
        return value
    if hasattr(value, "to_header"):
        return value.to_header()
    return str(value)


def outcome(make: Callable[[], Any]) -> Any:
    """Returns what the function returns, or the type of what it raises."""
    try:
        return comparable(make())
    except Exception as error:
        return type(error)


latin = st.text(st.characters(max_codepoint=255), max_size=12)
paths = st.one_of(
    st.just(""),
    latin.map(lambda text: "/" + text),
    latin,
    st.text(max_size=5).map(lambda text: text.encode().decode("latin1")),
)
queries = st.one_of(
    st.text("ab=&+%20c3a4FfÃ¤;?#", max_size=16),
    st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=3).map(
        lambda pairs: "&".join(f"{a}={b}" for a, b in pairs).encode().decode("latin1")
    ),
)
hosts = st.sampled_from(
    [
        None,
        "localhost",
        "example.org:443",
        "example.org:80",
        "[::1]:5000",
        "ex ample",
        "",
        "a" * 300,
        "EXAMPLE.org",
        "x:99999",
    ]
)
cookies = st.one_of(
    st.text('ab=; "\\\t,ü', max_size=16),
    st.sampled_from(["session=abc.def", "a=1; b=2; a=3", 'a="q\\"x"; b', "=x", "a = b ; c"]),
)
header_names = [
    "ACCEPT",
    "ACCEPT_LANGUAGE",
    "ACCEPT_ENCODING",
    "AUTHORIZATION",
    "IF_NONE_MATCH",
    "IF_MODIFIED_SINCE",
    "RANGE",
    "IF_RANGE",
    "CACHE_CONTROL",
    "USER_AGENT",
    "X_FORWARDED_FOR",
    "ORIGIN",
    "REFERER",
    "PRAGMA",
]
header_values = st.sampled_from(
    [
        "text/html, */*;q=0.1",
        "de, en;q=0.5",
        "Basic YTpi",
        "Bearer abc",
        "Basic \xe9",
        '"a", W/"b"',
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "bytes=0-4",
        "no-cache, max-age=3",
        "10.0.0.1, 10.0.0.2",
        "https://example.org/",
        "ü",
        "",
    ]
)
environs = st.fixed_dictionaries(
    {"wsgi.input": st.just(None)},
    optional={
        "REQUEST_METHOD": st.sampled_from(["GET", "POST", "get", "HEAD", "OPTIONS"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https", "ws", "wss"]),
        "SERVER_NAME": st.sampled_from(["localhost", "::1", "/run/socket"]),
        "SERVER_PORT": st.sampled_from(["80", "443", "5000", "", None, "x"]),
        "SCRIPT_NAME": paths,
        "PATH_INFO": paths,
        "QUERY_STRING": queries,
        "REMOTE_ADDR": st.sampled_from(["127.0.0.1", "::1"]),
        "HTTP_HOST": hosts,
        "HTTP_COOKIE": cookies,
        "CONTENT_TYPE": st.sampled_from(
            ["", "text/HTML; charset=utf-8", "application/json", " a/b ;x", "application/x+json"]
        ),
        "CONTENT_LENGTH": st.sampled_from(["", "0", "12", "-1", "+1", " 7 ", "x", "9" * 30, "٣"]),
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip, chunked", "identity"]),
        **{f"HTTP_{name}": header_values for name in header_names},
    },
)
# fmt: off
ATTRIBUTES = [
    "method", "scheme", "server", "root_path", "path", "query_string", "headers", "remote_addr", "args", "cookies",
    "full_path", "is_secure", "host", "url", "base_url", "root_url", "url_root", "host_url", "script_root",
    "access_route", "mimetype", "mimetype_params", "content_type", "content_length", "content_encoding", "is_json",
    "accept_mimetypes", "accept_charsets", "accept_encodings", "accept_languages", "cache_control", "if_match",
    "if_none_match", "if_modified_since", "if_unmodified_since", "if_range", "range", "user_agent", "authorization",
    "origin", "referrer", "pragma", "date", "max_forwards", "remote_user", "is_multithread", "shallow",
    "want_form_data_parsed",
]
# fmt: on


@given(environs, st.permutations(ATTRIBUTES))
def test_attributes_equal_werkzeugs(environ: dict[str, Any], order: list[str]) -> None:
    """Each attribute, read in any order, has the value or the error that werkzeug's request has."""
    try:
        theirs = WerkzeugRequest(dict(environ), populate_request=False)
    except Exception:
        return
    ours = Request(dict(environ))
    for name in order:
        expected = outcome(lambda: getattr(theirs, name))
        if name == "args" and expected is UnicodeDecodeError:
            expected = BadRequest
        if name == "authorization" and expected is ValueError:
            expected = None
        assert outcome(lambda: getattr(ours, name)) == expected, name
    assert repr(ours) == repr(theirs)


form_bodies = st.one_of(
    st.binary(max_size=12),
    queries.map(lambda text: text.encode("latin1", "replace")),
    st.sampled_from([b"a=1&b=2&a=3", b"", MULTIPART, b'{"a": 1}', b"[1", b"nul", b"a=%ff&b=\xff", b"\xff"]),
)
content_types = st.sampled_from(
    [
        None,
        URLENCODED,
        f"{URLENCODED}; charset=utf-8",
        URLENCODED.upper(),
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/json",
        "application/problem+json",
        "text/plain",
    ]
)
STEPS: dict[str, Callable[[Any], Any]] = {
    "form": lambda request: request.form,
    "files": lambda request: request.files,
    "values": lambda request: [comparable(part) for part in request.values.dicts],
    "data": lambda request: request.data,
    "get_data": lambda request: request.get_data(),
    "text": lambda request: request.get_data(as_text=True),
    "once": lambda request: request.get_data(cache=False),
    "parsed": lambda request: request.get_data(parse_form_data=True),
    "stream": lambda request: request.stream.read(),
    "piece": lambda request: request.stream.read(3),
    "json": lambda request: request.json,
    "forced": lambda request: request.get_json(force=True),
    "silent": lambda request: request.get_json(silent=True),
    "forced silent": lambda request: request.get_json(force=True, silent=True),
    "uncached": lambda request: request.get_json(force=True, cache=False),
    "close": lambda request: request.close(),
}


class Slow(io.BytesIO):
    """A body that arrives in pieces of two bytes."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 2 else 2)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@given(
    form_bodies,
    content_types,
    st.sampled_from([None, 0, 1, -1, "chunked", "text"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, None, 100_000, 5]),
    st.sampled_from([io.BytesIO, Slow]),
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
)
def test_body_equals_werkzeugs(
    body: bytes,
    content_type: str | None,
    length: Any,
    terminated: bool,
    shallow: bool,
    limit: int | None,
    source: type[io.BytesIO],
    steps: list[str],
) -> None:
    """Form, files, data and JSON are werkzeug's after any way of looking at the body."""
    if terminated and limit is not None and len(body) >= limit:
        return  # test_terminated_body_limit: werkzeug cuts it off
    if length == "chunked":
        sizes: dict[str, Any] = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"}
    elif length == "text":
        sizes = {"CONTENT_LENGTH": "many"}
    else:
        sizes = {"CONTENT_LENGTH": None if length is None else str(max(0, len(body) + length))}
    if terminated:
        sizes["wsgi.input_terminated"] = True

    def make(cls: type[WerkzeugRequest]) -> WerkzeugRequest:
        request = cls(
            environ_of(body, content_type, **{**sizes, "wsgi.input": source(body)}),
            shallow=shallow and "close" in steps,
        )
        request.max_content_length = limit
        return request

    ours, theirs = make(Request), make(WerkzeugRequest)
    for step in steps:
        assert outcome(lambda: STEPS[step](ours)) == outcome(lambda: STEPS[step](theirs)), step
    ours.close()
    theirs.close()


@given(
    st.sampled_from(["http", "https", "ws"]),
    st.text("ab.-:1[]", min_size=1, max_size=8) | st.sampled_from(["xn--n3h.net", "a:080", "EXAMPLE.org", "a" * 70]),
    st.text("/ab.%2~;", max_size=5),
    st.text("/ab.%2~;-_ü?#", max_size=8),
    st.text("ab=&%2+?/;#~", max_size=8),
)
def test_urls_equal_werkzeugs(scheme: str, host: str, root: str, path: str, query: str) -> None:
    """The URLs are werkzeug's, whether they need any encoding or not."""
    path = path.encode().decode("latin1")
    environ = environ_of(HTTP_HOST=host, SCRIPT_NAME=root, PATH_INFO=path, QUERY_STRING=query)
    environ["wsgi.url_scheme"] = scheme
    for name in ("url", "base_url", "root_url", "host_url"):
        expected = outcome(lambda: getattr(WerkzeugRequest(dict(environ)), name))
        assert outcome(lambda: getattr(Request(environ), name)) == expected


def test_constructor_stores_the_environ_only() -> None:
    """Nothing is computed at first, and nothing is stored in the environ."""
    environ = environ_of()
    before = dict(environ)
    request = Request(environ)
    assert vars(request) == {"environ": environ}
    assert environ == before
    assert Request(environ, shallow=True).shallow


def test_no_reference_cycle() -> None:
    """A request that was used is freed without the garbage collector."""
    request = Request(environ_of(b"a=1", URLENCODED, QUERY_STRING="q=1"))
    assert request.args["q"] == request.form["a"] == "1"
    assert request.values["a"]
    reference = weakref.ref(request)
    gc.disable()
    try:
        del request
        assert reference() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "PUT"),
        ("scheme", "https"),
        ("server", ("example.org", 80)),
        ("root_path", "/app"),
        ("path", "/other"),
        ("query_string", b"q=2"),
        ("headers", Headers({"Cookie": "a=2"})),
        ("remote_addr", "10.0.0.1"),
        ("host", "other"),
        ("args", MultiDict({"q": "3"})),
        ("form", MultiDict()),
        ("files", MultiDict()),
        ("stream", io.BytesIO(b"own")),
        ("cookies", MultiDict()),
        ("content_length", 4),
        ("max_content_length", 5),
        ("max_form_parts", 6),
        ("max_form_memory_size", None),
        ("url_rule", Rule("/")),
        ("view_args", {"a": 1}),
        ("routing_exception", NotFound()),
        ("anything", 1),
    ],
)
def test_attribute_can_be_set(name: str, value: object) -> None:
    """An attribute that was set is what is read back, whether it was read before or not."""
    fresh, used = Request(environ_of()), Request(environ_of())
    getattr(used, name, None)
    for request in (fresh, used):
        setattr(request, name, value)
        assert getattr(request, name) is value


def test_what_was_set_is_used() -> None:
    """Attributes that depend on one that was set follow it."""
    request = Request(environ_of(QUERY_STRING="q=1", HTTP_COOKIE="a=1", CONTENT_TYPE="text/plain", HTTP_HOST="one"))
    request.query_string = b"q=2"
    request.headers = Headers(
        {"Cookie": "a=2", "Content-Type": "application/json", "Content-Length": "9", "Host": "two"}
    )
    assert request.args["q"] == request.cookies["a"] == "2"
    assert request.mimetype == "application/json"
    assert request.content_length == 9
    assert request.url == "http://two/?q=2"


def test_parsed_content_type_is_used() -> None:
    """A media type that was parsed already, parameters and all, stays."""
    request = Request(environ_of(CONTENT_TYPE="text/plain; charset=latin1"))
    assert request.mimetype_params == {"charset": "latin1"}
    request.environ["CONTENT_TYPE"] = "text/html"
    assert request.mimetype == "text/plain"


def test_stream_that_was_set_is_read() -> None:
    """A middleware's or a hook's own stream is what form and data come from."""
    request = Request(environ_of(b"a=1", URLENCODED))
    request.stream = io.BytesIO(b"a=2&b=3")
    assert request.form.to_dict() == {"a": "2", "b": "3"}


@pytest.mark.parametrize(
    ("endpoint", "blueprint", "blueprints"),
    [(None, None, []), ("index", None, []), ("shop.index", "shop", ["shop"]), ("a.b.c", "a.b", ["a.b", "a"])],
)
def test_endpoint_and_blueprints(endpoint: str | None, blueprint: str | None, blueprints: list[str]) -> None:
    """The endpoint comes from the rule, and the blueprints from the endpoint, innermost first."""
    request = Request(environ_of())
    if endpoint is not None:
        request.url_rule = Rule("/", endpoint=endpoint)
    assert (request.endpoint, request.blueprint, request.blueprints) == (endpoint, blueprint, blueprints)


def test_query_that_is_not_utf8() -> None:
    """Raw bytes in the query string are the client's mistake, not the server's."""
    with pytest.raises(BadRequest, match="byte 2"):
        _ = Request(environ_of(QUERY_STRING="q=\xff")).args


class Configured(Request):
    """A request of an application with settings of its own."""

    settings: dict[str, Any] = {}
    current_settings = staticmethod(lambda: Configured.settings)


def configured(settings: dict[str, Any], *arguments: Any, **more: Any) -> Request:
    """Returns a request that sees the settings."""
    Configured.settings = settings
    return Configured(environ_of(*arguments, **more))


def test_limits() -> None:
    """A limit is the request's own, else the setting, else werkzeug's default; None lifts it."""
    request = Request(environ_of())
    assert (request.max_content_length, request.max_form_memory_size, request.max_form_parts) == (None, 500_000, 1_000)
    request = configured({"MAX_CONTENT_LENGTH": 9, "MAX_FORM_MEMORY_SIZE": 8, "MAX_FORM_PARTS": 7})
    assert (request.max_content_length, request.max_form_memory_size, request.max_form_parts) == (9, 8, 7)
    request.max_content_length = None
    assert request.max_content_length is None
    assert not isinstance(Request.max_form_parts, int)


READERS: list[Callable[[Request], Any]] = [
    lambda request: request.get_data(),
    lambda request: request.stream.read(),
    lambda request: [request.stream.read(3) for _ in range(20)],
    lambda request: request.get_json(force=True),
    lambda request: request.form,
    lambda request: request.files,
]


@pytest.mark.parametrize("content_type", [URLENCODED, "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("source", [io.BytesIO, Slow])
def test_terminated_body_limit(
    read: Callable[[Request], Any], length: bool, content_type: str, source: type[io.BytesIO]
) -> None:
    """A body that the server ends, chunked or not, is refused if it is longer than the limit, and only then."""
    body = json.dumps({"a": "1" * 10}).encode()
    for limit, refused in ((len(body), False), (len(body) + 1, False), (len(body) - 1, True), (0, True)):
        environ = environ_of(body, content_type, **{"wsgi.input_terminated": True, "wsgi.input": source(body)})
        if not length:
            del environ["CONTENT_LENGTH"]
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        request = Request(environ)
        request.max_content_length = limit
        if refused:
            with pytest.raises(RequestEntityTooLarge):
                read(request)
        else:
            read(request)


@pytest.mark.parametrize("look", ["form", "files", "values", "data", "stream"])
def test_a_form_that_breaks_off_cannot_be_read_again(look: str) -> None:
    """A broken connection is told to everybody who looks at the form or the body, not to the first only."""
    environ = environ_of(MULTIPART, "multipart/form-data; boundary=x", CONTENT_LENGTH=str(len(MULTIPART) + 1))
    for request in (Request(dict(environ)), WerkzeugRequest(dict(environ))):
        for name in ("form", look, "form"):
            with pytest.raises(ClientDisconnected):
                _ = request.stream.read() if name == "stream" else getattr(request, name)
        request.close()


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_urlencoded_limits(size: int, chunked: bool) -> None:
    """A urlencoded form is held to the limits of bytes and of fields, however it arrives, each time it is looked at."""
    body = b"a=" + b"1" * (size - 2)
    more: dict[str, Any] = (
        {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True} if chunked else {}
    )
    request = configured({"MAX_FORM_MEMORY_SIZE": size}, body, URLENCODED, **more)
    assert len(request.form["a"]) == size - 2
    request = configured({"MAX_FORM_MEMORY_SIZE": size - 1}, body, URLENCODED, **more)
    with pytest.raises(RequestEntityTooLarge):
        _ = request.form
    fields = b"&".join([b"a=1"] * 5) + b"&&"
    assert len(configured({"MAX_FORM_PARTS": 5}, fields, URLENCODED, **more).form.getlist("a")) == 5
    assert len(configured({"MAX_FORM_PARTS": None}, fields, URLENCODED, **more).form.getlist("a")) == 5
    assert configured({"MAX_FORM_MEMORY_SIZE": None}, fields, URLENCODED, **more).form["a"] == "1"
    request = configured({"MAX_FORM_PARTS": 4}, fields, URLENCODED, **more)
    for _ in range(1 if chunked else 2):
        with pytest.raises(RequestEntityTooLarge, match="5 fields; at most 4"):
            _ = request.form


def test_werkzeugs_parser_has_no_urlencoded_limits() -> None:
    """With werkzeug's own parser class the form is as long as Flask would take it."""

    class Lenient(Configured):
        form_data_parser_class = WerkzeugFormDataParser

    Configured.settings = {"MAX_FORM_PARTS": 1, "MAX_FORM_MEMORY_SIZE": 1}
    request = Lenient(environ_of(b"a=1&b=%ff&c=\xc3\xa4", URLENCODED))
    assert request.form.to_dict() == {"a": "1", "b": "%FF", "c": "ä"}
    assert Lenient(environ_of(b"a=\xff", URLENCODED)).form.to_dict() == {}


@pytest.mark.parametrize("limit", [3, 100])
def test_malformed_chunk(limit: int) -> None:
    """Whatever a server raises for a malformed chunk is the client's mistake, at any place of the body."""

    class Malformed:
        sent = False

        def read(self, size: int = -1) -> bytes:
            if self.sent:
                raise KeyError("invalid chunk")
            self.sent = True
            return b"a=1"

    for more in ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}, {"CONTENT_LENGTH": "5"}):
        for content_type in (URLENCODED, "text/plain"):
            for read in READERS[:4]:
                source = {"wsgi.input": Malformed(), "wsgi.input_terminated": True}
                request = Request(environ_of(b"", content_type, **{**more, **source}))
                request.max_content_length = limit
                with pytest.raises((ClientDisconnected, RequestEntityTooLarge)) as caught:
                    read(request)
                length_tells = "HTTP_TRANSFER_ENCODING" not in more and limit == 3
                assert caught.type is (RequestEntityTooLarge if length_tells else ClientDisconnected)


def test_client_that_hangs_up() -> None:
    """A body that ends before its length is an error at every attempt to read it."""
    for source in (io.BytesIO(b"a="), io.BufferedReader(io.BytesIO(b"a=")), Broken()):
        request = Request(environ_of(b"", URLENCODED, **{"wsgi.input": source, "CONTENT_LENGTH": "9"}))
        for read in READERS[:2] + READERS[4:]:
            with pytest.raises(ClientDisconnected):
                read(request)


class Broken(io.BytesIO):
    """A connection that fails."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("connection reset")

    def readinto(self, buffer: Any) -> int:
        raise OSError("connection reset")


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", BadRequest),
        (b"\xff", "application/json", BadRequest),
        (b"[" * 100_000, "application/json", BadRequest),
        (b"{}", "text/plain", UnsupportedMediaType),
        (b"{}", None, UnsupportedMediaType),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_json_errors(body: bytes, content_type: str | None, error: type[Exception], debug: bool) -> None:
    """A body that is not JSON is 400, one that does not say it is 415; the place of the error is told in debug mode."""
    request = configured({"DEBUG": debug}, body, content_type)
    with pytest.raises(error):
        request.get_json()
    with pytest.raises(error) as caught:
        request.get_json()
    assert ("Failed to decode" in str(caught.value)) is (debug and error is BadRequest)
    assert request.get_json(silent=True) is None
    assert request.get_json(silent=True) is None


def test_json_failure_may_have_a_value() -> None:
    """A subclass may return something in place of the error, which is kept like a value."""

    class Forgiving(Request):
        def on_json_loading_failed(self, e: ValueError | None) -> Any:
            return {"failed": e is not None}

    request = Forgiving(environ_of(b"{", "application/json"))
    assert request.json is request.json
    assert request.json == {"failed": True}
    assert Forgiving(environ_of(b"{}")).json == {"failed": False}


def test_json_module_of_the_request() -> None:
    """The JSON provider that was set on the request parses its body."""

    class Provider:
        @staticmethod
        def loads(data: bytes) -> Any:
            return ["own", data]

    request = Request(environ_of(b"1", "application/json"))
    request.json_module = Provider
    assert request.json == ["own", b"1"]


def test_shallow() -> None:
    """The body of a shallow request cannot be read."""
    for read in READERS:
        with pytest.raises(RuntimeError, match="shallow=True"):
            read(Request(environ_of(b"{}", URLENCODED), shallow=True))


def test_trusted_hosts() -> None:
    """The host is held to the request's trusted hosts, else to the setting."""
    request = configured({"TRUSTED_HOSTS": [".example.org"]}, HTTP_HOST="evil.com")
    with pytest.raises(SecurityError):
        _ = request.host
    request.trusted_hosts = ["evil.com"]
    assert request.host == "evil.com"
    assert configured({"TRUSTED_HOSTS": [".example.org"]}, HTTP_HOST="www.example.org").host == "www.example.org"


class ListParser(WerkzeugFormDataParser):
    """A parser of the user's own."""

    def parse(self, *arguments: Any, **options: Any) -> Any:
        stream, _, files = super().parse(*arguments, **options)
        return stream, self.cls([("own", "parser")]), files


OVERRIDES: dict[str, Any] = {
    "form_data_parser_class": ListParser,
    "parameter_storage_class": MultiDict,
    "dict_storage_class": MultiDict,
    "list_storage_class": list,
    "make_form_data_parser": lambda self: ListParser(cls=ImmutableMultiDict),
    "want_form_data_parsed": property(lambda self: False),
    "mimetype": property(lambda self: "text/own"),
    "mimetype_params": property(lambda self: {"own": "1"}),
    "_get_stream_for_parsing": lambda self: io.BytesIO(b"own=stream"),
    "_parse_content_type": lambda self: setattr(self, "_parsed_content_type", ("own/type", {})),
    "query_string": property(lambda self: b"own=query", lambda self, value: None),
    "headers": property(lambda self: Headers({"Cookie": "own=1", "Content-Length": "3"}), lambda self, value: None),
    "content_length": property(lambda self: 3, lambda self, value: None),
    "stream": property(lambda self: io.BytesIO(b"own=stream"), lambda self, value: None),
    "get_data": lambda self, *arguments, **options: b"own",
    "max_content_length": 4,
    "args": property(lambda self: MultiDict({"own": "args"})),
}


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("patched", [False, True])
def test_override_is_used(name: str, patched: bool) -> None:
    """What a subclass overrides, in its body or later, has the effect that it has with werkzeug's class."""

    def seen_by(base: Any) -> list[Any]:
        cls = type("Own", (base,), {} if patched else {name: OVERRIDES[name]})
        child = type("Child", (cls,), {})
        if patched:
            setattr(cls, name, OVERRIDES[name])
        more = {"QUERY_STRING": "q=1", "HTTP_COOKIE": "a=1", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}
        names = ["args", "cookies", "access_route", "mimetype", "mimetype_params", "content_length", "form", "files"]
        request = child(environ_of(b"a=1&b=2", URLENCODED, **more))
        seen = [outcome(lambda: getattr(request, attribute)) for attribute in names]
        request = child(environ_of(b"a=1&b=2", URLENCODED, **more))
        return [*seen, outcome(request.get_data), outcome(lambda: request.form)]

    assert seen_by(Request) == seen_by(WerkzeugRequest)


def test_override_that_calls_super() -> None:
    """A property of a subclass may build on the attribute of the base class."""

    class Own(Request):
        @property
        def form(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
            return {"own": super().form.to_dict()}

    assert Own(environ_of(b"a=1", URLENCODED)).form == {"own": {"a": "1"}}


def test_storage_class_of_the_request() -> None:
    """A storage class that a hook sets on one request is used for it."""
    request = Request(environ_of(b"a=1", URLENCODED, QUERY_STRING="q=1"))
    request.parameter_storage_class = MultiDict
    for storage in (request.args, request.form, request.files):
        assert type(storage) is MultiDict


def test_parser_class_of_the_request() -> None:
    """A parser class that a hook sets on one request is used for it."""
    request = Request(environ_of(b"a=1", URLENCODED))
    request.form_data_parser_class = ListParser
    assert request.form.to_dict() == {"own": "parser"}


def test_values() -> None:
    """Values are those of the query and then of the form; the query alone for GET."""
    request = Request(environ_of(b"a=2&b=3", URLENCODED, QUERY_STRING="a=1"))
    assert isinstance(request.values, CombinedMultiDict)
    assert request.values.getlist("a") == ["1", "2"]
    assert "b" not in Request(environ_of(b"b=3", URLENCODED, REQUEST_METHOD="GET")).values


def test_uploaded_files_are_closed() -> None:
    """Closing the request closes the files of its form."""
    body = MULTIPART.replace(b"file\r\n", b"x" * 600_000 + b"\r\n")
    with Request(environ_of(body, "multipart/form-data; boundary=x")) as request:
        stream = request.files["f"].stream
        assert not stream.closed
    assert stream.closed


def test_files_of_a_refused_form_are_closed() -> None:
    """Closing the request also closes the files of a form that was refused half way."""
    body = MULTIPART.replace(b"file\r\n", b"x" * 600_000)
    request = Request(environ_of(body, "multipart/form-data; boundary=x", **{"wsgi.input_terminated": True}))
    del request.environ["CONTENT_LENGTH"]
    request.max_content_length = 550_000
    with pytest.raises(RequestEntityTooLarge):
        _ = request.form
    (upload,) = vars(request)["_uploads"]
    request.close()
    assert upload.closed


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", 'multipart/form-data; boundary="x"'])
@pytest.mark.parametrize("disposition", [b"form-data", b'form-data; filename="f"'])
def test_a_part_without_a_name_is_refused(kind: str, disposition: bytes) -> None:
    """The names of fields are texts: a part without one is a bad request, unless the setting says otherwise."""
    part = b"--x\r\nContent-Disposition: " + disposition + b"\r\n\r\n1\r\n"
    body = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n' + part + b"--x--\r\n"
    request = Request(environ_of(body, kind))
    with pytest.raises(BadRequest, match="has no name"):
        _ = request.form
    assert all(upload.closed for upload in vars(request).get("_uploads", ()))
    request = Request(environ_of(body, kind))
    request.refuse_nameless_parts = False
    with request:
        assert None in {*request.form, *request.files}


def test_from_values() -> None:
    """werkzeug's way to make a request from a URL gives one of ours."""
    request = Request.from_values("/a?b=1", base_url="http://example.org/")
    assert type(request) is Request
    assert request.url == "http://example.org/a?b=1"


@pytest.mark.parametrize("value", ["Thu, 01 Jan 1970 00:00:18446744073709551615 GMT", "1 Jan 1970 0:0:0 +" + "9" * 20])
def test_numbers_that_fit_into_no_date(value: str) -> None:
    """A date whose numbers are too large counts as none; werkzeug raises OverflowError."""
    names = ["Date", "If-Modified-Since", "If-Unmodified-Since", "If-Range"]
    request = Request(make_environ(headers=dict.fromkeys(names, value)))
    assert (request.date, request.if_modified_since, request.if_unmodified_since) == (None, None, None)
    assert (request.if_range.date, request.if_range.etag) == (None, None)
    known = Request(make_environ(headers=dict.fromkeys(names, "Thu, 01 Jan 1970 00:00:05 GMT")))
    assert {known.date, known.if_modified_since, known.if_unmodified_since, known.if_range.date} == {
        datetime(1970, 1, 1, 0, 0, 5, tzinfo=timezone.utc)
    }


_URL_TEXT = st.text(st.sampled_from('/aZ09é€😀?#[]{}"<>^`|\\;=&+:@ ~\x00\x1f\x7f\x80'), max_size=8).map(str.encode)
_URL_BYTES = st.lists(_URL_TEXT | st.binary(max_size=4), max_size=4).map(b"".join)


@settings(max_examples=1000, deadline=None)
@given(
    mount=st.sampled_from(["", "/m", "/mé/", "/m m", ":", ":80", "m", "@m", "/", "//m"]),
    path=_URL_BYTES,
    query=_URL_BYTES,
    host=st.sampled_from(["example.com", "localhost:5000", "[::1]", "xn--n3h.net"]),
)
def test_the_url_is_that_of_werkzeug(mount: str, path: bytes, query: bytes, host: str) -> None:
    """The URL is werkzeug's for any bytes of path and query, also for those that are no text."""
    environ = environ_of(
        SCRIPT_NAME=mount.encode().decode("latin-1"),
        PATH_INFO="/" + path.decode("latin-1"),
        QUERY_STRING=query.decode("latin-1"),
        HTTP_HOST=host,
    )
    assert outcome(lambda: Request(environ).url) == outcome(lambda: WerkzeugRequest(environ).url)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("xn--fa-hia.example", "xn--fa-hia.example"),
        ("www.xn--fa-hia.xn--mnchen-3ya.example:8080", "www.xn--fa-hia.münchen.example:8080"),
        ("XN--A.example", "xn--a.example"),
    ],
)
def test_a_host_that_python_cannot_decode_stays_as_it_is(host: str, shown: str) -> None:
    """IDNA of 2008 has names for which Python's codec raises an error; the URL has them in Punycode."""
    environ = environ_of(HTTP_HOST=host, SCRIPT_NAME="/mé".encode().decode("latin-1"), PATH_INFO="/a%20b c")
    environ["QUERY_STRING"] = "q=%C3%A9"
    request = Request(environ)
    assert request.url == f"http://{shown}/mé/a%20b%20c?q=é"
    assert request.base_url == f"http://{shown}/mé/a%20b%20c"
    assert request.root_url == request.url_root == f"http://{shown}/mé/"
    assert request.host_url == f"http://{shown}/"


def test_a_thousand_languages_count() -> None:
    """Of a header with more languages than anybody speaks, the best thousand are chosen from."""
    header = ", ".join([*(f"x{number};q=0.{number % 9}" for number in range(2000)), "en-GB"])
    request = Request(environ_of(HTTP_ACCEPT_LANGUAGE=header))
    assert len(request.accept_languages) == 1000
    assert request.accept_languages.best_match(["de", "en"]) == "en"
    theirs = WerkzeugRequest(environ_of(HTTP_ACCEPT_LANGUAGE=header)).accept_languages
    assert list(request.accept_languages) == list(theirs)[:1000]
    few = environ_of(HTTP_ACCEPT_LANGUAGE="de, en;q=0.5")
    assert Request(few).accept_languages == WerkzeugRequest(few).accept_languages
