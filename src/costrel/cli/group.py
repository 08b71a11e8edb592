"""The group of all commands: the built-in ones, those of installed packages, and those of the application."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from costrel import environment
from costrel.cli.locate import NoAppException
from costrel.cli.options import app_option, as_flask_option, debug_option, env_file_option, version_option
from costrel.cli.routes import routes_command
from costrel.cli.run import run_command
from costrel.cli.script import AppGroup, ScriptInfo
from costrel.cli.shell import shell_command
from costrel.context import current_context

if TYPE_CHECKING:
    from costrel.app import App


class FlaskGroup(AppGroup):
    """A command line that also has the commands of the application it loads; make one for a script of your own.

    :param add_default_commands: have ``run``, ``shell`` and ``routes``.
    :param create_app: returns the application, without parameters; by default ``--app`` names it.
    :param add_version_option: have ``--version``.
    :param load_dotenv: read ``.env`` and ``.costrelenv`` files.
    :param set_debug_flag: set the application's ``debug`` from the environment.
    :param extra: what ``click.Group`` takes.
    """

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[..., App] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        # Options with callbacks, so that the group's own callback stays free for its maker. Of the eager ones, the
        # first in the list is handled first.
        params: list[click.Parameter] = [
            *(extra.pop("params", None) or ()),
            *(as_flask_option, env_file_option, app_option, debug_option),
        ]
        if add_version_option:
            params.append(version_option)
        super().__init__(params=params, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        if add_default_commands:
            for command in (run_command, shell_command, routes_command):
                self.add_command(command)
        self._loaded_plugin_commands = False

    def _load_plugin_commands(self) -> None:
        """Adds the commands that installed packages announce in ``costrel.commands``."""
        if self._loaded_plugin_commands:
            return
        # PERF: 10 ms of start-up for whoever imports this module without running a command.
        from importlib.metadata import entry_points

        for prefix in environment.prefixes:
            for entry in entry_points(group=f"{prefix.lower()}.commands"):
                self.add_command(entry.load(), entry.name)
        self._loaded_plugin_commands = True

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of that name; one of the application's runs with its context.

        An application that cannot be found is reported, and only the other commands are there.
        """
        self._load_plugin_commands()
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        try:
            app = ctx.ensure_object(ScriptInfo).load_app()
        except NoAppException as error:
            click.secho(f"Error: {error.format_message()}\n", err=True, fg="red")
            return None
        # Already here, so that callbacks of the command's parameters have the context too.
        current = current_context.get(None)
        if current is None or current.app is not app:
            ctx.with_resource(app.app_context())
        own: click.Command | None = app.cli.get_command(ctx, cmd_name)
        return own

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands; an error of loading the application is shown, and its own are left out."""
        self._load_plugin_commands()
        names = set(super().list_commands(ctx))
        try:
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.list_commands(ctx))
        except NoAppException as error:
            click.secho(f"Error: {error.format_message()}\n", err=True, fg="red")
        except Exception:
            click.secho(f"{traceback.format_exc()}\n", err=True, fg="red")
        return sorted(names)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Prepares a run of the command line."""
        # Tells a call of `App.run` in the application's module that a command is running: it must not block it.
        environment.set_variable("RUN_FROM_CLI", "true")
        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )
        if "auto_envvar_prefix" not in self.context_settings:
            extra.setdefault("auto_envvar_prefix", environment.prefixes[0])
        return super().make_context(info_name, args, parent=parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the options; before help is shown, the environment is asked which application to list commands of."""
        others = [argument for argument in args if argument != as_flask_option.opts[0]]
        shows_help = not others and self.no_args_is_help
        if shows_help or (len(others) == 1 and others[0] in self.get_help_option_names(ctx)):
            env_file_option.handle_parse_result(ctx, {}, [])
            app_option.handle_parse_result(ctx, {}, [])
        try:
            return super().parse_args(ctx, args if others else [])
        except BaseException:
            # Listing the application's commands has pushed its context, and click does not close this one after help.
            ctx.close()
            raise
