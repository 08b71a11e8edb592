"""Jinja templates: the environment, the loader over application and blueprints, and rendering.

Source: https://flask.palletsprojects.com/en/stable/templating/
"""

from __future__ import annotations

import difflib
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe
from jinja2 import BaseLoader, Template, TemplateNotFound, TemplatesNotFound
from jinja2.runtime import Context, new_context
from jinja2.utils import internalcode
from markupsafe import Markup, escape

from costrel.context import current_app, current_context, describe_request, g, has_request_context, request, session
from costrel.helpers import default_context_processor, get_flashed_messages, stream_with_context
from costrel.policies import csp_nonce
from costrel.signals import before_render_template, template_rendered

if TYPE_CHECKING:
    from types import CodeType

    from costrel.app import App
    from costrel.registrar import Registrar

#: What a loader gives for a template: its text, its file, and a function that tells whether it is up to date.
Source = tuple[str, "str | None", "Callable[[], bool] | None"]


class MissingTemplate(TemplateNotFound):
    """A template that no loader has; the message names the places that were searched and the nearest name.

    :param name: the template's name.
    :param places: what was searched, in order, in words.
    :param list_templates: gives the names of the templates that there are.
    """

    def __init__(
        self, name: str | None, places: list[str] | None = None, list_templates: Callable[[], list[str]] | None = None
    ) -> None:
        super().__init__(name, f"The template {name!r} was not found.{_searched(places or [])}")
        self.list_templates = list_templates

    def __str__(self) -> str:
        # Listing the templates is slow, and `{% include ... ignore missing %}` never looks at the text.
        return f"{self.message}{self._nearest()}"

    def _nearest(self) -> str:
        if self.list_templates is None or not self.name:
            return ""
        try:
            names = self.list_templates()
        except TypeError:  # a loader that cannot list what it has
            return ""
        nearest = difflib.get_close_matches(str(self.name), names, 1)
        return f" Did you mean {nearest[0]!r}?" if nearest else ""


def _searched(places: list[str]) -> str:
    """Returns the sentences of an error about the request, the places that were searched and what to do."""
    asking = describe_request()
    if not places:
        return (
            f"{asking} Neither the application nor a blueprint has a template folder: pass"
            " template_folder='templates' to App or Blueprint."
        )
    lines = "".join(f"\n  - {place}" for place in places)
    return f"{asking} Searched, in this order:{lines}\nPut the file into one of these places, or correct the name."


#: Escapes a text and does not make it Markup. It is not public, so the other one will do.
_escape_text: Callable[[str], str] = getattr(markupsafe, "_escape_inner", escape)
_PLAIN_CALLABLES = frozenset({FunctionType, MethodType, BuiltinFunctionType})
#: What an object gives for an attribute that it does not have.
_nothing = object()


def _escape_output(value: Any) -> str:
    """Returns the text of a value as HTML, like ``markupsafe.escape``, but as plain text where that will do."""
    kind = type(value)
    if kind is str:
        return _escape_text(value)
    if kind is int:
        return str(value)
    return value if kind is Markup else escape(value)


def _stop() -> None:
    raise StopIteration


