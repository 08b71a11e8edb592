"""Map: finding, missing and building in the short way, changes afterwards, and threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug import routing as theirs
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadHost, MethodNotAllowed, NotFound
from werkzeug.test import create_environ

from costrel.routing import BaseConverter, Map, MapAdapter, RequestRedirect, Rule, ValidationError, WebsocketMismatch


def get(rule: str, endpoint: str | None = None, **options: Any) -> Rule:
    """Makes a rule for GET whose endpoint is the rule itself unless given."""
    return Rule(rule, **{"methods": ["GET"], "endpoint": endpoint or rule, **options})


@pytest.fixture
def map() -> Map:
    """A map of the usual kinds of rules."""
    return Map(
        [
            get("/"),
            get("/about"),
            get("/branch/"),
            Rule("/form", endpoint="/form", methods=["GET", "POST"]),
            get("/user/<int:id>"),
            get("/<slug>/edit"),
            get("/api/<name>/items/<int:id>"),
            get("/static/<path:filename>"),
            get("/v<int:n>.json"),
        ]
    )


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "arguments"),
    [
        ("GET", "/", "/", {}),
        ("HEAD", "/about", "/about", {}),
        ("POST", "/form", "/form", {}),
        ("GET", "/branch/", "/branch/", {}),
        ("GET", "/user/7", "/user/<int:id>", {"id": 7}),
        ("GET", "/user/edit", "/<slug>/edit", {"slug": "user"}),
        ("GET", "/about/edit", "/<slug>/edit", {"slug": "about"}),
        ("GET", "/api/bob/items/7", "/api/<name>/items/<int:id>", {"name": "bob", "id": 7}),
        ("GET", "/static/a/b.css", "/static/<path:filename>", {"filename": "a/b.css"}),
        ("GET", "/static/\nb", "/static/<path:filename>", {"filename": "\nb"}),
        ("GET", "/v7.json", "/v<int:n>.json", {"n": 7}),
    ],
)
def test_find(map: Map, method: str, path: str, endpoint: str, arguments: dict[str, Any]) -> None:
    """The usual request is found, with new arguments each time."""
    found = map.find(method, path)
    assert found is not None
    assert (found[0].endpoint, found[1]) == (endpoint, arguments)
    again = map.find(method, path)
    assert again is not None
    assert again[1] is not found[1]
    assert map.bind("example.com").match(path, method, return_rule=True) == found


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/nothing", None),
        ("GET", "/user/x", None),
        ("GET", "/user/" + "9" * 5000, None),
        ("GET", "/api/bob/items/" + "9" * 5000, None),
        ("GET", "/about/", None),
        ("GET", "/static/", None),
        ("POST", "/about", ["GET", "HEAD"]),
        ("PUT", "/form", ["GET", "HEAD", "POST"]),
        ("POST", "/user/7", ["GET", "HEAD"]),
        ("POST", "/branch", None),
        ("BREW", "/", ["GET", "HEAD"]),
    ],
)
def test_miss(map: Map, method: str, path: str, allowed: list[str] | None) -> None:
    """What is not found is a 404, or a 405 with the methods in order."""
    assert map.find(method, path) is None
    missed = map.miss(method, path)
    assert type(missed) is (NotFound if allowed is None else MethodNotAllowed)
    assert getattr(missed, "valid_methods", None) == allowed
    with pytest.raises(type(missed)):
        map.bind("example.com").match(path, method)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/about", ["GET", "HEAD"]),
        ("get", "/about", None),
        ("put", "/about", None),
        ("--", "/about", None),
        ("PUT", "//about", None),
        ("GET", "about", None),
    ],
)
def test_a_refusal_that_is_certain(method: str, path: str, allowed: list[str] | None) -> None:
    """A method is refused at once where no spelling of path or method could be another one's."""
    refused = Map([Rule("/about", endpoint="about", methods=["GET"])]).look_up(method, path)
    assert getattr(refused, "valid_methods", None) == allowed
    assert (refused is None) == (allowed is None)


@pytest.mark.parametrize(
    ("path", "target"),
    [("/branch", "/branch/"), ("/user//7", "/user/7"), ("/branch//", "/branch/")],
)
def test_redirects_are_left_to_the_adapter(map: Map, path: str, target: str) -> None:
    """Find and miss have no answer where the adapter redirects."""
    assert (map.find("GET", path), map.miss("GET", path)) == (None, None)
    with pytest.raises(RequestRedirect) as caught:
        map.bind("example.com").match(path)
    assert caught.value.code == 308
    assert caught.value.new_url == f"http://example.com{target}"


