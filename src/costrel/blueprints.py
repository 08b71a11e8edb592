"""``Blueprint``: records what a part of an application registers, and replays it when it is registered itself.

Source: https://flask.palletsprojects.com/en/stable/blueprints/
"""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from costrel.registrar import Registrar, _endpoint_from_view_func, calling_line, named_decorator, setupmethod

if TYPE_CHECKING:
    from costrel import typing as ct
    from costrel.app import App

F = TypeVar("F", bound=Callable[..., Any])

DeferredSetupFunction = Callable[["BlueprintSetupState"], None]

_UNSET: Any = object()


class BlueprintSetupState:
    """What a blueprint knows while it is being registered: the application, the options, and the names and prefixes.

    :param blueprint: the blueprint.
    :param app: the application that it is registered on.
    :param options: the keyword arguments of ``register_blueprint``.
    :param first_registration: whether the blueprint was not registered on this application before.
    """

    def __init__(self, blueprint: Blueprint, app: App, options: Any, first_registration: bool) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        self.subdomain: str | None = _first_set(options.get("subdomain"), blueprint.subdomain)
        self.url_prefix: str | None = _first_set(options.get("url_prefix"), blueprint.url_prefix)
        self.name = options.get("name", blueprint.name)
        self.name_prefix = options.get("name_prefix", "")
        self.url_defaults = dict(blueprint.url_values_defaults)
        self.url_defaults.update(options.get("url_defaults", ()))

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ct.RouteCallable | None = None,
        **options: Any,
    ) -> None:
        """Registers a rule on the application, with the blueprint's prefix, subdomain, defaults and name added."""
        if self.url_prefix is not None:
            rule = join_paths(self.url_prefix, rule) if rule else self.url_prefix
        options.setdefault("subdomain", self.subdomain)
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        defaults = self.url_defaults
        if "defaults" in options:
            defaults = dict(defaults, **options.pop("defaults"))
        self.app.add_url_rule(
            rule,
            f"{self.name_prefix}.{self.name}.{endpoint}".lstrip("."),
            view_func,
            defaults=defaults,
            **options,
        )


