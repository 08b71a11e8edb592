"""The command line: finding the application, the built-in commands, groups, options and environment files."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import ssl
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from werkzeug import serving

from costrel import App, current_app, environment
from costrel import cli as command_line
from costrel.cli import (
    AppGroup,
    FlaskGroup,
    NoAppException,
    ScriptInfo,
    find_app_by_string,
    find_best_app,
    get_version,
    load_dotenv,
    locate_app,
    pass_script_info,
    prepare_import,
    run_app,
    run_command,
    with_appcontext,
)

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forgets the modules that a test imports, and what it adds to the search path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        # What lies in an installation stays: importing it twice would make each of its classes twice.
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and "site-packages" not in file and not name.startswith("costrel"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file below an empty current directory, without bytecode that would outlive it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, text: str = "") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def runner() -> CliRunner:
    """Runs commands in this process."""
    return CliRunner()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments with which werkzeug's server was called; it does not run."""
    calls: list[dict[str, Any]] = []

    def run_simple(hostname: str, port: int, application: Any, **options: Any) -> None:
        calls.append({"hostname": hostname, "port": port, "application": application, **options})

    monkeypatch.setattr(serving, "run_simple", run_simple)
    return calls


def module(**attributes: Any) -> types.ModuleType:
    """Returns a module named ``shop`` with these attributes."""
    made = types.ModuleType("shop")
    vars(made).update(attributes)
    return made


def make_app(name: str = "shop") -> App:
    """Returns an application without routes."""
    return App(name, static_folder=None)


def hello_group(app: App | None = None, **extra: Any) -> FlaskGroup:
    """Returns a command line of an application."""
    return FlaskGroup(name="tool", create_app=lambda: app or make_app(), **extra)


# Finding the application


FIRST, SECOND = make_app("first"), make_app("second")


def _wants_argument(name: str) -> App:
    return make_app(name)


def _default_argument(name: str = "default") -> App:
    return make_app(name)


def _broken_factory() -> App:
    raise TypeError("a mistake in the factory")


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"app": FIRST}, "first"),
        ({"application": FIRST}, "first"),
        ({"anything": FIRST}, "first"),
        ({"app": FIRST, "other": SECOND}, "first"),
        ({"application": SECOND, "other": FIRST}, "second"),
        ({"app": "no application", "other": SECOND}, "second"),
        ({"create_app": make_app}, "shop"),
        ({"make_app": make_app}, "shop"),
        ({"create_app": _default_argument}, "default"),
        ({"app": FIRST, "create_app": make_app}, "first"),
        ({"create_app": lambda: None, "make_app": make_app}, "shop"),
        ({"App": App, "current_app": current_app, "one": FIRST}, "first"),
    ],
)
def test_best_app(attributes: dict[str, Any], name: str) -> None:
    """A module's application is the one with a usual name, else the only one, else what a usual factory makes."""
    assert find_best_app(module(**attributes)).name == name


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "'shop:name'"),
        ({"App": App}, "neither an application nor a factory"),
        ({"create_app": "no function"}, "neither an application nor a factory"),
        ({"create_app": lambda: None}, "neither an application nor a factory"),
        ({"one": FIRST, "two": SECOND}, "one, two"),
        ({"create_app": _wants_argument}, "shop:create_app(args)"),
    ],
)
def test_no_best_app(attributes: dict[str, Any], said: str) -> None:
    """A module without a clear application is refused with what to write instead."""
    with pytest.raises(NoAppException) as refused:
        find_best_app(module(**attributes))
    assert said in refused.value.message


def test_error_in_factory_is_its_own() -> None:
    """A TypeError that the factory's own code raises is not taken for wrong arguments."""
    with pytest.raises(TypeError, match="a mistake in the factory"):
        find_best_app(module(create_app=_broken_factory))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("first", "first"),
        (" first ", "first"),
        ("make", "shop"),
        ("make()", "shop"),
        ('make("named")', "named"),
        ("make(name='named')", "named"),
        (' make ( "named", ) ', "named"),
    ],
)
def test_app_by_string(text: str, name: str) -> None:
    """A text names a variable, a factory, or a call of a factory with literals."""
    assert find_app_by_string(module(first=FIRST, make=make_app), text).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no.name", "neither a name nor a call"),
        ("1 +", "neither a name nor a call"),
        ("", "neither a name nor a call"),
        ("first.cli()", "plain name"),
        ("make(first)", "literals"),
        ("make(**{})", "'**'"),
        ("missing", "no attribute 'missing'"),
        ("make(1, 2, 3)", "make(name: 'str' = 'shop')"),
        ("make(other=1)", "does not take these arguments"),
        ("number", "type 'int'"),
        ("nothing()", "type 'NoneType'"),
    ],
)
def test_no_app_by_string(text: str, said: str) -> None:
    """A text that leads to no application is refused with the reason."""
    with pytest.raises(NoAppException) as refused:
        find_app_by_string(module(first=FIRST, make=make_app, number=1, nothing=lambda: None), text)
    assert said in refused.value.message


