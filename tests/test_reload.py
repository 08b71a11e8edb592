"""The development server as real processes on real sockets: serving, reloading, broken code, debugger, TLS, ports."""

from __future__ import annotations

import contextlib
import html
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.server import child_environment, stop

HELLO = """\
from costrel import App

app = App(__name__)


@app.get("/")
def index():
    return "first"


@app.get("/boom")
def boom():
    secret_of_the_view = "hidden in the frame"
    raise RuntimeError("boom in the view")
"""

SOURCE_FOLDER = Path(__file__).parents[1] / "src"

#: What the processes run with. A change of costrel itself while the tests run must not reload them.
ENVIRONMENT = {
    "COSTREL_SKIP_DOTENV": "1",
    "COSTREL_RUN_EXCLUDE_PATTERNS": f"{SOURCE_FOLDER}/*",
    "NO_COLOR": "1",
    "PYTHONPATH": str(SOURCE_FOLDER),
}

#: What is promised for a reload, in seconds from saving the file to the new answer.
RELOAD_LIMIT = 2.0
#: How long to wait for anything else, generous for a busy machine.
PATIENCE = 20.0


@dataclass
class Command:
    """A running ``python -m costrel``, the folder it runs in, and what it has printed so far."""

    process: subprocess.Popen[bytes]
    folder: Path
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_for(self, text: str, count: int = 1) -> None:
        """Waits until the process has printed the text that many times."""
        wait_until(lambda: self.log().count(text) >= count, f"no {text!r}", self)

    @property
    def address(self) -> str:
        """The URL that the server has said it runs on."""
        self.wait_for("Running on")
        found = re.search(r"Running on (\S+)", self.log())
        if found is None:
            raise RuntimeError("the server did not say where it runs")
        return found[1]

    def get(self, path: str = "/") -> tuple[int, str]:
        """Returns status and text of a page; a certificate is not verified."""
        context = ssl._create_unverified_context() if self.address.startswith("https") else None
        try:
            with urllib.request.urlopen(self.address + path, timeout=PATIENCE, context=context) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def wait_for_page(self, text: str, path: str = "/") -> tuple[int, str]:
        """Waits until the page has the text, and returns its status and its own text."""
        page = (0, "")

        def has_text() -> bool:
            nonlocal page
            # The process may end between the head and the body of an answer, to start again.
            with contextlib.suppress(OSError, http.client.HTTPException):
                page = self.get(path)
            return text in html.unescape(page[1])

        wait_until(has_text, f"no {text!r} in the page", self)
        return page


def wait_until(true: Callable[[], bool], otherwise: str, command: Command) -> None:
    """Waits until the function returns true; an error says what was waited for and what the process has printed."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{otherwise}, the process (exit code {command.process.poll()}) says:\n{command.log()}")
        time.sleep(0.02)


def _obey_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def costrel(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Command]:
    """Runs ``python -m costrel`` with the arguments in the folder, and ends it and its children afterwards."""
    log_file = folder / "printed.log"
    variables = child_environment({**ENVIRONMENT, **(env or {})})
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "costrel", *args],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Where the tests run in the background of a shell, interrupts are ignored, and children would inherit that.
            preexec_fn=_obey_interrupts,
        )
    try:
        yield Command(process, folder, log_file)
    finally:
        stop(process)
        # The process that the reloader started is in the same group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an application in ``app.py``."""
    (tmp_path / "app.py").write_text(HELLO)
    return tmp_path


def test_serves_until_it_is_ended(project: Path) -> None:
    """The command serves the application of the folder, says where, and an interrupt ends it."""
    with costrel(project, "run", "--port", "0") as command:
        assert command.get() == (200, "first")
        assert "Debug mode: off" in command.log()
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(PATIENCE) in (0, 1, -signal.SIGINT)
        assert "Traceback" not in command.log()


