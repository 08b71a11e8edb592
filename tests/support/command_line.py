"""Applications and command lines for the tests of the command line."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from costrel import App
from costrel.cli import FlaskGroup, run_command

#: Writes a file below the current directory and returns its path.
Write = Callable[..., Path]


def module(**attributes: Any) -> types.ModuleType:
    """Returns a module named ``shop`` with these attributes."""
    made = types.ModuleType("shop")
    vars(made).update(attributes)
    return made


def make_app(name: str = "shop") -> App:
    """Returns an application without routes."""
    return App(name, static_folder=None)


def hello_group(app: App | None = None, **extra: Any) -> FlaskGroup:
    """Returns a command line of an application."""
    return FlaskGroup(name="tool", create_app=lambda: app or make_app(), **extra)


def cert_of(*args: str) -> Any:
    """Returns the certificate that the arguments of ``run`` lead to."""
    return run_command.make_context("run", list(args)).params["cert"]
