"""Tests of costrel.helpers: what views call during a request."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import werkzeug.exceptions
import werkzeug.wrappers

from costrel import App, Blueprint, Response, g, request, session
from costrel.context import current_context
from costrel.helpers import (
    abort,
    flash,
    get_flashed_messages,
    get_template_attribute,
    is_safe_redirect,
    make_response,
    redirect,
    stream_with_context,
    url_for,
)
from costrel.signals import message_flashed
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask

variable: ContextVar[str] = ContextVar("variable", default="unset")


def paths() -> Iterator[str]:
    """Yields the path of the request twice."""
    yield request.path
    yield request.path


# Streams


def test_a_wrapped_generator_sees_the_request(app: App) -> None:
    """A generator that is wrapped in the view reads request, session and g while the body is sent."""

    @app.get("/stream")
    def stream() -> Iterator[str]:
        session["name"] = "Ada"
        g.word = "hello"

        def generate() -> Iterator[str]:
            yield f"{g.word} "
            yield f"{session['name']} "
            yield request.args["mark"]

        return stream_with_context(generate())

    assert app.test_client().get("/stream?mark=!").text == "hello Ada !"


def test_a_decorated_function_sees_the_request(app: App) -> None:
    """The decorator keeps the function's name and arguments; its generator sees the request."""

    @app.get("/stream")
    def stream() -> Iterator[str]:
        @stream_with_context
        def generate(times: int) -> Iterator[str]:
            for _ in range(times):
                yield request.path

        assert generate.__name__ == "generate"
        return generate(2)

    assert app.test_client().get("/stream").text == "/stream/stream"


def test_decorating_outside_of_a_request_is_allowed(app: App) -> None:
    """A module-level generator function can be decorated; it needs a request when it is called."""
    decorated = stream_with_context(paths)
    with app.test_request_context("/x"):
        assert list(decorated()) == ["/x", "/x"]
    with pytest.raises(RuntimeError, match="when a request context is active"):
        decorated()


def test_wrapping_outside_of_a_request_is_refused(app: App) -> None:
    """Without a request there is nothing to keep, not even within an application context."""
    with app.app_context(), pytest.raises(RuntimeError, match="test_request_context"):
        stream_with_context(paths())


async def asynchronous() -> AsyncIterator[str]:
    yield ""


@pytest.mark.parametrize("value", [None, 3, asynchronous()])
def test_what_is_no_iterator_is_refused(value: Any) -> None:
    """A value that can be neither iterated nor called is refused with the remedy."""
    with pytest.raises(TypeError, match="make it a plain generator"):
        stream_with_context(value)


def test_nothing_leaks_between_two_chunks(app: App) -> None:
    """The context is current only while a chunk is made; context variables that the generator sets stay inside."""

    def generate() -> Iterator[str]:
        variable.set("inside")
        yield request.path
        yield variable.get()

    with app.test_request_context("/x"):
        stream = stream_with_context(generate())
    assert current_context.get(None) is None
    assert next(stream) == "/x"
    assert current_context.get(None) is None
    assert variable.get() == "unset"
    assert next(stream) == "inside"
    assert list(stream) == []


def test_a_context_pushed_in_the_generator_stays_inside(app: App) -> None:
    """A generator may hold another application's context over a ``yield``; outside nobody sees it."""
    other = App("other", root_path=app.root_path)

    def generate() -> Iterator[str]:
        with other.app_context():
            yield current_context.get().app.name
            yield current_context.get().app.name
        yield current_context.get().app.name

    with app.test_request_context():
        stream = stream_with_context(generate())
        seen = []
        for name in stream:
            seen.append((name, current_context.get().app.name))
    assert seen == [("other", "test_app"), ("other", "test_app"), ("test_app", "test_app")]


def closing(events: list[str]) -> Iterator[str]:
    """Yields one chunk and notes the path of the request when it is closed."""
    try:
        yield "chunk"
    finally:
        events.append(f"closed {request.path}")


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_an_abandoned_stream_is_closed_inside_its_context(app: App, steps: int) -> None:
    """Closing the stream closes the wrapped iterator while the request is current, even before its first chunk."""
    events: list[str] = []

    class Chunks:
        def __iter__(self) -> Chunks:
            return self

        def __next__(self) -> str:
            return "chunk"

        def close(self) -> None:
            events.append(f"closed {request.path}")

    with app.test_request_context("/x"):
        stream: Any = stream_with_context(Chunks())
    for _ in range(steps):
        assert next(stream) == "chunk"
    stream.close()
    stream.close()
    assert events == ["closed /x"]


