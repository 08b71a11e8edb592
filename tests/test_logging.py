"""Tests of costrel.logging: the application's logger and where it writes."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from costrel import App
from costrel.logging import create_logger, default_handler, has_level_handler, printable, wsgi_errors_stream
from tests.support.environ import call, errors_of, make_environ


@pytest.fixture(autouse=True)
def _clean_loggers(pytestconfig: pytest.Config) -> Iterator[None]:
    """Takes the handlers off the root logger and the application's, pytest's among them, and puts them back."""
    plugin = pytestconfig.pluginmanager.unregister(name="logging-plugin")
    loggers = [logging.getLogger(), logging.getLogger("test_app")]
    saved = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers = []
    logging.getLogger("test_app").setLevel(logging.NOTSET)
    yield
    for logger, handlers, level, propagate in saved:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    if plugin is not None:
        pytestconfig.pluginmanager.register(plugin, "logging-plugin")


def test_the_logger_is_named_like_the_application(app: App) -> None:
    """The logger has the application's name, no level of its own, and the default handler."""
    logger = app.logger
    assert logger is logging.getLogger("test_app")
    assert (logger.level, logger.handlers) == (logging.NOTSET, [default_handler])


def test_debug_mode_logs_everything(app: App) -> None:
    """In debug mode the level becomes DEBUG, unless the program has set one."""
    app.debug = True
    assert create_logger(app).level == logging.DEBUG
    logging.getLogger("test_app").setLevel(logging.ERROR)
    assert create_logger(app).level == logging.ERROR


@pytest.mark.parametrize("name", ["", "test_app"])
def test_a_program_that_sets_up_logging_is_left_alone(app: App, name: str) -> None:
    """With a handler of the program on the logger or the root logger, no other is added."""
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger(name).addHandler(handler)
    assert default_handler not in app.logger.handlers
    assert handler in logging.getLogger(name).handlers


def test_a_handler_counts_where_it_takes_the_level() -> None:
    """Only a handler that lets the effective level through counts, here or up the chain of propagation."""
    logger = logging.getLogger("test_app")
    assert has_level_handler(logger) is False
    handler = logging.StreamHandler()
    logging.root.addHandler(handler)
    assert has_level_handler(logger) is True
    logger.propagate = False
    assert has_level_handler(logger) is False
    logger.propagate = True
    handler.setLevel(logging.ERROR)
    assert has_level_handler(logger) is False


def test_records_of_a_request_go_to_its_error_stream(app: App) -> None:
    """Within a request a record is written to ``wsgi.errors``, with level, module and message."""

    @app.get("/")
    def index() -> str:
        app.logger.error("a %s", "mishap")
        return ""

    environ = make_environ()
    call(app, environ).read()
    assert errors_of(environ).endswith("ERROR in test_logging: a mishap\n")


def test_without_a_request_records_go_to_stderr(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a request, or in one whose environ has no error stream, ``sys.stderr`` is written to."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    app.logger.error("outside")
    with app.app_context():
        app.logger.error("in a command")
    environ = make_environ()
    del environ["wsgi.errors"]
    with app.request_context(environ):
        app.logger.error("inside")
    assert [line.rpartition(": ")[2] for line in stream.getvalue().splitlines()] == [
        "outside",
        "in a command",
        "inside",
    ]


def test_the_stream_can_be_used_by_other_handlers(app: App) -> None:
    """``wsgi_errors_stream`` follows the request, so that a handler can be made once."""
    environ = make_environ()
    handler = logging.StreamHandler(wsgi_errors_stream)
    with app.request_context(environ):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "hello", None, None))
    assert errors_of(environ) == "hello\n"


def test_an_unhandled_error_is_logged(app: App) -> None:
    """The traceback of an error that no handler wants goes to the error stream."""
    app.testing = False

    @app.get("/")
    def index() -> str:
        raise ValueError("unexpected")

    environ = make_environ()
    assert call(app, environ).status_code == 500
    assert "Exception on / [GET]" in errors_of(environ)
    assert "ValueError: unexpected" in errors_of(environ)


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("/über", "/über"),
        ("/a\r\nERROR: b", r"/a\r\nERROR: b"),
        ("/\x1b[2J\x7f", r"/\x1b[2J\x7f"),
        ("\u2028", r"\u2028"),
    ],
)
def test_a_path_writes_no_lines_of_its_own(text: str, logged: str) -> None:
    """Text of a client is logged on one line, and without commands for a terminal."""
    assert printable(text) == logged
