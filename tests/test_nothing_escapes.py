"""Whatever fails, and wherever: one answer, one teardown, one record, and the next request starts clean."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from costrel import App, after_this_request, g, render_template_string, request, session, signals, stream_with_context
from costrel.context import current_context
from costrel.failures import is_repeated, request_id
from costrel.sessions import SecureCookieSessionInterface
from tests.support.environ import Reply, call, errors_of, make_environ
from tests.support.frameworks import run_as_flask, run_flask

RAISED = "raised on purpose"


class Unprintable(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Exit(BaseException):
    """What is no ``Exception``, as a timeout of gevent."""


def _recurse() -> None:
    _recurse()


def _raise(kind: type[BaseException]) -> Any:
    if kind is RecursionError:
        _recurse()
    raise kind(RAISED)


ERRORS = [ValueError, KeyError, RecursionError, MemoryError, StopIteration, Unprintable]
#: What PEP 3333 lets pass: the server decides what it means for the process.
EXITS = [Exit, SystemExit]


class FailingSessions(SecureCookieSessionInterface):
    """A session store that is gone."""

    failing: Callable[[str], None]

    def open_session(self, app: Any, request: Any) -> Any:
        self.failing("session opened")
        return super().open_session(app, request)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.failing("session saved")
        super().save_session(app, session, response)


@dataclass
class Failing:
    """An application that fails at one place, and what it has been seen to do."""

    app: App
    place: str
    kind: type[BaseException]
    ended: list[str] = field(default_factory=list)
    records: list[logging.LogRecord] = field(default_factory=list)

    def at(self, place: str) -> Any:
        """Raises the error where this is the place for it; else returns None."""
        return _raise(self.kind) if place == self.place and "/clean" not in _path() else None

    def send(self, path: str = "/fails/7") -> Reply:
        """Sends a request whose client has given it an identifier."""
        return call(self.app, make_environ(path, headers={"X-Request-ID": "id-1", "Cookie": "session=x"}))


def _path() -> str:
    context: Any = current_context.get(None)
    return str(getattr(context, "environ", {}).get("PATH_INFO", ""))


class _Keep(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        logging.Formatter().format(record)  # as a handler does; it must not fail
        self.records.append(record)


SIGNALS = [
    *("request_started", "request_finished", "request_tearing_down", "got_request_exception"),
    *("appcontext_tearing_down", "appcontext_pushed", "appcontext_popped"),
]

#: Where it can fail, and the status that the client gets then.
PLACES = {
    "view": 500,
    "url preprocessor": 500,
    "before": 500,
    "after": 500,
    "after this request": 500,
    "context processor": 500,
    "template": 500,
    "handler": 500,
    "handler of 500": 500,
    "session opened": 500,
    "session saved": 500,
    "response": 500,
    "stream": 200,
    "stream with context": 200,
    "closing of the stream": 200,
    "teardown": 200,
    "teardown of the context": 200,
    "request_started": 500,
    "request_finished": 500,
    "request_tearing_down": 200,
    "got_request_exception": 500,
    "appcontext_tearing_down": 200,
    "appcontext_pushed": 500,
    "appcontext_popped": 200,
}
#: What comes before the URL is matched, so that there is no endpoint yet.
BEFORE_MATCHING = {"appcontext_pushed", "session opened"}
#: Where an error comes up during the one that is being answered: each of both has a record.
SECOND = {"handler of 500"}


#: The receivers of the test that runs; weak references are all that a signal keeps.
_connected: list[tuple[Any, Callable[..., None]]] = []


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    """Takes the receivers away, so that other tests' requests are not watched."""
    yield
    while _connected:
        signal, receive = _connected.pop()
        signal.disconnect(receive)