def test_a_forgotten_stream_is_closed_by_garbage_collection(app: App) -> None:
    """A stream that nobody closes is closed with its context when it is collected."""
    events: list[str] = []
    with app.test_request_context("/x"):
        stream = stream_with_context(closing(events))
    assert next(stream) == "chunk"
    del stream
    gc.collect()
    assert events == ["closed /x"]


def test_a_stream_may_move_between_threads(app: App) -> None:
    """Started on one thread, read on a second, closed on a third: each step sees the request."""
    events: list[str] = []
    with app.test_request_context("/x"):
        stream: Any = stream_with_context(closing(events))
    results: list[str] = []
    for step in (functools.partial(next, stream), stream.close):
        thread = threading.Thread(target=lambda step=step: results.append(step()))
        thread.start()
        thread.join()
    assert results == ["chunk", None]
    assert events == ["closed /x"]


def test_an_error_in_the_generator_is_raised(app: App) -> None:
    """An error of the generator reaches whoever reads the stream, and the stream has ended."""

    def fail() -> Iterator[str]:
        yield "a"
        raise ValueError(request.path)

    with app.test_request_context("/x"):
        stream = stream_with_context(fail())
    assert next(stream) == "a"
    with pytest.raises(ValueError, match="/x"):
        next(stream)
    assert list(stream) == []


def test_a_stream_outlives_its_context_without_a_second_teardown(app: App) -> None:
    """Read after the end of its context, the stream still sees request, g and flashes; teardown ran once."""
    torn_down: list[str] = []

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        torn_down.append(request.path)

    def generate() -> Iterator[str]:
        yield request.path
        yield g.word
        yield str(get_flashed_messages())

    with app.test_request_context("/x"):
        flash("hi")
        g.word = "word"
        get_flashed_messages()
        stream = stream_with_context(generate())
        assert next(stream) == "/x"
    assert list(stream) == ["word", "['hi']"]
    assert torn_down == ["/x"]


def test_a_stream_wrapped_within_an_app_context_outlives_it(app: App) -> None:
    """Where an application context was pushed over the request's, the stream keeps both, later the request."""
    with app.test_request_context("/x"), app.app_context():
        stream = stream_with_context(paths())
        assert next(stream) == "/x"
    assert list(stream) == ["/x"]


def test_a_stream_of_an_async_view(app: App) -> None:
    """An async view may return a stream that uses the request."""

    @app.get("/stream")
    async def stream() -> Iterator[str]:
        return stream_with_context(paths())

    assert app.test_client().get("/stream").text == "/stream/stream"


def test_the_client_may_go_in_the_middle(app: App) -> None:
    """A body that is closed early closes the generator in its context, then tears the request down."""
    events: list[str] = []

    @app.get("/stream")
    def stream() -> Iterator[str]:
        return stream_with_context(closing(events))

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        events.append(f"teardown {request.path}")

    reply = call(app, make_environ("/stream"))
    assert next(iter(reply.chunks)) == b"chunk"
    reply.close()
    assert events == ["closed /stream", "teardown /stream"]


# Responses


@pytest.mark.parametrize(
    ("args", "body", "status"),
    [
        ((), b"", 200),
        (("hello",), b"hello", 200),
        (("hello", 201), b"hello", 201),
        (("hello", 202, {"X-A": "b"}), b"hello", 202),
        ((("hello", 203),), b"hello", 203),
        (({"a": 1},), b'{"a":1}\n', 200),
    ],
)
def test_make_response_takes_what_views_return(app: App, args: tuple[Any, ...], body: bytes, status: int) -> None:
    """Each form of return value becomes a response object of the application's class."""
    with app.test_request_context():
        response = make_response(*args)
    assert isinstance(response, Response)
    assert (response.data, response.status_code) == (body, status)


