"""The development server: werkzeug's, which keeps serving broken code until it is mended and says what to do.

It knows nothing of an application but that it is a WSGI callable. It is for development only: the interactive
debugger, which runs code that a browser sends, is added here and nowhere else.

Source: https://werkzeug.palletsprojects.com/en/stable/serving/
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from werkzeug import serving

from costrel.masking import mask_query

if TYPE_CHECKING:
    import ssl

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    TLS = ssl.SSLContext | tuple[str, str | None] | Literal["adhoc"]

#: Seconds between two looks at the files. A reload has to show within 2 s of saving, start of the process included.
RELOAD_INTERVAL = 0.5

#: The exit code by which the process that serves asks the process that watches it to start it again.
RESTART = 3


class StartError(Exception):
    """The development server cannot be started with these arguments; the message says what to write instead."""


class FailedApplication:
    """A WSGI application in the place of one that could not be loaded: every request raises the error of loading it.

    The debugger then shows that error in the browser. The server watches the files that the error came from, among
    them a file with a SyntaxError, which no loaded module stands for.

    :param error: the error, with the traceback that is to be shown.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.traceback: TracebackType | None = error.__traceback__
        self.files = files_of(error)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:
        # werkzeug's debugger leaves this step out, so that the page begins with the application's own code.
        __traceback_hide__ = self.traceback is not None
        # The traceback is set anew, since each raise would make the previous one longer.
        raise self.error.with_traceback(self.traceback if __traceback_hide__ else None)


def files_of(error: BaseException) -> list[str]:
    """Returns the existing source files that an error, its causes and their tracebacks name.

    >>> try:
    ...     compile("x ==", "/nowhere/broken.py", "exec")
    ... except SyntaxError as error:
    ...     files_of(error)
    []
    """
    names: dict[str, None] = {}
    pending: BaseException | None = error
    while pending is not None:
        step = pending.__traceback__
        while step is not None:
            names[step.tb_frame.f_code.co_filename] = None
            step = step.tb_next
        if isinstance(pending, SyntaxError) and pending.filename is not None:
            names[pending.filename] = None
        pending = pending.__cause__ or pending.__context__
    return [name for name in names if os.path.isfile(name)]


def is_reloading() -> bool:
    """Tells whether this is the process that the reloader starts anew after each change."""
    return serving.is_running_from_reloader()


def changed_since(moment: float, files: Iterable[str] = (), exclude_patterns: Iterable[str] = ()) -> str | None:
    """Returns a source file that was changed while this process was loading it, or None.

    The reloader looks at the files only once the application is loaded, and takes what it finds for the loaded
    state; a file that is saved twice in short order would stay at its first version.

    :param moment: the time before loading, in seconds as of ``time.time()``.
    :param files: files to look at besides those of the loaded modules.
    :param exclude_patterns: :mod:`fnmatch` patterns of files that do not count.
    """
    now = time.time()
    loaded: list[str | None] = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    for name in dict.fromkeys([*filter(None, loaded), *files]):
        try:
            modified = os.stat(name).st_mtime
        except OSError:
            continue
        # A time in the future means a file system with another clock, which would make this reload for ever.
        if moment < modified <= now and not any(fnmatch.fnmatch(name, pattern) for pattern in exclude_patterns):
            return name
    return None


# budget: sixteen parameters, one a line where they come in, are explained, and go on.
def run(
    application: WSGIApplication,
    host: str = "127.0.0.1",
    port: int = 5000,
    *,
    debug: bool = False,
    use_reloader: bool | None = None,
    use_debugger: bool | None = None,
    threaded: bool = True,
    ssl_context: TLS | None = None,
    extra_files: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    loading_since: float | None = None,
    trusted_hosts: Sequence[str] | None = None,
    **options: Any,
) -> None:
    """Serves a WSGI application until it is interrupted.

    :param host: address or name to listen on, or ``unix://`` and a path.
    :param port: 0 to 65535; 0 takes a free one.
    :param debug: whether to use the reloader and the debugger where the next two do not say.
    :param ssl_context: a context, the paths of certificate and key, or ``"adhoc"`` for a certificate made on the spot.
    :param exclude_patterns: :mod:`fnmatch` patterns of files that do not reload the server.
    :param loading_since: when loading the application began, in seconds as of ``time.time()``; a file that changed
        after that reloads the server at once.
    :param trusted_hosts: hosts besides this machine's own that the debugger may show errors to; by default those of
        the setting ``TRUSTED_HOSTS``, if the application has settings.
    :param options: whatever else ``werkzeug.serving.run_simple`` takes; these above are its own too.
    :raises StartError: where port or certificate cannot be used, or where no debugger may run.
    :raises SystemExit: with 1 where the port is taken; why and what to do is printed.
    """
    use_reloader = debug if use_reloader is None else use_reloader
    watched = list(extra_files or ())
    if isinstance(application, FailedApplication):
        watched += application.files
    check_port(port)
    check_tls(ssl_context)
    use_debugger = debug if use_debugger is None else use_debugger
    if use_debugger:
        check_debugger()
        application = add_debugger(application, host, trusted_hosts, options.pop("use_evalex", True))
    if use_reloader and loading_since is not None and is_reloading():
        restart_if_changed(loading_since, watched, exclude_patterns or ())
    options.setdefault("reloader_interval", RELOAD_INTERVAL)
    options.setdefault("request_handler", RequestHandler)
    with _explained(host, port):
        serving.run_simple(  # looked up on each call, since tests replace it in its module
            host,
            port,
            application,
            use_reloader=use_reloader,
            use_debugger=False,  # ours is added already
            threaded=threaded,
            ssl_context=ssl_context,
            extra_files=watched or None,
            exclude_patterns=exclude_patterns,
            **options,
        )


