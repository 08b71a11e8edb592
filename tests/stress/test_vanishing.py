"""Clients that are gone before the request has been sent or the answer has been read."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import threading

import pytest

from tests.stress.connections import connection, multipart
from tests.stress.load import drive
from tests.stress.serving import LONG, SERVERS, Serving, serving, wait_until

CLIENTS = 2_000 if LONG else 60


def _reset(client: socket.socket) -> None:
    """Closes a connection so that the other side is told of an error, as when a process is killed."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _vanish_within_upload(server: Serving, number: int) -> None:
    """Announces a form with a file of 2 MB and leaves somewhere within it."""
    body, content_type = multipart("big.bin", b"x" * 2_000_000)
    client = server.connect()
    head = f"POST /receive HTTP/1.1\r\nHost: x\r\nX-Token: {number}\r\nContent-Type: {content_type}\r\n"
    with contextlib.suppress(OSError):
        client.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode())
        client.sendall(body[: random.randrange(len(body))])
    _reset(client) if number % 2 else client.close()


def _vanish_within_chunks(server: Serving, number: int) -> None:
    """Sends a body in chunks and leaves within one of them."""
    client = server.connect()
    head = f"POST /receive HTTP/1.1\r\nHost: x\r\nX-Token: {number}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with contextlib.suppress(OSError):
        client.sendall(head.encode() + b"8000\r\n" + b"x" * random.randrange(0x8000))
    _reset(client) if number % 2 else client.close()


def _vanish_within_answer(server: Serving, number: int) -> None:
    """Asks for an answer that has no end and leaves after the first part of it."""
    client = server.connect()
    with contextlib.suppress(OSError):
        client.sendall(f"GET /endless HTTP/1.1\r\nHost: x\r\nX-Token: {number}\r\n\r\n".encode())
        client.recv(100_000)
    _reset(client) if number % 2 else client.close()


WAYS = (_vanish_within_upload, _vanish_within_chunks, _vanish_within_answer)


@pytest.mark.parametrize("server", SERVERS)
def test_vanishing_clients_leave_nothing_behind(server: str) -> None:
    """However clients leave, their requests are torn down, and those of others are answered as ever."""
    with serving(server, workers=1) as running:
        before = _descriptors(running.worker())

        def vanish(first: int) -> None:
            for number in range(first, CLIENTS, 4):
                WAYS[number % len(WAYS)](running, number)

        threads = [threading.Thread(target=vanish, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        outcome = drive(running, 4, lambda number: number >= 50)
        for thread in threads:
            thread.join()
        assert outcome.problems == []
        wait_until(lambda: running.count("ended") == running.count("begun"), "requests are never torn down")
        assert running.count("contexts") == running.count("begun") >= outcome.total
        # The temporary files of the uploads are among them.
        wait_until(lambda: _descriptors(running.worker()) <= before + 4, "files or connections stay open")
        with connection(running.port) as opened:
            assert opened.ask("/quick/a?q=b", token="c").body == b"a b"


def _descriptors(process: int) -> int:
    """Returns how many files and connections a process has open."""
    return len(os.listdir(f"/proc/{process}/fd"))
