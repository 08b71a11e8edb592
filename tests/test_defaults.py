"""All defaults that keep an application safe, on a fresh native one and under Flask's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from costrel import App
from costrel.defaults import DEFAULT_CONFIG
from tests.support.frameworks import run_as_flask, run_costrel, run_flask

#: The settings of each guard: on a native application, and under ``costrel.as_flask``.
GUARDS: dict[str, tuple[Any, Any]] = {
    "CHECK_HOST": (True, False),
    "CROSS_ORIGIN_PROTECTION": (True, False),
    "DEFAULT_HEADERS": ({"X-Content-Type-Options": "nosniff"}, {}),
    "LIMIT_URLENCODED_FORMS": (True, False),
    "MAX_CONTENT_LENGTH": (16 * 1024 * 1024, None),
    "MAX_FORM_MEMORY_SIZE": (500_000, 500_000),
    "MAX_FORM_PARTS": (1_000, 1_000),
    "MAX_JSON_DEPTH": (200, None),
    "MAX_JSON_INTEGER_DIGITS": (4_300, None),
    "MAX_QUERY_FIELDS": (1_000, None),
    "NORMALIZE_REDIRECTS": (True, False),
    "REFUSE_LARGE_COOKIES": (True, False),
    "REFUSE_NAMELESS_PARTS": (True, False),
    "SESSION_COOKIE_HOST_PREFIX": (True, False),
    "SESSION_COOKIE_HTTPONLY": (True, True),
    "SESSION_COOKIE_NAME": ("session", "session"),
    "SESSION_COOKIE_SAMESITE": ("Lax", None),
    "SESSION_COOKIE_SECURE": (None, False),
    "SESSION_ENCRYPT": (False, False),
    "TRUSTED_HOSTS": (None, None),
    "TRUSTED_ORIGINS": (None, None),
}

#: Attacks and mistakes; what a client gets is left in ``result``.
PROGRAM = """
import io, json, warnings
warnings.simplefilter("ignore")
app = App("program", static_folder=None, root_path="/")
app.secret_key = "key"
request, session, redirect = framework.request, framework.session, framework.redirect

def view():
    session["seen"] = True
    return "done"

def form():
    return str(len(request.form))

def read_json():
    return type(request.get_json()).__name__

def query():
    return str(len(request.args))

def upload():
    return sorted(map(str, request.form))

def reset():
    return framework.url_for("view", _external=True)

def go():
    return redirect("//example.org/a")

def large():
    session["large"] = [str(number) * 3 for number in range(5000)]
    return "full"

for function in (view, form, read_json, query, go, large, upload, reset):
    app.add_url_rule("/" + function.__name__, view_func=function, methods=["GET", "POST"])
app.logger.disabled = True
client = app.test_client()
cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"}
names = {f"f{number}": "" for number in range(1001)}
part = b'--x\\r\\nContent-Disposition: form-data%s\\r\\n\\r\\n1\\r\\n'
nameless = part % b"" + b"--x--\\r\\n"
parts = part % b'; name="a"' * 1001 + b"--x--\\r\\n"
files = part % b'; name="a"; filename="f"' * 1001 + b"--x--\\r\\n"
large_field = (part % b'; name="a"').replace(b"1", b"1" * 500_001) + b"--x--\\r\\n"
plain = client.get("/view", base_url="https://localhost")

def post_json(text):
    return client.post("/read_json", data=text, content_type="application/json").status_code

result = {
    "cross-site POST": client.post("/view", headers=cross_site).status_code,
    "same-origin POST": client.post("/view", headers={"Sec-Fetch-Site": "same-origin"}).status_code,
    "cross-site GET": client.get("/view", headers=cross_site).status_code,
    "old browser": client.post("/view", headers={"Origin": "https://attacker.example"}).status_code,
    "old browser, own page": client.post("/view", headers={"Origin": "http://localhost"}).status_code,
    "no browser": client.post("/view").status_code,
    "no host name": client.get("/view", headers={"Host": "a@b"}).status_code,
    "large body": client.post("/form", data=b"a=" + b"x" * 17_000_000).status_code,
    "large form": client.post("/form", data={"a": "x" * 500_001}).status_code,
    "many fields": client.post("/form", data=names).status_code,
    "many query fields": client.get("/query", query_string=names).status_code,
    "deep JSON": post_json("[" * 201 + "]" * 201),
    "long integer": post_json("[" + "9" * 4301 + "]"),
    "nameless part": client.post("/upload", data=nameless, content_type="multipart/form-data; boundary=x").status_code,
    "many parts": client.post("/upload", data=parts, content_type="multipart/form-data; boundary=x").status_code,
    "many files": client.post("/upload", data=files, content_type="multipart/form-data; boundary=x").status_code,
    "large field": client.post("/upload", data=large_field, content_type="multipart/form-data; boundary=x").status_code,
    "body shorter than it says": client.post(
        "/form", data={"a": "1"}, environ_overrides={"CONTENT_LENGTH": "9"}).status_code,
    "chunked body": client.post("/form", input_stream=io.BytesIO(b"a=" + b"x" * 17_000_000), environ_overrides={
        "CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input_terminated": True}).status_code,
    "external address": client.get("/reset", headers={"Host": "attacker.example"}).status_code,
    "redirect": client.get("/go").headers["Location"],
    "large session": client.get("/large").status_code,
    "cookie": plain.headers["Set-Cookie"].partition("; ")[2],
    "nosniff": plain.headers.get("X-Content-Type-Options"),
}
app.config["SESSION_COOKIE_SECURE"] = True
result["secure cookie"] = app.test_client().get("/view").headers["Set-Cookie"].partition("=")[0]
"""

NATIVE = {
    "cross-site POST": 403,
    "same-origin POST": 200,
    "cross-site GET": 200,
    "old browser": 403,
    "old browser, own page": 200,
    "no browser": 200,
    "no host name": 400,
    "large body": 413,
    "large form": 413,
    "many fields": 413,
    "many query fields": 400,
    "deep JSON": 400,
    "long integer": 400,
    "nameless part": 400,
    "many parts": 413,
    "many files": 413,
    "large field": 413,
    "body shorter than it says": 400,
    "chunked body": 413,
    "external address": 500,
    "redirect": "/example.org/a",
    "large session": 500,
    "cookie": "Secure; HttpOnly; Path=/; SameSite=Lax",
    "nosniff": "nosniff",
    "secure cookie": "__Host-session",
}

#: Values that a program sets, perhaps from what a client has sent: refused where they are set, also under Flask's name.
VALUES = """
import io
app = App("values", static_folder=None, root_path="/")
app.secret_key = "key"
response_class = app.response_class
result = {}