def failing_app(place: str, kind: type[BaseException], watched: bool) -> Failing:
    """Makes an application that fails with that error at that place.

    :param watched: whether somebody listens to a signal, so that requests go the long way.
    """
    app = App("nothing_escapes", root_path="/")
    app.config["SECRET_KEY"] = "test key"
    fails = Failing(app, place, kind)
    sessions = FailingSessions()
    sessions.failing = fails.at
    app.session_interface = sessions
    _add_hooks(fails)
    _add_views(fails)
    app.logger.handlers = [_Keep(fails.records)]
    app.logger.propagate = False
    for name in [place] if place in SIGNALS else ["request_started"] if watched else []:

        def receive(sender: App, name: str = name, **extra: Any) -> None:
            fails.at(name)

        signal = getattr(signals, name)
        signal.connect(receive, app)
        _connected.append((signal, receive))
    return fails


def _add_hooks(fails: Failing) -> None:
    app = fails.app
    app.url_value_preprocessor(lambda endpoint, values: fails.at("url preprocessor"))
    app.context_processor(lambda: fails.at("context processor") or {})

    @app.before_request
    def before() -> None:
        g.setdefault("paths", []).append(request.path)
        fails.at("before")

    @app.after_request
    def after(response: Any) -> Any:
        fails.at("after")
        return response

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        fails.ended.append("request")
        fails.at("teardown")

    @app.teardown_appcontext
    def end_context(error: BaseException | None) -> None:
        fails.ended.append("context")
        if fails.place == "teardown of the context" and g.get("paths") != ["/clean"]:
            _raise(fails.kind)

    if fails.place == "handler":
        app.register_error_handler(LookupError, lambda error: fails.at("handler"))
    if fails.place == "handler of 500":
        app.register_error_handler(500, lambda error: fails.at("handler of 500"))


class _Closing:
    """A body whose closing can fail."""

    def __init__(self, fails: Failing) -> None:
        self.fails = fails

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"some"])

    def close(self) -> None:
        self.fails.at("closing of the stream")


def _add_views(fails: Failing) -> None:
    app = fails.app

    def parts(name: str) -> Iterator[str]:
        yield "some"
        fails.at(name)

    def view(number: int) -> Any:
        fails.at("view")
        session["number"] = number
        if fails.place == "after this request":
            after_this_request(lambda response: fails.at("after this request") or response)
        if fails.place in ("handler", "handler of 500", "got_request_exception"):
            raise LookupError("the first")
        answers: dict[str, Callable[[], Any]] = {
            "context processor": lambda: render_template_string("text"),
            "template": lambda: render_template_string("{{ f('template') }}", f=fails.at),
            "stream": lambda: parts("stream"),
            "stream with context": lambda: stream_with_context(parts("stream with context")),
            "closing of the stream": lambda: app.response_class(_Closing(fails)),
            "response": lambda: _Answer(fails),
        }
        return answers.get(fails.place, lambda: "fine")()

    app.add_url_rule("/fails/<int:number>", "fails", view)
    app.add_url_rule("/clean", "clean", lambda: [path for path in g.paths if path != "/clean"])


class _Answer(dict[str, str]):
    """A return value that cannot be made a response."""

    def __init__(self, fails: Failing) -> None:
        super().__init__(a="b")
        self.fails = fails

    def items(self) -> Any:
        self.fails.at("response")
        return super().items()


def _check_answer(reply: Reply, status: int, place: str) -> None:
    """Asserts that a client gets one whole answer, or the beginning of one that has been announced as a stream."""
    assert reply.status_code == status
    if "stream" in place:
        assert reply.header("Content-Length") is None
        return
    body = reply.read()
    length = reply.header("Content-Length")
    assert length == str(len(body))
    assert RAISED.encode() not in body


def _check_clean(fails: Failing) -> None:
    """Asserts that nothing is left, and the next request knows nothing of the one before."""
    assert current_context.get(None) is None
    fails.ended.clear()
    reply = fails.send("/clean")
    assert (reply.status_code, reply.read()) == (200, b"[]\n")
    assert fails.ended == ["request", "context"]


