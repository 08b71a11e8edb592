"""The table of what is measured: each case, its requests, who takes part, and what its answers must agree in."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import requests
from benchmarks.calls import Call
from benchmarks.material import VARIANTS, static_name

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PEERS = ("bare", "falcon", "bottle", "pyramid", "django", "flask", "costrel", "as_flask")
ASGI_PEERS = ("starlette", "fastapi")
FLASK_LIKE = ("flask", "costrel", "as_flask")
LARGE = ("pyramid", "django")
GROWTH = ("bare", "falcon", *FLASK_LIKE)


@dataclass(frozen=True)
class Case:
    """One thing that is measured.

    Args:
        name: what `--case` takes.
        title: what the table says.
        program: which of the peer's programs answers.
        call: makes the request with a number from 0 to `variants - 1`.
        peers: who takes part; the others have no such feature.
        prepare: finds the headers that a client would have got from an earlier answer of the same peer.
        json: the bodies are compared as JSON values, for spacing and key order may differ.
        body: the bodies are compared; the HTML that goes with a redirect is each framework's own.
        media_type: the media types are compared.
        headers: names of further headers that must agree.
        variants: how many different requests there are; few where each takes long.
        counts: it is part of the geometric mean. What is only there to be compared with another case is not, nor is
            what measures the JSON module rather than the framework.
        quick: it is part of the quick run.
        needs: a module without which the case is left out.
        by_hand: in the peer's process, the app of bare WSGI answers in place of the peer's: what the libraries alone
            take there.
    """

    name: str
    title: str
    program: str
    call: Callable[[int], Call]
    peers: tuple[str, ...] = PEERS
    prepare: Callable[[WSGIApplication, Call], dict[str, str]] | None = None
    json: bool = False
    body: bool = True
    media_type: bool = True
    headers: tuple[str, ...] = ()
    variants: int = VARIANTS
    counts: bool = True
    quick: bool = True
    needs: str = ""
    by_hand: bool = False

    def calls(self) -> list[Call]:
        """The different requests of this case, always in the same order."""
        return [self.call(number) for number in range(self.variants)]

    def possible(self) -> bool:
        """Whether what the case needs is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def without(*names: str) -> tuple[str, ...]:
    """All peers but those."""
    return tuple(peer for peer in PEERS if peer not in names)


def deep_case(count: int) -> Case:
    """The case of one request to an app with that many routes, spread over all of them."""
    # Pyramid takes half a minute to add 10,000 routes.
    peers = PEERS if count <= 1000 else without("pyramid")
    return Case(f"deep-{count}", f"deep route among {count:,}", f"routes-{count}", requests.deep(count), peers)


def _export(name: str, rows: int, variants: int, quick: bool = True) -> Case:
    def call(number: int) -> Call:
        return Call(f"/export/{rows}/{number}")

    title = f"JSON, {name.replace('k', ' kB').replace('m', ' MB')}"
    return Case(f"json-{name}", title, "json", call, json=True, variants=variants, counts=False, quick=quick)


REQUESTS: tuple[Case, ...] = (
    Case("hello", "hello text", "text", lambda n: Call("/", query=f"n={n}")),
    Case("json", "JSON (dict return)", "json", lambda n: Call("/status", query=f"n={n}"), json=True),
    Case("int-path", "int path argument", "text", lambda n: Call(f"/user/{n * 37}")),
    deep_case(100),
    deep_case(1000),
    deep_case(10000),
    Case("query", "query arguments", "text", lambda n: Call("/search", query=f"q=caf%C3%A9+{n}&page={n}&sort=price")),
    Case("form", "form, urlencoded", "text", requests.form),
    Case("json-body", "JSON body", "json", requests.json_body, json=True),
    Case("upload", "multipart upload, 64 kB", "text", requests.upload),
    Case("upload-8m", "multipart upload, 8 MB", "text", requests.large_upload, variants=2),
    Case("cookie", "cookie read", "text", requests.cookie),
    Case("header", "header read", "text", lambda n: Call("/header", headers={"HTTP_X_TOKEN": f"token-{n}"})),
    Case(
        "session-read",
        "session read",
        "session",
        lambda n: Call("/whoami", query=f"user=ada{n}"),
        (*LARGE, *FLASK_LIKE),
        requests.session_cookie,
    ),
    Case(
        "session-write",
        "session write",
        "session",
        lambda n: Call("/visit", query=f"user=ada{n}"),
        (*LARGE, *FLASK_LIKE),
        requests.session_cookie,
    ),
    Case(
        "flash",
        "flash: one read, one written",
        "session",
        lambda n: Call("/flash", query=f"user=ada{n}"),
        (*LARGE, *FLASK_LIKE),
        requests.flashed_cookie,
    ),
    Case("template", "template, 20 rows", "text", lambda n: Call(f"/catalogue/{n}")),
    Case("url-for", "url_for x20", "text", lambda n: Call(f"/links/{n}"), without("bare", "falcon")),
    Case("not-found", "404, own page", "text", lambda n: Call(f"/missing/{n}")),
    Case(
        "not-allowed",
        "405",
        "text",
        lambda n: Call(f"/user/{n}", "POST"),
        without("pyramid"),
        body=False,
        media_type=False,
    ),
    Case("error-handler", "error handler", "text", lambda n: Call(f"/buy/{n}")),
    Case(
        "hooks",
        "hooks, 3 before, 3 after",
        "hooks",
        lambda n: Call(f"/user/{n}"),
        headers=("x-one", "x-two", "x-three"),
    ),
    Case("class-view", "class-based view", "views", lambda n: Call(f"/thing/{n}"), without("bottle")),
    Case(
        "nested",
        "blueprint, five deep",
        "views",
        lambda n: Call(f"/one/two/three/four/five/{n}"),
        ("bare", *LARGE, *FLASK_LIKE),
    ),
    Case("signals", "signals with receivers", "signals", lambda n: Call(f"/user/{n}"), ("bare", *LARGE, *FLASK_LIKE)),
    Case(
        "async",
        "async view",
        "async",
        lambda n: Call(f"/later/{n}"),
        ("bare", "django", *FLASK_LIKE),
        needs="asgiref",
    ),
    Case("static", "static file, 10 kB", "text", lambda n: Call(f"/static/{static_name(n)}")),
    Case(
        "static-304",
        "static file, 304",
        "text",
        lambda n: Call(f"/static/{static_name(n)}"),
        PEERS,
        requests.validators,
        media_type=False,
    ),
    Case(
        "range",
        "static file, 1 kB of it",
        "text",
        requests.part_of_a_file,
        without("django"),
        headers=("content-range",),
    ),
    Case("stream", "stream of 100 chunks", "text", lambda n: Call(f"/stream/{n}")),
    Case(
        "redirect", "redirect", "text", lambda n: Call(f"/old/{n}"), body=False, media_type=False, headers=("location",)
    ),
    Case("head", "HEAD", "text", lambda n: Call("/", "HEAD", query=f"n={n}"), without("django")),
    Case(
        "options",
        "OPTIONS",
        "text",
        lambda n: Call("/", "OPTIONS", query=f"n={n}"),
        ("bare", "falcon", *FLASK_LIKE),
        media_type=False,
    ),
)
"""What a framework does for a request."""

