"""What is fuzzed: one function for each parser, which takes any bytes and must come back without an exception."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from costrel import App, request, session, url_for
from costrel.invariants import InvariantChecker, make_environ

#: The boundary of the multipart bodies, as ``hostile.BOUNDARY``, which would need Hypothesis.
BOUNDARY = "frontier"


def _make_app() -> App:
    app = App("fuzzed", root_path=os.getcwd(), static_folder=None)
    app.config.update(SECRET_KEY="fuzzing key", TRUSTED_HOSTS=["*"])
    app.logger.disabled = True
    both = ["GET", "POST"]
    for name, view in _VIEWS.items():
        app.add_url_rule(f"/{name}", name, view, methods=both)
    rules = [
        "/r/<text>/end",
        "/i/<int(signed=True):n>",
        "/f/<float:n>",
        "/u/<uuid:n>",
        "/a/<any(a, b):n>",
        "/p/<path:rest>/x",
    ]
    for rule in (*rules, "/r/<one>/<two>", "/r/<one>-<two>.<three>", "/folder/"):
        app.add_url_rule(rule, rule, lambda **values: "".join(map(str, values.values())), methods=both)
    return app


def _look_at_all_accepts() -> str:
    found: list[Any] = [
        request.accept_mimetypes,
        request.accept_languages,
        request.accept_encodings,
        request.accept_charsets,
    ]
    return str([accepted.best for accepted in found] + [request.accept_mimetypes.best_match(["text/html", "a/b"])])


def _look_at_the_host() -> str:
    """Reads what is made of the host."""
    return f"{request.host} {request.url} {request.host_url} {url_for('form', _external=True)}"


def _read_files() -> str:
    read = [len(upload.read()) for upload in request.files.values()]
    return f"{read} {sorted(map(str, request.form))}"


def _write_session() -> str:
    before = repr(dict(session))
    session["seen"] = session.get("seen", 0) if isinstance(session.get("seen"), int) else 0
    return before


def _send_a_range() -> Any:
    import io  # here so that the module's first lines are those of the targets

    from costrel import send_file

    return send_file(io.BytesIO(b"0123456789" * 20), "text/plain", conditional=True, etag="tag")


_VIEWS: dict[str, Callable[[], Any]] = {
    "query": lambda: repr(sorted(request.args.items(multi=True))),
    "form": lambda: repr(sorted(request.form.items(multi=True))),
    "multipart": _read_files,
    "cookies": lambda: repr(sorted(request.cookies.items(multi=True))),
    "session": _write_session,
    "json": lambda: repr(request.get_json())[:100],
    "range": _send_a_range,
    "accept": _look_at_all_accepts,
    "host": _look_at_the_host,
}
APP = _make_app()
CHECKER = InvariantChecker(APP, seconds=2.0)


def _text(data: bytes) -> str:
    """Returns bytes as a header has them, without the line breaks that no server lets through."""
    return data.decode("latin-1").replace("\r", "").replace("\n", "")


def routing(data: bytes) -> None:
    """The path is any bytes."""
    CHECKER.check(make_environ(b"/" + data))


def query(data: bytes) -> None:
    """The query is any bytes."""
    CHECKER.check(make_environ(b"/query", query=_text(data).encode("latin-1")))


def _post(path: bytes, kind: str, data: bytes) -> None:
    CHECKER.check(make_environ(path, method="POST", headers={"Content-Type": kind}, body=data))


def form(data: bytes) -> None:
    """A urlencoded body is any bytes."""
    _post(b"/form", "application/x-www-form-urlencoded", data)


def multipart(data: bytes) -> None:
    """A multipart body is any bytes."""
    _post(b"/multipart", f"multipart/form-data; boundary={BOUNDARY}", data)


def json(data: bytes) -> None:
    """A JSON body is any bytes."""
    _post(b"/json", "application/json", data)


def cookies(data: bytes) -> None:
    """The Cookie header is any text."""
    CHECKER.check(make_environ(b"/cookies", headers={"Cookie": _text(data)}))


def session_cookie(data: bytes) -> None:
    """The session cookie is any text, and any text that is signed with the right key."""
    CHECKER.check(make_environ(b"/session", headers={"Cookie": f"session={_text(data)}"}))
    serializer = APP.session_interface.get_signing_serializer(APP)  # type: ignore[attr-defined]
    signer = serializer.make_signer(serializer.salt)
    import base64  # here as above

    payload = base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = signer.sign(payload).decode()
    CHECKER.check(make_environ(b"/session", headers={"Cookie": f"session={signed}"}))


def range_header(data: bytes) -> None:
    """The Range header, and the conditions beside it, are any texts."""
    lines: dict[str, str] = dict(
        zip(("Range", "If-Range", "If-None-Match", "If-Modified-Since"), _text(data).split("|"), strict=False)
    )
    CHECKER.check(make_environ(b"/range", headers=lines))


def accept(data: bytes) -> None:
    """The Accept headers are any texts."""
    names = ("Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset")
    lines: dict[str, str] = dict(zip(names, _text(data).split("|"), strict=False))
    CHECKER.check(make_environ(b"/accept", headers=lines))


def host(data: bytes) -> None:
    """The Host header is any text."""
    CHECKER.check(make_environ(b"/host", headers={"Host": _text(data)}))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "routing": routing,
    "query": query,
    "form": form,
    "multipart": multipart,
    "cookies": cookies,
    "session_cookie": session_cookie,
    "json": json,
    "range": range_header,
    "accept": accept,
    "host": host,
}
