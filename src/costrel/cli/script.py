"""What a command runs with: how to get at the application, and groups whose commands have its context."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from costrel import environment
from costrel.cli.locate import NoAppException, locate_app, prepare_import
from costrel.context import has_app_context

if TYPE_CHECKING:
    from costrel.app import App

F = TypeVar("F", bound=Callable[..., Any])


class ScriptInfo:
    """Loads the application of a command line, once, when a command first asks for it.

    :param app_import_path: what ``--app`` takes; None to look for ``wsgi.py`` and ``app.py``.
    :param create_app: a function without parameters that returns the application, used rather than the path.
    :param set_debug_flag: set the application's ``debug`` from the environment when it is loaded.
    :param load_dotenv_defaults: whether whoever reads ``.env`` files is to read the default ones; nothing is read here.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[..., App] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        self.app_import_path = app_import_path
        self.create_app = create_app
        #: Free for the use of commands.
        self.data: dict[Any, Any] = {}
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = environment.get_load_dotenv(load_dotenv_defaults)
        self._loaded_app: App | None = None

    def load_app(self) -> App:
        """Returns the application, loaded by the first call.

        :raises NoAppException: where there is none; an error of the application's own code is left as it is.
        """
        if self._loaded_app is None:
            app = self._find_app()
            if self.set_debug_flag:
                app.debug = environment.get_debug_flag()
            self._loaded_app = app
        return self._loaded_app

    def _find_app(self) -> App:
        if self.create_app is not None:
            return self.create_app()
        if self.app_import_path:
            # A colon before a slash belongs to a Windows drive.
            path, _, name = re.sub(r":(?![\\/])", "\0", self.app_import_path, count=1).partition("\0")
            return locate_app(prepare_import(path), name or None)
        for file_name in ("wsgi.py", "app.py"):
            app = locate_app(prepare_import(file_name), None, raise_if_not_found=False)
            if app is not None:
                return app
        variables = " or ".join(f"{prefix}_APP" for prefix in environment.prefixes)
        raise NoAppException(
            "There is no application to run. Name it with the option --app, as in --app hello or --app"
            f" 'shop:create_app()', or with the environment variable {variables}, or put it into a file 'app.py' or"
            " 'wsgi.py' in the current directory."
        )


pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Decorates a command's function so that it runs with the application's context, its subcommands too.

    Commands of ``app.cli`` and of a blueprint's ``cli`` have it anyway.
    """

    @click.pass_context
    def run(context: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        if not has_app_context():
            app = context.ensure_object(ScriptInfo).load_app()
            context.with_resource(app.app_context())
        return context.invoke(f, *args, **kwargs)

    return cast(F, functools.update_wrapper(run, f))


class AppGroup(click.Group):
    """A group of commands that run with the application's context, unless they ask not to."""

    def command(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]:
        """Decorates a function to make it a command of the group; takes what ``click.Group.command`` takes.

        :param with_appcontext: False to run it without the application's context.
        """
        wrapped = kwargs.pop("with_appcontext", True)
        decorate: Callable[[Callable[..., Any]], click.Command] = super().command(*args, **kwargs)

        def register(f: Callable[..., Any]) -> click.Command:
            return decorate(with_appcontext(f) if wrapped else f)

        return register

    def group(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Group]:
        """Decorates a function to make it a group in this one, an :class:`AppGroup` unless ``cls`` says otherwise."""
        kwargs.setdefault("cls", AppGroup)
        decorate: Callable[[Callable[..., Any]], click.Group] = super().group(*args, **kwargs)
        return decorate