def test_error_in_named_factory_is_its_own() -> None:
    """A TypeError of a factory that was named is left as it is, too."""
    with pytest.raises(TypeError, match="a mistake in the factory"):
        find_app_by_string(module(create=_broken_factory), "create()")


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("test", "", "test"),
        ("test.py", "", "test"),
        ("a/test", "a", "test"),
        ("test/__init__.py", "", "test"),
        ("package/inner/module.py", "", "package.inner.module"),
        ("package", "", "package"),
        ("package.inner", "", "package.inner"),
        ("some.module", "", "some.module"),
        ("text.txt", "", "text.txt"),
    ],
)
def test_prepare_import(write: Write, tmp_path: Path, path: str, folder: str, name: str) -> None:
    """The folder of the outermost package goes to the front of the search path, and the dotted name is returned."""
    write("package/__init__.py")
    write("package/inner/__init__.py")
    assert prepare_import(path) == name
    assert prepare_import(path) == name
    expected = os.path.realpath(tmp_path / folder)
    assert sys.path[0] == expected
    assert sys.path.count(expected) == 1


def test_locate_app(write: Write) -> None:
    """A module is imported by its name, and its application found."""
    write("shop_of_names.py", "from costrel import App\none = App('one')\ntwo = App('two')\n")
    write("shop_of_one.py", "from costrel import App\napp = App('one')\n")
    prepare_import("shop_of_one.py")
    assert locate_app("shop_of_one", None).name == "one"
    assert locate_app("shop_of_names", "two").name == "two"


def test_locate_app_without_module() -> None:
    """A module that is not there is refused, unless that was asked not to matter."""
    with pytest.raises(NoAppException, match="no module 'not_there_at_all'"):
        locate_app("not_there_at_all", None)
    assert locate_app("not_there_at_all", None, raise_if_not_found=False) is None


@pytest.mark.parametrize("raise_if_not_found", [True, False])
def test_import_error_in_the_module(write: Write, raise_if_not_found: bool) -> None:
    """A failed import inside the module is shown with its traceback, never taken for a missing module."""
    write("importing.py", "import not_there_at_all\n")
    prepare_import("importing.py")
    with pytest.raises(NoAppException) as refused:
        locate_app("importing", None, raise_if_not_found=raise_if_not_found)
    assert "Traceback" in refused.value.message
    assert "importing.py" in refused.value.message
    assert isinstance(refused.value.__cause__, ModuleNotFoundError)


# ScriptInfo


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


# Commands and groups


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


def test_commands_of_the_application(runner: CliRunner) -> None:
    """The application's commands are listed with the built-in ones, run with its context, and close it."""
    app = make_app()
    closed: list[str] = []
    app.teardown_appcontext(lambda error: closed.append("closed"))

    @app.cli.command()
    @click.option("--word", callback=lambda ctx, param, value: current_app.name)
    def say(word: str) -> None:
        """Say the name."""
        click.echo(word)

    group = hello_group(app)
    assert runner.invoke(group, ["say"]).output == "shop\n"
    assert closed == ["closed"]
    listed = runner.invoke(group, ["--help"]).output
    assert [name for name in ("routes", "run", "say", "shell") if f"  {name} " in listed] == [
        "routes",
        "run",
        "say",
        "shell",
    ]


def test_command_group_has_the_name_of_the_application() -> None:
    """The group of an application's commands is named like the application."""
    assert make_app("named").cli.name == "named"


def test_built_in_commands_go_first(runner: CliRunner) -> None:
    """A command of the application does not hide a built-in one of the same name."""
    app = make_app()
    app.cli.command("routes")(lambda: click.echo("mine"))
    assert "No routes" in runner.invoke(hello_group(app), ["routes"]).output


def test_nested_group(runner: CliRunner) -> None:
    """A command line may be a part of another one."""
    outer = click.Group("outer")
    outer.add_command(hello_group())
    assert runner.invoke(outer, ["tool", "routes"]).output == "No routes were registered.\n"