def refused(name, do):
    with app.test_request_context():
        try:
            do()
        except ValueError:
            result[name] = "refused"
        else:
            result[name] = "sent"

for name, value in {"line break": "a\\r\\nb: c", "NUL": "a\\0b", "not Latin-1": "\\u20ac"}.items():
    refused("header with " + name, lambda: response_class(headers={"X-Name": value}))
refused("name of a header", lambda: response_class(headers={"X Name": "a"}))
refused("control character in the status", lambda: response_class(status="200 a\\x7fb"))
refused("status that is none", lambda: response_class(status="2000 OK"))
refused("name of a cookie", lambda: response_class().set_cookie("a b", "1"))
refused("domain of a cookie", lambda: response_class().set_cookie("a", "1", domain="a; Secure"))
refused("target of a redirect", lambda: framework.redirect("/\\t/example.org"))

def download():
    file = framework.send_file(io.BytesIO(b"x"), "text/plain", as_attachment=True, download_name="../\\u202egpj.exe")
    return file.headers["Content-Disposition"]

def cookie():
    response = response_class()
    response.set_cookie("a", "1; Secure\\r\\n", path="/; Secure")
    return response.headers["Set-Cookie"]

with app.test_request_context():
    result["name of a download"] = download()
    result["value and path of a cookie"] = cookie()
"""


def test_the_settings_of_a_fresh_application() -> None:
    """A native application starts with each guard on; what differs from Flask is all in the table."""
    assert {name: App("program", root_path="/").config[name] for name in GUARDS} == {
        name: native for name, (native, _) in GUARDS.items()
    }
    flasks = run_flask("result = {name: repr(value) for name, value in App.default_config.items()}")
    ours = {name: repr(value) for name, value in DEFAULT_CONFIG.items()}
    assert {name for name, value in ours.items() if flasks.get(name) != value} <= GUARDS.keys()


def test_the_settings_under_flasks_name() -> None:
    """Under ``costrel.as_flask`` each setting that Flask has is Flask's, and the guards that it has not are off."""
    source = "result = {name: repr(value) for name, value in App('program', root_path='/').config.items()}"
    flasks, ours = run_flask(source), run_as_flask(source)
    assert {name: ours.get(name) for name in flasks} == flasks
    off = {name: repr(value) for name, (_, value) in GUARDS.items() if name != "DEFAULT_HEADERS"}
    assert {name: ours[name] for name in off} == off
    assert ours.keys() - flasks.keys() <= GUARDS.keys()


def test_what_a_fresh_application_does() -> None:
    """Each attack and mistake is refused by a native application as it starts."""
    assert run_costrel(PROGRAM) == NATIVE


def test_what_it_does_under_flasks_name() -> None:
    """Under ``costrel.as_flask`` the same requests have Flask's outcome, each of them."""
    assert run_as_flask(PROGRAM) == run_flask(PROGRAM)
    assert run_flask(PROGRAM)["cross-site POST"] == 200


@pytest.mark.parametrize("run", [run_costrel, run_as_flask])
def test_values_that_a_program_sets(run: Callable[[str], dict[str, str]]) -> None:
    """No value becomes another header, attribute or status, nor misleads a browser."""
    found = run(VALUES)
    assert found.pop("name of a download") == "attachment; filename=..__gpj.exe"
    assert found.pop("value and path of a cookie") == r'a="1\073 Secure\015\012"; Path=/%3B%20Secure'
    assert found
    assert set(found.values()) == {"refused"}
