"""What an application and a blueprint register in the same way: views, hooks, handlers, and their folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from jinja2 import FileSystemLoader
from werkzeug.exceptions import Forbidden, HTTPException, NotFound

from costrel import App, Blueprint
from costrel.cli import AppGroup
from costrel.registrar import Registrar, calling_line, hook_names, setupmethod

#: Makes either of the two that share what is tested here; the folder is where its files are.
MAKERS: list[Callable[..., Any]] = [
    lambda root=".", **options: App("program", root_path=str(root), **options),
    lambda root=".", **options: Blueprint("part", "program", root_path=str(root), **options),
]
both = pytest.mark.parametrize("make", MAKERS, ids=["app", "blueprint"])


@both
def test_a_name_is_shown(make: Callable[..., Any]) -> None:
    """The representation shows class and name."""
    thing = make()
    assert repr(thing) == f"<{type(thing).__name__} {thing.name!r}>"


@both
@pytest.mark.parametrize(
    ("folder", "path", "url_path"),
    [
        (None, None, None),
        ("static", "static", "/static"),
        ("static/", "static", "/static"),
        ("files/public", "files/public", "/public"),
        (PurePosixPath("files/public"), "files/public", "/public"),
        ("", "", ""),
        ("/absolute", "/absolute", "/absolute"),
    ],
)
def test_the_static_folder(
    make: Callable[..., Any], folder: Any, path: str | None, url_path: str | None, tmp_path: Path
) -> None:
    """It may be a text or a path, ends without a slash, lies below the root, and gives the URL its last name."""
    thing = make(tmp_path, static_folder=folder)
    assert thing.static_folder == (None if path is None else os.path.join(tmp_path, path))
    assert thing.has_static_folder is (folder is not None)
    assert thing.static_url_path == url_path


@both
@pytest.mark.parametrize(("given", "kept"), [("/files", "/files"), ("/files/", "/files"), ("", ""), ("/", "")])
def test_the_static_url_path(make: Callable[..., Any], given: str, kept: str) -> None:
    """One that is given is kept without its last slash, also the empty one; None goes back to the folder's name."""
    thing = make(static_folder="static", static_url_path=given)
    assert thing.static_url_path == kept
    thing.static_url_path = None
    assert thing.static_url_path == "/static"


@both
def test_static_files_need_a_folder(make: Callable[..., Any]) -> None:
    """Sending a static file without a folder is an error that names the setting."""
    with pytest.raises(RuntimeError, match="'static_folder' must be set"):
        make(static_folder=None).send_static_file("a.txt")


