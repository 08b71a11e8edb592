"""The debugger of the development server: werkzeug's, for hosts of one's own only, and without the secrets at hand.

Source: https://werkzeug.palletsprojects.com/en/stable/debug/
"""

from __future__ import annotations

import html
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.debug import DebuggedApplication
from werkzeug.debug.tbtools import DebugTraceback
from werkzeug.wrappers import Request, Response

from costrel.masking import hide, secrets_in, secrets_of_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Hosts that lead to this machine only, whatever a name server says. One that begins with a dot has any subdomain.
OWN_HOSTS = (".localhost", "127.0.0.1")
_own_address = re.compile(r"\[::1\](?::\d{1,5})?").fullmatch

#: Addresses to listen on that are no host to be asked for.
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


class Debugger(DebuggedApplication):
    """A WSGI application that shows the errors of another one, with a console in each frame behind a PIN.

    :param application: the one to be shown; secrets in its ``config``, if it has one, are hidden.
    :param host: the address that the server listens on.
    :param trusted_hosts: further hosts that the page and its console may be asked for.
    :param options: what ``werkzeug.debug.DebuggedApplication`` takes.
    """

    def __init__(
        self, application: WSGIApplication, host: str = "127.0.0.1", trusted_hosts: Sequence[str] = (), **options: Any
    ) -> None:
        super().__init__(application, **options)
        own = [] if host in _ANY_ADDRESS else [host]
        self.trusted_hosts = [*OWN_HOSTS, *own, *(name.removeprefix("*") for name in trusted_hosts)]
        self._one_try = threading.Lock()

    def check_host_trust(self, environ: WSGIEnvironment) -> bool:
        """Tells whether a request asks for a host that may be shown errors."""
        return super().check_host_trust(environ) or _own_address(environ.get("HTTP_HOST", "")) is not None

    def pin_auth(self, request: Request) -> Response:
        """Compares a PIN; one after the other, so that many at a time are no more than ten either."""
        with self._one_try:
            return super().pin_auth(request)

    def debug_application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        """Calls the application, and answers its error with the page, or on another host with where to find it."""
        contexts: list[Any] = []
        environ["werkzeug.debug.preserve_context"] = contexts.append
        body: Any = None
        try:
            body = self.app(environ, start_response)
            yield from body
            _close(body)
        except Exception as error:
            with suppress(Exception):
                _close(body)
            yield from self._show(error, contexts, environ, start_response)

    def _show(
        self, error: Exception, contexts: list[Any], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterator[bytes]:
        found = DebugTraceback(error, skip=1, hide=not self.show_hidden_frames)
        without_secrets = self._masker(environ, contexts)
        environ["wsgi.errors"].write(without_secrets(found.render_traceback_text()))
        if self.check_host_trust(environ):
            for frame in found.all_frames:
                self.frames[id(frame)] = frame
                self.frame_contexts[id(frame)] = contexts
            trusted = bool(self.check_pin_trust(environ))
            page = found.render_debugger_html(evalex=self.evalex, secret=self.secret, evalex_trusted=trusted)
            response = Response(without_secrets(page), status=500, mimetype="text/html")
        else:
            response = Response(_elsewhere(environ), status=500, mimetype="text/html")
        try:
            yield from response(environ, start_response)
        except Exception:
            environ["wsgi.errors"].write("The error came up when the answer had already begun, so no page shows it.\n")

    def _masker(self, environ: WSGIEnvironment, contexts: Iterable[Any]) -> Callable[[str], str]:
        """Returns a function that hides the secrets of the request, the application's settings and the process."""
        settings = getattr(self.app, "config", None)
        own: Iterable[str] = secrets_in(settings) if isinstance(settings, Mapping) else ()
        plain = [*own, *secrets_in(os.environ), *secrets_of_request(environ, contexts)]
        found = {secret for secret in plain if secret != self.secret}
        return lambda text: hide(text, found)


def _close(body: Any) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _elsewhere(environ: WSGIEnvironment) -> str:
    """Returns the page for a host that is not trusted with the traceback."""
    host = html.escape(str(environ.get("HTTP_HOST", "")))
    return (
        "<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
        f"<p>The traceback is in the terminal. The debugger does not show it to the host {host!r}: open the page on"
        " localhost, or name the host in TRUSTED_HOSTS.</p>\n"
    )
