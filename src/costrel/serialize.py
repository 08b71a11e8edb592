"""Turns Python objects into JSON text and back, for an app's views, its request bodies and its cookies.

``JSONProvider`` is what to subclass for another JSON library, ``DefaultJSONProvider`` is the one that an app starts
with. The format that keeps tuples, dates and the like apart is in ``costrel.tags``.
"""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import Callable, Iterable
from datetime import date
from json import encoder as json_encoder
from typing import IO, Any, AnyStr, Protocol

from werkzeug.http import http_date

from costrel.watch import WatchedType

#: What the text of a provider depends on: ``default``, ``ensure_ascii`` and ``sort_keys``.
Settings = tuple[Callable[[Any], Any], bool, bool]

_COMPACT = (",", ":")
_SPACED = (", ", ": ")

#: Reads one JSON value at a given index; the same scanner that ``json.loads`` uses for a text.
_scan: Callable[[str, int], tuple[Any, int]] = getattr(json.JSONDecoder(), "scan_once")


class JSONApp(Protocol):
    """The part of an app that a JSON provider uses."""

    @property
    def debug(self) -> bool: ...

    @property
    def response_class(self) -> Callable[..., Any]: ...


def _default(o: Any) -> Any:
    """Returns a JSON type in place of an object that JSON does not know.

    :raises TypeError: there is none for this type.

    >>> _default(date(2024, 2, 29))
    'Thu, 29 Feb 2024 00:00:00 GMT'
    """
    if isinstance(o, date):
        return http_date(o)
    if dataclasses.is_dataclass(o) and not isinstance(o, type):
        return dataclasses.asdict(o)
    # Imported here to save start-up time, 3 ms for both, in programs that never use them.
    import decimal
    import uuid

    if isinstance(o, (decimal.Decimal, uuid.UUID)):
        return str(o)
    html = getattr(o, "__html__", None)
    if html is not None:
        return str(html())
    raise TypeError(
        f"Object of type {type(o).__name__} is not JSON serializable. Convert it to a dict, list, str or number first,"
        " or set `app.json.default` to a function that does."
    )


def compact_encoder(default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool) -> Callable[[Any], str]:
    """Returns a function that gives the same text as ``json.dumps(obj, separators=(",", ":"), ...)``."""
    return _encoder(default, ensure_ascii, sort_keys, _COMPACT)


def _encoder(
    default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool, separators: tuple[str, str], end: str = ""
) -> Callable[[Any], str]:
    item_separator, key_separator = separators
    reference = json.JSONEncoder(
        default=default, ensure_ascii=ensure_ascii, sort_keys=sort_keys, separators=separators
    ).encode
    make: Callable[..., Callable[[Any, int], Iterable[str]]] | None = getattr(json_encoder, "c_make_encoder", None)
    if make is None:
        return lambda obj: reference(obj) + end
    escape = json_encoder.encode_basestring_ascii if ensure_ascii else json_encoder.encode_basestring
    # PERF: 0.4 us for {"message": "Hello, World!"}; JSONEncoder.encode 1.3, json.dumps with arguments 2.1.
    # No table of open containers is kept, so a circular one ends at the interpreter's own recursion limit.
    try:
        chunks = make(None, default, escape, None, key_separator, item_separator, sort_keys, False, True)
    except TypeError:  # a later Python may make its encoder from other arguments
        return lambda obj: reference(obj) + end
    join = "".join

    def encode(obj: Any) -> str:
        try:
            return join(chunks(obj, 0)) + end
        except RecursionError:
            return reference(obj) + end  # raises ValueError("Circular reference detected") where that is the cause

    return encode


def decode(s: str | bytes) -> Any:
    """Returns what ``json.loads(s)`` returns, and raises what it raises.

    >>> decode('{"a": [1, null]}')
    {'a': [1, None]}
    """
    # PERF: 0.5 us for a short text, json.loads 1.4; 0.7 us for bytes, json.loads 2.0.
    if type(s) is bytes and s[:1] < b"\x80" and 0 not in s[:2]:  # else UTF-16, UTF-32 or a byte order mark
        s = s.decode("utf-8", "surrogatepass")
    if type(s) is str:
        try:
            value, end = _scan(s, 0)
        except StopIteration:
            pass
        else:
            if end == len(s):
                return value
    return json.loads(s)


