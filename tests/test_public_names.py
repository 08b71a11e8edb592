"""Every public name of Flask is here too, in the matching place, and takes the same arguments.

The list comes from the real Flask, which is asked in a process of its own: the names of its modules, and the attributes
of its classes, with their signatures. What is left out on purpose stands in ``LEFT_OUT`` with the reason.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import runpy
import subprocess
import sys
from typing import Any

import pytest

import costrel
from costrel import templating
from costrel.context import _AppCtxGlobals
from tests.support.frameworks import run_costrel, run_flask
from tests.support.server import child_environment

#: Flask's module, and the modules here that have its names.
MODULES = {
    "flask": ["costrel"],
    "flask.app": ["costrel.app"],
    "flask.blueprints": ["costrel.blueprints"],
    "flask.cli": ["costrel.cli"],
    "flask.config": ["costrel.config"],
    "flask.ctx": ["costrel.context"],
    "flask.debughelpers": ["costrel.diagnostics"],
    "flask.globals": ["costrel.context"],
    "flask.helpers": ["costrel.helpers", "costrel.static", "costrel.packages", "costrel.environment"],
    "flask.json": ["costrel.json"],
    "flask.json.provider": ["costrel.serialize"],
    "flask.json.tag": ["costrel.tags"],
    "flask.logging": ["costrel.logging"],
    "flask.sessions": ["costrel.sessions"],
    "flask.signals": ["costrel.signals"],
    "flask.templating": ["costrel.templating"],
    "flask.testing": ["costrel.testing"],
    "flask.typing": ["costrel.typing"],
    "flask.views": ["costrel.views"],
    "flask.wrappers": ["costrel.request", "costrel.response"],
}

#: Names that have another name here.
RENAMED = {"flask.Flask": "App", "flask.app.Flask": "App"}

#: What Flask has and costrel has not, or has with other arguments, with the reason.
LEFT_OUT = {
    "flask.debughelpers.explain_template_loading_attempts": "part of the loader, which explains what it looked for",
    "flask.cli.FlaskGroup.get_command": "its second argument has the name that click's own class gives it",
}

# Asks one framework for its names. What a module merely imports from elsewhere is not its own; nor are type variables.
_ASK = """
import importlib, inspect, json, sys

package, modules = json.loads(sys.argv[1])

def signature(value):
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]

def attributes(cls):
    found = {}
    for name in dir(cls):
        if name.startswith("_"):
            continue
        owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
        value = inspect.getattr_static(cls, name)
        function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        ours = owner.__module__.split(".")[0] == package
        found[name] = signature(function) if ours and inspect.isfunction(function) else None
    return found

answer = {}
for module_name in modules:
    module = importlib.import_module(module_name)
    for name, value in vars(module).items():
        home = getattr(value, "__module__", None) or ""
        if name.startswith("_") or inspect.ismodule(value) or type(value).__name__ in {"TypeVar", "_Feature"}:
            continue
        if module_name != package and (inspect.isclass(value) or inspect.isfunction(value)) and home != module_name:
            continue
        homes = {"LocalProxy": {package, "globals"}, "NamedSignal": {package, "signals"}}.get(type(value).__name__)
        if homes and module_name.split(".")[-1] not in homes and name != "wsgi_errors_stream":
            continue
        is_class = inspect.isclass(value)
        answer[f"{module_name}.{name}"] = {
            "signature": signature(value) if is_class or inspect.isfunction(value) else None,
            "attributes": attributes(value) if is_class else {},
        }
