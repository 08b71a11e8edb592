"""Rule: one URL pattern with its endpoint, parsed when it is bound to a map."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.routing import Rule as BaseRule
from werkzeug.routing.converters import BaseConverter, ValidationError
from werkzeug.routing.rules import RulePart, Weighting

from costrel.routing.builder import Template, compile_template, fill
from costrel.routing.syntax import MalformedRule, Segment, Step, parse, parse_converter_args

_END_OF_DOMAIN: Step = (False, "|")


class Rule(BaseRule):
    """One URL pattern and what it leads to.

    The arguments are those of ``werkzeug.routing.Rule``. A bound rule is compiled: whoever changes one of its
    attributes afterwards calls :meth:`refresh`.

    :param string: the pattern, ``/user/<int:id>``; it begins with a slash.
    :param defaults: values for the view that are not in the pattern, or that make this rule the canonical one.
    :param subdomain: the pattern of the subdomain; None means the map's default.
    :param methods: the HTTP methods; None means all. HEAD comes with GET.
    :param build_only: whether the rule only builds URLs and never matches.
    :param endpoint: what a match gives; by convention the name of the view.
    :param strict_slashes: whether a missing last slash is redirected and a needless one refused; None: the map's.
    :param merge_slashes: whether repeated slashes are merged by a redirect; None means the map's setting.
    :param redirect_to: a target, or a callable that returns one, to which a match is redirected.
    :param alias: whether the rule redirects to the endpoint's main rule.
    :param host: the pattern of the host, for maps with ``host_matching``.
    :param websocket: whether the rule matches WebSocket requests only.
    :raises ValueError: where the pattern does not begin with a slash.
    :raises TypeError: where ``methods`` is one text.
    """

    #: Whether the application answers OPTIONS for this rule itself; the application sets it.
    provide_automatic_options: bool = False

    def __init__(
        self,
        string: str,
        defaults: Mapping[str, Any] | None = None,
        subdomain: str | None = None,
        methods: Iterable[str] | None = None,
        build_only: bool = False,
        endpoint: Any | None = None,
        strict_slashes: bool | None = None,
        merge_slashes: bool | None = None,
        redirect_to: str | Callable[..., str] | None = None,
        alias: bool = False,
        host: str | None = None,
        websocket: bool = False,
    ) -> None:
        if not string.startswith("/"):
            raise ValueError(f"The URL rule {string!r} must start with a slash: write {'/' + string!r}.")
        if isinstance(methods, str):
            raise TypeError(f"The methods of the URL rule {string!r} must be a list of texts: write [{methods!r}].")
        super().__init__(
            string,
            defaults,
            subdomain,
            methods,
            build_only,
            endpoint,
            strict_slashes,
            merge_slashes,
            redirect_to,
            alias,
            host,
            websocket,
        )
        self._segments: list[Segment] = []
        self._template: Template | None = None

    def get_converter(
        self, variable_name: str, converter_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> BaseConverter:
        """Makes the converter of one placeholder.

        :raises LookupError: where the map has no converter of that name.
        :raises TypeError: or ValueError, where the converter refuses its arguments.
        """
        converters = self.map.converters
        if converter_name not in converters:
            raise LookupError(self._describe_unknown(converter_name, variable_name, converters))
        factory = converters[converter_name]
        try:
            return factory(self.map, *args, **kwargs)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"In the URL rule {self.rule!r} (endpoint {self.endpoint!r}) the converter {converter_name!r} of"
                f" <{variable_name}> refuses its arguments: {error}. It takes {_describe_arguments(factory)}."
            ) from error

    def _describe_unknown(self, name: str, variable: str, known: Iterable[str]) -> str:
        near = difflib.get_close_matches(name, [*known], 1)
        hint = f" Did you mean <{near[0]}:{variable}>?" if near else ""
        return (
            f"The URL rule {self.rule!r} (endpoint {self.endpoint!r}) uses the converter {name!r}, which does not"
            f" exist.{hint} Known are {', '.join(sorted(known))}; add your own with"
            f" url_map.converters[{name!r}] = YourConverter before the rule."
        )

    def _converter_for(self, variable: str, name: str, arguments: str) -> BaseConverter:
        """Makes and keeps the converter of one placeholder."""
        if variable in self._converters:
            raise ValueError(
                f"The URL rule {self.rule!r} (endpoint {self.endpoint!r}) uses the name {variable!r} twice."
                " Each placeholder, of the subdomain or host as well, needs a name of its own."
            )
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        if arguments:
            try:
                args, kwargs = parse_converter_args(arguments)
            except ValueError as error:
                raise ValueError(
                    f"In the URL rule {self.rule!r} (endpoint {self.endpoint!r}) the arguments of <{variable}> are"
                    f" malformed: {error}. Write numbers, True, False, words or quoted texts, with commas between."
                ) from None
        converter = self.get_converter(variable, name, args, kwargs)
        self._converters[variable] = converter
        self.arguments.add(variable)
        return converter

    def compile(self) -> None:
        """Parses the pattern; called when the rule is bound to a map.

        :raises ValueError: where the pattern is malformed.
        """
        domain = (self.host if self.map.host_matching else self.subdomain) or ""
        path = self.rule
        if self.merge_slashes and "//" in path:
            path = re.sub("/{2,}", "/", path)
        self._converters = {}
        self._template = None
        trace: list[Step] = []
        self._trace = trace
        try:
            segments: list[Segment] = parse(domain, self._converter_for, trace) if domain else [""]
            trace.append(_END_OF_DOMAIN)
            segments += parse(path, self._converter_for, trace)
        except MalformedRule as error:
            raise ValueError(f"The URL rule of endpoint {self.endpoint!r}: {error}") from None
        self._segments = segments
        if not hasattr(self.map, "rules_changed"):
            # A map of werkzeug's own class, whose matcher wants its kind of segments.
            self._parts = [_part_of(segment) for segment in segments]
        if self.defaults and not self._converters.keys().isdisjoint(self.defaults):
            # A default that its converter cannot write is an error at the line that registers the rule.
            self.template()

    def refresh(self) -> None:
        """Compiles the rule anew after a change of its attributes."""
        super().refresh()
        changed = getattr(self.map, "rules_changed", None)
        if changed is not None:
            changed()

    def template(self) -> Template:
        """Returns the compiled builder of the rule's URLs, made at its first use."""
        template = self._template
        if template is None:
            template = self._template = compile_template(self._trace, self._converters, self.defaults or {})
        return template

    def build(self, values: Mapping[str, Any], append_unknown: bool = True) -> tuple[str, str] | None:
        """Builds the domain part and the path of the URL for the values.

        :param append_unknown: whether values that the rule does not name become the query.
        :returns: None where a converter refuses a value with ``ValidationError``.
        :raises TypeError: where a value is missing.
        """
        template = self.template()
        query = ""
        if append_unknown:
            extra = {name: value for name, value in values.items() if name not in template.names}
            if extra:
                query = self._encode_query_vars(extra)
        try:
            domain = fill(template.domain, values)
            path = fill(template.path, values)
        except ValidationError:
            return None
        except KeyError as error:
            if error.args and error.args[0] in self.arguments and error.args[0] not in values:
                raise TypeError(f"The URL rule {self.rule!r} needs a value for {error.args[0]!r}.") from None
            raise
        return domain, f"{path}?{query}" if query else path


def _part_of(segment: Segment) -> RulePart:
    """Returns werkzeug's form of a segment."""
    if isinstance(segment, str):
        return RulePart(segment, final=False, static=True, suffixed=False, weight=Weighting(0, [], 0, []))
    literals, lengths, arguments, weights = segment.weight
    weight = Weighting(literals, [*lengths], arguments, [*weights])
    return RulePart(segment.content, segment.final, static=False, suffixed=segment.suffixed, weight=weight)


def _describe_arguments(factory: Callable[..., Any]) -> str:
    """Lists the parameters of a converter after the map."""
    parameters = [*inspect.signature(factory).parameters.values()][1:]
    return ", ".join(str(parameter) for parameter in parameters) or "none"
