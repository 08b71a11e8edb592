"""The life of a request: from the server's call to the closed body. Read it from the top down.

There are two ways through, and a request can't tell them apart. The *short way* runs the plan that was made from what
the application registered. The *long way* calls each of the application's methods that programs and agents replace,
in Flask's order; it is taken where one of them is replaced. ``tests/test_short_way.py`` shows that both do the same.
What happens at the end is in ``costrel.ending``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from costrel import signals
from costrel.body import Body
from costrel.coerce import error_reply, make_response, plain_reply
from costrel.context import RequestContext, current_context
from costrel.ending import (
    PRESERVE_CONTEXT,
    ReportedStream,
    StreamedBody,
    close_request,
    end_request,
    end_with_body,
    failures,
    file_wrapper,
    run_all,
    send_popped,
)
from costrel.errors import UNHANDLED, handle_plainly
from costrel.request_url import decode_path
from costrel.response import Response, assemble, prepared
from costrel.routing.tables import AllowedMethods
from costrel.sessions import SecureCookieSession

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from costrel.app import App
    from costrel.plan import Plan, Plans


class _ServedContext(RequestContext):
    """The context of a request on the short way; a view may push and pop it again without ending the request."""

    _ended_elsewhere = True
    #: What the endpoint runs; set once the URL has been matched.
    plan: Plan

    def copy(self) -> RequestContext:
        # Opened now: whoever gets the copy has the same session, and what it writes is saved with the response.
        return RequestContext(self.app, self.environ, request=self.request, session=self.open_session())


_new_context: Callable[[type[_ServedContext]], _ServedContext] = object.__new__


# budget: this function and the next are the hot path; each step in a function of its own would cost 0.05 us of 2.
def serve(
    app: App, environ: WSGIEnvironment, start_response: StartResponse, plans: Plans | None = None
) -> Iterable[bytes]:
    """Answers one request: what a server calls, ``App.__call__``.

    :param environ: the WSGI environ.
    :param start_response: takes the status line and the headers.
    :param plans: those of the application, from whoever has passed a middleware; without them, an ``App.wsgi_app`` that
        is replaced is called first.
    :returns: the body. Teardown functions run when it has been closed.
    """
    if plans is None:
        plans = app._serving_plans
        if plans is None or plans.wrapped:
            return app.wsgi_app(environ, start_response)
    if not plans.short:
        return _handle_by_methods(app, environ, start_response)
    # PERF: without the call of a constructor written in Python: 0.1 us. What each request asks for is set here although
    # the class has the same defaults: an attribute of the instance is found 0.04 us sooner.
    context = _new_context(_ServedContext)
    context.app = app
    context.environ = environ
    context._request = context._session = context._after_functions = None
    context._active = True
    context.routing_exception = None
    context.plan = plans.unmatched
    outer = current_context.get(None)
    shared = outer is not None and context.join(outer)
    method = environ["REQUEST_METHOD"]
    token = current_context.set(context)
    error: Exception | None = None
    body: Iterable[bytes] = ()
    try:
        try:
            if signals.watched and not shared and signals.appcontext_pushed.receivers:
                signals.appcontext_pushed.send(app, _async_wrapper=app.ensure_sync)
            reply = _answer(app, plans, context, environ, method)
        except Exception as unhandled:
            error = unhandled
            reply = failures().answer(app, unhandled)
        if type(reply) is tuple:
            status, headers, body = reply
            start_response(status, headers)
            if method == "HEAD":
                body = body.emptied() if isinstance(body, Body) else []
        else:
            body = reply(environ, start_response)
            if not getattr(reply, "is_sequence", False) and not isinstance(body, file_wrapper(environ)):
                body = StreamedBody(body, context, shared, error)
    except BaseException as escaping:
        failures().report_escaping(app, escaping)
        # Of two errors, teardown functions are told the one that the request failed with, not its handler's.
        end_request(context, environ, shared, escaping if error is None else error)
        raise
    else:
        # PERF: whether there is something to end is asked here, inline: ending nothing would cost 0.9 us. A request
        # object may hold files of a form, or something else that its class closes.
        request = context._request
        ends = context.plan.ends or signals.end_watched or PRESERVE_CONTEXT in environ
        if ends or (request is not None and (not plans.plain_request or "files" in request.__dict__)):
            complete = isinstance(body, list) if type(reply) is tuple else getattr(reply, "is_sequence", False)
            if ends or error is not None or not complete:
                body = end_with_body(context, environ, shared, error, body, complete)
            else:
                close_request(context)
        elif type(body) is Body:
            body = ReportedStream(body._chunks, body._source, context)
        return body
    finally:
        current_context.reset(token)
        if signals.watched and type(body) is not StreamedBody:
            send_popped(context, shared)
        # An error holds the frames that it was raised through: none of them may hold the error, nor the context.
        error = None
        if context.routing_exception is not None:
            context.routing_exception.__traceback__ = None


def handle(app: App, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers one request that has passed whatever middleware there is: ``App.wsgi_app``."""
    plans = app._serving_plans
    return serve(app, environ, start_response, app.start_serving() if plans is None else plans)


