"""The converters that turn a part of a path into a Python value and back.

Each is a subclass of werkzeug's converter of the same name, so ``isinstance`` checks and custom converters
written for werkzeug or Flask hold. The regular expressions, weights and arguments are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.routing import converters as base
from werkzeug.routing.converters import BaseConverter, ValidationError

__all__ = [
    "DEFAULT_CONVERTERS",
    "AnyConverter",
    "BaseConverter",
    "FloatConverter",
    "IntegerConverter",
    "NumberConverter",
    "PathConverter",
    "UUIDConverter",
    "UnicodeConverter",
    "ValidationError",
    "quote_path",
    "reader",
    "writer",
]

#: What may stand unquoted in a path: https://url.spec.whatwg.org/#url-path-segment-string
PATH_SAFE = "!$&'()*+,/:;=@"

_is_path_safe = re.compile(r"[A-Za-z0-9_.\-~!$&'()*+,/:;=@]*").fullmatch


def quote_path(value: Any) -> str:
    """Percent-encodes the text of a value for use in a path; slashes stay.

    >>> quote_path("a b/ü")
    'a%20b/%C3%BC'
    """
    text = value if type(value) is str else str(value)
    # PERF: 0.1 µs for plain text, where urllib's quote takes 0.9.
    if text.isascii() and (text.isalnum() or _is_path_safe(text)):
        return text
    return quote(text, safe=PATH_SAFE)


def _integer_text(value: Any) -> str:
    """Returns the digits of a value that is an int or that ``int`` accepts."""
    return str(value) if type(value) is int else str(int(value))


class UnicodeConverter(base.UnicodeConverter):
    """Matches text without a slash: ``<name>``, ``<string(length=2):code>``.

    :param minlength: the least number of characters, 1 or more.
    :param maxlength: the greatest number of characters; None means any.
    :param length: the exact number of characters; the other two are then ignored.
    """


class AnyConverter(base.AnyConverter):
    """Matches one of the given texts: ``<any(about, help, "terms-of-use"):page>``."""

    def __init__(self, map: Any, *items: str) -> None:
        for item in items:
            if not isinstance(item, str):
                raise TypeError(f'{item!r} is a {type(item).__name__}, not a text; put it in quotes: "{item}"')
        super().__init__(map, *items)


class PathConverter(base.PathConverter):
    """Matches text that may contain slashes, but does not begin with one: ``<path:filename>``."""


class NumberConverter(base.NumberConverter):
    """The base of the converters of numbers."""


class IntegerConverter(base.IntegerConverter, NumberConverter):
    """Matches a whole number: ``<int:page>``, ``<int(signed=True, min=-5):offset>``.

    :param fixed_digits: the exact number of digits in the URL; 0 means any.
    :param min: the least value.
    :param max: the greatest value.
    :param signed: whether a leading minus sign is allowed.
    """


class FloatConverter(base.FloatConverter, NumberConverter):
    """Matches a number with a decimal point: ``<float:ratio>``.

    :param min: the least value.
    :param max: the greatest value.
    :param signed: whether a leading minus sign is allowed.
    """


class UUIDConverter(base.UUIDConverter):
    """Matches a UUID in its form with dashes and gives a ``uuid.UUID``: ``<uuid:key>``."""


def reader(converter: BaseConverter) -> Callable[[str], Any] | None:
    """Returns the function that turns matched text into the value, None where the text is the value.

    What it raises on text that is no value is a ``ValueError``, of which ``ValidationError`` is one.
    """
    method = type(converter).to_python
    if method is BaseConverter.to_python and "to_python" not in vars(converter):
        return None
    if (
        method is base.NumberConverter.to_python
        and type(converter) in (IntegerConverter, base.IntegerConverter)
        and not converter.fixed_digits  # type: ignore[attr-defined]
        and converter.min is None  # type: ignore[attr-defined]
        and converter.max is None  # type: ignore[attr-defined]
    ):
        return int
    return converter.to_python


def writer(converter: BaseConverter) -> Callable[[Any], Any]:
    """Returns the function that turns a value into the text for the URL, percent-encoded."""
    method = type(converter).to_url
    if method is BaseConverter.to_url and "to_url" not in vars(converter):
        return quote_path
    if (
        method is base.NumberConverter.to_url
        and type(converter) in (IntegerConverter, base.IntegerConverter)
        and not converter.fixed_digits  # type: ignore[attr-defined]
    ):
        return _integer_text
    return converter.to_url


#: The converters that every map knows, by the name used in rules.
DEFAULT_CONVERTERS: Mapping[str, type[BaseConverter]] = {
    "default": UnicodeConverter,
    "string": UnicodeConverter,
    "any": AnyConverter,
    "path": PathConverter,
    "int": IntegerConverter,
    "float": FloatConverter,
    "uuid": UUIDConverter,
}
