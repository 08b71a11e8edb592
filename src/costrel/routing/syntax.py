"""The rule syntax: ``/user/<int:id>`` taken apart into segments that the matcher can walk along.

A rule is text with placeholders ``<name>``, ``<converter:name>`` or ``<converter(arguments):name>``. It is cut at
its slashes. A segment without a placeholder stays plain text; any other becomes a :class:`Dynamic`. A converter that
may match slashes (``path``) ends the cutting: it and all that follows are one *final* segment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from werkzeug.routing.converters import BaseConverter

#: Sorts the dynamic segments at one place: number of literals, their positions and lengths, number of converters,
#: their weights. Numbers are negated, so that "more" sorts first.
Weight: TypeAlias = tuple[int, tuple[tuple[int, int], ...], int, tuple[int, ...]]

#: One step of a rule as ``(is a placeholder, text or name)``, the form in which werkzeug keeps it.
Step: TypeAlias = tuple[bool, str]

#: Makes the converter of a placeholder from its variable, its converter's name and the text of the arguments.
ConverterFactory: TypeAlias = Callable[[str, str, str], BaseConverter]


class Dynamic(NamedTuple):
    """A segment that holds at least one placeholder. Equal ones share a place in the matcher's tree."""

    #: A regular expression with one group per placeholder, named as werkzeug names them so that rules of its own
    #: class share places with ours.
    content: str
    #: True where the segment takes all that is left of the path, slashes included.
    final: bool
    #: True where it is final and ends with a slash, which the expression then captures as its last group.
    suffixed: bool
    weight: Weight


Segment: TypeAlias = str | Dynamic


class MalformedRule(ValueError):
    """The text is no rule; the message says where and what to write."""


_NAME = "[a-zA-Z_][a-zA-Z0-9_]*"
_PLACEHOLDER = re.compile(rf"<(?:({_NAME})(?:\((.*?)\))?:)?({_NAME})>")
_SLASH: Step = (False, "/")

#: Compiled at its first use, which saves 0.3 ms of start-up where no rule has arguments.
_ARGUMENT = r"""(?x)\s*
    (?:(?P<name>\w+)\s*=\s*)?
    (?:[urUR]?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')|(?P<bare>[+-]?[\w.]+(?:[^\s,"'=()]\w+)?))
    \s*(?:,\s*|\Z)"""
_CONSTANTS = {"None": None, "True": True, "False": False}


def parse_converter_args(text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Reads a converter's arguments as a rule writes them: numbers, True, False, None, quoted or bare words.

    Werkzeug takes ``5,6`` for one text, has no negative numbers, and passes over what it cannot read at the end.

    >>> parse_converter_args('1, 2.5, word, "two words", signed=True')
    ((1, 2.5, 'word', 'two words'), {'signed': True})

    :raises ValueError: where the text is not of that form; the message shows the place.
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    position = 0
    argument = re.compile(_ARGUMENT)
    while position < len(text) and not text[position:].isspace():
        found = argument.match(text, position)
        if found is None:
            if text[position:].strip() == ",":
                break
            raise ValueError(f"cannot read {text[position:]!r}")
        name, double, single, bare = found.groups()
        value = _value_of(bare) if bare is not None else double if double is not None else single
        if name:
            named[name] = value
        else:
            positional.append(value)
        position = found.end()
    return tuple(positional), named


def _value_of(word: str) -> Any:
    """Returns the constant or number that a bare word stands for, else the word."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            pass
    return word


def parse(text: str, converter_for: ConverterFactory, trace: list[Step]) -> list[Segment]:
    """Cuts the text of a rule, or of its subdomain or host, into segments.

    :param text: the rule's text.
    :param converter_for: makes a placeholder's converter.
    :param trace: receives the steps of the rule in order.
    :raises MalformedRule: where a ``<`` does not begin a placeholder.
    """
    tokens = _PLACEHOLDER.split(text)
    for literal in tokens[::4]:
        if "<" in literal:
            raise MalformedRule(_describe_malformed(text, literal))
    if len(tokens) == 1:
        # PERF: most rules of large applications hold literal text only; this takes a third of the time.
        literals = text.split("/")
        for position, literal in enumerate(literals):
            if position:
                trace.append(_SLASH)
            if literal:
                trace.append((False, literal))
        return literals  # type: ignore[return-value]
    cutter = _Cutter(trace)
    for number in range(0, len(tokens), 4):
        for position, literal in enumerate(tokens[number].split("/")):
            if position:
                cutter.slash()
            if literal:
                cutter.literal(literal)
        if number + 1 < len(tokens):
            converter, arguments, variable = tokens[number + 1 : number + 4]
            cutter.placeholder(variable, converter_for(variable, converter or "default", arguments or ""))
    cutter.finish()
    return cutter.segments


def placeholders(text: str) -> list[tuple[str, str, str]]:
    """Returns converter, arguments and name of each placeholder in the text of a rule, empty where it has none.

    >>> placeholders("/<lang>/<any(about, help):page>")
    [('', '', 'lang'), ('any', 'about, help', 'page')]
    """
    return _PLACEHOLDER.findall(text)


def _describe_malformed(text: str, literal: str) -> str:
    """Says which ``<`` is no placeholder and what one looks like."""
    bad = literal[literal.index("<") :]
    return (
        f"{text!r} has a '<' that does not begin a placeholder, at {bad!r}. Write <name>, <converter:name> or"
        " <converter(arguments):name>, where a name has letters, digits and '_' and does not begin with a digit."
    )


class _Cutter:
    """Puts segments together while a rule is read from left to right."""

    __slots__ = ("arguments", "content", "dynamic", "final", "literals", "segments", "trace")

    def __init__(self, trace: list[Step]) -> None:
        self.trace = trace
        self.segments: list[Segment] = []
        self._begin()

    def _begin(self) -> None:
        self.content = ""
        self.dynamic = False
        self.final = False
        self.literals: list[tuple[int, int]] = []
        self.arguments: list[int] = []

    def literal(self, text: str) -> None:
        self.trace.append((False, text))
        self.literals.append((len(self.literals), -len(text)))
        self.content += re.escape(text) if self.dynamic else text

    def placeholder(self, variable: str, converter: BaseConverter) -> None:
        self.trace.append((True, variable))
        if not self.dynamic:
            self.dynamic = True
            self.content = re.escape(self.content)
        if not converter.part_isolating:
            self.final = True
        self.content += f"(?P<__werkzeug_{len(self.arguments)}>{converter.regex})"
        self.arguments.append(converter.weight)

    def slash(self) -> None:
        self.trace.append(_SLASH)
        if self.final:
            self.content += "/"
            return
        self._add_segment(suffixed=False)
        self._begin()

    def finish(self) -> None:
        suffixed = self.final and self.content.endswith("/")
        if suffixed:
            # A slash at the end is optional here, so that its absence can be answered with a redirect.
            self.content = self.content[:-1] + "(?<!/)(/?)"
        self._add_segment(suffixed)
        if suffixed:
            self.segments.append("")

    def _add_segment(self, suffixed: bool) -> None:
        if not self.dynamic:
            self.segments.append(self.content)
            return
        weight = (-len(self.literals), tuple(self.literals), -len(self.arguments), tuple(self.arguments))
        self.segments.append(Dynamic(self.content + r"\Z", self.final, suffixed, weight))
