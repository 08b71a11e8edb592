"""What becomes of failures that no handler of errors has answered: a record in the log, and an answer all the same.

``App.contains_errors`` says whether a second failure, of what answers the first one, is contained here too.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import InternalServerError

from costrel.context import current_context
from costrel.errors import propagates
from costrel.logging import printable
from costrel.response import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from costrel.app import App

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

#: The environ key under which an identifier that was made up is kept for further records of the request.
_REQUEST_ID = "costrel.request_id"
#: What is in it besides letters and digits, which it begins with.
_MARKS = "._:@=+/-"


def request_id(environ: WSGIEnvironment) -> str:
    """Returns the identifier of a request: the ``X-Request-ID`` that a proxy has given it, else one that is made up.

    An ``X-Request-ID`` counts where it has up to 128 letters, digits and ``._:@=+/-``.

    >>> request_id({"HTTP_X_REQUEST_ID": "7f3a-12"})
    '7f3a-12'
    """
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    plain = given.translate(dict.fromkeys(map(ord, _MARKS)))
    if len(given) <= 128 and plain.isascii() and plain.isalnum() and given[0] not in _MARKS:
        return given
    # Start-up: only an error needs it.
    import secrets

    made_up: str = environ.setdefault(_REQUEST_ID, secrets.token_hex(8))
    return made_up


def log_exception(
    app: App, exc_info: ExcInfo, environ: WSGIEnvironment, path: str = "", endpoint: str | None = None
) -> None:
    """Logs an error that nobody handled, with the path, the method, the endpoint and the identifier of its request.

    The record has ``endpoint`` and ``request_id`` as attributes too.

    :param environ: that of the request; empty outside of one.
    """
    # As `request.path` and `request.method` have them, without making a request object for it.
    path = printable("/" + path.lstrip("/"))
    method = printable(environ.get("REQUEST_METHOD", "-").upper())
    if not environ:
        app.logger.error("Exception on %s [%s]", path, method, exc_info=exc_info, stacklevel=2)
        return
    identifier = request_id(environ)
    # A factory of records that a program has set may have given these attributes already.
    taken = vars(logging.makeLogRecord({}))
    details = {"endpoint": endpoint, "request_id": identifier}
    extra = {name: value for name, value in details.items() if name not in taken}
    message, values = "Exception on %s [%s]", [path, method]
    if app.contains_errors:
        message += " (endpoint %s, request %s)"
        values += ["none" if endpoint is None else printable(endpoint), identifier]
    app.logger.error(message, *values, exc_info=exc_info, extra=extra, stacklevel=2)


def answer(app: App, error: Exception) -> Any:
    """Returns what ``App.handle_exception`` answers to an error; where that fails too, a plain page of status 500."""
    try:
        return app.handle_exception(error)
    except Exception as failure:
        if not app.contains_errors or propagates(app):
            raise
        report(app, failure)
        page = InternalServerError()
        headers = [*page.get_headers(), *app.config["DEFAULT_HEADERS"].items()]
        return Response(page.get_body(), 500, headers)


def report(app: App, failure: BaseException) -> None:
    """Logs a failure; where logging fails, its traceback goes to the server's error stream."""
    try:
        app.log_exception((type(failure), failure, failure.__traceback__))
    except Exception:
        environ = getattr(current_context.get(None), "environ", {})
        # Start-up: logging has failed, which is rare.
        import traceback

        with suppress(Exception):
            (environ.get("wsgi.errors") or sys.stderr).write("".join(traceback.format_exception(failure)))


def report_escaping(app: App, error: BaseException) -> None:
    """Logs what leaves the application for the server, such as ``SystemExit``, which some servers pass over."""
    ends_the_process = isinstance(error, KeyboardInterrupt | GeneratorExit)
    if app.contains_errors and not ends_the_process and not isinstance(error, Exception) and not propagates(app):
        report(app, error)


def is_repeated(failure: BaseException) -> bool:
    """Tells whether an error was raised at the place where one of those was raised that it came up during."""
    place = _place(failure)
    earlier = failure.__context__
    while earlier is not None:
        if type(earlier) is type(failure) and _place(earlier) == place:
            return True
        earlier = earlier.__context__
    return False


def _place(error: BaseException) -> tuple[Any, int] | None:
    """Returns the code and the line that an error was raised at."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return None if step is None else (step.tb_frame.f_code, step.tb_lineno)
