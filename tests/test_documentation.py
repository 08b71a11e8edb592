"""What the documentation shows works: every code block in the README and in docs/ is run.

A page's blocks are run from top to bottom in one folder made for the page, and its Python blocks share their names.
A block with a caption (in Markdown: the comment ``<!-- file: app.py -->`` before it) is also written to that file.

``python``  is executed; ``pycon`` is a doctest. Code that imports Flask or an extension runs in a process of its own,
            where a block without a file name has to import ``costrel.as_flask`` itself.
``sh``      each line is a command. Those that serve are started on a free port, asked for a page and stopped.
``text``    is what the last command has printed.
others      are files, and need a caption.

A block that cannot be run says why: ``.. not run: reason`` or ``<!-- not run: reason -->`` on the line before it. In
Markdown, ``<!-- needs: flask-login -->`` names a distribution without which the block is left out.
"""

from __future__ import annotations

import contextlib
import datetime
import doctest
import importlib
import importlib.metadata
import importlib.util
import os
import pkgutil
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import costrel
from costrel import cli
from tests.ecosystem.extensions import EXTENSIONS
from tests.support.frameworks import run_costrel, run_flask
from tests.support.pages import ROOT, Block, blocks_of
from tests.support.server import child_environment, stop

PAGES = [
    ROOT / "README.md",
    ROOT / "examples" / "quickstart" / "README.md",
    *sorted(page for suffix in ("md", "rst") for page in (ROOT / "docs").glob(f"*.{suffix}")),
]
_FOLDERS = [ROOT / "src" / "costrel" / folder for folder in ("", "cli", "ext", "routing")]
#: Without those of ``costrel.as_flask``: importing it takes hold of the name of a package that other tests need.
MODULES = sorted(
    f"{'.'.join(folder.relative_to(ROOT / 'src').parts)}.{info.name}"
    for folder in _FOLDERS
    for info in pkgutil.iter_modules([str(folder)])
    if info.name not in {"__main__", "as_flask"}
)

#: Such code is not for the process of the tests, where the name ``flask`` has to stay as it is.
_FOR_FLASK = re.compile(r"^(?:from|import) (?:flask|costrel\.as_flask)", re.MULTILINE)


