"""Attacks with paths, queries and headers, and with values that find their way into headers of the response."""

from __future__ import annotations

import io
import logging
import re
import tracemalloc
from typing import Any

import pytest

from tests.security.world import World, advisory, quickly, send

# RFC 6266 §4.1: one name, quoted or not, and perhaps the same in UTF-8.
_ONE_NAME = re.compile(
    r"""attachment; filename=(?:"(?:[^"\\]|\\.)*"|[^\s"\\;,]+)(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?""", re.ASCII
)
NEWLINES = ["\r\n", "\n", "\r", "\r\n ", "\x00"]


def _lines(app: Any, path: str = "/", **environ: Any) -> str:
    """Returns the headers of the answer as one text."""
    reply, _ = send(app, path, **environ)
    return "\n".join(f"{name}: {value}" for name, value in reply.headers)


# What ends up in headers of the response.


@advisory(
    "Tornado CVE-2012-2374",
    guard="A value with a line break is refused where it is set; let through, it would be two headers.",
)
def a_line_break_in_a_header(world: World) -> None:
    """A value from the query goes into a header with a line break and a header of the attacker's behind it."""
    response_class = world.framework.Response
    for newline in NEWLINES:
        response = response_class("x")
        with pytest.raises(ValueError, match=r"newline|NUL"):
            response.headers["X-Name"] = f"a{newline}Set-Cookie: b=c"
        with pytest.raises(ValueError, match=r"newline|NUL"):
            response.headers.add("X-Name", f"a{newline}Set-Cookie: b=c")
        with pytest.raises(ValueError, match=r"newline|NUL"):
            response.headers.extend({"X-Name": f"a{newline}Set-Cookie: b=c"})


@advisory(
    "Bottle CVE-2016-9964",
    guard="A redirect target with a control character is refused, or sent percent-encoded; raw, it would be a header.",
)
def a_line_break_in_a_redirect(world: World) -> None:
    """A redirect target has a line break, and behind it a header that sets a cookie."""
    for newline in NEWLINES:
        app = world.reading(lambda request: "x")

        def view(newline: str = newline) -> Any:
            try:
                return world.framework.redirect(f"233{newline}Set-Cookie: name=salt")
            except ValueError:
                return "refused"

        app.add_url_rule("/go", "go", view)
        reply, _ = send(app, "/go")
        assert not [name for name, _ in reply.headers if name.lower() == "set-cookie"]
        assert [value for _, value in reply.headers if set("\r\n\0") & set(value)] == []


@advisory(
    "Django CVE-2022-36359",
    "Sinatra CVE-2022-45442",
    guard="Quotes and line breaks in the name are escaped; else the client chooses the extension of the file.",
)
def a_download_named_by_the_attacker(world: World) -> None:
    """The name of a download has a quote, so that what comes behind it becomes the name that the browser takes."""
    app = world.app()
    names = ['a.txt";dummy=".sh', 'a";filename="b.sh', "a.txt\\", 'a\\";filename=b.sh', "a;filename=b.sh"]

    def view() -> Any:
        name = world.framework.request.args["name"]
        content = io.BytesIO(b"content")
        return world.framework.send_file(content, "text/plain", as_attachment=True, download_name=name)

    app.add_url_rule("/", "home", view)
    for name in names:
        value = dict(send(app, query=f"name={name.replace(';', '%3B')}")[0].headers)["Content-Disposition"]
        assert _ONE_NAME.fullmatch(value), value


# Cookies.


@advisory(
    "Werkzeug CVE-2023-23934",
    guard="A pair without a name is left out; else a page on a sister domain could set any cookie of any name.",
)
def a_cookie_without_a_name(world: World) -> None:
    """A sister domain sets a cookie without a name, whose value looks like a cookie with a protected name."""
    app = world.reading(lambda request: sorted(request.cookies.items()))
    for header in ("=__Host-test=bad", " =__Host-test=bad; a=b", "=__Host-test=bad; a=b", '="__Host-test=bad"'):
        assert b"__Host-test'" not in send(app, headers={"Cookie": header})[1]


