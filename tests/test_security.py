"""The guards of the message let through what can be sent and refuse what cannot."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import get_host

from costrel.security import (
    DEFAULT_LIMITS,
    CookieTooLarge,
    Limit,
    _cached_host,
    check_cookie_attribute,
    check_cookie_name,
    check_cookie_size,
    check_header_charset,
    check_header_name,
    check_header_value,
    check_redirect_target,
    check_status,
    check_trusted_hosts,
    clean_file_name,
    is_own_target,
    no_settings,
    normalize_redirect_target,
    validate_host,
    without_port,
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
    ("patterns", "accepted", "refused"),
    [
        (["*.example.org"], ["a.example.org", "a.b.example.org:81", "A.Example.ORG"], ["example.org", "aexample.org"]),
        (["*.example.org", "example.org"], ["example.org", "a.example.org"], ["example.org.evil.example", "org"]),
        (["*.example.org", ".example.com"], ["example.com", "a.example.com", "a.example.org"], ["example.org", ""]),
        (["*.münchen.example"], ["www.xn--mnchen-3ya.example"], ["xn--mnchen-3ya.example", "www.example"]),
    ],
)
def test_trusted_subdomains(patterns: list[str], accepted: list[str], refused: list[str]) -> None:
    """A star stands for subdomains of any depth, but not for the domain itself or for what ends like it."""
    for host in accepted:
        assert validate_host("http", host, None, patterns) == host
    for host in [*refused, "a.example.org@evil.example", "evil.example/a.example.org"]:
        with pytest.raises(SecurityError, match="not trusted"):
            validate_host("http", host, None, patterns)


@pytest.mark.parametrize("pattern", ["*.", "**", "*example.org", "www.*.org", "*.*.org", "https://*.example.org"])
def test_stars_in_other_places_are_refused(pattern: str) -> None:
    """A pattern that means nothing is an error, or where there is none as with Flask, one that nothing matches."""
    with pytest.raises(ValueError, match=r"only at the beginning: '\*\.example\.com'|Write TRUSTED_HOSTS"):
        validate_host("http", "example.org", None, [pattern], True)
    for host in ("example.org", "www.example.org", "www.x.org", "a.b.org"):
        with pytest.raises(SecurityError, match="not trusted"):
            validate_host("http", host, None, [pattern])
        assert validate_host("http", host, None, [pattern, host]) == host


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("http://example.com", ["example.com"]),
        ("https://example.com:8443/shop", ["example.com:8443"]),
        ("//example.com", ["example.com"]),
        ("example.com/", ["example.com"]),
        ("example.com ", ["example.com"]),
        ("example.com, *.example.org", ["example.com", "*.example.org"]),
        ("https://*.example.com", ["*.example.com"]),
        (" ", ["example.com"]),
    ],
)
@pytest.mark.parametrize("host", ["example.com", "www.example.org", "localhost"])
def test_trusted_hosts_that_are_no_names_are_explained(pattern: str, names: list[str], host: str) -> None:
    """An address, a space or several names in one text would silently refuse every request; the error has the names."""
    for patterns in ([pattern], ["example.com", pattern], pattern):
        with pytest.raises(ValueError, match=re.escape(f"Write TRUSTED_HOSTS = {names}.")):
            validate_host("http", host, None, patterns, True)
        validate_host("http", "example.com", None, ["example.com", "other"], True)


@pytest.mark.parametrize(
    "hosts", [None, [], "", "example.com", ["*"], ["*.example.com", ".example.org", "[::1]:8000"], {"a_b"}]
)
def test_trusted_hosts_that_are_right(hosts: Any) -> None:
    """One name, several in any collection, stars and ports are accepted."""
    settings = {"CHECK_HOST": True, "TRUSTED_HOSTS": hosts}
    assert check_trusted_hosts(settings) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        (["example.com/"], "Write TRUSTED_HOSTS = ['example.com']."),
        ("example.com,example.org", "Write TRUSTED_HOSTS = ['example.com', 'example.org']."),
        (["*", "example.*"], "only at the beginning"),
        (True, "must be a list of host names"),
        (b"example.com", "must be a list of host names"),
        (["example.com", None], "must be a list of host names"),
        (iter(["example.com"]), "must be a list of host names"),
    ],
)
def test_trusted_hosts_that_are_wrong(hosts: Any, message: str) -> None:
    """What every request would fail with is refused at once, unless hosts are not checked."""
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        check_trusted_hosts({"CHECK_HOST": True, "TRUSTED_HOSTS": hosts})
    check_trusted_hosts({"CHECK_HOST": False, "TRUSTED_HOSTS": hosts})
    check_trusted_hosts({"TRUSTED_HOSTS": hosts})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Example.com:80", "example.com"),
        ("example.com", "example.com"),
        ("[2001:DB8::1]:8000", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("", ""),
    ],
)
def test_hosts_without_their_port(host: str, expected: str) -> None:
    """The last number after a colon is left out, and none of those in brackets."""
    assert without_port(host) == expected


def test_an_address_of_ipv6_can_be_trusted() -> None:
    """It is compared as a whole, without the port and in any case of its letters; another one is refused."""
    for patterns in (["[2001:db8::1]"], ["example.com", "[2001:DB8::1]:443"]):
        for host in ("[2001:db8::1]", "[2001:db8::1]:8000", "[2001:DB8::1]"):
            assert validate_host("http", host, None, patterns, True) == host
        for host in ("[2001:db8::2]", "[2001:db8::1]x", "[2001", "[::1]"):
            with pytest.raises(SecurityError):
                validate_host("http", host, None, patterns, True)


def test_a_star_alone_accepts_all_hosts() -> None:
    """``*`` says that every host is the application's own, but not that every text is a host."""
    assert validate_host("http", "anything.example", None, ["*"], True) == "anything.example"
    with pytest.raises(SecurityError, match="is not a host name"):
        validate_host("http", "a@b", None, ["*"], True)


