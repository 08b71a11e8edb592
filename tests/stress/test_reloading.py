"""The development server through one broken version of the program after another, while it is being asked."""

from __future__ import annotations

import contextlib
import http.client
import threading
from pathlib import Path

from tests.stress.serving import LONG
from tests.test_reload import HELLO, Command, costrel, wait_until

ROUNDS = 25 if LONG else 1
VERSIONS = 4 if LONG else 1

#: Versions that cannot be loaded, and what the page says then.
BROKEN = {
    "def broken(:\n": "def broken(:",
    "raise RuntimeError('not ready')\n": "not ready",
    "import sys\nsys.exit(3)\n": "sys.exit(3)",
    "x = '''no end\n": "unterminated",
}


def _page(command: Command) -> tuple[int, str]:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return command.get()
    return 0, ""


def test_reloading_survives_every_broken_version(tmp_path: Path) -> None:
    """After each broken version the page shows its error, after each mended one the answer; one process watches."""
    program = tmp_path / "app.py"
    program.write_text(HELLO)
    unexpected: list[int] = []
    ending = threading.Event()
    with costrel(tmp_path, "run", "--debug", "--port", "0") as command:
        command.wait_for_page("first")

        def ask() -> None:
            while not ending.is_set():
                # Between two processes nobody answers, and an answer may be cut off by the end of one.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    status, _ = command.get()
                    if status not in (200, 500):
                        unexpected.append(status)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for number in range(ROUNDS):
                for broken, said in list(BROKEN.items())[-VERSIONS:]:
                    program.write_text(f"# {number}\n{broken}")
                    assert command.wait_for_page(said)[0] == 500
                    mended = f"mended {number} {len(broken)}"
                    program.write_text(HELLO.replace("first", mended))
                    # The page of the error, too, has a line of the file as it is now.
                    wait_until(lambda: _page(command) == (200, mended), f"no {mended!r}", command)
        finally:
            ending.set()
            asking.join()
        children = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children").read_text().split()
        assert (command.process.poll(), len(children)) == (None, 1)
    assert unexpected == []