@advisory(
    "Rack CVE-2020-8184",
    guard="Names of cookies are not decoded; decoded, they would get around the rules for protected names.",
)
def a_cookie_with_an_encoded_name(world: World) -> None:
    """A cookie's name is percent-encoded, so that browsers do not see that it begins with a protected prefix."""
    app = world.reading(lambda request: sorted(request.cookies))
    answer = send(app, headers={"Cookie": "%5f%5fHost-a=1; %5F%5FSecure-b=2; __%48ost-c=3"})[1]
    assert b"__" not in answer.replace(b"__%48ost", b"")


@advisory(
    "Django CVE-2016-7401",
    guard="Only a semicolon separates cookies; other separators let a cookie of a script set a second one.",
)
def a_cookie_within_a_cookie(world: World) -> None:
    """The value of a harmless cookie has other separators in it, and behind them the name of an important one."""
    app = world.reading(lambda request: "session" in request.cookies)
    for separator in (",", " ", "]", "\t", "&", "|", "\x0b", "\x0c", "\xa0", "\x85"):
        assert send(app, headers={"Cookie": f"utm=1{separator}session=evil"})[1] == b"False"


@advisory(
    "Tornado CVE-2024-52804",
    guard="Escapes in a quoted cookie are replaced in one pass; one after the other, 60 kB took seconds.",
)
def a_cookie_full_of_escapes(world: World) -> None:
    """A quoted cookie is nothing but escapes, each of which is searched for from the beginning."""
    app = world.reading(lambda request: len(request.cookies))
    for filling in ("\\012", '\\"', "\\", '"', "=", ";", " ", "\\\\", "a=", '";'):
        cookie = f'a="{filling * (60_000 // len(filling))}"'
        assert quickly(lambda: send(app, headers={"Cookie": cookie}))[0].status_code == 200


# Headers that are costly to take apart.


def _look(request: Any) -> str:
    names = ("accept_mimetypes", "accept_languages", "accept_encodings", "accept_charsets", "if_none_match", "if_match")
    for name in (*names, "range", "if_range", "if_modified_since", "cache_control", "authorization", "date"):
        getattr(request, name)
    return str(request.accept_mimetypes.best_match(["text/html", "application/json"]))


