"""Environment variables from files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from costrel import current_app, environment
from costrel.cli import FlaskGroup, load_dotenv
from costrel.cli.files import default_names
from tests.support.command_line import Write, hello_group


@pytest.fixture
def dotenv_files(write: Write, tmp_path: Path) -> Path:
    """Both default files, and another one."""
    pytest.importorskip("dotenv")
    write(".costrelenv", "ONE=costrelenv\nTWO=costrelenv\nTHREE=costrelenv\nFOUR=costrelenv\n")
    write(".env", "TWO=env\nTHREE=env\nFOUR=env\nTEXT=火腿\nEMPTY\n")
    return write("other.env", "THREE=other\nFOUR=other\n")


NAMES = ("ONE", "TWO", "THREE", "FOUR")


def test_default_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that has the last word comes last."""
    assert default_names() == [".costrelenv", ".env"]
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    assert default_names() == [".costrelenv", ".flaskenv", ".env"]


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
