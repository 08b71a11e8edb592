"""Runs program texts with Flask or with costrel in a process that stays, so that each text costs milliseconds.

The process reads one JSON line per program and answers with one. It is started with the name of the framework; what it
executes gets ``framework`` (the module), ``App`` (its application class, without costrel's safer defaults), ``ROOT`` (a
folder with templates and static files), ``kind`` (names the class of an error) and an empty list ``log``, and leaves
``app`` and ``requests``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tests.support.server import child_environment

_LOOP = r"""
import base64, importlib, json, re, sys, time, zlib

# Signatures hold the second they were made in; both frameworks are to see the same one.
time.time = lambda: 1_700_000_000.0
name, ROOT = sys.argv[1:]
framework = importlib.import_module(name)
importlib.import_module(name + ".views")
Base = framework.Flask if name == "flask" else framework.App
_answers, sys.stdout = sys.stdout, sys.stderr


class App(Base):
    default_config = {
        **Base.default_config,
        "DEFAULT_HEADERS": {},
        "MAX_CONTENT_LENGTH": None,
        "SESSION_COOKIE_SAMESITE": None,
        "SESSION_COOKIE_SECURE": False,
    }


def kind(error):
    # The frameworks' own errors, which explain more, count as the class they inherit from.
    return next(c.__name__ for c in type(error).__mro__ if c.__module__.split(".")[0] != name)


def unpack(session):
    # costrel compresses a session only where that saves more than a few bytes.
    name, payload, timestamp = session[1], session[2], session[3]
    data = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    return f"{name}={(zlib.decompress(data) if payload[0] == '.' else data).decode()}{timestamp}"


def note_once(log):
    # Flask tears down twice where a stream keeps the request.
    ends = [entry for entry in log if "teardown" in entry[0]]
    return [entry for entry in log if entry not in ends] + [e for i, e in enumerate(ends) if e not in ends[:i]]


def steady(header, value):
    if header == "Allow":  # Flask writes a set
        return ", ".join(sorted(value.split(", ")))
    if header == "Set-Cookie":
        value = re.sub(r"^(session|other)=(\.?[^.;]+)(\.[^.;]+)\.[^.;]+", unpack, value)
    # The clock of the system library cannot be set.
    return "*" if header in {"Date", "Expires"} else re.sub(r"(?i)expires=[^;]+", "Expires=*", value)


def ask(app, client, log, request):
    log.clear()
    try:
        with client.open(**request) as response:
            body = response.get_data().decode("latin-1")
            answer = [response.status, sorted([k, steady(k, v)] for k, v in response.headers), body]
    except Exception as error:
        answer = ["raised", kind(error)]
    return [request["method"], request["path"], *answer, note_once(log) if name == "flask" else list(log)]


def urls(app, framework):
    found = []
    app.config["TRUSTED_HOSTS"] = None  # where the host is refused, Flask's url_for ends with an AttributeError
    with app.test_request_context("/"):
        for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()} | {"nowhere"}):
            for values in ({}, {"x": "ab", "n": 3, "p": "a/b", "k": "one"}, {"x": "\u00fc /?", "_external": True}):
                try:
                    found.append(framework.url_for(endpoint, **values))
                except Exception as error:
                    found.append(kind(error))
    return found


def run(source):
    space = {"framework": framework, "App": App, "ROOT": ROOT, "kind": kind, "log": []}
    try:
        exec(compile(source, "program", "exec"), space)
    except Exception as error:
        return ["not made", kind(error)]
    app = space["app"]
    client = app.test_client()
    rules = sorted([rule.rule, rule.endpoint, sorted(rule.methods or ())] for rule in app.url_map.iter_rules())
    answers = [ask(app, client, space["log"], request) for request in space["requests"]]
    return [rules, *answers, urls(app, framework), json.loads(framework.json.dumps(app.blueprints, default=repr))]


for line in sys.stdin:
    _answers.write(json.dumps(run(json.loads(line))) + "\n")
    _answers.flush()
"""


class Worker:
    """One framework's process; use it in a ``with`` statement.

    :param framework: the module to import.
    :param root: the folder that programs find as ``ROOT``.
    """

    def __init__(self, framework: Literal["flask", "costrel"], root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _LOOP, framework, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment(),
        )

    def run(self, source: str) -> Any:
        """Returns what the program did: its rules, its answers with the log of each, and its URLs."""
        process = self.process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        process.stdin.write(json.dumps(source) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process has ended with {process.wait(10)}")
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Closes both pipes and waits; the end of its input ends the process.
        self.process.communicate(timeout=10)
