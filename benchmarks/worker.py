"""One peer's process: builds a program of that peer and answers commands, one JSON object a line, over its pipes.

Run by `benchmarks.pipes` as `python -m benchmarks.worker PEER PROGRAM FOLDER`.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from benchmarks.answers import send
from benchmarks.calls import Repeated, environ_of, with_input
from benchmarks.cases import case_named, deep_case

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication

# CPU time of this process: other programs that run on the machine do not count, and no case waits for anything.
CLOCK = time.process_time


def start_response(
    status: str,
    headers: list[tuple[str, str]],
    exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
    /,
) -> Callable[[bytes], object]:
    """Take status and headers as a server does, and forget them."""
    return write


def write(data: bytes, /) -> object:
    """The old way to send a body; no peer uses it."""
    return None


def idle(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """An app that does nothing at all: its time is the cost of the measuring loop."""
    return ()


def time_pass(app: WSGIApplication, environs: list[dict[str, Any]]) -> float:
    """Send every environ of the list to the app and give the seconds of CPU that took.

    The list is emptied on the way: as under a server, what a framework hangs onto the environ is freed within the time
    measured.
    """
    take = environs.pop
    start = CLOCK()
    while environs:
        body = app(take(), start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return CLOCK() - start


def resident(line: str) -> int:
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at the highest."""
    fields = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(fields[line].split()[0]) * 1024


class Exercise:
    """A case made ready for one app: its environs, with what an earlier answer gave the client.

    Args:
        app: the peer's app.
        name: the case's name.
        folder: holds the static files.
    """

    def __init__(self, app: WSGIApplication, name: str, folder: Path) -> None:
        case = case_named(name)
        if case.by_hand:
            # Only here, so that nothing of it is in the processes of the peers otherwise.
            from benchmarks.peers import with_bare

            app = with_bare.build("text", folder)
        self.app = app
        self.pairs: list[tuple[dict[str, Any], bytes | Repeated]] = []
        for number, call in enumerate(case.calls()):
            environ = environ_of(call, number)
            if case.prepare is not None:
                environ.update(case.prepare(app, call))
            self.pairs.append((environ, call.body))

    def environs(self) -> list[dict[str, Any]]:
        """Fresh copies, last request first, for they are taken from the end."""
        return [with_input(environ, body) for environ, body in reversed(self.pairs)]

    def answers(self) -> list[dict[str, Any]]:
        """All answers, as JSON can carry them."""
        found = []
        for environ in reversed(self.environs()):
            answer = send(self.app, environ)
            found.append({"status": answer.status, "headers": answer.headers, "body": answer.body.decode("latin-1")})
        return found

    def passes(self, seconds: float) -> int:
        """How many passes over all requests take about that many seconds of CPU, after a warm-up."""
        self.sample(1)
        return max(1, round(seconds / max(time_pass(self.app, self.environs()), 1e-9)))

    def sample(self, passes: int) -> float:
        """CPU seconds per request of the app."""
        return self._per_request(self.app, passes)

    def overhead(self, passes: int) -> float:
        """CPU seconds per request of the measuring loop alone."""
        return self._per_request(idle, passes)

    def memory(self) -> int | None:
        """Bytes by which the process grows at most while it answers the first request, where the system tells."""
        try:
            # Linux: the highest value starts again from what is resident now.
            Path("/proc/self/clear_refs").write_text("5")
            before = resident("VmRSS")
        except OSError:
            return None
        send(self.app, self.environs()[-1])
        return max(resident("VmHWM") - before, 0)

    def match(self, module: Any, passes: int) -> float | None:
        """CPU seconds per match where the peer's module has a `matcher`."""
        if not hasattr(module, "matcher"):
            return None
        match = module.matcher(self.app)
        paths = [environ["PATH_INFO"] for environ, _ in self.pairs]
        start = CLOCK()
        for _ in range(passes):
            for path in paths:
                match(path)
        return (CLOCK() - start) / (passes * len(paths))

    def _per_request(self, app: WSGIApplication, passes: int) -> float:
        total = 0.0
        for _ in range(passes):
            total += time_pass(app, self.environs())
        return total / (passes * len(self.pairs))


class Worker:
    """Carries out the commands for one program of one peer."""

    def __init__(self, module: Any, app: WSGIApplication, folder: Path) -> None:
        self.module = module
        self.app = app
        self.folder = folder
        self.exercises: dict[str, Exercise] = {}

    def run(self, command: dict[str, Any]) -> object:
        """Do what the command says and give what the parent waits for."""
        name = command["case"]
        if name not in self.exercises:
            self.exercises[name] = Exercise(self.app, name, self.folder)
        exercise = self.exercises[name]
        if command["do"] == "answers":
            return exercise.answers()
        if command["do"] == "passes":
            return exercise.passes(command["seconds"])
        if command["do"] == "memory":
            return exercise.memory()
        passes = command["passes"]
        if command["do"] == "match":
            return exercise.match(self.module, passes)
        # The loop's own cost is small and steady: a few passes are enough.
        return {"seconds": exercise.sample(passes), "overhead": exercise.overhead(max(2, min(passes, 20)))}


def prepare(peer: str, program: str, folder: Path) -> tuple[dict[str, Any], Worker | None]:
    """Import the peer and build its program.

    Returns:
        What to tell the parent, and the worker where it could be made.
    """
    try:
        # Only this process may import this peer: another one's modules would change its memory and its speed.
        module = importlib.import_module(f"benchmarks.peers.with_{peer}")
    except ModuleNotFoundError as error:
        return {"missing": str(error)}, None
    started = CLOCK()
    app = module.build(program, folder)
    built = CLOCK() - started
    kind, _, count = program.partition("-")
    if kind == "routes":
        send(app, with_input(environ_of(deep_case(int(count)).call(0), 0), b""))
    first_answer = CLOCK() - started
    ready = {"description": module.describe(), "built": built, "first_answer": first_answer}
    return {"result": ready}, Worker(module, app, folder)


def serve(commands: Iterable[str], replies: TextIO, peer: str, program: str, folder: Path) -> None:
    """Answer each line of commands with one line; an exception becomes a reply with its traceback."""
    worker: Worker | None = None
    try:
        hello, worker = prepare(peer, program, folder)
    except Exception:
        hello = {"failed": traceback.format_exc()}
    print(json.dumps(hello), file=replies, flush=True)
    if worker is None:
        return
    for line in commands:
        reply: dict[str, Any]
        try:
            reply = {"result": worker.run(json.loads(line))}
        except Exception:
            reply = {"failed": traceback.format_exc()}
        print(json.dumps(reply), file=replies, flush=True)


def main() -> None:
    """Serve the parent; what a peer prints goes to the error stream, for the pipe is the parent's."""
    replies, sys.stdout = sys.stdout, sys.stderr
    peer, program, folder = sys.argv[1:4]
    serve(sys.stdin, replies, peer, program, Path(folder))


if __name__ == "__main__":
    main()
