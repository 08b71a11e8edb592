"""Django as a peer: one module of views with its settings, no middleware but what a program needs.

`startproject` would turn on seven of them, so this is Django's light side. Templates are Jinja's, by Django's backend.
"""

# Django has no types of its own.
# mypy: disable-error-code="import-untyped, import-not-found, misc, untyped-decorator"
# pyright: reportMissingImports=false
from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import django
from django.conf import settings
from django.contrib import messages
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse as DjangoResponse
from django.http import HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import include, path, reverse
from django.views import View
from django.views.decorators.http import require_GET, require_POST
from django.views.static import serve

from benchmarks.material import CHUNKS, ROWS, SECRET_KEY, TEMPLATES, VARIANTS, export, route_parts, shown

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication

# Where Django looks for them: this module is its `ROOT_URLCONF`.
urlpatterns: list[Any] = []

# Checkers read from its source that it takes bytes only.
HttpResponse: Any = DjangoResponse

Next = Callable[[Any], Any]


def describe() -> str:
    """Django's version."""
    return f"Django {django.get_version()}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app; Django can be set up only once in a process."""
    kind, _, count = program.partition("-")
    patterns, middleware = _routes(int(count)) if kind == "routes" else PROGRAMS[kind](str(folder))
    settings.configure(
        DEBUG=False,
        SECRET_KEY=SECRET_KEY,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=middleware,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "DIRS": [str(TEMPLATES)],
                "OPTIONS": {"auto_reload": False},
            }
        ],
    )
    urlpatterns[:] = patterns
    application: Any = get_wsgi_application()
    return cast("WSGIApplication", application)


class OutOfStock(Exception):
    """The error that the program's own middleware answers."""


def sells(get_response: Next) -> Next:
    """Middleware: Django's way to answer an exception of one class."""

    def middleware(request: Any) -> Any:
        return get_response(request)

    def process_exception(request: Any, exception: Exception) -> Any:
        if isinstance(exception, OutOfStock):
            return HttpResponse(shown("sold out", exception), status=409)
        return None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware


def hello(request: Any) -> Any:
    """A text."""
    return HttpResponse("Hello, World!")


@require_GET
def user(request: Any, user_id: int) -> Any:
    """An integer of the path; only for GET."""
    return HttpResponse(shown("user", user_id))


def product(request: Any, name: str, size: int) -> Any:
    """Two arguments of the path."""
    return HttpResponse(shown(name, size))


def links(request: Any, first: int) -> Any:
    """Twenty URLs."""
    urls = [reverse("user", args=[first + n]) for n in range(10)]
    urls += [reverse("product", args=[f"cup-{first}", n]) for n in range(5)]
    urls += [reverse("search", query={"page": first + n}) for n in range(5)]
    return HttpResponse("\n".join(urls))


def old(request: Any, number: int) -> Any:
    """A redirect."""
    return HttpResponseRedirect(f"/user/{number}")


def buy(request: Any, number: int) -> Any:
    """An exception that the middleware answers."""
    raise OutOfStock(f"item {number}")


def search(request: Any) -> Any:
    """The query."""
    return HttpResponse(shown(request.GET["q"], int(request.GET["page"])))


@require_POST
def form(request: Any) -> Any:
    """A form."""
    form = request.POST
    return HttpResponse(shown(form["name"], form["email"], form["city"], int(form["age"]), form["message"]))


@require_POST
def upload(request: Any) -> Any:
    """A multipart form with a file."""
    picture = request.FILES["picture"]
    data = picture.read()
    return HttpResponse(shown(request.POST["title"], picture.name, len(data), data[-8:]))


def cookie(request: Any) -> Any:
    """A cookie."""
    return HttpResponse(shown("visitor", request.COOKIES.get("visitor")))


def header(request: Any) -> Any:
    """A header."""
    return HttpResponse(shown("token", request.headers.get("X-Token")))


def catalogue(request: Any, page: int) -> Any:
    """A template."""
    return render(request, "catalogue.html", {"page": page, "rows": ROWS[page]})


def stream(request: Any, number: int) -> Any:
    """A hundred chunks."""
    return StreamingHttpResponse(iter(CHUNKS[number]))


def handler404(request: Any, exception: Exception) -> Any:
    """The page for everything that is not there; Django finds it by its name."""
    return HttpResponse(shown("nothing here", request.path), status=404)


def _text(folder: str) -> tuple[list[Any], list[str]]:
    patterns = [
        path("", hello),
        path("user/<int:user_id>", user, name="user"),
        path("product/<name>/<int:size>", product, name="product"),
        path("links/<int:first>", links),
        path("old/<int:number>", old),
        path("buy/<int:number>", buy),
        path("search", search, name="search"),
        path("form", form),
        path("upload", upload),
        path("cookie", cookie),
        path("header", header),
        path("catalogue/<int:page>", catalogue),
        path("stream/<int:number>", stream),
        path("static/<path:path>", serve, {"document_root": folder}),
    ]
    return patterns, [f"{__name__}.sells"]


