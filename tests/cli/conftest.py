"""Fixtures of the tests of the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug import serving

from costrel.debugger import Debugger
from tests.support.command_line import Write


@pytest.fixture(autouse=True)
def _own_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forgets the modules that a test imports, and what it adds to the search path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        # What lies in an installation stays: importing it twice would make each of its classes twice.
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and "site-packages" not in file and not name.startswith("costrel"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file below an empty current directory, without bytecode that would outlive it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, text: str = "") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def runner() -> CliRunner:
    """Runs commands in this process."""
    return CliRunner()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments with which werkzeug's server was called, with what the debugger shows; it does not run."""
    calls: list[dict[str, Any]] = []

    def run_simple(hostname: str, port: int, application: Any, *, use_debugger: bool, **options: Any) -> None:
        debugged = isinstance(application, Debugger)
        served = application.app if debugged else application
        own = {"use_debugger": use_debugger or debugged, "werkzeug_debugger": use_debugger}
        calls.append({"hostname": hostname, "port": port, "application": served, **own, **options})

    monkeypatch.setattr(serving, "run_simple", run_simple)
    return calls
