"""All defaults that keep an application safe, on a fresh native one and under Flask's name."""

from __future__ import annotations

from typing import Any

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
import json, warnings
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

def go():
    return redirect("//example.org/a")

def large():
    session["large"] = [str(number) * 3 for number in range(5000)]
    return "full"

for function in (view, form, read_json, query, go, large):
    app.add_url_rule("/" + function.__name__, view_func=function, methods=["GET", "POST"])
app.logger.disabled = True
client = app.test_client()
cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"}
names = {f"f{number}": "" for number in range(1001)}
plain = client.get("/view", base_url="https://localhost")

def post_json(text):
    return client.post("/read_json", data=text, content_type="application/json").status_code

result = {
    "cross-site POST": client.post("/view", headers=cross_site).status_code,
    "cross-site GET": client.get("/view", headers=cross_site).status_code,
    "old browser": client.post("/view", headers={"Origin": "https://attacker.example"}).status_code,
    "no browser": client.post("/view").status_code,
    "no host name": client.get("/view", headers={"Host": "a@b"}).status_code,
    "large body": client.post("/form", data=b"a=" + b"x" * 17_000_000).status_code,
    "large form": client.post("/form", data={"a": "x" * 500_001}).status_code,
    "many fields": client.post("/form", data=names).status_code,
    "many query fields": client.get("/query", query_string=names).status_code,
    "deep JSON": post_json("[" * 201 + "]" * 201),
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
    "cross-site GET": 200,
    "old browser": 403,
    "no browser": 200,
    "no host name": 400,
    "large body": 413,
    "large form": 413,
    "many fields": 413,
    "many query fields": 400,
    "deep JSON": 400,
    "redirect": "/example.org/a",
    "large session": 500,
    "cookie": "Secure; HttpOnly; Path=/; SameSite=Lax",
    "nosniff": "nosniff",
    "secure cookie": "__Host-session",
}


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
