"""The application object: what its constructor takes, what it registers, and which of its parts may be replaced."""

from __future__ import annotations

import abc
import ast
import gc
import io
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import Aborter, HTTPException, InternalServerError, NotFound
from werkzeug.routing import BuildError
from werkzeug.wrappers import Response as WerkzeugResponse

import costrel
from costrel import App, Blueprint, Config, Request, Response, current_app, g, request, session
from costrel.context import _AppCtxGlobals
from costrel.routing import Map, Rule
from costrel.serialize import DefaultJSONProvider
from costrel.sessions import SecureCookieSessionInterface, SessionInterface
from costrel.templating import Environment
from costrel.testing import FlaskClient, FlaskCliRunner
from tests.support.environ import call, make_environ
from tests.support.frameworks import run_flask

HERE = Path(__file__)


def _behind(proxy: Any) -> Any:
    """Returns the object that a proxy stands for."""
    return proxy._get_current_object()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a static file and a template."""
    for name, text in {"static/note.txt": "a note", "files/note.txt": "other", "templates/page.html": "page"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


# What the constructor takes


def test_the_name_is_that_of_the_module() -> None:
    """The import name is the name, the root is the module's folder, and the folders lie below."""
    app = App(__name__)
    assert (app.import_name, app.name) == (__name__, __name__)
    assert Path(app.root_path) == HERE.parent
    assert app.template_folder == "templates"
    assert app.static_folder == str(HERE.parent / "static")
    assert app.static_url_path == "/static"
    assert repr(app) == f"<App {__name__!r}>"


