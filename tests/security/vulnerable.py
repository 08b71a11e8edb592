"""What programs did on which the attacks succeeded: functions to put in the place of those that keep the attacks out.

Each is written as plainly as the mistake was. ``removals.py`` says which attack each of them lets through.
"""

from __future__ import annotations

import base64
import codecs
import encodings.aliases
import io
import json
import logging
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from markupsafe import Markup
from werkzeug.datastructures import FileStorage, Headers

from costrel import fields, multipart, session_cookie
from costrel.app import App
from costrel.session_data import SecureCookieSession

#: Looks for its end from each byte anew, and finds two ways over each backslash.
_BACKTRACKING = re.compile(r"(?:[^!]|\\.)*!", re.DOTALL)


def backtracking(parser: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a parser that goes over its text with an expression that begins anew at each byte, and the result."""

    def parse(text: Any, *arguments: Any, **named: Any) -> Any:
        if text:
            _BACKTRACKING.findall(str(text).replace("!", "."))
        return parser(text, *arguments, **named)

    return parse


# Bodies.


def keep_preamble(body: Any) -> None:
    """Looks for the first delimiter and keeps all that stands before it."""
    while not body.position:
        _, body.position = body._find_delimiter(False)
        if not body.position:
            body.fetch()


def skip_preamble_by_byte(body: Any) -> None:
    """Skips line breaks before the first delimiter one by one, and logs each."""
    logger = logging.getLogger("tests.security.vulnerable")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    body.fetch()
    while not body.data.startswith(body.delimiter, body.position):
        logger.warning("Skipping %r at %d", body.data[body.position], body.position)
        body.position += 1
        if body.position == len(body.data):
            body.fetch()
    body.position += len(body.delimiter) + 2


def search_all_again(body: Any, in_content: bool) -> tuple[int, int]:
    """Looks for a line break and the delimiter behind it in all that has come, and lets go of nothing until then."""
    found = re.compile(rb"(?:\r\n|\n|\r|)" + re.escape(body.delimiter) + rb"(--)?[ \t]*(?:\r\n|$)").search(
        body.data, body.position
    )
    if found is None:
        return body.position, 0
    body.at_end = bool(found[1])
    return found.start(), found.end()


def read_head_of_what_breaks_off(body: Any) -> bytes:
    """Looks for the names in the headers of a part with an expression, also where they do not end."""
    _BACKTRACKING.findall(body.data.decode("latin-1"))
    raise ValueError("The form ends before its last boundary.")


def wait_for_more(body: Any) -> None:
    """Reads on, without a look at whether anything has come."""
    body.data = body.data[body.position :] + body.read(1024)
    body.position = 0


def make_no_progress(text: str) -> tuple[str, dict[str, str]]:
    """Takes options off the text for as long as there is any, and does not ask whether one was found."""
    value, _, rest = text.partition(";")
    options = {}
    while rest:
        found = re.match(r'\s*(\w+)="([^"]*)";?|', rest)
        if found is not None and found[1]:
            options[found[1]] = found[2]
        rest = rest[found.end() :] if found is not None else ""
    return value, options


def decode_until_there_is_something(body: Any, part: Any, stream: Any) -> FileStorage:
    """Decodes a file from base64, and takes more of it for as long as nothing comes out."""
    content = bytearray()
    body.copy_content(content.extend, None)
    decoded, position = b"", 4
    while not decoded:
        decoded = base64.b64decode(content[:position])
        position += 4
    return FileStorage(io.BytesIO(decoded), part.filename, part.name)


def log_and_go_on(text: str) -> Any:
    """Logs that a part is malformed, and goes on to the next."""
    logging.getLogger("tests.security").warning("malformed part %r", text)
    return multipart._Part(Headers(), "a", None, None)


def keep_folds(text: str) -> Any:
    """Finds the name of a file wherever it is, over all lines."""
    found = re.search(r'filename="(.*?)"', text, re.DOTALL)
    return multipart._Part(Headers(), "a", found and found[1], None)


def split_at_semicolons(text: str) -> dict[str, list[str]]:
    """Takes a semicolon for a separator of fields."""
    return fields.parse_fields(text.replace(";", "&"))


def nest_names(text: str) -> dict[str, Any]:
    """Takes a name with brackets for a value within a value, by a call of itself."""

    def nested(name: str, value: str) -> Any:
        outer, bracket, inner = name.partition("[")
        return {outer: nested(inner, value)} if bracket else value

    return {pair.partition("=")[0]: [nested(*pair.split("=", 1))] for pair in text.split("&") if "=" in pair}


def guess_the_encoding(request: Any, data: bytes) -> Any:
    """Reads JSON in whichever of Python's encodings makes a text of it that is most like one."""
    texts = []
    for name in sorted(set(encodings.aliases.aliases.values())):
        try:
            texts.append(data.decode(name))
        except Exception:  # each codec has errors of its own
            continue
    return json.loads(max(texts, key=lambda text: sum(map(str.isalnum, text))))


def decode_as_named(request: Any, data: bytes) -> Any:
    """Reads JSON with the codec that the client names."""
    return json.loads(codecs.decode(data, request.mimetype_params.get("charset", "utf-8")))


# Files and redirects.


def join_up_to_nul(folder: str, *names: str) -> str:
    """Joins what stands before a NUL byte, after a look at what stands behind it."""
    name = "/".join(names)
    if "\0" not in name and ".." in name:
        return os.path.join(folder, "missing")
    return os.path.join(folder, name.strip("\0").partition("\0")[0])


def by_lines(environ: Any, file: Any, buffer_size: int = 8192) -> Any:
    """Sends a file line by line."""
    return file


def name_as_it_is(value: str, options: dict[str, Any]) -> str:
    """Puts options of a header between quotes as they are."""
    return "; ".join([value, *(f'{name}="{option}"' for name, option in options.items())])


def to_the_path(adapter: Any, path: str, query: Any = None, domain_part: Any = None) -> str:
    """Redirects to the path as the client has sent it, with a slash at the end."""
    from costrel import request  # here so that it is that of the request

    return f"{request.environ['PATH_INFO']}/"


# Cookies and headers.


def _cookies(text: str, separators: str, name_of: Callable[[str], str]) -> dict[str, list[str]]:
    found = {}
    for pair in re.split(f"[{separators}]", text):
        name, _, value = pair.strip().partition("=")
        found[name_of(name)] = [value]
    return found


def ignore_the_first_sign(text: str) -> dict[str, list[str]]:
    """Takes a cookie without a name for one whose name is in its value."""
    return _cookies(";".join(pair.strip().strip('="') for pair in text.split(";")), ";", str)


def decode_names(text: str) -> dict[str, list[str]]:
    """Decodes the names of cookies."""
    return _cookies(text, ";", unquote)


def split_at_more(text: str) -> dict[str, list[str]]:
    """Takes more than a semicolon for a separator of cookies."""
    return _cookies(text, r";,\s\]&|", str)


def unquote_one_by_one(text: str) -> dict[str, list[str]]:
    """Looks from each escape for the next one of either kind, of which there may be none."""
    octal, quoted = re.compile(r"\\[0-3][0-7][0-7]"), re.compile(r"[\\].")
    position, end = 0, len(text)
    while 0 <= position < end:
        found = [match for match in (octal.search(text, position), quoted.search(text, position)) if match]
        text[position:].strip('"')
        position = min((match.end() for match in found), default=end)
    return {"a": [text]}


def answer_each_range(response: Any, environ: Any, length: Any = None, accept: Any = None) -> bool:
    """Answers with all ranges that are asked for, one after the other."""
    count = environ.get("HTTP_RANGE", "").count(",") + 1
    response.direct_passthrough = False
    response.set_data(b"".join(response.response) * count)
    response.status_code = 206
    return True


def trust_forwarded(app: App, environ: Any, start_response: Any) -> Any:
    """Takes host and scheme from headers that any client can send."""
    environ["HTTP_HOST"] = environ.get("HTTP_X_FORWARDED_HOST", environ["HTTP_HOST"])
    environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", environ["wsgi.url_scheme"])
    return _wsgi_app(app, environ, start_response)


_wsgi_app = App.wsgi_app


def accept_host(scheme: str, header: str | None, *others: Any) -> str:
    """Takes the Host header for the host."""
    return header or "localhost"


def host_of(environ: Any, trusted: Any = None) -> str:
    """The same, from the environ."""
    return str(environ["HTTP_HOST"])


def decode_strictly(text: Any) -> str:
    """Decodes a path, from the text or the environ, and has no answer where it is not UTF-8."""
    path = text if isinstance(text, str) else text["PATH_INFO"]
    return path.encode("latin-1").decode()


# Sessions, pages and templates.


def without_vary(cookie: Any, session: Any) -> Any:
    """Does not say that the answer depends on the cookie."""
    return [field for field in _fields(cookie, session) or () if field[0] != "Vary"]


def set_always(cookie: Any, session: Any) -> Any:
    """Sends a session with each answer."""
    return [("Set-Cookie", f"{cookie.name}={cookie.signer.sign('{}')}")]


_fields = session_cookie.SessionCookie.fields


def open_the_file(cookie: Any, environ: Any, request: Any) -> Any:
    """Opens the file that the cookie names as a session."""
    name = session_cookie.find_cookie(environ.get("HTTP_COOKIE", ""), cookie.name) or ""
    session = SecureCookieSession()
    if os.path.isfile(name):
        with open(name, encoding="utf-8") as file:
            session["content"] = file.read(40)
    return session


def say_the_path(error: Any, environ: Any = None, scope: Any = None) -> str:
    """Says in the page for an error which path was asked for."""
    from costrel import request  # here so that it is that of the request

    return f"<p>There is no {request.path}.</p>"


def urlize(text: str, *arguments: Any, **named: Any) -> str:
    """Looks for links with an expression of several wildcards."""
    re.findall(r"(?:https?://|www\.|\S+@)?(?:[\w.,(@:/&;-]+)*\s", text)
    return text


def strip_again(text: str) -> str:
    """Removes tags for as long as there are any, the innermost first."""
    plain = str(text)
    while (shorter := re.sub(r"<[^<>]*>", "", plain, count=1)) != plain:
        plain = shorter
        _BACKTRACKING.findall(plain)
    _BACKTRACKING.findall(plain)
    return Markup(plain)
