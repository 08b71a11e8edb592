"""The guard refuses unsafe requests that pages of other sites have a browser send, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from costrel import App, Blueprint, Response, cross_origin_exempt, request_started
from costrel.cross_origin import CrossOriginGuard, CrossOriginRefused, is_exempt, make_guard
from costrel.views import MethodView
from tests.support.environ import call, make_environ
from tests.support.frameworks import run_as_flask

UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "post", "MADE-UP"]


def verdict(headers: dict[str, str], method: str = "POST", trusted: tuple[str, ...] = (), scheme: str = "https") -> str:
    """Returns what the guard does with a request to ``example.com``."""
    environ = make_environ(headers={"Host": "example.com", **headers})
    environ["wsgi.url_scheme"] = scheme
    try:
        CrossOriginGuard(trusted).check(environ, method)
    except CrossOriginRefused as error:
        assert error.code == 403
        return "refused"
    return "passes"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "passes"),
        ({"Sec-Fetch-Site": "same-origin"}, "passes"),
        ({"Sec-Fetch-Site": "none"}, "passes"),
        ({"Sec-Fetch-Site": "cross-site"}, "refused"),
        ({"Sec-Fetch-Site": "same-site"}, "refused"),
        ({"Sec-Fetch-Site": ""}, "refused"),
        ({"Sec-Fetch-Site": "same-origin, cross-site"}, "refused"),
        ({"Sec-Fetch-Site": "SAME-ORIGIN"}, "refused"),
        # The first header decides.
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://example.com"}, "refused"),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://attacker.example"}, "passes"),
        # Browsers without it.
        ({"Origin": "https://example.com"}, "passes"),
        ({"Origin": "https://EXAMPLE.com"}, "passes"),
        ({"Origin": "https://example.com:443"}, "passes"),
        ({"Origin": "https://example.com", "Host": "example.com:443"}, "passes"),
        ({"Origin": "https://example.com:8443", "Host": "example.com:8443"}, "passes"),
        ({"Origin": "https://[::1]:5000", "Host": "[::1]:5000"}, "passes"),
        ({"Origin": "https://attacker.example"}, "refused"),
        ({"Origin": "https://example.com:8443"}, "refused"),
        ({"Origin": "https://example.com.attacker.example"}, "refused"),
        ({"Origin": "https://www.example.com"}, "refused"),
        ({"Origin": "https://example.com@attacker.example"}, "refused"),
        ({"Origin": "https://attacker.example/example.com"}, "refused"),
        ({"Origin": "null"}, "refused"),
        ({"Origin": ""}, "refused"),
        ({"Origin": "example.com"}, "refused"),
        ({"Origin": "ftp://example.com"}, "refused"),
        ({"Origin": "https://example.com, https://attacker.example"}, "refused"),
        ({"Origin": "https://", "Host": ""}, "refused"),
        # Written by anybody on the way.
        ({"Origin": "http://example.com"}, "refused"),
    ],
)
def test_what_passes(headers: dict[str, str], expected: str) -> None:
    """The headers that browsers set decide, the newer one first."""
    assert [verdict(headers, method) for method in UNSAFE] == [expected] * len(UNSAFE)
    assert {verdict(headers, method) for method in ("GET", "HEAD", "OPTIONS", "TRACE", "get")} == {"passes"}


def test_a_page_may_come_over_tls_that_the_server_does_not_see() -> None:
    """Behind a proxy that ends TLS, an Origin of https is the site's own."""
    assert verdict({"Origin": "https://example.com"}, scheme="http") == "passes"


def test_a_request_without_host_is_not_the_sites_own() -> None:
    """An Origin has to equal a Host that is there."""
    environ = make_environ(headers={"Origin": "http://localhost"})
    del environ["HTTP_HOST"]
    with pytest.raises(CrossOriginRefused):
        CrossOriginGuard().check(environ, "POST")


