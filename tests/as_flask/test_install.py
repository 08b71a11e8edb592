"""Taking the name: in the right order it works, in the wrong one the error says which line to move."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.as_flask.programs import result_of, run_python


@pytest.mark.parametrize(
    ("files", "importer"),
    [
        ({"main.py": "import os\nfrom flask import Flask\nimport costrel.as_flask\n"}, "main.py:2"),
        ({"main.py": "import json\n\nimport flask.cli\n\nimport costrel.as_flask\n"}, "main.py:3"),
        ({"main.py": "import shop\nimport costrel.as_flask\n", "shop.py": "\nfrom flask import g\n"}, "shop.py:2"),
        (
            {
                "main.py": "import shop\n",
                "shop/__init__.py": "'''A shop.'''\nfrom flask import Flask\nfrom shop import late\n",
                "shop/late.py": "import costrel.as_flask\n",
            },
            "shop/__init__.py:2",
        ),
    ],
)
def test_wrong_order(files: dict[str, str], importer: str, tmp_path: Path) -> None:
    """Where Flask itself is imported already, the error names that line and the one to move."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    place = next(
        f"{tmp_path / name}:{text[: text.index('import costrel.as_flask')].count(chr(10)) + 1}"
        for name, text in files.items()
        if "costrel.as_flask" in text
    )
    done = run_python(str(tmp_path / "main.py"))
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(f"ImportError: Flask itself was imported before, in {tmp_path / importer}, ")
    assert f"Move the line `import costrel.as_flask` of {place} above" in last


def test_wrong_order_without_a_file() -> None:
    """In a program without a file the error still says what to do."""
    done = run_python("-c", "import flask\nimport costrel.as_flask")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: Flask itself is imported already, and one process cannot have both. ")
    assert "`import costrel.as_flask` of <string>:2" in last


@pytest.mark.parametrize("arguments", [["-m", "flask"], ["flask"]])
def test_wrong_command(arguments: list[str], tmp_path: Path) -> None:
    """Under the command of Flask itself, the error names the command to write instead."""
    (tmp_path / "shop.py").write_text("import costrel.as_flask\nfrom flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "flask").write_text("import sys\nsys.path.pop(0)\nfrom flask.cli import main\nmain()\n")
    done = run_python(*arguments, "--app", "shop", "routes", folder=tmp_path)
    assert done.returncode == 2
    assert "ImportError: The command `flask` has imported Flask itself" in done.stderr
    assert "Write `costrel --as-flask` instead of `flask`." in done.stderr


def test_installing_twice_changes_nothing() -> None:
    """Importing it again, or calling ``install`` again, leaves one finder of each kind and one prefix."""
    source = """
import importlib, sys
import flask
from costrel import as_flask, environment
from costrel.as_flask.install import install
before = flask.Flask
install()
importlib.reload(as_flask)
import flask
kinds = [type(finder).__name__ for finder in sys.meta_path]
result = [kinds.count("AliasFinder"), kinds.count("FlaskDistributionFinder"), environment.prefixes]
result.append(flask.Flask is before)
"""
    assert result_of(source) == [1, 1, ["FLASK", "COSTREL"], True]


def test_a_name_that_was_blocked_is_taken() -> None:
    """``sys.modules["flask"] = None``, which blocks the real Flask, does not block costrel's."""
    done = run_python(
        "-c", "import sys\nsys.modules['flask'] = None\nimport costrel.as_flask, flask\nprint(flask.Flask)"
    )
    assert done.stdout.strip() == "<class 'costrel.as_flask.application.Flask'>"


def test_environment_variables_of_flask_count() -> None:
    """``FLASK_DEBUG`` and the default prefix of ``from_prefixed_env`` are Flask's; costrel's count too."""
    source = """
from flask import Flask
app = Flask("shop")
app.config.from_prefixed_env()
result = [app.debug, app.config["LIMIT"], app.config.get("OTHER")]
"""
    env = {"FLASK_DEBUG": "1", "FLASK_LIMIT": "3", "COSTREL_OTHER": "4"}
    assert result_of(source, env=env)[:2] == [True, 3]


def test_runs_where_flask_is_not_installed(tmp_path: Path) -> None:
    """A program for Flask runs where only costrel and its six dependencies can be imported."""
    packages = ["blinker", "click", "costrel", "itsdangerous", "jinja2", "markupsafe", "werkzeug"]
    for name in packages:
        found = run_python("-c", f"import {name}; print({name}.__path__[0])").stdout.strip()
        (tmp_path / name).symlink_to(found)
        for described in Path(found).parent.glob(f"{name}-*.dist-info"):
            (tmp_path / described.name).symlink_to(described)
    (tmp_path / "program.py").write_text(
        """
import sys
from flask import Flask, render_template_string, session
app = Flask(__name__)
app.secret_key = "a key"
@app.get("/<name>")
def hello(name):
    session["name"] = name
    return render_template_string("Hello {{ name }}", name=name)
@app.cli.command()
def greet():
    print("greeted")
client = app.test_client()
print(client.get("/Ada").text, client.get("/Bob").text)
print(app.test_cli_runner().invoke(args=["greet"]).output)
import flask.testing, flask.cli
print(sorted(name for name, m in sys.modules.items() if "site-packages/flask/" in (getattr(m, "__file__", "") or "")))
"""
    )
    env = {"PYTHONPATH": str(tmp_path)}
    done = run_python("-S", "-m", "costrel.as_flask", "program.py", folder=tmp_path, env=env)
    assert done.stdout.split("\n")[:2] == ["Hello Ada Hello Bob", "greeted"], done.stderr
    assert done.stdout.strip().endswith("[]")
    assert run_python("-S", "-c", "import flask", env=env).returncode == 1


def test_a_blueprint_of_flask_itself() -> None:
    """Registering a blueprint that an extension made with the real Flask is an error that says what to do."""
    program = "import costrel, flask\ncostrel.App('shop').register_blueprint(flask.Blueprint('cart', 'shop'))"
    done = run_python("-c", program)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("TypeError: The blueprint 'cart' comes from Flask itself")
    assert "Write `import costrel.as_flask` as the program's first line" in last
    assert run_python("-c", f"import costrel.as_flask, {program.removeprefix('import ')}").returncode == 0
