"""Tests of costrel.templating: the Jinja environment, the loader, and rendering."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

from costrel import (
    App,
    Blueprint,
    Markup,
    g,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    stream_template_string,
)
from costrel.helpers import default_context_processor
from costrel.signals import before_render_template, template_rendered
from costrel.templating import (
    CallingContext,
    DispatchingJinjaLoader,
    Environment,
    MergedTemplate,
    MissingTemplate,
    create_environment,
    update_context,
)
from tests.support.frameworks import assert_same_as_flask


def write(folder: Path, **templates: str) -> None:
    """Writes templates into a folder; an underscore of a name stands for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in templates.items():
        (folder / name.replace("_", ".")).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> App:
    """An application with a template folder of its own, in ``tmp_path``."""
    write(
        tmp_path / "templates",
        page_html="<p>{{ value }}",
        page_txt="{{ value }}",
        base_html="[{% block body %}{% endblock %}]",
        child_html="{% extends 'base.html' %}{% block body %}{{ value }}{% endblock %}",
    )
    app = App("site", root_path=str(tmp_path))
    app.config.update(TESTING=True, SECRET_KEY="test key")
    return app


@pytest.fixture
def blueprints(site: App, tmp_path: Path) -> tuple[Blueprint, Blueprint]:
    """Two blueprints of the site, each with templates; both have ``shared.html``, the site does not."""
    made = []
    for name in ("shop", "blog"):
        write(tmp_path / name / "templates", page_html=f"{name}'s page", shared_html=f"{name}'s shared")
        blueprint = Blueprint(name, f"package.{name}", template_folder="templates", root_path=str(tmp_path / name))
        made.append(blueprint)
        blueprint.add_url_rule(f"/{name}/<template_name_or_list>", "show", render_template)
        site.register_blueprint(blueprint)
    return made[0], made[1]


# Rendering


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("page.html", "<p>&lt;b&gt;"),
        ("page.txt", "<b>"),
        ("child.html", "[&lt;b&gt;]"),
        (["none.html", "page.txt"], "<b>"),
        (["page.html", "page.txt"], "<p>&lt;b&gt;"),
    ],
)
def test_a_template_is_rendered_with_its_values(site: App, names: Any, text: str) -> None:
    """HTML is escaped, plain text is not; of several names the first that exists is taken."""
    with site.app_context():
        assert render_template(names, value="<b>") == text
        assert "".join(stream_template(names, value="<b>")) == text


def test_a_template_object_is_rendered(site: App) -> None:
    """A template that is loaded already can be given rather than its name."""
    with site.app_context():
        template = site.jinja_env.get_template("page.txt")
        assert render_template(template, value=1) == "1"
        assert render_template([template], value=2) == "2"


def test_a_text_is_rendered_like_html(site: App) -> None:
    """A template given as a text is escaped; Markup is not."""
    with site.app_context():
        assert render_template_string("{{ a }}{{ b }}", a="<", b=Markup("<")) == "&lt;<"
        assert list(stream_template_string("{{ a }}", a="<")) == ["&lt;"]


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        (None, True),
        ("a.html", True),
        ("a.htm", True),
        ("a.xml", True),
        ("a.xhtml", True),
        ("a.svg", True),
        ("a.txt", False),
        ("a.html.txt", False),
        ("html", False),
        ("a.js", False),
    ],
)
def test_escaping_follows_the_file_name(site: App, name: str | None, escaped: bool) -> None:
    """The environment asks ``select_jinja_autoescape`` of the application."""
    autoescape: Any = site.jinja_env.autoescape
    assert autoescape(name) is escaped


@pytest.mark.parametrize(
    "function",
    [
        lambda: render_template("page.html"),
        lambda: render_template_string(""),
        lambda: stream_template("page.html"),
        lambda: stream_template_string(""),
    ],
)
def test_rendering_needs_an_application(function: Callable[[], Any]) -> None:
    """Without a context each function names ``app_context`` as the remedy."""
    with pytest.raises(RuntimeError, match="app_context"):
        function()