@pytest.mark.parametrize(
    ("trusted", "origin", "expected"),
    [
        ("https://shop.example", "https://shop.example", "passes"),
        ("HTTPS://Shop.example:443", "https://shop.example", "passes"),
        ("https://shop.example:8443", "https://shop.example:8443", "passes"),
        ("https://shop.example", "https://shop.example:8443", "refused"),
        ("https://shop.example", "http://shop.example", "refused"),
        ("https://shop.example", "https://shop.example.attacker.example", "refused"),
        ("https://shop.example", "null", "refused"),
    ],
)
def test_trusted_origins_pass(trusted: str, origin: str, expected: str) -> None:
    """An origin on the list passes, whichever header has told that it is another one; nothing like it does."""
    assert verdict({"Origin": origin}, trusted=(trusted,)) == expected
    assert verdict({"Origin": origin, "Sec-Fetch-Site": "cross-site"}, trusted=(trusted,)) == expected


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "https://a@shop.example", "null", "*", "https://*.a.b", "", 5]
)
def test_what_is_no_origin_cannot_be_trusted(origin: Any) -> None:
    """A mistake in the list is an error that shows how to write it."""
    with pytest.raises(ValueError, match=r"TRUSTED_ORIGINS has .* Write scheme and host"):
        CrossOriginGuard([origin])


def test_one_text_is_no_list_of_origins() -> None:
    """A single origin in place of the list is an error, for its characters would be taken for origins."""
    with pytest.raises(ValueError, match=r"Write \['https://shop.example'\]"):
        CrossOriginGuard("https://shop.example")


@pytest.mark.parametrize("setting", [1, None, "off", "False", 0])
def test_unknown_modes_are_refused(setting: Any) -> None:
    """A setting that is neither on, off nor report is an error rather than a guess."""
    with pytest.raises(ValueError, match="must be True, False or 'report'"):
        make_guard(setting, None, print, False)
    assert make_guard(False, None, print, False) is None


def make_app(way: str) -> tuple[App, list[str]]:
    """Returns an app whose requests take the short or the long way, and the list of what has run."""
    app = App("program", static_folder=None, root_path="/")
    ran: list[str] = []
    outer = Blueprint("outer", "program", root_path="/")
    inner = Blueprint("inner", "program", root_path="/")
    cross_origin_exempt(outer)

    @app.before_request
    def before() -> None:
        ran.append("hook")

    @app.url_value_preprocessor
    def note(endpoint: str | None, values: Any) -> None:
        ran.append("values")

    @app.after_request
    def after(response: Response) -> Response:
        ran.append("after")
        return response

    def view() -> str:
        ran.append("view")
        return "done"

    @cross_origin_exempt
    def webhook() -> str:
        return "thanks"

    async def asynchronous() -> str:
        return "async"

    class Hook(MethodView):
        decorators = [cross_origin_exempt]

        def post(self) -> str:
            return "class"

    app.add_url_rule("/", "view", view, methods=["GET", "POST"])
    app.add_url_rule("/webhook", "webhook", webhook, methods=["POST"])
    app.add_url_rule("/async", "async", cross_origin_exempt(asynchronous), methods=["POST"])
    app.add_url_rule("/class", view_func=Hook.as_view("class"))
    outer.add_url_rule("/outer", "view", view, methods=["POST"])
    inner.add_url_rule("/inner", "view", view, methods=["POST"])
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    if way == "long":
        original = app.dispatch_request
        app.dispatch_request = lambda: original()  # type: ignore[method-assign]
    return app, ran


ATTACK = {"headers": {"Origin": "https://attacker.example", "Sec-Fetch-Site": "cross-site"}}
both_ways = pytest.mark.parametrize("way", ["short", "long"])


@both_ways
@pytest.mark.parametrize("path", ["/", "/no-such-page"])
def test_refused_before_any_hook(way: str, path: str) -> None:
    """The attack gets 403 with an explanation before a hook or the view runs; hooks for the response do run."""
    app, ran = make_app(way)
    answer = app.test_client().post(path, **ATTACK)
    assert (answer.status_code, ran) == (403, ["after"])
    assert "sent by a page of another site" in answer.text
    assert "TRUSTED_ORIGINS" not in answer.text
    assert app.test_client().get("/", **ATTACK).text == "done"


@both_ways
@pytest.mark.parametrize(
    ("path", "text"),
    [("/webhook", "thanks"), ("/async", "async"), ("/class", "class"), ("/outer", "done"), ("/inner", "done")],
)
def test_exempt_views_and_blueprints(way: str, path: str, text: str) -> None:
    """Views that are exempt, by themselves or with their blueprint, take requests of any site."""
    assert make_app(way)[0].test_client().post(path, **ATTACK).text == text


