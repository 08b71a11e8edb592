"""Attacks with request bodies: more, larger, deeper or more tangled than a parser expects."""

from __future__ import annotations

import json
import logging
from typing import Any

from tests.security.world import (
    FORM,
    JSON,
    MULTIPART,
    Endless,
    World,
    advisory,
    multipart,
    part,
    post,
    quickly,
    send,
    sparingly,
)


def _form(request: Any) -> str:
    return f"{len(request.form)} fields, {len(request.files)} files"


# How much: parts, fields, memory.


@advisory(
    "Werkzeug CVE-2023-25577",
    "Starlette CVE-2023-30798",
    "Rack CVE-2023-27530",
    guard="MAX_FORM_PARTS counts fields and files alike; without it all 3,000 parts are read.",
    unguarded={"MAX_FORM_PARTS": None},
)
def more_parts_than_any_form_has(world: World) -> None:
    """The body has thousands of tiny parts, each of which costs time and memory."""
    reply, _ = post(world.reading(_form), MULTIPART, multipart(*[part()] * 3000))
    assert reply.status_code == 413


@advisory(
    "Django CVE-2023-24580",
    guard="MAX_FORM_PARTS counts files, so that no more than 1,000 can be open; without it there are 3,000.",
    unguarded={"MAX_FORM_PARTS": None},
)
def more_files_than_can_be_open(world: World) -> None:
    """The body has thousands of empty files, for each of which a stream is opened."""
    reply, _ = post(world.reading(_form), MULTIPART, multipart(*[part(filename=b"f")] * 3000))
    assert reply.status_code == 413


@advisory(
    "Werkzeug CVE-2024-49767",
    "Starlette CVE-2024-47874",
    "Rack CVE-2025-61771",
    guard="MAX_FORM_MEMORY_SIZE holds for the fields of multipart forms; without it the field is kept in memory.",
    unguarded={"MAX_FORM_MEMORY_SIZE": None},
)
def a_field_as_large_as_a_file(world: World) -> None:
    """A part without a file name is megabytes long, and all of it is kept in memory."""
    reply, _ = post(world.reading(_form), MULTIPART, multipart(part(data=b"a" * 3_000_000)))
    assert reply.status_code == 413


@advisory(
    "Rack CVE-2025-61919",
    guard="LIMIT_URLENCODED_FORMS applies the same limit to urlencoded forms; Flask reads them whole.",
    on_flask=True,
    unguarded={"LIMIT_URLENCODED_FORMS": False},
)
def a_urlencoded_form_without_end(world: World) -> None:
    """A urlencoded body of megabytes is read into memory and taken apart."""
    reply, _ = post(world.reading(_form), FORM, b"a=" + b"b" * 3_000_000)
    assert reply.status_code == 413


@advisory(
    "Rack CVE-2025-46727",
    "Rack CVE-2011-5036",
    guard="MAX_FORM_PARTS holds for urlencoded forms as well; Flask puts all fields into a dict.",
    on_flask=True,
    unguarded={"LIMIT_URLENCODED_FORMS": False},
)
def more_fields_than_any_form_has(world: World) -> None:
    """A urlencoded body has tens of thousands of fields, most of all costly to keep where they collide."""
    body = b"&".join(b"f%d=" % number for number in range(20_000))
    reply, _ = post(world.reading(_form), FORM, body)
    assert reply.status_code == 413


@advisory(
    "Rack CVE-2025-61770",
    guard="What stands before the first delimiter is dropped piece by piece; kept, it would be 12 MB.",
)
def a_preamble_that_fills_the_memory(world: World) -> None:
    """Megabytes stand before the first delimiter, and the parser keeps them while it looks for it."""
    body = b"p" * 12_000_000 + b"\r\n" + multipart(part())
    app = world.reading(_form)
    reply, answer = sparingly(lambda: post(app, MULTIPART, body), 3_000_000)
    assert reply.status_code in (200, 400, 413), answer


