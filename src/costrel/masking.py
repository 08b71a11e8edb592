"""What must not be read by others, found by its name, and texts without it: for logs, error pages and ``repr``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

#: What stands in the place of a secret.
HIDDEN = "[hidden]"

# Names of settings, environment variables, headers and fields of a query or form.
_secret_name = re.compile(
    r"(?:^|[_-])(?:API)?KEYS?$|SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|AUTHORIZATION|^(?:HTTP_)?COOKIE$|^PIN$",
    re.IGNORECASE,
).search
_field = re.compile(r"(?P<start>[?&;])(?P<name>[^=&;\s]*)=(?P<value>[^&;\s]*)")
_password_of_url = re.compile(r"(?P<start>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)")

#: Shorter secrets are words that a text may have for another reason: they are hidden where they stand in quotes.
_LONG = 8


def is_secret_name(name: str) -> bool:
    """Tells whether what has this name is a secret.

    >>> [is_secret_name(name) for name in ("SECRET_KEY", "DB_PASSWORD", "access_token", "SESSION_COOKIE_NAME")]
    [True, True, True, False]
    """
    return _secret_name(name) is not None


def masked(value: Any, name: str = "") -> Any:
    """Returns a value to be shown, with a placeholder for each text that is a secret by its name or is in a URL.

    >>> masked({"SECRET_KEY": "k", "DATABASE": {"PASSWORD": "p", "URL": "db://ada:p@host/"}, "DEBUG": False})
    {'SECRET_KEY': '[hidden]', 'DATABASE': {'PASSWORD': '[hidden]', 'URL': 'db://ada:[hidden]@host/'}, 'DEBUG': False}
    """
    if isinstance(value, Mapping):
        return {key: masked(inner, _inner_name(name, key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner, name) for inner in value] if is_secret_name(name) else value
    if isinstance(value, str | bytes | bytearray):
        if value and is_secret_name(name):
            return HIDDEN
        if isinstance(value, str):
            return _password_of_url.sub(rf"\g<start>{HIDDEN}", value)
    return value


def _inner_name(name: str, key: Any) -> str:
    """Returns what an item of a mapping counts as: all that is in a secret is one."""
    return name if is_secret_name(name) else str(key)


def mask_query(text: str) -> str:
    """Returns a URL, or a text with one in it, without the values of fields that are secrets.

    >>> mask_query("GET /reset?token=abc&user=5 HTTP/1.1")
    'GET /reset?token=[hidden]&user=5 HTTP/1.1'
    """
    of_debugger = "__debugger__=" in text

    def hide(field: re.Match[str]) -> str:
        name = unquote_plus(field["name"])
        # The debugger's own key is in the field "s".
        secret = is_secret_name(name) or (of_debugger and name == "s")
        return f"{field['start']}{field['name']}={HIDDEN}" if secret and field["value"] else field[0]

    return _field.sub(hide, text)


def secrets_in(values: Mapping[str, Any]) -> Iterator[str]:
    """Yields the texts in a mapping, and in mappings and lists inside of it, that are secrets by their names."""
    for name, value in values.items():
        yield from _secrets_of(str(name), value)


def _secrets_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets_of(_inner_name(name, key), inner)
    elif is_secret_name(name):
        if isinstance(value, list | tuple):
            for inner in value:
                yield from _secrets_of(name, inner)
        elif isinstance(value, bytes) and value:
            yield value.decode("latin-1")
        elif isinstance(value, str) and value:
            yield value


def secrets_of_request(environ: Mapping[str, Any]) -> Iterator[str]:
    """Yields the credentials, tokens and cookies of a request."""
    for name, value in environ.items():
        if name.startswith("HTTP_") and isinstance(value, str) and is_secret_name(name):
            yield value
            if name == "HTTP_COOKIE":
                for cookie in value.split(";"):
                    yield cookie.partition("=")[2].strip().strip('"')
            elif " " in value:
                yield value.partition(" ")[2].strip()  # without the scheme
    query = environ.get("QUERY_STRING", "")
    for field in _field.finditer(f"?{query}"):
        if is_secret_name(unquote_plus(field["name"])):
            yield from (field["value"], unquote_plus(field["value"]))


def hide(text: str, found: Iterable[str]) -> str:
    """Returns a text with a placeholder for each of the secrets, the longest first.

    >>> hide("key 'k' and abcdefgh", ["k", "abcdefgh"])
    "key '[hidden]' and [hidden]"
    """
    for secret in sorted(set(found), key=len, reverse=True):
        if len(secret) >= _LONG:
            text = text.replace(secret, HIDDEN)
        elif secret:
            for quote in ("'", '"', "&#39;", "&#34;"):
                text = text.replace(f"{quote}{secret}{quote}", f"{quote}{HIDDEN}{quote}")
    return text
