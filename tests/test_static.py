"""Files: the headers and bodies are Flask's, the paths stay in their folder, and no file stays open."""

from __future__ import annotations

import gc
import io
import mimetypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import werkzeug.utils
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import FileWrapper

from costrel import App, static
from costrel.response import Response
from costrel.static import _media_type, _name, add_static_route, send_file, send_from_directory, send_static
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = {
    "app.css": b"body { color: red }",
    "index.html": b"<h1>hello</h1>",
    "data.json": b"{}",
    "archive.tar.gz": b"archive",
    "page.html.gz": b"page",
    "picture.svgz": b"picture",
    "UPPER.CSS": b"upper",
    "noextension": b"plain",
    "empty.txt": b"",
    ".hidden": b"hidden",
    "strange name.txt": b"space",
    "ünïcode.txt": b"unicode",
    "a;b.txt": b"semicolon",
    "x.unknown": b"unknown",
    "long.bin": bytes(range(256)) * 400,
    "sub/inner.js": b"let a = 1",
}
MODIFIED = 1_700_000_000.123456


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind, all changed at one time."""
    folder = tmp_path_factory.mktemp("site") / "static"
    (folder / "sub").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (MODIFIED, MODIFIED))
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def site(folder: Path) -> App:
    """An application with the folder as its static folder."""
    return App("site", root_path=str(folder.parent), static_folder="static")


@pytest.fixture
def context(site: App) -> Iterator[dict[str, Any]]:
    """The environ of a request of the application that is being handled."""
    environ = make_environ("/")
    with site.request_context(environ):
        yield environ


PROGRAM = """
import time, zlib
from datetime import timedelta
app = App("site", root_path={root!r}, static_folder="static")

@app.get("/download/<path:name>")
def download(name):
    return framework.send_from_directory("static", name, as_attachment=True)

@app.get("/named/<path:name>")
def named(name):
    return framework.send_file("static/" + name, download_name="näme.txt", mimetype="text/plain", etag="own", max_age=5)

@app.get("/plain/<path:name>")
def plain(name):
    return framework.send_file("static/" + name)

@app.get("/unconditional/<path:name>")
def unconditional(name):
    return framework.send_file("static/" + name, conditional=False, etag=False, last_modified=1e9, max_age=lambda p: 7)

