"""Tests of costrel.testing: the client, the environ builder and the runner of commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
import werkzeug
import werkzeug.test
from werkzeug.wrappers import Request as WerkzeugRequest

from costrel import App, Blueprint, Response, g, redirect, request, session, stream_with_context
from costrel.cli import ScriptInfo
from costrel.context import current_context
from costrel.sessions import SecureCookieSession, SessionInterface
from costrel.signals import appcontext_popped
from costrel.testing import EnvironBuilder, FlaskClient, FlaskCliRunner
from tests.support.frameworks import assert_same_as_flask

# EnvironBuilder


@pytest.mark.parametrize(
    ("settings", "arguments", "url"),
    [
        ({}, {}, "http://localhost/"),
        ({}, {"path": "/a?b=c"}, "http://localhost/a?b=c"),
        ({}, {"path": "/a?b=c", "query_string": {"d": "e"}}, None),
        ({}, {"path": "https://example.com:8443/a?b=c"}, "https://example.com:8443/a?b=c"),
        ({}, {"path": "//example.com/a"}, "http://example.com/a"),
        ({}, {"base_url": "https://example.com/root/", "path": "/a"}, "https://example.com/root/a"),
        ({}, {"url_scheme": "https"}, "https://localhost/"),
        ({"SERVER_NAME": "example.com:1234"}, {}, "http://example.com:1234/"),
        ({"SERVER_NAME": "example.com"}, {"subdomain": "api"}, "http://api.example.com/"),
        ({}, {"subdomain": "api", "url_scheme": "https"}, "https://api.localhost/"),
        ({"APPLICATION_ROOT": "/root"}, {"path": "/a"}, "http://localhost/root/a"),
        ({"PREFERRED_URL_SCHEME": "https"}, {}, "https://localhost/"),
        ({"PREFERRED_URL_SCHEME": "https"}, {"url_scheme": "http"}, "http://localhost/"),
    ],
)
def test_the_url_comes_from_arguments_and_settings(
    app: App, settings: dict[str, str], arguments: dict[str, Any], url: str | None
) -> None:
    """Path, subdomain, scheme and base URL are taken where they are given, else the settings."""
    app.config.update(settings)
    if url is None:
        with pytest.raises(ValueError, match="Query string"):
            EnvironBuilder(app, **arguments)
    else:
        assert EnvironBuilder(app, **arguments).get_request().url == url


@pytest.mark.parametrize("extra", [{"subdomain": "api"}, {"url_scheme": "https"}])
def test_a_base_url_excludes_its_parts(app: App, extra: dict[str, str]) -> None:
    """A base URL together with a subdomain or scheme is refused with an example."""
    with pytest.raises(AssertionError, match="base_url='https"):
        EnvironBuilder(app, base_url="http://localhost/", **extra)


def test_json_is_dumped_by_the_application(app: App) -> None:
    """The ``json`` argument goes through the application's provider and sets the content type."""
    app.json.ensure_ascii = False
    environ = EnvironBuilder(app, json="€").get_environ()
    assert environ["wsgi.input"].read().decode() == '"€"'
    assert environ["CONTENT_TYPE"] == "application/json"


# The client


@pytest.fixture
def shown(app: App) -> App:
    """The application with views that show what the client sent."""

    @app.route("/show", methods=["GET", "POST"])
    def show() -> dict[str, Any]:
        return {
            "url": request.url,
            "method": request.method,
            "agent": request.user_agent.string,
            "address": request.remote_addr,
            "form": request.form,
            "header": request.headers.get("X-Header"),
        }

    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/away")
    def away() -> Any:
        return redirect("/count")

    return app


def test_the_client_names_itself(shown: App) -> None:
    """Requests come from 127.0.0.1 and name werkzeug's version; ``environ_base`` changes that for all requests."""
    client = shown.test_client()
    assert type(client) is FlaskClient
    answer: Any = client.get("/show").json
    assert (answer["address"], answer["agent"]) == ("127.0.0.1", f"Werkzeug/{_werkzeug_version()}")
    client.environ_base.update(REMOTE_ADDR="10.0.0.1", HTTP_USER_AGENT="own")
    answer = client.get("/show").json
    assert (answer["address"], answer["agent"]) == ("10.0.0.1", "own")
    answer = client.get("/show", environ_base={"REMOTE_ADDR": "10.0.0.2"}).json
    assert (answer["address"], answer["agent"]) == ("10.0.0.2", "own")


def _werkzeug_version() -> str:
    from importlib.metadata import version

    return version("werkzeug")