def test_saved_change_is_served_in_two_seconds(project: Path) -> None:
    """Less than two seconds after a file was saved, the new code answers; the best of three saves counts."""
    waited = []
    with costrel(project, "run", "--debug", "--port", "0") as command:
        command.wait_for_page("first")
        for answer in ("second", "third", "fourth"):
            (project / "app.py").write_text(HELLO.replace("first", answer))
            saved = time.monotonic()
            command.wait_for_page(answer)
            waited.append(time.monotonic() - saved)
    assert min(waited) < RELOAD_LIMIT


def test_syntax_error_is_shown_and_mended(project: Path) -> None:
    """A SyntaxError shows in the terminal and in the browser, and the server is back when it is mended."""
    with costrel(project, "run", "--debug", "--port", "0") as command:
        command.wait_for_page("first")
        (project / "app.py").write_text(HELLO + "\ndef broken(:\n")
        status, page = command.wait_for_page("def broken(:")
        assert status == 500
        assert "SyntaxError" in page
        assert "EVALEX = true" in page
        command.wait_for("SyntaxError")
        assert "def broken(:" in command.log()
        (project / "app.py").write_text(HELLO.replace("first", "mended"))
        assert command.wait_for_page("mended")[0] == 200


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("import not_there_at_all\n", "No module named 'not_there_at_all'"),
        ("raise RuntimeError('not ready')\n", "not ready"),
        ("def broken(:\n", "def broken(:"),
    ],
)
def test_start_with_a_broken_application(project: Path, broken: str, said: str) -> None:
    """In debug mode the server starts with a broken module, deep in the application, and serves once it is mended."""
    part = project / "part.py"
    part.write_text(broken)
    (project / "app.py").write_text("import part\n" + HELLO)
    with costrel(project, "run", "--debug", "--port", "0") as command:
        status, page = command.wait_for_page(said)
        assert status == 500
        assert "part.py" in page
        assert "server.py" not in page
        assert "__debugger__" in page
        command.wait_for(said)
        part.write_text("")
        assert command.wait_for_page("first")[0] == 200


def test_broken_application_without_reloader(project: Path) -> None:
    """Without the reloader, the command ends with the application's traceback."""
    (project / "app.py").write_text("raise RuntimeError('not ready')\n")
    with costrel(project, "run", "--port", "0") as command:
        assert command.process.wait(PATIENCE) == 1
        assert "RuntimeError: not ready" in command.log()
        assert "Running on" not in command.log()


def test_error_page_without_debugger(project: Path) -> None:
    """Without the debugger, the browser gets a plain 500 for a broken application, the terminal the traceback."""
    (project / "app.py").write_text("raise RuntimeError('not ready')\n")
    with costrel(project, "run", "--reload", "--port", "0") as command:
        status, page = command.wait_for_page("Internal Server Error")
        assert status == 500
        assert "not ready" not in page
        assert "RuntimeError: not ready" in command.log()


def test_two_saves_in_a_row(project: Path) -> None:
    """A file that is saved again while the server is restarting is served in its last version."""
    slow = "import time\ntime.sleep(0.5)\n"
    with costrel(project, "run", "--debug", "--port", "0") as command:
        command.wait_for_page("first")
        (project / "app.py").write_text(slow + HELLO.replace("first", "second"))
        command.wait_for("reloading")
        time.sleep(0.4)
        (project / "app.py").write_text(HELLO.replace("first", "third"))
        assert command.wait_for_page("third")[0] == 200


def test_extra_files_and_patterns(project: Path) -> None:
    """A file that is no code reloads the server if it was named; an excluded one does not."""
    (project / "settings.toml").write_text("answer = 1\n")
    (project / "ignored.py").write_text("")
    (project / "app.py").write_text("import ignored\n" + HELLO)
    patterns = os.pathsep.join(["*/ignored.py", f"{SOURCE_FOLDER}/*"])
    args = ("--extra-files", "settings.toml", "--exclude-patterns", patterns)
    with costrel(project, "run", "--debug", "--port", "0", *args) as command:
        command.wait_for_page("first")
        (project / "ignored.py").write_text("1 / 0\n")
        time.sleep(1.2)
        assert "Detected change" not in command.log()
        (project / "settings.toml").write_text("answer = 2\n")
        command.wait_for("settings.toml")


