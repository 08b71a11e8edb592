"""Checks of what every answer of a WSGI application must be, whatever the request is; for tests of any application.

Source: https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from wsgiref import validate
from wsgiref.util import is_hop_by_hop

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")

# RFC 9110 §5.6.2, and what a line of the head must not contain.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_STATUS = re.compile(r"[2-5][0-9]{2} [^\x00-\x1f\x7f]*")
# RFC 9110 §5.5: of the control characters, the value of a field may have the tab only.
_FIELD_BREAKER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNSIGNED = re.compile(r"[0-9]+")
# Part of the module since it exists, and not part of its type stub.
_check_environ: Callable[[WSGIEnvironment], None] = getattr(validate, "check_environ")
#: How many times the CPU time that is allowed an answer may take altogether.
_WAITING = 10
#: What is said of an exception, at most.
_LONGEST_REPORT = 300


class InvariantError(AssertionError):
    """An answer is not what every answer has to be; the text says in what way, and shows the request."""


@dataclass
class Answer:
    """What the application gave for one request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    #: How long the call, the reading of the body and its closing took together.
    seconds: float
    #: What the application wrote to ``wsgi.errors``, where that is a stream of :func:`make_environ`.
    errors: str

    @property
    def status_code(self) -> int:
        return int(self.status[:3])

    def header(self, name: str) -> str | None:
        """Returns the first header of that name in any case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def make_environ(
    path: bytes = b"/",
    *,
    method: str = "GET",
    query: bytes = b"",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    **extra: Any,
) -> WSGIEnvironment:
    """Returns the environ that a server builds for a request, without any repair of what the client has sent.

    :param path: the path after percent-decoding, as bytes: a client may send bytes that are not UTF-8.
    :param query: the query as it was sent.
    :param headers: under their HTTP names; of one name that comes twice, the values are joined as servers do.
    :param body: sets ``Content-Length`` unless the headers do.
    :param extra: entries of the environ that are set last, such as ``wsgi_url_scheme``; the first underscore of one
        that begins with ``wsgi_`` stands for a dot.
    """
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    seen: set[str] = set()
    for name, value in dict[str, str](headers).items() if isinstance(headers, Mapping) else headers:
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in seen else value
        seen.add(key)
    environ.update({re.sub("^wsgi_", "wsgi.", name): value for name, value in extra.items()})
    return environ


class TrackedBody(Generic[T]):
    """The body of a response that knows whether somebody has closed it."""

    def __init__(self, chunks: Iterable[T]) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[T]:
        return iter(self.chunks)

    def close(self) -> None:
        """Closes what it was made of, and counts."""
        self.closed += 1
        close: Callable[[], None] | None = getattr(self.chunks, "close", None)
        if close is not None:
            close()


@dataclass
class _Call:
    """What the application did so far with one request."""

    starts: list[tuple[Any, Any, Any]] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    finished: bool = False

    def start_response(self, status: Any, headers: Any, exc_info: Any = None, /) -> Callable[[Any], object]:
        if self.starts and exc_info is None:
            self.problems.append("start_response was called a second time")
        elif self.starts and any(self.chunks):
            self.problems.append("start_response was called with an error after a part of the body")
        self.starts.append((status, headers, exc_info))
        return self.chunks.append

    @contextlib.contextmanager
    def guarded(self, doing: str, allowed: bool) -> Iterator[None]:
        """Notes what escapes while the block runs; an escape that the view is to blame for is none."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as escaped:
            if not allowed:
                text = f"{type(escaped).__name__}: {escaped}"
                self.problems.append(f"{doing} raised {text[:_LONGEST_REPORT]}")


