"""What views call during a request: URLs, redirects, aborting, flashed messages, streams that see the request.

Source: https://flask.palletsprojects.com/en/stable/api/#useful-functions-and-classes
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, AnyStr, NoReturn, ParamSpec, cast, overload

from werkzeug.exceptions import BadRequest
from werkzeug.exceptions import abort as werkzeug_abort
from werkzeug.utils import redirect as werkzeug_redirect

from costrel.context import AppContext, RequestContext, current_app, current_context, session
from costrel.proxies import find_request_context
from costrel.security import is_own_target
from costrel.signals import message_flashed

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as WerkzeugResponse

    from costrel.response import Response

P = ParamSpec("P")


@overload
def stream_with_context(generator_or_function: Iterator[AnyStr]) -> Iterator[AnyStr]: ...


@overload
def stream_with_context(generator_or_function: Callable[P, Iterator[AnyStr]]) -> Callable[P, Iterator[AnyStr]]: ...


def stream_with_context(generator_or_function: Any) -> Any:
    """Lets a generator that makes a response's body use the request, the session and ``g``.

    It wraps a generator, or decorates a generator function. The context is current only while a chunk is being
    made or the generator is being closed, on whatever thread that happens, so nothing is left behind between two
    chunks. Other context variables are those of the moment of wrapping, and keep what the generator sets.

    :param generator_or_function: an iterator, or a function that returns one.
    :raises RuntimeError: where no request is being handled.

    >>> @stream_with_context
    ... def greet():
    ...     yield "Hello "
    ...     yield request.args["name"]
    """
    try:
        iterator = iter(generator_or_function)
    except TypeError:
        if not callable(generator_or_function):
            raise TypeError(
                "stream_with_context takes an iterator or a function that returns one, not"
                f" {type(generator_or_function).__name__!r}. An asynchronous generator can't be streamed by a WSGI"
                " server: make it a plain generator."
            ) from None
    else:
        return _streaming(iterator)

    function = cast("Callable[..., Iterator[Any]]", generator_or_function)

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Iterator[Any]:
        return _streaming(iter(function(*args, **kwargs)))

    return decorated


def _streaming(iterator: Iterator[Any]) -> Iterator[Any]:
    """Returns a generator of the iterator's chunks that runs it in the present context."""
    current = current_context.get(None)
    request_context = None if current is None else current.request_context()
    if request_context is None:
        raise RuntimeError(
            "'stream_with_context' can only be used when a request context is active, such as in a view function."
            " In a test, wrap the call in `with app.test_request_context():`."
        )
    chunks = _chunks(iterator, copy_context(), cast(AppContext, current), request_context)
    # A generator that was never started would not run its `finally`, and the iterator would stay open.
    next(chunks)
    return chunks


def _chunks(
    iterator: Iterator[Any], snapshot: Context, current: AppContext, request_context: RequestContext
) -> Iterator[Any]:
    """Yields None once, then what the iterator gives when it runs inside the snapshot."""
    # A snapshot is entered and left within one call, so it doesn't matter which thread makes the call.
    run = snapshot.run
    try:
        yield None
        while True:
            if current.request_context() is None:
                run(_restore, request_context)
            try:
                chunk = run(next, iterator)
            except StopIteration:
                return
            yield chunk
    finally:
        # It may be any iterator, such as the body of a WSGI application.
        close = getattr(iterator, "close", None)
        if close is not None:
            run(_restore, request_context)
            run(close)


def _restore(request_context: RequestContext) -> None:
    """Makes the request current again for a stream that is read on after the request's end, as tests do."""
    if current_context.get().request_context() is not None:
        return
    revived = request_context.copy()
    revived.g = request_context.g
    revived.flashes = request_context.flashes
    # Set, not pushed, and never popped: the teardown functions have run.
    current_context.set(revived)


