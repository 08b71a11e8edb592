"""Random rules, paths and values: our outcome is werkzeug's."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from tests.routing.oracle import MapSpec, both, map_specs, methods, newline_may_differ, outcome, paths, values

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
@given(map_specs(wide=False), st.lists(st.tuples(paths, methods), min_size=1, max_size=8))
def test_short_way_of_matching_agrees(spec: MapSpec, requests: list[tuple[str, str]]) -> None:
    """What find and miss answer is what werkzeug's adapter answers."""
    maps = both(spec)
    assume(maps is not None)
    assert maps is not None
    reference, map = maps
    if not map.plain:
        for path, method in requests:
            assert (map.find(method, path), map.miss(method, path)) == (None, None)
        return
    adapter = reference.bind("example.com")
    for path, method in requests:
        if newline_may_differ(spec, path):
            continue
        expected = outcome(lambda: adapter.match(path, method, return_rule=True))
        found = map.find(method, path)
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
    map_specs(wide=False),
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
