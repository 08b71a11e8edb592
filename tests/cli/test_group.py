"""The group of all commands: those of the application, of packages, and what happens without an application."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
import types
from typing import Any

import click
import pytest
from click.testing import CliRunner

from costrel import App, current_app, environment
from costrel import cli as command_line
from costrel.cli import FlaskGroup, ScriptInfo, routes_command, run_command, shell_command
from tests.support.command_line import Write, hello_group, make_app


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
    assert [name for name in ("routes", "run", "say", "shell") if f"  {name} " in listed] == group.list_commands(
        click.Context(group, obj=ScriptInfo(create_app=lambda: app))
    )


def test_command_group_has_the_name_of_the_application() -> None:
    """The group of an application's commands is named like the application."""
    assert make_app("named").cli.name == "named"


def test_built_in_commands() -> None:
    """The built-in commands are there under their names, for groups that want some of them."""
    group = hello_group()
    commands = (routes_command, run_command, shell_command)
    assert [group.commands[str(command.name)] for command in commands] == list(commands)


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


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``main`` runs the process's arguments and exits."""
    monkeypatch.setattr(sys, "argv", ["costrel", "--version"])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert stop.value.code == 0
    assert "Werkzeug" in capsys.readouterr().out
