"""The development server: what it hands to werkzeug, how it shows broken code, what it says when it cannot start."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from werkzeug import serving

from costrel import server
from costrel.debugger import Debugger
from tests.support.environ import call, make_environ

RunArguments = dict[str, Any]


def answer(environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application that says hello."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def load_error(source: str, name: str = "<text>") -> BaseException:
    """Returns the error that compiling and running a source text raises."""
    try:
        exec(compile(source, name, "exec"), {})
    except BaseException as error:
        return error
    raise RuntimeError("the source did not fail")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[RunArguments]:
    """The arguments with which werkzeug's server was called; it does not run."""
    calls: list[RunArguments] = []

    def run_simple(hostname: str, port: int, application: Any, **options: Any) -> None:
        calls.append({"hostname": hostname, "port": port, "application": application, **options})

    monkeypatch.setattr(serving, "run_simple", run_simple)
    return calls


@pytest.fixture(scope="module", autouse=True)
def _shared_memory() -> None:
    """Has multiprocessing open what the count of PINs is in, which it keeps for all debuggers of the process."""
    Debugger(answer)


@pytest.fixture
def reloading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process look like the one that the reloader starts."""
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")


def test_defaults(served: list[RunArguments]) -> None:
    """Without arguments the server listens on this machine's port 5000, threaded, without reloader and debugger."""
    server.run(answer)
    assert served == [
        {
            "hostname": "127.0.0.1",
            "port": 5000,
            "application": answer,
            "use_reloader": False,
            "use_debugger": False,
            "threaded": True,
            "ssl_context": None,
            "extra_files": None,
            "exclude_patterns": None,
            "reloader_interval": server.RELOAD_INTERVAL,
            "request_handler": server.RequestHandler,
        }
    ]


@pytest.mark.parametrize(
    ("options", "reloader", "debugger"),
    [
        ({"debug": True}, True, True),
        ({"debug": False}, False, False),
        ({"debug": True, "use_reloader": False}, False, True),
        ({"debug": True, "use_debugger": False}, True, False),
        ({"debug": False, "use_reloader": True}, True, False),
        ({"debug": False, "use_debugger": True}, False, True),
    ],
)
def test_debug_is_the_default_of_reloader_and_debugger(
    served: list[RunArguments], options: dict[str, Any], reloader: bool, debugger: bool
) -> None:
    """Reloader and debugger follow the debug mode unless they are set themselves."""
    server.run(answer, **options)
    # werkzeug is not to add its own debugger to the one that is there already.
    assert (served[0]["use_reloader"], served[0]["use_debugger"]) == (reloader, False)
    assert isinstance(served[0]["application"], Debugger) is debugger


def test_options_of_werkzeug_pass_through(served: list[RunArguments]) -> None:
    """What werkzeug's server takes besides can be given too, and goes before the defaults."""
    server.run(answer, "::1", 0, processes=3, threaded=False, reloader_interval=7, extra_files=["a"])
    assert (served[0]["hostname"], served[0]["port"]) == ("::1", 0)
    assert (served[0]["processes"], served[0]["threaded"], served[0]["reloader_interval"]) == (3, False, 7)
    assert served[0]["extra_files"] == ["a"]


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_port_out_of_range(served: list[RunArguments], port: int) -> None:
    """A number that is no port is refused before a socket is opened."""
    with pytest.raises(server.StartError, match=f"{port} is not between 0 and 65535"):
        server.run(answer, port=port)
    assert served == []