def test_group_inside_a_context(runner: CliRunner) -> None:
    """Within the context of another application, the command still gets its own."""
    app = make_app("own")
    app.cli.command("say")(lambda: click.echo(current_app.name))
    with make_app("other").app_context():
        assert runner.invoke(hello_group(app), ["say"]).output == "own\n"


def test_group_without_extras(runner: CliRunner) -> None:
    """Default commands and the version option can be left out."""
    group = hello_group(add_default_commands=False, add_version_option=False)
    assert runner.invoke(group, ["run"]).exit_code == 2
    assert runner.invoke(group, ["--version"]).exit_code == 2


def test_own_parameters_and_settings(runner: CliRunner) -> None:
    """The maker of a group may give it parameters, an object and a prefix of environment variables."""
    info = ScriptInfo(create_app=functools.partial(make_app, "mine"))
    group = FlaskGroup(
        params=[click.Option(["--extra"], expose_value=False)],
        context_settings={"obj": info, "auto_envvar_prefix": "TOOL"},
    )

    @group.command()
    @click.option("--word")
    def say(word: str) -> None:
        click.echo(f"{current_app.name} {word}")

    assert runner.invoke(group, ["--extra", "1", "say"], env={"TOOL_SAY_WORD": "hi"}).output == "mine hi\n"


@pytest.mark.parametrize(("set_debug_flag", "output"), [(True, "False\n"), (False, "True\n")])
def test_group_sets_debug(runner: CliRunner, set_debug_flag: bool, output: str) -> None:
    """A group can leave the application's debug mode alone."""
    app = make_app()
    app.debug = True
    group = hello_group(app, set_debug_flag=set_debug_flag)
    group.command("tell")(lambda: click.echo(current_app.debug))
    assert runner.invoke(group, ["tell"]).output == output


def plugin_entry(name: str, command: click.Command) -> Any:
    """Returns what stands for an announced command of an installed package."""
    return types.SimpleNamespace(name=name, load=lambda: command)


def test_plugin_commands(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed packages add commands, looked up once, under the entry-point group of each prefix."""
    asked: list[str] = []

    def entry_points(*, group: str) -> list[Any]:
        asked.append(group)
        return [plugin_entry(f"from-{group[:5]}", click.Command("x", callback=lambda: click.echo(group)))]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    group = hello_group()
    assert runner.invoke(group, ["from-costr"]).output == "costrel.commands\n"
    assert runner.invoke(group, ["from-flask"]).output == "flask.commands\n"
    assert asked == ["flask.commands", "costrel.commands"]


@pytest.mark.usefixtures("write")
@pytest.mark.parametrize("args", [["missing"], ["--help"], []])
def test_no_application_is_told(runner: CliRunner, args: list[str]) -> None:
    """Where there is no application, that is said once, and help is shown all the same."""
    result = runner.invoke(command_line.cli, args)
    assert result.exit_code == (0 if args == ["--help"] else 2)
    assert "COSTREL_APP" in result.stderr
    assert "Usage:" in result.output
    assert result.output.count("COSTREL_APP environment variable") <= 1


def test_broken_application_is_told(runner: CliRunner) -> None:
    """An error of loading the application is shown with its traceback above the help."""

    def create_app() -> App:
        raise RuntimeError("oh no")

    result = runner.invoke(FlaskGroup(create_app=create_app), ["--help"])
    assert result.exit_code == 0
    assert "RuntimeError: oh no" in result.stderr
    assert "Traceback" in result.stderr
    assert "Usage:" in result.output


def test_help_lists_commands_of_the_application_from_the_environment(
    runner: CliRunner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Help without arguments knows the application that the environment names."""
    write("named.py", "from costrel import App\napp = App('named')\napp.cli.command('greet')(lambda: None)\n")
    monkeypatch.setenv("COSTREL_APP", "named")
    assert "greet" in runner.invoke(command_line.cli, []).output
    assert "greet" in runner.invoke(command_line.cli, ["--help"]).output


def test_a_second_prefix_counts(runner: CliRunner, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where FLASK goes first, FLASK_ variables are read, then COSTREL_ ones."""
    write("one.py", "from costrel import App\napp = App('one')\n")
    write("two.py", "from costrel import App\napp = App('two')\n")
    group = FlaskGroup(load_dotenv=False)
    group.command("name")(lambda: click.echo(current_app.name))
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    assert runner.invoke(group, ["name"], env={"COSTREL_APP": "one"}).output == "one\n"
    assert runner.invoke(group, ["name"], env={"COSTREL_APP": "one", "FLASK_APP": "two"}).output == "two\n"


def test_pass_script_info(runner: CliRunner) -> None:
    """A command may take the ScriptInfo rather than the application."""

    @click.command()
    @pass_script_info
    def show(info: ScriptInfo) -> None:
        click.echo(info.app_import_path)

    assert runner.invoke(show, obj=ScriptInfo("hello")).output == "hello\n"


def test_version(runner: CliRunner) -> None:
    """The version option tells Python's, costrel's and Werkzeug's versions."""
    output = runner.invoke(command_line.cli, ["--version"]).output
    assert output == (
        f"Python {platform.python_version()}\n"
        f"costrel {importlib.metadata.version('costrel')}\n"
        f"Werkzeug {importlib.metadata.version('werkzeug')}\n"
    )


def test_version_is_not_shown_while_completing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed while a shell completes a command, or without the option."""
    context = click.Context(command_line.cli, resilient_parsing=True)
    get_version(context, command_line.version_option, True)
    get_version(click.Context(command_line.cli), command_line.version_option, False)
    assert capsys.readouterr().out == ""


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``main`` runs the process's arguments and exits."""
    monkeypatch.setattr(sys, "argv", ["costrel", "--version"])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert stop.value.code == 0
    assert "Werkzeug" in capsys.readouterr().out


# The command `routes`


@pytest.fixture
def shop() -> App:
    """An application with some routes."""
    app = App("shop")

    @app.route("/get_post/<int:x>/<int:y>", methods=["GET", "POST"])
    def yyy_get_post(x: int, y: int) -> str:
        return ""

    @app.route("/zzz_post", methods=["POST"])
    def aaa_post() -> str:
        return ""

    return app


def endpoints(result: Result) -> list[str]:
    """Returns the first column of the table."""
    return [line.split()[0] for line in result.output.splitlines()[2:]]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["aaa_post", "static", "yyy_get_post"]),
        (["-s", "endpoint"], ["aaa_post", "static", "yyy_get_post"]),
        (["--sort", "methods"], ["static", "yyy_get_post", "aaa_post"]),
        (["-s", "rule"], ["yyy_get_post", "static", "aaa_post"]),
        (["-s", "domain"], ["aaa_post", "static", "yyy_get_post"]),
    ],
)
def test_routes_sorted(runner: CliRunner, shop: App, args: list[str], expected: list[str]) -> None:
    """The table can be sorted by each of its columns."""
    if args == ["-s", "domain"]:
        expected = [str(rule.endpoint) for rule in shop.url_map.iter_rules()]
    assert endpoints(runner.invoke(hello_group(shop), ["routes", *args])) == expected