def test_slashes_at_the_beginning_count_as_one(map: Map) -> None:
    """Any number of slashes at the beginning is taken for one, by the adapter and where find answers."""
    adapter = map.bind("example.com")
    assert adapter.match("//about") == ("/about", {})
    assert map.find("GET", "//about") in (None, adapter.match("//about", return_rule=True))
    assert map.miss("GET", "//about") is None
    assert Map([get("/about")]).find("GET", "//about") is None


@pytest.mark.parametrize(
    ("rules", "path", "target"),
    [
        ([get("/old", redirect_to="/new")], "/old", "http://example.com/new"),
        ([get("/old/<int:x>", redirect_to="new/<x>")], "/old/7", "http://example.com/new/7"),
        ([get("/old/<x>", redirect_to=lambda adapter, x: f"/f/{x}")], "/old/7", "http://example.com/f/7"),
        ([get("/a", "e"), get("/b", "e", alias=True)], "/b", "http://example.com/a"),
        ([get("/all", "e", defaults={"page": 1}), get("/p/<int:page>", "e")], "/p/1", "http://example.com/all"),
    ],
)
def test_canonical_redirects(rules: list[Rule], path: str, target: str) -> None:
    """redirect_to, aliases and defaults redirect to the canonical address."""
    map = Map(rules)
    assert (map.find("GET", path), map.miss("GET", path)) == (None, None)
    with pytest.raises(RequestRedirect) as caught:
        map.bind("example.com").match(path)
    assert caught.value.new_url == target


def test_defaults() -> None:
    """Beside a rule with defaults, the other values of the endpoint are found."""
    map = Map([get("/all", "e", defaults={"page": 1}), get("/p/<int:page>", "e")])
    assert map.find("GET", "/all") == (next(map.iter_rules()), {"page": 1})
    assert map.bind("example.com").match("/all") == ("e", {"page": 1})
    found = map.find("GET", "/p/2")
    assert found is not None
    assert found[1] == {"page": 2}
    assert map.build_path("e", {"page": 1}) == "/all"
    assert map.build_path("e", {"page": 2}) == "/p/2"
    assert map.build_path("e", {"page": 2, "q": "a"}) == "/p/2?q=a"


def test_search_with_a_refused_or_redirected_value() -> None:
    """A match that is found only by turning back has its value refused, or redirected, all the same."""
    map = Map(
        [
            get("/7/x"),
            get("/<int(max=5):n>/z"),
            get("/1/y"),
            get("/<int:page>/p", "p"),
            get("/p", "p", defaults={"page": 1}),
        ]
    )
    assert map.find("GET", "/7/z") is None
    assert type(map.miss("GET", "/7/z")) is NotFound
    assert (map.find("GET", "/1/p"), map.miss("GET", "/1/p")) == (None, None)
    found = map.find("GET", "/7/p")
    assert found is not None
    assert found[1] == {"page": 7}


def test_redirect_defaults_off() -> None:
    """Without redirects to defaults and aliases, both are found as they are."""
    rules = [get("/all", "e", defaults={"page": 1}), get("/p/<int:page>", "e"), get("/b", "e", alias=True)]
    map = Map(rules, redirect_defaults=False)
    assert map.find("GET", "/p/1") == (rules[1], {"page": 1})
    assert map.find("GET", "/b") == (rules[2], {})


def test_any_method() -> None:
    """A rule without methods is found by every method, also one that nobody knows."""
    rule = Rule("/a/<x>", endpoint="e")
    map = Map([rule, Rule("/b", endpoint="e")])
    assert map.find("GET", "/a/1") == map.find("BREW", "/a/1") == (rule, {"x": "1"})
    found = map.find("BREW", "/b")
    assert found is not None
    assert found[0].rule == "/b"


def test_lenient_slashes() -> None:
    """Without strict slashes both forms of a path are found."""
    map = Map([get("/a"), get("/b/"), get("/u/<int:x>"), get("/w/<int:x>/")], strict_slashes=False)
    for path in ("/a", "/a/", "/b", "/b/", "/u/1", "/u/1/", "/w/1", "/w/1/"):
        assert map.find("GET", path) is not None, path