@both
@pytest.mark.parametrize(
    ("setting", "seconds"), [(None, None), (60, 60), (timedelta(hours=1), 3600), (timedelta(milliseconds=1500), 1)]
)
def test_static_files_may_be_kept(make: Callable[..., Any], app: App, setting: Any, seconds: int | None) -> None:
    """``SEND_FILE_MAX_AGE_DEFAULT`` is a number of seconds or a timedelta."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = setting
    with app.app_context():
        assert make().get_send_file_max_age("a.txt") == seconds


@both
@pytest.mark.parametrize(
    ("mode", "encoding", "content"),
    [("rb", None, b"gr\xfcn\n"), ("r", "latin-1", "grün\n"), ("rt", "latin-1", "grün\n")],
)
def test_resources(make: Callable[..., Any], mode: str, encoding: str | None, content: Any, tmp_path: Path) -> None:
    """A file beside the module is opened as bytes, or as text in a given encoding."""
    (tmp_path / "colour.txt").write_bytes(b"gr\xfcn\n")
    with make(tmp_path).open_resource("colour.txt", mode, encoding) as file:
        assert file.read() == content


@both
@pytest.mark.parametrize("mode", ["w", "a", "r+", "x", ""])
def test_resources_are_not_written(make: Callable[..., Any], mode: str, tmp_path: Path) -> None:
    """Any mode but reading is refused, and no file is made."""
    with pytest.raises(ValueError, match="only be opened for reading"):
        make(tmp_path).open_resource("new.txt", mode)
    assert list(tmp_path.iterdir()) == []


@both
def test_the_template_folder(make: Callable[..., Any], tmp_path: Path) -> None:
    """The loader reads the folder below the root; without a folder there is none."""
    (tmp_path / "pages").mkdir()
    loader = make(tmp_path, template_folder=Path("pages")).jinja_loader
    assert isinstance(loader, FileSystemLoader)
    assert loader.searchpath == [str(tmp_path / "pages")]
    assert make(tmp_path, template_folder=None).jinja_loader is None


@both
def test_commands(make: Callable[..., Any]) -> None:
    """The group of commands is made once, when first asked for, under the name."""
    thing = make()
    assert "cli" not in vars(thing)
    assert isinstance(thing.cli, AppGroup)
    assert thing.cli is thing.cli
    assert thing.cli.name == thing.name


@both
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_decorator_for_each_method(make: Callable[..., Any], method: str) -> None:
    """``@app.get`` and its like register the view for that method only, and leave the function as it is."""
    thing = make()

    def view() -> str:
        return method

    assert getattr(thing, method)("/page", endpoint="named")(view) is view
    app: App = thing if isinstance(thing, App) else App("program")
    if isinstance(thing, Blueprint):
        app.register_blueprint(thing)
    client = app.test_client()
    answers = {
        name: client.open("/page", method=name).status_code for name in ("GET", "POST", "PUT", "DELETE", "PATCH")
    }
    assert answers == {name: 200 if name == method.upper() else 405 for name in answers}
    assert any(endpoint.split(".")[-1] == "named" for endpoint in app.view_functions)


@both
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_decorator_for_one_method_takes_no_methods(make: Callable[..., Any], method: str) -> None:
    """Its ``methods`` argument would contradict its name."""
    with pytest.raises(TypeError, match="Use the 'route' decorator"):
        getattr(make(), method)("/page", methods=["GET"])


def test_route_passes_its_options_on(app: App) -> None:
    """Endpoint, methods, defaults and the rule's own options reach the rule."""

    @app.route("/page/", endpoint="named", methods=["post"], defaults={"n": 1}, strict_slashes=False)
    def view(n: int) -> str:
        return str(n)

    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "named")
    assert rule.methods == {"POST", "OPTIONS"}
    assert rule.defaults == {"n": 1}
    assert rule.strict_slashes is False
    assert app.test_client().post("/page").text == "1"


def test_a_view_may_be_registered_apart_from_its_rule(app: App) -> None:
    """``endpoint`` registers the view of a rule that was added without one."""
    app.add_url_rule("/page", endpoint="page")

    @app.endpoint("page")
    def anything() -> str:
        return "found"

    assert app.view_functions == {"static": app.view_functions["static"], "page": anything}
    assert app.test_client().get("/page").text == "found"


def test_a_rule_without_a_view_is_explained(app: App) -> None:
    """A request for it raises, and names the endpoint."""
    app.add_url_rule("/page", endpoint="page")
    with pytest.raises(Exception, match="page"):
        app.test_client().get("/page")


HOOKS = [
    ("before_request", "before_request_funcs"),
    ("after_request", "after_request_funcs"),
    ("teardown_request", "teardown_request_funcs"),
    ("context_processor", "template_context_processors"),
    ("url_value_preprocessor", "url_value_preprocessors"),
    ("url_defaults", "url_default_functions"),
]


@both
@pytest.mark.parametrize(("decorator", "table"), HOOKS)
def test_hooks_are_kept_in_order(make: Callable[..., Any], decorator: str, table: str) -> None:
    """Each decorator appends to its table under None and gives the function back."""
    thing = make()
    present = list(getattr(thing, table).get(None, []))
    first, second = (lambda *args: None), (lambda *args: None)
    assert getattr(thing, decorator)(first) is first
    assert getattr(thing, decorator)(second) is second
    assert getattr(thing, table)[None] == [*present, first, second]


