"""The fields of query strings, forms and cookies, and the streams and limits they are read with."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, AnyStr, TypeVar, cast
from urllib.parse import unquote

from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
)
from werkzeug.formparser import FormDataParser as WerkzeugFormDataParser
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import LimitedStream

from costrel.lazy import lazy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import FileStorage

K = TypeVar("K")
V = TypeVar("V")

#: A query string up to this length has at most 32 fields, which are always accepted: 0.4 us less.
SHORT_QUERY = 63
#: A body up to this size in bytes is read in one call; a longer one piece by piece.
_ONE_READ = 64 * 1024
#: Keeps percent-encoded bytes that are not UTF-8 as they were sent; werkzeug registers it.
_KEEP_INVALID = "werkzeug.url_quote"
# A name with the blanks around it, and a value. Each has one way to match only.
_COOKIE_NAME = re.compile(r'[ \t]*([^ \t=";]+)[ \t]*')
_COOKIE_VALUE = re.compile(r'=[ \t]*("(?:[^\\"]|\\.)*"|[^ \t";]*)[ \t]*')
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)")
_BOUNDARY_OPTION = r"(?i);\s*boundary\s*(?:\*[0-9*]*\s*)?="


def _decode_nothing(text: str) -> tuple[bytes, int]:
    raise ValueError


#: Turns the escapes of a bytes literal, such as ``\x41``, into bytes, and the text around them into UTF-8.
_decode_escapes: Callable[[str], tuple[bytes, int]] = getattr(codecs, "escape_decode", _decode_nothing)


def _unquote(text: str) -> str:
    # PERF: a percent sign and `\x` mean the same, and the decoder for `\x` is written in C: 0.25 us for a word with two
    # such bytes, by urllib's way 1.2. It refuses what is not two digits, and is undocumented, so urllib is asked then.
    # Bytes that are not UTF-8 end where a character begins that was not encoded, so the text may have both.
    if "\\" not in text:
        try:
            return _decode_escapes(text.replace("%", "\\x"))[0].decode("utf-8", _KEEP_INVALID)
        except ValueError:
            pass
    return unquote(text, errors=_KEEP_INVALID)


def parse_fields(text: str) -> dict[str, list[str]]:
    """Returns the fields of an ``application/x-www-form-urlencoded`` text, as URLs and forms have it.

    Source: https://url.spec.whatwg.org/#urlencoded-parsing

    >>> parse_fields("q=a+b&tag=1&tag=2&empty")
    {'q': ['a b'], 'tag': ['1', '2'], 'empty': ['']}
    """
    text = text.replace("+", " ")
    encoded = "%" in text
    # PERF: where no separator is encoded, all is decoded at once: a form with three such fields 1.9 us, else 3.0.
    if encoded and "%26" not in text and "%3D" not in text and "%3d" not in text:
        text = _unquote(text)
        encoded = False
    fields: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if encoded:
            if "%" in name:
                name = _unquote(name)
            if "%" in value:
                value = _unquote(value)
        if name in fields:
            fields[name].append(value)
        else:
            fields[name] = [value]
    return fields


def check_query(text: str, limit: int | None) -> None:
    """Refuses a query string with too many fields.

    :param limit: the most fields that it may have; None is no limit.
    :raises BadRequest: it has more (400).
    """
    count = _count_above(text, "&", limit)
    if count is not None:
        raise BadRequest(f"The query string has {count} fields; at most {limit} are accepted.")


def _count_above(text: AnyStr, separator: AnyStr, limit: int | None) -> int | None:
    """Returns how many fields a text has, if they are more than the limit; else None."""
    if limit is None or text.count(separator) < limit:
        return None
    count = sum(1 for pair in text.split(separator) if pair)
    return count if count > limit else None


def parse_plain_cookies(text: str) -> dict[str, list[str]]:
    """Returns the cookies of a header without a quote; what is not ``name=value`` is left out."""
    cookies: dict[str, list[str]] = {}
    text = text.replace("; ", ";")
    # PERF: to look for other blanks in each name and value takes 0.15 us for three cookies.
    has_blanks = " " in text or "\t" in text
    for pair in text.split(";"):
        name, _, value = pair.partition("=")
        if has_blanks:
            name = name.strip(" \t")
            value = value.strip(" \t")
            if " " in name or " " in value or "\t" in name or "\t" in value:
                continue
        if not name:
            continue
        if name in cookies:
            cookies[name].append(value)
        else:
            cookies[name] = [value]
    return cookies


def parse_cookies(text: str) -> dict[str, list[str]]:
    r"""Returns the cookies of any header, also those with quotes, in time that is linear in its length.

    The cookies are those that werkzeug reads, whose one expression for all this takes half a minute for 64 kB of blanks
    before a quote: two parts of it may match the same blanks, and it tries each division of them.

    >>> parse_cookies(r'theme="dark \"blue\""; size=3')
    {'theme': ['dark "blue"'], 'size': ['3']}
    """
    cookies: dict[str, list[str]] = {}
    position = 0
    while True:
        value = ""
        name = _COOKIE_NAME.match(text, position)
        end = position if name is None else name.end()
        if name is not None and text[end : end + 1] == "=":
            found = cast("re.Match[str]", _COOKIE_VALUE.match(text, end))
            value = found[1]
            end = found.end()
        if name is not None and text[end : end + 1] in (";", ""):
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = _ESCAPE.sub(_unescape, value[1:-1].encode("utf-8", "surrogatepass")).decode(errors="replace")
            cookies.setdefault(name[1], []).append(value)
            position = end
        position = text.find(";", position) + 1
        if not position:
            return cookies


def _unescape(match: re.Match[bytes]) -> bytes:
    """Returns the byte that an escape in a quoted cookie stands for."""
    code = match[1]
    return code if len(code) == 1 else int(code, 8).to_bytes(1, "big")


def possible_date(inherited: Any, otherwise: Callable[[], Any] = lambda: None) -> lazy[Any]:
    """Returns an attribute of a request that is a date, where the header names one.

    :param inherited: werkzeug's attribute, which raises ``OverflowError`` for numbers that do not fit into one.
    :param otherwise: makes the value then.
    """

    def read(request: object) -> Any:
        try:
            return inherited.__get__(request, type(request))
        except OverflowError:
            return otherwise()

    read.__doc__ = inherited.__doc__
    return lazy(read)


class ImmutableMultiDict(WerkzeugImmutableMultiDict[K, V]):
    """Fields or cookies: werkzeug's class in all it does, in its name and its pickles, only sooner."""

    # PERF: 0.10 us, werkzeug's 0.21. The type checkers go by its signatures.
    if not TYPE_CHECKING:

        def __getitem__(self, key):
            values = _values_of(self, key)
            if values:
                return values[0]
            raise BadRequestKeyError(key)

        # PERF: 0.10 us, werkzeug's 0.24; with a type 0.17, werkzeug's 0.34.
        def get(self, key, default=None, type=None):
            values = _values_of(self, key)
            if not values:
                return default
            if type is None:
                return values[0]
            try:
                return type(values[0])
            except (ValueError, TypeError):
                return default

    def __reduce_ex__(self, protocol: Any) -> Any:
        made, arguments = cast("tuple[Any, ...]", super().__reduce_ex__(protocol))
        # A program without costrel may read it.
        return WerkzeugImmutableMultiDict if made is ImmutableMultiDict else made, arguments