def test_build_only() -> None:
    """A rule that only builds is never found, but builds."""
    map = Map([get("/a/<x>", "e", build_only=True)])
    assert map.find("GET", "/a/1") is None
    assert map.build_path("e", {"x": 1}) == "/a/1"


@pytest.mark.parametrize(
    "options",
    [{"host_matching": True, "host": "example.com"}, {"websocket": True}],
)
def test_maps_that_need_the_adapter(options: dict[str, Any]) -> None:
    """With host matching or websocket rules, the short way has no answers."""
    host_matching = options.pop("host_matching", False)
    map = Map([get("/a", **options), get("/b", websocket=False, host=options.get("host"))], host_matching=host_matching)
    assert not map.plain
    assert (map.find("GET", "/b"), map.miss("GET", "/nothing")) == (None, None)
    assert map.bind("example.com").match("/b") == ("/b", {})
    assert map.build_path("/a", {}) is None
    if options.get("websocket"):
        with pytest.raises(WebsocketMismatch):
            map.bind("example.com").match("/a")
        assert map.bind("example.com", url_scheme="ws").match("/a") == ("/a", {})
        assert map.bind("example.com").build("/a") == "ws://example.com/a"


def test_subdomains() -> None:
    """Rules of other subdomains do not mix with those of the default one."""
    map = Map([get("/", "home"), get("/", "user", subdomain="<name>"), get("/a", "www", subdomain="www")])
    found = map.find("GET", "/")
    assert found is not None
    assert found[0].endpoint == "home"
    assert type(map.miss("GET", "/a")) is NotFound
    assert map.bind("example.com", subdomain="bob").match("/") == ("user", {"name": "bob"})
    assert map.bind("example.com", subdomain="www").match("/a") == ("www", {})
    assert map.build_path("home", {}) == "/"
    assert map.build_path("user", {"name": "bob"}) is None
    assert map.bind("example.com").build("user", {"name": "bob"}) == "http://bob.example.com/"


def test_pattern_that_covers_the_default_subdomain() -> None:
    """A subdomain pattern that the default subdomain fits is found after the rules of the default itself."""
    map = Map([get("/a"), get("/b", "any", subdomain="<name>")], default_subdomain="www")
    found = map.find("GET", "/b")
    assert found is not None
    assert (found[0].endpoint, found[1]) == ("any", {"name": "www"})


@pytest.mark.parametrize(
    ("endpoint", "values", "path"),
    [
        ("/", {}, "/"),
        ("/about", {"q": "a b", "n": 7}, "/about?q=a+b&n=7"),
        ("/about", {"q": "a", "n": 7}, "/about?q=a&n=7"),
        ("/about", {"q": None}, "/about"),
        ("/about", {"q": [1, 2]}, "/about?q=1&q=2"),
        ("/about", {"ü": "é&="}, "/about?%C3%BC=%C3%A9%26%3D"),
        ("/user/<int:id>", {"id": 7}, "/user/7"),
        ("/user/<int:id>", {"id": "7", "q": True}, "/user/7?q=True"),
        ("/static/<path:filename>", {"filename": "/a/ü b"}, "/static//a/%C3%BC%20b"),
        ("/<slug>/edit", {"slug": "/x"}, "/x/edit"),
        ("/<slug>/edit", {"slug": "é/x"}, "/%C3%A9/x/edit"),
        ("/v<int:n>.json", {"n": 7}, "/v7.json"),
        ("/user/<int:id>", {}, None),
        ("/user/<int:id>", {"id": None}, None),
        ("/user/<int:id>", {"id": "x"}, None),
        ("nothing", {}, None),
    ],
)
def test_build_path(map: Map, endpoint: str, values: dict[str, Any], path: str | None) -> None:
    """The path is that of the adapter; None where the adapter has an error to raise."""
    assert map.build_path(endpoint, values) == path
    if path is not None:
        assert map.bind("example.com").build(endpoint, values) == path
        assert map.bind("example.com", "/app/").build(endpoint, values) == f"/app{path}"


