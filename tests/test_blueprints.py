"""Blueprints: what they record, and what becomes of it when they are registered, once, nested, or several times."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from werkzeug.exceptions import NotFound

from costrel import App, Blueprint, abort, render_template, render_template_string, request, url_for
from costrel.blueprints import BlueprintSetupState, check_blueprint, join_paths

HERE = Path(__file__)


def _text(value: str = "") -> Callable[..., str]:
    """Returns a view that answers with a text."""
    return lambda **values: value or str(values)


@pytest.fixture
def part() -> Blueprint:
    """A blueprint with one page."""
    part = Blueprint("part", __name__)
    part.add_url_rule("/page", "page", _text("page"))
    return part


def _rules(app: App) -> dict[str, str]:
    """Returns each endpoint with its rule, the static one of the application aside."""
    return {rule.endpoint: rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"}


# The constructor


def test_a_blueprint_knows_what_it_was_made_with(tmp_path: Path) -> None:
    """Each argument is kept under the name that Flask gives it."""
    defaults = {"n": 1}
    part = Blueprint("part", "program", "files", "/f/", "pages", "/p", "api", defaults, str(tmp_path), "group")
    assert (part.name, part.import_name, part.root_path) == ("part", "program", str(tmp_path))
    assert (part.static_folder, part.static_url_path) == (str(tmp_path / "files"), "/f")
    assert (part.template_folder, part.url_prefix, part.subdomain) == ("pages", "/p", "api")
    assert part.url_values_defaults is defaults
    assert (part.cli_group, part.deferred_functions) == ("group", [])
    assert Blueprint("part", __name__).root_path == str(HERE.parent)
    assert Blueprint("part", __name__).url_values_defaults == {}


@pytest.mark.parametrize(("name", "words"), [("", "may not be empty"), ("a.b", r"dot '\.' character.*'a\.b'")])
def test_a_name_has_no_dots(name: str, words: str) -> None:
    """Dots separate the names of nested blueprints, so no name may have one, or be empty."""
    with pytest.raises(ValueError, match=words):
        Blueprint(name, __name__)


def test_names_of_endpoints_and_views_have_no_dots(part: Blueprint) -> None:
    """A dot in an endpoint or in a view's name is refused when the rule is recorded."""
    view = _text()
    with pytest.raises(ValueError, match=r"'endpoint' may not contain a dot.*'a\.b'"):
        part.add_url_rule("/", "a.b", view)
    view.__name__ = "a.b"
    with pytest.raises(ValueError, match=r"'view_func' name may not contain a dot.*'a\.b'"):
        part.add_url_rule("/", view_func=view)
    assert len(part.deferred_functions) == 1


def test_a_view_may_have_no_name(app: App, part: Blueprint) -> None:
    """A partial function has none, and needs an endpoint."""
    part.add_url_rule("/partial", "partial", functools.partial(_text("partial")))
    app.register_blueprint(part)
    assert app.test_client().get("/partial").text == "partial"


# Prefix, subdomain, defaults


@pytest.mark.parametrize(
    ("prefix", "rule", "expected"),
    [
        (None, "/page", "/page"),
        ("/p", "/page", "/p/page"),
        ("/p/", "/page", "/p/page"),
        ("/p", "page", "/p/page"),
        ("/p", "/", "/p/"),
        ("/p", "", "/p"),
        ("/p/", "", "/p/"),
        ("/", "/page", "/page"),
        ("", "/page", "/page"),
        ("/<lang>", "/page", "/<lang>/page"),
    ],
)
@pytest.mark.parametrize("given", ["constructor", "registration"])
def test_the_prefix_is_put_before_each_rule(app: App, prefix: str | None, rule: str, expected: str, given: str) -> None:
    """It is joined with one slash, whether the blueprint or its registration names it; an empty rule is the prefix."""
    at_once = given == "constructor"
    part = Blueprint("part", __name__, url_prefix=prefix if at_once else "/unused" if prefix is not None else None)
    part.add_url_rule(rule, "page", _text())
    app.register_blueprint(part, **({} if at_once else {"url_prefix": prefix}))
    assert _rules(app) == {"part.page": expected}


