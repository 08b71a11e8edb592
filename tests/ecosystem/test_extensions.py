"""Extensions for Flask work unchanged: for each a small application uses its public features.

Each program runs in a process of its own, by a pytest of its own, under ``-p costrel.as_flask``. With
``ECOSYSTEM_ON_FLASK=1`` in the environment each runs on the real Flask as well, which shows that the program is right.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.ecosystem.extensions import EXTENSIONS, PROGRAMS, Extension
from tests.support.server import child_environment

#: Seconds that one program may take; those that start a browser or a worker take the longest.
TIMEOUT = 180

FRAMEWORKS = ["costrel", "flask"] if os.environ.get("ECOSYSTEM_ON_FLASK") else ["costrel"]


def _skip_without_parts(extension: Extension) -> None:
    for distribution in (extension.distribution, *extension.others):
        try:
            version(distribution)
        except PackageNotFoundError:
            pytest.skip(f"{distribution} is not installed: pip install -e '.[ecosystem]'")
    for command in extension.commands:
        if shutil.which(command) is None:
            pytest.skip(f"{command} is not on this machine: apt-get install {command.replace('edriver', 'ium-driver')}")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("extension", EXTENSIONS, ids=str)
def test_extension(extension: Extension, framework: str, tmp_path: Path) -> None:
    """Every test of the program passes, none is skipped, and nothing of the real Flask is imported."""
    _skip_without_parts(extension)
    command = [sys.executable, "-m", "pytest", "-c", str(PROGRAMS / "pytest.ini"), f"--basetemp={tmp_path / 'files'}"]
    if framework == "costrel":
        command += ["-p", "costrel.as_flask"]
    if extension.distribution != "pytest-flask":
        command += ["-p", "no:flask"]
    done = subprocess.run(
        [*command, str(extension.program)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=child_environment() | {"ECOSYSTEM_FRAMEWORK": framework},
        cwd=tmp_path,
    )
    summary = done.stdout.strip().rpartition("\n")[2]
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in summary and "skipped" not in summary, done.stdout


def test_every_program_is_in_the_table() -> None:
    """No program is forgotten."""
    assert {extension.program for extension in EXTENSIONS} == set(PROGRAMS.glob("with_*.py"))
