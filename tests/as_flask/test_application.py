"""``Flask`` is an ``App`` with Flask's own defaults."""

from __future__ import annotations

import pytest

from tests.as_flask.programs import result_of
from tests.support.frameworks import run_flask


def test_flasks_own_defaults() -> None:
    """Every setting that Flask has, and no other that means something there, has Flask's value."""
    source = "result = {key: repr(value) for key, value in dict(App.default_config).items()}"
    expected = run_flask(source)
    found = result_of(f"from flask import Flask as App\n{source}")
    assert {key: found[key] for key in expected} == expected
    others = {key: found[key] for key in found.keys() - expected.keys()}
    assert {"CROSS_ORIGIN_PROTECTION", "LIMIT_URLENCODED_FORMS"} <= others.keys()
    assert {key: value for key, value in others.items() if value not in {"ImmutableDict({})", "False", "None"}} == {}


def test_answers_like_flask() -> None:
    """A form with more fields than the limit for multipart forms is read; headers and cookies are Flask's own."""
    source = """
from flask import Flask, request, session
app = Flask("shop")
app.secret_key = "a key"
@app.post("/")
def index():
    session["seen"] = True
    return str(len(request.form))
body = "&".join(f"f{number}=" for number in range(1500))
result = []
for data in (body, [body.encode()]):
    response = app.test_client().post("/", data=data if isinstance(data, str) else None, input_stream=(
        None if isinstance(data, str) else __import__("io").BytesIO(data[0])
    ), headers={"Transfer-Encoding": "chunked"} if not isinstance(data, str) else {},
        content_type="application/x-www-form-urlencoded", environ_overrides={"wsgi.input_terminated": True})
    headers = sorted(name for name, _ in response.headers)
    cookie = response.headers["Set-Cookie"].partition(";")[2]
    result.append([response.status, response.text, headers, cookie])
"""
    assert result_of(source) == run_flask(source)


def test_instances() -> None:
    """To code that asks, every costrel application is a Flask; the class still is a class of its own."""
    source = """
import flask, costrel
from flask.sansio.app import App as BaseApp
class Shop(flask.Flask):
    pass
native = costrel.App("native")
result = [
    isinstance(native, flask.Flask), isinstance(flask.Flask("a"), flask.Flask), isinstance(native, Shop),
    isinstance(Shop("b"), flask.Flask), isinstance(object(), flask.Flask), issubclass(Shop, BaseApp),
    issubclass(costrel.App, flask.Flask), native.config["SESSION_COOKIE_SAMESITE"],
    flask.Flask("c").config["SESSION_COOKIE_SAMESITE"], repr(flask.Flask("c")),
]
"""
    assert result_of(source) == [True, True, False, True, False, True, False, "Lax", None, "<Flask 'c'>"]


def test_accepts_what_flask_accepts() -> None:
    """Rules that an ``App`` refuses, and names of hosts that no host has, do what they do on Flask."""
    source = """
from flask import Blueprint, Flask
app = Flask("shop")
app.config["TRUSTED_HOSTS"] = ["https://shop.example/", "shop.example, example.org", "localhost"]
part = Blueprint("part", "shop", url_prefix="/part")
for owner, name in ((app, "app"), (part, "part")):
    owner.add_url_rule("/none", name + "_none", lambda: "none", methods=[])
    owner.add_url_rule("/never", name + "_never", lambda: "never", methods=[], provide_automatic_options=False)
    owner.add_url_rule("/host", name + "_host", lambda: "host", host="other.example")
    owner.add_url_rule("/any/<any():x>", name + "_any", lambda x: repr(x))
app.register_blueprint(part)
client = app.test_client()
result = []
for path in ("/none", "/never", "/host", "/any/", "/any/x"):
    for prefix in ("", "/part"):
        for method in ("GET", "OPTIONS"):
            answer = client.open(prefix + path, method=method)
            result.append([path, method, answer.status_code, sorted(answer.allow)])
result.append(client.get("/host", headers={"Host": "shop.example"}).status_code)
"""
    found = result_of(source)
    assert found == run_flask(source)
    assert ["/host", "GET", 200, []] in found


@pytest.mark.parametrize(
    "patch",
    [
        "Flask.dispatch_request = wrapped(Flask.dispatch_request)",
        "Flask.full_dispatch_request = wrapped(Flask.full_dispatch_request)",
        "Flask.preprocess_request = wrapped(Flask.preprocess_request)",
        "Flask.wsgi_app = wrapped(Flask.wsgi_app)",
        "Flask.__call__ = wrapped(Flask.__call__)",
        "App.dispatch_request = wrapped(App.dispatch_request)",
        "app.wsgi_app = wrapped(app.wsgi_app)",
        "app.dispatch_request = wrapped(app.dispatch_request)",
        "app.finalize_request = wrapped(app.finalize_request)",
        "app.view_functions['index'] = wrapped(app.view_functions['index'])",
    ],
)
def test_agents_may_wrap_methods(patch: str) -> None:
    """A method that is wrapped on the class or an instance, before or after the first request, is called."""
    source = f"""
import functools
from flask import Flask
from flask.sansio.app import App
calls = []
def wrapped(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        calls.append(1)
        return function(*args, **kwargs)
    return call
app = Flask("shop")
app.add_url_rule("/", "index", lambda: "hello")
client = app.test_client()
result = [client.get("/").text, len(calls)]
{patch}
result += [client.get("/").text, len(calls)]
"""
    assert result_of(source) == ["hello", 0, "hello", 1]


def test_warns_like_flask() -> None:
    """The warning about a host outside ``SERVER_NAME`` comes under the name of Flask's module, for filters."""
    source = """
import warnings
from flask import Flask
app = Flask("shop", subdomain_matching=True)
app.config["SERVER_NAME"] = "shop.example"
result = []
for pattern in ("flask.app", "flask.other"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=pattern)
        status = app.test_client().get("/", base_url="http://other.example").status_code
    result.append([status, len(caught)])
"""
    assert result_of(source) == run_flask(source) == [[404, 0], [404, 1]]
