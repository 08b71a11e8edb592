"""Falcon as a peer: resources with responders, its own media handlers, static route, middleware and error handlers.

Each program's app has the default media type that most of its answers need, so that responders need not set it.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING, Any, cast

import falcon
import jinja2

from benchmarks.material import CHUNKS, ROWS, TEMPLATES, VARIANTS, export, many_rows, route_parts, shown

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication
    from falcon import Request, Response

    AnyApp = falcon.App[Request, Response]


def compiled_parts() -> list[str]:
    """The Falcon modules that this process runs as compiled extensions."""
    return sorted(
        name
        for name, module in sys.modules.items()
        if name.startswith("falcon.") and str(getattr(module, "__file__", "")).endswith(tuple(EXTENSION_SUFFIXES))
    )


def describe() -> str:
    """Falcon's version, and which of its modules are compiled: the official wheel decides that, not this program."""
    parts = compiled_parts()
    built = f"compiled: {', '.join(parts)}" if parts else "NOT the compiled wheel, do not compare with it"
    return f"Falcon {importlib.metadata.version('falcon')} ({built})"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    kind, _, count = program.partition("-")
    app: Any
    if kind == "json":
        app = _json()
    elif kind == "hooks":
        app = _many_hooks(int(count)) if count else _hooks()
    elif kind == "routes":
        app = _routes(int(count))
    else:
        app = {"text": _text, "views": _views, "sizes": _sizes}[kind](folder)
    # Falcon's own type says that `write` returns None, the typeshed's that it returns an object.
    return cast("WSGIApplication", app)


class OutOfStock(Exception):
    """The error that the program's own handler answers."""


class Hello:
    """Answers GET, HEAD and, as Falcon does by itself, OPTIONS."""

    def on_get(self, req: Request, resp: Response) -> None:
        resp.text = "Hello, World!"

    on_head = on_get


class User:
    """Takes an integer from the path."""

    def on_get(self, req: Request, resp: Response, user_id: int) -> None:
        resp.text = shown("user", user_id)


class Search:
    """Reads the query."""

    def on_get(self, req: Request, resp: Response) -> None:
        resp.text = shown(req.get_param("q", required=True), req.get_param_as_int("page"))


class Form:
    """Reads an urlencoded form."""

    def on_post(self, req: Request, resp: Response) -> None:
        form = req.get_media()
        resp.text = shown(form["name"], form["email"], form["city"], int(form["age"]), form["message"])


class Upload:
    """Reads a multipart form with a file."""

    def on_post(self, req: Request, resp: Response) -> None:
        title = filename = data = None
        for part in req.get_media():
            if part.name == "title":
                title = part.text
            elif part.name == "picture":
                filename = part.filename
                data = part.stream.read()
        assert data is not None
        resp.text = shown(title, filename, len(data), data[-8:])


class Cookie:
    """Reads a cookie."""

    def on_get(self, req: Request, resp: Response) -> None:
        values = req.get_cookie_values("visitor")
        resp.text = shown("visitor", values[0] if values else None)


class Header:
    """Reads a header."""

    def on_get(self, req: Request, resp: Response) -> None:
        resp.text = shown("token", req.get_header("X-Token"))


def catalogue_template() -> jinja2.Template:
    """The template, loaded once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=jinja2.select_autoescape(), auto_reload=False
    )
    return environment.get_template("catalogue.html")


class Catalogue:
    """Renders a template that was loaded once."""

    def __init__(self) -> None:
        self.template = catalogue_template()

    def on_get(self, req: Request, resp: Response, page: int) -> None:
        resp.text = self.template.render(page=page, rows=ROWS[page])


class Stream:
    """Sends 100 chunks."""

    def on_get(self, req: Request, resp: Response, number: int) -> None:
        resp.stream = (chunk for chunk in CHUNKS[number])


class Old:
    """Redirects."""

    def on_get(self, req: Request, resp: Response, number: int) -> None:
        raise falcon.HTTPFound(f"/user/{number}")


class Buy:
    """Raises an exception that has a handler."""

    def on_get(self, req: Request, resp: Response, number: int) -> None:
        raise OutOfStock(f"item {number}")


def out_of_stock(req: Request, resp: Response, ex: OutOfStock, params: dict[str, object]) -> None:
    """Answer the program's own exception."""
    resp.status = falcon.HTTP_409
    resp.text = shown("sold out", ex)


def missing(req: Request, resp: Response, ex: falcon.HTTPNotFound, params: dict[str, object]) -> None:
    """Answer every 404, also those that a responder raises."""
    resp.status = falcon.HTTP_404
    resp.text = shown("nothing here", req.path)


