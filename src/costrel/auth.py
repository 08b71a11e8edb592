"""Passwords, and the two ways in which programs log in by a header: HTTP basic and bearer tokens.

Source: RFC 7617, RFC 6750, https://werkzeug.palletsprojects.com/en/stable/utils/#module-werkzeug.security
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized
from werkzeug.http import quote_header_value
from werkzeug.security import check_password_hash, generate_password_hash

from costrel.context import request

U = TypeVar("U")


def hash_password(password: str) -> str:
    """Returns what to store of a password: a scrypt hash with a salt of its own.

    It takes 50 ms and 32 MiB on purpose, so that whoever steals the hashes can try few passwords.
    """
    return generate_password_hash(password)


def check_password(stored: str | None, password: str) -> bool:
    """Tells whether a password is the one that was stored; the time does not tell how much of it is right.

    :param stored: what :func:`hash_password` has returned; None for a user that there is not, which takes as long.

    >>> check_password(hash_password("correct horse"), "correct horse")
    True
    """
    if stored is None:
        check_password_hash(_nobody(), password)
        return False
    return check_password_hash(stored, password)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return generate_password_hash("")


def basic_auth(check: Callable[[str, str], U | None], realm: str = "Login") -> U:
    """Returns the user that the request names by HTTP basic authentication (RFC 7617), or answers 401.

    :param check: takes name and password and returns the user, or None or False where they are wrong.
    :param realm: what the browser calls the place that asks.
    :raises Unauthorized: no or wrong credentials (401).
    """
    credentials = request.authorization
    if credentials is not None and credentials.type == "basic":
        user = check(credentials.username or "", credentials.password or "")
        if user is not None and user is not False:
            return user
    raise _refusal("basic", {"realm": realm, "charset": "UTF-8"})


def bearer_auth(check: Callable[[str], U | None], realm: str = "API") -> U:
    """Returns the user that the request names by a bearer token (RFC 6750), or answers 401.

    :param check: takes the token and returns the user, or None or False where it is wrong.
    :param realm: what is called the place that asks.
    :raises Unauthorized: no or a wrong token (401).
    """
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not credentials.token:
        raise _refusal("bearer", {"realm": realm})
    user = check(credentials.token)
    if user is not None and user is not False:
        return user
    raise _refusal("bearer", {"realm": realm, "error": "invalid_token"})


class Challenge(WWWAuthenticate):
    """A ``WWW-Authenticate`` header whose values are all in quotes, as a realm has to be (RFC 9110 §11.5)."""

    def to_header(self) -> str:
        """Returns the value of the header."""
        values = ", ".join(f"{name}={quote_header_value(value, False)}" for name, value in self.parameters.items())
        return f"{self.type.title()} {values}"


def _refusal(scheme: str, parameters: dict[str, str | None]) -> Unauthorized:
    return Unauthorized(www_authenticate=Challenge(scheme, parameters))
