"""The matcher: order, methods, slashes, protocols, and a bound on its work."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from werkzeug.routing import StateMachineMatcher

from costrel.routing import Map, NoMatch, RequestAliasRedirect, RequestPath, Rule
from costrel.routing.matcher import Matcher, Node, Search


def matcher(*rules: str, **options: Any) -> Matcher:
    """Returns the matcher of a map of the rules; each rule is its own endpoint."""
    return Map([Rule(rule, endpoint=rule) for rule in rules], **options)._matcher


def endpoint(matcher: Matcher, path: str) -> Any:
    """Returns the endpoint that the path leads to by GET, None where there is none."""
    try:
        return matcher.match("", path, "GET", False)[0].endpoint
    except NoMatch:
        return None


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        (["/<x>", "/a"], "/a", "/a"),
        (["/<path:x>", "/<x>"], "/a", "/<x>"),
        (["/<x>", "/<int:x>"], "/7", "/<int:x>"),
        (["/<x>", "/<int:x>"], "/b", "/<x>"),
        (["/<path:x>", "/<x>/b"], "/a/b", "/<x>/b"),
        (["/<x>", "/a<x>", "/aa<x>"], "/aab", "/aa<x>"),
        (["/<x>-<y>", "/<x>"], "/a-b", "/<x>-<y>"),
        (["/a/<x>/c", "/<x>/b/d"], "/a/b/d", "/<x>/b/d"),
        (["/a/b/c", "/a/<x>/d", "/<path:x>"], "/a/b/d", "/a/<x>/d"),
        (["/a/b/c", "/a/<x>/d", "/<path:x>"], "/a/b/e", "/<path:x>"),
        (["/<path:x>/edit", "/<path:x>"], "/a/b/edit", "/<path:x>/edit"),
        (["/<path:x>/edit", "/<path:x>"], "/a/b", "/<path:x>"),
        (["/<x>/<path:y>", "/<path:y>/a"], "/b/c/a", "/<path:y>/a"),
        (["/<path:y>", "/<x>/<path:y>"], "/b/c/a", "/<x>/<path:y>"),
        (["/<string:x>", "/<string(length=1):x>"], "/a", "/<string:x>"),
        (["/<a>", "/<b>"], "/x", "/<a>"),
        (["/a"], "/b", None),
        (["/a/b"], "/a", None),
        (["/a"], "/a/b", None),
    ],
)
def test_precedence(rules: list[str], path: str, expected: str | None) -> None:
    """Literals come first, then by weight, then by order of registration; a dead end is left for the next."""
    assert endpoint(matcher(*rules), path) == expected


@pytest.mark.parametrize(
    ("rule", "strict", "path", "expected"),
    [
        ("/a/", True, "/a", RequestPath),
        ("/a/", True, "/a/", "/a/"),
        ("/a/", False, "/a", "/a/"),
        ("/a", True, "/a/", NoMatch),
        ("/a", False, "/a/", "/a"),
        ("/<path:x>/", True, "/a/b", RequestPath),
        ("/<path:x>/", False, "/a/b", "/<path:x>/"),
        ("/<path:x>/", True, "/a/b/", "/<path:x>/"),
        ("/", True, "", RequestPath),
    ],
)
def test_strict_slashes(rule: str, strict: bool, path: str, expected: Any) -> None:
    """A strict rule asks for its slash and refuses one too many; a lenient one takes both."""
    found = matcher(rule, strict_slashes=strict)
    if isinstance(expected, str):
        assert found.match("", path, "GET", False)[0].endpoint == expected
        return
    with pytest.raises(expected) as caught:
        found.match("", path, "GET", False)
    assert expected is NoMatch or caught.value.path_info == f"{path}/"


@pytest.mark.parametrize(
    ("rule", "merge", "path", "expected"),
    [
        ("/a/b", True, "/a//b", "/a/b"),
        ("/a/b/", True, "/a//b", "/a/b/"),
        ("/<x>/b", True, "/a///b", "/a/b"),
        ("/<path:x>", True, "/a//b", None),
        ("/a/b", False, "/a//b", NoMatch),
        ("/c", True, "/a//b", NoMatch),
    ],
)
def test_merge_slashes(rule: str, merge: bool, path: str, expected: Any) -> None:
    """Repeated slashes are merged by a redirect where that makes a match; a path value keeps them."""
    found = matcher(rule, merge_slashes=merge)
    if expected is None:
        assert found.match("", path, "GET", False)[1] == {"x": path[1:]}
        return
    with pytest.raises(NoMatch if expected is NoMatch else RequestPath) as caught:
        found.match("", path, "GET", False)
    assert expected is NoMatch or getattr(caught.value, "path_info", None) == expected


def test_rule_that_does_not_merge() -> None:
    """A rule without merging is not found by merging, even on a map that merges."""
    found = Map([Rule("/a/b", endpoint="e", merge_slashes=False)])._matcher
    with pytest.raises(NoMatch):
        found.match("", "/a//b", "GET", False)


def test_methods_and_protocols() -> None:
    """Without a match the exception tells the methods, and whether the other protocol would have matched."""
    map = Map(
        [
            Rule("/a", endpoint="get", methods=["GET"]),
            Rule("/a", endpoint="put", methods=["PUT"]),
            Rule("/s", endpoint="socket", websocket=True),
        ]
    )
    found = map._matcher
    assert isinstance(found, StateMachineMatcher)
    assert found.match("", "/a", "PUT", False)[0].endpoint == "put"
    assert found.match("", "/s", "GET", True)[0].endpoint == "socket"
    with pytest.raises(NoMatch) as caught:
        found.match("", "/a", "POST", False)
    assert list(caught.value.have_match_for) == ["GET", "HEAD", "PUT"]
    assert not caught.value.websocket_mismatch
    with pytest.raises(NoMatch) as caught:
        found.match("", "/s", "GET", False)
    assert caught.value.websocket_mismatch


def test_alias() -> None:
    """An alias raises the redirect to its endpoint, with the arguments."""
    found = Map([Rule("/b/<int:x>", endpoint="e", alias=True), Rule("/a/<int:x>", endpoint="e")])._matcher
    with pytest.raises(RequestAliasRedirect) as caught:
        found.match("", "/b/7", "GET", False)
    assert (caught.value.endpoint, caught.value.matched_values) == ("e", {"x": 7})


def test_refused_value_is_no_match() -> None:
    """A converter that refuses its text ends the search, as in werkzeug."""
    with pytest.raises(NoMatch):
        matcher("/<int(max=5):x>", "/<path:x>").match("", "/7", "GET", False)


def test_tree_is_built_when_needed() -> None:
    """Adding and updating build nothing; a match does, once."""
    found = matcher("/a")
    found.update()
    assert found._tree is None
    assert endpoint(found, "/a") == "/a"
    tree = found._tree
    assert found.tree() is tree is not None
    found.drop()
    assert found.tree() is not tree


def test_each_node_is_visited_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the most ambiguous tree there is, no node is visited twice; so time cannot explode."""
    rules = [
        "/" + "/".join(part.format(f"v{number}") for number, part in enumerate(parts)) + "/end"
        for length in range(1, 8)
        for parts in itertools.product(("a", "<{}>", "<any(a, b):{}>", "<path:{}>"), repeat=length)
        if parts.count("<path:{}>") <= 1 and "<path:{}>" not in parts[:-1]
    ]
    found = matcher(*rules)
    visited: list[int] = []
    visit = Search.visit

    def counting(self: Search, node: Node, parts: list[str], position: int, values: list[str]) -> Any:
        visited.append(id(node))
        return visit(self, node, parts, position, values)

    monkeypatch.setattr(Search, "visit", counting)
    for path in ("/a" * 7, "/a" * 70):
        visited.clear()
        assert endpoint(found, path) is None
        assert len(visited) == len(set(visited))
        assert len(visited) > 500
