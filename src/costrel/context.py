"""The contexts: the objects that the one ContextVar holds while an application or a request is current.

Only this layer and those above it may know that there is a current application. A context is either an
``AppContext`` (a shell, a command, a background task) or a ``RequestContext``, which is an ``AppContext`` with a
request. Both are made cheaply: the request, the session, ``g`` and the URL adapter appear when first asked for.

Source: https://flask.palletsprojects.com/en/stable/appcontext/ and .../reqcontext/
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import RequestRedirect

from costrel import signals
from costrel.lazy import lazy
from costrel.proxies import app_ctx as app_ctx
from costrel.proxies import current_app as current_app
from costrel.proxies import current_context as current_context
from costrel.proxies import g as g
from costrel.proxies import request as request
from costrel.proxies import request_ctx as request_ctx
from costrel.proxies import session as session
from costrel.request import Request
from costrel.request_parts import READERS
from costrel.response import Response
from costrel.security import LINE_BREAKERS
from costrel.session_data import NullSession

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import MapAdapter

    from costrel.app import App
    from costrel.routing import Rule
    from costrel.sessions import SessionMixin
    from costrel.typing import AfterRequestCallable

C = TypeVar("C", bound="AppContext")
F = TypeVar("F", bound=Callable[..., Any])

_UNSET: Any = object()

_new_request: Callable[[type[Request]], Request] = object.__new__


class _AppCtxGlobals:
    """The plain object behind ``g``: any attribute may be set, and it lives as long as its context."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'g' has no attribute {name!r} in this context: set it first, or use g.get({name!r}).")

    def get(self, name: str, default: Any | None = None) -> Any:
        """Returns the attribute, or the default where it is not set."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = _UNSET) -> Any:
        """Removes the attribute and returns it; without a default, a missing one is a KeyError."""
        if default is _UNSET:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Returns the attribute, set to the default first where it was missing."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        context = current_context.get(None)
        return object.__repr__(self) if context is None else f"<{context.app.framework_name}.g of {context.app.name!r}>"

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...
        def __delattr__(self, name: str) -> None: ...


class _LazyGlobals:
    """Makes ``g`` when it is first asked for."""

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        # PERF: `lazy` stores in `__dict__`, which Python 3.11 and later have to make for that, and then all attributes
        # of the context are found later: 0.3 us of a request with `g`.
        instance.g = instance.app.app_ctx_globals_class()
        return instance.g


class AppContext:
    """Makes an application current: for a command, a shell, a background task.

    :param app: the application, an :class:`~costrel.App`.
    """

    #: Whether this is the context of a request that is being handled.
    _active: bool = False
    #: The context of the same application that was current already, whose ``g`` and teardown a request shares.
    shared_context: AppContext | None = None
    #: Why a proxy could not read an attribute, until the proxy has raised it.
    attribute_error: AttributeError | None = None

    def __init__(self, app: App) -> None:
        self.app = app
        self._tokens: list[tuple[Token[AppContext], RequestContext | None]] = []
        self._surrounding: RequestContext | None = None

    #: The object for data of this context.
    g: _AppCtxGlobals = _LazyGlobals()  # type: ignore[assignment]

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """The URL adapter for building URLs without a request; None where ``SERVER_NAME`` is not set."""
        return self.app.create_url_adapter(None)

    def request_context(self) -> RequestContext | None:
        """Returns the context of the request that is being handled, if there is one."""
        return self._surrounding

    def app_context(self) -> AppContext:
        """Returns the context that ``app_ctx`` stands for: extensions keep things for each, until its teardown."""
        return self.shared_context or self

    def push(self) -> None:
        """Makes this context the current one."""
        outer = current_context.get(None)
        self._tokens.append((current_context.set(self), self._surrounding))
        self._surrounding = None if outer is None else outer.request_context()
        if signals.watched:
            signals.appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _UNSET) -> None:
        """Runs the teardown functions, if this was the outermost push, and makes the previous context current again.

        :param exc: the error that ended the context, for the teardown functions; by default the one being handled.
        """
        if exc is _UNSET:
            exc = sys.exc_info()[1]
        try:
            if len(self._tokens) == 1:
                self.app.do_teardown_appcontext(exc)
        finally:
            active = current_context.get(None)
            if not self._tokens:
                raise AssertionError(f"Popped wrong app context. ({self!r} was not pushed)")
            token, self._surrounding = self._tokens.pop()
            current_context.reset(token)
        _check_popped("app", active, self)
        if signals.watched:
            signals.appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

    def __enter__(self: C) -> C:
        self.push()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pop(exc_value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.app.name}>"


class RequestContext(AppContext):
    """Makes a request and its application current.

    :param app: the application, an :class:`~costrel.App`.
    :param environ: the WSGI environ of the request (PEP 3333).
    :param request: a request object to use rather than making one from the environ.
    :param session: a session to use rather than opening one.
    """

    #: The rule that matched, and the arguments for the view.
    rule: Rule | None = None
    view_args: dict[str, Any] | None = None
    routing_exception: HTTPException | None = None
    #: Messages flashed in earlier requests, once a template asked for them.
    flashes: list[tuple[str, str]] | None = None
    _request: Request | None = None
    #: The beginnings of the request object's ``__dict__`` while there is no object.
    _parts: dict[str, Any] | None = None
    _session: SessionMixin | None = None
    _after_functions: list[AfterRequestCallable] | None = None
    #: False once the request part of the context has been torn down.
    _active: bool = True
    #: True where dispatching sees to the teardown, so that popping the context must not.
    _ended_elsewhere: bool = False

    def __init__(
        self,
        app: App,
        environ: WSGIEnvironment,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        # PERF: what is not needed by every request is a default of the class, not an assignment here (0.1 us each
        # for the list of tokens, the request and the session).
        self.app = app
        self.environ = environ
        if request is not None:
            self.request = request
            self.rule = request.url_rule
            self.view_args = request.view_args
            self.routing_exception = request.routing_exception
        if session is not None:
            self._session = session

    @lazy
    def _tokens(self) -> list[Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One entry per push: the token, and the app context of the same application that was already there."""
        return []

    # PERF: the request and the after-request functions are properties over an attribute with a default, not `lazy`:
    # looking into `__dict__` to see whether they were made costs 0.1 us a request on Python 3.11 and later.
    @property
    def request(self) -> Request:
        """The request object, made when first asked for."""
        request = self._request
        if request is None:
            app = self.app
            plans = app._plans
            if plans is not None and plans.known_request:
                # PERF: what the class does when it is called, 0.15 us of 0.45.
                request = _new_request(Request)
                request.environ = self.environ
            else:
                request = app.request_class(self.environ)
            self._request = request
            if self._parts:
                vars(request).update(self._parts)
            request.json_module = app.json
            request.url_rule = self.rule
            request.view_args = self.view_args
            if self.routing_exception is not None:
                request.routing_exception = self.routing_exception
        return request

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request

    def part(self, name: str) -> Any:
        """Returns what the request has under one of the names in ``READERS``, where that takes no request object.

        PERF: a view that asks for nothing else, as most do, causes none: 0.8 us less.

        :returns: None where it does.
        """
        app = self.app
        if not getattr(app.request_class, "_reads_early", False):
            return None
        parts = self._parts
        if parts is None:
            parts = self._parts = {}
        return READERS[name](self.environ, app.config, parts)

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """The URL adapter bound to this request; None where the request's host is refused."""
        try:
            return self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self.routing_exception = self.request.routing_exception = error
            return None

    @property
    def session(self) -> SessionMixin:
        """The session, opened when first asked for; asking for it marks it as accessed."""
        session = self._session
        if session is None:
            session = self.open_session()
        session.accessed = True
        return session

    @property
    def _after_request_functions(self) -> list[AfterRequestCallable]:
        """Functions that run on the response of this request, before the registered ``after_request`` hooks."""
        if self._after_functions is None:
            self._after_functions = []
        return self._after_functions

    def open_session(self) -> SessionMixin:
        """Opens the session through the application's session interface and keeps it, without marking it accessed."""
        session = self._session
        if session is None:
            cookie = (self.app._plans or self.app.plans()).sessions
            if cookie is not None:
                session = cookie.open(self.environ, self._request)
            if session is None:
                interface = self.app.session_interface
                session = interface.open_session(self.app, self.request)
                if session is None:
                    session = interface.make_null_session(self.app)
            self._session = session
        return session

    def request_context(self) -> RequestContext | None:
        return self if self._active else None

    def copy(self) -> RequestContext:
        """Returns a context of the same request and session, to be pushed in another thread or greenlet."""
        return type(self)(self.app, self.environ, request=self.request, session=self._session)

    def match_request(self) -> None:
        """Finds the rule for the request; a failure is kept in ``request.routing_exception``."""
        adapter = self.url_adapter
        if adapter is None:
            return
        request = self.request
        try:
            self.rule, self.view_args = request.url_rule, request.view_args = cast(
                "tuple[Rule, dict[str, Any]]", adapter.match(return_rule=True)
            )
        except HTTPException as error:
            if isinstance(error, RequestRedirect) and not LINE_BREAKERS.isdisjoint(error.new_url):
                self.routing_exception = BadRequest("The URL has a line break or a NUL character.")
            else:
                # What led to it are frames that hold this context: a reference cycle of 60 objects.
                error.__traceback__ = error.__context__ = None
                self.routing_exception = error
            request.routing_exception = self.routing_exception

    def push(self) -> None:
        """Makes this context the current one, opens the session and matches the URL."""
        shared = self.join(current_context.get(None))
        self._tokens.append((current_context.set(self), shared))
        self._active = True
        if not shared and signals.watched:
            signals.appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)
        # The session comes first, so that a custom URL converter can use it.
        self.open_session()
        self.match_request()

    def join(self, outer: AppContext | None) -> bool:
        """Takes ``g`` over from a context of the same application that is current already.

        :returns: whether there is such a context; it then also owns the teardown of the application's context.
        """
        if outer is None or outer.app is not self.app:
            self.shared_context = None
            return False
        self.g = outer.g
        self.shared_context = outer.app_context()
        return True

    def pop(self, exc: BaseException | None = _UNSET) -> None:
        """Runs the teardown functions, if this was the outermost push, and makes the previous context current again."""
        if exc is _UNSET:
            exc = sys.exc_info()[1]
        if not self._tokens:
            raise AssertionError(f"Popped wrong request context. ({self!r} was not pushed)")
        shared = self._tokens[-1][1]
        active = current_context.get(None)
        try:
            if len(self._tokens) == 1 and not self._ended_elsewhere:
                self.tear_down(exc, shared)
        finally:
            token, _ = self._tokens.pop()
            current_context.reset(token)
        _check_popped("request", active, self)
        if not shared and signals.watched:
            signals.appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

    def is_shared(self) -> bool:
        """Tells whether an outer context of the same application owns the application's part of the teardown."""
        return bool(self._tokens and self._tokens[-1][1])

    def detach(self) -> None:
        """Makes the previous context current again, and leaves the teardown to a later call of :meth:`tear_down`."""
        if self._tokens:
            token, _ = self._tokens.pop()
            current_context.reset(token)

    def tear_down(self, exc: BaseException | None, shared: bool) -> None:
        """Runs the teardown functions of the request and then, if the context owns it, of the application's context.

        :param exc: the error that ended the request, handed to the functions.
        :param shared: whether an outer context of the same application owns the application's part.
        """
        try:
            self.app.do_teardown_request(exc)
        finally:
            try:
                self.close_request()
            finally:
                self._active = False
                try:
                    if not shared:
                        self.app.do_teardown_appcontext(exc)
                finally:
                    # A test client may have pushed the context again, to look at it.
                    self._active = bool(self.__dict__.get("_tokens"))

    def close_request(self) -> None:
        """Closes the files of the request's form, if somebody made a request object at all."""
        close = getattr(self._request, "close", None)
        if close is not None:
            close()

    def __repr__(self) -> str:
        return f"<RequestContext {self.request.url!r} [{self.request.method}] of {self.app.name}>"


