"""Strategies for the requests that a random program is asked, each the text of a ``dict``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.differential.bodies import one_in

#: The second in which every program runs, by its own clock.
NOW = 1_700_000_000

PATHS = [
    "/",
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/b/c",
    "/b//c",
    "//a",
    "/7",
    "/07",
    "/xy",
    "/xy/",
    "/one",
    "/a/ü/c",
    "/a/b/c",
    "/a/%2F/c",
    "/a/x%20y/c?inline=1",
    "/v12.json",
    "/vx.json",
    "/f/1.5",
    "/f/-1.5",
    "/i/-3",
    "/i/007",
    "/s/ab",
    "/s/abc",
    "/u/12345678-1234-5678-1234-567812345678",
    "/r/3/z",
    "/r/1/z",
    "/own/abc",
    "/own/ABC",
    "/ü/e",
    "/a%20b/x-5",
    "/w|ü",
    "/x/y/end",
    "/none/of/these",
    "/second/view0",
    "/second/view1",
    "/static/note.txt",
    "/static/ü.css",
    "/static/gone.txt",
    "/static/../secret.txt",
    "/static/%2e%2e/secret.txt",
    "/static/empty",
    "/files/note.txt",
    "/note.txt",
]

#: A query string of bytes that are not percent-encoded, nor UTF-8.
RAW_QUERY = "q=\xff&x=1"

#: Paths as the server passes them on: bytes as Latin-1 characters.
RAW_PATHS = ["/\xff", "/a/\xe4\xff/c", "/\xc3\xbc/e", "", "no slash", "/a\x00b", "/a;b=1", "/%41", "/a\u20ac"[:2]]

PREFIXES = ["", "", "", "/p", "/p/q", "/again", "/p/p", "/z", "/static"]

METHODS = [*["GET"] * 8, "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "ODD", "get"]

QUERIES = ["q=1", "q=%C3%BC&q=2", "x=&=", "q", "q=%FF%", "a=1;b=2", "q=a+b%20c", "&&", "[]=1&a[b]=2", "q=\u00fc"]

BODIES = [
    "data={'f': 'v', 'g': 'ü&='}",
    "data=b'f=1&f=2&%66=%FF&=&g'" + ", content_type='application/x-www-form-urlencoded'",
    "data={'f': 'v', 'file': (BytesIO(b'content'), 'ü name.txt')}",
    "data={'file': (BytesIO(b''), 'empty.bin', 'application/x-own'), 'q': ['1', '2']}",
    "data=b'--b\\r\\nContent-Disposition: form-data; name=\"f\"\\r\\n\\r\\nvalue\\r\\n--b--'"
    ", content_type='multipart/form-data; boundary=b'",
    "data=b'--b\\r\\nbroken', content_type='multipart/form-data; boundary=b'",
    "data=b'no boundary', content_type='multipart/form-data'",
    "json=[1]",
    "json={'a': {'b': [None, 1.5, 'ü']}}",
    "data=b'raw'",
    "data=b'raw', content_type='text/plain; charset=latin-1'",
    "data=b'{', content_type='application/json'",
    "data=b'', content_type='application/json'",
    "data=b'\\xff', content_type='application/json'",
    "data='{\"a\": 1}', content_type='application/vnd.own+json'",
    "data=b'null', content_type='application/json; charset=utf-8'",
    "data=b'NaN', content_type='application/json'",
    "data=b'12345678', environ_overrides={'CONTENT_LENGTH': '4'}",
    "data=b'12', environ_overrides={'CONTENT_LENGTH': '9'}",
    "data=b'12', environ_overrides={'CONTENT_LENGTH': 'many'}",
    "data=b'chunked', environ_overrides={'wsgi.input_terminated': True, 'CONTENT_LENGTH': ''}",
]

HEADERS: list[dict[str, str]] = [
    {"X-Forwarded-For": "1.2.3.4, 5.6.7.8", "X-One": "1"},
    {"If-None-Match": "*"},
    {"If-None-Match": '"own", W/"x"'},
    {"If-Match": '"other"'},
    {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"If-Modified-Since": "not a date"},
    {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"Range": "bytes=1-2"},
    {"Range": "bytes=-1"},
    {"Range": "bytes=2-"},
    {"Range": "bytes=90-99"},
    {"Range": "bytes=0-0,2-3"},
    {"Range": "lines=1"},
    {"Range": "bytes=0-1", "If-Range": '"other"'},
    {"Accept": "application/json, text/html;q=0.5", "Accept-Language": "en, de;q=0.9"},
    {"Authorization": "Basic dXNlcjpwYXNz"},
    {"Authorization": "Bearer token"},
    {"Authorization": "Basic %%%"},
    {"Authorization": "Digest a=b, c"},
    {"Cookie": 'c=v; d="quoted\\073"; e; =f; c=again'},
    {"Referer": "http://example.org/from", "Origin": "http://example.org"},
    {"User-Agent": "", "X-One": "ü"},
    {"Upgrade": "websocket", "Connection": "Upgrade"},
    {"Content-Encoding": "gzip"},
]

HOSTS = [
    "https://localhost",
    "http://example.org",
    "https://example.org:8080",
    "http://sub.example.org",
    "http://a.example.org:8080",
    "http://sub.localhost",
    "http://localhost/below",
    "http://bücher.example.org",
    "http://[::1]:5000",
    "http://127.0.0.1:80",
]

#: What servers pass on from clients that make up hosts.
RAW_HOSTS = ["", "bad host", "example.org:port", "a/b", "example.org:99999", "EXAMPLE.ORG", "example.org.", "x" * 300]


class _Signer(TimestampSigner):
    """Signs as if at a given second."""

    second = NOW

    def get_timestamp(self) -> int:
        return self.second


class _LongAgo(_Signer):
    second = NOW - 40 * 24 * 3600


class _Recently(_Signer):
    second = NOW - 100


def _signed(payload: str, key: str = "key", signer: type[_Signer] = _Signer) -> str:
    """Returns a session cookie, made without either framework."""
    serializer = URLSafeTimedSerializer(
        key,
        salt="cookie-session",
        serializer=_Plain,
        signer=signer,
        signer_kwargs={"key_derivation": "hmac"},
    )
    cookie = serializer.dumps(payload)
    return cookie if isinstance(cookie, str) else cookie.decode()


class _Plain:
    """Serializes nothing: the payload is JSON already."""

    @staticmethod
    def dumps(payload: str) -> str:
        return payload

    @staticmethod
    def loads(payload: str) -> str:
        return payload


_TAGGED = json.dumps({"t": {" t": [1, 2]}, "m": {" m": "<i>"}, "u": {" u": "0" * 32}, "b": {" b": "Ynl0ZXM="}})

SESSIONS = [
    "broken",
    "",
    "a.b.c",
    ".eJx.b.c",
    _signed('{"n":5}'),
    _signed('{"_permanent":true,"n":5}'),
    _signed('{"_permanent":true,"n":6}', signer=_Recently),
    _signed('{"n":7}', signer=_LongAgo),
    _signed('{"n":8}', "old"),
    _signed('{"n":8}', "other"),
    _signed('{"n":9}', "unknown"),
    _signed('{"n":10}') + "x",
    _signed(_TAGGED),
    _signed('{"d":{" d":"Thu, 02 Jan 2020 03:04:05 GMT"},"x":{" t__":[1]}}'),
    _signed('{"_flashes":[{" t":["news","earlier"]}],"l":[0]}'),
    _signed("{}"),
    _signed('{"long":"' + "long " * 60 + '"}'),
]

#: Rightly signed, but nothing that a session can be.
UNREADABLE_SESSIONS = [_signed("[1]"), _signed("not json"), _signed('{"u":{" u":"no id"}}')]


@st.composite
def _raw(draw: st.DrawFn) -> str:
    """Draws what the test client would not send by itself."""
    kind = draw(st.integers(0, 5))
    if kind <= 1:
        return f"environ_overrides={{'PATH_INFO': {draw(st.sampled_from(RAW_PATHS))!r}}}"
    if kind == 2:
        return f"environ_overrides={{'HTTP_HOST': {draw(st.sampled_from(RAW_HOSTS))!r}}}"
    if kind == 3:
        return f"environ_overrides={{'QUERY_STRING': {RAW_QUERY!r}}}"
    if kind == 4:
        path = draw(st.text(st.characters(max_codepoint=255), max_size=6))
        return f"environ_overrides={{'PATH_INFO': {'/' + path!r}}}"
    return "environ_overrides={'SCRIPT_NAME': '/ü\\xff', 'wsgi.url_scheme': 'https'}"


@st.composite
def requests(draw: st.DrawFn, likely: list[str]) -> str:
    """Draws one request, to one of the likely paths more often than not.

    ``read`` says who sends it: ``client`` is the framework's test client, which keeps cookies; ``block`` is another
    one, used in a ``with`` statement; a number is a bare WSGI server that reads that many chunks, and goes when it has
    them.
    """
    path = draw(st.sampled_from(likely))
    chosen = draw(st.integers(0, 11))
    if chosen < 3:
        path = draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(PATHS))
    elif chosen == 3:
        path = draw(st.sampled_from(["/", "/a/", "/s/"])) + quote(draw(st.text(max_size=4)), safe="/%")
    arguments: dict[str, Any] = {"path": path, "method": draw(st.sampled_from(METHODS))}
    read: object = draw(st.sampled_from(["client", "client", "client", 9, 9, 9, 1, 0, "block"]))
    if one_in(3, draw) and "?" not in path:
        arguments["query_string"] = draw(st.sampled_from(QUERIES))
    text = ""
    chosen = draw(st.integers(0, 9))
    if chosen < 4:
        text = ", " + draw(st.sampled_from(BODIES))
    elif chosen == 4:
        read = 9
        text = ", " + draw(_raw())
    if one_in(5, draw):
        arguments["base_url"] = draw(st.sampled_from(HOSTS))
    if one_in(4, draw):
        arguments["headers"] = draw(st.sampled_from(HEADERS))
    elif one_in(6, draw):
        # Without the client, which would go on with what it gets.
        read = 9
        arguments["headers"] = {"Cookie": f"session={draw(st.sampled_from([*SESSIONS, *UNREADABLE_SESSIONS]))}"}
    if read == "client" and one_in(6, draw):
        arguments["follow_redirects"] = True
    words = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"dict(read={read!r}, {words}{text})"
