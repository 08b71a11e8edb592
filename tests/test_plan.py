"""Tests of costrel.plan: whatever is changed after the first request is noticed by the next one."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import werkzeug.routing
from werkzeug.exceptions import NotFound

from costrel import App, Blueprint, Request, Response, g, request, session, url_for
from costrel.plan import REPLACEABLE, blueprint_chain
from costrel.sessions import SecureCookieSession, SecureCookieSessionInterface
from tests.support.environ import Reply, call, make_environ
from tests.support.frameworks import assert_same_as_flask

HOOK_TABLES = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")

#: The replaceable methods that a plain request of a view goes through.
ON_THE_WAY = [name for name in REPLACEABLE if name != "raise_routing_exception"]


@pytest.fixture
def served() -> App:
    """An application that has handled its first request."""
    app = App("served", root_path="/")
    app.secret_key = "key"
    app.config["PROPAGATE_EXCEPTIONS"] = True
    blueprint = Blueprint("part", "served", url_prefix="/part", root_path="/")
    blueprint.add_url_rule("/", "home", lambda: "part")
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/json", "json", lambda: {"b": 1, "a": 2})
    app.add_url_rule("/session", "session", lambda: str(session.setdefault("a", 1)))
    assert get(app, "/") == b"home"
    assert get(app, "/json") == b'{"a":2,"b":1}\n'
    assert get(app, "/part/") == b"part"
    assert ask(app, "/none").status_code == 404
    assert get(app, "/session") == b"1"
    return app


def ask(app: App, path: str = "/", **more: Any) -> Reply:
    """Returns the reply to a GET request."""
    return call(app, make_environ(path, **more))


def get(app: App, path: str = "/") -> bytes:
    """Returns the body of the reply to a GET request."""
    return ask(app, path).read()


def counting(original: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    """Returns a function that does the same and notes each call."""

    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(original.__name__)
        return original(*args, **kwargs)

    return counted


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, ()),
        ("", ()),
        ("index", ()),
        ("shop.index", ("shop",)),
        ("shop.cart.index", ("shop.cart", "shop")),
        ("a.b.c.d", ("a.b.c", "a.b", "a")),
    ],
)
def test_the_blueprints_of_an_endpoint(endpoint: str | None, expected: tuple[str, ...]) -> None:
    """The names come innermost first, each with those around it."""
    assert blueprint_chain(endpoint) == expected


# Methods


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_method_set_on_the_instance_is_called(served: App, name: str) -> None:
    """After the first request a replaced method takes part in the next, and deleting it ends that."""
    calls: list[str] = []
    setattr(served, name, counting(getattr(served, name), calls))
    assert get(served) == b"home"
    assert calls
    assert set(calls) == {name}
    delattr(served, name)
    calls.clear()
    assert get(served) == b"home"
    assert calls == []


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_method_set_on_the_class_is_called(served: App, name: str) -> None:
    """Patching ``App`` itself is noticed by applications that have served already, and so is the way back."""
    calls: list[str] = []
    with mock.patch.object(App, name, counting(getattr(App, name), calls)):
        assert get(served) == b"home"
    assert set(calls) == {name}
    calls.clear()
    assert get(served) == b"home"
    assert calls == []


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_method_patched_on_the_instance_is_called(served: App, name: str) -> None:
    """``unittest.mock.patch.object`` with a spy on an instance."""
    with mock.patch.object(served, name, wraps=getattr(served, name)) as spy:
        assert get(served) == b"home"
    assert spy.call_count == 1
    assert get(served) == b"home"
    assert spy.call_count == 1


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_method_of_a_subclass_is_called(name: str) -> None:
    """A subclass of ``App`` may override any of them, also when it is patched later."""
    calls: list[str] = []
    subclass = type("Own", (App,), {name: counting(getattr(App, name), calls)})
    app = subclass("own", root_path="/")
    app.add_url_rule("/", "home", lambda: "home")
    assert get(app) == b"home"
    assert set(calls) == {name}
    later: list[str] = []
    setattr(subclass, name, counting(getattr(App, name), later))
    assert get(app) == b"home"
    assert later == calls


def test_two_methods_are_called_in_order(served: App) -> None:
    """Where several are replaced, Flask's order of calls is kept."""
    calls: list[str] = []
    for name in REPLACEABLE:
        setattr(served, name, counting(getattr(served, name), calls))
    get(served)
    assert calls == [
        "request_context",
        "create_url_adapter",
        "full_dispatch_request",
        "preprocess_request",
        "dispatch_request",
        "finalize_request",
        "make_response",
        "process_response",
        "do_teardown_request",
        "do_teardown_appcontext",
    ]
    calls.clear()
    assert ask(served, "/none").status_code == 404
    assert calls[4:6] == ["dispatch_request", "raise_routing_exception"]


