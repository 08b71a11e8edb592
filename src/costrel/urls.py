"""Builds URLs for endpoints, and binds the URL map to a request or to ``SERVER_NAME``.

Source: https://flask.palletsprojects.com/en/stable/api/#flask.url_for
"""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakSet

from werkzeug.exceptions import SecurityError
from werkzeug.routing import BuildError

from costrel.context import RequestContext, current_context
from costrel.plan import blueprint_chain
from costrel.security import STANDARD_PORTS, validate_host, without_port

if TYPE_CHECKING:
    from costrel.app import App
    from costrel.request import Request
    from costrel.routing import MapAdapter

NO_ADAPTER = (
    "Unable to build URLs outside an active request without 'SERVER_NAME' configured. Also configure"
    " 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as needed."
)

#: What an environ has whose host the program itself has chosen, for tests and shells.
OWN_HOST = "costrel.own_host"
#: Hosts that lead nowhere but to the reader's own machine (RFC 6761 §6.3).
_LOCAL_HOST = re.compile(r"(([a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\]|)(:\d+)?", re.ASCII | re.IGNORECASE)

#: Warnings that were shown, for the filter that shows each once.
_warned: dict[Any, Any] = {}
#: Applications in debug mode whose log says what their external URLs need elsewhere.
_hinted: WeakSet[App] = WeakSet()


def url_for(
    app: App,
    endpoint: str,
    values: dict[str, Any],
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
) -> str:
    """Returns the URL of an endpoint; see ``App.url_for`` for the arguments."""
    context = current_context.get(None)
    request_context: Any = context if context is None or context._active else context.request_context()
    if request_context is not None:
        if endpoint[:1] == ".":
            endpoint = _absolute_endpoint(request_context, endpoint)
        if not (app._plans or app.plans()).plain_urls:
            app.inject_url_defaults(endpoint, values)
        environ = request_context.environ
        if (
            scheme is None
            and not external
            and not environ.get("SCRIPT_NAME")
            and (app._plans or app.plans()).short_urls
        ):
            # PERF: without making an adapter and going through its `build`: 0.9 us rather than 6 us.
            path = app.url_map.build_path(endpoint, values, method, environ.get("REQUEST_METHOD"))
            if path is not None:
                return path if anchor is None else _with_anchor(path, anchor)
        adapter = request_context.url_adapter
        external = scheme is not None if external is None else external
    else:
        adapter = app.create_url_adapter(None) if context is None else context.url_adapter
        if adapter is None:
            raise RuntimeError(NO_ADAPTER)
        app.inject_url_defaults(endpoint, values)
        if external is None:
            external = True
    if scheme is not None and not external:
        raise ValueError("When specifying '_scheme', '_external' must be True.")
    if adapter is None:
        # The request's host was refused: 400, which the client, not the program, is to blame for.
        raise getattr(request_context, "routing_exception", None) or RuntimeError(NO_ADAPTER)
    if external and request_context is not None:
        _check_host(app, request_context.request)
    try:
        url = adapter.build(endpoint, values, method=method, url_scheme=scheme, force_external=external)
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else _with_anchor(url, anchor)


def _check_host(app: App, request: Request) -> None:
    """Refuses to build an external URL with a host that the client has chosen and nothing has checked.

    In debug mode the log says so once; with ``TESTING`` all hosts are right.

    :raises RuntimeError: neither ``TRUSTED_HOSTS`` nor ``SERVER_NAME`` is set.
    """
    config = app.config
    if config["TRUSTED_HOSTS"] or config["SERVER_NAME"] or not config["CHECK_HOST"] or app.testing:
        return
    environ = request.environ
    if request.trusted_hosts or app.url_map.host_matching or "HTTP_HOST" not in environ or OWN_HOST in environ:
        return
    if _LOCAL_HOST.fullmatch(request.host):
        return
    name = without_port(request.host)[:80]
    if not app.debug:
        raise RuntimeError(
            f"url_for does not build an external URL with the host {name!r}: the client chose it, and in an e-mail it"
            f' could lead anywhere. If the site has that name, write app.config["TRUSTED_HOSTS"] = ["{name}"], or set'
            " SERVER_NAME if it has a single name. If any name is right and such URLs go to the visitor only, write"
            ' TRUSTED_HOSTS = ["*"].'
        )
    if app not in _hinted:
        _hinted.add(app)
        app.logger.warning(
            "url_for built an external URL with the host %r, which the client chose. Outside of debug mode that is an"
            " error: name the hosts of the site in TRUSTED_HOSTS.",
            name,
        )


