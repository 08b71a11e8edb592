"""The end of a request: its teardown functions run once, when the body is complete or has been closed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from costrel import signals
from costrel.body import Body, Closable, encode_chunks
from costrel.context import RequestContext, current_context
from costrel.errors import propagates

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from costrel.app import App

#: The key under which a test client leaves a function that takes the context of the request.
PRESERVE_CONTEXT = "werkzeug.debug.preserve_context"


def failures() -> Any:
    """Returns the module ``costrel.failures``, which is imported when an application begins to serve."""
    # Start-up: 0.3 ms.
    from costrel import failures as module

    return module


def tear_down_app_context(app: App, error: BaseException | None) -> None:
    """Runs the teardown functions of the application's context; see ``App.do_teardown_appcontext``."""
    plans = app.plans()
    run_all(app, plans.teardown_appcontext, error)
    if signals.watched:
        signals.appcontext_tearing_down.send(app, _async_wrapper=app.ensure_sync, exc=error)


def run_all(app: App, functions: tuple[Callable[..., Any], ...], error: BaseException | None) -> None:
    """Calls every function with the error; the first failure is raised at the end, others are logged."""
    failure: Exception | None = None
    for function in functions:
        try:
            function(error)
        except Exception as raised:
            if failure is None:
                failure = raised
            else:
                app.log_exception((type(raised), raised, raised.__traceback__))
    if failure is not None:
        raise failure


def end_with_body(
    context: RequestContext,
    environ: WSGIEnvironment,
    shared: bool,
    error: Exception | None,
    body: Iterable[bytes],
    complete: bool,
) -> Iterable[bytes]:
    """Ends the request now if the body is complete, else when the body has been closed."""
    if complete or isinstance(body, file_wrapper(environ)):
        end_request(context, environ, shared, error)
        return body
    _preserve(context, environ)
    if type(body) is ReportedStream:
        body = Body(body._chunks, body._source)  # the errors are reported by what comes around it
    return body if type(body) is StreamedBody else StreamedBody(body, context, shared, error)


def file_wrapper(environ: WSGIEnvironment) -> type | tuple[()]:
    """Returns the server's class of file bodies, which it must get unwrapped to send the file by itself (PEP 3333)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper if isinstance(wrapper, type) else ()


def _preserve(context: RequestContext, environ: WSGIEnvironment) -> None:
    """Hands the context to a test client or a debugger that asked to see it after the request.

    Whoever pushes it again looks at what is left: the teardown functions have one owner only, and that is this module.
    """
    context._ended_elsewhere = True
    preserve = environ.get(PRESERVE_CONTEXT)
    if preserve is not None:
        preserve(context)


def end_request(context: RequestContext, environ: WSGIEnvironment, shared: bool, error: BaseException | None) -> None:
    """Ends the request now."""
    _preserve(context, environ)
    _tear_down(context, shared, error)


def _tear_down(context: RequestContext, shared: bool, error: BaseException | None) -> None:
    """Runs the teardown functions. Their errors are logged, or raised for a debugger or a test."""
    app = context.app
    if error is not None and app.should_ignore_error(error):
        error = None
    try:
        context.tear_down(error, shared)
    except Exception as failure:
        _report(app, failure)


def close_request(context: RequestContext) -> None:
    """Ends a request now that has no teardown functions, only files to close.

    PERF: 1.5 us with the files; to find out that there is nothing else to run takes 3 us more.
    """
    try:
        context.close_request()
    except Exception as failure:
        _report(context.app, failure)
    finally:
        context._active = bool(context.__dict__.get("_tokens"))


def _report(app: App, failure: Exception) -> None:
    """Logs an error of the end of a request, or raises it for a debugger or a test."""
    if propagates(app):
        raise failure
    failures().report(app, failure)


def _report_late(context: RequestContext, failure: Exception) -> None:
    """Reports an error that comes up when the context of its request is no longer the current one."""
    token = current_context.set(context)
    try:
        _report(context.app, failure)
    finally:
        current_context.reset(token)


def send_popped(context: RequestContext, shared: bool) -> None:
    """Sends the signal for the end of the application's context, after it has ended."""
    if not shared and signals.appcontext_popped.receivers:
        app = context.app
        try:
            signals.appcontext_popped.send(app, _async_wrapper=app.ensure_sync)
        except Exception as failure:
            _report_late(context, failure)


class ReportedStream(Body):
    """The body of a generator where nothing is to be done at the end; should the generator fail, the log says so.

    PERF: nothing of it runs between two chunks; a generator around them takes 0.025 us for each.

    :param context: that of its request.
    """

    __slots__ = ("_context", "_ended")

    def __init__(self, chunks: Iterable[str] | Iterable[bytes], source: Closable, context: RequestContext) -> None:
        # PERF: 0.35 us less than by the other constructor.
        self._chunks = chunks
        self._source = source
        self._iterator = None
        self._context = context
        #: Holds something once the last chunk has been taken.
        self._ended: list[bool] = []

    def __iter__(self) -> Iterator[bytes]:
        iterator = self._iterator
        if iterator is None:
            self._iterator = iterator = encode_chunks(self._chunks, self._ended)
        return iterator

    def close(self) -> None:
        """Closes the generator, and reports the error that it has ended with or that closing it raises."""
        # A generator that was not read to its end has a frame left, unless it failed. A response is no generator.
        stopped = not self._ended and self._iterator is not None
        if stopped and getattr(self._source, "gi_frame", self) is None and self._context.app.contains_errors:
            self._ended.append(True)
            # A server that is written in Python closes the body while it handles the error.
            failure = sys.exc_info()[1]
            if not isinstance(failure, Exception):
                failure = RuntimeError("The stream has failed; the server was told with what error.")
            _report_stream(self._context, failure)
        try:
            self._source.close()
        except Exception as error:
            if not self._context.app.contains_errors:
                raise
            _report_stream(self._context, error)


def _report_stream(context: RequestContext, failure: Exception) -> None:
    """Reports an error of a stream that has begun: nobody can be told of it but who reads the log."""
    if not propagates(context.app):
        _report_late(context, failure)


class StreamedBody:
    """A body that is still being made when the request's functions have returned; closing it ends the request.

    The server closes it on whatever thread it likes, also when the client has gone; should it forget to, garbage
    collection does.
    """

    def __init__(
        self,
        body: Iterable[bytes],
        context: RequestContext,
        shared: bool,
        error: Exception | None,
    ) -> None:
        self.body = body
        self.context: RequestContext | None = context
        #: The same, kept beyond the end of the request, for what goes wrong when the body is closed.
        self.origin = context
        self.shared = shared
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.body
        except Exception as error:
            self.error = error
            if self.origin.app.contains_errors:
                _report_stream(self.origin, error)
            # A server closes the body now. A test client only raises the error.
            self.close()
            raise
        self.end()

    def close(self) -> None:
        """Closes the body, and ends the request unless the body was read to its end before."""
        body, self.body = self.body, ()
        try:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        except Exception as error:
            if not self.origin.app.contains_errors:
                raise
            _report_late(self.origin, error)
        finally:
            self.end()

    def end(self) -> None:
        """Runs the teardown functions, at the first call only."""
        context, self.context = self.context, None
        error, self.error = self.error, None  # whose traceback leads back to this object
        if context is None:
            return
        # This may be another thread than the one that handled the request.
        token = current_context.set(context)
        try:
            _tear_down(context, self.shared, error)
        finally:
            current_context.reset(token)
            send_popped(context, self.shared)

    def __del__(self) -> None:
        self.close()
