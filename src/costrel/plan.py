"""Freezes what an application registered into one plan per endpoint, which the request path then only runs.

Plans are made at the first request after a change and dropped at the next change: registering, replacing a view or a
method, setting an attribute of the application or its config, patching a class. ``App`` and ``costrel.watch`` see
to that. So a plan may hold whatever can't change between two changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from costrel.cross_origin import is_exempt, make_guard
from costrel.header_fields import HeaderRoles
from costrel.registrar import hook_names
from costrel.request import Request
from costrel.response import Headers, Response
from costrel.routing import Map
from costrel.serialize import DefaultJSONProvider, decode
from costrel.session_cookie import SessionCookie
from costrel.sessions import SecureCookieSessionInterface, session_json_serializer
from costrel.watch import WatchedType

if TYPE_CHECKING:
    from costrel.app import App

#: Methods of App that a request goes through and that programs and agents replace. Where one is replaced, on the
#: class or on the instance, every request takes the long way, which calls them all.
REPLACEABLE = (
    "create_url_adapter",
    "dispatch_request",
    "do_teardown_appcontext",
    "do_teardown_request",
    "finalize_request",
    "full_dispatch_request",
    "make_response",
    "preprocess_request",
    "process_response",
    "raise_routing_exception",
    "request_context",
)

#: Methods of App that an error goes through. Where one is replaced, errors go through all of them.
REPLACEABLE_FOR_ERRORS = (
    "_find_error_handler",
    "handle_http_exception",
    "handle_user_exception",
    "trap_http_exception",
)

#: Methods of App for which a short way of their own is open where they are not replaced.
OTHER_REPLACEABLE = (
    *("ensure_sync", "wsgi_app", "inject_url_defaults", "make_default_options_response", "url_for"),
    *("debug", "permanent_session_lifetime", "secret_key"),
)

_Function = Callable[..., Any]


def snapshot(cls: type) -> dict[str, Any]:
    """Returns the attributes of a class and its bases as they are now, to be compared with later."""
    attributes: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        attributes.update(vars(base))
    return attributes


_RESPONSE_AS_SHIPPED = snapshot(Response)
_SESSIONS_AS_SHIPPED = snapshot(SecureCookieSessionInterface)
_REQUEST_AS_SHIPPED = snapshot(Request)


def as_shipped(cls: type, expected: type, attributes: Mapping[str, Any]) -> bool:
    """Tells whether a class is the expected one and nobody has patched it since it was shipped."""
    if cls is not expected:
        return False
    present = snapshot(cls)
    return all(present.get(name) is value for name, value in attributes.items() if not name.startswith("_abc_"))


def blueprint_chain(endpoint: str | None) -> tuple[str, ...]:
    """Returns the names of the blueprints that an endpoint lies in, innermost first.

    >>> blueprint_chain("shop.cart.index")
    ('shop.cart', 'shop')
    """
    if endpoint is None or "." not in endpoint:
        return ()
    names = endpoint.split(".")[:-1]
    return tuple(".".join(names[:count]) for count in range(len(names), 0, -1))


_JSON_AS_SHIPPED: dict[type, Mapping[str, Any]] = {DefaultJSONProvider: snapshot(DefaultJSONProvider)}


def ship_json_provider(provider: type[DefaultJSONProvider]) -> None:
    """Opens the short ways to one more provider, while it is as it is now; not to its subclasses.

    :param provider: one whose ``body_encoder`` and ``compact_encoder`` do what its methods do.
    """
    _JSON_AS_SHIPPED[provider] = snapshot(provider)


def _json_as_shipped(provider: type) -> bool:
    """Tells whether a provider's class came with costrel and nobody has patched it."""
    attributes = _JSON_AS_SHIPPED.get(provider)
    return attributes is not None and as_shipped(provider, provider, attributes)


class Plan:
    """What one endpoint runs, in order: preprocessors, hooks, view, hooks, teardown functions.

    :param app: the application.
    :param endpoint: the endpoint, or None for a request that matches no rule.
    :param plain_response: whether a reply may go to the server without a Response object.
    :param guard: refuses requests from other origins, unless the endpoint is exempt.
    """

    __slots__ = (
        "after",
        "before",
        "blueprints",
        "ends",
        "guard",
        "hooked",
        "preprocessors",
        "replies_plainly",
        "teardown",
        "view",
    )

    def __init__(self, app: App, endpoint: str | None, plain_response: bool, guard: _Function | None) -> None:
        self.blueprints = blueprint_chain(endpoint)
        inwards = hook_names(self.blueprints)
        outwards = tuple(reversed(inwards))
        self.view = _view(app, endpoint)
        #: Called with environ and method of a request that is not GET, before anything else runs.
        self.guard = None if guard is None or _is_exempt(app, endpoint, self.blueprints) else guard
        self.preprocessors: tuple[_Function, ...] = _functions(app.url_value_preprocessors, inwards)
        self.before = _synchronous(app, _functions(app.before_request_funcs, inwards))
        self.after = _synchronous(app, _functions(app.after_request_funcs, outwards, backwards=True))
        self.teardown = _synchronous(app, _functions(app.teardown_request_funcs, outwards, backwards=True))
        #: Whether something runs before the view.
        self.hooked = bool(self.preprocessors or self.before)
        #: Whether what the view returns may go to the server without a Response object.
        self.replies_plainly = plain_response and not self.after
        #: Whether something must run when the body has been closed.
        self.ends = bool(self.teardown or app.teardown_appcontext_funcs)