@pytest.mark.parametrize("watched", [False, True], ids=["short", "long"])
@pytest.mark.parametrize(
    ("place", "kind"),
    # To Jinja a function that raises StopIteration has no value.
    [(place, kind) for place in PLACES for kind in ERRORS if (place, kind) != ("template", StopIteration)],
)
def test_an_error_anywhere(place: str, kind: type[Exception], watched: bool) -> None:
    """At every place every error gives one answer, one teardown and one record, and leaves the worker clean."""
    fails = failing_app(place, kind, watched)
    reply = fails.send()
    # What happens after the head has been sent cannot be told the client; a server that is told closes the connection.
    with contextlib.suppress(kind, RuntimeError) if "stream" in place else contextlib.nullcontext():
        _check_answer(reply, PLACES[place], place)
        reply.read()
    assert fails.ended == ["request", "context"]
    assert len(fails.records) == (2 if place in SECOND else 1)
    for record in fails.records:
        assert re.fullmatch(r"Exception on /fails/7 \[GET\] \(endpoint \w+, request id-1\)", record.getMessage())
        assert record.__dict__["request_id"] == "id-1"
        assert record.__dict__["endpoint"] == (None if place in BEFORE_MATCHING else "fails")
    _check_clean(fails)


def _streaming(wrap: Callable[[Any], Any]) -> tuple[App, list[logging.LogRecord]]:
    """Makes an application without hooks whose only view streams, and the list of what it logs."""
    records: list[logging.LogRecord] = []
    app = App("nothing_else", root_path="/")
    app.logger.handlers = [_Keep(records)]
    app.logger.propagate = False

    @app.get("/<name>")
    def stream(name: str) -> Any:
        def parts() -> Iterator[str]:
            yield "some"
            if name == "fails":
                raise LookupError(RAISED)
            try:
                yield "more"
            finally:
                if name == "closes":
                    raise LookupError(RAISED)

        return wrap(parts())

    return app, records


@pytest.mark.parametrize("wrap", [iter, stream_with_context], ids=["plain", "with context"])
@pytest.mark.parametrize("known", [True, False], ids=["within the error", "after it"])
def test_a_stream_of_an_app_without_hooks(wrap: Callable[[Any], Any], known: bool) -> None:
    """A generator that fails has its record also where nothing else is to be done at the end of the request."""
    app, records = _streaming(wrap)
    reply = call(app, make_environ("/fails"))
    with pytest.raises(LookupError):
        if known:
            reply.read()
        else:
            list(reply.chunks)
    reply.close()
    reply.close()
    (record,) = records
    assert "(endpoint stream, request " in record.getMessage() and record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError if known else RuntimeError)


@pytest.mark.parametrize("wrap", [iter, stream_with_context], ids=["plain", "with context"])
@pytest.mark.parametrize(
    ("name", "read", "errors"), [("works", 3, 0), ("leaves", 1, 0), ("unread", 0, 0), ("closes", 2, 1)]
)
def test_the_end_of_a_stream(wrap: Callable[[Any], Any], name: str, read: int, errors: int) -> None:
    """A stream that is read to its end, left or never begun has no record; one that fails while it is closed has."""
    app, records = _streaming(wrap)
    reply = call(app, make_environ(f"/{name}"))
    iterator = iter(reply.chunks)
    assert [next(iterator, None) for _ in range(read)] == [b"some", b"more", None][:read]
    reply.close()
    assert [type(record.exc_info[1]) for record in records if record.exc_info] == [LookupError] * errors


@pytest.mark.parametrize("watched", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("kind", EXITS)
@pytest.mark.parametrize("place", ["view", "before", "after", "template", "handler", "session saved"])
def test_an_exit_anywhere(place: str, kind: type[BaseException], watched: bool) -> None:
    """What is no ``Exception`` reaches the server, with one record, after one teardown."""
    fails = failing_app(place, kind, watched)
    with pytest.raises(kind):
        fails.send()
    assert fails.ended == ["request", "context"]
    assert [record.levelname for record in fails.records] == ["ERROR"]
    _check_clean(fails)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit])
def test_the_end_of_the_process_is_no_error(kind: type[BaseException]) -> None:
    """An interrupt passes without a record."""
    fails = failing_app("view", kind, False)
    with pytest.raises(kind):
        fails.send()
    assert (fails.ended, fails.records) == (["request", "context"], [])
    _check_clean(fails)