def test_routes_in_the_order_of_matching(runner: CliRunner, shop: App) -> None:
    """The order of matching is that of the URL map."""
    expected = [str(rule.endpoint) for rule in shop.url_map.iter_rules()]
    assert endpoints(runner.invoke(hello_group(shop), ["routes", "-s", "match"])) == expected


def test_routes_table(runner: CliRunner, shop: App) -> None:
    """The table has a title, a ruler and a row for each rule, in columns."""
    lines = runner.invoke(hello_group(shop), ["routes"]).output.splitlines()
    assert [line.rstrip() for line in lines] == [
        "Endpoint      Methods    Rule",
        "------------  ---------  ------------------------",
        "aaa_post      POST       /zzz_post",
        "static        GET        /static/<path:filename>",
        "yyy_get_post  GET, POST  /get_post/<int:x>/<int:y>",
    ] or lines[1].count("-") > 30


def test_routes_all_methods(runner: CliRunner, shop: App) -> None:
    """HEAD and OPTIONS are shown on demand."""
    assert "GET, HEAD, OPTIONS, POST" not in runner.invoke(hello_group(shop), ["routes"]).output
    assert "GET, HEAD, OPTIONS, POST" in runner.invoke(hello_group(shop), ["routes", "--all-methods"]).output


def test_no_routes(runner: CliRunner) -> None:
    """An application without routes is said to have none."""
    result = runner.invoke(hello_group(), ["routes"])
    assert (result.exit_code, result.output) == (0, "No routes were registered.\n")


@pytest.mark.parametrize(("host_matching", "title"), [(False, "Subdomain"), (True, "Host")])
def test_routes_of_domains(runner: CliRunner, host_matching: bool, title: str) -> None:
    """Where rules have a subdomain or a host, that is a column, and can be sorted by."""
    app = App("shop", static_folder=None, host_matching=host_matching)
    option = "host" if host_matching else "subdomain"
    app.add_url_rule("/", endpoint="a", **{option: "later"})
    app.add_url_rule("/", endpoint="b", **{option: "before"})
    result = runner.invoke(hello_group(app), ["routes", "-s", "domain"])
    assert title in result.output
    assert endpoints(result) == ["b", "a"]


