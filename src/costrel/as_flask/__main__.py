"""``python -m costrel.as_flask SCRIPT`` or ``-m MODULE``: runs a program written for Flask, unchanged, on costrel."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable

USAGE = """\
usage: python -m costrel.as_flask SCRIPT [ARGUMENTS]
       python -m costrel.as_flask -m MODULE [ARGUMENTS]

Runs a program written for Flask on costrel. Of MODULE there is also flask, Flask's command line:
python -m costrel.as_flask -m flask --app hello run"""


def main(arguments: list[str]) -> None:
    """Runs a script or a module as the main program.

    :param arguments: the script, or ``-m`` and the module; then the arguments for it.
    :raises SystemExit: with status 2 where there is nothing to run.
    """
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return
    if arguments[:1] == ["-m"]:
        arguments = arguments[1:]
        run: Callable[[str], None] = _run_module
    else:
        run = _run_script
    if not arguments or arguments[0].startswith("-"):
        sys.exit(f"{USAGE}\n\nThe name of the script or module is missing.")
    sys.argv[:] = arguments
    run(arguments[0])


def _run_module(name: str) -> None:
    # Here, as with `python -m`, the current folder is the first of the import path already.
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_script(path: str) -> None:
    if not os.path.exists(path):
        sys.exit(f"There is no file {path!r}. For a module write: python -m costrel.as_flask -m {path}")
    # As with `python script.py`: `__file__` is absolute, also for a program that changes its folder.
    path = os.path.abspath(path)
    if os.path.isfile(path):
        sys.path[0] = os.path.dirname(path)
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