class PageRun:
    """Runs the blocks of one page, in a folder of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder = folder
        self.output: str | None = None
        # A real module, so that App(__name__) finds the page's folder as it would find that of a user's file.
        self.module = types.ModuleType(f"documentation_{page.stem.replace('-', '_')}")
        self.module.__file__ = str(folder / "page.py")
        shutil.copytree(
            ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("instance", "__pycache__")
        )

    def run(self, block: Block) -> None:
        """Runs one block; an error or a failed assertion says which."""
        if block.not_run is not None:
            assert len(block.not_run.split()) >= 3, f"{block}: say in a sentence why it is not run"
            return
        if block.file is not None:
            target = self.folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        if block.language == "python":
            if (block.file or "").startswith("test_"):
                pass
            elif _FOR_FLASK.search(block.text):
                self.run_apart(block)
            else:
                code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
                exec(code, self.module.__dict__)
        elif block.language == "pycon":
            self.run_doctest(block)
        elif block.language == "sh":
            for line in block.text.splitlines():
                for command in filter(None, (part.strip() for part in line.split("&&"))):
                    self.run_command(block, command)
        elif block.language == "text" and block.file is None:
            assert self.output is not None, f"{block}: no command before it has printed anything"
            assert _squeezed(self.output) == _squeezed(block.text), f"{block}: the command prints something else"
            self.output = None
        else:
            assert block.file is not None, (
                f"{block}: give the {block.language!r} block a caption, or say why it is not run"
            )

    def run_apart(self, block: Block) -> None:
        """Runs Python code in a process of its own: a file as a module, under the name that other files import."""
        code = block.text
        if block.file is not None:
            module = block.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            code = f"import costrel.as_flask\nimport {module}\n"
        self.output = _printed(str(block), [sys.executable, "-c", code], self.folder, child_environment())

    def run_doctest(self, block: Block) -> None:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        example = doctest.DocTestParser().get_doctest(
            block.text, self.module.__dict__, str(block), str(block.page), block.line - 1
        )
        example.globs = self.module.__dict__  # not a copy: later blocks know the names of this one
        report: list[str] = []
        result = doctest.DocTestRunner(optionflags=flags).run(example, out=report.append, clear_globs=False)
        assert result.attempted, f"{block}: no line starts with >>>"
        assert not result.failed, f"{block}:\n" + "".join(report)

    def run_command(self, block: Block, command: str) -> None:
        """Runs one command of a shell block as far as that is possible in a test."""
        words = shlex.split(command)
        extra = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            extra[name] = value
        environment = child_environment(extra)
        words[0] = words[0].removeprefix(".venv/bin/").replace("python3", "python")
        where = f"{block}: {command}"
        if words[0] == "pip" or words[:3] == ["python", "-m", "venv"]:
            # A test does not install from the network: it checks that the words are ones that pip would accept.
            _check_installation(where, words)
        elif words[0] == "costrel" and "run" in words:
            _check_serves(where, [sys.executable, "-m", *words, "--port"], self.folder, environment, "--cert" in words)
        elif words[:3] == ["python", "-m", "costrel.as_flask"] and self.serves(words[3:]):
            last = ["--port"] if words[3] == "-m" else []
            _check_serves(where, [sys.executable, *words[1:], *last], self.folder, environment)
        elif words[0] in {"gunicorn", "granian"}:
            self.check_server(where, words, environment)
        elif words[:2] == ["pytest", "-p"]:
            run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words[1:]]
            self.output = _printed(where, run, self.folder, environment)
        elif words == ["pytest"]:
            # The README's test command; running all of it from within itself would never end.
            self.output = _printed(where, [sys.executable, "-m", "pytest", "-q", "examples"], self.folder, environment)
        elif words[0] == "sphinx-build":
            # The continuous check builds it; here the sources are only checked to be where the command says.
            assert (ROOT / words[-2] / "conf.py").is_file(), where
        else:
            assert words[0] in {"costrel", "python"}, f"{where}: the test does not know this program"
            program = [sys.executable, "-m", "costrel"] if words[0] == "costrel" else [sys.executable]
            self.output = _printed(where, [*program, *words[1:]], self.folder, environment)

    def serves(self, arguments: list[str]) -> bool:
        """Tells whether a program goes on until it is stopped: the command ``run``, or a script that calls it."""
        return "run" in arguments or "app.run(" in (self.folder / arguments[0]).read_text()

    def check_server(self, where: str, words: list[str], environment: dict[str, str]) -> None:
        """Starts a production server where it is installed, else checks that it would find the application."""
        if importlib.util.find_spec(words[0]) is not None:
            option = ["--bind"] if words[0] == "gunicorn" else ["--port"]
            _check_serves(where, [sys.executable, "-m", *words, *option], self.folder, environment)
            return
        module, _, name = words[-1].partition(":")
        look = f"import {module}; print(callable({module}.{name}))"
        assert _printed(where, [sys.executable, "-c", look], self.folder, environment) == "True\n"


def _squeezed(text: str) -> list[str]:
    """Returns the lines without trailing and repeated spaces, and without empty lines around them."""
    return [re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines()]


def _printed(where: str, command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Runs a command that ends by itself and returns its standard output."""
    done = subprocess.run(
        command, cwd=folder, env=environment, input="", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
    return done.stdout


def _check_installation(where: str, words: list[str]) -> None:
    if words[0] == "python":
        assert words[3:] == [".venv"], where
        return
    assert words[1] == "install", where
    targets = [word for word in words[2:] if not word.startswith("-")]
    assert targets, where
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    for target in targets:
        if target in {"gunicorn", "granian", *map(str, EXTENSIONS)}:
            continue
        match = re.fullmatch(r"(\.|costrel)(?:\[([\w,]+)\])?", target)
        assert match is not None, f"{where}: {target} is not something to install"
        assert set((match[2] or "").split(",")) - {""} <= extras, f"{where}: an extra that pyproject.toml does not have"


def _check_serves(
    where: str, command: list[str], folder: Path, environment: dict[str, str], secure: bool = False
) -> None:
    """Starts a server whose last option, or the variable PORT, is the port, and checks that it answers a request."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    if command[-1] in {"--port", "--bind"}:
        command = [*command, f"127.0.0.1:{port}" if command[-1] == "--bind" else str(port)]
    log_file = folder / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        status = _first_status(f"{'https' if secure else 'http'}://127.0.0.1:{port}/", process)
        assert status == 200, f"{where}: answers {status}\n{log_file.read_text()}"
    finally:
        # The whole group, for with the reloader or with workers there are several processes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        stop(process)
        # A worker that was just starting may have missed it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _first_status(url: str, process: subprocess.Popen[bytes]) -> int | None:
    """Returns the status of the first answer within 30 seconds, or None."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=10, context=context) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            time.sleep(0.05)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page do what the page says, from top to bottom."""
    run = PageRun(page, tmp_path)
    monkeypatch.setitem(sys.modules, run.module.__name__, run.module)
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(page)
    assert all(block.language for block in blocks), f"{page.name} has a code block without a language"
    missing = {block.needs for block in blocks if block.needs is not None and not _is_installed(block.needs)}
    for block in blocks:
        if block.needs not in missing:
            run.run(block)
    if missing:
        pytest.skip(f"all has run but what needs {', '.join(map(str, missing))}: pip install -e '.[ecosystem]'")


def _is_installed(distribution: str) -> bool:
    try:
        return bool(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_code_hides_from_the_tests(page: Path) -> None:
    """Code is only in blocks that are run: no literal block and no indented Markdown block."""
    text = page.read_text()
    if page.suffix == ".md":
        outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        assert not re.findall(r"^(?:    |\t)\S.*", outside, re.MULTILINE)
    else:
        assert not [line for line in text.splitlines() if line.endswith("::") and not line.lstrip().startswith("..")]
        assert not re.findall(r"^ *\.\. (?:literalinclude|parsed-literal|testcode|doctest)::", text, re.MULTILINE)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_work(name: str) -> None:
    """Every ``>>>`` example in a module of costrel gives what it shows."""
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_the_reference_has_every_module() -> None:
    """A module that users may import from is in the reference."""
    named = set(re.findall(r"automodule:: (\S+)", (ROOT / "docs" / "api.rst").read_text()))
    public = {name for name in MODULES if not any(part.startswith("_") for part in name.split("."))}
    assert named - {"costrel", "costrel.as_flask"} == public


def documented_settings() -> dict[str, str]:
    """Returns the default, as written, of each setting in docs/settings.rst."""
    text = (ROOT / "docs" / "settings.rst").read_text()
    return dict(re.findall(r"\.\. confval:: (\w+)\n(?: +:\w+:.*\n)*? +:default: (.+)", text))


def test_every_setting_is_documented_with_its_default() -> None:
    """docs/settings.rst lists exactly the settings of a new App, each with its real default."""
    config: dict[str, Any] = dict(costrel.App("documentation", root_path=str(ROOT)).config)
    documented = documented_settings()
    assert sorted(documented) == sorted(config)
    names = {"timedelta": datetime.timedelta}
    values = {key: eval(re.findall(r"``(.+?)``", text)[0], names) for key, text in documented.items()}
    assert values == config


def test_settings_that_differ_from_flask_are_listed() -> None:
    """docs/differences.md has a row for exactly the settings whose defaults differ from Flask's."""
    source = "result = {key: repr(value) for key, value in dict(App.default_config).items()}"
    expected, found = run_flask(source), run_costrel(source)
    different = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
    table = (ROOT / "docs" / "differences.md").read_text().split("\n## Requests\n")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == different


def test_imports_to_change_give_the_same_objects() -> None:
    """What docs/from-flask.md says to import instead of a module of Flask is the same object."""
    text = (ROOT / "docs" / "from-flask.md").read_text()
    rows = re.findall(
        r"^\| `from (flask\S*) import ([\w, ]+)` \| `from (costrel\S*) import ([\w, ]+)` \|", text, re.MULTILINE
    )
    assert len(rows) > 3
    lines = ["import costrel.as_flask"]
    for old, old_names, new, new_names in rows:
        lines.append(f"import {old}, {new}")
        for old_name, new_name in zip(old_names.split(", "), new_names.split(", "), strict=True):
            check = "issubclass({}, {})" if old_name == "Flask" else "{} is {}"
            lines.append(f"assert {check.format(f'{old}.{old_name}', f'{new}.{new_name}')}, {old_name!r}")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=child_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_defaults_to_take_out_are_those_that_differ() -> None:
    """docs/from-flask.md sets exactly the settings that differ, to Flask's values, and has a row about each."""
    page = ROOT / "docs" / "from-flask.md"
    shown = next(block for block in blocks_of(page) if block.file == "native.py")
    program = """
from costrel.as_flask.application import FLASK_DEFAULTS
for name, value in FLASK_DEFAULTS.items():
    print(f"    {name}={dict(value) if name == 'DEFAULT_HEADERS' else value},")
"""
    expected = _printed(str(shown), [sys.executable, "-c", program], ROOT, child_environment()).splitlines()
    assert sorted(line for line in shown.text.splitlines() if line.startswith("    ")) == sorted(expected)
    listed = re.findall(r"^\| `([A-Z_]+)` \|", page.read_text(), re.MULTILINE)
    assert [line.partition("=")[0].strip() for line in sorted(expected)] == sorted(listed)


def test_the_tested_extensions_are_listed() -> None:
    """docs/from-flask.md has a row for each extension that tests/ecosystem runs, with the version."""
    text = (ROOT / "docs" / "from-flask.md").read_text()
    listed = dict(re.findall(r"^\| [^|]+ \| `([\w-]+)` \| (\d+(?:\.\w+)+) \|", text, re.MULTILINE))
    assert sorted(map(str, EXTENSIONS)) == sorted(listed)


def commands_of(group: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yields the group's own commands with their names."""
    assert isinstance(group, click.Group)
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if command is not None:
            yield name, command


def test_every_command_and_option_is_documented() -> None:
    """docs/command-line.rst names each command and each of its options."""
    text = (ROOT / "docs" / "command-line.rst").read_text()
    documented = set(re.findall(r"``(--?[\w-]+|\w+)", text))
    wanted = {option for parameter in cli.cli.params for option in parameter.opts}
    for name, command in commands_of(cli.cli):
        wanted |= {name, *(text for parameter in command.params for text in parameter.opts + parameter.secondary_opts)}
    assert {"run", "routes", "shell", "--port"} <= wanted
    assert wanted - documented == set()


SAMPLE_REST = """
Title
=====

.. code-block:: python
   :caption: app.py

   x = 1

   y = 2

Text.

.. not run: it would need a network

.. code-block:: sh

   costrel run
"""

SAMPLE_MARKDOWN = """
<!-- file: app.py -->
```python
x = 1

y = 2
```

<!-- not run: it would need a network -->

```sh
costrel run
```
"""


@pytest.mark.parametrize(("name", "text"), [("a.rst", SAMPLE_REST), ("a.md", SAMPLE_MARKDOWN)])
def test_blocks_are_found_with_their_marks(tmp_path: Path, name: str, text: str) -> None:
    """The readers of both formats give the same blocks."""
    (tmp_path / name).write_text(text)
    found = blocks_of(tmp_path / name)
    assert [(block.language, block.text, block.file, block.not_run) for block in found] == [
        ("python", "x = 1\n\ny = 2\n", "app.py", None),
        ("sh", "costrel run\n", None, "it would need a network"),
    ]
    assert text.splitlines()[found[0].line - 1].strip() == "x = 1"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "assert 1 + 1 == 3"),
        ("pycon", ">>> 1 + 1\n3\n"),
        ("pycon", "1 + 1\n"),
        ("sh", "costrel no-such-command"),
        ("sh", "unknown-program"),
        ("sh", "pip install costrel[no_such_extra]"),
        ("text", "printed by nobody"),
        ("ini", "[section]"),
        ("python", "import costrel.as_flask\nfrom flask import no_such_name"),
        ("sh", "pytest -p costrel.as_flask no_such_file.py"),
    ],
)
def test_a_wrong_block_is_noticed(tmp_path: Path, language: str, text: str) -> None:
    """A page whose block does not hold would make the tests fail."""
    page = ROOT / "docs" / "made_up.rst"
    with pytest.raises(AssertionError):
        PageRun(page, tmp_path).run(Block(page, 1, language, text))


def test_a_server_that_does_not_start_is_noticed(tmp_path: Path) -> None:
    """A command that should serve and does not makes the tests fail, with what it has printed."""
    page = ROOT / "docs" / "made_up.rst"
    with pytest.raises(AssertionError, match="answers None"):
        PageRun(page, tmp_path).run(Block(page, 1, "sh", "costrel --app no_such_module run"))
    assert os.path.getsize(tmp_path / "server.log")