@advisory(
    "Rack CVE-2025-61772",
    guard="The head of a part has at most 64 kB; without that limit it would be kept until its end comes.",
)
def a_head_of_a_part_that_never_ends(world: World) -> None:
    """The headers of a part are never ended by an empty line, and the parser waits with all of it in memory."""
    stream = Endless(b"--x\r\n", b"X-Header: " + b"a" * 500 + b"\r\n", 8_000_000)
    app = world.reading(_form)
    environ: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": str(12_000_000)}
    reply, _ = send(app, method="POST", headers={"Content-Type": MULTIPART}, **environ)
    assert reply.status_code in (400, 413)
    assert stream.given <= 1_000_000


@advisory(
    "Rack CVE-2026-34829",
    guard="MAX_CONTENT_LENGTH counts what really comes; Flask has no such limit unless it is set.",
    on_flask=True,
    unguarded={"MAX_CONTENT_LENGTH": None},
)
def a_chunked_upload_without_end(world: World) -> None:
    """A file is sent in chunks, without a Content-Length, until the disk is full."""
    start = multipart(part(filename=b"f"), end=b"")[:-2]
    environ: dict[str, Any] = {"wsgi.input": Endless(start, b"a" * 65536, 24_000_000), "wsgi.input_terminated": True}
    headers = {"Content-Type": MULTIPART, "Transfer-Encoding": "chunked"}
    reply, _ = send(world.reading(_form), method="POST", headers=headers, **environ)
    assert reply.status_code == 413


# How tangled: time.


@advisory(
    "Werkzeug CVE-2023-46136",
    guard="The parser looks at each byte once; the old one searched its whole buffer again with every piece.",
)
def a_file_that_begins_with_a_line_break(world: World) -> None:
    """A file begins with CR and has no other line break, so that each piece is searched again and again."""
    body = multipart(part(filename=b"f", data=b"\r" + b"a" * 4_000_000))
    reply, _ = quickly(lambda: post(world.reading(_form), MULTIPART, body))
    assert reply.status_code == 200


@advisory(
    "python-multipart CVE-2024-53981",
    guard="Preamble and epilogue are skipped in pieces and not by byte, and nothing is logged about them.",
)
def line_breaks_around_the_parts(world: World) -> None:
    """Megabytes of line breaks stand before the first and after the last delimiter, and are skipped one by one."""
    body = b"\r\n" * 1_000_000 + multipart(part()) + b"\r\n" * 1_000_000
    app = world.reading(_form)
    reply, _ = quickly(lambda: post(app, MULTIPART, body))
    assert reply.status_code in (200, 400, 413)