#: What is replaced, by what, and what the reply to a path shows then.
OTHERS: list[tuple[str, Callable[..., Any], str, bytes]] = [
    ("handle_user_exception", lambda error: f"user {type(error).__name__}", "/none", b"user NotFound"),
    ("handle_http_exception", lambda error: f"http {error.code}", "/none", b"http 404"),
    ("handle_exception", lambda error: Response(f"unhandled {error}"), "/fail", b"unhandled 'failed'"),
    ("raise_routing_exception", mock.Mock(side_effect=NotFound("own text")), "/none", b"own text"),
    ("make_default_options_response", lambda: Response("options"), "OPTIONS", b"options"),
    ("trap_http_exception", lambda error: True, "/abort", b"trapped"),
    ("_find_error_handler", lambda error, blueprints: lambda error: "found", "/none", b"found"),
    ("wsgi_app", lambda environ, start_response: [b"middleware"], "/", b"middleware"),
    ("ensure_sync", lambda function: lambda **values: "synchronous", "/", b"synchronous"),
    ("async_to_sync", lambda function: lambda **values: "run by us", "/async", b"run by us"),
    ("url_for", lambda endpoint, **values: "/own", "/url", b"/own"),
    ("inject_url_defaults", lambda endpoint, values: values.update(q="d"), "/url", b"/?q=d"),
    ("handle_url_build_error", lambda error, endpoint, values: "/built", "/unbuilt", b"/built"),
    ("create_url_adapter", lambda request: werkzeug.routing.Map().bind("x"), "/", b"Not Found"),
]


@pytest.mark.parametrize(("name", "replacement", "path", "shown"), OTHERS, ids=[case[0] for case in OTHERS])
@pytest.mark.parametrize("where", ["instance", "class"])
def test_the_other_methods_may_be_replaced_too(
    name: str, replacement: Callable[..., Any], path: str, shown: bytes, where: str
) -> None:
    """A request also calls those methods that only some requests need, wherever they were replaced."""

    class Own(App):
        pass

    app = Own("own", root_path="/")
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/url", "url", lambda: url_for("home"))
    app.add_url_rule("/unbuilt", "unbuilt", lambda: url_for("none"))

    @app.get("/fail")
    def fail() -> str:
        raise KeyError("failed")

    @app.get("/abort")
    def refuse() -> str:
        raise NotFound

    @app.get("/async")
    async def asynchronous() -> str:
        return "run by costrel"

    if name == "trap_http_exception":
        app.register_error_handler(Exception, lambda error: "trapped")
    if name == "inject_url_defaults":
        app.url_defaults(lambda endpoint, values: None)
    assert get(app) == b"home"
    assert get(app, "/async") == b"run by costrel"
    if where == "instance":
        setattr(app, name, replacement)
    else:
        static = lambda self, *args, **kwargs: replacement(*args, **kwargs)  # noqa: E731
        setattr(Own, name, static)
    if path == "OPTIONS":
        assert ask(app, "/", method="OPTIONS").read() == shown
    elif name == "wsgi_app":
        assert b"".join(app(make_environ("/"), lambda *args: bytes)) == shown
    else:
        assert shown in get(app, path)


# Tables