@pytest.mark.parametrize(("prefix", "rule", "path"), [("/a", "/b", "/a/b"), ("/a/", "/b", "/a/b"), ("", "b", "/b")])
def test_join_paths(prefix: str, rule: str, path: str) -> None:
    """There is exactly one slash between the two."""
    assert join_paths(prefix, rule) == path


def test_subdomains() -> None:
    """The registration's subdomain wins over the blueprint's, a rule's own over both; nested ones are joined."""
    app = App("program", subdomain_matching=True)
    app.config["SERVER_NAME"] = "example"
    outer = Blueprint("outer", __name__, subdomain="outer")
    inner = Blueprint("inner", __name__, subdomain="inner")
    plain = Blueprint("plain", __name__)
    for part in (outer, inner, plain):
        part.add_url_rule("/", "page", _text(part.name))
    outer.add_url_rule("/own", "own", _text("own"), subdomain="own")
    outer.register_blueprint(inner)
    outer.register_blueprint(plain, url_prefix="/plain")
    app.register_blueprint(outer)
    app.register_blueprint(plain, name="elsewhere", subdomain="given")
    found = {rule.endpoint: rule.subdomain for rule in app.url_map.iter_rules() if rule.endpoint != "static"}
    assert found == {
        "outer.page": "outer",
        "outer.own": "own",
        "outer.inner.page": "inner.outer",
        "outer.plain.page": "outer",
        "elsewhere.page": "given",
    }
    client = app.test_client()
    assert client.get("/", base_url="http://inner.outer.example").text == "inner"


def test_url_defaults_reach_the_views(app: App) -> None:
    """Those of the registration win over the blueprint's, and those of a rule over both."""
    part = Blueprint("part", __name__, url_defaults={"a": "blueprint", "b": "blueprint", "c": "blueprint"})
    part.add_url_rule("/page", "page", _text())
    part.add_url_rule("/rule", "rule", _text(), defaults={"c": "rule"})
    app.register_blueprint(part, url_defaults={"b": "registration"})
    client = app.test_client()
    assert client.get("/page").text == "{'a': 'blueprint', 'b': 'registration', 'c': 'blueprint'}"
    assert client.get("/rule").text == "{'a': 'blueprint', 'b': 'registration', 'c': 'rule'}"
    assert part.url_values_defaults["b"] == "blueprint"


def test_a_language_in_the_prefix(app: App) -> None:
    """The pattern of the documentation: a preprocessor takes an argument away, ``url_defaults`` puts it back."""
    part = Blueprint("part", __name__, url_prefix="/<language>")
    seen: list[str | None] = []

    @part.url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        seen.append(None if values is None else values.pop("language"))

    @part.url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("language", seen[-1])

    @part.route("/page")
    def page() -> str:
        return url_for(".page") + " " + url_for(".page", language="fr")

    app.register_blueprint(part)
    assert app.test_client().get("/de/page").text == "/de/page /fr/page"


# Recording


def test_recorded_functions_run_at_each_registration(app: App) -> None:
    """``record`` runs each time and gets the state, ``record_once`` only the first time on an application."""
    part = Blueprint("part", __name__, url_prefix="/p")
    states: list[BlueprintSetupState] = []
    once: list[BlueprintSetupState] = []
    part.record(states.append)
    part.record_once(once.append)
    app.register_blueprint(part)
    app.register_blueprint(part, name="again", url_prefix="/again", extra=1)
    other = App("other")
    other.register_blueprint(part)
    assert [(s.name, s.url_prefix, s.app) for s in states] == [
        *(("part", "/p", app), ("again", "/again", app), ("part", "/p", other))
    ]
    assert [s.first_registration for s in states] == [True, False, True]
    assert states[1].options == {"name": "again", "url_prefix": "/again", "extra": 1}
    assert [s.blueprint for s in states] == [part] * 3
    assert once == [states[0], states[2]]


def test_the_setup_state_adds_rules(app: App) -> None:
    """A recorded function may add rules under the blueprint's name and prefix."""
    part = Blueprint("part", __name__, url_prefix="/p")

    def page() -> str:
        return "page"

    part.record(lambda state: state.add_url_rule("/page", view_func=page))
    app.register_blueprint(part)
    assert _rules(app) == {"part.page": "/p/page"}
    assert app.test_client().get("/p/page").text == "page"


