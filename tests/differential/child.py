"""Runs program texts with Flask or with costrel under its name: ``python -m tests.differential.child NAME ROOT``.

The process reads one JSON line per program and answers with one: what making the program came to, the answer to each of
its requests, and the URLs that it builds. Each of these steps has a list of events: hooks, views, signals and log
records in their order.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import logging
import re
import sys
import time
import zlib
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TextIO

import werkzeug.test
from werkzeug.test import EnvironBuilder

from tests.differential.requesting import NOW

Step = dict[str, Any]


def kind(error: object) -> str:
    """Names the class of an error; the frameworks' own errors, which explain more, count as what they inherit from."""
    return next(c.__name__ for c in type(error).__mro__ if c.__module__.split(".")[0] not in {"flask", "costrel"})


class Recorder(logging.Handler):
    """Keeps the events of one step; as a handler, the log records too."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[list[Any]] = []

    def note(self, *entry: Any) -> None:
        """Adds an event: its group first."""
        self.events.append([e if isinstance(e, (str, int, float, type(None))) else str(e) for e in entry])

    def emit(self, record: logging.LogRecord) -> None:
        """Adds a log record."""
        error = kind(record.exc_info[1]) if record.exc_info else None
        if record.name != "asyncio":  # its debug messages name the selector
            self.note("log", record.name, record.levelname, record.getMessage(), error)

    def take(self) -> list[list[Any]]:
        """Returns the events since the last call."""
        events, self.events = self.events, []
        return events


def session_text(cookie: re.Match[str]) -> str:
    """Returns the content of a session cookie; its signature depends on whether it was compressed."""
    name, payload, timestamp = cookie[1], cookie[2], cookie[3]
    data = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    return f"{name}={(zlib.decompress(data) if payload[0] == '.' else data).decode()}{timestamp}"


def steady(header: str, value: str) -> str:
    """Returns the value of a header without what differs from one run to the next."""
    if header == "Set-Cookie":
        with contextlib.suppress(ValueError, zlib.error):
            value = re.sub(r"^(session|other)=(\.?[\w-]+)(\.[\w-]+)\.[\w-]+", session_text, value)
        return re.sub(r"(?i)(?<=expires=)[^;]+", lambda found: distance(found[0]), value)
    return distance(value) if header in {"Date", "Expires"} else value


def distance(value: str) -> str:
    """Returns a date as what it is from now on, in minutes: the clock of the system library cannot be set."""
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return value
    seconds = [
        (date - now).total_seconds() for now in (datetime.now(timezone.utc), datetime.fromtimestamp(NOW, timezone.utc))
    ]
    return f"in {round(min(seconds, key=abs) / 60)} minutes"


def send(app: Any, request: Step, recorder: Recorder) -> Step:
    """Sends a request as a bare WSGI server does, which reads some chunks and closes the body."""
    chunks = request.pop("read")
    builder = EnvironBuilder(**request)
    try:
        environ = builder.get_environ()
    finally:
        builder.close()
    answer: Step = {}
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], Any]:
        recorder.note("started")
        answer.update(status=status, headers=headers)
        return written.append

    body = app(environ, start_response)
    try:
        chunk_of = iter(body)
        for _ in range(chunks):
            chunk = next(chunk_of, None)
            if chunk is None:
                break
            if chunk:  # an empty one is none to a client
                recorder.note("chunk", sys.modules["flask"].has_request_context())
            written.append(chunk)
    finally:
        with contextlib.suppress(AttributeError):
            close = body.close
            close()
    return {**answer, "body": b"".join(written).decode("latin-1")}


def open_with(client: Any, request: Step) -> Step:
    """Sends a request with the framework's test client."""
    del request["read"]
    with client.open(**request) as response:
        text = response.get_data().decode("latin-1")
        return {
            "status": response.status,
            "headers": list(response.headers),
            "body": text,
            "path": response.request.path,
            "history": [earlier.status for earlier in response.history],
        }


def open_in_block(app: Any, request: Step, recorder: Recorder) -> Step:
    """Sends a request with a test client of its own, in a block that keeps the context of the request."""
    flask: Any = sys.modules["flask"]
    with app.test_client() as client:
        if app.secret_key:
            with client.session_transaction() as session:
                session["n"] = 100
        before = recorder.take()
        answer = open_with(client, request)
        recorder.note("block", flask.request.path, flask.request.endpoint, flask.session.get("n"), sorted(flask.g))
    return {**answer, "transaction": before}


