"""Tests of costrel.urls: URLs for endpoints, in a request and outside of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import SecurityError
from werkzeug.routing import BuildError

from costrel import App, Blueprint, request, url_for
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask


def blank(**values: Any) -> str:
    """A view for any rule."""
    return ""


@pytest.fixture
def shop(app: App) -> App:
    """An application with nested blueprints and rules of several kinds."""
    return add_rules(app)


def add_rules(app: App) -> App:
    """Adds nested blueprints and rules of several kinds, and returns the application."""
    app.add_url_rule("/", "index", blank)
    app.add_url_rule("/user/<int:number>", "user", blank)
    app.add_url_rule("/text/<word>/<path:rest>", "text", blank)
    app.add_url_rule("/read", "page", blank, methods=["GET"])
    app.add_url_rule("/write", "page", blank, methods=["POST"])
    app.add_url_rule("/page/", "default", blank, defaults={"number": 1})
    app.add_url_rule("/page/<int:number>", "default", blank)
    outer = Blueprint("shop", __name__, url_prefix="/shop")
    inner = Blueprint("cart", __name__, url_prefix="/cart")
    for blueprint in (outer, inner):
        blueprint.add_url_rule("/", "index", blank)
        blueprint.add_url_rule("/<item>", "item", blank)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app


#: Endpoint, arguments, and the URL in a request for /, and outside with SERVER_NAME example.org.
BUILT: list[tuple[str, dict[str, Any], str, str]] = [
    ("index", {}, "/", "http://example.org/"),
    ("user", {"number": 3}, "/user/3", "http://example.org/user/3"),
    ("user", {"number": "3"}, "/user/3", "http://example.org/user/3"),
    ("text", {"word": "a b/ü", "rest": "x/y z"}, "/text/a%20b/%C3%BC/x/y%20z", "…"),
    ("index", {"q": "a b&ü"}, "/?q=a+b%26%C3%BC", "…"),
    ("index", {"q": [1, 2], "r": None}, "/?q=1&q=2", "…"),
    ("user", {"number": 3, "page": 2}, "/user/3?page=2", "…"),
    ("index", {"_anchor": "top"}, "/#top", "…"),
    ("index", {"_anchor": "x y/ü?#'"}, "/#x%20y/%C3%BC?#'", "…"),
    ("index", {"_anchor": ""}, "/#", "…"),
    ("index", {"q": 1, "_anchor": "top"}, "/?q=1#top", "…"),
    ("page", {}, "/read", "…"),
    ("page", {"_method": "POST"}, "/write", "http://example.org/write"),
    ("default", {}, "/page/", "…"),
    ("default", {"number": 1}, "/page/", "…"),
    ("default", {"number": 2}, "/page/2", "…"),
    ("shop.index", {}, "/shop/", "…"),
    ("shop.cart.item", {"item": "x"}, "/shop/cart/x", "…"),
    ("static", {"filename": "a/b.css"}, "/static/a/b.css", "…"),
    ("index", {"_external": False}, "/", "/"),
    ("user", {"number": 3, "_external": False, "_anchor": "a"}, "/user/3#a", "/user/3#a"),
]


@pytest.mark.parametrize(("endpoint", "arguments", "inside", "outside"), BUILT)
def test_url_for(shop: App, endpoint: str, arguments: dict[str, Any], inside: str, outside: str) -> None:
    """Within a request URLs are paths, outside they have scheme and host; extra values are the query."""
    with shop.test_request_context("/"):
        assert url_for(endpoint, **arguments) == inside
        assert shop.url_for(endpoint, **arguments) == inside
    shop.config["SERVER_NAME"] = "example.org"
    expected = f"http://example.org{inside}" if outside == "…" else outside
    with shop.app_context():
        assert url_for(endpoint, **arguments) == expected
    assert shop.url_for(endpoint, **arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"_external": True}, "http://shop.example:8080/user/3"),
        ({"_external": True, "_scheme": "https"}, "https://shop.example:8080/user/3"),
        ({"_scheme": "https"}, "https://shop.example:8080/user/3"),
        ({"_scheme": "ws"}, "http://shop.example:8080/user/3"),
        ({"_scheme": "", "_external": True}, "//shop.example:8080/user/3"),
        ({"_external": True, "_anchor": "a"}, "http://shop.example:8080/user/3#a"),
        ({"_external": False}, "/user/3"),
        ({"_external": None, "_scheme": None, "_anchor": None, "_method": None}, "/user/3"),
    ],
)
def test_external_urls(shop: App, arguments: dict[str, Any], expected: str) -> None:
    """The host is that of the request; a scheme makes the URL external."""
    with shop.test_request_context("/", base_url="http://shop.example:8080"):
        assert url_for("user", number=3, **arguments) == expected


def test_a_scheme_needs_an_external_url(shop: App) -> None:
    """A scheme for a URL that is a path only is a ValueError."""
    with shop.test_request_context("/"), pytest.raises(ValueError, match="'_external' must be True"):
        url_for("index", _scheme="https", _external=False)
    shop.config["SERVER_NAME"] = "example.org"
    with pytest.raises(ValueError, match="'_external' must be True"):
        shop.url_for("index", _scheme="https", _external=False)


def test_settings_for_urls_outside_of_requests(shop: App) -> None:
    """Scheme and prefix come from the settings; without ``SERVER_NAME`` the error names all three."""
    with shop.app_context(), pytest.raises(RuntimeError) as raised:
        url_for("index")
    words = ("SERVER_NAME", "APPLICATION_ROOT", "PREFERRED_URL_SCHEME")
    assert [word for word in words if word not in str(raised.value)] == []
    with pytest.raises(RuntimeError, match="SERVER_NAME"):
        shop.url_for("index")
    shop.config.update(SERVER_NAME="example.org:81", APPLICATION_ROOT="/root", PREFERRED_URL_SCHEME="https")
    with shop.app_context():
        assert url_for("user", number=1) == "https://example.org:81/root/user/1"
        assert url_for("user", number=1, _scheme="http") == "http://example.org:81/root/user/1"


@pytest.mark.parametrize("prefix", ["/app", "/app/"])
def test_the_prefix_of_the_server(shop: App, prefix: str) -> None:
    """``SCRIPT_NAME`` is in front of every URL."""
    environ = make_environ("/", SCRIPT_NAME=prefix)
    with shop.request_context(environ):
        assert url_for("user", number=1) == "/app/user/1"
        assert url_for("index", q=1, _anchor="a") == "/app/?q=1#a"
        assert url_for("index", _external=True) == "http://localhost/app/"


@pytest.mark.parametrize(
    ("path", "endpoint", "expected"),
    [
        ("/shop/", ".index", "/shop/"),
        ("/shop/cart/", ".index", "/shop/cart/"),
        ("/shop/cart/", "index", "/"),
        ("/shop/cart/", "shop.index", "/shop/"),
        ("/shop/x", ".cart.index", "/shop/cart/"),
        ("/", ".index", "/"),
        ("/none", ".index", "/"),
    ],
)
def test_relative_endpoints(shop: App, path: str, endpoint: str, expected: str) -> None:
    """An endpoint with a leading dot is relative to the blueprint of the request, else to the application."""
    with shop.test_request_context(path):
        assert url_for(endpoint) == expected


def test_url_defaults() -> None:
    """Functions for defaults run for their blueprints, from the application inwards, and may change the values."""
    app = App("x", root_path="/")
    calls: list[tuple[str, str, list[str]]] = []
    outer = Blueprint("outer", "x", url_prefix="/<lang>", root_path="/")
    inner = Blueprint("inner", "x", root_path="/")
    inner.add_url_rule("/page", "page", lambda lang: "")
    outer.add_url_rule("/", "home", lambda lang: "")

    def defaults(name: str) -> Callable[[str, dict[str, Any]], None]:
        def note(endpoint: str, values: dict[str, Any]) -> None:
            calls.append((name, endpoint, sorted(values)))
            values.setdefault("lang", name)

        return note

    app.url_defaults(lambda endpoint, values: calls.append(("app", endpoint, sorted(values))))
    outer.url_defaults(defaults("outer"))
    inner.url_defaults(defaults("inner"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_url_rule("/plain", "plain", lambda: "")
    with app.test_request_context("/"):
        assert url_for("plain") == "/plain"
        assert url_for("outer.home") == "/outer/"
        assert url_for("outer.inner.page", lang="given") == "/given/page"
    assert calls == [
        ("app", "plain", []),
        ("app", "outer.home", []),
        ("outer", "outer.home", []),
        ("app", "outer.inner.page", ["lang"]),
        ("outer", "outer.inner.page", ["lang"]),
        ("inner", "outer.inner.page", ["lang"]),
    ]
    app.config["SERVER_NAME"] = "example.org"
    assert app.url_for("outer.home") == "http://example.org/outer/"


# URLs that cannot be built


@pytest.mark.parametrize(
    ("endpoint", "values", "words"),
    [
        ("indx", {}, ["'indx'", "'index'"]),
        ("shop.cart.itm", {"item": 1}, ["'shop.cart.item'"]),
        ("user", {}, ["'user'", "number"]),
        ("user", {"nmber": 1}, ["'number'"]),
        ("page", {"_method": "DELETE"}, ["DELETE"]),
    ],
)
@pytest.mark.parametrize("way", ["request", "prefix", "outside"])
def test_a_url_that_cannot_be_built(
    shop: App, endpoint: str, values: dict[str, Any], words: list[str], way: str
) -> None:
    """The error names the endpoint, and what was probably meant or is missing."""
    shop.config["SERVER_NAME"] = "localhost"
    environ = make_environ("/", SCRIPT_NAME="/app" if way == "prefix" else "")
    context: Any = shop.app_context() if way == "outside" else shop.request_context(environ)
    with context, pytest.raises(BuildError) as raised:
        url_for(endpoint, **values)
    assert [word for word in words if word not in str(raised.value)] == []


def test_handlers_of_build_errors(shop: App) -> None:
    """The handlers are asked in order, with the error, the endpoint, and all that was given."""
    calls: list[Any] = []

    def first(error: Exception, endpoint: str, values: dict[str, Any]) -> str | None:
        calls.append((type(error).__name__, endpoint, dict(values)))
        return None

    def second(error: Exception, endpoint: str, values: dict[str, Any]) -> str | None:
        if endpoint == "elsewhere":
            return "https://elsewhere.example/"
        if endpoint == "other error":
            assert isinstance(error, BuildError)
            raise BuildError("changed", values, None, error.adapter)
        if endpoint == "fail":
            raise ZeroDivisionError
        return None

    shop.url_build_error_handlers += [first, second]
    with shop.test_request_context("/"):
        assert url_for("elsewhere", a=1, _anchor="x", _external=True) == "https://elsewhere.example/"
        with pytest.raises(BuildError, match="'unknown'"):
            url_for("unknown")
        with pytest.raises(BuildError, match="'changed'"):
            url_for("other error")
        with pytest.raises(ZeroDivisionError):
            url_for("fail")
    given = {"_anchor": "x", "_method": None, "_scheme": None, "_external": True, "a": 1}
    assert calls[0] == ("BuildError", "elsewhere", given)
    assert [call[1] for call in calls] == ["elsewhere", "unknown", "other error", "fail"]


def test_handling_a_build_error_that_is_not_being_handled(shop: App) -> None:
    """``handle_url_build_error`` raises the error that it was given where no handler helps."""
    with shop.test_request_context("/") as context:
        error = BuildError("given", {}, None, context.url_adapter)
        with pytest.raises(BuildError) as raised:
            shop.handle_url_build_error(error, "given", {})
        assert raised.value is error


def test_the_original_traceback_is_kept(shop: App) -> None:
    """Without a handler the error is the one that was raised where the URL was built."""
    with shop.test_request_context("/"), pytest.raises(BuildError) as raised:
        url_for("none")
    assert raised.value.__context__ is None
    assert "build" in raised.traceback[-1].name or "handle" in raised.traceback[-1].name


def test_no_urls_where_the_host_was_refused(shop: App) -> None:
    """A request with a host that is not trusted has no adapter to build with: the refusal is raised again."""
    shop.config["TRUSTED_HOSTS"] = ["example.org"]
    with shop.test_request_context("/"), pytest.raises(SecurityError, match="not trusted"):
        url_for("index", _external=True)


# Adapters


def test_values_are_not_changed(shop: App) -> None:
    """The caller's dict stays as it was, also with defaults and errors."""
    values: dict[str, Any] = {"number": 1, "q": "x"}
    shop.url_defaults(lambda endpoint, given: given.update(extra=1))
    with shop.test_request_context("/"):
        assert url_for("user", **values) == "/user/1?q=x&extra=1"
        with pytest.raises(BuildError):
            url_for("none", **values)
    assert values == {"number": 1, "q": "x"}


