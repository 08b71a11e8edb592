"""Random rules, paths and values: our outcome is werkzeug's."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException

from costrel.routing import Map, Rule
from tests.routing.oracle import (
    MapSpec,
    RuleSpec,
    both,
    map_specs,
    methods,
    newline_may_differ,
    outcome,
    paths,
    values,
)

many = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


def _refuse(error: Exception) -> None:
    raise error


@many
@given(
    map_specs(wide=True),
    st.lists(st.tuples(paths, methods), min_size=1, max_size=8),
    st.sampled_from((None, "", "www", "x", "a.b", "7")),
    st.sampled_from(("http", "https", "ws")),
    st.sampled_from((None, "q=1", {"q": "é"})),
)
def test_matches_as_werkzeug_does(
    spec: MapSpec, requests: list[tuple[str, str]], subdomain: str | None, scheme: str, query: Any
) -> None:
    """The adapter gives werkzeug's rule and arguments, or its error, for any rules and any path."""
    maps = both(spec)
    assume(maps is not None)
    assert maps is not None
    server = "example.com"
    if spec.arguments["host_matching"]:
        server, subdomain = subdomain or "www", None
    adapters = [map.bind(server, "/app", subdomain=subdomain, url_scheme=scheme, query_args=query) for map in maps]
    for path, method in requests:
        if newline_may_differ(spec, path):
            continue
        expected, actual = (outcome(lambda: adapter.match(path, method, return_rule=True)) for adapter in adapters)
        event(str(expected[0]))
        assert actual == expected, (path, method)
        assert set(adapters[1].allowed_methods(path)) == set(adapters[0].allowed_methods(path))


@many
@given(map_specs(wide=False) | map_specs(wide=True), st.lists(st.tuples(paths, methods), min_size=1, max_size=8))
def test_short_way_of_matching_agrees(spec: MapSpec, requests: list[tuple[str, str]]) -> None:
    """What find and miss answer is what werkzeug's adapter answers."""
    maps = both(spec)
    assume(maps is not None)
    assert maps is not None
    reference, map = maps
    if not map.plain:
        for path, method in requests:
            assert (map.find(method, path), map.miss(method, path)) == (None, None)
            assert (map.look_up(method, path), map.allowed_methods(path)) == (None, None)
        return
    adapter = reference.bind("example.com")
    for path, method in requests:
        if newline_may_differ(spec, path):
            continue
        expected = outcome(lambda: adapter.match(path, method, return_rule=True))
        allowed = map.allowed_methods(path)
        assert allowed is None or set(allowed) == set(adapter.allowed_methods(path)), path
        found = map.find(method, path)
        looked_up = map.look_up(method, path)
        if isinstance(looked_up, HTTPException):
            event(f"certain: {looked_up.code}")
            assert outcome(partial(_refuse, looked_up)) == expected, (path, method)
            assert found is None
            refused = map.miss(method, path)
            assert refused is not None
            assert (type(looked_up), vars(looked_up)) == (type(refused), vars(refused))
            continue
        assert looked_up == found
        if found is not None:
            event("found")
            assert outcome(lambda: found) == expected, (path, method)
            continue
        if path.startswith("/") and not path.startswith("//"):
            assert expected[0] != "match", (path, method)
        missed = map.miss(method, path)
        if missed is None:
            event("left to the adapter")
            assert expected[0] in ("redirect", "error") or "//" in path or not path.startswith("/"), (path, method)
            continue

        event("missed")
        assert outcome(partial(_refuse, missed)) == expected, (path, method)


TAME = ("/", "/a", "/a/", "/a/b", "/a/b/", "/c/<int:x>", "/c/<int:x>/", "/c/<int:x>/d", "/c/<int:x>/d/")
TAME_PATHS = ("/", "/a", "/a/", "/a/b", "/a/b/", "/c", "/c/7", "/c/7/", "/c/7/d", "/c/x", "/c//7", "//a", "/a//", "a")


@pytest.mark.parametrize("text", TAME)
def test_refusals_at_once_agree(text: str) -> None:
    """Where no path has to turn back, the first walk refuses most paths that have no rule, as werkzeug refuses them."""
    codes: set[int | None] = set()
    for other, method in product(TAME, ("GET", "POST")):
        rules = [RuleSpec(text, {"methods": ("GET",)}), RuleSpec(other, {"methods": (method,)})]
        maps = both(MapSpec(rules, {}))
        assert maps is not None
        adapter = maps[0].bind("example.com")
        for path, asked in product(TAME_PATHS, ("GET", "POST", "PUT")):
            found = maps[1].look_up(asked, path)
            if isinstance(found, HTTPException):
                expected = outcome(partial(adapter.match, path, asked))
                assert outcome(partial(_refuse, found)) == expected, (other, path, asked)
                refused: Any = maps[1].miss(asked, path)
                assert (type(found), vars(found)) == (type(refused), vars(refused))
                codes.add(found.code)
    assert codes == {404, 405}