@pytest.mark.parametrize(("file", "name"), [("/srv/shop.py", "shop"), (None, "__main__")])
def test_a_program_is_named_like_its_file(file: str | None, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs as ``__main__`` is named like the file; an interactive session has none."""
    main = sys.modules["__main__"]
    if file is None:
        monkeypatch.delattr(main, "__file__", raising=False)
    else:
        monkeypatch.setattr(main, "__file__", file, raising=False)
    assert App("__main__", root_path="/", instance_path="/instance").name == name


@pytest.mark.parametrize(
    ("options", "url", "text"),
    [
        ({}, "/static/note.txt", "a note"),
        ({"static_url_path": "/s"}, "/s/note.txt", "a note"),
        ({"static_url_path": "/s/"}, "/s/note.txt", "a note"),
        ({"static_url_path": ""}, "/note.txt", "a note"),
        ({"static_folder": "files"}, "/files/note.txt", "other"),
        ({"static_folder": Path("files")}, "/files/note.txt", "other"),
        ({"static_folder": "files", "static_url_path": "/a/b"}, "/a/b/note.txt", "other"),
    ],
)
def test_static_files_are_served(options: dict[str, Any], url: str, text: str, folder: Path) -> None:
    """The folder and the URL prefix can be chosen, each as a text, the folder also as a path."""
    app = App("program", root_path=str(folder), **options)
    assert app.test_client().get(url).text == text
    with app.test_request_context():
        assert app.url_for("static", filename="note.txt") == url


def test_without_a_static_folder_there_is_no_static_route(folder: Path) -> None:
    """``static_folder=None`` leaves the endpoint out."""
    app = App("program", root_path=str(folder), static_folder=None)
    assert not app.has_static_folder
    assert "static" not in app.view_functions
    assert app.test_client().get("/static/note.txt").status_code == 404


def test_the_static_host(folder: Path) -> None:
    """With host matching, static files belong to one host, and rules may name others."""
    app = App("program", root_path=str(folder), host_matching=True, static_host="files.example")
    app.add_url_rule("/", "index", lambda: "shop", host="shop.example")
    client = app.test_client()
    urls = ["http://files.example/static/note.txt", "http://shop.example/static/note.txt", "http://shop.example/"]
    assert app.url_map.host_matching
    assert [client.get(url).status_code for url in urls] == [200, 404, 200]


@pytest.mark.parametrize("options", [{"static_host": "files.example"}, {"host_matching": True}])
def test_static_host_and_host_matching_belong_together(options: dict[str, Any]) -> None:
    """Either alone is refused, unless there are no static files."""
    with pytest.raises(AssertionError, match="Invalid static_host/host_matching combination"):
        App("program", **options)
    assert App("program", static_folder=None, **options).url_map.host_matching is options.get("host_matching", False)


def test_subdomain_matching() -> None:
    """Rules may belong to subdomains of ``SERVER_NAME``; without the option a subdomain is no matter."""
    for matching, expected in [(True, [404, 200]), (False, [404, 404])]:
        app = App("program", subdomain_matching=matching)
        app.config["SERVER_NAME"] = "shop.example"
        app.add_url_rule("/", "index", lambda: "", subdomain="api")
        client = app.test_client()
        assert app.subdomain_matching is matching
        found = [
            client.get("/", base_url=url).status_code for url in ("http://shop.example", "http://api.shop.example")
        ]
        assert found == expected


@pytest.mark.parametrize("template_folder", ["pages", Path("pages"), None])
def test_the_template_folder(template_folder: Any, tmp_path: Path) -> None:
    """Templates lie in the folder below the root; None means there are none."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("found")
    app = App("program", root_path=str(tmp_path), template_folder=template_folder)
    with app.app_context():
        if template_folder is None:
            with pytest.raises(Exception, match=r"a\.html"):
                costrel.render_template("a.html")
        else:
            assert costrel.render_template("a.html") == "found"


def test_the_instance_path(tmp_path: Path) -> None:
    """It is found beside the package unless given, and holds the config files if asked to."""
    found = App(__name__)
    assert found.instance_path == found.auto_find_instance_path() == str(HERE.parents[1] / "instance")
    given = App("program", instance_path=str(tmp_path), instance_relative_config=True)
    assert given.instance_path == given.config.root_path == str(tmp_path)
    assert App("program", instance_path=str(tmp_path), root_path="/srv").config.root_path == "/srv"
    with pytest.raises(ValueError, match=r"must be absolute.*'instance'"):
        App("program", instance_path="instance")


@pytest.mark.parametrize(
    ("mode", "encoding", "content"), [("b", "utf-8", b"gr\xfcn"), ("", "latin-1", "grün"), ("t", "latin-1", "grün")]
)
def test_instance_resources(mode: str, encoding: str, content: Any, tmp_path: Path) -> None:
    """Files of the instance folder can be written and read, as bytes or text."""
    app = App("program", instance_path=str(tmp_path))
    with app.open_instance_resource("colour", f"w{mode}", encoding) as file:
        file.write(content)
    assert (tmp_path / "colour").read_bytes() == b"gr\xfcn"
    with app.open_instance_resource("colour", f"r{mode}", encoding) as file:
        assert file.read() == content


def test_a_text_of_the_instance_folder_is_utf_8(tmp_path: Path) -> None:
    """Without an encoding a text file is UTF-8, whatever the machine's default."""
    app = App("program", instance_path=str(tmp_path))
    with app.open_instance_resource("colour", "w") as file:
        file.write("grün")
    assert (tmp_path / "colour").read_bytes() == "grün".encode()


# The config and its defaults

#: The settings whose default is safer than Flask's.
SAFER = {"DEFAULT_HEADERS", "MAX_CONTENT_LENGTH", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SECURE"}


def test_the_defaults_are_flasks_or_safer() -> None:
    """There is each setting that Flask has; only the ones that make it safer differ, or have no name in Flask."""
    flasks = run_flask("result = {name: repr(value) for name, value in App.default_config.items()}")
    ours = {name: repr(value) for name, value in App.default_config.items()}
    assert flasks.keys() - ours.keys() == set()
    assert {name for name, value in ours.items() if flasks.get(name) != value} - SAFER == (
        ours.keys() - flasks.keys() - SAFER
    )
    assert {name for name, value in flasks.items() if ours[name] != value} == SAFER - {"DEFAULT_HEADERS"}


def test_the_safer_defaults() -> None:
    """A new application limits bodies, protects its cookie, and has browsers keep to the type of a file."""
    config = App("program").config
    assert config["MAX_CONTENT_LENGTH"] == 16 * 1024 * 1024
    assert config["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert config["SESSION_COOKIE_SECURE"] is None
    assert config["SESSION_COOKIE_HTTPONLY"] is True
    assert config["DEFAULT_HEADERS"] == {"X-Content-Type-Options": "nosniff"}


def test_the_defaults_of_one_application_are_its_own() -> None:
    """Changing a setting changes neither the class nor another application."""
    one, other = App("one"), App("other")
    one.config["SESSION_COOKIE_NAME"] = "one"
    assert (other.config["SESSION_COOKIE_NAME"], App.default_config["SESSION_COOKIE_NAME"]) == ("session", "session")
    with pytest.raises(TypeError):
        App.default_config["SESSION_COOKIE_NAME"] = "one"


@pytest.mark.parametrize(
    ("attribute", "setting", "value"),
    [("testing", "TESTING", True), ("secret_key", "SECRET_KEY", "key"), ("debug", "DEBUG", True)],
)
def test_attributes_for_settings(attribute: str, setting: str, value: Any) -> None:
    """Some settings are attributes too, either of which changes both."""
    app = App("program")
    setattr(app, attribute, value)
    assert app.config[setting] == value
    app.config[setting] = not value
    assert getattr(app, attribute) is (not value)


@pytest.mark.parametrize("value", [timedelta(minutes=2), 120])
def test_the_session_lifetime_is_a_timedelta(value: Any) -> None:
    """It may be set as a number of seconds."""
    app = App("program")
    app.config["PERMANENT_SESSION_LIFETIME"] = value
    assert app.permanent_session_lifetime == timedelta(minutes=2)


@pytest.mark.parametrize(("variable", "debug"), [("1", True), ("0", False), (None, False)])
def test_debug_mode_comes_from_the_environment(
    variable: str | None, debug: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``COSTREL_DEBUG`` sets it for applications made from then on."""
    if variable is not None:
        monkeypatch.setenv("COSTREL_DEBUG", variable)
    assert App("program").debug is debug


@pytest.mark.parametrize(("setting", "reloads"), [(None, True), (False, False)])
def test_debug_mode_reloads_templates(setting: bool | None, reloads: bool) -> None:
    """Turning it on has an environment that is there already read changed templates, unless a setting says not to."""
    app = App("program")
    app.config["TEMPLATES_AUTO_RELOAD"] = setting
    assert app.jinja_env.auto_reload is False
    app.debug = True
    assert app.jinja_env.auto_reload is reloads


def test_debug_mode_makes_no_environment() -> None:
    """Setting it before any template is used does not import jinja2's environment for it."""
    app = App("program")
    app.debug = True
    assert "jinja_env" not in vars(app)


# What may be replaced


class OwnRequest(Request):
    """A request that a program made its own."""


class OwnResponse(Response):
    """A response that a program made its own."""

    default_mimetype = "text/plain"


class OwnRule(Rule):
    """A rule that a program made its own."""


class OwnMap(Map):
    """A map that a program made its own."""


class OwnConfig(Config):
    """A config that a program made its own."""


class OwnGlobals(_AppCtxGlobals):
    """What is behind ``g`` in a program."""


class OwnProvider(DefaultJSONProvider):
    """A JSON provider that a program made its own."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return "dumped"


class OwnAborter(Aborter):
    """An aborter that a program made its own."""


class OwnClient(FlaskClient):
    """A client that a program made its own."""


class OwnRunner(FlaskCliRunner):
    """A runner that a program made its own."""


class OwnEnvironment(Environment):
    """A Jinja environment that a program made its own."""


class OwnSessions(SecureCookieSessionInterface):
    """A session interface that a program made its own."""


class OwnApp(App):
    """An application with each class replaced."""

    request_class = OwnRequest
    response_class = OwnResponse
    url_rule_class = OwnRule
    url_map_class = OwnMap
    config_class = OwnConfig
    app_ctx_globals_class = OwnGlobals
    json_provider_class = OwnProvider
    aborter_class = OwnAborter
    test_client_class = OwnClient
    test_cli_runner_class = OwnRunner
    jinja_environment = OwnEnvironment
    jinja_options = {"trim_blocks": True}
    session_interface = OwnSessions()


def test_each_class_can_be_replaced() -> None:
    """A subclass names the classes that it wants, and they are used."""
    app = OwnApp(__name__)
    app.add_url_rule("/", "index", lambda: {"request": type(_behind(request)).__name__})
    response = app.test_client().get("/")
    assert response.get_data() == b"dumped\n"
    assert isinstance(response, OwnResponse)
    assert [type(thing) for thing in (app.url_map, app.config, app.json, app.aborter, app.session_interface)] == [
        *(OwnMap, OwnConfig, OwnProvider, OwnAborter, OwnSessions)
    ]
    assert {type(rule) for rule in app.url_map.iter_rules()} == {OwnRule}
    assert [type(app.test_client()), type(app.test_cli_runner()), type(app.jinja_env)] == [
        *(OwnClient, OwnRunner, OwnEnvironment)
    ]
    assert app.jinja_env.trim_blocks is True
    with app.test_request_context():
        assert isinstance(_behind(g), OwnGlobals)
        assert isinstance(_behind(request), OwnRequest)
        assert type(app.make_response("")) is OwnResponse


def test_the_parts_are_the_shipped_ones_otherwise() -> None:
    """Without a subclass, each part is costrel's own."""
    app = App("program")
    assert [type(part) for part in (app.url_map, app.config, app.json, app.aborter, app.session_interface)] == [
        *(Map, Config, DefaultJSONProvider, Aborter, SecureCookieSessionInterface)
    ]
    assert app.jinja_environment is Environment
    assert isinstance(app.session_interface, SessionInterface)
    assert (app.test_client_class, app.test_cli_runner_class) == (None, None)
    assert [type(app.test_client()), type(app.test_cli_runner())] == [FlaskClient, FlaskCliRunner]


def test_an_instance_may_replace_a_class() -> None:
    """Setting a class on the instance holds from the next request on."""
    app = App("program")
    app.add_url_rule("/", "index", lambda: type(_behind(request)).__name__)
    client = app.test_client()
    assert client.get("/").text == "Request"
    app.request_class = OwnRequest
    assert client.get("/").text == "OwnRequest"
    app.response_class = OwnResponse
    assert client.get("/").mimetype == "text/plain"
    del app.request_class
    assert client.get("/").text == "Request"


def test_each_part_is_made_by_a_method() -> None:
    """What the constructor and first use make, a subclass can make in its own way."""

    class Made(App):
        def make_config(self, instance_relative: bool = False) -> Config:
            config = super().make_config(instance_relative)
            config["MADE"] = instance_relative
            return config

        def make_aborter(self) -> Aborter:
            return Aborter(extra={700: NotFound})

        def auto_find_instance_path(self) -> str:
            return "/made"

        def create_jinja_environment(self) -> Environment:
            environment = super().create_jinja_environment()
            environment.globals["made"] = "yes"
            return environment

        def create_global_jinja_loader(self) -> Any:
            loader = super().create_global_jinja_loader()
            loaders.append(loader)
            return loader

        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return filename != "page.html"

    loaders: list[Any] = []
    app = Made("program", instance_relative_config=True)
    assert app.config["MADE"] is True
    assert app.instance_path == app.config.root_path == "/made"
    assert app.jinja_env.globals["made"] == "yes"
    assert app.jinja_env.loader is loaders[0]
    assert callable(app.jinja_env.autoescape)
    assert [app.jinja_env.autoescape(name) for name in ("page.html", "page.txt")] == [False, True]
    with pytest.raises(NotFound), app.app_context():
        costrel.abort(700)


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        *[("a.html", True), ("a.htm", True), ("a.xml", True), ("a.xhtml", True), ("a.svg", True), (None, True)],
        *[("a.txt", False), ("html", False), ("a.HTML", False)],
    ],
)
def test_which_templates_are_escaped(name: str | None, escaped: bool) -> None:
    """HTML, XML and SVG files are, and templates without a file name."""
    assert App("program").select_jinja_autoescape(name) is escaped


@pytest.mark.parametrize("base_first", [True, False])
def test_a_subclass_may_be_abstract(base_first: bool) -> None:
    """An application class goes together with an abstract base class, in either order."""

    class Service(abc.ABC):
        @abc.abstractmethod
        def title(self) -> str:
            """Returns the title."""

    bases: tuple[type, ...] = (Service, App) if base_first else (App, Service)
    incomplete: Any = types.new_class("Incomplete", bases)
    complete: Any = type(incomplete)("Complete", (incomplete,), {"title": lambda self: "title"})
    with pytest.raises(TypeError, match="abstract"):
        incomplete("program")
    app = complete("program")
    app.add_url_rule("/", "index", app.title)
    assert app.test_client().get("/").text == "title"
    assert isinstance(app, Service)


def test_methods_may_be_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method replaced on the instance or on the class is called from the next request on, and no more when undone."""
    app = App("program")
    app.add_url_rule("/", "index", lambda: "view")
    client = app.test_client()
    assert client.get("/").text == "view"
    with monkeypatch.context() as patch:
        patch.setattr(app, "dispatch_request", lambda: "instance")
        assert client.get("/").text == "instance"
    assert client.get("/").text == "view"
    with monkeypatch.context() as patch:
        patch.setattr(App, "dispatch_request", lambda self: "class")
        assert client.get("/").text == "class"
    assert client.get("/").text == "view"
    with monkeypatch.context() as patch:
        patch.setitem(app.view_functions, "index", lambda: "function")
        assert client.get("/").text == "function"
    assert client.get("/").text == "view"


def test_middleware_wraps_the_wsgi_app() -> None:
    """``app.wsgi_app = Middleware(app.wsgi_app)`` changes what servers and clients get, and the app stays the app."""
    app = App("program")
    app.add_url_rule("/inner", "index", lambda: current_app.name)

    class Prefix:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __call__(self, environ: Any, start_response: Any) -> Any:
            environ["PATH_INFO"] = "/inner"
            return [b"<", *self.inner(environ, start_response), b">"]

    app.wsgi_app = Prefix(app.wsgi_app)  # type: ignore[method-assign]
    assert call(app, make_environ("/outer")).read() == b"<program>"
    assert app.test_client().get("/outer").get_data() == b"<program>"


# Registering


def test_views_are_registered_by_decorator_and_by_call() -> None:
    """The endpoint is the function's name unless given; several rules may lead to one endpoint."""
    app = App("program", static_folder=None)

    @app.route("/a")
    @app.route("/b", endpoint="other")
    @app.route("/c", methods=["POST"])
    def view() -> str:
        return request.method

    app.add_url_rule("/d", view_func=view)
    rules = {rule.rule: rule.endpoint for rule in app.url_map.iter_rules()}
    assert rules == {"/a": "view", "/b": "other", "/c": "view", "/d": "view"}
    assert app.view_functions == {"view": view, "other": view}
    assert app.test_client().post("/c").text == "POST"


@pytest.mark.parametrize(
    ("methods", "attributes", "expected"),
    [
        (None, {}, {"GET", "HEAD", "OPTIONS"}),
        (["post"], {}, {"POST", "OPTIONS"}),
        (("GET",), {}, {"GET", "HEAD", "OPTIONS"}),
        ([], {"required_methods": ["PATCH"]}, {"PATCH", "OPTIONS"}),
        (None, {"methods": ["put"]}, {"PUT", "OPTIONS"}),
        (["GET"], {"methods": ["put"]}, {"GET", "HEAD", "OPTIONS"}),
        (["GET"], {"required_methods": ["PATCH"]}, {"GET", "HEAD", "PATCH", "OPTIONS"}),
        (["GET"], {"provide_automatic_options": False}, {"GET", "HEAD"}),
        (["OPTIONS"], {}, {"OPTIONS"}),
    ],
)
def test_methods_of_a_rule(methods: Any, attributes: dict[str, Any], expected: set[str]) -> None:
    """They come from the argument, else from the view's attributes; HEAD goes with GET, and OPTIONS is added."""
    app = App("program")

    def view() -> str:
        return ""

    vars(view).update(attributes)
    app.add_url_rule("/page", view_func=view, methods=methods)
    (rule,) = app.url_map.iter_rules("view")
    assert rule.methods == expected


@pytest.mark.parametrize(
    ("setting", "methods", "given", "attribute", "expected"),
    [
        (True, ["GET"], None, None, True),
        (True, ["OPTIONS"], None, None, False),
        (False, ["GET"], None, None, False),
        (False, ["GET"], True, None, True),
        (True, ["GET"], False, None, False),
        (True, ["GET"], None, False, False),
        (True, ["GET"], True, False, True),
    ],
)
def test_automatic_options(setting: bool, methods: list[str], given: Any, attribute: Any, expected: bool) -> None:
    """OPTIONS is answered by itself unless the argument, the view, the methods or the setting say otherwise."""
    app = App("program")
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = setting

    def view() -> str:
        return "own"

    if attribute is not None:
        view.provide_automatic_options = attribute  # type: ignore[attr-defined]
    app.add_url_rule("/page", view_func=view, methods=methods, provide_automatic_options=given)
    (rule,) = app.url_map.iter_rules("view")
    assert getattr(rule, "provide_automatic_options") is expected
    answer = app.test_client().options("/page")
    if expected and "OPTIONS" in (rule.methods or ()):
        assert answer.text == ""
        assert set(answer.headers["Allow"].split(", ")) == rule.methods
    elif "OPTIONS" in (rule.methods or ()):
        assert answer.text == "own"
    else:
        assert answer.status_code == 405


def test_methods_are_a_list() -> None:
    """A text in place of a list would mean its letters, so it is refused."""
    with pytest.raises(TypeError, match=r'methods=\["POST"\]'):
        App("program").add_url_rule("/", "index", lambda: "", methods="POST")


def test_a_rule_needs_a_view_or_an_endpoint() -> None:
    """Neither is an error that names the line."""
    with pytest.raises(AssertionError, match=rf"expected view func.*{HERE.name}:\d+"):
        App("program").add_url_rule("/")


def _line_of(function: Callable[..., Any], text: str) -> int:
    """Returns the line of this file where a text stands within a function."""
    for node in ast.walk(ast.parse(HERE.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            lines = HERE.read_text().splitlines()[node.lineno - 1 : node.end_lineno]
            return node.lineno + next(number for number, line in enumerate(lines) if text in line)
    raise LookupError(function.__name__)


def test_a_taken_endpoint_names_both_places() -> None:
    """A second view for an endpoint is refused, and the message says where the first one is and who wants it now."""
    app = App("program")

    @app.route("/first")
    def page() -> str:
        return "first"

    first = page

    with pytest.raises(AssertionError, match="overwriting an existing endpoint function: page") as raised:

        @app.route("/second", endpoint="page")
        def another() -> str:
            return "second"

    function = test_a_taken_endpoint_names_both_places
    text = str(raised.value)
    assert f"{HERE}:{_line_of(function, '@app.route(' + repr('/first').replace(chr(39), chr(34)))}" in text
    assert f"{HERE}:{_line_of(function, '@app.route(' + repr('/second').replace(chr(39), chr(34)))}" in text
    assert "endpoint='another_name'" in text
    # Nothing of the refused rule is left.
    assert [rule.rule for rule in app.url_map.iter_rules("page")] == ["/first"]
    assert app.view_functions["page"] is first


def test_a_taken_endpoint_of_a_view_without_code() -> None:
    """A callable object has no line; the message goes without."""

    class Page:
        def __call__(self) -> str:
            return "page"

    app = App("program")
    app.add_url_rule("/", "page", Page())
    with pytest.raises(AssertionError, match=r"function: page\. Rename the view in"):
        app.add_url_rule("/other", "page", Page())


def test_the_same_view_may_have_several_rules() -> None:
    """An endpoint that is registered again with an equal view is no mistake; a bound method is equal to itself."""

    class Pages:
        def page(self) -> str:
            return "page"

    pages, app = Pages(), App("program")
    app.add_url_rule("/a", "page", pages.page)
    app.add_url_rule("/b", "page", pages.page)
    assert [app.test_client().get(path).text for path in ("/a", "/b")] == ["page", "page"]


LATE: list[tuple[str, Callable[[App], Any]]] = [
    ("add_url_rule", lambda app: app.add_url_rule("/late", "late", lambda: "")),
    ("route", lambda app: app.route("/late")),
    ("get", lambda app: app.get("/late")),
    ("endpoint", lambda app: app.endpoint("late")),
    ("before_request", lambda app: app.before_request(lambda: None)),
    ("after_request", lambda app: app.after_request(lambda response: response)),
    ("teardown_request", lambda app: app.teardown_request(lambda error: None)),
    ("teardown_appcontext", lambda app: app.teardown_appcontext(lambda error: None)),
    ("context_processor", lambda app: app.context_processor(dict)),
    ("url_defaults", lambda app: app.url_defaults(lambda endpoint, values: None)),
    ("url_value_preprocessor", lambda app: app.url_value_preprocessor(lambda endpoint, values: None)),
    ("errorhandler", lambda app: app.errorhandler(404)),
    ("register_error_handler", lambda app: app.register_error_handler(404, lambda error: "")),
    ("register_blueprint", lambda app: app.register_blueprint(Blueprint("late", __name__))),
    ("shell_context_processor", lambda app: app.shell_context_processor(dict)),
    ("template_filter", lambda app: app.template_filter("late")),
    ("template_test", lambda app: app.template_test()),
    ("template_global", lambda app: app.template_global(len)),
    ("add_template_filter", lambda app: app.add_template_filter(len)),
    ("add_template_test", lambda app: app.add_template_test(callable)),
    ("add_template_global", lambda app: app.add_template_global(len)),
]


@pytest.mark.parametrize(("name", "register"), LATE, ids=[name for name, _ in LATE])
def test_registering_late_names_the_line(name: str, register: Callable[[App], Any]) -> None:
    """After the first request it is refused, with the name of the method, the line to move, and where to."""
    app = App("program")
    register(app)
    app = App("program")
    call(app, make_environ()).read()
    with pytest.raises(AssertionError) as raised:
        register(app)
    text = str(raised.value)
    assert f"The setup method '{name}' can no longer be called" in text
    line = next(number for number, line in enumerate(HERE.read_text().splitlines(), 1) if f'    ("{name}", ' in line)
    assert f"Move the call in {HERE}:{line} to where the application is made" in text


def test_tables_may_be_assigned() -> None:
    """A plain list or dict in place of a table is noticed, and two applications may be given the same one."""
    one, other = App("one"), App("other")
    for app in (one, other):
        app.add_url_rule("/", "index", lambda: "view")
        app.testing = True
        assert app.test_client().get("/").text == "view"
    hooks: dict[str | None, list[Any]] = {None: [lambda: "hook"]}
    one.before_request_funcs = hooks
    other.before_request_funcs = one.before_request_funcs
    assert [app.test_client().get("/").text for app in (one, other)] == ["hook", "hook"]
    other.before_request_funcs[None].clear()
    assert other.test_client().get("/").text == "view"


# Templates and shell


@pytest.mark.parametrize(("kind", "table"), [("filter", "filters"), ("test", "tests"), ("global", "globals")])
def test_template_functions(kind: str, table: str) -> None:
    """Filters, tests and globals are registered with and without parentheses and name, and by a plain call."""
    app = App("program")
    decorator, add = getattr(app, f"template_{kind}"), getattr(app, f"add_template_{kind}")

    def bare(value: str = "") -> str:
        return value

    def empty(value: str = "") -> str:
        return value

    def named(value: str = "") -> str:
        return value

    assert decorator(bare) is bare
    assert decorator()(empty) is empty
    assert decorator("by_position")(named) is named
    assert decorator(name="by_keyword")(named) is named
    add(named)
    add(named, "added")
    found = getattr(app.jinja_env, table)
    expected = {"bare": bare, "empty": empty, **dict.fromkeys(("by_position", "by_keyword", "named", "added"), named)}
    assert {name: found[name] for name in expected} == expected


def test_template_functions_work_in_templates(app: App) -> None:
    """What was registered is used under its name."""
    app.add_template_filter(lambda text: text[::-1], "backwards")
    app.add_template_test(lambda number: number > 9, "large")
    app.add_template_global(lambda: "answer", "ask")
    source = "{{ 'abc'|backwards }} {{ 10 is large }} {{ ask() }}"
    with app.app_context():
        assert costrel.render_template_string(source) == "cba True answer"


def test_the_shell_context() -> None:
    """A shell starts with the application, ``g``, and what the processors add."""
    app = App("program")
    first, second = (lambda: {"one": 1}), (lambda: {"two": 2, "g": None})
    assert app.shell_context_processor(first) is first
    app.shell_context_processor(second)
    assert app.make_shell_context() == {"app": app, "g": None, "one": 1, "two": 2}
    assert App("other").make_shell_context()["g"] is g


def test_update_template_context(app: App) -> None:
    """Processors add values, and those that are there already stay."""
    app.context_processor(lambda: {"a": "processor", "b": "processor"})
    values: dict[str, Any] = {"a": "given"}
    with app.app_context():
        app.update_template_context(values)
    assert (values["a"], values["b"]) == ("given", "processor")


def test_blueprints_are_listed_in_order() -> None:
    """``iter_blueprints`` gives them as they were registered."""
    app = App("program")
    parts = [Blueprint(name, __name__) for name in ("b", "a")]
    for part in parts:
        app.register_blueprint(part)
    assert list(app.iter_blueprints()) == parts
    assert app.blueprints == {"b": parts[0], "a": parts[1]}


def test_extensions_have_a_place() -> None:
    """Each application has its own dict for them, and lets them set attributes."""
    one: Any = App("one")
    one.extensions["database"] = object()
    one.database = "set"
    assert App("other").extensions == {}
    assert one.database == "set"


# Responses and URLs


def test_redirect_makes_a_response_of_the_application() -> None:
    """It has the location, the status, and the application's response class."""
    app = OwnApp("program")
    response = app.redirect("/elsewhere", 308)
    assert isinstance(response, OwnResponse)
    assert (response.status_code, response.location) == (308, "/elsewhere")
    assert app.redirect("/").status_code == 302


def test_url_for_is_a_method(app: App) -> None:
    """It takes the arguments of the function."""
    app.add_url_rule("/page/<name>", "page", lambda name: "")
    app.config["SERVER_NAME"] = "shop.example"
    with app.test_request_context():
        assert app.url_for("page", name="a", q="1", _anchor="top") == "/page/a?q=1#top"
    with app.app_context():
        assert app.url_for("page", name="a", _scheme="https") == "https://shop.example/page/a"


def test_url_build_errors_can_be_handled(app: App) -> None:
    """Handlers are asked in order; the first that returns a URL wins, one that raises BuildError replaces the error."""
    app.url_build_error_handlers.append(lambda error, endpoint, values: None)
    app.url_build_error_handlers.append(lambda error, endpoint, values: f"/{endpoint}/{values['n']}")
    with app.test_request_context():
        assert app.url_for("unknown", n=3) == "/unknown/3"
        app.url_build_error_handlers.pop()
        with pytest.raises(BuildError, match="unknown"):
            app.url_for("unknown")


def test_url_defaults_are_injected(app: App) -> None:
    """``inject_url_defaults`` runs what was registered for the endpoint."""
    app.url_defaults(lambda endpoint, values: values.setdefault("language", endpoint))
    values: dict[str, Any] = {}
    app.inject_url_defaults("page", values)
    assert values == {"language": "page"}


def test_the_url_adapter_can_be_replaced(app: App) -> None:
    """A subclass may bind the map in its own way."""

    class Bound(App):
        def create_url_adapter(self, request: Request | None) -> Any:
            return self.url_map.bind("bound.example", "/below")

    bound = Bound("program")
    bound.add_url_rule("/", "index", lambda: "")
    with bound.app_context():
        assert bound.url_for("index") == "http://bound.example/below/"


def test_a_response_is_made_of_what_views_return(app: App) -> None:
    """``make_response`` takes each form, and a response stays the same object."""
    with app.test_request_context():
        response = app.make_response(("text", 201, {"X-One": "1"}))
        assert (response.status_code, response.get_data(), response.headers["X-One"]) == (201, b"text", "1")
        assert app.make_response(response) is response


@pytest.mark.parametrize("value", ["text", b"text", ("text", 201), iter(["te", "xt"]), {"a": 1}, [1], Response("text")])
def test_a_response_is_made_without_a_request(value: Any) -> None:
    """Functions that run in a command or a test make responses too, with an application context or without."""
    app = App("program")
    with app.app_context():
        assert costrel.make_response(value).status_code in (200, 201)
    assert app.make_response(value).status_code in (200, 201)


def test_a_wsgi_application_is_no_response_without_a_request(app: App) -> None:
    """An application, or an error's page, needs the environ of a request: the error says how to have one."""
    for value in (app, WerkzeugResponse("text"), NotFound()):
        with app.app_context(), pytest.raises(RuntimeError, match=r"test_request_context\(\)"):
            app.make_response(value)


def test_default_options_response(app: App) -> None:
    """It lists the methods of the present URL."""
    app.add_url_rule("/page", "page", lambda: "", methods=["GET", "POST"])
    with app.test_request_context("/page", method="OPTIONS"):
        allowed = app.make_default_options_response().headers["Allow"]
    assert set(allowed.split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


# The life of a request, method by method


def test_the_methods_of_a_request_can_be_called(app: App) -> None:
    """In a request context each step can be taken by hand, in Flask's order."""
    steps: list[str] = []

    def note(step: str, result: Any = None) -> Any:
        steps.append(step)
        return result

    app.before_request(lambda: note("before"))
    app.after_request(lambda response: note("after", response))
    app.teardown_request(lambda error: note(f"teardown {error!r}"))
    app.teardown_appcontext(lambda error: note("end"))
    app.add_url_rule("/", "index", lambda: note("view", "text"))
    with app.test_request_context("/"):
        assert app.preprocess_request() is None
        value = app.dispatch_request()
        assert value == "text"
        response = app.process_response(app.make_response(value))
        assert isinstance(response, WerkzeugResponse)
        app.do_teardown_request()
        app.do_teardown_appcontext()
        assert steps == ["before", "view", "after", "teardown None", "end"]
        steps.clear()
        assert app.full_dispatch_request().get_data() == b"text"
        assert steps == ["before", "view", "after"]
        steps.clear()
        error = ValueError("seen")
        app.do_teardown_request(error)
    assert steps[0] == f"teardown {error!r}"


def test_full_dispatch_request_answers_early_and_on_errors(app: App) -> None:
    """A hook's return value stands for the view's, and a handled error for both."""
    app.before_request(lambda: "early" if "early" in request.args else None)
    app.register_error_handler(KeyError, lambda error: ("handled", 490))
    app.add_url_rule("/", "index", lambda: request.environ["missing"])
    with app.test_request_context("/?early=1"):
        assert app.full_dispatch_request().get_data() == b"early"
    with app.test_request_context("/"):
        assert app.full_dispatch_request().status_code == 490
    assert app._got_first_request


def test_finalizing_fails_loudly_once(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """An error of an after hook is raised, but while an error is being handled it is logged and the response stands."""

    def fail(response: Response) -> Response:
        raise ValueError("after")

    app.after_request(fail)
    with app.test_request_context("/"):
        with pytest.raises(ValueError, match="after"):
            app.finalize_request("text")
        assert caplog.records == []
        assert app.finalize_request("text", from_error_handler=True).get_data() == b"text"
    assert "Request finalizing failed with an error while handling an error" in caplog.text


def test_the_error_methods_can_be_called(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """HTTP errors are their own response unless handled, others are raised again, and unhandled ones become a 500."""
    app.testing = False
    app.register_error_handler(NotFound, lambda error: "no such page")
    missing, forbidden, problem = NotFound(), HTTPException(), ValueError("problem")
    with app.test_request_context("/"):
        assert app.handle_http_exception(missing) == "no such page"
        assert app.handle_http_exception(forbidden) is forbidden
        assert app.handle_user_exception(missing) == "no such page"
        with pytest.raises(ValueError, match="problem"):
            app.handle_user_exception(problem)
        assert app.handle_exception(problem).status_code == 500
        assert app.trap_http_exception(missing) is False
        assert app._find_error_handler(missing, []) is not None
        assert app._find_error_handler(InternalServerError(), []) is None
    assert "Exception on / [GET]" in caplog.text
    assert app.should_ignore_error(problem) is False


def test_an_error_in_a_handler_is_not_handled_again(app: App) -> None:
    """What a handler raises goes to the handler of 500 at once, and teardown functions get the first error."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    log: list[str] = []

    @app.errorhandler(Exception)
    def handle(error: Exception) -> tuple[str, int]:
        log.append(type(error).__name__)
        if not isinstance(error, InternalServerError):
            raise ValueError("in the handler")
        return "handled", 500

    def fail() -> str:
        raise KeyError

    app.add_url_rule("/fails", "fails", fail)
    app.add_url_rule("/post", "post", fail, methods=["POST"])
    app.teardown_request(lambda error: log.append(f"end {type(error).__name__}"))
    client = app.test_client()
    for path, first in (("/none", "NotFound"), ("/post", "MethodNotAllowed"), ("/fails", "KeyError")):
        log.clear()
        assert client.get(path).text == "handled"
        assert log == [first, "InternalServerError", "end ValueError"]


def test_teardown_is_told_the_error_of_the_request(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the handler of 500 fails too, the answer is a plain page, and teardown functions get the error before."""
    seen: list[BaseException | None] = []
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.errorhandler(500)
    def fail(error: Exception) -> str:
        raise ValueError("in the handler")

    app.add_url_rule("/", "index", lambda: request.environ["missing"])
    app.teardown_request(seen.append)
    assert app.test_client().get("/").status_code == 500
    monkeypatch.setattr(App, "contains_errors", False)
    with pytest.raises(ValueError, match="in the handler"):
        app.test_client().get("/")
    assert [type(error) for error in seen] == [KeyError, KeyError]


def test_a_routing_error_is_raised_by_a_method(app: App) -> None:
    """``raise_routing_exception`` raises what matching found; a subclass may do something else."""
    with app.test_request_context("/nowhere"):
        with pytest.raises(NotFound):
            app.raise_routing_exception(_behind(request))
        with pytest.raises(NotFound):
            app.dispatch_request()


def test_steps_of_a_request_need_one(app: App) -> None:
    """Without a request the error says how to have one, also with an application context."""
    for method in (app.preprocess_request, app.dispatch_request, lambda: app.make_response(NotFound())):
        with pytest.raises(RuntimeError, match="outside of request context"):
            method()
    with app.app_context(), pytest.raises(RuntimeError, match="outside of request context"):
        app.dispatch_request()


def test_log_exception_without_a_request(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """The error is logged also where there is no request to name."""
    try:
        raise ValueError("unseen")
    except ValueError:
        app.log_exception(sys.exc_info())
    assert "[-]" in caplog.text
    assert "ValueError: unseen" in caplog.text


def test_async_functions_are_made_synchronous(app: App) -> None:
    """``ensure_sync`` leaves functions alone and runs coroutine functions by the overridable ``async_to_sync``."""

    async def answer() -> str:
        return "42"

    def plain() -> int:
        return 1

    assert app.ensure_sync(plain) is plain
    assert app.ensure_sync(answer)() == "42"

    class Own(App):
        def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            return lambda: func.__name__

    own = Own("program")
    own.add_url_rule("/", "index", answer)
    assert own.test_client().get("/").text == "answer"


# Contexts, several applications, threads


def test_contexts_are_made_by_methods(app: App) -> None:
    """Each method gives a context that makes the application current, with the request where there is one."""
    with app.app_context() as context:
        assert context.app is app
        assert _behind(current_app) is app
        assert not costrel.has_request_context()
    with app.request_context(make_environ("/a")):
        assert request.path == "/a"
    with app.test_request_context("/b", method="POST", json={"n": 1}):
        assert (request.method, request.path, request.get_json()) == ("POST", "/b", {"n": 1})


def test_a_request_that_cannot_be_made_up_leaves_nothing_open(app: App) -> None:
    """The builder behind ``test_request_context`` closes the files of its form also when it fails."""

    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("cannot be read")

    file = Unreadable()
    with pytest.raises(OSError, match="cannot be read"):
        app.test_request_context("/", data={"file": (file, "a.txt")})
    assert file.closed


def test_two_applications_share_nothing() -> None:
    """Routes, hooks, config and sessions of one do not show in the other, also where one calls the other."""
    outer, inner = App("outer"), App("inner")
    for app in (outer, inner):
        app.secret_key = app.name
    seen: list[str] = []
    inner.before_request(lambda: seen.append(current_app.name))

    @inner.route("/")
    def inside() -> str:
        session["who"] = current_app.name
        return current_app.name

    @outer.route("/")
    def outside() -> str:
        before = current_app.name
        answer = inner.test_client().get("/").text
        return f"{before} {answer} {current_app.name} {dict(session)}"

    assert outer.test_client().get("/").text == "outer inner outer {}"
    assert seen == ["inner"]
    assert outer.view_functions["outside"] is outside
    assert "outside" not in inner.view_functions


def test_threads_do_not_mix_requests() -> None:
    """Many threads in one application each see their own request, ``g`` and session."""
    app = App("program")
    app.secret_key = "key"
    barrier = threading.Barrier(8)

    @app.route("/<int:n>")
    def view(n: int) -> str:
        g.n = session["n"] = n
        barrier.wait(10)
        return f"{g.n} {session['n']} {request.path}"

    answers: dict[int, str] = {}
    app.test_client()  # what it imports, is imported before the threads start

    def ask(n: int) -> None:
        answers[n] = app.test_client().get(f"/{n}").text

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: f"{n} {n} /{n}" for n in range(8)}


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    """Turns garbage collection off, so that only reference counts free anything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _unused(app: App) -> None:
    """Leaves the application as it was made."""


def _with_routes(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "text")
    app.before_request(lambda: None)
    app.register_blueprint(Blueprint("part", "program"))


def _after_requests(app: App) -> None:
    _with_routes(app)
    call(app, make_environ("/")).read()
    call(app, make_environ("/none")).read()


@pytest.mark.usefixtures("_no_garbage_collection")
@pytest.mark.parametrize("use", [_unused, _with_routes])
def test_an_application_that_nobody_uses_is_freed_at_once(use: Callable[[App], None]) -> None:
    """There is no reference cycle that would keep it until garbage collection runs."""
    app = App("program")
    use(app)
    reference = weakref.ref(app)
    del app
    assert reference() is None


def test_an_application_that_has_served_is_freed() -> None:
    """What requests leave in memory does not keep the application."""
    app = App("program")
    _after_requests(app)
    reference = weakref.ref(app)
    del app
    gc.collect()
    assert reference() is None


def test_what_outlives_the_application_says_so(folder: Path) -> None:
    """A static view called after its application has gone is an error; changing its tables is none."""
    app = App("program", root_path=str(folder))
    view: Any = app.view_functions["static"]
    table = app.before_request_funcs
    del app
    gc.collect()
    with pytest.raises(RuntimeError, match="is gone"):
        view(filename="note.txt")
    table[None] = []
    assert table == {None: []}


# Serving


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("0.0.0.0", 80), {}),
        ((), {"debug": True, "load_dotenv": False, "use_reloader": False, "threaded": False}),
    ],
)
def test_run_calls_the_dev_server(
    arguments: tuple[Any, ...], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each argument reaches ``costrel.cli.run_app``; afterwards more may be registered."""
    calls: list[tuple[Any, ...]] = []

    def run_app(app: App, host: Any, port: Any, debug: Any = None, load_dotenv: bool = True, **options: Any) -> None:
        calls.append((app, host, port, debug, load_dotenv, options))
        call(app, make_environ()).read()

    monkeypatch.setattr("costrel.cli.run_app", run_app)
    app = App("program")
    app.run(*arguments, **options)
    host, port = arguments or (None, None)
    rest = {name: value for name, value in options.items() if name not in {"debug", "load_dotenv"}}
    assert calls == [(app, host, port, options.get("debug"), options.get("load_dotenv", True), rest)]
    app.add_url_rule("/later", "later", lambda: "later")
    assert app.test_client().get("/later").text == "later"


def test_run_that_fails_can_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the server reaches the caller, and registering is allowed again."""

    def run_app(app: App, *args: Any, **options: Any) -> None:
        call(app, make_environ()).read()
        raise OSError("the port is taken")

    monkeypatch.setattr("costrel.cli.run_app", run_app)
    app = App("program")
    with pytest.raises(OSError, match="taken"):
        app.run()
    assert not app._got_first_request