def make_decoder(object_hook: Callable[[dict[str, Any]], Any]) -> Callable[[str], Any]:
    """Returns a function that gives what ``json.loads(text, object_hook=...)`` gives.

    :param object_hook: called with each object, the inner ones first; what it returns takes the object's place.
    """
    decoder: Any = json.JSONDecoder(object_hook=object_hook)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once

    def decode_with_hook(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except StopIteration:
            pass
        else:
            if end == len(text):
                return value
        return json.loads(text, object_hook=object_hook)

    return decode_with_hook


class JSONProvider(metaclass=WatchedType):
    """The JSON operations of an app; subclass it, with ``dumps`` and ``loads`` at least, to use another library.

    Set ``App.json_provider_class`` to the subclass, or ``app.json`` to an instance.

    :param app: the app, of which only a weak proxy is kept, as ``_app``.
    """

    def __init__(self, app: JSONApp) -> None:
        self._app: JSONApp = weakref.proxy(app)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name[0] != "_":
            # The app's plans may hold an encoder that was made for the value before.
            getattr(self._app, "drop_plans", bool)()

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Returns the object as JSON text.

        :param kwargs: arguments for the JSON library.
        """
        raise NotImplementedError

    def dump(self, obj: Any, fp: IO[str], **kwargs: Any) -> None:
        """Writes the object as JSON to a file that is open for text in UTF-8."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Returns the object that a JSON text, or its bytes in UTF-8, stands for."""
        raise NotImplementedError

    def load(self, fp: IO[AnyStr], **kwargs: Any) -> Any:
        """Returns the object that the JSON in an open text or binary file stands for."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Returns the one object that the arguments of ``response`` stand for."""
        if args and kwargs:
            raise TypeError(
                "app.json.response() takes either args or kwargs, not both: the value, or the items of a dict. Pass one"
                " dict, such as jsonify({...})."
            )
        if len(args) == 1:
            return args[0]
        return args or kwargs or None

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a response of the app's ``response_class`` with the arguments as its JSON body.

        :param args: the value; several become a list; none, and no keyword, gives ``null``.
        :param kwargs: the items of a dict; only without ``args``.
        :raises TypeError: positional and keyword arguments at once.
        """
        obj = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(self.response_body(obj), mimetype="application/json")

    def response_body(self, obj: Any) -> str:
        """Returns the text of the body that ``response(obj)`` sends."""
        return self.dumps(obj)


class DefaultJSONProvider(JSONProvider):
    """JSON by Python's ``json`` module, which knows some more types.

    Dates and datetimes become the text of an HTTP date (RFC 9110 §5.6.7), ``decimal.Decimal`` and ``uuid.UUID`` become
    text, dataclasses become objects, and ``Markup``, or whatever has an ``__html__`` method, becomes its HTML.
    """

    #: Called with each object that JSON does not know; returns one that it knows, or raises ``TypeError``.
    default: Callable[[Any], Any] = staticmethod(_default)

    #: Writes characters outside ASCII as ``\\u`` escapes.
    ensure_ascii: bool = True

    #: Sorts the keys of every dict, which must then all be text.
    sort_keys: bool = True

    #: Leaves out all white space in ``response``; None: except in debug mode, where the text is indented by 2.
    compact: bool | None = None

    #: The media type of ``response``.
    mimetype: str = "application/json"

    # The settings that the two encoders below were made for.
    _encoders_for: Settings | None = None
    _encode_compact: Callable[[Any], str]
    _encode_spaced: Callable[[Any], str]

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Returns the object as JSON text.

        :param kwargs: arguments for ``json.dumps``; ``default``, ``ensure_ascii`` and ``sort_keys`` come from the
            attributes of these names.
        :raises TypeError: an object of a type that ``default`` does not know.
        :raises ValueError: an object that contains itself.
        """
        if not kwargs or (len(kwargs) == 1 and kwargs.get("separators") == _COMPACT):
            settings = (self.default, self.ensure_ascii, self.sort_keys)
            if settings != self._encoders_for:
                self._make_encoders(settings)
            return self._encode_compact(obj) if kwargs else self._encode_spaced(obj)
        kwargs.setdefault("default", self.default)
        kwargs.setdefault("ensure_ascii", self.ensure_ascii)
        kwargs.setdefault("sort_keys", self.sort_keys)
        return json.dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Returns the object that a JSON text, or its bytes, stands for.

        :param kwargs: arguments for ``json.loads``.
        :raises json.JSONDecodeError: this is not JSON; it is a ``ValueError``.
        """
        return json.loads(s, **kwargs) if kwargs else decode(s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a response of the app's ``response_class`` with the arguments as its JSON body.

        :param args: the value; several become a list; none, and no keyword, gives ``null``.
        :param kwargs: the items of a dict; only without ``args``.
        :raises TypeError: positional and keyword arguments at once, or a value that ``default`` does not know.
        """
        obj = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(self.response_body(obj), mimetype=self.mimetype)

    def response_body(self, obj: Any) -> str:
        """Returns the text of the body that ``response(obj)`` sends: JSON and a newline, indented in debug mode."""
        compact = self.compact
        if compact is None:
            compact = not self._app.debug
        if not compact:
            return f"{self.dumps(obj, indent=2)}\n"
        if type(self).dumps is not _DUMPS or "dumps" in self.__dict__:
            return f"{self.dumps(obj, separators=_COMPACT)}\n"
        # PERF: 0.9 us for {"message": "Hello, World!"}, by way of dumps and its keyword 1.3.
        settings = (self.default, self.ensure_ascii, self.sort_keys)
        if settings != self._encoders_for:
            self._make_encoders(settings)
        return self._encode_compact(obj) + "\n"

    def body_encoder(self) -> Callable[[Any], str]:
        """Returns a function that does what :meth:`response_body` does, until an attribute or the debug mode changes.

        PERF: 0.5 us less than ``response_body``, which looks at the attributes each time.
        """
        compact = self.compact
        if compact is None:
            compact = not self._app.debug
        replaced = type(self).dumps is not _DUMPS or "dumps" in self.__dict__
        if not compact or replaced:
            return self.response_body
        return self._make_encoder((self.default, self.ensure_ascii, self.sort_keys), _COMPACT, "\n")

    def compact_encoder(self) -> Callable[[Any], str]:
        """Returns a function that writes compact JSON without a newline, until an attribute changes."""
        return self._make_encoder((self.default, self.ensure_ascii, self.sort_keys), _COMPACT)

    def _make_encoders(self, settings: Settings) -> None:
        self._encode_compact = self._make_encoder(settings, _COMPACT)
        self._encode_spaced = self._make_encoder(settings, _SPACED)
        self._encoders_for = settings

    def _make_encoder(self, settings: Settings, separators: tuple[str, str], end: str = "") -> Callable[[Any], str]:
        """Returns what turns an object into text; the one method that a faster JSON library replaces."""
        return _encoder(*settings, separators, end)


#: As it is shipped; ``response_body`` goes through whatever has replaced it.
_DUMPS = DefaultJSONProvider.dumps
