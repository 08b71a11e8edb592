"""Tests of costrel.errors: which handler answers an error, what is logged, and what is raised on."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    Conflict,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
)
from werkzeug.routing import RequestRedirect

from costrel import App, Blueprint, Response, abort, g, request
from tests.support.environ import Reply, call, errors_of, make_environ
from tests.support.frameworks import run_as_flask, run_flask

Code = type[Exception] | int


class Problem(Exception):
    """An error of the program."""


class WorseProblem(Problem):
    """An error whose handler may be that of its base class."""


class Mixed(WorseProblem, KeyError):
    """An error of two families."""


class Payment(HTTPException):
    """An HTTP error with a code that werkzeug has no class for."""

    code = 402
    description = "pay"


class OwnForbidden(Forbidden):
    """A subclass of one of werkzeug's errors."""


def long_way(app: App) -> None:
    """Makes requests go through the application's methods."""
    original = app.preprocess_request
    app.preprocess_request = lambda: original()  # type: ignore[method-assign]


EACH_WAY = pytest.mark.parametrize("way", [lambda app: None, long_way], ids=["short", "long"])


@pytest.fixture
def failing(app: App) -> App:
    """An application whose view ``/`` raises ``app.extensions["error"]``; errors do not propagate."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/")
    def view() -> str:
        raise app.extensions["error"]

    return app


def reply_to(app: App, error: BaseException | None = None, path: str = "/") -> Reply:
    """Returns the reply to a request whose view raises the error."""
    app.extensions["error"] = error
    return call(app, make_environ(path))


def answer(word: str) -> Callable[[Any], Any]:
    """Returns a handler that answers a word and the error's class."""
    return lambda error: (f"{word} {type(error).__name__}", 400)


#: What is registered, in order; the error; which registration answers.
CHOICES: list[tuple[list[Code], Exception, str | None]] = [
    ([Problem], Problem(), "0"),
    ([Problem], WorseProblem(), "0"),
    ([WorseProblem], Problem(), None),
    ([Problem, WorseProblem], WorseProblem(), "1"),
    ([WorseProblem, Problem], WorseProblem(), "0"),
    ([WorseProblem, Problem], Problem(), "1"),
    ([Exception], Problem(), "0"),
    ([Exception], NotFound(), "0"),
    ([Exception, HTTPException], NotFound(), "1"),
    ([Exception, 404], NotFound(), "1"),
    ([HTTPException, 404], NotFound(), "1"),
    ([404, HTTPException], NotFound(), "0"),
    ([NotFound], NotFound(), "0"),
    ([404, NotFound], NotFound(), "1"),
    ([403], OwnForbidden(), "0"),
    ([Forbidden, OwnForbidden], OwnForbidden(), "1"),
    ([OwnForbidden, 403], Forbidden(), "1"),
    ([OwnForbidden], Forbidden(), None),
    ([Payment], Payment(), "0"),
    ([HTTPException], Payment(), "0"),
    ([404], Payment(), None),
    ([500], Problem(), "0"),
    ([InternalServerError], Problem(), "0"),
    ([HTTPException], Problem(), "0"),
    ([500, Exception], Problem(), "1"),
    ([500, Problem], Problem(), "1"),
    ([KeyError, Problem], Mixed(), "1"),
    ([LookupError], Mixed(), "0"),
    ([KeyError], BadRequestKeyError("k"), "0"),
    ([KeyError, 400], BadRequestKeyError("k"), "1"),
    ([BadRequest, BadRequestKeyError], BadRequestKeyError("k"), "1"),
    ([500], InternalServerError(), "0"),
]


@EACH_WAY
@pytest.mark.parametrize(("registered", "error", "expected"), CHOICES)
def test_the_nearest_handler_answers(
    failing: App, way: Callable[[App], None], registered: list[Code], error: Exception, expected: str | None
) -> None:
    """By code before by class, and of classes the nearest; an unhandled error is what Flask makes of it."""
    for number, code in enumerate(registered):
        failing.register_error_handler(code, answer(str(number)))
    way(failing)
    reply = reply_to(failing, error)
    body = reply.read().decode()
    if expected is None:
        assert reply.status_code == getattr(error, "code", 500)
        assert "<!doctype html>" in body
    else:
        shown = (
            "InternalServerError"
            if set(registered[int(expected) : int(expected) + 1]) & {500, InternalServerError, HTTPException}
            and not isinstance(error, HTTPException)
            else type(error).__name__
        )
        assert (reply.status_code, body) == (400, f"{expected} {shown}")