# The command `shell`


@pytest.fixture
def interact(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of the interactive prompt, which does not start."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("code.interact", lambda **arguments: calls.append(arguments))
    return calls


def test_shell(
    runner: CliRunner, interact: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell has the names of the startup file and of the application, whose banner it shows."""
    startup = tmp_path / "startup.py"
    startup.write_text("started = 1\nboth = 'startup'\n")
    hooks: list[int] = []
    monkeypatch.setattr(sys, "__interactivehook__", lambda: hooks.append(1), raising=False)
    app = make_app()
    app.shell_context_processor(lambda: {"thing": 2, "both": "application"})
    result = runner.invoke(hello_group(app), ["shell"], env={"PYTHONSTARTUP": str(startup)})
    assert result.exit_code == 0
    names = interact[0]["local"]
    assert (names["started"], names["thing"], names["both"], names["app"]) == (1, 2, "application", app)
    assert interact[0]["banner"].splitlines()[-2:] == ["App: shop", f"Instance: {app.instance_path}"]
    assert hooks == [1]


def test_shell_on_a_bare_platform(
    runner: CliRunner, interact: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither line editing nor a hook nor a startup file has to be there."""
    hooks: list[int] = []
    monkeypatch.setitem(sys.modules, "readline", None)
    monkeypatch.setattr(sys, "__interactivehook__", lambda: hooks.append(1), raising=False)
    assert runner.invoke(hello_group(), ["shell"], env={"PYTHONSTARTUP": "/not/there"}).exit_code == 0
    monkeypatch.delattr(sys, "__interactivehook__")
    assert runner.invoke(hello_group(), ["shell"], env={"PYTHONSTARTUP": None}).exit_code == 0
    assert (len(interact), hooks) == (2, [1])


# The command `run`


def test_run_defaults(runner: CliRunner, served: list[dict[str, Any]]) -> None:
    """Without options the application is served on port 5000 of this machine, without debugger and reloader."""
    app = make_app()
    result = runner.invoke(hello_group(app), ["run"])
    assert result.exit_code == 0
    assert (served[0]["hostname"], served[0]["port"], served[0]["application"]) == ("127.0.0.1", 5000, app)
    assert (served[0]["use_reloader"], served[0]["use_debugger"], served[0]["threaded"]) == (False, False, True)
    assert "Debug mode: off" in result.output


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--host", "0.0.0.0", "--port", "80"], {"hostname": "0.0.0.0", "port": 80}),
        (["-h", "::1", "-p", "0"], {"hostname": "::1", "port": 0}),
        (["--debug"], {"use_reloader": True, "use_debugger": True}),
        (["--debug", "--no-reload"], {"use_reloader": False, "use_debugger": True}),
        (["--debug", "--no-debugger"], {"use_reloader": True, "use_debugger": False}),
        (["--reload"], {"use_reloader": True, "use_debugger": False}),
        (["--debugger"], {"use_reloader": False, "use_debugger": True}),
        (["--without-threads"], {"threaded": False}),
        (["--with-threads"], {"threaded": True}),
        (["--extra-files", os.pathsep.join([__file__, "x"])], {"extra_files": [__file__, "x"]}),
        (["--exclude-patterns", os.pathsep.join(["*/a/*", "b"])], {"exclude_patterns": ["*/a/*", "b"]}),
    ],
)
def test_run_options(
    runner: CliRunner, served: list[dict[str, Any]], args: list[str], expected: dict[str, Any]
) -> None:
    """Each option reaches the server."""
    assert runner.invoke(hello_group(), ["run", *args]).exit_code == 0
    assert {name: served[0][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"COSTREL_RUN_PORT": "8000"}, {"port": 8000}),
        ({"COSTREL_RUN_HOST": "::1"}, {"hostname": "::1"}),
        ({"COSTREL_DEBUG": "1"}, {"use_reloader": True, "use_debugger": True}),
        ({"COSTREL_DEBUG": "0"}, {"use_reloader": False, "use_debugger": False}),
        ({"COSTREL_DEBUG": "1", "COSTREL_RUN_RELOAD": "0"}, {"use_reloader": False, "use_debugger": True}),
    ],
)
def test_run_from_the_environment(
    runner: CliRunner, served: list[dict[str, Any]], variables: dict[str, str], expected: dict[str, Any]
) -> None:
    """Each option can be set in the environment."""
    assert runner.invoke(hello_group(), ["run"], env=variables).exit_code == 0
    assert {name: served[0][name] for name in expected} == expected