def _absolute_endpoint(context: RequestContext, endpoint: str) -> str:
    """Returns the full name of an endpoint that begins with a dot: it is relative to the request's blueprint."""
    blueprint = context.request.blueprint
    return endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"


def _with_anchor(url: str, anchor: str) -> str:
    return f"{url}#{quote(anchor, safe='%!#$&()*+,/:;=?@' + chr(39))}"


def inject_url_defaults(app: App, endpoint: str, values: dict[str, Any]) -> None:
    """Runs the ``url_defaults`` functions of the application and of the endpoint's blueprints, outermost first."""
    for name in (None, *reversed(blueprint_chain(endpoint))):
        for function in app.url_default_functions.get(name, ()):
            function(endpoint, values)


def handle_build_error(app: App, error: BuildError, endpoint: str, values: dict[str, Any]) -> str:
    """Returns the first URL that a handler of ``app.url_build_error_handlers`` gives, or raises the error."""
    for handler in app.url_build_error_handlers:
        try:
            url = handler(error, endpoint, values)
        except BuildError as replaced:
            error = replaced
        else:
            if url is not None:
                return url
    if error is sys.exc_info()[1]:
        raise
    raise error


def create_adapter(app: App, request: Request | None) -> MapAdapter | None:
    """Binds the URL map to a request, or without one to ``SERVER_NAME``; None where that is not set.

    :raises werkzeug.exceptions.SecurityError: where ``TRUSTED_HOSTS`` or ``CHECK_HOST`` refuses the request's host.
    """
    config = app.config
    server_name = config["SERVER_NAME"]
    if request is None:
        if server_name is None:
            return None
        return app.url_map.bind(
            server_name, script_name=config["APPLICATION_ROOT"], url_scheme=config["PREFERRED_URL_SCHEME"]
        )
    trusted_hosts = config["TRUSTED_HOSTS"]
    if trusted_hosts is not None:
        request.trusted_hosts = trusted_hosts
    environ = request.environ
    try:
        request.host = validate_host(
            environ.get("wsgi.url_scheme", "http"),
            environ.get("HTTP_HOST"),
            request.server,
            request.trusted_hosts,
            bool(config["CHECK_HOST"]),
        )
    except SecurityError as error:
        if app.debug and trusted_hosts and config["CHECK_HOST"] and str(error.description).endswith("is not trusted."):
            error.description = f"{error.description} Add it to TRUSTED_HOSTS."
        raise
    subdomain = None
    if app.url_map.host_matching:
        # The map compares the request's own host: a server name would take its place.
        server_name = None
    elif not app.subdomain_matching:
        subdomain = app.url_map.default_subdomain or ""
    elif server_name is not None:
        subdomain = _subdomain(app, request, server_name)
    return app.url_map.bind_to_environ(request.environ, server_name=server_name, subdomain=subdomain)


def _subdomain(app: App, request: Request, server_name: str) -> str:
    """Returns what the request's host has before the server name; where it does not end so, a name that no rule has."""
    host = request.host.lower()
    server_name = server_name.lower().removesuffix(STANDARD_PORTS.get(request.scheme, ""))
    if host == server_name:
        return ""
    if host.endswith(f".{server_name}"):
        return host[: -len(server_name) - 1]
    # Tests of existing programs know this warning by the module that Flask's comes from.
    warnings.warn_explicit(
        f"Current server name {host!r} doesn't match configured server name {server_name!r}: the request gets a 404."
        " Set SERVER_NAME to the name that clients use.",
        UserWarning,
        filename=__file__,
        lineno=1,
        module=f"{app.framework_name}.app",
        registry=_warned,
    )
    return "<invalid>"
