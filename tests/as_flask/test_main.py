"""The ways to start a program under the name of Flask, besides importing ``costrel.as_flask`` in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.as_flask.programs import run_python

PROGRAM = """\
import sys
from flask import Flask
from neighbour import WORD
app = Flask(__name__)

@app.cli.command()
def greet():
    print("greeted", app.config.from_prefixed_env())

if __name__ == "__main__":
    print(type(app).__module__, WORD, __name__, __file__.rpartition("/")[2], sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program for Flask, in a subfolder a second one, and a test for pytest."""
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "neighbour.py").write_text("WORD = 'hello'\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "script.py").write_text(PROGRAM)
    (tmp_path / "below" / "neighbour.py").write_text("WORD = 'below'\n")
    (tmp_path / "test_it.py").write_text("from flask import Flask\n\ndef test_it():\n    print(Flask.__module__)\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["app.py"], "costrel.as_flask.application hello __main__ app.py []"),
        (["app.py", "-m", "x"], "costrel.as_flask.application hello __main__ app.py ['-m', 'x']"),
        (["below/script.py"], "costrel.as_flask.application below __main__ script.py []"),
        (["-m", "app", "one"], "costrel.as_flask.application hello __main__ app.py ['one']"),
        (["-m", "flask", "greet"], "greeted True"),
        (["-m", "flask", "--app", "app:app", "greet"], "greeted True"),
        (["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"], "costrel.as_flask.application\n."),
        (["--help"], "usage: python -m costrel.as_flask SCRIPT"),
    ],
)
def test_running_a_program(arguments: list[str], printed: str, folder: Path) -> None:
    """A script, a module, Flask's command line and pytest run as with Python itself."""
    done = run_python("-m", "costrel.as_flask", *arguments, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(printed)


def test_the_file_of_a_program_is_absolute(folder: Path) -> None:
    """``__file__`` of a script stays right when the script changes its folder, as it does with Python itself."""
    (folder / "where.py").write_text("print(__file__)\n")
    done = run_python("-m", "costrel.as_flask", "where.py", folder=folder)
    assert done.stdout == f"{folder / 'where.py'}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "The name of the script or module is missing."),
        (["-m"], "The name of the script or module is missing."),
        (["-x"], "The name of the script or module is missing."),
        (["missing.py"], "There is no file 'missing.py'. For a module write: python -m costrel.as_flask -m missing.py"),
    ],
)
def test_nothing_to_run(arguments: list[str], message: str, folder: Path) -> None:
    """Without a program that exists, the error says what is missing."""
    done = run_python("-m", "costrel.as_flask", *arguments, folder=folder)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(message)


def test_the_command_line_of_costrel(folder: Path) -> None:
    """``costrel --as-flask`` loads the program so, reads Flask's variables, and lists its commands."""
    env = {"FLASK_APP": "app:app", "COSTREL_APP": "nothing"}
    done = run_python("-m", "costrel", "--as-flask", "greet", folder=folder, env=env)
    assert done.stdout == "greeted True\n"
    assert "\n  greet" in run_python("-m", "costrel", "--as-flask", "--help", folder=folder, env=env).stdout
    assert "\n  greet" in run_python("-m", "costrel", "--as-flask", folder=folder, env=env).stderr
    assert "\nFlask 3.1.3\n" in run_python("-m", "costrel", "--as-flask", "--version", folder=folder).stdout


def test_a_plugin_of_pytest(folder: Path) -> None:
    """``pytest -p costrel.as_flask`` runs tests of a program for Flask."""
    done = run_python("-m", "pytest", "-q", "-s", "-p", "costrel.as_flask", "-p", "no:cacheprovider", folder=folder)
    assert done.stdout.startswith("costrel.as_flask.application\n.")


def test_commands_that_packages_announce(folder: Path) -> None:
    """Commands of the entry point group ``flask.commands`` are there, and those of ``costrel.commands``."""
    for group in ("flask", "costrel"):
        (folder / f"{group}_plugin.py").write_text(
            f"import click\n\n@click.command('{group}-hello')\ndef hello():\n    click.echo('{group} plugin')\n"
        )
        announced = folder / f"{group}_plugin-1.0.dist-info"
        announced.mkdir()
        (announced / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {group}-plugin\nVersion: 1.0\n")
        (announced / "entry_points.txt").write_text(f"[{group}.commands]\n{group}-hello = {group}_plugin:hello\n")
    for group in ("flask", "costrel"):
        done = run_python("-m", "costrel", "--as-flask", f"{group}-hello", folder=folder)
        assert done.stdout == f"{group} plugin\n", done.stderr
    assert run_python("-m", "costrel", "flask-hello", folder=folder).returncode == 2


def test_a_dotflaskenv_file_is_read(folder: Path) -> None:
    """The file ``.flaskenv`` sets variables for the command line, under Flask's name only."""
    (folder / ".flaskenv").write_text("FLASK_APP=elsewhere:app\n")
    (folder / "app.py").unlink()
    (folder / "elsewhere.py").write_text(PROGRAM)
    assert run_python("-m", "costrel", "--as-flask", "greet", folder=folder).stdout == "greeted True\n"
    assert run_python("-m", "costrel", "greet", folder=folder).returncode == 2


def test_the_option_has_to_come_from_the_command_line(folder: Path) -> None:
    """A program that runs the command line itself is told to import the package instead."""
    done = run_python("-c", "from costrel.cli import cli; cli.main(['--as-flask', 'routes'])", folder=folder)
    assert done.returncode == 2
    assert "In a program write `import costrel.as_flask` as the first line." in " ".join(done.stderr.split())