def test_the_setup_state_can_be_replaced(app: App) -> None:
    """A subclass may make another one, as extensions do."""

    class State(BlueprintSetupState):
        def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
            super().add_url_rule(f"/v1{rule}", *args, **options)

    class Versioned(Blueprint):
        def make_setup_state(self, app: App, options: dict[str, Any], first_registration: bool = False) -> Any:
            return State(self, app, options, first_registration)

    part = Versioned("part", __name__)
    part.add_url_rule("/page", "page", _text())
    app.register_blueprint(part)
    assert _rules(app) == {"part.page": "/v1/page"}


def test_a_subclass_may_register_in_its_own_way(app: App) -> None:
    """``register`` is called with the application and the options."""
    calls: list[tuple[App, dict[str, Any]]] = []

    class Own(Blueprint):
        def register(self, app: App, options: dict[str, Any]) -> None:
            calls.append((app, options))
            super().register(app, options)

    part = Own("part", __name__)
    app.register_blueprint(part, url_prefix="/p")
    assert calls == [(app, {"url_prefix": "/p"})]
    assert app.blueprints == {"part": part}


# Names


def test_several_registrations_need_several_names(app: App, part: Blueprint) -> None:
    """One blueprint may be registered again under another name, and has its endpoints twice."""
    app.register_blueprint(part)
    app.register_blueprint(part, name="again", url_prefix="/again")
    assert _rules(app) == {"part.page": "/page", "again.page": "/again/page"}
    assert app.blueprints == {"part": part, "again": part}
    with pytest.raises(ValueError, match=r"'part' is already registered for this blueprint\. Use 'name='"):
        app.register_blueprint(part)
    with pytest.raises(ValueError, match=r"'again' is already registered for a different blueprint\."):
        app.register_blueprint(Blueprint("again", __name__))
    with pytest.raises(ValueError, match=r"'again' is already registered for this blueprint"):
        app.register_blueprint(part, name="again")


def test_a_name_is_taken_only_within_its_parent(app: App) -> None:
    """Blueprints in different parents may have one name; in the same parent the message gives the full one."""
    first, second = Blueprint("first", __name__, url_prefix="/1"), Blueprint("second", __name__, url_prefix="/2")
    for parent in (first, second):
        child = Blueprint("child", __name__)
        child.add_url_rule("/page", "page", _text(parent.name))
        parent.register_blueprint(child)
    app.register_blueprint(first)
    app.register_blueprint(second)
    assert _rules(app) == {"first.child.page": "/1/page", "second.child.page": "/2/page"}
    third = Blueprint("third", __name__)
    for _ in range(2):
        third.register_blueprint(Blueprint("child", __name__))
    with pytest.raises(ValueError, match=r"'child' is already registered for a different blueprint 'third\.child'"):
        app.register_blueprint(third)


def test_a_blueprint_is_not_its_own_part(part: Blueprint) -> None:
    """Registering a blueprint on itself would never end."""
    with pytest.raises(ValueError, match="Cannot register a blueprint on itself"):
        part.register_blueprint(part)


def test_a_taken_endpoint_names_both_views(app: App) -> None:
    """Of two views with one name, which the registration brings together, each is named by its own line."""
    part = Blueprint("part", __name__)

    def decorated(view: Callable[..., str]) -> Callable[..., str]:
        return functools.wraps(view)(lambda: view())

    def page() -> str:
        return "first"

    part.add_url_rule("/first", view_func=decorated(page))
    first = page.__code__.co_firstlineno

    def another() -> str:
        return "second"

    part.add_url_rule("/second", "page", decorated(another))
    second = another.__code__.co_firstlineno
    with pytest.raises(AssertionError) as raised:
        app.register_blueprint(part)
    text = str(raised.value)
    assert "existing endpoint function: part.page. It is taken by the view in" in text
    assert f"{HERE}:{first}. Rename the view in {HERE}:{second} (registered in {HERE}:{second + 6})" in text


# Too late


