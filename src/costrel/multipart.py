"""Parses ``multipart/form-data`` bodies piece by piece: fields are kept in memory, files are written to streams.

The results are those of ``werkzeug.formparser.MultiPartParser`` for a body that arrives in one piece, whatever the
pieces are that it really arrives in. The time is linear in the size of the body.

Sources: RFC 7578 (forms), RFC 2046 §5.1 (parts and delimiters). As in werkzeug, a line may also end with LF or CR
alone, and the first delimiter need not stand at the start of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from werkzeug.datastructures import FileStorage, Headers
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.formparser import TStreamFactory

#: The number of bytes that are read and looked at together. PERF: to store 8 MB in a file and read them back takes
#: 3.7 ms; in pieces of 128 kB that end anywhere 6.2 ms. Larger ones gain nothing.
CHUNK_SIZE = 512 * 1024
#: Pieces of a file end at multiples of this many bytes.
BLOCK_SIZE = 64 * 1024
#: The most bytes that the headers of one part, or the blanks behind a delimiter, may have.
MAX_HEAD_SIZE = 64 * 1024
#: The most bytes that a boundary may have; RFC 2046 allows 70. Long ones would make each search for them costly.
MAX_BOUNDARY_SIZE = 256

_LF, _CR = b"\n\r"
_CONTENT_TYPE = re.compile(r"multipart/form-data; ?boundary=([\w!#$%&'*+\-.^`|~]+)", re.ASCII)
#: The headers as browsers write them, if no character in the names stands for another one.
_USUAL_HEAD = re.compile(
    rb'Content-Disposition: (form-data; name="([^"\\%\r\n]*)"(?:; filename="([^"\\%\r\n]*)")?)'
    rb"(?:\r\nContent-Type: ([^\r\n]*))?\r\n\r\n"
)
_BLANK_LINE = re.compile(rb"\r\n\r\n|\r\r|\n\n")
# PERF: the expressions that few forms need are compiled when the first one does (0.1 ms less to import).
_LINE_BREAK = r"\r\n|\n|\r"
#: A line break that does not end a header, because a blank follows it (RFC 5322 §2.2.3).
_FOLD = r"(?:\r\n|\n|\r)[ \t]"
_REST_OF_LINE = rb"[ \t\f\v]*(?:\r\n|\n|\r)"
#: What may become the rest of a delimiter's line when more bytes arrive.
_UNDECIDED = rb"(?:-|[ \t\f\v]*\r?)\Z"
#: Clients should send UTF-8; werkzeug takes no more than these from a part either.
_CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})

Fields = dict[str, list[str]]
Files = dict[str, list[FileStorage]]
FormReader = Callable[["TStreamFactory", "int | None", "int | None"], tuple[Fields, Files]]


def plain_boundary(content_type: str) -> bytes | None:
    """Returns the boundary of a ``Content-Type`` that is written as browsers write it.

    For any other text the answer is None, and the header has to be taken apart.

    >>> plain_boundary("multipart/form-data; boundary=----x1")
    b'----x1'
    >>> plain_boundary('multipart/form-data; charset=utf-8; boundary="x 1"') is None
    True
    """
    # PERF: 0.4 us; werkzeug's parser of such headers takes 2.4 us.
    match = _CONTENT_TYPE.fullmatch(content_type)
    return None if match is None else match[1].encode()


def declared_body(environ: WSGIEnvironment, limit: int | None) -> Callable[[int], bytes] | None:
    """Returns a function that reads a body of known length straight from the server's stream, else None.

    The function takes the most bytes to return, and returns none at the end of the body. It raises
    ``ClientDisconnected`` (400) where the body ends before its length.

    :param limit: the most bytes that the body may have.
    :raises RequestEntityTooLarge: the body is longer than that (413).
    """
    length: str = environ.get("CONTENT_LENGTH") or ""
    if "HTTP_TRANSFER_ENCODING" in environ or len(length) > 18 or not (length.isascii() and length.isdigit()):
        return None
    remaining = int(length)
    if limit is not None:
        if remaining > limit:
            raise RequestEntityTooLarge()
        limit -= remaining
    source: IO[bytes] = environ["wsgi.input"]
    terminated = "wsgi.input_terminated" in environ

    # PERF: werkzeug's LimitedStream copies each piece twice more (7.5 us for 128 kB, this 4.1 us).
    def read(size: int) -> bytes:
        nonlocal remaining, limit
        beyond = not remaining
        if beyond and not terminated:
            return b""
        try:
            data = source.read(size if beyond else min(size, remaining))
        except Exception as error:
            # Servers raise errors of their own, which derive from Exception only.
            raise ClientDisconnected() from error
        if beyond:
            # A server or middleware that has inflated the body may have left the length as it was.
            if limit is not None:
                limit -= len(data)
                if limit < 0:
                    raise RequestEntityTooLarge()
        elif data:
            remaining -= len(data)
        elif not terminated:
            raise ClientDisconnected()
        return data

    return read


def prepare_multipart(environ: WSGIEnvironment, limit: int | None) -> FormReader | None:
    """Returns a function that reads the form of a request whose headers are in the usual form, else None.

    The function takes ``open_stream``, ``max_field_size`` and ``max_parts`` of :func:`parse_multipart`, and reads the
    body straight from the server's stream, once. A malformed body is an empty form, as in werkzeug.

    :param limit: the most bytes that the body may have.
    :raises RequestEntityTooLarge: the body is longer than that (413).
    """
    boundary = plain_boundary(environ.get("CONTENT_TYPE", ""))
    if boundary is None:
        return None
    body = declared_body(environ, limit)
    if body is None:
        return None
    length = int(environ["CONTENT_LENGTH"])

    def parse(open_stream: TStreamFactory, max_field_size: int | None, max_parts: int | None) -> tuple[Fields, Files]:
        try:
            return parse_multipart(body, boundary, length, open_stream, max_field_size, max_parts)
        except ValueError:
            return {}, {}

    return parse


def parse_multipart(
    read: Callable[[int], bytes],
    boundary: bytes,
    content_length: int | None,
    open_stream: TStreamFactory,
    max_field_size: int | None,
    max_parts: int | None,
) -> tuple[Fields, Files]:
    """Returns the fields and the files of a body, which is read to its end.

    :param read: returns up to the given number of bytes of the body, and none at its end.
    :param boundary: the text between the parts, from the header ``Content-Type``.
    :param content_length: the size of the whole body in bytes if it is known; ``open_stream`` is told.
    :param open_stream: opens the stream that a file is written to, as werkzeug's ``Request._get_file_stream``.
    :param max_field_size: the most bytes that a part may have that is not a file.
    :param max_parts: the most parts, of either kind.
    :raises RequestEntityTooLarge: a limit is exceeded, or the headers of a part have more than 64 kB (413).
    :raises ValueError: the body is malformed. The streams that were opened are closed then, as after any error.

    >>> import io
    >>> body = io.BytesIO(b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--x--')
    >>> parse_multipart(body.read, b"x", None, SpooledTemporaryFile, 500_000, 1000)
    ({'a': ['1']}, {})
    """
    body = _Body(read, boundary)
    fields: Fields = {}
    files: Files = {}
    opened: list[IO[bytes]] = []
    count = 0
    try:
        body.skip_preamble()
        while not body.at_end:
            part = _read_part(body)
            count += 1
            if max_parts is not None and count > max_parts:
                raise RequestEntityTooLarge(f"The form has more than {max_parts} parts.")
            if part.filename is None:
                fields.setdefault(part.name, []).append(_read_field(body, part, max_field_size))
            else:
                opened.append(_open_for(part, open_stream, content_length))
                files.setdefault(part.name, []).append(_read_file(body, part, opened[-1]))
        body.skip_epilogue()
    except BaseException:
        for stream in opened:
            stream.close()
        raise
    return fields, files


class _Body:
    """A body on its way through the parser: the bytes that were read and are still needed, and how to get more.

    ``data`` from ``position`` on is what has not been used; ``ended`` tells that no more will come, and ``at_end``
    that the last delimiter has been passed.
    """

    def __init__(self, read: Callable[[int], bytes], boundary: bytes) -> None:
        if not 0 < len(boundary) <= MAX_BOUNDARY_SIZE or b"\n" in boundary or b"\r" in boundary:
            raise ValueError(f"The boundary of a form has to be a text of 1 to {MAX_BOUNDARY_SIZE} bytes on one line.")
        self.read = read
        self.delimiter = b"--" + boundary
        self.data = b""
        self.position = 0
        self.ended = False
        self.at_end = False

    def fetch(self, offset: int = 0) -> None:
        """Reads on, and forgets what stands before ``position``.

        :param offset: how many bytes of a content have been read; with what is read now they are a multiple of a block.
        :raises ValueError: there is no more, so the last delimiter is missing.
        """
        if self.ended:
            raise ValueError("The form ends before its last boundary.")
        # PERF: without an empty rest, joining a single piece does not copy it (1.2 us for 64 kB).
        pieces = [self.data[self.position :]] if self.position < len(self.data) else []
        # What is not needed any more must not take memory while the next piece is read.
        self.data = b""
        missing = CHUNK_SIZE - offset % min(BLOCK_SIZE, CHUNK_SIZE)
        # Always a full chunk: a client must not be able to make each search a search for one more byte.
        while missing > 0:
            piece = self.read(missing)
            if not piece:
                self.ended = True
                break
            pieces.append(piece)
            missing -= len(piece)
        self.data = b"".join(pieces)
        self.position = 0

    def skip_preamble(self) -> None:
        """Goes behind the first delimiter."""
        while True:
            self.fetch()
            self.position, after = self._find_delimiter(False)
            if after:
                self.position = after
                return

    def read_head(self) -> bytes:
        """Returns the lines before the next blank one, and goes to the line break that ends that."""
        searched = self.position
        while True:
            data = self.data
            blank = _BLANK_LINE.search(data, searched)
            # A CR at the end may be half of a CRLF.
            if blank is not None and (blank.end() < len(data) or self.ended or data.endswith(b"\n")):
                break
            if len(data) - self.position > MAX_HEAD_SIZE:
                raise RequestEntityTooLarge("The headers of a part of the form are too long.")
            searched = max(0, len(data) - self.position - 3)
            self.fetch()
        start, end = self.position, blank.start()
        if end - start > MAX_HEAD_SIZE:
            raise RequestEntityTooLarge("The headers of a part of the form are too long.")
        self.position = (end + blank.end()) // 2
        return data[start:end]

    def copy_content(self, write: Callable[[memoryview], object], limit: int | None) -> bytes | None:
        """Hands over the content of a part piece by piece, and goes behind the delimiter that ends it.

        :returns: the content, where all of it has been read already; nothing is written then.
        :raises RequestEntityTooLarge: there are more bytes than the limit (413).
        """
        # The line break before the content may also be the one before the delimiter: then there is no content.
        begin = self.position + (2 if self.data.startswith(b"\r\n", self.position) else 1)
        size = 0
        while True:
            end, after = self._find_delimiter(True)
            if end > begin:
                size += end - begin
                if limit is not None and size > limit:
                    raise RequestEntityTooLarge(f"A field of the form has more than {limit} bytes.")
            if after:
                self.position = after
                if size == end - begin:
                    return self.data[begin:end]
            if end > begin:
                # PERF: a view, because a slice would copy the bytes once more (1.1 us for 64 kB).
                write(memoryview(self.data)[begin:end])
            if after:
                return None
            begin = max(begin - end, 0)
            self.position = end
            self.fetch(size + len(self.data) - end)

    def _find_delimiter(self, in_content: bool) -> tuple[int, int]:
        """Looks for the next delimiter in what was read.

        :param in_content: whether it must stand at the start of a line.
        :returns: where what precedes it ends, and where the line that it is on ends; 0 for the latter where more has
            to be read to tell, and then the former is where to go on.
        """
        data, delimiter = self.data, self.delimiter
        found = data.find(delimiter, self.position)
        while found != -1:
            after = found + len(delimiter)
            end = _before_line_break(data, found)
            if end < found or not in_content:
                follower = data[after : after + 2]
                if follower == b"\r\n":
                    return end, after + 2
                if follower == b"--":
                    self.at_end = True
                    return end, after + 2
                if not self.ended and re.compile(_UNDECIDED).match(data, after):
                    if len(data) - after > MAX_HEAD_SIZE:
                        raise RequestEntityTooLarge("A boundary of the form is followed by too many blanks.")
                    return end, 0
                match = re.compile(_REST_OF_LINE).match(data, after)
                if match is not None:
                    return end, match.end()
            # A delimiter has no line break in it, so the next one at the start of a line cannot overlap this one.
            found = data.find(delimiter, after if in_content else found + 1)
        # The last bytes may be the start of a delimiter, with a line break of two bytes before it.
        rest = max(self.position, len(data) - len(delimiter) - 1)
        if not in_content:
            return rest, 0
        # PERF: to keep something back makes the next piece be copied (11 us), so it is only what can be that start.
        line = max(data.rfind(b"\n", rest), data.rfind(b"\r", rest)) + 1
        if line and delimiter.startswith(data[line:]):
            return _before_line_break(data, line), 0
        return len(data), 0

    def skip_epilogue(self) -> None:
        """Reads what follows the last delimiter, so that the connection can be used again, and drops it."""
        while not self.ended and self.read(CHUNK_SIZE):
            pass


def _before_line_break(data: bytes, position: int) -> int:
    """Returns where the line break starts that ends at the position; the position itself where there is none."""
    if position and data[position - 1] == _LF:
        return position - 2 if position > 1 and data[position - 2] == _CR else position - 1
    return position - 1 if position and data[position - 1] == _CR else position


def _read_field(body: _Body, part: _Part, limit: int | None) -> str:
    content = bytearray()
    whole = body.copy_content(content.extend, limit)
    return (content if whole is None else whole).decode(_charset_of(part.content_type), "replace")


def _open_for(part: _Part, open_stream: TStreamFactory, content_length: int | None) -> IO[bytes]:
    return open_stream(
        total_content_length=content_length,
        content_type=part.content_type,
        filename=part.filename,
        content_length=part.content_length,
    )


def _read_file(body: _Body, part: _Part, stream: IO[bytes]) -> FileStorage:
    if type(stream) is SpooledTemporaryFile:
        whole = body.copy_content(_writer_to(stream), None)
        if whole is not None:
            _fill(stream, whole)
    else:
        # Only a stream of the standard library is sure to take a view of bytes.
        whole = body.copy_content(lambda view: stream.write(bytes(view)), None)
        if whole:
            stream.write(whole)
    stream.seek(0)
    return FileStorage(stream, part.filename, part.name, headers=part.headers)


def _writer_to(stream: Any) -> Callable[[memoryview], object]:
    """Returns what writes to a ``SpooledTemporaryFile``."""

    def write(view: memoryview) -> None:
        # PERF: what is too large for the memory is not put there first (17 us for 512 kB).
        if 0 < stream._max_size < len(view):
            stream.rollover()
        stream.write(view)

    return write


def _fill(stream: Any, content: bytes) -> None:
    """Writes the whole content of a file to a ``SpooledTemporaryFile``."""
    small = not stream._max_size or len(content) <= stream._max_size
    file = stream._file
    if small and type(file) is BytesIO and not file.tell() and not file.getbuffer().nbytes:
        # PERF: a stream that is made of bytes shares them and does not copy them, nor does reading all of it: 6 us
        # for 64 kB.
        stream._file = BytesIO(content)
    else:
        _writer_to(stream)(memoryview(content))


class _Part:
    """What the headers of a part say."""

    # PERF: written out; making a named tuple or a dataclass takes 0.2 ms or more of the import.
    def __init__(
        self, headers: Headers, name: str, filename: str | None, content_type: str | None, content_length: int = 0
    ) -> None:
        self.headers = headers
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.content_length = content_length


def _read_part(body: _Body) -> _Part:
    """Reads the headers of a part, and goes to the line break that ends the blank line after them.

    :raises RequestEntityTooLarge: they have more than 64 kB (413).
    :raises ValueError: they are not UTF-8, or have no ``Content-Disposition``.
    """
    # PERF: 1.6 us; to look for the blank line and to read any headers takes 14 us.
    match = _USUAL_HEAD.match(body.data, body.position)
    if match is None or match.end() - body.position > MAX_HEAD_SIZE:
        return _read_any_part(body.read_head().decode())
    body.position = match.end() - 2
    disposition, name, filename, kind = match.groups()
    pairs = [("Content-Disposition", disposition.decode())]
    content_type = None
    if kind is not None:
        content_type = kind.decode().strip(" \t")
        pairs.append(("Content-Type", content_type))
    return _Part(_headers_of(pairs), name.decode(), None if filename is None else filename.decode(), content_type)


def _read_any_part(text: str) -> _Part:
    pairs: list[tuple[str, str]] = []
    for line in re.split(_LINE_BREAK, re.sub(_FOLD, " ", text)):
        line = line.strip(" \t")
        if line:
            name, _, value = line.partition(":")
            pairs.append((name.strip(" \t"), value.strip(" \t")))
    headers = _headers_of(pairs)
    disposition = headers.get("content-disposition")
    if disposition is None:
        raise ValueError("A part of the form has no header Content-Disposition.")
    parameters = parse_options_header(disposition)[1]
    length = headers.get("content-length", "")
    return _Part(
        headers,
        # As in werkzeug, a part without a name is kept under the name None.
        parameters.get("name"),  # type: ignore[arg-type]
        parameters.get("filename"),
        headers.get("content-type"),
        int(length) if len(length) < 19 and length.isascii() and length.isdigit() else 0,
    )


def _headers_of(pairs: list[tuple[str, str]]) -> Headers:
    # PERF: the constructor would look for line breaks in the values, where there are none (1.9 us to 0.2 us).
    headers = Headers.__new__(Headers)
    headers._list = pairs
    return headers


def _charset_of(content_type: str | None) -> str:
    """Returns the charset that a field is to be decoded with."""
    if content_type and "charset" in content_type.lower():
        charset = parse_options_header(content_type)[1].get("charset", "").lower()
        if charset in _CHARSETS:
            return charset
    return "utf-8"
