"""Every answer is what an answer has to be, whatever is sent; and each of the checks that say so can fail."""

from __future__ import annotations

import contextvars
import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import costrel
from costrel import App, Blueprint, Response, request, session
from costrel.hostile import (
    accepts,
    authorizations,
    bodies,
    conditionals,
    cookies,
    environs,
    header_values,
    headers,
    hosts,
    json_bodies,
    multipart_bodies,
    paths,
    percent_escapes,
    queries,
    ranges,
    utf8_texts,
)
from costrel.invariants import Answer, InvariantChecker, InvariantError, TrackedBody, check_invariants, make_environ
from costrel.testing import hostile, invariants
from tests.test_bad_input import ATTRIBUTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

KNOWN = [
    *("/", "/everything", "/text/a/end", "/int/5", "/float/1.5", "/path/a/b", "/any/b", "/uuid/" + "0" * 32),
    *("/form", "/upload", "/json", "/count", "/file", "/static/style.css", "/page", "/stream", "/generate"),
    *("/redirect", "/go", "/headers", "/abort/418", "/shop/", "/shop/item/3", "/data", "/url", "/empty", "/range"),
    *("/download", "/cookie"),
]
RAISING = ["/fail", "/fail-late"]


def _everything() -> str:
    for name in ATTRIBUTES:
        getattr(request, name)
    for upload in request.files.values():
        upload.read()
    # Not sorted as they are: as in Flask, a part of a form without a name has the name None.
    return repr(sorted(request.values.items(multi=True), key=repr))[:200]


def _upload() -> dict[str, Any]:
    found = {str(name): [len(file.read()) for file in request.files.getlist(name)] for name in request.files}
    return {"files": found, "names": [file.filename for file in request.files.values()]}


def _count() -> str:
    session["count"] = session.get("count", 0) + 1
    costrel.flash("counted")
    return f"{session['count']} {costrel.get_flashed_messages()}"


def _add_pages(app: App, checker: list[InvariantChecker]) -> None:
    def stream() -> Response:
        def parts() -> Iterator[bytes]:
            yield b"one"
            yield request.path.encode()

        return Response(checker[0].track(costrel.stream_with_context(parts())))

    def fail_late() -> Response:
        def parts() -> Iterator[str]:
            yield "one"
            raise RuntimeError("late")

        return Response(checker[0].track(parts()))

    def fail() -> str:
        raise ValueError(request.args.get("q"))

    source = "{% for name, value in items %}<p>{{ name }}: {{ value }}</p>{% endfor %}{{ q }}"
    app.add_url_rule("/stream", view_func=stream, methods=["GET", "POST"])
    app.add_url_rule("/fail-late", view_func=fail_late, methods=["GET", "POST"])
    app.add_url_rule("/fail", view_func=fail, methods=["GET", "POST"])
    app.add_url_rule(
        "/page",
        "page",
        lambda: costrel.render_template_string(source, items=request.args.items(), q=request.cookies.get("theme")),
    )
    app.add_url_rule(
        "/generate", "generate", lambda: costrel.stream_template_string(source, items=request.args.items())
    )


def _header_page() -> Response:
    response = Response("headers")
    for name in ("q", "name"):
        value = request.args.get(name, "")
        try:
            response.headers["X-Echo"] = value
            response.set_cookie("echo", value)
        except ValueError:
            response.status_code = 400
    return response


def _redirect() -> Any:
    try:
        return costrel.redirect(request.args.get("q", "/"))
    except ValueError:
        return "bad target", 400


def _download() -> Response:
    name = request.args.get("name") or "a.txt"
    return costrel.send_file(io.BytesIO(b"content"), mimetype="text/plain", as_attachment=True, download_name=name)


def _add_files(app: App) -> None:
    content = b"0123456789" * 20
    app.add_url_rule("/download", "download", _download)
    app.add_url_rule(
        "/range",
        "range",
        lambda: costrel.send_file(io.BytesIO(content), mimetype="text/plain", conditional=True, etag="tag"),
    )
    app.add_url_rule("/file", "file", lambda: costrel.send_file(__file__, conditional=True, etag="tag"))


