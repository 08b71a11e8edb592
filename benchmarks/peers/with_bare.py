"""The same work by hand on plain WSGI with the standard library: what is left when there is no framework.

It does what the case needs and nothing for safety, so nobody should write an app like this. It is not a hard limit: a
framework's compiled parser of forms, say, can be quicker than the standard library's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import mimetypes
import os
import platform
from collections.abc import Callable, Iterable
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_plus

import jinja2

from benchmarks.material import CHUNKS, ROWS, TEMPLATES, VARIANTS, export, many_rows, route_parts, shown

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
        return _many_hooks(int(count)) if count else hooked
    if kind == "routes":
        return _routes(int(count))
    return {"text": _text, "views": _views, "signals": _signals, "async": _async, "sizes": _sizes}[kind](folder)


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
    """Take an integer from the path; only for GET."""
    if environ["REQUEST_METHOD"] != "GET":
        start_response("405 Method Not Allowed", [("Allow", "GET"), ("Content-Length", "0")])
        return [b""]
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


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=jinja2.select_autoescape(), auto_reload=False
    )
    return environment.get_template("catalogue.html")


def _catalogue() -> View:
    template = _template()

    def catalogue(environ: Environ, start_response: StartResponse, rest: str) -> Iterable[bytes]:
        page = int(rest)
        return reply(start_response, template.render(page=page, rows=ROWS[page]))

    return catalogue


def part_of(
    file: BinaryIO, wanted: str, size: int, start_response: StartResponse, headers: list[tuple[str, str]]
) -> Iterable[bytes]:
    """Send one range of a file."""
    first, last = map(int, wanted.removeprefix("bytes=").split("-"))
    with file:
        file.seek(first)
        data = file.read(last + 1 - first)
    headers += [("Content-Range", f"bytes {first}-{last}/{size}"), ("Content-Length", str(len(data)))]
    start_response("206 Partial Content", headers)
    return [data]


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
        if "HTTP_RANGE" in environ:
            return part_of(file, environ["HTTP_RANGE"], facts.st_size, start_response, headers)
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
        if environ["PATH_INFO"].startswith("/export/"):
            _, _, count, page = environ["PATH_INFO"].split("/")
            return reply_json(start_response, export(int(count), int(page)))
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


def _many_hooks(count: int) -> WSGIApplication:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        last = None
        for number in range(count):
            last = number
        body = shown(int(environ["PATH_INFO"][6:]), last).encode()
        headers = {"Content-Type": HTML, "Content-Length": str(len(body))}
        for number in reversed(range(count)):
            headers["X-Last"] = str(number)
        start_response("200 OK", list(headers.items()))
        return [body]

    return app


def _views(folder: Path) -> WSGIApplication:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/thing/"):
            return reply(start_response, shown("thing", int(path[7:])))
        _, one, two, three, four, five, number = path.split("/")
        assert (one, two, three, four, five) == ("one", "two", "three", "four", "five")
        return reply(start_response, shown("nested", int(number)))

    return app


def _signals(folder: Path) -> WSGIApplication:
    state = {"started": False, "finished": False}

    def started() -> None:
        state["started"] = True

    def finished() -> None:
        state["finished"] = True

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started()
        body = reply(start_response, shown(int(environ["PATH_INFO"][6:]), state.pop("started")))
        finished()
        return body

    return app


def _async(folder: Path) -> WSGIApplication:
    loop = asyncio.new_event_loop()

    async def later(number: int) -> str:
        return shown("later", number)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        text = loop.run_until_complete(later(int(environ["PATH_INFO"][7:])))
        return reply(start_response, text)

    return app


def _sizes(folder: Path) -> WSGIApplication:
    template = _template()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/count":
            return count(environ, start_response)
        _, _, rows, page = environ["PATH_INFO"].split("/")
        return reply(start_response, template.render(page=int(page), rows=many_rows(int(rows))))

    return app


def count(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Read a multipart form and count the bytes of its second part, as they come."""
    boundary = b"\r\n--" + environ["CONTENT_TYPE"].partition("boundary=")[2].encode()
    read = environ["wsgi.input"].read
    start = b"\r\n" + read(65536)
    _, title, picture = start.split(boundary, 2)
    data = picture.partition(b"\r\n\r\n")[2]
    total, keep = 0, len(boundary) - 1
    # A boundary may lie across two pieces, so the end of each is looked at again with the next one.
    while (end := data.find(boundary)) < 0:
        total += len(data) - keep
        data = data[-keep:] + read(65536)
    return reply(start_response, shown(title.partition(b"\r\n\r\n")[2].decode(), total + end))


def _routes(count: int) -> WSGIApplication:
    numbers = {route_parts(number): number for number in range(count)}

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, area, group, _, item_id, _ = environ["PATH_INFO"].split("/")
        return reply(start_response, shown(numbers[area, group], int(item_id)))

    return app
