"""What must not be read by others, found by its name, and texts without it: for logs, error pages and ``repr``."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus
from uuid import UUID

#: What stands in the place of a secret.
HIDDEN = "[hidden]"

# Names of settings, environment variables, headers and fields of a query, a form or JSON: DB_PASS, db-pass, dbPass.
_new_word = re.compile(r"(?<=[a-z0-9])(?=[A-Z])").sub
_of_secret = re.compile(
    r"""
    # anywhere in the name
      SECRET(?!AR) | PASSWORD | PASSWD | PASSPHRASE | TOKEN(?!I[SZ]) | CREDENTIAL | AUTHORIZATION
    | (?:ACCESS|API|ENCRYPTION|MASTER|PRIVATE)[_-]?KEY
    # a word of the name
    | (?<![^_-]) (?: BEARER | DSN | JWT | OTP | (?:DB)?PASS | PAT | PWD | SALT | SIG | SIGNATURE ) \d* (?![^_-])
    # its last word, which may have a number
    | (?<![^_-]) (?: AUTH | KEYS? | PIN ) (?:[_-]?\d+)? $
    # all of it
    | ^ (?:HTTP_)? (?:SET[_-])? COOKIE $
    """,
    re.IGNORECASE | re.VERBOSE,
).search
# Names that go on after such a word: what they name is about a secret and is none.
_about_secret = re.compile(
    r"""
      [_-] (?: ALGORITHM | ENDPOINT | EXPIRES | FIELD | FILE | HEADER | LENGTH | LOCATION | NAME | PATH | TEMPLATE
             | TYPE | URL | VIEW ) S? (?:[_-](?:AT|DELTA|IN|MAX|MIN))? $
    | (?<![^_-]) (?: FOREIGN | PRIMARY | PUBLIC | PUBLISHABLE ) [_-]? KEYS? $
    | (?<![^_-]) MAX [_-] (?:[^_-]+[_-])? TOKENS $
    | ^ SECURITY_PASSWORD_HASH $
    """,
    re.IGNORECASE | re.VERBOSE,
).search

# These take time that is linear in the text: what begins a match is not in what follows, or ends it.
_field = re.compile(r"(?P<start>[?&;])(?P<name>[^=&;\s?]*)=(?P<value>[^&;\s]*)")
# In `host=db password='x y'` and `Server=db;Pwd=x`.
_pair = re.compile(
    r"""(?P<start>(?<![^\s;,])(?P<name>[\w-]+) ?= ?['"]?)(?P<value>(?<=')[^']+|(?<=")[^"]+|[^\s;,'"]+)"""
)
# A password may have `/` and `@`: it ends at the last `@` before the query, and digits before a path are a port.
_password_of_url = re.compile(
    r"""
    (?P<start> :// [^\s:/@\[\]]* : ) (?! \d{1,5} (?:[/?\#]|$) )
    (?P<value> (?: (?!://) [^\s?\#'"<>] )+ (?=@) | (?: (?!://) [^\s@] )+ (?=@) )
    """,
    re.VERBOSE,
)
_file = re.compile(r"(?:~|\.{0,2}|[a-zA-Z]:)[/\\][^\n]*\.[a-zA-Z]{2,8}").fullmatch

#: Shorter secrets are words that a text may have for another reason: they are hidden where they stand in quotes.
_LONG = 8
#: Each secret is looked for in the whole text: so many of one body, for its sender must not keep the server busy.
_MOST = 1000


def is_secret_name(name: str) -> bool:
    """Tells whether what has this name is a secret.

    >>> [is_secret_name(name) for name in ("SECRET_KEY", "DB_PASSWORD", "accessToken", "SESSION_COOKIE_NAME")]
    [True, True, True, False]
    """
    name = _new_word("_", name)
    return _of_secret(name) is not None and _about_secret(name) is None


def masked(value: Any, name: str = "") -> Any:
    """Returns a value to be shown, with a placeholder for each text that is a secret by its name or is in a URL.

    >>> masked({"SECRET_KEY": "k", "DATABASES": [{"PASSWORD": "p"}, "db://ada:p@host/"], "DEBUG": False})
    {'SECRET_KEY': '[hidden]', 'DATABASES': [{'PASSWORD': '[hidden]'}, 'db://ada:[hidden]@host/'], 'DEBUG': False}
    """
    return _masked(value, name, ())


def _masked(value: Any, name: str, around: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if id(value) in around:
            return "..."  # it is in itself
        around = (*around, id(value))
        if isinstance(value, Mapping):
            return {key: _masked(inner, _inner_name(name, key), around) for key, inner in value.items()}
        shown = [_masked(inner, name, around) for inner in value]
        if all(new is old for new, old in zip(shown, value, strict=True)):
            return value
        return tuple(shown) if isinstance(value, tuple) else shown
    if isinstance(value, str | bytes | bytearray):
        if value and is_secret_name(name):
            return HIDDEN
        text = value if isinstance(value, str) else value.decode("latin-1")
        shown_text = _without_secrets(text)
        if shown_text != text:
            return shown_text if isinstance(value, str) else shown_text.encode("latin-1")
    return value


def _inner_name(name: str, key: Any) -> str:
    """Returns what an item of a mapping counts as: all that is in a secret is one."""
    return name if is_secret_name(name) else str(key)


def _without_secrets(text: str) -> str:
    """Returns a text without the passwords of URLs and the values of secret fields in it."""
    if "://" in text:
        text = _password_of_url.sub(rf"\g<start>{HIDDEN}", text)
    return mask_query(_pair.sub(_hide_value, text)) if "=" in text else text


def _hide_value(pair: re.Match[str]) -> str:
    return f"{pair['start']}{HIDDEN}" if is_secret_name(pair["name"]) else pair[0]


def mask_query(text: str) -> str:
    """Returns a URL, or a text with one in it, without the values of fields that are secrets.

    >>> mask_query("GET /reset?token=abc&user=5 HTTP/1.1")
    'GET /reset?token=[hidden]&user=5 HTTP/1.1'
    """
    of_debugger = "__debugger__=" in text

    def hide(field: re.Match[str]) -> str:
        # The debugger's own key is in the field "s".
        secret = _is_secret_field(field["name"]) or (of_debugger and unquote_plus(field["name"]) == "s")
        return f"{field['start']}{field['name']}={HIDDEN}" if secret and field["value"] else field[0]

    return _field.sub(hide, text)


def _is_secret_field(quoted: str) -> bool:
    """Tells whether a field of a query is a secret; one is the code that a visitor brings back from signing in."""
    name = unquote_plus(quoted)
    return name.lower() == "code" or is_secret_name(name)


def secrets_in(values: Mapping[str, Any]) -> Iterator[str]:
    """Yields the texts in settings, and in mappings and lists inside of them, that are secrets.

    Those are what has the name of a secret, unless it is the path of a file, and passwords in URLs and the like.
    """
    return (secret for secret in _secrets_of("", values) if not _is_path(secret))


def _is_path(text: str) -> bool:
    """Tells whether a text is the path of a file: one with an ending, since a key in Base64 may begin with ``/``."""
    return _file(text) is not None or (os.path.isabs(text) and "\0" not in text and os.path.exists(text))


def _secrets_of(name: str, value: Any) -> Iterator[str]:
    # No recursion: what is walked through may be deep, or in itself.
    rest, seen = [(name, value)], set[int]()
    while rest:
        name, value = rest.pop()
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if id(value) not in seen:
                seen.add(id(value))
                if isinstance(value, Mapping):
                    rest += [(_inner_name(name, key), inner) for key, inner in value.items()]
                else:
                    rest += [(name, inner) for inner in value]
        elif value and isinstance(value, str | bytes | bytearray):
            text = value if isinstance(value, str) else value.decode("latin-1")
            if is_secret_name(name):
                yield text
            yield from _secrets_in_text(text)


def _secrets_in_text(text: str) -> Iterator[str]:
    """Yields the passwords of URLs in a text, and the values of its secret fields, as they are and unquoted."""
    if "://" in text:
        for found in _password_of_url.finditer(text):
            yield from (found["value"], unquote(found["value"]))
    if "=" in text:
        for field in _field.finditer(text):
            if _is_secret_field(field["name"]):
                yield from (field["value"], unquote_plus(field["value"]))
        for field in _pair.finditer(text):
            if is_secret_name(field["name"]):
                yield field["value"]


def secrets_of_request(environ: Mapping[str, Any], contexts: Iterable[Any] = ()) -> Iterator[str]:
    """Yields the credentials, tokens and cookies of a request, and the secrets of what was read of its body.

    :param contexts: the contexts of the request; forms and JSON that the program has not read are not read for this.
    """
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
        if _is_secret_field(field["name"]):
            yield from (field["value"], unquote_plus(field["value"]))
    for context in contexts:
        yield from _secrets_of_context(context)


def _secrets_of_context(context: Any) -> Iterator[str]:
    """Yields the secrets in the arguments of the view, the form and the JSON, where they were read already."""
    request = getattr(context, "_request", None)
    read = (getattr(context, "_parts", None) or {}) if request is None else getattr(request, "__dict__", {})
    for arguments in (read.get("view_args"), getattr(context, "view_args", None)):
        if isinstance(arguments, Mapping):
            plain = {name: value for name, value in arguments.items() if isinstance(value, str | int | UUID)}
            yield from _secrets_of("", {name: str(value) for name, value in plain.items()})
    form = read.get("form")
    fields = form if form is None or not hasattr(form, "lists") else dict(form.lists())
    body = (fields, *read.get("_cached_json", ()))
    yield from islice(chain.from_iterable(_secrets_of("", part) for part in body), _MOST)


def hide(text: str, found: Iterable[str]) -> str:
    """Returns a text with a placeholder for each of the secrets, the longest first, however they are written.

    >>> hide("key 'k' and abcdefgh", ["k", "abcdefgh"])
    "key '[hidden]' and [hidden]"
    """
    written = set(chain.from_iterable(map(_spellings, set(found))))
    for secret in sorted(written, key=len, reverse=True):
        if len(secret) >= _LONG:
            text = text.replace(secret, HIDDEN)
        elif secret:
            for mark in ("'", '"', "&#39;", "&#34;"):
                text = text.replace(f"{mark}{secret}{mark}", f"{mark}{HIDDEN}{mark}")
    return text


def _spellings(secret: str) -> Iterator[str]:
    """Yields a secret as it is, in a ``repr``, in JSON, in a URL, and each of these in HTML."""
    in_json = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
    for text in (secret, repr(secret)[1:-1], ascii(secret)[1:-1], *in_json):
        escaped = html.escape(text)
        yield from (text, escaped, escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"))
    plain = secret.encode("utf-8", "replace")
    yield from (quote(plain), quote(plain, safe=""), quote_plus(plain))
