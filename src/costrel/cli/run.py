"""The command ``run``: the application in the development server."""

from __future__ import annotations

import os
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click
from werkzeug.utils import import_string

from costrel import environment, server
from costrel.cli.files import load_dotenv as load_env_files
from costrel.cli.locate import NoAppException
from costrel.cli.options import EnvironmentOption, debug_option
from costrel.cli.script import ScriptInfo, pass_script_info
from costrel.security import check_trusted_hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from costrel.app import App
    from costrel.server import TLS

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


if TYPE_CHECKING:
    # Generic in later releases of click only, so it must not be subscripted at run time.
    _AnyParamType = click.ParamType[Any]
else:
    _AnyParamType = click.ParamType


class CertParamType(_AnyParamType):
    """The value of ``--cert``: a file, ``adhoc``, or the import name of an :class:`ssl.SSLContext`."""

    name = "path"

    def __init__(self) -> None:
        self.path_type = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path of the file, ``"adhoc"``, or the context."""
        # Python may have been built without it.
        try:
            import ssl
        except ImportError:
            raise click.BadParameter(
                "this Python was built without TLS, so the server cannot use a certificate.", ctx, param
            ) from None

        try:
            return self.path_type(value, param, ctx)
        except click.BadParameter:
            if str(value).lower() == "adhoc":
                _check_tls("adhoc", ctx, param)
                return "adhoc"
            found = import_string(value, silent=True)
            if isinstance(found, ssl.SSLContext):
                return found
            raise


def _check_tls(cert: TLS, ctx: click.Context | None, param: click.Parameter | None) -> None:
    try:
        server.check_tls(cert)
    except server.StartError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _validate_key(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Pairs ``--key`` with ``--cert``: it is needed where that is a file, and in the way where it is not."""
    cert = ctx.params.get("cert")
    if cert is None:
        if value is not None:
            raise click.BadParameter("it is the key of a certificate: give --cert too.", ctx, param)
    elif isinstance(cert, str) and cert != "adhoc":
        if value is None:
            raise click.BadParameter("--cert is a file, so the file of its key is needed too.", ctx, param)
        ctx.params["cert"] = cert, value
    elif value is not None:
        what = "'adhoc'" if cert == "adhoc" else "an SSLContext"
        raise click.BadParameter(f"--cert is {what}, which has its own key: leave --key out.", ctx, param)
    return value


class SeparatedPathType(click.Path):
    """A list of paths in one text, with the separator of the platform between them: ``:``, on Windows ``;``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the list, each path checked as :class:`click.Path` does."""
        convert = super().convert
        return [convert(item, param, ctx) for item in self.split_envvar_value(value)]


def show_server_banner(debug: bool, app_import_path: str | None) -> None:
    """Prints which application is served and whether it is in debug mode, once and not again after each reload."""
    if server.is_reloading():
        return
    if app_import_path is not None:
        click.echo(f" * Serving costrel app '{app_import_path}'")
    if debug is not None:
        click.echo(f" * Debug mode: {'on' if debug else 'off'}")


def own_error(error: Exception) -> Exception:
    """Returns the error with the steps of this package and of Python's import taken off the top of its traceback.

    Where an import in the application's code failed, that is the ImportError itself.
    """
    if isinstance(error, NoAppException) and isinstance(error.__cause__, ImportError):
        error = error.__cause__
    step: TracebackType | None = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename.startswith((_PACKAGE, "<frozen importlib")):
        step = step.tb_next
    return error.with_traceback(step)


def _show(error: Exception) -> None:
    """Prints an error of loading the application: its traceback, or just the message that no application is there."""
    if isinstance(error, NoAppException):
        click.secho(f"Error: {error.format_message()}", err=True, fg="red")
    else:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def _ended(exit: SystemExit) -> Exception:
    """Returns an error in the place of the end of the process that the application's code asks for."""
    error = RuntimeError(f"The application ended the process while it was loaded: sys.exit({exit.code!r}).")
    return error.with_traceback(exit.__traceback__)


def load_for_server(info: ScriptInfo, use_reloader: bool) -> WSGIApplication:
    """Returns the application, or with the reloader one that shows why it cannot be loaded until that is mended.

    :raises NoAppException: where there is no application, unless it went missing while the server was running.
    :raises SystemExit: with 1 where it cannot be loaded and nothing would reload it.
    """
    try:
        application: WSGIApplication = info.load_app()
        # A function given to FlaskGroup may return a middleware, which has no settings.
        check_trusted_hosts(getattr(application, "config", {}))
        return application
    except (Exception, SystemExit) as found:
        if isinstance(found, SystemExit):
            if not (use_reloader or server.is_reloading()):
                raise
            # Else the server would end, or with exit code 3 start again and again.
            found = _ended(found)
        error = own_error(found)
        if server.is_reloading():
            _show(error)
            return server.FailedApplication(error)
        if isinstance(error, NoAppException):
            raise error from None
        if use_reloader:
            # The process that the reloader starts shows it.
            return server.FailedApplication(error)
        _show(error)
        raise SystemExit(1) from None


