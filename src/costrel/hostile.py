"""Strategies of Hypothesis for requests that no browser sends, and for well-formed ones that are hardly different.

Each strategy gives what a client can write into one part of a request; :func:`environs` puts them together. It needs
``hypothesis``, which costrel does not install.

Source: https://hypothesis.readthedocs.io/en/latest/reference/strategies.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

try:
    from hypothesis import strategies as st
except ImportError as _error:  # an optional dependency
    raise ImportError("costrel.hostile needs Hypothesis. Install it: pip install hypothesis") from _error

from costrel.invariants import make_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from hypothesis.strategies import SearchStrategy

#: The boundary of the bodies that :func:`multipart_bodies` gives.
BOUNDARY = "frontier"

# Bytes that a decoder of UTF-8 must refuse: overlong forms, surrogates, a lone start, a lone continuation, 0x110000.
_BROKEN_UTF8 = [
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xb0\x80",
    b"\xc3",
    b"\x80",
    b"\xff",
    b"\xf4\x90\x80\x80",
]
_ODD_TEXT = [
    "",
    " ",
    "\t",
    "\x00",
    "\x7f",
    "a\x00b",
    "\ufeff",
    "\u202e",
    "İ",
    "ß",
    "\U0001f600",
    "%",
    "..",
    "\\",
    "'",
    '"',
]
_LONG = [b"a" * 300, b"9" * 5000, b"a" * 9000]
_NUMBERS = [
    "0",
    "-0",
    "-1",
    "+1",
    "1e3",
    "٣",
    "",
    " 5 ",
    "0x10",
    "1_0",
    "9" * 30,
    "9" * 5000,
    "nan",
    "inf",
    "-inf",
    "1.5",
]
_METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "get", "BREW", ""]
_TYPES = [
    "application/x-www-form-urlencoded",
    "application/json",
    "application/problem+json",
    f"multipart/form-data; boundary={BOUNDARY}",
    f'multipart/form-data; boundary="{BOUNDARY}"',
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "b" * 300,
    "multipart/form-data; boundary=\xff",
    "text/plain; charset=nonsense",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded; charset=\xe9; x*=utf-8''%zz; y*0=a; y*9=b",
]
_NAMES = ["name", "file", "q", "a[b]", "__proto__", "é", "", "a;b", "a\\b", "../../etc/passwd"]


def _mangled(parts: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    """Gives well-formed bytes, and the same with a piece cut off, put in, or repeated."""
    junk = st.binary(max_size=4) | st.sampled_from(_BROKEN_UTF8)

    def mangle(data: bytes, start: int, end: int, put: bytes) -> bytes:
        return data[: start % (len(data) + 1)] + put + data[end % (len(data) + 1) :]

    position = st.integers(0, 200)
    return parts | st.builds(mangle, parts, position, position, junk)


def utf8_texts() -> SearchStrategy[bytes]:
    """Gives texts in UTF-8, and bytes that look like it and are not."""
    piece = (
        st.sampled_from(_ODD_TEXT).map(str.encode)
        | st.sampled_from(_BROKEN_UTF8)
        | st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
    return st.lists(piece, max_size=5).map(b"".join)


def percent_escapes() -> SearchStrategy[bytes]:
    """Gives texts with percent escapes: of any byte, doubled, cut off, or of no digits."""
    escape = st.integers(0, 255).map(lambda number: b"%%%02x" % number)
    odd = st.sampled_from(
        [b"%", b"%%", b"%2", b"%zz", b"%u0041", b"%25%32%35", b"%252e", b"%2E%2e", b"%c0%ae", b"%0d%0a", b"%00"]
    )
    return st.lists(escape | odd | utf8_texts(), max_size=6).map(b"".join)


def paths(known: Sequence[str] = ("/",)) -> SearchStrategy[bytes]:
    """Gives paths as servers put them into ``PATH_INFO``.

    :param known: paths that the application answers; most of what is given begins with one, or is one that is mangled.
    """
    segment = (
        st.sampled_from([b"", b".", b"..", b"...", b"\\", b"..\\", b"%2e%2e", b"\x00", b"con", *_LONG]) | utf8_texts()
    )
    tail = st.lists(segment | percent_escapes(), max_size=3).map(b"/".join)
    start = st.sampled_from([path.encode() for path in known])
    odd = st.sampled_from(
        [b"", b"*", b"no-slash", b"//evil.example/..", b"/\\evil.example", b"http://evil.example/", b"/" * 50]
    )
    return (
        start
        | _mangled(start)
        | st.builds(lambda first, rest: first + rest, start, tail)
        | tail.map(b"/".__add__)
        | odd
    )


def queries() -> SearchStrategy[bytes]:
    """Gives queries and urlencoded forms."""
    name = st.sampled_from([name.encode() for name in _NAMES]) | percent_escapes()
    value = percent_escapes() | st.sampled_from([number.encode() for number in _NUMBERS])
    field = st.builds(
        lambda key, sign, text: key + sign + text, name, st.sampled_from([b"=", b"", b"==", b"+="]), value
    )
    many = st.sampled_from([b"&" * 2000, b"a&" * 1500, b"a=1&" * 1500, b"=", b"a=1;b=2"])
    return _mangled(st.lists(field, max_size=5).map(b"&".join)) | many


def header_values() -> SearchStrategy[str]:
    """Gives values of headers: any character that a server lets through, which is all but line breaks."""
    plain = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
    odd = st.sampled_from(
        [
            "",
            " ",
            ",",
            ";",
            "=",
            '"',
            '"\\',
            "*",
            "a" * 9000,
            "\x00",
            "\xff",
            ",,,,",
            ";;;;",
            'a=b;c="',
            "=?utf-8?q?a?=",
        ]
    )
    return plain | odd | st.sampled_from(_NUMBERS[:3] + _NUMBERS[8:])


def cookies(names: Sequence[str] = ("session", "theme")) -> SearchStrategy[str]:
    """Gives ``Cookie`` headers.

    :param names: those that the application reads.
    """
    name = st.sampled_from([*names, "", "$Version", "__Host-session", "a b", "\xe9"]) | header_values()
    quoted = st.sampled_from(
        ['"a"', '"\\012"', '"\\999"', '"', '"\\"', '"' + "\\" * 300, "a.b.c", ".a.b", "eyJhIjoxfQ.aaaa.bbbb"]
    )
    pair = st.builds("{}{}{}".format, name, st.sampled_from(["=", "", " = "]), quoted | header_values())
    return st.lists(pair, max_size=5).map("; ".join)


def ranges() -> SearchStrategy[str]:
    """Gives ``Range`` headers."""
    number = st.sampled_from([*_NUMBERS, "5", "2", "100"]) | st.integers(-5, 20).map(str)
    part = st.builds("{}{}{}".format, number, st.sampled_from(["-", "", "--"]), number)
    unit = st.sampled_from(["bytes=", "bytes", "bytes =", "lines=", "=", "BYTES="])
    whole = st.builds(lambda start, parts: start + ",".join(parts), unit, st.lists(part, max_size=4))
    return whole | st.sampled_from(["bytes=" + "0-," * 2000, "bytes=" + ",".join(["0-"] * 1000)]) | header_values()


def conditionals() -> SearchStrategy[dict[str, str]]:
    """Gives headers of conditional requests: entity tags and dates, right and wrong."""
    tag = st.sampled_from(
        ['"tag"', 'W/"tag"', "tag", "*", '"', "W/", 'W/"', '"a","b"', '""', '"\xff"', ",", '"' + "a" * 5000]
    )
    tags = st.lists(tag | header_values(), max_size=4).map(",".join)
    date = st.sampled_from(
        [
            *("Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Foo 2020 99:99:99 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"),
            *("Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 0001 00:00:00 +99999999", "0", "yesterday", "9" * 5000),
            *(
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994",
                "Mon, 31 Feb 2020 00:00:00 -0000",
                "Thu, 01 Jan 1970 00:00:18446744073709551615 GMT",
                "Thu, 01 Jan 1970 00:00:00 +99999999999999999999",
                "1,1 1 1:1:1 1",
            ),
        ]
    )
    fields = {
        **dict.fromkeys(["If-None-Match", "If-Match"], tags),
        **dict.fromkeys(["If-Modified-Since", "If-Unmodified-Since", "Date"], date | header_values()),
        "If-Range": tag | date | header_values(),
    }
    return st.fixed_dictionaries({}, optional=fields)


def authorizations() -> SearchStrategy[str]:
    """Gives ``Authorization`` headers: Basic, Digest, Bearer and what resembles them."""
    user = utf8_texts().map(lambda data: "Basic " + base64.b64encode(data).decode())
    odd = [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic /w==",
        "Digest",
        'Digest a="',
        "Digest a=b, a=c,,=,",
        "Bearer",
        "Bearer a b",
        "\xff",
        "Basic \xe9",
    ]
    scheme = st.sampled_from(["Basic ", "basic\t", "Digest ", "Bearer ", "Negotiate ", ""])
    return user | st.sampled_from(odd) | st.builds("{}{}".format, scheme, header_values())


def accepts() -> SearchStrategy[str]:
    """Gives ``Accept``, ``Accept-Language``, ``Accept-Encoding`` and ``Accept-Charset`` headers."""
    item = st.sampled_from(
        ["text/html", "*/*", "*", "de", "gzip", "/", "text/*", "a" * 3000, "de-DE-1996", "text/html;level=1"]
    )
    quality = st.sampled_from(
        ["", ";q=0", ";q=1", ";q=1.0001", ";q=-1", ";q=nan", ";q=1e999", ";q=", ";q", ";;", ';q="', ";q=" + "9" * 5000]
    )
    whole = st.lists(st.builds("{}{}".format, item, quality), max_size=5).map(",".join)
    return whole | st.sampled_from(["a;q=0.5," * 800, "," * 3000]) | header_values()


def hosts() -> SearchStrategy[str]:
    """Gives ``Host`` headers."""
    odd = [
        "",
        " ",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:99999999",
        "[::1",
        "[::1]:80",
        "[",
        "]",
        "xn--",
        "xn--a:80",
        "..",
        ".a",
        "-",
        "1:2:3",
    ]
    other = [
        "localhost",
        "LOCALHOST:80",
        "evil.example",
        "localhost.evil.example",
        "a" * 5000,
        "\xff",
        "\xc3\xa9.example",
        "a\x00b",
        "a?b#c",
        "a\\b",
        "a,b",
    ]
    return st.sampled_from([*odd, *other]) | header_values()


def headers(names: Sequence[str] = ()) -> SearchStrategy[dict[str, str]]:
    """Gives the other headers of a request, with values that make no sense.

    :param names: further headers that the application reads.
    """
    known = [
        "Content-Type",
        "Content-Length",
        "Transfer-Encoding",
        "Content-Encoding",
        "Origin",
        "Referer",
        "User-Agent",
    ]
    known += ["Cache-Control", "Max-Forwards", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"]
    known += [
        "Access-Control-Request-Headers",
        "Access-Control-Request-Method",
        "Content-MD5",
        "Pragma",
        "Expect",
        "Upgrade",
    ]
    known += ["Connection", "Sec-Fetch-Site", "X-HTTP-Method-Override", "Content-Security-Policy", "If", *names]
    special = st.fixed_dictionaries(
        {},
        optional={
            "Content-Type": st.sampled_from(_TYPES) | header_values(),
            "Content-Length": st.sampled_from(_NUMBERS),
            "Transfer-Encoding": st.sampled_from(["chunked", "gzip, chunked", "identity", "\x0bchunked", ""]),
            "Origin": st.sampled_from(
                ["null", "http://[", "http://localhost", "https://evil.example", "http://a:b", "\xff"]
            ),
            "Cache-Control": st.sampled_from(
                ["max-age=" + "9" * 5000, "max-age", "=", 'private="', "no-cache, no-cache"]
            ),
        },
    )
    return special | st.dictionaries(st.sampled_from(known), header_values(), max_size=4)


def json_bodies() -> SearchStrategy[bytes]:
    """Gives JSON: valid of any kind, mangled, deep, with huge numbers, or not in UTF-8."""
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    value = st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    )
    odd = [
        b"",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"1" * 5000,
        b"1e99999",
        b"-",
        b"NaN",
        b"Infinity",
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
    ]
    return _mangled(value.map(lambda made: json.dumps(made).encode())) | st.sampled_from(odd)


def multipart_bodies(names: Sequence[str] = ("name", "file")) -> SearchStrategy[bytes]:
    """Gives multipart forms, whole or mangled at any byte; their boundary is ``BOUNDARY``.

    :param names: the fields and files that the application reads.
    """
    line = BOUNDARY.encode()
    quoted = st.sampled_from([*names, *_NAMES, "a.txt", "..\\..\\a", "/etc/passwd", "a\x00.txt", '\\"', "a" * 2000])
    form = 'Content-Disposition: form-data; name="{}"'.format
    upload = 'Content-Disposition: form-data; name="{}"; filename="{}"'.format
    extended = "Content-Disposition: form-data; name=\"{}\"; filename*=UTF-8''{}".format
    odd = [
        "",
        ":",
        "Content-Disposition",
        "Content-Disposition: attachment",
        "Content-Disposition: form-data",
        "A: b",
        " folded",
        "Content-Disposition: form-data; name*0=a; name*1=b",
    ]
    first = (
        st.builds(form, quoted)
        | st.builds(upload, quoted, quoted)
        | st.builds(extended, quoted, quoted)
        | st.sampled_from(odd)
    )
    more = st.sampled_from(
        [
            "Content-Type: text/plain; charset=nonsense",
            "Content-Length: -1",
            "Content-Transfer-Encoding: base64",
            "X: " + "a" * 9000,
            "\x00: b",
            "X" * 500,
        ]
    )
    head = st.builds(lambda start, rest: "\r\n".join([start, *rest]).encode(), first, st.lists(more, max_size=2))
    data = utf8_texts() | st.sampled_from(
        [b"\r", b"\n", b"\r\n--", b"--" + line, b"\r\n--" + line[:-1], b"\r" * 900, b"\n\n" * 400, b"a" * 3000]
    )
    part = st.builds(
        lambda lines, content: b"--" + line + b"\r\n" + lines + b"\r\n\r\n" + content + b"\r\n", head, data
    )
    end = st.sampled_from([b"--" + line + b"--\r\n", b"--" + line + b"--", b"--" + line, b"", b"--" + line + b"-\r\n"])
    whole = st.builds(lambda parts, last: b"".join([*parts, last]), st.lists(part, max_size=4), end)
    return _mangled(whole) | st.just(
        (b"--" + line + b"\r\n" + form("a").encode() + b"\r\n\r\n1\r\n") * 1200 + b"--" + line + b"--"
    )


def bodies() -> SearchStrategy[tuple[str, bytes]]:
    """Gives bodies with the ``Content-Type`` that they are meant to be read as."""
    pairs = [("application/x-www-form-urlencoded", queries()), ("application/json", json_bodies())]
    pairs += [(f"multipart/form-data; boundary={BOUNDARY}", multipart_bodies())]
    made = [st.tuples(st.just(kind), content) for kind, content in pairs]
    return st.one_of(*made, st.tuples(st.sampled_from(_TYPES), st.binary(max_size=100)))


def environs(known: Sequence[str] = ("/",)) -> SearchStrategy[WSGIEnvironment]:
    """Gives whole requests, each made of any of the parts above, as WSGI environs.

    :param known: paths that the application answers.
    """

    def build(
        path: bytes, method: str, query: bytes, content: tuple[str, bytes] | None, *groups: dict[str, str]
    ) -> WSGIEnvironment:
        lines = {name: value for group in reversed(groups) for name, value in group.items()}
        if content is None:
            return make_environ(path, method=method, query=query, headers=lines)
        return make_environ(
            path, method=method, query=query, headers={"Content-Type": content[0], **lines}, body=content[1]
        )

    single = st.fixed_dictionaries(
        {},
        optional={
            "Cookie": cookies(),
            "Range": ranges(),
            "Authorization": authorizations(),
            "Host": hosts(),
            "Accept": accepts(),
            "Accept-Language": accepts(),
            "Accept-Encoding": accepts(),
            "Accept-Charset": accepts(),
        },
    )
    method = st.sampled_from(_METHODS) | st.sampled_from(["GET", "POST"])
    return st.builds(
        build, paths(known), method, queries() | st.just(b""), st.none() | bodies(), headers(), single, conditionals()
    )