def test_a_view_may_be_replaced(served: App) -> None:
    """Assigning to, updating and deleting from ``app.view_functions`` counts for the next request."""
    served.view_functions["home"] = lambda: "replaced"
    assert get(served) == b"replaced"
    served.view_functions.update(home=lambda: "updated")
    assert get(served) == b"updated"
    served.view_functions |= {"home": lambda: "merged"}
    assert get(served) == b"merged"
    served.view_functions = {**served.view_functions, "home": lambda: "new table"}
    assert get(served) == b"new table"
    served.view_functions["home"] = lambda: "in the new table"
    assert get(served) == b"in the new table"
    with mock.patch.dict(served.view_functions, home=lambda: "patched"):
        assert get(served) == b"patched"
    assert get(served) == b"in the new table"
    del served.view_functions["home"]
    with pytest.raises(KeyError, match="'home'"):
        get(served)


@pytest.mark.parametrize("key", [None, "part"])
def test_hooks_may_be_put_into_the_tables(served: App, key: str | None) -> None:
    """Lists of hooks may be changed in every way that lists have."""
    events: list[str] = []
    hooks = served.before_request_funcs

    def note(word: str) -> Callable[[], None]:
        return lambda: events.append(word)

    def seen() -> list[str]:
        events.clear()
        get(served, "/part/")
        return list(events)

    hooks.setdefault(key, []).append(note("first"))
    assert seen() == ["first"]
    hooks[key].append(note("second"))
    assert seen() == ["first", "second"]
    hooks[key].insert(0, note("before"))
    assert seen() == ["before", "first", "second"]
    hooks[key].reverse()
    assert seen() == ["second", "first", "before"]
    hooks[key][0] = note("other")
    assert seen() == ["other", "first", "before"]
    hooks[key] += [note("last")]
    assert seen() == ["other", "first", "before", "last"]
    del hooks[key][1:]
    assert seen() == ["other"]
    hooks[key] = [note("new list")]
    assert seen() == ["new list"]
    hooks[key].extend([note("extended")])
    assert seen() == ["new list", "extended"]
    hooks.pop(key)
    assert seen() == []


@pytest.mark.parametrize("name", HOOK_TABLES)
@pytest.mark.parametrize("make", [dict, lambda items: defaultdict(list, items)])
def test_a_hook_table_may_be_assigned(served: App, name: str, make: Callable[[Any], Any]) -> None:
    """A new table for hooks is used from the next request on, and changing it is noticed as well."""
    events: list[Any] = []

    def hook(*args: Any) -> Any:
        events.append(args)
        return args[0] if name == "after_request_funcs" else None

    setattr(served, name, make({None: [hook]}))
    get(served)
    assert len(events) == 1
    getattr(served, name)[None].append(hook)
    get(served)
    assert len(events) == 3
    getattr(served, name)["part"] = [hook]
    get(served, "/part/")
    assert len(events) == 6
    setattr(served, name, {})
    get(served)
    assert len(events) == 6


def test_teardown_functions_may_be_added_and_assigned(served: App) -> None:
    """The list of the application context's teardown functions is watched too."""
    events: list[str] = []
    served.teardown_appcontext_funcs.append(lambda error: events.append("one"))
    get(served)
    served.teardown_appcontext_funcs = [lambda error: events.append("two")]
    get(served)
    served.teardown_appcontext_funcs.append(lambda error: events.append("three"))
    get(served)
    assert events == ["one", "two", "three", "two"]


def test_error_handlers_may_be_put_into_their_table(served: App) -> None:
    """``error_handler_spec`` may be written to and replaced at any time."""
    served.error_handler_spec[None][404][NotFound] = lambda error: ("handled", 200)
    assert get(served, "/none") == b"handled"
    served.error_handler_spec[None][404][NotFound] = lambda error: ("again", 200)
    assert get(served, "/none") == b"again"
    served.error_handler_spec = {None: {None: {Exception: lambda error: "any"}}}
    assert get(served, "/none") == b"any"
    served.error_handler_spec = {}
    assert ask(served, "/none").status_code == 404


