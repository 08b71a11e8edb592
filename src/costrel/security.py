"""The guards of the HTTP message: limits, host names, header values, cookie names and redirect targets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import get_host

#: What a request body may be at most, where neither the application nor the request says otherwise.
#: ``MAX_CONTENT_LENGTH`` and ``MAX_FORM_MEMORY_SIZE`` are bytes, ``MAX_FORM_PARTS`` counts fields and files,
#: ``MAX_JSON_INTEGER_DIGITS`` the digits of one number.
DEFAULT_LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1_000,
        "MAX_JSON_DEPTH": 200,
        "MAX_JSON_INTEGER_DIGITS": 4_300,
        "MAX_QUERY_FIELDS": 1_000,
    }
)

#: What the host of a URL leaves out: the port that its scheme has anyway (RFC 9110 §4.2).
STANDARD_PORTS: Mapping[str, str] = MappingProxyType({"http": ":80", "https": ":443"})

#: A ``Host`` text longer than this is never kept in the cache; a DNS name has at most 253 characters.
_LONGEST_CACHED_HOST = 262

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 9110 §5.5: of the control characters, the value of a field may have the tab only.
_FIELD_BREAKER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 9110 §5.6.2: the characters of a token.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 3986 §3.1, and what a browser takes for a whole URL.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_WEB_URL = re.compile(r"(https?)://([^/?#@\\]+)(?:[/?#]|$)", re.ASCII | re.IGNORECASE)
# Unicode TR36 §2.5: with a right-to-left override, a program can look like a picture.
_MISLEADING = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_COOKIE_NAME_BREAKER = re.compile(r"[\x00-\x20\x7f\",;=\\]")

_PORT = re.compile(r":\d+$", re.ASCII)
#: A trusted host that stands for subdomains.
_SUBDOMAINS = re.compile(r"\*\.[^*]+")
#: A part of a name that says it is in Punycode, and is empty (RFC 5890 §2.3.2.1).
_EMPTY_PUNYCODE = re.compile(r"(?i)(?:^|\.)xn--(?:[.:]|$)")
# What a name in TRUSTED_HOSTS has where somebody wrote an address, or several names as one text.
_NO_NAME = re.compile(r"[/\s,]")

#: What a header cannot have.
LINE_BREAKERS = frozenset("\r\n\0")


def no_settings() -> Mapping[str, Any] | None:
    """Returns None: there is no current application."""
    return None


class Limit:
    """An attribute of a message that is a limit: its own value, else the application's setting, else a default.

    A non-data descriptor: a value set on the message lies in its ``__dict__`` and is found first. The class of the
    message has ``current_settings``, which returns the settings of the current application or None.

    :param setting: the name of the setting.
    :param default: the limit without an application; None is no limit.
    """

    def __init__(self, setting: str, default: int | None) -> None:
        self.setting = setting
        self.default = default
        self.__doc__ = f"The limit ``{setting}``; it may be set on one message. None is no limit."

    def __get__(self, instance: Any, owner: type) -> Limit | int | None:
        if instance is None:
            return self
        settings: Mapping[str, Any] | None = instance.current_settings()
        if settings is None:
            return self.default
        value: int | None = settings.get(self.setting, self.default)
        return value


def validate_host(
    scheme: str,
    host_header: str | None,
    server: tuple[str, int | None] | None,
    trusted_hosts: Collection[str] | None = None,
    strict: bool = False,
) -> str:
    """Returns the host and port that a request was made to, without the scheme's standard port.

    :param scheme: ``http``, ``https``, ``ws`` or ``wss``.
    :param host_header: the ``Host`` header; None where the client sent none.
    :param server: the server's own host and port, used without a header; the port of a Unix socket is None.
    :param trusted_hosts: accepted names; ``.example.com`` also accepts every subdomain, ``*.example.com`` only those,
        and ``*`` all. None or empty accepts all.
    :param strict: whether a header that is no host is refused.
    :return: an empty text where no host is known, or where it has characters that no host has.
    :raises werkzeug.exceptions.SecurityError: the host is not a trusted one, or no host at all (400).
    :raises ValueError: with ``strict``, where a trusted host has a star in another place, a scheme, a path, a space or
        a comma, so that it is no name; without it no host is equal to such a one.

    >>> validate_host("https", "example.com:443", None)
    'example.com'
    """
    if type(trusted_hosts) is str:
        trusted_hosts = (trusted_hosts,)
    trusted = tuple(trusted_hosts) if trusted_hosts else None
    if host_header is not None and len(host_header) > _LONGEST_CACHED_HOST:
        return _host(scheme, host_header, server, trusted, strict)
    return _cached_host(scheme, host_header, server, trusted, strict)


def _host(
    scheme: str,
    host_header: str | None,
    server: tuple[str, int | None] | None,
    trusted: tuple[str, ...] | None,
    strict: bool,
) -> str:
    """Returns the host as werkzeug sees it, after a look at what werkzeug does not know."""
    host = get_host(scheme, host_header, server)
    if strict and host_header is not None and not _is_host(host, host_header):
        raise SecurityError(f"The Host header {host_header[:80]!r} is not a host name.")
    if trusted is not None and strict:
        # Once more than when serving began: a list may have changed, and a request may name hosts of its own.
        for pattern in trusted:
            _check_pattern(pattern)
        # Werkzeug takes an address of IPv6 for a name with a port, and so never trusts it.
        if host[:1] == "[" and without_port(host) in map(without_port, trusted):
            return host
    if trusted is not None and any("*" in pattern for pattern in trusted):
        if "*" in trusted:
            return host
        # Where a star in another place is no error, it is a name that no host has, as it is for werkzeug.
        starred = [pattern for pattern in trusted if "*" in pattern and (strict or _SUBDOMAINS.fullmatch(pattern))]
        suffixes = [_suffix(pattern) for pattern in starred]
        trusted = tuple(pattern for pattern in trusted if pattern not in starred)
        name = host.partition(":")[0].lower()
        if any(name.endswith(suffix) and len(name) > len(suffix) for suffix in suffixes):
            return host
        if not trusted:
            raise SecurityError(f"Host {host!r} is not trusted.")
    return get_host(scheme, host_header, server, trusted)


# PERF: a verdict costs 1.3 us without trusted hosts and 4 us with two of them; a cached one 0.2 us. A refused
# host raises and so is not kept: an attacker cannot push the good ones out with it.
_cached_host = lru_cache(maxsize=512)(_host)


def _is_host(host: str, header: str) -> bool:
    """Tells whether a ``Host`` header is one; ``host`` is what werkzeug has made of it."""
    if not host and "_" in header:
        # Names of containers may have an underscore. Werkzeug does not accept it: such requests have an empty host.
        host = get_host("", header.replace("_", "-"), None)
    if not host or header.rpartition("]")[2].count(":") > 1:
        return False
    try:
        # What `request.url` asks for: an address in brackets and a port have to stand for something.
        _ = urlsplit(f"http://{host}").port
        if host[0] == "[":
            # Python 3.10 does not look at what the brackets hold. Start-up: its newer versions have imported it.
            from ipaddress import IPv6Address

            IPv6Address(host[1:].partition("]")[0])
    except ValueError:
        return False
    return ".." not in host and host[0] not in ".:" and not _EMPTY_PUNYCODE.search(host)


def without_port(host: str) -> str:
    """Returns a host in small letters and without its port.

    >>> without_port("[2001:DB8::1]:8000")
    '[2001:db8::1]'
    """
    return _PORT.sub("", host).lower()


def check_trusted_hosts(settings: Mapping[str, Any]) -> None:
    """Refuses a setting ``TRUSTED_HOSTS`` that every request would fail with, unless ``CHECK_HOST`` is off.

    :raises TypeError: it is neither a list of texts nor one text.
    :raises ValueError: a text in it is not the name of a host, or has a star in the wrong place.

    >>> check_trusted_hosts({"CHECK_HOST": True, "TRUSTED_HOSTS": ["example.com", "*.example.com"]})
    >>> check_trusted_hosts({"CHECK_HOST": True, "TRUSTED_HOSTS": ["https://example.com/"]})
    Traceback (most recent call last):
      ...
    ValueError: TRUSTED_HOSTS has 'https://example.com/', ... Write TRUSTED_HOSTS = ['example.com'].
    """
    trusted_hosts: Any = settings.get("TRUSTED_HOSTS")
    if not settings.get("CHECK_HOST"):
        return
    patterns = (trusted_hosts,) if isinstance(trusted_hosts, str) else trusted_hosts or ()
    if not isinstance(patterns, Collection) or not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError(f"TRUSTED_HOSTS must be a list of host names, such as ['example.com'], not {trusted_hosts!r}.")
    for pattern in patterns:
        _check_pattern(pattern)
        if "*" in pattern and pattern != "*":
            _suffix(pattern)


def _check_pattern(pattern: str) -> None:
    """Refuses a trusted host that no host can be equal to, so that every request would get 400."""
    if _NO_NAME.search(pattern):
        parts = (re.sub(r"^.*?//|/.*", "", part) for part in re.split(r"[\s,]+", pattern))
        names = [part for part in parts if part] or ["example.com"]
        raise ValueError(
            f"TRUSTED_HOSTS has {pattern!r}, which is not the name of a host: leave out the scheme, the path, spaces"
            f" and commas. Write TRUSTED_HOSTS = {names}."
        )


def _suffix(pattern: str) -> str:
    """Returns how the hosts end that ``*.example.com`` stands for."""
    if not _SUBDOMAINS.fullmatch(pattern):
        raise ValueError(
            f"TRUSTED_HOSTS has {pattern!r}; a star stands for subdomains and only at the beginning: '*.example.com';"
            " alone it stands for all hosts."
        )
    return "." + pattern[2:].partition(":")[0].encode("idna").decode("ascii").lower()


def check_header_name(name: str) -> str:
    """Returns the name of a header field, if it is one (RFC 9110 §5.1).

    :raises ValueError: the name has a space, a colon, a control character or another that no token has.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError(
            f"The header name {name!r} is not valid: only ASCII letters, digits and !#$%&'*+-.^_`|~ may be in it."
        )
    return name


