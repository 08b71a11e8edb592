"""Rule: what tools read from it, how it is copied and refreshed, and what its errors say."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug import routing as theirs

from costrel.routing import (
    BaseConverter,
    EndpointPrefix,
    Map,
    Rule,
    RuleFactory,
    RuleTemplate,
    RuleTemplateFactory,
    Subdomain,
    Submount,
)


def bound(rule: Rule, **options: Any) -> Rule:
    """Adds the rule to a map and returns it."""
    Map([rule], **options)
    return rule


def test_attributes_for_tools() -> None:
    """A bound rule has the attributes that tools read from werkzeug's."""
    rule = bound(Rule("/a/<int:id>/<path:rest>", {"page": 1}, methods=["get"], endpoint="show", host="h"))
    assert isinstance(rule, theirs.Rule)
    assert rule.rule == str(rule) == "/a/<int:id>/<path:rest>"
    assert rule.endpoint == "show"
    assert rule.methods == {"GET", "HEAD"}
    assert rule.arguments == {"id", "rest", "page"}
    assert rule.defaults == {"page": 1}
    assert rule.subdomain == ""
    assert rule.host == "h"
    assert rule.is_leaf
    assert not rule.is_branch
    assert rule.strict_slashes is True
    assert rule.merge_slashes is True
    assert not rule.provide_automatic_options
    assert [type(converter).__name__ for converter in rule._converters.values()] == [
        "IntegerConverter",
        "PathConverter",
    ]
    assert repr(rule).startswith("<Rule '/a/<id>/<rest>' (")


@pytest.mark.parametrize(
    ("text", "subdomain"),
    [("/", None), ("/a//b/", "www"), ("/<x>-<int:y>/b", "<user>"), ("/<path:p>/", "a.<b>"), ("/é/<x>.json", None)],
)
@pytest.mark.parametrize("merge", [True, False])
def test_steps_are_werkzeugs(text: str, subdomain: str | None, merge: bool) -> None:
    """The recorded steps of a rule are those that werkzeug records."""
    reference = theirs.Rule(text, endpoint="e", subdomain=subdomain, merge_slashes=merge)
    theirs.Map([reference])
    rule = bound(Rule(text, endpoint="e", subdomain=subdomain, merge_slashes=merge))
    assert rule._trace == reference._trace
    assert repr(rule) == repr(reference)


def test_unbound_rule() -> None:
    """An unbound rule says so, and a bound one cannot be bound to a second map."""
    rule = Rule("/a", endpoint="e")
    assert repr(rule) == "<Rule (unbound)>"
    bound(rule)
    with pytest.raises(RuntimeError, match="already bound"):
        Map([rule])


def test_empty_is_an_unbound_copy() -> None:
    """A rule's copy has its class and arguments and can join another map."""

    class Special(Rule):
        pass

    rule = bound(Special("/<x>", {"y": 1}, methods=["GET"], endpoint="e", strict_slashes=False, alias=True))
    copy = rule.empty()
    assert type(copy) is Special
    assert (copy.rule, copy.defaults, copy.endpoint, copy.alias) == ("/<x>", {"y": 1}, "e", True)
    assert repr(copy) == "<Special (unbound)>"
    assert bound(copy) == rule


def test_equality_compares_patterns() -> None:
    """Rules of one pattern are equal, whatever their endpoints; others are not."""
    assert bound(Rule("/<x>", endpoint="a")) == bound(Rule("/<int:x>", endpoint="b"))
    assert bound(Rule("/<x>", endpoint="a")) != bound(Rule("/<y>", endpoint="a"))


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (Submount("/blog/", [Rule("/<int:id>", endpoint="show")]), ("", "/blog/<int:id>", "show")),
        (EndpointPrefix("blog.", [Rule("/<int:id>", endpoint="show")]), ("", "/<int:id>", "blog.show")),
        (Subdomain("<lang>", [Rule("/", endpoint="home")]), ("<lang>", "/", "home")),
        (
            RuleTemplate([Rule("/$name/<int:id>", endpoint="$name.show")])(name="page"),
            ("", "/page/<int:id>", "page.show"),
        ),
        (
            Submount("/a", [EndpointPrefix("p.", [Subdomain("s", [Rule("/b", endpoint="e")])])]),
            ("s", "/a/b", "p.e"),
        ),
    ],
)
def test_factories(factory: RuleFactory, expected: tuple[str, str, str]) -> None:
    """Rule factories change the rules that they hold before these join the map."""
    map = Map([factory])
    (rule,) = map.iter_rules()
    assert (rule.subdomain, rule.rule, rule.endpoint) == expected
    assert isinstance(RuleTemplate([])(), RuleTemplateFactory)


def test_refresh_compiles_a_changed_rule() -> None:
    """After a change of its attributes and a refresh, a rule matches and builds as changed."""
    rule = Rule("/old", endpoint="e", methods=["GET"])
    map = Map([rule])
    assert map.find("GET", "/old") is not None
    assert map.build_path("e", {}) == "/old"
    rule.rule = "/new/<x>"
    rule.methods = {"POST"}
    rule.refresh()
    assert map.find("GET", "/old") is None
    assert map.find("POST", "/new/1") == (rule, {"x": "1"})
    assert map.build_path("e", {"x": 2}) == "/new/2"