# What is quicker than Jinja's way is the same


class Oddity:
    """An object whose attributes and texts are made in every way there is."""

    plain = "<a>"

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def failing(self) -> str:
        raise AttributeError("failing")

    def __getattr__(self, name: str) -> str:
        if name.startswith("made"):
            return f"{name}&{self.text}"
        raise AttributeError(name)

    def __getitem__(self, name: str) -> str:
        if name == "items":
            return "never"
        if name == "broken":
            raise TypeError
        return {"failing": "item"}[name]

    def __str__(self) -> str:
        return f"<{self.text}>"


class Page(Oddity):
    """An object that says what its HTML is."""

    def __html__(self) -> str:
        return f"<b>{self.text}</b>"


class Text(str):
    """A text of another class, with a text of its own."""

    def __str__(self) -> str:
        return "own <text>"


class Number(int):
    """A number with a text of its own."""

    def __str__(self) -> str:
        return "<number>"


TEXTS = st.text(alphabet="ab<>&'\"é\u2028") | st.sampled_from(["items", "keys", "<script>", "plain"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.builds(Markup, TEXTS)
    | st.builds(Oddity, TEXTS)
    | st.builds(Page, TEXTS)
    | st.builds(Text, TEXTS)
    | st.builds(Number, st.integers()),
    lambda inner: st.dictionaries(TEXTS | st.sampled_from(["text", "made", "failing"]), inner) | st.lists(inner),
    max_leaves=5,
)
NAMES = ["text", "plain", "items", "keys", "made_it", "failing", "broken", "none", "value", "__class__", "é"]
SHOWING = (
    "{{ value }}{{ value|safe }}{{ value|e }}{% set copy = value %}{{ copy ~ '<' }}{% set block %}{{ value }}<"
    "{% endset %}{{ block }}{{ block|length }}{% macro show(x) %}<{{ x }}>{{ caller() }}{% endmacro %}"
    "{% call show(value) %}{{ value }}{% endcall %}{% autoescape false %}{{ value }}"
    "{% endautoescape %}{% filter upper %}{{ value }}{% endfilter %}{% block part %}{{ value }}{% endblock %}"
    "{{ self.part() }}"
)


@given(VALUES, st.booleans())
def test_what_is_put_out_is_jinjas(value: Any, escaping: bool) -> None:
    """A value is put out by each kind of statement as Jinja itself puts it out, escaped or not."""
    ours = Environment(App("site"), autoescape=escaping).from_string(SHOWING)
    theirs = jinja2.Environment(autoescape=escaping).from_string(SHOWING)
    assert ours.render(value=value) == theirs.render(value=value)
    assert "".join(ours.generate(value=value)) == ours.render(value=value)


@given(VALUES, st.sampled_from(NAMES) | TEXTS)
def test_attributes_are_jinjas(value: Any, name: str) -> None:
    """A template finds the attribute, the item or the undefined value that Jinja finds."""
    ours, theirs = Environment(App("site")), jinja2.Environment()
    found, expected = ours.getattr(value, name), theirs.getattr(value, name)
    assert type(found) is type(expected)
    assert str(found) == str(expected)


class Caller:
    """Things that a template can call."""

    def method(self, *args: Any, **kwargs: Any) -> str:
        return f"method {args} {kwargs}"

    @jinja2.pass_context
    def asking(self, context: Any, *args: Any, **kwargs: Any) -> str:
        return f"asking {context.get('a')} {context.get('number')} {args} {kwargs}"

    @jinja2.pass_eval_context
    def __call__(self, *args: Any, **kwargs: Any) -> str:
        return f"called {args[0].autoescape} {args[1:]} {kwargs}"


class Plain:
    """An object that can be called and asks for nothing."""

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        return f"plain {args} {kwargs}"


@jinja2.pass_environment
def _asking_function(environment: jinja2.Environment, *args: Any) -> str:
    return f"function {isinstance(environment, jinja2.Environment)} {args}"


def _ending() -> None:
    raise StopIteration


CALLABLES: dict[str, Any] = {
    "method": Caller().method,
    "asking": Caller().asking,
    "instance": Caller(),
    "plain": Plain(),
    "function": lambda *args, **kwargs: f"function {args} {kwargs}",
    "asking_function": _asking_function,
    "builtin": len,
    "partial": partial(Caller().method, 7),
    "kind": Markup,
    "ending": _ending,
}
CALLS = [
    *("method()", "method(1, b=2)", "method(self=1, obj=2, context=3)", "asking(1, b=2)", "instance(1, b=2)"),
    *("plain(1, b=2)", "function(1, obj=2)", "asking_function(1)", "builtin('abc')", "partial(1)", "kind('<')"),
    *("ending()", "ending().x", "builtin()", "nothing()", "'text'()", "method(*[1], **{'b': 2})", "caller()"),
]


def test_a_class_of_contexts_can_be_replaced() -> None:
    """A template's values are in the context class of its environment, which a program's own may be."""

    class Context(jinja2.runtime.Context):
        pass

    class Plainer(Environment):
        context_class = Context

    for kind, expected in ((Environment, CallingContext), (Plainer, Context)):
        assert type(kind(App("site")).from_string("").new_context()) is expected


@pytest.mark.parametrize("text", CALLS)
def test_calls_are_jinjas(text: str) -> None:
    """A template calls a thing as Jinja calls it, also in a loop and in a block, or fails in the same way."""
    source = "{{ %s }}{%% for number in [1, 2] %%}{{ %s }}{%% endfor %%}{%% block b %%}{{ %s }}{%% endblock %%}" % (
        (text,) * 3
    )
    outcomes = []
    for environment in (Environment(App("site"), autoescape=True), jinja2.Environment(autoescape=True)):
        try:
            outcomes.append(environment.from_string(source).render(CALLABLES, a="<"))
        except Exception as error:
            outcomes.append(f"{type(error).__name__}: {error}")
    assert outcomes[0] == outcomes[1]


class Logged(jinja2.Environment):
    """An environment with a way of its own to attributes."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return f"logged {attribute}"


class LoggedLast(Environment, Logged):
    """A class that names the environment before the other."""


class LoggedFirst(Logged, Environment):
    """A class that names the environment after the other."""


class LoggedLater(LoggedLast):
    """A class of such a class."""


class Sandbox(Environment, SandboxedEnvironment):
    """A sandbox for templates that users write."""


class Own(Environment):
    """A class with a method of its own."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return f"own {super().getattr(obj, attribute)}"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        *((Environment, "1"), (LoggedLast, "logged a"), (LoggedFirst, "logged a"), (LoggedLater, "logged a")),
        *((Sandbox, "1"), (Own, "own 1")),
    ],
)
def test_another_way_to_attributes_is_taken(kind: type[Environment], shown: str) -> None:
    """A class that replaces how templates find attributes, by itself or by another base, has its way."""
    assert kind(App("site")).from_string("{{ value.a }}").render(value={"a": 1}) == shown


