"""The same work by hand on plain WSGI with the standard library: what is left when there is no framework.

It does what the case needs and nothing for safety, so nobody should write an app like this. It is not a hard limit: a
framework's compiled parser of forms, say, can be quicker than the standard library's.
"""

from __future__ import annotations

import itertools
import json
import mimetypes
import os
import platform
from collections.abc import Callable, Iterable
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jinja2

from benchmarks.material import CHUNKS, ROWS, TEMPLATES, VARIANTS, route_parts, shown

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIApplication

Environ = dict[str, Any]
View = Callable[[Environ, "StartResponse", str], Iterable[bytes]]

HTML = "text/html; charset=utf-8"


def describe() -> str:
    """The interpreter, for there is nothing else."""
    return f"plain WSGI on {platform.python_implementation()} {platform.python_version()}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    kind, _, count = program.partition("-")
    if kind == "json":
        return _json()
    if kind == "hooks":
        return hooked
    if kind == "routes":
        return _routes(int(count))
    return _text(folder)


def reply(start_response: StartResponse, text: str, status: str = "200 OK") -> list[bytes]:
    """Send a text as HTML."""
    body = text.encode()
    start_response(status, [("Content-Type", HTML), ("Content-Length", str(len(body)))])
    return [body]


def reply_json(start_response: StartResponse, value: object) -> list[bytes]:
    """Send a value as JSON."""
    body = json.dumps(value).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def read_body(environ: Environ) -> bytes:
    """Read as much as the client announced."""
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return body


def fields(text: str) -> dict[str, str]:
    """Parse a query or an urlencoded form."""
    found = {}
    for field in text.split("&"):
        name, _, value = field.partition("=")
        found[name] = unquote_plus(value) if "%" in value or "+" in value else value
    return found


class OutOfStock(Exception):
    """The error that the program's own handler answers."""


def hello(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Answer GET, HEAD and OPTIONS."""
    method = environ["REQUEST_METHOD"]
    if method == "OPTIONS":
        start_response("200 OK", [("Allow", "GET, HEAD, OPTIONS"), ("Content-Length", "0")])
        return [b""]
    body = reply(start_response, "Hello, World!")
    return body if method == "GET" else [b""]


def user(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Take an integer from the path."""
    return reply(start_response, shown("user", int(rest)))


def search(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Read the query."""
    query = fields(environ["QUERY_STRING"])
    return reply(start_response, shown(query["q"], int(query["page"])))


def form(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Read an urlencoded form."""
    form = fields(read_body(environ).decode())
    return reply(start_response, shown(form["name"], form["email"], form["city"], int(form["age"]), form["message"]))


def upload(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Read a multipart form whose two parts are known to come in this order."""
    boundary = b"\r\n--" + environ["CONTENT_TYPE"].partition("boundary=")[2].encode()
    _, title, picture, _ = (b"\r\n" + read_body(environ)).split(boundary)
    text = title.partition(b"\r\n\r\n")[2].decode()
    head, _, data = picture.partition(b"\r\n\r\n")
    filename = head.partition(b'filename="')[2].partition(b'"')[0].decode()
    return reply(start_response, shown(text, filename, len(data), data[-8:]))


def cookie(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Read a cookie."""
    cookies = dict(pair.split("=", 1) for pair in environ["HTTP_COOKIE"].split("; "))
    return reply(start_response, shown("visitor", cookies["visitor"]))


def header(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Read a header."""
    return reply(start_response, shown("token", environ["HTTP_X_TOKEN"]))


def stream(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Send 100 chunks."""
    start_response("200 OK", [("Content-Type", HTML)])
    return (chunk for chunk in CHUNKS[int(rest)])


def old(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Redirect."""
    start_response("302 Found", [("Location", f"/user/{int(rest)}"), ("Content-Length", "0")])
    return [b""]


def buy(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
    """Raise an exception and answer it."""
    try:
        raise OutOfStock(f"item {int(rest)}")
    except OutOfStock as error:
        return reply(start_response, shown("sold out", error), "409 Conflict")


def _catalogue() -> View:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=jinja2.select_autoescape(), auto_reload=False
    )
    template = environment.get_template("catalogue.html")

    def catalogue(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
        page = int(rest)
        return reply(start_response, template.render(page=page, rows=ROWS[page]))

    return catalogue


def _static(folder: str) -> View:
    def static(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
        file = open(os.path.join(folder, rest), "rb")  # noqa: SIM115 - the server closes it after the body
        facts = os.fstat(file.fileno())
        etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        headers = [("ETag", etag), ("Last-Modified", formatdate(facts.st_mtime, usegmt=True))]
        matches, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
        if etag == matches or (
            matches is None and since and parsedate_to_datetime(since).timestamp() >= facts.st_mtime
        ):
            file.close()
            start_response("304 Not Modified", headers)
            return [b""]
        headers.append(("Content-Type", mimetypes.guess_type(rest)[0] or "application/octet-stream"))
        headers.append(("Content-Length", str(facts.st_size)))
        start_response("200 OK", headers)
        body: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return body

    return static


def _text(folder: Path) -> WSGIApplication:
    views: dict[str, View] = {
        "": hello,
        "user": user,
        "search": search,
        "form": form,
        "upload": upload,
        "cookie": cookie,
        "header": header,
        "stream": stream,
        "old": old,
        "buy": buy,
        "catalogue": _catalogue(),
        "static": _static(str(folder)),
    }

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        first, _, rest = path[1:].partition("/")
        view = views.get(first)
        if view is None:
            return reply(start_response, shown("nothing here", path), "404 Not Found")
        return view(environ, start_response, rest)

    return app


def _json() -> WSGIApplication:
    numbers = itertools.cycle(range(VARIANTS))

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/order":
            sent = json.loads(read_body(environ))
            total = sent["quantity"] * sent["price"]
            return reply_json(start_response, {"name": sent["name"], "total": total, "tags": sent["tags"]})
        return reply_json(start_response, {"message": "Hello, World!", "number": next(numbers)})

    return app


def hooked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Do by hand what three hooks before and three after the view do."""
    kept: dict[str, int] = {}
    kept["one"] = 1
    kept["two"] = 2
    kept["three"] = 3
    user_id = int(environ["PATH_INFO"][6:])
    body = shown(user_id, kept["one"], kept["two"], kept["three"]).encode()
    headers = [("Content-Type", HTML), ("Content-Length", str(len(body)))]
    headers.append(("X-One", "1"))
    headers.append(("X-Two", "2"))
    headers.append(("X-Three", "3"))
    start_response("200 OK", headers)
    return [body]


def _routes(count: int) -> WSGIApplication:
    numbers = {route_parts(number): number for number in range(count)}

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, area, group, _, item_id, _ = environ["PATH_INFO"].split("/")
        return reply(start_response, shown(numbers[area, group], int(item_id)))

    return app