class Plans(dict["str | None", Plan]):
    """The plans of an application, made one by one as endpoints are asked for, and what they have in common.

    :param app: the application.
    :param shipped: the methods of App as costrel ships them, by name.
    """

    def __init__(self, app: App, shipped: Mapping[str, Any]) -> None:
        super().__init__()
        self.app = app
        self._synchronous: dict[_Function, _Function] = {}
        config = app.config
        guard = make_guard(config["CROSS_ORIGIN_PROTECTION"], config["TRUSTED_ORIGINS"], _warner(app), app.debug)
        self.guard: _Function | None = None if guard is None else guard.check
        self._choose_ways(app, shipped)
        #: Whether a reply to the server may be made without a Response object.
        self.plain_response = as_shipped(app.response_class, Response, _RESPONSE_AS_SHIPPED)
        json = app.json
        self.plain_json = (
            self.plain_response
            and _json_as_shipped(type(json))
            and not {"response", "response_body", "dumps"} & vars(json).keys()
        )
        self.json_body: Callable[[Any], str] = str
        if self.plain_json and isinstance(json, DefaultJSONProvider):
            self.json_body = json.body_encoder()
        self.plain_request = app.request_class is Request
        #: Whether a request's attributes are what costrel makes of the environ.
        self.known_request = as_shipped(app.request_class, Request, _REQUEST_AS_SHIPPED)
        #: Whether a class-based view may call its method at once: nobody has replaced what it would ask.
        self.plain_class_views = self.known_request and _none_replaced(app, shipped, ("ensure_sync",))
        #: The default headers, checked here so that they need not be checked with each response.
        self.default_headers = tuple(Headers(app.config["DEFAULT_HEADERS"] or {}))
        self.header_roles = HeaderRoles(self.default_headers)
        content_types = ("text/html; charset=utf-8", getattr(json, "mimetype", "application/json"))
        self.html_header, self.json_header = (("Content-Type", text) for text in content_types)
        self.sessions = self._session_cookie(app, shipped) if self.short else None
        self.session_cookie: str = app.config["SESSION_COOKIE_NAME"]
        #: What a request runs that matches no rule.
        self.unmatched = self[None]
        self.teardown_appcontext = _synchronous(app, tuple(reversed(app.teardown_appcontext_funcs)))

    def _choose_ways(self, app: App, shipped: Mapping[str, Any]) -> None:
        """Notes which short ways are open: those on which nothing is replaced."""
        url_map: Any = app.url_map
        #: Some programs bring a map of werkzeug's own class, which works in the longer way.
        plain_map = isinstance(url_map, Map) and url_map.plain
        #: Whether ``wsgi_app`` is replaced, as by a middleware.
        self.wrapped = not _none_replaced(app, shipped, ("wsgi_app",))
        #: Whether requests may take the short way: nothing on it is replaced.
        self.short = (
            _none_replaced(app, shipped, REPLACEABLE)
            and as_shipped(type(app.session_interface), SecureCookieSessionInterface, _SESSIONS_AS_SHIPPED)
            and not vars(app.session_interface)
            and plain_map
            and not app.subdomain_matching
        )
        #: Whether an HTTP error may be answered without going through the methods for errors.
        self.plain_errors = _none_replaced(app, shipped, REPLACEABLE_FOR_ERRORS) and not (
            app.config["TRAP_HTTP_EXCEPTIONS"] or app.config["TRAP_BAD_REQUEST_ERRORS"]
        )
        #: Whether OPTIONS may be answered without a Response object.
        self.plain_options = _method_as_shipped(app, "make_default_options_response", shipped)
        #: Whether each request's host must be checked, even one that was accepted before: the list may change.
        self.check_host = app.config["TRUSTED_HOSTS"] is not None or app.request_class.trusted_hosts is not None
        #: ``Host`` headers that were accepted.
        self.known_hosts: set[str | None] = set()
        #: Whether ``url_for`` may ask the map directly.
        self.short_urls = (
            _method_as_shipped(app, "create_url_adapter", shipped) and plain_map and not app.subdomain_matching
        )
        #: Whether ``url_for`` with nothing but values may ask the map at once: nobody adds to them or replaces it.
        self.plain_urls = (
            self.short_urls
            and _none_replaced(app, shipped, ("inject_url_defaults", "url_for"))
            and not any(app.url_default_functions.values())
        )
        # Those that go by the methods ask none of these.
        self.build_path: Any = getattr(url_map, "build_path", None)
        self.look_up: Any = getattr(url_map, "look_up", None)
        self.miss: Any = getattr(url_map, "miss", None)

    def _session_cookie(self, app: App, shipped: Mapping[str, Any]) -> SessionCookie | None:
        """Returns what reads and writes the session cookie where nothing of it is replaced and no setting is odd."""
        json: Any = app.json
        interface = cast(SecureCookieSessionInterface, app.session_interface)
        if (
            app.config["SECRET_KEY_FALLBACKS"] is not None  # a list, which nobody watches
            or not _none_replaced(app, shipped, ("debug", "permanent_session_lifetime", "secret_key"))
            or not self.known_request
            or not _json_as_shipped(type(json))
            or {"dumps", "loads"} & vars(json).keys()
            or interface.serializer is not session_json_serializer
            or type(app.config).__getitem__ is not dict.__getitem__
        ):
            return None
        dumps = json.compact_encoder()
        try:
            signer = interface._text_signer(app)
            return None if signer is None else SessionCookie(app, interface, signer, dumps, decode)
        except (LookupError, OverflowError, RuntimeError, TypeError, ValueError):
            return None  # the interface says what is wrong, to those who ask for a session

    def synchronous(self, function: _Function) -> _Function:
        """Returns what ``app.ensure_sync(function)`` returns, which is asked once for each function.

        :param function: one that is registered: an error handler.
        """
        try:
            known = self._synchronous.get(function)
        except TypeError:  # it has no hash
            return self.app.ensure_sync(function)
        if known is None:
            known = self._synchronous[function] = self.app.ensure_sync(function)
        return known

    def __missing__(self, endpoint: str | None) -> Plan:
        plan = self[endpoint] = Plan(self.app, endpoint, self.plain_response, self.guard)
        return plan