# budget: as above.
def _answer(
    app: App, plans: Plans, context: _ServedContext, environ: WSGIEnvironment, method: str
) -> Any:  # a Reply or a Response
    """Matches the URL, runs hooks and view, and returns what goes to the server."""
    plan = plans.unmatched
    value: Any = None
    view_args: Any
    try:
        path = environ.get("PATH_INFO", "")
        # PERF: the commonest outcome inline, without the call of _match: 0.1 us.
        usual = (
            path.isascii()
            and environ.get("HTTP_HOST") in plans.known_hosts
            and "HTTP_UPGRADE" not in environ
            and context._request is None  # else a receiver of a signal has made it, and it is to be told the outcome
        )
        found: Any = plans.look_up(method, path) if usual else None
        if type(found) is tuple:
            rule, view_args = found
            context.rule = rule
            context.view_args = view_args
        elif found is not None:
            rule = view_args = None
            context.routing_exception = found
        else:
            if not method.isupper():
                # Programs compare methods in capitals, as `request.method` gives them.
                method = method.upper()
                usual = False
            rule = _match(plans, context, environ, method, usual)
            view_args = context.view_args
        if rule is not None:
            plan = context.plan = plans[rule.endpoint]
        if signals.watched:
            if signals.request_started.receivers:
                signals.request_started.send(app, _async_wrapper=app.ensure_sync)
            plans = app.plans()
            rule, view_args = _take_from_request(context)
            plan = context.plan = plans[None if rule is None else rule.endpoint]
        if method != "GET" and plan.guard is not None:
            plan.guard(environ, method)
        if plan.hooked:
            value = _run_before(plan, context)
            changed = app._serving_plans is not plans  # a hook has replaced a view, for example
            if changed:
                plans = app.plans()
            if changed or context._request is not None:
                rule, view_args = _take_from_request(context)
                plan = context.plan = plans[None if rule is None else rule.endpoint]
        if value is None:
            if rule is None:
                failure: Any = context.routing_exception
                if type(failure) is not NotFound or not plans.plain_errors:
                    _raise_unusual_routing_error(app, plans, context)
                # PERF: to raise and catch it takes 0.35 us. A handler must find it as the one being handled.
                if app.error_handler_spec:
                    raise failure
            elif method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
                if plan.replies_plainly and plans.plain_options:
                    value = allowed_methods(app, context)
                else:
                    value = app.make_default_options_response()
            else:
                value = plan.view(**view_args) if view_args else plan.view()
    except Exception as error:
        if plans.plain_errors:
            value = handle_plainly(app, error, plan.blueprints)
            if value is UNHANDLED:
                raise
        else:
            value = app.handle_user_exception(error)
        if value is error:
            error.__traceback__ = None  # It holds this frame, which holds the value.
    else:
        if rule is None and value is None:
            # Outside of the try: what the handler raises must not be handled a second time.
            value = handle_plainly(app, cast(Exception, context.routing_exception), plan.blueprints)
    if app._serving_plans is not plans:
        # Something was registered or replaced since the request began; what comes now is to notice.
        plans = app.plans()
        plan = context.plan = plans[endpoint_of(context)]
    kind = type(value)
    if (
        plan.replies_plainly
        and kind is not Response
        and context._after_functions is None
        and not (signals.watched and signals.request_finished.receivers)
    ):
        if kind is str:
            # PERF: what plain_reply would return, without two calls: 0.15 us.
            data = value.encode()  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
            fields = [plans.html_header, ("Content-Length", str(len(data))), *plans.default_headers]
            reply: Any = "200 OK", fields, [data]
        elif kind is dict and plans.plain_json:
            data = plans.json_body(value).encode()
            fields = [plans.json_header, ("Content-Length", str(len(data))), *plans.default_headers]
            reply = "200 OK", fields, [data]
        elif kind is GeneratorType:
            # PERF: as by plain_reply, with one object in place of two: 0.5 us.
            stream: Any = value
            reply = "200 OK", [plans.html_header, *plans.default_headers], ReportedStream(stream, stream, context)
        elif isinstance(value, HTTPException):
            reply = error_reply(plans, value)
        else:
            reply = plain_reply(plans, value, plans.default_headers)
        if reply is not None:
            if context._session is None and "HTTP_COOKIE" not in environ:
                return reply
            session_fields = _session_fields(app, plans, context, environ)
            if session_fields is not None:
                reply[1].extend(session_fields)
                return reply
    return _with_response(app, plans, context, environ, value)


