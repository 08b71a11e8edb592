"""The application's logger, which writes to the server's error stream unless the program sets up logging itself.

Source: https://flask.palletsprojects.com/en/stable/logging/
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from werkzeug.local import LocalProxy

from costrel.context import current_context

if TYPE_CHECKING:
    from costrel.app import App


def _errors_stream() -> TextIO:
    context = current_context.get(None)
    request_context = None if context is None else context.request_context()
    if request_context is None:
        return sys.stderr
    # PEP 3333 demands the stream, but a hand-made environ may lack it, and an error must not hide another one.
    return cast(TextIO, request_context.environ.get("wsgi.errors") or sys.stderr)


#: The ``wsgi.errors`` stream of the current request, or ``sys.stderr`` without one. A logging configuration in a file
#: or dict can refer to it as ``ext://costrel.logging.wsgi_errors_stream``.
wsgi_errors_stream: TextIO = LocalProxy(_errors_stream)  # type: ignore[assignment]

#: Writes records to :data:`wsgi_errors_stream`; an application's logger has it where nothing else handles its level.
default_handler: logging.StreamHandler[Any] = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s"))


def has_level_handler(logger: logging.Logger) -> bool:
    """Tells whether a record of the logger's effective level would reach a handler, its own or a parent's."""
    level = logger.getEffectiveLevel()
    current: logging.Logger | None = logger
    while current is not None:
        if any(handler.level <= level for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def printable(text: str) -> str:
    r"""Returns a text of the client for the log: what would begin a line or command a terminal is escaped.

    >>> print(printable("/a\r\nERROR: forged"))
    /a\r\nERROR: forged
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def create_logger(app: App) -> logging.Logger:
    """Returns the logger of the application's name, set up where the program has not done so.

    In debug mode its level becomes DEBUG unless it has one; without a handler for its level it gets
    :data:`default_handler`.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger
