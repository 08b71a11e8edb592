"""The compiled tables: which rules take the short way, and that the others do not."""

from __future__ import annotations

from typing import Any

import pytest

from costrel.routing import BaseConverter, Map, RequestRedirect, Rule
from costrel.routing.matcher import Node
from costrel.routing.tables import EMPTY, compile_tables


def tables(*rules: Rule, **options: Any) -> Any:
    """Returns the compiled tables of the rules."""
    map = Map(rules, **options)
    return compile_tables(map._matcher.tree(), map.default_subdomain, {id(rule) for rule in rules if rule.alias}, {})


def test_static_paths() -> None:
    """A path without placeholders is in the dict, with a rule per method; defaults and aliases are held back."""
    get = Rule("/a", endpoint="get", methods=["GET"])
    any_method = Rule("/a", endpoint="any")
    paged = Rule("/p", {"page": 1}, endpoint="paged", methods=["GET"])
    alias = Rule("/b", endpoint="get", methods=["GET"], alias=True)
    static = tables(get, any_method, paged, alias)[0]
    assert static["/a"]["GET"] is static["/a"]["HEAD"] is get
    assert static["/a"]["POST"] is any_method
    assert static["/p"] == {"GET": None, "HEAD": None}
    assert static["/b"] == {"GET": None, "HEAD": None}


def test_slash_at_the_end() -> None:
    """Without its slash, a strict rule's path is held back for the redirect; a lenient rule's is entered."""
    strict = Rule("/a/", endpoint="a", methods=["GET"])
    lenient = Rule("/b/", endpoint="b", methods=["GET"], strict_slashes=False)
    static = tables(strict, lenient)[0]
    assert static["/a/"]["GET"] is strict
    assert static["/a"] == {"GET": None, "HEAD": None}
    assert static["/b"]["GET"] is static["/b/"]["GET"] is lenient


def test_endings() -> None:
    """A literal path with one placeholder at the end is found by what is before it."""
    user = Rule("/api/user/<int:id>", endpoint="user", methods=["GET"])
    page = Rule("/<slug>", endpoint="page", methods=["GET"])
    paged = Rule("/p/<slug>", {"page": 1}, endpoint="paged", methods=["GET"])
    endings = tables(user, page, paged)[1]
    assert endings["/api/user"] == (str.isdecimal, {"GET": (user, "id", int), "HEAD": (user, "id", int)})
    assert endings[""] == (len, {"GET": (page, "slug", None), "HEAD": (page, "slug", None)})
    assert endings["/p"] == (len, {})


def test_levels() -> None:
    """A literal path with one placeholder in the middle is found by what is after it, then by what is before it."""
    edit = Rule("/user/<int:id>/edit", endpoint="edit", methods=["GET"])
    new = Rule("/<name>/post/new", endpoint="new", methods=["GET"])
    paged = Rule("/p/<slug>/edit", {"page": 1}, endpoint="paged", methods=["GET"])
    both = Rule("/q/<slug>/<int:id>/edit", endpoint="both", methods=["GET"])
    levels = tables(edit, new, paged, both)[2]
    assert levels.keys() == {"edit", "new"}
    middles, further = levels["edit"]
    test, node, single = middles["/user"]
    assert (test, single, further) == (str.isdecimal, {"GET": (edit, "id", int), "HEAD": (edit, "id", int)}, {})
    assert (type(node), middles["/p"][2], middles.keys()) == (Node, {}, {"/user", "/p"})
    assert levels["new"][0] == {}
    assert levels["new"][1]["post"][0][""][2]["GET"] == (new, "name", None)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/a/1/edit", "one"),
        ("/a/me/edit", "text"),
        ("/a/own/edit", "own"),
        ("/a/own/other", None),
        ("/a/1/", "slash"),
        ("/a/1/x/edit", "far"),
        ("/a//edit", None),
        ("/a/1/x/y/edit", "two"),
        ("/a/b/edit/edit", None),
    ],
)
def test_placeholder_in_the_middle(path: str, endpoint: str | None) -> None:
    """Literals go before placeholders, numbers before text, and what no table knows is found by the tree."""
    rules = {
        "one": "/a/<int:x>/edit",
        "text": "/a/<x>/edit",
        "own": "/a/own/edit",
        "slash": "/a/<int:x>/",
        "far": "/a/<int:x>/x/edit",
        "two": "/a/<int:x>/x/<y>/edit",
    }
    found = Map([Rule(rule, endpoint=name, methods=["GET"]) for name, rule in rules.items()]).find("GET", path)
    assert (None if found is None else found[0].endpoint) == endpoint


@pytest.mark.parametrize(
    ("rules", "thorough"),
    [
        (["/", "/a", "/u/<int:x>", "/s/<path:x>", "/w/v<int:x>/b"], False),
        (["/a", "/<x>"], True),
        (["/u/<int:x>", "/u/<x>"], True),
        (["/s/<path:x>/edit"], True),
    ],
)
def test_thorough(rules: list[str], thorough: bool) -> None:
    """Only rules between which a path may have to turn back make a miss search the tree."""
    assert tables(*[Rule(rule, endpoint=rule, methods=["GET"]) for rule in rules])[4] is thorough


@pytest.mark.parametrize("options", [{"strict_slashes": False}, {"alias": True}, {"methods": None}])
def test_thorough_options(options: dict[str, Any]) -> None:
    """Lenient slashes, aliases and rules for all methods make a miss search the tree."""
    assert tables(Rule("/a", **{"endpoint": "e", "methods": ["GET"], **options}))[4] is True


def test_rule_with_a_canonical_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a rule with defaults, the endpoint's other rule takes the short way unless it has to be redirected."""
    index = Rule("/", {"path": ""}, endpoint="app", methods=["GET"])
    rest = Rule("/<path:path>", endpoint="app", methods=["GET"])
    page = Rule("/p/<page>", endpoint="page", methods=["GET"])
    first = Rule("/p", {"page": "1"}, endpoint="page", methods=["GET"])
    map = Map([index, rest, page, first])
    with monkeypatch.context() as patch:
        patch.setattr(Map, "_find_thoroughly", lambda *_: None)
        assert map.find("GET", "/a/b") == (rest, {"path": "a/b"})
        assert map.find("GET", "/") == (index, {"path": ""})
        assert map.find("GET", "/p/2") == (page, {"page": "2"})
    assert (map.find("GET", "/p/1"), map.miss("GET", "/p/1")) == (None, None)
    with pytest.raises(RequestRedirect):
        map.bind("example.com").match("/p/1")


def test_placeholder_that_may_be_empty() -> None:
    """Where the first segment may be empty, every path takes the long way, which counts slashes."""

    class Maybe(BaseConverter):
        regex = "a*"

    map = Map([Rule("/<maybe:x>/b", endpoint="e")], converters={"maybe": Maybe})
    assert compile_tables(map._matcher.tree(), "", (), {}) is EMPTY
    assert not map.plain
    assert map.find("GET", "/a/b") is None
    assert map.bind("example.com").match("//a/b") == ("e", {"x": "a"})


def test_no_rule_of_the_default_subdomain() -> None:
    """Without a rule on the default subdomain there is nothing to find and every path is a miss."""
    map = Map([Rule("/a", endpoint="e", subdomain="www")])
    assert map.plain
    assert map.find("GET", "/a") is None
    assert type(map.miss("GET", "/a")).__name__ == "NotFound"


@pytest.mark.parametrize(
    ("rule", "path", "arguments"),
    [
        ("/<x>/b/<y>", "/1/b/2", {"x": "1", "y": "2"}),
        ("/<int:x>/b/<y>", "/1/b/2", {"x": 1, "y": "2"}),
        ("/<x>/b/<int:y>", "/1/b/2", {"x": "1", "y": 2}),
        ("/<int:x>/b/<int:y>", "/1/b/2", {"x": 1, "y": 2}),
        ("/<int:x>/<y>/<int:z>", "/1/2/3", {"x": 1, "y": "2", "z": 3}),
        ("/<int:x>.json", "/1.json", {"x": 1}),
        ("/<x>.json", "/1.json", {"x": "1"}),
        ("/s/<path:x>", "/s/a/b", {"x": "a/b"}),
    ],
)
@pytest.mark.parametrize("defaults", [None, {"page": 1}])
def test_arguments(rule: str, path: str, arguments: dict[str, Any], defaults: dict[str, Any] | None) -> None:
    """The arguments are the converted values in the rule's order, then the defaults."""
    found = Map([Rule(rule, defaults, endpoint="e", methods=["GET"])]).find("GET", path)
    assert found is not None
    assert list(found[1].items()) == list({**arguments, **(defaults or {})}.items())