def test_every_form_of_request_is_taken(shown: App) -> None:
    """``open`` takes a path, a builder, an environ or a request, and leaves what it was given as it was."""
    client = shown.test_client()
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    headers = [("X-Header", "h")]
    expected = {"url": "http://localhost/show?a=b", "method": "POST", "form": {"c": "d"}, "header": "h"}

    def builder() -> EnvironBuilder:
        return EnvironBuilder(shown, "/show?a=b", method="POST", data={"c": "d"}, headers=headers)

    plain = werkzeug.test.EnvironBuilder("/show?a=b", method="POST", data={"c": "d"}, headers=headers)
    forms: list[tuple[Any, dict[str, Any]]] = [
        ("/show?a=b", {"method": "POST", "data": {"c": "d"}, "headers": headers}),
        ("http://localhost/show?a=b", {"method": "POST", "data": {"c": "d"}, "headers": headers}),
        (builder(), {}),
        (plain, {}),
        (builder().get_environ(), {}),
        (builder().get_request(), {}),
        (WerkzeugRequest(builder().get_environ()), {}),
    ]
    for first, options in forms:
        answer: Any = client.open(first, **options).json
        assert {name: answer[name] for name in expected} == expected
        assert answer["address"] == "10.0.0.1"
    assert plain.environ_base is None


def test_extensions_get_a_request_without_sending_it(app: App) -> None:
    """Under Flask's name for it, Flask-SocketIO's test client asks for the request that the client would send."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    headers = {"X-Shop": "north"}
    built = client._request_from_builder_args(args=(), kwargs={"path": "/chat?from=shop", "headers": headers})
    with app.request_context(built.environ):
        assert request.full_path == "/chat?from=shop"
        assert request.headers["X-Shop"] == "north"
        assert request.remote_addr == "203.0.113.9"


def test_the_response_reads_json_with_the_applications_provider(shown: App) -> None:
    """``response.json`` goes through ``app.json``."""

    class Provider(type(shown.json)):  # type: ignore[misc]
        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return "loaded"

    shown.json = Provider(shown)
    assert shown.test_client().get("/show").json == "loaded"


def test_cookies_and_redirects(shown: App) -> None:
    """The client keeps cookies from one request to the next, and follows redirects when it is asked to."""
    client = shown.test_client()
    assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert client.get("/away").status_code == 302
    followed = client.get("/away", follow_redirects=True)
    assert (followed.text, followed.request.path, len(followed.history)) == ("4", "/count", 1)
    forgetful = shown.test_client(use_cookies=False)
    assert [forgetful.get("/count").text for _ in range(2)] == ["1", "1"]


def test_what_is_left_after_a_redirect(app: App) -> None:
    """In a ``with`` block, request and ``g`` are those of the last request that was followed to."""
    app.add_url_rule("/", "home", lambda: setattr(g, "home", 1) or "home")  # type: ignore[func-returns-value]
    app.add_url_rule("/away", "away", lambda: setattr(g, "away", 1) or redirect("/"))  # type: ignore[func-returns-value]
    with app.test_client() as client:
        client.get("/away", follow_redirects=True)
        assert (request.path, g.get("home"), g.get("away")) == ("/", 1, None)


def test_a_client_class_of_ones_own(app: App) -> None:
    """``test_client_class`` names the class of clients, which gets what ``test_client`` was given."""

    class Own(FlaskClient):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.token = kwargs.pop("token")
            super().__init__(*args, **kwargs)

    app.test_client_class = Own
    client = app.test_client(token="secret")
    assert isinstance(client, Own)
    assert client.token == "secret"


# Keeping the context


def test_the_context_stays_in_a_with_block(shown: App) -> None:
    """In a ``with`` block request and session of the last request can be looked at; after it they are gone."""
    client = shown.test_client()
    with client as entered:
        assert entered is client
        client.get("/count?a=b")
        assert (request.path, request.args["a"], session["count"]) == ("/count", "b", 1)
        client.post("/show", data={"c": "d"})
        assert (request.path, request.form["c"]) == ("/show", "d")
    assert current_context.get(None) is None
    client.get("/count")
    assert current_context.get(None) is None


def test_the_context_of_an_error_stays_too(app: App) -> None:
    """After an error page the context is that of the failed request, with a ``g`` of its own."""
    app.testing = False

    @app.get("/")
    def index() -> str:
        g.value = 42
        return ""

    @app.get("/error")
    def error() -> str:
        raise ValueError

    with app.test_client() as client:
        client.get("/")
        assert g.value == 42
        assert client.get("/error").status_code == 500
        assert not hasattr(g, "value")
        assert request.path == "/error"
    assert current_context.get(None) is None


def test_a_raised_error_leaves_its_context(app: App) -> None:
    """Where the error itself reaches the test, the next request or the end of the block cleans up."""

    @app.get("/error")
    def error() -> str:
        raise ValueError("raised")

    client = app.test_client()
    with client:
        with pytest.raises(ValueError, match="raised"):
            client.get("/error")
        assert client.get("/none").status_code == 404
        assert request.path == "/none"
    assert current_context.get(None) is None
    with client, pytest.raises(ValueError, match="raised"):
        client.get("/error")
    client.get("/none")
    assert current_context.get(None) is None


def test_teardown_runs_once_with_a_kept_context(app: App) -> None:
    """Keeping the context does not run the teardown functions a second time."""
    events: list[str] = []
    app.add_url_rule("/", "index", lambda: "")

    @app.teardown_request
    def of_request(error: BaseException | None) -> None:
        events.append(f"request {request.path}")

    @app.teardown_appcontext
    def of_app(error: BaseException | None) -> None:
        events.append("app")

    with app.test_client() as client:
        client.get("/")
        assert events == ["request /", "app"]
    assert events == ["request /", "app"]


def test_a_stream_is_read_within_the_block(app: App) -> None:
    """A streamed body and the kept context do not get in each other's way, whichever ends first."""

    @app.get("/")
    def index() -> Iterator[str]:
        def generate() -> Iterator[str]:
            yield request.path
            yield request.args["a"]

        return stream_with_context(generate())

    with app.test_client() as client:
        response = client.get("/?a=b")
        assert request.path == "/"
        assert response.text == "/b"
        assert request.args["a"] == "b"
        abandoned = client.get("/?a=c")
        assert request.args["a"] == "c"
    abandoned.close()
    assert current_context.get(None) is None


