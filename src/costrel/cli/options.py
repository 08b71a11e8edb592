"""The options that come before a command: ``--app``, ``--as-flask``, ``--debug``, ``--env-file`` and ``--version``."""

from __future__ import annotations

import os
import platform
from typing import Any

import click
from click.core import ParameterSource

from costrel import environment
from costrel.cli.files import INSTALL, load_dotenv
from costrel.cli.script import ScriptInfo


class EnvironmentOption(click.Option):
    """An option whose value may come from an environment variable under any of costrel's prefixes.

    click itself knows one prefix, the first one; ``COSTREL_RUN_PORT`` also counts where ``FLASK_RUN_PORT`` goes first.
    """

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Returns the text of the first of the option's environment variables that is set and not empty."""
        value = super().resolve_envvar_value(ctx)
        first, *others = environment.prefixes
        own = ctx.auto_envvar_prefix
        if value is not None or not self.name or own is None or f"{own}_".partition("_")[0] != first:
            return value
        for prefix in others:
            value = os.environ.get(f"{prefix}{own[len(first) :]}_{self.name.upper()}")
            if value:
                return value
        return None


def _set_app(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value
    return value


def _set_debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool | None:
    # Without the option, what the environment says stays as it is.
    if ctx.get_parameter_source(str(param.name)) in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
        return None
    # By way of the environment, a factory and the process that the reloader starts know it too.
    environment.set_variable("DEBUG", "1" if value else "0")
    return value


def _read_env_files(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    defaults = ctx.ensure_object(ScriptInfo).load_dotenv_defaults
    if value is not None:
        # Optional dependency: costrel[dotenv]. A file that was asked for must not be passed over.
        try:
            import dotenv  # noqa: F401
        except ImportError:
            raise click.BadParameter(
                f"reading it needs the python-dotenv package: {INSTALL}.", ctx=ctx, param=param
            ) from None
    if value is not None or defaults:
        load_dotenv(value, load_defaults=defaults)
    return value


def get_version(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Prints the versions of Python, costrel and Werkzeug, and exits; the callback of ``--version``.

    Under the name of Flask also the version of Flask whose API is offered.
    """
    if not value or ctx.resilient_parsing:
        return
    # PERF: 10 ms of start-up that no other command needs.
    from importlib.metadata import version

    click.echo(f"Python {platform.python_version()}\ncostrel {version('costrel')}", color=ctx.color)
    if "FLASK" in environment.prefixes:
        click.echo(f"Flask {version('flask')}", color=ctx.color)
    click.echo(f"Werkzeug {version('werkzeug')}", color=ctx.color)
    ctx.exit()


def _check_named_flask(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and "FLASK" not in environment.prefixes:
        raise click.BadParameter(
            "only the command `costrel` and `python -m costrel` have it. In a program write `import costrel.as_flask`"
            " as the first line.",
            ctx=ctx,
            param=param,
        )


# The entry point has seen to it before this module looks at any argument.
as_flask_option = click.Option(
    ["--as-flask"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_check_named_flask,
    help="Run a program written for Flask: `import flask` gets costrel, and FLASK_... variables count.",
)

# Eager, and before --app and --help: the files may set what those read.
env_file_option = EnvironmentOption(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    help="Read environment variables from this file. They go before those of '.env' and '.costrelenv'; what is set in"
    " the environment already goes before both. Needs python-dotenv.",
    is_eager=True,
    expose_value=False,
    callback=_read_env_files,
)

# Eager, and before --help, which lists the application's commands.
app_option = EnvironmentOption(
    ["-A", "--app"],
    metavar="IMPORT",
    help="The application to load: 'module', a file, or 'module:name', where the name is that of a variable or of a"
    " function that returns the application, with arguments if need be: 'module:create_app(\"test\")'. The name may be"
    " left out if it is 'app', 'application', 'create_app' or 'make_app'.",
    is_eager=True,
    expose_value=False,
    callback=_set_app,
)

debug_option = EnvironmentOption(
    ["--debug/--no-debug"], help="Turn debug mode on or off.", expose_value=False, callback=_set_debug
)

version_option = click.Option(
    ["--version"],
    help="Show the versions of Python, costrel and Werkzeug.",
    expose_value=False,
    callback=get_version,
    is_flag=True,
    is_eager=True,
)
