"""Teardown functions run exactly once for each request, however it ends, and the next request starts clean."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costrel
from costrel import App, abort, after_this_request, g, request, stream_with_context
from costrel.context import current_context
from costrel.signals import appcontext_popped, appcontext_tearing_down, request_tearing_down
from tests.support.environ import Reply, call, make_environ
from tests.support.server import body_of, read_until, real_server

ONCE = ["request", "app"]
ONCE_WITH_SIGNALS = ["request", "request signal", "app", "app signal", "popped signal"]


@dataclass
class Watched:
    """An application and what its teardown functions and signals have reported."""

    app: App
    expected: list[str]
    events: list[str] = field(default_factory=list)
    errors: list[BaseException | None] = field(default_factory=list)
    receivers: list[Callable[..., None]] = field(default_factory=list)

    def check_once(self) -> None:
        """Asserts that one request has been torn down, nothing is pushed, and the next one starts clean."""
        found, self.events = self.events, []
        assert found == self.expected
        assert current_context.get(None) is None
        assert costrel.json.loads(call(self.app, make_environ("/clean")).read()) == []
        found, self.events = self.events, []
        assert found == self.expected
        assert current_context.get(None) is None


class Gone(Exception):
    """What the views raise that are to fail."""


def _add_routes(app: App) -> None:
    """Adds one route for each way in which a request can end."""

    @app.before_request
    def mark() -> None:
        g.setdefault("paths", []).append(request.path)
        if request.path == "/before-error":
            raise Gone

    @app.after_request
    def after(response: Any) -> Any:
        if request.path == "/after-error":
            raise Gone
        return response

    @app.errorhandler(ZeroDivisionError)
    def handle(error: ZeroDivisionError) -> str:
        if request.path == "/handler-error":
            raise Gone
        return "handled"

    def chunks(fail: bool = False) -> Iterator[bytes]:
        yield b"a"
        if fail:
            raise Gone
        yield b"b"

    def used_context() -> Iterator[str]:
        yield request.path
        yield str(list(g))

    def raises(error: type[BaseException]) -> Callable[[], str]:
        def view() -> str:
            raise error

        return view

    def answer_later() -> str:
        @after_this_request
        def fail(response: Any) -> Any:
            raise Gone

        return "late"

    def wsgi(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"from wsgi"

    views: dict[str, Callable[..., Any]] = {
        "clean": lambda: [path for path in g.paths if path != "/clean"],
        "text": lambda: "text",
        "json": lambda: {"a": 1},
        "error": raises(Gone),
        "before-error": lambda: "never",
        "after-error": lambda: "lost",
        "after-this-error": answer_later,
        "handled": raises(ZeroDivisionError),
        "handler-error": raises(ZeroDivisionError),
        "abort": lambda: abort(403),
        "none": lambda: None,
        "exit": raises(SystemExit),
        "interrupt": raises(KeyboardInterrupt),
        "generator-exit": raises(GeneratorExit),
        "stream": chunks,
        "stream-error": lambda: chunks(fail=True),
        "stream-with-context": lambda: stream_with_context(used_context()),
        "stream-with-context-error": lambda: stream_with_context(chunks(fail=True)),
        "wsgi": lambda: wsgi,
        "response": lambda: app.response_class(chunks()),
        "session": lambda: costrel.session.update(a=1) or "kept",
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view)


PATHS = [
    "/text",
    "/json",
    "/error",
    "/before-error",
    "/after-error",
    "/after-this-error",
    "/handled",
    "/handler-error",
    "/abort",
    "/none",
    "/missing",
    "/exit",
    "/interrupt",
    "/generator-exit",
    "/stream",
    "/stream-error",
    "/stream-with-context",
    "/stream-with-context-error",
    "/wsgi",
    "/response",
    "/session",
]


def _watched(signals: bool = False, propagate: bool = False) -> Watched:
    """Returns an application with all routes whose teardown functions, and signals if asked for, are recorded."""
    app = App("torn_down")
    app.config.update(SECRET_KEY="test key", PROPAGATE_EXCEPTIONS=propagate)
    watched = Watched(app, ONCE_WITH_SIGNALS if signals else ONCE)
    _add_routes(app)

    @app.teardown_request
    def request_gone(error: BaseException | None) -> None:
        assert request
        watched.events.append("request")
        watched.errors.append(error)

    @app.teardown_appcontext
    def app_gone(error: BaseException | None) -> None:
        assert costrel.current_app
        watched.events.append("app")

    if signals:
        for signal, name in [
            (request_tearing_down, "request signal"),
            (appcontext_tearing_down, "app signal"),
            (appcontext_popped, "popped signal"),
        ]:

            def receive(sender: App, name: str = name, **_: Any) -> None:
                watched.events.append(name)

            watched.receivers.append(receive)  # a signal holds its receivers weakly
            signal.connect(receive, app)
    return watched


# What a server may do with the reply. Errors of the application reach the server; it goes on with the next request.


def _read(reply: Reply) -> None:
    reply.read()


def _abandon(reply: Reply) -> None:
    try:
        next(iter(reply.chunks), None)
    finally:
        reply.close()


def _close_unread(reply: Reply) -> None:
    reply.close()


def _close_twice(reply: Reply) -> None:
    try:
        reply.read()
    finally:
        reply.close()


def _in_thread(handle: Callable[[Reply], None]) -> Callable[[Reply], None]:
    def handle_elsewhere(reply: Reply) -> None:
        found: list[Any] = []

        def run() -> None:
            with contextlib.suppress(Gone):
                handle(reply)
            found.append(current_context.get(None))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert found == [None]

    return handle_elsewhere


HANDLINGS = {
    "read": _read,
    "abandoned": _abandon,
    "closed unread": _close_unread,
    "closed twice": _close_twice,
    "read on another thread": _in_thread(_read),
    "abandoned on another thread": _in_thread(_abandon),
    "closed on another thread": _in_thread(_close_unread),
}


def _run(watched: Watched, path: str, method: str, handling: str) -> None:
    """Sends one request and treats its reply as told; whatever the application raises ends there."""
    with contextlib.suppress(Gone, ZeroDivisionError, TypeError, SystemExit, KeyboardInterrupt, GeneratorExit):
        HANDLINGS[handling](call(watched.app, make_environ(path, method=method)))


@pytest.mark.parametrize("propagate", [False, True], ids=["answered", "propagated"])
@pytest.mark.parametrize("signals", [False, True], ids=["plain", "signals"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_teardown_runs_once(path: str, method: str, signals: bool, propagate: bool) -> None:
    """However the view, a hook or the body ends, and whatever the server does with the body, teardown runs once."""
    watched = _watched(signals, propagate)
    for handling in HANDLINGS:
        _run(watched, path, method, handling)
        watched.check_once()


@given(
    requests=st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from(["GET", "HEAD"]), st.sampled_from([*HANDLINGS])), max_size=12
    ),
    signals=st.booleans(),
)
def test_teardown_runs_once_in_any_order(requests: list[tuple[str, str, str]], signals: bool) -> None:
    """Requests of all kinds after each other on one thread are each torn down once."""
    watched = _watched(signals)
    for number, (path, method, handling) in enumerate(requests, 1):
        _run(watched, path, method, handling)
        assert watched.events == watched.expected * number
    watched.events.clear()
    _run(watched, "/text", "GET", "read")
    watched.check_once()


@given(order=st.permutations(range(4)))
def test_bodies_may_be_closed_in_any_order(order: list[int]) -> None:
    """Replies that are open at the same time on one thread are torn down once each, in whatever order they close."""
    watched = _watched()
    paths = ["/stream", "/stream-with-context", "/text", "/stream-with-context"]
    replies = [call(watched.app, make_environ(path)) for path in paths]
    for number in order:
        replies[number].close()
    assert sorted(watched.events) == sorted(ONCE * 4)
    watched.events.clear()
    _run(watched, "/text", "GET", "read")
    watched.check_once()


@pytest.mark.parametrize("path", ["/text", "/stream", "/stream-with-context", "/wsgi"])
def test_a_body_that_is_never_closed_leaks_nothing(path: str) -> None:
    """A server that forgets a reply tears it down at most once, and the next request starts clean all the same."""
    watched = _watched()
    reply = call(watched.app, make_environ(path))
    assert costrel.json.loads(call(watched.app, make_environ("/clean")).read()) == []
    del reply
    assert watched.events.count("request") <= 2
    assert current_context.get(None) is None


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/text", type(None)),
        ("/missing", type(None)),
        ("/abort", type(None)),
        ("/handled", type(None)),
        ("/stream", type(None)),
        ("/error", Gone),
        ("/before-error", Gone),
        ("/handler-error", Gone),
        ("/none", TypeError),
        ("/exit", SystemExit),
        ("/interrupt", KeyboardInterrupt),
        ("/generator-exit", GeneratorExit),
    ],
)
def test_teardown_gets_the_error_that_nobody_handled(path: str, error: type[BaseException]) -> None:
    """The teardown functions are given the exception that ended the request, and None where it was answered."""
    watched = _watched(propagate=True)
    _run(watched, path, "GET", "read")
    assert [type(found) for found in watched.errors] == [error]


@pytest.mark.parametrize("kind", ["teardown_request", "teardown_appcontext"])
def test_a_failing_teardown_function_stops_no_other(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where one teardown function raises, the others still run once, and the context is popped."""
    watched = _watched()
    calls: list[str] = []

    for name in ["first", "failing", "last"]:

        def teardown(error: BaseException | None, name: str = name) -> None:
            calls.append(name)
            if name == "failing" and g.paths == ["/text"]:
                raise Gone

        getattr(watched.app, kind)(teardown)
    assert call(watched.app, make_environ("/text")).read() == b"text"
    assert calls == ["last", "failing", "first"]
    assert "Gone" in caplog.text
    watched.check_once()


