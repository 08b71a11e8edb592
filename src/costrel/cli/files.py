"""Environment variables from ``.env`` and ``.costrelenv`` files, read with python-dotenv where it is installed."""

from __future__ import annotations

import os

import click

from costrel import environment

INSTALL = 'pip install "costrel[dotenv]"'


def default_names() -> list[str]:
    """Returns the file names that are looked for, the one that has the last word at the end.

    >>> default_names()
    ['.costrelenv', '.env']
    """
    return [*(f".{prefix.lower()}env" for prefix in reversed(environment.prefixes)), ".env"]


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Sets environment variables from files; one that is set already keeps its value.

    :param path: a file whose values go before those of the default files.
    :param load_defaults: look for ``.env`` and ``.costrelenv``, the former first, in the current directory and its
        parents.
    :returns: whether a file gave any variable. Where python-dotenv is missing and a file is there, a hint is shown.
    """
    # Optional dependency: costrel[dotenv].
    try:
        import dotenv
    except ImportError:
        if path is not None or any(os.path.isfile(name) for name in default_names()):
            click.secho(
                f" * There are files with environment variables here. To have them read: {INSTALL}.",
                fg="yellow",
                err=True,
            )
        return False

    values: dict[str, str | None] = {}
    if load_defaults:
        for name in default_names():
            found = dotenv.find_dotenv(name, usecwd=True)
            if found:
                values.update(dotenv.dotenv_values(found, encoding="utf-8"))
    if path is not None and os.path.isfile(path):
        values.update(dotenv.dotenv_values(path, encoding="utf-8"))

    for name, value in values.items():
        if value is not None:
            os.environ.setdefault(name, value)
    return bool(values)
