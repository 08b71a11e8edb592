"""The command line: ``costrel`` and ``python -m costrel``, and what applications need for commands of their own.

Source: https://flask.palletsprojects.com/en/stable/cli/
"""

from __future__ import annotations

from costrel.cli.files import load_dotenv
from costrel.cli.group import FlaskGroup
from costrel.cli.locate import (
    NoAppException,
    call_factory,
    find_app_by_string,
    find_best_app,
    locate_app,
    prepare_import,
)
from costrel.cli.options import get_version, version_option
from costrel.cli.routes import routes_command
from costrel.cli.run import CertParamType, SeparatedPathType, run_app, run_command, show_server_banner
from costrel.cli.script import AppGroup, ScriptInfo, pass_script_info, with_appcontext
from costrel.cli.shell import shell_command

__all__ = [
    "AppGroup",
    "CertParamType",
    "FlaskGroup",
    "NoAppException",
    "ScriptInfo",
    "SeparatedPathType",
    "call_factory",
    "cli",
    "find_app_by_string",
    "find_best_app",
    "get_version",
    "load_dotenv",
    "locate_app",
    "main",
    "pass_script_info",
    "prepare_import",
    "routes_command",
    "run_app",
    "run_command",
    "shell_command",
    "show_server_banner",
    "version_option",
    "with_appcontext",
]

cli = FlaskGroup(
    name="costrel",
    help="""\
Runs an application, its shell and its own commands.

The application is named with --app or the COSTREL_APP environment variable,
or found in a file 'wsgi.py' or 'app.py' of the current directory.
""",
)


def main() -> None:
    """Runs the command that the process's arguments name, and exits."""
    cli.main()
