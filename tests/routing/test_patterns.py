"""The tests of dynamic segments: the same values as the regular expression gives, in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costrel.routing import Map, Rule
from costrel.routing.matcher import segments_of
from costrel.routing.patterns import GROUPS, REST, REST_GROUPS, REST_SLASH, WHOLE, Pattern, Texts, choose_test
from costrel.routing.syntax import Dynamic

PLACEHOLDER = {"text": "<{}>", "path": "<path:{}>"}


def segment(text: str) -> Dynamic:
    """Returns the only dynamic segment of a rule."""
    rule = Rule(text, endpoint="e")
    Map([rule])
    (found,) = (part for part in segments_of(rule) if isinstance(part, Dynamic))
    return found


@pytest.mark.parametrize(
    ("text", "test", "kind"),
    [
        ("/<x>", len, WHOLE),
        ("/<int:x>", str.isdecimal, WHOLE),
        ("/<float:x>", Pattern, GROUPS),
        ("/<x>-<y>", Texts, GROUPS),
        ("/v<x>", Texts, GROUPS),
        ("/<x>-<int:y>", Pattern, GROUPS),
        ("/<x><y>", Pattern, GROUPS),
        (r"/\<int:x>-<y>", Pattern, GROUPS),
        ("/<path:x>/a", Pattern, REST_GROUPS),
        ("/<path:x>/", Pattern, REST_SLASH),
    ],
)
def test_choice_of_test(text: str, test: object, kind: int) -> None:
    """Plain segments have cheap tests, the others an expression."""
    chosen, chosen_kind = choose_test(segment(text), {})
    assert chosen_kind == kind
    assert chosen is test or type(chosen) is test


def test_rest_of_the_path() -> None:
    """A path placeholder alone takes the rest, which has no slash first and no newline later."""
    test, kind = choose_test(segment("/<path:x>"), {})
    assert kind == REST
    assert [bool(test(text)) for text in ("a", "a/b", "\na", "", "/a", "a\n")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_equal_segments_share_a_test() -> None:
    """An expression is compiled once for all segments that have it."""
    made: dict[str, object] = {}
    first, _ = choose_test(segment("/a/<float:x>"), made)  # type: ignore[arg-type]
    second, _ = choose_test(segment("/b/<float:y>"), made)  # type: ignore[arg-type]
    assert first is second


@given(
    st.lists(st.sampled_from(("", "-", "--", "a", ".x", "a(", "[")), min_size=2, max_size=4),
    st.text("-a.x([\n", max_size=12),
)
def test_texts_are_cut_as_the_expression_does(literals: list[str], text: str) -> None:
    """Cutting at the literals gives the groups of the regular expression."""
    inner = [literal or "-" for literal in literals[1:-1]]
    literals = [literals[0], *inner, literals[-1]]
    expression = "".join(f"{re.escape(literal)}([^/]{{1,}})" for literal in literals[:-1]) + re.escape(literals[-1])
    expected = re.compile(expression + r"\Z").match(text)
    assert Texts(literals)(text) == (expected and expected.groups())


@pytest.mark.parametrize(
    ("text", "values"),
    [("a-b.x", ("a", "b")), ("a-b-c.x", ("a-b", "c")), ("ab.x", None), ("-b.x", None), ("a-.x", None), ("a-b", None)],
)
def test_texts(text: str, values: tuple[str, ...] | None) -> None:
    """The first value is as long as can be, and none is empty."""
    assert Texts(["", "-", ".x"])(text) == values


@given(
    st.lists(st.sampled_from(("/", "/x/", "-", "//", "a")), min_size=1, max_size=3),
    st.sampled_from(("", "/", "/x", "-")),
    st.text("ax/-", max_size=14),
)
def test_paths_end_as_the_expression_says(gaps: list[str], end: str, text: str) -> None:
    """Ending path values at the first place gives the groups of the plain regular expression."""
    rule = "/" + "".join(f"<path:v{number}>{gap}" for number, gap in enumerate(gaps)) + "<path:last>" + end
    found = Rule(rule, endpoint="e", merge_slashes=False)
    Map([found])
    (dynamic,) = (part for part in segments_of(found) if isinstance(part, Dynamic))
    expected = re.compile(dynamic.content).match(text)
    assert Pattern(dynamic.content)(text) == (expected and expected.groups())


def test_groups_inside_a_converter_are_no_values() -> None:
    """Only the placeholders' own groups are values; the slash at the end comes last."""
    first, second = r"(?P<__werkzeug_0>a(b)?)", r"(?P<__werkzeug_1>(c)|d)"
    assert Pattern(rf"{first}{second}\Z")("abd") == ("ab", "d")
    assert Pattern(rf"{first}\Z")("a") == ("a",)
    assert Pattern(rf"{first}(?<!/)(/?)\Z")("a/") == ("a", "/")
    assert Pattern(rf"{first}\Z")("b") is None


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/<path:a>/x/<path:b>/y/<path:c>/z", "/a" + "/x/b" * 5000 + "/y/q" * 5000),
        ("/<path:a>/x/<path:b>/<int:c>", "/a" + "/x/b" * 10000 + "/q"),
        ("/<path:a>/x/<path:b>/", "/a" + "/x/b" * 10000 + "\n"),
        ("/<a>-<b>-<c>-<d>.x", "/a" + "-" * 30000),
        ("/<path:a>/end", "/a" * 30000),
    ],
)
def test_time_is_linear(rule: str, path: str) -> None:
    """A path made to keep an expression busy is refused at once, where backtracking would take minutes or hours."""
    map = Map([Rule(rule, endpoint="e")])
    start = time.process_time()
    assert map.find("GET", path) is None
    assert time.process_time() - start < 1