def test_redirect_asks_the_application(app: App) -> None:
    """Within a context the application's own ``redirect`` makes the response."""

    class Redirecting(App):
        def redirect(self, location: str, code: int = 302) -> werkzeug.wrappers.Response:
            return Response(f"{code} {location}")

    with Redirecting("test_app", root_path=app.root_path).app_context():
        assert redirect("/x").get_data(as_text=True) == "302 /x"
    with app.app_context():
        response = redirect("/y", 308)
    assert isinstance(response, Response)
    assert (response.status_code, response.location) == (308, "/y")


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/account?a=b", True),
        ("http://example.org/account", True),
        ("https://example.org/account", True),
        ("//example.org/account", False),
        ("https://evil.example", False),
        ("/\\evil.example", False),
        ("http://example.org:8080/", False),
    ],
)
def test_redirects_that_must_stay_here(app: App, target: str, safe: bool) -> None:
    """With ``allow_external=False``, a target that leads away from the request's host is a bad request."""
    app.add_url_rule("/", "go", lambda: redirect(request.args["next"], 303, allow_external=False))
    app.add_url_rule("/ask", "ask", lambda: str(is_safe_redirect(request.args.get("next"))))
    client = app.test_client()
    answer = client.get("/", query_string={"next": target}, base_url="http://example.org")
    assert answer.status_code == (303 if safe else 400)
    assert answer.headers.get("Location") == (target if safe else None)
    assert client.get("/ask", query_string={"next": target}, base_url="http://example.org").text == str(safe)
    assert client.get("/ask").text == "False"


def test_outside_of_a_request_only_paths_are_safe() -> None:
    """Where no host is known, no whole URL is one of the site."""
    assert is_safe_redirect("/a")
    assert not is_safe_redirect("http://localhost/a")
    with pytest.raises(werkzeug.exceptions.BadRequest):
        redirect("//evil.example", allow_external=False)


@pytest.mark.parametrize("path", ["//evil.example/a", "/\\evil.example/a", "/%5Cevil.example/a", "/%2Fevil.example/a"])
def test_a_path_never_becomes_a_host(app: App, path: str) -> None:
    """Whatever path a client asks for, a redirect to it, or to it with a slash, stays on the site."""
    app.config["NORMALIZE_REDIRECTS"] = True
    app.add_url_rule("/<path:rest>/", "slash", lambda rest: redirect("/" + rest + "/x"))
    app.add_url_rule("/<path:rest>/again", "again", lambda rest: redirect(request.full_path[:-1]))
    for tail in ("", "/", "/again"):
        reply = call(app, make_environ(unquote(path) + tail))
        location = reply.header("Location")
        if location is not None:
            assert urlsplit(urljoin("http://localhost/", location.replace("\\", "/"))).netloc == "localhost"
            assert not location.startswith("//")


def test_normalizing_redirects_can_be_turned_off(app: App) -> None:
    """``redirect("//host")`` stays on the site, unless the setting lets it lead to the host as in Flask."""
    with app.test_request_context():
        assert redirect("//example.org/a").location == "/example.org/a"
        app.config["NORMALIZE_REDIRECTS"] = False
        assert redirect("//example.org/a").location == "//example.org/a"


def test_redirect_works_without_an_application() -> None:
    """Without a context werkzeug makes the response, of the class that is given."""

    class Own(werkzeug.wrappers.Response):
        pass

    response = redirect("/x", 303, Response=Own)
    assert isinstance(response, Own)
    assert (response.status_code, response.location) == (303, "/x")


def test_abort_asks_the_application(app: App) -> None:
    """Within a context the application's own ``aborter`` raises, so it may know more codes."""

    class Teapot(werkzeug.exceptions.HTTPException):
        code = 499

    app.aborter.mapping[499] = Teapot
    with app.app_context(), pytest.raises(Teapot, match="short"):
        abort(499, "short")
    with pytest.raises(LookupError):
        abort(499)


def test_abort_works_without_an_application() -> None:
    """Without a context werkzeug's exceptions are raised; a response is sent as it is."""
    with pytest.raises(werkzeug.exceptions.NotFound):
        abort(404)
    with pytest.raises(werkzeug.exceptions.HTTPException) as caught:
        abort(Response("as it is"))
    assert caught.value.get_response().get_data() == b"as it is"


# URLs


def test_url_for_passes_everything_on(app: App) -> None:
    """The endpoint, the underscored options and the values reach the application's ``url_for``."""
    app.add_url_rule("/users/<int:number>", "user", lambda number: "")
    with app.test_request_context():
        assert url_for("user", number=3) == "/users/3"
        assert url_for("user", number=3, page=2, _anchor="top") == "/users/3?page=2#top"
        assert url_for("user", number=3, _external=True, _scheme="https") == "https://localhost/users/3"
        assert url_for("user", number=3, _method="GET") == "/users/3"


def test_url_for_without_a_context_says_what_to_do() -> None:
    """Without an application the error names ``app_context``."""
    with pytest.raises(RuntimeError, match="app_context"):
        url_for("index")


