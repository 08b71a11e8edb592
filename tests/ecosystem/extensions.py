"""The extensions that are tested, with the program that uses each, and what it needs besides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Extension:
    """One extension.

    ``distribution`` is its name in the package index; the file of its program is that name with underscores.
    """

    distribution: str
    #: Distributions that the program needs besides.
    others: tuple[str, ...] = ()
    #: Programs of the machine that it needs: ``redis-server``, ``chromium``, ``chromedriver``.
    commands: tuple[str, ...] = ()
    #: Modules that pytest is to load as plugins.
    plugins: tuple[str, ...] = ()

    @property
    def program(self) -> Path:
        """The file with the application and its tests."""
        return PROGRAMS / f"with_{self.distribution.replace('-', '_')}.py"

    def __str__(self) -> str:
        return self.distribution


EXTENSIONS = (
    Extension("apiflask"),
    Extension("celery", others=("redis",), commands=("redis-server",)),
    Extension("flask-admin", others=("flask-babel", "flask-sqlalchemy")),
    Extension("flask-babel"),
    Extension("flask-caching", others=("redis",), commands=("redis-server",)),
    Extension("flask-compress", others=("brotli",)),
    Extension("flask-cors"),
    Extension("flask-debugtoolbar", others=("flask-sqlalchemy",)),
    Extension("flask-httpauth"),
    Extension("flask-jwt-extended"),
    Extension("flask-limiter", others=("redis", "rich"), commands=("redis-server",)),
    Extension("flask-login"),
    Extension("flask-mail", others=("aiosmtpd",)),
    Extension("flask-migrate", others=("flask-sqlalchemy",)),
    Extension("flask-principal"),
    Extension("flask-restful"),
    Extension("flask-restx", others=("selenium",), commands=("chromium", "chromedriver")),
    Extension("flask-security-too", others=("argon2-cffi", "flask-mail", "flask-sqlalchemy")),
    Extension("flask-session", others=("cachelib", "redis"), commands=("redis-server",)),
    Extension("flask-smorest"),
    Extension("flask-socketio", others=("python-socketio", "requests", "websocket-client")),
    Extension("flask-sqlalchemy"),
    Extension("flask-talisman"),
    Extension("flask-wtf", others=("email-validator",)),
    Extension("opentelemetry-instrumentation-flask", others=("opentelemetry-sdk",)),
    Extension("prometheus-flask-exporter"),
    Extension("pytest-flask"),
    Extension("sentry-sdk", others=("flask-login",)),
)
