"""The real Flask as a peer."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import flask
import flask.views

from benchmarks.peers.flask_like import Framework
from benchmarks.peers.flask_like import build as build_program

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication


def describe() -> str:
    """Flask's version and that of werkzeug below it."""
    return f"Flask {importlib.metadata.version('flask')} on werkzeug {importlib.metadata.version('werkzeug')}"


def build(program: str, folder: Path) -> WSGIApplication:
    """Make one of the programs as a WSGI app."""
    return build_program(flask.Flask, cast(Framework, flask), program, folder)


def matcher(app: flask.Flask) -> Callable[[str], object]:
    """The router alone, as Flask asks it: an adapter that is bound already."""
    match = app.url_map.bind("127.0.0.1").match
    return lambda path: match(path, "GET", return_rule=True)
