"""Pyramid as a peer: a `Configurator`, routes with views, and what Pyramid brings for sessions and exceptions."""

# Pyramid has no types of its own.
# mypy: disable-error-code="import-untyped, import-not-found, untyped-decorator"
# pyright: reportMissingImports=false
from __future__ import annotations

import importlib.metadata
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jinja2
from pyramid.config import Configurator
from pyramid.events import NewRequest, NewResponse
from pyramid.httpexceptions import HTTPFound
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from benchmarks.material import CHUNKS, ROWS, SECRET_KEY, TEMPLATES, VARIANTS, export, route_parts, shown

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication


def describe() -> str:
    """Pyramid's version, and that of WebOb below it."""
    return f"Pyramid {importlib.metadata.version('pyramid')} on WebOb {importlib.metadata.version('webob')}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    kind, _, count = program.partition("-")
    with Configurator() as config:
        if kind == "routes":
            _routes(config, int(count))
        else:
            for part in PARTS[kind]:
                part(config)
        if kind == "text":
            config.add_static_view("static", str(folder))
        app: WSGIApplication = config.make_wsgi_app()
    return app


class OutOfStock(Exception):
    """The error that the program's own exception view answers."""


def route(config: Any, pattern: str, view: Callable[..., object], name: str = "", **predicates: Any) -> None:
    """Add a route and the view that answers it, named by its pattern unless it needs a name."""
    config.add_route(name or pattern, pattern)
    config.add_view(view, route_name=name or pattern, **predicates)


def _text(config: Any) -> None:
    def hello(request: Any) -> object:
        return Response("Hello, World!")

    def user(request: Any) -> object:
        return Response(shown("user", int(request.matchdict["user_id"])))

    def product(request: Any) -> object:
        return Response(shown(request.matchdict["name"], int(request.matchdict["size"])))

    def links(request: Any) -> object:
        first = int(request.matchdict["first"])
        urls = [request.route_path("user", user_id=first + n) for n in range(10)]
        urls += [request.route_path("product", name=f"cup-{first}", size=n) for n in range(5)]
        urls += [request.route_path("search", _query={"page": first + n}) for n in range(5)]
        return Response("\n".join(urls))

    def old(request: Any) -> object:
        return HTTPFound(location=f"/user/{request.matchdict['number']}")

    def buy(request: Any) -> object:
        raise OutOfStock(f"item {request.matchdict['number']}")

    def out_of_stock(error: Exception, request: Any) -> object:
        return Response(shown("sold out", error), status=409)

    route(config, "/", hello)
    route(config, r"/user/{user_id:\d+}", user, "user")
    route(config, r"/product/{name}/{size:\d+}", product, "product")
    route(config, r"/links/{first:\d+}", links)
    route(config, r"/old/{number:\d+}", old)
    route(config, r"/buy/{number:\d+}", buy)
    config.add_exception_view(out_of_stock, context=OutOfStock)


def _input(config: Any) -> None:
    def search(request: Any) -> object:
        return Response(shown(request.GET["q"], int(request.GET["page"])))

    def form(request: Any) -> object:
        form = request.POST
        return Response(shown(form["name"], form["email"], form["city"], int(form["age"]), form["message"]))

    def upload(request: Any) -> object:
        picture = request.POST["picture"]
        data = picture.file.read()
        return Response(shown(request.POST["title"], picture.filename, len(data), data[-8:]))

    def cookie(request: Any) -> object:
        return Response(shown("visitor", request.cookies.get("visitor")))

    def header(request: Any) -> object:
        return Response(shown("token", request.headers.get("X-Token")))

    route(config, "/search", search, "search")
    route(config, "/form", form, request_method="POST")
    route(config, "/upload", upload, request_method="POST")
    route(config, "/cookie", cookie)
    route(config, "/header", header)


def _pages(config: Any) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=jinja2.select_autoescape(), auto_reload=False
    )
    template = environment.get_template("catalogue.html")

    def catalogue(request: Any) -> object:
        page = int(request.matchdict["page"])
        return Response(template.render(page=page, rows=ROWS[page]))

    def stream(request: Any) -> object:
        return Response(app_iter=iter(CHUNKS[int(request.matchdict["number"])]))

    def missing(request: Any) -> object:
        return Response(shown("nothing here", request.path), status=404)

    route(config, r"/catalogue/{page:\d+}", catalogue)
    route(config, r"/stream/{number:\d+}", stream)
    config.add_notfound_view(missing)