_values_of: Callable[[Any, Any], Any] = dict.get
_STORAGES = (ImmutableMultiDict, WerkzeugImmutableMultiDict)


def store_fields(storage: type[MultiDict[str, Any]], fields: Mapping[str, list[Any]]) -> Any:
    """Returns the fields as a multi dict of the given class."""
    if storage in _STORAGES:
        # PERF: its constructor would take the lists apart and build them again (0.9 us to 0.2 us for two fields).
        result = _new(storage)
        _fill(result, fields)
        return result
    return storage([(name, value) for name, values in fields.items() for value in values])


_new: Callable[[Any], Any] = dict.__new__
_fill: Callable[[Any, Any], None] = dict.update


def read_at_once(environ: WSGIEnvironment, limit: int | None) -> bytes | None:
    """Reads the body of a request in one call; returns None where it is long or of unknown length.

    :param limit: the most bytes that the body may have.
    :raises RequestEntityTooLarge: the body is longer than that (413).
    :raises ClientDisconnected: the body ended before its length.
    """
    length = environ.get("CONTENT_LENGTH")
    if not length or len(length) > 5 or not (length.isascii() and length.isdigit()):
        return None
    size = int(length)
    if size > _ONE_READ or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    if limit is not None and size > limit:
        raise RequestEntityTooLarge()
    terminated = "wsgi.input_terminated" in environ
    try:
        read = environ["wsgi.input"].read
        data: bytes = read(size) if size else b""
        while len(data) < size:
            more = read(size - len(data))
            if not more:
                break
            data += more
        # PERF: that there is nothing beyond the length is found out here, without a call: 0.15 us of a form.
        more = read(1) if terminated else b""
    except Exception as error:
        raise ClientDisconnected() from error
    if more:
        return data + more + _beyond(environ["wsgi.input"], None if limit is None else limit - len(data) - len(more))
    if len(data) < size and not terminated:
        raise ClientDisconnected()
    return data