def _with_response(app: App, plans: Plans, context: _ServedContext, environ: WSGIEnvironment, value: Any) -> Any:
    """Returns what goes to the server where a Response object is made of what the view returned, for hooks to see."""
    if not plans.plain_response:
        value = make_response(app, value, environ, endpoint_of(context))
    elif type(value) is str:
        # PERF: what make_response would return, without two calls: 0.3 us.
        data = value.encode()
        value = assemble(200, [plans.html_header, ("Content-Length", str(len(data)))], [data], False)
    elif type(value) is not Response:
        value = make_response(app, value, environ, endpoint_of(context))
    if context._after_functions is not None or context._request is not None:
        value = _run_after(app, plans, context, value)
    else:
        for function in context.plan.after:
            value = function(value)
    missing = plans.default_headers
    if signals.watched or context._session is not None or "HTTP_COOKIE" in environ or type(value) is not Response:
        _complete(app, plans, context, value)
        missing = ()
        if signals.watched:
            signals.request_finished.send(app, _async_wrapper=app.ensure_sync, response=value)
    if type(value) is Response and plans.plain_response and environ["REQUEST_METHOD"] != "HEAD":
        reply = prepared(value, plans.header_roles, missing, not (context.plan.ends or signals.watched))
        if reply is not None:
            return reply
    if missing:
        _complete(app, plans, context, value)
    return value


def _take_from_request(context: _ServedContext) -> tuple[Any, Any]:
    """Returns the rule and the view's arguments after a function that may have changed them on the request."""
    request = context._request
    if request is not None:
        context.routing_exception = request.routing_exception
        context.view_args = request.view_args
        # A failure comes before a rule.
        context.rule = request.url_rule if request.routing_exception is None else None
    return context.rule, context.view_args


