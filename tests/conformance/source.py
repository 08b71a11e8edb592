"""Fetches the source of Flask with its tests, and the version of pytest that those tests were written for."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

VERSION = "3.1.3"

#: The suite uses a name of pytest that 8.4 has dropped. greenlet and asgiref: without them it skips tests.
TOOLS = ("pytest<8.4", "asgiref", "greenlet")


class Unreachable(Exception):
    """The package index could not be asked; the message is what pip says."""


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unreachable(f"pip {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def fetch(folder: Path) -> tuple[Path, Path]:
    """Returns the folder of Flask's source and the one of the tools, fetched into ``folder`` if they are not there.

    :raises Unreachable: the package index cannot be reached.
    """
    source, tools = folder / f"flask-{VERSION}", folder / "tools"
    if not source.exists():
        _pip("download", "--quiet", "--no-deps", "--no-binary=flask", f"--dest={folder}", f"flask=={VERSION}")
        with tarfile.open(folder / f"flask-{VERSION}.tar.gz") as archive:
            # Only the tests: what is not there cannot be imported by mistake.
            wanted = (f"{source.name}/tests/", f"{source.name}/pyproject.toml")
            members = [member for member in archive if member.name.startswith(wanted) and member.isreg()]
            archive.extractall(folder, members)
    if not tools.exists():
        _pip("install", "--quiet", f"--target={tools}", *TOOLS)
    return source, tools