class Problem(Exception):
    """An error of a program."""


class Refused(Forbidden):
    """An HTTP error of a program, with a code that werkzeug knows."""


class Unusual(HTTPException):
    """An HTTP error with a code that werkzeug does not know."""

    code = 499


@both
@pytest.mark.parametrize(
    ("key", "code", "cls"),
    [
        (404, 404, NotFound),
        (NotFound, 404, NotFound),
        (Refused, 403, Refused),
        (Unusual, 499, Unusual),
        (Problem, None, Problem),
        (Exception, None, Exception),
        (HTTPException, None, HTTPException),
    ],
)
def test_error_handlers_are_kept_by_code_and_class(make: Callable[..., Any], key: Any, code: Any, cls: Any) -> None:
    """A code stands for the class that werkzeug has for it; a class brings its code along."""
    by_decorator, by_call = make(), make()

    def handler(error: Exception) -> str:
        return str(error)

    assert by_decorator.errorhandler(key)(handler) is handler
    by_call.register_error_handler(key, handler)
    for thing in (by_decorator, by_call):
        assert {name: dict(codes) for name, codes in thing.error_handler_spec.items()} == {None: {code: {cls: handler}}}


@both
@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        (999, ValueError, "'999' is not a recognized HTTP error code. Use a subclass of HTTPException"),
        (NotFound(), TypeError, "is an instance, not a class"),
        (Problem(), TypeError, "is an instance, not a class"),
        (KeyboardInterrupt, ValueError, "'KeyboardInterrupt' is not a subclass of Exception"),
        (int, ValueError, "'int' is not a subclass of Exception"),
    ],
)
def test_what_no_handler_can_be_for(make: Callable[..., Any], key: Any, error: type[Exception], words: str) -> None:
    """Unknown codes, instances, and classes that are no exceptions are refused with a word on what to give."""
    with pytest.raises(error, match=words):
        make().register_error_handler(key, lambda error: "")


def test_registering_is_refused_by_the_class_that_knows_when() -> None:
    """A method under ``setupmethod`` asks first, under its own name, and keeps name and docstring."""

    class Thing(Registrar):
        def _check_setup_finished(self, f_name: str) -> None:
            asked.append(f_name)

        @setupmethod
        def register(self, value: int, *, twice: bool = False) -> int:
            """Registers a number."""
            return value * 2 if twice else value

    asked: list[str] = []
    assert Thing("thing").register(3, twice=True) == 6
    assert asked == ["register"]
    assert Thing.register.__name__ == "register"
    assert Thing.register.__doc__ == "Registers a number."


def test_what_a_registrar_leaves_to_its_subclasses() -> None:
    """When registering is over, and what a rule is added to, only App and Blueprint know."""
    with pytest.raises(NotImplementedError):
        Registrar("thing")._check_setup_finished("route")
    with pytest.raises(NotImplementedError):
        Registrar("thing").add_url_rule("/")


def test_the_calling_line_is_the_callers() -> None:
    """A caller outside of costrel is named by file and line."""
    assert calling_line().rpartition(":")[0] == __file__


def test_the_calling_line_without_a_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every caller is in costrel, the outermost one is named."""
    monkeypatch.setattr("costrel.registrar.os.path.dirname", lambda path: "")
    assert calling_line().rpartition(":")[2].isdigit()


@pytest.mark.parametrize(
    ("blueprints", "names"), [((), (None,)), (("a",), (None, "a")), (("a.b", "a"), (None, "a", "a.b"))]
)
def test_hook_names_go_inwards(blueprints: tuple[str, ...], names: tuple[str | None, ...]) -> None:
    """Hooks of the application come first, then those of the outer blueprint, then those of the inner one."""
    assert hook_names(blueprints) == names