def check_header_value(value: str) -> str:
    r"""Returns the value of a header field, if it can be sent as one line (RFC 9110 §5.5).

    :raises ValueError: the value has a line break or another control character, except a tab.

    >>> check_header_value("text/html")
    'text/html'
    """
    # PERF: isprintable is 0.03 us and true for nearly every value; the expression is 0.15 us.
    if not value.isprintable() and _FIELD_BREAKER.search(value):
        raise ValueError(
            f"Header values must not contain newline characters, NUL or other control characters: {value[:80]!r}."
            " Remove them from the text, or encode it."
        )
    return value


def check_header_charset(name: str, value: str) -> None:
    """Refuses a value of a header field that a server cannot send (PEP 3333).

    :param name: the field, for the message.
    :raises ValueError: the value has a character that is not in Latin-1.
    """
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The header {name} cannot be sent: {value[:80]!r} has the character {value[error.start]!r}, which is not"
            " in Latin-1. Percent-encode the text, or write it into the body."
        ) from None


def check_status(status: str) -> str:
    """Returns a status line, if it is one (RFC 9112 §4).

    :raises ValueError: the text has a control character, or does not begin with a number from 100 to 999.

    >>> check_status("404 Not Found")
    '404 Not Found'
    """
    # PERF: the commonest lines begin with one of five digits and need no expression: 0.05 us.
    if not (status[:3].isdigit() and status[:3].isascii() and status[0] != "0" and status[3:4] in ("", " ")):
        raise ValueError(
            f"The status {status[:80]!r} is not valid: it begins with a code from 100 to 999."
            " Write 404 or '404 Not Found'."
        )
    if not status.isprintable() and _CONTROL.search(status):
        raise ValueError(f"The status {status[:80]!r} has a control character. Write it like '404 Not Found'.")
    return status


