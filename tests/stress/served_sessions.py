"""An application whose sessions are in Redis, by a session interface as programs write it."""

from __future__ import annotations

import json
import os
import secrets
import socket
from typing import Any

from costrel import App, session
from costrel.sessions import SecureCookieSession, SessionInterface

#: Seconds after which Redis counts as gone.
TIMEOUT = 0.5


class Redis:
    """As much of a Redis client as sessions need: one connection for each command."""

    def command(self, *words: str) -> str | None:
        """Sends a command and returns its answer, None where there is nothing under the key.

        :raises OSError: Redis does not answer.
        """
        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        address = ("127.0.0.1", int(os.environ["STRESS_REDIS"]))
        with socket.create_connection(address, TIMEOUT) as connection, connection.makefile("rb") as answer:
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            line = answer.readline()
            if not line:
                raise ConnectionError("Redis has closed the connection")
            if line.startswith(b"$"):
                length = int(line[1:])
                return None if length < 0 else answer.read(length).decode()
            return line[1:].decode().strip()


class RedisSession(SecureCookieSession):
    """A session and its key in Redis."""

    key = ""


class RedisSessionInterface(SessionInterface):
    """Keeps sessions in Redis; the cookie has the key."""

    redis = Redis()

    def open_session(self, app: Any, request: Any) -> RedisSession:
        key = request.cookies.get("session", "")
        data = self.redis.command("GET", f"session:{key}") if key else None
        found = RedisSession(json.loads(data) if data else {})
        found.key = key if data else secrets.token_hex()
        return found

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        if session.modified:
            self.redis.command("SET", f"session:{session.key}", json.dumps(dict(session)))
            response.set_cookie("session", session.key)


app = App("tests.stress.served_sessions", static_folder=None)
app.session_interface = RedisSessionInterface()


@app.get("/count")
def count() -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.get("/plain")
def plain() -> str:
    return "plain"


@app.get("/state/process")
def process() -> str:
    return str(os.getpid())


application = app