class InvariantChecker:
    """Sends raw environs to an application and raises where an answer is not what every answer has to be.

    An answer must hold to these:

    - nothing is raised, neither by the call nor by the body or its ``close``;
    - ``start_response`` is called once, with a status from 200 to 599 and headers that can be sent: pairs of texts,
      names that are tokens, no control character but tabs and nothing outside of Latin-1;
    - the body has only bytes, as many as ``Content-Length`` says, and none for ``HEAD``, 204 and 304;
    - ``wsgiref.validate`` has no complaint;
    - the status is below 500;
    - the functions for the end of the application context run once, after the body was closed at the latest, and no
      context is left behind (for applications of costrel and Flask);
    - bodies that were given to :meth:`track` have been closed, once;
    - it takes no longer than allowed: that long of the CPU's time, and ten times that in all, for the machine may be
      busy with something else.

    Make one before the first request, use it for many, in one thread.

    :param app: any WSGI application.
    :param seconds: how long a request may take, in seconds of CPU.
    :param teardown_of: the application object whose ends are counted, where ``app`` is a middleware around it.

    >>> def hello(environ, start_response):
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return ["Hello!"]
    >>> InvariantChecker(hello).check(make_environ())
    Traceback (most recent call last):
      ...
    costrel.invariants.InvariantError: the body raised AssertionError: ... non-bytestring ('Hello!')...
    """

    def __init__(self, app: WSGIApplication, *, seconds: float = 5.0, teardown_of: Any = None) -> None:
        self.app = app
        self.seconds = seconds
        self.requests = 0
        self._ended = 0
        self._tracked: list[TrackedBody[Any]] = []
        functions = getattr(app if teardown_of is None else teardown_of, "teardown_appcontext_funcs", None)
        self._counts_ends = functions is not None
        if functions is not None:
            # Not by the decorator: it refuses once requests are served. And not by a signal: listening to it changes
            # the way that a request takes.
            functions.append(self._note_end)

    def _note_end(self, error: BaseException | None) -> None:
        self._ended += 1

    def track(self, chunks: Iterable[T]) -> TrackedBody[T]:
        """Returns a body for a view to respond with; the check then sees to it that it is closed once."""
        body = TrackedBody(chunks)
        self._tracked.append(body)
        return body

    def check(self, environ: WSGIEnvironment, *, view_raises: bool = False, read: int | None = None) -> Answer:
        """Sends one request and returns the answer.

        :param environ: see :func:`make_environ`; it is used up.
        :param view_raises: whether the view of this request may fail: then a status of 500 and more is right, and so is
            a body that breaks off.
        :param read: after how many parts of the body the client vanishes; None where it takes them all.
        :raises InvariantError: something is not as it must be; see the class.
        """
        request = _describe(environ)
        self._tracked.clear()
        self._ended = 0
        self.requests += 1
        before = _contexts()
        call = _Call()
        started, worked = time.perf_counter(), time.thread_time()
        _run(_validated(self.app, environ), environ, call, view_raises, read)
        seconds, work = time.perf_counter() - started, time.thread_time() - worked
        problems = [*call.problems, *_problems_of_start(call, view_raises)]
        if not problems:
            problems += _problems_of_body(call, environ)
        problems += self._problems_of_end(before)
        if work > self.seconds or seconds > _WAITING * self.seconds:
            problems.append(f"it took {seconds:.2f} seconds, and {self.seconds:g} are allowed")
        if problems:
            raise InvariantError("; ".join(problems) + f".\nThe request: {request}")
        status, headers, _ = call.starts[-1]
        stream = environ.get("wsgi.errors")
        errors = stream.getvalue() if isinstance(stream, io.StringIO) else ""
        return Answer(status, list(headers), b"".join(call.chunks), seconds, errors)

    def _problems_of_end(self, before: dict[str, Any]) -> Iterator[str]:
        """Yields what was not ended, or ended twice."""
        if self._counts_ends and self._ended != 1:
            yield f"the functions for the end of the context ran {self._ended} times"
        for name, value in _contexts().items():
            if value is not before.get(name):
                yield f"the context variable {name!r} still has a value"
        for body in self._tracked:
            if body.closed != 1:
                yield f"a tracked body was closed {body.closed} times"


def _describe(environ: WSGIEnvironment) -> str:
    """Returns the request in a form that can be pasted into a test."""
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    stream = environ.get("wsgi.input")
    body = stream.getvalue() if isinstance(stream, io.BytesIO) else b""
    return f"{shown!r} with the body {body!r}"


def _contexts() -> dict[str, Any]:
    """Returns the values of the context variables in which costrel and Flask keep what is current."""
    found = {variable.name: value for variable, value in contextvars.copy_context().items()}
    return {name: value for name, value in found.items() if name.startswith(("costrel.", "flask."))}


