"""The short way of a request equals the long way: same answer, hooks, signals, teardown, session and log."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.exceptions import Forbidden, NotFound

from costrel import (
    App,
    Blueprint,
    Response,
    abort,
    after_this_request,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    redirect,
    request,
    session,
    signals,
    stream_with_context,
    url_for,
)
from costrel.context import has_app_context, has_request_context
from costrel.sessions import SecureCookieSessionInterface

#: 50, or fewer where the profile asks for less.
EXAMPLES = min(settings().max_examples, 50)


class Problem(Exception):
    """An error that some programs handle."""


class WorseProblem(Problem):
    """An error whose handler may be that of its base class."""


class Refused(Forbidden):
    """An HTTP error of the program's own."""

    description = "not for you"


def _text() -> Any:
    return "text"


def _unicode() -> Any:
    return "grüße 🌍"


def _bytes() -> Any:
    return b"\x00\xff"


def _dict() -> Any:
    return {"b": 1, "a": [None, "ü"]}


def _list() -> Any:
    return [1, {"x": 2.5}]


def _text_and_status() -> Any:
    return "made", 201


def _dict_and_status() -> Any:
    return {"error": "teapot"}, 418


def _no_content() -> Any:
    return "", 204


def _not_modified() -> Any:
    return "gone", 304


def _unknown_status() -> Any:
    return "odd", 299


def _headers() -> Any:
    return "text", {"X-One": "1", "Content-Type": "text/plain"}


def _all_three() -> Any:
    return "text", "202 FINE", [("X-Two", "a"), ("X-Two", "b")]


def _response() -> Any:
    return Response("object", status=203, headers={"X-Object": "yes"})


def _stream() -> Any:
    return iter(["chunk ", "ü ", b"bytes"])


def _generator() -> Any:
    def chunks() -> Iterator[Any]:
        try:
            yield from ("chunk ", "two ", Markup("<b>"), b"bytes ", bytearray(b"more "), "ü ", b"", "")
            g.left = "never read"
        finally:
            logging.getLogger("program").warning("The generator was closed.")

    return chunks()


def _generator_and_status() -> Any:
    return _generator(), 202


def _context_stream() -> Any:
    def chunks() -> Iterator[str]:
        yield request.path
        yield request.args.get("q", "-")

    return stream_with_context(chunks())


def _broken_stream() -> Any:
    def chunks() -> Iterator[str]:
        yield "first"
        raise Problem("in the stream")

    return chunks()


def _application() -> Any:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("206 PART", [("Content-Type", "text/x-app")])
        return [environ["PATH_INFO"].encode("latin-1")]

    return application


def _none() -> Any:
    return None


def _number() -> Any:
    return 42


def _bad_tuple() -> Any:
    return ("a", 200, {}, "too many")


def _unencodable() -> Any:
    return "\ud800"


def _not_json() -> Any:
    return {"x": object()}


def _jsonify() -> Any:
    return jsonify(b=1, a=2)


def _redirect() -> Any:
    return redirect(url_for("plain", q="x y"))


def _abort() -> Any:
    abort(403)


def _abort_with_text() -> Any:
    abort(409, "no & no")


def _abort_with_response() -> Any:
    abort(Response("own", 410))


def _own_http_error() -> Any:
    raise Refused


def _problem() -> Any:
    raise Problem("p")


def _worse_problem() -> Any:
    raise WorseProblem("w")


def _missing_key() -> Any:
    return request.form["missing"]


def _session_read() -> Any:
    return str(session.get("count"))


def _session_write() -> Any:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


def _session_permanent() -> Any:
    session.permanent = True
    session["name"] = "ü"
    return "kept"


def _session_clear() -> Any:
    session.clear()
    return "cleared"


def _session_in() -> Any:
    return str("count" in session)


def _flash() -> Any:
    flash("saved", "info")
    return {"flashed": get_flashed_messages(with_categories=True)}


def _after_this() -> Any:
    @after_this_request
    def add(response: Response) -> Response:
        response.headers["X-After-This"] = str(getattr(g, "user", None))
        return response

    return "after"


def _facts() -> Any:
    return {
        "endpoint": request.endpoint,
        "blueprints": request.blueprints,
        "view_args": request.view_args,
        "method": request.method,
        "args": request.args.to_dict(),
        "form": request.form.to_dict(),
        "user": getattr(g, "user", None),
        "rule": str(request.url_rule),
    }


async def _async() -> Any:
    return {"async": request.path}


VIEWS: list[Callable[[], Any]] = [
    value
    for name, value in list(globals().items())
    if name.startswith("_") and callable(value) and name != "__loader__"
]
ERRORS: list[Any] = [404, 405, 403, 500, 418, Problem, WorseProblem, Exception, Forbidden, NotFound]
FINISHES = ("pass", "header", "replace", "session", "raise")
STARTS = ("pass", "answer", "abort", "raise", "session", "set")


