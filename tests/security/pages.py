"""Attacks on sessions, on error pages, on the debugger and on templates."""

from __future__ import annotations

import hmac
import multiprocessing
import re
from typing import Any
from unittest import mock

from werkzeug.debug import DebuggedApplication

from tests.security.world import JSON, World, advisory, post, quickly, send

#: The debugger counts wrong PINs in memory that processes share. It is mapped at the first use, for good: here, so that
#: it is no leak of the first test.
_SHARED = multiprocessing.Value("B")

# Sessions.


def _session_app(world: World, view: Any, **settings: Any) -> Any:
    app = world.app(**settings)
    app.add_url_rule("/", "home", view)

    def log_in() -> str:
        world.framework.session.permanent = True
        world.framework.session["user"] = "ada"
        return "in"

    app.add_url_rule("/in", "log_in", log_in)
    return app


def _cookie(app: Any) -> str:
    return str(send(app, "/in")[0].header("Set-Cookie")).split(";")[0]


@advisory(
    "Flask CVE-2023-30861",
    guard="Vary: Cookie comes with each Set-Cookie; a cache would give the refreshed session to others.",
)
def a_refreshed_session_in_a_cache(world: World) -> None:
    """A cache keeps a page that did not look at the session but sent its cookie anew, and serves both to others."""
    app = _session_app(world, lambda: "page")
    reply, _ = send(app, headers={"Cookie": _cookie(app)})
    assert reply.header("Set-Cookie")
    assert reply.header("Vary") == "Cookie"


@advisory(
    "Flask CVE-2026-27205",
    "Django CVE-2014-1418",
    guard="Any look at the session adds Vary: Cookie; without it a cache would give one visitor's page to all.",
)
def a_private_page_in_a_cache(world: World) -> None:
    """A page depends on the session through its keys or its length alone, and a cache serves it to others."""
    session = world.framework.session
    looks = [
        lambda: "user" in session,
        lambda: len(session),
        lambda: list(session),
        lambda: bool(session),
        lambda: session.get("user"),
        lambda: list(session.items()),
        lambda: list(session.keys()),
        lambda: session.copy(),
        lambda: session == {"user": "ada"},
    ]
    for number, look in enumerate(looks[:7]):
        app = _session_app(world, lambda look=look: repr(look()), SESSION_REFRESH_EACH_REQUEST=False)
        reply, _ = send(app, headers={"Cookie": _cookie(app)})
        assert reply.header("Vary") == "Cookie", number


