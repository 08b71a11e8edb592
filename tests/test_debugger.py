"""Tests of costrel.debugger: who is shown an error, the PIN, and what the page does not show."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from costrel import App, abort, request
from costrel.debugger import Debugger
from tests.support.environ import call, errors_of, make_environ
from tests.support.server import RunningServer, child_environment
from tests.test_reload import ENVIRONMENT, HELLO, PATIENCE, costrel

SECRET = "sEcRet-of-the-program"


@pytest.fixture(scope="module", autouse=True)
def _shared_memory() -> None:
    """Has multiprocessing open what the count of PINs is in, which it keeps for all debuggers of the process."""
    Debugger(lambda environ, start_response: [])


def _application() -> App:
    """Makes an application in debug mode whose views fail."""
    app = App("debugged", root_path="/")
    app.config.update(DEBUG=True, SECRET_KEY=SECRET, MAIL={"PASSWORD": "p<assword>&"}, SHORT_TOKEN="dev")

    @app.get("/fail")
    def fail() -> str:
        shown = [app.secret_key, app.config["MAIL"], request.headers.get("Authorization"), request.cookies.get("id")]
        raise LookupError(f"not with {shown} 'dev' {request.args.get('reset_token')} developer")

    @app.get("/stream")
    def stream() -> Any:
        yield "begun"
        raise LookupError("too late")

    app.add_url_rule("/", "index", lambda: "fine")
    app.add_url_rule("/abort", "abort", lambda: abort(404))
    return app


def _debugger(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Debugger:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "123-456-789")
    return Debugger(_application(), evalex=True, **options)


def _get(debugger: Debugger, path: str, host: str = "localhost:5000", query: str = "", **headers: str) -> Any:
    reply = call(debugger, make_environ(path, query=query, headers={"Host": host, **headers}))
    reply.chunks = [reply.read()]  # the head comes with the body
    return reply


@pytest.mark.parametrize(
    ("host", "options", "shown"),
    [
        ("localhost:5000", {}, True),
        ("localhost", {}, True),
        ("a.localhost:5000", {}, True),
        ("127.0.0.1:5000", {}, True),
        ("[::1]:5000", {}, True),
        ("attacker.example", {}, False),
        ("localhost.attacker.example", {}, False),
        ("", {}, False),
        ("192.168.1.5:5000", {"host": "0.0.0.0"}, False),
        ("0.0.0.0:5000", {"host": "0.0.0.0"}, False),
        ("192.168.1.5:5000", {"host": "192.168.1.5"}, True),
        ("dev.example.com", {"trusted_hosts": ["dev.example.com"]}, True),
        ("a.example.com", {"trusted_hosts": ["*.example.com"]}, True),
    ],
)
def test_the_page_is_for_own_hosts(
    monkeypatch: pytest.MonkeyPatch, host: str, options: dict[str, Any], shown: bool
) -> None:
    """A page of another site that has its name lead here is shown no traceback, and gets no key of the console."""
    debugger = _debugger(monkeypatch, **options)
    reply = _get(debugger, "/fail", host)
    page = reply.read().decode()
    if host == "":
        assert reply.status_code in (400, 500)
    else:
        assert reply.status_code == 500
        assert ("LookupError" in page) is shown
    assert (debugger.secret in page) is shown
    if not shown:
        assert "LookupError" not in page
    for command in ("pinauth", "printpin"):
        query = f"__debugger__=yes&cmd={command}&s={debugger.secret}&pin=123-456-789"
        assert _get(debugger, "/", host, query).status_code == (200 if shown else 400)
    assert _get(debugger, "/console", host).status_code == (200 if shown else 400)


def test_what_is_no_error_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are as without the debugger, on every host."""
    debugger = _debugger(monkeypatch)
    assert _get(debugger, "/", "shop.example").read() == b"fine"
    assert _get(debugger, "/abort").status_code == 404


def test_an_error_within_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answer had begun, the traceback goes to the terminal."""
    debugger = _debugger(monkeypatch)
    environ = make_environ("/stream")
    reply = call(debugger, environ)
    assert b"begun" in b"".join(reply.chunks)
    assert "too late" in errors_of(environ)
    assert "already begun" in errors_of(environ)


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the settings, credentials, cookies and tokens of the request are on no page and in no terminal."""
    monkeypatch.setenv("SOME_PASSWORD", "from-the-environment")
    debugger = _debugger(monkeypatch)
    headers = {"Host": "localhost", "Authorization": "Bearer cr3dential", "Cookie": "id=c00kie-of-mine"}
    environ = make_environ("/fail", query="reset_token=t0ken-of-mail", headers=headers)
    page = html.unescape(call(debugger, environ).read().decode())
    for text in (page, errors_of(environ)):
        assert "not with ['[hidden]', {'PASSWORD': '[hidden]'}, '[hidden]', '[hidden]'] '[hidden]' [hidden]" in text
        assert "developer" in text
        for secret in (SECRET, "p<assword>&", "cr3dential", "c00kie-of-mine", "t0ken-of-mail"):
            assert secret not in text
    assert f'SECRET = "{debugger.secret}"' in page


