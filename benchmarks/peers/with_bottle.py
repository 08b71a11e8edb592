"""Bottle as a peer: its decorators, FormsDict attributes, `static_file`, hooks and a route plugin for the exception."""

# Bottle has no types, so all of its decorators are untyped.
# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bottle  # type: ignore[import-untyped]
import jinja2

from benchmarks.material import CHUNKS, ROWS, TEMPLATES, VARIANTS, export, route_parts, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication

# The attributes of Bottle's request are descriptors without types.
request: Any = bottle.request


def describe() -> str:
    """Bottle's version."""
    return f"Bottle {bottle.__version__}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    app: Any = bottle.Bottle()
    kind, _, count = program.partition("-")
    if kind == "json":
        _json(app)
    elif kind == "hooks":
        _hooks(app)
    elif kind == "routes":
        _routes(app, int(count))
    else:
        _text(app)
        _input(app)
        _pages(app, str(folder))
    result: WSGIApplication = app
    return result


class OutOfStock(Exception):
    """The error that the program's own handler answers."""


def sells(callback: Callable[..., str]) -> Callable[..., object]:
    """A route plugin: Bottle's way to answer an exception of one class."""

    def guarded(**arguments: int) -> object:
        try:
            return callback(**arguments)
        except OutOfStock as error:
            return bottle.HTTPResponse(shown("sold out", error), 409)

    return guarded


def _text(app: Any) -> None:
    @app.get("/")
    def hello() -> str:
        return "Hello, World!"

    @app.get("/user/<user_id:int>", name="user")
    def user(user_id: int) -> str:
        return shown("user", user_id)

    @app.get("/product/<name>/<size:int>", name="product")
    def product(name: str, size: int) -> str:
        return shown(name, size)

    @app.get("/links/<first:int>")
    def links(first: int) -> str:
        urls = [app.get_url("user", user_id=first + n) for n in range(10)]
        urls += [app.get_url("product", name=f"cup-{first}", size=n) for n in range(5)]
        urls += [app.get_url("search", page=first + n) for n in range(5)]
        return "\n".join(urls)

    @app.get("/old/<number:int>")
    def old(number: int) -> None:
        bottle.redirect(f"/user/{number}", 302)

    @app.get("/buy/<number:int>", apply=[sells])
    def buy(number: int) -> str:
        raise OutOfStock(f"item {number}")


def _input(app: Any) -> None:
    @app.get("/search", name="search")
    def search() -> str:
        return shown(request.query.q, request.query.get("page", type=int))

    @app.post("/form")
    def form() -> str:
        form = request.forms
        return shown(form.name, form.email, form.city, form.get("age", type=int), form.message)

    @app.post("/upload")
    def upload() -> str:
        picture = request.files.picture
        data = picture.file.read()
        return shown(request.forms.title, picture.raw_filename, len(data), data[-8:])

    @app.get("/cookie")
    def cookie() -> str:
        return shown("visitor", request.get_cookie("visitor"))

    @app.get("/header")
    def header() -> str:
        return shown("token", request.get_header("X-Token"))


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=jinja2.select_autoescape(), auto_reload=False
    )
    return environment.get_template("catalogue.html")


def _pages(app: Any, folder: str) -> None:
    template = _template()

    @app.get("/catalogue/<page:int>")
    def catalogue(page: int) -> str:
        return template.render(page=page, rows=ROWS[page])

    @app.get("/stream/<number:int>")
    def stream(number: int) -> Iterator[bytes]:
        yield from CHUNKS[number]

    @app.get("/static/<name:path>")
    def static(name: str) -> object:
        return bottle.static_file(name, root=folder)

    @app.error(404)
    def missing(error: Exception) -> str:
        return shown("nothing here", request.path)


def _json(app: Any) -> None:
    numbers = itertools.cycle(range(VARIANTS))

    @app.get("/status")
    def status() -> dict[str, object]:
        return {"message": "Hello, World!", "number": next(numbers)}

    @app.post("/order")
    def order() -> dict[str, object]:
        sent = request.json
        return {"name": sent["name"], "total": sent["quantity"] * sent["price"], "tags": sent["tags"]}

    @app.get("/export/<count:int>/<page:int>")
    def whole(count: int, page: int) -> dict[str, object]:
        return export(count, page)


def _hooks(app: Any) -> None:
    @app.hook("before_request")
    def before_one() -> None:
        request.one = 1

    @app.hook("before_request")
    def before_two() -> None:
        request.two = 2

    @app.hook("before_request")
    def before_three() -> None:
        request.three = 3

    @app.hook("after_request")
    def after_one() -> None:
        bottle.response.set_header("X-One", "1")

    @app.hook("after_request")
    def after_two() -> None:
        bottle.response.set_header("X-Two", "2")

    @app.hook("after_request")
    def after_three() -> None:
        bottle.response.set_header("X-Three", "3")

    @app.get("/user/<user_id:int>")
    def user(user_id: int) -> str:
        return shown(user_id, request.one, request.two, request.three)


def _routes(app: Any, count: int) -> None:
    def view(number: int) -> Callable[[int], str]:
        def detail(item_id: int) -> str:
            return shown(number, item_id)

        return detail

    # Bottle compiles all its patterns again after each new route, which takes it minutes for 10,000 of them. Who
    # measures requests to that many need not wait for it: compile once, after the last. Up to 1,000 it goes its way.
    deferred = count > 1000
    if deferred:
        app.router._compile = lambda method: None
    for number in range(count):
        area, group = route_parts(number)
        app.get(f"/{area}/{group}/item/<item_id:int>/detail", callback=view(number))
    if deferred:
        del app.router._compile
        app.router._compile("GET")
