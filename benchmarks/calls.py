"""Requests as plain data, and the WSGI environ that a server would make of them."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from typing import Any
from wsgiref.util import FileWrapper


@dataclass(frozen=True)
class Call:
    """One request of a case.

    Args:
        path: decoded path, ASCII.
        method: HTTP method.
        query: raw query string without the question mark.
        headers: environ keys and values to add, such as `{"HTTP_COOKIE": "a=b"}`.
        body: the bytes of the request body.
        content_type: the value of the Content-Type header, empty for none.
    """

    path: str
    method: str = "GET"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
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


def with_input(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """A copy of the environ with a body that nobody has read yet."""
    copy = environ.copy()
    copy["wsgi.input"] = io.BytesIO(body)
    return copy