@advisory(
    "Flask CVE-2025-47278",
    guard="The present key signs and the old ones only read; the other way round, keys could never be retired.",
)
def a_session_signed_with_an_old_key(world: World) -> None:
    """After the key was changed, sessions are still signed with the old one, which may have leaked."""
    old = {"SECRET_KEY": "old", "SECRET_KEY_FALLBACKS": None}
    new = {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["old", "older"]}
    only_new = {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": None}

    def view() -> str:
        return str(world.framework.session.get("user"))

    rotated = _session_app(world, view, **new)
    assert send(rotated, headers={"Cookie": _cookie(_session_app(world, view, **old))})[1] == b"ada"
    assert send(_session_app(world, view, **only_new), headers={"Cookie": _cookie(rotated)})[1] == b"ada"
    assert send(_session_app(world, view, **old), headers={"Cookie": _cookie(rotated)})[1] == b"None"


@advisory(
    "Rack CVE-2013-0263",
    guard="Signatures are compared by hmac.compare_digest; with == the test finds that it was not called.",
)
def a_signature_guessed_by_its_time(world: World) -> None:
    """The signature of a session is compared byte by byte, and the time tells how many bytes are right."""
    app = _session_app(world, lambda: str(world.framework.session.get("user")))
    cookie = _cookie(app)
    compared: list[int] = []

    def compare(left: Any, right: Any) -> bool:
        compared.append(len(left))
        return hmac_compare(left, right)

    hmac_compare = hmac.compare_digest
    with mock.patch.object(hmac, "compare_digest", compare):
        assert send(app, headers={"Cookie": cookie})[1] == b"ada"
        assert send(app, headers={"Cookie": cookie[:-2] + "xx"})[1] == b"None"
    assert compared


@advisory(
    "Django CVE-2015-5143",
    "Django CVE-2015-5963",
    guard="A session that nobody wrote to is not sent; stored for each visitor, they would fill a store.",
)
def sessions_that_fill_the_store(world: World) -> None:
    """Requests with unknown session cookies each make the application store a session."""
    app = _session_app(world, lambda: str(world.framework.session.get("user")))
    app.add_url_rule("/out", "log_out", lambda: str(world.framework.session.pop("user", None)))
    for cookie in ("session=unknown", "session=a.b.c", "session=", "", "session=" + "a" * 9000):
        for path in ("/", "/out"):
            assert send(app, path, headers={"Cookie": cookie})[0].header("Set-Cookie") is None


@advisory(
    "CherryPy CVE-2008-0252",
    guard="A session is what its signature covers; as the name of a file, the cookie would open any.",
)
def a_session_that_is_a_path(world: World) -> None:
    """The session cookie is the path of a file, which the application opens as a session."""
    app = _session_app(world, lambda: repr(dict(world.framework.session)))
    for cookie in ("../../../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "%2e%2e%2fetc%2fpasswd"):
        reply, answer = send(app, headers={"Cookie": f"session={cookie}"})
        assert (reply.status_code, answer) == (200, b"{}")


# Pages about errors.

SCRIPT = "<script>alert(1)</script>"


@advisory(
    "Django CVE-2019-3498",
    guard="The page for 404 shows nothing of the request; with its path it would say what the attacker wants.",
)
def a_message_in_the_page_for_404(world: World) -> None:
    """The path of a link is a message to the visitor, which the page for 404 repeats."""
    app = world.app()
    app.add_url_rule("/", "home", lambda: "home")
    reply, answer = send(app, f"/call 555-1234/{SCRIPT}", query=SCRIPT)
    assert reply.status_code == 404
    assert b"555" not in answer
    assert b"script" not in answer


@advisory(
    "Sinatra CVE-2018-11627",
    guard="The page for 400 has no input of the client that is not escaped, also in debug mode.",
)
def a_script_in_the_page_for_400(world: World) -> None:
    """Input that cannot be parsed is shown by the page for 400, with the script in it."""
    app = world.reading(lambda request: request.get_json() if request.method == "POST" else request.args["x"])
    for debug in (False, True):
        app.debug = debug
        app.config["TRAP_BAD_REQUEST_ERRORS"] = False
        for reply, answer in (
            post(app, JSON, f'{{"{SCRIPT}'.encode()),
            send(app, query=b"%ff=" + SCRIPT.encode()),
            send(app, query=SCRIPT),
            send(app, headers={"Host": SCRIPT}),
        ):
            assert reply.status_code == 400
            assert b"<script" not in answer


def _debugger_page(world: World, fail: Any) -> str:
    app = world.app(PROPAGATE_EXCEPTIONS=True)
    app.debug = True
    app.add_url_rule("/", "home", fail)
    return send(DebuggedApplication(app, evalex=False))[1].decode()


@advisory(
    "Werkzeug CVE-2016-10516",
    guard="The debugger escapes the message of the error; raw, the client's text would run as a script.",
)
def a_script_in_the_debugger(world: World) -> None:
    """The message of an error has a script from the request, which the debugger's page runs."""

    def fail() -> str:
        raise ValueError(SCRIPT)

    page = _debugger_page(world, fail)
    assert "alert(1)" in page
    assert SCRIPT not in page.rpartition("<!--")[0]


@advisory(
    "Django CVE-2017-12794",
    guard="The debugger escapes the messages of the errors behind an error as well.",
)
def a_script_in_the_cause_of_an_error(world: World) -> None:
    """The error that is shown has another one as its cause, whose message has a script."""

    def fail() -> str:
        try:
            raise KeyError(SCRIPT)
        except KeyError as error:
            raise ValueError("outer") from error

    page = _debugger_page(world, fail)
    assert "alert(1)" in page
    assert SCRIPT not in page.rpartition("<!--")[0]


@advisory(
    "Werkzeug CVE-2024-34069",
    "Django CVE-2016-9014",
    guard="The debugger answers only to local names; by DNS rebinding, any page could use its console.",
)
def a_debugger_under_another_name(world: World) -> None:
    """A domain of the attacker leads to the developer's machine, and its pages reach the console of the debugger."""
    app = world.app()
    debugged = DebuggedApplication(app, evalex=True, pin_security=True)
    for query in ("__debugger__=yes&cmd=pinauth&pin=1&s=" + debugged.secret, "__debugger__=yes&cmd=printpin"):
        reply, answer = send(debugged, "/console", query=query, headers={"Host": "evil.example"})
        assert reply.status_code in (400, 404)
        assert b"auth" not in answer
    assert send(debugged, "/console", headers={"Host": "evil.example"})[0].status_code in (400, 404)


# Templates.


def _rendered(world: World, source: str, **values: Any) -> str:
    with world.app().test_request_context():
        return str(world.framework.render_template_string(source, **values))


@advisory(
    "Jinja2 CVE-2024-22195",
    "Jinja2 CVE-2024-34064",
    guard="xmlattr refuses a name with a blank, a slash, > or =; each would begin another attribute.",
)
def an_attribute_within_an_attribute(world: World) -> None:
    """The name of an attribute comes from the client and has another attribute in it."""
    for name in ("a onclick=alert(1)", "a/onclick", "a>b", "a=b", "a\tb", "a\nb", "a\x0cb"):
        try:
            page = _rendered(world, "<p {{ {name: 'x'}|xmlattr }}>", name=name)
        except ValueError:
            continue
        raise AssertionError(page)


@advisory(
    "Jinja2 CVE-2020-28493",
    "Django CVE-2018-7536",
    guard="urlize finds links in linear time; an expression with several wildcards took minutes.",
)
def a_link_that_backtracks(world: World) -> None:
    """A text for urlize is made of punctuation, dots or at-signs, in which it looks for links."""
    for filling in (".", ",", "(", "www.", "@", "a@", "http://", "://", "a.", "&lt;", "mailto:"):
        text = "http://" + filling * (20_000 // len(filling)) + "!"
        quickly(lambda: _rendered(world, "{{ text|urlize }}", text=text))


@advisory(
    "Django CVE-2015-2316",
    "Django CVE-2019-14233",
    guard="striptags takes its text apart once; it went over it again for each tag that it had removed.",
)
def tags_within_tags(world: World) -> None:
    """A text for striptags is made of unfinished tags, of which each removal makes new ones."""
    for filling in ("<", "<<", "<a", "<!--", "<sc<script>ript>", "&lt;", "</", "<a>"):
        text = filling * (30_000 // len(filling))
        quickly(lambda: _rendered(world, "{{ text|striptags }}", text=text))


@advisory(
    "Django CVE-2013-1443",
    guard="A form's fields are at most 500 kB in all; a password of megabytes would keep the hash busy.",
    unguarded={"MAX_FORM_MEMORY_SIZE": None},
)
def a_password_of_megabytes(world: World) -> None:
    """A password of megabytes is hashed, which takes the longer the longer it is."""
    app = world.reading(lambda request: len(request.form["password"]))
    reply, _ = post(app, "application/x-www-form-urlencoded", b"password=" + b"p" * 5_000_000)
    assert reply.status_code == 413


def numbers_are_well_formed(number: str) -> bool:
    """Tells whether a text is the number of an advisory."""
    return re.fullmatch(r"CVE-(199|20[0-2])\d-\d{4,7}|GHSA(-[23456789cfghjmpqrvwx]{4}){3}", number) is not None
