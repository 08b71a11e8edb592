"""The URL of a request, from the environ's parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from costrel.request import Request

#: Scheme and host, path, and query of which percent-encoding, IDNA, or the way back from it would change nothing.
_SIMPLE_ORIGIN = re.compile(r"https?://(?!.*xn--)[a-z0-9][a-z0-9.-]*(:[1-9][0-9]*)?")
_SIMPLE_PATH = re.compile(r"(/[\w.~-]+)*/?", re.ASCII)
_SIMPLE_QUERY = re.compile(rb"[\w.~=&+-]*", re.ASCII)


def decode_path(text: str) -> str:
    """Returns a path of the environ, which has each byte as one character (PEP 3333), as text."""
    return text if text.isascii() else text.encode("latin1").decode(errors="replace")


def simple_url(request: Request) -> str | None:
    """Returns the URL of a request where nothing in it needs encoding or decoding, else None.

    PERF: 3 us; werkzeug's way by percent-encoding and decoding takes 10 us.
    """
    origin = f"{request.scheme}://{request.host}"
    path = request.root_path + request.path
    query = request.query_string
    if not (_SIMPLE_ORIGIN.fullmatch(origin) and _SIMPLE_PATH.fullmatch(path) and _SIMPLE_QUERY.fullmatch(query)):
        return None
    return f"{origin}{path}?{query.decode()}" if query else origin + path
