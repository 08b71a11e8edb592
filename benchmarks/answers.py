"""What an app answered, and whether two peers answered the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication

    from benchmarks.cases import Case

BASE_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Answer:
    """One answer, with header names in lower case."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of the header, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")


def send(app: WSGIApplication, environ: dict[str, Any]) -> Answer:
    """Call the app as a server would and keep everything that it answers.

    Raises:
        RuntimeError: the app gave a body without calling `start_response`.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
        /,
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda data: None

    result = app(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    if not started:
        raise RuntimeError("The app did not call start_response.")
    status, headers = started[-1]
    return Answer(status, tuple((name.lower(), value) for name, value in headers), body)


def facts(case: Case, answer: Answer) -> dict[str, object]:
    """The part of an answer in which all peers must agree, after taking out what may legitimately differ.

    The reason phrase is dropped (`404 NOT FOUND`, `404 Not Found`), so are the parameters of the media type
    (`charset=UTF-8`, `charset=utf-8`); JSON is compared as values; `Location` is resolved against the server's address.
    """
    found: dict[str, object] = {"status": answer.status.split(" ", 1)[0]}
    if case.media_type:
        found["media type"] = answer.header("content-type").partition(";")[0].strip().lower()
    if case.body:
        found["body"] = json.loads(answer.body) if case.json else answer.body
    for name in case.headers:
        value = answer.header(name)
        found[name] = urljoin(BASE_URL, value) if name == "location" else value
    return found


def difference(case: Case, expected: Answer, actual: Answer) -> str | None:
    """Say in which point two answers to the same request of a case differ, or None where they agree."""
    wanted, got = facts(case, expected), facts(case, actual)
    for point, value in wanted.items():
        if got[point] != value:
            return f"{point} is {_short(got[point])}, not {_short(value)}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
