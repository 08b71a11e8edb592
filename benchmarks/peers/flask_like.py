"""The programs in Flask's API, built from the real Flask or from costrel without a change."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.material import (
    CHUNKS,
    ROWS,
    SECRET_KEY,
    TEMPLATES,
    VARIANTS,
    export,
    many_rows,
    route_parts,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    import flask
    from blinker import NamedSignal
    from flask.ctx import _AppCtxGlobals
    from flask.sessions import SessionMixin
    from werkzeug.wrappers import Response as BaseResponse


class Framework(Protocol):
    """The names that the programs use, as a module that has Flask's API offers them."""

    request: flask.Request
    session: SessionMixin
    g: _AppCtxGlobals
    Blueprint: type[flask.Blueprint]
    views: ModuleType
    request_started: NamedSignal
    request_finished: NamedSignal

    def url_for(self, endpoint: str, **values: object) -> str: ...
    def flash(self, message: str) -> None: ...
    def get_flashed_messages(self) -> list[str]: ...
    def redirect(self, location: str) -> BaseResponse: ...
    def render_template(self, template_name_or_list: str, **context: object) -> str: ...


class OutOfStock(Exception):
    """The error that the program's own handler answers."""


def build(application: Callable[..., flask.Flask], framework: Framework, program: str, folder: Path) -> flask.Flask:
    """Make one of the programs.

    Args:
        application: the framework's application class.
        framework: its module.
        program: its name, as `benchmarks.peers` lists them.
        folder: holds the static files.
    """
    app = application("benchmarks", "/static", str(folder), template_folder=str(TEMPLATES))
    kind, _, count = program.partition("-")
    if count:
        {"routes": _routes, "hooks": _many_hooks, "blueprints": _blueprints}[kind](app, framework, int(count))
    else:
        for part in PARTS[kind]:
            part(app, framework)
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

    @app.get("/export/<int:count>/<int:page>")
    def whole(count: int, page: int) -> dict[str, object]:
        return export(count, page)


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

    @app.get("/flash")
    def flashed() -> str:
        messages = framework.get_flashed_messages()
        framework.flash(f"Saved for {request.args['user']}.")
        return shown(*messages)


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


def _many_hooks(app: flask.Flask, framework: Framework, count: int) -> None:
    g = framework.g

    def add(number: int) -> None:
        @app.before_request
        def before() -> None:
            g.last = number

        @app.after_request
        def after(response: flask.Response) -> flask.Response:
            response.headers["X-Last"] = str(number)
            return response

    for number in range(count):
        add(number)

    @app.get("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return shown(user_id, g.get("last"))


def _views(app: flask.Flask, framework: Framework) -> None:
    request: Any = framework.request

    class Thing(framework.views.MethodView):  # type: ignore[misc, name-defined]
        def get(self, number: int) -> str:
            return shown("thing", number)

    app.add_url_rule("/thing/<int:number>", view_func=Thing.as_view("thing"))

    @app.get("/proxy")
    def proxy() -> str:
        for _ in range(100):
            request.args  # noqa: B018 - the access is what is measured
        return shown(request.args["n"])

    @app.get("/direct")
    def direct() -> str:
        direct = request._get_current_object()
        for _ in range(100):
            direct.args  # noqa: B018
        return shown(direct.args["n"])

    outer = inner = framework.Blueprint("one", "benchmarks", url_prefix="/one")
    chain = [outer]
    for name in ("two", "three", "four", "five"):
        inner = framework.Blueprint(name, "benchmarks", url_prefix=f"/{name}")
        chain.append(inner)

    @inner.get("/<int:number>")
    def nested(number: int) -> str:
        return shown("nested", number)

    # From the inside out: a blueprint takes those within it along as they are when it is registered.
    for parent, child in reversed(list(itertools.pairwise(chain))):
        parent.register_blueprint(child)
    app.register_blueprint(outer)


def _signals(app: flask.Flask, framework: Framework) -> None:
    state = {"started": False, "finished": False}

    def started(sender: flask.Flask, **extra: object) -> None:
        state["started"] = True

    def finished(sender: flask.Flask, **extra: object) -> None:
        state["finished"] = True

    # Receivers are held weakly: the app keeps them alive.
    app.extensions["receivers"] = started, finished
    framework.request_started.connect(started, app)
    framework.request_finished.connect(finished, app)

    @app.get("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return shown(user_id, state.pop("started"))


def _async(app: flask.Flask, framework: Framework) -> None:
    @app.get("/later/<int:number>")
    async def later(number: int) -> str:
        return shown("later", number)


def _sizes(app: flask.Flask, framework: Framework) -> None:
    # costrel refuses bodies of more than 16 MB unless told otherwise.
    app.config["MAX_CONTENT_LENGTH"] = None
    request, render_template = framework.request, framework.render_template

    @app.post("/count")
    def count() -> str:
        total, picture = 0, request.files["picture"].stream
        while piece := picture.read(65536):
            total += len(piece)
        return shown(request.form["title"], total)

    @app.get("/rows/<int:count>/<int:page>")
    def rows(count: int, page: int) -> str:
        return render_template("catalogue.html", page=page, rows=many_rows(count))


def _blueprints(app: flask.Flask, framework: Framework, count: int) -> None:
    def add(number: int) -> None:
        blueprint = framework.Blueprint(f"part{number}", "benchmarks", url_prefix=f"/part{number}")

        @blueprint.before_request
        def before() -> None:
            framework.g.part = number

        @blueprint.get("/<int:item_id>")
        def detail(item_id: int) -> str:
            return shown(framework.g.part, item_id)

        app.register_blueprint(blueprint)

    for number in range(count):
        add(number)


def _routes(app: flask.Flask, framework: Framework, count: int) -> None:
    def view(number: int) -> Callable[[int], str]:
        def detail(item_id: int) -> str:
            return shown(number, item_id)

        return detail

    for number in range(count):
        area, group = route_parts(number)
        app.add_url_rule(f"/{area}/{group}/item/<int:item_id>/detail", f"detail{number}", view(number))


PARTS: dict[str, tuple[Callable[[flask.Flask, Framework], None], ...]] = {
    "text": (_text, _input, _pages),
    "json": (_json,),
    "session": (_session,),
    "hooks": (_hooks,),
    "views": (_views,),
    "signals": (_signals,),
    "async": (_async,),
    "sizes": (_sizes,),
}