def _check_headers(world: World, names: list[str], fillings: list[str], end: str = "") -> None:
    app = world.reading(_look)
    for name in names:
        for filling in fillings:
            value = filling * (60_000 // len(filling)) + end
            reply = quickly(lambda: send(app, headers={name: value}))[0]
            assert reply.status_code in (200, 400)


@advisory(
    "Rack CVE-2024-26146",
    "Rack CVE-2024-39316",
    "Rack CVE-2023-27539",
    guard="Lists in headers are split in linear time; an expression with nested repetition took minutes.",
)
def lists_in_headers_that_backtrack(world: World) -> None:
    """Accept, Accept-Encoding, Accept-Language or Forwarded is tens of thousands of blanks, commas or semicolons."""
    names = ["Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset", "Forwarded", "X-Forwarded-For"]
    _check_headers(world, names, [" ", ",", ";", "a ", "a,", ";q", " ;", '"', "\\", "a;q=1", "\t,"])


@advisory(
    "Rack CVE-2026-34230",
    guard="Sorting what is accepted takes n log n; taking the list anew for each wildcard took its square.",
)
def wildcards_without_end(world: World) -> None:
    """Accept-Encoding names the wildcard thousands of times."""
    _check_headers(world, ["Accept-Encoding", "Accept", "Accept-Language"], ["*;q=0.5,", "*,", "*/*;q=0.1,", "a/*,"])


@advisory(
    "Sinatra CVE-2025-61921",
    guard="Entity tags are found one after the other; an expression that began anew at each byte took the square.",
)
def entity_tags_that_backtrack(world: World) -> None:
    """If-None-Match or If-Match is a long list of tags that are malformed at the end."""
    fillings = [" ", ",", '"', 'W/"', '"a", ', "W/", '"a"', "a ", " ,", "\t"]
    _check_headers(world, ["If-None-Match", "If-Match", "If-Range"], fillings, end="!")


def _file_app(world: World) -> Any:
    app = world.app()
    content = b"0123456789" * 100

    def view() -> Any:
        return world.framework.send_file(io.BytesIO(content), "text/plain", conditional=True, etag="tag")

    app.add_url_rule("/", "home", view)
    return app


@advisory(
    "Rack CVE-2022-44570",
    "Starlette CVE-2025-62727",
    guard="Ranges are read in one pass and not merged with each other; that took the square of their number.",
)
def ranges_that_are_costly(world: World) -> None:
    """Range lists thousands of parts, or is nothing but separators."""
    app = _file_app(world)
    for filling in ("0-0,", " ", ",", "-", "0-", "1-2,3-4,", "9", "0-,", ", "):
        value = "bytes=" + filling * (60_000 // len(filling))
        reply = quickly(lambda: send(app, headers={"Range": value}))[0]
        assert reply.status_code in (200, 206, 416)


@advisory(
    "Rack CVE-2024-26141",
    "Rack CVE-2026-34826",
    guard="Only a single range is answered; many that overlap would be answered with many times the file.",
)
def ranges_that_multiply_the_file(world: World) -> None:
    """Range asks for the same bytes hundreds of times, so that the answer is much larger than the file."""
    app = _file_app(world)
    for value in ("bytes=" + ",".join(["0-"] * 500), "bytes=" + ",".join(["0-0"] * 900), "bytes=0-99,0-99"):
        reply, body = send(app, headers={"Range": value})
        assert reply.status_code in (200, 206, 416)
        assert len(body) <= 1000


@advisory(
    "Django CVE-2023-23969",
    "Django CVE-2007-5712",
    guard="What a client accepts is not kept between requests; kept, each large header stays in memory.",
)
def languages_that_are_remembered(world: World) -> None:
    """Many requests come with a large Accept-Language each, and the parsed values are cached."""
    app = world.reading(lambda request: request.accept_languages.best)
    _check_nothing_is_kept(app, "Accept-Language", [f"{number}" + "-a" * 4_000 for number in range(40)])


def _check_nothing_is_kept(app: Any, name: str, values: list[str]) -> None:
    """Asserts that requests with large values of a header leave little in memory."""
    send(app, headers={name: "first"})
    tracemalloc.start()
    try:
        for value in values:
            send(app, headers={name: value})
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < sum(map(len, values)) / 2, f"{kept} bytes are kept"


@advisory(
    "Rack CVE-2013-0184",
    guard="The scheme of Authorization stays a text of the request; kept for ever, each new one would take memory.",
)
def schemes_that_are_remembered(world: World) -> None:
    """Authorization names another scheme with each request, and each name is kept for ever."""
    app = world.reading(lambda request: request.authorization and request.authorization.type)
    for value in ("x" * 60_000 + " a", "Nonsense", "Nonsense a=b,,=", "Digest " + "a=b," * 9000, "\xff \xff"):
        assert quickly(lambda: send(app, headers={"Authorization": value}))[0].status_code == 200
    _check_nothing_is_kept(app, "Authorization", [f"{'x' * 8_000}{number} token" for number in range(40)])


# Who is asked: hosts, schemes, proxies.


def _external(world: World, **settings: Any) -> Any:
    app = world.app(**settings)
    app.add_url_rule("/reset", "reset", lambda: world.framework.url_for("reset", _external=True))
    return app


@advisory(
    "Django CVE-2012-4520",
    "Rack CVE-2026-34835",
    guard="A Host with other characters than those of a host is none; else it would be part of links in mails.",
)
def a_host_that_is_none(world: World) -> None:
    """Host has a user name, a path or a fragment, so that a link that is built with it leads elsewhere."""
    app = _external(world)
    for host in ("localhost:80@evil.example", "evil.example/localhost", "evil.example#localhost", "a?evil.example"):
        reply, answer = send(app, "/reset", headers={"Host": host})
        assert reply.status_code in (200, 400)
        assert reply.status_code == 400 or b"evil.example" not in answer


@advisory(
    "Django CVE-2011-4140",
    guard="TRUSTED_HOSTS names the hosts; without it any name that leads to the server is one of the application's.",
    unguarded={"TRUSTED_HOSTS": None},
)
def a_host_of_the_attacker(world: World) -> None:
    """A domain of the attacker leads to the server, and its Host is taken for the application's own."""
    app = _external(world, TRUSTED_HOSTS=["localhost"])
    reply, answer = send(app, "/reset", headers={"Host": "evil.example"})
    assert reply.status_code == 400
    assert b"http" not in answer


@advisory(
    "Sinatra CVE-2024-21510",
    guard="X-Forwarded-Host is not looked at; trusted, it would poison redirects and caches.",
)
def a_forwarded_host(world: World) -> None:
    """X-Forwarded-Host names a host of the attacker, and redirects and links lead there."""
    app = _external(world)
    app.add_url_rule("/folder/", "folder", lambda: "x")
    headers = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"}
    assert send(app, "/reset", headers=headers)[1] == b"http://localhost/reset"
    assert "evil.example" not in _lines(app, "/folder", headers=headers)


@advisory(
    "Rack CVE-2018-16471",
    "Django CVE-2019-12781",
    guard="The scheme is the server's; trusted, a header of the client would be shown or make http look safe.",
)
def a_forwarded_scheme(world: World) -> None:
    """A header of the client says that the request came over https, or that its scheme is a script."""
    app = world.reading(lambda request: f"{request.scheme} {request.is_secure} {request.url}")
    for value in ("https", "javascript", '"><script>'):
        names = (
            "X-Forwarded-Proto",
            "X-Forwarded-Scheme",
            "X-Forwarded-Ssl",
            "X-Forwarded-Protocol",
            "Front-End-Https",
        )
        _, answer = send(app, headers=dict.fromkeys(names, value))
        assert answer == b"http False http://localhost/"


# Where a redirect leads.


@advisory(
    "Werkzeug CVE-2020-28724",
    "Django CVE-2018-14574",
    "aiohttp CVE-2021-21330",
    "Tornado CVE-2023-28370",
    "Django CVE-2017-7234",
    guard="The redirect to the path with a slash has host and path; a path of two slashes would be another host.",
)
def a_path_that_is_a_host(world: World) -> None:
    """The path begins with two slashes and a host, and the redirect that adds or merges slashes leads there."""
    app = world.app()
    app.add_url_rule("/<path:rest>/", "rest", lambda rest: rest)
    app.add_url_rule("/<name>/", "name", lambda name: name)
    for path in ("//evil.example", "//evil.example/a", "///evil.example", "/\\evil.example", "//evil.example/%2e%2e"):
        reply, _ = send(app, path)
        location = reply.header("Location") or "/"
        assert not location.startswith(("//", "/\\", "\\"))
        assert not location.replace("\\", "/").startswith(("http://evil", "https://evil"))


@advisory(
    "Django CVE-2014-0480",
    guard="A built path has one slash at its beginning; with two it would lead to another host.",
)
def a_built_address_that_is_a_host(world: World) -> None:
    """A value of the client becomes the beginning of a built path, which then begins with two slashes."""
    app = world.app()
    app.add_url_rule("/<path:rest>", "rest", lambda rest: rest)
    with app.test_request_context():
        for rest in ("/evil.example", "//evil.example/a", "\\evil.example", "/\\evil.example"):
            built = world.framework.url_for("rest", rest=rest)
            assert not built.replace("\\", "/").startswith("//"), built


@advisory(
    "WebOb CVE-2024-42353",
    guard="A target of two slashes is made a path of the site; Flask sends it as it is, and browsers leave the site.",
    on_flask=True,
)
def a_redirect_to_a_path_that_is_a_host(world: World) -> None:
    """The path that an application redirects to is the client's, and begins with two slashes and a host."""
    app = world.app()
    app.add_url_rule("/", "home", lambda: world.framework.redirect(world.framework.request.args["next"]))
    for target in ("//evil.example/path", "/\\evil.example", "///evil.example"):
        location = send(app, query=b"next=" + target.encode())[0].header("Location") or ""
        assert location.startswith("/")
        assert not location.replace("\\", "/").startswith("//")


@advisory(
    "Django CVE-2013-6044",
    "Django CVE-2014-3730",
    "Django CVE-2015-0220",
    "Django CVE-2015-2317",
    "Django CVE-2016-2512",
    "Django CVE-2017-7233",
    guard="allow_external=False reads the target as browsers do; checks that did not let scripts and hosts through.",
)
def a_login_that_leads_away(world: World) -> None:
    """The page after a login is a script, a number for a host, a host behind a user name, or begins with a blank."""
    app = world.app()
    redirect: Any = world.framework.redirect
    app.add_url_rule("/", "home", lambda: redirect(world.framework.request.args["next"], allow_external=False))
    targets = [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "http:///evil.example"),
        *(
            "http:\\\\evil.example",
            "http:\\evil.example",
            "https:evil.example",
            " javascript:alert(1)",
            "\tjavascript:a",
        ),
        *(
            "\x08javascript:alert(1)",
            "\njavascript:alert(1)",
            "java\nscript:alert(1)",
            "http:999999999",
            "ftp:9999999999",
        ),
        *("http://localhost@evil.example", "http://localhost:80@evil.example/", "https://user:pass@evil.example/"),
        *(
            "http://localhost\\@evil.example",
            "http://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
        ),
    ]
    for target in targets:
        query = "next=" + "".join(f"%{byte:02x}" for byte in target.encode())
        reply, _ = send(app, query=query)
        assert reply.status_code == 400, f"{target!r} leads to {reply.header('Location')}"
    assert send(app, query="next=/account")[0].header("Location") == "/account"


# What cannot be decoded, and what is written to the log.


@advisory(
    "Bottle CVE-2022-31799",
    guard="Errors before the view are answered like any other; there they escaped to the server.",
)
def a_request_that_fails_before_the_view(world: World) -> None:
    """Path, method or length cannot be read, and the error comes before there is anybody to answer it."""
    app = world.reading(lambda request: request.path)
    for path in (b"/\xff", b"/%ff", b"/\xed\xa0\x80", b"", b"no-slash", b"/\x00"):
        for method in ("GET", "POST", "\xff", ""):
            for length in ("", "-1", "x", "9" * 40):
                reply, _ = send(app, path, method=method, headers={"Content-Length": length})
                assert reply.status_code < 500


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        record.exc_info = None
        self.texts.append(self.format(record))


@advisory(
    "Django CVE-2025-48432",
    "Rack CVE-2022-30123",
    "Rack CVE-2025-25184",
    "Rack CVE-2025-27111",
    guard="Control characters of path and method are escaped in the log; Flask writes them as they are.",
    on_flask=True,
)
def a_path_that_forges_the_log(world: World) -> None:
    """The path has an encoded line break and a forged entry, or escapes for the reader's terminal."""
    app = world.app()
    app.add_url_rule("/<rest>", "fail", lambda rest: str(1 // 0))
    app.logger.disabled = False
    handler = _Lines()
    app.logger.handlers = [handler]
    app.logger.propagate = False
    for path in (b"/a\r\nERROR: forged", b"/a\x1b[2J", b"/a\x00", b"/a\x7f", "/a\u2028ERROR: forged\x85".encode()):
        assert send(app, path)[0].status_code == 500
    assert len(handler.texts) == 5
    assert all(text.isprintable() for text in handler.texts), handler.texts
