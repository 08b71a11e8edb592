"""Prints, as JSON, how many objects requests of each kind leave to the garbage collector; run as a program."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
from collections.abc import Callable
from typing import Any

from jinja2 import DictLoader

from costrel import (
    App,
    Blueprint,
    abort,
    render_template,
    render_template_string,
    request,
    send_file,
    session,
    stream_with_context,
)
from costrel.signals import request_finished
from tests.support.environ import call, make_environ

REQUESTS = 200

TEMPLATE = "{% for a in [1, 2] %}{{ a }} {{ request.path }} {{ name }}{% endfor %}"

#: For each kind: path, headers, and the status that is expected.
KINDS: dict[str, tuple[str, dict[str, str], int]] = {
    "200": ("/text", {}, 200),
    "200, query": ("/query?a=1", {}, 200),
    "200, session": ("/session", {}, 200),
    "200, hooks": ("/hooked/", {}, 200),
    "204": ("/nothing", {}, 204),
    "304": ("/file", {"If-None-Match": "*"}, 304),
    "404": ("/none", {}, 404),
    "404, abort": ("/abort", {}, 404),
    "405": ("/post-only", {}, 405),
    "308": ("/folder", {}, 308),
    "400": ("/query", {}, 400),
    "403, handler": ("/refused", {}, 403),
    "template": ("/template", {}, 200),
    "compiled template": ("/string", {}, 200),
    "stream": ("/stream", {}, 200),
    "500": ("/error", {}, 500),
    "500, stream": ("/stream-error", {}, 200),
}


def make_app() -> App:
    """Makes an application with a view for each kind."""
    app = App("garbage", static_folder=None)
    app.config.update(SECRET_KEY="for garbage")
    app.jinja_loader = DictLoader({"page.html": TEMPLATE})
    app.register_error_handler(403, lambda error: ("refused", 403))
    hooked = Blueprint("hooked", __name__, url_prefix="/hooked")
    hooked.before_request(lambda: None)
    hooked.after_request(lambda response: response)
    hooked.teardown_request(lambda error: None)

    def fails() -> Any:
        yield "a"
        raise LookupError("in a stream")

    def keep() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    hooked.add_url_rule("/", "index", lambda: "hooked")
    app.register_blueprint(hooked)
    views: dict[str, Callable[..., Any]] = {
        "/text": lambda: "text",
        "/query": lambda: request.args["a"],
        "/session": keep,
        "/nothing": lambda: ("", 204),
        "/file": lambda: send_file(__file__),
        "/abort": lambda: abort(404),
        "/folder/": lambda: "folder",
        "/refused": lambda: abort(403),
        "/template": lambda: render_template("page.html", name="a"),
        "/string": lambda: render_template_string("{{ request.path }} {{ name }}", name="a"),
        "/stream": lambda: stream_with_context(iter(["a", request.path])),
        "/error": lambda: 1 // 0,
        "/stream-error": lambda: stream_with_context(fails()),
    }
    for path, view in views.items():
        app.add_url_rule(path, path, view)
    app.add_url_rule("/post-only", "post-only", lambda: "", methods=["POST"])
    return app


def ask(app: App, path: str, headers: dict[str, str], status: int) -> None:
    """Sends a request and reads its answer."""
    path, _, query = path.partition("?")
    reply = call(app, make_environ(path, query=query, headers=headers))
    with contextlib.suppress(LookupError):
        reply.read()
    if reply.status_code != status:
        raise AssertionError(f"{path}: {reply.status}")


def left_by(app: App, kind: str) -> float:
    """Returns how many objects in cycles a request of the kind leaves."""
    path, headers, status = KINDS[kind]
    for _ in range(20):
        ask(app, path, headers, status)
    gc.collect()
    for _ in range(REQUESTS):
        ask(app, path, headers, status)
    return gc.collect() / REQUESTS


def main() -> None:
    logging.disable()
    gc.disable()
    found = {kind: left_by(make_app(), kind) for kind in KINDS}
    watched = make_app()
    with request_finished.connected_to(lambda sender, **extra: None, watched):
        found.update({f"{kind}, long way": left_by(watched, kind) for kind in KINDS})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
