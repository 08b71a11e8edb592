"""Answers with files: ``send_file`` and ``send_from_directory``, and the short way of the static route.

Source: https://flask.palletsprojects.com/en/stable/api/#flask.send_file
"""

from __future__ import annotations

import mimetypes
import os
import re
import stat
import time
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any
from zlib import adler32

import werkzeug.utils
from werkzeug.exceptions import NotFound
from werkzeug.http import http_date, quote_etag
from werkzeug.security import safe_join
from werkzeug.utils import get_content_type
from werkzeug.wsgi import wrap_file

from costrel.context import current_context, request
from costrel.response import Response, assemble, is_shipped
from costrel.security import clean_file_name

if TYPE_CHECKING:
    from datetime import datetime

    from _typeshed.wsgi import WSGIEnvironment

    from costrel.app import App
    from costrel.context import RequestContext

MaxAge = int | Callable[[str | None], int | None] | None

#: A file up to this size in bytes is read when the response is made, so that no file stays open.
_ONE_READ = 64 * 1024
#: A path whose last part is a token (RFC 9110 §5.6.2) and no URL, so that it needs neither quotes nor parsing.
_SIMPLE_NAME = re.compile(r"(?:.*/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.DOTALL)
#: Paths of this length in characters or more are not kept, for a client may ask for very long ones.
_LONGEST_KNOWN = 256
_known_path = lru_cache(maxsize=1024)(safe_join)
#: A request for one part of a file: its first and its last byte, or how many bytes from the end.
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
#: What may make the answer to such a request another one.
_CONDITIONS = frozenset({"HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_UNMODIFIED_SINCE"})
_ACCEPTS_RANGES = "Accept-Ranges", "bytes"
_NOT_KEPT = "Cache-Control", "no-cache"
#: To open what turns out to be a pipe must not wait for somebody to write to it.
_READ_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK"))


def _request_context() -> RequestContext:
    context = current_context.get(None)
    found = None if context is None else context.request_context()
    if found is None:
        # The proxy knows the error that says what to do.
        request._get_current_object()  # type: ignore[attr-defined]
    return found  # type: ignore[return-value]


def send_file(
    path_or_file: os.PathLike[str] | str | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: MaxAge = None,
) -> Response:
    """Answers with a file, with the headers that let a browser keep it.

    The path must not come from a user: :func:`send_from_directory` is for that.

    :param path_or_file: a path, relative to the application's root path, or a file opened in binary mode.
    :param mimetype: the media type; by default guessed from the name.
    :param as_attachment: whether the browser is to save the file rather than to show it.
    :param download_name: the name under which the browser saves it; by default the name in the path.
    :param conditional: whether to answer 304 or a range where the request asks for that.
    :param etag: the entity tag, or whether to make one from the path, size and time of the file.
    :param last_modified: the time of the last change; by default the file's, in seconds since 1970 if a number.
    :param max_age: for how many seconds it may be kept without asking, or a function of the path that says so; by
        default the application's ``get_send_file_max_age``.
    :raises ValueError: the file is open in text mode.
    :raises TypeError: neither name nor media type is known.
    :raises RequestedRangeNotSatisfiable: the range is not in the file (416).
    """
    context = _request_context()
    app = context.app
    special = mimetype or download_name or as_attachment or not conditional or last_modified is not None
    if type(path_or_file) is str and not special and etag is True and not callable(max_age):
        found = _send_at_once(os.path.join(app.root_path, path_or_file), max_age)
        if found is not None:
            return found
    response: Response = werkzeug.utils.send_file(  # type: ignore[assignment]
        path_or_file,
        context.environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=_download_name(path_or_file, download_name),
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=app.get_send_file_max_age if max_age is None else max_age,
        use_x_sendfile=app.config["USE_X_SENDFILE"],
        response_class=app.response_class,
        _root_path=app.root_path,
    )
    return response


def _download_name(path_or_file: os.PathLike[str] | str | IO[bytes], given: str | None) -> str | None:
    """Returns the cleaned name of a download; None where werkzeug is to take that of the path."""
    if given is None and isinstance(path_or_file, (str, os.PathLike)):
        name = os.path.basename(path_or_file)
        cleaned = clean_file_name(name)
        return None if cleaned == name else cleaned
    return None if given is None else clean_file_name(given)


def send_from_directory(directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: Any) -> Response:
    """Answers with a file below a directory; the path may come from a user.

    :param directory: relative to the application's root path. It must not come from a user.
    :param path: relative to the directory, with ``/`` between its parts.
    :param kwargs: as for :func:`send_file`.
    :raises NotFound: there is no such file, or the path leads out of the directory (404).
    """
    joined = safe_join(os.fspath(directory), os.fspath(path))
    if joined is None:
        raise NotFound()
    joined = os.path.join(_request_context().app.root_path, joined)
    if not os.path.isfile(joined):
        raise NotFound()
    return send_file(joined, **kwargs)


def send_static(folder: str, filename: str, max_age: int | None) -> Response:
    """Answers with a file of a folder of static files, as ``send_from_directory`` would.

    PERF: 8 us for a file of 10 kB and 5 us for a 304; werkzeug's ``send_from_directory`` takes 90 us.

    :param folder: the absolute path of the folder.
    :param filename: the path below it; it may come from a user.
    :param max_age: for how many seconds the file may be kept without asking; None for the application's default.
    :raises NotFound: there is no such file, or the path leads out of the folder (404).
    """
    # PERF: 0.15 us for a path that was asked for before; safe_join takes 1.5 us.
    path = _known_path(folder, filename) if len(filename) < _LONGEST_KNOWN else safe_join(folder, filename)
    if path is None:
        raise NotFound()
    return _send_at_once(path, max_age) or send_from_directory(folder, filename, max_age=max_age)


def _send_at_once(path: str, max_age: int | None) -> Response | None:
    """Returns the response for a file where neither the request nor the application asks for anything special.

    :returns: None where werkzeug's ``send_file`` is needed, also to say that there is no such file.
    """
    context = _request_context()
    app = context.app
    environ = context.environ
    method = environ["REQUEST_METHOD"]
    if app.response_class is not Response or not is_shipped() or app.config["USE_X_SENDFILE"]:
        return None
    if not _name(path)[0] or method not in ("GET", "HEAD"):
        return None
    # A client that names a tag has the file already, or is answered by the long way.
    reads = method == "GET" and "HTTP_IF_NONE_MATCH" not in environ
    descriptor = None
    try:
        # PERF: to open a file and then look at it takes 0.7 us less than to look first.
        if reads:
            descriptor = os.open(path, _READ_FLAGS)
        status = os.stat(path) if descriptor is None else os.fstat(descriptor)
    except (OSError, ValueError):
        if descriptor is not None:
            os.close(descriptor)
        return None
    try:
        if not stat.S_ISREG(status.st_mode):
            return None
        if max_age is None:
            max_age = app.get_send_file_max_age(path)
        return _response_to(environ, path, status, max_age, descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _response_to(
    environ: WSGIEnvironment, path: str, status: os.stat_result, max_age: int | None, descriptor: int | None
) -> Response | None:
    """Returns the response for a file; None where the rules are needed in full, or the file is changing.

    :param descriptor: of the open file; None where its content is not to be sent.
    """
    if not (max_age is None or type(max_age) is int):
        return None
    size = status.st_size
    mimetype, encoding = _media_type(*_name(path))
    fields, tag = _fields(path, size, status.st_mtime, mimetype, encoding)
    start, stop, code = 0, size, 200
    ranges: list[tuple[str, str]] = [_ACCEPTS_RANGES]
    if "HTTP_RANGE" in environ:
        part = _part(environ, tag[1], size)
        if part is None:
            return None
        start, stop = part
        code = 206
        fields = [*fields[:-2], ("Content-Length", str(stop - start)), fields[-1]]
        ranges.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    else:
        unchanged = _is_unchanged(environ, tag[1])
        if unchanged is None:
            return None
        if unchanged:
            code = 304
    body: Any = []
    if descriptor is not None:
        body = _read(path, descriptor, size, start, stop, environ)
        if body is None:
            return None
    now = int(time.time())
    all_fields = [*fields, *_cache_fields(max_age, now), tag, ("Date", _date(now)), *ranges]
    return assemble(code, all_fields, body, direct_passthrough=True)


@lru_cache(maxsize=1024)
def _fields(
    path: str, size: int, modified: float, mimetype: str | None, encoding: str | None
) -> tuple[list[tuple[str, str]], tuple[str, str]]:
    """Returns the header fields that depend on the file alone, and that of its entity tag."""
    fields = [] if encoding is None else [("Content-Encoding", encoding)]
    fields += [
        ("Content-Disposition", f"inline; filename={os.path.basename(path)}"),
        ("Content-Type", get_content_type(mimetype or "application/octet-stream", "utf-8")),
        ("Content-Length", str(size)),
        ("Last-Modified", http_date(modified)),
    ]
    return fields, ("ETag", quote_etag(f"{modified}-{size}-{adler32(path.encode()) & 0xFFFFFFFF}"))


def _cache_fields(max_age: int | None, now: int) -> list[tuple[str, str]]:
    """Returns the fields that say how long a browser may keep the file.

    :param now: the present time, in seconds since 1970.
    """
    if max_age is None:
        return [_NOT_KEPT]
    policy = f"public, max-age={max_age}" if max_age > 0 else f"no-cache, max-age={max_age}"
    return [("Cache-Control", policy), ("Expires", _date(now + max_age))]


#: PERF: 0.1 us for the date of this second, and that at which a file expires; making one takes 2.3 us.
_date: Callable[[int], str] = lru_cache(maxsize=16)(http_date)


def _is_unchanged(environ: WSGIEnvironment, etag: str) -> bool | None:
    """Tells whether the client has the file already; None where the rules are needed in full (RFC 9110 §13).

    An ``If-None-Match`` with this very tag decides, whatever ``If-Modified-Since`` says.
    """
    if "HTTP_IF_MATCH" in environ:
        return None
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is None:
        return None if "HTTP_IF_MODIFIED_SINCE" in environ else False
    return True if known == etag else None


def _part(environ: WSGIEnvironment, etag: str, size: int) -> tuple[int, int] | None:
    """Returns where the part of a file begins and ends that a request asks for (RFC 9110 §14).

    :returns: None where it asks for several parts or one that is not there, or the rules are needed in full.
    """
    found = _ONE_RANGE.fullmatch(environ["HTTP_RANGE"])
    if found is None or not environ.keys().isdisjoint(_CONDITIONS) or environ.get("HTTP_IF_RANGE", etag) != etag:
        return None
    first, last = found.groups()
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    else:
        # The last bytes; a number of them that is none makes the part empty.
        start, stop = size - int(last or 0), size
    return (start, stop) if 0 <= start < stop else None


def _read(path: str, descriptor: int, size: int, start: int, stop: int, environ: WSGIEnvironment) -> Any:
    """Returns the body: the content of a small file or a small part of one, else the open file in the server's wrapper.

    :param descriptor: of the file; it stays open.
    :returns: None where the file has changed since its size was looked up, and for a large part of a file.
    """
    length = stop - start
    if length > _ONE_READ:
        # The file has the path for its name, and a descriptor of its own.
        return wrap_file(environ, open(path, "rb", opener=lambda *_: os.dup(descriptor))) if length == size else None
    # One byte more than the file had tells whether it has grown.
    data = _read_at(descriptor, length + (stop == size), start)
    return [data] if len(data) == length else None


def _seek_and_read(descriptor: int, length: int, start: int) -> bytes:
    """Does what ``os.pread`` does, where the system has no such call."""
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


_read_at: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)


@lru_cache(maxsize=1024)
def _name(path: str) -> tuple[str, str, str]:
    """Returns the last part of a path, its extension, and that in lower case; no name where the path is not simple."""
    if not _SIMPLE_NAME.fullmatch(path):
        return "", "", ""
    name = path[path.rfind("/") + 1 :]
    dot = name.rfind(".")
    extension = "" if dot < 0 else name[dot:]
    return name, extension, extension.lower()


def _media_type(name: str, extension: str, lowered: str) -> tuple[str | None, str | None]:
    """Returns the media type and the encoding of a file, as ``mimetypes.guess_type`` does for a simple name."""
    if not mimetypes.inited:
        mimetypes.init()
    # PERF: 0.3 us; guess_type takes the name apart as a URL first, 4 us. The tables are asked each time because an
    # application may add to them.
    if lowered in mimetypes.suffix_map or extension in mimetypes.encodings_map:
        return mimetypes.guess_type(name)
    types = mimetypes.types_map
    return types.get(extension) or types.get(lowered), None


def add_static_route(app: App, static_host: str | None, host_matching: bool) -> None:
    """Adds the route of an application's static files, if it has a folder for them.

    :raises AssertionError: the map matches hosts and no host is given, or the other way round.
    """
    if not app.has_static_folder:
        return
    if bool(static_host) != host_matching:
        raise AssertionError(
            "Invalid static_host/host_matching combination: pass both, or neither, or static_folder=None."
        )
    # The view holds the app weakly: a cycle would keep an app that nobody uses until garbage collection.
    reference = weakref.ref(app)

    def static(filename: str) -> Response:
        owner = reference()
        if owner is None:
            raise RuntimeError("The application of this static route is gone.")
        return owner.send_static_file(filename)

    app.add_url_rule(f"{app.static_url_path}/<path:filename>", endpoint="static", host=static_host, view_func=static)
