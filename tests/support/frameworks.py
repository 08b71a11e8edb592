"""Runs the same program with the real Flask and with costrel, each in a process of its own, to compare them."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any, Literal

from tests.support.server import child_environment

#: Both programs find ``framework`` (the module) and ``App`` (its application class), and leave ``result``.
_PROLOGUE = {
    "flask": "import flask as framework\nApp = framework.Flask\n",
    "costrel": "import costrel as framework\nApp = framework.App\n",
    "as_flask": "import costrel.as_flask\nimport flask as framework\nApp = framework.Flask\n",
}
_EPILOGUE = "\nimport json as _json, sys as _sys\n_sys.stdout.write('\\x00' + _json.dumps(result))\n"


@functools.cache
def _run(framework: Literal["flask", "costrel", "as_flask"], source: str) -> str:
    program = f"{_PROLOGUE[framework]}exec(compile({source!r}, 'program', 'exec'))\n{_EPILOGUE}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=child_environment()
    )
    if done.returncode:
        raise RuntimeError(f"the program failed with {framework}:\n{done.stderr}")
    return done.stdout.rpartition("\x00")[2]


def run_flask(source: str) -> Any:
    """Returns the JSON value that the program leaves in ``result`` when it runs with the real Flask.

    :param source: statements that use ``framework`` (the module ``flask``) and ``App`` (``flask.Flask``), and set
        ``result``. The same text run twice is started once.
    """
    return json.loads(_run("flask", source))


def run_costrel(source: str) -> Any:
    """Returns what :func:`run_flask` does, for the same program with ``costrel`` and ``costrel.App``."""
    return json.loads(_run("costrel", source))


def run_as_flask(source: str) -> Any:
    """Returns what :func:`run_flask` does, for the same program with costrel under Flask's name."""
    return json.loads(_run("as_flask", source))


def assert_same_as_flask(source: str) -> Any:
    """Asserts that the program leaves the same ``result`` with both frameworks, and returns it."""
    expected = run_flask(source)
    found = run_costrel(source)
    assert found == expected
    return found