def test_a_relative_endpoint_belongs_to_the_blueprint(app: App) -> None:
    """An endpoint with a leading dot is looked up in the blueprint of the request."""
    blueprint = Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("/cart", "cart", lambda: url_for(".cart"))
    app.register_blueprint(blueprint)
    assert app.test_client().get("/shop/cart").text == "/shop/cart"


# Flashed messages


def test_flashed_messages_appear_once(app: App) -> None:
    """Messages of one request are shown by the next that asks, and are gone after it."""

    @app.post("/")
    def post() -> str:
        flash("saved")
        flash("beware", "warning")
        flash("broken", "error")
        return ""

    @app.get("/plain")
    def plain() -> list[Any]:
        return [*get_flashed_messages(), *get_flashed_messages()]

    @app.get("/pairs")
    def pairs() -> list[Any]:
        return get_flashed_messages(with_categories=True)

    @app.get("/filtered")
    def filtered() -> list[Any]:
        wanted = (name for name in ("error", "warning"))
        return [*get_flashed_messages(category_filter=wanted), *get_flashed_messages(True, ["message"])]

    client = app.test_client()
    client.post("/")
    assert client.get("/plain").json == ["saved", "beware", "broken"] * 2
    assert client.get("/plain").json == []
    client.post("/")
    assert client.get("/pairs").json == [["message", "saved"], ["warning", "beware"], ["error", "broken"]]
    client.post("/")
    assert client.get("/filtered").json == ["beware", "broken", ["message", "saved"]]


def test_the_caller_may_change_the_list(app: App) -> None:
    """A list that was handed out can be changed without changing what the next call gives."""
    with app.test_request_context():
        flash("hello")
        get_flashed_messages(with_categories=True).clear()
        assert get_flashed_messages() == ["hello"]


def test_flashing_sends_a_signal(app: App) -> None:
    """Who listens to ``message_flashed`` gets the message and its category."""
    seen: list[tuple[Any, str, str]] = []

    def receiver(sender: Any, message: str, category: str) -> None:
        seen.append((sender, message, category))

    with message_flashed.connected_to(receiver, app), app.test_request_context():
        flash("hello", "info")
    assert seen == [(app, "hello", "info")]


@pytest.mark.parametrize("function", [lambda: flash("x"), get_flashed_messages])
def test_flashing_needs_a_request(app: App, function: Callable[[], Any]) -> None:
    """Outside of a request both functions say what is missing."""
    with app.app_context(), pytest.raises(RuntimeError, match="request context"):
        function()


# Templates


def test_a_macro_can_be_called_from_python(app: App) -> None:
    """The attribute of a template is a macro or a variable that it defines; others are an AttributeError."""
    from jinja2 import DictLoader

    app.jinja_options = {"loader": DictLoader({"_m.html": "{% macro hello(n) %}Hello {{ n }}!{% endmacro %}"})}
    with app.app_context():
        assert get_template_attribute("_m.html", "hello")("World") == "Hello World!"
        with pytest.raises(AttributeError):
            get_template_attribute("_m.html", "goodbye")


def test_the_helpers_do_what_flasks_do() -> None:
    """A program that uses all of them gives the same results with Flask."""
    result = assert_same_as_flask(
        """

app = App("x", root_path=".")
app.secret_key = "k"

@app.get("/flash/<word>")
def flash(word):
    framework.flash(word)
    framework.flash(word.upper(), "loud")
    return framework.redirect(framework.url_for("show", page=2))

@app.get("/show")
def show():
    return framework.jsonify(
        framework.get_flashed_messages(), framework.get_flashed_messages(True), framework.request.full_path,
        framework.get_flashed_messages(category_filter=["loud"]),
    )

@app.get("/made")
def made():
    return framework.make_response(("made", 201, {"X-A": "b"}))

@app.get("/stream")
def stream():
    def generate():
        yield framework.request.args["a"]
        yield framework.session.get("none", "-")
    return framework.stream_with_context(generate())

@app.get("/abort/<int:code>")
def abort(code):
    framework.abort(code, description="because")

client = app.test_client()
result = []
for path in ["/flash/hi", "/show", "/show", "/made", "/stream?a=b", "/abort/404", "/abort/418", "/abort/503"]:
    response = client.get(path)
    headers = {k: v for k, v in response.headers.items() if k in ("Location", "X-A", "Content-Type", "Vary")}
    result.append([path, response.status, response.text, headers])
"""
    )
    assert len(result) == 8
