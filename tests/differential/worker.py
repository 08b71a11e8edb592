"""The process of one framework, which stays, so that each program costs milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

from tests.support.server import child_environment

#: What programs find in their folder.
FILES = {
    "templates/base.html": "<{{ title }}>{% block body %}base {{ request.path }}{% endblock %}\n",
    "templates/child.html": "{% extends 'base.html' %}{% block body %}{{ super() }} child {{ extra }}{% endblock %}",
    "templates/page.html": "{{ request.path }} {{ values }} {{ extra }} {{ session.n }} {{ config.DEBUG }}",
    "templates/plain.txt": "{{ text }} {{ g.value }}",
    "templates/image.svg": "<text>{{ text }}</text>",
    "templates/broken.html": "{% if %}",
    "templates/macros.html": "{% macro bold(text) %}<b>{{ text }}{{ extra }}</b>{% endmacro %}",
    "part/part.html": "part {{ extra }} {{ url_for(request.endpoint, **request.view_args) }}",
    "part/page.html": "hidden",
    "static/note.txt": "a note",
    "static/ü.css": "body {}",
    "static/empty": "",
    "secret.txt": "a secret",
}


def make_folder(root: Path) -> None:
    """Writes the templates and files of programs."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
        os.utime(root / name, (1_600_000_000, 1_600_000_000))


class Worker:
    """One framework's process; use it in a ``with`` statement.

    :param framework: the package that programs get where they import ``flask``.
    :param root: the folder that programs find as ``ROOT``.
    """

    def __init__(self, framework: Literal["flask", "costrel"], root: Path) -> None:
        self.errors = root / f"{framework}.log"
        with self.errors.open("w") as errors:
            self._start(framework, root, errors)

    def _start(self, framework: str, root: Path, errors: TextIO) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.differential.child", framework, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=root,
            env=child_environment(),
        )

    def start(self, source: str) -> None:
        """Has the process begin with a program."""
        if self.process.stdin is None:
            raise RuntimeError("the process was started without pipes")
        self.process.stdin.write(json.dumps(source) + "\n")
        self.process.stdin.flush()

    def finish(self) -> list[dict[str, Any]]:
        """Returns the steps of the program that was started: its making, the answers, its URLs."""
        if self.process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process has ended with {self.process.wait(10)}: {self.errors.read_text()[-2000:]}")
        steps: list[dict[str, Any]] = json.loads(line)
        return steps

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Closes both pipes and waits; the end of its input ends the process.
        self.process.communicate(timeout=10)


def compare(source: str, flask: Worker, costrel: Worker) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Runs a program on both frameworks, at the same time.

    :returns: the steps of Flask and of costrel, in pairs.
    """
    flask.start(source)
    costrel.start(source)
    ours, theirs = costrel.finish(), flask.finish()
    if len(ours) != len(theirs):
        # The program could not be made on one of them.
        return [(theirs[0], ours[0])]
    return list(zip(theirs, ours, strict=True))