def _validated(app: WSGIApplication, environ: WSGIEnvironment) -> WSGIApplication:
    """Returns the application behind ``wsgiref.validate``, or as it is where the environ itself is not valid."""
    try:
        _check_environ(environ)
    except Exception:  # a client may send a Content-Length that is no number; the validator blames the application
        return app

    def without_type(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: Any, headers: Any, *exc_info: Any) -> Any:
            if isinstance(status, str) and status.startswith("204") and type(headers) is list:
                # RFC 9110 §6.4: metadata without content is right, which the validator does not know.
                headers = [item for item in headers if not (type(item) is tuple and item[0].lower() == "content-type")]
            if type(headers) is list:
                # RFC 9110 §5.5: a tab is right in the value of a field, and PEP 3333 forbids all control characters.
                headers = [_without_tabs(item) for item in headers]
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return validate.validator(without_type)


def _without_tabs(item: Any) -> Any:
    """Returns a field with blanks in the place of tabs in its value."""
    if type(item) is tuple and len(item) == 2 and type(item[1]) is str:
        return item[0], item[1].replace("\t", " ")
    return item


def _run(app: WSGIApplication, environ: WSGIEnvironment, call: _Call, view_raises: bool, read: int | None) -> None:
    """Does with the request what a server does."""
    body: Any = ()
    with call.guarded("the call", False):
        body = app(environ, call.start_response)
        call.finished = True
    if not call.finished:
        return
    with call.guarded("the body", view_raises):
        for number, chunk in enumerate(body):
            if number == read:
                call.finished = False
                break
            call.chunks.append(chunk)
    with call.guarded("closing the body", view_raises):
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _problems_of_start(call: _Call, view_raises: bool) -> Iterator[str]:
    """Yields what is wrong with the status and the headers."""
    if not call.starts:
        if not call.problems:
            yield "start_response was not called"
        return
    status, headers, _ = call.starts[-1]
    if type(status) is not str or not _STATUS.fullmatch(status) or not _is_latin1(status):
        yield f"the status {status!r} is not one"
    elif status >= "5" and not view_raises:
        yield f"the status is {status}"
    if type(headers) is not list:
        yield f"the headers are {type(headers).__name__}, not a list"
        return
    for item in headers:
        yield from _problems_of_header(item)


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _problems_of_header(item: Any) -> Iterator[str]:
    if type(item) is not tuple or len(item) != 2 or {type(part) for part in item} != {str}:
        yield f"the header {item!r} is not a pair of texts"
        return
    name, value = item
    if not _TOKEN.fullmatch(name):
        yield f"the header name {name!r} is not a token"
    elif is_hop_by_hop(name):
        yield f"the header {name!r} is the server's own"
    if _FIELD_BREAKER.search(value) or not _is_latin1(value):
        yield f"the header {name!r} cannot be sent: {value!r}"


def _problems_of_body(call: _Call, environ: WSGIEnvironment) -> Iterator[str]:
    """Yields what is wrong with the body, of an answer with a head that is right."""
    for chunk in call.chunks:
        if type(chunk) is not bytes:
            yield f"the body has {chunk!r}, which is not bytes"
            return
    status, headers, _ = call.starts[-1]
    size = sum(map(len, call.chunks))
    empty = status[:3] in {"204", "304"} or environ.get("REQUEST_METHOD", "").upper() == "HEAD"
    if empty and size:
        yield f"the body of an answer without body has {size} bytes"
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    if len(lengths) > 1 or not all(_UNSIGNED.fullmatch(length) for length in lengths):
        yield f"Content-Length is {lengths!r}"
    elif lengths and not empty and (size != int(lengths[0]) if call.finished else size > int(lengths[0])):
        yield f"Content-Length is {lengths[0]}, and the body has {size} bytes"


def check_invariants(app: WSGIApplication, environ: WSGIEnvironment, *, view_raises: bool = False) -> Answer:
    """Sends one request to an application, and returns the answer if it is what every answer has to be.

    :raises InvariantError: it is not; see :class:`InvariantChecker`, which is for many requests.
    """
    checker = InvariantChecker(app)
    try:
        return checker.check(environ, view_raises=view_raises)
    finally:
        functions = getattr(app, "teardown_appcontext_funcs", None)
        if functions is not None:
            functions.remove(checker._note_end)