print(json.dumps(answer))
"""


@functools.cache
def _flask_names() -> dict[str, Any]:
    asked = json.dumps(["flask", list(MODULES)])
    done = subprocess.run(
        [sys.executable, "-c", _ASK, asked], check=True, capture_output=True, text=True, env=child_environment()
    )
    names: dict[str, Any] = json.loads(done.stdout)
    return names


def _ours(name: str) -> Any:
    """Returns what costrel has for a dotted name of Flask, or None."""
    module, _, last = name.rpartition(".")
    for candidate in MODULES[module]:
        found = inspect.getattr_static(importlib.import_module(candidate), RENAMED.get(name, last), None)
        if found is None:
            # The four template functions of the package appear when asked for.
            found = getattr(importlib.import_module(candidate), RENAMED.get(name, last), None)
        if found is not None:
            return found
    return None


def _unlike(theirs: list[list[Any]] | None, function: Any, bound: bool = False) -> list[str]:
    """Says in which ways a function does not take what Flask's takes; empty where it takes all of it.

    :param bound: whether the first parameter of both is the object, whose name is no matter.
    """
    if theirs is None:
        return []
    try:
        ours = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ["has no signature"]
    if bound:
        theirs = theirs[1:]
        ours.pop(next(iter(ours)))
    kinds = {parameter.kind.name for parameter in ours.values()}
    problems = []
    order = [p.name for p in ours.values() if p.kind.name.startswith("POSITIONAL")]
    expected_order = [name for name, kind, _ in theirs if kind.startswith("POSITIONAL")]
    if "VAR_POSITIONAL" not in kinds and order[: len(expected_order)] != expected_order:
        problems.append(f"takes {order} by position, not {expected_order}")
    for name, kind, has_default in theirs:
        if kind.startswith("VAR"):
            if kind not in kinds:
                problems.append(f"does not take *{name}")
        elif name not in ours:
            if "VAR_KEYWORD" not in kinds:
                problems.append(f"does not take {name}")
        elif has_default and ours[name].default is inspect.Parameter.empty:
            problems.append(f"requires {name}")
    known = {name for name, _, _ in theirs}
    problems += [
        f"requires {p.name}, which Flask does not know"
        for p in ours.values()
        if p.name not in known and p.default is p.empty and not p.kind.name.startswith("VAR")
    ]
    return problems


def _classes() -> list[str]:
    return [name for name, known in _flask_names().items() if known["attributes"] and name not in LEFT_OUT]


def test_every_name_is_here() -> None:
    """Each public name of each of Flask's modules is in the matching module, unless it is left out on purpose."""
    names = _flask_names()
    assert len(names) > 150
    assert [name for name in names if _ours(name) is None and name not in LEFT_OUT] == []


def test_what_is_left_out_is_left_out() -> None:
    """The table of what is left out holds only names that Flask has and costrel has not."""
    known = {*_flask_names(), *(f"{name}.{attribute}" for name in _classes() for attribute in _attributes(name))}
    assert [name for name in LEFT_OUT if name not in known] == []
    assert [name for name in LEFT_OUT if name in _flask_names() and _ours(name) is not None] == []


