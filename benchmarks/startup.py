"""Start-up: import time, the memory and first answer of a process with the hello app, and building 1,000 routes."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pipes import ROOT, Peer, PeerMissing
from benchmarks.table import number

MODULES = ("werkzeug", "costrel", "flask", "falcon", "bottle", "pyramid.config", "django.core.wsgi")

#: The routes of the app that is built.
ROUTES = 1000

IMPORT = """
import json, sys, time
wall, cpu = time.perf_counter(), time.process_time()
try:
    import {module}
except ModuleNotFoundError as error:
    print(json.dumps({{"missing": str(error)}}))
else:
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({{"wall": wall, "cpu": cpu, "modules": len(sys.modules)}}))
"""

#: The hello app, for each peer as the first page of its documentation has it.
HELLO = {
    "bare": """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"Hello, World!"]
""",
    "falcon": """
import falcon
class Hello:
    def on_get(self, req, resp):
        resp.text = "Hello, World!"
app = falcon.App(media_type=falcon.MEDIA_HTML)
app.add_route("/", Hello())
""",
    "bottle": """
import bottle
app = bottle.Bottle()
@app.route("/")
def hello():
    return "Hello, World!"
""",
    "pyramid": """
from pyramid.config import Configurator
from pyramid.response import Response
def hello(request):
    return Response("Hello, World!")
with Configurator() as config:
    config.add_route("hello", "/")
    config.add_view(hello, route_name="hello")
    app = config.make_wsgi_app()
""",
    "django": """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
def hello(request):
    return HttpResponse("Hello, World!")
urlpatterns = [path("", hello)]
settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__)
app = get_wsgi_application()
""",
    "flask": """
from flask import Flask
app = Flask(__name__)
@app.route("/")
def hello():
    return "Hello, World!"
""",
    "costrel": """
from costrel import App
app = App(__name__)
@app.route("/")
def hello():
    return "Hello, World!"
""",
    "as_flask": """
from costrel import as_flask
from flask import Flask
app = Flask(__name__)
@app.route("/")
def hello():
    return "Hello, World!"
""",
}

# The program comes as text, so that nothing of the benchmarks is in the process and in its memory.
ANSWER = """
import io, json, sys, time
wall, cpu = time.perf_counter(), time.process_time()
try:
    exec(compile({program!r}, "hello.py", "exec"), globals())
except ModuleNotFoundError as error:
    print(json.dumps({{"missing": str(error)}}))
    sys.exit()
status = []
body = app(
    {{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
     "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1:8000", "wsgi.version": (1, 0),
     "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": False,
     "wsgi.multiprocess": False, "wsgi.run_once": False}},
    lambda line, headers, exc_info=None: status.append(line),
)
text = b"".join(body)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert (status[0][:3], text) == ("200", b"Hello, World!"), (status, text)
try:
    with open("/proc/self/status") as lines:
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
except OSError:
    kilobytes = None
print(json.dumps({{"wall": wall, "cpu": cpu, "kilobytes": kilobytes}}))
"""


def in_fresh_process(program: str, bytecode: str) -> dict[str, Any] | None:
    """Run a program in a process of its own.

    Args:
        program: its text; it prints one JSON object.
        bytecode: the folder of the bytecode cache, so that all are read from there, whether or not they were installed
            with bytecode and whatever the environment says about writing it.

    Returns:
        The object, or None where a module is not installed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return None if "missing" in found else found


def in_rounds(programs: Mapping[str, str], rounds: int, report: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Run each program in its own process, in interleaved rounds.

    Returns:
        For each program whose modules are installed, the median of each figure that it prints.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as bytecode:
        for name, program in programs.items():
            # The first run of each only fills the bytecode cache.
            if in_fresh_process(program, bytecode) is None:
                report(f"{name} is left out: it is not installed")
            else:
                found[name] = []
        for _ in range(rounds):
            for name in random.sample(list(found), len(found)):
                once = in_fresh_process(programs[name], bytecode)
                assert once is not None
                found[name].append(once)
    return {name: _medians(samples) for name, samples in found.items()}


def _medians(samples: Sequence[dict[str, Any]]) -> dict[str, float]:
    keys = [key for key, value in samples[0].items() if value is not None]
    return {key: statistics.median(sample[key] for sample in samples) for key in keys}


def imports(rounds: int, report: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """For each module that is installed the medians `wall_ms`, `cpu_ms` and `modules`."""
    programs = {module: IMPORT.format(module=module) for module in MODULES}
    return {
        module: {"wall_ms": row["wall"] * 1000, "cpu_ms": row["cpu"] * 1000, "modules": row["modules"]}
        for module, row in in_rounds(programs, rounds, report).items()
    }


def hello(peers: Sequence[str], rounds: int, report: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """For each peer, of a process with the hello app, `wall_ms` and `cpu_ms` until it has answered, and `memory_mb`.

    The time starts before the import; the memory is what is resident after the answer, where the system has `/proc`.
    """
    programs = {peer: ANSWER.format(program=HELLO[peer]) for peer in peers}
    return {
        peer: {
            "wall_ms": row["wall"] * 1000,
            "cpu_ms": row["cpu"] * 1000,
            **({"memory_mb": row["kilobytes"] / 1024} if "kilobytes" in row else {}),
        }
        for peer, row in in_rounds(programs, rounds, report).items()
    }


def building(peers: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """For each peer, CPU milliseconds from the imported framework to a built app of 1,000 routes and to its answer."""
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name in random.sample(list(peers), len(peers)):
                with Peer(name, f"routes-{ROUTES}", Path(folder)) as peer:
                    try:
                        ready = peer.ready()
                    except PeerMissing:
                        continue
                times.setdefault(name, []).append((ready.built * 1000, ready.first_answer * 1000))
    found = {}
    for name in (name for name in peers if name in times):
        built, answered = map(statistics.median, zip(*times[name], strict=True))
        found[name] = {"built_ms": built, "first_answer_ms": answered}
    return found


def imports_rows(found: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Milliseconds per import, and what each adds to werkzeug alone."""
    alone = found.get("werkzeug")
    rows = [["import", "wall ms", "CPU ms", "modules", "wall over werkzeug", "CPU over werkzeug"]]
    for module, median in found.items():
        over = [None, None] if alone is None else [median[key] - alone[key] for key in ("wall_ms", "cpu_ms")]
        cells = [number(median["wall_ms"]), number(median["cpu_ms"]), f"{median['modules']:.0f}"]
        rows.append([module, *cells, *(number(value) for value in over)])
    return rows


def apps_rows(
    hello: Mapping[str, Mapping[str, float]], building: Mapping[str, Mapping[str, float]], peers: Sequence[str]
) -> list[list[str]]:
    """For each peer, the hello app's first answer and memory, and the app of 1,000 routes."""
    rows = [["CPU ms", "hello: first answer", "memory, MB", f"{ROUTES:,} routes: built", "first answer"]]
    for peer in peers:
        small, large = hello.get(peer, {}), building.get(peer, {})
        if small or large:
            values = [small.get("cpu_ms"), small.get("memory_mb"), large.get("built_ms"), large.get("first_answer_ms")]
            rows.append([peer, *(number(value) for value in values)])
    return rows
