"""A mistake of the programmer raises an exception that says what was wrong, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound

import costrel
from costrel import App
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
    (_late_route, AssertionError, ["add_url_rule", "first request", HERE]),
    (_late_hook, AssertionError, ["before_request", "first request", HERE]),
    (_late_blueprint_route, AssertionError, ["add_url_rule", "'part'", HERE]),
    (_blueprint_twice, ValueError, ["'part'", "name="]),
    (_view_returns(None), TypeError, ["'page'", "None", "return", HERE]),
    (_view_returns(1), TypeError, ["'page'", "int", HERE]),
    (_view_returns(("a", 200, {}, 1)), TypeError, ["'page'", "tuple"]),
    (_view_returns(({1}, 200)), TypeError, ["'page'", "set"]),
    (_in_view(lambda: costrel.render_template("none.html")), TemplateNotFound, ["none.html"]),
    (_in_view(lambda: costrel.render_template_string("{{ a.b.c }}")), Exception, ["a"]),
    (_in_view(_no_secret_key), RuntimeError, ["secret_key"]),
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