def test_build_path_of_other_mappings(map: Map) -> None:
    """A MultiDict is left to the adapter, which has rules for it; another mapping is not."""
    values: MultiDict[str, Any] = MultiDict([("id", 7), ("q", "a"), ("q", "b")])
    assert map.build_path("/user/<int:id>", values) is None
    assert map.bind("example.com").build("/user/<int:id>", values) == "/user/7?q=a&q=b"

    class Special(dict[str, Any]):
        pass

    assert map.build_path("/user/<int:id>", Special(id=7)) == "/user/7"


def test_build_path_by_method() -> None:
    """Among rules of several methods the given one decides, then the preferred one; else it is the adapter's."""
    map = Map([Rule("/get", endpoint="e", methods=["GET"]), Rule("/post", endpoint="e", methods=["POST"])])
    assert map.build_path("e", {}) is None
    assert map.build_path("e", {}, "POST") == "/post"
    assert map.build_path("e", {}, "PUT") is None
    assert map.build_path("e", {}, default_method="POST") == "/post"
    assert map.build_path("e", {}, default_method="PUT") == "/get"
    assert map.bind("example.com", default_method="POST").build("e") == "/post"
    single = Map([get("/a")])
    assert single.build_path("/a", {}, "GET") == "/a"
    assert single.build_path("/a", {}, "POST") is None


def test_build_skips_a_rule_whose_converter_refuses() -> None:
    """A ValidationError while building passes on to the endpoint's next rule."""

    class Small(BaseConverter):
        def to_url(self, value: Any) -> str:
            if value > 9:
                raise ValidationError
            return str(value)

    rules = [get("/small/<small:x>", "e"), get("/large/<x>", "e")]
    map = Map(rules, converters={"small": Small})
    assert [map.build_path("e", {"x": value}) for value in (5, 50)] == ["/small/5", "/large/50"]
    assert Map([rules[0].empty()], converters={"small": Small}).build_path("e", {"x": 50}) is None


def test_build_of_a_subclass() -> None:
    """Where a subclass of Rule builds in its own way, the short way of building goes through it."""

    class Upper(Rule):
        def build(self, values: Mapping[str, Any], append_unknown: bool = True) -> tuple[str, str] | None:
            built = super().build(values, append_unknown)
            return built and (built[0], built[1].upper())

    class Never(Rule):
        def suitable_for(self, values: Mapping[str, Any], method: str | None = None) -> bool:
            return False

    map = Map([Upper("/a/<x>", endpoint="upper"), Never("/b", endpoint="never")])
    assert map.build_path("upper", {"x": "b"}) == "/A/B"
    assert map.build_path("never", {}) is None


def test_sorted_parameters() -> None:
    """A map may sort the query."""
    assert Map([get("/a")], sort_parameters=True).build_path("/a", {"c": 1, "b": 2}) == "/a?b=2&c=1"
    map = Map([get("/a")])
    assert map.build_path("/a", {"c": 1, "b": 2}) == "/a?c=1&b=2"
    map.sort_parameters = True
    assert map.build_path("/a", {"c": 1, "b": 2}) == "/a?b=2&c=1"


def test_rules_added_later(map: Map) -> None:
    """A rule that is added after matching and building counts at once."""
    assert map.find("GET", "/later") is None
    assert map.build_path("/later", {}) is None
    map.add(get("/later"))
    assert map.find("GET", "/later") is not None
    assert map.build_path("/later", {}) == "/later"
    map.add(Rule("/form", endpoint="put", methods=["PUT"]))
    found = map.find("PUT", "/form")
    assert found is not None
    assert found[0].endpoint == "put"


def test_settings_changed_later() -> None:
    """A setting of the map that is changed after matching counts at once."""
    map = Map([get("/a"), get("/b", subdomain="www"), get("/p/<int:page>", "p"), get("/p", "p", defaults={"page": 1})])
    assert map.find("GET", "/a") is not None
    assert map.find("GET", "/p/1") is None
    map.redirect_defaults = False
    assert map.find("GET", "/p/1") is not None
    map.default_subdomain = "www"
    assert map.find("GET", "/a") is None
    assert map.find("GET", "/b") is not None
    map.merge_slashes = False
    assert not map.merge_slashes
    assert type(map.miss("GET", "//b//")) is NotFound
    map.host_matching = True
    assert not map.plain


