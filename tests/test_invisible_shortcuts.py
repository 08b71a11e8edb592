"""What programs do behind costrel's back, between two requests or during one, is noticed as Flask notices it."""

from __future__ import annotations

import dataclasses
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden, Gone, HTTPException, MethodNotAllowed, NotFound

from costrel import App, Blueprint, Request, Response, abort, g, request, request_finished, url_for
from costrel.context import has_app_context, has_request_context
from costrel.globals import current_app
from costrel.signals import appcontext_popped
from tests.support.environ import make_environ

View = Callable[..., Any]


def answer(app: App, path: str = "/", method: str = "GET", **changes: Any) -> tuple[int, str]:
    """Returns status and body of one request."""
    statuses: list[str] = []
    environ = dict(make_environ(path, method=method), **changes)
    body = app(environ, lambda status, headers, exc_info=None: statuses.append(status) or bytes)  # type: ignore[func-returns-value]
    text = b"".join(body).decode()
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return int(statuses[0][:3]), text


def new_app(view: View = lambda: "x", cls: type[App] = App) -> App:
    """Makes an application with one view, outside of testing mode."""
    app = cls("program", static_folder=None, root_path="/")
    app.add_url_rule("/", "view", view)
    app.logger.setLevel("CRITICAL")
    return app


def test_an_error_with_a_code_of_its_own_leaves_other_pages_alone() -> None:
    """An error instance whose code or body was changed has its own page, and no later error gets that page."""

    def teapot() -> str:
        error = NotFound()
        error.code = 418
        raise error

    def own_body() -> str:
        error = Forbidden()
        error.get_body = lambda *args, **kwargs: "mine"  # type: ignore[method-assign]
        raise error

    app = new_app(teapot)
    app.add_url_rule("/own", "own", own_body)
    app.add_url_rule("/403", "403", lambda: abort(403))
    assert answer(app)[0] == 418
    assert answer(app, "/own") == (403, "mine")
    assert "404 Not Found" in answer(new_app(), "/missing")[1]
    assert "403 Forbidden" in answer(app, "/403")[1]


def test_a_handler_is_found_by_the_code_of_the_class() -> None:
    """An HTTP error class is handled by its handler also where the instance has another code."""

    class ApiError(HTTPException):
        code = 400

    def view() -> None:
        error = ApiError("x")
        error.code = 422
        raise error

    app = new_app(view)
    app.register_error_handler(ApiError, lambda error: ({"error": error.description}, error.code))
    assert answer(app) == (422, '{"error":"x"}\n')


def test_a_request_class_may_name_trusted_hosts() -> None:
    """Hosts that the request class does not trust are refused."""

    class Careful(Request):
        trusted_hosts = ["good.example"]

    app = new_app()
    app.request_class = Careful
    assert answer(app, HTTP_HOST="evil.example")[0] == 400
    assert answer(app, HTTP_HOST="good.example")[0] == 200


def test_a_list_of_trusted_hosts_may_grow() -> None:
    """A host that is added to the list in place takes effect at once."""
    app = new_app()
    hosts: list[str] = []
    app.config["TRUSTED_HOSTS"] = hosts
    assert answer(app, HTTP_HOST="evil.example")[0] == 200
    hosts.append("good.example")
    assert answer(app, HTTP_HOST="evil.example")[0] == 400


