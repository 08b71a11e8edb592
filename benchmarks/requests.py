"""The requests of each case, made from a number that lets them differ."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks.answers import Answer, send
from benchmarks.calls import Call, Repeated, environ_of, with_input
from benchmarks.material import VARIANTS, route_parts, static_name

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

FORM = "application/x-www-form-urlencoded"


def session_cookie(app: WSGIApplication, call: Call) -> dict[str, str]:
    """Sign in as this call's user and give the cookies back, as a browser does."""
    return _cookies_from(app, Call("/sign-in", query=call.query))


def flashed_cookie(app: WSGIApplication, call: Call) -> dict[str, str]:
    """Flash one message, and give back the cookies that carry it."""
    return _cookies_from(app, call)


def validators(app: WSGIApplication, call: Call) -> dict[str, str]:
    """Fetch the file once, then ask whether it has changed with the validators that came along, as a browser does."""
    answer = _once(app, call)
    found = {"HTTP_IF_NONE_MATCH": answer.header("etag"), "HTTP_IF_MODIFIED_SINCE": answer.header("last-modified")}
    return {name: value for name, value in found.items() if value}


def _cookies_from(app: WSGIApplication, call: Call) -> dict[str, str]:
    cookies = [value.partition(";")[0] for name, value in _once(app, call).headers if name == "set-cookie"]
    # Pyramid sends a cookie once for each domain that may want it, with the same value.
    return {"HTTP_COOKIE": "; ".join(dict.fromkeys(cookies))}


def _once(app: WSGIApplication, call: Call) -> Answer:
    return send(app, with_input(environ_of(call, 0), call.body))


def form(number: int) -> Call:
    """A form of five fields."""
    fields = {
        "name": f"Ada Lovelace {number}",
        "email": f"ada{number}@example.com",
        "city": "São Paulo",
        "age": number + 18,
        "message": f"Two lines\r\nand {number} more.",
    }
    return Call("/form", "POST", body=urlencode(fields).encode(), content_type=FORM)


def json_body(number: int) -> Call:
    """An order as JSON."""
    order = {"name": f"cup {number}", "quantity": number + 1, "price": 2.5, "tags": ["new", "blue", f"t{number}"]}
    return Call("/order", "POST", body=json.dumps(order).encode(), content_type="application/json")


def upload(number: int) -> Call:
    """A title and a file of 64 kB."""
    # All byte values, and starts of boundaries, so that no parser meets an input that is too easy.
    content = ((bytes(range(256)) + b"\r\n----") * 256)[: 65536 - 8] + b"%08d" % number
    return _multipart("/upload", number, lambda head, tail: head + content + tail)


def large_upload(number: int) -> Call:
    """A title and a file of 8 MB of random bytes, as a compressed picture has them."""
    return _multipart("/upload", number, lambda head, tail: head + _picture() + b"%08d" % number + tail)


@functools.cache
def _picture() -> bytes:
    return random.Random(8).randbytes(8 * 1024 * 1024 - 8)


def upload_of(size: int) -> Callable[[int], Call]:
    """Makes requests with a title and a file of so many bytes, which no process holds in memory as a whole."""
    # A kilobyte at least in each block, or the making of the body would take longer than its reading.
    block = random.Random(8).randbytes(min(size, 65536))
    times, rest = divmod(size, len(block))

    def call(number: int) -> Call:
        return _multipart("/count", number, lambda head, tail: Repeated(head, block, times, block[:rest] + tail))

    return call


def _multipart(path: str, number: int, joined: Callable[[bytes, bytes], bytes | Repeated]) -> Call:
    boundary = f"----boundary{number:08}"
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="title"',
        "",
        f"Picture {number}",
        f"--{boundary}",
        f'Content-Disposition: form-data; name="picture"; filename="picture-{number}.bin"',
        "Content-Type: application/octet-stream",
        "",
        "",
    ]
    body = joined("\r\n".join(lines).encode(), f"\r\n--{boundary}--\r\n".encode())
    return Call(path, "POST", body=body, content_type=f"multipart/form-data; boundary={boundary}")


def deep(count: int) -> Callable[[int], Call]:
    """Makes requests to one of so many routes, spread over all of them."""

    def call(number: int) -> Call:
        area, group = route_parts(number * count // VARIANTS)
        return Call(f"/{area}/{group}/item/{number + 7}/detail")

    return call


def cookie(number: int) -> Call:
    """Three cookies, one of which the program reads."""
    return Call("/cookie", headers={"HTTP_COOKIE": f"theme=dark; visitor=v{number}a7c4; language=en"})


def cookies_of(count: int) -> Callable[[int], Call]:
    """Makes requests with so many cookies, of which the program reads the one in the middle."""

    def call(number: int) -> Call:
        pairs = [f"name{n}=value{n}" for n in range(count - 1)]
        pairs.insert(count // 2, f"visitor=v{number}a7c4")
        return Call("/cookie", headers={"HTTP_COOKIE": "; ".join(pairs)})

    return call


def fields_of(count: int) -> Callable[[int], Call]:
    """Makes requests with so many query fields, of which the program reads two."""

    def call(number: int) -> Call:
        pairs = [f"name{n}=value+{n}" for n in range(count - 2)]
        pairs[count // 2 : count // 2] = [f"q=caf%C3%A9+{number}", f"page={number}"]
        return Call("/search", query="&".join(pairs))

    return call


def part_of_a_file(number: int) -> Call:
    """Asks for a kilobyte out of a file."""
    headers = {"HTTP_RANGE": f"bytes={number * 100}-{number * 100 + 1023}"}
    return Call(f"/static/{static_name(number)}", headers=headers)