class CallingContext(Context):
    """The values of one rendering, which calls functions and methods without detours."""

    @internalcode
    def call(self, obj: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Calls what a template calls; see ``jinja2.runtime.Context.call``."""
        # PERF: 0.2 us for a function that does not ask for the context; by Jinja's way 0.75 us.
        if type(obj) not in _PLAIN_CALLABLES or hasattr(obj, "jinja_pass_arg"):
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return obj(*args, **kwargs)
        except StopIteration:
            # Jinja makes an undefined value of it, for it would end the template.
            return super().call(_stop)


class MergedTemplate(Template):
    """A template that puts its globals into one dict before Jinja reads them, and makes no Markup just to send it."""

    @classmethod
    def from_code(
        cls,
        environment: jinja2.Environment,
        code: CodeType,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> MergedTemplate:
        """Makes a template of the code that Jinja has compiled; see ``jinja2.Template.from_code``."""
        template: MergedTemplate = super().from_code(environment, code, globals, uptodate)  # type: ignore[assignment]
        # PERF: the code calls this name for what it puts out and nothing else: 0.1 us for a text, by escape 0.4 us.
        names = template.root_render_func.__globals__
        if names.get("escape") is escape:
            names["escape"] = _escape_output
        return template

    def new_context(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> Context:
        """Returns the context of one rendering; see ``jinja2.Template.new_context``."""
        values: MutableMapping[str, Any] = self.globals
        if type(values) is ChainMap:
            # PERF: Jinja reads all globals twice for each rendering, include and import, and looks each up in a chain
            # of two dicts by Python code: 17 us, with one dict 2 us.
            merged: dict[str, Any] = {}
            for mapping in reversed(values.maps):
                merged.update(mapping)
            values = merged
        return new_context(self.environment, self.name, self.blocks, vars, shared, values, locals)


class Environment(jinja2.Environment):
    """A Jinja environment that knows its application.

    :param app: the application, whose loader is used unless the options have one.
    :param options: what ``jinja2.Environment`` takes.
    """

    template_class = MergedTemplate
    context_class: type[Context] = CallingContext

    def __init__(self, app: App, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A class that is a sandbox too has its rules for attributes, whichever of its bases comes first.
        owner = next(base for base in cls.__mro__ if base is not Environment and "getattr" in vars(base))
        if owner is not jinja2.Environment:
            cls.getattr = owner.getattr  # type: ignore[attr-defined, method-assign]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Returns an attribute of an object in a template, else its item of that name, else an undefined value."""
        # PERF: 0.1 us for an item of a dict; Jinja's way, by an exception, takes 0.55 us.
        value = getattr(obj, attribute, _nothing)
        if value is not _nothing:
            return value
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=attribute)

    def select_template(
        self, names: Any, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """Returns the first of several templates that exists."""
        try:
            return super().select_template(names, parent, globals)
        except TemplatesNotFound as error:
            if isinstance(self.loader, DispatchingJinjaLoader):
                error.message = f"{error.message}.{_searched(self.loader.places())}"
            raise


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the application's folder, then in those of its blueprints as they were registered.

    With the setting ``EXPLAIN_TEMPLATE_LOADING`` it logs where it looked and what it found.

    :param app: the application.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    def get_source(self, environment: jinja2.Environment, template: str) -> Source:
        """Returns the source of a template.

        :raises MissingTemplate: where no loader has it.
        """
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            found = self._find_explained(environment, template)
        else:
            found = next(self._find(environment, template), None)
        if found is None:
            raise MissingTemplate(template, self.places(), self.list_templates)
        return found

    def _find(self, environment: jinja2.Environment, template: str) -> Iterator[Source]:
        for _, loader in self._iter_loaders(template):
            try:
                yield loader.get_source(environment, template)
            except TemplateNotFound:
                continue

    def _find_explained(self, environment: jinja2.Environment, template: str) -> Source | None:
        attempts: list[tuple[Registrar, BaseLoader, Source | None]] = []
        for owner, loader in self._iter_loaders(template):
            try:
                found = loader.get_source(environment, template)
            except TemplateNotFound:
                attempts.append((owner, loader, None))
            else:
                attempts.append((owner, loader, found))
        self.app.logger.info("\n".join(_explain(self.app, template, attempts)))
        return next((found for _, _, found in attempts if found is not None), None)

    def _iter_loaders(self, template: str | None = None) -> Iterator[tuple[Registrar, BaseLoader]]:
        owners: Iterator[Registrar] = chain([self.app], self.app.iter_blueprints())
        for owner in owners:
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """Returns the names of all templates of the application and its blueprints."""
        return list({name for _, loader in self._iter_loaders() for name in loader.list_templates()})

    def places(self) -> list[str]:
        """Returns what is searched for a template, in order, in words."""
        return [f"{_owner_name(self.app, owner)}: {_place(loader)}" for owner, loader in self._iter_loaders()]


def _place(loader: BaseLoader) -> str:
    """Returns the folders of a loader, or its class where it has none."""
    folders = getattr(loader, "searchpath", None)
    return ", ".join(map(str, folders)) if folders else type(loader).__name__


def _owner_name(app: App, owner: Registrar) -> str:
    if owner is app:
        return f"application {owner.import_name!r}"
    return f"blueprint {owner.name!r} ({owner.import_name})"


def _explain(app: App, template: str, attempts: list[tuple[Registrar, BaseLoader, Source | None]]) -> Iterator[str]:
    """Yields the lines of the log record of ``EXPLAIN_TEMPLATE_LOADING``."""
    yield f"Locating template {template!r}:"
    finders = []
    for number, (owner, loader, found) in enumerate(attempts, 1):
        name = _owner_name(app, owner)
        yield f"{number:5}: trying loader of {name}"
        yield f"       class: {type(loader).__module__}.{type(loader).__name__}"
        for key, value in sorted(vars(loader).items()):
            if not key.startswith("_") and isinstance(value, (str, int, float, list, tuple)):
                yield f"       {key}: {value!r}"
        if found is None:
            yield "       -> no match"
        else:
            finders.append(name)
            yield f"       -> found ({found[1] or '<string>'!r})"
    if len(finders) == 1:
        return
    if finders:
        yield f"Warning: {len(finders)} loaders have the template. That of {finders[0]} is used; it hides the others."
    else:
        yield "Error: the template could not be found."
    blueprint = request.blueprint if has_request_context() else None
    if blueprint is not None:
        yield f"  The template was looked up from an endpoint that belongs to the blueprint {blueprint!r}."
        yield "  Is its file in the right folder? All folders are searched in the order above, whatever the blueprint;"
        yield f"  a subfolder keeps names apart: '{blueprint}/{template}'."
        yield "  See https://flask.palletsprojects.com/blueprints/#templates"


def create_environment(app: App) -> Environment:
    """Makes the Jinja environment of an application from its ``jinja_options``, its config and its methods."""
    options = dict(app.jinja_options)
    options.setdefault("autoescape", app.select_jinja_autoescape)
    if "auto_reload" not in options:
        auto_reload = app.config["TEMPLATES_AUTO_RELOAD"]
        options["auto_reload"] = app.debug if auto_reload is None else auto_reload
    environment = app.jinja_environment(app, **options)
    environment.globals.update(
        url_for=app.url_for,
        csp_nonce=csp_nonce,
        get_flashed_messages=get_flashed_messages,
        config=app.config,
        # Templates that are imported see these globals, but not the values that a rendering is given.
        request=request,
        session=session,
        g=g,
    )
    environment.policies["json.dumps_function"] = app.json.dumps
    return environment


def update_context(app: App, context: dict[str, Any]) -> None:
    """Adds what the context processors return to the values of a rendering; the values given win.

    The application's processors come first, then those of the request's blueprints from the outermost in.
    """
    values: dict[str, Any] = {}
    processors = app.template_context_processors
    names: list[str | None] = [None]
    if len(processors) > 1:
        current = current_context.get(None)
        request_context = None if current is None else current.request_context()
        if request_context is not None:
            names.extend(reversed(request_context.request.blueprints))
    for name in names:
        for processor in processors.get(name, ()):
            plain = processor is default_context_processor
            function: Callable[[], Any] = processor if plain else app.ensure_sync(processor)
            values.update(function())
    for name, value in values.items():
        context.setdefault(name, value)


def _current_app() -> App:
    """Returns the current application itself; without one, the proxy raises the error that says what to do."""
    context = current_context.get(None)
    return current_app._get_current_object() if context is None else context.app  # type: ignore[attr-defined]


def _render(app: App, template: Template, context: dict[str, Any]) -> str:
    app.update_template_context(context)
    # PERF: asking for receivers takes 0.03 us; sending a signal that has none takes 0.5 us.
    if before_render_template.receivers:
        before_render_template.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)
    text = template.render(context)
    if template_rendered.receivers:
        template_rendered.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)
    return text