@pytest.mark.parametrize("evalex", [True, False])
@pytest.mark.parametrize("hook", [False, True])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"password=of-the-b0dy&name=somebody"),
        ("application/json", b'{"user": {"password": "of-the-b0dy", "name": "somebody"}}'),
    ],
)
def test_secrets_of_the_body_are_hidden(
    monkeypatch: pytest.MonkeyPatch, kind: str, body: bytes, hook: bool, evalex: bool
) -> None:
    """Passwords in forms, JSON and the URLs of settings are hidden, and arguments with the name of a secret."""
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "123-456-789")
    app = App("debugged", root_path="/")
    app.config.update(DEBUG=True, DATABASE_URL="postgresql://ada:secretpw1234@db/shop")

    @app.post("/reset/<token>/<page>")
    def reset(token: str, page: str) -> str:
        read = dict(request.form) or request.get_json()
        raise ConnectionError(f"{read} {token} {page} {app.config['DATABASE_URL']}")

    if hook:
        app.teardown_request(lambda error: None)
    headers = {"Host": "localhost", "Content-Type": kind, "Origin": "http://localhost"}
    environ = make_environ("/reset/t0ken-of-mail/a-page", method="POST", headers=headers, body=body)
    shown = html.unescape(call(Debugger(app, evalex=evalex), environ).read().decode())
    for text in (shown, errors_of(environ)):
        assert "'password': '[hidden]', 'name': 'somebody'}" in text
        assert "[hidden] a-page postgresql://ada:[hidden]@db/shop" in text
        for secret in ("of-the-b0dy", "t0ken-of-mail", "secretpw1234"):
            assert secret not in text


def _try_pin(debugger: Debugger, pin: str) -> dict[str, bool]:
    query = f"__debugger__=yes&cmd=pinauth&pin={pin}&s={debugger.secret}"
    answer: dict[str, bool] = json.loads(_get(debugger, "/", query=query).read())
    return answer


@pytest.mark.parametrize("at_a_time", [1, 8])
def test_ten_tries_of_a_pin(monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    """After ten wrong PINs the right one is no help, also where they come at the same time."""
    waited: list[float] = []
    real_sleep = time.sleep

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        real_sleep(0.001)  # so that another thread has its turn

    monkeypatch.setattr("werkzeug.debug.time.sleep", sleep)
    debugger = _debugger(monkeypatch)

    def guess(count: int) -> None:
        for number in range(count):
            _try_pin(debugger, f"000-000-{number:03}")

    threads = [threading.Thread(target=guess, args=(5,)) for _ in range(at_a_time)] if at_a_time > 1 else []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        guess(12)
    assert len(waited) == 10
    assert sum(waited) > 20
    assert _try_pin(debugger, "123-456-789") == {"auth": False, "exhausted": True}


def test_the_right_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right PIN opens the console, by a cookie that other sites cannot send; without it no code runs."""
    debugger = _debugger(monkeypatch)
    page = _get(debugger, "/fail").read().decode()
    frame = re.findall(r'id="frame-(\d+)"', page)[-1]
    run = f"__debugger__=yes&cmd=6*7&frm={frame}&s={debugger.secret}"
    assert _get(debugger, "/", query=run).read() == b"fine"
    query = f"__debugger__=yes&cmd=pinauth&pin=123-456-789&s={debugger.secret}"
    reply = _get(debugger, "/", query=query)
    cookie = reply.header("Set-Cookie")
    assert cookie is not None
    assert "SameSite=Strict" in cookie
    assert b"42" in _get(debugger, "/", query=run, Cookie=cookie.partition(";")[0]).read()
    assert _get(debugger, "/", "attacker.example", run, Cookie=cookie.partition(";")[0]).status_code == 400


# With the real development server


def _project(folder: Path, more: str = "") -> Path:
    (folder / "app.py").write_text(HELLO + more)
    return folder


def _page_for(port: int, host: str, path: str = "/boom") -> str:
    running: Any = RunningServer(port, None, Path())  # type: ignore[arg-type]
    answer: bytes = running.request(path, headers={"Host": host})
    return answer.decode()


def test_the_development_server_asks_for_the_host_and_the_pin(tmp_path: Path) -> None:
    """The server's own page is for localhost; a wrong PIN is refused, and neither PIN nor key is printed with it."""
    with costrel(_project(tmp_path), "run", "--debug", "--port", "0") as command:
        command.wait_for_page("first")
        port = int(command.address.rpartition(":")[2])
        page = _page_for(port, f"localhost:{port}")
        secret = re.search(r'SECRET = "(\w+)"', page)
        assert secret is not None
        assert "boom in the view" in page
        other = _page_for(port, "attacker.example")
        assert other.startswith("HTTP/1.1 500 ")
        assert "boom in the view" not in other
        assert "SECRET" not in other
        path = f"/?__debugger__=yes&cmd=pinauth&pin=000-000-000&s={secret[1]}"
        assert '"auth": false' in _page_for(port, f"localhost:{port}", path)
        assert _page_for(port, "attacker.example", path).startswith("HTTP/1.1 400 ")
        command.wait_for("cmd=pinauth")
        assert secret[1] not in command.log()
        assert "pin=000" not in command.log()


@pytest.mark.parametrize("way", ["command", "code"])
def test_the_development_server_refuses_production(tmp_path: Path, way: str) -> None:
    """With a production environment ``run --debug`` and ``app.run(debug=True)`` end with the reason."""
    _project(tmp_path, "\nif __name__ == '__main__':\n    app.run(port=0, debug=True)\n")
    args = ["-m", "costrel", "run", "--debug", "--port", "0"] if way == "command" else ["app.py"]
    done = subprocess.run(
        [sys.executable, *args],
        cwd=tmp_path,
        env=child_environment({**ENVIRONMENT, "COSTREL_ENV": "production"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "run code on this machine, but the environment variable COSTREL_ENV says 'production'" in done.stderr
    assert "Running on" not in done.stdout + done.stderr


def test_no_debugger_outside_of_the_development_server() -> None:
    """An application in debug mode adds no debugger itself: for a production server an error is an error."""
    app = _application()
    environ = make_environ("/fail")
    with pytest.raises(LookupError):
        call(app, environ)
    reply = call(app, make_environ("/", query="__debugger__=yes&cmd=resource&f=style.css"))
    assert reply.read() == b"fine"
