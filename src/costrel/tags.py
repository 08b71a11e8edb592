"""The JSON format that gives back tuples, bytes, dates, UUIDs and markup as what they were; sessions are kept in it.

A value of a type that JSON does not have is written as an object with one key, its tag: ``{" t": [1, 2]}`` for a tuple.
The format is Flask's, so that session cookies of both can be read by both. To add a type, subclass ``JSONTag``::

    class TagOrderedDict(JSONTag):
        __slots__ = ()
        key = " od"

        def check(self, value):
            return isinstance(value, OrderedDict)

        def to_json(self, value):
            return [[k, self.serializer.tag(v)] for k, v in value.items()]

        def to_python(self, value):
            return OrderedDict(value)

    app.session_interface.serializer.register(TagOrderedDict, index=0)

``index=0`` puts it before the tag for ``dict``, which would take the value otherwise.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from costrel.serialize import _default, compact_encoder, decode

_untagged_types = frozenset({str, int, float, bool, type(None)})


class JSONTag:
    """One type of value that is written with a tag.

    :param serializer: the serializer that the tag belongs to; ``to_json`` tags inner values with it.
    """

    __slots__ = ("serializer",)

    #: The tag that marks the value; empty where the value is only looked into.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: Any) -> bool:
        """Tells whether this tag is for the value."""
        raise NotImplementedError

    def to_json(self, value: Any) -> Any:
        """Returns the value as JSON types, without the tag."""
        raise NotImplementedError

    def to_python(self, value: Any) -> Any:
        """Returns the value of which ``to_json`` made this."""
        raise NotImplementedError

    def tag(self, value: Any) -> Any:
        """Returns the value as JSON types, with the tag."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dict with one item whose key looks like a tag; two underscores behind the key make the difference."""

    __slots__ = ()
    key = " di"

    def check(self, value: Any) -> bool:
        return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in self.serializer.tags

    def to_json(self, value: Any) -> Any:
        [(key, inner)] = value.items()
        return {f"{key}__": self.serializer.tag(inner)}

    def to_python(self, value: Any) -> Any:
        [(key, inner)] = value.items()
        return {key[:-2]: inner}


class PassDict(JSONTag):
    """Any other dict, which needs no tag; its values may."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        return isinstance(value, dict)

    def to_json(self, value: Any) -> Any:
        tag = self.serializer.tag
        return {key: tag(inner) for key, inner in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple."""

    __slots__ = ()
    key = " t"

    def check(self, value: Any) -> bool:
        return isinstance(value, tuple)

    def to_json(self, value: Any) -> Any:
        return [self.serializer.tag(item) for item in value]

    def to_python(self, value: Any) -> Any:
        return tuple(value)


class PassList(JSONTag):
    """A list, which needs no tag; its items may."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        return isinstance(value, list)

    def to_json(self, value: Any) -> Any:
        return [self.serializer.tag(item) for item in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, in base64."""

    __slots__ = ()
    key = " b"

    def check(self, value: Any) -> bool:
        return isinstance(value, bytes)

    def to_json(self, value: Any) -> Any:
        return b64encode(value).decode("ascii")

    def to_python(self, value: Any) -> Any:
        return b64decode(value)


class TagMarkup(JSONTag):
    """Whatever has an ``__html__`` method; it comes back as ``markupsafe.Markup``."""

    __slots__ = ()
    key = " m"

    def check(self, value: Any) -> bool:
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: Any) -> Any:
        return str(value.__html__())

    def to_python(self, value: Any) -> Any:
        return Markup(value)


class TagUUID(JSONTag):
    """A ``uuid.UUID``, as 32 hexadecimal digits."""

    __slots__ = ()
    key = " u"

    # uuid is imported on use to save start-up time, 1.5 ms.

    def check(self, value: Any) -> bool:
        from uuid import UUID

        return isinstance(value, UUID)

    def to_json(self, value: Any) -> Any:
        return value.hex

    def to_python(self, value: Any) -> Any:
        from uuid import UUID

        return UUID(value)


class TagDateTime(JSONTag):
    """A datetime, as an HTTP date: whole seconds, and in UTC when it comes back."""

    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> Any:
        return http_date(value)

    def to_python(self, value: Any) -> Any:
        return parse_date(value)


_standard_tags: tuple[type[JSONTag], ...] = (
    TagDict,
    PassDict,
    TagTuple,
    PassList,
    TagBytes,
    TagMarkup,
    TagUUID,
    TagDateTime,
)