def test_a_sandbox_stays_one() -> None:
    """An environment that is a sandbox by its second base refuses what a sandbox refuses."""
    template = Sandbox(App("site")).from_string("{{ ''.__class__.__mro__ }}")
    with pytest.raises(SecurityError):
        template.render()


def test_another_escape_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program has replaced what Jinja escapes by, its function is called."""
    monkeypatch.setattr(jinja2.runtime, "escape", lambda value: f"[{value}]")
    assert Environment(App("site"), autoescape=True).from_string("{{ 1 }}{{ a }}").render(a="<") == "1[<]"


# Values that every template gets


def test_the_usual_names_are_there_in_a_request(site: App) -> None:
    """In a request a template sees request, session, g, config, url_for and get_flashed_messages."""

    @site.get("/page")
    def page() -> str:
        g.word = "word"
        session["name"] = "Ada"
        return render_template_string(
            "{{ request.path }} {{ session.name }} {{ g.word }} {{ config.TESTING }} {{ url_for('page', a=1) }}"
            " {{ get_flashed_messages() }}"
        )

    assert site.test_client().get("/page").text == "/page Ada word True /page?a=1 []"


def test_imported_templates_see_the_globals(site: App, tmp_path: Path) -> None:
    """A macro imported without context reaches request, g and session of the present request."""
    write(
        tmp_path / "templates", macros_html="{% macro show() %}{{ request.path }}{{ g.n }}{{ session.n }}{% endmacro %}"
    )
    with site.test_request_context("/x"):
        g.n = 1
        session["n"] = 2
        assert render_template_string("{% from 'macros.html' import show %}{{ show() }}") == "/x12"


def test_without_a_request_the_rest_is_there(site: App) -> None:
    """In an application context config and g work; the request is the proxy that explains what is missing."""
    with site.app_context():
        g.word = "word"
        assert render_template_string("{{ g.word }} {{ config.TESTING }}") == "word True"
        with pytest.raises(RuntimeError, match="request context"):
            render_template_string("{{ request.path }}")


def test_rendering_does_not_touch_the_session(site: App) -> None:
    """A template that does not use the session leaves the response without ``Vary: Cookie``."""
    site.add_url_rule("/without", "without", lambda: render_template_string("hello"))
    site.add_url_rule("/with", "with", lambda: render_template_string("{{ session.name }}"))
    client = site.test_client()
    assert "Vary" not in client.get("/without").headers
    assert client.get("/with").headers["Vary"] == "Cookie"


def test_the_default_values_are_the_objects_themselves(site: App) -> None:
    """The values are the present objects, not proxies; outside of a context there are none."""
    assert default_context_processor() == {}
    with site.app_context() as context:
        assert default_context_processor() == {"g": context.g}
    with site.test_request_context() as request_context:
        assert default_context_processor() == {"g": request_context.g, "request": request_context.request}
        assert default_context_processor()["request"] is request._get_current_object()  # type: ignore[attr-defined]


def test_context_processors_add_values(site: App) -> None:
    """Processors of the application and then of the request's blueprints add values; those given win."""
    outer = Blueprint("outer", __name__)
    inner = Blueprint("inner", __name__)

    @site.context_processor
    def of_site() -> dict[str, Any]:
        return {"site": 1, "who": "site", "given": "site", "g": "of the processor"}

    @outer.context_processor
    async def of_outer() -> dict[str, Any]:
        return {"outer": 2, "who": "outer"}

    @inner.context_processor
    def of_inner() -> dict[str, Any]:
        return {"inner": 3, "who": "inner"}

    @inner.get("/inner")
    def view() -> str:
        return render_template_string("{{ site }}{{ outer }}{{ inner }} {{ who }} {{ given }} {{ g }}", given="given")

    outer.register_blueprint(inner)
    site.register_blueprint(outer)
    assert site.test_client().get("/inner").text == "123 inner given of the processor"
    with site.app_context():
        assert render_template_string("{{ site }}{{ outer }} {{ who }} {{ given }}") == "1 site site"