@advisory(
    "FastAPI CVE-2024-24762",
    "Rack CVE-2024-25126",
    guard="Content-Type is taken apart in linear time; an expression with nested repetition never ended.",
)
def a_content_type_that_backtracks(world: World) -> None:
    """Content-Type has an option of tens of thousands of blanks, backslashes or quotes."""
    app = world.reading(lambda request: f"{request.mimetype_params} {_form(request)}")
    for filling in (" ", "\\", '"', ";", "=", '\\"', " ;", "a=", '; a="', "*0"):
        kind = 'multipart/form-data; !="' + filling * (60_000 // len(filling))
        reply, _ = quickly(lambda: post(app, kind, b"a=1"))
        assert reply.status_code in (200, 400, 413)


@advisory(
    "Rack CVE-2022-44571",
    "Rack CVE-2025-49007",
    "Rack CVE-2026-34827",
    guard="The head of a part is taken apart in linear time; with rescanning, 200 of them took minutes.",
)
def a_content_disposition_that_backtracks(world: World) -> None:
    """Parts have a name of nothing but escapes, quotes or blanks, which is scanned anew for each of them."""
    for filling in (b"\\\\", b'\\"', b" ", b";", b"=", b"a\\", b'"; a="', b"*", b"%41"):
        head = b'Content-Disposition: form-data; name="' + filling * (20_000 // len(filling)) + b'"\r\n\r\n1'
        reply, _ = quickly(lambda: post(world.reading(_form), MULTIPART, multipart(*[head] * 20)))
        assert reply.status_code in (200, 400, 413)


@advisory(
    "Rack CVE-2012-6109",
    guard="An option that is not one ends the header's options; an expression that matched nothing went on for ever.",
)
def a_content_disposition_without_end(world: World) -> None:
    """The options of a Content-Disposition are malformed so that the parser makes no progress."""
    for head in (b"form-data;", b"form-data; =", b'form-data; name="', b"form-data; name=;;;=", b'form-data; name="\\'):
        body = multipart(b"Content-Disposition: " + head + b"\r\n\r\n1")
        reply, _ = quickly(lambda: post(world.reading(_form), MULTIPART, body), 0.5)
        assert reply.status_code in (200, 400)


@advisory(
    "Rack CVE-2022-44572",
    guard="A boundary of more than 256 bytes is refused; Flask looks for one of any length.",
    on_flask=True,
)
def a_boundary_that_is_costly_to_find(world: World) -> None:
    """The boundary is thousands of bytes long and the body nearly has it at each of its bytes."""
    boundary = "-" * 6000
    body = b"-" * 6_000_000
    kind = f"multipart/form-data; boundary={boundary}x"
    reply, _ = quickly(lambda: post(world.reading(_form), kind, body))
    assert reply.status_code in (200, 400, 413)


@advisory(
    "Rack CVE-2022-30122",
    guard="A body that breaks off in the head of a part is no form, and is not scanned once more.",
)
def a_part_that_breaks_off(world: World) -> None:
    """The body breaks off within the headers of a part that are full of what looks like an end."""
    body = b"--x\r\n" + b'Content-Disposition: form-data; name="a"\r\n ' * 1400
    reply, _ = quickly(lambda: post(world.reading(_form), MULTIPART, body))
    assert reply.status_code in (200, 400, 413)


@advisory(
    "Django CVE-2022-23833",
    guard="Content-Transfer-Encoding is not looked at, as RFC 7578 wants it; decoding it could go on for ever.",
)
def a_transfer_encoding_that_decodes_to_nothing(world: World) -> None:
    """A file says that it is base64 and is not, so that decoding makes no progress."""
    body = multipart(part(filename=b"f", data=b"====" * 9, more=b"\r\nContent-Transfer-Encoding: base64"))
    app = world.reading(lambda request: request.files["a"].read())
    reply, answer = quickly(lambda: post(app, MULTIPART, body), 0.5)
    assert (reply.status_code, answer) == (200, b"====" * 9)


@advisory(
    "aiohttp CVE-2024-30251",
    guard="The end of the stream ends the parsing with 400; a reader that waited for more looped.",
)
def a_form_that_ends_too_soon(world: World) -> None:
    """The body ends at any of its bytes, and the parser goes on to read what never comes."""
    whole = multipart(part(), part(filename=b"f", data=b"\r\n--"), end=b"--x--")
    app = world.reading(_form)
    for end in range(len(whole) - 5):
        reply, _ = quickly(lambda: post(app, MULTIPART, whole[:end]), 0.5)
        assert reply.status_code in (200, 400)


@advisory(
    "Tornado CVE-2025-47287",
    guard="A malformed part ends the parsing with one 400; a warning for each part would fill the log.",
)
def a_form_that_fills_the_log(world: World) -> None:
    """Each of thousands of parts is malformed, and each is worth a line in the log."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    setattr(handler, "emit", records.append)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        reply, _ = post(world.reading(_form), MULTIPART, multipart(*[b"broken\r\n\r\n1"] * 900))
    finally:
        root.removeHandler(handler)
    assert reply.status_code in (200, 400)
    assert len(records) <= 1


# How it is understood.


@advisory(
    "Rack CVE-2025-59830",
    "Bottle CVE-2020-28473",
    "Tornado CVE-2020-28476",
    "Django CVE-2021-23336",
    guard="Only & separates fields, as in the standard and in caches; a semicolon would hide a field from them.",
)
def fields_that_a_cache_does_not_see(world: World) -> None:
    """A semicolon separates fields, so that a cache in front sees one field and the application two."""
    app = world.reading(lambda request: sorted(request.values.items()))
    _, answer = send(app, query="utm=1;callback=evil&q=2")
    assert answer == repr([("q", "2"), ("utm", "1;callback=evil")]).encode()
    _, answer = post(app, FORM, b"utm=1;callback=evil")
    assert answer == repr([("utm", "1;callback=evil")]).encode()


@advisory(
    "Rack CVE-2015-3225",
    guard="Names with brackets are plain names; taking them as nested values recursed once for each bracket.",
)
def names_that_nest(world: World) -> None:
    """A field's name has thousands of pairs of brackets, each of which is taken as one more level."""
    query = "a" + "[b]" * 15_000 + "=1"
    reply, answer = send(world.reading(lambda request: len(next(iter(request.args)))), query=query)
    assert (reply.status_code, answer) == (200, b"45001")


@advisory(
    "Rack CVE-2026-26961",
    guard="A Content-Type with two boundaries is refused; Flask goes by the last, and a filter may go by the first.",
    on_flask=True,
)
def two_boundaries(world: World) -> None:
    """Content-Type names two boundaries, so that a filter in front reads other parts than the application."""
    body = b"--good\r\n" + part(b"seen") + b"\r\n--bad\r\n" + part(b"hidden") + b"\r\n--bad--\r\n--good--\r\n"
    app = world.reading(lambda request: sorted(request.form))
    reply, answer = post(app, "multipart/form-data; boundary=good; boundary=bad", body)
    assert reply.status_code == 400 or b"'hidden'" not in answer


@advisory(
    "Rack CVE-2026-26962",
    guard="Folded lines are put together without their line break; kept, it would end a header of the response.",
)
def a_file_name_with_a_line_break(world: World) -> None:
    """The file name of an upload is folded over two lines, and goes into a header of the response."""
    app = world.reading(lambda request: request.files["a"].filename)
    body = multipart(part(filename=b"a\r\n Set-Cookie: b=c"))
    reply, answer = post(app, MULTIPART, body)
    assert reply.status_code in (200, 400)
    assert b"\r" not in answer
    assert b"\n" not in answer


@advisory(
    "Flask CVE-2018-1000656",
    guard="JSON is UTF-8, -16 or -32 by its first bytes, else 400; guessing among all encodings took the memory.",
)
def json_in_another_encoding(world: World) -> None:
    """JSON comes in an encoding that is not one of JSON's, and the application tries to guess it."""
    app = world.reading(lambda request: request.get_json())
    for encoding in ("utf-16", "utf-32", "utf-16-be", "cp037", "utf-7", "latin-1"):
        body = json.dumps({"key": "\u00e9" * 200_000}, ensure_ascii=False).encode(encoding)
        reply, _ = quickly(lambda: post(app, JSON, body), 1.0)
        assert reply.status_code in (200, 400)


@advisory(
    "Flask CVE-2019-1010083",
    guard="The charset that the client names for JSON is not used; a codec that makes no text would fail or unpack.",
)
def json_that_names_its_codec(world: World) -> None:
    """Content-Type names a codec of Python that is slow or unpacks, and JSON is decoded by it."""
    app = world.reading(lambda request: request.get_json())
    for codec in ("idna", "zlib_codec", "bz2_codec", "unicode_escape", "punycode"):
        reply, answer = quickly(lambda: post(app, f"{JSON}; charset={codec}", b'{"a":"' + b"b" * 300_000 + b'"}'), 1.0)
        assert reply.status_code == 200
        assert len(answer) > 300_000


@advisory(
    "Bottle CVE-2014-3137",
    guard="The media type is what stands before the first semicolon; another one behind it does not count.",
)
def a_media_type_behind_another(world: World) -> None:
    """Content-Type is one that browsers send to other sites freely, followed by a semicolon and JSON's."""
    app = world.reading(lambda request: request.get_json())
    reply, _ = post(app, "text/plain;application/json", b'{"a": 1}')
    assert reply.status_code == 415


@advisory(
    "FastAPI CVE-2021-32677",
    guard="JSON is read only where the media type is JSON; else a form of another site could send it.",
)
def json_as_plain_text(world: World) -> None:
    """A page of another site sends JSON as text/plain, for which browsers do not ask first."""
    app = world.reading(lambda request: request.get_json())
    for kind in ("text/plain", FORM, MULTIPART, ""):
        reply, _ = post(app, kind, b'{"a": 1}')
        assert reply.status_code == 415
