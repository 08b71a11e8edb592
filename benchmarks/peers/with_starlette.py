"""Starlette as a peer, behind an ASGI server only: its programs are `text`, with the hello alone, and `json`."""

# mypy: disable-error-code="import-not-found"
# pyright: reportMissingImports=false
from __future__ import annotations

import importlib.metadata
import itertools
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from benchmarks.material import VARIANTS

if TYPE_CHECKING:
    from pathlib import Path


def describe() -> str:
    """Starlette's version."""
    return f"Starlette {importlib.metadata.version('starlette')}"


def build(program: str, folder: Path) -> Any:
    """Make the ASGI app with both programs' routes."""
    numbers = itertools.cycle(range(VARIANTS))

    async def hello(request: Any) -> Any:
        return HTMLResponse("Hello, World!")

    async def status(request: Any) -> Any:
        return JSONResponse({"message": "Hello, World!", "number": next(numbers)})

    return Starlette(routes=[Route("/", hello), Route("/status", status)])
