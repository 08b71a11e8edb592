"""The table of what is measured: each case, its requests, who takes part, and what its answers must agree in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks.answers import Answer, send
from benchmarks.calls import Call, environ_of, with_input
from benchmarks.material import VARIANTS, route_parts, static_name

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PEERS = ("bare", "falcon", "bottle", "flask", "costrel", "as_flask")
FLASK_LIKE = ("flask", "costrel", "as_flask")


@dataclass(frozen=True)
class Case:
    """One thing that is measured.

    Args:
        name: what `--case` takes.
        title: what the table says.
        program: which of the peer's programs answers.
        call: makes the request with a number from 0 to `VARIANTS - 1`.
        peers: who takes part; the others have no such feature.
        prepare: finds the headers that a client would have got from an earlier answer of the same peer.
        json: the bodies are compared as JSON values, for spacing and key order may differ.
        body: the bodies are compared; the HTML that goes with a redirect is each framework's own.
        media_type: the media types are compared.
        headers: names of further headers that must agree.
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

    def calls(self) -> list[Call]:
        """The different requests of this case, always in the same order."""
        return [self.call(number) for number in range(VARIANTS)]


def session_cookie(app: WSGIApplication, call: Call) -> dict[str, str]:
    """Sign in as this call's user and give the cookie back, as a browser does."""
    answer = _once(app, Call("/sign-in", query=call.query))
    return {"HTTP_COOKIE": answer.header("set-cookie").partition(";")[0]}


def validators(app: WSGIApplication, call: Call) -> dict[str, str]:
    """Fetch the file once, then ask whether it has changed with both validators, as a browser does."""
    answer = _once(app, call)
    return {"HTTP_IF_NONE_MATCH": answer.header("etag"), "HTTP_IF_MODIFIED_SINCE": answer.header("last-modified")}


def _once(app: WSGIApplication, call: Call) -> Answer:
    return send(app, with_input(environ_of(call, 0), call.body))


def _form(number: int) -> Call:
    fields = {
        "name": f"Ada Lovelace {number}",
        "email": f"ada{number}@example.com",
        "city": "São Paulo",
        "age": number + 18,
        "message": f"Two lines\r\nand {number} more.",
    }
    return Call("/form", "POST", body=urlencode(fields).encode(), content_type="application/x-www-form-urlencoded")


def _json_body(number: int) -> Call:
    order = {"name": f"cup {number}", "quantity": number + 1, "price": 2.5, "tags": ["new", "blue", f"t{number}"]}
    return Call("/order", "POST", body=json.dumps(order).encode(), content_type="application/json")


def _upload(number: int) -> Call:
    boundary = f"----boundary{number:08}"
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="title"',
        "",
        f"Picture {number}",
        f"--{boundary}",
        f'Content-Disposition: form-data; name="picture"; filename="picture-{number}.bin"',
        "Content-Type: application/octet-stream",
        "",
        "",
    ]
    # All byte values, and starts of boundaries, so that no parser meets an input that is too easy.
    content = ((bytes(range(256)) + b"\r\n----") * 256)[: 65536 - 8] + b"%08d" % number
    body = "\r\n".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return Call("/upload", "POST", body=body, content_type=f"multipart/form-data; boundary={boundary}")


def _deep(count: int) -> Callable[[int], Call]:
    def call(number: int) -> Call:
        area, group = route_parts(number * count // VARIANTS)
        return Call(f"/{area}/{group}/item/{number + 7}/detail")

    return call


def _cookie(number: int) -> Call:
    return Call("/cookie", headers={"HTTP_COOKIE": f"theme=dark; visitor=v{number}a7c4; language=en"})


def deep_case(count: int) -> Case:
    """The case of one request to an app with that many routes, spread over all of them."""
    return Case(f"deep-{count}", f"deep route among {count:,}", f"routes-{count}", _deep(count))


CASES: tuple[Case, ...] = (
    Case("hello", "hello text", "text", lambda n: Call("/", query=f"n={n}")),
    Case("json", "JSON (dict return)", "json", lambda n: Call("/status", query=f"n={n}"), json=True),
    Case("int-path", "int path argument", "text", lambda n: Call(f"/user/{n * 37}")),
    deep_case(100),
    deep_case(1000),
    deep_case(10000),
    Case("query", "query arguments", "text", lambda n: Call("/search", query=f"q=caf%C3%A9+{n}&page={n}&sort=price")),
    Case("form", "form, urlencoded", "text", _form),
    Case("json-body", "JSON body", "json", _json_body, json=True),
    Case("upload", "multipart upload, 64 kB", "text", _upload),
    Case("cookie", "cookie read", "text", _cookie),
    Case("header", "header read", "text", lambda n: Call("/header", headers={"HTTP_X_TOKEN": f"token-{n}"})),
    Case(
        "session-read",
        "session read",
        "session",
        lambda n: Call("/whoami", query=f"user=ada{n}"),
        FLASK_LIKE,
        session_cookie,
    ),
    Case(
        "session-write",
        "session write",
        "session",
        lambda n: Call("/visit", query=f"user=ada{n}"),
        FLASK_LIKE,
        session_cookie,
    ),
    Case("template", "template, 20 rows", "text", lambda n: Call(f"/catalogue/{n}")),
    Case("url-for", "url_for x20", "text", lambda n: Call(f"/links/{n}"), ("bottle", *FLASK_LIKE)),
    Case("not-found", "404, own page", "text", lambda n: Call(f"/missing/{n}")),
    Case("error-handler", "error handler", "text", lambda n: Call(f"/buy/{n}")),
    Case(
        "hooks",
        "hooks, 3 before, 3 after",
        "hooks",
        lambda n: Call(f"/user/{n}"),
        headers=("x-one", "x-two", "x-three"),
    ),
    Case("static", "static file, 10 kB", "text", lambda n: Call(f"/static/{static_name(n)}")),
    Case(
        "static-304",
        "static file, 304",
        "text",
        lambda n: Call(f"/static/{static_name(n)}"),
        PEERS,
        validators,
        media_type=False,
    ),
    Case("stream", "stream of 100 chunks", "text", lambda n: Call(f"/stream/{n}")),
    Case(
        "redirect", "redirect", "text", lambda n: Call(f"/old/{n}"), body=False, media_type=False, headers=("location",)
    ),
    Case("head", "HEAD", "text", lambda n: Call("/", "HEAD", query=f"n={n}")),
    Case(
        "options",
        "OPTIONS",
        "text",
        lambda n: Call("/", "OPTIONS", query=f"n={n}"),
        ("bare", "falcon", *FLASK_LIKE),
        media_type=False,
    ),
)


def case_named(name: str) -> Case:
    """The case with that name; `deep-N` works for any number of routes.

    Raises:
        KeyError: there is none.
    """
    for case in CASES:
        if case.name == name:
            return case
    kind, _, count = name.rpartition("-")
    if kind == "deep" and count.isdecimal():
        return deep_case(int(count))
    raise KeyError(name)
