"""The app that a server of the throughput run imports: WSGI, or ASGI for Starlette and FastAPI.

The program and the peer come from the environment:
`BENCHMARK_PEER` names the peer, `BENCHMARK_PROGRAM` its program, `BENCHMARK_FOLDER` the folder of the static files.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def build() -> WSGIApplication:
    """Make the app that the environment asks for."""
    module = importlib.import_module(f"benchmarks.peers.with_{os.environ['BENCHMARK_PEER']}")
    application: WSGIApplication = module.build(os.environ["BENCHMARK_PROGRAM"], Path(os.environ["BENCHMARK_FOLDER"]))
    return application


app = build()
