"""The converters: what they match, give, write, and refuse."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import routing as theirs

from costrel.routing import (
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    Map,
    NumberConverter,
    PathConverter,
    Rule,
    UnicodeConverter,
    UUIDConverter,
    ValidationError,
)
from costrel.routing.converters import quote_path, reader, writer

KEY = uuid.UUID("0b0b8f1e-7d2c-4a43-9d9e-0c7e5b1fb111")


def matched(rule: str, path: str) -> Any:
    """Returns the value that the rule gives for the path, None where it does not match."""
    found = Map([Rule(rule, endpoint="e")]).find("GET", path)
    return None if found is None else found[1]["x"]


@pytest.mark.parametrize(
    ("placeholder", "text", "value"),
    [
        ("<x>", "abc", "abc"),
        ("<x>", "a b", "a b"),
        ("<x>", "", None),
        ("<x>", "a/b", None),
        ("<string:x>", "é", "é"),
        ("<string(length=2):x>", "ab", "ab"),
        ("<string(length=2):x>", "abc", None),
        ("<string(minlength=2):x>", "a", None),
        ("<string(maxlength=2):x>", "abc", None),
        ("<string(2, 3):x>", "abc", "abc"),
        ("<int:x>", "7", 7),
        ("<int:x>", "007", 7),
        ("<int:x>", "٣", 3),
        ("<int:x>", "²", None),
        ("<int:x>", "-7", None),
        ("<int:x>", "", None),
        ("<int:x>", "1_0", None),
        ("<int:x>", "9" * 5000, None),
        ("<int(signed=True):x>", "-7", -7),
        ("<int(signed=True, min=-5):x>", "-5", -5),
        ("<int(signed=True, min=-5):x>", "-6", None),
        ("<int(min=5):x>", "4", None),
        ("<int(max=5):x>", "6", None),
        ("<int(max=5):x>", "5", 5),
        ("<int(fixed_digits=3):x>", "007", 7),
        ("<int(3):x>", "07", None),
        ("<float:x>", "1.5", 1.5),
        ("<float:x>", "1", None),
        ("<float(signed=True):x>", "-1.5", -1.5),
        ("<float(min=1.5, max=2.5):x>", "2.6", None),
        ("<path:x>", "a/b.txt", "a/b.txt"),
        ("<path:x>", "/b", None),
        ("<path:x>", "", None),
        ("<uuid:x>", str(KEY), KEY),
        ("<uuid:x>", str(KEY).upper(), KEY),
        ("<uuid:x>", KEY.hex, None),
        ("<any(about, help, 'terms of use'):x>", "help", "help"),
        ("<any(about, help, 'terms of use'):x>", "terms of use", "terms of use"),
        ("<any(about, help):x>", "helps", None),
        ("v<int:x>.json", "v7.json", 7),
        ("v<int:x>.json", "v7xjson", None),
        ("v<int:x>.json", "v.json", None),
    ],
)
def test_match(placeholder: str, text: str, value: Any) -> None:
    """A converter matches its own texts and gives their value."""
    result = matched(f"/f/{placeholder}", f"/f/{text}")
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("placeholder", "value", "text"),
    [
        ("<x>", "a b/c?é", "a%20b/c%3F%C3%A9"),
        ("<x>", 7, "7"),
        ("<x>", "", ""),
        ("<path:x>", "a/b", "a/b"),
        ("<int:x>", 7, "7"),
        ("<int:x>", "7", "7"),
        ("<int:x>", 7.9, "7"),
        ("<int:x>", True, "1"),
        ("<int(fixed_digits=3):x>", 7, "007"),
        ("<float:x>", 1.5, "1.5"),
        ("<uuid:x>", KEY, str(KEY)),
        ("<any(a, b):x>", "a", "a"),
    ],
)
def test_build(placeholder: str, value: Any, text: str) -> None:
    """A converter writes a value as text, percent-encoded."""
    assert Map([Rule(f"/{placeholder}", endpoint="e")]).build_path("e", {"x": value}) == f"/{text}"


@pytest.mark.parametrize(("placeholder", "value"), [("<int:x>", "seven"), ("<any(a, b):x>", "c"), ("<float:x>", "x")])
def test_build_refuses_a_wrong_value(placeholder: str, value: Any) -> None:
    """A value that the converter cannot write raises ValueError from build, and build_path leaves that to it."""
    map = Map([Rule(f"/{placeholder}", endpoint="e")])
    assert map.build_path("other", {"x": value}) is None
    with pytest.raises(ValueError):
        map.bind("example.com").build("e", {"x": value})


@given(st.text())
def test_quote_path_is_urllibs(text: str) -> None:
    """Quoting gives what urllib gives with the characters that the URL standard lets stand in a path."""
    assert quote_path(text) == quote(text, safe="!$&'()*+,/:;=@")


@pytest.mark.parametrize(
    ("ours", "base"),
    [
        (UnicodeConverter, theirs.UnicodeConverter),
        (AnyConverter, theirs.AnyConverter),
        (PathConverter, theirs.PathConverter),
        (IntegerConverter, theirs.IntegerConverter),
        (FloatConverter, theirs.FloatConverter),
        (UUIDConverter, theirs.UUIDConverter),
        (NumberConverter, theirs.converters.NumberConverter),
        (IntegerConverter, NumberConverter),
        (FloatConverter, NumberConverter),
    ],
)
def test_classes_are_werkzeugs(ours: type, base: type) -> None:
    """Each converter is a subclass of werkzeug's, so that checks by class hold."""
    assert issubclass(ours, base)


class Even(BaseConverter):
    """Accepts even numbers only."""

    regex = r"\d+"

    def to_python(self, value: str) -> int:
        if int(value) % 2:
            raise ValidationError
        return int(value)

    def to_url(self, value: Any) -> Any:
        return int(value)


class Words(BaseConverter):
    """Matches words with plus signs between; it has a group of its own."""

    regex = r"[a-z]+(\+[a-z]+)*"
    weight = 10

    def to_python(self, value: str) -> list[str]:
        return value.split("+")

    def to_url(self, value: list[str]) -> str:
        return "+".join(value)


class Tail(BaseConverter):
    """Matches with slashes, for its expression has one."""

    regex = "[a-z]+/[a-z]+"


CUSTOM: dict[str, type[BaseConverter]] = {"even": Even, "words": Words, "tail": Tail}


@pytest.mark.parametrize(
    ("rule", "path", "arguments"),
    [
        ("/<even:x>", "/8", {"x": 8}),
        ("/<even:x>", "/7", None),
        ("/<words:x>", "/a+b", {"x": ["a", "b"]}),
        ("/<words:x>-<int:y>", "/a+b-7", {"x": ["a", "b"], "y": 7}),
        ("/<tail:x>/<int:y>", "/a/b/7", {"x": "a/b", "y": 7}),
        ("/<tail:x>/<words:y>", "/a/b/c+d", {"x": "a/b", "y": ["c", "d"]}),
        ("/<tail:x>/<words:y>/", "/a/b/c+d/", {"x": "a/b", "y": ["c", "d"]}),
        ("/<words:x>/<words:y>/<words:z>", "/a/b/c", {"x": ["a"], "y": ["b"], "z": ["c"]}),
        ("/<even:x>/<y>/<z>", "/8/b/c", {"x": 8, "y": "b", "z": "c"}),
        ("/<even:x>/<y>", "/8/b", {"x": 8, "y": "b"}),
        ("/<y>/<even:x>", "/b/8", {"x": 8, "y": "b"}),
        ("/<x>/<y>", "/a/b", {"x": "a", "y": "b"}),
    ],
)
def test_custom_converters(rule: str, path: str, arguments: dict[str, Any] | None) -> None:
    """Custom converters bring expression, weight, conversion and refusal."""
    map = Map([Rule(rule, endpoint="e")], converters=CUSTOM)
    found = map.find("GET", path)
    assert (None if found is None else found[1]) == arguments
    if arguments is not None:
        assert map.build_path("e", arguments) == path
    else:
        assert map.miss("GET", path) is not None


def test_error_of_a_custom_converter_is_raised() -> None:
    """An error other than ValidationError in to_python is the programmer's, and the adapter raises it."""

    class Broken(BaseConverter):
        def to_python(self, value: str) -> Any:
            raise ValueError("a bug")

    map = Map([Rule("/<broken:x>", endpoint="e")], converters={"broken": Broken})
    assert map.find("GET", "/a") is None
    assert map.miss("GET", "/a") is None
    with pytest.raises(ValueError, match="a bug"):
        map.bind("example.com").match("/a")


@pytest.mark.parametrize("attribute", ["to_python", "to_url"])
def test_conversion_replaced_on_one_converter(attribute: str) -> None:
    """A conversion that was set on one converter object is used."""
    converter = UnicodeConverter(Map())
    assert reader(converter) is None
    assert writer(converter) is quote_path
    setattr(converter, attribute, str.upper)
    assert (reader(converter) if attribute == "to_python" else writer(converter)) == str.upper


def test_plain_conversions_are_direct() -> None:
    """An int converter without options is read with int itself; one with options with its own method."""
    assert reader(IntegerConverter(Map())) is int
    assert reader(theirs.IntegerConverter(Map())) is int
    limited = IntegerConverter(Map(), min=5)
    assert reader(limited) == limited.to_python
