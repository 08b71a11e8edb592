"""Throughput: requests per second of each peer behind a real server, driven by `wrk`.

All peers of one server run at the same time, each on a port of its own, and are driven in turns, one at a time: those
that wait take no CPU. What the server itself takes is the same for all, and shows in the line of bare WSGI.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import ASGI_PEERS, PEERS, Case, case_named
from benchmarks.material import write_static_files
from benchmarks.pipes import ROOT
from benchmarks.table import number

CASES = ("hello", "json")

#: Seconds that a server may take until it answers.
START = 30.0

APP = "benchmarks.served_app:app"


class CannotServe(Exception):
    """`wrk` or a server is missing, or a server does not answer."""


@dataclass(frozen=True)
class Server:
    """A way to serve.

    Args:
        name: what the table says.
        module: what has to be installed.
        arguments: what comes behind `python -m`; `{port}` stands for the port.
        peers: whom it can serve.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    peers: tuple[str, ...] = PEERS


def _gunicorn(name: str, *options: str, needs: str = "gunicorn") -> Server:
    return Server(name, needs, ("gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "error", *options, APP))


SERVERS = (
    Server(
        "granian, 1 worker, 1 thread",
        "granian",
        (
            *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
            *("--blocking-threads", "1", "--no-ws", "--log-level", "error", APP),
        ),
    ),
    _gunicorn("gunicorn sync, 1 worker", "--workers", "1"),
    _gunicorn("gunicorn gthread, 1 thread", "--workers", "1", "--worker-class", "gthread", "--threads", "1"),
    _gunicorn("gunicorn gthread, 4 threads", "--workers", "1", "--worker-class", "gthread", "--threads", "4"),
    _gunicorn("gunicorn gthread, 16 threads", "--workers", "1", "--worker-class", "gthread", "--threads", "16"),
    _gunicorn("gunicorn gevent", "--workers", "1", "--worker-class", "gevent", needs="gevent"),
    Server(
        "uvicorn, 1 worker",
        "uvicorn",
        ("uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "error", "--no-access-log", APP),
        ASGI_PEERS,
    ),
)

Drive = tuple[float, float]
"""Requests per second, and microseconds of CPU per request of all processes of the server; 0 where nothing tells."""

Rates = dict[str, dict[str, list[Drive]]]
"""For each case, for each peer, what each round gave."""


@dataclass(frozen=True)
class Service:
    """A server that runs."""

    url: str
    process: int


def measure(server: Server, peers: Sequence[str], rounds: int, seconds: int, report: Callable[[str], None]) -> Rates:
    """Drive every peer behind one server.

    Args:
        server: the server.
        peers: who takes part.
        rounds: how often each peer is driven.
        seconds: how long each time.
        report: takes lines about the progress.

    Raises:
        CannotServe: a server does not answer, a peer answers in another way than the first one, or `wrk` met errors.
    """
    if shutil.which("wrk") is None:
        raise CannotServe("wrk is not on this machine: apt-get install wrk")
    rates: Rates = {}
    with tempfile.TemporaryDirectory() as folder:
        write_static_files(Path(folder))
        for name in CASES:
            case = case_named(name)
            report(f"{server.name}: {name}")
            with contextlib.ExitStack() as stack:
                services = {peer: stack.enter_context(serving(server, peer, case, Path(folder))) for peer in peers}
                bodies = {peer: fetch(service.url) for peer, service in services.items()}
                wrong = [peer for peer in peers if not _same(case, bodies[peer], bodies[peers[0]])]
                if wrong:
                    raise CannotServe(f"{name}: {', '.join(wrong)} answer in another way than {peers[0]}.")
                rates[name] = {peer: [] for peer in peers}
                for _ in range(rounds):
                    for peer in random.sample(list(peers), len(peers)):
                        rates[name][peer].append(drive(services[peer], seconds))
    return rates


def _same(case: Case, body: bytes, other: bytes) -> bool:
    return body.replace(b" ", b"").strip() == other.replace(b" ", b"").strip() if case.json else body == other


@contextlib.contextmanager
def serving(server: Server, peer: str, case: Case, folder: Path) -> Iterator[Service]:
    """Runs the server with a peer's program, and gives its process with the URL of the case's first request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "BENCHMARK_PEER": peer,
        "BENCHMARK_PROGRAM": case.program,
        "BENCHMARK_FOLDER": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    call = case.call(0)
    url = f"http://127.0.0.1:{port}{call.path}"
    command = [sys.executable, "-m", *(part.format(port=port) for part in server.arguments)]
    # To a file, not a pipe: nobody would empty a pipe while the server runs.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + START
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise CannotServe(f"{server.name} does not serve {peer}:\n{log.read().decode(errors='replace')}")
                time.sleep(0.05)
            yield Service(url, process.pid)
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        fetch(url)
    except OSError:
        return False
    return True


def fetch(url: str) -> bytes:
    """The body that the URL answers with."""
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
    return body


def drive(service: Service, seconds: int) -> Drive:
    """Requests per second over 16 connections, for that many seconds, and the CPU that the server took for each.

    Raises:
        CannotServe: `wrk` could not connect, or the server answered with an error.
    """
    command = ["wrk", "--threads", "1", "--connections", "16", "--duration", f"{seconds}s", service.url]
    before = cpu_seconds(service.process)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate, total = re.search(r"Requests/sec: +([\d.]+)", done.stdout), re.search(r"(\d+) requests in", done.stdout)
    if done.returncode or rate is None or total is None or total[1] == "0" or "Non-2xx" in done.stdout:
        raise CannotServe(f"wrk {service.url}:\n{done.stdout}{done.stderr}")
    return float(rate[1]), (cpu_seconds(service.process) - before) / int(total[1]) * 1e6


def cpu_seconds(process: int) -> float:
    """The CPU time that a process and all that it has started have taken so far; 0 on a system without `/proc`."""
    taken: dict[int, float] = {}
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may have spaces in it; state, parent and the times come behind it.
            fields = stat.read_text().rpartition(")")[2].split()
            number = int(stat.parent.name)
            parents[number] = int(fields[1])
            taken[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def belongs(number: int) -> bool:
        return number == process or (number in parents and belongs(parents[number]))

    return sum(seconds for number, seconds in taken.items() if belongs(number))


def missing(server: Server) -> bool:
    """Whether the server is not installed."""
    return importlib.util.find_spec(server.module) is None


def installed(peer: str) -> bool:
    """Whether what the peer's module imports is there; bare WSGI and costrel need nothing."""
    return peer in ("bare", "costrel", "as_flask") or importlib.util.find_spec(peer) is not None


def rates_rows(rates: Rates) -> list[list[str]]:
    """Medians of the requests per second with their share of bare WSGI, and of the CPU per request."""
    peers = list(next(iter(rates.values())))
    rows = [["case", *peers]]
    for case, found in rates.items():
        rate = {peer: statistics.median(drive[0] for drive in found[peer]) for peer in peers}
        taken = {peer: statistics.median(drive[1] for drive in found[peer]) for peer in peers}
        rows.append([f"{case}: requests per second", *(f"{rate[peer]:,.0f}" for peer in peers)])
        if "bare" in peers:
            rows.append(["share of bare", *(number(rate[peer] / rate["bare"]) for peer in peers)])
        if all(taken.values()):
            rows.append(["CPU of the server, µs each", *(number(taken[peer]) for peer in peers)])
            if "bare" in peers:
                rows.append(["bare's CPU over it", *(number(taken["bare"] / taken[peer]) for peer in peers)])
    return rows