def test_values_that_are_given_stay(site: App) -> None:
    """Adding the values changes the dict in place and leaves what is there already."""
    site.context_processor(lambda: {"a": "processor", "b": "processor"})
    values: dict[str, Any] = {"a": "given"}
    with site.app_context():
        update_context(site, values)
    assert (values["a"], values["b"]) == ("given", "processor")


def test_update_template_context_can_be_overridden(tmp_path: Path) -> None:
    """An application may override how values are added; each rendering calls it."""

    class Own(App):
        def update_template_context(self, context: dict[str, Any]) -> None:
            context["added"] = "by the application"

    with Own("own", root_path=str(tmp_path)).app_context():
        assert render_template_string("{{ added }}") == "by the application"
        assert "".join(stream_template_string("{{ added }}")) == "by the application"


# Streams


def test_a_stream_keeps_the_request(site: App) -> None:
    """A streamed template is rendered while the body is sent, and still sees the request."""

    @site.get("/stream")
    def stream() -> Iterator[str]:
        return stream_template_string("{% for n in [1, 2] %}{{ request.path }}{{ n }} {% endfor %}")

    assert site.test_client().get("/stream").text == "/stream1 /stream2 "


def test_a_stream_is_rendered_when_it_is_read(site: App) -> None:
    """Nothing is rendered before the first piece is asked for."""
    rendered: list[int] = []
    with site.app_context():
        stream = stream_template_string("{{ render(1) }}{{ render(2) }}", render=rendered.append)
        assert rendered == []
        assert "".join(stream) == "NoneNone"
    assert rendered == [1, 2]