COMPARED: tuple[Case, ...] = (
    _export("1k", 10, VARIANTS),
    _export("100k", 1000, 8),
    _export("5m", 50_000, 1, quick=False),
    Case(
        "template-alone",
        "that template without it",
        "text",
        lambda n: Call(f"/catalogue/{n}"),
        without("bare"),
        counts=False,
        by_hand=True,
    ),
    Case("proxy", "request.args x100", "views", lambda n: Call("/proxy", query=f"n={n}"), FLASK_LIKE, counts=False),
    Case("direct", "same, not by proxy", "views", lambda n: Call("/direct", query=f"n={n}"), FLASK_LIKE, counts=False),
)
"""What depends on the JSON module more than on the framework, and what is compared with another case."""

CASES = REQUESTS + COMPARED


@dataclass(frozen=True)
class Pair:
    """Two cases whose difference says what one of them adds.

    Args:
        title: what the table says.
        case: the one with more in it.
        without: the other one.
        times: how often the request does what the difference is about.
    """

    title: str
    case: str
    without: str
    times: int = 1


PAIRS = (
    Pair("added to a template that jinja2 renders by hand", "template", "template-alone"),
    Pair("request.args by the proxy rather than the object", "proxy", "direct", 100),
)


def hooks_case(count: int) -> Case:
    """So many hooks before the view and so many after it."""

    def call(number: int) -> Call:
        return Call(f"/user/{number}")

    return Case(f"hooks-{count}", f"{count} hooks", f"hooks-{count}", call, GROWTH, headers=("x-last",))


def blueprints_case(count: int) -> Case:
    """An app of so many blueprints, each with a route and a hook; the requests are spread over them."""

    def call(number: int) -> Call:
        return Call(f"/part{number * count // VARIANTS}/{number}")

    return Case(f"blueprints-{count}", f"{count} blueprints", f"blueprints-{count}", call, FLASK_LIKE)


def cookies_case(count: int) -> Case:
    """A request with so many cookies."""
    return Case(f"cookies-{count}", f"{count} cookies", "text", requests.cookies_of(count))


def fields_case(count: int) -> Case:
    """A request with so many query fields."""
    return Case(f"fields-{count}", f"{count} query fields", "text", requests.fields_of(count))


def body_case(size: int) -> Case:
    """An upload of so many bytes, read by the view in pieces."""
    variants = max(1, min(8, 1_000_000 // size))
    return Case(f"body-{size}", f"upload of {size} bytes", "sizes", requests.upload_of(size), GROWTH, variants=variants)


def rows_case(count: int) -> Case:
    """A template with so many rows."""
    variants = max(1, min(VARIANTS, 1000 // count))
    return Case(
        f"rows-{count}", f"{count} rows", "sizes", lambda n: Call(f"/rows/{count}/{n}"), GROWTH, variants=variants
    )


FAMILIES: dict[str, Callable[[int], Case]] = {
    "deep": deep_case,
    "hooks": hooks_case,
    "blueprints": blueprints_case,
    "cookies": cookies_case,
    "fields": fields_case,
    "body": body_case,
    "rows": rows_case,
}


def case_named(name: str) -> Case:
    """The case with that name; `deep-N` and the other families work for any number.

    Raises:
        KeyError: there is none.
    """
    for case in CASES:
        if case.name == name:
            return case
    kind, _, count = name.rpartition("-")
    if kind in FAMILIES and count.isdecimal():
        return FAMILIES[kind](int(count))
    raise KeyError(name)
