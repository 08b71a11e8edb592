"""Runs programs in fresh interpreters: importing ``costrel.as_flask`` would take the name from the other tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.server import child_environment

_EPILOGUE = "\nimport json as _json, sys as _sys\n_sys.stdout.write('\\x00' + _json.dumps(result))\n"


def run_python(
    *arguments: str, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the interpreter with the arguments, and returns how it ended."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=child_environment(env),
    )


def result_of(program: str, env: Mapping[str, str] | None = None) -> Any:
    """Runs a program for Flask on costrel and returns what it leaves in ``result``, a JSON value."""
    done = run_python("-c", f"import costrel.as_flask\n{program}{_EPILOGUE}", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("\x00")[2])
