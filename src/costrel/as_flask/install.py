"""Puts the name ``flask`` in place, or says which line of the program has to move because the name is taken."""

from __future__ import annotations

import ast
import sys
from types import FrameType, ModuleType
from typing import Any

from costrel import environment
from costrel.as_flask.alias import AliasFinder, AliasModule
from costrel.as_flask.distribution import FlaskDistributionFinder

_FINDERS: tuple[Any, ...] = (AliasFinder(), FlaskDistributionFinder())


def install() -> None:
    """Makes ``flask`` and its modules importable, and has the command line read Flask's environment variables too.

    :raises ImportError: the real Flask is imported already; the message says where, and which line to move.
    """
    present = sys.modules.get("flask")
    if present is not None and not isinstance(present, AliasModule):
        raise ImportError(_explain_conflict(), name="flask")
    for name in [name for name in sys.modules if name.partition(".")[0] == "flask"]:
        del sys.modules[name]
    sys.meta_path[:0] = [finder for finder in _FINDERS if finder not in sys.meta_path]
    if "FLASK" not in environment.prefixes:
        environment.prefixes.insert(0, "FLASK")


def _explain_conflict() -> str:
    importer = _place_of_import()
    by = "is imported already" if importer is None else f"was imported before, in {importer}"
    here = _place_of_this_import()
    line = "the line `import costrel.as_flask`" if here is None else f"the line `import costrel.as_flask` of {here}"
    return (
        f"Flask itself {by}, and one process cannot have both. Move {line} above the first import of flask or of an"
        " extension, or start the program with `python -m costrel.as_flask`, tests with `pytest -p costrel.as_flask`."
    )


def _place_of_import() -> str | None:
    """Returns ``file:line`` of what seems to have imported Flask first, or None."""
    names = [name for name in sys.modules if name.partition(".")[0] not in {"costrel", "flask"}]
    users = [name for name in names if _uses_flask(sys.modules[name])]
    # A module takes its last place in the table when its import is done: one that stands before Flask is not done yet,
    # and began to import it; else it is the first that was done after Flask.
    order = list(sys.modules)
    running = [name for name in users if order.index(name) < order.index("flask")]
    importer = sys.modules[(running[-1:] or users[:1])[0]] if users else None
    file = getattr(importer, "__file__", None)
    if file is None:
        return None
    line = _line_importing_flask(file)
    return file if line is None else f"{file}:{line}"


def _uses_flask(module: ModuleType | None) -> bool:
    values = list(vars(module).values()) if isinstance(module, ModuleType) else []
    homes = [value.__name__ if isinstance(value, ModuleType) else _home(value) for value in values]
    return any(home.partition(".")[0] == "flask" for home in homes)


def _home(value: Any) -> str:
    home = getattr(value, "__module__", None) if isinstance(value, type) or callable(value) else None
    return home if isinstance(home, str) else ""


def _line_importing_flask(file: str) -> int | None:
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        if any(name.partition(".")[0] == "flask" for name in names):
            return node.lineno
    return None


def _place_of_this_import() -> str | None:
    """Returns ``file:line`` of the code that imports this package, or None."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        module = str(frame.f_globals.get("__name__", ""))
        if not file.startswith("<frozen") and not module.startswith("costrel.as_flask"):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return None
