"""Many connections at a time that ask for different things and check each answer against what was asked."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.stress.connections import Answer, Connection, multipart
from tests.stress.serving import Serving


@dataclass
class Visitor:
    """One connection's worth of requests, and what it knows of its session.

    :param name: goes into each token, so that no two visitors ever send the same.
    """

    port: int
    name: str
    kinds: tuple[str, ...]
    seen: str = "None"
    number: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    connection: Connection | None = None

    def visit(self) -> None:
        """Sends the next request and checks its answer."""
        kind = self.kinds[self.number % len(self.kinds)]
        self.number += 1
        token = f"{self.name}.{self.number}"
        try:
            if self.connection is None:
                self.connection = Connection(self.port)
            answer, status, body = self._exchange(self.connection, kind, token)
        except (OSError, ValueError) as error:
            self.problems.append(f"{kind} {token}: {error!r}")
            self.leave()
            return
        self.counts[kind] += 1
        found = answer.body.decode(errors="replace")
        if answer.status != status or (body is not None and found != body):
            self.problems.append(f"{kind} {token}: {answer.status} {found[:300]!r} instead of {status} {body!r}")
        if answer.headers.get("connection", "").lower() == "close":
            cookie = self.connection.cookie
            self.leave()
            self.connection = Connection(self.port)
            self.connection.cookie = cookie

    def leave(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
            self.seen = "None"

    def _exchange(self, to: Connection, kind: str, token: str) -> tuple[Answer, int, str | None]:
        """Returns the answer, and the status and the body that it should have."""
        path = f"/{kind}/{token}?q={token}"
        if kind == "json":
            sent = {"mine": token, "list": [1, 2, 3]}
            body = json.dumps({"token": token, "g": token, "sent": sent}, separators=(",", ":")) + "\n"
            data = json.dumps(sent).encode()
            return to.ask(path, "POST", token, data, "application/json"), 200, body
        if kind == "form":
            data, content_type = multipart(f"{token}.txt", token.encode() * 100, field=token)
            expected = f"{token} {token} {token}.txt {token * 100}"
            return to.ask(path, "POST", token, data, content_type), 200, expected
        answer = to.ask(path, token=token)
        if kind == "session":
            expected = f"{self.seen} {token}"
            self.seen = token
            return answer, 200, expected
        bodies = {
            "text": f"{token} {token} {token} {token} /text/{token}",
            "quick": f"{token} {token}",
            "page": f"<p>{token}</p>",
            "template": f"{token} {token} {token} {self.seen}",
            "stream": f"{token} {token} {token} {self.seen}\n" * 4,
        }
        return answer, {"error": 500, "missing": 404}.get(kind, 200), bodies.get(kind)


ALL_KINDS = (
    *("text", "session", "template", "json", "stream", "form", "quick", "missing"),
    *("session", "text", "stream", "template", "quick", "form", "error", "json"),
)


@dataclass
class Outcome:
    """What all visitors have seen together."""

    counts: Counter[str]
    problems: list[str]

    @property
    def total(self) -> int:
        return self.counts.total()


def drive(
    server: Serving,
    connections: int,
    enough: Callable[[int], bool],
    kinds: tuple[str, ...] = ALL_KINDS,
    name: str = "v",
) -> Outcome:
    """Sends requests on many connections at a time.

    :param enough: asked by each connection with the number of its requests so far; true ends it.
    """
    visitors = [
        Visitor(server.port, f"{name}{n}", kinds[n % len(kinds) :] + kinds[: n % len(kinds)])
        for n in range(connections)
    ]

    def visit(visitor: Visitor) -> None:
        try:
            while not enough(visitor.number) and len(visitor.problems) < 20:
                visitor.visit()
        finally:
            visitor.leave()

    threads = [threading.Thread(target=visit, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts: Counter[str] = Counter()
    for visitor in visitors:
        counts += visitor.counts
    return Outcome(counts, [problem for visitor in visitors for problem in visitor.problems])


def for_seconds(seconds: float) -> Callable[[int], bool]:
    """Returns what makes :func:`drive` end after a time."""
    end = time.monotonic() + seconds
    return lambda number: time.monotonic() > end
