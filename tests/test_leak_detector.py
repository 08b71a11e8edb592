"""The leak detector of the suite fails a test that leaves something behind, and only such a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.server import child_environment

LEAKING = """
import os, threading

from costrel import App
from costrel.context import current_context

app = App(__name__)
kept = []
event = threading.Event()

def test_context():
    app.app_context().push()

def test_two_contexts():
    app.app_context().push()
    app.test_request_context().push()

def test_thread():
    threading.Thread(target=event.wait, name="lasting", daemon=True).start()

def test_descriptor():
    kept.append(open(__file__))

def test_folder():
    os.chdir("/")

def test_clean():
    assert current_context.get(None) is None
    assert "LEFT_BEHIND" not in os.environ
    os.environ["LEFT_BEHIND"] = "1"
    thread = threading.Thread(target=lambda: None)
    thread.start()
    open(__file__).close()

def test_still_clean():
    assert "LEFT_BEHIND" not in os.environ
"""


def test_leaks_are_found_and_named(tmp_path: Path) -> None:
    """Each kind of leak makes its test an error that names what was left; the next test starts clean."""
    module = tmp_path / "test_leaking.py"
    module.write_text(LEAKING)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rE", str(module)]
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, timeout=60)
    found = dict(re.findall(r"^ERROR test_leaking.py::(\w+) - (.*)$", done.stdout, re.MULTILINE))
    assert found.keys() == {"test_context", "test_two_contexts", "test_thread", "test_descriptor", "test_folder"}
    assert "7 passed, 5 errors" in done.stdout
    for part in ["left contexts pushed", "lasting", "test_leaking.py'", "working directory to /"]:
        assert part in done.stdout