def _overrides(serializer: TaggedJSONSerializer, *names: str) -> bool:
    return any(getattr(type(serializer), name) is not getattr(TaggedJSONSerializer, name) for name in names)


class TaggedJSONSerializer:
    """Writes and reads JSON with tags for the types that JSON does not have.

    These are: tuple, bytes, ``markupsafe.Markup``, ``uuid.UUID`` and datetime.

    >>> serializer = TaggedJSONSerializer()
    >>> serializer.dumps({"point": (1, 2)})
    '{"point":{" t":[1,2]}}'
    >>> serializer.loads('{"point":{" t":[1,2]}}')
    {'point': (1, 2)}
    """

    __slots__ = ("_standard_order", "order", "tags")

    #: The tags that a new serializer has, in the order in which they are asked.
    default_tags: list[type[JSONTag]] = list(_standard_tags)

    #: Makes the text of values that have been tagged. ``costrel.json`` puts the current app's provider here.
    json_dumps: Callable[[Any], str] = staticmethod(compact_encoder(_default, ensure_ascii=True, sort_keys=False))

    #: Reads a text. ``costrel.json`` puts the current app's provider here.
    json_loads: Callable[[str | bytes], Any] = staticmethod(decode)

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = {}
        self.order: list[JSONTag] = []
        for tag_class in self.default_tags:
            self.register(tag_class)
        #: The order in which the short ways below are right; None where a subclass does anything else.
        self._standard_order: list[JSONTag] | None = None
        if tuple(map(type, self.order)) == _standard_tags and not _overrides(self, "tag", "untag", "_untag_scan"):
            self._standard_order = list(self.order)

    def register(self, tag_class: type[JSONTag], force: bool = False, index: int | None = None) -> None:
        """Adds a tag.

        :param tag_class: called with this serializer.
        :param force: replace a tag that has the same key.
        :param index: the place in the order in which tags are asked; None: the last.
        :raises KeyError: there is a tag with this key, and ``force`` is not set.
        """
        tag = tag_class(self)
        key = tag.key
        if key:
            if key in self.tags and not force:
                raise KeyError(
                    f"Tag {key!r} is already registered, for {type(self.tags[key]).__name__}. Choose another `key` for"
                    f" {tag_class.__name__}, or pass force=True to replace it."
                )
            self.tags[key] = tag
        self.order.insert(len(self.order) if index is None else index, tag)

    def tag(self, value: Any) -> Any:
        """Returns the value as JSON types, with tags where it needs them."""
        # PERF: 0.6 us for a dict of four texts and numbers, asking each tag 3.7.
        kind = type(value)
        if self.order == self._standard_order:
            if kind in _untagged_types:
                return value
            if kind is dict and (len(value) != 1 or next(iter(value)) not in self.tags):
                if _untagged_types.issuperset(map(type, value.values())):
                    return value
                return {key: self.tag(inner) for key, inner in value.items()}
            # PERF: a list with a tuple of two texts, as flashed messages are, 0.9 us, asking each tag 2.2.
            if kind is list or kind is tuple:
                tagged = [item if type(item) in _untagged_types else self.tag(item) for item in value]
                return tagged if kind is list else {TagTuple.key: tagged}
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, Any]) -> Any:
        """Returns what a dict stands for whose inner values have lost their tags already."""
        if len(value) == 1:
            [(key, inner)] = value.items()
            if key in self.tags:
                return self.tags[key].to_python(inner)
        return value

    def _untag_scan(self, value: Any) -> Any:
        """Removes the tags in a value from the inside out."""
        if isinstance(value, dict):
            return self.untag({key: self._untag_scan(inner) for key, inner in value.items()})
        if isinstance(value, list):
            return [self._untag_scan(item) for item in value]
        return value

    def may_have_tags(self, text: str) -> bool:
        """Tells whether a JSON text can contain a tag; where it cannot, nothing has to be looked for.

        The keys of the standard tags begin with a space, which in JSON stands as it is or as ``\\u0020``.
        """
        return self.order != self._standard_order or '" ' in text or '"\\u0020' in text

    def dumps(self, value: Any) -> str:
        """Returns the value as compact JSON text with tags."""
        return self.json_dumps(self.tag(value))

    def loads(self, value: str) -> Any:
        """Returns the value that a JSON text with tags stands for."""
        data = self.json_loads(value)
        return self._untag_scan(data) if self.may_have_tags(value) else data