def _attributes(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _flask_names()[name]["attributes"]
    return found


def test_every_function_takes_the_same_arguments() -> None:
    """Each function, and the constructor of each class, takes what Flask's takes, and requires no more."""
    problems = {}
    for name, known in _flask_names().items():
        function = _ours(name)
        if name not in LEFT_OUT and callable(function):
            found = _unlike(known["signature"], function)
            if found:
                problems[name] = found
    assert problems == {}


def test_every_attribute_is_here() -> None:
    """Each public attribute of each class of Flask is an attribute of the matching class."""
    missing: dict[str, list[str]] = {}
    for name in _classes():
        cls: Any = _ours(name)
        for attribute in _attributes(name):
            if f"{name}.{attribute}" in LEFT_OUT or hasattr(cls, attribute):
                continue
            missing.setdefault(name, []).append(attribute)
    assert missing == {}


def test_every_method_takes_the_same_arguments() -> None:
    """Each method of each class of Flask takes the same arguments in the matching class."""
    problems = {}
    for name in _classes():
        for attribute, theirs in _attributes(name).items():
            method = inspect.getattr_static(_ours(name), attribute, None)
            function = method.__func__ if isinstance(method, staticmethod | classmethod) else method
            if f"{name}.{attribute}" in LEFT_OUT or not inspect.isfunction(function):
                continue
            found = _unlike(theirs, function, bound=not isinstance(method, staticmethod))
            if found:
                problems[f"{name}.{attribute}"] = found
    assert problems == {}


# Leaves for each kind of object the public names that it has, be they set by the class or by the constructor.
_OBJECTS = """
import importlib
def module(name):
    return importlib.import_module(f"{framework.__name__}.{name}")

app = App("program")
app.secret_key = "key"
blueprint = framework.Blueprint("part", "program")
states = []
blueprint.record(states.append)
app.register_blueprint(blueprint)
context = app.app_context()
app.add_url_rule("/", view_func=lambda: "", endpoint="index")
request_context = app.test_request_context("/")
client = app.test_client()
with request_context:
    framework.session["seen"] = True
    framework.g.value = 1
    objects = dict(
        app=app, blueprint=blueprint, state=states[0], context=context, request_context=request_context, client=client,
        g=framework.g._get_current_object(), request=framework.request._get_current_object(),
        session=framework.session._get_current_object(), response=app.make_response(""), config=app.config,
        answer=client.get("/"), runner=app.test_cli_runner(), info=module("cli").ScriptInfo(), json=app.json,
        interface=app.session_interface, rule=next(app.url_map.iter_rules()), environment=app.jinja_env,
        loader=app.jinja_loader, group=module("cli").FlaskGroup(), adapter=request_context.url_adapter,
        builder=module("testing").EnvironBuilder(app), view=module("views").MethodView(), logger=app.logger,
    )
    result = {
        kind: sorted({name for name in [*dir(thing), *vars(thing)] if not name.startswith("_")})
        for kind, thing in objects.items()
    }
"""


def test_every_object_has_the_attributes_of_flasks() -> None:
    """The application, contexts, requests, clients and so on have each attribute that those of Flask have once made."""
    flasks, ours = run_flask(_OBJECTS), run_costrel(_OBJECTS)
    missing = {kind: sorted(set(names) - set(ours[kind])) for kind, names in flasks.items()}
    assert sum(len(names) for names in flasks.values()) > 700
    assert {kind: names for kind, names in missing.items() if names} == {}


def test_the_class_behind_g_is_where_it_is_documented() -> None:
    """``_AppCtxGlobals`` is documented in spite of its underscore, and has each method that Flask's has."""
    names = run_flask("result = [n for n in dir(framework.ctx._AppCtxGlobals) if not n.startswith('_')]")
    assert names == ["get", "pop", "setdefault"]
    assert all(hasattr(_AppCtxGlobals, name) for name in names)


def test_the_package_exports_what_it_lists() -> None:
    """Each name in ``__all__`` can be had, and one that nobody knows is an AttributeError that names it."""
    assert [name for name in costrel.__all__ if not hasattr(costrel, name)] == []
    with pytest.raises(AttributeError, match="'costrel' has no attribute 'Flask'"):
        costrel.Flask  # noqa: B018


def test_template_functions_are_imported_when_asked_for() -> None:
    """The four template functions of the package are those of ``costrel.templating``, stored from then on."""
    costrel.__dict__.pop("render_template", None)
    assert costrel.render_template is templating.render_template
    assert "render_template" in vars(costrel)


def test_importing_the_module_runs_nothing() -> None:
    """``costrel.__main__`` that is imported, as the ``costrel`` command does, only has the function."""
    module = importlib.import_module("costrel.__main__")
    # runpy, which the next test uses, warns of a module that is there already.
    del sys.modules["costrel.__main__"]
    assert callable(module.main)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_module_runs_the_command_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m costrel`` calls the command line with its arguments."""
    monkeypatch.setattr(sys, "argv", ["costrel", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("costrel", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "costrel" in capsys.readouterr().out.lower()
