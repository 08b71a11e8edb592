"""The application of the stress tests: each answer repeats what its own request said, found in every possible way."""

from __future__ import annotations

import itertools
import os
import random
import resource
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from costrel import (
    App,
    current_app,
    g,
    render_template,
    render_template_string,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from costrel.signals import request_started

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

app = App("tests.stress.served", static_folder=None, template_folder=os.environ.get("STRESS_FOLDER"))
app.config.update(SECRET_KEY="for the stress tests", MAX_CONTENT_LENGTH=None)
app.json.sort_keys = False

#: Whether nothing is to be slower than in an ordinary application.
QUICK = "STRESS_QUICK" in os.environ

#: Counting by ``next`` needs no lock.
_begun, _ended, _ended_contexts = itertools.count(), itertools.count(), itertools.count()
_totals = {"begun": 0, "ended": 0, "contexts": 0}

TEMPLATE = "{{ request.view_args.token }} {{ g.token }} {{ request.args.q }} {{ session.get('seen') }}"


def wait() -> None:
    """Lets other requests come in between."""
    if not QUICK:
        time.sleep(random.random() * 0.002)


@app.before_request
def arrive() -> None:
    if not request.path.startswith("/state/"):
        g.token = request.headers.get("X-Token")


@app.teardown_request
def end_request(error: BaseException | None) -> None:
    if "token" in g and g.token == request.headers.get("X-Token"):
        _totals["ended"] = next(_ended) + 1


@app.teardown_appcontext
def end_context(error: BaseException | None) -> None:
    if "token" in g and current_app.name == app.name:
        _totals["contexts"] = next(_ended_contexts) + 1


@app.get("/text/<token>")
def text(token: str) -> str:
    wait()
    return f"{token} {g.token} {request.args['q']} {request.headers['X-Token']} {url_for('text', token=token)}"


@app.get("/quick/<token>")
def quick(token: str) -> str:
    return f"{token} {request.args['q']}"


@app.get("/session/<token>")
def keep(token: str) -> str:
    before = session.get("seen")
    wait()
    session["seen"] = token
    wait()
    return f"{before} {session['seen']}"


@app.get("/template/<token>")
def template(token: str) -> str:
    wait()
    return render_template_string(TEMPLATE)


@app.get("/stream/<token>")
def stream(token: str) -> Any:
    def chunks() -> Iterator[str]:
        for _ in range(4):
            wait()
            yield f"{token} {g.token} {request.args['q']} {session.get('seen')}\n"

    return stream_with_context(chunks())


@app.post("/json/<token>")
def echo_json(token: str) -> Any:
    wait()
    return {"token": token, "g": g.token, "sent": request.get_json()}


@app.post("/form/<token>")
def echo_form(token: str) -> str:
    wait()
    file = request.files["file"]
    return f"{token} {request.form['field']} {file.filename} {file.read().decode()}"


@app.get("/error/<token>")
def error(token: str) -> str:
    wait()
    raise LookupError(f"{token} {g.token}")


@app.post("/receive")
def receive() -> str:
    """Reads an upload, as a form or as a stream."""
    if request.mimetype == "multipart/form-data":
        file = request.files["file"]
        file.stream.seek(0, os.SEEK_END)
        return str(file.stream.tell())
    total = 0
    while data := request.stream.read(65536):
        total += len(data)
    return str(total)


@app.get("/endless")
def endless() -> Any:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    return chunks()


@app.get("/file/<token>")
def file(token: str) -> Any:
    """Sends a file, and reads a template from its folder."""
    return send_file(os.path.join(os.environ["STRESS_FOLDER"], "page.html"))


@app.get("/page/<token>")
def page(token: str) -> str:
    if not QUICK:
        app.jinja_env.cache.clear()  # type: ignore[union-attr]
    return render_template("page.html", token=token)


@app.post("/state/limit")
def limit() -> str:
    """Takes something from the process: the open files that it may have, or the bytes that a file may have."""
    kind = {"files": resource.RLIMIT_NOFILE, "bytes": resource.RLIMIT_FSIZE}[request.form["kind"]]
    value = request.form.get("value", type=int)
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (hard if value is None else value, hard))
    return "done"


@app.get("/state/process")
def process() -> str:
    return str(os.getpid())


@app.get("/state/<what>")
def state(what: str) -> str:
    return str(_totals[what])


def _note(token: str) -> None:
    """Writes down that a request has been accepted, for those that are to be counted when the process has ended."""
    descriptor = os.open(os.path.join(os.environ["STRESS_FOLDER"], "accepted"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{token}\n".encode())
    os.close(descriptor)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application behind a count of the requests that is not its own."""
    if not environ["PATH_INFO"].startswith("/state/"):
        _totals["begun"] = next(_begun) + 1
        if "STRESS_NOTE" in os.environ:
            _note(environ.get("HTTP_X_TOKEN", ""))
    return app(environ, start_response)


if "STRESS_SIGNALS" in os.environ:  # the long way through the application
    _receiver = request_started.connect(lambda sender, **extra: None, weak=False)