LATE: list[tuple[str, Callable[[Blueprint], Any]]] = [
    ("add_url_rule", lambda part: part.add_url_rule("/late", "late", _text())),
    ("route", lambda part: part.route("/late")),
    ("get", lambda part: part.get("/late")),
    ("endpoint", lambda part: part.endpoint("late")),
    ("record", lambda part: part.record(lambda state: None)),
    ("record_once", lambda part: part.record_once(lambda state: None)),
    ("register_blueprint", lambda part: part.register_blueprint(Blueprint("late", __name__))),
    ("before_request", lambda part: part.before_request(lambda: None)),
    ("after_request", lambda part: part.after_request(lambda response: response)),
    ("errorhandler", lambda part: part.errorhandler(404)),
    ("before_app_request", lambda part: part.before_app_request(lambda: None)),
    ("after_app_request", lambda part: part.after_app_request(lambda response: response)),
    ("teardown_app_request", lambda part: part.teardown_app_request(lambda error: None)),
    ("app_context_processor", lambda part: part.app_context_processor(dict)),
    ("app_errorhandler", lambda part: part.app_errorhandler(404)),
    ("app_url_defaults", lambda part: part.app_url_defaults(lambda endpoint, values: None)),
    ("app_url_value_preprocessor", lambda part: part.app_url_value_preprocessor(lambda endpoint, values: None)),
    ("app_template_filter", lambda part: part.app_template_filter("late")),
    ("app_template_test", lambda part: part.app_template_test()),
    ("app_template_global", lambda part: part.app_template_global(len)),
    ("add_app_template_filter", lambda part: part.add_app_template_filter(len)),
    ("add_app_template_test", lambda part: part.add_app_template_test(callable)),
    ("add_app_template_global", lambda part: part.add_app_template_global(len)),
]


@pytest.mark.parametrize(("name", "register"), LATE, ids=[name for name, _ in LATE])
def test_registering_late_names_the_line(app: App, name: str, register: Callable[[Blueprint], Any]) -> None:
    """After the blueprint was registered it is refused, with method, blueprint, the line to move, and where to."""
    part = Blueprint("part", __name__)
    register(part)
    part = Blueprint("part", __name__)
    app.register_blueprint(part)
    with pytest.raises(AssertionError) as raised:
        register(part)
    text = str(raised.value)
    assert f"The setup method '{name}' can no longer be called on the blueprint 'part'" in text
    line = next(number for number, line in enumerate(HERE.read_text().splitlines(), 1) if f'    ("{name}", ' in line)
    assert f"Move the call in {HERE}:{line} to before the line that registers the blueprint" in text


def test_a_nested_blueprint_is_late_too(app: App, part: Blueprint) -> None:
    """What the parent's registration has registered can't be changed any more."""
    parent = Blueprint("parent", __name__)
    parent.register_blueprint(part)
    part.add_url_rule("/still", "still", _text("still"))
    app.register_blueprint(parent)
    assert _rules(app) == {"parent.part.page": "/page", "parent.part.still": "/still"}
    with pytest.raises(AssertionError, match="on the blueprint 'part'"):
        part.add_url_rule("/late", "late", _text())


# Nesting


@pytest.mark.parametrize(
    ("parent", "child", "at_registration", "expected"),
    [
        (None, None, None, "/page"),
        ("/parent", None, None, "/parent/page"),
        (None, "/child", None, "/child/page"),
        ("/parent", "/child", None, "/parent/child/page"),
        ("/parent/", "/child", None, "/parent/child/page"),
        ("/parent", "/child", "/given", "/parent/given/page"),
        ("/parent", "/child", "", "/parent/page"),
        (None, None, "/given", "/given/page"),
    ],
)
def test_prefixes_are_nested(
    app: App, parent: str | None, child: str | None, at_registration: str | None, expected: str
) -> None:
    """The parent's prefix comes before the child's; that of the registration stands for the child's own."""
    outer = Blueprint("outer", __name__, url_prefix=parent)
    inner = Blueprint("inner", __name__, url_prefix=child)
    inner.add_url_rule("/page", "page", _text("found"))
    outer.register_blueprint(inner, **({} if at_registration is None else {"url_prefix": at_registration}))
    app.register_blueprint(outer)
    assert _rules(app) == {"outer.inner.page": expected}
    assert app.test_client().get(expected).text == "found"


def test_a_renamed_parent_renames_its_children(app: App) -> None:
    """The names of both registrations make up the endpoint; a nested name may be given too."""
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    inner.add_url_rule("/page", "page", _text())
    outer.register_blueprint(inner, name="child")
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", url_prefix="/again")
    assert _rules(app) == {"outer.child.page": "/page", "again.child.page": "/again/page"}


