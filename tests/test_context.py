"""Tests of costrel.context: what is current, for how long, and what the proxies give."""

from __future__ import annotations

import asyncio
import gc
import operator
import threading
import weakref
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, cast

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.local import LocalProxy

import costrel
from costrel import (
    App,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from costrel.context import (
    AppContext,
    RequestContext,
    _AppCtxGlobals,
    app_ctx,
    current_context,
    describe_request,
    request_ctx,
)
from costrel.sessions import SecureCookieSession
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask

PROXIES: dict[str, Any] = {
    "current_app": current_app,
    "g": g,
    "app_ctx": app_ctx,
    "request": request,
    "session": session,
    "request_ctx": request_ctx,
}
OF_APP = ("current_app", "g", "app_ctx")


@pytest.fixture
def other() -> App:
    """A second application."""
    app = App("other", root_path="/")
    app.secret_key = "other key"
    app.add_url_rule("/other", "other", lambda: current_app.name)
    return app


def in_thread(function: Callable[[], Any]) -> Any:
    """Returns what the function returns in a thread of its own."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# Proxies


@pytest.mark.parametrize("name", PROXIES)
def test_an_unbound_proxy_says_what_is_missing(name: str) -> None:
    """Outside of its context each use of a proxy is a RuntimeError that says how to get one."""
    proxy = PROXIES[name]
    kind, remedy = ("application", "app.app_context()") if name in OF_APP else ("request", "app.test_request_context()")
    uses: list[Callable[[], Any]] = [
        lambda: proxy._get_current_object(),
        lambda: proxy.name,
        lambda: proxy["key"],
        lambda: "key" in proxy,
        lambda: str(proxy),
        lambda: len(proxy),
        lambda: setattr(proxy, "name", 1),
        lambda: operator.setitem(proxy, "key", 1),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match=f"Working outside of {kind} context") as raised:
            use()
        assert remedy in str(raised.value)


@pytest.mark.parametrize("name", PROXIES)
def test_an_unbound_proxy_is_false_and_says_so(name: str) -> None:
    """Outside of its context a proxy is false, has no attributes to list, and its representation says unbound."""
    proxy = PROXIES[name]
    assert isinstance(proxy, LocalProxy)
    assert not proxy
    assert repr(proxy) == "<LocalProxy unbound>"
    assert dir(proxy) == []
    assert isinstance(LocalProxy.__doc__, str)


@pytest.mark.parametrize("name", ["request", "session", "request_ctx"])
def test_the_request_is_missing_in_an_application_context(app: App, name: str) -> None:
    """An application context has no request and no session."""
    with app.app_context(), pytest.raises(RuntimeError, match="outside of request context"):
        PROXIES[name]._get_current_object()


def test_a_bound_proxy_stands_for_its_object(app: App) -> None:
    """Attributes, items, comparison, truth, class and representation are those of the object."""
    with app.test_request_context("/page?a=1") as context:
        objects = {
            "current_app": app,
            "g": context.g,
            "app_ctx": context,
            "request": context.request,
            "session": context.session,
            "request_ctx": context,
        }
        for name, expected in objects.items():
            proxy = PROXIES[name]
            assert proxy._get_current_object() is expected
            assert proxy == expected
            assert isinstance(proxy, type(expected))
            assert repr(proxy) == repr(expected)
            assert bool(proxy) is bool(expected)
            assert set(dir(expected)) <= set(dir(proxy))
            if name != "session":
                assert hash(proxy) == hash(expected)
        assert (request.path, request.args["a"], current_app.name) == ("/page", "1", "test_app")
        request.anything = 1  # type: ignore[attr-defined]
        current_app.extensions["x"] = 2
        assert (vars(context.request)["anything"], app.extensions) == (1, {"x": 2})
        del request.anything  # type: ignore[attr-defined]
        assert not hasattr(request, "anything")


def test_the_session_proxy_is_a_dict(app: App) -> None:
    """Every operation of a dict goes through to the session."""
    with app.test_request_context():
        assert not session
        session["a"] = 1
        session.update(b=2)
        assert ("a" in session, "c" in session, len(session), list(session)) == (True, False, 2, ["a", "b"])
        assert session == {"a": 1, "b": 2}
        assert session.pop("b") == 2
        del session["a"]
        session.permanent = True
        assert dict(session) == {"_permanent": True}
        assert isinstance(session, SecureCookieSession)


def test_one_proxy_gives_each_thread_its_own(app: App, other: App) -> None:
    """A context is that of the thread that pushed it; another thread sees its own or none."""

    def name() -> str:
        with other.app_context():
            return current_app.name

    with app.app_context():
        assert in_thread(has_app_context) is False
        assert in_thread(name) == "other"
        assert current_app.name == "test_app"
        assert copy_context().run(lambda: current_app.name) == "test_app"


def test_tasks_have_contexts_of_their_own(app: App, other: App) -> None:
    """A task sees the context it was started in, and what it pushes stays inside."""

    async def push(which: App) -> str:
        with which.app_context():
            await asyncio.sleep(0)
            return current_app.name

    async def main() -> list[str]:
        return [*await asyncio.gather(push(app), push(other), push(app)), current_app.name]

    with app.app_context():
        assert asyncio.run(main()) == ["test_app", "other", "test_app", "test_app"]


# g


def test_g_holds_any_attribute(app: App) -> None:
    """``g`` is a plain object with some methods of a dict."""
    with app.app_context():
        assert not hasattr(g, "user")
        with pytest.raises(AttributeError, match=r"'g' has no attribute 'user'.*g\.get\('user'\)"):
            g.user  # noqa: B018  (reading it is the test)
        assert (g.get("user"), g.get("user", "nobody"), "user" in g) == (None, "nobody", False)
        g.user = "Ada"
        assert (g.user, g.get("user", "nobody"), "user" in g, list(g)) == ("Ada", "Ada", True, ["user"])
        assert g.setdefault("user", "Bob") == "Ada"
        assert g.setdefault("count", 0) == 0
        assert g.setdefault("empty") is None
        assert g.pop("user") == "Ada"
        assert g.pop("user", "gone") == "gone"
        assert g.pop("user", None) is None
        with pytest.raises(KeyError):
            g.pop("user")
        del g.count
        with pytest.raises(AttributeError):
            del g.count
        assert list(g) == ["empty"]


def test_the_representation_of_g(app: App) -> None:
    """``g`` names its application, and outside of a context its class."""
    assert "_AppCtxGlobals" in repr(_AppCtxGlobals())
    with app.app_context():
        assert repr(g) == "<costrel.g of 'test_app'>"


def test_g_may_be_of_another_class(app: App) -> None:
    """``app_ctx_globals_class`` makes the object."""

    class Own(_AppCtxGlobals):
        answer = 42

    app.app_ctx_globals_class = Own
    app.add_url_rule("/", "home", lambda: str(g.answer))
    assert app.test_client().get("/").text == "42"
    with app.app_context():
        assert isinstance(g, Own)


# Application contexts


def test_app_contexts_nest(app: App, other: App) -> None:
    """The innermost context is current; each has a ``g`` of its own, even for the same application."""
    assert not has_app_context()
    with app.app_context() as outer:
        g.word = "outer"
        with app.app_context() as same:
            assert same is not outer
            assert "word" not in g
            with other.app_context():
                assert current_app.name == "other"
            assert app_ctx == same
        assert (current_app == app, g.word, has_app_context(), has_request_context()) == (True, "outer", True, False)
    assert not has_app_context()


def test_a_context_may_be_pushed_several_times(app: App) -> None:
    """The teardown functions run at the last pop only."""
    events: list[Any] = []
    app.teardown_appcontext(events.append)
    context = app.app_context()
    context.push()
    g.word = "kept"
    context.push()
    context.push()
    for _ in range(2):
        context.pop()
        assert events == []
        assert g.word == "kept"
    context.pop()
    assert events == [None]
    assert not has_app_context()


def test_a_context_may_be_used_again(app: App) -> None:
    """A context that was popped can be pushed again, and keeps its ``g``."""
    context = app.app_context()
    with context:
        g.word = "kept"
    with context:
        assert g.word == "kept"
    request_context = app.test_request_context("/x")
    for _ in range(2):
        with request_context:
            assert request.path == "/x"


@pytest.mark.parametrize("make", [lambda app: app.app_context(), lambda app: app.test_request_context()])
def test_teardown_gets_the_error_of_the_block(app: App, make: Callable[[App], Any]) -> None:
    """The error that leaves the block, or the one that is being handled at ``pop()``, is handed on."""
    events: list[Any] = []
    app.teardown_appcontext(events.append)
    error = ValueError("x")
    with pytest.raises(ValueError, match="x"), make(app):
        raise error
    context = make(app)
    context.push()
    try:
        raise error
    except ValueError:
        context.pop()
    context.push()
    context.pop(None)
    context.push()
    context.pop(KeyError("given"))
    assert events[:3] == [error, error, None]
    assert isinstance(events[3], KeyError)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda app: app.app_context(), "app"),
        (lambda app: app.test_request_context(), "request"),
    ],
)
def test_popping_what_was_not_pushed(app: App, make: Callable[[App], Any], kind: str) -> None:
    """Popping a context that was not pushed, or once too often, is an AssertionError and changes nothing."""
    context = make(app)
    with pytest.raises(AssertionError, match=f"Popped wrong {kind} context"):
        context.pop()
    with app.app_context():
        with pytest.raises(AssertionError, match="was not pushed"):
            context.pop()
        assert current_app == app
    with context:
        pass
    with pytest.raises(AssertionError):
        context.pop()


@pytest.mark.parametrize("make", [lambda app: app.app_context(), lambda app: app.test_request_context()])
def test_popping_in_the_wrong_order(app: App, other: App, make: Callable[[App], Any]) -> None:
    """Popping an outer context before the inner one is an AssertionError that names both."""
    # In a copy, for the contexts are left in disorder.
    copy_context().run(_pop_in_the_wrong_order, app, other, make)
    assert not has_app_context()


def _pop_in_the_wrong_order(app: App, other: App, make: Callable[[App], Any]) -> None:
    outer = make(app)
    inner = other.app_context()
    outer.push()
    inner.push()
    with pytest.raises(AssertionError, match=r"Popped wrong .* context.*other.*instead of.*test_app"):
        outer.pop()
    assert not has_app_context()
    with pytest.raises(AssertionError, match=r"None instead of .*other"):
        inner.pop()
    assert current_context.get(None) is outer


def test_the_representations(app: App) -> None:
    """A context names its application, and its request."""
    assert repr(app.app_context()) == "<AppContext of test_app>"
    context = app.test_request_context("/a?b=c", method="POST")
    assert repr(context) == "<RequestContext 'http://localhost/a?b=c' [POST] of test_app>"


# Request contexts


def test_a_request_context_has_everything(app: App) -> None:
    """Pushing a request makes its application current, opens the session and matches the URL."""
    app.add_url_rule("/user/<int:number>", "user", lambda number: "")
    with app.test_request_context("/user/3", data={"a": "b"}) as context:
        assert isinstance(context, RequestContext)
        assert isinstance(context, AppContext)
        assert (has_app_context(), has_request_context()) == (True, True)
        assert (request.endpoint, request.view_args, request.form["a"]) == ("user", {"number": 3}, "b")
        assert str(request.url_rule) == "/user/<int:number>"
        assert request.routing_exception is None
        assert context.session is session._get_current_object()  # type: ignore[attr-defined]
        assert context.g is g._get_current_object()
        assert context.url_adapter is not None
        assert context.flashes is None
        assert context.app is app
    assert (has_app_context(), has_request_context()) == (False, False)


def test_a_failed_match_is_kept(app: App) -> None:
    """A URL that no rule matches is no error of ``push``: the error waits in the request."""
    with app.test_request_context("/none"):
        assert isinstance(request.routing_exception, NotFound)
        assert (request.url_rule, request.endpoint, request.view_args) == (None, None, None)
        with pytest.raises(NotFound):
            app.dispatch_request()


def test_the_request_is_described_by_its_endpoint(app: App) -> None:
    """Error messages name the endpoint; without a request, or where no rule has matched, they say nothing of it."""
    app.add_url_rule("/", "home", lambda: describe_request())
    assert call(app, make_environ("/")).read() == b" The request is for the endpoint 'home'."
    assert describe_request() == ""
    with app.app_context():
        assert describe_request() == ""
    with app.test_request_context("/none"):
        assert describe_request() == ""
    with app.test_request_context("/"), app.app_context():
        assert describe_request() == " The request is for the endpoint 'home'."


def test_a_refused_host_is_kept(app: App) -> None:
    """Where ``TRUSTED_HOSTS`` refuses the host there is no adapter, and dispatching answers 400."""
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    app.add_url_rule("/", "home", lambda: "")
    with app.test_request_context("/") as context:
        assert context.url_adapter is None
        assert getattr(request.routing_exception, "code", None) == 400
        assert app.full_dispatch_request().status_code == 400


def test_a_given_request_and_session_are_used(app: App) -> None:
    """A context can be made from a request object and a session."""
    made = app.request_class(make_environ("/given"))
    kept = SecureCookieSession({"a": 1})
    with RequestContext(app, made.environ, made, kept) as context:
        assert request._get_current_object() is made  # type: ignore[attr-defined]
        assert session["a"] == 1
        replacement = app.request_class(make_environ("/other"))
        context.request = replacement
        assert request.path == "/other"


def test_a_request_within_an_app_context_shares_g(app: App, other: App) -> None:
    """With the same application the request joins the context that is there; with another it has its own."""
    events: list[str] = []
    app.teardown_appcontext(lambda error: events.append("app"))
    app.teardown_request(lambda error: events.append("request"))
    with app.app_context():
        g.word = "shared"
        with app.test_request_context():
            assert g.word == "shared"
            g.more = "from the request"
        assert events == ["request"]
        with other.test_request_context():
            assert "word" not in g
            with app.test_request_context():
                assert "word" not in g
        assert g.more == "from the request"
        events.clear()
    assert events == ["app"]


def test_app_ctx_is_the_context_that_a_request_joins(app: App, other: App) -> None:
    """Extensions keep things by the identity of ``app_ctx``: it is one object from its push to its teardown."""
    seen: list[Any] = []

    @app.get("/")
    def index() -> str:
        seen.append(cast(Any, app_ctx)._get_current_object())
        return ""

    for outer in (app.app_context(), app.test_request_context("/"), other.app_context()):
        with outer:
            app.test_client().get("/")
            with app.test_request_context("/") as inner:
                seen.append(cast(Any, app_ctx)._get_current_object())
            again = inner
        joined = [outer, outer] if outer.app is app else [seen[0], inner]
        assert [context is expected for context, expected in zip(seen, joined, strict=True)] == [True, True]
        assert seen[0] is outer or outer.app is other
        seen.clear()
        with again:
            assert cast(Any, app_ctx)._get_current_object() is again


def test_an_app_context_within_a_request(app: App, other: App) -> None:
    """Within a request another application may be current for a while; the request stays visible."""
    with app.test_request_context("/outer"):
        g.word = "outer"
        with other.app_context():
            assert (current_app.name, request.path, has_request_context()) == ("other", "/outer", True)
            assert "word" not in g
            with other.app_context():
                assert request.path == "/outer"
        with app.app_context() as inner:
            assert "word" not in g
            assert inner.request_context() is request_ctx._get_current_object()  # type: ignore[attr-defined]
            assert session is not None
        assert (current_app.name, g.word) == ("test_app", "outer")


def test_requests_nest(app: App, other: App) -> None:
    """A request within a request hides it; afterwards the outer one is back."""
    with app.test_request_context("/outer"):
        session["who"] = "outer"
        with app.test_request_context("/inner"):
            assert (request.path, "who" in session) == ("/inner", False)
            with other.test_request_context("/innermost"):
                assert (request.path, current_app.name) == ("/innermost", "other")
            assert request.path == "/inner"
        assert (request.path, session["who"]) == ("/outer", "outer")


def test_a_served_request_within_a_request(app: App, other: App) -> None:
    """A view may call another application, or its own, and finds its own context back."""
    app.secret_key = other.secret_key = "k"

    @app.get("/outer")
    def outer() -> list[str]:
        g.word = "outer"
        inner = other.test_client().get("/other").text
        again = app.test_client().get("/inner").text
        return [inner, again, request.path, current_app.name, g.word]

    app.add_url_rule("/inner", "inner", lambda: request.path + g.get("word", ""))
    assert app.test_client().get("/outer").json == ["other", "/innerouter", "/outer", "test_app", "outer"]


def test_a_copy_is_of_the_same_request(app: App) -> None:
    """A copy has the request and session objects, and a ``g`` of its own where it is pushed alone."""
    app.add_url_rule("/<name>", "page", lambda name: "")
    with app.test_request_context("/x") as context:
        session["a"] = 1
        g.word = "original"
        copied = context.copy()

        def look() -> list[Any]:
            with copied:
                return [request._get_current_object(), session["a"], "word" in g, request.view_args]  # type: ignore[attr-defined]

        assert in_thread(look) == [context.request, 1, False, {"name": "x"}]
        with copied:
            assert g.word == "original"


def test_a_view_may_push_its_context_again(app: App) -> None:
    """Pushing and popping the context of the running request within its view does not end the request."""
    events: list[str] = []
    app.teardown_request(lambda error: events.append("torn down"))

    @app.get("/")
    def home() -> str:
        with request_ctx._get_current_object():  # type: ignore[attr-defined]
            assert request.path == "/"
        with request_ctx.copy():
            assert request.path == "/"
        events.append("view")
        return request.path

    assert app.test_client().get("/").text == "/"
    assert events[-2:] == ["view", "torn down"]


def test_contexts_take_attributes_and_weak_references(app: App) -> None:
    """Extensions may keep things on contexts, requests, applications and ``g``, and refer to them weakly."""
    with app.test_request_context() as context:
        targets: list[Any] = [app, context, context.request, context.session, context.g, app.app_context()]
        for target in targets:
            target.extension_data = 1
            assert weakref.ref(target)() is target
        reference = weakref.ref(context.request)
        assert reference() is context.request


def test_a_context_is_freed_after_the_request(app: App) -> None:
    """Nothing keeps a context or a request when the reply has been read."""
    kept: list[Any] = []

    @app.get("/")
    def home() -> str:
        kept.append(weakref.ref(request_ctx._get_current_object()))  # type: ignore[attr-defined]
        kept.append(weakref.ref(request._get_current_object()))  # type: ignore[attr-defined]
        return ""

    call(app, make_environ("/")).read()
    gc.collect()
    assert [reference() for reference in kept] == [None, None]


def test_files_of_a_form_are_closed(app: App) -> None:
    """The end of the context closes the files that came with a form."""
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n' + b"x" * 600_000 + b"\r\n--x--\r\n"
    environ = make_environ(method="POST", body=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    with app.request_context(environ) as context:
        stream = context.request.files["f"].stream
        assert not stream.closed
    assert stream.closed


def test_a_request_class_without_close(app: App) -> None:
    """A request object that cannot be closed is left alone."""
    context = app.test_request_context("/")
    context.push()
    context.close_request()
    context.request.close = None  # type: ignore[method-assign, assignment]
    context.pop()
    assert not has_request_context()


def test_limits_come_from_the_current_application(app: App) -> None:
    """A request asks the current application's settings for its limits, and without one uses none."""
    made = app.request_class(make_environ())
    without = made.max_content_length
    app.config["MAX_CONTENT_LENGTH"] = 17
    with app.app_context():
        assert made.max_content_length == 17
    assert made.max_content_length == without != 17
    with app.app_context():
        assert Response().max_cookie_size == app.config["MAX_COOKIE_SIZE"]


# Functions


def test_after_this_request(app: App) -> None:
    """Functions run once, in the order of their registration, before the registered hooks; they may replace."""

    @app.after_request
    def registered(response: Any) -> Any:
        response.headers["X-Order"] += " registered"
        return response

    @app.get("/")
    def home() -> str:
        @after_this_request
        def first(response: Response) -> Response:
            return Response("replaced", headers={"X-Order": "first"})

        @after_this_request
        def second(response: Response) -> Response:
            response.headers["X-Order"] += " second"
            return response

        assert callable(first)
        return "original"

    @app.get("/plain")
    def plain() -> Response:
        return Response("plain", headers={"X-Order": "none"})

    client = app.test_client()
    reply = client.get("/")
    assert (reply.text, reply.headers["X-Order"]) == ("replaced", "first second registered")
    assert client.get("/plain").headers["X-Order"] == "none registered"


def test_after_this_request_with_a_coroutine_function(app: App) -> None:
    """The function may be ``async def``."""

    @app.get("/")
    async def home() -> str:
        @after_this_request
        async def later(response: Response) -> Response:
            await asyncio.sleep(0)
            response.headers["X-Later"] = request.path
            return response

        return ""

    assert app.test_client().get("/").headers["X-Later"] == "/"


@pytest.mark.parametrize("function", [after_this_request, copy_current_request_context])
def test_functions_that_need_a_request(app: App, function: Callable[[Any], Any]) -> None:
    """Without a request they say what they need; an application context is not enough."""
    message = f"'{function.__name__}' can only be used when a request context is active, such as in a view function."
    with pytest.raises(RuntimeError) as raised:
        function(print)
    assert str(raised.value) == message
    with app.app_context(), pytest.raises(RuntimeError, match="request context is active"):
        function(print)


def test_a_copied_context_in_a_thread(app: App) -> None:
    """A decorated function sees the request from another thread, also when the request has ended."""
    functions: list[Callable[[], Any]] = []

    @app.get("/<word>")
    def home(word: str) -> str:
        session["a"] = 1
        g.word = word

        @copy_current_request_context
        def look() -> list[Any]:
            """Looks around."""
            return [request.path, request.view_args, session["a"], current_app.name, "word" in g]

        functions.append(look)
        assert look()[:4] == [f"/{word}", {"word": word}, 1, "test_app"]
        return str(in_thread(look))

    assert app.test_client().get("/x").text == "['/x', {'word': 'x'}, 1, 'test_app', False]"
    look = functions[0]
    assert (look.__name__, look.__doc__) == ("look", "Looks around.")
    assert in_thread(look) == look() == ["/x", {"word": "x"}, 1, "test_app", False]
    assert not has_request_context()


def test_a_copied_context_has_the_same_session(app: App) -> None:
    """What a decorated function writes to the session in a thread is seen by the view and saved."""
    app.secret_key = "test key"

    @app.get("/")
    def home() -> str:
        @copy_current_request_context
        def work() -> None:
            session["done"] = "in a thread"

        in_thread(work)
        return str(session.get("done", "lost"))

    client = app.test_client()
    assert client.get("/").text == "in a thread"
    with client.session_transaction() as saved:
        assert saved["done"] == "in a thread"


def test_a_copied_context_for_a_coroutine_function(app: App) -> None:
    """An ``async def`` function becomes one that can be called from a thread, with arguments and errors."""

    @app.get("/")
    def home() -> str:
        @copy_current_request_context
        async def look(word: str) -> str:
            await asyncio.sleep(0)
            if word == "fail":
                raise ValueError(request.path)
            return request.path + word

        with pytest.raises(ValueError, match="/"):
            look("fail")  # type: ignore[unused-coroutine]
        return str(in_thread(lambda: look("!")))

    assert app.test_client().get("/").text == "/!"


def test_the_names_are_exported(app: App) -> None:
    """The proxies and functions are the package's own names, and ``app_ctx_globals_class`` the class of ``g``."""
    assert (costrel.g, costrel.request, costrel.session, costrel.current_app) == (g, request, session, current_app)
    assert app.app_ctx_globals_class is _AppCtxGlobals


def test_contexts_nest_as_in_flask() -> None:
    """A program that nests contexts of two applications in every order sees the same with Flask."""
    seen = assert_same_as_flask(
        """
import itertools
events = []
apps = {}
for name in "ab":
    app = apps[name] = App(name, root_path=".")
    app.secret_key = "k"
    app.add_url_rule("/", "home", lambda: "home")
    app.teardown_appcontext(lambda error, name=name: events.append(f"app {name} {type(error).__name__}"))
    app.teardown_request(lambda error, name=name: events.append(f"request {name} {type(error).__name__}"))

def look():
    found = [framework.has_app_context(), framework.has_request_context()]
    found.append(framework.current_app.name if framework.current_app else None)
    found.append(framework.request.path if framework.request else None)
    found.append(sorted(framework.g) if framework.g else None)
    if framework.request:
        framework.session["s"] = framework.session.get("s", 0) + 1
        found.append(framework.session["s"])
    for name in (["word"] if framework.g else []):
        framework.g.word = 1
    try:
        found.append(framework.url_for("home"))
    except RuntimeError:
        found.append("no url")
    return found

kinds = {
    "app a": lambda: apps["a"].app_context(),
    "app b": lambda: apps["b"].app_context(),
    "request a": lambda: apps["a"].test_request_context("/a"),
    "request b": lambda: apps["b"].test_request_context("/b"),
}
result = []
for depth in (1, 2, 3):
    for names in itertools.product(kinds, repeat=depth):
        for fail in (False, True):
            contexts = [kinds[name]() for name in names]
            for context in contexts:
                context.push()
                result.append(look())
            for context in reversed(contexts):
                result.append(look())
                context.pop(ValueError() if fail else None)
                result.append(list(events))
                events.clear()
            result.append(look())
"""
    )
    assert len(seen) > 1000
