"""Tagged JSON: what goes in comes out, in Flask's format, with tags of one's own."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from markupsafe import Markup

from costrel.serialize import make_decoder
from costrel.tags import (
    JSONTag,
    PassDict,
    PassList,
    TagBytes,
    TagDateTime,
    TagDict,
    TaggedJSONSerializer,
    TagMarkup,
    TagTuple,
    TagUUID,
)
from tests.support.frameworks import assert_same_as_flask

EXAMPLES: list[tuple[Any, str]] = [
    ({"t": (1, 2, 3)}, '{"t":{" t":[1,2,3]}}'),
    (b"\xff", '{" b":"/w=="}'),
    (Markup("<html>"), '{" m":"<html>"}'),
    (uuid.UUID(int=5), '{" u":"00000000000000000000000000000005"}'),
    (datetime(2024, 2, 29, 12, tzinfo=timezone.utc), '{" d":"Thu, 29 Feb 2024 12:00:00 GMT"}'),
    ({" t": "not a tuple"}, '{" di":{" t__":"not a tuple"}}'),
    ({" di": " di"}, '{" di":{" di__":" di"}}'),
    ({" t": 1, "other": 2}, '{" t":1,"other":2}'),
    ({"x": [(), {"y": (b"",)}]}, '{"x":[{" t":[]},{"y":{" t":[{" b":""}]}}]}'),
    ({"_flashes": [("error", "No.")]}, '{"_flashes":[{" t":["error","No."]}]}'),
    ({}, "{}"),
    ([], "[]"),
    (None, "null"),
    ("text", '"text"'),
    ({"a": 1, "b": 1.5, "c": True, "d": None, "e": "é"}, '{"a":1,"b":1.5,"c":true,"d":null,"e":"\\u00e9"}'),
]


@pytest.mark.parametrize(("value", "text"), EXAMPLES)
def test_format(value: Any, text: str) -> None:
    """Each type is written in Flask's format and comes back as what it was."""
    serializer = TaggedJSONSerializer()
    assert serializer.dumps(value) == text
    loaded = serializer.loads(text)
    assert loaded == value
    assert type(loaded) is type(value)


def test_format_of_flask() -> None:
    """The texts of Flask's own serializer are the same."""
    source = f"""
import datetime
from uuid import UUID
from markupsafe import Markup
if framework.__name__ == "flask":
    from flask.json.tag import TaggedJSONSerializer
else:
    from costrel.tags import TaggedJSONSerializer
serializer = TaggedJSONSerializer()
values = [eval(text) for text in {[repr(value) for value, _ in EXAMPLES]!r}]
app = App("x")
result = [serializer.dumps(value) for value in values]
with app.app_context():
    result += [serializer.dumps({{"b": 1, "a": value}}) for value in values]
"""
    assert assert_same_as_flask(source)[: len(EXAMPLES)] == [text for _, text in EXAMPLES]


keys = (
    st.sampled_from([" t", " di", " t__", " di__", "t", "", " ", " x", "a b", ": ", '"', "\\", "\\u0020t"]) | st.text()
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | keys
    | st.binary()
    | st.uuids()
    | st.builds(Markup, st.text())
    | st.datetimes(datetime(1000, 1, 1), timezones=st.just(timezone.utc)).map(
        lambda moment: moment.replace(microsecond=0, fold=0)
    ),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.lists(inner).map(tuple),
    max_leaves=12,
)


class Asking(TaggedJSONSerializer):
    """A serializer that takes none of the short ways, because it overrides something."""

    def tag(self, value: Any) -> Any:
        """Does what the base class does."""
        return super().tag(value)


@hypothesis.given(values)
def test_round_trip_and_short_ways(value: Any) -> None:
    """Any value comes back equal, and with or without the short ways the text and the value are the same."""
    short, long = TaggedJSONSerializer(), Asking()
    assert long._standard_order is None
    text = short.dumps(value)
    assert text == long.dumps(value)
    assert repr(short.loads(text)) == repr(long.loads(text)) == repr(value)


@hypothesis.given(values, st.booleans(), st.booleans())
def test_no_tag_is_missed(value: Any, spaced: bool, escaped: bool) -> None:
    """Where a text is said to have no tag, looking for tags changes nothing, however the JSON was written."""
    serializer = TaggedJSONSerializer()
    text = json.dumps(serializer.tag(value), separators=(", ", ": ") if spaced else (",", ":"))
    if escaped:
        text = text.replace(' t":', '\\u0020t":').replace(' b":', '\\u0020b":')
    data = json.loads(text)
    if not serializer.may_have_tags(text):
        assert repr(serializer._untag_scan(data)) == repr(data)
    assert repr(serializer.loads(text)) == repr(serializer._untag_scan(data))
    assert repr(make_decoder(serializer.untag)(text)) == repr(serializer._untag_scan(data))


@pytest.mark.parametrize("text", ['{"\\u0020t":[1]}', '{" t":[1]}', '{ "\\u0020\\u0074" : [1]}'])
def test_escaped_tags(text: str) -> None:
    """A tag counts however its space is written."""
    assert TaggedJSONSerializer().loads(text) == (1,)


