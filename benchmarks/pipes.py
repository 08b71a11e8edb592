"""The parent's end of a peer's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.answers import Answer

ROOT = Path(__file__).resolve().parent.parent


class PeerMissing(Exception):
    """The peer is not installed."""


class PeerFailed(Exception):
    """The peer's process could not do what it was asked."""


@dataclass(frozen=True)
class Readiness:
    """What a peer's process says when it is ready.

    Args:
        description: the peer's version and how it was built.
        built: CPU seconds from the imported framework to the built app.
        first_answer: CPU seconds from the imported framework to the program's first answer, for `routes-N`; for the
            other programs to the built app.
    """

    description: str
    built: float
    first_answer: float


class Peer:
    """A process that runs one program of one peer; it starts at once, call `ready` before anything else.

    Args:
        name: one of `benchmarks.cases.PEERS`.
        program: what it builds.
        folder: holds the static files.
        source: where to import costrel from, in place of the installed one.
    """

    def __init__(self, name: str, program: str, folder: Path, source: Path | None = None) -> None:
        self.name = name
        environment = {**os.environ, "PYTHONPATH": str(source)} if source is not None else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, program, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment,
        )

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> Readiness:
        """Wait until the program is built.

        Raises:
            PeerMissing: a module that the peer needs is not installed.
            PeerFailed: the peer could not build its program.
        """
        return Readiness(**self._read())

    def answers(self, case: str) -> list[Answer]:
        """What the peer answers to each request of the case."""
        return [
            Answer(found["status"], tuple(map(tuple, found["headers"])), found["body"].encode("latin-1"))
            for found in self._ask(do="answers", case=case)
        ]

    def passes(self, case: str, seconds: float) -> int:
        """How many passes over the case's requests take about that many seconds of CPU."""
        passes: int = self._ask(do="passes", case=case, seconds=seconds)
        return passes

    def sample(self, case: str, passes: int) -> tuple[float, float]:
        """CPU seconds per request: of the peer with the measuring loop, and of the loop alone."""
        found = self._ask(do="sample", case=case, passes=passes)
        return found["seconds"], found["overhead"]

    def match(self, case: str, passes: int) -> float | None:
        """CPU seconds per match of the peer's router alone, or None where it cannot be asked alone."""
        found: float | None = self._ask(do="match", case=case, passes=passes)
        return found

    def memory(self, case: str) -> int | None:
        """Bytes by which the peer's process grows at most while it answers, or None where the system does not tell."""
        found: int | None = self._ask(do="memory", case=case)
        return found

    def close(self) -> None:
        """End the process."""
        pipes = self._process.stdin, self._process.stdout
        for pipe in pipes:
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def _ask(self, **command: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailed(f"The process of {self.name} ended without an answer.")
        reply: dict[str, Any] = json.loads(line)
        if "missing" in reply:
            raise PeerMissing(reply["missing"])
        if "failed" in reply:
            raise PeerFailed(f"{self.name} failed:\n{reply['failed']}")
        return reply["result"]