def render_template(template_name_or_list: str | Template | list[str | Template], **context: Any) -> str:
    """Renders a template with the given values.

    :param template_name_or_list: the template's name; of several names, the first that exists is taken.
    :param context: the values for the template.
    :raises jinja2.TemplateNotFound: where there is no such template; the message names the folders searched.
    """
    app = _current_app()
    return _render(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def render_template_string(source: str, **context: Any) -> str:
    """Renders a template that is given as a text; it is escaped like HTML.

    :param source: the template's text. Never build it from user input: who writes the template runs its code.
    :param context: the values for the template.
    """
    app = _current_app()
    return _render(app, app.jinja_env.from_string(source), context)


def _stream(app: App, template: Template, context: dict[str, Any]) -> Iterator[str]:
    app.update_template_context(context)
    if before_render_template.receivers:
        before_render_template.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        if template_rendered.receivers:
            template_rendered.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    return stream_with_context(generate()) if has_request_context() else generate()


def stream_template(template_name_or_list: str | Template | list[str | Template], **context: Any) -> Iterator[str]:
    """Renders a template piece by piece: a view returns the iterator, and the request stays usable in it.

    :param template_name_or_list: the template's name; of several names, the first that exists is taken.
    :param context: the values for the template.
    """
    app = _current_app()
    return _stream(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Renders a template that is given as a text piece by piece; see :func:`stream_template`.

    :param source: the template's text, never built from user input.
    :param context: the values for the template.
    """
    app = _current_app()
    return _stream(app, app.jinja_env.from_string(source), context)
