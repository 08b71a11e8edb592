"""Requests as plain data, and the WSGI environ that a server would make of them."""

from __future__ import annotations

import io
import itertools
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True)
class Repeated:
    """A body too large to be kept: a head, a block that comes so many times, and a tail."""

    head: bytes
    block: bytes
    times: int
    tail: bytes

    def __len__(self) -> int:
        return len(self.head) + len(self.block) * self.times + len(self.tail)

    def open(self) -> io.BufferedReader:
        """A file that reads the body, with the kind of buffer that servers put before their sockets."""
        return io.BufferedReader(_Reader(self), 65536)


class _Reader(io.RawIOBase):
    """Reads the parts of a repeated body one after the other."""

    def __init__(self, body: Repeated) -> None:
        blocks = itertools.repeat(body.block, body.times)
        self._parts = itertools.chain([body.head], blocks, [body.tail])
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@dataclass(frozen=True)
class Call:
    """One request of a case.

    Args:
        path: decoded path, ASCII.
        method: HTTP method.
        query: raw query string without the question mark.
        headers: environ keys and values to add, such as `{"HTTP_COOKIE": "a=b"}`.
        body: the request body.
        content_type: the value of the Content-Type header, empty for none.
    """

    path: str
    method: str = "GET"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Repeated = b""
    content_type: str = ""


def environ_of(call: Call, number: int) -> dict[str, Any]:
    """The environ that a production server makes of a browser's request, without `wsgi.input`.

    Args:
        call: the request.
        number: makes client port and user agent differ between requests.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": call.path,
        "QUERY_STRING": call.query,
        "RAW_URI": f"{call.path}?{call.query}" if call.query else call.path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "benchmarks",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(50000 + number),
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_CONNECTION": "keep-alive",
        "HTTP_USER_AGENT": f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko/20100101 Firefox/{number}.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
    }
    if call.body or call.content_type:
        environ["CONTENT_TYPE"] = call.content_type
        environ["CONTENT_LENGTH"] = str(len(call.body))
    environ.update(call.headers)
    return environ


def with_input(environ: dict[str, Any], body: bytes | Repeated) -> dict[str, Any]:
    """A copy of the environ with a body that nobody has read yet."""
    copy = environ.copy()
    copy["wsgi.input"] = body.open() if isinstance(body, Repeated) else io.BytesIO(body)
    return copy
