"""``App``: holds what a program registers and configures, and wires the parts that do the work.

Source: https://flask.palletsprojects.com/en/stable/api/#application-object
"""

from __future__ import annotations

import logging
import os
import sys
import weakref
from collections.abc import Callable, ValuesView
from copy import copy
from datetime import timedelta
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from werkzeug.exceptions import Aborter, HTTPException

from costrel import coerce, dispatch, ending, errors, signals, urls
from costrel.config import Config, ConfigAttribute
from costrel.context import (
    AppContext,
    RequestContext,
    _AppCtxGlobals,
    current_context,
    g,
    has_request_context,
    request_ctx,
)
from costrel.coroutines import iscoroutinefunction
from costrel.defaults import DEFAULT_CONFIG
from costrel.environment import get_debug_flag
from costrel.helpers import default_context_processor
from costrel.lazy import lazy
from costrel.logging import create_logger
from costrel.packages import find_instance_path
from costrel.plan import OTHER_REPLACEABLE, REPLACEABLE, REPLACEABLE_FOR_ERRORS, Plans
from costrel.registrar import (
    Registrar,
    _endpoint_from_view_func,
    calling_line,
    check_endpoint_is_free,
    make_rule,
    named_decorator,
    setupmethod,
)
from costrel.request import Request
from costrel.response import Response, redirect
from costrel.routing import Map, MapAdapter, Rule
from costrel.security import check_trusted_hosts, normalize_redirect_target
from costrel.serialize import DefaultJSONProvider, JSONProvider
from costrel.sessions import SecureCookieSessionInterface, SessionInterface
from costrel.signing import make_serializer
from costrel.static import add_static_route
from costrel.watch import WatchedDict, WatchedList, WatchedLists, WatchedType

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from itsdangerous import URLSafeTimedSerializer
    from werkzeug.routing import BuildError
    from werkzeug.wrappers import Response as WerkzeugResponse

    from costrel import typing as ct
    from costrel.blueprints import Blueprint
    from costrel.templating import DispatchingJinjaLoader, Environment
    from costrel.testing import FlaskClient, FlaskCliRunner

F = TypeVar("F", bound=Callable[..., Any])

_UNSET: Any = object()

#: Attributes of an App that no plan is made from.
_OWN_STATE = frozenset({"_changes", "_got_first_request", "_plans", "_serving_plans"})
_TABLES = (WatchedDict, WatchedList, WatchedLists)


