"""The command ``run``: its options, certificates, broken applications, and ``App.run``."""

from __future__ import annotations

import os
import ssl
import sys
import types
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from costrel import cli as command_line
from costrel.cli import CertParamType, NoAppException, ScriptInfo, SeparatedPathType, run_app
from costrel.cli.run import load_for_server, own_error
from costrel.debugger import Debugger
from costrel.server import FailedApplication
from tests.support.command_line import Write, cert_of, hello_group, make_app, module


@pytest.fixture(scope="module", autouse=True)
def _shared_memory() -> None:
    """Has multiprocessing open what the count of PINs is in, which it keeps for all debuggers of the process."""
    Debugger(lambda environ, start_response: [])


def test_run_defaults(runner: CliRunner, served: list[dict[str, Any]]) -> None:
    """Without options the application is served on port 5000 of this machine, without debugger and reloader."""
    app = make_app()
    result = runner.invoke(hello_group(app), ["run"])
    assert result.exit_code == 0
    assert (served[0]["hostname"], served[0]["port"], served[0]["application"]) == ("127.0.0.1", 5000, app)
    assert (served[0]["use_reloader"], served[0]["use_debugger"], served[0]["threaded"]) == (False, False, True)
    assert served[0]["werkzeug_debugger"] is False
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


def test_types_of_options(tmp_path: Path) -> None:
    """The types of the options convert one text each."""
    file = str(tmp_path / "cert.pem")
    Path(file).touch()
    assert CertParamType().convert(file, None, None) == os.path.realpath(file)
    assert SeparatedPathType().convert(os.pathsep.join(["a", "b"]), None, None) == ["a", "b"]


BROKEN = {
    "syntax": ("def broken(:\n", "SyntaxError"),
    "import": ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    "error": ("def fail():\n    1 / 0\nfail()\n", "ZeroDivisionError"),
}


def test_own_error_begins_with_the_application(write: Write) -> None:
    """The traceback of an error of loading starts in the application's code, whoever imported it."""
    write("broken_shop.py", BROKEN["import"][0])
    with pytest.raises(NoAppException) as found:
        ScriptInfo("broken_shop").load_app()
    error = own_error(found.value)
    assert isinstance(error, ModuleNotFoundError)
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_frame.f_code.co_filename.endswith("broken_shop.py")
    assert own_error(ValueError("raised nowhere")).__traceback__ is None


def test_load_for_server(write: Write) -> None:
    """The application itself is served where it can be loaded; where there is none, that is raised."""
    app = make_app()
    assert load_for_server(ScriptInfo(create_app=lambda: app), use_reloader=True) is app
    middleware: Any = types.SimpleNamespace(debug=False)
    assert load_for_server(ScriptInfo(create_app=lambda: middleware), use_reloader=False) is middleware
    write("empty.py")
    with pytest.raises(NoAppException):
        load_for_server(ScriptInfo("empty"), use_reloader=True)


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


def test_an_application_that_ends_the_process(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the reloader its exit is an exit; with it, the server goes on with an error in its place."""
    write("broken_shop.py", "import sys\nsys.exit(3)\n")
    with pytest.raises(SystemExit) as ended:
        load_for_server(ScriptInfo("broken_shop"), use_reloader=False)
    assert ended.value.code == 3
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    application = load_for_server(ScriptInfo("broken_shop"), use_reloader=True)
    assert isinstance(application, FailedApplication)
    assert str(application.error).endswith("sys.exit(3).")


WRONG_HOSTS = """
from costrel import App
app = App(__name__)
app.config["TRUSTED_HOSTS"] = ["https://example.com/"]
"""


def test_wrong_trusted_hosts_end_the_command(runner: CliRunner, write: Write, served: list[dict[str, Any]]) -> None:
    """A setting that every request would fail with is said before the server starts, and with no step of ours."""
    write("wrong_shop.py", WRONG_HOSTS)
    result = runner.invoke(command_line.cli, ["--app", "wrong_shop", "run"])
    assert result.exit_code == 1
    assert result.stderr.startswith("ValueError: TRUSTED_HOSTS has 'https://example.com/'")
    assert served == []


def test_wrong_trusted_hosts_are_shown_until_they_are_mended(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reloader, the server goes on and shows the error in the place of the application."""
    write("wrong_shop.py", WRONG_HOSTS)
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    application = load_for_server(ScriptInfo("wrong_shop"), use_reloader=True)
    assert isinstance(application, FailedApplication)
    assert "TRUSTED_HOSTS = ['example.com']" in str(application.error)


@pytest.mark.usefixtures("write")
def test_run_app_refuses_wrong_trusted_hosts(served: list[dict[str, Any]]) -> None:
    """``App.run`` raises it, after debug mode has been set."""
    app = make_app()
    app.config["TRUSTED_HOSTS"] = "example.com, example.org"
    with pytest.raises(ValueError, match=r"TRUSTED_HOSTS = \['example\.com', 'example\.org'\]"):
        run_app(app, debug=True)
    app.config["CHECK_HOST"] = False
    run_app(app)
    assert len(served) == 1


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
    assert served[0]["werkzeug_debugger"] is False
