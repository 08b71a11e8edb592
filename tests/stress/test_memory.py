"""A worker that has answered a million requests or taken a gigabyte needs the memory that it began with."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from tests.stress.connections import Connection
from tests.stress.load import drive
from tests.stress.serving import LONG, Serving, forget_peak, memory, serving
from tests.support.server import child_environment

MIB = 1024 * 1024
REQUESTS = 1_000_000 if LONG else 30_000
UPLOAD = 1024 * MIB if LONG else 100 * MIB

#: Requests that do not wait, in the mix of an ordinary application.
KINDS = (
    *("quick", "quick", "missing", "quick", "json", "quick", "page", "quick", "quick", "session", "quick", "quick"),
    *("file", "quick", "missing", "quick", "form", "quick", "quick", "stream", "quick", "page", "quick", "error"),
)


@pytest.mark.parametrize("server", ["granian", "gthread"] if LONG else ["granian"])
def test_memory_is_flat(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """After the first tenth, a million requests of all kinds make resident memory grow by less than 1 MiB."""
    warm_up = REQUESTS // 10
    with serving(server, threads=2, env={"STRESS_QUICK": "1"}) as running:
        (running.folder / "page.html").write_text("<p>{{ token }}</p>")
        process = running.worker()
        first = drive(running, 4, lambda number: number >= warm_up // 4, KINDS, "w")
        before = memory(process)
        second = drive(running, 4, lambda number: number >= (REQUESTS - warm_up) // 4, KINDS, "m")
        growth = memory(process) - before
        assert first.problems + second.problems == []
        assert running.worker() == process
    total = first.total + second.total
    with capsys.disabled():
        print(f"\n{server}, {total} requests: {before / MIB:.1f} MiB, {growth / 1024:+.0f} KiB after {first.total}")
    assert growth < MIB


def test_requests_leave_no_garbage() -> None:
    """What a request has made is freed at its end, without the garbage collector; an error may leave ten objects.

    So may a template that is given as a text: Jinja compiles it for the request, and what it makes is a cycle.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress.garbage"], capture_output=True, text=True, env=child_environment()
    )
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout)
    free = {kind: count for kind, count in left.items() if not kind.startswith(("500", "compiled"))}
    assert {kind: count for kind, count in free.items() if count} == {}
    assert {kind: count for kind, count in left.items() if count > 10} == {}


def _upload(server: Serving, way: str) -> str:
    """Sends the big body in one way or another and returns the answer's body."""
    connection = Connection(server.port)
    end = b""
    head = "POST /receive HTTP/1.1\r\nHost: stress.test\r\nX-Token: big\r\n"
    if way == "form":
        start = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
        end = b"\r\n--edge--\r\n"
        head += f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {len(start + end) + UPLOAD}\r\n"
        connection.socket.sendall(head.encode() + b"\r\n" + start)
    elif way == "stream":
        connection.socket.sendall(f"{head}Content-Length: {UPLOAD}\r\n\r\n".encode())
    else:
        connection.socket.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        end = b"0\r\n\r\n"
    _send(connection.socket, way == "chunks")
    connection.socket.sendall(end)
    connection.socket.settimeout(120)
    answer = connection._read()
    connection.close()
    return answer.body.decode()


def _send(to: socket.socket, in_chunks: bool) -> None:
    block = bytes(range(256)) * 4096  # 1 MiB with line breaks and dashes in it
    framed = b"%x\r\n%b\r\n" % (len(block), block) if in_chunks else block
    for _ in range(UPLOAD // len(block)):
        to.sendall(framed)


@pytest.mark.parametrize("way", ["form", "stream", "chunks"])
def test_a_big_upload_takes_little_memory(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An upload of a gigabyte adds less than 20 MiB of resident memory, be it a form, a stream or chunks."""
    with serving("gthread") as running:
        process = running.worker()
        forget_peak(process)
        before = memory(process)
        assert _upload(running, way) == str(UPLOAD)
        added = memory(process, "VmHWM") - before
    with capsys.disabled():
        print(f"\n{UPLOAD // MIB} MiB as {way}: {added / MIB:.1f} MiB more at the most")
    assert added < 20 * MIB