def test_options_of_a_nested_registration_stay(app: App) -> None:
    """The parent can be registered on a second application with the same children in the same places."""
    outer, inner = Blueprint("outer", __name__, url_prefix="/o"), Blueprint("inner", __name__, url_prefix="/i")
    inner.add_url_rule("/page", "page", _text())
    outer.register_blueprint(inner)
    for prefix in ("/first", "/second"):
        other = App("other")
        other.register_blueprint(outer, url_prefix=prefix)
        assert _rules(other) == {"outer.inner.page": f"{prefix}/i/page"}


def test_one_blueprint_on_two_applications(part: Blueprint) -> None:
    """Hooks and views serve both, each with its own requests."""
    apps = [App("one"), App("two")]
    part.after_request(lambda response: response)
    for number, app in enumerate(apps):
        app.register_blueprint(part, url_prefix=f"/{number}")
    assert [app.test_client().get(f"/{number}/page").text for number, app in enumerate(apps)] == ["page", "page"]
    assert apps[0].test_client().get("/1/page").status_code == 404


# Hooks


def _hooked(thing: Any, name: str, log: list[str]) -> None:
    """Gives an application or a blueprint one hook of each kind that writes its name to the log."""

    def note(kind: str, result: Any = None) -> Any:
        log.append(f"{kind} {name}")
        return result

    thing.url_value_preprocessor(lambda endpoint, values: note("url"))
    thing.before_request(lambda: note("before"))
    thing.after_request(lambda response: note("after", response))
    thing.teardown_request(lambda error: note("teardown"))
    thing.context_processor(lambda: note("context", {"who": name}))