# Signals


@pytest.mark.parametrize("render", [render_template, lambda name, **values: "".join(stream_template(name, **values))])
def test_signals_tell_what_is_rendered(site: App, render: Callable[..., str]) -> None:
    """The first signal comes before rendering and may change the values; the second comes after it."""
    events: list[Any] = []

    def before(sender: App, template: jinja2.Template, context: dict[str, Any]) -> None:
        events.append(("before", sender, template.name, context["value"]))
        context["value"] = "changed"

    async def after(sender: App, template: jinja2.Template, context: dict[str, Any]) -> None:
        events.append(("after", sender, template.name, context["value"]))

    connected = before_render_template.connected_to(before, site), template_rendered.connected_to(after, site)
    with connected[0], connected[1], site.app_context():
        assert render("page.txt", value="given") == "changed"
    assert events == [("before", site, "page.txt", "given"), ("after", site, "page.txt", "changed")]


# The environment


def test_the_environment_is_made_from_the_application(site: App) -> None:
    """Options, globals and the JSON function come from the application, which the environment knows."""
    site.jinja_options = {"trim_blocks": True}
    environment = site.jinja_env
    assert type(environment) is Environment
    assert environment.app is site
    assert environment.trim_blocks is True
    assert environment.policies["json.dumps_function"] == site.json.dumps
    assert environment.globals["config"] is site.config
    with site.test_request_context():
        assert render_template_string("{{ {'b': 1, 'a': 2}|tojson }}") == '{"a": 2, "b": 1}'


def test_each_environment_is_a_new_one(site: App) -> None:
    """Making an environment again gives another one and leaves the application's alone."""
    made = create_environment(site)
    assert made is not site.jinja_env
    assert made.globals["get_flashed_messages"] is site.jinja_env.globals["get_flashed_messages"]


def test_options_of_the_application_win(site: App) -> None:
    """Autoescaping, reloading and the loader can be set in ``jinja_options``."""
    loader = jinja2.DictLoader({"a.html": "{{ '<' }}"})
    site.jinja_options = {"autoescape": False, "auto_reload": True, "loader": loader}
    assert site.jinja_env.auto_reload is True
    with site.app_context():
        assert render_template("a.html") == "<"
        with pytest.raises(jinja2.TemplatesNotFound) as caught:
            render_template(["b.html", "c.html"])
        with pytest.raises(jinja2.TemplateNotFound):
            render_template("b.html")
    assert "Searched" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "debug", "expected"),
    [(None, False, False), (None, True, True), (False, True, False), (True, False, True), (True, True, True)],
)
def test_templates_are_read_again_in_debug_mode(site: App, setting: bool | None, debug: bool, expected: bool) -> None:
    """``TEMPLATES_AUTO_RELOAD`` decides; where it is None, debug mode does."""
    site.config.update(TEMPLATES_AUTO_RELOAD=setting, DEBUG=debug)
    assert site.jinja_env.auto_reload is expected


