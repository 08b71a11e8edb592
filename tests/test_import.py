"""Importing costrel stays cheap: it loads nothing that only some programs need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.server import child_environment


def _loaded_after(program: str) -> set[str]:
    """Returns the names of the modules that a fresh interpreter has loaded when the program is done."""
    printing = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", printing], check=True, capture_output=True, text=True, env=child_environment()
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module", ["jinja2", "click", "asyncio", "uuid", "decimal", "importlib.metadata", "itsdangerous", "costrel.cli"]
)
def test_import_leaves_out_what_is_seldom_needed(module: str) -> None:
    """``import costrel`` does not load a module that neither werkzeug's routing nor a small app uses."""
    assert module not in _loaded_after("import costrel") - _loaded_after("import werkzeug.routing")


def test_import_does_not_load_the_real_flask() -> None:
    """Nothing of Flask is needed at run time."""
    assert not {name for name in _loaded_after("import costrel") if name.split(".")[0] == "flask"}
