"""Builds WSGI environs by hand and calls a WSGI application with them, without any client in between."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from costrel.invariants import make_environ as make_raw_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


def make_environ(
    path: str | bytes = "/",
    *,
    method: str = "GET",
    query: str | bytes = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    **extra: Any,
) -> dict[str, Any]:
    """Returns the environ that a server would build for one HTTP/1.1 request.

    :param path: the decoded path; bytes reach ``PATH_INFO`` as they are, so that it may be invalid UTF-8.
    :param headers: request headers under their HTTP names; ``Host`` is ``localhost`` unless given.
    :param body: the bytes that ``wsgi.input`` gives; sets ``Content-Length`` where the headers do not.
    :param extra: environ entries that are set last.
    """
    path_bytes = path.encode() if isinstance(path, str) else path
    query_bytes = query.encode() if isinstance(query, str) else query
    return make_raw_environ(path_bytes, method=method, query=query_bytes, headers=headers or {}, body=body, **extra)


@dataclass
class Reply:
    """What an application gave for one environ; ``chunks`` is the body iterable, not read yet."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: Iterable[bytes] = ()
    written: list[bytes] = field(default_factory=list)

    @property
    def status_code(self) -> int:
        return int(self.status.split(" ", 1)[0])

    def header(self, name: str) -> str | None:
        """Returns the first header of that name, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def close(self) -> None:
        """Closes the body as a server does when it is done with it or the client has gone."""
        close = getattr(self.chunks, "close", None)
        if close is not None:
            close()

    def read(self) -> bytes:
        """Returns the whole body and closes it, also where reading it raises."""
        try:
            return b"".join([*self.written, *self.chunks])
        finally:
            self.close()


def call(app: WSGIApplication, environ: dict[str, Any]) -> Reply:
    """Calls the application and returns its reply with the body neither read nor closed."""
    reply = Reply()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        if reply.status and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info")
        reply.status, reply.headers = status, headers
        return reply.written.append

    checked: StartResponse = start_response
    reply.chunks = app(environ, checked)
    return reply


def errors_of(environ: Mapping[str, Any]) -> str:
    """Returns what the application wrote to the ``wsgi.errors`` of an environ of :func:`make_environ`."""
    stream = environ["wsgi.errors"]
    if not isinstance(stream, io.StringIO):
        raise TypeError("wsgi.errors of this environ was replaced; read the replacement instead")
    return stream.getvalue()