class Blueprint(Registrar):
    """A part of an application: routes, hooks, handlers, templates and commands, under one name.

    :param name: the prefix of its endpoints, without a dot.
    :param import_name: the name of the module that makes it, usually ``__name__``.
    :param static_folder: its folder of static files, relative to the module.
    :param static_url_path: the URL prefix of its static files.
    :param template_folder: its folder of templates, looked at after the application's.
    :param url_prefix: put before all its rules.
    :param subdomain: of all its rules.
    :param url_defaults: values that its rules have by default.
    :param root_path: the module's folder, where it can't be found out.
    :param cli_group: the name of the group of its commands; None puts them on the top level.
    """

    _got_registered_once = False

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = _UNSET,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if not name:
            raise ValueError("'name' may not be empty.")
        if "." in name:
            raise ValueError(
                f"'name' may not contain a dot '.' character, but it is {name!r}: dots separate the names of nested"
                " blueprints."
            )
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.deferred_functions: list[DeferredSetupFunction] = []
        self.url_values_defaults: dict[str, Any] = {} if url_defaults is None else url_defaults
        self.cli_group = cli_group
        self._blueprints: list[tuple[Blueprint, dict[str, Any]]] = []

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called on the blueprint '{self.name}'. It has already"
                " been registered at least once, any changes will not be applied consistently.\n"
                f"Move the call in {calling_line()} to before the line that registers the blueprint."
            )

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Registers a function of the setup state that runs each time the blueprint is registered."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Registers a function of the setup state that runs only when the blueprint is first registered on an app."""

        def run(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(functools.update_wrapper(run, func))

    def make_setup_state(self, app: App, options: dict[str, Any], first_registration: bool = False) -> Any:
        """Returns the setup state for one registration; made to be overridden."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nests another blueprint in this one; the options are those of ``App.register_blueprint``."""
        if blueprint is self:
            raise ValueError("Cannot register a blueprint on itself")
        self._blueprints.append((blueprint, options))

    def register(self, app: App, options: dict[str, Any]) -> None:
        """Replays on the application what was recorded; ``App.register_blueprint`` calls it.

        :param app: the application.
        :param options: the keyword arguments of ``register_blueprint``: ``name``, ``url_prefix``, ``subdomain``,
            ``url_defaults``, ``cli_group``.
        :raises ValueError: where the name is taken.
        """
        own_name = options.get("name", self.name)
        name = f"{options.get('name_prefix', '')}.{own_name}".lstrip(".")
        self._check_name_is_free(app, own_name, name)
        first_registration = not any(blueprint is self for blueprint in app.blueprints.values())
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, first_registration)
        if self.has_static_folder:
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>", view_func=self.send_static_file, endpoint="static"
            )
        self._merge_hooks(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._merge_commands(app, name, options.get("cli_group", self.cli_group))
        for blueprint, nested_options in self._blueprints:
            blueprint.register(app, _nested_options(state, blueprint, nested_options, name))

    def _check_name_is_free(self, app: App, own_name: str, name: str) -> None:
        if name not in app.blueprints:
            return
        which = "this" if app.blueprints[name] is self else "a different"
        where = f" '{name}'" if own_name != name else ""
        raise ValueError(
            f"The name '{own_name}' is already registered for {which} blueprint{where}. Use 'name=' to provide a unique"
            " name."
        )

    def _merge_hooks(self, app: App, name: str) -> None:
        """Copies views, handlers and hooks into the application's tables, under the blueprint's full name."""

        def full_name(key: str | None) -> str:
            return name if key is None else f"{name}.{key}"

        for key, by_code in self.error_handler_spec.items():
            copied: Any = defaultdict(dict, {code: dict(handlers) for code, handlers in by_code.items()})
            app.error_handler_spec[full_name(key)] = copied
        app.view_functions.update(self.view_functions)
        tables: list[tuple[dict[str | None, list[Any]], dict[str | None, list[Any]]]] = [
            (self.before_request_funcs, app.before_request_funcs),
            (self.after_request_funcs, app.after_request_funcs),
            (self.teardown_request_funcs, app.teardown_request_funcs),
            (self.url_default_functions, app.url_default_functions),
            (self.url_value_preprocessors, app.url_value_preprocessors),
            (self.template_context_processors, app.template_context_processors),
        ]
        for own, target in tables:
            for key, functions in own.items():
                target.setdefault(full_name(key), []).extend(functions)

    def _merge_commands(self, app: App, name: str, group: str | None) -> None:
        """Adds the blueprint's commands to the application's, if it has any."""
        cli = self.__dict__.get("cli")
        if cli is None or not cli.commands:
            return
        if group is None:
            app.cli.commands.update(cli.commands)
        else:
            cli.name = name if group is _UNSET else group
            app.cli.add_command(cli)

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ct.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Records a rule; see :meth:`App.add_url_rule <costrel.App.add_url_rule>`."""
        if endpoint and "." in endpoint:
            raise ValueError(f"'endpoint' may not contain a dot '.' character, but it is {endpoint!r}.")
        name = getattr(view_func, "__name__", "")
        if view_func and "." in name:
            raise ValueError(f"'view_func' name may not contain a dot '.' character, but it is {name!r}.")
        self.record(
            lambda state: state.add_url_rule(
                rule, endpoint, view_func, provide_automatic_options=provide_automatic_options, **options
            )
        )

    @setupmethod
    def app_template_filter(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a Jinja filter for all templates of the application."""
        return named_decorator(self.add_app_template_filter, name)

    @setupmethod
    def app_template_test(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a Jinja test for all templates of the application."""
        return named_decorator(self.add_app_template_test, name)

    @setupmethod
    def app_template_global(self, name: str | Callable[..., Any] | None = None) -> Any:
        """Decorates a function that all templates of the application can call."""
        return named_decorator(self.add_app_template_global, name)

    def _record_template_function(self, table: str, f: Callable[..., Any], name: str | None) -> None:
        def add(state: BlueprintSetupState) -> None:
            getattr(state.app.jinja_env, table)[name or f.__name__] = f

        self.record_once(add)

    @setupmethod
    def add_app_template_filter(self, f: ct.TemplateFilterCallable, name: str | None = None) -> None:
        """Registers a Jinja filter for all templates of the application."""
        self._record_template_function("filters", f, name)

    @setupmethod
    def add_app_template_test(self, f: ct.TemplateTestCallable, name: str | None = None) -> None:
        """Registers a Jinja test for all templates of the application."""
        self._record_template_function("tests", f, name)

    @setupmethod
    def add_app_template_global(self, f: ct.TemplateGlobalCallable, name: str | None = None) -> None:
        """Registers a function that all templates of the application can call."""
        self._record_template_function("globals", f, name)

    def _record_app_hook(self, table: str, f: F) -> F:
        self.record_once(lambda state: getattr(state.app, table).setdefault(None, []).append(f))
        return f

    @setupmethod
    def before_app_request(self, f: F) -> F:
        """Like :meth:`before_request`, for every request of the application."""
        return self._record_app_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: F) -> F:
        """Like :meth:`after_request`, for every request of the application."""
        return self._record_app_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: F) -> F:
        """Like :meth:`teardown_request`, for every request of the application."""
        return self._record_app_hook("teardown_request_funcs", f)

    @setupmethod
    def app_context_processor(self, f: F) -> F:
        """Like :meth:`context_processor`, for every template of the application."""
        return self._record_app_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: F) -> F:
        """Like :meth:`url_value_preprocessor`, for every request of the application."""
        return self._record_app_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: F) -> F:
        """Like :meth:`url_defaults`, for every endpoint of the application."""
        return self._record_app_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(self, code: type[Exception] | int) -> Callable[[F], F]:
        """Like :meth:`errorhandler`, for every request of the application."""

        def decorate(f: F) -> F:
            self.record_once(lambda state: state.app.register_error_handler(code, f))
            return f

        return decorate


def join_paths(prefix: str, rule: str) -> str:
    """Returns prefix and rule with exactly one slash between them.

    >>> join_paths("/api/", "/users"), join_paths("/api", "users")
    ('/api/users', '/api/users')
    """
    return f"{prefix.rstrip('/')}/{rule.lstrip('/')}"


def _first_set(*values: str | None) -> str | None:
    """Returns the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _nested_options(
    state: BlueprintSetupState, blueprint: Blueprint, options: dict[str, Any], name: str
) -> dict[str, Any]:
    """Returns the options with which a nested blueprint is registered, its parent's prefix and subdomain added."""
    result = dict(options, name_prefix=name)
    prefix = _first_set(options.get("url_prefix"), blueprint.url_prefix)
    if state.url_prefix is not None and prefix is not None:
        prefix = join_paths(state.url_prefix, prefix)
    subdomain = _first_set(options.get("subdomain"), blueprint.subdomain)
    if state.subdomain is not None and subdomain is not None:
        subdomain = f"{subdomain}.{state.subdomain}"
    for key, own, parents in (("url_prefix", prefix, state.url_prefix), ("subdomain", subdomain, state.subdomain)):
        value = _first_set(own, parents)
        if value is not None:
            result[key] = value
    return result


def check_blueprint(blueprint: Any) -> None:
    """Refuses a blueprint of Flask itself, which knows nothing of an application of costrel.

    :raises TypeError: it is one; the message says how to have all on costrel.
    """
    if any(cls.__module__ == "flask.blueprints" for cls in type(blueprint).__mro__):
        raise TypeError(
            f"The blueprint {blueprint.name!r} comes from Flask itself, not from costrel: its views would find no"
            " request. Write `import costrel.as_flask` as the program's first line, above the first import of flask"
            " or of an extension, or start the program with `python -m costrel.as_flask`."
        )
