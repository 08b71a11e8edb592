"""The text of ``Set-Cookie`` headers whose settings stay the same from one response to the next."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from werkzeug.http import http_date

from costrel.response import Response


@lru_cache(64, typed=True)
def cookie_parts(
    key: str, domain: str | None, path: str, secure: bool, httponly: bool, samesite: str | None, partitioned: bool
) -> tuple[str, str, str]:
    """Returns the text of a ``Set-Cookie`` header before the value, between value and expiry date, and after it."""
    response = Response()
    response.set_cookie(key, "", None, 0, path, domain, secure, httponly, samesite, partitioned)
    head, _, end = response.headers["Set-Cookie"].partition("; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    start = len(key.encode()) + len("=")
    return head[:start], head[start:], end


def cookie_text(value: str, expires: datetime | None, settings: dict[str, Any]) -> str:
    """Returns the text of a ``Set-Cookie`` header; the value needs no quotes."""
    before, after, end = cookie_parts(*settings.values())
    date = "" if expires is None else f"; Expires={http_date_text(expires)}"
    return f"{before}{value}{after}{date}{end}"


_last_date: list[tuple[datetime, str]] = [(datetime.min, "")]


def http_date_text(moment: datetime) -> str:
    """Returns what werkzeug's ``http_date`` returns, remembered for the rest of the second."""
    second = moment.replace(microsecond=0)
    last, text = _last_date[0]
    if last != second:
        text = http_date(second)
        _last_date[0] = (second, text)
    return text
