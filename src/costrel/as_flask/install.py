"""Puts the name ``flask`` in place, or says which line of the program has to move because the name is taken."""

from __future__ import annotations

import ast
import os
import sys
from typing import Any

from costrel import environment
from costrel.as_flask.alias import AliasFinder, AliasModule
from costrel.as_flask.distribution import FlaskDistributionFinder
from costrel.as_flask.modules import importing_line

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
    if _is_flask_command(sys.argv[0]):
        return (
            "The command `flask` has imported Flask itself, and one process cannot have both. Write"
            " `costrel --as-flask` instead of `flask`."
        )
    importer = _place_of_import()
    by = "is imported already" if importer is None else f"was imported before, in {importer}"
    here = importing_line()
    line = "the line `import costrel.as_flask`" if here is None else f"the line `import costrel.as_flask` of {here}"
    return (
        f"Flask itself {by}, and one process cannot have both. Move {line} above the first import of flask or of an"
        " extension, or start the program with `python -m costrel.as_flask`, tests with `pytest -p costrel.as_flask`."
    )


def _is_flask_command(program: str) -> bool:
    """Tells whether a path is that of the command ``flask``, or what it is for ``python -m flask``."""
    folder, name = os.path.split(program)
    return os.path.splitext(name)[0] == "flask" or (os.path.basename(folder), name) == ("flask", "__main__.py")


def _place_of_import() -> str | None:
    """Returns ``file:line`` of what seems to have imported Flask first, or None."""
    before: list[str] = []
    after: list[str] = []
    # A module takes its last place in the table when its import is done: one that stands before Flask was not done yet,
    # and began to import it; else it is the first that was done after Flask.
    found = before
    for name, module in list(sys.modules.items()):
        if name == "flask":
            found = after
        elif name.partition(".")[0] not in {"costrel", "flask"}:
            place = _line_importing_flask(getattr(module, "__file__", None))
            if place is not None:
                found.append(place)
                if found is after:
                    break
    return next(iter(before[-1:] or after), None)


def _line_importing_flask(file: str | None) -> str | None:
    """Returns ``file:line`` of the first line of a source file that imports Flask, or None."""
    if file is None or not file.endswith(".py"):
        return None
    try:
        with open(file, "rb") as source:
            text = source.read()
        nodes = ast.walk(ast.parse(text)) if b"import flask" in text or b"from flask" in text else ()
    except (OSError, SyntaxError, ValueError):
        return None
    lines = [node.lineno for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) and _imports_flask(node)]
    return f"{file}:{min(lines)}" if lines else None


def _imports_flask(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        names = [node.module or ""] if node.level == 0 else []
    return any(name.partition(".")[0] == "flask" for name in names)