def make_response(*args: Any) -> Response:
    """Returns the response object for what a view could return, so that headers can be added to it.

    :param args: nothing for an empty response; one value; or body and status, headers, or both.

    >>> def view():
    ...     response = make_response("<p>hello", 201)
    ...     response.headers["X-Greeting"] = "hello"
    ...     return response
    """
    if not args:
        return current_app.response_class()
    return current_app.make_response(args[0] if len(args) == 1 else args)


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Returns the URL of an endpoint, through the current application's ``url_for``.

    :param endpoint: its name; one that begins with a dot is relative to the blueprint of the present request.
    :param _anchor: put behind a ``#``.
    :param _method: which method's rule to build, where the endpoint has several.
    :param _scheme: the scheme of an external URL.
    :param _external: whether to include scheme and host; by default only outside a request.
    :param values: arguments of the rule; those it does not have become the query.
    :raises werkzeug.routing.BuildError: where no rule fits, and no handler of build errors helps.
    """
    # PERF: asking the context takes 0.05 us, the proxy 0.35 us; templates and views build many URLs.
    context: Any = current_context.get(None)
    app = current_app if context is None else context.app
    if context is not None and context._active and _external is None and _anchor is _method is _scheme is None:
        # PERF: what App.url_for does in the commonest case, without the two calls in between: 0.6 us.
        plans, environ = app._plans, context.environ
        if plans is not None and plans.plain_urls and not environ.get("SCRIPT_NAME"):
            path: str | None = plans.build_path(endpoint, values, None, environ.get("REQUEST_METHOD"))
            if path is not None:
                return path
    return app.url_for(endpoint, _anchor=_anchor, _method=_method, _scheme=_scheme, _external=_external, **values)


def redirect(
    location: str,
    code: int = 302,
    Response: type[WerkzeugResponse] | None = None,
    *,
    allow_external: bool = True,
) -> WerkzeugResponse:
    """Returns a response that redirects to a location, through the current application's ``redirect``.

    :param location: the URL to go to.
    :param code: the status code, 302 or another of RFC 9110 §15.4.
    :param Response: the class of the response where no application is current.
    :param allow_external: whether the location may be on another site; False for one that the client has sent.
    :raises BadRequest: the location is not safe by :func:`is_safe_redirect`, and has to be (400).
    """
    if not allow_external and not is_safe_redirect(location):
        raise BadRequest("The address to go on to is not one of this site.")
    context = current_context.get(None)
    if context is not None:
        return context.app.redirect(location, code=code)
    return werkzeug_redirect(location, code=code, Response=Response)


def is_safe_redirect(target: str | None) -> bool:
    """Tells whether a redirect to a target that the client has sent stays on this site.

    :param target: such as ``request.args.get("next")``; None is not safe.
    :returns: whether it is a path, or a URL of the present request's host that is not less secure.

    >>> is_safe_redirect("/account"), is_safe_redirect("https://attacker.example/account")
    (True, False)
    """
    context = current_context.get(None)
    request_context = None if context is None else context.request_context()
    if request_context is None:
        return is_own_target(target)
    request = request_context.request
    return is_own_target(target, request.scheme, request.host)


def abort(code: int | WerkzeugResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises the HTTP error of a status code, through the current application's ``aborter``.

    :param code: a status code of 400 and above, or a response to be sent as it is.
    :param args: what the exception takes, such as the description.
    :raises werkzeug.exceptions.HTTPException: always.
    :raises LookupError: where there is no exception for the code.
    """
    context = current_context.get(None)
    if context is not None:
        context.app.aborter(code, *args, **kwargs)
    werkzeug_abort(code, *args, **kwargs)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Returns a macro or variable that a template defines, for use in Python.

    :param template_name: the template's name.
    :param attribute: the name of the macro or variable.
    :raises AttributeError: where the template has none of that name.
    """
    return getattr(current_app.jinja_env.get_template(template_name).module, attribute)


def flash(message: str, category: str = "message") -> None:
    """Keeps a message in the session for the next page that shows :func:`get_flashed_messages`.

    :param message: the text.
    :param category: any word; ``message``, ``error``, ``info`` and ``warning`` are the usual ones.
    """
    # Stored again rather than changed in place: a session of another kind may hand out copies.
    flashes = session.get("_flashes", [])
    flashes.append((category, message))
    session["_flashes"] = flashes
    app = current_context.get().app
    if message_flashed.receivers:
        message_flashed.send(app, _async_wrapper=app.ensure_sync, message=message, category=category)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Takes the flashed messages out of the session; the same request gets the same ones at each call.

    :param with_categories: return pairs of category and text rather than texts.
    :param category_filter: return only those of these categories; empty for all.
    """
    # This complains, with a remedy, where there is no request.
    context = find_request_context()
    visitor: Any = context.session
    flashes = context.flashes
    if flashes is None:
        flashes = context.flashes = visitor.pop("_flashes") if "_flashes" in visitor else []
    if category_filter:
        wanted = frozenset(category_filter)
        flashes = [pair for pair in flashes if pair[0] in wanted]
    if with_categories:
        return list(flashes)
    return [message for _, message in flashes]


def default_context_processor() -> dict[str, Any]:
    """Returns the values that every template gets: ``g``, and in a request ``request``.

    The session is not among them: reading it here would mark it as accessed for each template. Templates reach it
    through the global of the same name.
    """
    context = current_context.get(None)
    if context is None:
        return {}
    request_context = context.request_context()
    if request_context is None:
        return {"g": context.g}
    return {"g": context.g, "request": request_context.request}
