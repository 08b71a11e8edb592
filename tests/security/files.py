"""Attacks on files that are served: out of the folder, into a device, or whole into the memory."""

from __future__ import annotations

import contextlib
import ntpath
import os
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from werkzeug import security

from tests.security.world import World, advisory, send, sparingly


@contextlib.contextmanager
def _served(world: World) -> Iterator[tuple[Any, Path]]:
    """Gives an application that serves a folder in two ways, and the folder around it, which has a secret."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path in ("static/public.txt", "secret.txt", "static_backup/secret.txt", "static/sub/a.txt", "index.html"):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text("classified" if "secret" in path or "index" in path else "public")
        app = world.app_class("served", root_path=name, static_folder="static")
        app.config.update(world.settings)
        app.logger.disabled = True
        app.add_url_rule(
            "/files/<path:rest>", "files", lambda rest: world.framework.send_from_directory(root / "static", rest)
        )
        yield app, root


def _check_refused(app: Any, paths: list[str]) -> None:
    assert send(app, "/static/public.txt")[1] == b"public"
    for prefix in ("/static/", "/files/"):
        for path in paths:
            reply, body = send(app, prefix + path)
            assert reply.status_code in (400, 404, 308), f"{prefix}{path} is {reply.status}"
            assert b"classified" not in body


#: Every way to write a step upwards, also those that a server or an application might decode twice.
UPWARDS = [
    "../secret.txt", "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
    "..\\secret.txt", "..%5csecret.txt", "sub/../../secret.txt", "./../secret.txt", "....//secret.txt",
    "..;/secret.txt", ".%00./secret.txt", "..//secret.txt", "//../secret.txt", "..\u2215secret.txt",
    "\uff0e\uff0e/secret.txt", "..%c0%afsecret.txt", "%252e%252e%252fsecret.txt", "..",
]  # fmt: skip


@advisory(
    "Sanic CVE-2017-16762",
    "aiohttp CVE-2024-23334",
    "Django CVE-2009-2659",
    "Rack CVE-2013-0262",
    "Rack CVE-2025-27610",
    "Sinatra CVE-2022-29970",
    guard="safe_join refuses what leads out of the folder; joined blindly, the secret next to it is served.",
)
def a_step_upwards(world: World) -> None:
    """The path of a static file steps upwards, written plainly or encoded in any way."""
    with _served(world) as (app, _):
        _check_refused(app, UPWARDS)


@advisory(
    "Starlette CVE-2023-29159",
    "Rack CVE-2026-22860",
    "Sanic CVE-2022-35920",
    guard="The path is joined and not compared by its beginning, which a sister folder shares.",
)
def a_sister_folder(world: World) -> None:
    """The path leads to a folder next to the served one, whose name begins with the same text."""
    with _served(world) as (app, _):
        _check_refused(app, [step + "_backup/secret.txt" for step in ("../static", "..%2fstatic", "sub/../../static")])


@advisory(
    "Pyramid CVE-2023-40587",
    guard="A path with NUL leads to no file; normalised on some Pythons, it ended there and led upwards.",
)
def a_path_with_nul(world: World) -> None:
    """A NUL byte cuts the path off where it is normalised, so that the check sees another path."""
    with _served(world) as (app, _):
        _check_refused(
            app, ["..\x00", "../index.html\x00", "\x00../index.html", "sub/..\x00/../index.html", "..\x00/a"]
        )


@contextlib.contextmanager
def _as_on_windows() -> Iterator[None]:
    """Makes ``safe_join`` believe that it runs on Windows."""
    system = types.SimpleNamespace(**{**vars(os), "name": "nt", "path": ntpath, "sep": "\\", "altsep": "/"})
    with mock.patch.object(security, "os", system), mock.patch.object(security, "_os_alt_seps", ["\\"]):
        yield


def _joined(world: World, paths: list[str]) -> None:
    """Asserts that none of the paths is accepted below a folder on Windows, and that a harmless one is."""
    app = world.app()
    with _as_on_windows(), app.test_request_context():
        from werkzeug.exceptions import NotFound  # here so that it is that of this world

        for path in paths:
            assert security.safe_join("files", path) is None, path
            try:
                world.framework.send_from_directory("files", path)
            except NotFound:
                continue
            raise AssertionError(f"{path!r} was served")
        assert security.safe_join("files", "a/b.txt") is not None


@advisory(
    "Werkzeug CVE-2019-14322",
    guard="A drive's name makes a path absolute; joined, it would replace the folder.",
)
def a_drive(world: World) -> None:
    """On Windows the path names a drive, which replaces the folder that it is joined to."""
    _joined(world, ["C:/Windows/win.ini", "c:\\Windows\\win.ini"])


@advisory(
    "Werkzeug CVE-2024-49766",
    guard="A path of two slashes is absolute; on Windows it names another computer.",
)
def a_path_on_another_computer(world: World) -> None:
    """On Windows the path begins with two slashes and names a file on a computer of the attacker."""
    _joined(world, ["//server/share/a.txt", "\\\\server\\share\\a.txt", "/a.txt"])


@advisory(
    "Werkzeug CVE-2025-66221",
    guard="Names of devices are refused; reading such a file never ends.",
)
def a_device(world: World) -> None:
    """On Windows the path names a device such as CON, which is in every folder and never ends when read."""
    _joined(world, ["CON", "NUL", "aux", "COM1", "lpt9", "CONIN$"])


@advisory(
    "Werkzeug CVE-2026-21860",
    guard="Names of devices are refused with any extension and blank, as Windows ignores both.",
)
def a_device_with_an_extension(world: World) -> None:
    """On Windows the name of a device has an extension or a trailing blank, and still means the device."""
    _joined(world, ["CON.txt", "CON ", "nul.tar.gz", "AUX .txt"])


@advisory(
    "Werkzeug CVE-2026-27199",
    guard="Each part of the path is compared with the names of devices, not only the whole.",
)
def a_device_in_a_folder(world: World) -> None:
    """On Windows the name of a device stands behind that of a folder, and still means the device."""
    _joined(world, ["sub/CON", "sub/NUL.txt", "a/b/aux", "CON/a.txt"])


@advisory(
    "Django CVE-2015-0221",
    guard="Files are sent in pieces of a fixed size; by lines, a file without any is read whole.",
)
def a_file_without_lines(world: World) -> None:
    """A large file without line breaks is served line by line, and so comes into the memory whole."""
    with _served(world) as (app, root):
        size = 12_000_000
        (root / "static" / "large.bin").write_bytes(b"a" * size)

        def download() -> int:
            from tests.support.environ import call, make_environ  # here so that nothing of it counts

            reply = call(app, make_environ("/static/large.bin"))
            try:
                return sum(map(len, reply.chunks))
            finally:
                reply.close()

        download()
        assert sparingly(download, 1_000_000) == size
