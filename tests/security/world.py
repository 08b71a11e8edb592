"""The table of published attacks, and what they are carried out with.

An attack is a function that takes a :class:`World`, attacks an application of that world's framework, and raises
``AssertionError`` where the attack succeeds. The decorator :func:`advisory` puts it into the table under the numbers of
the advisories that describe it, with what shows that it can succeed:

``guard``      a sentence: what stands in the way of the attack, and what would happen without it;
``on_flask``   it succeeds against the real Flask, in a process of its own;
``unguarded``  it succeeds where these settings take costrel's guard away.

Where neither shows it, ``removals.py`` has what it succeeds with: a worse function in the place of the guard.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

from tests.support.environ import Reply, call, make_environ

#: What a parser may take for one hostile input of up to 4 MB, in seconds of CPU. An attack that succeeds takes minutes.
PATIENCE = 1.0


@dataclass
class World:
    """A framework, and settings that every application of it gets in the end."""

    framework: ModuleType
    app_class: type[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def app(self, **settings: Any) -> Any:
        """Returns an application with a secret key that keeps its log to itself."""
        app = self.app_class("attacked", root_path="/", static_folder=None)
        app.config.update({"SECRET_KEY": "test key", **settings, **self.settings})
        app.logger.disabled = True
        return app

    def reading(self, read: Callable[[Any], Any], **settings: Any) -> Any:
        """Returns an application whose view, for any path, answers with what the function returns for the request."""
        app = self.app(**settings)
        request = self.framework.request

        def view(rest: str = "") -> Any:
            value = read(request)
            return value if isinstance(value, str | bytes) else repr(value)

        app.add_url_rule("/", "home", view, methods=["GET", "POST"])
        app.add_url_rule("/<path:rest>", "any", view, methods=["GET", "POST"])
        return app


Attack = Callable[[World], None]


@dataclass
class Advisory:
    """One published attack under one of its numbers."""

    number: str
    project: str
    attack: Attack
    guard: str
    on_flask: bool
    unguarded: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What the attacker does."""
        return (self.attack.__doc__ or "").strip()


ADVISORIES: list[Advisory] = []


def advisory(
    *numbers: str,
    guard: str,
    on_flask: bool = False,
    unguarded: dict[str, Any] | None = None,
) -> Callable[[Attack], Attack]:
    """Puts an attack into the table.

    :param numbers: ``Project CVE-...``, one for each advisory that describes the attack.
    """

    def add(attack: Attack) -> Attack:
        for text in numbers:
            project, _, number = text.rpartition(" ")
            ADVISORIES.append(Advisory(number, project, attack, guard, on_flask, unguarded or {}))
        return attack

    return add


def send(app: Any, path: str | bytes = "/", **environ: Any) -> tuple[Reply, bytes]:
    """Sends a request without any client in between, and returns the reply and its whole body."""
    reply = call(app, make_environ(path, **environ))
    return reply, reply.read()


def post(app: Any, content_type: str, body: bytes, path: str = "/", **headers: str) -> tuple[Reply, bytes]:
    """Sends a body."""
    return send(app, path, method="POST", headers={"Content-Type": content_type, **headers}, body=body)


MULTIPART = "multipart/form-data; boundary=x"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def multipart(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    """Returns a multipart body of parts, each from its headers on."""
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + end


def part(name: bytes = b"a", data: bytes = b"1", filename: bytes | None = None, more: bytes = b"") -> bytes:
    """Returns one part for :func:`multipart`."""
    upload = b"" if filename is None else b'; filename="' + filename + b'"'
    return b'Content-Disposition: form-data; name="' + name + b'"' + upload + more + b"\r\n\r\n" + data


class _TooSlow(BaseException):
    """Ends what takes too long; an application would answer 500 for an Exception, and go on."""


@contextlib.contextmanager
def _cut_off(seconds: float) -> Iterator[None]:
    """Raises _TooSlow in what takes so long that it may never end, where the system can do that."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def cut(number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if f"{os.sep}coverage{os.sep}" in frame.f_code.co_filename:
                return  # It may hold a lock that nobody would give back. The next time will do.
            frame = frame.f_back
        raise _TooSlow

    before = signal.signal(signal.SIGVTALRM, cut)
    # Again and again: what calls back from C may drop an error.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def quickly(do: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Returns what the function returns, and asserts that it takes little time of the CPU."""
    started = time.thread_time()
    try:
        with _cut_off(seconds * 1.2):
            value = do()
    except _TooSlow:
        raise AssertionError(f"it took more than {seconds} seconds") from None
    taken = time.thread_time() - started
    assert taken < seconds, f"it took {taken:.2f} seconds"
    return value


def sparingly(do: Callable[[], Any], most: int) -> Any:
    """Returns what the function returns, and asserts that it needs few bytes of memory at any time."""
    tracemalloc.start()
    try:
        value = do()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"it needed {peak} bytes"
    return value


class Endless:
    """The body of a client that never stops, up to a size at which the test would give up."""

    def __init__(self, start: bytes, filling: bytes, most: int) -> None:
        self.rest = start
        self.filling = filling
        self.given = 0
        self.most = most

    def read(self, size: int = -1) -> bytes:
        assert self.given < self.most, f"the application has read {self.given} bytes and wants more"
        if size < 0:
            size = 65536
        while len(self.rest) < size:
            self.rest += self.filling
        data, self.rest = self.rest[:size], self.rest[size:]
        self.given += len(data)
        return data
