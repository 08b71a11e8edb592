"""A mistake of the programmer raises an exception that says what was wrong, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound

import costrel
import costrel.views
from costrel import App
from costrel.routing import AnyConverter
from tests.support.environ import call, make_environ

HERE = Path(__file__).name


def _duplicate_endpoint(app: App) -> None:
    app.add_url_rule("/one", "page", lambda: "one")
    app.add_url_rule("/two", "page", lambda: "two")


def _no_leading_slash(app: App) -> None:
    app.add_url_rule("page", "page", lambda: "")


def _open_bracket(app: App) -> None:
    app.add_url_rule("/<page", "page", lambda page: "")


def _variable_twice(app: App) -> None:
    app.add_url_rule("/<a>/<a>", "page", lambda a: "")


def _unknown_converter(app: App) -> None:
    app.add_url_rule("/<number:n>", "page", lambda n: "")


def _no_view(app: App) -> None:
    app.add_url_rule("/page")


def _methods_as_text(app: App) -> None:
    app.add_url_rule("/page", "page", lambda: "", methods="POST")


def _no_methods(app: App) -> None:
    app.add_url_rule("/page", "page", lambda: "", methods=[])


def _host_without_host_matching(app: App) -> None:
    app.add_url_rule("/page", "page", lambda: "", host="shop.example")


def _choice_without_texts(app: App) -> None:
    app.add_url_rule("/<any():page>", "page", lambda page: "")


def _address_as_trusted_host(app: App) -> None:
    app.config["TRUSTED_HOSTS"] = ["https://example.com/"]
    call(app, make_environ()).read()


def _late_route(app: App) -> None:
    call(app, make_environ()).read()
    app.add_url_rule("/late", "late", lambda: "")


def _late_hook(app: App) -> None:
    call(app, make_environ()).read()
    app.before_request(lambda: None)


def _late_blueprint_route(app: App) -> None:
    blueprint = costrel.Blueprint("part", __name__)
    app.register_blueprint(blueprint)
    blueprint.add_url_rule("/late", "late", lambda: "")


def _blueprint_twice(app: App) -> None:
    app.register_blueprint(costrel.Blueprint("part", __name__))
    app.register_blueprint(costrel.Blueprint("part", __name__))


def _view_returns(value: Any) -> Callable[[App], None]:
    def mistake(app: App) -> None:
        app.add_url_rule("/page", "page", lambda: value)
        call(app, make_environ("/page")).read()

    return mistake


def _in_view(function: Callable[[], Any]) -> Callable[[App], None]:
    def mistake(app: App) -> None:
        app.add_url_rule("/page", "page", function)
        call(app, make_environ("/page")).read()

    return mistake


def _no_secret_key() -> str:
    costrel.session["a"] = 1
    return ""


def _secret_key_taken_away() -> str:
    costrel.current_app.secret_key = "a key"
    costrel.session["a"] = 1
    costrel.current_app.secret_key = None
    return ""


def _outside_of_context(app: App) -> None:
    str(costrel.request.path)


def _unknown_error_code(app: App) -> None:
    app.register_error_handler(999, lambda error: "")


#: The mistake, the exception, and what its text has to name: the thing, where it is, what to do.
MISTAKES: list[tuple[Callable[[App], None], type[Exception], list[str]]] = [
    (_duplicate_endpoint, AssertionError, ["page", "endpoint", HERE]),
    (_no_leading_slash, ValueError, ["'page'", "'/page'"]),
    (_open_bracket, ValueError, ["'/<page'"]),
    (_variable_twice, ValueError, ["'a'", "/<a>/<a>"]),
    (_unknown_converter, LookupError, ["'number'", "/<number:n>", "url_map.converters"]),
    (_no_view, AssertionError, ["view_func", "endpoint", HERE]),
    (_methods_as_text, TypeError, ["methods", "POST"]),
    (_no_methods, ValueError, ["'/page'", "'page'", "methods=['GET', 'POST']", HERE]),
    (_host_without_host_matching, ValueError, ["'/page'", "'page'", "'shop.example'", "host_matching=True", HERE]),
    (_choice_without_texts, ValueError, ["'/<any():page>'", "'page'", "<any(about, help):page>", HERE]),
    (_address_as_trusted_host, ValueError, ["'https://example.com/'", "TRUSTED_HOSTS = ['example.com']"]),
    (_late_route, AssertionError, ["add_url_rule", "first request", HERE]),
    (_late_hook, AssertionError, ["before_request", "first request", HERE]),
    (_late_blueprint_route, AssertionError, ["add_url_rule", "'part'", HERE]),
    (_blueprint_twice, ValueError, ["'part'", "name="]),
    (_view_returns(None), TypeError, ["'page'", "None", "return", HERE]),
    (_view_returns(1), TypeError, ["'page'", "int", HERE]),
    (_view_returns(("a", 200, {}, 1)), TypeError, ["'page'", "tuple"]),
    (_view_returns(({1}, 200)), TypeError, ["'page'", "set"]),
    (_in_view(lambda: costrel.render_template("none.html")), TemplateNotFound, ["none.html", "'page'"]),
    (_in_view(lambda: costrel.render_template(["a.html", "b.html"])), TemplateNotFound, ["a.html, b.html", "'page'"]),
    (_in_view(lambda: costrel.render_template_string("{{ a.b.c }}")), Exception, ["a"]),
    (_in_view(_no_secret_key), RuntimeError, ["secret_key", "'page'"]),
    (_in_view(_secret_key_taken_away), RuntimeError, ["secret_key", "'page'"]),
    (_in_view(lambda: costrel.url_for("pages")), Exception, ["'pages'", "'page'"]),
    (_outside_of_context, RuntimeError, ["test_request_context"]),
    (_unknown_error_code, ValueError, ["999", "HTTPException"]),
]


@pytest.mark.parametrize(
    ("mistake", "error", "words"), MISTAKES, ids=[f"{error.__name__}-{words[0]}" for _, error, words in MISTAKES]
)
def test_mistakes_are_explained(mistake: Callable[[App], None], error: type[Exception], words: list[str]) -> None:
    """Each mistake raises the exception that Flask raises for it, with a text that names thing, place and remedy."""
    app = App("mistaken")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/", "home", lambda: "home")
    with pytest.raises(error) as raised:
        mistake(app)
    text = "\n".join([str(raised.value), *getattr(raised.value, "__notes__", [])])
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("value", [("a", {"x": 1}, 200), ("a", 200, 5)])
def test_headers_in_the_wrong_place_are_explained(app: App, value: Any) -> None:
    """A tuple whose third item is no headers is a TypeError that names the endpoint and the form."""
    app.add_url_rule("/", "swapped", lambda: value)
    with pytest.raises(TypeError, match=r"'swapped'.*\(body, status, headers\)"):
        app.test_client().get("/")


def test_a_decorator_without_parentheses_is_explained(app: App) -> None:
    """``@app.get`` without a path says what to write."""
    with pytest.raises(TypeError, match=r"write @app\.get\('/path'\) in .*test_mistakes\.py:\d+"):
        app.get(lambda: "x")  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["x", "/<int:x", "/<unknown:x>", "/<a>/<a>"])
def test_a_bad_rule_names_endpoint_and_line(app: App, rule: str) -> None:
    """The error about a rule names its endpoint and the line that registers it."""
    with pytest.raises((LookupError, ValueError), match=r"endpoint 'bad', registered in .*test_mistakes\.py:\d+"):
        app.add_url_rule(rule, "bad", lambda **values: "x")


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("/page", {"methods": ()}),
        ("/page", {"methods": [], "provide_automatic_options": False}),
        ("/page", {"host": "<name>.example"}),
        ("/<any:x>", {}),
        ("/<any( ):x>", {}),
        ("/<any(,):x>/end", {}),
        ("/page", {"subdomain": "<any():x>"}),
        ("/<path:a>/<any():x>", {}),
    ],
)
def test_a_rule_that_would_not_do_what_it_says_is_refused(app: App, rule: str, options: dict[str, Any]) -> None:
    """An argument that would be passed over, or keep every request away, is an error, also in a blueprint."""
    part = costrel.Blueprint("part", __name__, url_prefix="/part")
    part.add_url_rule(rule, "idle", lambda **values: "x", **options)
    registrations: list[Callable[[], None]] = [
        lambda: app.add_url_rule(rule, "idle", lambda **values: "x", **options),
        lambda: app.register_blueprint(part),
    ]
    for register in registrations:
        with pytest.raises(ValueError, match=r"idle', registered in .*test_mistakes\.py:\d+"):
            register()
    assert [found.endpoint for found in app.url_map.iter_rules() if found.endpoint.endswith("idle")] == []


def test_rules_that_only_look_idle_are_accepted() -> None:
    """Methods may come from the view, a rule may only build, hosts may be matched, a converter may know its texts."""

    class Language(AnyConverter):
        def __init__(self, map: Any) -> None:
            super().__init__(map, "de", "en")

    class Page(costrel.views.MethodView):
        pass

    def view(**values: Any) -> str:
        return "x"

    view.required_methods = ["POST"]  # type: ignore[attr-defined]
    app = App("program", static_folder=None, host_matching=True)
    app.url_map.converters["any_language"] = Language
    app.add_url_rule("/a", "a", view, methods=[], host="shop.example")
    app.add_url_rule("/b", "b", methods=[], build_only=True)
    app.add_url_rule("/<any_language:x>", "c", view, host="")
    app.add_url_rule("/<any(one):x>/<any('two', three):y>", "d", view)
    app.add_url_rule("/page", view_func=Page.as_view("page"))
    methods = {rule.endpoint: rule.methods for rule in app.url_map.iter_rules()}
    assert methods["a"] == {"POST", "OPTIONS"}
    assert methods["page"] == {"GET", "HEAD", "OPTIONS"}
    assert len(methods) == 5


@pytest.mark.parametrize("way", ["short", "long", "behind a middleware"])
@pytest.mark.parametrize(
    ("hosts", "error"),
    [
        ("example.com, example.org", ValueError),
        (["example.com", "https://example.org"], ValueError),
        (["example.com", "*example.org"], ValueError),
        (5, TypeError),
        ([b"example.com"], TypeError),
    ],
)
def test_wrong_trusted_hosts_are_refused_before_a_request(hosts: Any, error: type[Exception], way: str) -> None:
    """Serving does not begin: nothing runs for a request, and the program may set up more and mend the setting."""
    app = App("program", static_folder=None)
    seen: list[str] = []
    app.before_request(lambda: seen.append("hook"))
    app.add_url_rule("/", "home", lambda: "home")
    if way == "long":
        original = app.dispatch_request
        app.dispatch_request = lambda: original()  # type: ignore[method-assign]
    if way == "behind a middleware":
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign]
    app.config["TRUSTED_HOSTS"] = hosts
    for _ in range(2):
        with pytest.raises(error, match="TRUSTED_HOSTS"):
            call(app, make_environ())
    app.add_url_rule("/more", "more", lambda: "more")
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    assert (call(app, make_environ("/more")).read(), seen) == (b"more", ["hook"])


def test_trusted_hosts_are_not_looked_at_where_hosts_are_not_checked() -> None:
    """Without ``CHECK_HOST`` a name that no host can have refuses requests, as in Flask, and serving goes on."""
    app = App("program", static_folder=None)
    app.config.update(CHECK_HOST=False, TRUSTED_HOSTS=["https://example.com/", "localhost"])
    app.add_url_rule("/", "home", lambda: "home")
    answers = [call(app, make_environ(headers={"Host": host})).status_code for host in ("localhost", "example.com")]
    assert answers == [200, 400]