def test_hooks_run_from_outside_in_and_back(app: App) -> None:
    """Before the view those of the application come first, then the outer blueprint's; after it the other way round."""
    log: list[str] = []
    outer, inner, other = (Blueprint(name, __name__, url_prefix=f"/{name}") for name in ("outer", "inner", "other"))
    for thing, name in ((app, "app"), (outer, "outer"), (inner, "inner"), (other, "other")):
        _hooked(thing, name, log)
        if name != "app":
            thing.add_url_rule("/", "page", lambda: render_template_string("{{ who }}"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(other)
    app.add_url_rule("/", "page", _text("text"))
    client = app.test_client()
    assert client.get("/outer/inner/").text == "inner"
    assert log == [
        *["url app", "url outer", "url inner", "before app", "before outer", "before inner"],
        *["context app", "context outer", "context inner"],
        *["after inner", "after outer", "after app", "teardown inner", "teardown outer", "teardown app"],
    ]
    log.clear()
    assert client.get("/").text == "text"
    assert log == ["url app", "before app", "after app", "teardown app"]


def test_a_hook_of_a_blueprint_may_answer(app: App, part: Blueprint) -> None:
    """What a before hook returns is the response, for this blueprint's views only."""
    part.before_request(lambda: ("closed", 250))
    app.register_blueprint(part)
    app.add_url_rule("/", "index", _text("open"))
    client = app.test_client()
    assert (client.get("/page").text, client.get("/").text) == ("closed", "open")


def test_hooks_of_a_blueprint_registered_twice_run_once(app: App, part: Blueprint) -> None:
    """Each request runs the hooks of the name that it came under, and app-wide ones once."""
    log: list[str] = []
    part.before_request(lambda: log.append("own"))
    part.before_app_request(lambda: log.append("app"))
    app.register_blueprint(part)
    app.register_blueprint(part, name="again", url_prefix="/again")
    client = app.test_client()
    for path in ("/page", "/again/page"):
        log.clear()
        assert client.get(path).text == "page"
        assert log == ["app", "own"]


def test_app_hooks_run_for_every_request(app: App, part: Blueprint) -> None:
    """Each ``app_`` decorator gives the function back and works as on the application."""
    log: list[str] = []

    def note(kind: str, result: Any = None) -> Any:
        log.append(kind)
        return result

    functions: dict[str, Callable[..., Any]] = {
        "app_url_value_preprocessor": lambda endpoint, values: note("url"),
        "before_app_request": lambda: note("before"),
        "app_context_processor": lambda: note("context", {"added": "by part"}),
        "app_url_defaults": lambda endpoint, values: note("defaults"),
        "after_app_request": lambda response: note("after", response),
        "teardown_app_request": lambda error: note("teardown"),
    }
    for decorator, function in functions.items():
        assert getattr(part, decorator)(function) is function
    app.register_blueprint(part)
    app.add_url_rule("/", "index", lambda: render_template_string("{{ added }} {{ url_for('index') }}"))
    assert app.test_client().get("/").text == "by part /"
    assert log == ["url", "before", "context", "defaults", "after", "teardown"]


def test_endpoint_registers_a_view_under_its_full_name(app: App) -> None:
    """``blueprint.endpoint`` names the endpoint as the application knows it, as in Flask."""
    part = Blueprint("part", __name__)
    part.add_url_rule("/page", endpoint="page")

    @part.endpoint("part.page")
    def page() -> str:
        return "page"

    app.register_blueprint(part)
    assert app.view_functions["part.page"] is page
    assert app.test_client().get("/page").text == "page"


# Error handlers


class Problem(Exception):
    """An error of a program."""


def _fail() -> str:
    raise Problem


def test_error_handlers_of_the_nearest_blueprint_win(app: App) -> None:
    """A handler of the inner blueprint comes before one of the outer, and that before the application's."""
    outer, inner = Blueprint("outer", __name__, url_prefix="/o"), Blueprint("inner", __name__, url_prefix="/i")
    for thing, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
        thing.add_url_rule("/404", "missing", lambda: abort(404))
        thing.add_url_rule("/problem", "problem", _fail)
        if name != "inner":
            thing.register_error_handler(404, lambda error, name=name: name)
        thing.register_error_handler(Problem, lambda error, name=name: name)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = app.test_client()
    found = {path: client.get(path).text for path in ("/404", "/o/404", "/o/i/404", "/problem", "/o/i/problem")}
    assert found == {
        "/404": "app",
        "/o/404": "outer",
        "/o/i/404": "outer",
        "/problem": "app",
        "/o/i/problem": "inner",
    }
    # A path that no rule matches belongs to no blueprint.
    assert client.get("/o/i/none").text == "app"


def test_app_errorhandler_handles_every_request(app: App, part: Blueprint) -> None:
    """It works for codes and classes, also outside of the blueprint."""

    @part.app_errorhandler(404)
    def missing(error: NotFound) -> str:
        return f"part {error.code}"

    @part.app_errorhandler(Problem)
    def problem(error: Problem) -> tuple[str, int]:
        return "part problem", 490

    app.register_blueprint(part)
    app.add_url_rule("/problem", "problem", _fail)
    client = app.test_client()
    assert (client.get("/none").text, client.get("/problem").status_code) == ("part 404", 490)
    assert (missing(NotFound()), problem(Problem())[1]) == ("part 404", 490)


def test_handlers_registered_later_stay_apart(app: App, part: Blueprint) -> None:
    """The application has a copy of the handlers: the blueprint's table may change for the next application."""
    part.register_error_handler(404, lambda error: "first")
    app.register_blueprint(part)
    part.error_handler_spec[None][404][NotFound] = lambda error: "second"
    assert app.error_handler_spec["part"][404][NotFound](NotFound()) == "first"


# Templates and files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with templates and static files of an application and a blueprint."""
    files = {
        "templates/both.html": "app {{ url_for('.page') }}",
        "part/templates/both.html": "part",
        "part/templates/own.html": "own {{ url_for('.page') }} {{ request.blueprint }}",
        "part/files/note.txt": "a note",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_templates_and_static_files_of_a_blueprint(folder: Path) -> None:
    """Its templates come after the application's, its files are served below its prefix under its own endpoint."""
    app = App("program", root_path=str(folder))
    part = Blueprint(
        "part", "part", root_path=str(folder / "part"), static_folder="files", template_folder="templates",
        url_prefix="/p",
    )  # fmt: skip

    @part.route("/page/")
    @part.route("/page/<name>")
    def page(name: str = "own.html") -> str:
        return render_template(name)

    app.register_blueprint(part)
    app.register_blueprint(part, name="again", url_prefix="/again")
    client = app.test_client()
    assert client.get("/p/page/both.html").text == "app /p/page/"
    assert client.get("/p/page/own.html").text == "own /p/page/ part"
    assert client.get("/again/page/own.html").text == "own /again/page/ again"
    assert client.get("/p/files/note.txt").text == "a note"
    assert client.get("/again/files/none.txt").status_code == 404
    with app.test_request_context("/p/page/"):
        assert url_for(".static", filename="note.txt") == "/p/files/note.txt"
        assert url_for("again.static", filename="note.txt") == "/again/files/note.txt"
        assert url_for("static", filename="note.txt") == "/static/note.txt"


def test_static_files_of_a_blueprint_may_be_kept(folder: Path) -> None:
    """A blueprint may decide for itself how long a browser keeps them."""

    class Kept(Blueprint):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            return 3600

    app = App("program", root_path=str(folder))
    app.register_blueprint(Kept("part", "part", root_path=str(folder / "part"), static_folder="files", url_prefix="/p"))
    response = app.test_client().get("/p/files/note.txt")
    assert response.cache_control.max_age == 3600
    response.close()


def test_a_static_url_path_of_its_own(folder: Path) -> None:
    """It is put below the prefix."""
    app = App("program", root_path=str(folder))
    app.register_blueprint(Blueprint("part", "part", "files", "/f", root_path=str(folder / "part"), url_prefix="/p"))
    with app.test_client().get("/p/f/note.txt") as response:
        assert response.get_data() == b"a note"


def test_relative_endpoints(app: App) -> None:
    """An endpoint that begins with a dot belongs to the blueprint of the request, however deep it is nested."""
    outer, inner = Blueprint("outer", __name__, url_prefix="/o"), Blueprint("inner", __name__, url_prefix="/i")
    for part in (outer, inner):
        part.add_url_rule("/", "page", lambda: f"{url_for('.page')} {url_for('outer.page')} {request.blueprints}")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = app.test_client()
    assert client.get("/o/i/").text == "/o/i/ /o/ ['outer.inner', 'outer']"
    assert client.get("/o/").text == "/o/ /o/ ['outer']"


@pytest.mark.parametrize(("kind", "table"), [("filter", "filters"), ("test", "tests"), ("global", "globals")])
def test_template_functions_of_a_blueprint(app: App, kind: str, table: str) -> None:
    """Filters, tests and globals are for the whole application, with and without parentheses and name."""
    part = Blueprint("part", __name__)
    decorator, add = getattr(part, f"app_template_{kind}"), getattr(part, f"add_app_template_{kind}")

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
    app.register_blueprint(part)
    found = getattr(app.jinja_env, table)
    expected = {"bare": bare, "empty": empty, **dict.fromkeys(("by_position", "by_keyword", "named", "added"), named)}
    assert {name: found[name] for name in expected} == expected


# Commands


@pytest.mark.parametrize(
    ("made_with", "registered_with", "command"),
    [
        ({}, {}, ["part", "say"]),
        ({}, {"name": "renamed"}, ["renamed", "say"]),
        ({"cli_group": "group"}, {}, ["group", "say"]),
        ({"cli_group": None}, {}, ["say"]),
        ({"cli_group": "group"}, {"cli_group": "given"}, ["given", "say"]),
        ({}, {"cli_group": None}, ["say"]),
    ],
)
def test_commands_are_grouped(
    app: App, made_with: dict[str, Any], registered_with: dict[str, Any], command: list[str]
) -> None:
    """They are in a group of the blueprint's name, of a given name, or with None on the top level."""
    part = Blueprint("part", __name__, **made_with)

    @part.cli.command("say")
    def say() -> None:
        click.echo("said")

    app.register_blueprint(part, **registered_with)
    assert app.test_cli_runner().invoke(args=command).output == "said\n"


def test_without_commands_there_is_no_group(app: App, part: Blueprint) -> None:
    """A blueprint whose group is empty, or was never looked at, adds nothing."""
    empty = Blueprint("empty", __name__)
    assert list(empty.cli.commands) == []
    app.register_blueprint(part)
    app.register_blueprint(empty)
    assert not {"part", "empty"} & set(app.cli.commands)


def test_a_blueprint_of_flask_is_refused() -> None:
    """One whose class comes from Flask itself is a TypeError with its name; a subclass of costrel's is not."""
    foreign = type("Blueprint", (), {"__module__": "flask.blueprints", "name": "cart"})
    with pytest.raises(TypeError, match="'cart' comes from Flask itself"):
        check_blueprint(type("Cart", (foreign,), {})())
    check_blueprint(type("Own", (Blueprint,), {})("own", __name__))