def test_a_changed_template_is_read_again(site: App, tmp_path: Path) -> None:
    """With reloading on, a rendering after the file has changed uses the new text."""
    site.config["TEMPLATES_AUTO_RELOAD"] = True
    with site.app_context():
        assert render_template("page.txt", value=1) == "1"
        write(tmp_path / "templates", page_txt="new {{ value }}")
        later = time.time() + 10
        os.utime(tmp_path / "templates" / "page.txt", (later, later))
        assert render_template("page.txt", value=1) == "new 1"


def test_an_environment_of_ones_own(tmp_path: Path) -> None:
    """A subclass of the environment is named by the application class, a loader made by its method."""

    class OwnEnvironment(Environment):
        pass

    class Own(App):
        jinja_environment: Any = OwnEnvironment

        def create_global_jinja_loader(self) -> Any:
            return jinja2.DictLoader({"index.html": "own"})

    app = Own("own", root_path=str(tmp_path))
    assert isinstance(app.jinja_env, OwnEnvironment)
    with app.app_context():
        assert render_template("index.html") == "own"


# The loader


def test_the_application_comes_before_its_blueprints(site: App, blueprints: tuple[Blueprint, Blueprint]) -> None:
    """Of templates with the same name the application's is taken, then that of the blueprint registered first."""
    client = site.test_client()
    assert client.get("/blog/page.html").text == "<p>"
    assert client.get("/blog/shared.html").text == "shop's shared"


def test_all_templates_are_listed_once(site: App, blueprints: tuple[Blueprint, Blueprint]) -> None:
    """The list has the names of the application's and the blueprints' templates, each once."""
    assert sorted(site.jinja_env.list_templates()) == [
        "base.html",
        "child.html",
        "page.html",
        "page.txt",
        "shared.html",
    ]


def test_a_missing_template_is_explained(site: App, tmp_path: Path, blueprints: tuple[Blueprint, Blueprint]) -> None:
    """The error names the template, each folder that was searched, the nearest name, and what to do."""
    with site.app_context(), pytest.raises(jinja2.TemplateNotFound) as caught:
        render_template("pages.html")
    assert type(caught.value) is MissingTemplate
    assert (caught.value.name, caught.value.templates) == ("pages.html", ["pages.html"])
    assert str(caught.value) == (
        "The template 'pages.html' was not found. Searched, in this order:\n"
        f"  - application 'site': {tmp_path}/templates\n"
        f"  - blueprint 'shop' (package.shop): {tmp_path}/shop/templates\n"
        f"  - blueprint 'blog' (package.blog): {tmp_path}/blog/templates\n"
        "Put the file into one of these places, or correct the name. Did you mean 'page.html'?"
    )


def test_nothing_is_guessed_where_nothing_is_near(site: App) -> None:
    """Without a similar name there is no suggestion."""
    with site.app_context(), pytest.raises(MissingTemplate) as caught:
        render_template("zzz")
    assert str(caught.value).endswith("or correct the name.")


def test_several_missing_templates_are_explained(site: App, tmp_path: Path) -> None:
    """Where none of several names exists, the error lists the names and the folders."""
    with site.app_context(), pytest.raises(jinja2.TemplatesNotFound) as caught:
        render_template(["a.html", "b.html"])
    assert "a.html, b.html" in str(caught.value)
    assert f"application 'site': {tmp_path}/templates" in str(caught.value)


def test_without_a_folder_the_error_asks_for_one(tmp_path: Path) -> None:
    """Where neither the application nor a blueprint has a folder, the error says how to give one."""
    app = App("bare", root_path=str(tmp_path), template_folder=None)
    assert app.jinja_env.list_templates() == []
    with app.app_context(), pytest.raises(MissingTemplate, match="template_folder='templates'"):
        render_template("a.html")


