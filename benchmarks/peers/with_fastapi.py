"""FastAPI as a peer, behind an ASGI server only: its programs are `text`, with the hello alone, and `json`."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# pyright: reportMissingImports=false
from __future__ import annotations

import importlib.metadata
import itertools
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from benchmarks.material import VARIANTS

if TYPE_CHECKING:
    from pathlib import Path


def describe() -> str:
    """FastAPI's version."""
    return f"FastAPI {importlib.metadata.version('fastapi')}"


def build(program: str, folder: Path) -> Any:
    """Make the ASGI app with both programs' routes."""
    app = FastAPI()
    numbers = itertools.cycle(range(VARIANTS))

    @app.get("/", response_class=HTMLResponse)
    async def hello() -> str:
        return "Hello, World!"

    @app.get("/status")
    async def status() -> dict[str, object]:
        return {"message": "Hello, World!", "number": next(numbers)}

    return app