def test_maps_api_for_tools(map: Map) -> None:
    """The rest of werkzeug's interface holds."""
    assert isinstance(map, theirs.Map)
    assert [rule.endpoint for rule in map.iter_rules()][:2] == ["/", "/about"]
    assert [rule.rule for rule in map.iter_rules("/about")] == ["/about"]
    assert map.is_endpoint_expecting("/user/<int:id>", "id")
    assert not map.is_endpoint_expecting("/about", "id")
    assert "int" in map.converters
    assert repr(map).startswith("Map([<Rule '/' (")


def test_bind(map: Map) -> None:
    """Binding gives an adapter of our class with werkzeug's checks."""
    adapter = map.bind("Example.com:8080", "/app", url_scheme="https", path_info="/about", query_args={"a": "b"})
    assert type(adapter) is MapAdapter
    assert (adapter.server_name, adapter.script_name, adapter.subdomain) == ("example.com:8080", "/app/", "")
    assert adapter.match() == ("/about", {})
    with pytest.raises(BadHost):
        map.bind("a" * 64 + ".com")
    with pytest.raises(RuntimeError, match="host matching"):
        Map(host_matching=True).bind("example.com", subdomain="www")


def test_bind_to_environ(map: Map) -> None:
    """Binding to a WSGI request takes all from it, and the subdomain from its host."""
    environ = create_environ("/user/7", "https://www.example.com/app/", method="POST", query_string="a=b")
    adapter = map.bind_to_environ(environ, "example.com")
    assert type(adapter) is MapAdapter
    assert (adapter.subdomain, adapter.script_name, adapter.path_info) == ("www", "/app/", "/user/7")
    assert (adapter.default_method, adapter.query_args, adapter.url_scheme) == ("POST", "a=b", "https")
    with pytest.warns(UserWarning, match="doesn't match"):
        assert map.bind_to_environ(environ, "other.example").subdomain == "<invalid>"


def test_slashes_that_a_rule_begins_with() -> None:
    """Slashes at the beginning of a built path are one, so that it never names another host."""
    map = Map([get("//a/<x>", merge_slashes=False), get("/<path:p>"), get("//<y>", merge_slashes=False)])
    assert map.build_path("//a/<x>", {"x": 1}) == "/a/1"
    assert map.build_path("/<path:p>", {"p": "//evil.example"}) == "/evil.example"
    assert map.find("GET", "/a/1") == (next(map.iter_rules("/<path:p>")), {"p": "a/1"})
    for path in ("//a/1", "//b"):
        adapter = map.bind("example.com")
        assert map.find("GET", path) in (None, adapter.match(path, return_rule=True))


def test_threads_see_every_rule_added_before() -> None:
    """While rules are added, threads find and build what was there before, and what comes, once it is there."""
    map = Map(
        [get("/start/<int:x>", "start"), get("/a/b/<x>/c", "deep"), get("/p/<path:x>", "path"), get("/p/a", "own")]
    )
    failures: list[str] = []
    added = [0]
    done = threading.Event()

    def read(seed: int) -> None:
        choose = random.Random(seed)
        while not done.is_set():
            count = added[0]
            for path, endpoint in (("/start/7", "start"), ("/a/b/1/c", "deep"), ("/p/a", "own"), ("/p/b", "path")):
                found = map.find("GET", path)
                if found is None or found[0].endpoint != endpoint:
                    failures.append(f"{path}: {found}")
            if count:
                number = choose.randrange(count)
                if map.find("GET", f"/new{number}/7") is None or map.build_path(f"new{number}", {"x": 1}) is None:
                    failures.append(f"/new{number}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for number in range(200):
        map.add(get(f"/new{number}/<int:x>", f"new{number}"))
        added[0] = number + 1
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_ten_thousand_rules() -> None:
    """Among ten thousand rules each is found and built, and a path is looked up as among ten."""
    kinds = (
        "/page{}",
        "/user{}/<int:id>",
        "/api/r{}/<name>/items/<int:id>",
        "/blog{}/<slug>/edit",
        "/files{}/<path:p>",
    )
    map = Map(get(kinds[number % 5].format(number), f"e{number}") for number in range(10_000))
    values = {"id": 7, "name": "bob", "slug": "s", "p": "a/b"}
    for number in range(10_000):
        rule = next(map.iter_rules(f"e{number}"))
        given = {name: values[name] for name in rule.arguments}
        path = map.build_path(f"e{number}", given)
        assert path is not None
        assert map.find("GET", path) == (rule, given)