def test_a_loader_that_cannot_list_is_named_by_its_class(site: App) -> None:
    """A blueprint's loader may be of any kind; one that has no folders and no list is named."""
    blueprint = Blueprint("other", "package.other")
    loader: Any = jinja2.FunctionLoader(lambda name: None)
    blueprint.jinja_loader = loader
    site.register_blueprint(blueprint)
    with site.app_context(), pytest.raises(MissingTemplate) as caught:
        render_template("pages.html")
    assert "blueprint 'other' (package.other): FunctionLoader" in str(caught.value)
    assert "Did you mean" not in str(caught.value)


def test_an_error_made_like_jinjas_still_works() -> None:
    """The exception can be made from a name alone, as copying and pickling do."""
    assert "'a.html' was not found" in str(MissingTemplate("a.html"))


def test_a_missing_include_can_be_ignored(site: App) -> None:
    """Templates may include what might not exist."""
    with site.app_context():
        assert render_template_string("a{% include 'none.html' ignore missing %}b") == "ab"


# EXPLAIN_TEMPLATE_LOADING


@pytest.fixture
def explain(site: App, caplog: pytest.LogCaptureFixture) -> Callable[[str], str]:
    """Returns a function that requests a path with explanations on and gives what was logged."""

    def get(path: str) -> str:
        site.config["EXPLAIN_TEMPLATE_LOADING"] = True
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="site"), contextlib.suppress(jinja2.TemplateNotFound):
            site.test_client().get(path)
        return "\n".join(record.getMessage() for record in caplog.records)

    return get


def test_loading_is_explained(
    tmp_path: Path, blueprints: tuple[Blueprint, Blueprint], explain: Callable[[str], str]
) -> None:
    """The log says which loaders were asked, with their folders, and what each found."""
    lines = explain("/shop/page.txt").splitlines()
    assert lines[0] == "Locating template 'page.txt':"
    assert lines[1] == "    1: trying loader of application 'site'"
    assert lines[2] == "       class: jinja2.loaders.FileSystemLoader"
    assert f"       searchpath: ['{tmp_path}/templates']" in lines
    assert f"       -> found ('{tmp_path}/templates/page.txt')" in lines
    assert "    2: trying loader of blueprint 'shop' (package.shop)" in lines
    assert "    3: trying loader of blueprint 'blog' (package.blog)" in lines
    assert lines.count("       -> no match") == 2
    assert lines[-1] == "       -> no match"


def test_a_hidden_template_is_pointed_out(
    blueprints: tuple[Blueprint, Blueprint], explain: Callable[[str], str]
) -> None:
    """Where several loaders have the template, the log says which is used and how to keep names apart."""
    text = explain("/blog/shared.html")
    assert "Warning: 2 loaders have the template. That of blueprint 'shop' (package.shop) is used" in text
    assert "looked up from an endpoint that belongs to the blueprint 'blog'" in text
    assert "'blog/shared.html'" in text


def test_a_missing_template_is_pointed_out(
    blueprints: tuple[Blueprint, Blueprint], explain: Callable[[str], str]
) -> None:
    """Where no loader has the template, the log says so and names the blueprint of the request."""
    text = explain("/blog/none.html")
    assert "Error: the template could not be found." in text
    assert "belongs to the blueprint 'blog'" in text


def test_an_explanation_without_a_request(site: App, caplog: pytest.LogCaptureFixture) -> None:
    """Outside of a request, or of a blueprint, the log has no hint about blueprints; texts have no file."""
    site.config["EXPLAIN_TEMPLATE_LOADING"] = True
    loader: Any = jinja2.DictLoader({"a.html": "text"})
    site.jinja_loader = loader
    with caplog.at_level(logging.INFO, logger="site"), site.app_context():
        assert render_template("a.html") == "text"
        with pytest.raises(MissingTemplate):
            render_template("b.html")
    assert "-> found ('<string>')" in caplog.text
    assert "could not be found" in caplog.text
    assert "blueprint" not in caplog.text


def test_the_loader_is_the_applications(site: App) -> None:
    """The environment's loader is the dispatching one unless the application makes another."""
    loader = site.jinja_env.loader
    assert isinstance(loader, DispatchingJinjaLoader)
    assert loader.app is site


