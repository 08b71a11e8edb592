"""Flask-Talisman: a site that insists on HTTPS and tells browsers what its pages may do."""

import re

import pytest
from flask import Flask, render_template_string, session
from flask_talisman import ALLOW_FROM, DENY, Talisman

PAGE = "<script nonce='{{ csp_nonce() }}'>go()</script>"
POLICY = {"default-src": "'self'", "script-src": ["'self'", "https://cdn.example"], "style-src": "'none'"}
SECURE = "https://shop.example"


def make_app(**options):
    app = Flask(__name__)
    app.secret_key = "a key for tests only"
    talisman = Talisman()
    talisman.init_app(app, **options)

    @app.get("/")
    def home():
        session["visits"] = session.get("visits", 0) + 1
        return render_template_string(PAGE)

    @app.get("/health")
    @talisman(force_https=False)
    def health():
        return "well"

    @app.get("/widget")
    @talisman(
        frame_options=ALLOW_FROM,
        frame_options_allow_from="https://partner.example",
        content_security_policy="default-src 'none'; script-src https://partner.example",
        content_security_policy_nonce_in=["script-src"],
    )
    def widget():
        return render_template_string(PAGE)

    return app


@pytest.mark.parametrize(("permanent", "status"), [(False, 302), (True, 301)])
def test_redirect(permanent, status):
    """A request by HTTP is sent on to HTTPS, with its path and query, also where there is no page."""
    client = make_app(force_https_permanent=permanent).test_client()
    for path in ("/?colour=red&size=9", "/missing"):
        response = client.get(path, base_url="http://shop.example")
        assert (response.status_code, response.location) == (status, f"{SECURE}{path}")


def test_no_redirect():
    """Not redirected are HTTPS, what a proxy got by HTTPS, views that say so, and applications that are debugged."""
    app = make_app()
    client = app.test_client()
    assert client.get("/", base_url=SECURE).status_code == 200
    assert client.get("/", headers={"X-Forwarded-Proto": "https"}).status_code == 200
    assert client.get("/health").text == "well"
    app.debug = True
    assert client.get("/").status_code == 200


def test_default_headers():
    """Every answer by HTTPS has the headers, errors included."""
    client = make_app().test_client()
    for path in ("/", "/missing"):
        headers = client.get(path, base_url=SECURE).headers
        assert headers["Strict-Transport-Security"] == "max-age=31556926; includeSubDomains"
        assert headers["Content-Security-Policy"] == "default-src 'self'; object-src 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["Permissions-Policy"] == "browsing-topics=()"
    assert "Strict-Transport-Security" not in client.get("/health").headers


def test_options():
    """Each header can be changed or left out."""
    app = make_app(
        strict_transport_security_max_age=60,
        strict_transport_security_include_subdomains=False,
        strict_transport_security_preload=True,
        frame_options=DENY,
        referrer_policy="no-referrer",
        permissions_policy={"geolocation": "()", "camera": "(self)"},
        content_security_policy=None,
        x_content_type_options=False,
        x_xss_protection=True,
    )
    headers = app.test_client().get("/", base_url=SECURE).headers
    assert headers["Strict-Transport-Security"] == "max-age=60; preload"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Permissions-Policy"] == "geolocation=(), camera=(self)"
    assert headers["X-XSS-Protection"] == "1; mode=block"
    assert "Content-Security-Policy" not in headers
    assert "X-Content-Type-Options" not in headers


def test_nonce():
    """The template gets the nonce of the header, a new one for each request."""
    app = make_app(content_security_policy=POLICY, content_security_policy_nonce_in=["script-src"])
    client = app.test_client()
    nonces = set()
    for _ in range(3):
        response = client.get("/", base_url=SECURE)
        nonce = re.search("nonce='([^']+)'", response.text)[1]
        assert response.headers["Content-Security-Policy"] == (
            f"default-src 'self'; script-src 'self' https://cdn.example 'nonce-{nonce}'; style-src 'none'"
        )
        nonces.add(nonce)
    assert len(nonces) == 3
    assert min(map(len, nonces)) >= 32


def test_view_options():
    """The decorator gives one view options of its own; others keep theirs."""
    client = make_app().test_client()
    response = client.get("/widget", base_url=SECURE)
    nonce = re.search("nonce='([^']+)'", response.text)[1]
    assert response.headers["X-Frame-Options"] == "ALLOW-FROM https://partner.example"
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src https://partner.example 'nonce-{nonce}'"
    )
    assert "nonce=''" in client.get("/", base_url=SECURE).text


def test_report_only():
    """A policy can be tried out; what breaks it is reported."""
    options = {"content_security_policy_report_only": True, "content_security_policy_report_uri": "/report"}
    headers = make_app(**options).test_client().get("/", base_url=SECURE).headers
    assert headers["Content-Security-Policy-Report-Only"].endswith("; report-uri /report")
    assert "Content-Security-Policy" not in headers
    with pytest.raises(ValueError, match="report_uri"):
        make_app(content_security_policy_report_only=True)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}),
        ({"session_cookie_samesite": "Strict"}, {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}),
        ({"session_cookie_secure": False}, {"HttpOnly", "SameSite=Lax", "Path=/"}),
    ],
)
def test_session_cookie(options, flags):
    """The cookie of the session has the flags, which the first request sets, and is read again."""
    app = make_app(**options)
    client = app.test_client()
    cookie = client.get("/", base_url="https://localhost").headers["Set-Cookie"]
    assert set(cookie.split("; ")[1:]) == flags
    client.get("/", base_url="https://localhost")
    with client.session_transaction(base_url="https://localhost") as kept:
        assert kept["visits"] == 2
