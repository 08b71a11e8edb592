"""The modules under the name ``flask``: everything that Flask's have, as the very objects of costrel."""

from __future__ import annotations

import json

import pytest

from tests.as_flask.programs import result_of, run_python
from tests.support.frameworks import run_flask

MODULES = [
    *("app", "blueprints", "cli", "config", "ctx", "debughelpers", "globals", "helpers", "json", "json.provider"),
    *("json.tag", "logging", "sansio", "sansio.app", "sansio.blueprints", "sansio.scaffold", "sessions", "signals"),
    *("templating", "testing", "typing", "views", "wrappers"),
]

#: Public names of Flask that are not there, with the reason.
LEFT_OUT = {
    "flask.debughelpers.explain_template_loading_attempts": "part of the loader, which explains what it looked for",
}

_NAMES = f"""
import importlib, inspect
result = {{}}
for name in ["flask", *(f"flask.{{part}}" for part in {MODULES!r})]:
    module = importlib.import_module(name)
    for key, value in vars(module).items():
        home = (getattr(value, "__module__", None) or "").split(".")[0]
        known = home in ("flask", "werkzeug", "jinja2", "itsdangerous", "")
        if known and not key.startswith("_") and not inspect.ismodule(value):
            if type(value).__name__ not in ("TypeVar", "_Feature"):
                result[f"{{name}}.{{key}}"] = 1
result = sorted(result)
"""


def test_every_public_name_of_flask_is_there() -> None:
    """Whatever Flask has in one of its modules, its own or imported there, can be imported from the same place."""
    names = [name for name in run_flask(_NAMES) if name not in LEFT_OUT]
    assert len(names) > 150
    source = """
import importlib, json, os
result = []
for name in json.loads(os.environ["NAMES"]):
    module, _, last = name.rpartition(".")
    try:
        getattr(importlib.import_module(module), last)
    except AttributeError:
        result.append(name)
"""
    assert result_of(source, env={"NAMES": json.dumps(names)}) == []


def test_names_that_flask_has_from_others() -> None:
    """What Flask's modules import from werkzeug, jinja2 and each other is the same object in those of costrel."""
    source = """
import flask.app, flask.sessions, flask.templating, flask.testing, flask.wrappers
import itsdangerous, jinja2, werkzeug.exceptions, werkzeug.wrappers
result = [
    flask.wrappers.ResponseBase is werkzeug.wrappers.Response, flask.testing.BaseRequest is werkzeug.wrappers.Request,
    flask.app.BadRequestKeyError is werkzeug.exceptions.BadRequestKeyError, flask.app.cli is flask.cli,
    flask.sessions.BadSignature is itsdangerous.BadSignature, flask.templating.BaseEnvironment is jinja2.Environment,
    flask.app.request_started is flask.request_started, flask.wrappers.json is flask.json,
]
"""
    assert result_of(source) == [True] * 8


def test_names_that_extensions_use() -> None:
    """The half-public names that extensions are known to import are there, and are what costrel uses itself."""
    source = """
import costrel, flask
from costrel import context, plan, registrar, serialize, tags
from flask import globals as g, ctx, blueprints, config, signals, testing, typing, views
from flask.sansio.app import App
from flask.sansio.scaffold import Scaffold, _endpoint_from_view_func, setupmethod
from flask.json.provider import DefaultJSONProvider
from flask.json.tag import TaggedJSONSerializer
import blinker, weakref
from flask.globals import app_ctx, request_ctx, _cv_app, _cv_request
app = flask.Flask("shop")
result = [
    App is costrel.App, Scaffold is registrar.Registrar, DefaultJSONProvider is serialize.DefaultJSONProvider,
    TaggedJSONSerializer is tags.TaggedJSONSerializer, ctx._AppCtxGlobals is context._AppCtxGlobals,
    blueprints.BlueprintSetupState.__name__, config.ConfigAttribute.__name__, signals.Namespace is blinker.Namespace,
    testing.FlaskClient.__name__, testing.EnvironBuilder.__name__, "post" in views.http_method_funcs,
    hasattr(typing, "ResponseReturnValue"), setupmethod.__name__, _endpoint_from_view_func(len),
    _cv_app.get(None), _cv_request.get("none"),
]
with app.app_context() as context_object:
    proxies = [flask.current_app, flask.g, app_ctx]
    result += [proxy._get_current_object() is not None for proxy in proxies]
    result += [_cv_app.get() is context_object, _cv_request.get(None), weakref.ref(context_object)() is context_object]
with app.test_request_context("/") as context_object:
    proxies = [flask.request, flask.session, request_ctx]
    result += [proxy._get_current_object() is not None for proxy in proxies]
    result += [_cv_request.get() is context_object, weakref.ref(context_object)() is context_object]
try:
    _cv_app.get()
except LookupError:
    result.append("LookupError")
with app.app_context() as context_object, app.test_request_context("/"):
    result.append(_cv_app.get() is context_object)
with app.app_context() as first, app.app_context() as second:
    token = _cv_app.set(first)
    result.append(app_ctx._get_current_object() is first)
    _cv_app.reset(token)
    result.append(app_ctx._get_current_object() is second)
"""
    expected = [*[True] * 5, "BlueprintSetupState", "ConfigAttribute", True, "FlaskClient", "EnvironBuilder", True]
    expected += [True, "setupmethod", "len", None, "none", *[True] * 4, None, True, *[True] * 5, "LookupError"]
    assert result_of(source) == [*expected, True, True, True]


def test_submodules_are_attributes() -> None:
    """``import flask`` is enough for ``flask.cli`` and all the others, and each is the module of that name."""
    source = f"""
import flask, sys
result = []
for name in {MODULES!r}:
    module = flask
    for part in name.split("."):
        module = getattr(module, part)
    result.append([module.__name__, module is sys.modules[f"flask.{{name}}"], name.split(".")[0] in dir(flask)])
"""
    assert result_of(source) == [[f"flask.{name}", True, True] for name in MODULES]


def test_what_is_set_in_a_module_has_its_effect() -> None:
    """A name that a program or a test replaces in a module of Flask is replaced in costrel, and comes back."""
    source = """
from unittest import mock
import costrel.helpers, flask, flask.helpers, flask.templating
original = costrel.helpers.url_for
with mock.patch("flask.helpers.url_for", lambda *_: "patched"):
    result = [costrel.helpers.url_for("x"), flask.helpers.url_for("x")]
result += [costrel.helpers.url_for is original, flask.helpers.url_for is original]
flask.helpers.invented = 1
result += [flask.helpers.invented, hasattr(costrel.helpers, "invented")]
class Other(flask.Flask):
    pass
flask.Flask = Other
from flask import Flask
result += [Flask is Other, hasattr(costrel, "Flask")]
del flask.helpers.url_for
result.append(hasattr(costrel.helpers, "url_for"))
"""
    assert result_of(source) == ["patched", "patched", True, True, 1, False, True, False, False]


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("from flask import invented", ["'invented' in 'flask'", "Flask 3.1.3", "<string>:2", "another version"]),
        ("from flask.helpers import invented", ["'invented' in 'flask.helpers'", "another version"]),
        ("import flask.invented", ["'invented' in 'flask'", "another version"]),
        ("from flask import _request_ctx_stack", ["Flask 2.3 removed it", "flask.globals.request_ctx"]),
        ("from flask.json import JSONEncoder", ["Flask 2.3 removed it", "DefaultJSONProvider"]),
    ],
)
def test_a_name_of_another_version_is_explained(statement: str, parts: list[str]) -> None:
    """What Flask 3.1 does not have is an ImportError that says who needs it and what to do."""
    done = run_python("-c", f"import costrel.as_flask\n{statement}")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(("ImportError: ", "ModuleNotFoundError: "))
    assert [part for part in parts if part not in last] == []


def test_asking_for_a_name_is_no_error() -> None:
    """``hasattr``, ``getattr`` with a default and a caught ImportError tell what is not there."""
    source = """
import flask, importlib.util
result = [hasattr(flask, "invented"), getattr(flask, "invented", "default")]
try:
    from flask import invented
except ImportError:
    result.append("ImportError")
result += [importlib.util.find_spec("flask") is not None, importlib.util.find_spec("flask.json").name]
result += [importlib.util.find_spec("flask.invented"), importlib.util.find_spec("flask.json.invented")]
namespace = {}
exec("from flask import *", namespace)
result += [namespace["Flask"] is flask.Flask, "request" in namespace, repr(flask.json)]
result += [flask.json.__file__.replace("\\\\", "/").endswith("costrel/json.py"), importlib.reload(flask) is flask]
"""
    expected = [False, "default", "ImportError", True, "flask.json", None, None, True, True]
    assert result_of(source) == [*expected, "<module 'flask.json', another name of costrel.json>", True, True]


def test_a_star_import_gives_what_flask_gives() -> None:
    """``from flask import *`` binds what it binds with Flask, also names that are made when first asked for."""
    source = """
namespace = {}
exec("from flask import *", namespace)
result = sorted(name for name in namespace if not name.startswith("_"))
"""
    python_modules = {"annotations", "t"}
    assert result_of(source) == [name for name in run_flask(source) if name not in python_modules]


def test_a_module_that_is_dropped_comes_back() -> None:
    """Code that removes ``flask`` from ``sys.modules`` and imports it again gets costrel again, not the real Flask."""
    source = """
import sys, flask
first = flask.Flask
for name in [name for name in sys.modules if name.split(".")[0] == "flask"]:
    del sys.modules[name]
import flask.cli
result = [flask.Flask is first, type(flask).__module__]
"""
    assert result_of(source) == [True, "costrel.as_flask.alias"]


def test_the_import_is_cheap() -> None:
    """Importing ``flask`` loads neither Jinja nor Click before something needs them."""
    source = """
import sys
from flask import Flask, request, session
result = [name for name in ("jinja2", "click", "importlib.metadata", "asyncio") if name in sys.modules]
from flask import render_template, cli
result += [name in sys.modules for name in ("jinja2", "click")]
"""
    assert result_of(source) == [True, True]
