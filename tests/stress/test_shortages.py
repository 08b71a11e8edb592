"""A worker whose disk is full or that may open no more files: it answers, and is as before when that is over."""

from __future__ import annotations

import contextlib
import os
import time
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.stress.connections import Answer, Broken, Connection, connection, multipart
from tests.stress.serving import LONG, Serving, serving, wait_until

ROUNDS = 50 if LONG else 2
KINDS = ("file", "page", "upload", "quick")


@pytest.fixture(params=["gthread", "gevent", "granian"] if LONG else ["gthread"])
def running(request: pytest.FixtureRequest) -> Iterator[Serving]:
    """A server with one worker and a template in its folder."""
    with serving(request.param) as server:
        (server.folder / "page.html").write_text("<p>{{ token }}</p>")
        yield server


def _limit(server: Serving, kind: str, value: int | None) -> None:
    """Limits what the worker may have; None takes the limit away."""
    fields = {"kind": kind} if value is None else {"kind": kind, "value": value}
    server.ask("/state/limit", "POST", urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")


def _upload(to: Connection, size: int = 3_000_000) -> Answer:
    """Sends a file that is too big to be kept in memory."""
    body, content_type = multipart("big.bin", b"x" * size)
    return to.ask("/receive", "POST", "upload", body, content_type)


def test_disk_full_within_uploads(running: Serving) -> None:
    """An upload that the disk has no room for is answered 500, and the worker goes on; with room it is taken again."""
    process = running.worker()
    for number in range(ROUNDS):
        _limit(running, "bytes", 1_000_000)
        with connection(running.port) as opened:
            assert _ask(opened, "upload") in (500, None)
        with connection(running.port) as opened:
            assert opened.ask(f"/quick/a{number}?q=b", token="c").body == f"a{number} b".encode()
            # What fits into memory needs no disk.
            assert _upload(opened, 100_000).body == b"100000"
        _limit(running, "bytes", None)
        with connection(running.port) as opened:
            assert _upload(opened).body == b"3000000"
    assert running.worker() == process
    assert running.logged() == running.log().count("OSError: [Errno 27]") == ROUNDS
    wait_until(lambda: running.count("ended") == running.count("begun"), "requests are not torn down")


def test_descriptors_exhausted(running: Serving) -> None:
    """Where no file can be opened, what needs one is answered 500, the rest as ever; then all is as before."""
    process = running.worker()
    own = _own_sockets(process)
    for _ in range(ROUNDS):
        with contextlib.ExitStack() as stack:
            # Opened while there is room. Where an upload fails, the server closes its connection, read or not.
            first, second, control = (stack.enter_context(connection(running.port)) for _ in range(3))
            assert [_ask(one, kind) for one in (first, second, control) for kind in KINDS] == [200] * 12
            _limit_files(control, _first_free(process, own + 3))
            assert [_ask(first, kind) for kind in ("file", "page", "quick")] == [500, 500, 200]
            assert _ask(second, "upload") in (500, None)
            _limit_files(control, None)
            assert [_ask(first, kind) for kind in KINDS] == [200] * 4
    assert running.worker() == process
    assert running.logged() == 3 * ROUNDS
    wait_until(lambda: running.count("ended") == running.count("begun"), "requests are not torn down")


def test_connections_exhausted(running: Serving) -> None:
    """More connections than a worker may have make nobody wait for ever: when they are gone, all are answered."""
    _limit(running, "files", 64)
    crowd = [Connection(running.port) for _ in range(200)]
    for one in crowd:
        one.close()
    wait_until(running.answers, "the service has not come back")
    _limit(running, "files", None)
    with connection(running.port) as opened:
        assert [_ask(opened, kind) for kind in KINDS] == [200] * 4


def _open_files(process: int) -> dict[int, str]:
    """Returns what the open files of a process are, by their numbers."""
    found = {}
    for number in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(number)] = os.readlink(f"/proc/{process}/fd/{number}")
    return found


def _sockets(process: int) -> int:
    return sum(target.startswith("socket:") for target in _open_files(process).values())


def _own_sockets(process: int) -> int:
    """Returns how many sockets a server has for itself, as soon as all connections have been closed."""
    found = []
    for _ in range(20):
        found.append(_sockets(process))
        time.sleep(0.02)
    return min(found)


def _first_free(process: int, sockets: int) -> int:
    """Returns the number that the next open file of a process would get, once it has only so many sockets."""
    wait_until(lambda: _sockets(process) == sockets, "connections that have ended stay open")
    taken = _open_files(process).keys()
    return min(set(range(len(taken) + 1)) - taken)


def _ask(to: Connection, kind: str) -> int | None:
    """Returns the status of an answer, None where the connection was closed before it could be read."""
    try:
        return (_upload(to) if kind == "upload" else to.ask(f"/{kind}/a?q=b", token="c")).status
    except Broken:
        return None


def _limit_files(to: Connection, value: int | None) -> None:
    """Limits the open files by a connection that is there already, for there may be no other one."""
    fields = {"kind": "files"} if value is None else {"kind": "files", "value": value}
    body = urllib.parse.urlencode(fields).encode()
    assert to.ask("/state/limit", "POST", "", body, "application/x-www-form-urlencoded").status == 200
