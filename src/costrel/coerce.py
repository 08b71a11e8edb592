"""Turns what a view, a hook or an error handler returned into a response.

Source: https://flask.palletsprojects.com/en/stable/quickstart/#about-responses
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from costrel.body import Body
from costrel.proxies import NO_REQUEST
from costrel.response import Response, assemble
from costrel.routing.tables import AllowedMethods

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from costrel.app import App
    from costrel.plan import Plans

NoneType = type(None)

#: Types of values that :func:`plain_reply` may know.
_PLAIN_KINDS = frozenset({bytes, dict, list, str, tuple})

#: What goes to the server as it is: status line, headers, body, which is a list where it is complete.
Reply = tuple[str, list[tuple[str, str]], "list[bytes] | Body"]

#: Status lines of the codes whose replies have a body.
STATUS_LINES = {
    code: f"{code} {reason.upper()}"
    for code, reason in HTTP_STATUS_CODES.items()
    if code >= 200 and code not in {204, 205, 304}
}


_ALLOWED = (
    "The return type must be a string, dict, list, tuple with headers or status, Response instance, or WSGI callable,"
    " but it was a {kind}."
)


def plain_reply(plans: Plans, value: Any, last: tuple[tuple[str, str], ...]) -> Reply | None:
    """Returns what to send for the commonest values, without making a Response object.

    PERF: making and calling a Response takes 1.9 us, this 0.5 us. ``tests/test_short_way.py`` shows that both send
    the same.

    :param plans: the application's plans, whose ``plain_response`` must be true.
    :param value: what the view returned.
    :param last: header fields that are sent behind the others.
    :returns: the reply, or None where a Response object is needed.
    """
    status: Any = "200 OK"
    kind = type(value)
    if kind is tuple:
        if len(value) != 2:
            return None
        value, code = value
        if type(code) is not int:
            return None
        status = STATUS_LINES.get(code)
        if status is None:
            return None
        kind = type(value)
    if kind is str:
        body = value.encode()
        content_type = plans.html_header
    elif (kind is dict or kind is list) and plans.plain_json:
        body = plans.json_body(value).encode()
        content_type = plans.json_header
    elif kind is bytes:
        body = value
        content_type = plans.html_header
    elif kind is AllowedMethods and value:
        # It is what the automatic view of OPTIONS returns.
        headers = [plans.html_header, ("Allow", value.text), ("Content-Length", "0"), *last]
        return status, headers, []
    elif kind is GeneratorType:
        return status, [plans.html_header, *last], Body(value, value)
    else:
        return None
    return status, [content_type, ("Content-Length", str(len(body))), *last], [body]


_get_response = HTTPException.get_response

#: What an HTTP error may have of its own for its page to be made from the rest of its class.
_PLAIN_ATTRIBUTES = frozenset({"description", "response", "valid_methods"})


def _signature(kind: type[HTTPException]) -> tuple[Any, ...]:
    """Returns what the page of an HTTP error is made from; programs replace these, on one class or on all."""
    return (
        kind.code,
        kind.description,
        kind.get_response,
        kind.get_body,
        kind.get_description,
        kind.get_headers,
        kind.name,
    )


_SHIPPED_ERRORS = {
    kind: _signature(kind)
    for kind in default_exceptions.values()
    if isinstance(kind.description, str) and kind.code in STATUS_LINES
}

# What is sent for HTTP errors that were raised without a description of their own, by class: the status line, the
# body and its length.
_error_pages: dict[type[HTTPException], tuple[str, bytes, tuple[str, str]]] = {}


def error_reply(plans: Plans, error: HTTPException) -> Reply | None:
    """Returns what to send for an HTTP error that no handler wants, without making a Response object.

    PERF: ``error.get_response`` and sending it takes 14 us, this 0.9 us.

    :param error: any HTTP error.
    :returns: the reply, or None where the error is not one of werkzeug's own or somebody changed it or its class.
    """
    kind = type(error)
    own = error.__dict__
    if (
        kind not in _SHIPPED_ERRORS
        or error.response is not None
        or not own.keys() <= _PLAIN_ATTRIBUTES
        or _SHIPPED_ERRORS[kind] != _signature(kind)
    ):
        return None
    if "description" in own:
        status, body, length = _page(error)
    else:
        status, body, length = _error_pages.get(kind) or _error_pages.setdefault(kind, _page(error))
    return status, [*error.get_headers(), length, *plans.default_headers], [body]


def _page(error: HTTPException) -> tuple[str, bytes, tuple[str, str]]:
    """Returns status line, body and the field for its length."""
    body = error.get_body().encode()
    return STATUS_LINES[cast(int, error.code)], body, ("Content-Length", str(len(body)))


def _assembled(plans: Plans | None, value: Any) -> Response | None:
    """Returns a response object for what :func:`plain_reply` knows, None where its class would make another one.

    PERF: 0.7 us for a text; what else :func:`make_response` asks and the constructor take 2.0 us.
    """
    if plans is None or not plans.plain_response:
        return None
    reply = plain_reply(plans, value, ())
    if reply is None or type(reply[2]) is not list:
        return None
    return assemble(int(reply[0][:3]), reply[1], reply[2], direct_passthrough=False)


def make_response(app: App, value: Any, environ: WSGIEnvironment | None, endpoint: str | None) -> Response:
    """Returns a response object for any value that a view may return.

    :param value: a text, bytes, dict, list, iterator, Response or WSGI application, or a tuple of one of these with
        a status, headers, or both.
    :param environ: of the present request, for a WSGI application that is returned; None where there is no request.
    :param endpoint: for error messages.
    :raises TypeError: where the value is none of these; the message names the endpoint.
    :raises RuntimeError: where the value is a WSGI application and there is no request for it.
    """
    status: Any = None
    headers: Any = None
    kind = type(value)
    if kind is app.response_class:
        return cast(Response, value)
    if kind is AllowedMethods:
        return app.make_default_options_response()
    if kind in _PLAIN_KINDS:
        response = _assembled(app._plans, value)
        if response is not None:
            return response
    if isinstance(value, tuple):
        value, status, headers = _unpack(value, endpoint)
    if value is None:
        raise TypeError(
            f"The view function for {endpoint!r} did not return a valid response. The function either returned None or"
            f" ended without a return statement.{_where(app, endpoint)} Return a text, a dict or a Response; for an"
            " empty answer, return '', 204."
        )
    if isinstance(value, app.response_class):
        response = value
    elif isinstance(value, (str, bytes, bytearray, GeneratorType, Iterator)):
        # The class gets status and headers at once, for it may treat them in its own way.
        return app.response_class(cast(Any, value), status=status, headers=headers)
    elif isinstance(value, (dict, list)):
        response = app.json.response(value)
    elif isinstance(value, HTTPException):
        response = _from_error(app, value, _present(environ))
    elif isinstance(value, WerkzeugResponse) or callable(value):
        response = _from_application(app, value, _present(environ), endpoint)
    else:
        raise TypeError(_invalid(app, value, endpoint))
    if status is not None:
        if isinstance(status, (str, bytes, bytearray)):
            response.status = status if isinstance(status, str) else bytes(status).decode("latin-1")
        else:
            response.status_code = status
    if headers:
        response.headers.update(headers)
    return response


def _unpack(value: tuple[Any, ...], endpoint: str | None) -> tuple[Any, Any, Any]:
    """Returns body, status and headers of a tuple that a view returned."""
    if len(value) == 3:
        if not isinstance(value[2], (Headers, dict, tuple, list, NoneType)):
            raise TypeError(
                "The view function did not return a valid response tuple: the third item of that of"
                f" {endpoint!r} must be headers, a dict or a list of pairs, but it is {value[2]!r}. The tuple must have"
                " the form (body, status, headers)."
            )
        return value
    if len(value) == 2:
        body, second = value
        if isinstance(second, (Headers, dict, tuple, list)):
            return body, None, second
        return body, second, None
    raise TypeError(
        f"The view function did not return a valid response tuple: that of {endpoint!r} has {len(value)} items. The"
        " tuple must have the form (body, status, headers), (body, status), or (body, headers)."
    )


def _present(environ: WSGIEnvironment | None) -> WSGIEnvironment:
    """Returns the environ of the present request.

    :raises RuntimeError: there is no request.
    """
    if environ is None:
        raise RuntimeError(NO_REQUEST)
    return environ


def _from_error(app: App, error: HTTPException, environ: WSGIEnvironment) -> Response:
    """Returns the response of an HTTP error as an object of the application's class."""
    plain = type(error).get_response is _get_response and "get_response" not in error.__dict__
    if error.response is None and plain:
        headers = error.get_headers(environ)
        return app.response_class(error.get_body(environ), error.code, headers)
    # A redirect's own response has its body complete; called as an application it would give a stream.
    source: Any = error.get_response(environ) if isinstance(error, RequestRedirect) else error
    return cast(Response, app.response_class.force_type(source, environ))


def _from_application(app: App, value: Any, environ: WSGIEnvironment, endpoint: str | None) -> Response:
    """Returns the response of a WSGI application, or of another response class."""
    try:
        return cast(Response, app.response_class.force_type(value, environ))
    except TypeError as error:
        message = f"{error}\n{_invalid(app, value, endpoint)}"
        raise TypeError(message).with_traceback(sys.exc_info()[2]) from None


def _invalid(app: App, value: Any, endpoint: str | None) -> str:
    """Returns the message about a return value that can't be a response."""
    return (
        f"The view function did not return a valid response. {_ALLOWED.format(kind=type(value).__name__)} It came from"
        f" the endpoint {endpoint!r}.{_where(app, endpoint)}"
    )


def _where(app: App, endpoint: str | None) -> str:
    """Returns a sentence that names the file and line of the endpoint's view, where they are known."""
    view: Any = app.view_functions.get(endpoint or "")
    code = getattr(getattr(view, "__wrapped__", view), "__code__", None)
    if code is None:
        return ""
    return f" The view {view.__name__!r} is defined in {code.co_filename}:{code.co_firstlineno}."
