"""Bad input of a client gets a 4xx with a body that says so, and never a traceback."""

from __future__ import annotations

import io
import logging
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costrel
from costrel import App, request
from tests.support.environ import Reply, call, errors_of, make_environ
from tests.support.server import RunningServer, body_of, real_server, status_of

HERE = Path(__file__).name

#: Everything of a request that is parsed from what the client sent.
ATTRIBUTES = [
    "accept_charsets", "accept_encodings", "accept_languages", "accept_mimetypes",
    "access_control_request_headers", "access_route", "args", "authorization", "base_url", "cache_control",
    "content_encoding", "content_length", "content_md5", "content_type", "cookies", "data", "date", "files",
    "form", "full_path", "host", "host_url", "if_match", "if_modified_since", "if_none_match", "if_range",
    "if_unmodified_since", "is_json", "is_secure", "max_forwards", "mimetype", "mimetype_params", "origin",
    "path", "pragma", "query_string", "range", "referrer", "remote_user", "root_path", "root_url",
    "script_root", "url", "url_root", "user_agent", "values", "blueprints", "endpoint",
]  # fmt: skip


def _look_at_everything() -> str:
    """Reads each attribute, the session and a URL, as some view or extension may."""
    for name in ATTRIBUTES:
        getattr(request, name)
    for upload in request.files.values():
        upload.read()
    costrel.session.get("user")
    costrel.url_for("number", n=1, _external=True)
    return "fine"


def _make_app() -> App:
    app = App("bad_input")
    app.config.update(SECRET_KEY="test key", MAX_CONTENT_LENGTH=2000, MAX_FORM_MEMORY_SIZE=500, MAX_FORM_PARTS=5)
    app.config["TRUSTED_HOSTS"] = ["*"]
    views: dict[str, Callable[..., Any]] = {
        "/": lambda: "home",
        "/all": _look_at_everything,
        "/json": lambda: {"got": request.json},
        "/form": lambda: request.form["name"],
        "/files": lambda: request.files["name"].filename or "",
        "/data": lambda: str(len(request.data)),
        "/arg": lambda: request.args["name"],
        "/error": lambda: 1 // 0,
        "/file": lambda: costrel.send_file(
            io.BytesIO(b"0123456789"), mimetype="text/plain", conditional=True, etag="tag"
        ),
    }
    for rule, view in views.items():
        app.add_url_rule(rule, rule.strip("/") or "home", view, methods=["GET", "POST"])
    app.add_url_rule("/number/<int:n>", "number", lambda n: str(n))
    app.add_url_rule("/float/<float:n>", "float", lambda n: str(n))
    app.add_url_rule("/uuid/<uuid:n>", "uuid", lambda n: str(n))
    app.add_url_rule("/any/<any(a, b):n>", "any", lambda n: str(n))
    app.add_url_rule("/text/<text>/end", "text", lambda text: repr(text))
    app.add_url_rule("/folder/", "folder", lambda: "folder")
    return app


APP = _make_app()


def _ask(path: str | bytes = "/", app: App = APP, **environ: Any) -> tuple[Reply, bytes]:
    """Returns the reply and its body; asserts that the application logged no error on the way."""
    made = make_environ(path, **environ)
    reply = call(app, made)
    body = reply.read()
    assert "Traceback" not in errors_of(made)
    return reply, body


def _check_refusal(reply: Reply, body: bytes) -> None:
    """Asserts that a refusal names itself in its body and shows nothing of the program."""
    name = reply.status.split(" ", 1)[1]
    assert body == b"" or name.lower() in body.decode().lower()
    assert b"Traceback" not in body
    assert b".py" not in body
    length = reply.header("Content-Length")
    assert length is None or int(length) == len(body)


def _multipart(*parts: str, end: str = "--x--\r\n") -> bytes:
    return ("".join(f"--x\r\n{part}\r\n" for part in parts) + end).encode()


FIELD = 'Content-Disposition: form-data; name="name"\r\n\r\nvalue'
UPLOAD = 'Content-Disposition: form-data; name="name"; filename="a.txt"\r\n\r\ntext'
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}