def test_url_functions_may_be_put_into_their_tables(served: App) -> None:
    """URL defaults and handlers of build errors count from the next ``url_for`` on."""
    served.view_functions["home"] = lambda: url_for("json")
    assert get(served) == b"/json"
    served.url_default_functions.setdefault(None, []).append(lambda endpoint, values: values.update(q="1"))
    assert get(served) == b"/json?q=1"
    served.url_build_error_handlers.append(lambda error, endpoint, values: "/instead")
    served.view_functions["home"] = lambda: url_for("none")
    assert get(served) == b"/instead"


def test_rules_may_be_added_to_the_map(served: App) -> None:
    """A rule that is added to ``url_map`` directly is found, and so is one in a map that is assigned."""
    served.url_map.add(served.url_rule_class("/more", endpoint="home"))
    assert get(served, "/more") == b"home"
    served.url_map = type(served.url_map)([served.url_rule_class("/only", endpoint="home")])
    assert get(served, "/only") == b"home"
    assert ask(served, "/more").status_code == 404


def test_a_map_of_another_class_is_used(served: App) -> None:
    """Where ``url_map`` matches hosts, requests are matched by host."""
    url_map = type(served.url_map)(host_matching=True)
    url_map.add(served.url_rule_class("/", endpoint="home", host="a.example"))
    served.url_map = url_map
    assert ask(served, "/", headers={"Host": "a.example"}).read() == b"home"
    assert ask(served, "/", headers={"Host": "b.example"}).status_code == 404


# Settings, classes and parts


def test_settings_may_change(served: App) -> None:
    """Settings that requests depend on are read again when they change, in whatever way."""
    assert ("X-Content-Type-Options", "nosniff") in ask(served).headers
    served.config["DEFAULT_HEADERS"] = {"X-A": "b"}
    assert [pair for pair in ask(served).headers if pair[0].startswith("X-")] == [("X-A", "b")]
    served.config.update(DEFAULT_HEADERS=None)
    assert not [pair for pair in ask(served).headers if pair[0].startswith("X-")]
    served.config["TRUSTED_HOSTS"] = ["other.example"]
    assert ask(served).status_code == 400
    served.config.from_mapping(TRUSTED_HOSTS=None)
    assert ask(served).status_code == 200
    served.config["SESSION_COOKIE_NAME"] = "own"
    assert (ask(served, "/session").header("Set-Cookie") or "").startswith("own=")
    with mock.patch.dict(served.config, {"DEFAULT_HEADERS": {"X-B": "c"}}):
        assert ask(served).header("X-B") == "c"
    assert ask(served).header("X-B") is None


def test_debug_mode_may_change(served: App) -> None:
    """In debug mode JSON is indented; turning the mode off takes that back."""
    served.debug = True
    assert get(served, "/json") == b'{\n  "a": 2,\n  "b": 1\n}\n'
    served.debug = False
    assert get(served, "/json") == b'{"a":2,"b":1}\n'