def test_rule_in_a_map_of_werkzeug() -> None:
    """A rule joins werkzeug's own map and matches, builds and refreshes there."""
    rule = Rule("/a-<int:x>/<path:y>/", endpoint="e", methods=["GET"])
    map = theirs.Map([rule, theirs.Rule("/a-<int:x>/z", endpoint="z")])
    rule.refresh()
    adapter = map.bind("example.com")
    assert adapter.match("/a-7/b/c/") == ("e", {"x": 7, "y": "b/c"})
    assert adapter.match("/a-7/z") == ("z", {"x": 7})
    assert adapter.build("e", {"x": 7, "y": "b"}) == "/a-7/b/"


def test_rule_of_werkzeug_in_our_map() -> None:
    """A rule of werkzeug's own class shares the tree with ours and takes the short ways too."""
    foreign = theirs.Rule("/a/<int:x>", endpoint="foreign", methods=["POST"])
    map = Map([Rule("/a/<int:y>", endpoint="own", methods=["GET"]), foreign, theirs.Rule("/s/<path:p>/", endpoint="p")])
    assert map.find("POST", "/a/7") == (foreign, {"x": 7})
    assert map.build_path("foreign", {"x": 7}) == "/a/7"
    assert map.bind("example.com").match("/s/a/b/") == ("p", {"p": "a/b"})
    missed = map.miss("PUT", "/a/7")
    assert getattr(missed, "valid_methods", None) == ["GET", "HEAD", "POST"]


def test_build_of_a_rule() -> None:
    """A rule builds its domain part and its path, with other values as the query on request."""
    rule = bound(Rule("/<x>/<int:y>", endpoint="e", subdomain="<user>"))
    values = {"x": "a b", "y": 7, "user": "bob", "q": ["1", "2"]}
    assert rule.build(values) == ("bob", "/a%20b/7?q=1&q=2")
    assert rule.build(values, append_unknown=False) == ("bob", "/a%20b/7")
    assert rule.build({**values, "q": []}) == ("bob", "/a%20b/7")


def test_build_without_a_value_names_it() -> None:
    """Building a rule itself without a value of it is a TypeError that names the value."""
    with pytest.raises(TypeError, match=r"'/<x>/<y>' needs a value for 'y'"):
        bound(Rule("/<x>/<y>", endpoint="e")).build({"x": 1})


def test_key_error_of_a_converter_is_its_own() -> None:
    """A KeyError inside a converter is not taken for a missing value."""

    class Names(BaseConverter):
        def to_url(self, value: Any) -> str:
            return {"a": "1"}[value]

    rule = bound(Rule("/<names:x>", endpoint="e"), converters={"names": Names})
    assert rule.build({"x": "a"}) == ("", "/1")
    with pytest.raises(KeyError):
        rule.build({"x": "b"})


@pytest.mark.parametrize(
    ("text", "options", "error", "parts"),
    [
        ("a", {}, ValueError, ("'a'", "start with a slash", "'/a'")),
        ("", {}, ValueError, ("''", "start with a slash", "'/'")),
        ("/a", {"methods": "GET"}, TypeError, ("'/a'", "list of texts", "['GET']")),
        ("/a/<x", {}, ValueError, ("'/a/<x'", "'show'", "does not begin a placeholder", "Write <name>")),
        ("/a", {"subdomain": "<x"}, ValueError, ("'<x'", "'show'", "Write <name>")),
        (
            "/<itn:x>",
            {},
            LookupError,
            ("'/<itn:x>'", "'show'", "'itn'", "Did you mean <int:x>", "url_map.converters"),
        ),
        ("/<zzz:x>", {}, LookupError, ("'zzz'", "Known are any, default, float, int, path, string, uuid")),
        ("/<int(foo=1):x>", {}, TypeError, ("'/<int(foo=1):x>'", "'int'", "<x>", "foo", "fixed_digits", "signed")),
        ("/<string(length=a):x>", {}, ValueError, ("'/<string(length=a):x>'", "invalid literal", "minlength")),
        ("/<any(1, 2):x>", {}, TypeError, ("1 is a int", "quotes", '"1"')),
        ("/<int(5 6):x>", {}, ValueError, ("'/<int(5 6):x>'", "<x>", "cannot read '5 6'", "commas")),
        ("/<x>/<x>", {}, ValueError, ("'/<x>/<x>'", "'show'", "'x' twice")),
        ("/<x>", {"subdomain": "<x>"}, ValueError, ("'x' twice", "subdomain")),
        ("/<int:x>", {"defaults": {"x": "y"}}, ValueError, ("invalid literal",)),
        ("/", {"websocket": True, "methods": ["POST"]}, ValueError, ("WebSocket",)),
    ],
)
def test_errors_teach(text: str, options: dict[str, Any], error: type[Exception], parts: tuple[str, ...]) -> None:
    """A mistake in a rule is refused when it is added; the message says what, where, and what to write."""
    with pytest.raises(error) as caught:
        Map([Rule(text, endpoint="show", **options)])
    for part in parts:
        assert part in str(caught.value)