@click.command("run", short_help="Run the development server.")
@click.option("--host", "-h", cls=EnvironmentOption, default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--port",
    "-p",
    cls=EnvironmentOption,
    type=click.IntRange(0, 65535),
    metavar="INTEGER",
    default=5000,
    help="The port to listen on; 0 takes a free one.",
)
@click.option(
    "--cert",
    cls=EnvironmentOption,
    type=CertParamType(),
    help="Serve https with this certificate file, or 'adhoc' for one made on the spot, or the import name of an"
    " SSLContext.",
    is_eager=True,
)
@click.option(
    "--key",
    cls=EnvironmentOption,
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=_validate_key,
    expose_value=False,
    help="The key file of the certificate.",
)
@click.option(
    "--reload/--no-reload",
    cls=EnvironmentOption,
    default=None,
    help="Start again when a file changes, or do not. The default is on in debug mode.",
)
@click.option(
    "--debugger/--no-debugger",
    cls=EnvironmentOption,
    default=None,
    help="Show an interactive debugger on errors, or do not. The default is on in debug mode.",
)
@click.option(
    "--with-threads/--without-threads",
    cls=EnvironmentOption,
    default=True,
    help="Handle requests in several threads, or one after the other.",
)
@click.option(
    "--extra-files",
    cls=EnvironmentOption,
    default=None,
    type=SeparatedPathType(),
    help=f"Files that also reload the server when they change, with {os.path.pathsep!r} between them.",
)
@click.option(
    "--exclude-patterns",
    cls=EnvironmentOption,
    default=None,
    type=SeparatedPathType(),
    help=f"Patterns of files that do not reload the server, as '*/cache/*', with {os.path.pathsep!r} between them.",
)
@pass_script_info
def run_command(
    info: ScriptInfo,
    host: str,
    port: int,
    reload: bool | None,
    debugger: bool | None,
    with_threads: bool,
    cert: TLS | None,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
) -> None:
    """Run the application in a server for development.

    It is neither safe nor fast enough for anything else. With --debug, it starts again when a file changes and shows
    an interactive debugger on errors.
    """
    started = time.time()
    application = load_for_server(info, environment.get_debug_flag() if reload is None else reload)
    debug = environment.get_debug_flag()
    show_server_banner(debug, info.app_import_path)
    try:
        server.run(
            application,
            host,
            port,
            debug=debug,
            use_reloader=reload,
            use_debugger=debugger,
            threaded=with_threads,
            ssl_context=cert,
            extra_files=extra_files,
            exclude_patterns=exclude_patterns,
            loading_since=started,
        )
    except server.StartError as error:
        raise click.ClickException(str(error)) from error


run_command.params.insert(0, debug_option)


def run_app(
    app: App,
    host: str | None = None,
    port: int | None = None,
    debug: bool | None = None,
    load_dotenv: bool = True,
    **options: Any,
) -> None:
    """Serves an application from its own code; what ``App.run`` does.

    :param host: by default that of ``SERVER_NAME``, else ``127.0.0.1``.
    :param port: by default that of ``SERVER_NAME``, else 5000.
    :param debug: sets the application's debug mode; by default the environment says, after ``.env`` files were read.
    :param load_dotenv: read ``.env`` and ``.costrelenv`` files.
    :param options: what :func:`costrel.server.run` takes.
    :raises ValueError: or TypeError, where the setting ``TRUSTED_HOSTS`` makes no sense.
    """
    if environment.variable("RUN_FROM_CLI") == "true":
        if not server.is_reloading():
            click.secho(
                " * A call of 'app.run()' was passed over, since it would block the command that is running.\n"
                "   Put it below 'if __name__ == \"__main__\":'.",
                fg="red",
                err=True,
            )
        return
    if environment.get_load_dotenv(load_dotenv):
        load_env_files()
        if environment.variable("DEBUG") is not None:
            app.debug = environment.get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    check_trusted_hosts(app.config)

    named_host, _, named_port = (app.config.get("SERVER_NAME") or "").partition(":")
    if port is None:
        port = int(named_port or 5000)
    options.setdefault("debug", app.debug)
    show_server_banner(app.debug, app.name)
    server.run(app, host or named_host or "127.0.0.1", int(port), **options)
