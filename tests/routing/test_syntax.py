"""The rule syntax: converter arguments, segments, and what is said of malformed rules."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing.converters import BaseConverter

from costrel.routing import Map, PathConverter, UnicodeConverter, parse_converter_args
from costrel.routing.syntax import Dynamic, MalformedRule, Step, parse, placeholders


@pytest.mark.parametrize(
    ("text", "positional", "named"),
    [
        ("", (), {}),
        ("5", (5,), {}),
        (" 5 , 6 ", (5, 6), {}),
        ("5,6", (5, 6), {}),
        ("1.5", (1.5,), {}),
        ("-5, +3", (-5, 3), {}),
        ("1e3", (1000.0,), {}),
        ("True, False, None", (True, False, None), {}),
        ("word, other.word", ("word", "other.word"), {}),
        ("2020-01", ("2020-01",), {}),
        ("'two words', \"5\"", ("two words", "5"), {}),
        ("u'old style', ''", ("old style", ""), {}),
        ("'a,b', \"it's\"", ("a,b", "it's"), {}),
        ("length=2", (), {"length": 2}),
        ("1, min = -5, signed=True,", (1,), {"min": -5, "signed": True}),
        ("5,,", (5,), {}),
    ],
)
def test_converter_arguments(text: str, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Arguments are numbers, constants, bare words and quoted texts, by place or by name."""
    assert parse_converter_args(text) == (positional, named)


@pytest.mark.parametrize("text", ["'open", "a b", "=5", "5 $", "[1]", "f(x)", ", 5", "a=", "1--2-"])
def test_malformed_converter_arguments(text: str) -> None:
    """Text that is no argument list is refused, with the place where reading stopped."""
    with pytest.raises(ValueError, match="cannot read"):
        parse_converter_args(text)


def converter(variable: str, name: str, arguments: str) -> BaseConverter:
    """Makes the converters of the tests below."""
    return PathConverter(Map()) if name == "path" else UnicodeConverter(Map())


TEXT = "[^/]{1,}"
PATH = "[^/].*?"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("/", ["", ""]),
        ("/a/b", ["", "a", "b"]),
        ("/a/", ["", "a", ""]),
        ("/a>b", ["", "a>b"]),
        ("/a/<x>", ["", "a", Dynamic(rf"(?P<__werkzeug_0>{TEXT})\Z", False, False, (0, (), -1, (100,)))]),
        (
            "/v<x>.json/b",
            [
                "",
                Dynamic(rf"v(?P<__werkzeug_0>{TEXT})\.json\Z", False, False, (-2, ((0, -1), (1, -5)), -1, (100,))),
                "b",
            ],
        ),
        (
            "/<path:x>/edit",
            ["", Dynamic(rf"(?P<__werkzeug_0>{PATH})/edit\Z", True, False, (-1, ((0, -4),), -1, (200,)))],
        ),
        (
            "/<path:x>/",
            ["", Dynamic(rf"(?P<__werkzeug_0>{PATH})(?<!/)(/?)\Z", True, True, (0, (), -1, (200,))), ""],
        ),
    ],
)
def test_segments(text: str, segments: list[Any]) -> None:
    """A rule is cut at its slashes; a path placeholder takes all that follows into its segment."""
    assert parse(text, converter, []) == segments


def test_placeholders() -> None:
    """Each placeholder is found, with its converter and the text of its arguments where it has them."""
    assert placeholders("/about") == []
    found = placeholders("/<lang>/<any(a, b):page>-<int:n>")
    assert found == [("", "", "lang"), ("any", "a, b", "page"), ("int", "", "n")]


def test_steps_follow_the_rule() -> None:
    """The steps are the rule's literals, slashes and names in order."""
    steps: list[Step] = []
    parse("/a-<x>/<path:y>/b", converter, steps)
    assert steps == [
        *[(False, "/"), (False, "a-"), (True, "x"), (False, "/")],
        *[(True, "y"), (False, "/"), (False, "b")],
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/<x", "'<x'"),
        ("/a/<1x>/b", "'<1x>/b'"),
        ("/<a b>", "'<a b>'"),
        ("/<>", "'<>'"),
        ("/<int:>", "'<int:>'"),
        ("/<int(5:x>", "'<int(5:x>'"),
        ("/<x><", "'<'"),
        ("/<a<x>", "'<a'"),
        ("/<x-y>", "'<x-y>'"),
    ],
)
def test_malformed_rules(text: str, part: str) -> None:
    """A '<' that begins no placeholder is shown with what was meant to be a placeholder and the right form."""
    with pytest.raises(MalformedRule) as caught:
        parse(text, converter, [])
    assert repr(text) in str(caught.value)
    assert part in str(caught.value)
    assert "Write <name>, <converter:name>" in str(caught.value)