def _match(plans: Plans, context: RequestContext, environ: WSGIEnvironment, method: str, missed: bool) -> Any:
    """Returns the rule for the request and notes it in the context; None where there is none.

    :param missed: whether ``plans.look_up`` was asked already.
    """
    host = environ.get("HTTP_HOST")
    if plans.check_host or host not in plans.known_hosts:
        if context.url_adapter is None:
            return None
        if not plans.check_host:
            if len(plans.known_hosts) >= 1024:  # somebody invents hosts
                plans.known_hosts.clear()
            plans.known_hosts.add(host)
    path = environ.get("PATH_INFO", "")
    if not path.isascii():
        path = path_of(environ)
    if "HTTP_UPGRADE" in environ:
        # Only the adapter tells a websocket request from others.
        context.match_request()
        return context.rule
    found: Any = None if missed else plans.look_up(method, path)
    if type(found) is tuple:
        context.rule, context.view_args = found
    else:
        context.routing_exception = found or plans.miss(method, path)
        if context.routing_exception is None:
            context.match_request()
    if context._request is not None:
        # Checking the host has made a request object, before the outcome of matching was known.
        request = context._request
        request.url_rule, request.view_args = context.rule, context.view_args
        request.routing_exception = context.routing_exception
    return context.rule


def path_of(environ: WSGIEnvironment) -> str:
    """Returns the path of a request as text: its bytes come as Latin-1 characters (PEP 3333), URLs are UTF-8."""
    return decode_path(environ.get("PATH_INFO", ""))


def _raise_unusual_routing_error(app: App, plans: Plans, context: RequestContext) -> None:
    """Raises why no rule matches the URL, unless it is a 404 or 405 that the caller may handle plainly."""
    error = context.routing_exception
    if error is None and context.request.routing_exception is None:
        # The class is that of the error on the long way, and of Flask's, which look for the endpoint of None.
        raise AttributeError(
            "The request has neither a rule nor a routing exception: a hook has set `request.url_rule` to None."
            " Let it set `request.routing_exception` too, such as to werkzeug's NotFound()."
        )
    if error is None or not plans.plain_errors or type(error) not in (NotFound, MethodNotAllowed):
        app.raise_routing_exception(context.request)


def _run_before(plan: Plan, context: RequestContext) -> Any:
    """Runs URL preprocessors and before-request hooks; returns the first response that a hook gives."""
    for preprocess in plan.preprocessors:
        preprocess(endpoint_of(context), _view_args(context))
    for function in plan.before:
        value = function()
        if value is not None:
            return value
    return None


def _session_to_save(plans: Plans, context: RequestContext, environ: WSGIEnvironment) -> Any:
    """Returns the session if saving it could change the response, else None."""
    session = context._session
    if session is None:
        if plans.session_cookie not in environ.get("HTTP_COOKIE", ""):
            return None
        # Nobody looked at the session, but a permanent one is sent again with each response.
        session = context.open_session()
    if session.accessed or session.modified or session.permanent:
        return session
    return None


def _session_fields(
    app: App, plans: Plans, context: RequestContext, environ: WSGIEnvironment
) -> Iterable[tuple[str, str]] | None:
    """Returns the headers with which the session is saved; None where a Response object is needed for it."""
    session = _session_to_save(plans, context, environ)
    if session is None:
        return ()
    if plans.sessions is not None and type(session) is SecureCookieSession:
        return plans.sessions.fields(session)
    interface: Any = app.session_interface
    if interface.is_null_session(session):
        return ()
    fields: Iterable[tuple[str, str]] | None = interface.fields(app, session)
    return fields


def process_response(app: App, context: RequestContext, response: Response) -> Response:
    """Runs the after-request hooks, saves the session and adds the default headers; see ``App.process_response``."""
    plans = app._plans or app.plans()
    response = _run_after(app, plans, context, response)
    _complete(app, plans, context, response)
    return response


def _run_after(app: App, plans: Plans, context: RequestContext, response: Response) -> Response:
    """Runs the functions of this request and the after-request hooks, each of which may return another response."""
    if context._after_functions:
        for function in context._after_functions:
            response = app.ensure_sync(function)(response)
    for function in plans[endpoint_of(context)].after:
        response = function(response)
    return response