@pytest.mark.parametrize(("args", "expected"), [(["--debug", "run"], True), (["--no-debug", "run"], False)])
def test_debug_before_the_command(
    runner: CliRunner, served: list[dict[str, Any]], args: list[str], expected: bool
) -> None:
    """The debug option may stand before the command, and goes before the environment; the application knows it."""
    app = make_app()
    assert runner.invoke(hello_group(app), args, env={"COSTREL_DEBUG": "0" if expected else "1"}).exit_code == 0
    assert (served[0]["use_debugger"], app.debug) == (expected, expected)


@pytest.mark.parametrize("port", ["-1", "65536", "abc"])
def test_run_refuses_a_bad_port(runner: CliRunner, served: list[dict[str, Any]], port: str) -> None:
    """A port that is none is a usage error."""
    assert runner.invoke(hello_group(), ["run", "--port", port]).exit_code == 2
    assert served == []


def test_run_says_why_it_cannot_start(runner: CliRunner, served: list[dict[str, Any]], tmp_path: Path) -> None:
    """A certificate that is none ends the command with the reason and no traceback."""
    file = tmp_path / "cert.pem"
    file.write_text("")
    result = runner.invoke(hello_group(), ["run", "--cert", str(file), "--key", str(file)])
    assert result.exit_code == 1
    assert "cert.pem" in result.output
    assert isinstance(result.exception, SystemExit)
    assert served == []


def cert_of(*args: str) -> Any:
    """Returns the certificate that the arguments of ``run`` lead to."""
    return run_command.make_context("run", list(args)).params["cert"]


def test_cert_files(tmp_path: Path) -> None:
    """A certificate file needs the file of its key."""
    file = str(tmp_path / "cert.pem")
    Path(file).touch()
    assert cert_of("--cert", file, "--key", file) == (file, file)
    with pytest.raises(click.BadParameter, match="key is needed"):
        cert_of("--cert", file)
    with pytest.raises(click.BadParameter, match="give --cert"):
        cert_of("--key", file)


def test_cert_adhoc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate made on the spot needs a package, whose extra is named, and has its own key."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(click.BadParameter, match=r"costrel\[tls\]"):
        cert_of("--cert", "adhoc")
    monkeypatch.setitem(sys.modules, "cryptography", types.ModuleType("cryptography"))
    assert cert_of("--cert", "adhoc") == "adhoc"
    assert cert_of("--cert", "AdHoc") == "adhoc"
    with pytest.raises(click.BadParameter, match="'adhoc'"):
        cert_of("--cert", "adhoc", "--key", __file__)


def test_cert_by_import_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS context may be named; anything else that can be imported is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    monkeypatch.setitem(sys.modules, "tls_settings", module(context=context))
    assert cert_of("--cert", "tls_settings:context") is context
    with pytest.raises(click.BadParameter, match="SSLContext"):
        cert_of("--cert", "tls_settings:context", "--key", __file__)
    for name in ("not_there_at_all", "costrel"):
        with pytest.raises(click.BadParameter, match="does not exist"):
            cert_of("--cert", name)


def test_cert_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without TLS says so."""
    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(click.BadParameter, match="without TLS"):
        cert_of("--cert", "not_there_at_all")


BROKEN = {
    "syntax": ("def broken(:\n", "SyntaxError"),
    "import": ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    "error": ("def fail():\n    1 / 0\nfail()\n", "ZeroDivisionError"),
}


@pytest.mark.parametrize("kind", ["syntax", "error"])
def test_run_broken_application(runner: CliRunner, write: Write, served: list[dict[str, Any]], kind: str) -> None:
    """Without the reloader, a broken application ends the command with its own traceback and nothing of ours."""
    source, said = BROKEN[kind]
    write("broken_shop.py", source)
    result = runner.invoke(command_line.cli, ["--app", "broken_shop", "run"])
    assert result.exit_code == 1
    assert said in result.stderr
    assert "broken_shop.py" in result.stderr
    assert os.path.join("costrel", "cli") not in result.stderr
    assert "click" not in result.stderr
    assert served == []


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_run_broken_application_with_the_reloader(
    runner: CliRunner, write: Write, served: list[dict[str, Any]], kind: str
) -> None:
    """With the reloader, the watching process leaves it to the serving one to show the error."""
    write("broken_shop.py", BROKEN[kind][0])
    result = runner.invoke(command_line.cli, ["--app", "broken_shop", "run", "--debug"])
    assert result.exit_code == 0
    assert "Traceback" not in result.output
    assert served[0]["use_reloader"] is True


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_reloaded_broken_application(
    runner: CliRunner, write: Write, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The serving process shows the traceback, serves the error and has the broken file watched."""
    source, said = BROKEN[kind]
    file = write("broken_shop.py", source)
    os.utime(file, (1, 1))
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    monkeypatch.setattr("costrel.server.changed_since", lambda *arguments: None)
    result = runner.invoke(command_line.cli, ["--app", "broken_shop", "run", "--debug"])
    assert result.exit_code == 0
    assert said in result.stderr
    assert os.path.realpath(file) in served[0]["extra_files"]
    assert "Debug mode" not in result.output
    with pytest.raises((SyntaxError, ImportError, ZeroDivisionError)):
        served[0]["application"]({}, lambda *arguments: None)