VALID_HOSTS = ["localhost", "localhost:5000", "example.org.", "a-b.example.org", "127.0.0.1", "[::1]:81", "my_app:5000"]
INVALID_HOSTS = [
    *("", " ", "a b", "a@b", "user:pw@b", "a/b", "a?b", "a#b", "a\\b", "<a>", "ä", "a\r\nb", "a\x00", "a,b", "%61"),
    *("a:", "a:0", "a:99999", "a:b", "a:80:80", ":80", "::1", "[::1", "[a]", "..", "a..b", ".a", "my_app@b", "_:0"),
]


def test_what_is_a_host() -> None:
    """Strictly, a header that is no host is refused; else it counts as none, as with werkzeug."""
    for host in VALID_HOSTS:
        assert validate_host("http", host, None, None, strict=True) == get_host("http", host, None)
    for host in INVALID_HOSTS:
        with pytest.raises(SecurityError, match="is not a host name"):
            validate_host("http", host, None, None, strict=True)
        assert validate_host("http", host, None) == get_host("http", host, None)
    assert validate_host("http", None, ("localhost", 80), None, strict=True) == "localhost"
    assert validate_host("http", None, None, None, strict=True) == ""


@pytest.mark.parametrize(
    ("check", "accepted", "refused"),
    [
        (check_header_name, ["X-Note", "a", "x_y!"], ["", "a b", "a:b", "a\r\n", "ä", "a\n", "\x00"]),
        (check_header_value, ["", "a b", "a\tb", "ä", "日本", "\x80"], ["a\r\nb", "\x7f", "\x01", "\n", "\r", "a\x00"]),
        (
            check_status,
            ["200 OK", "299 Schön", "100 Continue", "999 X", "404"],
            [
                *("200 OK\r\nA: b", "200\x00", "200 \t", "0 nonsense", "nonsense", "", "99999 X", "20 OK", "099 X"),
                *("-200 OK", "2e2 OK", "٢٠٠ OK", "200OK", "4_04 X", "1000"),
            ],
        ),
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


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a", "/a"),
        ("a//b", "a//b"),
        ("/a//b", "/a//b"),
        ("", ""),
        ("//evil.example/a", "/evil.example/a"),
        ("///evil.example", "/evil.example"),
        ("/\\evil.example", "/evil.example"),
        ("\\\\evil.example", "/evil.example"),
        ("\\/evil.example", "/evil.example"),
        (" //evil.example", "/evil.example"),
        ("/a\\b?c=\\d#\\e", "/a/b?c=\\d#\\e"),
        ("/a?next=//b\\c", "/a?next=//b\\c"),
        ("?q=\\", "?q=\\"),
        ("https://example.org//a", "https://example.org//a"),
        ("https:\\\\example.org", "https://example.org"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_redirect_targets_are_normalized(target: str, expected: str) -> None:
    """Backslashes are slashes as in browsers, and a path never names a host; queries and whole URLs stay."""
    assert normalize_redirect_target(target) == expected


OWN = ["/", "/a", "a", "a/b?c#d", "?page=2", "#top", "/a?next=//b", "/a?b=http://c", ".//a", "/ü", "/%2F/a", "a%3Ab"]
OWN_URLS = ["http://site.example", "http://site.example/a", "https://site.example", "HTTP://SITE.example:80/?a#b"]
FOREIGN: list[Any] = [
    *("//evil.example", "///evil.example", "////", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "\\"),
    *("/\t/evil.example", "\t//evil.example", " //evil.example", "//evil.example ", "/\n/evil.example", "\x00//a"),
    *("\u2003//evil.example", "\u00a0/a", "/a\x7f", "/a\u2028"),
    *(
        "http://evil.example",
        "https://evil.example",
        "http:evil.example",
        "https:///evil.example",
        "http:/evil.example",
    ),
    *("http:\\\\evil.example", "http://site.example@evil.example", "http://site.example:80@evil.example/"),
    *("http://site.example\\@evil.example", "http://site.example.evil.example", "http://evil.example/site.example"),
    *("http://site.example:81", "http://evil.example#site.example", "http://evil.example?site.example", "http://"),
    *("javascript:alert(1)", "JavaScript://site.example/%0aalert(1)", "java\nscript:alert(1)", "data:text/html,x"),
    *("ftp://site.example", "ws://site.example", "vbscript:x", "mailto:a", "site.example:80", "x:", "", None, 5, b"/"),
]


def test_what_stays_on_the_site() -> None:
    """Paths, and URLs of the very host, stay on the site; what any browser might take elsewhere does not."""
    for target in OWN:
        assert is_own_target(target), target
        assert is_own_target(target, "http", "site.example"), target
    for target in OWN_URLS:
        assert is_own_target(target, "http", "site.example"), target
        assert not is_own_target(target), target
    for target in FOREIGN:
        assert not is_own_target(target, "http", "site.example"), target
    assert not is_own_target("http://site.example/", "https", "site.example")
    assert not is_own_target("http://", "http", "")


@given(st.text('/\\:?#@ \t.htps evil"%ä\u2028', max_size=12))
def test_what_is_safe_resolves_to_the_site(target: str) -> None:
    """Resolved against the site as the standard says, a target that counts as safe has the site's own host."""
    for text in (target, target.replace("\\", "/")):
        if is_own_target(target, "http", "site.example"):
            parts = urlsplit(urljoin("http://site.example/a/b", text))
            if not parts.scheme[:1].isalpha():
                continue  # Python 3.10 takes ".:" for a scheme, which begins with a letter (RFC 3986 §3.1)
            assert (parts.scheme, parts.netloc) == ("http", "site.example") or target.lower().startswith("https://")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\autoexec.bat", "C:_autoexec.bat"),
        ("a\r\nSet-Cookie: b", "a__Set-Cookie: b"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a\x00.txt", "a_.txt"),
    ],
)
def test_file_names_are_cleaned(name: str, expected: str) -> None:
    """What would lead into another folder, break the header or show another ending becomes an underscore."""
    assert clean_file_name(name) == expected


def test_cookie_size() -> None:
    """A cookie may have exactly the limit, and any size where the limit is 0."""
    check_cookie_size("a", "x" * 10, 10)
    check_cookie_size("a", "x" * 10, 0)
    with pytest.raises(CookieTooLarge, match="'a' has 11 bytes, and browsers drop one of more than 10"):
        check_cookie_size("a", "x" * 11, 10)


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


@pytest.mark.parametrize("number", [*range(9), *range(10, 32), 127])
def test_control_characters_in_a_header_value(number: int) -> None:
    """Each control character but the tab is refused, as servers refuse it after the view has run."""
    with pytest.raises(ValueError, match="control characters"):
        check_header_value(f"a{chr(number)}b")
    assert check_header_value("a\tb \x80\xff") == "a\tb \x80\xff"


def test_default_limits() -> None:
    """The limits are in one table that nobody changes by accident."""
    assert dict(DEFAULT_LIMITS) == {
        "MAX_CONTENT_LENGTH": 16_777_216,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1_000,
        "MAX_JSON_DEPTH": 200,
        "MAX_JSON_INTEGER_DIGITS": 4_300,
        "MAX_QUERY_FIELDS": 1_000,
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


def test_a_value_outside_latin_1_is_refused() -> None:
    """What no server can send is refused with the character and what to do; Latin-1 is let through."""
    check_header_charset("X-Name", "é")
    with pytest.raises(ValueError, match=r"X-Name cannot be sent: .*'€'.*Percent-encode"):
        check_header_charset("X-Name", "10 €")


@pytest.mark.parametrize(
    "host", ["xn--", "XN--:80", "a.xn--", "xn--.example", "[:1]", "[::1", "[...]", "[1:2]:80", "xn--a:99999"]
)
def test_what_cannot_be_in_a_url_is_no_host(host: str) -> None:
    """Empty Punycode and addresses that stand for nothing are refused like any other host that is none; others pass."""
    with pytest.raises(SecurityError, match="is not a host name"):
        validate_host("http", host, None, strict=True)
    for good in ("xn--mnchen-3ya.example", "xn--fa-hia.example", "[::1]", "[::ffff:1.2.3.4]:8080", "127.0.0.1"):
        assert validate_host("http", good, None, strict=True) == good