def check_cookie_name(name: str) -> str:
    """Returns the name of a cookie, if a browser would read it back as that name (RFC 6265 §4.1.1).

    Names outside ASCII are accepted, as werkzeug does.

    :raises ValueError: the name is empty or has a space, a control character, or one of ``" , ; = \\``.
    """
    if not name or _COOKIE_NAME_BREAKER.search(name):
        raise ValueError(
            f"The cookie name {name!r} is not valid: it must not be empty or contain spaces, control characters,"
            " quotes, commas, semicolons, backslashes or equals signs."
        )
    return name


class CookieTooLarge(ValueError):
    """A cookie is longer than ``MAX_COOKIE_SIZE``, so that browsers would drop it."""


def check_cookie_size(name: str, text: str, limit: int) -> None:
    """Refuses a cookie that browsers would drop.

    :param text: the whole ``Set-Cookie`` header.
    :param limit: the most bytes that it may have; 0 is no limit.
    :raises CookieTooLarge: it has more.
    """
    if limit and len(text) > limit:
        raise CookieTooLarge(
            f"The cookie {name!r} has {len(text)} bytes, and browsers drop one of more than {limit}: the setting"
            " MAX_COOKIE_SIZE. Put less into it."
        )


def check_cookie_attribute(name: str, value: object) -> None:
    """Refuses a text for an attribute of a cookie that would begin another attribute (RFC 6265 §4.1.1).

    :param name: the attribute, for the message.
    :raises ValueError: the text has a semicolon or a control character.
    """
    if isinstance(value, str) and (";" in value or _CONTROL.search(value)):
        raise ValueError(f"The cookie's {name} {value[:80]!r} has a semicolon or a control character. Remove it.")