def _none_replaced(app: App, shipped: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Tells whether the application has these methods as costrel ships them, and will say so when one is replaced."""
    # A class of another kind in the line of its classes, a mixin, would not say when it is patched.
    if not all(isinstance(cls, WatchedType) for cls in type(app).__mro__[:-1]):
        return False
    return all(_method_as_shipped(app, name, shipped) for name in names)


def _method_as_shipped(app: App, name: str, shipped: Mapping[str, Any]) -> bool:
    return name not in vars(app) and getattr(type(app), name) is shipped[name]


def _functions(
    table: Mapping[str | None, list[Any]], names: tuple[str | None, ...], backwards: bool = False
) -> tuple[_Function, ...]:
    """Returns the functions registered under the names, in order; those of one name last one first if backwards."""
    found: list[_Function] = []
    for name in names:
        functions = table.get(name, ())
        found.extend(reversed(functions) if backwards else functions)
    return tuple(found)


def _synchronous(app: App, functions: tuple[_Function, ...]) -> tuple[_Function, ...]:
    return tuple(app.ensure_sync(function) for function in functions)


def _is_exempt(app: App, endpoint: str | None, blueprints: tuple[str, ...]) -> bool:
    """Tells whether the view of an endpoint, or a blueprint that it lies in, is exempt from the cross-origin guard."""
    if endpoint is not None and is_exempt(app.view_functions.get(endpoint)):
        return True
    return any(is_exempt(app.blueprints.get(name)) for name in blueprints)


def _warner(app: App) -> Callable[..., None]:
    """Returns a function that logs a warning; the logger is made when it is first needed."""

    def warn(message: str, *values: object) -> None:
        app.logger.warning(message, *values)

    return warn


def _view(app: App, endpoint: str | None) -> _Function:
    """Returns the view of an endpoint, callable from synchronous code."""
    view = None if endpoint is None else app.view_functions.get(endpoint)
    if view is not None:
        return app.ensure_sync(view)

    def no_view(**view_args: Any) -> Any:
        raise KeyError(
            f"{endpoint!r}: this endpoint has a rule but no view. Pass view_func=... to add_url_rule, or decorate the"
            f" view with @app.endpoint({endpoint!r})."
        )

    return no_view