def test_a_failing_teardown_after_a_failing_view() -> None:
    """An error in a teardown function after one in the view changes nothing about running once."""
    watched = _watched()

    @watched.app.teardown_request
    def fail(error: BaseException | None) -> None:
        if request.path == "/error":
            raise ZeroDivisionError

    _run(watched, "/error", "GET", "read")
    watched.check_once()


def test_teardown_with_async_views_and_hooks() -> None:
    """Async views and teardown functions that fail are torn down like the others."""
    watched = _watched()
    calls: list[type] = []

    @watched.app.get("/async")
    async def view() -> str:
        raise Gone

    @watched.app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        if request.path == "/async":
            calls.append(type(error))

    with contextlib.suppress(Gone):
        call(watched.app, make_environ("/async")).read()
    assert len(calls) == 1
    watched.check_once()


def test_blueprint_teardown_runs_once_and_only_for_its_own() -> None:
    """A blueprint's teardown functions run once for its requests, before the app's, and never for others."""
    watched = _watched()
    blueprint = costrel.Blueprint("part", __name__, url_prefix="/part")
    blueprint.add_url_rule("/<int:n>", "view", lambda n: str(1 // n))

    @blueprint.teardown_request
    def gone(error: BaseException | None) -> None:
        watched.events.append("blueprint")

    watched.app.register_blueprint(blueprint)
    for path in ["/part/1", "/part/0"]:
        call(watched.app, make_environ(path)).read()
        assert watched.events == ["blueprint", *ONCE]
        watched.events.clear()
    call(watched.app, make_environ("/part/none")).read()
    watched.check_once()


def test_client_block_preserves_the_last_context() -> None:
    """In a ``with`` block of the test client the last context stays usable, and each request is torn down once."""
    watched = _watched(signals=True)
    with watched.app.test_client() as client:
        for path in ["/text", "/json", "/stream", "/stream-with-context", "/error", "/missing"]:
            client.get(path).get_data()
            assert request.path == path
            assert g.paths == [path]
            assert costrel.current_app == watched.app
    assert current_context.get(None) is None
    assert [watched.events.count(event) for event in ONCE_WITH_SIGNALS[:4]] == [6] * 4
    watched.events.clear()
    watched.app.test_client().get("/text")
    watched.check_once()


def test_client_block_that_raises_is_torn_down() -> None:
    """An exception out of the ``with`` block of the test client leaves no context behind."""
    watched = _watched()
    with pytest.raises(Gone), watched.app.test_client() as client:
        client.get("/text")
        raise Gone
    watched.check_once()


@pytest.mark.parametrize("inner", ["/text", "/error", "/missing", "/stream", "/stream-with-context"])
def test_nested_requests_are_torn_down_each_once(inner: str) -> None:
    """A view that calls the application again gets its own context back, and both are torn down once."""
    watched = _watched(signals=True)

    @watched.app.get("/outer")
    def outer() -> list[Any]:
        g.mine = "outer"
        reply = call(watched.app, make_environ(inner))
        during = len(watched.events)
        reply.read()
        return [request.path, g.mine, "mine" in g, during >= 0]

    assert call(watched.app, make_environ("/outer")).read() == b'["/outer","outer",true,true]\n'
    found = [event for event in watched.events if event.startswith("request")]
    assert found == ["request", "request signal"] * 2
    watched.events.clear()
    watched.app.test_client().get("/text")
    watched.check_once()


def test_request_inside_a_pushed_app_context() -> None:
    """A request within ``with app.app_context()`` is torn down once, and the block's own context outlives it."""
    watched = _watched()
    with watched.app.app_context():
        g.mine = 1
        call(watched.app, make_environ("/text")).read()
        assert watched.events.count("request") == 1
        assert g.mine == 1
        assert costrel.current_app == watched.app
    assert watched.events.count("request") == 1
    assert watched.events[-1] == "app"
    watched.events.clear()
    watched.app.test_client().get("/text")
    watched.check_once()


def test_test_request_context_is_torn_down_once() -> None:
    """``with app.test_request_context()`` runs the teardown functions once, at the end of the block."""
    watched = _watched(signals=True)
    with watched.app.test_request_context("/text"):
        assert watched.events == []
    watched.check_once()


def test_two_applications_on_one_thread_do_not_mix() -> None:
    """A view that calls another application leaves each with its own teardown."""
    first, second = _watched(), _watched()
    first.app.add_url_rule(
        "/other", "other", lambda: call(second.app, make_environ("/stream-with-context")).read() + b"!"
    )
    assert call(first.app, make_environ("/other")).read() == b"/stream-with-context['paths']!"
    first.check_once()
    second.check_once()


SERVED = """
import os
from costrel import App, g, request, stream_with_context

app = App(__name__)
events = []

@app.before_request
def remember():
    g.path = request.path

def endless():
    try:
        while True:
            yield request.path.encode() * 4096
    finally:
        events.append("generator closed")

@app.get("/endless")
def stream():
    return stream_with_context(endless())

@app.get("/plain")
def plain():
    def chunks():
        while True:
            yield b"x" * 65536
    return chunks()

@app.get("/slow")
def slow():
    events.append("asked")
    return b"x" * 10_000_000

@app.get("/events")
def report():
    return [event for event in events if "/events" not in event]

@app.teardown_request
def gone(error):
    events.append("request " + request.path)

@app.teardown_appcontext
def app_gone(error):
    events.append("app " + g.path)
"""


@pytest.mark.parametrize("server", ["werkzeug", "gunicorn"])
@pytest.mark.parametrize("path", ["/endless", "/plain", "/slow"])
def test_a_client_that_vanishes_is_torn_down_once(server: Any, path: str) -> None:
    """Over a real socket, a client that goes away in the middle of the body ends the request once."""
    expected = {f"request {path}", f"app {path}"}
    with real_server(SERVED, server=server) as running:
        with running.connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert b"200 OK" in read_until(connection, b"\r\n\r\n")
        deadline = time.monotonic() + 10
        events: list[str] = []
        while time.monotonic() < deadline and not expected <= set(events):
            events = costrel.json.loads(body_of(running.request("/events")))
            time.sleep(0.05)
        assert expected <= set(events), running.log()[-3000:]
        again = costrel.json.loads(body_of(running.request("/events")))
        assert [again.count(event) for event in sorted(expected)] == [1, 1]
        assert again.count("generator closed") == (path == "/endless")


class BrokenUpload:
    """A file of a form that cannot be closed."""

    def close(self) -> None:
        raise OSError("the disk is gone")


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("testing", [False, True])
def test_uploads_are_closed_also_without_teardown_functions(
    ends: bool, testing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The files of a form are closed when the answer is complete; what fails then is logged, or raised in tests."""
    app = App("uploads", static_folder=None, root_path="/")
    app.testing = testing
    streams: list[Any] = []

    @app.post("/close")
    def upload() -> str:
        streams.append(request.files["picture"].stream)
        return "kept"

    @app.post("/broken")
    def broken() -> str:
        assert not request.files
        vars(request)["_uploads"] = [BrokenUpload()]
        return "kept"

    if ends:
        app.teardown_request(lambda error: None)
    body = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="p"\r\n\r\n1\r\n--x--'
    environ = make_environ("/close", method="POST", body=body, CONTENT_TYPE="multipart/form-data; boundary=x")
    assert call(app, environ).status == "200 OK"
    assert [stream.closed for stream in streams] == [True]
    environ = make_environ("/broken", method="POST")
    if testing:
        with pytest.raises(OSError, match="the disk is gone"):
            call(app, environ)
    else:
        assert call(app, environ).status == "200 OK"
        assert "the disk is gone" in caplog.text
    assert current_context.get(None) is None
