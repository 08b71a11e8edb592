"""A connection that is kept between requests, written on a socket to see whatever a server does to it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

#: Seconds to wait for anything that is not measured; generous for a busy machine.
PATIENCE = 30.0


@dataclass
class Answer:
    """The answer to one request."""

    status: int
    headers: dict[str, str]
    body: bytes


class Broken(ConnectionError):
    """The connection ended; ``begun`` tells whether a part of the answer had arrived."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the connection ended " + ("within an answer" if begun else "without an answer"))
        self.begun = begun


class Connection:
    """A connection that is kept between requests, with the cookies that the server has set."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.cookie = ""
        self.closed = False
        self._buffer = b""

    def ask(
        self, path: str, method: str = "GET", token: str = "", body: bytes = b"", content_type: str = "text/plain"
    ) -> Answer:
        """Sends a request and returns its answer.

        :raises Broken: the server has closed the connection.
        """
        lines = [f"{method} {path} HTTP/1.1\r\nHost: stress.test\r\nX-Token: {token}\r\n"]
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}\r\n")
        if body:
            lines.append(f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n")
        # A server that answers before it has read the body, and closes, may have sent the answer all the same.
        with contextlib.suppress(OSError):
            self.socket.sendall("".join(lines).encode() + b"\r\n" + body)
        return self._read()

    def _more(self, begun: bool) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise Broken(begun or bool(self._buffer)) from error
        if not data:
            raise Broken(begun or bool(self._buffer))
        self._buffer += data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more(True)
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _bytes(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more(True)
        data, self._buffer = self._buffer[:length], self._buffer[length:]
        return data

    def _read(self) -> Answer:
        while b"\r\n\r\n" not in self._buffer:
            self._more(False)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self._line(), 16):
                body += self._bytes(size)
                self._line()
            self._line()
        else:
            body = self._bytes(int(headers.get("content-length", "0")))
        self.closed = headers.get("connection", "").lower() == "close"
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        return Answer(int(first.split(" ")[1]), headers, body)

    def close(self) -> None:
        self.socket.close()


@contextlib.contextmanager
def connection(port: int) -> Iterator[Connection]:
    """Opens a connection and closes it afterwards."""
    opened = Connection(port)
    try:
        yield opened
    finally:
        opened.close()


def multipart(name: str, content: bytes, **fields: str) -> tuple[bytes, str]:
    """Returns the body and the type of a form with a file."""
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{fields[key]}\r\n' for key in fields]
    parts.append(f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    return "".join(parts).encode() + content + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"