@pytest.mark.parametrize(
    ("tag_class", "value", "written"),
    [
        (TagDict, {" t": (1,)}, {" di": {" t__": {" t": [1]}}}),
        (PassDict, {"a": (1,)}, {"a": {" t": [1]}}),
        (TagTuple, (1, b""), {" t": [1, {" b": ""}]}),
        (PassList, [(1,)], [{" t": [1]}]),
        (TagBytes, b"a", {" b": "YQ=="}),
        (TagMarkup, Markup("<b>"), {" m": "<b>"}),
        (TagUUID, uuid.UUID(int=1), {" u": "0" * 31 + "1"}),
        (TagDateTime, datetime(2024, 2, 29), {" d": "Thu, 29 Feb 2024 00:00:00 GMT"}),
    ],
)
def test_each_tag(tag_class: type[JSONTag], value: Any, written: Any) -> None:
    """Each tag knows its values and no other, and writes them in the same way by itself."""
    tag = tag_class(TaggedJSONSerializer())
    assert tag_class in TaggedJSONSerializer.default_tags
    assert tag.check(value)
    assert not tag.check(1)
    assert tag.tag(value) == written


class TagOrderedDict(JSONTag):
    """The tag for an ordered dict, as in the module's example."""

    __slots__ = ()
    key = " od"

    def check(self, value: Any) -> bool:
        return isinstance(value, OrderedDict)

    def to_json(self, value: Any) -> Any:
        return [[key, self.serializer.tag(inner)] for key, inner in value.items()]

    def to_python(self, value: Any) -> Any:
        return OrderedDict(value)


class TagInt(JSONTag):
    """A tag for a type that JSON has, with a key without a space."""

    __slots__ = ()
    key = "int"

    def check(self, value: Any) -> bool:
        return type(value) is int

    def to_json(self, value: Any) -> Any:
        return str(value)

    def to_python(self, value: Any) -> Any:
        return int(value)


def test_a_tag_of_ones_own() -> None:
    """A tag that is asked before that for dict takes its value, and the others still work."""
    serializer = TaggedJSONSerializer()
    serializer.register(TagOrderedDict, index=0)
    value = OrderedDict([("b", (1,)), ("a", OrderedDict())])
    text = serializer.dumps({"x": value})
    assert text == '{"x":{" od":[["b",{" t":[1]}],["a",{" od":[]}]]}}'
    loaded = serializer.loads(text)["x"]
    assert loaded == value
    assert type(loaded["a"]) is OrderedDict


@pytest.mark.parametrize("place", [0, None, "list"])
def test_a_tag_for_a_plain_type(place: Any) -> None:
    """A tag may take what needs no tag and have any key, wherever it is registered or put into ``order``."""
    serializer = TaggedJSONSerializer()
    if place == "list":
        tag = TagInt(serializer)
        serializer.tags["int"] = tag
        serializer.order.append(tag)
    else:
        serializer.register(TagInt, index=place)
    assert serializer.dumps({"a": 5, "b": 6}) == '{"a":{"int":"5"},"b":{"int":"6"}}'
    assert serializer.loads('{"a":{"int":"5"}}') == {"a": 5}
    assert serializer.dumps({"int": "x"}) == '{" di":{"int__":"x"}}'


def test_the_place_of_a_tag() -> None:
    """Without an index the tag comes last, with one it comes there."""
    serializer = TaggedJSONSerializer()
    serializer.register(TagOrderedDict)
    serializer.register(TagInt, index=-1)
    assert [type(tag) for tag in serializer.order[-2:]] == [TagInt, TagOrderedDict]


def test_taken_keys() -> None:
    """A key that is taken is an error that names both tags, unless the tag is to be replaced."""

    class TagOther(TagDict):
        __slots__ = ()

    serializer = TaggedJSONSerializer()
    with pytest.raises(KeyError, match=r"' di' is already registered, for TagDict.*TagOther.*force=True"):
        serializer.register(TagOther)
    serializer.register(TagOther, force=True, index=0)
    assert isinstance(serializer.tags[" di"], TagOther)
    assert serializer.dumps({" t": 1}) == '{" di":{" t__":1}}'


def test_the_base_class_of_tags() -> None:
    """The methods of a tag are to be written; a tag with an empty key is not kept by key."""
    serializer = TaggedJSONSerializer()
    tag = JSONTag(serializer)
    for method in (tag.check, tag.to_json, tag.to_python):
        with pytest.raises(NotImplementedError):
            method(1)
    before = dict(serializer.tags)
    serializer.register(JSONTag)
    assert serializer.tags == before
    with pytest.raises(NotImplementedError):
        serializer.dumps(1j)


def test_overriding_untag() -> None:
    """A subclass that reads in another way is always asked."""

    class Shouting(TaggedJSONSerializer):
        def untag(self, value: dict[str, Any]) -> Any:
            return {key.upper(): inner for key, inner in super().untag(value).items()}

    assert Shouting().loads('{"a":{"b":1,"c":2}}') == {"A": {"B": 1, "C": 2}}


def test_other_default_tags() -> None:
    """A subclass may have other tags from the start."""

    class Only(TaggedJSONSerializer):
        default_tags = [TagOrderedDict]

    assert Only().dumps(OrderedDict(a=1)) == '{" od":[["a",1]]}'
    assert Only().dumps({"a": (1,)}) == '{"a":[1]}'


def test_what_json_does_not_know() -> None:
    """A type without a tag is written as the JSON of an app writes it, or refused by name."""
    serializer = TaggedJSONSerializer()
    assert serializer.loads(serializer.dumps({"d": datetime(2024, 2, 29).date()})) == {
        "d": "Thu, 29 Feb 2024 00:00:00 GMT"
    }
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        serializer.dumps({"s": {1}})