@EACH_WAY
def test_blueprints_come_before_the_application(way: Callable[[App], None]) -> None:
    """A blueprint's handlers answer its own views first, inner before outer, by code before by class."""
    app = App("x", root_path="/")
    outer = Blueprint("outer", "x", url_prefix="/outer", root_path="/")
    inner = Blueprint("inner", "x", url_prefix="/inner", root_path="/")

    def view() -> str:
        raise app.extensions["error"]

    for part in (inner, outer):
        part.add_url_rule("/", "view", view)
    app.add_url_rule("/", "view", view)
    app.register_error_handler(403, answer("app 403"))
    app.register_error_handler(Problem, answer("app Problem"))
    outer.register_error_handler(403, answer("outer 403"))
    outer.register_error_handler(Conflict, answer("outer Conflict"))
    inner.register_error_handler(HTTPException, answer("inner HTTP"))
    inner.register_error_handler(WorseProblem, answer("inner Worse"))
    inner.app_errorhandler(404)(answer("inner's for the app"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    way(app)
    cases = [
        ("/", Forbidden(), "app 403"),
        ("/outer/", Forbidden(), "outer 403"),
        ("/outer/inner/", Forbidden(), "outer 403"),
        ("/outer/inner/", Conflict(), "outer Conflict"),
        ("/outer/inner/", BadRequest(), "inner HTTP"),
        ("/outer/inner/", WorseProblem(), "inner Worse"),
        ("/outer/inner/", Problem(), "app Problem"),
        ("/outer/", WorseProblem(), "app Problem"),
        ("/none", None, "inner's for the app"),
        ("/outer/none", None, "inner's for the app"),
        ("/outer/inner/none", None, "inner's for the app"),
    ]
    for path, error, expected in cases:
        assert reply_to(app, error, path).read().decode().rpartition(" ")[0] == expected


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (999, ValueError, "'999' is not a recognized HTTP error code"),
        (0, ValueError, "'0' is not a recognized HTTP error code"),
        (402, ValueError, "subclass of HTTPException"),
        (KeyError("x"), TypeError, "is an instance, not a class"),
        (NotFound(), TypeError, "is an instance, not a class"),
        (int, ValueError, "'int' is not a subclass of Exception"),
        (KeyboardInterrupt, ValueError, "'KeyboardInterrupt' is not a subclass of Exception"),
    ],
)
def test_what_cannot_be_handled(app: App, value: Any, error: type[Exception], message: str) -> None:
    """Registering for anything but a known code or an exception class is refused."""
    with pytest.raises(error, match=message):
        app.register_error_handler(value, answer("never"))
    with pytest.raises(error, match=message):
        app.errorhandler(value)(answer("never"))


# HTTP errors


@EACH_WAY
def test_a_handler_may_answer_anything(failing: App, way: Callable[[App], None]) -> None:
    """What a handler returns is treated like what a view returns, the error itself included."""
    answers: list[Any] = [
        ("text", b"text", 200),
        (("text", 404), b"text", 404),
        ({"a": 1}, b'{"a":1}\n', 200),
        (Response("own", 410), b"own", 410),
        (BadRequest(response=Response("inside", 411)), b"inside", 411),
    ]
    failing.register_error_handler(Problem, lambda error: error.args[0])
    way(failing)
    for value, body, status in answers:
        reply = reply_to(failing, Problem(value))
        assert (reply.read(), reply.status_code) == (body, status)


@EACH_WAY
def test_a_handler_may_be_a_coroutine_function(failing: App, way: Callable[[App], None]) -> None:
    """Handlers of both kinds of error may be ``async def``, and see the error that is being handled."""

    @failing.errorhandler(Problem)
    @failing.errorhandler(404)
    async def handle(error: Exception) -> str:
        await asyncio.sleep(0)
        return f"{type(error).__name__} {sys.exc_info()[1] is error} {request.path}"

    way(failing)
    assert reply_to(failing, Problem()).read() == b"Problem True /"
    assert reply_to(failing, path="/none").read() == b"NotFound True /none"


