"""Sessions in a Redis that dies, hangs and returns: what needs it fails soon and cleanly, the rest goes on."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stress.connections import connection
from tests.stress.served_sessions import TIMEOUT
from tests.stress.serving import LONG, serving, wait_until

ROUNDS = 20 if LONG else 1


@contextlib.contextmanager
def _redis(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a Redis that writes each change to a file in the folder at once."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    kept = ["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"]
    process = subprocess.Popen(["redis-server", *options, *kept], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _takes_connections(port), "Redis does not start")
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()


def _takes_connections(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs the program redis-server")
def test_redis_that_dies_hangs_and_returns(tmp_path: Path) -> None:
    """Without Redis a view with a session is 500 within its timeout and others are as ever; sessions outlive it."""
    port = _free_port()
    failures = 0
    count = 0
    with (
        serving("gthread", "tests.stress.served_sessions:application", env={"STRESS_REDIS": str(port)}) as running,
        connection(running.port) as client,
    ):

        def check_service() -> None:
            nonlocal count
            count += 1
            answer = client.ask("/count")
            assert (answer.status, answer.body) == (200, str(count).encode())
            assert client.ask("/plain").body == b"plain"

        def check_failure() -> None:
            nonlocal failures
            failures += 1
            begun = time.monotonic()
            assert client.ask("/count").status == 500
            assert time.monotonic() - begun < TIMEOUT * 4
            with connection(running.port) as other:
                assert other.ask("/plain").body == b"plain"

        for _ in range(ROUNDS):
            with _redis(tmp_path, port) as redis:
                check_service()
                redis.send_signal(signal.SIGSTOP)
                check_failure()
                redis.send_signal(signal.SIGCONT)
                check_service()
                redis.kill()
                redis.wait()
                check_failure()
            check_failure()
        assert running.logged() == failures