#: path, headers, body, status.
REFUSED: list[tuple[str | bytes, dict[str, str], bytes, int]] = [
    ("/missing", {}, b"", 404),
    (b"/\xff\xfe", {}, b"", 404),
    (b"/number/\xff", {}, b"", 404),
    ("/number/" + "9" * 5000, {}, b"", 404),
    ("/number/-1", {}, b"", 404),
    ("/number/one", {}, b"", 404),
    ("/number/٣", {}, b"", 200),
    ("/float/1", {}, b"", 404),
    ("/float/nan", {}, b"", 404),
    ("/uuid/1", {}, b"", 404),
    ("/any/c", {}, b"", 404),
    ("/text/a/b/end", {}, b"", 404),
    ("/arg", {}, b"", 400),
    ("/form", FORM, b"other=1", 400),
    ("/form", FORM, b"name", 200),
    ("/form", FORM, b"name=%zz%ff", 200),
    ("/form", FORM, b"name=" + b"a" * 600, 413),
    ("/form", FORM, b"&".join(b"a=1" for _ in range(6)), 413),
    ("/form", MULTIPART, _multipart(FIELD), 200),
    ("/form", MULTIPART, _multipart(FIELD.replace("value", "v" * 600)), 413),
    ("/form", MULTIPART, _multipart(*[FIELD] * 6), 413),
    ("/form", MULTIPART, b"not multipart at all", 400),
    ("/form", MULTIPART, _multipart(FIELD, end=""), 400),
    ("/form", {"Content-Type": "multipart/form-data"}, _multipart(FIELD), 400),
    ("/form", {"Content-Type": "multipart/form-data; boundary="}, _multipart(FIELD), 400),
    ("/form", {"Content-Type": "multipart/form-data; boundary=" + "x" * 300}, _multipart(FIELD), 400),
    ("/form", MULTIPART, _multipart("No-Colon\r\n\r\nvalue"), 400),
    ("/form", MULTIPART, _multipart("Content-Disposition: attachment\r\n\r\nvalue"), 400),
    ("/files", MULTIPART, _multipart(UPLOAD), 200),
    ("/files", FORM, b"name=a.txt", 400),
    ("/files", MULTIPART, _multipart(UPLOAD.replace("text", "t" * 2000)), 413),
    ("/json", JSON, b"", 400),
    ("/json", JSON, b"{", 400),
    ("/json", JSON, b"{'a': 1}", 400),
    ("/json", JSON, b"\xff\xfe", 400),
    ("/json", JSON, b"[" * 1900, 400),
    ("/json", JSON, b'"\xed\xa0\x80"', 200),
    ("/json", JSON, b"1" * 1900, 200),
    ("/json", {"Content-Type": "text/plain"}, b"{}", 415),
    ("/json", {}, b"{}", 415),
    ("/json", JSON, b'"' + b"a" * 2000 + b'"', 413),
    ("/data", {}, b"a" * 2001, 413),
    ("/data", {"Content-Length": "10"}, b"short", 400),
    ("/file", {"Range": "bytes=20-30"}, b"", 416),
]


@pytest.mark.parametrize(("path", "headers", "body", "status"), REFUSED)
def test_malformed_requests_are_refused(path: str | bytes, headers: dict[str, str], body: bytes, status: int) -> None:
    """Each malformed request gets its 4xx with a body that says so, and never a traceback."""
    method = "POST" if body or (headers and "Range" not in headers) else "GET"
    reply, answer = _ask(path, method=method, headers=headers, body=body)
    assert reply.status_code == status
    if status >= 400:
        _check_refusal(reply, answer)


