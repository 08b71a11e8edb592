"""The compiled pieces of a rule's URLs, and the encoding of the query."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.urls import _urlencode

from costrel.routing import Map, Rule
from costrel.routing.builder import compile_template, fill, plain_query, url_pieces
from costrel.routing.converters import quote_path


def test_template() -> None:
    """A rule becomes literal text, percent-encoded, with writers between; a placeholder with a default is literal."""
    rule = Rule("/ü b/<x>-<int:y>.x/<z>", {"z": "a b", "extra": 1}, endpoint="e", subdomain="<user>.s")
    Map([rule])
    template = compile_template(rule._trace, rule._converters, rule.defaults or {})
    assert template.domain == ("", (("user", quote_path, ".s"),))
    text, steps = template.path
    assert text == "/%C3%BC%20b/"
    assert [(name, after) for name, _, after in steps] == [("x", "-"), ("y", ".x/a%20b")]
    assert template.names == {"user", "x", "y", "z", "extra"}
    assert url_pieces(rule) == (template.domain, template.path)


def test_fill() -> None:
    """Filling puts the written values between the texts; what a writer gives need not be text."""
    pieces = ("/a/", (("x", str, "-"), ("y", int, "/")))
    assert fill(pieces, {"x": 1, "y": "2", "z": 3}) == "/a/1-2/"
    with pytest.raises(KeyError):
        fill(pieces, {"x": 1})


@given(st.dictionaries(st.text(max_size=4), st.one_of(st.text(max_size=6), st.integers()), max_size=4))
def test_plain_query_is_werkzeugs(values: dict[str, Any]) -> None:
    """A query without need of quoting is what werkzeug encodes; another is left to it."""
    query = plain_query(values.items())
    assert query is None or query == _urlencode(values)


@pytest.mark.parametrize(
    "values", [{"a": [1]}, {"a": True}, {"a": "b c"}, {"a": "ü"}, {"b c": 1}, {1: "a"}, {"a": 1.5}]
)
def test_plain_query_leaves_the_rest(values: dict[Any, Any]) -> None:
    """Lists, other types and text that needs quoting have no plain query."""
    assert plain_query(values.items()) is None
