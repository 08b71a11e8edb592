"""ScriptInfo, commands with the application context, and groups of them."""

from __future__ import annotations

import functools

import click
import pytest
from click.testing import CliRunner

from costrel import App, current_app, environment
from costrel.cli import AppGroup, NoAppException, ScriptInfo, pass_script_info, with_appcontext
from tests.support.command_line import Write, make_app


def test_script_info_loads_once() -> None:
    """The factory is called for the first command that asks only."""
    calls: list[int] = []

    def create() -> App:
        calls.append(1)
        return make_app()

    info = ScriptInfo(create_app=create)
    assert info.load_app() is info.load_app()
    assert calls == [1]
    assert info.data == {}


@pytest.mark.parametrize(
    "path", ["hello:named", "hello.py:named", "hello:create('named')", "./hello.py:named", "hello:create(name='named')"]
)
def test_script_info_by_path(write: Write, path: str) -> None:
    """Every form of ``--app`` leads to the application."""
    write(
        "hello.py",
        "from costrel import App\nnamed = App('named')\nother = App('other')\ndef create(name): return App(name)\n",
    )
    assert ScriptInfo(app_import_path=path).load_app().name == "named"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["app.py"], "app.py"),
        (["wsgi.py"], "wsgi.py"),
        (["app.py", "wsgi.py"], "wsgi.py"),
    ],
)
def test_discovery(write: Write, files: list[str], name: str) -> None:
    """Without a name, ``wsgi.py`` and then ``app.py`` of the current directory are looked at."""
    for file in files:
        write(file, f"from costrel import App\napp = App({file!r})\n")
    assert ScriptInfo().load_app().name == name


@pytest.mark.usefixtures("write")
def test_nothing_to_discover(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty directory, the ways to name an application are listed, with each prefix that is read."""
    with pytest.raises(NoAppException, match=r"--app.*variable COSTREL_APP,.*app\.py"):
        ScriptInfo().load_app()
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    with pytest.raises(NoAppException, match="FLASK_APP or COSTREL_APP"):
        ScriptInfo().load_app()


@pytest.mark.parametrize(("flag", "expected"), [("1", True), ("0", False)])
def test_debug_flag(monkeypatch: pytest.MonkeyPatch, flag: str, expected: bool) -> None:
    """Loading sets the application's debug mode from the environment, unless told not to."""
    monkeypatch.setenv("COSTREL_DEBUG", flag)
    assert ScriptInfo(create_app=make_app).load_app().debug is expected
    app = make_app()
    app.debug = not expected
    assert ScriptInfo(create_app=lambda: app, set_debug_flag=False).load_app().debug is not expected


def test_with_appcontext(runner: CliRunner) -> None:
    """A decorated command has the application's context, with arguments and the right name."""

    @click.command()
    @click.argument("word")
    @with_appcontext
    def say(word: str) -> None:
        """Say it."""
        click.echo(f"{current_app.name} {word}")

    result = runner.invoke(say, ["hi"], obj=ScriptInfo(create_app=make_app))
    assert (result.exit_code, result.output, say.name) == (0, "shop hi\n", "say")


def test_with_appcontext_inside_one(runner: CliRunner, app: App) -> None:
    """Where an application is current already, no other one is loaded."""

    @click.command()
    @with_appcontext
    def say() -> None:
        click.echo(current_app.name)

    with app.app_context():
        assert runner.invoke(say, obj=ScriptInfo(create_app=make_app)).output == f"{app.name}\n"


def test_app_group(runner: CliRunner) -> None:
    """Commands of a group and of groups in it have the context, unless they ask not to."""
    group = AppGroup("tool")

    @group.command()
    def with_it() -> None:
        click.echo(current_app.name)

    @group.command(with_appcontext=False)
    def without_it() -> None:
        click.echo(bool(current_app))

    @group.group()
    def inner() -> None:
        pass

    @inner.command()
    def deep() -> None:
        click.echo(f"deep {current_app.name}")

    run = functools.partial(runner.invoke, group, obj=ScriptInfo(create_app=make_app))
    assert run(["with-it"]).output == "shop\n"
    assert run(["without-it"]).output == "False\n"
    assert run(["inner", "deep"]).output == "deep shop\n"
    assert isinstance(inner, AppGroup)


def test_pass_script_info(runner: CliRunner) -> None:
    """A command may take the ScriptInfo rather than the application."""

    @click.command()
    @pass_script_info
    def show(info: ScriptInfo) -> None:
        click.echo(info.app_import_path)

    assert runner.invoke(show, obj=ScriptInfo("hello")).output == "hello\n"