def _beyond(stream: IO[bytes], limit: int | None) -> bytes:
    """Returns what a body has beyond its length, as where a server or middleware has inflated it and left the length.

    :param limit: the most bytes to return; below 0 where what has been read is too much already.
    :raises RequestEntityTooLarge: there are more (413).
    :raises ClientDisconnected: the server could not read them (400).
    """
    chunks: list[bytes] = []
    try:
        while chunk := stream.read(_ONE_READ if limit is None else min(limit + 1, _ONE_READ)):
            chunks.append(chunk)
            if limit is not None:
                limit -= len(chunk)
                if limit < 0:
                    break
    except Exception as error:
        raise ClientDisconnected() from error
    if limit is not None and limit < 0:
        raise RequestEntityTooLarge()
    return b"".join(chunks)


class BoundedStream(LimitedStream):
    """A body that the server ends, and that must not be longer than the limit: 413 at the first byte above it.

    werkzeug's stream cuts such a body off silently in ``read()``, and refuses one of exactly the limit in pieces.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)
        self._source = stream

    def readinto(self, b: Any) -> int | None:
        """Reads into a buffer and returns the number of bytes.

        :raises ClientDisconnected: the server could not read the body, because a chunk of it is malformed (400).
        """
        try:
            return super().readinto(b)
        except HTTPException:
            raise
        except Exception as error:
            # Servers raise errors of their own for a malformed chunk, which derive from Exception only.
            raise ClientDisconnected() from error

    def on_exhausted(self) -> None:
        """Asks the server for one byte more, and raises ``RequestEntityTooLarge`` where there is one."""
        try:
            more = self._source.read(1)
        except Exception as error:
            raise ClientDisconnected() from error
        if more:
            raise RequestEntityTooLarge()

    def readall(self) -> bytes:
        """Returns the rest of the body."""
        data = super().readall()
        if self.is_exhausted:
            self.on_exhausted()
        return data


def check_boundary(content_type: str) -> None:
    """Refuses a ``Content-Type`` with two boundaries: a filter in front of the application may have gone by the other.

    :raises BadRequest: it has two (400).
    """
    if content_type.lower().count("boundary") > 1 and len(re.findall(_BOUNDARY_OPTION, content_type)) > 1:
        raise BadRequest("The Content-Type has more than one boundary.")


def check_names(files: Mapping[Any, list[FileStorage]], refuse: bool) -> None:
    """Refuses a form that has a part without a name, whose key would be None (RFC 7578 §4.2).

    :param files: are closed then.
    :raises BadRequest: it is refused (400).
    """
    if refuse:
        for uploads in files.values():
            for upload in uploads:
                upload.close()
        raise BadRequest("A part of the form has no name.")


class FormDataParser(WerkzeugFormDataParser):
    """Parses form bodies and holds urlencoded ones to the limits that werkzeug has for multipart ones only."""

    #: Whether they are; the setting ``LIMIT_URLENCODED_FORMS``.
    limit_urlencoded: bool = True
    #: Whether a part without a name is a bad request; the setting ``REFUSE_NAMELESS_PARTS``.
    refuse_nameless: bool = True

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        # Start-up: most workers never see an upload.
        from costrel.multipart import parse_multipart

        fields, files = parse_multipart(
            stream.read,
            options.get("boundary", "").encode("ascii"),
            content_length,
            self.stream_factory,
            self.max_form_memory_size,
            self.max_form_parts,
        )
        if None in fields or None in files:
            check_names(files, self.refuse_nameless)
        return stream, store_fields(self.cls, fields), store_fields(self.cls, files)

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        if not self.limit_urlencoded:
            return super()._parse_urlencoded(stream, mimetype, content_length, options)
        limit = self.max_form_memory_size
        if limit is None:
            data = stream.read()
        else:
            if content_length is not None and content_length > limit:
                raise RequestEntityTooLarge()
            data = BoundedStream(stream, limit).read()
        fields = parse_body_fields(data, limit, self.max_form_parts)
        return stream, store_fields(self.cls, fields), self.cls()


def make_form_data_parser(request: Any) -> WerkzeugFormDataParser:
    """Makes the parser of a form body, for the bodies that the short ways leave to it."""
    parser = WerkzeugRequest.make_form_data_parser(request)
    if isinstance(parser, FormDataParser):
        parser.limit_urlencoded = request.limit_urlencoded_forms
        parser.refuse_nameless = request.refuse_nameless_parts
    return parser


def parse_body_fields(data: bytes, max_size: int | None, max_fields: int | None) -> dict[str, list[str]]:
    """Returns the fields of a urlencoded body.

    :param max_size: the most bytes that the body may have.
    :param max_fields: the most fields that it may have.
    :raises RequestEntityTooLarge: a limit is exceeded (413).
    :raises UnicodeDecodeError: the body is not UTF-8.
    """
    if max_size is not None and len(data) > max_size:
        raise RequestEntityTooLarge()
    # A body has fewer fields than bytes.
    if max_fields is not None and len(data) > max_fields:
        count = _count_above(data, b"&", max_fields)
        if count is not None:
            raise RequestEntityTooLarge(f"The form has {count} fields; at most {max_fields} are accepted.")
    return parse_fields(data.decode())
