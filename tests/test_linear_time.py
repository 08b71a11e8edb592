"""No parser of request text takes long for a hostile text of 64 kB, nor more than its share of a shorter one."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from itsdangerous import BadData
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from costrel import App, send_file, url_for
from costrel.auth import basic_auth, bearer_auth
from costrel.invariants import make_environ
from costrel.request import Request
from costrel.security import DEFAULT_LIMITS, is_own_target, normalize_redirect_target

#: On a machine that does nothing else, ``LINEAR_TIME_EXACTLY=1`` asks for the bars themselves. A busy machine may be
#: several times as slow, and where caches are shared with others, a long text can take more than its share.
EXACTLY = bool(os.environ.get("LINEAR_TIME_EXACTLY"))
#: The size of a hostile text in bytes, and the most that a parser may take for it, in seconds of CPU.
SIZE, MOST = 64 * 1024, 0.05 if EXACTLY else 0.25
#: How much longer a parser may take for a text of four times the size. Linear is 4 and quadratic 16.
FACTOR = 5.0 if EXACTLY else 8.0
#: What is shorter than this, in seconds, is not compared: it is the clock that is measured then.
LEAST = 0.001
#: A machine that is busy makes things look slow, never fast: of so many measurements the fastest counts.
TRIES = 8
ROUNDS = 6

APP = App("linear", static_folder=os.path.dirname(__file__))
APP.config.update(
    SECRET_KEY="test key", MAX_CONTENT_LENGTH=None, MAX_FORM_MEMORY_SIZE=None, MAX_FORM_PARTS=None, TRUSTED_HOSTS=None
)
for _limit in ("MAX_QUERY_FIELDS", "MAX_JSON_DEPTH", "MAX_JSON_INTEGER_DIGITS"):
    if _limit in APP.config:
        APP.config[_limit] = None
APP.config["TRUSTED_HOSTS"] = ["localhost", ".example.com"]
SEPARATORS = [
    " ",
    "\t",
    ",",
    ";",
    "=",
    '"',
    "\\",
    "a",
    "%",
    "*",
    "/",
    "-",
    "0",
    "\x00",
    "\xff",
    ".",
    ":",
    "'",
    "(",
    "[",
]
PAIRS = [
    *("a=", "a;", "a,", ",a", "; ", ", ", " ,", " ;", "=;", '="', '";', '",', '\\"', "\\\\", "%41", "%", "%z", "a=b;"),
    *(
        "a=b,",
        "a=b&",
        "&&",
        "+",
        "a%26",
        "*=",
        "*0=",
        ";a*1=",
        ';q="',
        ";q=1,",
        "a;q=0.5,",
        '"a",',
        'W/"a",',
        "0-0,",
        "0-",
    ),
    *("..", "::", "[]", "()", "=?", "\\012", "\\9", 'a="\\"', "xn--", ".a", "a.", "@", "a:", "//", "é", "a b"),
]


@pytest.fixture(autouse=True)
def _untraced() -> Iterator[None]:
    """Takes away what measures coverage: it would count as the parsers' time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def _header(name: str, *attributes: str, method: str = "GET", prefix: str = "") -> Callable[[str], None]:
    """Returns a function that puts a text into a header and reads the attributes that are parsed from it."""

    def parse(text: str) -> None:
        request = Request(make_environ(method=method, headers={name: prefix + text}))
        with APP.app_context():
            for attribute in attributes:
                _tolerant(lambda: getattr(request, attribute))

    return parse


def _tolerant(do: Callable[[], Any]) -> None:
    """Calls the function; that a request is refused is as good an outcome as any."""
    try:
        do()
    except (HTTPException, ValueError):
        return


def _query(text: str) -> None:
    with APP.app_context():
        _tolerant(lambda: Request(make_environ(query=text.encode("latin-1"))).args)


def _body(content_type: str, *attributes: str, prefix: bytes = b"", suffix: bytes = b"") -> Callable[[str], None]:
    def parse(text: str) -> None:
        body = prefix + text.encode("latin-1") + suffix
        request = APP.request_class(make_environ(method="POST", headers={"Content-Type": content_type}, body=body))
        request.json_module = APP.json
        with APP.app_context():
            for attribute in attributes:
                _tolerant(lambda: getattr(request, attribute))
        request.close()

    return parse


def _session(text: str) -> None:
    request = Request(make_environ(headers={"Cookie": f"session={text}"}))
    with APP.app_context():
        _tolerant(lambda: APP.session_interface.open_session(APP, request))


