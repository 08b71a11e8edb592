"""MapAdapter: building whatever the host, and the errors of building."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug import routing as theirs

from costrel.routing import BuildError, Map, MapAdapter, RequestRedirect, RoutingException, Rule


@pytest.fixture
def map() -> Map:
    """A map with a page, a page with an argument, and a page on a subdomain."""
    return Map(
        [
            Rule("/", endpoint="index", methods=["GET"]),
            Rule("/item/<int:id>", endpoint="item", methods=["GET"]),
            Rule("/item", endpoint="item", methods=["POST"]),
            Rule("/<page>", endpoint="user", subdomain="<name>"),
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("index",), "/app/"),
        (("item", {"id": 7, "q": "a"}), "/app/item/7?q=a"),
        (("item", {"id": 7, "q": "a"}, None, False, False), "/app/item/7"),
        (("item", {"id": 7}, None, True), "http://example.com/app/item/7"),
        (("item", {"id": 7}, None, True, True, "https"), "https://example.com/app/item/7"),
        (("item", {"id": 7}, None, True, True, ""), "//example.com/app/item/7"),
        (("item", {"id": 7}, "POST"), "/app/item?id=7"),
        (("user", {"name": "bob", "page": "a b"}), "http://bob.example.com/app/a%20b"),
    ],
)
def test_build(map: Map, arguments: tuple[Any, ...], url: str) -> None:
    """A URL is relative on the bound host, and absolute elsewhere or on request."""
    adapter = map.bind("example.com", "/app")
    assert isinstance(adapter, theirs.MapAdapter)
    assert adapter.build(*arguments) == url


def test_build_from_another_subdomain(map: Map) -> None:
    """From a subdomain, pages of the main domain are absolute and its own relative."""
    adapter = map.bind("example.com", subdomain="bob")
    assert adapter.build("index") == "http://example.com/"
    assert adapter.build("user", {"name": "bob", "page": "a"}) == "/a"


@pytest.mark.parametrize(
    ("endpoint", "values", "method", "suggested", "text"),
    [
        ("indx", {}, None, "index", "Did you mean 'index' instead?"),
        ("user", {"name": "bob"}, None, "user", "Did you forget to specify values ['page']?"),
        ("index", {}, "PUT", "index", "Did you mean to use methods ['GET', 'HEAD']?"),
    ],
)
def test_build_error(
    map: Map, endpoint: str, values: dict[str, Any], method: str | None, suggested: str, text: str
) -> None:
    """The error of building suggests the nearest rule and says what is missing."""
    with pytest.raises(BuildError) as caught:
        map.bind("example.com").build(endpoint, values, method)
    assert isinstance(caught.value, RoutingException)
    assert caught.value.suggested is not None
    assert caught.value.suggested.endpoint == suggested
    assert text in str(caught.value)


def test_match_test_and_allowed_methods(map: Map) -> None:
    """The other questions to an adapter have werkzeug's answers."""
    adapter = map.bind("example.com")
    assert adapter.test("/item/7")
    assert not adapter.test("/item/x")
    assert set(adapter.allowed_methods("/item/7")) == {"GET", "HEAD"}
    assert adapter.allowed_methods("/nothing") == []


def test_redirect_keeps_the_query(map: Map) -> None:
    """A redirect of the router keeps script name and query."""
    map.add(Rule("/branch/", endpoint="branch"))
    adapter = map.bind("example.com", "/app", query_args="a=b")
    with pytest.raises(RequestRedirect) as caught:
        adapter.match("/branch")
    assert caught.value.new_url == "http://example.com/app/branch/?a=b"


def test_adapter_of_another() -> None:
    """An adapter of werkzeug's class becomes one of ours that is bound to the same."""
    bound = theirs.Map().bind("example.com", "/app", url_scheme="ws", path_info="/x", query_args="a")
    adapter = MapAdapter.of(bound)
    assert vars(adapter) == vars(bound)
