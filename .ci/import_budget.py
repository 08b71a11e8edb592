"""Measures that importing costrel takes at most 20 ms more than importing werkzeug alone, where Flask takes 40 ms more.

On a slower machine Flask's own import is the measure: at most half of what Flask takes over werkzeug. Each import runs
in a fresh interpreter, with compiled modules as an installation has them; the packages take turns, so that a slow
moment of the machine meets them all. Prints the medians of 15 rounds in milliseconds. Above the budget it measures
again, since other programs may have been in the way; three times above it exit with status 1.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS, ATTEMPTS = 15, 3
#: Milliseconds, on the machine where Flask takes ``FLASK`` more than werkzeug.
BUDGET, FLASK = 20.0, 40.0
PACKAGES = ("werkzeug", "costrel", "flask")
PROGRAM = "import time; start = time.perf_counter(); import {}; print((time.perf_counter() - start) * 1000)"


def measure(package: str, cache: str) -> float:
    """Returns how many milliseconds one import takes in a new process that keeps compiled modules in ``cache``."""
    command = [sys.executable, "-c", PROGRAM.format(package)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def is_kept(cache: str) -> bool:
    """Prints the table of one measurement and returns whether costrel is within its budget."""
    times: dict[str, list[float]] = {package: [] for package in PACKAGES}
    for _ in range(ROUNDS):
        for package in PACKAGES:
            times[package].append(measure(package, cache))
    medians = {package: statistics.median(values) for package, values in times.items()}
    for package, median in medians.items():
        print(f"import {package:9} {median:7.1f} ms   {median - medians['werkzeug']:+6.1f} ms over werkzeug")
    over, flask = (medians[package] - medians["werkzeug"] for package in ("costrel", "flask"))
    budget = BUDGET * max(1.0, flask / FLASK)
    print(f"budget {budget:.1f} ms: {'kept' if over <= budget else 'broken'}")
    return over <= budget


def main() -> int:
    """Returns the exit status: 0 where one of the measurements is within the budget."""
    with tempfile.TemporaryDirectory() as cache:
        for package in PACKAGES:
            measure(package, cache)
        return int(not any(is_kept(cache) for _ in range(ATTEMPTS)))


if __name__ == "__main__":
    sys.exit(main())