def test_a_context_around_the_client_is_untouched(shown: App) -> None:
    """A test may have a context of its own around the client's."""
    with shown.test_request_context("/own") as own:
        with shown.test_client() as client:
            client.get("/show")
            assert request.path == "/show"
        assert current_context.get() is own
        assert request.path == "/own"


def test_blocks_of_one_client_cannot_be_nested(app: App) -> None:
    """Entering a client twice is refused; one after the other is fine."""
    client = app.test_client()
    with client, pytest.raises(RuntimeError, match="Cannot nest client invocations"):
        client.__enter__()
    with client:
        assert client.get("/").status_code == 404


def test_one_context_is_popped_per_request(shown: App) -> None:
    """A JSON request through the client pops exactly one application context."""
    popped: list[Any] = []

    def receiver(sender: Any) -> None:
        popped.append(sender)

    with appcontext_popped.connected_to(receiver, shown):
        shown.test_client().post("/show", json={"a": 1})
    assert popped == [shown]


# Sessions


def test_the_session_can_be_changed(shown: App) -> None:
    """What is changed in the block is in the session of the next request, and the other way round."""
    client = shown.test_client()
    with client.session_transaction() as before:
        assert dict(before) == {}
        before["count"] = 41
    assert client.get("/count").text == "42"
    with client.session_transaction() as after:
        assert after["count"] == 42
        after.clear()
    assert client.get_cookie("session") is None


def test_a_session_transaction_leaves_the_context_alone(shown: App) -> None:
    """In the block the current request is still the one from before; an error in the block saves nothing."""
    client = shown.test_client()
    with shown.test_request_context("/own"):
        with client.session_transaction():
            assert request.path == "/own"
        with pytest.raises(ValueError), client.session_transaction() as changed:
            changed["count"] = 10
            raise ValueError
    assert client.get("/count").text == "1"


def test_a_session_may_depend_on_the_request(shown: App) -> None:
    """The arguments go to ``test_request_context``: a cookie for https is set for an https URL."""
    client = shown.test_client()
    with client.session_transaction(base_url="https://example.com/") as changed:
        changed["count"] = 1
    cookie = client.get_cookie("session", domain="example.com")
    assert cookie is not None
    assert cookie.secure is True


def test_a_session_transaction_needs_cookies(app: App) -> None:
    """A client without cookies has no session to change."""
    client = app.test_client(use_cookies=False)
    with pytest.raises(TypeError, match="Cookies are disabled"), client.session_transaction():
        pass


def test_a_session_transaction_needs_a_session(app: App) -> None:
    """Without a secret key there is no session to change, and the error says so."""
    app.secret_key = None
    with (
        pytest.raises(RuntimeError, match=r"did not open a session.*secret_key"),
        app.test_client().session_transaction(),
    ):
        pass


def test_a_null_session_is_not_saved(app: App) -> None:
    """A session interface that opens a null session is not asked to save it."""

    class Never(SessionInterface):
        null_session_class = SecureCookieSession  # type: ignore[assignment]

        def open_session(self, app: Any, request: Any) -> SecureCookieSession:
            return SecureCookieSession()

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            raise RuntimeError("saved")

    app.session_interface = Never()
    with app.test_client().session_transaction() as opened:
        opened["a"] = 1
    assert app.session_interface.is_null_session(opened)