def test_adapters_of_subdomains(app: App) -> None:
    """With ``subdomain_matching`` rules of a subdomain match there only, and their URLs name it."""
    app = App("x", root_path="/", subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "home", lambda: url_for("api"))
    app.add_url_rule("/", "api", lambda: url_for("api") + " " + url_for("home"), subdomain="api")
    home = call(app, make_environ("/", headers={"Host": "example.org"}))
    assert home.read() == b"http://api.example.org/"
    api = call(app, make_environ("/", headers={"Host": "api.example.org"}))
    assert api.read() == b"/ http://example.org/"


def test_subdomains_are_ignored_without_the_option() -> None:
    """Without ``subdomain_matching`` any host gets the same rules, also with ``SERVER_NAME`` set."""
    app = App("x", root_path="/")
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    for host in ("example.org", "www.example.org", "localhost"):
        reply = call(app, make_environ("/", headers={"Host": host}))
        assert (reply.status_code, reply.read()) == (200, b"http://example.org/")


def test_hosts_of_rules() -> None:
    """With ``host_matching`` the request's host chooses the rule, and URLs for another host are external."""
    app = App("x", root_path="/", host_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "ignored.example"
    app.add_url_rule("/", "a", lambda: url_for("a") + " " + url_for("b", name="x"), host="a.example")
    app.add_url_rule("/", "b", lambda name: name, host="<name>.b.example")
    assert call(app, make_environ("/", headers={"Host": "a.example"})).read() == b"/ http://x.b.example/"
    assert call(app, make_environ("/", headers={"Host": "y.b.example"})).read() == b"y"
    assert call(app, make_environ("/", headers={"Host": "c.example"})).status_code == 404


@pytest.mark.parametrize(
    ("trusted", "host", "status"),
    [
        (["*"], "anything.example", 200),
        (["*"], "any@thing.example", 400),
        (["example.org"], "example.org", 200),
        (["example.org"], "example.org:8080", 200),
        (["example.org"], "www.example.org", 400),
        ([".example.org"], "www.example.org", 200),
        (["example.org"], "evil.example", 400),
        (["example.org"], "example.org.evil.example", 400),
        ([], "localhost", 200),
    ],
)
def test_trusted_hosts(trusted: list[str] | None, host: str, status: int) -> None:
    """``TRUSTED_HOSTS`` refuses every other host with 400, before any view runs."""
    app = App("x", root_path="/")
    app.config["TRUSTED_HOSTS"] = trusted
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    reply = call(app, make_environ("/", headers={"Host": host}))
    assert reply.status_code == status
    assert (reply.read() == f"http://{host}/".encode()) is (status == 200)


@pytest.mark.parametrize("host", ["a@evil.example", "a b", "evil.example/?", "evil.example#", "", "a:b", "[x"])
@pytest.mark.parametrize("way", ["short", "long"])
def test_what_is_no_host_gets_400(host: str, way: str) -> None:
    """A Host that would break an external URL never gets into one: the request is refused, each time."""
    app = App("x", root_path="/")
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    if way == "long":
        original = app.dispatch_request
        app.dispatch_request = lambda: original()  # type: ignore[method-assign]
    replies = [call(app, make_environ(path, headers={"Host": host})) for path in ("/", "/", "/none")]
    assert [reply.status_code for reply in replies] == [400, 400, 400]
    for reply in replies:
        assert b"is not a host name" in reply.read()
    app.config["CHECK_HOST"] = False
    assert call(app, make_environ("/", headers={"Host": host})).status_code == 200


def test_the_error_handler_of_a_refused_host_may_look_at_the_request() -> None:
    """A handler of 400 can be asked for the method and path, and the host is still refused when it is read."""
    app = App("x", root_path="/")

    @app.errorhandler(400)
    def refused(error: Exception) -> Any:
        try:
            host = request.host
        except SecurityError:
            host = "refused"
        return f"{request.method} {request.path} {host}", 400

    reply = call(app, make_environ("/path", headers={"Host": "a@b"}))
    assert (reply.status_code, reply.read()) == (400, b"GET /path refused")


def test_the_server_name_is_the_host_of_external_urls() -> None:
    """With ``SERVER_NAME``, neither Host nor X-Forwarded-Host gets into an external URL."""
    app = App("x", root_path="/")
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert call(app, make_environ("/", headers=headers)).read() == b"http://example.org/"
    app.config.update(SERVER_NAME=None, TRUSTED_HOSTS=["example.com"])
    headers["Host"] = "example.com"
    assert call(app, make_environ("/", headers=headers)).read() == b"http://example.com/"


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        ({}, {"Host": "anything.example"}, None),
        ({}, {"Host": "203.0.113.7"}, None),
        ({}, {"Host": "anything.example:8080"}, None),
        ({}, {"Host": "[2001:db8::1]"}, None),
        ({}, {"Host": "localhost.evil.example"}, None),
        ({}, {"Host": "localhost:5000"}, "http://localhost:5000/"),
        ({}, {"Host": "shop.localhost:5000"}, "http://shop.localhost:5000/"),
        ({}, {"Host": "127.0.0.1:5000"}, "http://127.0.0.1:5000/"),
        ({}, {"Host": "[::1]:5000"}, "http://[::1]:5000/"),
        ({"TRUSTED_HOSTS": ["anything.example"]}, {"Host": "anything.example"}, "http://anything.example/"),
        ({"TRUSTED_HOSTS": ["*"]}, {"Host": "anything.example"}, "http://anything.example/"),
        ({"SERVER_NAME": "example.org"}, {"Host": "anything.example"}, "http://example.org/"),
        ({"TESTING": True}, {"Host": "anything.example"}, "http://anything.example/"),
        ({"DEBUG": True}, {"Host": "anything.example"}, "http://anything.example/"),
        ({"CHECK_HOST": False}, {"Host": "anything.example"}, "http://anything.example/"),
    ],
)
def test_an_external_url_with_a_host_of_the_client_is_refused(
    settings: dict[str, Any], headers: dict[str, str], expected: str | None
) -> None:
    """Without debug mode and ``TESTING``, no external URL has a host that nothing has checked, but a local one."""
    app = App("x", root_path="/")
    app.config.update(settings)
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    app.add_url_rule("/path", "path", lambda: url_for("home"))
    app.register_error_handler(RuntimeError, lambda error: (str(error), 500))
    reply = call(app, make_environ("/", headers=headers))
    assert call(app, make_environ("/path", headers=headers)).read() == b"/"
    if expected is None:
        assert reply.status_code == 500
        name = headers["Host"].removesuffix(":8080")
        assert f'write app.config["TRUSTED_HOSTS"] = ["{name}"], or' in reply.read().decode()
    else:
        assert (reply.status_code, reply.read().decode()) == (200, expected)


