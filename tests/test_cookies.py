"""The text of Set-Cookie headers equals what werkzeug writes for the same settings."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import dump_cookie

from costrel.cookies import cookie_parts, cookie_text, http_date_text

NAMES = ("key", "domain", "path", "secure", "httponly", "samesite", "partitioned")
SETTINGS = st.tuples(
    st.sampled_from(["session", "__Host-id", "a.b"]),
    st.sampled_from([None, "example.com"]),
    st.sampled_from(["/", "/shop"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "Lax", "Strict", "None"]),
    st.booleans(),
).map(lambda values: dict(zip(NAMES, values, strict=True)))
VALUES = st.text("abcXYZ019-_.", min_size=1)
TIMES = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(timezone.utc))


@given(value=VALUES, expires=TIMES, settings=SETTINGS)
def test_equals_werkzeug(value: str, expires: datetime | None, settings: dict[str, Any]) -> None:
    """Every combination of settings, dates and values gives the header that werkzeug's own function gives."""
    assert cookie_text(value, expires, settings) == dump_cookie(value=value, expires=expires, **settings)


@given(value=VALUES, settings=SETTINGS)
def test_the_parts_of_a_header(value: str, settings: dict[str, Any]) -> None:
    """Between the parts stand the value, and the date where there is one."""
    before, after, end = cookie_parts(*settings.values())
    moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
    assert f"{before}{value}{after}{end}" == dump_cookie(value=value, **settings)
    dated = f"{before}{value}{after}; Expires={http_date_text(moment)}{end}"
    assert dated == dump_cookie(value=value, expires=moment, **settings)


@pytest.mark.parametrize("second", [0, 1])
def test_the_date_changes_with_the_second(second: int) -> None:
    """The text of a date is not kept beyond its second."""
    settings: dict[str, Any] = dict(zip(NAMES, ("session", None, "/", False, True, None, False), strict=True))
    moment = datetime(2030, 1, 1, 12, 0, second, 999, tzinfo=timezone.utc)
    assert f"Expires=Tue, 01 Jan 2030 12:00:0{second} GMT" in cookie_text("v", moment, settings)