def _complete(app: App, plans: Plans, context: RequestContext, response: Response) -> None:
    """Saves the session and adds the default headers."""
    session = context._session
    if session is None and "HTTP_COOKIE" in context.environ and plans.short:
        session = _session_to_save(plans, context, context.environ)
    if session is not None and not app.session_interface.is_null_session(session):
        app.session_interface.save_session(app, session, response)
    for field in plans.default_headers:
        if field[0] not in response.headers:
            # PERF: the field was checked when the plans were made: 0.6 us less than `headers[name] = value`.
            response.headers._list.append(field)


def _handle_by_methods(app: App, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The long way: the same life of a request, through the application's replaceable methods."""
    context = app.request_context(environ)
    error: Exception | None = None
    ended = True
    try:
        try:
            context.push()
            response = app.full_dispatch_request()
        except Exception as unhandled:
            error = unhandled
            response = failures().answer(app, unhandled)
        body = response(environ, start_response)
    except BaseException as escaping:
        failures().report_escaping(app, escaping)
        end_request(context, environ, context.is_shared(), escaping if error is None else error)
        raise
    else:
        complete = getattr(response, "is_sequence", False)
        body = end_with_body(context, environ, context.is_shared(), error, body, complete)
        ended = not isinstance(body, StreamedBody)
        return body
    finally:
        error = None
        if context.routing_exception is not None:
            context.routing_exception.__traceback__ = None
        shared = context.is_shared()
        context.detach()
        if ended:
            send_popped(context, shared)


def check_origin(app: App, context: RequestContext) -> None:
    """Refuses an unsafe request from another origin on the long way.

    :raises CrossOriginRefused: it is one (403).
    """
    guard = _plan(app, context).guard
    if guard is not None:
        guard(context.environ, context.environ["REQUEST_METHOD"])


def preprocess(app: App, context: RequestContext) -> Any:
    """Runs what comes before the view; see ``App.preprocess_request``."""
    return _run_before(_plan(app, context), context)


def allowed_methods(app: App, context: RequestContext) -> AllowedMethods:
    """Returns the methods that the path of a request can be asked for with."""
    plans = app._plans or app.plans()
    if plans.short and not plans.check_host:
        methods = app.url_map.allowed_methods(path_of(context.environ))
        if methods is not None:
            return methods
    adapter = context.url_adapter
    return AllowedMethods(() if adapter is None else adapter.allowed_methods())


def call_view(app: App, context: RequestContext) -> Any:
    """Calls the view of the matched rule, or raises why none matched; see ``App.dispatch_request``."""
    request = context.request
    if request.routing_exception is not None:
        app.raise_routing_exception(request)
    rule: Any = request.url_rule
    if getattr(rule, "provide_automatic_options", False) and request.method == "OPTIONS":
        return app.make_default_options_response()
    plans = app.plans()
    return plans[rule.endpoint].view(**cast("dict[str, Any]", request.view_args))


def tear_down_request(app: App, context: RequestContext, error: BaseException | None) -> None:
    """Runs the teardown functions of the request, all of them; see ``App.do_teardown_request``."""
    run_all(app, _plan(app, context).teardown, error)
    if signals.watched:
        signals.request_tearing_down.send(app, _async_wrapper=app.ensure_sync, exc=error)


def _plan(app: App, context: RequestContext) -> Plan:
    plans = app.plans()
    return plans[endpoint_of(context)]


def endpoint_of(context: RequestContext) -> str | None:
    """Returns the endpoint of the matched rule; that of the request object, if somebody has set its rule."""
    request = context._request
    rule = context.rule if request is None else request.url_rule
    return None if rule is None else rule.endpoint


def blueprints_of(context: RequestContext) -> tuple[str, ...]:
    """Returns the names of the blueprints of a request, innermost first."""
    return _plan(context.app, context).blueprints


def _view_args(context: RequestContext) -> dict[str, Any] | None:
    request = context._request
    return context.view_args if request is None else request.view_args