def test_clients_on_subdomains(app: App) -> None:
    """A request to a subdomain reaches the blueprint that is registered for it."""
    app = App("test_app", root_path=app.root_path, subdomain_matching=True)
    app.config.update(SERVER_NAME="example.com:1234", APPLICATION_ROOT="/root")
    blueprint = Blueprint("company", __name__, subdomain="xxx")
    blueprint.add_url_rule("/", "index", lambda: request.url)
    app.register_blueprint(blueprint)
    assert app.test_client().get("/", subdomain="xxx").text == "http://xxx.example.com:1234/root/"


# Commands


@pytest.fixture
def commanding(app: App) -> App:
    """The application with a command that greets."""

    @app.cli.command("hello")
    @click.argument("name", default="World")
    def hello(name: str) -> None:
        click.echo(f"Hello, {name}!")

    return app


def test_commands_run_by_name_and_as_objects(commanding: App) -> None:
    """Without a command the application's group runs; arguments are a list or a text."""
    runner = commanding.test_cli_runner()
    assert type(runner) is FlaskCliRunner
    assert runner.invoke(args=["hello"]).output == "Hello, World!\n"
    assert runner.invoke(args="hello Ada").output == "Hello, Ada!\n"
    assert runner.invoke(commanding.cli.commands["hello"], ["Bob"]).output == "Hello, Bob!\n"
    assert runner.invoke(args=["none"]).exit_code == 2


def test_commands_load_the_application(app: App) -> None:
    """A command that needs the application gets the one under test, or that of the ``obj`` that is given."""
    loaded: list[str] = []

    @click.command()
    @click.pass_obj
    def show(info: ScriptInfo) -> None:
        loaded.append(info.load_app().name)

    other = App("other", root_path=app.root_path)
    runner = app.test_cli_runner()
    assert runner.invoke(show).exit_code == 0
    assert runner.invoke(show, obj=ScriptInfo(create_app=lambda: other)).exit_code == 0
    assert loaded == ["test_app", "other"]


def test_a_runner_class_of_ones_own(app: App) -> None:
    """``test_cli_runner_class`` names the class of runners, which gets what ``test_cli_runner`` was given."""

    class Own(FlaskCliRunner):
        pass

    app.test_cli_runner_class = Own
    runner = app.test_cli_runner(env={"A": "B"})
    assert isinstance(runner, Own)
    assert runner.env == {"A": "B"}


def test_responses_are_of_the_applications_class(shown: App) -> None:
    """A response of the client is an object of the application's response class too."""
    response = shown.test_client().get("/show")
    assert isinstance(response, Response)
    assert isinstance(response, werkzeug.test.TestResponse)


def test_the_client_does_what_flasks_does() -> None:
    """A program that tests itself gives the same results with Flask."""
    result = assert_same_as_flask(
        """
app = App("x", root_path=".")
app.config.update(SECRET_KEY="k", SERVER_NAME="example.com", APPLICATION_ROOT="/root", PREFERRED_URL_SCHEME="https")

@app.route("/<path:rest>", methods=["GET", "POST"])
def show(rest):
    r = framework.request
    framework.session["n"] = framework.session.get("n", 0) + 1
    return framework.jsonify(
        url=r.url, root=r.script_root, method=r.method, form=r.form,
        json=r.get_json(silent=True), n=framework.session["n"],
        host=r.host, agent=r.user_agent.string, cookies=sorted(r.cookies), ip=r.remote_addr)

result = []
client = app.test_client()
calls = [
    (("/a",), {}), (("/a?b=c",), {}), (("/a",), {"query_string": {"b": "ä c"}}), (("http://example.com/root/a",), {}),
    (("/a",), {"method": "POST", "data": {"x": "ü"}}), (("/a",), {"method": "POST", "json": [1]}),
    (("/a",), {"base_url": "http://example.com/other"}), (("/a",), {"url_scheme": "http"}),
    (("/a",), {"headers": {"User-Agent": "own"}}), (("/a",), {"environ_overrides": {"REMOTE_ADDR": "1.2.3.4"}}),
]
for args, kwargs in calls:
    result.append(client.open(*args, **kwargs).json)
with client.session_transaction() as session:
    result.append(dict(session))
    session["n"] = 100
with client:
    result.append(client.get("/a").json)
    result.append([framework.request.path, framework.session["n"], framework.g.get("x")])
result.append(framework.has_request_context())
with app.test_request_context("/q?w=e", method="POST", data={"x": "y"}):
    r = framework.request
    result.append([r.url, r.method, r.form, r.endpoint, r.view_args, framework.url_for("show", rest="z")])
"""
    )
    assert len(result) == 15