@EACH_WAY
def test_a_response_that_is_raised(failing: App, way: Callable[[App], None]) -> None:
    """``abort(response)`` sends the response; no handler sees it."""
    failing.register_error_handler(HTTPException, answer("handler"))
    failing.add_url_rule("/abort", "abort", lambda: abort(Response("own", 404)))
    way(failing)
    reply = reply_to(failing, path="/abort")
    assert (reply.read(), reply.status_code) == (b"own", 404)


@EACH_WAY
@pytest.mark.parametrize(("path", "status"), [("/none", 404), ("/abort", 403), ("/folder", 308), ("/", 500)])
def test_errors_leave_nothing_to_the_garbage_collector(
    failing: App, way: Callable[[App], None], path: str, status: int
) -> None:
    """An error and the frames of its traceback are freed with the request: they are in no reference cycle."""
    failing.add_url_rule("/abort", "abort", lambda: abort(403))
    failing.add_url_rule("/folder/", "folder", lambda: "folder")
    failing.log_exception = lambda exc_info: None  # type: ignore[method-assign]
    way(failing)
    reply_to(failing, Problem(), path).read()
    failing.extensions["error"] = None
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            assert call(failing, make_environ(path)).status_code == status
        assert gc.collect() == 0
    finally:
        gc.enable()


@EACH_WAY
def test_redirects_of_the_router_are_no_errors(failing: App, way: Callable[[App], None]) -> None:
    """A redirect to the canonical URL is not handed to a handler of HTTP errors; one of all exceptions neither."""
    failing.register_error_handler(HTTPException, answer("handler"))
    failing.add_url_rule("/folder/", "folder", lambda: "folder")
    way(failing)
    reply = reply_to(failing, path="/folder")
    assert (reply.status_code, reply.header("Location")) == (308, "http://localhost/folder/")
    with failing.test_request_context("/"):
        redirect = RequestRedirect("/elsewhere")
        assert failing.handle_http_exception(redirect) is redirect
        bare = HTTPException("no code")
        assert failing.handle_http_exception(bare) is bare


@EACH_WAY
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_handlers_of_routing_errors(failing: App, way: Callable[[App], None], method: str) -> None:
    """404 and 405 of the router go to their handlers, whatever the method."""
    failing.register_error_handler(404, answer("none"))
    failing.register_error_handler(405, lambda error: ("method", 405, {"Allow": ",".join(sorted(error.valid_methods))}))
    way(failing)
    missing = call(failing, make_environ("/none", method=method))
    assert (missing.status_code, missing.read()) == (400, b"" if method == "HEAD" else b"none NotFound")
    refused = call(failing, make_environ("/", method="DELETE"))
    assert (refused.status_code, refused.header("Allow"), refused.read()) == (405, "GET,HEAD,OPTIONS", b"method")


#: Debug mode, the two TRAP settings; whether NotFound and a missing key are trapped.
TRAPS: list[tuple[bool, bool, bool | None, bool, bool]] = [
    (False, False, None, False, False),
    (True, False, None, False, True),
    (False, False, True, False, True),
    (False, False, False, False, False),
    (True, False, False, False, False),
    (False, True, None, True, True),
    (False, True, False, True, True),
]


@EACH_WAY
@pytest.mark.parametrize(("debug", "trap_all", "trap_bad", "not_found", "missing_key"), TRAPS)
def test_the_trap_settings(
    failing: App,
    way: Callable[[App], None],
    debug: bool,
    trap_all: bool,
    trap_bad: bool | None,
    not_found: bool,
    missing_key: bool,
) -> None:
    """A trapped HTTP error is treated as any exception: unhandled it leaves the application."""
    failing.config.update(
        DEBUG=debug, TRAP_HTTP_EXCEPTIONS=trap_all, TRAP_BAD_REQUEST_ERRORS=trap_bad, PROPAGATE_EXCEPTIONS=True
    )
    failing.add_url_rule("/key", "key", lambda: request.args["missing"])
    failing.add_url_rule("/bad", "bad", lambda: abort(400))
    way(failing)
    for path, trapped in (("/none", not_found), ("/key", missing_key), ("/bad", trap_all or bool(trap_bad))):
        if trapped:
            with pytest.raises(HTTPException):
                call(failing, make_environ(path))
        else:
            assert call(failing, make_environ(path)).status_code in {400, 404}