result = []
for settings in ({{}}, {{"SEND_FILE_MAX_AGE_DEFAULT": 60}}, {{"SEND_FILE_MAX_AGE_DEFAULT": timedelta(hours=1)}},
                 {{"SEND_FILE_MAX_AGE_DEFAULT": 0}}, {{"USE_X_SENDFILE": True}}):
    app.config.update({{"SEND_FILE_MAX_AGE_DEFAULT": None, "USE_X_SENDFILE": False, **settings}})
    client = app.test_client()
    for path in {paths!r} if not settings else ["/static/app.css", "/static/long.bin", "/plain/app.css"]:
        etag = client.get(path).headers.get("ETag", "")
        for method in ("GET", "HEAD"):
            for headers in (
                {{}}, {{"If-None-Match": etag}}, {{"If-None-Match": "W/" + etag}}, {{"If-None-Match": "*"}},
                {{"If-None-Match": '"other"'}}, {{"If-None-Match": '"other", ' + etag}}, {{"If-Match": etag}},
                {{"If-Match": '"other"'}}, {{"If-Match": '"other"', "If-None-Match": etag}},
                {{"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}},
                {{"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}}, {{"If-Modified-Since": "nonsense"}},
                {{"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT", "If-None-Match": etag}},
                {{"Range": "bytes=1-3"}}, {{"Range": "bytes=-2"}}, {{"Range": "bytes=900000-"}}, {{"Range": "x"}},
                {{"Range": "bytes=1-3", "If-Range": etag}}, {{"Range": "bytes=1-3", "If-None-Match": etag}},
            ):
                reply = client.open(path, method=method, headers=headers)
                left_out = ("Date", "Expires", "X-Content-Type-Options")
                seen = [pair for pair in reply.headers.items() if pair[0] not in left_out]
                dates = sorted(name for name, _ in reply.headers.items() if name in ("Date", "Expires"))
                result.append([path, method, str(headers), reply.status, seen, dates, zlib.crc32(reply.data)])
                reply.close()
"""


def test_replies_are_flasks(folder: Path) -> None:
    """Every kind of file, under every condition and setting, gets the status, headers and body that Flask sends."""
    paths = [f"/static/{name}" for name in FILES]
    paths += ["/static/none.txt", "/static/sub", "/static/", "/static/../secret.txt", "/static/sub/../app.css"]
    paths += ["/static/app.css/x", "/static/" + "x" * 300, "/static/a%00b", "/static/%2e%2e/secret.txt"]
    paths += [
        f"/{view}/{name}"
        for view in ("download", "named", "plain", "unconditional")
        for name in ("app.css", "long.bin")
    ]
    found = assert_same_as_flask(PROGRAM.format(root=str(folder.parent), paths=paths))
    statuses = {reply[3].split()[0] for reply in found}
    assert statuses == {"200", "206", "304", "404", "412", "416"}


@given(
    st.from_regex(r"[aBgzt_-][aBgzt._-]{0,7}", fullmatch=True)
    | st.sampled_from([*FILES, "a.tgz", "b.JS", "c.Z", "d.tar.xz"])
)
def test_media_type_is_the_standard_librarys(name: str) -> None:
    """The media type and encoding of a name are those of ``mimetypes.guess_type``."""
    if _name(name)[0]:
        assert _media_type(*_name(f"/folder.js/{name}")) == _media_type(*_name(name)) == mimetypes.guess_type(name)


NUMBERS = st.sampled_from(
    ["", "0", "1", "13", "16", "17", "18", "99", "102399", "102400", "9" * 18, "9" * 19, "x", "-1"]
)
RANGES = st.builds("bytes={}-{}".format, NUMBERS, NUMBERS) | st.sampled_from(
    [
        "",
        "bytes=",
        "bytes=1",
        "bytes=0-1,3-4",
        "BYTES=0-1",
        " bytes = 0 - 1 ",
        "bytes=\uff11-\uff12",
        "lines=0-1",
        "bytes=2-2\n",
    ]
)
CONDITIONS = st.sampled_from(
    (
        *({}, {}, {}, {"HTTP_IF_RANGE": "{etag}"}, {"HTTP_IF_RANGE": '"other"'}, {"HTTP_IF_RANGE": "W/{etag}"}),
        *({"HTTP_IF_RANGE": "Tue, 14 Nov 2023 22:13:20 GMT"}, {"HTTP_IF_RANGE": ""}, {"HTTP_IF_MATCH": '"other"'}),
        *({"HTTP_IF_NONE_MATCH": "{etag}"}, {"HTTP_IF_NONE_MATCH": '"other"'}, {"HTTP_IF_UNMODIFIED_SINCE": "x"}),
        {"HTTP_IF_MODIFIED_SINCE": "Tue, 14 Nov 2023 22:13:20 GMT"},
    )
)


@given(st.sampled_from(["app.css", "empty.txt", "long.bin", "page.html.gz"]), RANGES, CONDITIONS, st.booleans())
def test_parts_of_files(folder: Path, name: str, wanted: str, conditions: dict[str, str], head: bool) -> None:
    """What is asked for as a part of a file is answered as werkzeug's function answers it."""
    site = App("site", root_path=str(folder.parent), static_folder="static")
    etag = call(site, make_environ(f"/static/{name}", method="HEAD")).header("ETag")
    environ = make_environ(f"/static/{name}", method="HEAD" if head else "GET")
    environ.update({key: value.format(etag=etag) for key, value in conditions.items()}, HTTP_RANGE=wanted)
    ours = call(site, dict(environ))
    with mock.patch.object(static, "_send_at_once", return_value=None):
        theirs = call(site, dict(environ))
    assert ours.status == theirs.status
    assert [pair for pair in ours.headers if pair[0] != "Date"] == [
        pair for pair in theirs.headers if pair[0] != "Date"
    ]
    assert ours.read() == theirs.read()


@pytest.mark.parametrize(("wanted", "shipped"), [("bytes=1-3", False), ("bytes=50000-", False), ("bytes=1-", True)])
def test_small_part_is_read_at_once(
    context: dict[str, Any], folder: Path, wanted: str, shipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small part of a file is read without the rest of it; a large one is left to werkzeug."""
    asked: list[object] = []

    def send_whole(*arguments: object, **options: object) -> Response:
        asked.append(arguments)
        return Response()

    monkeypatch.setattr(werkzeug.utils, "send_file", send_whole)
    context["HTTP_RANGE"] = wanted
    response = send_static(str(folder), "long.bin", None)
    assert bool(asked) is shipped
    if not shipped:
        assert response.status_code == 206
        assert len(response.response[0]) == response.content_length  # type: ignore[index]


def test_media_types_can_be_added(site: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A media type that is registered late holds for files that were served before."""
    with site.test_request_context():
        assert send_static(str(folder), "x.unknown", None).mimetype == "application/octet-stream"
        monkeypatch.setitem(mimetypes.types_map, ".unknown", "text/x-known")
        assert send_static(str(folder), "x.unknown", None).content_type == "text/x-known; charset=utf-8"


def test_media_types_are_loaded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of the system are read before the first name is looked up."""
    monkeypatch.setattr(mimetypes, "inited", False)
    assert _media_type(*_name("a.css")) == ("text/css", None)
    assert mimetypes.inited


def test_small_file_is_not_kept_open(context: dict[str, Any], folder: Path) -> None:
    """A small file is read at once, and still counts as passed through for hooks that ask."""
    response = send_static(str(folder), "app.css", None)
    assert response.response == [FILES["app.css"]]
    assert response.direct_passthrough


def test_servers_file_wrapper(site: App, folder: Path) -> None:
    """A long file goes out in the server's own file wrapper, which the server gets itself."""

    class Wrapper(FileWrapper):
        pass

    reply = call(site, {**make_environ("/static/long.bin"), "wsgi.file_wrapper": Wrapper})
    with site.request_context({**make_environ("/"), "wsgi.file_wrapper": Wrapper}) as current:
        response = send_static(str(folder), "long.bin", None)
        sent = response(current.environ, lambda status, headers: None)  # type: ignore[arg-type]
    assert type(sent) is Wrapper
    sent.close()
    assert reply.read() == FILES["long.bin"]


@pytest.mark.parametrize("name", ["long.bin", "app.css"])
def test_head_opens_no_file(site: App, name: str) -> None:
    """A HEAD request for a file gets its length and reads nothing."""
    reply = call(site, make_environ(f"/static/{name}", method="HEAD"))
    assert reply.header("Content-Length") == str(len(FILES[name]))
    assert reply.read() == b""


def test_file_that_changes_meanwhile(
    context: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that grows between the look at its size and the reading is sent by the long way, with its new size."""
    path = tmp_path / "log.txt"
    path.write_text("one")
    sizes = iter([3])
    real = os.fstat

    def look(descriptor: int) -> Any:
        result = real(descriptor)
        if next(sizes, None):
            path.write_text("one two")
        return result

    monkeypatch.setattr(os, "fstat", look)
    response = send_static(str(tmp_path), "log.txt", None)
    assert response.content_length == 7
    response.direct_passthrough = False
    assert response.get_data() == b"one two"
    response.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_no_file(context: dict[str, Any], tmp_path: Path) -> None:
    """A named pipe is not found, and nobody waits for what may be written to it."""
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(NotFound):
        send_static(str(tmp_path), "pipe.txt", None)


@pytest.mark.parametrize("wanted", [None, "bytes=1-3", "bytes=1-2,4-5", "bytes=999999-"])
@pytest.mark.parametrize("name", ["app.css", "long.bin", "sub", "none.txt"])
def test_no_file_stays_open(site: App, name: str, wanted: str | None) -> None:
    """Whatever a request asks for, no file is open after it."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("the system does not tell which files are open")
    before = os.listdir("/proc/self/fd")
    environ = make_environ(f"/static/{name}", headers={} if wanted is None else {"Range": wanted})
    assert call(site, environ).read() is not None
    assert os.listdir("/proc/self/fd") == before


def test_file_that_is_gone_once_open(site: App, folder: Path) -> None:
    """A file of a network's file system that has gone stale is closed, and left to the long way."""
    with (
        site.test_request_context(),
        mock.patch.object(os, "fstat", side_effect=OSError("stale")) as look,
        mock.patch.object(os, "close", side_effect=os.close) as close,
    ):
        assert static._send_at_once(str(folder / "app.css"), None) is None
    assert close.call_args == look.call_args


@pytest.mark.parametrize("kind", [OSError, ValueError])
def test_errors_of_the_application_are_its_own(site: App, folder: Path, kind: type[Exception]) -> None:
    """An error of ``get_send_file_max_age`` is not taken for one of the file."""

    class Broken(App):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            raise kind("mine")

    app = Broken("site", root_path=str(folder.parent), static_folder="static")
    with app.test_request_context(), pytest.raises(kind, match="mine"):
        send_static(str(folder), "app.css", None)


@given(st.integers(0, 20), st.integers(0, 20))
def test_reading_without_pread(folder: Path, start: int, length: int) -> None:
    """Where the system cannot read at a place at once, the same is read."""
    with open(folder / "app.css", "rb") as file:
        found = static._seek_and_read(file.fileno(), length, start)
        assert found == static._read_at(file.fileno(), length, start) == FILES["app.css"][start : start + length]


@pytest.mark.parametrize("name", ["none.txt", "../secret.txt", "sub", "", "/etc/passwd", "a\x00b"])
def test_not_found(context: dict[str, Any], folder: Path, name: str) -> None:
    """What is no file below the folder is 404."""
    with pytest.raises(NotFound):
        send_static(str(folder), name, None)
    for directory in ("static", folder):
        with pytest.raises(NotFound):
            send_from_directory(directory, name)


def test_own_response_class(site: App, folder: Path) -> None:
    """A response class of the application's own is made by werkzeug's function, with all that it overrides."""

    class Own(Response):
        def set_etag(self, etag: str, weak: bool = False) -> None:
            super().set_etag("own", weak)

    site.response_class = Own
    with site.test_request_context():
        response = send_static(str(folder), "app.css", None)
    assert type(response) is Own
    assert response.get_etag() == ("own", False)
    response.close()


def test_max_age_of_the_application(site: App, folder: Path) -> None:
    """Where no age is given the application is asked, with the path of the file."""
    asked: list[Any] = []

    def max_age(filename: str | None) -> int:
        asked.append(filename)
        return 5

    site.get_send_file_max_age = max_age  # type: ignore[method-assign]
    with site.test_request_context():
        assert send_static(str(folder), "app.css", None).cache_control.max_age == 5
        response = send_static(str(folder), "a;b.txt", None)
        assert response.cache_control.max_age == 5
        response.close()
    assert asked == [str(folder / "app.css"), str(folder / "a;b.txt")]


def test_open_file(context: dict[str, Any]) -> None:
    """A binary file object is sent, under the name that is given; a text file is refused."""
    response = send_file(io.BytesIO(b"made"), mimetype="text/plain", download_name="a.txt", as_attachment=True)
    assert response.headers["Content-Disposition"] == "attachment; filename=a.txt"
    response.direct_passthrough = False
    assert response.get_data() == b"made"
    with pytest.raises(ValueError, match="binary"):
        send_file(io.StringIO("text"), mimetype="text/plain")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name"):
        send_file(io.BytesIO(b""))


@pytest.mark.parametrize("path", ["none.txt", "static/none.txt"])
def test_missing_file_of_the_programmers(context: dict[str, Any], path: str) -> None:
    """A path in the program that does not exist is the program's error, not a 404."""
    with pytest.raises(FileNotFoundError):
        send_file(path)


def test_post_is_unconditional(site: App, folder: Path) -> None:
    """A view for POST may answer with a file, which is sent in full."""
    with site.test_request_context(method="POST", headers={"If-None-Match": "*"}) as current:
        response = send_file(str(folder / "app.css"))
        expected: Any = werkzeug.utils.send_file(str(folder / "app.css"), current.environ)
        assert response.status_code == 200
        assert list(response.headers) == [pair for pair in expected.headers if pair[0] != "Date"]
        response.close()
        expected.close()


def test_outside_a_request(folder: Path) -> None:
    """Without a request the error says what is missing."""
    with pytest.raises(RuntimeError, match="request context"):
        send_file(str(folder / "app.css"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../a.txt", "attachment; filename=.._a.txt"),
        ("a\r\nX-Evil: 1.txt", 'attachment; filename="a__X-Evil: 1.txt"'),
        ("cod\u202etxt.exe", "attachment; filename=cod_txt.exe"),
        ('a".txt', 'attachment; filename="a\\".txt"'),
    ],
)
def test_names_of_downloads_are_cleaned(app: App, name: str, expected: str) -> None:
    """A name that a user has given cannot break the header or mislead whoever saves the file."""
    with app.test_request_context():
        response = send_file(io.BytesIO(b"x"), mimetype="text/plain", download_name=name, as_attachment=True)
        assert response.headers["Content-Disposition"] == expected


def test_the_name_of_the_file_itself_is_cleaned(app: App, tmp_path: Path) -> None:
    """A file whose name has a line break can be downloaded."""
    (tmp_path / "a\nb.txt").write_bytes(b"content")
    with app.test_request_context():
        response = send_file(tmp_path / "a\nb.txt")
        assert response.headers["Content-Disposition"] == "inline; filename=a_b.txt"
        response.close()


def test_add_static_route() -> None:
    """Without a folder of static files there is no route; with one there is one that ends with the application."""
    app = App("shop", static_folder=None)
    add_static_route(app, None, False)
    assert list(app.url_map.iter_rules()) == []
    app.static_folder = "static"
    add_static_route(app, None, False)
    view = app.view_functions["static"]
    assert [rule.rule for rule in app.url_map.iter_rules()] == ["/static/<path:filename>"]
    del app
    gc.collect()
    with pytest.raises(RuntimeError, match="is gone"):
        view("style.css")
