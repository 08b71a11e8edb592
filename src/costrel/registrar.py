"""The decorators and tables that ``App`` and ``Blueprint`` share: what a program registers, and under which name.

Source: https://flask.palletsprojects.com/en/stable/api/#flask.Flask
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.exceptions import HTTPException, default_exceptions

from costrel.context import current_app
from costrel.lazy import lazy
from costrel.packages import get_root_path
from costrel.routing.converters import AnyConverter
from costrel.routing.syntax import placeholders
from costrel.static import send_static
from costrel.watch import WatchedDict, WatchedLists, WatchedType

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from costrel import typing as ct
    from costrel.app import App
    from costrel.cli import AppGroup
    from costrel.response import Response

F = TypeVar("F", bound=Callable[..., Any])

# PERF: 0.2 us, not 0.7; each request for a static file asks for its folder.
_join = functools.lru_cache(maxsize=64)(os.path.join)

ErrorHandlers = dict[str | None, dict[int | None, dict[type[Exception], Callable[..., Any]]]]


def setupmethod(function: F) -> F:
    """Decorates a method that registers something: calling it too late is an error that names the late line."""
    name = function.__name__

    def checked(self: Registrar, *args: Any, **kwargs: Any) -> Any:
        self._check_setup_finished(name)
        return function(self, *args, **kwargs)

    return cast(F, functools.update_wrapper(checked, function))


def calling_line() -> str:
    """Returns ``file:line`` of the nearest caller outside of costrel, for messages about a misplaced call."""
    here = os.path.dirname(__file__)
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _endpoint_from_view_func(view_func: Callable[..., Any] | None) -> str:
    """Returns the endpoint that a view gets when the program names none: the name of the function."""
    if view_func is None:
        raise AssertionError(
            f"expected view func if endpoint is not provided: pass view_func=... or endpoint=... in {calling_line()}."
        )
    return view_func.__name__


def make_rule(
    app: App,
    rule: str,
    endpoint: str,
    view_func: ct.RouteCallable | None,
    provide_automatic_options: bool | None,
    options: dict[str, Any],
) -> Any:
    """Returns the rule that ``add_url_rule`` of an application adds to its map.

    :param options: the further arguments of ``add_url_rule``; the methods are taken out.
    :raises TypeError: the methods are one text.
    :raises ValueError: the rule is malformed, or would never lead a request to its view.
    """
    methods = options.pop("methods", None)
    if methods is None:
        methods = getattr(view_func, "methods", None) or ("GET",)
    if isinstance(methods, str):
        raise TypeError('Allowed methods must be a list of strings, for example: @app.route(..., methods=["POST"])')
    allowed = {method.upper() for method in methods}
    required: set[str] = set(getattr(view_func, "required_methods", ()))
    named = allowed | required
    if provide_automatic_options is None:
        provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
    if provide_automatic_options is None:
        provide_automatic_options = "OPTIONS" not in allowed and app.config["PROVIDE_AUTOMATIC_OPTIONS"]
        if provide_automatic_options:
            required.add("OPTIONS")
    made: Any = app.url_rule_class(rule, methods=allowed | required, endpoint=endpoint, **options)
    made.provide_automatic_options = provide_automatic_options
    if app.refuses_idle_rules:
        _check_not_idle(app, rule, named, options)
    return made


def _check_not_idle(app: App, rule: str, methods: set[str], options: Mapping[str, Any]) -> None:
    """Refuses a rule with arguments that silently make it another one than was meant, or none."""
    host = options.get("host")
    if not methods and not options.get("build_only"):
        raise ValueError(
            f"The URL rule {rule!r} has methods=[], so no request would reach its view. Name the methods, such as"
            " methods=['GET', 'POST'], or leave the argument out for GET."
        )
    if host and not app.url_map.host_matching:
        raise ValueError(
            f"The URL rule {rule!r} has host={host!r}, which the application would pass over: it does not match hosts."
            " Make it with App(..., host_matching=True), or leave host out."
        )
    for part in (options.get("subdomain"), host, rule):
        for converter, arguments, name in placeholders(part) if part and "<any" in part else ():
            if app.url_map.converters.get(converter) is AnyConverter and not arguments.strip(", "):
                raise ValueError(
                    f"The URL rule {rule!r} has <{converter}:{name}> without texts to choose from, so it would match"
                    f" an empty text only. Write them: <{converter}(about, help):{name}>, or <{name}> for any text."
                )


def check_endpoint_is_free(views: Mapping[str, Any], endpoint: str, view_func: Any) -> None:
    """Refuses a view for an endpoint that has another one.

    :param views: the views by endpoint.
    :raises AssertionError: naming the places of both.
    """
    present: Any = views.get(endpoint)
    if present is None or present == view_func:
        return
    taken = _place(present)
    where = f" It is taken by the view in {taken}." if taken else ""
    caller = calling_line()
    # A blueprint's view is registered far from where it stands.
    place = _place(view_func)
    view = f"{place} (registered in {caller})" if place and place != caller else caller
    raise AssertionError(
        f"View function mapping is overwriting an existing endpoint function: {endpoint}.{where} Rename the view in"
        f" {view}, or pass endpoint='another_name'."
    )


def _place(view: Callable[..., Any]) -> str | None:
    """Returns ``file:line`` of a view, below its decorators where they tell; None where it is no function."""
    code = getattr(inspect.unwrap(view), "__code__", None)
    return None if code is None else f"{code.co_filename}:{code.co_firstlineno}"


class Registrar(metaclass=WatchedType):
    """Holds what an application or a blueprint registers.

    :param import_name: the name of the module that makes it, usually ``__name__``.
    :param static_folder: the folder of static files, relative to the module's folder, or None.
    :param static_url_path: the URL prefix of the static files; by default the name of their folder.
    :param template_folder: the folder of templates, relative to the module's folder, or None.
    :param root_path: the module's folder, where it can't be found out from ``import_name``.
    """

    name: str
    _static_folder: str | None = None
    _static_url_path: str | None = None

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        self.root_path: str = get_root_path(import_name) if root_path is None else root_path
        self.view_functions: dict[str, ct.RouteCallable] = WatchedDict()
        self.error_handler_spec: ErrorHandlers = defaultdict(lambda: defaultdict(dict))
        self.before_request_funcs: dict[str | None, list[ct.BeforeRequestCallable]] = WatchedLists()
        self.after_request_funcs: dict[str | None, list[ct.AfterRequestCallable]] = WatchedLists()
        self.teardown_request_funcs: dict[str | None, list[ct.TeardownCallable]] = WatchedLists()
        self.url_value_preprocessors: dict[str | None, list[ct.URLValuePreprocessorCallable]] = WatchedLists()
        self.url_default_functions: dict[str | None, list[ct.URLDefaultCallable]] = WatchedLists()
        self.template_context_processors: dict[str | None, list[ct.TemplateContextProcessorCallable]] = WatchedLists()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        raise NotImplementedError

    @lazy
    def cli(self) -> AppGroup:
        """The click group of the commands of this object, made when first asked for."""
        # Imported here to save start-up time: click takes 8 ms.
        from costrel.cli import AppGroup

        return AppGroup(self.name)

    @property
    def static_folder(self) -> str | None:
        """The absolute path of the folder of static files, or None."""
        if self._static_folder is None:
            return None
        return _join(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether a folder of static files is set; it need not exist."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix under which the static files are served, or None where there are none."""
        if self._static_url_path is not None:
            return self._static_url_path
        folder = self.static_folder
        if folder is None:
            return None
        return f"/{os.path.basename(folder)}".rstrip("/")

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        self._static_url_path = None if value is None else value.rstrip("/")

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Returns for how many seconds a browser may keep a static file: the ``SEND_FILE_MAX_AGE_DEFAULT`` setting.

        :param filename: the file's path, for overriding methods that decide by it.
        :returns: seconds, or None to have the browser ask each time.
        """
        value = current_app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        total_seconds = getattr(value, "total_seconds", None)
        return value if total_seconds is None else int(total_seconds())

    def send_static_file(self, filename: str) -> Response:
        """Answers with a file of the static folder; the view of the ``static`` endpoint.

        :param filename: the path below the folder.
        :raises RuntimeError: where there is no static folder.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("'static_folder' must be set to serve static_files.")
        return send_static(folder, os.fspath(filename), self.get_send_file_max_age(filename))

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Opens a file that lies beside the module, for reading.

        :param resource: the path relative to ``root_path``.
        :param mode: ``"rb"``, ``"r"`` or ``"rt"``.
        :param encoding: of a text file; UTF-8 by default.
        :raises ValueError: for any other mode.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError("Resources can only be opened for reading.")
        path = os.path.join(self.root_path, resource)
        return open(path, mode) if mode == "rb" else open(path, mode, encoding=encoding)

    @lazy
    def jinja_loader(self) -> BaseLoader | None:
        """The Jinja loader of this object's template folder, or None."""
        if self.template_folder is None:
            return None
        # Imported here to save start-up time: jinja2 takes 17 ms.
        from jinja2 import FileSystemLoader

        return FileSystemLoader(os.path.join(self.root_path, self.template_folder))

    def _method_route(self, method: str, rule: str, options: dict[str, Any]) -> Callable[[F], F]:
        if callable(rule):
            raise TypeError(f"The decorator needs the path: write @app.{method.lower()}('/path') in {calling_line()}.")
        if "methods" in options:
            raise TypeError("Use the 'route' decorator to use the 'methods' argument.")
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view that answers GET (and HEAD) for the rule."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view that answers POST for the rule."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view that answers PUT for the rule."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view that answers DELETE for the rule."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view that answers PATCH for the rule."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Decorates a view with the rule that leads to it.

        :param rule: the path, with converters: ``/user/<int:user_id>``.
        :param options: those of :meth:`add_url_rule`.
        """

        def decorate(view: F) -> F:
            endpoint = options.pop("endpoint", None)
            self.add_url_rule(rule, endpoint, view, **options)
            return view

        return decorate

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ct.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Registers a rule and the view it leads to.

        :param rule: the path, with converters.
        :param endpoint: the name for ``url_for``; by default the name of the view.
        :param view_func: the view; it may also be registered later with :meth:`endpoint`.
        :param provide_automatic_options: whether OPTIONS is answered automatically; by default where ``methods`` does
            not name it.
        :param options: ``methods`` and what :class:`~costrel.routing.Rule` takes: ``defaults``, ``strict_slashes``,
            ``subdomain``, ``host``, ``redirect_to``, ``alias``, ``build_only``, ``merge_slashes``, ``websocket``.
        """
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Decorates the view of an endpoint whose rule is registered on its own, without a view."""

        def decorate(view: F) -> F:
            self.view_functions[endpoint] = view
            return view

        return decorate

    @setupmethod
    def before_request(self, f: F) -> F:
        """Registers a function that runs before each view; what it returns, if not None, is the response."""
        self.before_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_request(self, f: F) -> F:
        """Registers a function that takes each response and returns it or another; not run when an error escapes."""
        self.after_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_request(self, f: F) -> F:
        """Registers a function that runs at the end of each request with its error, or None."""
        self.teardown_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def context_processor(self, f: F) -> F:
        """Registers a function that returns a dict of values for each template."""
        self.template_context_processors.setdefault(None, []).append(f)
        return f

    @setupmethod
    def url_value_preprocessor(self, f: F) -> F:
        """Registers a function of (endpoint, view arguments) that runs before each view and may change the latter."""
        self.url_value_preprocessors.setdefault(None, []).append(f)
        return f

    @setupmethod
    def url_defaults(self, f: F) -> F:
        """Registers a function of (endpoint, values) that runs in each ``url_for`` and may add values."""
        self.url_default_functions.setdefault(None, []).append(f)
        return f

    @setupmethod
    def errorhandler(self, code_or_exception: type[Exception] | int) -> Callable[[F], F]:
        """Decorates the function that answers an error: a status code or an exception class and its subclasses."""

        def decorate(f: F) -> F:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorate

    @setupmethod
    def register_error_handler(self, code_or_exception: type[Exception] | int, f: ct.ErrorHandlerCallable) -> None:
        """Registers the function that answers an error, without the decorator."""
        exc_class, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][exc_class] = f

    @staticmethod
    def _get_exc_class_and_code(exc_class_or_code: type[Any] | int) -> tuple[type[Exception], int | None]:
        """Returns the class that handles a code or class, and the code where it is an HTTP error's."""
        exc_class: Any = exc_class_or_code
        if isinstance(exc_class_or_code, int):
            if exc_class_or_code not in default_exceptions:
                raise ValueError(
                    f"'{exc_class_or_code}' is not a recognized HTTP error code. Use a subclass of HTTPException with"
                    " that code instead."
                )
            exc_class = default_exceptions[exc_class_or_code]
        if isinstance(exc_class, Exception):
            raise TypeError(
                f"{exc_class!r} is an instance, not a class. Handlers can only be registered for Exception classes or"
                " HTTP error codes."
            )
        if not issubclass(exc_class, Exception):
            raise ValueError(
                f"'{exc_class.__name__}' is not a subclass of Exception. Handlers can only be registered for Exception"
                " classes or HTTP error codes."
            )
        if issubclass(exc_class, HTTPException):
            return exc_class, exc_class.code
        return exc_class, None


def named_decorator(add: Callable[..., None], name: str | Callable[..., Any] | None) -> Any:
    """Returns a decorator that adds a function under a name; given the function itself, adds it under its own."""
    if callable(name):
        add(name)
        return name

    def decorate(f: F) -> F:
        add(f, name)
        return f

    return decorate


def hook_names(blueprints: Iterable[str]) -> tuple[str | None, ...]:
    """Returns the keys of the hook tables, the application's (None) first, then from the outermost blueprint inwards.

    :param blueprints: names of a request's blueprints, innermost first.
    """
    return (None, *reversed(list(blueprints)))