class App(Registrar):
    """A WSGI application: routes, hooks, error handlers, templates, configuration and commands of one program.

    :param import_name: the name of the module or package that makes it, usually ``__name__``.
    :param static_url_path: the URL prefix of the static files; by default the name of their folder.
    :param static_folder: the folder of static files beside the module, or None.
    :param static_host: the host of the static route; needed with ``host_matching``.
    :param host_matching: whether rules name hosts.
    :param subdomain_matching: whether rules name subdomains of ``SERVER_NAME``.
    :param template_folder: the folder of templates beside the module, or None.
    :param instance_path: the absolute path of the folder for files of this installation.
    :param instance_relative_config: whether config files are looked for in the instance folder.
    :param root_path: the module's folder, where it can't be found out.

    >>> app = App(__name__)
    >>> @app.get("/hello/<name>")
    ... def hello(name):
    ...     return f"Hello, {name}!"
    >>> app.test_client().get("/hello/Ada").text
    'Hello, Ada!'
    """

    aborter_class: type[Aborter] = Aborter
    app_ctx_globals_class: type[_AppCtxGlobals] = _AppCtxGlobals
    config_class: type[Config] = Config
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    request_class: type[Request] = Request
    response_class: type[Response] = Response
    url_rule_class: type[Rule] = Rule
    url_map_class: type[Map] = Map
    session_interface: SessionInterface = SecureCookieSessionInterface()
    test_client_class: type[FlaskClient] | None = None
    test_cli_runner_class: type[FlaskCliRunner] | None = None
    jinja_options: dict[str, Any] = {}
    #: What the application's framework is called where texts name it.
    framework_name: ClassVar[str] = "costrel"
    #: Whether a failure of what answers an error is answered too, and streams and exits that fail are logged.
    contains_errors: ClassVar[bool] = True
    #: Whether a rule is refused that could not lead a request to its view as the program means it.
    refuses_idle_rules: ClassVar[bool] = True

    if TYPE_CHECKING:
        # Said plainly, for type checkers differ on whether a descriptor fits a protocol.
        testing: bool
        secret_key: str | bytes | None
        permanent_session_lifetime: timedelta
    else:
        testing = ConfigAttribute[bool]("TESTING")
        secret_key = ConfigAttribute["str | bytes | None"]("SECRET_KEY")
        permanent_session_lifetime = ConfigAttribute[timedelta](
            "PERMANENT_SESSION_LIFETIME",
            get_converter=lambda value: value if isinstance(value, timedelta) else timedelta(seconds=value),
        )

    default_config: ClassVar[Any] = DEFAULT_CONFIG

    _got_first_request = False
    #: How often the plans were dropped.
    _changes = 0
    _plans: Plans | None = None
    _serving_plans: Plans | None = None

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if instance_path is None:
            instance_path = self.auto_find_instance_path()
        elif not os.path.isabs(instance_path):
            raise ValueError(
                "If an instance path is provided it must be absolute. A relative path was given instead:"
                f" {instance_path!r}."
            )
        self.instance_path = instance_path
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json: JSONProvider = self.json_provider_class(self)
        self.template_context_processors[None] = [default_context_processor]
        self.url_build_error_handlers: list[Callable[[Exception, str, dict[str, Any]], str | None]] = []
        self.teardown_appcontext_funcs: list[ct.TeardownCallable] = WatchedList()
        self.shell_context_processors: list[ct.ShellContextProcessorCallable] = []
        self.blueprints: dict[str, Blueprint] = {}
        #: State of extensions, by the name of the extension.
        self.extensions: dict[str, Any] = {}
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        add_static_route(self, static_host, host_matching)
        WatchedType.dependents.add(self)

    @lazy
    def _table_changed(self) -> Callable[[], None]:
        """Drops the plans; called whenever a table changes that they were made from."""
        reference = weakref.ref(self)

        def drop_plans() -> None:
            app = reference()
            if app is not None:
                app.drop_plans()

        return drop_plans

    def __setattr__(self, name: str, value: Any) -> None:
        present = type(vars(self).get(name))
        if present in _TABLES and not isinstance(value, _TABLES):
            value = present(value)
        if isinstance(value, _TABLES):
            if vars(value).get("changed", self._table_changed) is not self._table_changed:
                value = copy(value)  # another application watches it
            value.changed = self._table_changed
        if name == "config" and type(value) is dict:
            value = self.config_class(self.root_path, value)
            value.changed = self._table_changed
        object.__setattr__(self, name, value)
        if name not in _OWN_STATE:
            self.drop_plans()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self.drop_plans()

    def drop_plans(self) -> None:
        """Forgets what was compiled from the registered views and hooks; the next request compiles it again."""
        self._changes += 1
        self._plans = self._serving_plans = None

    def plans(self) -> Plans:
        """Returns the compiled plans, making them if something has changed."""
        plans = self._plans
        if plans is None:
            changes = self._changes
            plans = Plans(self, _SHIPPED)
            # What changed meanwhile, in another thread, may be missing: these serve this request only.
            if changes == self._changes:
                self._plans = plans
        return plans

    def start_serving(self) -> Plans:
        """Notes that the application handles requests from now on, and returns the plans.

        :raises ValueError: or TypeError, where a setting makes no sense.
        """
        check_trusted_hosts(self.config)
        if not self._got_first_request:
            # Now, while files can be opened: where none can, what answers failures must be there already.
            ending.failures()
            self._got_first_request = True
        plans = self.plans()
        if self._plans is plans:
            self._serving_plans = plans
        return plans

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called on the application. It has already handled its"
                " first request, any changes will not be applied consistently.\n"
                f"Move the call in {calling_line()} to where the application is made, before it serves: to the top"
                " level of a module that is imported then, or into the application factory."
            )

    @lazy
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The application's name: that of its module, or of the file that is run as a program."""
        if self.import_name == "__main__":
            file = getattr(sys.modules["__main__"], "__file__", None)
            return "__main__" if file is None else os.path.splitext(os.path.basename(file))[0]
        return self.import_name

    @lazy
    def logger(self) -> logging.Logger:
        """The application's logger, named like it; it writes to the server's error stream unless logging is set up."""
        return create_logger(self)

    if TYPE_CHECKING:
        # For type checkers it is a class, as subclasses set it.
        jinja_environment: type[Environment]
    else:

        @lazy
        def jinja_environment(self) -> type[Environment]:
            """The class of the Jinja environment."""
            return _templating().Environment

    @lazy
    def jinja_env(self) -> Environment:
        """The Jinja environment, made when first asked for."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> Environment:
        """Makes the Jinja environment from ``jinja_options`` and the config; made to be overridden."""
        environment: Environment = _templating().create_environment(self)
        return environment

    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        """Makes the loader that looks through the templates of the application and of its blueprints."""
        loader: DispatchingJinjaLoader = _templating().DispatchingJinjaLoader(self)
        return loader

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Tells whether a template is escaped: HTML, XML and SVG files, and texts without a file name."""
        return filename is None or filename.endswith((".html", ".htm", ".xml", ".xhtml", ".svg"))

    @property
    def debug(self) -> bool:
        """Whether debug mode is on: errors open the debugger of the dev server, changed templates are read again."""
        return bool(self.config["DEBUG"])

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in vars(self):
            self.jinja_env.auto_reload = value

    def make_config(self, instance_relative: bool = False) -> Config:
        """Makes the config from ``default_config``; made to be overridden."""
        defaults = dict(self.default_config, DEBUG=get_debug_flag())
        return self.config_class(self.instance_path if instance_relative else self.root_path, defaults)

    def make_aborter(self) -> Aborter:
        """Makes the object behind ``abort``; made to be overridden."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Returns the instance folder: ``instance`` beside the package, or below ``var`` where it is installed."""
        return find_instance_path(self.import_name, self.name)

    def open_instance_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> IO[Any]:
        """Opens a file of the instance folder, also for writing.

        :param encoding: of a text file.
        """
        path = os.path.join(self.instance_path, resource)
        return open(path, mode) if "b" in mode else open(path, mode, encoding=encoding)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Registers a blueprint.

        :param options: ``name``, ``url_prefix``, ``subdomain``, ``url_defaults``, ``cli_group``: what to use in place
            of the blueprint's own.
        """
        # Start-up: a small application has none.
        from costrel.blueprints import check_blueprint

        check_blueprint(blueprint)
        blueprint.register(self, options)

    def iter_blueprints(self) -> ValuesView[Blueprint]:
        """Returns the registered blueprints in the order of their registration."""
        return self.blueprints.values()

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ct.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        try:
            rule_object = make_rule(self, rule, endpoint, view_func, provide_automatic_options, options)
            if view_func is not None:
                check_endpoint_is_free(self.view_functions, endpoint, view_func)
            self.url_map.add(rule_object)
        except (LookupError, ValueError) as error:
            error.args = (f"{error} It is the rule of the endpoint {endpoint!r}, registered in {calling_line()}.",)
            raise
        if view_func is not None:
            self.view_functions[endpoint] = view_func
        else:
            self.drop_plans()

    @setupmethod
    def template_filter(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a Jinja filter; its name in templates is that of the function, or the one given."""
        return named_decorator(self.add_template_filter, name)

    @setupmethod
    def template_test(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a Jinja test; its name in templates is that of the function, or the one given."""
        return named_decorator(self.add_template_test, name)

    @setupmethod
    def template_global(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a function that templates can call; its name there is its own, or the one given."""
        return named_decorator(self.add_template_global, name)

    @setupmethod
    def add_template_filter(self, f: ct.TemplateFilterCallable, name: str | None = None) -> None:
        """Registers a Jinja filter, without the decorator."""
        self.jinja_env.filters[name or f.__name__] = f

    @setupmethod
    def add_template_test(self, f: ct.TemplateTestCallable, name: str | None = None) -> None:
        """Registers a Jinja test, without the decorator."""
        self.jinja_env.tests[name or f.__name__] = f

    @setupmethod
    def add_template_global(self, f: ct.TemplateGlobalCallable, name: str | None = None) -> None:
        """Registers a function that templates can call, without the decorator."""
        self.jinja_env.globals[name or f.__name__] = f

    @setupmethod
    def teardown_appcontext(self, f: F) -> F:
        """Registers a function that runs at the end of each application context with its error, or None."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: F) -> F:
        """Registers a function that returns a dict of names for ``costrel shell``."""
        self.shell_context_processors.append(f)
        return f

    def make_shell_context(self) -> dict[str, Any]:
        """Returns the names that ``costrel shell`` starts with."""
        names: dict[str, Any] = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            names.update(processor())
        return names

    def update_template_context(self, context: dict[str, Any]) -> None:
        """Adds to a template's values what the context processors return; values that are there already win."""
        _templating().update_context(self, context)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function itself, or for an ``async def`` one a function that runs it to its end."""
        return self.async_to_sync(func) if iscoroutinefunction(func) else func

    def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a synchronous function that runs a coroutine function; made to be overridden."""
        # Start-up: most applications have no coroutines.
        from costrel.asynchronous import run

        return run(func)

    @setupmethod
    def secure(self, **changes: Any) -> None:
        """Sends HSTS, CSP and the like with every response: a ``costrel.policies.SecurityPolicy`` with the changes."""
        # Imported here to save start-up time: most programs do without.
        from costrel.policies import secure

        secure(self, changes)

    def signer(self, salt: str) -> URLSafeTimedSerializer:
        """Returns what signs tokens for one purpose: ``dumps(value)``, and ``loads(token, max_age=seconds)``.

        :param salt: names the purpose; a token of another one is not accepted.
        """
        return make_serializer(self.secret_key, self.config["SECRET_KEY_FALLBACKS"], salt)

    def redirect(self, location: str, code: int = 302) -> WerkzeugResponse:
        """Returns a response that redirects to the location; ``costrel.redirect`` calls it."""
        odd = isinstance(location, str) and ("\\" in location or location.startswith(("//", " ")))
        if odd and self.config["NORMALIZE_REDIRECTS"]:
            location = normalize_redirect_target(location)
        return redirect(location, code, self.response_class)

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Returns the URL of an endpoint.

        :param endpoint: its name; one that begins with a dot is relative to the blueprint of the present request.
        :param _anchor: put behind a ``#``.
        :param _method: which method's rule to build, where the endpoint has several.
        :param _scheme: the scheme of an external URL.
        :param _external: whether to include scheme and host; by default only outside a request.
        :param values: arguments of the rule; those it does not have become the query.
        :raises werkzeug.routing.BuildError: where no rule fits, and no handler of build errors helps.
        """
        return urls.url_for(self, endpoint, values, _anchor, _method, _scheme, _external)

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Runs the functions that :meth:`url_defaults` registered for the endpoint."""
        urls.inject_url_defaults(self, endpoint, values)

    def handle_url_build_error(self, error: BuildError, endpoint: str, values: dict[str, Any]) -> str:
        """Asks ``url_build_error_handlers`` for a URL that could not be built."""
        return urls.handle_build_error(self, error, endpoint, values)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Binds the URL map to a request, or to ``SERVER_NAME``; made to be overridden."""
        return urls.create_adapter(self, request)

    def app_context(self) -> AppContext:
        """Returns a context that makes this application current: ``with app.app_context(): ...``."""
        return AppContext(self)

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """Returns a context for a WSGI environ; see :meth:`test_request_context` for one made from a path."""
        return RequestContext(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> RequestContext:
        """Returns a context of a made-up request, for tests and shells: ``with app.test_request_context("/x"): ...``.

        :param args: the path, and what :class:`~costrel.testing.EnvironBuilder` takes.
        """
        # Imported here to save start-up time: only tests need it.
        from costrel.testing import EnvironBuilder

        builder = EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context({**builder.get_environ(), urls.OWN_HOST: True})
        finally:
            builder.close()

    def test_client(self, use_cookies: bool = True, **kwargs: Any) -> FlaskClient:
        """Returns a client that calls the application without a server.

        :param use_cookies: whether cookies are kept from one request to the next.
        """
        # Imported here to save start-up time: only tests need it.
        from costrel.testing import FlaskClient

        cls = self.test_client_class or FlaskClient
        return cls(self, self.response_class, use_cookies=use_cookies, **kwargs)

    def test_cli_runner(self, **kwargs: Any) -> FlaskCliRunner:
        """Returns a runner that calls the application's commands without a terminal."""
        # Imported here to save start-up time: only tests need it.
        from costrel.testing import FlaskCliRunner

        cls = self.test_cli_runner_class or FlaskCliRunner
        return cls(self, **kwargs)

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: Any,
    ) -> None:
        """Serves the application with the dev server, for development only; ``costrel run`` is preferred.

        :param host: the address to listen on; by default that of ``SERVER_NAME``, else 127.0.0.1.
        :param port: the port; by default that of ``SERVER_NAME``, else 5000.
        :param debug: turns debug mode on or off.
        :param load_dotenv: whether ``.env`` files are read.
        :param options: those of the dev server: ``use_reloader``, ``use_debugger``, ``threaded``, ``ssl_context``, ...
        """
        # Imported here to save start-up time: click takes 8 ms, and a production server never needs it.
        from costrel.cli import run_app

        try:
            run_app(self, host, port, debug, load_dotenv, **options)
        finally:
            # The server has stopped: an interactive session may register more and start it again.
            self._got_first_request = False
            self.drop_plans()

    def _find_error_handler(self, e: Exception, blueprints: list[str]) -> ct.ErrorHandlerCallable | None:
        return errors.find_handler(self, e, tuple(blueprints))

    def trap_http_exception(self, e: Exception) -> bool:
        """Tells whether an HTTP error is treated as a plain exception: the ``TRAP_...`` settings."""
        return errors.is_trapped(self, e)

    def should_ignore_error(self, error: BaseException | None) -> bool:
        """Tells whether teardown functions are not told of an error; made to be overridden."""
        return False

    def handle_http_exception(self, e: HTTPException) -> Any:
        """Returns the answer to an HTTP error: its handler's, or the error itself."""
        return errors.handle_http_error(self, e, _blueprints())

    def handle_user_exception(self, e: Exception) -> Any:
        """Returns the answer to an error of a view or hook: its handler's; without a handler it is raised again."""
        try:
            return errors.handle_user_error(self, e, _blueprints())
        finally:
            del e  # whose traceback holds this frame, if it is raised again

    def handle_exception(self, e: Exception) -> Response:
        """Returns the response of status 500 to an error that nobody handled, after logging it."""
        response: Response = errors.handle_unhandled_error(self, e, _blueprints())
        return response

    def log_exception(
        self, exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> None:
        """Logs an error that nobody handled, with path, method, endpoint and identifier of its request."""
        context: Any = current_context.get(None)
        environ = getattr(context, "environ", {})
        endpoint = dispatch.endpoint_of(context) if environ else None
        ending.failures().log_exception(self, exc_info, environ, dispatch.path_of(environ), endpoint)

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raises what went wrong when the URL was matched; made to be overridden."""
        errors.raise_routing_error(self, request)

    def full_dispatch_request(self) -> Response:
        """Runs hooks and view of the present request and returns the response."""
        self._got_first_request = True
        try:
            signals.request_started.send(self, _async_wrapper=self.ensure_sync)
            dispatch.check_origin(self, _context())
            value = self.preprocess_request()
            if value is None:
                value = self.dispatch_request()
        except Exception as error:
            value = self.handle_user_exception(error)
            if value is error:
                error.__traceback__ = None  # It holds this frame, which holds the value.
        return self.finalize_request(value)

    def preprocess_request(self) -> ct.ResponseReturnValue | None:
        """Runs URL preprocessors and ``before_request`` hooks; returns the first response that one gives."""
        return dispatch.preprocess(self, _context())  # type: ignore[no-any-return]

    def dispatch_request(self) -> ct.ResponseReturnValue:
        """Calls the view of the present request."""
        return dispatch.call_view(self, _context())  # type: ignore[no-any-return]

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        """Makes the response from what a view returned, runs the ``after_request`` hooks and saves the session."""
        response = self.make_response(rv)
        try:
            response = self.process_response(response)
            signals.request_finished.send(self, _async_wrapper=self.ensure_sync, response=response)
        except Exception as failure:
            if not from_error_handler:
                raise
            if not (self.contains_errors and ending.failures().is_repeated(failure)):
                self.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    def make_default_options_response(self) -> Response:
        """Returns the automatic answer to OPTIONS: an ``Allow`` header (RFC 9110, section 9.3.7)."""
        response = self.response_class()
        allowed = dispatch.allowed_methods(self, _context())
        if allowed:  # not where a redirect would come first
            response.headers["Allow"] = allowed.text
        return response

    def make_response(self, rv: Any) -> Response:
        """Returns a response object for anything that a view may return; without a request, for most of it.

        :raises RuntimeError: it takes a request to make one of a WSGI application, and there is none.
        """
        if not has_request_context():
            return coerce.make_response(self, rv, None, None)
        context = _context()
        return coerce.make_response(self, rv, context.environ, dispatch.endpoint_of(context))

    def process_response(self, response: Response) -> Response:
        """Runs the ``after_request`` hooks and saves the session."""
        return dispatch.process_response(self, _context(), response)

    def do_teardown_request(self, exc: BaseException | None = _UNSET) -> None:
        """Runs the ``teardown_request`` functions."""
        dispatch.tear_down_request(self, _context(), sys.exc_info()[1] if exc is _UNSET else exc)

    def do_teardown_appcontext(self, exc: BaseException | None = _UNSET) -> None:
        """Runs the ``teardown_appcontext`` functions."""
        ending.tear_down_app_context(self, sys.exc_info()[1] if exc is _UNSET else exc)

    #: The WSGI application itself, apart from :meth:`__call__` so that middleware can wrap it (PEP 3333).
    wsgi_app = dispatch.handle

    # PERF: not a method that calls `wsgi_app`, which is rarely replaced: 0.1 us of 2.
    __call__ = dispatch.serve


_templating_module: Any = None


def _templating() -> Any:
    """Returns the module of the templates, imported at the first need to save start-up time: jinja2 takes 17 ms."""
    global _templating_module
    if _templating_module is None:
        # PERF: asking the import system again costs 0.8 us with each template.
        from costrel import templating

        _templating_module = templating
    return _templating_module


def _context() -> RequestContext:
    """Returns the context of the present request."""
    context: Any = current_context.get(None)
    if context is None or not context._active:
        context = request_ctx._get_current_object()  # type: ignore[attr-defined]
    found: RequestContext = context
    return found


def _blueprints() -> tuple[str, ...]:
    """Returns the names of the present request's blueprints, innermost first."""
    return dispatch.blueprints_of(_context())


#: The replaceable methods as they are here, to see later whether somebody has replaced one.
_SHIPPED = {name: vars(App)[name] for name in (*REPLACEABLE, *REPLACEABLE_FOR_ERRORS, *OTHER_REPLACEABLE)}