@pytest.mark.parametrize(
    ("debug", "trap", "shown"), [(False, None, False), (True, False, True), (True, None, True), (False, True, True)]
)
def test_a_missing_key_is_named_in_debug_mode(app: App, debug: bool, trap: bool | None, shown: bool) -> None:
    """The reply to a missing form key names the key in debug mode, and where bad requests are trapped."""
    app.config.update(DEBUG=debug, TRAP_BAD_REQUEST_ERRORS=trap)
    app.register_error_handler(KeyError, lambda error: error.get_description())
    app.add_url_rule("/", "key", lambda: request.form["the missing key"])
    assert (b"the missing key" in call(app, make_environ()).read()) is shown


# Exceptions that nobody handles


@pytest.mark.parametrize(
    ("propagate", "testing", "debug", "raised"),
    [
        (None, False, False, False),
        (None, True, False, True),
        (None, False, True, True),
        (True, False, False, True),
        (False, True, True, False),
        (0, True, False, False),
    ],
)
@EACH_WAY
def test_propagation(
    failing: App, way: Callable[[App], None], propagate: Any, testing: bool, debug: bool, raised: bool
) -> None:
    """``PROPAGATE_EXCEPTIONS`` decides, and where it is None testing or debug mode do."""
    failing.config.update(PROPAGATE_EXCEPTIONS=propagate, TESTING=testing, DEBUG=debug)
    way(failing)
    if raised:
        with pytest.raises(Problem) as caught:
            reply_to(failing, Problem("out"))
        assert caught.value.args == ("out",)
    else:
        assert reply_to(failing, Problem("in")).status_code == 500


@EACH_WAY
@pytest.mark.parametrize("code", [500, InternalServerError])
def test_the_handler_of_unhandled_errors(failing: App, way: Callable[[App], None], code: Code) -> None:
    """A handler of 500 gets an InternalServerError, whose ``original_exception`` is what was raised."""
    seen: list[Any] = []

    @failing.errorhandler(code)
    def handle(error: InternalServerError) -> Any:
        seen.append((type(error), error.original_exception))
        return "sorry", 503

    way(failing)
    original = Problem()
    reply = reply_to(failing, original)
    assert (reply.status_code, reply.read()) == (503, b"sorry")
    assert reply_to(failing, InternalServerError("raised")).read() == b"sorry"
    assert seen == [(InternalServerError, original), (InternalServerError, None)]


@EACH_WAY
def test_a_handler_that_raises(failing: App, way: Callable[[App], None], caplog: pytest.LogCaptureFixture) -> None:
    """An error of a handler is unhandled: it goes to the handler of 500, and its own handler is not asked."""
    failing.register_error_handler(500, lambda error: f"500 of {error.original_exception!r}")

    @failing.errorhandler(Problem)
    def handle(error: Problem) -> str:
        raise WorseProblem("from the handler")

    way(failing)
    assert reply_to(failing, Problem()).read() == b"500 of WorseProblem('from the handler')"
    assert "Exception on / [GET]" in caplog.text


@EACH_WAY
def test_a_handler_of_500_that_raises(failing: App, way: Callable[[App], None]) -> None:
    """An error of the last handler is answered with a plain page."""

    @failing.errorhandler(500)
    def handle(error: Exception) -> str:
        raise WorseProblem("from the last handler")

    way(failing)
    reply = reply_to(failing, Problem())
    assert reply.status_code == 500
    assert b"Internal Server Error" in reply.read()
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply_to(failing, path="/none").status_code == 404


@EACH_WAY
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exits_are_not_handled(failing: App, way: Callable[[App], None], error: type[BaseException]) -> None:
    """What is no ``Exception`` leaves the application, past every handler."""
    failing.register_error_handler(Exception, answer("never"))
    way(failing)
    with pytest.raises(error):
        reply_to(failing, error())


