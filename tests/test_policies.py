"""``App.secure`` has browsers restrict what a page may do; programs and views may change each part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from costrel import (
    App,
    Response,
    csp_nonce,
    render_template_string,
    security_headers,
    stream_template_string,
)
from costrel.policies import DEFAULT_CSP, SecurityHeaders, SecurityPolicy, secure

PAGE = '<script nonce="{{ csp_nonce() }}"></script><script nonce="{{ csp_nonce() }}"></script>'
HTTPS = "https://localhost"


def make_app(**changes: Any) -> App:
    """Returns an app that is secured, with the changes."""
    app = App("program", static_folder=None, root_path="/")
    app.secure(**changes)
    app.add_url_rule("/", "index", lambda: "hello")
    app.add_url_rule("/page", "page", lambda: render_template_string(PAGE))
    app.add_url_rule("/stream", "stream", lambda: stream_template_string(PAGE))
    return app


def nonces(answer: Any) -> tuple[set[str], set[str]]:
    """Returns the nonces in the policy and those in the page."""
    policy = answer.headers["Content-Security-Policy"]
    return set(re.findall("'nonce-([^']+)'", policy)), set(re.findall('nonce="([^"]*)"', answer.text))


def test_all_headers() -> None:
    """The policy is strict from the start; without it no such header is sent."""
    client = make_app().test_client()
    headers = dict(client.get("/", base_url=HTTPS).headers)
    assert headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": "5",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "Content-Security-Policy": "default-src 'self'; script-src 'strict-dynamic'; style-src 'self';"
        " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    }
    assert "Strict-Transport-Security" not in client.get("/").headers
    assert client.get("/missing").headers["X-Frame-Options"] == "DENY"
    plain = App("program", static_folder=None, root_path="/")
    assert "Content-Security-Policy" not in plain.test_client().get("/").headers


@pytest.mark.parametrize("path", ["/page", "/stream"])
def test_nonces(path: str) -> None:
    """Templates, also streamed ones, get the nonce of the policy, which is another one for each response."""
    client = make_app().test_client()
    seen = set()
    for _ in range(3):
        in_policy, in_page = nonces(client.get(path))
        assert in_policy == in_page
        assert len(in_policy) == 1
        seen |= in_policy
    assert len(seen) == 3
    assert all(len(nonce) >= 24 and re.fullmatch(r"[\w-]+", nonce) for nonce in seen)


def test_a_failure_has_the_headers() -> None:
    """The page of an error that nobody handles is restricted as well."""
    app = make_app()
    app.logger.setLevel("CRITICAL")

    @app.get("/fail")
    def fail() -> str:
        return str(1 / 0)

    answer = app.test_client().get("/fail")
    assert (answer.status_code, answer.headers["X-Frame-Options"]) == (500, "DENY")


def test_a_page_that_is_kept_keeps_its_nonce() -> None:
    """A 304 has no policy, which would replace that of the page that the browser has."""
    app = make_app()
    app.add_url_rule("/kept", "kept", lambda: Response(status=304))
    headers = app.test_client().get("/kept").headers
    assert "Content-Security-Policy" not in headers
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_each_part_can_be_changed() -> None:
    """Directives are changed one by one, None leaves something out, and a second call replaces the first."""
    app = make_app(hsts=None)
    app.secure(
        hsts="max-age=60; includeSubDomains",
        csp={
            "script-src": "'self' {nonce}",
            "img-src": None,
            "frame-ancestors": "'self'",
            "upgrade-insecure-requests": "",
        },
        csp_report_only=True,
        referrer="same-origin",
        permissions=None,
        opener=None,
        resource="cross-origin",
        embedder="require-corp",
    )
    assert sum(isinstance(hook, SecurityHeaders) for hook in app.after_request_funcs[None]) == 1
    headers = app.test_client().get("/", base_url=HTTPS).headers
    assert headers["Strict-Transport-Security"] == "max-age=60; includeSubDomains"
    assert headers["Content-Security-Policy-Report-Only"] == (
        "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'self'; upgrade-insecure-requests"
    )
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert not {"Content-Security-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"} & set(headers.keys())
    app = App("program", static_folder=None, root_path="/")
    secure(app, {"csp": None})
    assert "Content-Security-Policy" not in app.test_client().get("/").headers
    assert SecurityPolicy().csp == DEFAULT_CSP


def test_views_may_differ() -> None:
    """A view's decorators, and the headers that it sets or a hook sets, win over those of the application."""
    app = make_app()

    @app.get("/widget")
    @security_headers(csp={"frame-ancestors": "https://partner.example"})
    @security_headers(resource="cross-origin", referrer=None)
    def widget() -> str:
        return csp_nonce()

    @app.get("/own")
    def own() -> Response:
        return Response("", headers={"Content-Security-Policy": "default-src 'none'"})

    @app.after_request
    def after(response: Response) -> Response:
        response.headers["Permissions-Policy"] = "camera=(self)"
        return response

    client = app.test_client()
    for _ in range(2):
        answer = client.get("/widget")
        assert "frame-ancestors https://partner.example" in answer.headers["Content-Security-Policy"]
        assert f"'nonce-{answer.text}'" in answer.headers["Content-Security-Policy"]
        assert "object-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer.headers
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Referrer-Policy" not in answer.headers
    assert client.get("/own").headers.getlist("Content-Security-Policy") == ["default-src 'none'"]
    assert client.get("/").headers.getlist("Permissions-Policy") == ["camera=(self)"]
    assert client.get("/").headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"hst": None}, TypeError, "no part 'hst'; it has hsts, csp, "),
        ({"referrer": 5}, TypeError, "referrer of a security policy is a text or None"),
        ({"referrer": "a\r\nSet-Cookie: b"}, ValueError, "newline"),
        ({"csp": {"script-src": "'self'; object-src *"}}, ValueError, "each directive under its own name"),
        ({"csp": {"script-src": "'self', *"}}, ValueError, "is no directive"),
        ({"csp": {"script-src a": "b"}}, ValueError, "is no directive"),
        ({"csp": {"script-src": "a\nb"}}, ValueError, "is no directive"),
    ],
)
def test_mistakes_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    """A misspelt part, or a value that would become another header or directive, is an error where it is written."""
    with pytest.raises(error, match=message):
        make_app(**changes)
    with pytest.raises(error, match=message):
        security_headers(**changes)


def test_a_nonce_needs_a_request() -> None:
    """Outside of a request there is no response that a nonce could be of."""
    with pytest.raises(RuntimeError, match="only be used during a request"):
        csp_nonce()
    with make_app().app_context(), pytest.raises(RuntimeError, match="only be used during a request"):
        csp_nonce()


def test_any_stream_has_a_nonce_beforehand() -> None:
    """The policy of a stream has the nonce that the generator may ask for later."""
    app = make_app()

    @app.get("/lines")
    def lines() -> Iterator[str]:
        yield "no script at all"

    assert len(nonces(app.test_client().get("/lines"))[0]) == 1