def _text(folder: Path) -> AnyApp:
    app = falcon.App(media_type=falcon.MEDIA_HTML)
    app.add_route("/", Hello())
    app.add_route("/user/{user_id:int}", User())
    app.add_route("/search", Search())
    app.add_route("/form", Form())
    app.add_route("/upload", Upload())
    app.add_route("/cookie", Cookie())
    app.add_route("/header", Header())
    app.add_route("/catalogue/{page:int}", Catalogue())
    app.add_route("/stream/{number:int}", Stream())
    app.add_route("/old/{number:int}", Old())
    app.add_route("/buy/{number:int}", Buy())
    app.add_static_route("/static", str(folder))
    app.add_error_handler(OutOfStock, out_of_stock)
    app.add_error_handler(falcon.HTTPNotFound, missing)
    return app


class Status:
    """Answers with a dict."""

    def __init__(self) -> None:
        self.numbers = itertools.cycle(range(VARIANTS))

    def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {
            "message": "Hello, World!",
            "number": next(self.numbers),
        }


class Order:
    """Reads a JSON body and answers with a dict."""

    def on_post(self, req: Request, resp: Response) -> None:
        sent = req.get_media()
        resp.media = {"name": sent["name"], "total": sent["quantity"] * sent["price"], "tags": sent["tags"]}


class Export:
    """Answers with a value of the size asked for."""

    def on_get(self, req: Request, resp: Response, count: int, page: int) -> None:
        resp.media = export(count, page)


def _json() -> AnyApp:
    app = falcon.App()
    app.add_route("/export/{count:int}/{page:int}", Export())
    app.add_route("/status", Status())
    app.add_route("/order", Order())
    return app


class One:
    """The first of three middleware components."""

    def process_request(self, req: Request, resp: Response) -> None:
        req.context.one = 1

    def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        resp.set_header("X-One", "1")


class Two:
    """The second of three middleware components."""

    def process_request(self, req: Request, resp: Response) -> None:
        req.context.two = 2

    def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        resp.set_header("X-Two", "2")


class Three:
    """The third of three middleware components."""

    def process_request(self, req: Request, resp: Response) -> None:
        req.context.three = 3

    def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        resp.set_header("X-Three", "3")


class HookedUser:
    """Shows what the middleware left for it."""

    def on_get(self, req: Request, resp: Response, user_id: int) -> None:
        context = req.context
        resp.text = shown(user_id, context.one, context.two, context.three)


def _hooks() -> AnyApp:
    middleware: list[Any] = [One(), Two(), Three()]
    app = falcon.App(media_type=falcon.MEDIA_HTML, middleware=middleware)
    app.add_route("/user/{user_id:int}", HookedUser())
    return app


class Mark:
    """One of many middleware components."""

    def __init__(self, number: int) -> None:
        self.number = number

    def process_request(self, req: Request, resp: Response) -> None:
        req.context.last = self.number

    def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        resp.set_header("X-Last", str(self.number))


class LastMark:
    """Shows what the last of many middleware components left for it."""

    def on_get(self, req: Request, resp: Response, user_id: int) -> None:
        resp.text = shown(user_id, getattr(req.context, "last", None))


def _many_hooks(count: int) -> AnyApp:
    middleware: list[Any] = [Mark(number) for number in range(count)]
    app = falcon.App(media_type=falcon.MEDIA_HTML, middleware=middleware)
    app.add_route("/user/{user_id:int}", LastMark())
    return app


class Thing:
    """What Falcon calls a resource is a class-based view."""

    def on_get(self, req: Request, resp: Response, number: int) -> None:
        resp.text = shown("thing", number)


def _views(folder: Path) -> AnyApp:
    app = falcon.App(media_type=falcon.MEDIA_HTML)
    app.add_route("/thing/{number:int}", Thing())
    return app


class Count:
    """Reads a multipart form and counts the bytes of its file as they come."""

    def on_post(self, req: Request, resp: Response) -> None:
        title, total = "", 0
        for part in req.get_media():
            if part.name == "title":
                title = part.text
            elif part.name == "picture":
                while piece := part.stream.read(65536):
                    total += len(piece)
        resp.text = shown(title, total)


class Rows:
    """Renders a template with so many rows."""

    def __init__(self) -> None:
        self.template = catalogue_template()

    def on_get(self, req: Request, resp: Response, count: int, page: int) -> None:
        resp.text = self.template.render(page=page, rows=many_rows(count))


def _sizes(folder: Path) -> AnyApp:
    app = falcon.App(media_type=falcon.MEDIA_HTML)
    app.add_route("/count", Count())
    app.add_route("/rows/{count:int}/{page:int}", Rows())
    return app


class Detail:
    """One of many deep routes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def on_get(self, req: Request, resp: Response, item_id: int) -> None:
        resp.text = shown(self.number, item_id)


def _routes(count: int) -> AnyApp:
    app = falcon.App(media_type=falcon.MEDIA_HTML)
    for number in range(count):
        area, group = route_parts(number)
        app.add_route(f"/{area}/{group}/item/{{item_id:int}}/detail", Detail(number))
    return app