def normalize_redirect_target(location: str) -> str:
    r"""Returns the target of a redirect with slashes where browsers see them, and a path as a path.

    Browsers take ``\`` for ``/``, and ``//host`` for another host, where a path that begins so would lead.

    >>> normalize_redirect_target("/\\example.com/a")
    '/example.com/a'
    """
    if "\\" not in location and location[:1] not in ("/", " "):
        return location
    location = location.lstrip(" ")
    end = min((place for place in (location.find("?"), location.find("#")) if place >= 0), default=len(location))
    path = location[:end].replace("\\", "/")
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    return path + location[end:]


def is_own_target(target: object, scheme: str | None = None, host: str | None = None) -> bool:
    """Tells whether every browser stays on the site when it is redirected to the target.

    :param target: a text that may come from anybody.
    :param scheme: the scheme of the site; a whole URL may have that or ``https``.
    :param host: the host and port of the site; None where only paths can be of the site.

    >>> is_own_target("/account?tab=2"), is_own_target("//example.com"), is_own_target("javascript:alert()")
    (True, False, False)
    """
    if not isinstance(target, str) or not target or not target.isprintable() or target != target.strip():
        return False
    if "\\" in target or target.startswith("//"):
        return False
    if not _SCHEME.match(target):
        return True
    match = _WEB_URL.match(target)
    if match is None or not host or match[1].lower() not in (scheme, "https"):
        return False
    port = STANDARD_PORTS[match[1].lower()]
    return match[2].lower().removesuffix(port) == host.lower().removesuffix(port)


def clean_file_name(name: str) -> str:
    """Returns the name of a download without what misleads a browser or its user.

    Separators of folders, control characters and characters that turn the direction of text become underscores.

    >>> clean_file_name("../invoice.pdf")
    '.._invoice.pdf'
    """
    return _MISLEADING.sub("_", name)


def check_redirect_target(location: str) -> str:
    """Returns the target of a redirect, if a browser reads it as it is written.

    Browsers drop tabs and line breaks from a URL, so ``"/\\t/example.com"`` would lead to another host.

    :raises ValueError: the target has a control character.
    """
    if not location.isprintable() and _CONTROL.search(location):
        raise ValueError(f"The redirect target {location[:200]!r} has a control character. Percent-encode it.")
    return location
