"""Tests of costrel.dispatch: the life of a request, from the server's call to the closed body."""

from __future__ import annotations

import asyncio
import functools
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import FileWrapper

from costrel import (
    App,
    Blueprint,
    Response,
    abort,
    after_this_request,
    current_app,
    g,
    has_app_context,
    request,
    send_file,
    session,
    signals,
    stream_with_context,
)
from costrel.context import RequestContext, current_context, request_ctx
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask


def long_way(app: App) -> None:
    """Makes requests go through the application's methods."""
    original = app.dispatch_request
    app.dispatch_request = lambda: original()  # type: ignore[method-assign]


EACH_WAY = pytest.mark.parametrize("way", [lambda app: None, long_way], ids=["short", "long"])
Way = Callable[[App], None]


def passing(events: list[str], event: str, value: Any) -> Any:
    """Notes the event and returns the value."""
    events.append(event)
    return value


@pytest.fixture
def noted(app: App) -> tuple[App, list[str]]:
    """An application with hooks of every kind, on itself and on nested blueprints, and the list of what ran."""
    events: list[str] = []
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    for name, part in (("app", app), ("outer", outer), ("inner", inner)):
        for number in (1, 2):
            label = f"{name}{number}"
            part.url_value_preprocessor(lambda endpoint, values, label=label: events.append(f"values {label}"))
            part.before_request(lambda label=label: events.append(f"before {label}"))
            part.after_request(functools.partial(passing, events, f"after {label}"))
            part.teardown_request(lambda error, label=label: events.append(f"teardown {label}"))
        part.add_url_rule("/", "view", lambda: passing(events, "view", ""), methods=["GET", "POST"])
    app.teardown_appcontext(lambda error: events.append("context 1"))
    app.teardown_appcontext(lambda error: events.append("context 2"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app, events


def order_of(*names: str, view: bool = True) -> list[str]:
    """Returns what runs for a view inside these parts, outermost first."""
    inwards = [f"{name}{number}" for name in names for number in (1, 2)]
    outwards = [f"{name}{number}" for name in reversed(names) for number in (2, 1)]
    return [
        *(f"values {label}" for label in inwards),
        *(f"before {label}" for label in inwards),
        *(["view"] if view else []),
        *(f"after {label}" for label in outwards),
        *(f"teardown {label}" for label in outwards),
        "context 2",
        "context 1",
    ]


@EACH_WAY
@pytest.mark.parametrize(
    ("path", "names"),
    [("/", ["app"]), ("/outer/", ["app", "outer"]), ("/outer/inner/", ["app", "outer", "inner"])],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_order_of_hooks(noted: tuple[App, list[str]], way: Way, path: str, names: list[str], method: str) -> None:
    """Before the view from the application inwards, in order; after it outwards, last registered first."""
    app, events = noted
    way(app)
    call(app, make_environ(path, method=method)).read()
    assert events == order_of(*names)


@EACH_WAY
@pytest.mark.parametrize(
    ("path", "method", "names"),
    [
        ("/none", "GET", ["app"]),
        ("/outer/none", "GET", ["app"]),
        ("/", "DELETE", ["app"]),
        ("/outer", "GET", ["app"]),
        ("/", "OPTIONS", ["app"]),
        ("/outer/inner/", "OPTIONS", ["app", "outer", "inner"]),
    ],
)
def test_hooks_run_without_a_view(
    noted: tuple[App, list[str]], way: Way, path: str, method: str, names: list[str]
) -> None:
    """The application's hooks run for each request, also where no rule matches; the automatic OPTIONS runs no view."""
    app, events = noted
    way(app)
    call(app, make_environ(path, method=method)).read()
    assert events == order_of(*names, view=False)


@EACH_WAY
@pytest.mark.parametrize("answer", ["text", {"a": 1}, ("text", 201), Response("own"), "", [], 0])
@pytest.mark.parametrize("path", ["/", "/none"])
def test_a_hook_may_answer(app: App, way: Way, answer: Any, path: str) -> None:
    """A hook that returns something else than None answers, and nothing before the view runs any more."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    events: list[str] = []
    app.before_request(lambda: None)
    app.before_request(lambda: answer)
    app.before_request(lambda: events.append("never"))
    app.after_request(functools.partial(passing, events, "after"))
    app.add_url_rule("/", "home", lambda: "view")
    way(app)
    reply = call(app, make_environ(path))
    body = reply.read()
    if answer == 0:
        assert reply.status_code == 500
    else:
        assert body == {"{'a': 1}": b'{"a":1}\n', "[]": b"[]\n", "": b""}.get(str(answer), body)
        assert reply.status_code == (201 if isinstance(answer, tuple) else 200)
    assert events == ["after"]


@EACH_WAY
def test_preprocessors_may_change_the_arguments(app: App, way: Way) -> None:
    """A URL value preprocessor gets the endpoint and the view's arguments, which it may change."""
    seen: list[Any] = []

    @app.url_value_preprocessor
    def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
        seen.append((endpoint, None if values is None else dict(values)))
        g.language = None if values is None else values.pop("language", None)

    app.add_url_rule("/<language>/<int:number>", "page", lambda number: f"{g.language} {number} {request.view_args}")
    way(app)
    assert call(app, make_environ("/de/3")).read() == b"de 3 {'number': 3}"
    assert call(app, make_environ("/none")).status_code == 404
    assert seen == [("page", {"language": "de", "number": 3}), (None, None)]


@EACH_WAY
def test_a_hook_may_change_the_request(app: App, way: Way) -> None:
    """Whoever sets ``view_args`` or the rule of the request in a hook decides what the view gets."""

    @app.before_request
    def change() -> None:
        if request.view_args is not None:
            request.view_args["word"] = "changed"

    app.add_url_rule("/<word>", "page", lambda word: word)
    way(app)
    assert call(app, make_environ("/given")).read() == b"changed"


@EACH_WAY
def test_after_hooks_may_replace_the_response(app: App, way: Way) -> None:
    """Each hook gets what the one before it returned."""

    @app.after_request
    def last(response: Response) -> Response:
        return Response(response.get_data() + b" last")

    @app.after_request
    def first(response: Response) -> Response:
        return Response(response.get_data() + b" first", status=201)

    app.add_url_rule("/", "home", lambda: "view")
    way(app)
    reply = call(app, make_environ())
    assert (reply.status_code, reply.read()) == (200, b"view first last")


# Methods


@EACH_WAY
def test_the_automatic_options(app: App, way: Way) -> None:
    """OPTIONS names the methods of every rule of the path; a rule of one's own, or a setting, replaces it."""
    app.add_url_rule("/", "one", lambda: "one", methods=["GET", "PUT"])
    app.add_url_rule("/", "two", lambda: "two", methods=["DELETE"])
    app.add_url_rule("/own", "own", lambda: "own", methods=["GET", "OPTIONS"])
    app.add_url_rule("/off", "off", lambda: "off", provide_automatic_options=False)
    app.add_url_rule("/<int:number>", "number", lambda number: "")
    way(app)

    def allow(path: str) -> tuple[int, set[str], bytes]:
        reply = call(app, make_environ(path, method="OPTIONS"))
        return reply.status_code, set((reply.header("Allow") or "").split(", ")), reply.read()

    assert allow("/") == (200, {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}, b"")
    assert allow("/3") == (200, {"GET", "HEAD", "OPTIONS"}, b"")
    assert allow("/own") == (200, {""}, b"own")
    assert allow("/off")[:2] == (405, {"GET", "HEAD"})
    assert allow("/none")[0] == 404


@EACH_WAY
def test_options_of_a_path_with_empty_parts(app: App, way: Way) -> None:
    """Where any other method is redirected, there are no methods to name, and no ``Allow`` header."""
    app.url_map.strict_slashes = False
    app.add_url_rule("/a/", "a", lambda: "")
    way(app)
    reply = call(app, make_environ("//a", method="OPTIONS"))
    assert (reply.status_code, reply.header("Allow"), reply.read()) == (200, None, b"")


@EACH_WAY
def test_methods_are_named_in_order(app: App, way: Way) -> None:
    """``Allow`` has the methods in alphabetical order, whichever way finds them."""
    app.add_url_rule("/", "home", lambda: "", methods=["PUT", "TRACE", "DELETE", "PATCH", "GET", "POST"])
    way(app)
    for environ in (make_environ("/", method="LINK"), make_environ("/", method="LINK", HTTP_UPGRADE="none")):
        assert call(app, environ).header("Allow") == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"


@EACH_WAY
def test_a_hook_that_takes_the_rule_away(app: App, way: Way) -> None:
    """A request without a rule and without a reason for it is an error of the class that it has in Flask."""

    @app.before_request
    def before() -> None:
        request.url_rule = None

    app.add_url_rule("/", "home", lambda: "")
    way(app)
    with pytest.raises(AttributeError):
        call(app, make_environ("/"))


@EACH_WAY
def test_an_after_hook_that_returns_nothing(app: App, way: Way) -> None:
    """Without default headers to add, the server gets the error of calling what is no response, as in Flask."""
    app.config["DEFAULT_HEADERS"] = {}
    app.after_request(lambda response: None)
    app.add_url_rule("/", "home", lambda: "")
    way(app)
    with pytest.raises(TypeError, match="not callable"):
        call(app, make_environ("/"))


@EACH_WAY
@pytest.mark.parametrize("name", ["after this request", "session"])
def test_options_with_something_to_add(app: App, way: Way, name: str) -> None:
    """A hook may add to the automatic answer, and may touch the session."""

    @app.before_request
    def before() -> None:
        if name == "session":
            session["a"] = 1
        else:
            after_this_request(lambda response: response.headers.add("X-Added", "yes") or response)

    app.add_url_rule("/", "home", lambda: "")
    way(app)
    reply = call(app, make_environ("/", method="OPTIONS"))
    assert set((reply.header("Allow") or "").split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert (reply.header("X-Added"), reply.header("Set-Cookie") is None) == (
        ("yes", True) if name == "after this request" else (None, False)
    )


def test_the_setting_for_automatic_options() -> None:
    """``PROVIDE_AUTOMATIC_OPTIONS`` counts for the rules that are added after it was set."""
    app = App("x", root_path="/")
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.add_url_rule("/", "home", lambda: "")
    app.add_url_rule("/on", "on", lambda: "own", methods=["GET", "OPTIONS"], provide_automatic_options=True)
    assert call(app, make_environ("/", method="OPTIONS")).status_code == 405
    assert call(app, make_environ("/on", method="OPTIONS")).read() == b""


@EACH_WAY
def test_head_runs_the_view_without_sending_its_body(app: App, way: Way) -> None:
    """HEAD is answered by the view of GET, which sees the method; every kind of body is left out and closed."""
    closed: list[str] = []

    def chunks() -> Iterator[str]:
        try:
            yield "a"
        finally:
            closed.append("closed")

    app.add_url_rule("/", "home", lambda: request.method)
    app.add_url_rule("/stream", "stream", chunks)
    app.add_url_rule("/file", "file", lambda: send_file(io.BytesIO(b"file"), mimetype="text/plain"))
    app.add_url_rule("/post", "post", lambda: "", methods=["POST"])
    way(app)
    for path in ("/", "/stream", "/file", "/none"):
        reply = call(app, make_environ(path, method="HEAD"))
        assert reply.read() == b""
        assert reply.status_code == (404 if path == "/none" else 200)
    assert call(app, make_environ("/", method="HEAD")).header("Content-Length") == "4"
    refused = call(app, make_environ("/post", method="HEAD"))
    assert (refused.status_code, set((refused.header("Allow") or "").split(", "))) == (405, {"POST", "OPTIONS"})


# Bodies


@EACH_WAY
def test_a_streamed_body_is_sent_chunk_by_chunk(app: App, way: Way) -> None:
    """A generator runs while the body is read, and outside of the request unless it was wrapped."""
    events: list[Any] = []

    def plain() -> Iterator[str]:
        events.append(("plain", has_app_context()))
        yield "a"
        yield "b"

    def wrapped() -> Iterator[str]:
        yield request.path
        yield str(session.get("x"))

    app.add_url_rule("/plain", "plain", plain)
    app.add_url_rule("/wrapped", "wrapped", lambda: stream_with_context(wrapped()))
    app.teardown_request(lambda error: events.append("teardown"))
    way(app)
    reply = call(app, make_environ("/plain"))
    assert events == []
    chunks = iter(reply.chunks)
    assert next(chunks) == b"a"
    assert events == [("plain", False)]
    assert list(chunks) == [b"b"]
    assert events == [("plain", False), "teardown"]
    reply.close()
    assert events == [("plain", False), "teardown"]
    assert call(app, make_environ("/wrapped")).read() == b"/wrappedNone"


@EACH_WAY
def test_a_file_body_reaches_the_server_unwrapped(app: App, way: Way) -> None:
    """Where the server sends files by itself, it gets its own wrapper object (PEP 3333), and teardown runs before."""
    events: list[str] = []
    app.teardown_request(lambda error: events.append("teardown"))
    app.add_url_rule("/", "home", lambda: send_file(io.BytesIO(b"file"), mimetype="text/plain"))
    way(app)
    environ = {**make_environ("/"), "wsgi.file_wrapper": FileWrapper}
    body = app(environ, lambda *args: list[bytes]().append)
    assert isinstance(body, FileWrapper)
    assert events == ["teardown"]
    assert b"".join(body) == b"file"
    body.close()
    odd = {**make_environ("/"), "wsgi.file_wrapper": lambda file, size=8192: iter([file.read()])}
    assert call(app, odd).read() == b"file"
    assert events == ["teardown", "teardown"]


@EACH_WAY
def test_an_error_of_a_stream_reaches_the_server(app: App, way: Way) -> None:
    """An error in the middle of a body is raised to the server, and the teardown functions get it."""
    errors: list[Any] = []

    def chunks() -> Iterator[str]:
        yield "a"
        raise ValueError("in the stream")

    app.add_url_rule("/", "home", chunks)
    app.teardown_request(errors.append)
    way(app)
    with pytest.raises(ValueError, match="in the stream"):
        call(app, make_environ()).read()
    assert [str(error) for error in errors] == ["in the stream"]


@EACH_WAY
def test_an_error_of_a_stream_ends_the_request_at_once(app: App, way: Way) -> None:
    """The request has ended when a test client raises the error, although nobody closes the body."""
    events: list[str] = []

    def chunks() -> Iterator[str]:
        raise ValueError("in the stream")
        yield "never"

    @app.after_request
    def after(response: Response) -> Response:
        response.call_on_close(lambda: events.append("closed"))
        return response

    app.add_url_rule("/", "home", chunks)
    app.teardown_request(lambda error: events.append(str(error)))
    way(app)
    with pytest.raises(ValueError, match="in the stream"):  # what it holds keeps the body from being collected
        app.test_client().get("/")
    assert events == ["closed", "in the stream"]


@EACH_WAY
@pytest.mark.parametrize("place", ["view", "after_request", "teardown_request", "teardown_appcontext"])
def test_call_on_close_wherever_it_is_asked_for(app: App, way: Way, place: str) -> None:
    """A function given to call_on_close runs when the server closes the body, even one given to it at the very end."""
    events: list[str] = []
    made: list[Response] = []

    def ask(*_: object) -> None:
        made[0].call_on_close(lambda: events.append("closed"))

    def home() -> Response:
        made.append(Response("home"))
        if place == "view":
            ask()
        return made[0]

    @app.after_request
    def after(response: Response) -> Response:
        if place == "after_request":
            ask()
        return response

    if place.startswith("teardown"):
        getattr(app, place)(ask)
    app.add_url_rule("/", "home", home)
    way(app)
    reply = call(app, make_environ())
    assert events == []
    assert (reply.read(), events) == (b"home", ["closed"])


@EACH_WAY
def test_an_error_of_start_response(app: App, way: Way) -> None:
    """A server that refuses the headers gets its own error back, and the request is torn down."""
    errors: list[Any] = []
    app.add_url_rule("/", "home", lambda: "home")
    app.teardown_request(errors.append)
    way(app)

    def start_response(*args: Any) -> Any:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        app(make_environ(), start_response)
    assert [str(error) for error in errors] == ["gone"]
    assert current_context.get(None) is None


@EACH_WAY
@pytest.mark.parametrize("propagate", [True, False])
def test_failing_teardown_functions(app: App, way: Way, propagate: bool, caplog: pytest.LogCaptureFixture) -> None:
    """All teardown functions run; the first failure is raised in tests and else logged, after the reply was made."""
    app.config["PROPAGATE_EXCEPTIONS"] = propagate
    events: list[str] = []

    def fail(word: str, error: BaseException | None) -> None:
        events.append(word)
        raise ValueError(word)

    for word in ("second", "first"):
        app.teardown_request(functools.partial(fail, word))
    app.teardown_appcontext(lambda error: events.append("context"))
    app.add_url_rule("/", "home", lambda: "home")
    way(app)
    if propagate:
        with pytest.raises(ValueError, match="first"):
            call(app, make_environ())
    else:
        assert call(app, make_environ()).read() == b"home"
        assert "ValueError: first" in caplog.text
    assert events == ["first", "second", "context"]
    assert current_context.get(None) is None


def test_a_context_that_cannot_be_pushed(app: App) -> None:
    """Where pushing the context fails before it is current, the error is answered or raised as any other."""

    class Broken(RequestContext):
        def push(self) -> None:
            raise ValueError("no push")

    app.request_context = lambda environ: Broken(app, environ)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="outside of request context"):
        call(app, make_environ())
    assert current_context.get(None) is None


@EACH_WAY
@pytest.mark.parametrize("propagate", [True, False])
def test_an_error_may_be_kept_from_teardown(app: App, way: Way, propagate: bool) -> None:
    """``should_ignore_error`` decides whether the teardown functions are told of an error."""
    errors: list[Any] = []

    class Own(App):
        def should_ignore_error(self, error: BaseException | None) -> bool:
            return isinstance(error, KeyError)

    app = Own("own", root_path="/")
    app.config["PROPAGATE_EXCEPTIONS"] = propagate
    app.add_url_rule("/", "home", lambda: str(dict[str, str]()["missing"]))
    app.add_url_rule("/other", "other", lambda: str(1 // 0))
    app.teardown_request(errors.append)
    way(app)
    for path in ("/", "/other"):
        try:
            call(app, make_environ(path)).read()
        except (KeyError, ZeroDivisionError):
            assert propagate
    assert [type(error).__name__ for error in errors] == ["NoneType", "ZeroDivisionError"]


# Contexts


@EACH_WAY
def test_the_context_of_a_request(app: App, way: Way) -> None:
    """A view finds its request, its rule and its application, and nothing is left afterwards."""

    @app.get("/<int:number>")
    def view(number: int) -> list[Any]:
        context = request_ctx._get_current_object()  # type: ignore[attr-defined]
        return [
            request.endpoint,
            request.view_args,
            str(request.url_rule),
            current_app.name,
            context.app is app,
            context.request is request._get_current_object(),  # type: ignore[attr-defined]
            context.url_adapter.build("view", {"number": 1}),
            "g" in vars(context),
        ]

    way(app)
    expected = ["view", {"number": 3}, "/<int:number>", "test_app", True, True, "/1", False]
    assert app.test_client().get("/3").json == expected
    assert current_context.get(None) is None


@EACH_WAY
def test_a_client_block_keeps_the_context(app: App, way: Way) -> None:
    """Inside ``with client:`` request, session and ``g`` of the last request can be looked at."""

    @app.get("/<word>")
    def view(word: str) -> str:
        g.word = word
        session["word"] = word
        return word

    way(app)
    with app.test_client() as client:
        for word in ("a", "b"):
            client.get(f"/{word}?q=1")
            assert (request.path, request.args["q"], g.word, session["word"]) == (f"/{word}", "1", word, word)
        client.get("/none/none")
        assert isinstance(request.routing_exception, NotFound)
        assert not hasattr(g, "word")
    assert current_context.get(None) is None


@EACH_WAY
def test_requests_on_many_threads_do_not_mix(app: App, way: Way) -> None:
    """Each of several requests that run at the same time sees its own request, session and ``g``."""
    barrier = threading.Barrier(4, timeout=20)

    @app.get("/<word>")
    def view(word: str) -> str:
        g.word = word
        session["word"] = word
        barrier.wait()
        return " ".join([request.path, g.word, session["word"]])

    way(app)
    results: dict[str, bytes] = {}

    def ask(word: str) -> None:
        results[word] = call(app, make_environ(f"/{word}")).read()

    threads = [threading.Thread(target=ask, args=(word,)) for word in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {word: f"/{word} {word} {word}".encode() for word in "abcd"}


@EACH_WAY
def test_everything_may_be_a_coroutine_function(way: Way) -> None:
    """Views and hooks of every kind but preprocessors may be ``async def``."""
    app = App("x", root_path="/")
    app.secret_key = "key"
    events: list[str] = []

    @app.before_request
    async def before() -> None:
        await asyncio.sleep(0)
        g.word = request.path

    @app.after_request
    async def after(response: Response) -> Response:
        await asyncio.sleep(0)
        response.headers["X-Word"] = g.word
        return response

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        events.append(f"request {g.word}")

    @app.teardown_appcontext
    async def last(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        events.append("context")

    @app.get("/<word>")
    async def view(word: str) -> str:
        await asyncio.sleep(0)
        session["word"] = word

        @after_this_request
        async def more(response: Response) -> Response:
            response.headers["X-More"] = session["word"]
            return response

        if word == "abort":
            abort(403)
        return word

    way(app)
    reply = call(app, make_environ("/a"))
    assert (reply.read(), reply.header("X-Word"), reply.header("X-More")) == (b"a", "/a", "a")
    assert events == ["request /a", "context"]
    assert call(app, make_environ("/abort")).status_code == 403


def test_a_signal_takes_the_long_way_only_meanwhile(app: App) -> None:
    """Connecting and disconnecting between two requests changes nothing that a client can see."""
    app.add_url_rule("/", "home", lambda: {"path": request.path})
    before = call(app, make_environ())
    seen: list[Any] = []
    with signals.request_finished.connected_to(lambda sender, response, **more: seen.append(response.status)):
        meanwhile = call(app, make_environ())
    after = call(app, make_environ())
    assert seen == ["200 OK"]
    assert before.headers == meanwhile.headers == after.headers
    assert before.read() == meanwhile.read() == after.read()


# Sessions and headers


def keep_session() -> str:
    """A view that makes the session permanent."""
    session.permanent = True
    return ""


@EACH_WAY
def test_when_a_session_is_saved(app: App, way: Way) -> None:
    """A changed session sets its cookie, one that was looked at varies by cookie, others do neither."""
    app.add_url_rule("/set", "set", lambda: str(session.update(a=1)))
    app.add_url_rule("/get", "get", lambda: str(session.get("a")))
    app.add_url_rule("/none", "nothing", lambda: "")
    app.add_url_rule("/clear", "clear", lambda: str(session.__delitem__("a")))
    app.add_url_rule("/keep", "keep", keep_session)
    way(app)
    client = app.test_client()
    found = []
    for path in ("/none", "/get", "/set", "/none", "/get", "/clear", "/get", "/keep", "/none"):
        response = client.get(path)
        found.append((path, "Set-Cookie" in response.headers, response.headers.get("Vary")))
    assert found == [
        ("/none", False, None),
        ("/get", False, "Cookie"),
        ("/set", True, "Cookie"),
        ("/none", False, None),
        ("/get", False, "Cookie"),
        ("/clear", True, "Cookie"),
        ("/get", False, "Cookie"),
        ("/keep", True, "Cookie"),
        ("/none", True, "Cookie"),
    ]


@EACH_WAY
def test_default_headers(app: App, way: Way) -> None:
    """``DEFAULT_HEADERS`` are added to each reply that does not have them."""
    app.config["DEFAULT_HEADERS"] = {"X-A": "default", "X-B": "default"}
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/own", "own", lambda: Response("own", headers={"x-a": "own"}))
    way(app)
    for path, expected in (("/", "default"), ("/none", "default"), ("/own", "own")):
        reply = call(app, make_environ(path))
        assert (reply.header("X-A"), reply.header("X-B")) == (expected, "default")


# The environ


@EACH_WAY
def test_paths_are_decoded_as_utf_8(app: App, way: Way) -> None:
    """The server's Latin-1 text is decoded (PEP 3333), and what is no UTF-8 becomes the replacement character."""
    app.add_url_rule("/<word>", "page", lambda word: word)
    way(app)
    assert call(app, make_environ("/grüße")).read().decode() == "grüße"
    assert call(app, make_environ(b"/\xff")).read().decode() == "\ufffd"


@EACH_WAY
def test_an_upgrade_request_is_no_ordinary_one(app: App, way: Way) -> None:
    """A websocket handshake to an ordinary rule is refused, and another upgrade is ignored."""
    app.add_url_rule("/", "home", lambda: "home")
    way(app)
    socket = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert call(app, make_environ("/", headers=socket)).status_code == 400
    assert call(app, make_environ("/", headers={"Connection": "Upgrade", "Upgrade": "h2c"})).status_code == 200
    assert call(app, make_environ("/none", headers=socket)).status_code == 404


@EACH_WAY
def test_a_refused_host(app: App, way: Way) -> None:
    """With ``TRUSTED_HOSTS`` hooks run for a refused host, its URL is not matched, and the handler of 400 answers."""
    app.config["TRUSTED_HOSTS"] = ["good.example"]
    seen: list[Any] = []
    app.before_request(lambda: seen.append((request.endpoint, request.view_args)))
    app.register_error_handler(400, lambda error: "refused")
    app.add_url_rule("/<word>", "page", lambda word: word)
    way(app)
    assert call(app, make_environ("/x", headers={"Host": "good.example"})).read() == b"x"
    assert call(app, make_environ("/x", headers={"Host": "bad.example"})).read() == b"refused"
    assert call(app, make_environ("/x", method="OPTIONS", headers={"Host": "good.example"})).header("Allow")
    assert seen == [("page", {"word": "x"}), (None, None), ("page", {"word": "x"})]


def test_middleware_may_wrap_the_application(app: App) -> None:
    """``wsgi_app`` can be replaced by middleware around it."""
    app.add_url_rule("/", "home", lambda: request.environ["middleware"])
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        environ["middleware"] = "around"
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    body, status, _ = run_wsgi_app(app, make_environ())
    assert (b"".join(body), status) == (b"around", "200 OK")


# The methods by themselves


def test_the_methods_in_a_test_context(app: App) -> None:
    """The steps of a request can be called one by one within a context."""
    app.before_request(lambda: "early" if "early" in request.args else None)
    app.after_request(lambda response: Response(response.get_data() + b"!"))
    app.add_url_rule("/<int:number>", "page", lambda number: f"page {number}", methods=["GET", "PUT"])
    with app.test_request_context("/3"):
        assert app.preprocess_request() is None
        assert app.dispatch_request() == "page 3"
        assert app.full_dispatch_request().get_data() == b"page 3!"
        assert app.process_response(Response("x")).get_data() == b"x!"
        assert app.make_response(("made", 201)).status_code == 201
        assert app.finalize_request("final").get_data() == b"final!"
    with app.test_request_context("/3?early=1"):
        assert app.preprocess_request() == "early"
    with app.test_request_context("/3", method="OPTIONS"):
        response = app.make_default_options_response()
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT", "OPTIONS"}
        assert isinstance(app.dispatch_request(), Response)
    with app.test_request_context("/3", method="DELETE"), pytest.raises(MethodNotAllowed):
        app.dispatch_request()


def test_teardown_by_hand(app: App) -> None:
    """``do_teardown_request`` and ``do_teardown_appcontext`` take the error, or the one that is being handled."""
    seen: list[Any] = []
    app.teardown_request(lambda error: seen.append(("request", type(error).__name__)))
    app.teardown_appcontext(lambda error: seen.append(("context", type(error).__name__)))
    with app.test_request_context("/"):
        app.do_teardown_request()
        app.do_teardown_request(ValueError())
        app.do_teardown_appcontext(KeyError())
        try:
            raise TypeError
        except TypeError:
            app.do_teardown_request()
            app.do_teardown_appcontext()
    assert seen[:5] == [
        ("request", "NoneType"),
        ("request", "ValueError"),
        ("context", "KeyError"),
        ("request", "TypeError"),
        ("context", "TypeError"),
    ]


@pytest.mark.parametrize(
    "step",
    [
        lambda app: app.preprocess_request(),
        lambda app: app.dispatch_request(),
        lambda app: app.full_dispatch_request(),
        lambda app: app.make_response(NotFound()),
        lambda app: app.process_response(Response()),
        lambda app: app.do_teardown_request(),
        lambda app: app.handle_user_exception(ValueError()),
    ],
)
def test_the_methods_need_a_request(app: App, step: Callable[[App], Any]) -> None:
    """Outside of a request the steps say that there is none, also within an application context."""
    with app.app_context(), pytest.raises(RuntimeError, match="outside of request context"):
        step(app)


def test_requests_live_as_in_flask() -> None:
    """A program with every kind of hook that does every kind of thing behaves the same with Flask."""
    events = assert_same_as_flask(
        """
import itertools
events = []
actions = ["pass", "answer", "abort", "raise", "session", "after this"]

def act(label, action):
    events.append(f"{label} {framework.request.endpoint} {framework.request.method}")
    if action == "answer":
        return f"from {label}", 202
    if action == "abort":
        framework.abort(409)
    if action == "raise":
        raise ValueError(label)
    if action == "session":
        framework.session[label] = 1
    if action == "after this":
        @framework.after_this_request
        def later(response):
            events.append(f"after this of {label}")
            return response

def finish(label, action, response):
    events.append(f"{label} {response.status}")
    if action == "answer":
        return framework.Response(f"from {label}", 203)
    if action == "raise":
        raise KeyError(label)
    if action == "session":
        framework.session[label] = 2
    return response

result = []
some = ["pass", "answer", "raise"]
for first, second, third, fourth in itertools.product(actions, some, actions, some):
    app = App("x", root_path=".", static_folder=None)
    app.secret_key = "k"
    app.logger.handlers = []
    app.logger.propagate = False
    app.logger.disabled = True
    part = framework.Blueprint("part", "x", url_prefix="/part", root_path=".")
    app.before_request(lambda: act("before app", first))
    part.before_request(lambda: act("before part", second))
    part.after_request(lambda response: finish("after part", fourth, response))
    app.after_request(lambda response: finish("after app", "pass", response))
    part.teardown_request(lambda error: events.append(f"teardown part {type(error).__name__}"))
    app.teardown_request(lambda error: events.append(f"teardown app {type(error).__name__}"))
    app.teardown_appcontext(lambda error: events.append(f"context {type(error).__name__}"))
    app.register_error_handler(409, lambda error: ("conflict", 409))
    for target in (app, part):
        target.add_url_rule("/", "view", lambda: act("view", third) or "view", methods=["GET", "POST"])
    app.register_blueprint(part)
    client = app.test_client()
    for method, path in [("GET", "/"), ("GET", "/part/"), ("HEAD", "/part/"), ("OPTIONS", "/part/"), ("PUT", "/part/"),
                         ("GET", "/part"), ("GET", "/none")]:
        response = client.open(path, method=method)
        headers = sorted(name for name in response.headers.keys() if name != "X-Content-Type-Options")
        case = [first, second, third, fourth, method, path]
        result.append([case, response.status, response.text, headers, list(events)])
        events.clear()
"""
    )
    assert len(events) > 2000


@pytest.mark.parametrize("reads", [False, True])
def test_a_hook_that_replaces_the_view(reads: bool) -> None:
    """A view that a hook puts in place of another answers this request already."""
    app = App("replaced", root_path="/")
    app.add_url_rule("/", "home", lambda: "placeholder")

    @app.before_request
    def load() -> None:
        if not reads or request.path:
            app.view_functions["home"] = lambda: "real"

    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["real", "real"]