def test_two_failures_after_each_other() -> None:
    """A hook that fails at the page of an error in another way has a record of its own."""
    fails = failing_app("view", ValueError, False)

    @fails.app.after_request
    def fail(response: Any) -> Any:
        raise LookupError("another one")

    assert fails.send().status_code == 500
    assert [record.getMessage().partition(" on ")[0] for record in fails.records] == [
        "Exception",
        "Request finalizing failed with an error while handling an error",
    ]


def test_a_log_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Where logging itself raises, the client gets its answer and the server's error stream the traceback."""
    fails = failing_app("view", ValueError, False)

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk of the log is full")

    fails.app.logger.handlers = [Broken()]
    environ = make_environ("/fails/7")
    reply = call(fails.app, environ)
    assert reply.status_code == 500
    assert b"Internal Server Error" in reply.read()
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert RAISED in errors_of(environ)
    assert fails.ended == ["request", "context"]


def test_errors_are_raised_for_a_debugger() -> None:
    """Where errors propagate, a stream's and those of a handler are raised and not logged."""
    for place in ("stream", "handler of 500"):
        fails = failing_app(place, ValueError, False)
        fails.app.config["PROPAGATE_EXCEPTIONS"] = True
        with pytest.raises((ValueError, LookupError)):
            fails.send().read()
        assert fails.records == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("7f3a-12", True),
        ("urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("-x", False),
        ("two words", False),
        ("a\r\nERROR: forged", False),
        ("ü", False),
        ("\x1b[2J", False),
    ],
)
def test_request_id(given: str, kept: bool) -> None:
    """An identifier of the client counts where it is a plain word; else one is made up, once for a request."""
    environ: dict[str, Any] = {"HTTP_X_REQUEST_ID": given}
    found = request_id(environ)
    assert (found == given) is kept
    assert request_id(environ) == found
    assert kept or re.fullmatch("[0-9a-f]{16}", found)
    assert request_id({}) != request_id({})


def test_a_program_that_gives_records_an_identifier_of_its_own() -> None:
    """Attributes that a program's factory of records sets are left to it."""
    fails = failing_app("view", ValueError, False)
    factory = logging.getLogRecordFactory()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        record.request_id = "own"
        return record

    logging.setLogRecordFactory(make)
    try:
        assert fails.send().status_code == 500
    finally:
        logging.setLogRecordFactory(factory)
    (record,) = fails.records
    assert (record.__dict__["request_id"], record.__dict__["endpoint"]) == ("own", "fails")


def test_repeated_failures() -> None:
    """An error is a repetition where one of the same class and place came before."""

    def fail(kind: type[Exception]) -> None:
        raise kind

    def twice(first: type[Exception], second: type[Exception]) -> Exception:
        try:
            try:
                fail(first)
            except Exception:
                fail(second)
        except Exception as error:
            return error
        raise AssertionError("nothing was raised")

    assert is_repeated(twice(ValueError, ValueError))
    assert not is_repeated(twice(ValueError, KeyError))
    assert not is_repeated(ValueError())


def test_flasks_own_ways_under_its_name() -> None:
    """Under Flask's name records, errors of handlers and of streams are what Flask makes of them."""
    source = """
import logging
app = App("x", root_path=".", static_folder=None)
result = []
class Records(logging.Handler):
    def emit(self, record):
        result.append([record.levelname, record.getMessage()])
app.logger.handlers = [Records()]
app.logger.propagate = False
@app.get("/")
def view():
    raise KeyError("x")
@app.get("/stream")
def stream():
    def parts():
        yield "a"
        raise KeyError("x")
    return parts()
@app.errorhandler(500)
def handle(error):
    if framework.request.args:
        raise LookupError("handler")
    return "handled", 500
for path in ("/", "/?fail=1", "/stream"):
    try:
        result.append(app.test_client().get(path, headers={"X-Request-ID": "id-1"}).text)
    except Exception as error:
        result.append(repr(error))
"""
    assert run_as_flask(source) == run_flask(source)