def test_debugger_console(project: Path) -> None:
    """In debug mode an error shows the debugger, whose console runs code in the frame of the error."""
    with costrel(project, "run", "--debug", "--port", "0", env={"WERKZEUG_DEBUG_PIN": "off"}) as command:
        status, page = command.wait_for_page("boom in the view", "/boom")
        assert status == 500
        assert "EVALEX = true" in page
        secret = re.search(r'SECRET = "(\w+)"', page)
        frames = re.findall(r'id="frame-(\d+)"', page)
        assert secret is not None
        query = {"__debugger__": "yes", "cmd": "secret_of_the_view", "frm": frames[-1], "s": secret[1]}
        status, answer = command.get("/?" + urllib.parse.urlencode(query))
        assert status == 200
        assert "hidden in the frame" in html.unescape(answer)


def test_error_without_debug(project: Path) -> None:
    """Without debug mode an error is a plain 500 page; the terminal has the traceback, and no console answers."""
    with costrel(project, "run", "--port", "0", env={"WERKZEUG_DEBUG_PIN": "off"}) as command:
        status, page = command.get("/boom")
        assert status == 500
        assert "boom in the view" not in page
        assert "Traceback" not in page
        assert "__debugger__" not in page
        command.wait_for("boom in the view")
        assert command.get("/?__debugger__=yes&cmd=resource&f=debugger.js") == (200, "first")


def test_taken_port(project: Path) -> None:
    """Where the port is taken, the command says so and what to do, and exits with 1 and no traceback."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for args in ([], ["--debug"]):
            with costrel(project, "run", "--port", str(port), *args) as command:
                assert command.process.wait(PATIENCE) == 1
                assert f"Port {port} is taken" in command.log()
                assert f"--port {port + 1}" in command.log()
                assert "Traceback" not in command.log()


def test_tls_adhoc(project: Path) -> None:
    """With a certificate made on the spot, the server speaks https."""
    pytest.importorskip("cryptography")
    with costrel(project, "run", "--cert", "adhoc", "--port", "0") as command:
        assert command.address.startswith("https://")
        assert command.get() == (200, "first")


@pytest.mark.parametrize("args", [["--app", "app.py:app"], ["--app", "app"], ["-A", "make:create_app('made')"]])
def test_application_is_named(project: Path, args: list[str]) -> None:
    """The application can be named as a file, a module, or a call of a factory."""
    (project / "make.py").write_text(
        "from costrel import App\n"
        "def create_app(name):\n"
        "    app = App(name)\n"
        "    app.add_url_rule('/', view_func=lambda: 'first', endpoint='index')\n"
        "    return app\n"
    )
    with costrel(project, *args, "run", "--port", "0") as command:
        assert command.get() == (200, "first")


def test_script_with_app_run(project: Path) -> None:
    """A script that calls ``app.run`` serves itself; under the command line, the call does not block the command."""
    (project / "app.py").write_text(HELLO + "\napp.run(port=0)\n")
    with costrel(project, "routes") as command:
        assert command.process.wait(PATIENCE) == 0
        assert "/boom" in command.log()
        assert "passed over" in command.log()
    environment = child_environment(ENVIRONMENT)
    with (project / "script.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=project, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        assert Command(process, project, project / "script.log").get() == (200, "first")
    finally:
        stop(process)


def test_shell_in_a_process(project: Path) -> None:
    """The shell runs what it is given, with the application and its context."""
    done = subprocess.run(
        [sys.executable, "-m", "costrel", "shell"],
        cwd=project,
        env=child_environment(ENVIRONMENT),
        input="import costrel\nprint('name:', costrel.current_app.name, app.name)\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0
    assert "name: app app" in done.stdout
    assert "App: app" in done.stderr