def test_taken_port(capfd: pytest.CaptureFixture[str]) -> None:
    """Where another program has the port, the server says which and what to write instead, and exits with 1."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as stop:
            server.run(answer, port=port)
    shown = capfd.readouterr().err
    assert stop.value.code == 1
    assert f"Port {port} is taken" in shown
    assert f"--port {port + 1}" in shown
    assert "Traceback" not in shown


def test_other_exits_pass(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """An exit for any other reason, such as that of the reloader, is passed on without a word."""

    def run_simple(*args: Any, **options: Any) -> None:
        sys.exit(server.RESTART)

    monkeypatch.setattr(serving, "run_simple", run_simple)
    with pytest.raises(SystemExit) as stop:
        server.run(answer)
    assert stop.value.code == server.RESTART
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("number", "port", "said"),
    [
        (errno.EADDRINUSE, 5000, "--port 5001"),
        (errno.EADDRINUSE, 65535, "--port 5000"),
        (errno.EACCES, 80, "above 1023"),
        (errno.EADDRNOTAVAIL, 5000, "'192.0.2.1' is not an address of this machine"),
    ],
)
def test_remedies(number: int, port: int, said: str) -> None:
    """Each reason for which an address cannot be had has its remedy."""
    assert said in server.remedy(OSError(number, os.strerror(number)), "192.0.2.1", port)


def test_failed_application_raises_the_error_of_loading() -> None:
    """An application that could not be loaded raises the same error on each request, its traceback not growing."""
    error = load_error("def broken():\n    1 / 0\nbroken()")
    application = server.FailedApplication(error)
    lengths = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as raised:
            call(application, make_environ())
        assert raised.value is error
        lengths.append(len(raised.traceback))
    assert len(set(lengths)) == 1


def test_files_of_a_syntax_error(tmp_path: Path) -> None:
    """The file with the SyntaxError is among the files of the error, though no module was made of it."""
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert str(broken) in server.files_of(load_error(broken.read_text(), str(broken)))


def test_files_of_a_chain(tmp_path: Path) -> None:
    """Files that only the cause of an error names count too; names that are not files do not."""
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("1 / 0")
    second.write_text(
        f"try:\n    exec(compile('1 / 0', {str(first)!r}, 'exec'))\nexcept ZeroDivisionError:\n    raise KeyError"
    )
    files = server.files_of(load_error(second.read_text(), str(second)))
    assert str(first) in files
    assert str(second) in files
    assert not [name for name in files if name.startswith("<")]


def test_files_of_a_failed_application_are_watched(served: list[RunArguments], tmp_path: Path) -> None:
    """The reloader is given the files of the error besides those that were asked for."""
    broken = tmp_path / "broken.py"
    broken.write_text("x ==")
    error = load_error(broken.read_text(), str(broken))
    server.run(server.FailedApplication(error), use_reloader=True, extra_files=["settings.toml"])
    assert {"settings.toml", str(broken)} <= set(served[0]["extra_files"])


def test_changed_since(tmp_path: Path) -> None:
    """A file counts as changed if that happened after the moment and no pattern excludes it."""
    file = tmp_path / "template.html"
    file.write_text("")
    written = file.stat().st_mtime
    beginning = time.time() + 3600  # no loaded module is newer than that
    assert server.changed_since(beginning, [str(file)]) is None
    os.utime(file, (written - 10, written - 10))
    moment = written - 20
    others = [name for module in list(sys.modules.values()) if (name := getattr(module, "__file__", None))]
    assert server.changed_since(moment, [str(file)], others) == str(file)
    assert server.changed_since(moment, [str(file)], [*others, "*.html"]) is None
    assert server.changed_since(moment, [str(tmp_path / "gone.py")], others) is None


def test_changes_in_the_future_do_not_count(tmp_path: Path) -> None:
    """A file system whose clock is ahead does not make the server reload for ever."""
    file = tmp_path / "module.py"
    file.write_text("")
    moment = time.time() + 3600
    os.utime(file, (moment + 60, moment + 60))
    assert server.changed_since(moment, [str(file)]) is None


def change_module(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Makes a loaded module whose file is changed later than any other."""
    file = folder / "late.py"
    file.write_text("")
    module = ModuleType("late")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "late", module)
    return file