def ask(app: Any, client: Any, request: Step, recorder: Recorder) -> Step:
    """Returns the answer to a request, with its events, and the contexts that were left."""
    words = re.sub(r" object at 0x\w+", "", str(request))
    answer: Step
    try:
        if request["read"] == "block":
            answer = open_in_block(app, request, recorder)
        elif request["read"] == "client":
            answer = open_with(client, request)
        else:
            answer = send(app, request, recorder)
    except BaseException as error:
        answer = {"raised": kind(error)}
    if "headers" in answer:
        headers = [[name, steady(name, value)] for name, value in answer["headers"]]
        answer["headers"] = sorted(headers, key=lambda field: field[0])
    left = sys.modules["flask"].has_app_context()
    return {"step": words, **answer, "events": recorder.take(), "left": left}


def build_urls(app: Any, flask: Any, recorder: Recorder) -> Step:
    """Returns the URLs of all endpoints."""
    found: list[Any] = []
    app.config["TRUSTED_HOSTS"] = None  # where the host is refused, Flask's url_for ends with an AttributeError
    choices: list[dict[str, Any]] = [
        {},
        {"x": "ab", "n": 3, "p": "a/b", "k": "one"},
        {"x": "\u00fc /?", "_external": True},
    ]
    try:
        with app.test_request_context("/"):
            for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()} | {"nowhere"}):
                for values in choices:
                    try:
                        found.append(flask.url_for(endpoint, **values))
                    except Exception as error:
                        found.append(kind(error))
    except Exception as error:
        found.append(kind(error))
    return {"step": "URLs", "urls": found, "events": recorder.take(), "left": flask.has_app_context()}


def describe(app: Any, flask: Any) -> Step:
    """Returns what the application has registered."""
    rules = sorted([rule.rule, rule.endpoint, sorted(rule.methods or ())] for rule in app.url_map.iter_rules())
    return {"rules": rules, "blueprints": sorted(app.blueprints), "views": sorted(app.view_functions)}


def run(source: str, root: str, recorder: Recorder) -> list[Step]:
    """Returns the steps of a program."""
    flask = sys.modules["flask"]
    receivers: list[tuple[Any, Any]] = []
    # With the name of a module that is there, so that the classes that it makes have one.
    space: dict[str, Any] = {
        "__name__": __name__,
        "note": recorder.note,
        "kind": kind,
        "ROOT": root,
        "receivers": receivers,
    }
    try:
        exec(compile(source, "program", "exec"), space)
    except Exception as error:
        return [{"step": "made", "raised": kind(error), "events": recorder.take()}]
    else:
        app = space["app"]
        steps = [{"step": "made", **describe(app, flask), "events": recorder.take()}]
        client = app.test_client()
        for request in space["requests"]:
            steps.append(ask(app, client, request, recorder))
            if any(event[0] == "teardown failed" for event in steps[-1]["events"]):
                # One framework's client has the cookies of the answer, the other's an error.
                client = app.test_client()
        return [*steps, build_urls(app, flask, recorder)]
    finally:
        # What one program did must not be seen by the next.
        for signal, receiver in receivers:
            signal.disconnect(receiver, space["app"])
        logger = logging.getLogger("program")
        logger.setLevel(logging.NOTSET)
        logger.handlers.clear()
        if "costrel.signals" in sys.modules and sys.modules["costrel.signals"].watched:
            raise RuntimeError("a signal still has a receiver, so that all programs from now on would go the long way")


def main(name: str, root: str) -> None:
    """Answers programs until the input ends."""
    # Signatures hold the second that they were made in.
    time.time = lambda: float(NOW)
    # The boundaries of forms are made of the time and a random number.
    setattr(werkzeug.test, "time", time.time)
    setattr(werkzeug.test, "random", lambda: 0.5)
    if name == "costrel":
        importlib.import_module("costrel.as_flask")
    importlib.import_module("flask.views")
    importlib.import_module("flask.testing")
    recorder = Recorder()
    logging.getLogger().addHandler(recorder)
    # The answers have the standard output for themselves.
    answers: TextIO = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line), root, recorder), default=repr) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