def _session_on_the_short_way(text: str) -> None:
    APP(make_environ(headers={"Cookie": f"session={text}"}), lambda status, headers, error=None: print)


def _send(environ: Any) -> None:
    body = APP(environ, lambda status, headers, error=None: print)
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _path(text: str, prefix: bytes = b"/") -> None:
    _send(make_environ(prefix + text.encode("latin-1")))


def _below(prefix: str) -> Callable[[str], None]:
    """Returns a function that asks for a path that begins so, of a static file or a rule with a converter."""
    return lambda text: _path(text, prefix.encode())


def _whole_url(text: str) -> None:
    request = Request(make_environ(b"/" + text.encode("latin-1")))
    with APP.app_context():
        _tolerant(lambda: request.url)


def _url_with_a_query(text: str) -> None:
    request = Request(make_environ(query=text.encode("latin-1")))
    with APP.app_context():
        _tolerant(lambda: request.url)


def _answered(*names: str, method: str = "GET", prefix: str = "") -> Callable[[str], None]:
    """Returns a function that sends a request for a file with a text in each of these headers."""

    def parse(text: str) -> None:
        environ = make_environ(b"/file", method=method, headers=dict.fromkeys(names, prefix + text))
        _send(environ)

    return parse


def _behind_a_proxy(*names: str) -> Callable[[str], None]:
    """Returns a function that sends a request by way of Werkzeug's middleware for headers of proxies."""
    fixed = ProxyFix(lambda environ, start_response: _whole_url_of(environ), 1, 1, 1, 1, 1)

    def parse(text: str) -> None:
        fixed(make_environ(headers=dict.fromkeys(names, text)), lambda status, headers, error=None: print)

    return parse


def _whole_url_of(environ: Any) -> list[bytes]:
    with APP.app_context():
        _tolerant(lambda: Request(environ).url)
    return []


def _best(header: str, attribute: str, choices: list[str]) -> Callable[[str], None]:
    """Returns a function that chooses among what a header accepts; the time is that for each choice."""

    def parse(text: str) -> None:
        accepted = getattr(Request(make_environ(headers={header: text})), attribute)
        _tolerant(lambda: accepted.best_match(choices))
        _tolerant(lambda: accepted.best)

    return parse


def _redirect_target(text: str) -> None:
    for prefix in ("", "/", "http://", "//"):
        is_own_target(prefix + text, "http", "localhost")
        normalize_redirect_target(prefix + text)


def _built_url(text: str) -> None:
    with APP.test_request_context("/"):
        _tolerant(lambda: url_for("/t/<text>", text=text, q=text, _anchor=text))


def _log_in(prefix: str, read: Callable[[], Any]) -> Callable[[str], None]:
    """Returns a function that logs in with a text behind the name of a scheme."""

    def parse(text: str) -> None:
        with APP.test_request_context("/", headers={"Authorization": prefix + text.replace("\n", " ")}):
            _tolerant(read)

    return parse


def _signed(text: str) -> None:
    with contextlib.suppress(BadData):
        APP.signer("purpose").loads(text, max_age=60)


def _host(text: str) -> None:
    with APP.app_context():
        request = Request(make_environ(headers={"Host": text}))
        _tolerant(lambda: request.host)
        _tolerant(lambda: request.url)


@APP.get("/")
def _home() -> str:
    from costrel import session  # here so that it is not a fixture's

    return str(session.get("user"))


APP.add_url_rule(
    "/file", "file", lambda: send_file(io.BytesIO(b"content"), "text/plain", etag="tag"), methods=["GET", "POST"]
)
for _rule in ("/u/<uuid:n>", "/a/<any(one, two):n>", "/m/<one>-<two>.<three>", "/r/<string(length=2):n>/x"):
    APP.add_url_rule(_rule, _rule, lambda **values: "found")
for _rule in ("/<path:rest>/end", "/t/<text>", "/<path:a>/x/<path:b>/y/<path:c>", "/n/<int:n>", "/f/<float:n>"):
    APP.add_url_rule(_rule, _rule, lambda **values: "found")


def _limited(parse: Callable[[str], None]) -> Callable[[str], None]:
    """Returns the function with the limits that an application starts with."""

    def limited(text: str) -> None:
        lifted = {name: APP.config[name] for name in DEFAULT_LIMITS}
        APP.config.update(DEFAULT_LIMITS)
        try:
            parse(text)
        finally:
            APP.config.update(lifted)

    return limited


BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="a"'
PARSERS: dict[str, Callable[[str], None]] = {
    "query": _query,
    "form": _body("application/x-www-form-urlencoded", "form"),
    "multipart preamble": _body(BOUNDARY, "form", suffix=b"\r\n" + PART + b"\r\n\r\n1\r\n--x--\r\n"),
    "multipart head": _body(BOUNDARY, "form", prefix=PART, suffix=b"\r\n\r\n1\r\n--x--\r\n"),
    "multipart field": _body(BOUNDARY, "form", prefix=PART + b"\r\n\r\n", suffix=b"\r\n--x--\r\n"),
    "multipart file": _body(BOUNDARY, "files", prefix=PART + b'; filename="f"\r\n\r\n', suffix=b"\r\n--x--\r\n"),
    "multipart after a delimiter": _body(BOUNDARY, "form", prefix=b"--x"),
    "multipart broken off": _body(BOUNDARY, "form", prefix=b"--x\r\n"),
    "json": _body("application/json", "json"),
    "json text": _body("application/json", "json", prefix=b'"', suffix=b'"'),
    "json list": _body("application/json", "json", prefix=b"["),
    "cookie": _header("Cookie", "cookies"),
    "cookie value": _header("Cookie", "cookies", prefix='a="'),
    "session cookie": _session,
    "session cookie on the short way": _session_on_the_short_way,
    "range": _header("Range", "range", prefix="bytes="),
    "if-range": _header("If-Range", "if_range"),
    "accept": _header("Accept", "accept_mimetypes"),
    "accept-language": _header("Accept-Language", "accept_languages"),
    "accept-encoding": _header("Accept-Encoding", "accept_encodings"),
    "accept-charset": _header("Accept-Charset", "accept_charsets"),
    "host": _host,
    "basic authorization": _header("Authorization", "authorization", prefix="Basic "),
    "digest authorization": _header("Authorization", "authorization", prefix="Digest "),
    "bearer authorization": _header("Authorization", "authorization", prefix="Bearer "),
    "content-type": _header("Content-Type", "mimetype", "mimetype_params", "is_json", method="POST"),
    "content-type options": _header("Content-Type", "mimetype_params", method="POST", prefix="a/b; a="),
    "if-none-match": _header("If-None-Match", "if_none_match"),
    "if-match": _header("If-Match", "if_match"),
    "if-modified-since": _header("If-Modified-Since", "if_modified_since"),
    "if-unmodified-since": _header("If-Unmodified-Since", "if_unmodified_since"),
    "if-unmodified-since with a date": _header(
        "If-Unmodified-Since", "if_unmodified_since", prefix="Mon, 01 Jan 2020 00:00:0"
    ),
    "date": _header("Date", "date", prefix="Mon, 01 Jan 2020 "),
    "cache-control": _header("Cache-Control", "cache_control"),
    "max-forwards": _header("Max-Forwards", "max_forwards"),
    "content-length": _header("Content-Length", "content_length", method="POST"),
    "x-forwarded-for": _header("X-Forwarded-For", "access_route"),
    "request headers": _header("Access-Control-Request-Headers", "access_control_request_headers"),
    "pragma": _header("Pragma", "pragma"),
    "user agent": _header("User-Agent", "user_agent"),
    "content-md5 and the like": _header("Content-Encoding", "content_encoding", "content_md5", "referrer", "origin"),
    "transfer-encoding": _header("Transfer-Encoding", "content_length", method="POST"),
    "best media type": _best("Accept", "accept_mimetypes", ["text/html"]),
    "best language": _best("Accept-Language", "accept_languages", ["en-GB"]),
    "best encoding": _best("Accept-Encoding", "accept_encodings", ["gzip"]),
    "answer to a range": _answered("Range", prefix="bytes="),
    "answer to conditions": _answered("If-None-Match", "If-Modified-Since"),
    "answer to conditions that must hold": _answered("If-Match", "If-Unmodified-Since"),
    "answer to a conditional range": _answered("If-Range", "Range", prefix="bytes=0-"),
    "cross-origin guard": _answered("Origin", "Sec-Fetch-Site", method="POST"),
    "cross-origin guard of old browsers": _answered("Origin", method="POST", prefix="http://"),
    "x-forwarded-for of a proxy": _behind_a_proxy("X-Forwarded-For"),
    "x-forwarded-host": _behind_a_proxy("X-Forwarded-Host"),
    "x-forwarded-port": _behind_a_proxy("X-Forwarded-Port"),
    "x-forwarded-prefix": _behind_a_proxy("X-Forwarded-Prefix"),
    "x-forwarded-proto": _behind_a_proxy("X-Forwarded-Proto"),
    "cookie on the short way": _answered("Cookie", prefix="session="),
    "json of a text with escapes": _body("application/json", "json", prefix=b'["\\\\', suffix=b'"]'),
    "json number": _body("application/json", "json", prefix=b"[1", suffix=b"]"),
    "json within limits": _limited(_body("application/json", "json")),
    "query within limits": _limited(_query),
    "form within limits": _limited(_body("application/x-www-form-urlencoded", "form")),
    "multipart boundary": _header("Content-Type", "mimetype_params", "form", method="POST", prefix=BOUNDARY[:-1]),
    "multipart name": _body(BOUNDARY, "form", prefix=PART[:-1], suffix=b'"\r\n\r\n1\r\n--x--\r\n'),
    "multipart file name": _body(
        BOUNDARY, "files", prefix=PART + b"; filename*=UTF-8''", suffix=b"\r\n\r\n1\r\n--x--\r\n"
    ),
    "multipart media type": _body(
        BOUNDARY, "form", prefix=PART + b"\r\nContent-Type: text/plain; charset=", suffix=b"\r\n\r\n1\r\n--x--\r\n"
    ),
    "basic log-in": _log_in("Basic ", lambda: basic_auth(lambda name, password: None)),
    "bearer log-in": _log_in("Bearer ", lambda: bearer_auth(lambda token: None)),
    "signed token": _signed,
    "redirect target": _redirect_target,
    "built url": _built_url,
    "whole url": _whole_url,
    "whole url with a query": _url_with_a_query,
    "static file": _below("/static/"),
    "text converter": _below("/t/"),
    "text converters in one segment": _below("/m/"),
    "integer converter": _below("/n/1"),
    "float converter": _below("/f/1"),
    "uuid converter": _below("/u/0"),
    "choices converter": _below("/a/one"),
    "length converter": _below("/r/a"),
    "path": _path,
}
#: What comes at the end, so that a parser that has nearly made it goes back.
ENDINGS = ["", "!", '"', "\n", "="]