@pytest.mark.usefixtures("reloading")
def test_change_while_loading_restarts(
    served: list[RunArguments], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A module that was saved while the application was being loaded asks the reloader for another start."""
    file = change_module(monkeypatch, tmp_path)
    with pytest.raises(SystemExit) as stop:
        server.run(answer, use_reloader=True, loading_since=file.stat().st_mtime - 0.001)
    assert stop.value.code == server.RESTART
    assert "late.py" in capfd.readouterr().err
    assert served == []


@pytest.mark.usefixtures("reloading")
def test_nothing_changed_while_loading(served: list[RunArguments]) -> None:
    """Where nothing changed in the meantime, the server starts."""
    server.run(answer, use_reloader=True, loading_since=time.time())
    assert len(served) == 1


def test_change_while_loading_counts_only_under_the_reloader(
    served: list[RunArguments], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The process that only watches has nothing to restart."""
    change_module(monkeypatch, tmp_path)
    server.run(answer, use_reloader=True, loading_since=0.0)
    assert len(served) == 1


def test_adhoc_certificate_without_cryptography(monkeypatch: pytest.MonkeyPatch, served: list[RunArguments]) -> None:
    """A certificate on the spot needs a package; without it the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(server.StartError, match=r"costrel\[tls\]"):
        server.run(answer, ssl_context="adhoc")
    assert served == []


def test_adhoc_certificate(served: list[RunArguments]) -> None:
    """With the package, werkzeug is told to make the certificate."""
    pytest.importorskip("cryptography")
    server.run(answer, ssl_context="adhoc")
    assert served[0]["ssl_context"] == "adhoc"


def test_context_passes(served: list[RunArguments]) -> None:
    """A ready TLS context is used as it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.run(answer, ssl_context=context)
    assert served[0]["ssl_context"] is context


@pytest.mark.parametrize("make", [lambda file: file.write_text("no certificate"), lambda file: None])
def test_certificate_that_cannot_be_loaded(
    served: list[RunArguments], tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """A certificate file that is missing or not one is named, and nothing is started."""
    file = tmp_path / "cert.pem"
    make(file)
    with pytest.raises(server.StartError, match=r"cert\.pem"):
        server.run(answer, ssl_context=(str(file), str(file)))
    assert served == []


@pytest.mark.parametrize(("port", "right"), [(0, True), (65535, True), (-1, False), (65536, False)])
def test_check_port(port: int, right: bool) -> None:
    """Ports are the numbers of 16 bits."""
    with contextlib.nullcontext() if right else pytest.raises(server.StartError):
        server.check_port(port)
    assert right is (0 <= port < 2**16)


def test_certificate_that_can_be_loaded(tmp_path: Path) -> None:
    """A certificate with its key passes the check, as does serving without one."""
    pytest.importorskip("cryptography")
    certificate, key = serving.make_ssl_devcert(str(tmp_path / "cert"))
    server.check_tls((certificate, key))
    server.check_tls(None)
    assert server.has_cryptography()


def test_restart_if_changed_leaves_what_is_excluded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A change that a pattern excludes does not end the process; any other does."""
    file = change_module(monkeypatch, tmp_path)
    moment = file.stat().st_mtime - 0.001
    server.restart_if_changed(moment, [], [str(file)])
    with pytest.raises(SystemExit):
        server.restart_if_changed(moment, [], [])


def test_is_reloading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that the reloader starts is told from the one that it watches from."""
    monkeypatch.delenv("WERKZEUG_RUN_MAIN", raising=False)
    assert not server.is_reloading()
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert server.is_reloading()


# Where no debugger may run


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COSTREL_ENV", "production"),
        ("COSTREL_ENV", " Prod "),
        ("FLASK_ENV", "production"),
        ("SERVER_SOFTWARE", "gunicorn/23.0.0"),
    ],
)
def test_no_debugger_in_production(
    served: list[RunArguments], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Where the environment says production, the debugger is refused with the reason; the reloader alone is not."""
    monkeypatch.setenv(name, value)
    with pytest.raises(server.StartError, match=f"(?s)run code on this machine.*{value.strip()}"):
        server.run(answer, debug=True)
    with pytest.raises(server.StartError, match="run code on this machine"):
        server.run(answer, use_debugger=True)
    assert served == []
    server.run(answer, debug=True, use_debugger=False)
    assert (served[0]["use_reloader"], served[0]["application"]) == (True, answer)


@pytest.mark.parametrize("module", ["uwsgi", "mod_wsgi"])
def test_no_debugger_within_a_production_server(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Servers that have the interpreter inside of them are found by their module."""
    monkeypatch.setitem(sys.modules, module, ModuleType(module))
    with pytest.raises(server.StartError, match="a production server runs this process"):
        server.check_debugger()


@pytest.mark.parametrize(("name", "value"), [("COSTREL_ENV", "development"), ("FLASK_ENV", ""), ("ENV", "production")])
def test_debugger_elsewhere(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Other values and other variables say nothing."""
    monkeypatch.setenv(name, value)
    server.check_debugger()
    application = server.add_debugger(answer, "0.0.0.0", None, True)
    assert isinstance(application, Debugger)


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("GET /a?page=2 HTTP/1.1", "GET /a?page=2 HTTP/1.1"),
        ("GET /a?token=abc123 HTTP/1.1", "GET /a?token=[hidden] HTTP/1.1"),
    ],
)
def test_what_is_printed_of_a_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, line: str, printed: str
) -> None:
    """The line for a request has no tokens in it; the application gets them all the same."""
    handler = server.RequestHandler.__new__(server.RequestHandler)
    handler.requestline = line
    handler.command, handler.path, handler.request_version = line.split()
    handler.client_address = ("127.0.0.1", 5)
    monkeypatch.setattr(serving, "_log_add_style", False)
    with caplog.at_level("INFO", "werkzeug"):
        handler.log_request(200)
        del handler.path  # as where the line cannot be parsed
        handler.log_request(400)
    assert [f'"{printed}" {code} -' in message for code, message in zip((200, 400), caplog.messages, strict=True)] == [
        True,
        True,
    ]
    assert handler.requestline == line