@both_ways
def test_exempting_takes_effect_at_once(way: str) -> None:
    """A view that is marked when requests are served already is exempt from then on."""
    app, _ = make_app(way)
    client = app.test_client()
    assert client.post("/", **ATTACK).status_code == 403
    cross_origin_exempt(app.view_functions["view"])
    assert client.post("/", **ATTACK).status_code == 200
    assert is_exempt(app.view_functions["view"])


@both_ways
def test_settings_take_effect_at_once(way: str) -> None:
    """Trusting an origin and turning the guard off hold for the next request."""
    app, _ = make_app(way)
    client = app.test_client()
    codes = [client.post("/", **ATTACK).status_code]
    for setting in ({"TRUSTED_ORIGINS": ["https://attacker.example"]}, {"TRUSTED_ORIGINS": None}):
        app.config.update(setting)
        codes.append(client.post("/", **ATTACK).status_code)
    app.config["CROSS_ORIGIN_PROTECTION"] = False
    codes.append(client.post("/", **ATTACK).status_code)
    assert codes == [403, 200, 403, 200]


@both_ways
def test_debug_mode_says_what_to_set(way: str) -> None:
    """In debug mode the answer names the headers and the two remedies, with the text escaped."""
    app, _ = make_app(way)
    app.debug = True
    text = app.test_client().post("/", **ATTACK).text
    for part in ("Sec-Fetch-Site is", "TRUSTED_ORIGINS", "https://attacker.example", "@cross_origin_exempt"):
        assert part in text
    odd = app.test_client().post("/", headers={"Origin": "<script>"}).text
    assert "<script>" not in odd
    assert "TRUSTED_ORIGINS" not in odd


@both_ways
def test_report_mode_only_logs(way: str, caplog: pytest.LogCaptureFixture) -> None:
    """In report mode the request passes and the log has what would have been refused."""
    app, _ = make_app(way)
    app.config["CROSS_ORIGIN_PROTECTION"] = "report"
    # Another test may have made the logger of that name silent.
    caplog.set_level("WARNING", logger=app.logger.name)
    assert app.test_client().post("/", **ATTACK).text == "done"
    assert app.test_client().post("/").text == "done"
    assert [record.getMessage() for record in caplog.records] == [
        "A cross-origin request was let through because CROSS_ORIGIN_PROTECTION is 'report':"
        " Sec-Fetch-Site is 'cross-site' and Origin is 'https://attacker.example'"
    ]


@both_ways
def test_error_handlers_answer_refusals(way: str) -> None:
    """A handler for 403 answers a refused request, as any other error."""
    app, _ = make_app(way)
    app.register_error_handler(403, lambda error: (f"no: {type(error).__name__}", 403))
    answer = app.test_client().post("/", **ATTACK)
    assert (answer.status_code, answer.text) == (403, "no: CrossOriginRefused")


def test_requests_with_listeners_are_guarded() -> None:
    """While somebody listens to signals, the guard holds as well."""
    app, ran = make_app("short")
    with request_started.connected_to(lambda sender, **_: None, app):
        assert app.test_client().post("/", **ATTACK).status_code == 403
    assert ran == ["after"]


def test_a_method_in_small_letters_is_guarded() -> None:
    """A server that passes the method on as it was sent does not open a way round."""
    app, ran = make_app("short")
    environ = make_environ(method="post", headers={"Sec-Fetch-Site": "cross-site"})
    reply = call(app, environ)
    assert reply.status_code == 403
    reply.close()
    assert ran == ["after"]


@pytest.mark.parametrize("make", [lambda: MethodView, lambda: [].append, lambda: 5])
def test_what_cannot_be_marked_is_refused(make: Callable[[], Any]) -> None:
    """Marking a class, or what takes no mark, is an error that says what to write."""
    with pytest.raises(TypeError, match="cross_origin_exempt"):
        cross_origin_exempt(make())


def test_as_flask_has_no_guard() -> None:
    """Under ``costrel.as_flask`` such requests reach the view, as with Flask."""
    source = """
from flask import Flask
app = Flask("program")
app.add_url_rule("/", "view", lambda: "done", methods=["POST"])
answer = app.test_client().post("/", headers={"Sec-Fetch-Site": "cross-site", "Origin": "null"})
result = [answer.status_code, answer.text]
"""
    assert run_as_flask(source) == [200, "done"]
