"""Measures that importing costrel takes at most 20 ms more than importing werkzeug alone.

Each import runs in a fresh interpreter, with compiled modules as an installation has them; the packages take turns, so
that a slow moment of the machine meets them all.
Prints the medians of 15 rounds in milliseconds and exits with status 1 above the budget.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 15
BUDGET = 20.0
PACKAGES = ("werkzeug", "costrel", "flask")
PROGRAM = "import time; start = time.perf_counter(); import {}; print((time.perf_counter() - start) * 1000)"


def measure(package: str, cache: str) -> float:
    """Returns how many milliseconds one import takes in a new process that keeps compiled modules in ``cache``."""
    command = [sys.executable, "-c", PROGRAM.format(package)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def main() -> int:
    """Prints the table and returns the exit status."""
    times: dict[str, list[float]] = {package: [] for package in PACKAGES}
    with tempfile.TemporaryDirectory() as cache:
        for package in PACKAGES:
            measure(package, cache)
        for _ in range(ROUNDS):
            for package in PACKAGES:
                times[package].append(measure(package, cache))
    medians = {package: statistics.median(values) for package, values in times.items()}
    for package, median in medians.items():
        print(f"import {package:9} {median:7.1f} ms   {median - medians['werkzeug']:+6.1f} ms over werkzeug")
    over = medians["costrel"] - medians["werkzeug"]
    print(f"budget {BUDGET:.0f} ms: {'kept' if over <= BUDGET else 'broken'}")
    return int(over > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
