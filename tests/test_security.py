"""The guards of the message let through what can be sent and refuse what cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import get_host

from costrel.security import (
    DEFAULT_LIMITS,
    Limit,
    _cached_host,
    check_cookie_attribute,
    check_cookie_name,
    check_header_name,
    check_header_value,
    check_redirect_target,
    check_status,
    no_settings,
    validate_host,
)

HOSTS = st.one_of(
    st.none(),
    st.sampled_from(["localhost:80", "example.org:443", "www.example.org", "[::1]:80", "a b", "", "x" * 300]),
    st.text("ab.:[]1 \r\nä", max_size=8),
)


@given(
    st.sampled_from(["http", "https", "ws", "wss"]),
    HOSTS,
    st.sampled_from([None, ("localhost", 80), ("::1", 5000), ("/run/socket", None)]),
    st.sampled_from([None, [], ["example.org"], [".example.org", "localhost"], (".org",), "example.org"]),
)
def test_host_is_werkzeugs(scheme: str, header: Any, server: Any, trusted: Any) -> None:
    """The verdict on a host is werkzeug's, the first time and from the cache."""

    def verdict(function: Any) -> Any:
        try:
            return function(scheme, header, server, trusted)
        except SecurityError as error:
            return error.description

    expected = verdict(get_host)
    assert verdict(validate_host) == verdict(validate_host) == expected


def test_host_cache_is_bounded() -> None:
    """Neither many nor long host names fill the memory."""
    _cached_host.cache_clear()
    validate_host("http", "x" * 10_000, None)
    assert _cached_host.cache_info().currsize == 0
    for number in range(1_000):
        validate_host("http", f"host{number}", None)
    assert _cached_host.cache_info().currsize == 512


@pytest.mark.parametrize(
    ("check", "accepted", "refused"),
    [
        (check_header_name, ["X-Note", "a", "x_y!"], ["", "a b", "a:b", "a\r\n", "ä", "a\n", "\x00"]),
        (check_header_value, ["", "a b", "a\tb", "ä", "日本", "\x7f"], ["a\r\nb", "\n", "\r", "a\x00"]),
        (check_status, ["200 OK", "299 Schön"], ["200 OK\r\nA: b", "200\x00", "200 \t"]),
        (check_cookie_name, ["a", "__Host-a", "ä", "a'b"], ["", "a b", "a;b", "a=b", "a\n", 'a"']),
        (
            check_redirect_target,
            ["/next", "http://ä.org/?a=b c"],
            ["/\t/evil.org", "/\r\nA: b", "java\nscript:"],
        ),
    ],
)
def test_checks(check: Any, accepted: list[str], refused: list[str]) -> None:
    """Each check returns what is right as it is, and shows what is wrong."""
    for text in accepted:
        assert check(text) is text
    for text in refused:
        with pytest.raises(ValueError, match=r"not valid|must not|control character"):
            check(text)


def test_cookie_attribute() -> None:
    """An attribute of a cookie may be no text at all, or text without a separator."""
    check_cookie_attribute("domain", None)
    check_cookie_attribute("expires", 5)
    check_cookie_attribute("domain", "example.org")
    with pytest.raises(ValueError, match="domain 'a; Secure'"):
        check_cookie_attribute("domain", "a; Secure")


def test_messages_are_short() -> None:
    """A long text is not repeated in full in a message."""
    with pytest.raises(ValueError, match="newline") as caught:
        check_header_value("x" * 1_000 + "\n")
    assert len(str(caught.value)) < 300


def test_default_limits() -> None:
    """The limits are in one table that nobody changes by accident."""
    assert dict(DEFAULT_LIMITS) == {
        "MAX_CONTENT_LENGTH": 16_777_216,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1_000,
    }
    with pytest.raises(TypeError):
        DEFAULT_LIMITS["MAX_FORM_PARTS"] = 5  # type: ignore[index]


def test_limit_order() -> None:
    """A limit is the message's own, else the setting, else the default."""

    class Message:
        current_settings = staticmethod(no_settings)
        size: Any = Limit("SIZE", 1)

    class Configured(Message):
        current_settings = staticmethod(lambda: {"SIZE": 2})

    class Silent(Message):
        current_settings = staticmethod(lambda: dict[str, int]())

    assert (Message().size, Configured().size, Silent().size) == (1, 2, 1)
    message = Configured()
    message.size = 3
    assert message.size == 3
    assert Message.size.setting == "SIZE"