@many
@given(
    map_specs(wide=True),
    st.lists(st.tuples(values, st.sampled_from((None, "GET", "POST"))), min_size=1, max_size=6),
    st.sampled_from((None, "", "www", "x", "7")),
    st.sampled_from(("http", "https", "ws", "")),
    st.booleans(),
    st.booleans(),
    st.sampled_from((None, "https", "wss", "")),
)
def test_builds_as_werkzeug_does(
    spec: MapSpec,
    builds: list[tuple[dict[str, Any], str | None]],
    subdomain: str | None,
    scheme: str,
    external: bool,
    append: bool,
    target_scheme: str | None,
) -> None:
    """The adapter builds werkzeug's URL, or raises its error with the same suggestion."""
    maps = both(spec)
    assume(maps is not None)
    assert maps is not None
    server = "example.com"
    if spec.arguments["host_matching"]:
        server, subdomain = subdomain or "www", None
    adapters = [map.bind(server, "/app", subdomain=subdomain, url_scheme=scheme, default_method="POST") for map in maps]
    for arguments, method in builds:
        for endpoint in ("e0", "e1", "e2", "e9"):
            expected, actual = (
                outcome(lambda: adapter.build(endpoint, arguments, method, external, append, target_scheme))
                for adapter in adapters
            )
            event(str(expected[0]))
            assert actual == expected, (endpoint, arguments, method)


@many
@given(
    map_specs(wide=False) | map_specs(wide=True),
    st.lists(values, min_size=1, max_size=6),
    st.sampled_from((None, "GET", "POST")),
    st.sampled_from(("GET", "POST")),
)
def test_short_way_of_building_agrees(
    spec: MapSpec, builds: list[dict[str, Any]], method: str | None, default_method: str
) -> None:
    """What build_path gives is what werkzeug's adapter builds."""
    maps = both(spec)
    assume(maps is not None)
    assert maps is not None
    reference, map = maps
    for arguments in builds:
        for endpoint in ("e0", "e1", "e2", "e9"):
            for default in (default_method, None):
                adapter = reference.bind("example.com", default_method=default or "GET")
                short = outcome(lambda: map.build_path(endpoint, arguments, method, default))
                if short == ("built", None):
                    event("left to the adapter")
                    continue
                expected = outcome(lambda: adapter.build(endpoint, arguments, method))
                event(str(expected[0]))
                assert short == expected, (endpoint, arguments, method)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=6)
SEGMENTS: dict[str, st.SearchStrategy[Any]] = {
    "<{}>": texts,
    "<string(minlength=2):{}>": texts.filter(lambda text: len(text) > 1),
    "<int:{}>": st.integers(0, 10**30),
    "<int(signed=True):{}>": st.integers(-(10**6), 10**6),
    "<int(fixed_digits=4):{}>": st.integers(0, 9999),
    "<float:{}>": st.floats(0, 10**6).filter(lambda number: "e" not in str(number)),
    "<uuid:{}>": st.uuids(),
    "<any(a, b, 'c d'):{}>": st.sampled_from(("a", "b", "c d")),
    "v<int:{}>.json": st.integers(0, 99),
}


@st.composite
def rules_with_values(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A rule, perhaps with a path placeholder at its end, and values that fit it."""
    rule = ""
    given_values: dict[str, Any] = {}
    for number in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            rule += draw(st.sampled_from(("/a", "/é b", "/v7.json")))
            continue
        segment = draw(st.sampled_from(list(SEGMENTS)))
        rule += "/" + segment.format(f"v{number}")
        given_values[f"v{number}"] = draw(SEGMENTS[segment])
    if draw(st.booleans()):
        rule += "/<path:rest>"
        given_values["rest"] = draw(
            st.lists(texts, min_size=1, max_size=3).map("/".join).filter(lambda text: "\n" not in text)
        )
    return rule + draw(st.sampled_from(("", "/")) if rule else st.just("/")), given_values


@many
@given(rules_with_values(), st.dictionaries(st.sampled_from(("q", "p")), texts, max_size=2))
def test_what_is_built_is_matched(rule_and_values: tuple[str, dict[str, Any]], query: dict[str, str]) -> None:
    """The path that is built for the values of a rule, decoded, is matched by it with these values."""
    text, arguments = rule_and_values
    rule = Rule(text, endpoint="e", methods=["GET"])
    map = Map([rule])
    url = map.build_path("e", {**arguments, **query})
    assert url is not None
    assert url.isascii()
    path = unquote(urlsplit(f"http://example.com{url}").path)
    assert (map.find("GET", path) or map.bind("example.com").match(path, return_rule=True)) == (rule, arguments)
