"""Measures that importing costrel takes at most 20 ms more than importing werkzeug alone, where Flask takes 40 ms more.

On a slower machine Flask's own import is the measure: at most half of what Flask takes over werkzeug. Each import runs
in a fresh interpreter, with compiled modules as an installation has them; the packages take turns, so that a slow
moment of the machine meets them all. Prints the medians of 15 rounds in milliseconds. Above the budget it goes on to
measure, since other programs may have been in the way, up to 75 rounds in all; still above it, the exit status is 1.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS, MOST_ROUNDS = 15, 75
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


def is_kept(times: dict[str, list[float]]) -> bool:
    """Prints the medians and returns whether costrel is within its budget."""
    medians = {package: statistics.median(values) for package, values in times.items()}
    for package, median in medians.items():
        print(f"import {package:9} {median:7.1f} ms   {median - medians['werkzeug']:+6.1f} ms over werkzeug")
    over, flask = (medians[package] - medians["werkzeug"] for package in ("costrel", "flask"))
    budget = BUDGET * max(1.0, flask / FLASK)
    print(f"budget {budget:.1f} ms: {'kept' if over <= budget else 'broken'} after {len(times['costrel'])} rounds")
    return over <= budget


def main() -> int:
    """Measures and returns the exit status."""
    times: dict[str, list[float]] = {package: [] for package in PACKAGES}
    with tempfile.TemporaryDirectory() as cache:
        for package in PACKAGES:
            measure(package, cache)
        while len(times["costrel"]) < MOST_ROUNDS:
            for _ in range(ROUNDS):
                for package in PACKAGES:
                    times[package].append(measure(package, cache))
            if is_kept(times):
                return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