def _json(folder: str) -> tuple[list[Any], list[str]]:
    numbers = itertools.cycle(range(VARIANTS))

    def status(request: Any) -> Any:
        return JsonResponse({"message": "Hello, World!", "number": next(numbers)})

    def order(request: Any) -> Any:
        sent = json.loads(request.body)
        total = sent["quantity"] * sent["price"]
        return JsonResponse({"name": sent["name"], "total": total, "tags": sent["tags"]})

    def whole(request: Any, count: int, page: int) -> Any:
        return JsonResponse(export(count, page))

    return [path("status", status), path("order", order), path("export/<int:count>/<int:page>", whole)], []


def _session(folder: str) -> tuple[list[Any], list[str]]:
    def sign_in(request: Any) -> Any:
        request.session["user"] = request.GET["user"]
        request.session["visits"] = 1
        return HttpResponse("signed in")

    def whoami(request: Any) -> Any:
        return HttpResponse(shown(request.session["user"], request.session["visits"]))

    def visit(request: Any) -> Any:
        request.session["visits"] += 1
        return HttpResponse(shown(request.session["user"], request.session["visits"]))

    def flashed(request: Any) -> Any:
        texts = [message.message for message in messages.get_messages(request)]
        messages.info(request, f"Saved for {request.GET['user']}.")
        return HttpResponse(shown(*texts))

    patterns = [path("sign-in", sign_in), path("whoami", whoami), path("visit", visit), path("flash", flashed)]
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    return patterns, [sessions, "django.contrib.messages.middleware.MessageMiddleware"]


def one(get_response: Next) -> Next:
    """The first of three middleware functions."""

    def middleware(request: Any) -> Any:
        request.one = 1
        response = get_response(request)
        response["X-One"] = "1"
        return response

    return middleware


def two(get_response: Next) -> Next:
    """The second of three middleware functions."""

    def middleware(request: Any) -> Any:
        request.two = 2
        response = get_response(request)
        response["X-Two"] = "2"
        return response

    return middleware


def three(get_response: Next) -> Next:
    """The third of three middleware functions."""

    def middleware(request: Any) -> Any:
        request.three = 3
        response = get_response(request)
        response["X-Three"] = "3"
        return response

    return middleware


def _hooks(folder: str) -> tuple[list[Any], list[str]]:
    def user(request: Any, user_id: int) -> Any:
        return HttpResponse(shown(user_id, request.one, request.two, request.three))

    return [path("user/<int:user_id>", user)], [f"{__name__}.{name}" for name in ("one", "two", "three")]


class Thing(View):
    """A class-based view."""

    def get(self, request: Any, number: int) -> Any:
        return HttpResponse(shown("thing", number))


def _views(folder: str) -> tuple[list[Any], list[str]]:
    def nested(request: Any, number: int) -> Any:
        return HttpResponse(shown("nested", number))

    inner = [path("<int:number>", nested)]
    for name in ("five", "four", "three", "two", "one"):
        inner = [path(f"{name}/", include(inner))]
    return [path("thing/<int:number>", Thing.as_view()), *inner], []


def _signals(folder: str) -> tuple[list[Any], list[str]]:
    state = {"started": False, "finished": False}

    def started(sender: object, **extra: object) -> None:
        state["started"] = True

    def finished(sender: object, **extra: object) -> None:
        state["finished"] = True

    # `weak=False`: nobody else holds them.
    request_started.connect(started, weak=False)
    request_finished.connect(finished, weak=False)

    def user(request: Any, user_id: int) -> Any:
        return HttpResponse(shown(user_id, state.pop("started")))

    return [path("user/<int:user_id>", user)], []


def _async(folder: str) -> tuple[list[Any], list[str]]:
    async def later(request: Any, number: int) -> Any:
        return HttpResponse(shown("later", number))

    return [path("later/<int:number>", later)], []


PROGRAMS: dict[str, Callable[[str], tuple[list[Any], list[str]]]] = {
    "text": _text,
    "json": _json,
    "session": _session,
    "hooks": _hooks,
    "views": _views,
    "signals": _signals,
    "async": _async,
}


def _routes(count: int) -> tuple[list[Any], list[str]]:
    def view(number: int) -> Callable[..., Any]:
        def detail(request: Any, item_id: int) -> Any:
            return HttpResponse(shown(number, item_id))

        return detail

    patterns = []
    for number in range(count):
        area, group = route_parts(number)
        patterns.append(path(f"{area}/{group}/item/<int:item_id>/detail", view(number)))
    return patterns, []