#: Headers with values that make no sense; no view needs to fail because of them.
ODD_HEADERS = {
    "Host": [
        "", " ", "bad host", "a/b", "a@b", "a:b", "a:99999999", "[::1", "[::1]:80", "ü", "-", "..", "a" * 5000,
        "\xff", "1:2:3",
    ],
    "Content-Length": ["", "-1", "abc", "1e3", "+5", "٣", "9" * 30, "5, 5", " 5 "],
    "Content-Type": [
        "", ";", "text", "a/b; charset=nonsense", "application/json; charset=\xff", "multipart/form-data", "/",
    ],
    "Transfer-Encoding": ["chunked", "identity", "gzip, chunked", "nonsense"],
    "Cookie": [
        "", "=", ";;;", "a", "=b", "a=\"", "session=", "session=.", "session=a.b.c", "session=\xff", 'a="\\9"',
        "a=" + "b" * 9000,
    ],
    "Range": [
        "", "bytes", "bytes=", "bytes=a-b", "bytes=-", "bytes=5-1", "bytes=0-0,1-1,2-2", "lines=1-2",
        "bytes=" + "9" * 5000 + "-", "bytes=0-" + "9" * 5000,
    ],
    "If-Modified-Since": [
        "", "yesterday", "0", "Mon, 99 Foo 2020 99:99:99 GMT", "Thu, 01 Jan 99999 00:00:00 GMT", "\xff",
        "Thu, 01 Jan 1970 00:00:18446744073709551615 GMT", "Thu, 01 Jan 1970 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
    "If-Unmodified-Since": ["never", "9" * 5000],
    "If-Range": ["", '"', "W/", "Mon, 99 Foo 2020 99:99:99 GMT"],
    "If-None-Match": ["", '"', "*", "W/*", ",,,", "W/\"a", "\xff"],
    "If-Match": ["", '"', '"a", *'],
    "Date": ["", "not a date", "Mon, 01 Jan 0000 00:00:00 GMT"],
    "Authorization": [
        "", "Basic", "Basic !!!", "Basic /w==", "Basic YQ==", "Digest", 'Digest a="', "Bearer", "\xff",
        "Basic " + "é",
    ],
    "Accept": [
        "", ";", "*/*;q=abc", "text/html;q=-1", "text/html;q=nan", "a" * 5000, "/;q=inf",
        "text/html;q=" + "9" * 5000,
    ],
    "Accept-Language": ["", ";q=", "de;q=2", "---"],
    "Accept-Encoding": ["", ";;", "gzip;q=1e999"],
    "Cache-Control": ["", "max-age", "max-age=abc", "max-age=" + "9" * 5000, "=", '"'],
    "X-Forwarded-For": ["", ",", "a,b,c", "\xff"],
    "Forwarded": ["for=;"],
    "Max-Forwards": ["", "abc", "9" * 5000],
    "Origin": ["", "null", "\xff", "http://[", "http://a:b"],
    "Referer": ["", "\xff", "http://["],
    "User-Agent": ["", "\xff", "a" * 9000],
    "Access-Control-Request-Headers": ["", ",,"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD_HEADERS.items() for value in values])
def test_odd_headers_break_nothing(name: str, value: str) -> None:
    """A view that reads everything gets a usable value for each odd header, or the client a 4xx."""
    value = value.encode().decode("latin-1")
    for path in ["/all", "/file", "/missing", "/folder"]:
        for method, body in [("GET", b""), ("POST", b"name=1")]:
            reply, answer = _ask(path, method=method, headers={name: value}, body=body)
            assert reply.status_code < 500
            # A precondition that failed (412) leaves the file's own body, as werkzeug does; that is no error page.
            if reply.status_code >= 400 and reply.status_code != 412:
                _check_refusal(reply, answer)


ODD_QUERIES: list[str | bytes] = [
    "%",
    "%zz",
    "%ff",
    "a=%ff",
    b"\xff",
    b"\xed\xa0\x80=1",
    "&&&",
    "=",
    "a=1&a",
    "a&" * 3000,
]


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_odd_queries_break_nothing(query: str | bytes) -> None:
    """A query that is not well-formed is read as well as it goes, or refused."""
    reply, body = _ask("/all", query=query)
    assert reply.status_code < 500
    if reply.status_code >= 400:
        _check_refusal(reply, body)


@pytest.mark.parametrize(
    "environ",
    [
        {"PATH_INFO": ""},
        {"PATH_INFO": "no-slash"},
        {"PATH_INFO": "//all"},
        {"PATH_INFO": "//evil.example/%2e%2e"},
        {"PATH_INFO": "/folder"},
        {"PATH_INFO": "/\\folder"},
        {"PATH_INFO": "/a\r\nb"},
        {"PATH_INFO": "/folder\x00"},
        {"SCRIPT_NAME": "//evil.example"},
        {"SCRIPT_NAME": "\xff"},
        {"REQUEST_METHOD": "get"},
        {"REQUEST_METHOD": "BREW"},
        {"REQUEST_METHOD": ""},
        {"REQUEST_METHOD": "\xff"},
        {"SERVER_PORT": "abc"},
        {"SERVER_PORT": ""},
        {"SERVER_NAME": ""},
        {"CONTENT_LENGTH": "", "CONTENT_TYPE": ""},
        {"wsgi.url_scheme": "gopher"},
        {"SERVER_PROTOCOL": "HTTP/0.9"},
    ],
)
@pytest.mark.parametrize("path", ["/all", "/missing", "/number/1"])
def test_odd_environs_break_nothing(environ: dict[str, str], path: str) -> None:
    """Environs at the edge of what a server may send get an answer below 500, and no header breaks a line."""
    made = {**make_environ(path), **environ}
    reply = call(APP, made)
    body = reply.read()
    assert reply.status_code < 500
    assert b"Traceback" not in body
    assert all("\n" not in value and "\r" not in value for _, value in reply.headers)
    assert not (reply.header("Location") or "").startswith("//")


@pytest.mark.parametrize(
    "missing", ["QUERY_STRING", "CONTENT_TYPE", "HTTP_HOST", "SERVER_PORT", "REMOTE_ADDR", "PATH_INFO"]
)
def test_missing_environ_entries_break_nothing(missing: str) -> None:
    """An environ that lacks an entry that only some servers set gets an answer below 500."""
    made = make_environ("/all")
    made.pop(missing, None)
    assert call(APP, made).status_code < 500


HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)