def test_application_that_went_missing(
    runner: CliRunner, write: Write, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the application is no longer found after a reload, the server goes on and says so."""
    write("broken_shop.py", "nothing = 1\n")
    monkeypatch.setattr("costrel.server.changed_since", lambda *arguments: None)
    refused = runner.invoke(command_line.cli, ["--app", "broken_shop", "run", "--debug"])
    assert refused.exit_code == 2
    assert "broken_shop" in refused.stderr
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    result = runner.invoke(command_line.cli, ["--app", "broken_shop", "run", "--debug"])
    assert result.exit_code == 0
    assert "neither an application nor a factory" in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(NoAppException):
        served[0]["application"]({}, lambda *arguments: None)


def test_banner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The application and the mode are shown, but not again after a reload."""
    command_line.show_server_banner(True, "shop:app")
    command_line.show_server_banner(False, None)
    assert capsys.readouterr().out == " * Serving costrel app 'shop:app'\n * Debug mode: on\n * Debug mode: off\n"
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    command_line.show_server_banner(True, "shop:app")
    assert capsys.readouterr().out == ""


# App.run


@pytest.mark.parametrize(
    ("server_name", "host", "port", "expected"),
    [
        (None, None, None, ("127.0.0.1", 5000)),
        (None, "localhost", 80, ("localhost", 80)),
        (None, None, 0, ("127.0.0.1", 0)),
        ("shop.test:8080", None, None, ("shop.test", 8080)),
        ("shop.test", None, None, ("shop.test", 5000)),
        ("shop.test:8080", "localhost", None, ("localhost", 8080)),
        ("shop.test:8080", None, 0, ("shop.test", 0)),
        ("shop.test:8080", "localhost", 80, ("localhost", 80)),
    ],
)
@pytest.mark.usefixtures("write")
def test_run_app_address(
    served: list[dict[str, Any]],
    server_name: str | None,
    host: str | None,
    port: int | None,
    expected: tuple[str, int],
) -> None:
    """The address is what was given, else that of SERVER_NAME, else port 5000 of this machine."""
    app = make_app()
    app.config["SERVER_NAME"] = server_name
    run_app(app, host, port)
    assert (served[0]["hostname"], served[0]["port"]) == expected
    assert served[0]["threaded"] is True


@pytest.mark.parametrize(
    ("variable", "argument", "expected"),
    [(None, None, False), (None, True, True), ("1", None, True), ("1", False, False), ("0", True, True)],
)
@pytest.mark.usefixtures("write")
def test_run_app_debug(
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    argument: bool | None,
    expected: bool,
) -> None:
    """The argument goes before the environment; reloader and debugger follow."""
    if variable is not None:
        monkeypatch.setenv("COSTREL_DEBUG", variable)
    app = make_app()
    run_app(app, debug=argument)
    assert (app.debug, served[0]["use_reloader"], served[0]["use_debugger"]) == (expected, expected, expected)


def test_run_app_reads_env_files(served: list[dict[str, Any]], write: Write) -> None:
    """The default files are read first, unless that is turned off."""
    pytest.importorskip("dotenv")
    write(".env", "COSTREL_DEBUG=1\n")
    app = make_app()
    run_app(app, load_dotenv=False)
    assert app.debug is False
    run_app(app)
    assert app.debug is True
    assert len(served) == 2


def test_run_app_under_a_command(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a command runs, a call in the module does not block it, and a hint is shown once."""
    monkeypatch.setenv("COSTREL_RUN_FROM_CLI", "true")
    run_app(make_app())
    assert "__main__" in capsys.readouterr().err
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    run_app(make_app())
    assert capsys.readouterr().err == ""
    assert served == []


def test_app_run(served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """``App.run`` is that function."""
    monkeypatch.setenv("COSTREL_SKIP_DOTENV", "1")
    app = make_app()
    app.run("localhost", 8000, debug=True, use_reloader=False)
    assert (served[0]["hostname"], served[0]["port"], served[0]["application"]) == ("localhost", 8000, app)
    assert (served[0]["use_reloader"], served[0]["use_debugger"]) == (False, True)


# Environment files


@pytest.fixture
def dotenv_files(write: Write, tmp_path: Path) -> Path:
    """Both default files, and another one."""
    pytest.importorskip("dotenv")
    write(".costrelenv", "ONE=costrelenv\nTWO=costrelenv\nTHREE=costrelenv\nFOUR=costrelenv\n")
    write(".env", "TWO=env\nTHREE=env\nFOUR=env\nTEXT=火腿\nEMPTY\n")
    return write("other.env", "THREE=other\nFOUR=other\n")


NAMES = ("ONE", "TWO", "THREE", "FOUR")


def test_dotenv_order(dotenv_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set already goes before the given file, that before ``.env``, and that before ``.costrelenv``."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FOUR", "set")
    folder = os.getcwd()
    assert load_dotenv(dotenv_files)
    assert [os.environ[name] for name in NAMES] == ["costrelenv", "env", "other", "set"]
    assert os.environ["TEXT"] == "火腿"
    assert "EMPTY" not in os.environ
    assert os.getcwd() == folder


@pytest.mark.usefixtures("dotenv_files")
def test_dotenv_in_a_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default files are looked for in the parents of the current directory too."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert load_dotenv()
    assert os.environ["ONE"] == "costrelenv"


def test_dotenv_given_file_only(dotenv_files: Path) -> None:
    """The default files can be left out; a file that is not there gives nothing."""
    assert load_dotenv(dotenv_files, load_defaults=False)
    assert ("THREE" in os.environ, "ONE" in os.environ) == (True, False)
    assert not load_dotenv("not there", load_defaults=False)


@pytest.mark.usefixtures("dotenv_files")
def test_dotenv_of_flask(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """Where FLASK goes first, ``.flaskenv`` is read and goes before ``.costrelenv``."""
    write(".flaskenv", "ONE=flaskenv\nTWO=flaskenv\n")
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    assert load_dotenv()
    assert [os.environ[name] for name in NAMES[:3]] == ["flaskenv", "env", "env"]


@pytest.mark.usefixtures("dotenv_files")
def test_dotenv_missing(
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Without python-dotenv, files that are there lead to a hint, and one that was asked for to an error."""
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert not load_dotenv()
    assert "costrel[dotenv]" in capsys.readouterr().err
    assert "ONE" not in os.environ
    refused = runner.invoke(hello_group(), ["--env-file", "other.env", "routes"])
    assert refused.exit_code == 2
    assert "costrel[dotenv]" in refused.output
    assert runner.invoke(hello_group(), ["routes"]).exit_code == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    assert not load_dotenv()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("dotenv_files")
@pytest.mark.parametrize(
    ("options", "args", "variables", "expected"),
    [
        ({}, [], {}, "env"),
        ({}, ["--env-file", "other.env"], {}, "other"),
        ({}, ["-e", "other.env"], {}, "other"),
        ({"load_dotenv": False}, [], {}, None),
        ({"load_dotenv": False}, ["-e", "other.env"], {}, "other"),
        ({}, [], {"COSTREL_SKIP_DOTENV": "1"}, None),
        ({}, [], {"COSTREL_ENV_FILE": "other.env"}, "other"),
    ],
)
def test_env_files_of_a_command(
    runner: CliRunner, options: dict[str, Any], args: list[str], variables: dict[str, str], expected: str | None
) -> None:
    """A command reads the files before it loads the application, unless the group or the environment says no."""
    group = hello_group(**options)
    group.command("tell")(lambda: click.echo(str(os.environ.get("THREE"))))
    assert runner.invoke(group, [*args, "tell"], env=variables).output == f"{expected}\n"


def test_env_file_names_the_application(runner: CliRunner, write: Write) -> None:
    """An environment file may say which application to load."""
    pytest.importorskip("dotenv")
    write("named.py", "from costrel import App\napp = App('named')\n")
    write(".env", "COSTREL_APP=named\n")
    group = FlaskGroup()
    group.command("name")(lambda: click.echo(current_app.name))
    assert runner.invoke(group, ["name"]).output == "named\n"
    assert "name" in runner.invoke(group, ["--help"]).output
