"""Runs a program's WSGI application in a real server process and talks to it in raw bytes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HOST = "127.0.0.1"

#: Serves ``served:app`` with werkzeug's threaded server on the socket whose number is the first argument.
_SERVE = """\
import sys
from werkzeug.serving import make_server
from served import app
make_server("127.0.0.1", int(sys.argv[2]), app, threaded=True, fd=int(sys.argv[1])).serve_forever()
"""


@dataclass
class RunningServer:
    """A server process that listens on ``port``, and raw-socket ways to talk to it."""

    port: int
    process: subprocess.Popen[bytes]
    log_file: Path

    def url(self, path: str = "/") -> str:
        return f"http://{HOST}:{self.port}{path}"

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """Returns a new connection; ``timeout`` seconds hold for each of its operations."""
        return socket.create_connection((HOST, self.port), timeout=timeout)

    def send(self, data: bytes, timeout: float = 10.0) -> bytes:
        """Sends the bytes on a new connection and returns all that comes back until the server closes it.

        The sending half is closed after the bytes, so that a server that waits for more sees the end. A server that
        answers and closes before it has taken them all is no error.
        """
        with self.connect(timeout) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            return read_until_closed(connection)

    def request(
        self, path: str = "/", *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """Sends one well-formed HTTP/1.1 request that asks to close the connection, and returns the raw response."""
        lines = {"Host": f"{HOST}:{self.port}", "Connection": "close", **(headers or {})}
        if body:
            lines.setdefault("Content-Length", str(len(body)))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return self.send(head.encode("latin-1") + b"\r\n" + body)

    def log(self) -> str:
        """Returns what the process has written to its standard output and error so far."""
        return self.log_file.read_text(errors="replace")


def read_until_closed(connection: socket.socket) -> bytes:
    """Returns the bytes that arrive until the other side closes or resets the connection."""
    received = bytearray()
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            return bytes(received)
        received += chunk


def read_until(connection: socket.socket, marker: bytes) -> bytes:
    """Returns the bytes that arrive up to and including the marker; ConnectionError where it never comes."""
    received = bytearray()
    while marker not in received:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed before {marker!r}: {bytes(received)!r}")
        received += chunk
    return bytes(received)


def status_of(response: bytes) -> int:
    """Returns the status code of a raw HTTP response."""
    if not response.startswith(b"HTTP/1."):
        raise ValueError(f"not an HTTP/1 response: {response[:200]!r}")
    return int(response.split(b" ", 2)[1])


def body_of(response: bytes) -> bytes:
    """Returns what follows the headers of a raw HTTP response; chunked bodies keep their chunk lines."""
    return response.partition(b"\r\n\r\n")[2]


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns the environment for a Python child process that finds the source tree."""
    root = Path(__file__).resolve().parents[2]
    found = [str(root / "src"), str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(found), "PYTHONUNBUFFERED": "1", **(extra or {})}


def _command(server: Literal["werkzeug", "gunicorn"], fd: int, port: int) -> list[str]:
    if server == "werkzeug":
        return [sys.executable, "-c", _SERVE, str(fd), str(port)]
    threads = ["--workers", "1", "--threads", "4", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", "--pythonpath", ".", "--bind", f"fd://{fd}", *threads, "served:app"]


def has_gunicorn() -> bool:
    """Tells whether ``real_server(..., server="gunicorn")`` can work here."""
    return importlib.util.find_spec("gunicorn") is not None


@contextlib.contextmanager
def real_server(
    app_source: str,
    *,
    server: Literal["werkzeug", "gunicorn"] = "werkzeug",
    env: Mapping[str, str] | None = None,
) -> Iterator[RunningServer]:
    """Runs a program that defines ``app`` in its own server process on a free port, and stops it afterwards.

    The listening socket is made here and handed to the child: no other process can take the port, and a client may
    connect at once, since the connection waits until the server accepts it.

    :param app_source: the text of a module with a WSGI application named ``app``.
    :param server: werkzeug's threaded server (what the dev server runs), or gunicorn with four threads.
    :param env: environment variables that are set for the process.
    """
    with tempfile.TemporaryDirectory(prefix="costrel-test-") as folder, socket.socket() as listener:
        Path(folder, "served.py").write_text(app_source)
        log_file = Path(folder, "log")
        listener.bind((HOST, 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                _command(server, listener.fileno(), port),
                cwd=folder,
                env=child_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
            )
        listener.close()
        try:
            yield RunningServer(port, process, log_file)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes], timeout: float = 5.0) -> None:
    """Ends a child process: asks first, and kills it after ``timeout`` seconds."""
    process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
