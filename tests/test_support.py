"""The shared parts of the tests do what their docstrings say."""

from __future__ import annotations

import pytest

from tests.support.environ import call, errors_of, make_environ
from tests.support.frameworks import run_flask
from tests.support.server import body_of, has_gunicorn, real_server, status_of

ECHO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
"""


@pytest.mark.parametrize("server", ["werkzeug", "gunicorn"])
def test_real_server_answers_raw_requests(server: str) -> None:
    """A program runs in its own process and answers bytes sent over a socket."""
    if server == "gunicorn" and not has_gunicorn():
        pytest.fail("install gunicorn to run this test")
    with real_server(ECHO, server="gunicorn" if server == "gunicorn" else "werkzeug") as running:
        response = running.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status_of(response) == 200, running.log()
        assert body_of(running.request("/")) == b"hello"
    assert running.process.returncode is not None


def test_run_flask_returns_the_result_of_the_program() -> None:
    """The program's ``result`` comes back as JSON from a process that has the real Flask."""
    assert run_flask("result = [App.__name__, framework.__name__]") == ["Flask", "flask"]


def test_run_flask_shows_the_traceback_of_a_broken_program() -> None:
    """A program that raises is an error with the other process's traceback."""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_flask("1 / 0")


def test_make_environ_takes_headers_body_and_invalid_paths() -> None:
    """Headers become environ entries, a body sets its length, and path bytes are kept."""
    environ = make_environ(b"/\xff", method="POST", headers={"Content-Type": "a/b", "X-One": "1"}, body=b"abc")
    assert environ["PATH_INFO"] == "/\xff"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["HTTP_X_ONE"]) == ("a/b", "3", "1")
    assert environ["wsgi.input"].read() == b"abc"
    assert errors_of(environ) == ""


def test_call_leaves_the_body_to_the_test() -> None:
    """The reply holds the body unread until the test reads or closes it."""

    def app(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("201 CREATED", [("X-One", "1")])(b"a")
        return [b"b"]

    reply = call(app, make_environ())
    assert (reply.status_code, reply.header("x-one"), reply.read()) == (201, "1", b"ab")
