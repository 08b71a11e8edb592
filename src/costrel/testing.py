"""Calling an application without a server: the test client, its environ builder, and the runner of commands.

Source: https://flask.palletsprojects.com/en/stable/testing/
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import werkzeug.test
from click.testing import CliRunner, Result
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request as WerkzeugRequest

from costrel.cli import ScriptInfo

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    # Of the same name, so that type checkers see what `__getattr__` gives.
    from costrel import hostile as hostile
    from costrel import invariants as invariants
    from costrel.app import App
    from costrel.sessions import SessionMixin


def __getattr__(name: str) -> ModuleType:
    """Imports ``invariants`` and ``hostile`` when first asked for: the latter needs Hypothesis, which is optional."""
    if name in {"invariants", "hostile"}:
        return importlib.import_module(f"costrel.{name}")
    raise AttributeError(f"module 'costrel.testing' has no attribute {name!r}")


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """Builds a WSGI environ with the application's settings as defaults.

    :param app: the application.
    :param path: the path, or a whole URL.
    :param base_url: scheme, host and root of the application; by default made from ``PREFERRED_URL_SCHEME``,
        ``SERVER_NAME`` and ``APPLICATION_ROOT``.
    :param subdomain: put before ``SERVER_NAME``; not together with ``base_url``.
    :param url_scheme: used rather than ``PREFERRED_URL_SCHEME``; not together with ``base_url``.
    :param args: what ``werkzeug.test.EnvironBuilder`` takes after these; ``json`` is dumped by the application.
    """

    def __init__(
        self,
        app: App,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if base_url is not None and (subdomain or url_scheme):
            raise AssertionError(
                'Cannot pass "subdomain" or "url_scheme" with "base_url": put them into base_url, for example'
                " base_url='https://api.example.com/'."
            )
        if base_url is None:
            url = urlsplit(path)
            host = app.config.get("SERVER_NAME") or "localhost"
            if subdomain:
                host = f"{subdomain}.{host}"
            scheme = url.scheme or url_scheme or app.config["PREFERRED_URL_SCHEME"]
            base_url = f"{scheme}://{url.netloc or host}/{app.config['APPLICATION_ROOT'].lstrip('/')}"
            path = f"{url.path}?{url.query}" if url.query else url.path
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Returns the object as JSON, by the application's provider."""
        return self.app.json.dumps(obj, **kwargs)


class FlaskClient(Client):
    """Sends requests to an application and keeps its cookies.

    Inside a ``with client:`` block the context of the last request stays current, so that a test can look at
    ``request``, ``session`` and ``g``. ``environ_base`` has environ entries for every request.
    """

    application: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preserve_context = False
        self._new_contexts: list[AbstractContextManager[Any]] = []
        self._context_stack = ExitStack()
        self.environ_base: dict[str, Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{importlib.metadata.version('werkzeug')}",
        }

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Opens the client's session to be read and changed, and saves it at the end of the ``with`` block.

        :param args: what ``App.test_request_context`` takes, where the session depends on the request.
        :raises TypeError: where the client keeps no cookies.
        :raises RuntimeError: where the application has no session, for want of a secret key.
        """
        if self._cookies is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")
        app = self.application
        context = app.test_request_context(*args, **kwargs)
        self._add_cookies_to_wsgi(context.environ)
        with context:
            session = app.session_interface.open_session(app, context.request)
        if session is None:
            raise RuntimeError("Session backend did not open a session. Is the application's secret_key set?")
        yield session
        if app.session_interface.is_null_session(session):
            return
        response = app.response_class()
        with context:
            app.session_interface.save_session(app, session, response)
        self._update_cookies_from_response(
            context.request.host.partition(":")[0],
            context.request.path,
            response.headers.getlist("Set-Cookie"),
        )

    def open(self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any) -> TestResponse:
        """Sends a request and returns the response.

        :param args: a path and what :class:`EnvironBuilder` takes after it; or one builder, environ or request.
        :param buffered: read the whole body and close it before returning.
        :param follow_redirects: send further requests until the response is no redirect.
        """
        request = self._request_from_builder_args(args, kwargs)
        # Contexts of an earlier request end here, so that requests within one block do not pile up.
        self._context_stack.close()
        try:
            response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        except BaseException:
            # Left here, the context of the failed request would be pushed by the next one and never popped.
            self._new_contexts.clear()
            raise
        response.json_module = self.application.json  # type: ignore[assignment]
        # Of the requests that were redirected, only the last one can be looked at afterwards.
        if self._new_contexts:
            self._context_stack.enter_context(self._new_contexts[-1])
            self._new_contexts.clear()
        return response

    # The name is Flask's: the test client of Flask-SocketIO calls it to connect with this client's cookies.
    def _request_from_builder_args(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> WerkzeugRequest:
        """Returns the request that the arguments of :meth:`open` describe."""
        first = args[0] if args else None
        if isinstance(first, werkzeug.test.EnvironBuilder):
            builder = copy(first)
            builder.environ_base = self._copy_environ(builder.environ_base or {})
            return builder.get_request()
        if isinstance(first, dict):
            return EnvironBuilder.from_environ(
                first, app=self.application, environ_base=self._copy_environ({})
            ).get_request()
        if isinstance(first, WerkzeugRequest):
            request = copy(first)
            request.environ = self._copy_environ(request.environ)
            return request
        kwargs["environ_base"] = self._copy_environ(kwargs.get("environ_base", {}))
        builder = EnvironBuilder(self.application, *args, **kwargs)
        try:
            return builder.get_request()
        finally:
            builder.close()

    def _copy_environ(self, other: Mapping[str, Any]) -> WSGIEnvironment:
        environ = {**self.environ_base, **other}
        if self.preserve_context:
            environ["werkzeug.debug.preserve_context"] = self._new_contexts.append
        return environ

    def __enter__(self) -> FlaskClient:
        if self.preserve_context:
            raise RuntimeError("Cannot nest client invocations: this client is in a `with` block already.")
        self.preserve_context = True
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.preserve_context = False
        self._context_stack.close()


class FlaskCliRunner(CliRunner):
    """Calls an application's commands without a terminal.

    :param app: the application.
    :param kwargs: what ``click.testing.CliRunner`` takes.
    """

    def __init__(self, app: App, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(self, cli: Any = None, args: Any = None, **kwargs: Any) -> Result:  # type: ignore[override]
        """Runs a command and returns its result.

        :param cli: the command; by default the application's group of commands.
        :param args: the command line, as a list or a text.
        :param kwargs: what ``CliRunner.invoke`` takes; ``obj`` is by default a ``ScriptInfo`` of the application.
        """
        if cli is None:
            cli = self.app.cli
        if "obj" not in kwargs:
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app)
        return super().invoke(cli, args, **kwargs)
