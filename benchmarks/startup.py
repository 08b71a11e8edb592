"""Import time: what a framework adds to `import werkzeug`."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

from benchmarks.pipes import ROOT
from benchmarks.table import columns, number

MODULES = ("werkzeug", "costrel", "flask", "falcon", "bottle")

PROGRAM = """
import json, sys, time
wall, cpu = time.perf_counter(), time.process_time()
try:
    import {module}
except ModuleNotFoundError as error:
    print(json.dumps({{"missing": str(error)}}))
else:
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({{"wall": wall, "cpu": cpu, "modules": len(sys.modules)}}))
"""


def import_once(module: str, bytecode: str) -> dict[str, float] | None:
    """Import the module in a fresh process.

    Args:
        module: its name.
        bytecode: the folder of the bytecode cache, so that all are read from there, whether or not they were installed
            with bytecode and whatever the environment says about writing it.

    Returns:
        Wall and CPU seconds and the number of modules loaded, or None where it is not installed.
    """
    program = PROGRAM.format(module=module)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return None if "missing" in found else found


def measure(rounds: int, report: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Import each module in its own process, in interleaved rounds.

    Returns:
        For each module that is installed its medians: `wall_ms`, `cpu_ms` and `modules`.
    """
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as bytecode:
        for module in MODULES:
            # The first import of each only fills the bytecode cache.
            if import_once(module, bytecode) is None:
                report(f"{module} is left out: it is not installed")
            else:
                found[module] = []
        for _ in range(rounds):
            for module in random.sample(list(found), len(found)):
                once = import_once(module, bytecode)
                assert once is not None
                found[module].append(once)
    return {module: _medians(samples) for module, samples in found.items()}


def _medians(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    return {
        "wall_ms": statistics.median(sample["wall"] for sample in samples) * 1000,
        "cpu_ms": statistics.median(sample["cpu"] for sample in samples) * 1000,
        "modules": samples[0]["modules"],
    }


def startup_table(found: dict[str, dict[str, float]]) -> str:
    """Milliseconds per import, and what each adds to werkzeug alone."""
    alone = found.get("werkzeug")
    rows = [["import", "wall ms", "CPU ms", "modules", "wall over werkzeug", "CPU over werkzeug"]]
    for module, median in found.items():
        over = [None, None] if alone is None else [median[key] - alone[key] for key in ("wall_ms", "cpu_ms")]
        cells = [number(median["wall_ms"]), number(median["cpu_ms"]), f"{median['modules']:.0f}"]
        rows.append([module, *cells, *(number(value) for value in over)])
    return columns(rows)
