"""The programs in Flask's API, built from the real Flask or from costrel without a change."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from benchmarks.material import CHUNKS, ROWS, SECRET_KEY, TEMPLATES, VARIANTS, route_parts, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import flask
    from flask.ctx import _AppCtxGlobals
    from flask.sessions import SessionMixin
    from werkzeug.wrappers import Response as BaseResponse


class Framework(Protocol):
    """The names that the programs use, as a module that has Flask's API offers them."""

    request: flask.Request
    session: SessionMixin
    g: _AppCtxGlobals

    def url_for(self, endpoint: str, **values: object) -> str: ...
    def redirect(self, location: str) -> BaseResponse: ...
    def render_template(self, template_name_or_list: str, **context: object) -> str: ...


class OutOfStock(Exception):
    """The error that the program's own handler answers."""


def build(application: Callable[..., flask.Flask], framework: Framework, program: str, folder: Path) -> flask.Flask:
    """Make one of the programs.

    Args:
        application: the framework's application class.
        framework: its module.
        program: `text`, `json`, `session`, `hooks` or `routes-N`.
        folder: holds the static files.
    """
    app = application("benchmarks", "/static", str(folder), template_folder=str(TEMPLATES))
    kind, _, count = program.partition("-")
    if kind == "routes":
        _routes(app, int(count))
    elif kind == "text":
        _text(app, framework)
        _input(app, framework)
        _pages(app, framework)
    else:
        {"json": _json, "session": _session, "hooks": _hooks}[kind](app, framework)
    return app


def _text(app: flask.Flask, framework: Framework) -> None:
    redirect, url_for = framework.redirect, framework.url_for

    @app.get("/")
    def hello() -> str:
        return "Hello, World!"

    @app.get("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return shown("user", user_id)

    @app.get("/product/<name>/<int:size>")
    def product(name: str, size: int) -> str:
        return shown(name, size)

    @app.get("/links/<int:first>")
    def links(first: int) -> str:
        urls = [url_for("user", user_id=first + n) for n in range(10)]
        urls += [url_for("product", name=f"cup-{first}", size=n) for n in range(5)]
        urls += [url_for("search", page=first + n) for n in range(5)]
        return "\n".join(urls)

    @app.get("/old/<int:number>")
    def old(number: int) -> BaseResponse:
        return redirect(f"/user/{number}")

    @app.get("/buy/<int:number>")
    def buy(number: int) -> str:
        raise OutOfStock(f"item {number}")

    @app.errorhandler(OutOfStock)
    def out_of_stock(error: OutOfStock) -> tuple[str, int]:
        return shown("sold out", error), 409


def _input(app: flask.Flask, framework: Framework) -> None:
    request = framework.request

    @app.get("/search")
    def search() -> str:
        return shown(request.args["q"], request.args.get("page", type=int))

    @app.post("/form")
    def form() -> str:
        form = request.form
        return shown(form["name"], form["email"], form["city"], form.get("age", type=int), form["message"])

    @app.post("/upload")
    def upload() -> str:
        picture = request.files["picture"]
        data = picture.read()
        return shown(request.form["title"], picture.filename, len(data), data[-8:])

    @app.get("/cookie")
    def cookie() -> str:
        return shown("visitor", request.cookies.get("visitor"))

    @app.get("/header")
    def header() -> str:
        return shown("token", request.headers.get("X-Token"))


def _pages(app: flask.Flask, framework: Framework) -> None:
    request, render_template = framework.request, framework.render_template

    @app.get("/catalogue/<int:page>")
    def catalogue(page: int) -> str:
        return render_template("catalogue.html", page=page, rows=ROWS[page])

    @app.get("/stream/<int:number>")
    def stream(number: int) -> Iterator[bytes]:
        yield from CHUNKS[number]

    @app.errorhandler(404)
    def missing(error: Exception) -> tuple[str, int]:
        return shown("nothing here", request.path), 404


def _json(app: flask.Flask, framework: Framework) -> None:
    request = framework.request
    numbers = itertools.cycle(range(VARIANTS))

    @app.get("/status")
    def status() -> dict[str, object]:
        return {"message": "Hello, World!", "number": next(numbers)}

    @app.post("/order")
    def order() -> dict[str, object]:
        sent = request.get_json()
        return {"name": sent["name"], "total": sent["quantity"] * sent["price"], "tags": sent["tags"]}


def _session(app: flask.Flask, framework: Framework) -> None:
    app.secret_key = SECRET_KEY
    request, session = framework.request, framework.session

    @app.get("/sign-in")
    def sign_in() -> str:
        session["user"] = request.args["user"]
        session["visits"] = 1
        return "signed in"

    @app.get("/whoami")
    def whoami() -> str:
        return shown(session["user"], session["visits"])

    @app.get("/visit")
    def visit() -> str:
        session["visits"] += 1
        return shown(session["user"], session["visits"])


def _hooks(app: flask.Flask, framework: Framework) -> None:
    g = framework.g

    @app.before_request
    def before_one() -> None:
        g.one = 1

    @app.before_request
    def before_two() -> None:
        g.two = 2

    @app.before_request
    def before_three() -> None:
        g.three = 3

    @app.after_request
    def after_one(response: flask.Response) -> flask.Response:
        response.headers["X-One"] = "1"
        return response

    @app.after_request
    def after_two(response: flask.Response) -> flask.Response:
        response.headers["X-Two"] = "2"
        return response

    @app.after_request
    def after_three(response: flask.Response) -> flask.Response:
        response.headers["X-Three"] = "3"
        return response

    @app.get("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return shown(user_id, g.one, g.two, g.three)


def _routes(app: flask.Flask, count: int) -> None:
    def view(number: int) -> Callable[[int], str]:
        def detail(item_id: int) -> str:
            return shown(number, item_id)

        return detail

    for number in range(count):
        area, group = route_parts(number)
        app.add_url_rule(f"/{area}/{group}/item/<int:item_id>/detail", f"detail{number}", view(number))