@pytest.mark.parametrize("host", ["a..b", ".a", "x" * 70 + ".com"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    """A Host header that cannot be a host name is answered 400, also the second time."""
    app = new_app()
    assert [answer(app, HTTP_HOST=host)[0] for _ in range(2)] == [400, 400]
    assert answer(app)[0] == 200


def test_invented_hosts_do_not_fill_the_memory() -> None:
    """The list of hosts that were accepted is emptied before it grows without end."""
    app = new_app()
    assert {answer(app, HTTP_HOST=f"h{number}.example")[0] for number in range(1100)} == {200}
    assert len(app.plans().known_hosts) < 1100


@pytest.mark.parametrize("mode", ["arguments", "rule", "failure", "repair"])
def test_a_hook_may_change_what_was_matched(mode: str) -> None:
    """A before-request hook that sets rule, arguments or failure on the request decides what runs."""
    app = new_app()
    app.add_url_rule("/a/<x>", "a", lambda x: f"a{x}")
    app.add_url_rule("/b/<x>", "b", lambda x: f"b{x}")
    other: Any = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "b")

    @app.before_request
    def change() -> None:
        if mode == "arguments":
            request.view_args = {"x": "new"}
        elif mode == "rule":
            request.url_rule = other
        elif mode == "failure":
            request.routing_exception = Gone()
        else:
            request.routing_exception, request.url_rule, request.view_args = None, other, {"x": "z"}

    status, body = answer(app, "/missing" if mode == "repair" else "/a/q")
    expected = {"arguments": (200, "anew"), "rule": (200, "bq"), "repair": (200, "bz")}
    assert (status, body) == expected[mode] if mode in expected else status == 410


def test_url_defaults_may_come_from_a_subclass() -> None:
    """An application class that overrides ``inject_url_defaults`` is asked also without ``url_defaults`` functions."""

    class Localised(App):
        def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
            values.setdefault("lang", "en")

    app = new_app(cls=Localised)
    app.add_url_rule("/<lang>/", "home", lambda lang: url_for("home"))
    assert answer(app, "/de/") == (200, "/en/")


def test_an_error_handler_needs_no_hash() -> None:
    """A callable object without a hash can handle errors."""

    @dataclasses.dataclass
    class Handler:
        number: int

        def __call__(self, error: Exception) -> str:
            return f"h{self.number}"

    app = new_app()
    app.register_error_handler(404, Handler(3))
    assert answer(app, "/missing") == (200, "h3")


def test_a_receiver_that_connects_in_a_view_hears_the_end() -> None:
    """A signal's receiver that is connected during a request gets that request's later signals."""
    heard: list[str] = []

    def receive(sender: App, **extra: Any) -> None:
        heard.append("finished")

    def view() -> str:
        request_finished.connect(receive)
        return "x"

    try:
        assert answer(new_app(view)) == (200, "x")
    finally:
        request_finished.disconnect(receive)
    assert heard == ["finished"]


def test_hooks_that_are_added_in_a_view_run_at_once() -> None:
    """Functions that a view puts into the tables of hooks run in the same request."""
    done: list[str] = []

    def view() -> str:
        def after(response: Any) -> Any:
            done.append("after")
            return response

        current_app.after_request_funcs.setdefault(None, []).append(after)
        current_app.teardown_request_funcs.setdefault(None, []).append(lambda error: done.append("teardown"))
        return "x"

    assert answer(new_app(view)) == (200, "x")
    assert done == ["after", "teardown"]


def test_a_change_while_plans_are_made_is_not_lost() -> None:
    """Plans that another thread was making when something was registered are not kept."""
    gate, inside = threading.Event(), threading.Event()

    class Slow(App):
        def ensure_sync(self, func: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                inside.set()
                gate.wait(5)
            return super().ensure_sync(func)

    app = new_app(cls=Slow)
    app.before_request(lambda: None)
    thread = threading.Thread(target=answer, args=(app,))
    thread.start()
    inside.wait(5)
    app.before_request_funcs[None].append(lambda: "hooked")
    gate.set()
    thread.join()
    assert answer(app, "/missing") == (200, "hooked")


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_methods_may_come_in_small_letters(method: str) -> None:
    """The method of a request is compared in capitals, as ``request.method`` gives it."""
    assert answer(new_app(), method=method)[0] == 200


def test_a_private_method_may_be_replaced_later() -> None:
    """A replaced search for error handlers is noticed after the first request."""
    app = new_app(lambda: abort(403))
    assert answer(app)[0] == 403
    app._find_error_handler = lambda error, blueprints: lambda error: ("patched", 499)  # type: ignore[method-assign,assignment]
    assert answer(app) == (499, "patched")


def test_a_mixin_may_be_patched_later() -> None:
    """A method that is set on a mixin in front of App is called, also after the first request."""

    class Mixin:
        pass

    class Mixed(Mixin, App):
        pass

    app = new_app(cls=Mixed)
    assert answer(app) == (200, "x")
    Mixin.dispatch_request = lambda self: "mixed"  # type: ignore[attr-defined]
    assert answer(app) == (200, "mixed")


def test_a_config_may_become_a_plain_dict() -> None:
    """A plain dict that takes the place of the config is watched like the config."""
    app = new_app(lambda: {"b": 1, "a": 2})
    app.config = dict(app.config)  # type: ignore[assignment]
    assert answer(app)[1] == '{"a":2,"b":1}\n'
    app.config["DEBUG"] = True
    assert answer(app)[1] == '{\n  "a": 2,\n  "b": 1\n}\n'


def test_a_stream_ends_the_request_when_it_was_read() -> None:
    """Teardown functions run when the last chunk was taken, once, though nobody has closed the body yet."""
    ended: list[str] = []

    def view() -> Iterator[str]:
        yield from "ab"

    app = new_app(view)
    app.teardown_request(lambda error: ended.append("teardown"))
    response = app.test_client().get("/")
    assert response.text == "ab"
    assert ended == ["teardown"]
    response.close()
    assert ended == ["teardown"]


def test_the_context_is_gone_when_its_end_is_signalled() -> None:
    """``appcontext_popped`` is sent after the context has been popped."""
    seen: list[tuple[bool, bool]] = []

    def receive(sender: App, **extra: Any) -> None:
        seen.append((has_app_context(), has_request_context()))

    app = new_app()
    app.add_url_rule("/stream", "stream", lambda: iter(["a"]))
    with appcontext_popped.connected_to(receive, app):
        assert answer(app) == (200, "x")
        assert answer(app, "/stream") == (200, "a")
    assert seen == [(False, False), (False, False)]


def _raise() -> str:
    raise ValueError("no")


@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/missing", "GET"), ("/error", "GET"), ("/", "PUT")])
def test_a_request_leaves_no_reference_cycle(path: str, method: str) -> None:
    """Nothing of a request waits for the garbage collector: not on 200, 404, 405, nor after an error."""
    app = new_app(lambda: str(g.get("user")))
    app.add_url_rule("/error", "error", _raise)
    app.register_error_handler(418, lambda error: "never")
    for _ in range(3):
        answer(app, path, method)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            answer(app, path, method)
        assert gc.collect() < 20
    finally:
        gc.enable()


def test_each_failure_of_a_teardown_function_is_logged() -> None:
    """Where several teardown functions fail, none of their errors is lost."""
    app = new_app()
    logged: list[str] = []
    app.log_exception = lambda exc_info: logged.append(str(exc_info[1]))  # type: ignore[method-assign]

    def fail(name: str) -> Callable[[BaseException | None], None]:
        def teardown(error: BaseException | None) -> None:
            raise ValueError(name)

        return teardown

    for name in ("a", "b", "c"):
        app.teardown_request(fail(name))
    app.teardown_appcontext(fail("last"))
    assert answer(app) == (200, "x")
    # The first failure of the request, "c", is the context of the one that ended its application's part.
    assert sorted(logged) == ["a", "b", "last"]


def test_a_middleware_may_come_and_go() -> None:
    """What takes the place of ``wsgi_app``, on the instance, a class or a mixin, is called from the next request on."""

    class Mixin:
        pass

    class Mixed(Mixin, App):
        pass

    for cls in (App, Mixed):
        app = new_app(cls=cls)
        assert answer(app) == (200, "x")
        inner = app.wsgi_app
        passed: list[str] = []

        def middleware(environ: Any, start_response: Any, inner: Any = inner, passed: list[str] = passed) -> Any:
            passed.append(environ["PATH_INFO"])
            return inner(environ, start_response)

        app.wsgi_app = middleware  # type: ignore[method-assign]
        assert [answer(app), answer(app, "/missing")[0]] == [(200, "x"), 404]
        assert passed == ["/", "/missing"]
        del app.wsgi_app
        assert (answer(app), passed) == ((200, "x"), ["/", "/missing"])
    Mixin.wsgi_app = lambda self, environ, start_response: [b"mixin"]  # type: ignore[attr-defined]
    assert list(app({}, lambda status, headers, exc_info=None: bytes)) == [b"mixin"]


def test_a_rule_that_is_added_to_the_map_is_among_the_allowed_methods() -> None:
    """The automatic answer to OPTIONS names the methods of the rules that there are now."""
    app = new_app()
    client = app.test_client()
    assert client.options("/").headers["Allow"] == client.options("/").headers["Allow"] == "GET, HEAD, OPTIONS"
    app.url_map.add(app.url_rule_class("/", methods=["PATCH"], endpoint="view"))
    assert client.options("/").headers["Allow"] == "GET, HEAD, OPTIONS, PATCH"


def test_a_patched_not_found_is_made_by_its_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor that somebody gives to NotFound runs for each path without a rule."""
    app = new_app()
    app.register_error_handler(404, lambda error: error.note)

    def init(error: NotFound, *args: Any) -> None:
        HTTPException.__init__(error, *args)
        error.note = "patched"  # type: ignore[attr-defined]

    monkeypatch.setattr(NotFound, "__init__", init)
    assert answer(app, "/missing") == (200, "patched")


def test_a_patched_method_not_allowed_is_made_by_its_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor that somebody gives to MethodNotAllowed runs for each path that has no rule for the method."""
    app = new_app()
    app.add_url_rule("/7", "seven", lambda: "")
    app.register_error_handler(405, lambda error: error.note)

    def init(error: MethodNotAllowed, valid_methods: Any = None) -> None:
        HTTPException.__init__(error)
        error.note = ", ".join(valid_methods)  # type: ignore[attr-defined]

    monkeypatch.setattr(MethodNotAllowed, "__init__", init)
    assert [app.test_client().put(path).text for path in ("/7", "/7")] == ["GET, HEAD, OPTIONS"] * 2


def test_a_default_header_may_be_set_by_a_hook() -> None:
    """A field that a hook sets is not sent a second time by default, however its name is written."""
    app = new_app()
    app.config["DEFAULT_HEADERS"] = {"X-Default": "default", "Content-Language": "en"}

    @app.after_request
    def after(response: Response) -> Response:
        response.headers[request.args["name"]] = "own"
        return response

    client = app.test_client()
    for name, expected in (("x-default", ["own"]), ("X-DEFAULT", ["own"]), ("X-Other", ["default"])):
        response = client.get("/", query_string={"name": name})
        assert response.headers.getlist("X-Default") == expected
        assert response.headers.getlist("Content-Language") == ["en"]


def test_a_hook_may_set_the_rule() -> None:
    """After-request hooks are those of the endpoint that the request has when the view has returned."""

    def view() -> str:
        request.url_rule = other
        return "x"

    app = new_app(view)
    part = Blueprint("part", "program", root_path="/")
    part.add_url_rule("/part", "view", lambda: "part")
    part.after_request(lambda response: Response("by the hook"))
    app.register_blueprint(part)
    other: Any = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "part.view")
    app.after_request(lambda response: response)
    assert answer(app) == (200, "by the hook")


def test_a_response_that_is_returned_twice_is_sent_twice() -> None:
    """A response that the program keeps and returns again has each header field once, and is closed each time."""
    kept = Response("kept")
    closed: list[str] = []
    kept.call_on_close(lambda: closed.append("closed"))
    app = new_app(lambda: kept)
    app.after_request(lambda response: response)
    for count in (1, 2):
        response = app.test_client().get("/")
        assert (response.text, len(response.headers)) == ("kept", 3)
        response.close()
        assert closed == ["closed"] * count