def make_app(folder: Path) -> tuple[App, InvariantChecker]:
    """Returns an application with something of every kind, and its checker."""
    app = App("invariants", root_path=str(folder))
    app.config.update(SECRET_KEY="test key", MAX_FORM_MEMORY_SIZE=50_000, TRUSTED_HOSTS=["*"])
    app.logger.disabled = True
    both = ["GET", "POST"]
    views: dict[str, Callable[..., Any]] = {
        "/": lambda: "home",
        "/everything": _everything,
        "/form": lambda: {str(name): value for name, value in request.form.items()},
        "/upload": _upload,
        "/json": lambda: {"got": repr(request.json)[:100]},
        "/count": _count,
        "/data": lambda: str(len(request.get_data())),
        "/url": lambda: costrel.url_for("number", n=1, q=request.args.get("q"), _external=True),
        "/redirect": _redirect,
        "/go": lambda: costrel.redirect(costrel.url_for("home", q=request.args.get("q"))),
        "/headers": _header_page,
        "/cookie": lambda: "|".join(f"{name}={value}" for name, value in request.cookies.items()),
        "/empty": lambda: ("", 204),
    }
    for rule, view in views.items():
        app.add_url_rule(rule, rule.strip("/") or "home", view, methods=both)
    app.add_url_rule("/text/<text>/end", "text", lambda text: text)
    app.add_url_rule("/int/<int(signed=True):n>", "number", lambda n: str(n)[:50])
    app.add_url_rule("/float/<float:n>", "float", lambda n: str(n))
    app.add_url_rule("/path/<path:rest>", "path", lambda rest: {"rest": rest})
    app.add_url_rule("/any/<any(a, b):n>", "any", lambda n: n)
    app.add_url_rule("/uuid/<uuid:n>", "uuid", lambda n: str(n))
    app.add_url_rule("/abort/<int(max=599):n>", "abort", lambda n: costrel.abort(n if 400 <= n < 500 else 404))
    checkers: list[InvariantChecker] = []
    _add_pages(app, checkers)
    _add_files(app)
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    shop.add_url_rule("/", "index", lambda: "shop")
    shop.add_url_rule("/item/<int:n>", "item", lambda n: {"item": n}, methods=both)
    shop.register_error_handler(404, lambda error: ({"error": error.description}, 404))
    app.register_blueprint(shop)
    app.register_error_handler(418, lambda error: (request.path, 418))
    checkers.append(InvariantChecker(app))
    return app, checkers[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a static file."""
    made = tmp_path_factory.mktemp("invariants")
    (made / "static").mkdir()
    (made / "static" / "style.css").write_text("p {}\n" * 100)
    return made


@pytest.fixture(scope="module")
def rich(folder: Path) -> InvariantChecker:
    """The checker of an application with something of every kind; the short way."""
    return make_app(folder)[1]


@pytest.fixture(scope="module")
def rich_by_methods(folder: Path) -> InvariantChecker:
    """The same application, with an after-request hook and a replaced method: the long way."""
    app, checker = make_app(folder)
    app.after_request(lambda response: response)
    app.process_response = lambda response: App.process_response(app, response)  # type: ignore[method-assign]
    return checker


def _post(path: str, kind: str, body: bytes) -> WSGIEnvironment:
    return make_environ(path.encode(), method="POST", headers={"Content-Type": kind}, body=body)


MULTIPART = f"multipart/form-data; boundary={hostile.BOUNDARY}"
FORM = "application/x-www-form-urlencoded"

#: A request with one hostile part, for each kind of part.
PARTS: dict[str, st.SearchStrategy[WSGIEnvironment]] = {
    "path": st.builds(make_environ, paths(KNOWN)),
    "percent escapes": st.builds(
        lambda path, query: make_environ(b"/path/" + path, query=b"q=" + query), percent_escapes(), percent_escapes()
    ),
    "utf8": st.builds(
        lambda path, text: make_environ(path, query=b"q=" + text), st.sampled_from([b"/page", b"/url"]), utf8_texts()
    ),
    "query": st.builds(
        lambda path, query: make_environ(path.encode(), query=query),
        st.sampled_from(["/page", "/generate", "/url", "/redirect", "/go", "/headers", "/download", "/everything"]),
        queries(),
    ),
    "form": st.builds(_post, st.sampled_from(["/form", "/everything"]), st.just(FORM), queries()),
    "cookie": st.builds(
        lambda path, value: make_environ(path.encode(), headers={"Cookie": value}),
        st.sampled_from(["/count", "/page", "/cookie", "/everything"]),
        cookies(),
    ),
    "headers": st.builds(
        lambda path, lines: make_environ(path.encode(), headers=lines),
        st.sampled_from(["/everything", "/", "/missing", "/data", "/json"]),
        headers(),
    ),
    "multipart": st.builds(
        _post, st.sampled_from(["/upload", "/form", "/everything"]), st.just(MULTIPART), multipart_bodies()
    ),
    "json": st.builds(_post, st.just("/json"), st.just("application/json"), json_bodies()),
    "range": st.builds(
        lambda path, value: make_environ(path.encode(), headers={"Range": value}),
        st.sampled_from(["/file", "/range", "/static/style.css"]),
        ranges(),
    ),
    "conditional": st.builds(
        lambda path, lines: make_environ(path.encode(), headers=lines),
        st.sampled_from(["/file", "/range", "/static/style.css", "/everything"]),
        conditionals(),
    ),
    "authorization": st.builds(
        lambda value: make_environ(b"/everything", headers={"Authorization": value}), authorizations()
    ),
    "accept": st.builds(
        lambda name, value: make_environ(b"/everything", headers={name: value}),
        st.sampled_from(["Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset"]),
        accepts(),
    ),
    "host": st.builds(
        lambda path, value: make_environ(path.encode(), headers={"Host": value}),
        st.sampled_from(["/url", "/", "/everything", "/shop", "/missing"]),
        hosts(),
    ),
    "body": st.builds(
        lambda path, pair: _post(path, *pair),
        st.sampled_from(["/form", "/upload", "/json", "/data", "/everything", "/missing"]),
        bodies(),
    ),
    "all": environs(KNOWN),
}

ONE_FIXTURE = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("part", PARTS)
@ONE_FIXTURE
@given(data=st.data())
def test_every_answer_holds(part: str, rich: InvariantChecker, data: st.DataObject) -> None:
    """Whatever is in that part of a request, the answer holds to all invariants."""
    answer = rich.check(data.draw(PARTS[part]))
    assert answer.status_code < 500
    assert "Traceback" not in answer.errors


@ONE_FIXTURE
@given(environ=environs(KNOWN))
def test_every_answer_of_the_long_way_holds(rich_by_methods: InvariantChecker, environ: WSGIEnvironment) -> None:
    """The same holds where methods of the application are replaced."""
    assert rich_by_methods.check(environ).status_code < 500


@ONE_FIXTURE
@given(environ=environs(KNOWN), read=st.integers(0, 2))
def test_a_client_that_vanishes_leaves_nothing(rich: InvariantChecker, environ: WSGIEnvironment, read: int) -> None:
    """A client that takes only a part of the body costs nothing: all is closed and ended."""
    assert rich.check(environ, read=read).status_code < 500


@ONE_FIXTURE
@given(environ=environs(RAISING))
def test_every_failing_view_is_answered(rich: InvariantChecker, environ: WSGIEnvironment) -> None:
    """A view that raises, also while its body is sent, gives one answer, and the next request is clean."""
    answer = rich.check(environ, view_raises=True)
    assert answer.status_code <= 500
    assert rich.check(make_environ()).body == b"home"


@given(value=header_values(), read=st.integers(0, 3))
def test_strategies_give_what_servers_let_through(value: str, read: int) -> None:
    """A value of a header has no line break and nothing outside of Latin-1."""
    assert value.encode("latin-1") is not None
    assert not {"\r", "\n"} & set(value)


# Each check can fail: applications that break one rule each, and what is said about them.

Start = Callable[..., Any]


def _answering(
    status: Any = "200 OK", lines: Any = None, body: Any = (b"ok",)
) -> Callable[[WSGIEnvironment, Start], Any]:
    def app(environ: WSGIEnvironment, start_response: Start) -> Any:
        start_response(status, [("Content-Type", "text/plain")] if lines is None else lines)
        return body

    return app


def _raising(environ: WSGIEnvironment, start_response: Start) -> Any:
    raise SystemExit("escaped")


def _silent(environ: WSGIEnvironment, start_response: Start) -> Any:
    return [b"nothing started"]


def _starting_twice(environ: WSGIEnvironment, start_response: Start) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"twice"]


def _broken_body() -> Iterator[bytes]:
    yield b"one"
    raise RuntimeError("late")


class _BrokenClose(list[bytes]):
    def close(self) -> None:
        raise RuntimeError("not closed")


_LEAK: contextvars.ContextVar[object] = contextvars.ContextVar("costrel.test_leak")


def _leaking(environ: WSGIEnvironment, start_response: Start) -> Any:
    _LEAK.set(object())
    return _answering()(environ, start_response)


PLAIN = ("Content-Type", "text/plain")
BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (_raising, {}, "the call raised SystemExit: escaped"),
    (_silent, {}, "start_response"),
    (_starting_twice, {}, "start_response"),
    (_leaking, {}, "'costrel.test_leak' still has a value"),
    (_answering(body=_broken_body()), {}, "the body raised RuntimeError: late"),
    (_answering(body=_BrokenClose([b"a"])), {}, "closing the body raised RuntimeError: not closed"),
    (_answering(body=["text"]), {"CONTENT_LENGTH": "abc"}, "the body has 'text'"),
    (_answering(status="500 Oops"), {}, "the status is 500 Oops"),
    (_answering(status="20 OK"), {"CONTENT_LENGTH": "abc"}, "the status '20 OK' is not one"),
    (_answering(status=200), {"CONTENT_LENGTH": "abc"}, "the status 200 is not one"),
    (_answering(status="200 a\r\nb"), {"CONTENT_LENGTH": "abc"}, "is not one"),
    (_answering(status="200 \u0100"), {"CONTENT_LENGTH": "abc"}, "is not one"),
    (_answering(lines=(PLAIN,)), {"CONTENT_LENGTH": "abc"}, "the headers are tuple"),
    (_answering(lines=[["A", "b"]]), {"CONTENT_LENGTH": "abc"}, "is not a pair"),
    (_answering(lines=[("A", b"b")]), {"CONTENT_LENGTH": "abc"}, "is not a pair"),
    (_answering(lines=[("A b", "c")]), {"CONTENT_LENGTH": "abc"}, "is not a token"),
    (_answering(lines=[("Connection", "close")]), {"CONTENT_LENGTH": "abc"}, "is the server's own"),
    (_answering(lines=[("A", "b\r\nc: d")]), {"CONTENT_LENGTH": "abc"}, "cannot be sent"),
    (_answering(lines=[("A", "\u0100")]), {"CONTENT_LENGTH": "abc"}, "cannot be sent"),
    (_answering(lines=[PLAIN, ("Content-Length", "3")]), {}, "Content-Length is 3, and the body has 2 bytes"),
    (_answering(lines=[PLAIN, ("Content-Length", "x")]), {}, "Content-Length is ['x']"),
    (_answering(status="304 Not Modified", lines=[]), {}, "the body of an answer without body has 2 bytes"),
    (_answering(), {"REQUEST_METHOD": "HEAD"}, "the body of an answer without body has 2 bytes"),
    # Found by wsgiref.validate.
    (_answering(lines=[]), {}, "No Content-Type header found"),
    (_answering(body="text"), {}, "the call raised AssertionError"),
]


@pytest.mark.parametrize(("app", "environ", "problem"), BROKEN)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broken_application_is_noticed(app: WSGIApplication, environ: dict[str, Any], problem: str) -> None:
    """Each application breaks one rule, and exactly that is said, with the request."""
    with pytest.raises(InvariantError) as caught:
        contextvars.copy_context().run(check_invariants, app, {**make_environ(b"/here"), **environ})
    assert problem in str(caught.value)
    assert "'PATH_INFO': '/here'" in str(caught.value)


def test_a_slow_application_is_noticed() -> None:
    """An answer that takes longer than allowed is a failure, even where all else is right."""
    with pytest.raises(InvariantError, match="seconds, and 0 are allowed"):
        InvariantChecker(_answering(), seconds=0).check(make_environ())


def test_an_application_that_waits_is_noticed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that the CPU spends elsewhere counts for a tenth: the machine may be busy."""
    clock = iter([100.0, 100.9, 200.0, 201.1])
    monkeypatch.setattr("costrel.invariants.time.perf_counter", lambda: next(clock))
    checker = InvariantChecker(_answering(), seconds=0.1)
    assert checker.check(make_environ()).seconds == pytest.approx(0.9)
    with pytest.raises(InvariantError, match=r"it took 1\.10 seconds, and 0\.1 are allowed"):
        checker.check(make_environ())


def test_a_tab_in_a_header_is_right() -> None:
    """A tab may be in the value of a header, which PEP 3333 and its validator forbid; HTTP does not."""
    answer = InvariantChecker(_answering(lines=[("Content-Type", "text/plain"), ("X", "a\tb")])).check(make_environ())
    assert answer.header("X") == "a b"


def test_a_body_that_is_not_closed_is_noticed() -> None:
    """A tracked body has to be closed, and once."""

    def app(environ: WSGIEnvironment, start_response: Start) -> Any:
        start_response("200 OK", [PLAIN])
        return iter(checker.track([b"a"]))

    checker = InvariantChecker(app)
    with pytest.raises(InvariantError, match="a tracked body was closed 0 times"):
        checker.check(make_environ())


@pytest.mark.parametrize(("times", "said"), [(0, "0 times"), (2, "2 times")])
def test_a_missing_end_is_noticed(times: int, said: str) -> None:
    """An application whose teardown functions run not at all, or twice, is noticed."""

    class Fake:
        teardown_appcontext_funcs: list[Callable[..., None]] = []

        def __call__(self, environ: WSGIEnvironment, start_response: Start) -> Any:
            for function in self.teardown_appcontext_funcs * times:
                function(None)
            return _answering()(environ, start_response)

    with pytest.raises(InvariantError, match=said):
        InvariantChecker(Fake()).check(make_environ())


def test_the_view_is_to_blame_only_where_it_is_said() -> None:
    """A failing view is a failure unless the test says that it fails."""
    app = App("failing")
    app.logger.setLevel(logging.CRITICAL)
    app.add_url_rule("/", "fail", lambda: str(1 // 0))
    checker = InvariantChecker(app)
    with pytest.raises(InvariantError, match="the status is 500"):
        checker.check(make_environ())
    assert checker.check(make_environ(), view_raises=True).status_code == 500
    assert checker.requests == 2


def test_a_middleware_is_checked_with_the_application_inside() -> None:
    """Teardown functions are counted for the application that is named, whatever is wrapped around it."""
    app = App("wrapped")
    app.add_url_rule("/", "home", lambda: "home")

    def middleware(environ: WSGIEnvironment, start_response: Start) -> Any:
        return list(app(environ, start_response)) * 1

    answer = InvariantChecker(middleware, teardown_of=app).check(make_environ())
    assert answer.body == b"home"
    assert answer.header("content-type") == "text/html; charset=utf-8"


def test_one_check_leaves_the_application_as_it_was() -> None:
    """The function for one request takes its counter away again, and gives the answer."""
    app = App("once")
    app.add_url_rule("/", "home", lambda: "home")
    answer = check_invariants(app, make_environ())
    assert isinstance(answer, Answer)
    assert (answer.status_code, answer.header("X-Missing"), app.teardown_appcontext_funcs) == (200, None, [])


def test_the_environ_is_what_a_server_makes() -> None:
    """Bytes stay as they were sent, repeated headers are joined, and entries may be set."""
    made = make_environ(
        b"/\xff",
        query=b"\xfe",
        headers=[("Cookie", "a=1"), ("Cookie", "b=2"), ("Accept", "x"), ("Accept", "y"), ("Content-Type", "t")],
        body=b"abc",
        wsgi_url_scheme="https",
        SERVER_PORT="443",
    )
    assert (made["PATH_INFO"], made["QUERY_STRING"], made["CONTENT_LENGTH"]) == ("/\xff", "\xfe", "3")
    assert (made["HTTP_COOKIE"], made["HTTP_ACCEPT"], made["CONTENT_TYPE"]) == ("a=1; b=2", "x,y", "t")
    assert (made["wsgi.url_scheme"], made["SERVER_PORT"]) == ("https", "443")


def test_a_tracked_body_closes_what_it_is_made_of() -> None:
    """Closing is handed on to the iterable inside."""
    inner = TrackedBody([b"a"])
    outer = TrackedBody(inner)
    assert list(outer) == [b"a"]
    outer.close()
    assert (outer.closed, inner.closed) == (1, 1)


def test_both_modules_are_part_of_testing() -> None:
    """``costrel.testing`` has the checks and the strategies, and nothing else by that way."""
    import costrel.hostile
    import costrel.invariants
    import costrel.testing

    assert (hostile, invariants) == (costrel.hostile, costrel.invariants)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        costrel.testing.nothing  # noqa: B018
