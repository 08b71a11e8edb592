"""Fuzzes one target, or all one after the other: ``python -m fuzz [--seconds 600] [TARGET ...]``.

Each target runs in a process of its own, begins with the corpus in ``fuzz/corpus/TARGET``, and puts inputs that reached
new code into ``fuzz/found/TARGET``, which is not kept in the repository. An input that fails is written to
``fuzz/crashes/TARGET-...`` and shown; it then becomes a test in ``tests/test_fuzz_targets.py``.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NAMES = ("routing", "query", "form", "multipart", "cookies", "session_cookie", "json", "range", "accept", "host")


def fuzz_here(name: str, arguments: list[str]) -> None:
    """Fuzzes one target in this process, until its time is over or an input fails."""
    # Optional, and without types: only to fuzz.
    atheris: Any = importlib.import_module("atheris")

    with atheris.instrument_imports(include=["costrel", "werkzeug"]):
        from fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def run(name: str, seconds: int) -> bool:
    """Fuzzes one target in a process of its own, prints how often it ran, and returns whether nothing failed."""
    found, crashes = FOLDER / "found" / name, FOLDER / "crashes"
    found.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-print_final_stats=1"]
    options += [f"-artifact_prefix={crashes}/{name}-", "-verbosity=0", str(found), str(FOLDER / "corpus" / name)]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--here", name, *options],
        cwd=FOLDER.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    executions = re.findall(r"stat::number_of_executed_units: +(\d+)", done.stderr)
    print(f"{name}: {executions[-1] if executions else '?'} executions in {seconds} s", flush=True)
    if done.returncode:
        print(done.stderr[-6000:], flush=True)
    return done.returncode == 0


def main() -> int:
    """Runs what the command line says; the status is 1 where an input failed, and where atheris is missing."""
    if sys.argv[1:2] == ["--here"]:
        fuzz_here(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    chosen = parser.parse_args()
    unknown = set(chosen.targets) - set(NAMES)
    if unknown:
        parser.error(f"there is no target {sorted(unknown)[0]!r}; there are {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        print("It needs atheris: pip install atheris", file=sys.stderr)
        return 1
    # One that fails does not keep the others from running.
    failed = [name for name in chosen.targets or NAMES if not run(name, chosen.seconds)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
