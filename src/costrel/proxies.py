"""The proxies of the current application and request, and the one ContextVar that they read.

A proxy stands for whatever the present context holds. The contexts themselves are in ``costrel.context``.

Source: https://flask.palletsprojects.com/en/stable/appcontext/ and .../reqcontext/
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.local import LocalProxy

from costrel.request_parts import READERS

if TYPE_CHECKING:
    from costrel.app import App
    from costrel.context import AppContext, RequestContext, _AppCtxGlobals
    from costrel.request import Request
    from costrel.sessions import SessionMixin

T = TypeVar("T")

NO_APP = """Working outside of application context.

This code needs the current application, and none is active here. In a request, a command or a shell there is
one already; elsewhere wrap the code in `with app.app_context():`."""

NO_REQUEST = """Working outside of request context.

This code needs an active HTTP request, and none is active here. Call it from a view or a function that a view
calls; in a test wrap it in `with app.test_request_context():`."""

#: The context of the running thread or task. Not set where no context is pushed.
current_context: ContextVar[AppContext] = ContextVar("costrel.current_context")


def find_app_context() -> AppContext:
    """Returns the present context.

    :raises RuntimeError: there is none.
    """
    try:
        return current_context.get()
    except LookupError:
        raise RuntimeError(NO_APP) from None


def find_request_context() -> RequestContext:
    """Returns the context of the present request.

    :raises RuntimeError: no request is being handled.
    """
    context = current_context.get(None)
    found = None if context is None else context.request_context()
    if found is None:
        raise RuntimeError(NO_REQUEST)
    return found


# PERF: werkzeug's LocalProxy takes 0.9 us to read an attribute. Its way is `__getattr__`, for which Python 3.11 first
# makes and drops an AttributeError: 0.6 us even if it goes straight to the context, `__getattribute__` 0.2. Names that
# begin with an underscore, operators and the rest stay LocalProxy's, which has no other names of its own. They come
# before "a", which is 0.015 us sooner compared than a first character (8 % of an access); so do names that begin with a
# capital, which reach the object by way of `__getattr__`.
class _Proxy(LocalProxy[T]):
    """What the proxies have in common: an attribute that cannot be read is not computed a second time."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        # Python calls this where `__getattribute__` has raised an AttributeError.
        context = current_context.get(None)
        if context is not None and context.attribute_error is not None and name[:1] != "_":
            error, context.attribute_error = context.attribute_error, None
            try:
                raise error
            finally:
                del error
        return getattr(self._get_current_object(), name)


class _RequestProxy(_Proxy["Request"]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name < "a":
            return object.__getattribute__(self, name)
        context: Any = current_context.get(None)
        if context is None or not context._active:
            context = find_request_context()
        request = context._request
        try:
            if request is None:
                if name in READERS:
                    parts = context._parts
                    part = context.part(name) if parts is None or name not in parts else parts[name]
                    if part is not None:
                        return part
                request = context.request
            return getattr(request, name)
        except AttributeError as error:
            current_context.get().attribute_error = error
            raise


class _SessionProxy(_Proxy["SessionMixin"]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name < "a":
            return object.__getattribute__(self, name)
        context: Any = current_context.get(None)
        if context is None or not context._active:
            context = find_request_context()
        try:
            return getattr(context.session, name)
        except AttributeError as error:
            current_context.get().attribute_error = error
            raise

    def __getitem__(self, key: str) -> Any:
        context: Any = current_context.get(None)
        if context is None or not context._active:
            context = find_request_context()
        return context.session[key]

    def __setitem__(self, key: str, value: Any) -> None:
        context: Any = current_context.get(None)
        if context is None or not context._active:
            context = find_request_context()
        context.session[key] = value


class _GProxy(_Proxy["_AppCtxGlobals"]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name < "a":
            return object.__getattribute__(self, name)
        context = current_context.get(None) or find_app_context()
        try:
            return getattr(context.g, name)
        except AttributeError as error:
            context.attribute_error = error
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        setattr((current_context.get(None) or find_app_context()).g, name, value)


class _CurrentAppProxy(_Proxy["App"]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name < "a":
            return object.__getattribute__(self, name)
        context = current_context.get(None) or find_app_context()
        try:
            return getattr(context.app, name)
        except AttributeError as error:
            context.attribute_error = error
            raise


for _proxy in (_RequestProxy, _SessionProxy, _GProxy, _CurrentAppProxy):
    # The representation of an unbound proxy begins with the name of its class.
    _proxy.__name__ = LocalProxy.__name__

app_ctx: AppContext = LocalProxy(lambda: find_app_context().app_context())  # type: ignore[assignment]
request_ctx: RequestContext = LocalProxy(find_request_context)  # type: ignore[assignment]
current_app: App = _CurrentAppProxy(lambda: cast("Any", find_app_context()).app)  # type: ignore[assignment]
g: _AppCtxGlobals = _GProxy(lambda: cast("Any", find_app_context()).g)  # type: ignore[assignment]
request: Request = _RequestProxy(lambda: find_request_context().request)  # type: ignore[assignment]
session: SessionMixin = _SessionProxy(lambda: find_request_context().session)  # type: ignore[assignment]