def test_classes_may_be_replaced(served: App) -> None:
    """Another request or response class is used from the next request on."""

    class OwnRequest(Request):
        pass

    class OwnResponse(Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "yes"

    served.view_functions["home"] = lambda: type(request._get_current_object()).__name__  # type: ignore[attr-defined]
    assert get(served) == b"Request"
    served.request_class = OwnRequest
    assert get(served) == b"OwnRequest"
    assert ask(served).header("X-Own") is None
    served.response_class = OwnResponse
    assert ask(served).header("X-Own") == "yes"
    del served.response_class
    assert ask(served).header("X-Own") is None


@pytest.mark.parametrize("name", ["__init__", "__call__", "get_wsgi_headers", "get_app_iter", "get_wsgi_response"])
@pytest.mark.parametrize("path", ["/", "/json"])
def test_a_patched_response_class_is_used(served: App, name: str, path: str) -> None:
    """Patching a method of ``Response`` counts for each reply, although plain replies need no object."""
    calls: list[str] = []
    body = get(served, path)
    with mock.patch.object(Response, name, counting(getattr(Response, name), calls)):
        assert get(served, path) == body
    assert calls
    calls.clear()
    assert get(served, path) == body
    assert calls == []


def test_a_response_setting_is_used(served: App) -> None:
    """Another default media type on the class shows in the next reply."""
    with mock.patch.object(Response, "default_mimetype", "text/own"):
        assert ask(served).header("Content-Type") == "text/own; charset=utf-8"
    assert ask(served).header("Content-Type") == "text/html; charset=utf-8"


def test_json_settings_are_used(served: App) -> None:
    """The JSON provider's settings and methods may change, and the provider itself."""
    provider: Any = served.json
    provider.sort_keys = False
    assert get(served, "/json") == b'{"b":1,"a":2}\n'
    provider.mimetype = "application/own"
    assert ask(served, "/json").header("Content-Type") == "application/own"
    provider.compact = False
    assert get(served, "/json") == b'{\n  "b": 1,\n  "a": 2\n}\n'
    provider.dumps = lambda value, **options: "dumped"
    assert get(served, "/json") == b"dumped\n"
    del provider.dumps
    with mock.patch.object(type(provider), "response", lambda self, value: Response("patched")):
        assert get(served, "/json") == b"patched"

    class Own(type(provider)):  # type: ignore[misc]
        def dumps(self, value: Any, **options: Any) -> str:
            return "own"

    served.json = Own(served)
    assert get(served, "/json") == b"own\n"
    served.view_functions["json"] = lambda: served.json.response(1)
    assert get(served, "/json") == b"own\n"


class CountingSessions(SecureCookieSessionInterface):
    """Notes which of its methods dispatching calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def open_session(self, app: Any, request: Any) -> SecureCookieSession | None:
        self.calls.append("open")
        return super().open_session(app, request)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.calls.append("save")
        super().save_session(app, session, response)


def test_a_session_interface_may_be_set(served: App) -> None:
    """An interface of one's own is asked for the session of every request and told to save it."""
    interface = CountingSessions()
    served.session_interface = interface
    get(served)
    assert interface.calls == ["open", "save"]


@pytest.mark.parametrize("name", ["open_session", "save_session", "should_set_cookie", "get_signing_serializer"])
@pytest.mark.parametrize("where", ["instance", "class"])
def test_a_patched_session_interface_is_used(served: App, name: str, where: str) -> None:
    """The default interface may be patched after the first request, on the object or its class."""
    calls: list[str] = []
    interface = served.session_interface
    owner: Any = interface if where == "instance" else SecureCookieSessionInterface
    with mock.patch.object(owner, name, counting(getattr(owner, name), calls)):
        get(served, "/session")
    assert calls
    assert set(calls) == {name}


@pytest.mark.parametrize("where", ["instance", "class"])
def test_a_patched_open_session_is_called_for_each_request(served: App, where: str) -> None:
    """Whoever replaces ``open_session`` may count on it for requests that do not look at the session as well."""
    calls: list[str] = []
    owner: Any = served.session_interface if where == "instance" else SecureCookieSessionInterface
    with mock.patch.object(owner, "open_session", counting(owner.open_session, calls)):
        get(served)
    assert calls == ["open_session"]


def test_a_method_replaced_during_a_request(served: App) -> None:
    """A view may replace what comes after it: the request goes on, and the next one takes the new way."""
    calls: list[str] = []

    def view() -> str:
        served.process_response = counting(served.process_response, calls)  # type: ignore[method-assign]
        return "replacing"

    served.view_functions["home"] = view
    assert get(served) == b"replacing"
    calls.clear()
    assert get(served, "/json") == b'{"a":2,"b":1}\n'
    assert calls == ["process_response"]


def test_an_endpoint_without_a_view(served: App) -> None:
    """A rule without a view is a KeyError that names the endpoint and what to write."""
    app = App("x", root_path="/")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/", "nobody")
    with pytest.raises(KeyError, match=r"nobody.*view_func.*@app\.endpoint"):
        get(app)
    app.view_functions["nobody"] = lambda: "somebody"
    assert get(app) == b"somebody"


def test_plans_are_those_of_their_application() -> None:
    """Changing one application leaves the next one alone."""
    apps = [App(f"app{number}", root_path="/") for number in range(2)]
    for app in apps:
        app.add_url_rule("/", "home", lambda: str(getattr(g, "hooked", "plain")))
        assert get(app) == b"plain"
    apps[0].before_request_funcs[None].append(lambda: setattr(g, "hooked", "hooked"))
    assert [get(app) for app in apps] == [b"hooked", b"plain"]


def test_changes_are_noticed_as_by_flask() -> None:
    """A program that changes everything it can between requests gets the same replies with Flask."""
    replies = assert_same_as_flask(
        """
from unittest import mock
app = App("x", root_path=".")
app.secret_key = "k"
calls = []

@app.route("/")
def home():
    return "home"

@app.route("/fail")
def fail():
    raise ValueError("f")

result = []
def ask(path="/", **more):
    response = app.test_client().open(path, **more)
    result.append([path, response.status, response.text, list(calls)])
    calls.clear()

def spy(name):
    original = getattr(app, name)
    def spied(*args, **kwargs):
        if name not in calls[-1:]:  # Flask makes the adapter twice, one of them for building URLs without a request
            calls.append(name)
        return original(*args, **kwargs)
    return spied

ask()
names = ["full_dispatch_request", "dispatch_request", "preprocess_request", "process_response", "make_response",
    "handle_exception", "handle_user_exception", "handle_http_exception", "finalize_request", "create_url_adapter",
    "do_teardown_request", "do_teardown_appcontext", "raise_routing_exception", "request_context", "wsgi_app",
    "make_default_options_response", "ensure_sync", "log_exception", "trap_http_exception"]
for name in [*names, None]:
    for each in names if name is None else [name]:
        setattr(app, each, spy(each))
    for path, method in [("/", "GET"), ("/none", "GET"), ("/fail", "GET"), ("/", "OPTIONS"), ("/", "POST")]:
        if "ensure_sync" in vars(app):
            calls = []
        ask(path, method=method)
        if name in (None, "ensure_sync"):
            result[-1][-1] = [call for call in result[-1][-1] if call != "ensure_sync"]
    for each in names if name is None else [name]:
        delattr(app, each)
app.view_functions["home"] = lambda: "replaced"
ask()
app.before_request_funcs.setdefault(None, []).append(lambda: calls.append("before"))
ask()
app.after_request_funcs = {None: [lambda response: framework.Response("after")]}
ask()
app.error_handler_spec[None][None][ValueError] = lambda error: "value"
ask("/fail")
with mock.patch.object(App, "dispatch_request", lambda self: "patched"):
    ask()
ask()
"""
    )
    assert len(replies) > 100


class _ForeignMap(werkzeug.routing.Map):
    """A map as programs for Flask subclass it."""


@pytest.mark.parametrize("set_on", ["instance", "class"])
def test_a_map_of_werkzeugs_own_class(set_on: str) -> None:
    """A program may bring such a map, with rules of costrel and of its own; it works, without the short way."""
    members = {"url_map_class": _ForeignMap} if set_on == "class" else {}
    app: Any = type("Program", (App,), members)("program")
    if set_on == "instance":
        app.url_map = _ForeignMap()
    app.add_url_rule("/user/<int:id>/", "user", lambda id: f"{id} {app.url_for('user', id=2)}")
    app.url_map.add(werkzeug.routing.Rule("/plain", endpoint="plain"))
    app.view_functions["plain"] = lambda: "plain"
    client = app.test_client()
    assert client.get("/user/1/").text == "1 /user/2/"
    assert client.get("/user/1").headers["Location"] == "http://localhost/user/1/"
    assert client.get("/plain").text == "plain"
    assert client.get("/none").status_code == 404
    assert {"GET", "OPTIONS"} <= {*client.post("/user/1/").headers["Allow"].split(", ")}
    assert client.options("/user/1/").status_code == 200
