"""pytest-flask: the tests of a program, written with the fixtures of that plugin."""

import json
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from conftest import FRAMEWORK
from flask import Flask, current_app, g, jsonify, redirect, request, session, url_for


@pytest.fixture(autouse=True)
def _no_context_left():
    """The plugin holds a request context during each test: this replaces the check that there is none."""
    yield


@pytest.fixture(scope="session")
def app():
    app = Flask(__name__)
    app.secret_key = "for the session"

    @app.get("/")
    def index():
        return "hello"

    @app.get("/ping")
    def ping():
        return jsonify(ping="pong")

    @app.get("/kind")
    def kind():
        best = request.accept_mimetypes.best_match(["application/json", "text/html"])
        return jsonify("data") if best == "application/json" else ("<p>page</p>", {"Content-Type": best or "none"})

    @app.post("/login")
    def login():
        session["name"] = request.form["name"]
        return redirect(url_for("me"))

    @app.get("/me")
    def me():
        return session.get("name", "nobody")

    @app.get("/broken")
    def broken():
        raise RuntimeError("a mistake")

    return app


def test_client(client):
    """The client keeps cookies, and ``url_for`` needs no request."""
    response = client.post(url_for("login"), data={"name": "Ada"})
    assert response.location == url_for("me") == "/me"
    assert client.get(url_for("me")).text == "Ada"
    assert session["name"] == "Ada"


def test_another_client(client):
    """Each test has a new client."""
    assert client.get(url_for("me")).text == "nobody"


def test_context(app):
    """During a test there is a request context."""
    g.wish = "bread"
    assert current_app._get_current_object() is app
    assert request.path == "/"
    assert url_for("me", _external=True).endswith("/me")


def test_new_context():
    """Without the application among the fixtures, there is no context."""
    assert not request
    assert not current_app


def test_json(client):
    """A response equals its status, and has the JSON."""
    response = client.get(url_for("ping"))
    assert response == 200
    assert response != 404
    assert response.json == {"ping": "pong"}
    assert client.get("/missing") == 404


def test_accept_json(client, accept_json):
    """A header asks for JSON."""
    assert client.get(url_for("kind"), headers=accept_json).json == "data"


def test_accept_jsonp(client, accept_jsonp):
    """A header asks for a type that is not offered."""
    assert client.get(url_for("kind"), headers=accept_jsonp).content_type == "none"


@pytest.fixture(params=["application/json", "text/html"])
def mimetype(request):
    return request.param


def test_accept_mimetype(client, accept_mimetype, mimetype):
    """One test for each of two types."""
    assert client.get(url_for("kind"), headers=accept_mimetype).mimetype == mimetype


def test_accept_any(client, accept_any):
    """One test for each way to say that all is welcome."""
    assert client.get(url_for("kind"), headers=accept_any).status_code == 200


@pytest.mark.options(debug=True, wish="bread")
def test_options(app, config):
    """A mark sets configuration for one test."""
    assert app.debug is True
    assert config["WISH"] == "bread"


def test_options_are_taken_back(app, config):
    """After the test the configuration is as it was."""
    assert app.debug is False
    assert "WISH" not in config


@pytest.mark.usefixtures("client_class")
class TestWithClass:
    """The client is an attribute of the class."""

    def log_in(self, name):
        return self.client.post(url_for("login"), data={"name": name}, follow_redirects=True)

    def test_login(self):
        """A method of the class uses it."""
        assert self.log_in("Grace").text == "Grace"


def test_live_server(live_server):
    """The program runs in a process of its own, and ``url_for`` makes its addresses."""
    assert url_for("ping", _external=True) == f"http://localhost.localdomain:{live_server.port}/ping"
    with urlopen(live_server.url("/ping"), timeout=10) as response:
        assert json.load(response) == {"ping": "pong"}


def test_live_server_with_an_error(live_server):
    """A mistake in a view is status 500, and the server lives on."""
    with pytest.raises(HTTPError, match="500") as caught:
        urlopen(live_server.url("/broken"), timeout=10)
    caught.value.close()
    with urlopen(live_server.url("/me"), timeout=10) as response:
        assert response.read() == b"nobody"


def test_report_of_a_wrong_status(tmp_path):
    """A failing comparison names both statuses; command-line options choose how the server starts."""
    (tmp_path / "conftest.py").write_text(
        "import pytest, flask\n@pytest.fixture(scope='session')\ndef app():\n    return flask.Flask('shop')\n"
    )
    (tmp_path / "test_shop.py").write_text(
        "def test_missing(client):\n    assert client.get('/nothing') == 200\n"
        "def test_server(live_server):\n    assert live_server._process is None\n"
    )
    plugin = [] if FRAMEWORK == "flask" else ["-p", "costrel.as_flask"]
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "--no-start-live-server"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Mismatch in status code for response: 404 != 200" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
