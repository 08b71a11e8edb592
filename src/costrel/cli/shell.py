"""The command ``shell``: an interactive Python prompt with the application's context."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from costrel.cli.script import with_appcontext
from costrel.context import current_app


@click.command("shell", short_help="Start a Python shell in the application's context.")
@with_appcontext
def shell_command() -> None:
    """Start an interactive Python shell in the application's context.

    It has the names that the application's shell context processors give, and those of the file that PYTHONSTARTUP
    names.
    """
    # PERF: 6 ms of start-up that no other command needs.
    import code

    namespace: dict[str, Any] = {}
    startup = os.environ.get("PYTHONSTARTUP")
    if startup and os.path.isfile(startup):
        with open(startup, "rb") as file:
            exec(compile(file.read(), startup, "exec"), namespace)
    namespace.update(current_app.make_shell_context())
    _prepare_prompt(namespace)
    banner = (
        f"Python {sys.version} on {sys.platform}\nApp: {current_app.import_name}\nInstance: {current_app.instance_path}"
    )
    code.interact(banner=banner, local=namespace)


def _prepare_prompt(namespace: dict[str, Any]) -> None:
    """Runs what the site or the startup file wants done before a prompt; by default line editing with completion."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None:
        return
    # Not there on every platform.
    try:
        import readline
        from rlcompleter import Completer
    except ImportError:
        pass
    else:
        # Without this, the names of `costrel.__main__` would be completed rather than those of the shell.
        readline.set_completer(Completer(namespace).complete)
    hook()