@pytest.mark.parametrize(
    ("settings", "host", "records"),
    [
        ({}, "anything.example:8080", 1),
        ({}, "localhost:5000", 0),
        ({"TRUSTED_HOSTS": ["anything.example"]}, "anything.example", 0),
        ({"SERVER_NAME": "example.org"}, "anything.example", 0),
        ({"TESTING": True}, "anything.example", 0),
        ({"CHECK_HOST": False}, "anything.example", 0),
    ],
)
def test_debug_mode_says_once_what_external_urls_need(
    settings: dict[str, Any], host: str, records: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the setting, once for an application, where the URL would be refused outside of debug mode."""
    app = App("x", root_path="/")
    app.config.update(settings, DEBUG=True)
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    for _ in range(2):
        assert call(app, make_environ("/", headers={"Host": host})).status_code == 200
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == records
    assert all("'anything.example'" in message and "TRUSTED_HOSTS" in message for message in messages)


@pytest.mark.parametrize(
    ("settings", "host", "expected"),
    [
        ({"DEBUG": True}, "localhost", "Host &#39;localhost&#39; is not trusted. Add it to TRUSTED_HOSTS.</p>"),
        ({"DEBUG": False}, "localhost", "Host &#39;localhost&#39; is not trusted.</p>"),
        ({"DEBUG": True, "CHECK_HOST": False}, "localhost", "Host &#39;localhost&#39; is not trusted.</p>"),
        ({"DEBUG": True}, "a@b", "is not a host name.</p>"),
    ],
)
def test_debug_mode_says_what_a_refused_host_needs(settings: dict[str, Any], host: str, expected: str) -> None:
    """The page of status 400 says to add the host in debug mode only, where the visitor is the developer."""
    app = App("x", root_path="/")
    app.config.update(settings, TRUSTED_HOSTS=["example.com", "*.example.com"])
    app.add_url_rule("/", "home", lambda: "Home")
    for _ in range(2):
        reply = call(app, make_environ("/", headers={"Host": host}))
        assert reply.status_code == 400
        assert expected in reply.read().decode()


def test_the_hosts_that_a_program_chooses_itself_are_its_own() -> None:
    """A made-up request, a server's name without a header, and the host of a rule are not the client's choice."""
    app = App("x", root_path="/")
    app.add_url_rule("/", "home", lambda: url_for("home", _external=True))
    with app.test_request_context("/", base_url="https://shop.example"):
        assert url_for("home", _external=True) == "https://shop.example/"
    environ = make_environ("/", SERVER_NAME="inside.example")
    environ.pop("HTTP_HOST", None)
    assert call(app, environ).read() == b"http://inside.example/"
    matching = App("y", root_path="/", host_matching=True, static_folder=None)
    matching.add_url_rule("/", "home", lambda: url_for("other", _external=True), host="shop.example")
    matching.add_url_rule("/", "other", lambda: "", host="other.example")
    assert call(matching, make_environ("/", headers={"Host": "shop.example"})).read() == b"http://other.example/"


# The short way


VALUES = st.dictionaries(
    st.sampled_from(["number", "word", "rest", "q", "r", "ü"]),
    st.one_of(st.integers(-5, 5), st.text(max_size=5), st.none(), st.lists(st.text(max_size=3), max_size=2)),
    max_size=4,
)


@given(
    endpoint=st.sampled_from(["index", "user", "text", "page", "default", "shop.item", "static", "none"]),
    values=VALUES,
    method=st.sampled_from([None, "GET", "POST", "DELETE"]),
    request_method=st.sampled_from(["GET", "POST"]),
    anchor=st.one_of(st.none(), st.text(max_size=5)),
)
def test_the_short_build_equals_the_adapters(
    endpoint: str, values: dict[str, Any], method: str | None, request_method: str, anchor: str | None
) -> None:
    """Building a URL without an adapter gives what building it with one gives, errors included."""
    results = []
    for short in (True, False):
        app = App("x", root_path="/")
        add_rules(app)
        if not short:
            setattr(app, "create_url_adapter", app.create_url_adapter)
        with app.test_request_context("/", method=request_method):
            try:
                results.append(app.url_for(endpoint, _method=method, _anchor=anchor, **values))
            except Exception as error:
                results.append(f"{type(error).__name__} {error}")
    assert results[0] == results[1]


def test_urls_are_built_as_by_flask() -> None:
    """A program that builds every kind of URL in every kind of context gets the same ones with Flask."""
    urls = assert_same_as_flask(
        """
import itertools
def blank(**values):
    return ''

def build(**options):
    app = App("x", root_path=".", static_folder=None, **options)
    app.add_url_rule("/", "index", blank)
    app.add_url_rule("/user/<int:number>", "user", blank)
    app.add_url_rule("/text/<word>/<path:rest>", "text", blank)
    app.add_url_rule("/any/<any(a, 'b c'):x>", "any", blank)
    app.add_url_rule("/float/<float:x>", "float", blank)
    app.add_url_rule("/uuid/<uuid:x>", "uuid", blank)
    app.add_url_rule("/read", "page", blank, methods=["GET"])
    app.add_url_rule("/write", "page", blank, methods=["POST"])
    app.add_url_rule("/page/", "default", blank, defaults={"number": 1})
    app.add_url_rule("/page/<int:number>", "default", blank)
    app.add_url_rule("/sub", "sub", blank, subdomain="api")
    outer = framework.Blueprint("shop", "x", url_prefix="/shop", root_path=".")
    inner = framework.Blueprint("cart", "x", url_prefix="/<lang>", root_path=".")
    for part in (outer, inner):
        part.add_url_rule("/", "index", blank)
    inner.url_defaults(lambda endpoint, values: values.setdefault("lang", "en"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app

targets = [("index", {}), ("user", {"number": 1}), ("user", {}), ("user", {"number": "x"}), ("nothing", {}),
    ("text", {"word": "a/b c", "rest": "a/b c"}), ("any", {"x": "b c"}), ("any", {"x": "z"}), ("float", {"x": 1.5}),
    ("uuid", {"x": "0" * 32}), ("page", {}), ("default", {}), ("default", {"number": 1}), ("default", {"number": 2}),
    ("sub", {}), ("shop.index", {}), ("shop.cart.index", {}), ("shop.cart.index", {"lang": "de"}), (".index", {}),
    (".cart.index", {}), ("index", {"q": ["a", "b"], "n": None, "e": "", "ü": "ß&="})]
options = [{}, {"_external": True}, {"_external": False}, {"_scheme": "https"}, {"_anchor": "a b#"},
    {"_method": "POST"},
    {"_scheme": "https", "_external": False}, {"_external": True, "_scheme": "", "_anchor": "x"}]
contexts = [
    lambda app: app.test_request_context("/"), lambda app: app.test_request_context("/shop/"),
    lambda app: app.test_request_context("/shop/en/", method="POST"), lambda app: app.app_context(),
    lambda app: app.test_request_context("/", base_url="https://api.example.org/prefix/"),
    lambda app: app.test_request_context("/none", base_url="http://other.example:81"),
]
settings = [{}, {"SERVER_NAME": "example.org"},
    {"SERVER_NAME": "example.org:443", "APPLICATION_ROOT": "/root", "PREFERRED_URL_SCHEME": "https"}]
result = []
for subdomains, setting in itertools.product([False, True], settings):
    app = build(subdomain_matching=subdomains)
    app.config.update(setting)
    for number, make in enumerate(contexts):
        with make(app):
            for (endpoint, values), more in itertools.product(targets, options):
                try:
                    url = framework.url_for(endpoint, **values, **more)
                except Exception as error:
                    url = type(error).__name__
                result.append([subdomains, setting, number, endpoint, values, more, url])
"""
    )
    assert len(urls) > 5000
