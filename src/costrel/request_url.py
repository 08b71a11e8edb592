"""The URL of a request, from the environ's parts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from werkzeug.sansio.utils import get_current_url

if TYPE_CHECKING:
    from costrel.request import Request

#: Scheme and host, path, and query of which percent-encoding, IDNA, or the way back from it would change nothing.
_SIMPLE_ORIGIN = re.compile(r"https?://(?!.*xn--)[a-z0-9][a-z0-9.-]*(:[1-9][0-9]*)?")
_SIMPLE_PATH = re.compile(r"(/[\w.~-]+)*/?", re.ASCII)
_SIMPLE_QUERY = re.compile(rb"[\w.~=&+-]*", re.ASCII)


def decode_path(text: str) -> str:
    """Returns a path of the environ, which has each byte as one character (PEP 3333), as text."""
    return text if text.isascii() else text.encode("latin1").decode(errors="replace")


def current_url(scheme: str, host: str, *parts: Any) -> str:
    """Returns the URL of a request from its parts, decoded where that can be read back.

    A host in Punycode that Python cannot decode stays as it is, as with Python 3.13. Its codec knows IDNA of 2003 only:
    ``faß.example`` is ``xn--fa-hia.example`` since RFC 5891, which older versions refuse.

    :param parts: root path, path and query string, as ``werkzeug.sansio.utils.get_current_url`` takes them.

    >>> current_url("https", "xn--fa-hia.example", "", "/caf%C3%A9")
    'https://xn--fa-hia.example/café'
    """
    try:
        return get_current_url(scheme, host, *parts)
    except UnicodeError:
        name, _, port = host.partition(":")
        labels = ".".join(map(_decode_label, name.lower().split(".")))
        # What follows the name is the same behind any other one.
        following = get_current_url(scheme, f"a:{port}", *parts).removeprefix(f"{scheme}://a")
        return f"{scheme}://{labels}{following}"


def _decode_label(label: str) -> str:
    """Returns a label of a host as text; one in Punycode that cannot be decoded as it is."""
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label


def quick_url(request: Request) -> str | None:
    """Returns the URL of a request where it can be told without taking each byte apart, else None.

    PERF: 3 us for most URLs; werkzeug's way by percent-encoding and decoding takes 10 us, and 90 ms for 64 kB that are
    not UTF-8, by a table 10 ms.
    """
    origin = f"{request.scheme}://{request.host}"
    if not _SIMPLE_ORIGIN.fullmatch(origin):
        return None
    if request.root_path and request.root_path[0] != "/":
        return None  # it would be taken for a part of the host or its port
    path = request.root_path + request.path
    query = request.query_string
    if _SIMPLE_PATH.fullmatch(path) and _SIMPLE_QUERY.fullmatch(query):
        return f"{origin}{path}?{query.decode()}" if query else origin + path
    if "%" in path or b"%" in query:
        return None  # what is percent-encoded already, alone or together with its neighbours, may be text
    of_path, of_query = _tables()
    path = f"{request.root_path.rstrip('/')}/{request.path.lstrip('/')}".translate(of_path)
    if not query:
        return origin + path
    return f"{origin}{path}?{query.decode(errors='surrogateescape').translate(of_query)}"


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[int, str], dict[int, str]]:
    """Returns how characters are written in the path and in the query of a URL, where that is not as they are."""
    of_path, of_query = {}, {}
    for code in range(128):
        text = chr(code)
        of_path[code] = get_current_url("http", "host", "", f"a{text}a")[13:-1]
        of_query[code] = get_current_url("http", "host", "", "", b"a%ba" % text.encode())[14:-1]
    # What is no UTF-8 stays as it was sent: `surrogateescape` has made these characters of it.
    of_query.update((0xDC00 + code, f"%{code:02X}") for code in range(128, 256))
    return of_path, of_query