def test_templates_do_what_flasks_do(tmp_path: Path) -> None:
    """A program with inheritance, processors, filters, macros, streams and signals gives the same with Flask."""
    write(
        tmp_path / "templates",
        base_html="{% block a %}base{% endblock %}|{{ injected }}|{% include ['none.html', 'part.txt'] %}",
        child_html="{% extends 'base.html' %}{% block a %}{{ super() }} {{ value|shout }}{% endblock %}",
        part_txt="{{ value }} {{ request.args.q }}",
    )
    result = assert_same_as_flask(
        f"""
app = App("x", root_path={str(tmp_path)!r})
app.secret_key = "k"
bp = framework.Blueprint("bp", "bp", root_path="/nowhere", template_folder="t")
names = []
framework.signals.template_rendered.connect(
    lambda sender, template, context, **kw: names.append([template.name, sorted(context)]), app, weak=False)

@app.template_filter()
def shout(text):
    return text.upper() + "<"

@app.template_test("loud")
def is_loud(text):
    return text.isupper()

@app.template_global()
def add(a, b):
    return a + b

@app.context_processor
def inject():
    return {{"injected": "<site>"}}

@bp.context_processor
def inject_bp():
    return {{"injected": "<bp>"}}

@app.get("/page")
@bp.get("/bp")
def page():
    return framework.render_template("child.html", value="<v>")

@app.get("/stream")
def stream():
    return framework.stream_template("child.html", value="<v>")

@app.get("/string")
def string():
    return framework.render_template_string(
        "{{{{ add(1, 2) }}}} {{{{ 'A' is loud }}}} {{{{ url_for('string', x='ä&') }}}} {{{{ {{'a': '<'}}|tojson }}}}"
        "{{{{ config.SECRET_KEY }}}} {{{{ session.get('n', 1) }}}} {{{{ [1, 2]|map('string')|join('-') }}}}")

app.register_blueprint(bp)
client = app.test_client()
result = [[client.get(path).text, client.get(path).headers.get("Vary")]
          for path in ["/page?q=1", "/bp?q=2", "/stream?q=3", "/string"]]
result.append(names)
"""
    )
    assert len(result) == 5


_names = st.dictionaries(st.sampled_from(["a", "b", "range", "request", "config"]), st.integers(), max_size=4)


@given(own=_names, added=_names, values=_names, local=st.none() | _names, shared=st.booleans())
def test_a_context_equals_jinjas(
    own: dict[str, int], added: dict[str, int], values: dict[str, int], local: dict[str, int] | None, shared: bool
) -> None:
    """Merging the globals first gives the context that Jinja makes: names, order, and which of them are globals."""
    app = App("merged", static_folder=None, root_path="/")
    template = app.jinja_env.from_string("{{ a }}{{ b }}", own)
    assert type(template) is MergedTemplate
    app.jinja_env.globals.update(added)  # also what is added after the template was loaded

    def outcome(new_context: Callable[..., Any]) -> Any:
        context = new_context(template, dict(values), shared, local)
        return list(context.parent.items()), context.vars, context.globals_keys, context.get_exported(), context.name

    assert outcome(MergedTemplate.new_context) == outcome(jinja2.Template.new_context)
    assert template.render(values) == jinja2.Template.render(template, values)
    template.globals["a"] = "own global"
    assert template.render(b="") == "own global"


def test_the_default_processor_is_the_first_of_the_list(app: App) -> None:
    """Programs find it there, and may take it away or put something before it."""
    assert app.template_context_processors[None] == [default_context_processor]
    app.template_context_processors[None].insert(0, lambda: {"g": "mine", "word": "hello"})
    with app.test_request_context("/shop"):
        assert render_template_string("{{ word }} {{ request.path }} {{ g == 'mine' }}") == "hello /shop False"
        values: dict[str, Any] = {}
        app.template_context_processors[None] = []
        app.update_template_context(values)
        assert values == {}