@EACH_WAY
def test_errors_of_hooks_are_handled(app: App, way: Callable[[App], None]) -> None:
    """Errors before the view are handled as the view's; those after it are unhandled errors."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(Problem, answer("handled"))
    app.register_error_handler(500, answer("unhandled"))

    @app.before_request
    def before() -> None:
        if request.args.get("at") == "before":
            raise Problem

    @app.after_request
    def after(response: Response) -> Response:
        if request.args.get("at") == "after" and not g.get("again"):
            g.again = True
            raise Problem
        return response

    @app.url_value_preprocessor
    def values(endpoint: str | None, values: Any) -> None:
        if request.args.get("at") == "values":
            raise Problem

    app.add_url_rule("/", "home", lambda: "home")
    way(app)
    expected = {
        "before": b"handled Problem",
        "values": b"handled Problem",
        "after": b"unhandled InternalServerError",
        "": b"home",
    }
    for at, body in expected.items():
        assert call(app, make_environ("/", query=f"at={at}")).read() == body


@EACH_WAY
def test_an_after_hook_that_always_fails(
    app: App, way: Callable[[App], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The page of an error is sent as it is if a hook fails on it too; where it fails otherwise, that is logged."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.after_request
    def after(response: Response) -> Response:
        if response.status_code == 500 and request.args:
            raise WorseProblem("on the page")
        raise Problem("always")

    app.add_url_rule("/", "home", lambda: "home")
    way(app)
    said = "Request finalizing failed with an error while handling an error"
    assert call(app, make_environ()).status_code == 500
    assert (len(caplog.records), said in caplog.text) == (1, False)
    assert call(app, make_environ("/", query="a=b")).status_code == 500
    assert (len(caplog.records), said in caplog.text) == (3, True)


@EACH_WAY
def test_what_is_logged(failing: App, way: Callable[[App], None], caplog: pytest.LogCaptureFixture) -> None:
    """One record of level ERROR with the path, the method and the traceback; handled errors are not logged."""
    failing.register_error_handler(KeyError, answer("handled"))
    failing.add_url_rule("/ü/<name>", "post", lambda name: str(1 // 0), methods=["POST"])
    way(failing)
    reply_to(failing, KeyError())
    reply_to(failing, path="/none")
    assert caplog.records == []
    call(failing, make_environ("/ü/x", method="POST", headers={"X-Request-ID": "id-1"}))
    (record,) = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == (
        failing.name,
        logging.ERROR,
        "Exception on /ü/x [POST] (endpoint post, request id-1)",
    )
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize(("path", "method"), [("//", "get"), ("", "GET")])
def test_the_record_names_the_request_as_views_see_it(
    app: App, path: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The path has one slash at its beginning, the method capitals, whatever the client sends."""
    app.testing = False
    app.before_request(lambda: str(1 // 0))
    call(app, make_environ(path, method=method))
    assert [message.partition(" (")[0] for message in caplog.messages] == ["Exception on / [GET]"]


def test_the_log_goes_to_the_servers_stream() -> None:
    """Where logging is not set up, the record is written to ``wsgi.errors``."""
    app = App("logging_to_the_server", root_path="/")
    app.add_url_rule("/", "home", lambda: str(1 // 0))
    environ = make_environ()
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        call(app, environ)
    finally:
        root.handlers = handlers
    assert "Exception on / [GET]" in errors_of(environ)
    assert "ZeroDivisionError" in errors_of(environ)


def test_log_exception_outside_of_a_request(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """A command may log an error in the same way; it has neither path nor method."""
    with app.app_context():
        app.log_exception((None, None, None))
    assert len(caplog.records) == 1


# Routing


def test_a_redirect_in_debug_mode_would_lose_a_form(app: App) -> None:
    """In debug mode a redirect that drops the body of a POST is an error that names both URLs."""
    app.debug = True

    def moved(code: int, method: str) -> None:
        redirect = RequestRedirect("http://localhost/new")
        redirect.code = code
        with app.test_request_context("/old", method=method):
            request.routing_exception = redirect
            app.raise_routing_exception(request)

    with pytest.raises(AssertionError, match=r"(?s)/old.*/new"):
        moved(302, "POST")
    for code, method in ((308, "POST"), (307, "PUT"), (302, "GET"), (302, "HEAD"), (301, "OPTIONS")):
        with pytest.raises(RequestRedirect):
            moved(code, method)
    app.debug = False
    with pytest.raises(RequestRedirect):
        moved(302, "POST")


def test_raising_without_a_routing_error(app: App) -> None:
    """``raise_routing_exception`` is for requests that have one."""
    app.add_url_rule("/", "home", lambda: "")
    with app.test_request_context("/"), pytest.raises(TypeError, match="no routing exception"):
        app.raise_routing_exception(request)
    with app.test_request_context("/none"), pytest.raises(NotFound):
        app.raise_routing_exception(request)


def test_handling_outside_of_dispatching(app: App) -> None:
    """The methods can be called with any error within a request."""
    app.register_error_handler(Problem, answer("handled"))
    with app.test_request_context("/"):
        assert app.handle_user_exception(Problem()) == ("handled Problem", 400)
        with pytest.raises(ValueError, match="x"):
            app.handle_user_exception(ValueError("x"))
        error = NotFound()
        assert app.handle_user_exception(error) is error
        app.config["PROPAGATE_EXCEPTIONS"] = False
        assert app.handle_exception(ValueError("x")).status_code == 500
        assert app.trap_http_exception(error) is False


def test_errors_are_handled_as_by_flask() -> None:
    """A program that raises everything at every place gets the same replies, logs and handlers with Flask."""
    source = """
import itertools, logging
from werkzeug.exceptions import *

class Problem(Exception): pass
class Worse(Problem): pass
class Own(NotFound): pass
class Teapot(HTTPException):
    code = 299

errors = {"problem": Problem("p"), "worse": Worse("w"), "404": NotFound(), "own": Own(), "500": InternalServerError(),
    "key": BadRequestKeyError("k"), "http": HTTPException("h"), "teapot": Teapot("t"), "405": MethodNotAllowed(["GET"]),
    "abort": Forbidden(response=framework.Response("r", 222))}
handlers = [(), (Problem,), (Worse, Exception), (404, HTTPException), (500,), (InternalServerError, Problem),
    (Own, 404),
    (KeyError, 400), (Exception, 403, 405),
    (Teapot, HTTPException)]
result = []

class Records(logging.Handler):
    def emit(self, record):
        result.append([record.levelname, record.getMessage(), record.exc_info and record.exc_info[0].__name__])

def build(registered, place, settings):
    app = App("x", root_path=".", static_folder=None)
    app.config.update(settings)
    app.logger.handlers = [Records()]
    app.logger.propagate = False
    part = framework.Blueprint("part", "x", url_prefix="/part", root_path=".")
    def fail(where):
        if framework.request.args.get("at") == where:
            raise errors[framework.request.args["error"]]
    def view():
        fail("view")
        return "fine"
    def handler(number):
        def handle(error):
            fail("handler")
            return f"{number} {type(error).__name__} {type(getattr(error, 'original_exception', None)).__name__}", 400
        return handle
    app.add_url_rule("/", "view", view)
    part.add_url_rule("/", "view", view)
    app.before_request(lambda: fail("before"))
    app.after_request(lambda response: fail("after") or response)
    for number, code in enumerate(registered):
        (part if place == "part" or place == "both" and number else app).register_error_handler(code, handler(number))
    app.register_blueprint(part)
    return app

for registered, place in itertools.product(handlers, ["app", "part", "both"]):
    for settings in ({}, {"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}):
        client = build(registered, place, settings).test_client()
        for path, error, at in itertools.product(["/", "/part/"], errors, ["view", "before", "handler", "after"]):
            if at != "view" and error not in ("problem", "404", "abort"):
                continue
            try:
                response = client.get(path, query_string={"at": at, "error": error})
                result.append([path, error, at, response.status, response.text])
            except Exception as escaped:
                result.append([path, error, at, type(escaped).__name__, str(escaped)])
        for method, path in [("POST", "/"), ("GET", "/none"), ("GET", "/part/none"), ("OPTIONS", "/"),
                ("GET", "/part")]:
            try:
                response = client.open(path, method=method)
                result.append([method, path, response.status, response.text])
            except Exception as escaped:
                result.append([method, path, type(escaped).__name__])
"""
    replies = run_as_flask(source)
    assert replies == run_flask(source)
    assert len(replies) > 3000