def _check_popped(kind: str, active: AppContext | None, expected: AppContext) -> None:
    """Raises AssertionError where another context was on top than the one that is being popped."""
    if active is not expected:
        raise AssertionError(f"Popped wrong {kind} context. ({active!r} instead of {expected!r})")


def has_request_context() -> bool:
    """Tells whether a request is being handled here.

    >>> has_request_context()
    False
    """
    context = current_context.get(None)
    return context is not None and context.request_context() is not None


def has_app_context() -> bool:
    """Tells whether an application is current here.

    >>> has_app_context()
    False
    """
    return current_context.get(None) is not None


def _request_context_for(function: str) -> RequestContext:
    """Returns the context of the present request, which a function needs."""
    context = current_context.get(None)
    found = None if context is None else context.request_context()
    if found is None:
        raise RuntimeError(
            f"'{function}' can only be used when a request context is active, such as in a view function."
        )
    return found


def after_this_request(f: F) -> F:
    """Decorates a function of the response that is to run at the end of this request only.

    :param f: takes the response and returns it or another one.
    :raises RuntimeError: where no request is being handled.
    """
    _request_context_for("after_this_request")._after_request_functions.append(f)
    return f


def copy_current_request_context(f: F) -> F:
    """Decorates a function so that it sees the present request, wherever and whenever it runs.

    Meant for greenlets and threads that start in a view and end before it does. Each call runs in a fresh copy of
    the context. The function becomes a synchronous one if it was ``async def``.

    :raises RuntimeError: where no request is being handled.
    """
    original = _request_context_for("copy_current_request_context").copy()

    @functools.wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        with original.copy() as context:
            return context.app.ensure_sync(f)(*args, **kwargs)

    return cast(F, run)


def _settings() -> Mapping[str, Any] | None:
    context = current_context.get(None)
    return None if context is None else context.app.config


def describe_request() -> str:
    """Returns a sentence for error messages that names the endpoint of the present request; empty where none has."""
    context = current_context.get(None)
    found = None if context is None else context.request_context()
    endpoint = None if found is None else found.request.endpoint
    return "" if endpoint is None else f" The request is for the endpoint {endpoint!r}."


# The layers below may not know of a current application: this one tells them where its limits are, and of the request.
Request.current_settings = staticmethod(_settings)
Response.current_settings = staticmethod(_settings)
NullSession.describe_request = staticmethod(describe_request)