def _json(config: Any) -> None:
    numbers = itertools.cycle(range(VARIANTS))

    def status(request: Any) -> dict[str, object]:
        return {"message": "Hello, World!", "number": next(numbers)}

    def order(request: Any) -> dict[str, object]:
        sent = request.json_body
        return {"name": sent["name"], "total": sent["quantity"] * sent["price"], "tags": sent["tags"]}

    def whole(request: Any) -> dict[str, object]:
        return export(int(request.matchdict["count"]), int(request.matchdict["page"]))

    route(config, "/status", status, renderer="json")
    route(config, "/order", order, request_method="POST", renderer="json")
    route(config, r"/export/{count:\d+}/{page:\d+}", whole, renderer="json")


def _session(config: Any) -> None:
    config.set_session_factory(SignedCookieSessionFactory(SECRET_KEY))

    def sign_in(request: Any) -> object:
        request.session["user"] = request.GET["user"]
        request.session["visits"] = 1
        return Response("signed in")

    def whoami(request: Any) -> object:
        return Response(shown(request.session["user"], request.session["visits"]))

    def visit(request: Any) -> object:
        request.session["visits"] += 1
        return Response(shown(request.session["user"], request.session["visits"]))

    def flashed(request: Any) -> object:
        messages = request.session.pop_flash()
        request.session.flash(f"Saved for {request.GET['user']}.")
        return Response(shown(*messages))

    route(config, "/sign-in", sign_in)
    route(config, "/whoami", whoami)
    route(config, "/visit", visit)
    route(config, "/flash", flashed)


def _hooks(config: Any) -> None:
    def before(name: str, number: int) -> Callable[[Any], None]:
        return lambda event: setattr(event.request, name, number)

    def after(name: str, value: str) -> Callable[[Any], None]:
        def add_header(event: Any) -> None:
            event.response.headers[name] = value

        return add_header

    for number, name in enumerate(("one", "two", "three"), 1):
        config.add_subscriber(before(name, number), NewRequest)
        config.add_subscriber(after(f"X-{name.title()}", str(number)), NewResponse)

    def user(request: Any) -> object:
        return Response(shown(int(request.matchdict["user_id"]), request.one, request.two, request.three))

    route(config, r"/user/{user_id:\d+}", user)


class Thing:
    """A class-based view: it is made for each request."""

    def __init__(self, request: Any) -> None:
        self.request = request

    def get(self) -> object:
        """Answer GET."""
        return Response(shown("thing", int(self.request.matchdict["number"])))


def _views(config: Any) -> None:
    def nested(request: Any) -> object:
        return Response(shown("nested", int(request.matchdict["number"])))

    def part(names: tuple[str, ...]) -> Callable[[Any], None]:
        def include(config: Any) -> None:
            if names:
                config.include(part(names[1:]), route_prefix=names[0])
            else:
                route(config, r"/{number:\d+}", nested)

        # Pyramid takes what has the same module and name for the same, and includes it once.
        include.__name__ = f"include_{len(names)}"
        return include

    route(config, r"/thing/{number:\d+}", Thing, attr="get", request_method="GET")
    config.include(part(("one", "two", "three", "four", "five")))


def _signals(config: Any) -> None:
    state = {"started": False, "finished": False}

    def started(event: Any) -> None:
        state["started"] = True

    def finished(event: Any) -> None:
        state["finished"] = True

    def user(request: Any) -> object:
        return Response(shown(int(request.matchdict["user_id"]), state.pop("started")))

    config.add_subscriber(started, NewRequest)
    config.add_subscriber(finished, NewResponse)
    route(config, r"/user/{user_id:\d+}", user)


PARTS: dict[str, tuple[Callable[[Any], None], ...]] = {
    "text": (_text, _input, _pages),
    "json": (_json,),
    "session": (_session,),
    "hooks": (_hooks,),
    "views": (_views,),
    "signals": (_signals,),
}


def _routes(config: Any, count: int) -> None:
    def view(number: int) -> Callable[[Any], object]:
        def detail(request: Any) -> object:
            return Response(shown(number, int(request.matchdict["item_id"])))

        return detail

    for number in range(count):
        area, group = route_parts(number)
        route(config, rf"/{area}/{group}/item/{{item_id:\d+}}/detail", view(number), f"detail{number}")
