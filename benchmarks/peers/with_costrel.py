"""costrel as a peer: the same program text as Flask's, a native `App` with its own defaults."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import costrel
import costrel.views
from benchmarks.peers.flask_like import Framework
from benchmarks.peers.flask_like import build as build_program

if TYPE_CHECKING:
    from pathlib import Path

    import flask
    from _typeshed.wsgi import WSGIApplication


def describe() -> str:
    """costrel's version, where it is installed and not only on the path, and that of werkzeug below it."""
    try:
        version = importlib.metadata.version("costrel")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed, from its source"
    return f"costrel {version} on werkzeug {importlib.metadata.version('werkzeug')}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    application = cast("Callable[..., flask.Flask]", costrel.App)
    return build_program(application, cast(Framework, costrel), program, folder)


def matcher(app: costrel.App) -> Callable[[str], object]:
    """The router alone, as a request asks it."""
    find = app.url_map.find
    return lambda path: find("GET", path)