@dataclass
class Hook:
    """One registered function: what it does, and for which part of the program."""

    action: str
    blueprint: bool


@dataclass
class Program:
    """A random program."""

    view: Callable[[], Any]
    nested_view: Callable[[], Any]
    before: list[Hook]
    after: list[Hook]
    teardown: list[Hook]
    handlers: list[tuple[Any, bool]]
    secret: bool
    testing: bool
    config: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """All that can be seen of the requests."""

    answers: list[Any]
    events: list[str]
    log: list[str]


class Records(logging.Handler):
    """Keeps the messages of log records."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        message = record.getMessage().replace(str(record.__dict__.get("request_id")), "ID")
        self.messages.append(f"{record.levelname} {message} {kind and kind.__name__}")


def _start(action: str, events: list[str], label: str) -> Callable[[], Any]:
    def run() -> Any:
        events.append(f"before {label} {action} {request.endpoint}")
        if action == "answer":
            return f"stopped by {label}", 202
        if action == "abort":
            abort(401)
        if action == "raise":
            raise Problem(label)
        if action == "session":
            session["seen"] = label
        if action == "set":
            g.user = label
        return None

    return run


def _finish(action: str, events: list[str], label: str) -> Callable[[Any], Any]:
    def run(response: Any) -> Any:
        events.append(f"after {label} {action} {response.status} {type(response).__name__}")
        if action == "header":
            response.headers.add("X-Hook", label)
        if action == "replace":
            return Response(f"replaced by {label}", 207)
        if action == "session":
            session["after"] = label
        if action == "raise":
            raise Problem(label)
        return response

    return run


def _teardown(action: str, events: list[str], label: str) -> Callable[[Any], Any]:
    def run(error: BaseException | None) -> None:
        events.append(f"teardown {label} {type(error).__name__} {request.endpoint}")
        if action == "raise":
            raise WorseProblem(label)

    return run


def _handler(events: list[str], label: str) -> Callable[[Any], Any]:
    def run(error: Exception) -> Any:
        events.append(f"handler {label} {type(error).__name__}")
        return {"handled": label}, 400

    return run


class FixedTimeSessions(SecureCookieSessionInterface):
    """Sessions without the short way of the default interface."""


def with_argument(view: Callable[[], Any], name: str) -> Callable[..., Any]:
    """Makes a view that takes the argument of a rule and ignores it."""
    if inspect.iscoroutinefunction(view):

        async def asynchronous(**view_args: Any) -> Any:
            assert list(view_args) == [name]
            return await view()

        return asynchronous

    def synchronous(**view_args: Any) -> Any:
        assert list(view_args) == [name]
        return view()

    return synchronous


def build(program: Program, way: str, events: list[str]) -> App:
    """Makes the program so that its requests take the short way, or for some reason the long one."""
    app = App("program", static_folder=None, root_path="/")
    app.config.update(program.config, TESTING=program.testing, SECRET_KEY="k" * 16 if program.secret else None)
    part = Blueprint("part", "program", url_prefix="/part", root_path="/")
    nested = Blueprint("nested", "program", url_prefix="/nested", root_path="/")
    for number, hook in enumerate(program.before):
        (part if hook.blueprint else app).before_request(_start(hook.action, events, f"b{number}"))
    for number, hook in enumerate(program.after):
        (part if hook.blueprint else app).after_request(_finish(hook.action, events, f"a{number}"))
    for number, hook in enumerate(program.teardown):
        (part if hook.blueprint else app).teardown_request(_teardown(hook.action, events, f"t{number}"))
    for number, (error, blueprint) in enumerate(program.handlers):
        (part if blueprint else app).register_error_handler(error, _handler(events, f"h{number}"))

    @app.teardown_appcontext
    def last(error: BaseException | None) -> None:
        events.append(f"teardown app {type(error).__name__}")

    @app.url_value_preprocessor
    def note(endpoint: str | None, values: dict[str, Any] | None) -> None:
        events.append(f"values {endpoint} {values}")

    app.add_url_rule("/", "plain", program.view, methods=["GET", "POST"])
    app.add_url_rule("/number/<int:number>/", "number", with_argument(program.view, "number"))
    part.add_url_rule("/", "view", program.view)
    nested.add_url_rule("/<name>", "view", with_argument(program.nested_view, "name"), methods=["GET", "PUT"])
    part.register_blueprint(nested)
    app.register_blueprint(part)
    if way == "method replaced on the instance":
        original = app.dispatch_request
        app.dispatch_request = lambda: original()  # type: ignore[method-assign]
    if way == "other session interface":
        app.session_interface = FixedTimeSessions()
    return app


REQUESTS = st.tuples(
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"]),
    st.sampled_from(
        [
            "/",
            "/part/",
            "/part",
            "/part/nested/x",
            "/part/nested/ü",
            "/number/7/",
            "/number/7",
            "/number/x/",
            "/no",
            "//",
        ]
    ),
    st.sampled_from([None, {"q": "1"}, {"q": "ü &"}]),
    st.sampled_from([None, {"a": "b"}]),
)

PROGRAMS = st.builds(
    Program,
    view=st.sampled_from(VIEWS),
    nested_view=st.sampled_from(VIEWS),
    before=st.lists(st.builds(Hook, st.sampled_from(STARTS), st.booleans()), max_size=2),
    after=st.lists(st.builds(Hook, st.sampled_from(FINISHES), st.booleans()), max_size=2),
    teardown=st.lists(st.builds(Hook, st.sampled_from(["pass", "pass", "raise"]), st.booleans()), max_size=2),
    handlers=st.lists(st.tuples(st.sampled_from(ERRORS), st.booleans()), max_size=2, unique_by=lambda pair: str(pair)),
    secret=st.booleans(),
    testing=st.booleans(),
    config=st.sampled_from(
        [{}, {"DEFAULT_HEADERS": None}, {"TRUSTED_HOSTS": ["localhost"]}, {"TRUSTED_HOSTS": ["other.example"]}]
    ),
)


def run(app: App, requests: list[Any], events: list[str]) -> Outcome:
    """Sends the requests one after the other, with one cookie jar."""
    records = Records()
    app.logger.addHandler(records)
    app.logger.propagate = False
    answers: list[Any] = []
    client = app.test_client()
    try:
        for method, path, query, form in requests:
            answers.append(_send(client, method, path, query, form if method in {"POST", "PUT"} else None))
            events.append("--")
    finally:
        app.logger.removeHandler(records)
    return Outcome(answers, events, records.messages)


def _send(client: Any, method: str, path: str, query: Any, form: Any) -> Any:
    try:
        with client.open(
            path, method=method, query_string=query, data=form, buffered=False, headers={"X-Request-ID": "same"}
        ) as response:
            body = response.get_data()
    except Exception as error:
        return type(error).__name__, str(error)
    return response.status, sorted(_comparable(response.headers)), body


def _comparable(headers: Any) -> Iterator[tuple[str, str]]:
    """Gives the headers; of a session cookie without signature and second, methods sorted."""
    for name, value in headers:
        if name == "Set-Cookie" and value.startswith("session=") and "." in value:
            payload = value.split(".")[0] or "." + value.split(".")[1]
            yield name, payload + " " + value.partition(";")[2].split("Expires=")[0]
        elif name == "Allow":
            yield name, ", ".join(sorted(value.split(", ")))
        else:
            yield name, value


@settings(max_examples=40 * EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(program=PROGRAMS, requests=st.lists(REQUESTS, min_size=1, max_size=3))
def test_short_way_equals_long_way(program: Program, requests: list[Any]) -> None:
    """Random programs answer random requests the same on the short way and for each reason to take the long one."""
    events: list[str] = []
    short_app = build(program, "short", events)
    short = run(short_app, requests, events)
    assert short_app.plans().short
    for way in ("method replaced on the instance", "other session interface"):
        events = []
        long_app = build(program, way, events)
        long = run(long_app, requests, events)
        assert not long_app.plans().short
        assert long == short
    events = []
    with signals.request_started.connected_to(lambda sender, **extra: None):
        assert run(build(program, "signals", events), requests, events) == short
    assert not signals.watched


def _recorder(name: str, events: list[str]) -> Callable[..., None]:
    def receive(sender: App, response: Any = None, exception: Any = None, exc: Any = None, **more: Any) -> None:
        endpoint = request.endpoint if has_request_context() else has_app_context()
        seen = None if response is None else (response.status, sorted(_comparable(response.headers)))
        events.append(f"{name} {sender.name} {endpoint} {seen} {exception!r} {exc!r} {sorted(more)}")

    return receive


@settings(max_examples=10 * EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    program=PROGRAMS,
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
    names=st.sets(st.sampled_from([signal.name for signal in signals._request_path]), min_size=1),
)
def test_signals_are_sent_alike_on_both_ways(program: Program, requests: list[Any], names: set[str]) -> None:
    """Receivers of any signals of the request path hear the same in the same order on the short and the long way."""
    outcomes = []
    for way in ("short", "method replaced on the instance"):
        events: list[str] = []
        with contextlib.ExitStack() as stack:
            for signal in signals._request_path:
                if signal.name in names:
                    stack.enter_context(signal.connected_to(_recorder(signal.name, events)))
            app = build(program, way, events)
            outcomes.append(run(app, requests, events))
            assert app.plans().short == (way == "short")
    assert outcomes[0] == outcomes[1]