class RequestHandler(serving.WSGIRequestHandler):
    """Handles one connection; what it prints of a request has no tokens and passwords in it."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Prints a line for a request."""
        kept = dict(vars(self))
        for name in ("path", "requestline"):
            if name in kept:
                setattr(self, name, mask_query(kept[name]))
        try:
            super().log_request(code, size)
        finally:
            vars(self).update(kept)


def add_debugger(
    application: WSGIApplication, host: str, trusted_hosts: Sequence[str] | None, use_evalex: bool
) -> WSGIApplication:
    """Returns the application behind the debugger."""
    # Start-up: only debug mode needs it.
    from costrel.debugger import Debugger

    if trusted_hosts is None:
        settings = getattr(application, "config", None)
        trusted_hosts = settings.get("TRUSTED_HOSTS") if isinstance(settings, Mapping) else None
    return Debugger(application, host, trusted_hosts or (), evalex=use_evalex)


def check_debugger() -> None:
    """Raises StartError where the process runs for others than its developer.

    That is where ``COSTREL_ENV`` or ``FLASK_ENV`` is ``production``, and where a production server runs the code.
    """
    reason = next(
        (
            f"the environment variable {name} says {value!r}"
            for name in ("COSTREL_ENV", "FLASK_ENV")
            if (value := os.environ.get(name, "")).strip().lower() in ("production", "prod")
        ),
        None,
    )
    software = os.environ.get("SERVER_SOFTWARE", "")
    if reason is None and (software or "uwsgi" in sys.modules or "mod_wsgi" in sys.modules):
        reason = f"a production server{software and f', {software},'} runs this process"
    if reason is not None:
        raise StartError(
            f"The debugger lets a browser run code on this machine, but {reason}. Leave debug mode off: no --debug,"
            " COSTREL_DEBUG or run(debug=True). To look for an error here, read the log; for the reloader alone"
            " write --reload --no-debugger."
        )


@contextlib.contextmanager
def _explained(host: str, port: int) -> Iterator[None]:
    """Prints what to do where werkzeug exits because it cannot have the address; it prints the system's words."""
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, OSError):
            print(remedy(stop.__context__, host, port), file=sys.stderr)
        raise


def restart_if_changed(moment: float, files: Iterable[str], exclude_patterns: Iterable[str]) -> None:
    """Ends this process so that it is started again, if a file has changed since the moment.

    :raises SystemExit: with :data:`RESTART`.
    """
    changed = changed_since(moment, files, exclude_patterns)
    if changed is not None:
        print(f" * {changed!r} changed while it was being loaded, reloading", file=sys.stderr)
        sys.exit(RESTART)


def remedy(error: OSError, host: str, port: int) -> str:
    """Returns what to do where the server cannot have its address.

    >>> remedy(OSError(errno.EADDRINUSE, "Address already in use"), "127.0.0.1", 5000)
    'Port 5000 is taken. Choose another one: --port 5001, or run(port=5001) in code.'
    """
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 5000
        return f"Port {port} is taken. Choose another one: --port {other}, or run(port={other}) in code."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023, such as --port 5000."
    return f"{host!r} is not an address of this machine. Use --host 127.0.0.1, or --host 0.0.0.0 for all of them."


def check_port(port: int) -> None:
    """Raises StartError for a number that is no TCP port."""
    if not 0 <= port <= 65535:
        raise StartError(f"The port {port} is not between 0 and 65535; use one above 1023, such as 5000.")


def check_tls(ssl_context: TLS | None) -> None:
    """Raises StartError where the certificate cannot be used, before a socket has been opened for it."""
    if ssl_context == "adhoc":
        if not has_cryptography():
            raise StartError(
                "A certificate made on the spot (adhoc) needs the cryptography package:"
                ' pip install "costrel[tls]", or give the files of a certificate and its key.'
            )
    elif isinstance(ssl_context, tuple):
        certificate, key = ssl_context
        try:
            serving.load_ssl_context(certificate, key)
        except OSError as error:  # ssl.SSLError is one too
            raise StartError(
                f"The certificate {certificate!r} with the key {key!r} cannot be loaded: {error}."
                " Both have to be PEM files, and the key has to be that of the certificate."
            ) from error


def has_cryptography() -> bool:
    """Tells whether the package that ``adhoc`` certificates need is installed."""
    # Optional dependency: costrel[tls].
    try:
        import cryptography  # noqa: F401
    except ImportError:
        return False
    return True