@given(
    headers=st.dictionaries(st.sampled_from([*ODD_HEADERS]), HEADER_TEXT, max_size=4),
    path=st.one_of(st.just(b"/all"), st.binary(max_size=30).map(lambda path: b"/" + path)),
    query=st.binary(max_size=30),
    body=st.binary(max_size=200),
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT"]),
)
def test_no_request_is_a_server_error(
    headers: dict[str, str], path: bytes, query: bytes, body: bytes, method: str
) -> None:
    """Whatever bytes a client sends, the answer is below 500 and can be sent."""
    reply, answer = _ask(path, query=query, headers=headers, body=body, method=method)
    assert 200 <= reply.status_code < 500
    assert b"Traceback" not in answer
    for name, value in reply.headers:
        assert (name + value).encode("latin-1").isascii() or name == "Location"
        assert not set("\r\n\0") & set(name + value)


@given(body=st.text(string.printable, max_size=60).map(str.encode) | st.binary(max_size=60))
def test_no_json_body_is_a_server_error(body: bytes) -> None:
    """A JSON body is read or refused with 400."""
    reply, _ = _ask("/json", method="POST", headers=JSON, body=body)
    assert reply.status_code in {200, 400}


@given(
    parts=st.lists(
        st.builds(
            "{}\r\n\r\n{}".format,
            st.sampled_from([FIELD.split("\r\n")[0], UPLOAD.split("\r\n")[0], "", "Broken", "A: b", ": c"])
            | st.text(max_size=20),
            st.text(max_size=20),
        ),
        max_size=4,
    ),
    cut=st.integers(0, 60),
)
def test_no_multipart_body_is_a_server_error(parts: list[str], cut: int) -> None:
    """A multipart body, cut off anywhere, is read or refused with a 4xx."""
    body = _multipart(*parts)
    reply, _ = _ask("/all", method="POST", headers=MULTIPART, body=body[: len(body) - cut])
    assert reply.status_code in {200, 400, 413}


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_of_a_view_is_shown_to_nobody(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A view's error is a 500 that tells nothing, with a log entry that tells all; in debug it is raised."""
    app = _make_app()
    app.debug = debug
    if debug:
        with pytest.raises(ZeroDivisionError):
            call(app, make_environ("/error")).read()
        return
    with caplog.at_level(logging.ERROR):
        reply = call(app, make_environ("/error"))
        body = reply.read()
    assert reply.status_code == 500
    assert b"Internal Server Error" in body
    assert b"ZeroDivisionError" not in body
    assert b"Traceback" not in body
    assert "/error" in caplog.text
    assert "ZeroDivisionError" in caplog.text


SERVED = """
from costrel import App, request
app = App(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1000

@app.route("/", methods=["GET", "POST"])
def home():
    return {"form": request.form.to_dict(), "data": len(request.get_data()), "host": request.host, "url": request.url}

@app.get("/error")
def error():
    return 1 // 0
"""

#: The bytes, and whether they get an answer at all from each server.
RAW = [
    b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /?a=%zz&%ff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET //evil.example HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: bad host\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a:port\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    b"GET /\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\nname=1",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nname=1",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nshort",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + b"a" * 5000,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"a" * 2000 + b"\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: nonsense\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nabcd",
]


@pytest.fixture(scope="module")
def werkzeug_server() -> Iterator[RunningServer]:
    """The dev server's process with :data:`SERVED`."""
    with real_server(SERVED) as running:
        yield running


@pytest.fixture(scope="module")
def gunicorn_server() -> Iterator[RunningServer]:
    """A gunicorn process with :data:`SERVED`."""
    with real_server(SERVED, server="gunicorn") as running:
        yield running


@pytest.mark.parametrize("data", RAW, ids=lambda data: repr(data[:50]))
@pytest.mark.parametrize("server", ["werkzeug", "gunicorn"])
def test_raw_bytes_never_show_a_traceback(server: str, data: bytes, request: pytest.FixtureRequest) -> None:
    """Malformed bytes over a real socket get a 4xx, a normal answer or a closed connection; the server lives on."""
    running: RunningServer = request.getfixturevalue(f"{server}_server")
    logged = len(running.log())
    response = running.send(data)
    assert b"Traceback" not in response
    if response.startswith(b"HTTP/1."):
        # 501 and 505 are what a server itself says to methods, codings and versions it does not know.
        assert status_of(response) < 500 or status_of(response) in {501, 505}
    assert status_of(running.request("/")) == 200
    assert "src/costrel/" not in running.log()[logged:]


@pytest.mark.parametrize("server", ["werkzeug", "gunicorn"])
def test_a_served_error_shows_no_traceback(server: str, request: pytest.FixtureRequest) -> None:
    """Over a real socket a view's error is a plain 500, and its traceback is in the server's log."""
    running: RunningServer = request.getfixturevalue(f"{server}_server")
    response = running.request("/error")
    assert status_of(response) == 500
    assert b"Internal Server Error" in body_of(response)
    assert b"ZeroDivisionError" not in response
    assert "ZeroDivisionError" in running.log()
