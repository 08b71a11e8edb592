"""Starts the production servers with a program of this folder, and asks the system about their processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.stress.connections import PATIENCE, connection
from tests.support.server import HOST, RunningServer, child_environment

#: Set to anything, it makes the programs run for as long as the figures of the project were measured.
LONG = bool(os.environ.get("STRESS_LONG"))

SERVERS = ("gthread", "gevent", "granian")


def wait_until(true: Callable[[], bool], otherwise: str, patience: float = PATIENCE) -> None:
    """Waits until the function returns true.

    :raises TimeoutError: it never does; the message is what was waited for.
    """
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.02)


@dataclass
class Serving(RunningServer):
    """A production server that runs, and its worker processes."""

    folder: Path

    def ask(self, path: str, method: str = "GET", body: bytes = b"", content_type: str = "text/plain") -> str:
        """Returns the body of an answer with status 200 to a request on a connection of its own."""
        with connection(self.port) as opened:
            answer = opened.ask(path, method, body=body, content_type=content_type)
        if answer.status != 200:
            raise ConnectionError(f"{path}: {answer}")
        return answer.body.decode()

    def answers(self) -> bool:
        """Tells whether the server answers at all."""
        try:
            return bool(self.ask("/state/process"))
        except OSError:
            return False

    def worker(self) -> int:
        """Returns the id of a process that runs the application."""
        return int(self.ask("/state/process"))

    def count(self, what: str) -> int:
        """Returns how many requests the only worker has begun (``begun``) or ended (``ended``)."""
        return int(self.ask(f"/state/{what}"))

    def logged(self) -> int:
        """Returns how many unhandled errors the application has logged."""
        return self.log().count("Exception on /")


def memory(process: int, field: str = "VmRSS") -> int:
    """Returns the bytes of resident memory of a process, now or (``VmHWM``) at the most."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    if found is None:
        raise ProcessLookupError(process)
    return int(found[1]) * 1024


def forget_peak(process: int) -> None:
    """Makes ``VmHWM`` of a process start from its present memory."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _command(server: str, program: str, workers: int, threads: int, listener: socket.socket, port: int) -> list[str]:
    if server == "granian":
        options = ["--interface", "wsgi", "--host", HOST, "--port", str(port), "--no-ws", "--log-level", "warning"]
        kept = ["--workers", str(workers), "--blocking-threads", str(threads), "--respawn-failed-workers"]
        return [sys.executable, "-m", "granian", *options, *kept, program]
    kinds = {"gthread": ["--threads", str(threads)], "gevent": ["--worker-connections", "1000"]}
    options = ["--bind", f"fd://{listener.fileno()}", "--log-level", "warning", "--keep-alive", "60"]
    chosen = ["--worker-class", server, "--workers", str(workers), *kinds[server]]
    # A control socket would be one file in the user's folder for all servers that run at the same time.
    return [sys.executable, "-m", "gunicorn", *options, *chosen, "--no-control-socket", program]


@contextlib.contextmanager
def serving(
    server: str,
    program: str = "tests.stress.served:application",
    *,
    workers: int = 1,
    threads: int = 16,
    env: Mapping[str, str] | None = None,
) -> Iterator[Serving]:
    """Runs a program in one of :data:`SERVERS`, waits until it answers, and ends it with its workers afterwards."""
    with tempfile.TemporaryDirectory(prefix="costrel-stress-") as folder, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
        command = _command(server, program, workers, threads, listener, port)
        if server == "granian":
            listener.close()  # it makes its own
        else:
            listener.listen(1024)
        log_file = Path(folder, "log")
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=child_environment({"STRESS_FOLDER": folder, "TMPDIR": folder, **(env or {})}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[] if server == "granian" else [listener.fileno()],
                start_new_session=True,
            )
        listener.close()
        running = Serving(port, process, log_file, Path(folder))
        try:
            wait_until(running.answers, f"{server} does not answer")
            yield running
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server, then whatever is left of its workers."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