def _seconds(parse: Callable[[str], None], text: str, tries: int) -> float:
    """Returns the shortest time that a parser has taken for a text, in seconds of CPU."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(tries):
            started = time.thread_time()
            parse(text)
            best = min(best, time.thread_time() - started)
            if best < LEAST:
                break
    finally:
        gc.enable()
    return best


def problems_of(parse: Callable[[str], None], fillings: list[str] | None = None) -> list[str]:
    """Returns a line for each text that takes a parser too long, or out of proportion to its length."""
    found = []
    for filling in fillings or [*SEPARATORS, *PAIRS]:
        for ending in ENDINGS:
            text = filling * (SIZE // len(filling)) + ending
            taken = _seconds(parse, text, 1)
            for _ in range(ROUNDS):
                if taken > MOST:
                    taken = min(taken, _seconds(parse, text, TRIES))
            if taken > MOST:
                found.append(f"{filling!r} ... {ending!r} takes {taken * 1000:.0f} ms")
        short = filling * (SIZE // 4 // len(filling)) + "!"
        base = _seconds(parse, short, 2)
        if base < LEAST:
            continue
        long = filling * (SIZE // len(filling)) + "!"
        ratios = [_seconds(parse, long, 1) / base]
        while ratios[-1] > FACTOR and len(ratios) < ROUNDS:
            # A neighbour on the machine can make one side slow: the best of many, several times over, counts.
            ratios.append(_seconds(parse, long, TRIES) / _seconds(parse, short, TRIES))
        if ratios[-1] > FACTOR:
            found.append(f"{filling!r}: {min(ratios):.1f} times as long for four times the text")
    return found


@pytest.mark.parametrize("parser", PARSERS)
def test_a_parser_takes_its_time_in_proportion(parser: str) -> None:
    """No hostile text of 64 kB takes long, and none grows with the square of its length."""
    assert problems_of(PARSERS[parser]) == []


def _quadratic(text: str) -> None:
    for _ in range((len(text) // 32) ** 2):
        pass


def test_a_slow_parser_is_noticed() -> None:
    """A parser that takes the square of the length is found out by its growth."""
    found = problems_of(_quadratic, ["a"])
    assert any("times as long" in line for line in found)
