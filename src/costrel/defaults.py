"""What every setting of an application is until the program sets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import ImmutableDict

from costrel.security import DEFAULT_LIMITS

#: The settings of a new :class:`~costrel.App`; the page about settings says what each means.
DEFAULT_CONFIG = ImmutableDict(
    {
        "APPLICATION_ROOT": "/",
        "CHECK_HOST": True,
        "CROSS_ORIGIN_PROTECTION": True,
        "DEBUG": None,
        "DEFAULT_HEADERS": ImmutableDict({"X-Content-Type-Options": "nosniff"}),
        "EXPLAIN_TEMPLATE_LOADING": False,
        "LIMIT_URLENCODED_FORMS": True,
        **DEFAULT_LIMITS,
        "MAX_COOKIE_SIZE": 4093,
        "NORMALIZE_REDIRECTS": True,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
        "PREFERRED_URL_SCHEME": "http",
        "PROPAGATE_EXCEPTIONS": None,
        "PROVIDE_AUTOMATIC_OPTIONS": True,
        "REFUSE_LARGE_COOKIES": True,
        "REFUSE_NAMELESS_PARTS": True,
        "SECRET_KEY": None,
        "SECRET_KEY_FALLBACKS": None,
        "SEND_FILE_MAX_AGE_DEFAULT": None,
        "SERVER_NAME": None,
        "SESSION_COOKIE_DOMAIN": None,
        "SESSION_COOKIE_HOST_PREFIX": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "session",
        "SESSION_COOKIE_PARTITIONED": False,
        "SESSION_COOKIE_PATH": None,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": None,
        "SESSION_ENCRYPT": False,
        "SESSION_REFRESH_EACH_REQUEST": True,
        "TEMPLATES_AUTO_RELOAD": None,
        "TESTING": False,
        "TRAP_BAD_REQUEST_ERRORS": None,
        "TRAP_HTTP_EXCEPTIONS": False,
        "TRUSTED_HOSTS": None,
        "TRUSTED_ORIGINS": None,
        "USE_X_SENDFILE": False,
    }
)

#: What the safer ones of them are in Flask, and so under ``costrel.as_flask``.
FLASK_DEFAULTS: Mapping[str, Any] = {
    "CHECK_HOST": False,
    "CROSS_ORIGIN_PROTECTION": False,
    "DEFAULT_HEADERS": ImmutableDict(),
    "LIMIT_URLENCODED_FORMS": False,
    "MAX_CONTENT_LENGTH": None,
    "MAX_JSON_DEPTH": None,
    "MAX_JSON_INTEGER_DIGITS": None,
    "MAX_QUERY_FIELDS": None,
    "NORMALIZE_REDIRECTS": False,
    "REFUSE_LARGE_COOKIES": False,
    "REFUSE_NAMELESS_PARTS": False,
    "SESSION_COOKIE_HOST_PREFIX": False,
    "SESSION_COOKIE_SAMESITE": None,
    "SESSION_COOKIE_SECURE": False,
}
